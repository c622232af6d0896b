"""Every fault: it builds, it differs from the good message, and it says what it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from lxml import etree

from simulator import (
    FAMILIES,
    METADATA_VARIANTS,
    Fault,
    Idp,
    Issued,
    Setup,
    UnknownFault,
    all_faults,
    find_fault,
    matching,
    wrapping_variants,
)
from simulator.asking import ask
from simulator.metadata import Reply
from simulator.names import DS, SAML, q
from simulator.requests import RULES, AuthnRequest
from tests.simulator.conftest import NOW

FAULTS = all_faults()
VICTIM = "victim@acme-media.test"
#: Messages that are good by themselves; the metadata or the policy of the trial is what makes the difference.
SAME_OCTETS = {
    "crypto-rollover-both",
    "sig-assertion-only-when-response-required",
}
MESSAGES = tuple(f for f in FAULTS if f.acts_on == "message")


def issue(idp: Idp, fault: Fault, asked: AuthnRequest) -> Issued:
    request = asked if fault.setup.flow == "sp_initiated" else None
    return idp.issue("grace", "imagekit", request=request, faults=[fault.id], victim=VICTIM)


class Ids:
    """Counts where ids would be random, so that two good messages are the same octets (RSA signs alike each time)."""

    def __init__(self) -> None:
        self._n = 0

    def token_hex(self, size: int) -> str:
        self._n += 1
        return f"{self._n:0{size * 2}x}"


def test_ids_are_unique_and_every_family_is_there() -> None:
    assert len({f.id for f in FAULTS}) == len(FAULTS)
    assert {f.family for f in FAULTS} == set(FAMILIES)
    assert len(FAULTS) >= 850


def describe(fault: Fault, issued: Issued) -> None:
    assert issued.faults == (fault.id,)
    assert issued.expected.verdict == fault.expects
    assert set(issued.expected.checks) == set(fault.checks)
    assert len(fault.summary) > 10
    assert fault.summary.endswith(".")
    assert fault.setup.metadata in METADATA_VARIANTS
    assert re.fullmatch(r"[a-zA-Z0-9-]+", fault.id)
    if fault.expects != "accept":
        assert fault.breaks, "a refusal must name its check"


@pytest.mark.parametrize("family", sorted({f.family for f in MESSAGES}))
def test_every_fault_builds_says_what_it_is_and_differs(
    family: str, idp: Idp, asked: AuthnRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def issued_with(*faults: str) -> Issued:
        monkeypatch.setattr("simulator.message.secrets", Ids())
        return idp.issue("grace", "imagekit", request=request, faults=faults, victim=VICTIM)

    parent = idp.tenant
    for fault in matching([family]):
        request = asked if fault.setup.flow == "sp_initiated" else None
        application = parent.applications[0]
        if fault.setup.child_account:
            application = replace(application, entity_id=application.entity_id + "#ik_child")
        idp.tenant = parent.with_application(application)
        issued, good = issued_with(fault.id), issued_with()
        describe(fault, issued)
        if fault.id in SAME_OCTETS:
            continue
        if fault.alters:
            told = (issued.xml, issued.body, issued.second_body, issued.url, issued.delivery)
            assert told != (good.xml, good.body, good.second_body, good.url, good.delivery), fault.id
        else:
            assert fault.setup != Setup() or fault.family == "controls", fault.id
            assert issued.xml == good.xml, fault.id


@pytest.mark.parametrize("vendor", ["entra", "okta", "keycloak"])
def test_every_fault_builds_in_every_vendors_words(
    vendor: str, idp_of: Callable[[str], Idp], asked: AuthnRequest
) -> None:
    idp = idp_of(vendor)
    heavy = {"malformed", "controls"}
    for fault in MESSAGES:
        if fault.family not in heavy:
            assert issue(idp, fault, asked).body or fault.family == "transport"


@pytest.mark.parametrize("fault", matching(["wrapping"]), ids=lambda f: f.id)
def test_wrapping_keeps_the_genuine_part_and_adds_the_victim(fault: Fault, idp: Idp, asked: AuthnRequest) -> None:
    xml = issue(idp, fault, asked).xml
    if "encrypted" in fault.id:
        assert b"EncryptedAssertion" in xml
        return
    if fault.id == "xsw-logout-response":
        return  # it only carries the genuine assertion where none belongs
    assert VICTIM.encode() in xml
    if fault.id not in ("xsw-statusdetail", "xsw-metadata-signature", "xsw-other-type"):
        assert b"grace@acme-media.test" in xml


def test_xsw_shapes(idp: Idp, asked: AuthnRequest) -> None:
    def tree(fault: str) -> etree._Element:
        return etree.fromstring(issue(idp, find_fault(fault), asked).xml)

    xsw3 = tree("xsw3").findall(q(SAML, "Assertion"))
    assert [a.findtext(f".//{q(SAML, 'NameID')}") for a in xsw3] == [VICTIM, "grace@acme-media.test"]
    assert [a.find(q(DS, "Signature")) is not None for a in xsw3] == [False, True]
    xsw4 = tree("xsw4").find(q(SAML, "Assertion"))
    assert xsw4 is not None
    assert xsw4[-1].tag == q(SAML, "Assertion")
    xsw6 = tree("xsw6").find(f"{q(SAML, 'Assertion')}/{q(DS, 'Signature')}/{q(SAML, 'Assertion')}")
    assert xsw6 is not None
    xsw8 = tree("xsw8-eid").find(f".//{q(DS, 'Object')}/{q(SAML, 'Assertion')}")
    assert xsw8 is not None
    xsw5 = tree("xsw5")
    first, second = xsw5.findall(q(SAML, "Assertion"))
    reference = first.find(f".//{q(DS, 'Reference')}")
    assert reference is not None
    assert reference.get("URI") == f"#{second.get('ID')}"
    assert len({a.get("ID") for a in tree("xsw7").iter(q(SAML, "Assertion"))}) == 1


def test_faults_compose_in_stage_order(idp: Idp) -> None:
    ids = ["tr-relaystate-html", "sig-tampered-content", "id-role-unknown"]
    issued = idp.issue("grace", "imagekit", faults=ids, victim=VICTIM)
    assert issued.faults == ("id-role-unknown", "sig-tampered-content", "tr-relaystate-html")
    assert VICTIM.encode() in issued.xml
    assert dict(issued.form)["RelayState"].startswith('"><script>')
    assert issued.expected.verdict == "reject"
    assert "claim-role-known" not in issued.expected.checks


def test_faults_combined_are_one_fault_with_every_circumstance(idp: Idp) -> None:
    both = find_fault("crypto-rollover-old-key+id-role-unknown+tr-double-post")
    assert [p.id for p in both.parts] == ["crypto-rollover-old-key", "id-role-unknown", "tr-double-post"]
    assert (both.id, both.setup.posts) == ("crypto-rollover-old-key+id-role-unknown+tr-double-post", 2)
    assert both.expects == "reject"
    assert "claim-role-known" not in both.checks
    assert set(both.checks) == set(find_fault("crypto-rollover-old-key").checks + find_fault("tr-double-post").checks)
    assert matching(["xsw1", both.id]) == (find_fault("xsw1"), both)
    issued = idp.issue("grace", "imagekit", faults=[both.id])
    assert issued.faults == tuple(p.id for p in both.parts)
    assert issued.expected.verdict == both.expects
    assert find_fault("xsw1+xsw1") == find_fault("xsw1")


@pytest.mark.parametrize(
    ("together", "why"),
    [
        ("md-no-key+xsw1", "different documents"),
        ("req-none+md-no-key", "different documents"),
        ("ok-solicited+route-irt-stale+route-irt-replayed", r"different circumstances \(request\)"),
        ("sig-none+enc-unsigned+xsw1", "one needs a signature"),
        ("xsw1+xsw-none", "Did you mean"),
        ("+".join(f.id for f in matching(["timing"])), "At most 16"),
    ],
)
def test_what_contradicts_itself_is_not_combined(together: str, why: str) -> None:
    with pytest.raises(UnknownFault, match=why):
        find_fault(together)


@pytest.mark.parametrize("fault", matching(["metadata"]), ids=lambda f: f.id)
def test_metadata_faults_change_the_document_or_how_it_is_served(fault: Fault, idp: Idp) -> None:
    bad, reply = idp.serve_metadata([fault.id])
    assert bad == idp.metadata(faults=[fault.id])
    assert (bad != idp.metadata() or reply != Reply()) == fault.alters
    assert bool(fault.breaks) or fault.expects == "accept"
    assert idp.issue("grace", "imagekit", faults=[fault.id]).faults == ()


@pytest.mark.parametrize("fault", matching(["request"]), ids=lambda f: f.id)
def test_request_faults_change_the_request(fault: Fault, idp: Idp, monkeypatch: pytest.MonkeyPatch) -> None:
    application, signed = idp.tenant.applications[0], fault.setup.signed_requests

    def asked(*faults: str) -> tuple[str, bytes]:
        monkeypatch.setattr("simulator.message.secrets", Ids())
        made = ask(application, idp.keys, NOW, "https://localhost/sso", faults=faults, signed=signed)
        return made.query, made.body

    controls = ("req-signed", "req-unsigned-when-required")
    assert (asked(fault.id) != asked()) or fault.id in controls
    assert set(fault.checks) <= set(RULES)
    with pytest.raises(UnknownFault, match="cannot be switched on"):
        idp.issue("grace", "imagekit", faults=[fault.id])
    with pytest.raises(UnknownFault, match="not of a request"):
        asked("xsw1")


def test_the_grid_is_complete() -> None:
    """Every kind is there, and every cell edits what its name says."""
    rows = matching(["grid"])
    kinds = {f.id.rpartition("-")[2] for f in rows}
    assert kinds == {"missing", "empty", "malformed", "mismatched", "doubled"}
    assert len({f.id.rpartition("-")[0] for f in rows}) >= 55


def test_looking_faults_up() -> None:
    assert find_fault("xsw1").family == "wrapping"
    assert {f.family for f in matching(["xsw*", "timing"])} == {"wrapping", "timing"}
    with pytest.raises(UnknownFault, match="Did you mean xsw1"):
        find_fault("xws1")
    with pytest.raises(UnknownFault):
        matching(["nothing-*"])


@pytest.mark.parametrize("signed", ["ok-assertion-signed", "ok-response-signed"])
def test_the_generator_makes_variants_that_hold_both_identities(signed: str, idp: Idp) -> None:
    good = idp.issue("grace", "imagekit", faults=[signed]).xml
    count = 0
    for name, xml in wrapping_variants(good, VICTIM):
        count += 1
        assert name
        root = etree.fromstring(xml)
        assert VICTIM.encode() in xml
        assert len(list(root.iter(q(SAML, "Assertion")))) >= 2
    assert count >= 200


def test_the_generator_makes_a_thousand(idp: Idp) -> None:
    total = sum(
        1
        for signed in ("ok-assertion-signed", "ok-response-signed")
        for _v in wrapping_variants(idp.issue("grace", "imagekit", faults=[signed]).xml, VICTIM)
    )
    assert total >= 1000


def test_boundaries_are_exact(idp: Idp) -> None:
    spec = idp.issue("grace", "imagekit", faults=["time-boundary-equal"]).spec
    assert spec.not_on_or_after == (idp.now() - timedelta(seconds=180)).isoformat().replace("+00:00", "Z")


def test_relaystate_lengths(idp: Idp) -> None:
    for fault, length in (("ok-relaystate-80", 80), ("tr-relaystate-81", 81)):
        relay = idp.issue("grace", "imagekit", faults=[fault]).relay_state
        assert relay is not None
        assert len(relay.encode()) == length
