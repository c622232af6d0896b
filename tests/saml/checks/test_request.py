"""app.saml.checks.request: what an AuthnRequest asks, and whether the IdP could answer it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from lxml import etree

from app.saml.checks.registry import registered
from app.saml.expectation import Policy
from app.saml.names import DS, NAMEID_EMAIL, NAMEID_PERSISTENT, SAML, SAMLP, q
from app.saml.report import inspect, issue_instant_of
from tests.saml import signing_samples as samples
from tests.saml.request_samples import (
    ACS,
    IDP,
    NOW,
    SP,
    Change,
    authn_request,
    expectation,
    in_address,
    in_form,
    judge,
    signed,
    sp_signer,
)
from tests.saml.signing_samples import rsa_signer, text

IDS = [c.id for c in registered().values() if c.group == "request"]
PASSWORD = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"


def put(name: str, value: str) -> Change:
    return lambda root: root.set(name, value)


def drop(name: str) -> Change:
    return lambda root: root.attrib.pop(name)


def issuer(value: str, **attributes: str) -> Change:
    def change(root: etree._Element) -> None:
        root[0].text = value
        root[0].attrib.update(attributes)

    return change


def context(comparison: str | None) -> Change:
    def change(root: etree._Element) -> None:
        el = text(root, SAMLP, "RequestedAuthnContext", **({"Comparison": comparison} if comparison else {}))
        text(el, SAML, "AuthnContextClassRef", PASSWORD)

    return change


def scoping(*idps: str) -> Change:
    def change(root: etree._Element) -> None:
        el = text(root, SAMLP, "Scoping", ProxyCount="0")
        if idps:
            entries = text(el, SAMLP, "IDPList")
            for i in idps:
                text(entries, SAMLP, "IDPEntry", ProviderID=i)

    return change


def subject(*, confirmed: bool) -> Change:
    def change(root: etree._Element) -> None:
        el = etree.Element(q(SAML, "Subject"))
        text(el, SAML, "NameID", "ada@corp.test")
        if confirmed:
            text(el, SAML, "SubjectConfirmation", Method="urn:oasis:names:tc:SAML:2.0:cm:bearer")
        root.insert(1, el)

    return change


def format_of(value: str | None) -> Change:
    def change(root: etree._Element) -> None:
        policy = root.find(q(SAMLP, "NameIDPolicy"))
        assert policy is not None
        if value is None:
            root.remove(policy)
        else:
            policy.set("Format", value)

    return change


def changed(*changes: Change) -> etree._Element:
    root = authn_request()
    for c in changes:
        c(root)
    return root


def test_a_good_request_has_nothing_wrong_and_logs_nobody_in() -> None:
    report = judge(authn_request())
    assert (report.verdict, report.kind, report.login) == ("accept", "AuthnRequest", None)
    assert report.headline.startswith("This AuthnRequest has nothing wrong with it:")
    assert {str(report.check(c).status) for c in IDS} <= {"pass", "not-applicable"}
    assert str(report.check("structure-response-root").status) == "info"
    assert [c.id for c in report.checks if c.group == "claims" and str(c.status) != "not-applicable"] == []
    assert issue_instant_of(report) is not None


@pytest.mark.parametrize(
    ("check", "change", "status", "says"),
    [
        ("request-version", put("Version", "1.1"), "fail", "says version “1.1” instead of 2.0"),
        ("request-version", drop("Version"), "fail", "has no Version"),
        ("request-id", put("ID", "6d1f"), "fail", "does not begin with a letter"),
        ("request-id", drop("ID"), "fail", "has no ID"),
        ("request-issueinstant", drop("IssueInstant"), "fail", "does not say when"),
        ("request-issueinstant", put("IssueInstant", "today"), "fail", "not a proper date"),
        ("request-issueinstant", put("IssueInstant", "2026-11-23T20:00:00"), "fail", "time zone"),
        ("request-issueinstant", put("IssueInstant", "2026-11-22T20:00:00Z"), "fail", "issued 1 day ago"),
        ("request-issueinstant", put("IssueInstant", "2026-11-23T20:10:00Z"), "fail", "in the future"),
        ("request-issuer", issuer("https://other.example/"), "fail", "somebody else than the configured service"),
        ("request-issuer", issuer(""), "fail", "an empty Issuer"),
        ("request-issuer", lambda r: r.remove(r[0]), "fail", "no Issuer"),
        ("request-issuer", lambda r: r[0].addnext(copy.deepcopy(r[0])), "fail", "2 Issuers"),
        ("request-issuer", lambda r: r[0].append(etree.Comment("x")), "fail", "more than text"),
        ("request-issuer", issuer(SP, Format=NAMEID_EMAIL), "fail", "Format"),
        ("request-destination", put("Destination", "https://idp.corp.test/sso/"), "fail", "another address"),
        ("request-destination", drop("Destination"), "warn", "only untidy"),
        (
            "request-acs",
            put("AssertionConsumerServiceURL", "https://staging.sp.example/acs"),
            "fail",
            "another address",
        ),
        ("request-acs", put("AssertionConsumerServiceIndex", "0"), "fail", "only one is allowed"),
        ("request-acs", drop("AssertionConsumerServiceURL"), "info", "default one"),
        (
            "request-protocol-binding",
            put("ProtocolBinding", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"),
            "fail",
            "HTTP-Artifact",
        ),
        ("request-protocol-binding", drop("ProtocolBinding"), "pass", "No binding"),
        ("request-nameid-policy", format_of(NAMEID_PERSISTENT), "warn", "persistent"),
        ("request-nameid-policy", format_of(None), "pass", "No NameID format"),
        ("request-authn-context", context(None), "warn", "insists on PasswordProtectedTransport"),
        ("request-authn-context", context("exact"), "warn", "NoAuthnContext"),
        ("request-authn-context", context("minimum"), "info", "minimum: PasswordProtectedTransport"),
        ("request-force-passive", lambda r: r.attrib.update({"ForceAuthn": "1", "IsPassive": "1"}), "warn", "forbids"),
        ("request-force-passive", put("IsPassive", "true"), "info", "NoPassive"),
        ("request-force-passive", put("ForceAuthn", "true"), "info", "sign in again"),
        ("request-scoping", scoping("https://third.example/"), "warn", "not among them"),
        ("request-scoping", scoping(IDP), "info", "Scoping"),
        ("request-scoping", scoping(), "info", "Scoping"),
        ("request-subject", subject(confirmed=True), "fail", "SubjectConfirmation"),
        ("request-subject", subject(confirmed=False), "info", "names a person"),
    ],
)
def test_what_is_wrong_is_said(check: str, change: Change, status: str, says: str) -> None:
    report = judge(changed(change))
    found = report.check(check)
    assert (str(found.status), says in found.message) == (status, True), found
    assert report.verdict == ("reject" if status == "fail" else "accept"), report.headline
    if status in ("fail", "warn"):
        assert found.where is not None
        assert found.where.startswith("/samlp:AuthnRequest")


def test_an_index_stands_for_a_reply_address() -> None:
    root = changed(
        drop("AssertionConsumerServiceURL"), drop("ProtocolBinding"), put("AssertionConsumerServiceIndex", "3")
    )
    found = judge(root).check("request-acs")
    assert (str(found.status), "number 3" in found.message) == ("info", True)


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("request-issuer", {"sp_entity_id": None}),
        ("request-destination", {"idp_sso_urls": ()}),
        ("request-acs", {"acs_url": None}),
    ],
)
def test_what_cannot_be_compared_is_not_judged(check: str, changes: dict[str, Any]) -> None:
    report = judge(authn_request(), **changes)
    assert str(report.check(check).status) == "skipped"
    assert report.verdict == "unknown"
    assert "not judged to the end" in report.headline


def test_a_child_account_may_send_under_the_parent_s_name_or_its_own() -> None:
    child = {"sp_entity_id": f"{SP}#ik_child", "default_sp_entity_id": SP}
    for name in (SP, f"{SP}#ik_child"):
        assert str(judge(changed(issuer(name)), **child).check("request-issuer").status) == "pass"


def test_an_old_request_only_warns_when_diagnosing() -> None:
    old = changed(put("IssueInstant", "2026-11-22T20:00:00Z"))
    report = judge(old, policy=Policy(name="diagnose"))
    assert str(report.check("request-issueinstant").status) == "warn"
    assert report.verdict == "accept"


def test_formats_that_the_idp_lists() -> None:
    for offered, status in (((NAMEID_PERSISTENT,), "warn"), ((NAMEID_EMAIL,), "pass"), ((), "pass")):
        found = judge(authn_request(), idp_nameid_formats=offered).check("request-nameid-policy")
        assert str(found.status) == status


# Signatures -----------------------------------------------------------------------------------------------------------


def test_a_signature_inside_is_verified_with_the_service_provider_s_key() -> None:
    report = judge(in_form(signed(authn_request())), wants_signed_requests=True)
    assert report.verdict == "accept", report.headline
    (summary,) = report.signatures
    assert (summary.covers, summary.status, summary.trusted) == ("AuthnRequest", "valid", True)
    assert str(report.check("signature-agreement").status) == "pass"
    assert str(report.check("request-signed").status) == "pass"


def test_the_idp_s_key_does_not_sign_requests() -> None:
    report = judge(signed(authn_request(), rsa_signer()))
    assert report.verdict == "reject"
    assert "signature-key-trusted" in {c.id for c in report.failures}


def test_a_changed_request_is_refused() -> None:
    data = signed(authn_request()).replace(ACS.encode(), b"https://evil.example/acs")
    report = judge(data)
    assert {"signature-digest", "request-acs"} <= {c.id for c in report.failures}


def test_a_signed_request_of_an_unknown_key_is_not_judged() -> None:
    report = judge(signed(authn_request()), sp_keys=())
    assert report.verdict == "unknown"
    assert "No certificate of the service provider" in report.check("signature-key-trusted").message


def test_a_signed_request_must_say_where_it_goes() -> None:
    report = judge(signed(changed(drop("Destination"))))
    assert str(report.check("request-destination").status) == "fail"


@pytest.mark.parametrize("wanted", [True, False])
def test_unsigned_requests(wanted: bool) -> None:
    posted = judge(in_form(etree.tostring(authn_request())), wants_signed_requests=wanted)
    assert str(posted.check("request-signed").status) == ("fail" if wanted else "pass")
    redirected = judge(in_address(authn_request()), wants_signed_requests=wanted)
    assert str(redirected.check("request-signed").status) == ("fail" if wanted else "pass")
    pasted = judge(authn_request(), wants_signed_requests=wanted)
    assert str(pasted.check("request-signed").status) == ("skipped" if wanted else "pass")


def test_a_signed_address_is_verified_over_its_octets() -> None:
    url = in_address(authn_request(), sp_signer(), "token-1")
    report = judge(url, wants_signed_requests=True)
    assert report.verdict == "accept", report.headline
    assert report.binding == "HTTP-Redirect"
    assert str(report.check("encoding-redirect-signature").status) == "pass"
    for forged in (url.replace("token-1", "token-2"), in_address(authn_request(), rsa_signer())):
        refused = judge(forged, wants_signed_requests=True)
        assert str(refused.check("encoding-redirect-signature").status) == "fail"
        assert refused.verdict == "reject"


def test_a_signature_inside_does_not_belong_into_an_address() -> None:
    root = authn_request()
    samples.sign(root, sp_signer())
    both = judge(in_address(root, sp_signer()), wants_signed_requests=True).check("request-signed")
    assert str(both.status) == "warn"
    alone = judge(in_address(root), wants_signed_requests=True).check("request-signed")
    assert str(alone.status) == "fail"


def test_a_relay_state_of_a_request_leads_nobody_anywhere() -> None:
    report = judge(in_address(authn_request(), relay_state="https://elsewhere.example/"), relay_states=("x",))
    assert str(report.check("relaystate-allowlist").status) == "not-applicable"


def test_a_compressed_form_is_told() -> None:
    report = judge(in_form(etree.tostring(authn_request()), deflated=True))
    assert report.kind == "AuthnRequest"
    assert "deflate" in report.layers


# Where a login was expected -------------------------------------------------------------------------------------------


def test_a_request_that_is_posted_as_a_login_is_refused() -> None:
    body = in_form(signed(authn_request()), "SAMLResponse")
    report = inspect(body, expectation(), now=NOW, channel="post-form")
    assert (report.kind, report.verdict) == ("AuthnRequest", "reject")
    assert str(report.check("structure-response-root").status) == "fail"
    assert {str(report.check(c).status) for c in IDS} == {"not-applicable"}
    assert report.signatures == ()


def test_a_login_raises_no_such_questions() -> None:
    report = judge(samples.build())
    assert {str(report.check(c).status) for c in IDS} == {"not-applicable"}


def test_a_message_hidden_in_a_request_is_refused() -> None:
    def hide(root: etree._Element) -> None:
        box = etree.Element(q(SAMLP, "Extensions"))
        box.append(samples.build())
        root.insert(1, box)

    report = judge(changed(hide))
    assert str(report.check("structure-no-nested-message").status) == "fail"


def test_a_wrapped_signature_does_not_count() -> None:
    genuine = etree.fromstring(signed(authn_request()))
    evil = authn_request(ID="_evil", AssertionConsumerServiceURL="https://evil.example/acs")
    box = etree.Element(q(SAMLP, "Extensions"))
    box.append(genuine)
    evil.insert(1, box)
    report = judge(evil, acs_url="https://evil.example/acs")
    assert report.verdict == "reject"
    assert {"signature-position", "structure-no-nested-message"} <= {c.id for c in report.failures}


@pytest.mark.parametrize(("field", "status"), [("Comparison", "fail"), ("Foo", "fail"), (None, "pass")])
def test_the_schema_of_requests_is_asked(field: str | None, status: str) -> None:
    root = authn_request()
    if field == "Foo":
        root.set("Foo", "x")
    elif field:
        text(root, SAMLP, "RequestedAuthnContext", Comparison="exact")
    assert str(judge(root).check("schema-valid").status) == status


def test_the_signature_must_follow_the_issuer() -> None:
    root = authn_request()
    samples.sign(root, sp_signer(), position=2)
    assert root[2].tag == q(DS, "Signature")
    assert "ds:Signature must come right after saml:Issuer" in judge(root).check("schema-valid").message
