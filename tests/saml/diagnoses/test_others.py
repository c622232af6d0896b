"""The causes in requests and logout messages: each is shown by a message made here, and comes alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.saml.diagnoses import registered
from app.saml.names import SAMLP, STATUS, STATUS_SUCCESS
from app.saml.report import Report
from tests.saml.request_samples import authn_request, in_address, judge, logout_request, logout_response, signed
from tests.saml.signing_samples import rsa_signer, text


def asked(**attributes: str) -> Report:
    return judge(authn_request(**attributes))


def of_another_application() -> Report:
    root = authn_request()
    root[0].text = "https://other.example/"
    return judge(root)


def asks_too_much() -> Report:
    root = authn_request()
    context = text(root, SAMLP, "RequestedAuthnContext")
    text(context, "urn:oasis:names:tc:SAML:2.0:assertion", "AuthnContextClassRef", "urn:oasis:names:tc:SAML:2.0:ac:x")
    return judge(root)


def logout_without_instant() -> Report:
    root = logout_request()
    del root.attrib["IssueInstant"]
    return judge(signed(root))


def logout_elsewhere() -> Report:
    root = logout_response()
    root.set("Destination", "https://sp.example/")
    return judge(signed(root, rsa_signer()))


def logout_in_part() -> Report:
    return judge(signed(logout_response(STATUS_SUCCESS, STATUS + "PartialLogout"), rsa_signer()))


SHOWN: dict[str, Callable[[], Report]] = {
    "own-signature-not-verified": lambda: judge(signed(logout_request(), rsa_signer("stranger"))),
    "logout-signature-not-verified": lambda: judge(signed(logout_request(of_sp=False), rsa_signer("stranger"))),
    "request-not-proper": lambda: asked(ID="6d1f"),
    "request-not-recent": lambda: asked(IssueInstant="2026-11-22T20:00:00Z"),
    "request-of-another-application": of_another_application,
    "request-misaddressed": lambda: asked(Destination="https://idp.corp.test/sso/"),
    "request-wants-reply-elsewhere": lambda: asked(AssertionConsumerServiceURL="https://staging.sp.example/acs"),
    "request-not-signed": lambda: judge(in_address(authn_request()), wants_signed_requests=True),
    "request-asks-too-much": asks_too_much,
    "logout-not-proper": logout_without_instant,
    "logout-misaddressed": logout_elsewhere,
    "logout-not-signed": lambda: judge(in_address(logout_request())),
    "logout-incomplete": logout_in_part,
}


@pytest.mark.parametrize("cause", SHOWN)
def test_each_cause_is_shown_and_comes_alone(cause: str) -> None:
    assert [d.id for d in SHOWN[cause]().diagnosis] == [cause]


def test_a_good_message_has_none() -> None:
    for root in (authn_request(), logout_request()):
        assert judge(signed(root)).diagnosis == ()


def test_every_cause_of_the_module_is_shown() -> None:
    mine = {d.id for d in registered().values() if d.checks and all(_is_ours(c) for c in d.checks)}
    assert mine <= set(SHOWN)
    assert len(mine) >= 11


def _is_ours(check: str) -> bool:
    return check.startswith(("request-", "logout-"))
