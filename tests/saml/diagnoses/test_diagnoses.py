"""Every cause from a message that has it, judged end to end: exactly this one, the consequences folded into it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from lxml import etree

from app.saml import Expectation, OpenRequest, Policy, PriorUse, TrustedKey, inspect
from app.saml.checks import CheckResult, Severity, Status
from app.saml.checks import registered as checks
from app.saml.diagnoses import diagnose, registered
from app.saml.diagnoses.registry import VENDORS, Diagnosis, row
from app.saml.expectation import AccountFacts
from app.saml.names import (
    DIGEST_SHA1,
    NAMEID_TRANSIENT,
    SAML,
    SAMLP,
    SIG_RSA_SHA1,
    STATUS,
    q,
)
from tests.saml.cases import case
from tests.saml.signing_samples import ACS, IDP, NOW, SP, build, forged, rsa_signer, sign, stripped, the, xml

Edit = Callable[[etree._Element], object]
CHILD = f"{SP}#ik_7x2k"


@pytest.fixture(scope="session")
def expectation() -> Expectation:
    return Expectation(
        idp_entity_id=IDP,
        trusted_keys=(TrustedKey(rsa_signer().certificate),),
        sp_entity_id=SP,
        acs_url=ACS,
        relay_states=("https://sp.example/",),
        account=AccountFacts("ik_7x2k", "paid"),
    )


def message(*edits: Edit, after: Edit | None = None, part: str = "saml:Assertion") -> bytes:
    root = build()
    for edit in edits:
        edit(root)
    sign(root if part == "." else the(root, part))
    if after:
        after(root)
    return xml(root)


def at(path: str, name: str, value: str | None) -> Edit:
    def edit(root: etree._Element) -> None:
        el = the(root, *path.split("/")) if path else root
        if value is None:
            del el.attrib[name]
        else:
            el.set(name, value)

    return edit


def words(path: str, value: str) -> Edit:
    def edit(root: etree._Element) -> None:
        the(root, *path.split("/")).text = value

    return edit


def claim(name: str, *values: str, rename: str | None = None) -> Edit:
    def edit(root: etree._Element) -> None:
        found = next(a for a in root.iter(q(SAML, "Attribute")) if a.get("Name") == name)
        if rename:
            found.set("Name", rename)
        if values:
            for child in list(found):
                found.remove(child)
            for value in values:
                etree.SubElement(found, q(SAML, "AttributeValue")).text = value

    return edit


def shift(**by: float) -> Edit:
    """Every instant moved, as by a clock that is wrong."""

    def edit(root: etree._Element) -> None:
        for el in root.iter():
            for name, value in el.attrib.items():
                if value.endswith("Z") and value[:4] == "2026":
                    moved = datetime.fromisoformat(str(value)) + timedelta(**by)
                    el.set(name, moved.strftime("%Y-%m-%dT%H:%M:%SZ"))

    return edit


def refusal(*codes: str) -> bytes:
    root = build()
    root.remove(the(root, "saml:Assertion"))
    parent = the(root, "samlp:Status")
    parent.clear()
    for code in codes:
        parent = etree.SubElement(parent, q(SAMLP, "StatusCode"), Value=STATUS + code)
    return xml(root)


def wrapped(root: etree._Element) -> None:
    evil = forged(stripped(the(root, "saml:Assertion")))
    evil.set("ID", "_evil")
    root.insert(2, evil)


def pretty(root: etree._Element) -> None:
    etree.indent(root)


NAMEID = "saml:Assertion/saml:Subject/saml:NameID"
DATA = "saml:Assertion/saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData"
AUDIENCE = "saml:Assertion/saml:Conditions/saml:AudienceRestriction/saml:Audience"
CONDITIONS = "saml:Assertion/saml:Conditions"
GOOD64 = base64.b64encode(message()).decode()

CASES: dict[str, tuple[Callable[[], str | bytes], str]] = {
    "base64-cut-short": (lambda: GOOD64[:1001], "end"),
    "plus-became-space": (lambda: plus_as_space(), "plus signs"),
    "encoded-twice": (lambda: base64.b64encode(GOOD64.encode()).decode(), "twice"),
    "not-a-saml-response": (lambda: b"<html><body>Sign in</body></html>", "HTML"),
    "dtd-refused": (lambda: b"<!DOCTYPE r [<!ENTITY a 'b'>]>" + message(), "document type"),
    "message-too-large": (lambda: b"<a>" * 100 + b"</a>" * 100, "64 deep"),
    "wrong-charset": (lambda: message().decode().encode("utf-16"), "UTF-16"),
    "not-well-formed": (lambda: message().replace(b"Ada Ng", b"Ada & Ng"), "ampersand"),
    "authn-context-refused": (lambda: refusal("Responder", "NoAuthnContext"), "method"),
    "nameid-policy-refused": (lambda: refusal("Requester", "InvalidNameIDPolicy"), "NameID format"),
    "user-not-allowed": (lambda: refusal("Responder", "RequestDenied"), "not assigned"),
    "passive-login-refused": (lambda: refusal("Responder", "NoPassive"), "silent"),
    "requester-refused": (lambda: refusal("Requester"), "request that the service provider sent"),
    "responder-refused": (lambda: refusal("Responder"), "identity provider itself"),
    "version-refused": (lambda: refusal("VersionMismatch"), "version"),
    "status-missing": (lambda: refusal("AuthnFailed"), "second-level"),
    "error-with-assertion": (
        lambda: message(at("samlp:Status/samlp:StatusCode", "Value", STATUS + "Responder")),
        "not used",
    ),
    "nothing-signed": (lambda: xml(build()), "signed"),
    "certificate-rollover": (lambda: signed_by("stranger"), "rollover"),
    "changed-after-signing": (lambda: message(after=forged), "changed"),
    "signature-wrapping": (lambda: message(after=wrapped), "wrapping"),
    "duplicate-id": (lambda: message(at("", "ID", "_a1")), "same ID"),
    "markup-inside-value": (
        lambda: message(after=lambda r: the(r, *NAMEID.split("/")).append(etree.Comment("x"))),
        "CVE-2017-11427",
    ),
    "clock-ahead": (lambda: message(shift(minutes=10)), "clock appears"),
    "expired": (lambda: message(shift(days=-3)), "3 days"),
    "time-unreadable": (lambda: message(at("saml:Assertion", "IssueInstant", "2026-W48-1T10:00:00Z")), "week date"),
    "validity-window": (lambda: message(at(CONDITIONS, "NotOnOrAfter", "2036-11-23T20:05:00Z")), "years"),
    "issuer-mismatch": (lambda: message(words("saml:Assertion/saml:Issuer", IDP + "/")), "trailing slash"),
    "audience-mismatch": (lambda: message(words(AUDIENCE, "spn:" + SP)), "spn:"),
    "acs-mismatch": (lambda: message(at(DATA, "Recipient", ACS + "/")), "trailing slash"),
    "confirmation-fails": (
        lambda: message(
            at(
                "saml:Assertion/saml:Subject/saml:SubjectConfirmation",
                "Method",
                "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key",
            )
        ),
        "bearer",
    ),
    "request-mismatch": (
        lambda: message(at("", "InResponseTo", "_made_up"), at(DATA, "InResponseTo", "_made_up")),
        "request",
    ),
    "nameid-not-email": (lambda: message(at(NAMEID, "Format", NAMEID_TRANSIENT), words(NAMEID, "_4711")), "transient"),
    "nameid-look-alike": (lambda: message(words(NAMEID, "аda@corp.test")), "Cyrillic"),
    "imagekit-id-mismatch": (lambda: message(claim("imagekit_id", "{{imagekit_id}}")), "placeholder"),
    "claim-missing": (
        lambda: message(claim("imagekit_role", rename="http://schemas.example/claims/imagekit_role")),
        'rename it to "imagekit_role"',
    ),
    "role-not-accepted": (lambda: message(claim("imagekit_role", "Account Administrator")), "account_administrator"),
    "role-not-in-plan": (lambda: message(claim("imagekit_role", "media_library_restricted_access")), "plan"),
    "full-name-odd": (lambda: message(claim("full_name", "Ada\u202e")), "U+202E"),
    "schema-violation": (lambda: message(at("saml:Assertion", "Version", "1.1")), "1.1"),
    "sha1-signature": (lambda: sha1(), "sha1"),
    "signature-value-wrong": (lambda: damaged_value(), "SignatureValue"),
}


def signed_by(who: str) -> bytes:
    root = build()
    sign(the(root, "saml:Assertion"), rsa_signer(who))
    return xml(root)


def sha1() -> bytes:
    root = build()
    sign(the(root, "saml:Assertion"), algorithm=SIG_RSA_SHA1, digest_method=DIGEST_SHA1)
    return xml(root)


def damaged_value() -> bytes:
    root = build()
    sign(the(root, "saml:Assertion"), value=base64.b64encode(b"\1" * 256).decode())
    return xml(root)


def plus_as_space() -> str:
    assert "+" in PLUS64
    return PLUS64.replace("+", " ")


# Characters whose base64 holds plus signs, so that their loss shows.
PLUS64 = base64.b64encode(message(claim("full_name", "Ada ~>~>~>"))).decode()


@pytest.mark.parametrize("cause", CASES)
def test_the_cause_is_named_and_nothing_else(expectation: Expectation, cause: str) -> None:
    make, word = CASES[cause]
    report = inspect(make(), expectation, now=NOW)
    found = [d.id for d in report.diagnosis]
    assert found == [cause], [(d.id, d.cause, d.checks) for d in report.diagnosis]
    assert word.lower() in report.diagnosis[0].cause.lower()
    failed = {c.id for c in report.failures}
    assert failed <= set(report.diagnosis[0].checks)


def test_the_healthy_message_has_none(expectation: Expectation) -> None:
    assert inspect(message(), expectation, now=NOW).diagnosis == ()


def test_a_first_login_from_the_service_provider(expectation: Expectation) -> None:
    request = OpenRequest("_q1", IDP, NOW - timedelta(minutes=1), NOW + timedelta(minutes=9))
    asked = replace(expectation, find_request=lambda i: request if i == "_q1" else None)
    source = message(at("", "InResponseTo", "_q1"), at(DATA, "InResponseTo", "_q1"))
    report = inspect(source, asked, now=NOW)
    assert report.verdict == "not-provisioned"
    assert [d.id for d in report.diagnosis] == ["first-login-at-sp"]
    assert report.diagnosis[0].who == "user"


def test_replay(expectation: Expectation) -> None:
    used = replace(expectation, find_use=lambda _issuer, _id: PriorUse(NOW, "calm-otter-42"))
    assert [d.id for d in inspect(message(), used, now=NOW).diagnosis] == ["replayed"]


def test_relay_state(expectation: Expectation) -> None:
    report = inspect(message(), expectation, now=NOW, relay_state="javascript:alert(1)")
    assert [d.id for d in report.diagnosis] == ["relaystate-refused"]


def test_foreign_domain(expectation: Expectation) -> None:
    limited = replace(expectation, account=AccountFacts("ik_7x2k", "paid", ("example.com",)))
    assert [d.id for d in inspect(message(), limited, now=NOW).diagnosis] == ["nameid-foreign-domain"]


def test_the_wrong_part_is_signed(expectation: Expectation) -> None:
    wanted = replace(expectation, policy=Policy(signed_part="response"))
    report = inspect(message(), wanted, now=NOW)
    assert [d.id for d in report.diagnosis] == ["signed-elsewhere"]


def test_a_child_account_that_still_has_its_parents_identifier(expectation: Expectation) -> None:
    child = replace(expectation, sp_entity_id=CHILD, default_sp_entity_id=SP)
    report = inspect(message(), child, now=NOW)
    assert [d.id for d in report.diagnosis] == ["audience-mismatch"]
    assert "parent account" in report.diagnosis[0].cause


def test_a_pretty_printed_copy_is_not_called_a_forgery(expectation: Expectation) -> None:
    report = inspect(message(after=etree.indent), expectation, now=NOW)
    assert report.diagnosis[0].id == "changed-after-signing"
    assert "pretty-printed" in report.diagnosis[0].cause


def test_two_independent_causes_are_both_named_the_deeper_one_first(expectation: Expectation) -> None:
    report = inspect(message(words(AUDIENCE, SP + "/"), claim("imagekit_role", "Developer")), expectation, now=NOW)
    assert [d.id for d in report.diagnosis] == ["audience-mismatch", "role-not-accepted"]
    assert report.verdict == "reject"
    assert "trailing slash" in report.headline


def test_what_blocks_comes_before_what_only_warns(expectation: Expectation) -> None:
    report = inspect(
        message(claim("full_name", "Ada\u202e"), words(AUDIENCE, "https://x.example")), expectation, now=NOW
    )
    assert [d.id for d in report.diagnosis] == ["audience-mismatch", "full-name-odd"]


# The table ------------------------------------------------------------------------------------------------------------


def result(check_id: str, status: Status = Status.FAIL, actual: str = "none") -> CheckResult:
    rule = checks()[check_id]
    return CheckResult(check_id, rule.group, rule.title, status, Severity.ERROR, "Something is wrong.", actual=actual)


@pytest.mark.parametrize("d", registered().values(), ids=lambda d: d.id)
def test_every_row_is_complete(d: Diagnosis) -> None:
    groups = {c.group for c in checks().values()}
    for name in (*d.checks, *d.consequences):
        assert name in checks() or name.removeprefix("group:") in groups, name
    assert d.title
    assert not d.title.endswith(".")
    assert d.fix["generic"].strip()
    assert set(d.fix) <= set(VENDORS)
    assert all(text.endswith((".", ";")) for text in d.fix.values())


def test_every_error_has_an_explanation() -> None:
    silent = {"enc-error-uniform"}  # speaks of our answers to the network, not of the message
    for check_id, rule in checks().items():
        if rule.severity is Severity.ERROR and rule.group != "metadata" and check_id not in silent:
            found = [f for actual in ("none", "x") for f in diagnose(case(), (result(check_id, actual=actual),))]
            assert any(check_id in f.checks for f in found), check_id


def test_a_schema_violation_is_folded_into_what_says_it_better() -> None:
    place = "/samlp:Response/saml:Assertion/saml:Subject"
    schema = result("schema-valid")._replace(where=place)
    same = result("sc-method")._replace(where=place + "/saml:SubjectConfirmation")
    (found,) = diagnose(case(), (schema, same))
    assert (found.id, found.checks) == ("confirmation-fails", ("sc-method", "schema-valid"))
    elsewhere = result("status-present")._replace(where="/samlp:Response/samlp:Status/samlp:StatusCode")
    assert {f.id for f in diagnose(case(), (schema, elsewhere))} == {"schema-violation", "status-missing"}


def test_a_warning_alone_gives_no_blocker() -> None:
    for check_id in checks():
        assert not any(f.blocking for f in diagnose(case(), (result(check_id, Status.WARN),))), check_id


def test_nothing_wrong_gives_nothing() -> None:
    assert diagnose(case(), (result("audience-match", Status.PASS),)) == ()


def test_an_id_is_given_once_and_a_fix_is_for_known_vendors() -> None:
    known = next(iter(registered().values()))
    with pytest.raises(ValueError, match="two diagnoses"):
        row(known)
