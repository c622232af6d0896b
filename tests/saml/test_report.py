from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from app.saml import Expectation, LoginRejected, Policy, PriorUse, TrustedKey, inspect, issue_instant_of
from app.saml.checks import GROUPS, registered
from app.saml.expectation import AccountFacts
from app.saml.names import SAML, SAMLP, STATUS, q
from app.saml.report import ProvisioningSummary
from tests.saml.signing_samples import (
    ACS,
    IDP,
    NOW,
    SP,
    build,
    forged,
    rsa_signer,
    sign,
    stripped,
    the,
    xml,
)

Edit = Callable[[etree._Element], object]


@pytest.fixture(scope="session")
def expectation() -> Expectation:
    return Expectation(
        idp_entity_id=IDP,
        trusted_keys=(TrustedKey(rsa_signer().certificate),),
        sp_entity_id=SP,
        acs_url=ACS,
        account=AccountFacts("ik_7x2k", "paid"),
    )


def message(edit: Edit | None = None, *, part: str = "assertion", after: Edit | None = None) -> bytes:
    """A message as an IdP sends it: edited, signed, and edited once more by somebody on the way."""
    root = build()
    if edit:
        edit(root)
    if part in ("assertion", "both"):
        sign(the(root, "saml:Assertion"))
    if part in ("response", "both"):
        sign(root)
    if after:
        after(root)
    return xml(root)


def attribute(root: etree._Element, name: str) -> etree._Element:
    return next(a for a in root.iter(q(SAML, "Attribute")) if a.get("Name") == name)


def setter(path: tuple[str, ...], name: str, value: str) -> Edit:
    return lambda root: the(root, *path).set(name, value)


def role(value: str) -> Edit:
    def edit(root: etree._Element) -> None:
        attribute(root, "imagekit_role")[0].text = value

    return edit


def refusal(*codes: str) -> bytes:
    root = build()
    root.remove(the(root, "saml:Assertion"))
    parent = the(root, "samlp:Status")
    parent.clear()
    for code in codes:
        parent = etree.SubElement(parent, q(SAMLP, "StatusCode"), Value=STATUS + code)
    return xml(root)


# Verdicts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["assertion", "response", "both"])
@pytest.mark.parametrize("encode", [lambda d: d, lambda d: base64.b64encode(d).decode(), lambda d: d.decode()])
def test_a_good_message_is_accepted(
    expectation: Expectation, part: str, encode: Callable[[bytes], str | bytes]
) -> None:
    report = inspect(encode(message(part=part)), expectation, now=NOW)
    assert report.failures == ()
    assert report.verdict == "accept"
    assert report.diagnosis == ()
    login = report.accept()
    assert login.name_id == "ada@corp.test"
    assert login.issuer == IDP
    assert login.assertion_id == "_a1"
    assert login.response_id == "_r1"
    assert login.session_index == "_s1"
    assert login.in_response_to is None
    assert login.not_on_or_after == datetime(2026, 11, 23, 20, 5, tzinfo=UTC)
    assert login.claims == {"imagekit_id": ("ik_7x2k",), "full_name": ("Ada Ng",), "imagekit_role": ("developer",)}
    assert login.certificate == report.signatures[0].key
    covered = "signed-by-response" if part == "response" else "signed-by-assertion"
    assert report.name_id_provenance == covered
    assert "ada@corp.test" in report.headline


def test_an_unsigned_message_is_shown_as_claimed_and_refused(expectation: Expectation) -> None:
    report = inspect(xml(build()), expectation, now=NOW)
    assert report.verdict == "reject"
    assert (report.name_id, report.name_id_provenance) == ("ada@corp.test", "unsigned")
    assert all(a.provenance == "unsigned" for a in report.attributes)
    with pytest.raises(LoginRejected) as rejection:
        report.accept()
    assert "signature-present" in rejection.value.checks


def test_a_changed_message_is_refused(expectation: Expectation) -> None:
    report = inspect(message(after=forged), expectation, now=NOW)
    assert report.verdict == "reject"
    assert report.name_id_provenance == "unsigned"
    assert report.login is None
    assert [d.id for d in report.diagnosis] == ["changed-after-signing"]


def test_nothing_configured_is_never_called_valid() -> None:
    report = inspect(message(), Expectation(), now=NOW)
    assert report.verdict == "unknown"
    assert "no identity provider is configured" in report.headline
    with pytest.raises(LoginRejected):
        report.accept()


def test_without_an_own_entity_id_nothing_is_accepted(expectation: Expectation) -> None:
    report = inspect(message(), replace(expectation, sp_entity_id=None), now=NOW)
    assert report.verdict == "unknown"
    assert report.check("audience-match").status == "skipped"
    with pytest.raises(LoginRejected):
        report.accept()
    worse = inspect(message(after=forged), replace(expectation, sp_entity_id=None), now=NOW)
    assert worse.verdict == "reject"


@pytest.mark.parametrize("codes", [("Requester",), ("Responder", "AuthnFailed"), ("VersionMismatch",)])
def test_a_refusal_is_not_called_invalid(expectation: Expectation, codes: tuple[str, ...]) -> None:
    for configured in (expectation, Expectation()):
        report = inspect(refusal(*codes), configured, now=NOW)
        assert report.verdict == "refused-by-idp"
        assert report.headline.startswith("The identity provider refused")
        assert report.login is None


def test_a_refusal_with_an_assertion_is_invalid(expectation: Expectation) -> None:
    def fail(root: etree._Element) -> None:
        the(root, "samlp:Status", "samlp:StatusCode").set("Value", STATUS + "Responder")

    report = inspect(message(fail), expectation, now=NOW)
    assert report.verdict == "reject"
    assert report.check("status-error-no-assertion").status == "fail"


def test_a_status_that_only_looks_like_one_is_invalid(expectation: Expectation) -> None:
    assert inspect(refusal("AuthnFailed"), expectation, now=NOW).verdict == "reject"


def test_role_and_name_leave_the_verdict_to_provisioning(expectation: Expectation) -> None:
    report = inspect(message(role("Developer")), expectation, now=NOW)
    assert report.verdict == "not-provisioned"
    assert "letter case" in report.headline
    assert [p.id for p in report.accept().problems] == ["claim-role-known"]

    known = ProvisioningSummary("unchanged", None, "The person keeps their role.", (), 3, 5)
    let_in = report.with_provisioning(known, allowed=True)
    assert let_in.verdict == "accept"
    assert let_in.check("claim-role-known").status == "warn"
    assert let_in.check("claim-role-known").severity == "warning"
    assert let_in.failures == ()

    refused = report.with_provisioning(ProvisioningSummary("rejected", "role.unknown", "No such role."), allowed=False)
    assert refused.verdict == "not-provisioned"
    assert refused.headline == "Not let in: No such role."


def test_provisioning_never_lifts_a_rejection(expectation: Expectation) -> None:
    report = inspect(message(after=forged), expectation, now=NOW)
    summary = ProvisioningSummary("unchanged", None, "")
    assert report.with_provisioning(summary, allowed=True).verdict == "reject"
    good = inspect(message(), expectation, now=NOW)
    assert good.with_provisioning(replace(summary, reason="seat.limit-reached"), allowed=False).verdict == (
        "not-provisioned"
    )


def test_the_account_is_decided_by_the_message(expectation: Expectation) -> None:
    def other(root: etree._Element) -> None:
        attribute(root, "imagekit_id")[0].text = "ik_other"

    report = inspect(message(other), expectation, now=NOW)
    assert report.verdict == "reject"
    plain = inspect(message(other), replace(expectation, profile="saml"), now=NOW)
    assert plain.verdict == "accept"
    with pytest.raises(KeyError):
        plain.check("claim-imagekit-id")


def test_the_policy_diagnose_keeps_blockers_and_softens_the_rest(expectation: Expectation) -> None:
    diagnose = replace(expectation, policy=Policy(name="diagnose"))
    late = NOW + timedelta(hours=2)
    strict = inspect(message(), expectation, now=late)
    soft = inspect(message(), diagnose, now=late)
    assert strict.check("time-issueinstant-past").status == "fail"
    assert soft.check("time-issueinstant-past").status == "warn"
    assert soft.verdict == "reject"


def test_a_replayed_assertion(expectation: Expectation) -> None:
    used = replace(
        expectation,
        find_use=lambda issuer, i: PriorUse(NOW, "calm-otter-lamp-42") if (issuer, i) == (IDP, "_a1") else None,
    )
    report = inspect(message(), used, now=NOW)
    assert report.verdict == "reject"
    assert [d.id for d in report.diagnosis] == ["replayed"]


def test_a_bare_assertion_is_judged_and_refused(expectation: Expectation) -> None:
    root = build()
    assertion = the(root, "saml:Assertion")
    alone = etree.fromstring(etree.tostring(assertion))
    sign(alone)
    report = inspect(etree.tostring(alone), expectation, now=NOW)
    assert report.kind == "Assertion"
    assert report.verdict == "reject"
    assert {c.id for c in report.blocking} == {"structure-response-root"}
    assert (report.name_id, report.name_id_provenance) == ("ada@corp.test", "signed-by-assertion")
    assert report.check("audience-match").status == "pass"


@pytest.mark.parametrize(
    ("source", "kind", "word"),
    [
        (f'<samlp:AuthnRequest xmlns:samlp="{SAMLP}" ID="_q" Version="2.0"/>', "AuthnRequest", "AuthnRequest"),
        (
            '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://i.example"/>',
            "EntityDescriptor",
            "metadata",
        ),
        ("<html><body>Sign in</body></html>", "other", "HTML"),
        ("", "other", "nothing"),
        ("hello", "other", "not XML"),
    ],
)
def test_other_things_are_named(expectation: Expectation, source: str, kind: str, word: str) -> None:
    for configured in (expectation, Expectation()):
        report = inspect(source, configured, now=NOW)
        assert report.kind == kind
        assert report.verdict in ("reject", "unknown")
        assert word in report.headline
        json.dumps(report.as_dict())


def test_an_extra_assertion_is_never_read(expectation: Expectation) -> None:
    def wrap(root: etree._Element) -> None:
        evil = forged(stripped(the(root, "saml:Assertion")))
        evil.set("ID", "_evil")
        root.insert(2, evil)

    report = inspect(message(after=wrap), expectation, now=NOW)
    assert report.verdict == "reject"
    assert report.name_id_provenance == "unsigned"
    assert report.diagnosis[0].id == "signature-wrapping"


def test_a_bad_signature_on_the_assertion_inside_a_good_response(expectation: Expectation) -> None:
    root = build()
    sign(the(root, "saml:Assertion"), rsa_signer("stranger"))
    sign(root)
    report = inspect(xml(root), expectation, now=NOW)
    assert report.verdict == "reject"
    assert report.name_id_provenance == "unsigned"


# Time, source, form ---------------------------------------------------------------------------------------------------


def test_now_is_a_parameter_and_the_message_knows_its_own(expectation: Expectation) -> None:
    later = inspect(message(), expectation, now=NOW + timedelta(days=30))
    assert later.verdict == "reject"
    issued = issue_instant_of(later)
    assert issued == datetime(2026, 11, 23, 19, 59, 30, tzinfo=UTC)
    assert inspect(message(), expectation, now=issued).verdict == "accept"
    assert issue_instant_of(inspect("nothing", expectation, now=NOW)) is None


def test_a_time_without_zone_counts_as_utc(expectation: Expectation) -> None:
    report = inspect(message(), expectation, now=NOW.replace(tzinfo=None))
    assert report.verdict == "accept"


def test_the_channel_of_the_acs(expectation: Expectation) -> None:
    allowed = replace(expectation, relay_states=("https://sp.example/dashboard",))
    encoded = base64.b64encode(message()).decode()
    body = urlencode({"SAMLResponse": encoded, "RelayState": "https://sp.example/dashboard"}).encode()
    report = inspect(body, allowed, now=NOW, channel="post-form", name="acs")
    assert (report.verdict, report.source, report.binding) == ("accept", "acs", "HTTP-POST")
    assert report.relay_state == "https://sp.example/dashboard"
    given_twice = body + b"&SAMLResponse=x"
    assert inspect(given_twice, allowed, now=NOW, channel="post-form").verdict == "reject"


def test_an_off_site_relay_state_is_refused(expectation: Expectation) -> None:
    allowed = replace(expectation, relay_states=("https://imagekit.io/",))
    report = inspect(message(), allowed, now=NOW, relay_state="https://imagekit.io.evil.test/")
    assert report.verdict == "reject"
    assert [d.id for d in report.diagnosis] == ["relaystate-refused"]


def test_the_json_object_is_that_of_the_contract(expectation: Expectation) -> None:
    summary = ProvisioningSummary("would_create", None, "A new user.", (("role", None, "developer", True),), 3, 5)
    report = inspect(message(), expectation, now=NOW, name="mail.txt").with_provisioning(summary, allowed=True)
    made: dict[str, Any] = json.loads(json.dumps(report.as_dict()))
    assert made["schema"] == "sso-workbench/report/1"
    assert made["source"] == "mail.txt"
    assert {k: made["message"][k] for k in ("kind", "id", "issuer", "in_response_to")} == {
        "kind": "Response",
        "id": "_r1",
        "issuer": IDP,
        "in_response_to": None,
    }
    assert set(made["message"]) >= {"binding", "layers", "repairs", "bytes", "sha256"}
    assert made["message"]["bytes"] == len(report.xml)
    assert made["verdict"] == "accept"
    assert made["evaluated_at"] == "2026-11-23T20:00:00Z"
    assert made["clock_skew_s"] == 180
    assert made["policy"] == "strict"
    assert made["subject"]["name_id"] == "ada@corp.test"
    assert made["subject"]["provenance"] == "signed-by-assertion"
    assert made["attributes"][2]["name"] == "imagekit_role"
    assert made["attributes"][2]["values"] == ["developer"]
    signature = made["signatures"][0]
    assert (signature["covers"], signature["id"], signature["algorithm"], signature["digest"]) == (
        "Assertion",
        "_a1",
        "rsa-sha256",
        "sha256",
    )
    assert (signature["trusted"], signature["status"]) == (True, "valid")
    assert len(signature["key"]) == 64
    assert made["diagnosis"] == []
    assert made["provisioning"] == {
        "outcome": "would_create",
        "reason": None,
        "message": "A new user.",
        "changes": [{"field": "role", "old": None, "new": "developer", "applied": True}],
        "seats": {"used": 3, "limit": 5},
    }
    audience = next(c for c in made["checks"] if c["id"] == "audience-match")
    assert (audience["status"], audience["severity"], audience["expected"]) == ("pass", "error", SP)
    assert "Audience" in audience["where"]
    bad = inspect("", expectation, now=NOW).as_dict()
    assert (bad["subject"], bad["provisioning"], bad["signatures"]) == (None, None, [])
    assert any(c["status"] == "fail" for c in bad["checks"])


def test_every_check_is_asked_of_every_message(expectation: Expectation) -> None:
    for source in (message(), b"", refusal("Responder")):
        asked = [c.id for c in inspect(source, expectation, now=NOW).checks]
        assert asked == list(registered())


def test_groups_come_in_the_order_of_the_catalogue(expectation: Expectation) -> None:
    groups = list(dict.fromkeys(c.group for c in inspect(message(), expectation, now=NOW).checks))
    assert groups == [m.__name__.rpartition(".")[2] for m in GROUPS]
    assert groups[:6] == ["encoding", "xml", "structure", "signature", "crypto", "certificate"]
    assert groups[-5:] == ["encryption", "request", "logout", "metadata", "relaystate"]


# Hostile input --------------------------------------------------------------------------------------------------------


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda t: t.encode("utf-8", "surrogatepass")))
@settings(max_examples=60, deadline=None)
def test_no_paste_makes_it_raise(data: bytes) -> None:
    report = inspect(data, Expectation(), now=NOW)
    assert report.verdict in ("reject", "unknown")
    assert report.headline
    json.dumps(report.as_dict())


@given(position=st.integers(0, 3000), byte=st.integers(0, 255))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_is_refused_or_changes_nobody(expectation: Expectation, position: int, byte: int) -> None:
    data = bytearray(message())
    data[position % len(data)] = byte
    report = inspect(bytes(data), expectation, now=NOW)
    if report.login is not None:
        assert report.login.name_id == "ada@corp.test"
        assert report.login.claims["imagekit_role"] == ("developer",)


@pytest.mark.expects_log
def test_an_error_in_the_program_refuses_visibly(expectation: Expectation) -> None:
    def fails(_: str) -> None:
        raise RuntimeError("the database is gone")

    broken = replace(expectation, find_request=fails)
    report = inspect(message(lambda r: r.set("InResponseTo", "_q1")), broken, now=NOW)
    assert report.verdict == "reject"
    crashed = report.check("irt-response")
    assert (crashed.status, crashed.severity, crashed.decides) == ("fail", "error", "message")
    assert "RuntimeError" in crashed.message


@pytest.mark.expects_log
def test_an_error_outside_of_the_checks_refuses_visibly(expectation: Expectation) -> None:
    report = inspect(None, expectation, now=NOW)  # type: ignore[arg-type]  # a caller's mistake must not raise either
    assert report.verdict == "reject"
    assert report.blocking
    with pytest.raises(LoginRejected):
        report.accept()
    json.dumps(report.as_dict())


def test_it_is_quick(expectation: Expectation) -> None:
    source = base64.b64encode(message())
    inspect(source, expectation, now=NOW)
    best = 1.0
    for _ in range(20):
        begin = time.process_time()
        inspect(source, expectation, now=NOW)
        best = min(best, time.process_time() - begin)
    assert best < 0.015  # about 3 ms on the machine it was written on; the rest is for a busy one
