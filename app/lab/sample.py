"""The inspector's sample: a response made on the spot by the simulator, with a key that is forgotten at once."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from simulator import Idp, KeyRing, default_tenant

#: What somebody typed into the identity provider where media_library_full_access was meant.
MISSPELT = "media_library_full_acess"


@dataclass(frozen=True, slots=True)
class Sample:
    """`message` is the SAMLResponse value as a browser posts it; `metadata` is that of the IdP which signed it."""

    message: str = field(repr=False)
    metadata: bytes = field(repr=False)


def make_sample(clock: Callable[[], datetime], *, imagekit_id: str, entity_id: str, acs_url: str) -> Sample:
    """A login of Margaret at this account: everything is right but the spelling of her role."""
    tenant = default_tenant(imagekit_id=imagekit_id, entity_id=entity_id, acs_url=acs_url)
    people = tuple(replace(u, role=MISSPELT) if u.username == "margaret" else u for u in tenant.users)
    idp = Idp(replace(tenant, users=people), KeyRing.in_memory(clock), clock, base_url="https://idp.acme-media.test")
    issued = idp.issue("margaret", tenant.applications[0])
    return Sample(base64.b64encode(issued.xml).decode(), idp.metadata())
