"""Fresh responses of other implementations are accepted here, and ours there, with every claim as sent."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.saml import Expectation, inspect
from app.saml.expectation import AccountFacts, TrustedKey
from app.saml.metadata import load_certificates
from tests.interop import peers
from tests.interop.peers import Parties

pytestmark = pytest.mark.interop

SP = "https://imagekit.io/saml/consume"
CLAIMS = {"imagekit_id": "ik_7x2k", "full_name": "Zoë Ünïcode Иванова", "imagekit_role": "developer"}
SIGNED = ("assertion", "response", "both")


@pytest.fixture(scope="module")
def parties() -> Parties:
    certificate, key = peers.make_key(datetime.now(UTC))
    return Parties("https://idp.peer.test/", SP, SP, certificate, key)


def expectation(p: Parties) -> Expectation:
    keys = tuple(TrustedKey(c) for c in load_certificates(p.certificate.encode()))
    return Expectation(
        idp_entity_id=p.idp,
        trusted_keys=keys,
        sp_entity_id=p.sp,
        acs_url=p.acs,
        relay_states=("https://imagekit.io/",),
        account=AccountFacts("ik_7x2k", "enterprise"),
        judges_correlation=False,
    )


def skip_without(peer: str) -> None:
    if why := peers.missing(peer):
        pytest.skip(why)


@pytest.mark.parametrize("signed", SIGNED)
@pytest.mark.parametrize("peer", ["samlp", "pysaml2"])
def test_their_response_is_accepted_here(peer: str, signed: str, parties: Parties, tmp_path: Path) -> None:
    skip_without(peer)
    if peer == "samlp":
        xml = peers.issue_samlp(parties, "ada@acme.test", CLAIMS, signed=signed)
    else:
        xml = peers.issue_pysaml2(parties, "ada@acme.test", CLAIMS, tmp_path, signed=signed)
    # samlp and pysaml2 write whole seconds of their own clock; a second later nothing of it lies in the future.
    report = inspect(base64.b64encode(xml), expectation(parties), now=datetime.now(UTC) + timedelta(seconds=1))
    assert report.verdict == "accept", [(c.id, c.message) for c in report.blocking]
    login = report.accept()
    assert login.name_id == "ada@acme.test"
    assert {k: v[0] for k, v in login.claims.items()} == CLAIMS


@pytest.mark.parametrize("peer", ["samlp", "pysaml2"])
def test_their_response_with_one_letter_changed_is_refused_here(peer: str, parties: Parties, tmp_path: Path) -> None:
    skip_without(peer)
    if peer == "samlp":
        xml = peers.issue_samlp(parties, "ada@acme.test", CLAIMS, signed="assertion")
    else:
        xml = peers.issue_pysaml2(parties, "ada@acme.test", CLAIMS, tmp_path, signed="assertion")
    forged = xml.replace(b"ada@acme.test", b"eva@acme.test")
    report = inspect(base64.b64encode(forged), expectation(parties), now=datetime.now(UTC) + timedelta(seconds=1))
    assert report.verdict == "reject"
    assert "signature-digest" in [c.id for c in report.failures]
