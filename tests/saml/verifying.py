"""Messages with signatures, their verification, and what to ask of it, for the tests of signatures."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

from lxml import etree

from app.saml.expectation import Expectation, TrustedKey
from app.saml.names import (
    SAML,
    q,
)
from app.saml.signature import Verification, verify_signatures
from app.saml.xml import parse
from app.saml.xmldsig import RootKind
from tests.saml.signing_samples import (
    NOW,
    Signer,
    build,
    rsa_signer,
    sign,
    the,
    xml,
)

IDP_KEY = rsa_signer()


def expecting(*signers: Signer, **changes: Any) -> Expectation:
    keys = tuple(TrustedKey(s.certificate) for s in signers or (IDP_KEY,))
    return Expectation(**{"trusted_keys": keys} | changes)


def verify(
    message: etree._Element | bytes, expectation: Expectation | None = None, root_kind: RootKind = "response"
) -> Verification:
    data = message if isinstance(message, bytes) else xml(message)
    document = parse(data).document
    assert document is not None
    before = etree.tostring(document.root)
    result = verify_signatures(document, expectation or expecting(), NOW, root_kind=root_kind)
    assert etree.tostring(document.root) == before, "the document was changed by verifying it"
    return result


def ids(v: Verification) -> set[str]:
    return {p.check for p in v.problems}


def name_of(v: Verification) -> str | None:
    return v.signed_assertion.findtext(f".//{q(SAML, 'NameID')}") if v.signed_assertion is not None else None


def assertion_signed(**knobs: Any) -> etree._Element:
    r = build()
    sign(the(r, "saml:Assertion"), **knobs)
    return r


def response_signed(**knobs: Any) -> etree._Element:
    r = build()
    sign(r, **knobs)
    return r


def accepted(v: Verification, name: str = "ada@corp.test") -> bool:
    return not v.problems and all(f.status == "valid" for f in v.findings) and name_of(v) == name


def fastest(work: Callable[[], object], times: int = 5) -> float:
    """The shortest of several runs, in seconds of CPU: the machine is shared."""
    gc.collect()
    best = 9.0
    for _ in range(times):
        begin = time.thread_time()
        work()
        best = min(best, time.thread_time() - begin)
    return best
