"""app.saml.checks.logout: who ends whose session, and whether the other side may believe it."""

from __future__ import annotations

import copy

import pytest
from lxml import etree

from app.saml.checks.registry import registered
from app.saml.names import SAML, SAMLP, STATUS, STATUS_SUCCESS, q
from app.saml.report import inspect
from tests.saml import signing_samples as samples
from tests.saml.request_samples import (
    NOW,
    SP_SLO,
    Change,
    expectation,
    in_address,
    in_form,
    judge,
    logout_request,
    logout_response,
    signed,
    sp_signer,
)
from tests.saml.signing_samples import rsa_signer

IDS = [c.id for c in registered().values() if c.group == "logout"]


def put(name: str, value: str) -> Change:
    return lambda root: root.set(name, value)


def drop(name: str) -> Change:
    return lambda root: root.attrib.pop(name)


def without(tag: str) -> Change:
    def change(root: etree._Element) -> None:
        for el in root.findall(tag):
            root.remove(el)

    return change


def name_id(edit: Change) -> Change:
    def change(root: etree._Element) -> None:
        el = root.find(q(SAML, "NameID"))
        assert el is not None
        edit(el)

    return change


def named(value: str) -> Change:
    def change(root: etree._Element) -> None:
        root[0].text = value

    return change


def renamed(tag: str) -> Change:
    return name_id(lambda el: setattr(el, "tag", tag))


@pytest.mark.parametrize("of_sp", [True, False])
def test_good_messages_of_either_side_have_nothing_wrong(of_sp: bool) -> None:
    signer = sp_signer() if of_sp else rsa_signer()
    for root in (logout_request(of_sp=of_sp), logout_response(of_sp=of_sp)):
        report = judge(signed(root, signer))
        assert (report.verdict, report.login) == ("accept", None), report.headline
        assert "carries no login" in report.headline
        assert {str(report.check(c).status) for c in IDS} <= {"pass", "info", "not-applicable"}
        with pytest.raises(Exception, match="carries no login"):
            report.accept()


@pytest.mark.parametrize(
    ("check", "change", "status", "says"),
    [
        ("logout-version", put("Version", "1.1"), "fail", "instead of 2.0"),
        ("logout-id", put("ID", "1"), "fail", "does not begin with a letter"),
        ("logout-issueinstant", put("IssueInstant", "2026-11-20T20:00:00Z"), "fail", "issued 3 days"),
        ("logout-issuer", named("https://third.example/"), "fail", "somebody else"),
        ("logout-destination", put("Destination", SP_SLO), "fail", "another address than the IdP's logout address"),
        ("logout-destination", drop("Destination"), "fail", "signed but has no Destination"),
        ("logout-nameid", without(q(SAML, "NameID")), "fail", "names nobody"),
        ("logout-nameid", name_id(lambda el: el.addnext(copy.deepcopy(el))), "fail", "names 2 people"),
        ("logout-nameid", name_id(lambda el: setattr(el, "text", " ")), "fail", "is empty"),
        ("logout-nameid", name_id(lambda el: el.append(etree.Comment("x"))), "fail", "more than text"),
        ("logout-nameid", renamed(q(SAML, "BaseID")), "info", "BaseID"),
        ("logout-session-index", without(q(SAMLP, "SessionIndex")), "warn", "which session"),
        ("logout-notonorafter", put("NotOnOrAfter", "2026-11-23T19:50:00Z"), "fail", "expired 10 minutes ago"),
        ("logout-notonorafter", put("NotOnOrAfter", "soon"), "fail", "not a proper date"),
        ("logout-notonorafter", put("NotOnOrAfter", "2026-11-23T20:05:00Z"), "pass", "not expired"),
        ("logout-in-response-to", put("Reason", "x"), "not-applicable", "Only a LogoutResponse"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(check: str, change: Change, status: str, says: str) -> None:
    root = logout_request()
    change(root)
    found = judge(signed(root)).check(check)
    assert (str(found.status), says in found.message) == (status, True), found
    if status in ("fail", "warn"):
        assert found.where is not None
        assert found.where.startswith("/samlp:LogoutRequest")


@pytest.mark.parametrize(
    ("check", "change", "status", "says"),
    [
        ("logout-in-response-to", drop("InResponseTo"), "fail", "which request it answers"),
        ("logout-in-response-to", put("InResponseTo", "_x"), "info", "not compared"),
        ("logout-status", without(q(SAMLP, "Status")), "fail", "says nothing"),
        ("logout-nameid", put("Consent", "urn:x"), "not-applicable", "Only a LogoutRequest"),
        ("logout-destination", put("Destination", "https://sp.example/"), "fail", "our logout address"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(check: str, change: Change, status: str, says: str) -> None:
    root = logout_response()
    change(root)
    found = judge(signed(root, rsa_signer())).check(check)
    assert (str(found.status), says in found.message) == (status, True), found


def test_the_answer_to_a_certain_request() -> None:
    data = signed(logout_response(), rsa_signer())
    assert str(judge(data, expected_request="_q0").check("logout-in-response-to").status) == "pass"
    assert str(judge(data, expected_request="_q9").check("logout-in-response-to").status) == "fail"


def test_an_idp_that_says_no_has_refused() -> None:
    codes = (STATUS + "Responder", STATUS + "UnknownPrincipal")
    report = judge(signed(logout_response(*codes), rsa_signer()))
    assert report.verdict == "refused-by-idp"
    assert report.headline.startswith("The identity provider did not log out: the person is not known")
    assert str(report.check("logout-status").status) == "warn"
    ours = judge(signed(logout_response(*codes, of_sp=True)))
    assert (ours.verdict, str(ours.check("logout-status").status)) == ("reject", "fail")


def test_an_unknown_status_is_no_refusal() -> None:
    report = judge(signed(logout_response("urn:x:fine"), rsa_signer()))
    assert (report.verdict, str(report.check("logout-status").status)) == ("reject", "fail")


def test_a_partial_logout_is_warned_of() -> None:
    report = judge(signed(logout_response(STATUS_SUCCESS, STATUS + "PartialLogout"), rsa_signer()))
    assert (report.verdict, str(report.check("logout-status").status)) == ("accept", "warn")


def test_the_idp_may_end_all_sessions() -> None:
    root = logout_request(of_sp=False)
    without(q(SAMLP, "SessionIndex"))(root)
    found = judge(signed(root, rsa_signer())).check("logout-session-index")
    assert (str(found.status), "all sessions" in found.message) == ("info", True)


@pytest.mark.parametrize("of_sp", [True, False])
def test_an_unsigned_message_is_refused(of_sp: bool) -> None:
    root = logout_request(of_sp=of_sp)
    assert str(judge(in_address(root)).check("logout-signed").status) == "fail"
    assert str(judge(in_form(etree.tostring(root))).check("logout-signed").status) == "fail"
    pasted = judge(root)
    assert (str(pasted.check("logout-signed").status), pasted.verdict) == ("skipped", "unknown")


@pytest.mark.parametrize("of_sp", [True, False])
def test_a_signed_address_is_verified_with_the_key_of_its_sender(of_sp: bool) -> None:
    mine, theirs = (sp_signer(), rsa_signer()) if of_sp else (rsa_signer(), sp_signer())
    for root in (logout_request(of_sp=of_sp), logout_response(of_sp=of_sp)):
        assert judge(in_address(root, mine)).verdict == "accept"
        refused = judge(in_address(root, theirs))
        assert (refused.verdict, str(refused.check("encoding-redirect-signature").status)) == ("reject", "fail")


def test_neither_side_can_sign_for_the_other() -> None:
    for of_sp, signer in ((True, rsa_signer()), (False, sp_signer())):
        report = judge(signed(logout_request(of_sp=of_sp), signer))
        assert report.verdict == "reject"
        assert "signature-key-trusted" in {c.id for c in report.failures}


def test_nothing_is_judged_by_nothing() -> None:
    report = judge(signed(logout_request()), sp_entity_id=None, idp_entity_id=None, sp_keys=(), trusted_keys=())
    assert report.verdict == "unknown"


def test_a_login_and_a_posted_logout_message_raise_no_such_questions() -> None:
    assert {str(judge(samples.build()).check(c).status) for c in IDS} == {"not-applicable"}
    body = in_form(signed(logout_response(), rsa_signer()), "SAMLResponse")
    report = inspect(body, expectation(), now=NOW, channel="post-form")
    assert report.verdict == "reject"
    assert {str(report.check(c).status) for c in IDS} == {"not-applicable"}


@pytest.mark.parametrize(
    ("of_sp", "cause"), [(True, "own-signature-not-verified"), (False, "logout-signature-not-verified")]
)
def test_a_bad_signature_is_the_business_of_its_sender(of_sp: bool, cause: str) -> None:
    report = judge(signed(logout_request(of_sp=of_sp), samples.rsa_signer("stranger")))
    assert [d.id for d in report.diagnosis] == [cause]
    assert report.headline.startswith("This LogoutRequest is wrong: the message is signed by a key")
