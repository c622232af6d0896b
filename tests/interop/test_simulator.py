"""The simulator's good responses are accepted by other implementations, with every claim as sent."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulator import Application, Idp, KeyRing, TestUser, default_tenant
from tests.interop import peers
from tests.interop.peers import Opinion, Parties, Refused

pytestmark = pytest.mark.interop

SP = "https://imagekit.io/saml/consume"
ZOE = TestUser(
    username="zoe", email="zoe@acme-media.test", full_name="Zoë Ünïcode 李", role="developer", imagekit_id="ik_7x2k"
)


@pytest.fixture(scope="module")
def idp() -> Idp:
    tenant = default_tenant().with_user(ZOE)
    return Idp(tenant, KeyRing.in_memory(), lambda: datetime.now(UTC))


@pytest.fixture(scope="module")
def parties(idp: Idp) -> Parties:
    return Parties(idp.tenant.entity_id, SP, SP, idp.keys.pair().pem.decode())


def response(idp: Idp, signed: str) -> bytes:
    application = Application(id="sp", name="SP", entity_id=SP, acs_url=SP, sign=signed)  # type: ignore[arg-type]
    return idp.issue(ZOE, application).xml


def ask(peer: str, p: Parties, xml: bytes, signed: str, folder: Path, metadata: str) -> Opinion:
    if why := peers.missing(peer):
        pytest.skip(why)
    if peer == "python3-saml":
        return peers.python3_saml(p, xml, signed=signed)
    if peer == "pysaml2":
        return peers.pysaml2(p, xml, folder, metadata)
    if peer == "minisaml":
        return peers.minisaml(p, xml)
    return peers.node_saml(p, xml, signed=signed)


@pytest.mark.parametrize("peer", ["python3-saml", "pysaml2", "minisaml", "node-saml"])
@pytest.mark.parametrize("signed", ["assertion", "response", "both"])
def test_accepted_with_every_claim(peer: str, signed: str, idp: Idp, parties: Parties, tmp_path: Path) -> None:
    xml = response(idp, signed)
    if (peer, signed) == ("minisaml", "both"):
        # A known refusal: it looks for exactly one ds:Signature in the whole document.
        with pytest.raises(Refused, match="MultipleElementsFound"):
            ask(peer, parties, xml, signed, tmp_path, "")
        return
    opinion = ask(peer, parties, xml, signed, tmp_path, idp.metadata().decode())
    assert opinion.name_id == ZOE.email
    assert opinion.claims["full_name"] == [ZOE.full_name]
    assert opinion.claims["imagekit_id"] == ["ik_7x2k"]
    assert opinion.claims["imagekit_role"] == ["developer"]


@pytest.mark.parametrize("peer", ["python3-saml", "pysaml2", "minisaml", "node-saml"])
def test_a_tampered_one_is_refused_there_too(peer: str, idp: Idp, parties: Parties, tmp_path: Path) -> None:
    xml = response(idp, "assertion").replace(b"zoe@acme-media.test", b"eva@acme-media.test")
    with pytest.raises(Refused):
        ask(peer, parties, xml, "assertion", tmp_path, idp.metadata().decode())
