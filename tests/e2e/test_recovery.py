"""The way in when single sign-on is enforced and the identity provider fails, over real sockets."""

from __future__ import annotations

from urllib.parse import urlencode

from tests.e2e.test_sp_http import FORM, Reader, idp, site, text_of  # noqa: F401  fixtures


def send(site, email, code):  # noqa: F811
    token = Reader(site.browser.get("/single-sign-on").text).fields["token"]
    body = urlencode({"token": token, "email": email, "code": code})
    return site.browser.post("/single-sign-on", content=body, headers={"content-type": FORM})


def test_an_administrator_with_a_recovery_code_is_let_in_once(site, idp):  # noqa: F811
    username = next(u.username for u in idp.tenant.users if u.role == "account_administrator")
    result = site.sso.consume(idp.issue(username, "imagekit").body)
    site.sso.record_test("ik_7x2k", result.reference)
    codes = site.sso.make_recovery_codes("ik_7x2k")
    early = send(site, result.user.email, codes[0])
    assert early.status_code == 403
    site.sso.enforce("ik_7x2k")
    answer = send(site, result.user.email, codes[0])
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")
    shown = text_of(site.browser.get("/dashboard"))
    assert "Let in with a recovery code. 7 recovery codes are left." in shown
    assert result.user.full_name in shown
    again = send(site, result.user.email, codes[0])
    assert again.status_code == 403
    said = [w for w in Reader(again.text).words if "let nobody in" in w]
    assert said
    assert said == [w for w in Reader(early.text).words if "let nobody in" in w]
    assert codes[0] not in again.text


def test_a_recovery_code_needs_our_own_form(site):  # noqa: F811
    body = urlencode({"token": "wrong", "email": "a@acme.test", "code": "x"})
    answer = site.browser.post("/single-sign-on", content=body, headers={"content-type": FORM})
    assert answer.status_code == 403
    assert "not sent from our own page" in text_of(answer)
