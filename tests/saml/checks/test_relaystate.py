"""app.saml.checks.relaystate: no RelayState leads elsewhere, however it is written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.saml.checks.relaystate import relay_state_allowed
from tests.saml.cases import REQUEST, ask, case, expecting

ALLOWED = ("https://imagekit.io/", "https://imagekit.io/dashboard")


def status(check: str, state: str | None, allowed: tuple[str, ...] = ALLOWED) -> str:
    return str(ask(f"relaystate-{check}", case(relay_state=state, expectation=expecting(relay_states=allowed))).status)


@pytest.mark.parametrize(
    "state",
    [
        "https://imagekit.io/",
        "https://imagekit.io",
        "https://imagekit.io/dashboard",
        "https://imagekit.io/media?folder=%2Fa&x=ü#top",
        "/dashboard",
        "/",
    ],
)
def test_our_own_pages_are_allowed(state: str) -> None:
    assert status("allowlist", state) == "pass"


@pytest.mark.parametrize(
    "state",
    [
        "https://imagekit.io.evil.test/",
        "https://imagekit.io@evil.test/",
        "https://imagekit.io:443@evil.test/",
        "https://imagekit.io:8443/",
        "http://imagekit.io/",
        "HTTPS://imagekit.io/",
        "//evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "/%2f%2fevil.test",
        "/%5cevil.test",
        "/%2F%2Fevil.test",
        "https://imagekit.io/..//evil.test",
        "https://imagekit.io/./x",
        "https://imagekit.io/%0d%0aSet-Cookie:x",
        "https://imagekit.io/\r\nx",
        "https://imagekıt.io/",
        "javascript:alert(1)",
        "data:text/html,x",
        "<script>alert(1)</script>",
        " https://imagekit.io/",
        "dashboard",
    ],
)
def test_everything_else_is_not(state: str) -> None:
    assert status("allowlist", state) == "fail"


def test_listed_values_are_exact_where_no_origin_is_listed() -> None:
    only = ("https://imagekit.io/dashboard",)
    assert status("allowlist", "https://imagekit.io/dashboard", only) == "pass"
    assert status("allowlist", "https://imagekit.io/dashboard/x", only) == "fail"
    assert status("allowlist", "/dashboard", only) == "fail"
    assert not relay_state_allowed("http://imagekit.io/x", ("http://imagekit.io/",))


def test_without_a_list_it_is_only_a_warning() -> None:
    assert status("allowlist", "https://anything.test/", ()) == "warn"


def test_the_value_sent_with_the_request_is_allowed() -> None:
    sent = "token-17"
    request = replace(REQUEST, relay_state=sent)
    expectation = expecting(relay_states=ALLOWED, find_request=lambda i: request if i == "_q1" else None)
    answered = replace(case().response, in_response_to="_q1")  # type: ignore[type-var]
    judged = case(response=answered, relay_state=sent, expectation=expectation)
    assert str(ask("relaystate-allowlist", judged).status) == "pass"
    assert str(ask("relaystate-echo", judged).status) == "pass"
    other = case(response=answered, relay_state="/other", expectation=expectation)
    assert str(ask("relaystate-echo", other).status) == "warn"
    missing = case(response=answered, relay_state=None, expectation=expectation)
    assert str(ask("relaystate-echo", missing).status) == "warn"


@pytest.mark.parametrize("check", ["length", "allowlist", "scheme", "no-crlf", "echo"])
def test_without_relay_state_nothing_is_asked(check: str) -> None:
    assert status(check, None) == "not-applicable"


@pytest.mark.parametrize(
    ("state", "expected"), [("x" * 80, "pass"), ("x" * 81, "warn"), ("ü" * 41, "warn"), ("", "pass")]
)
def test_the_length_counts_bytes(state: str, expected: str) -> None:
    assert status("length", state) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("javascript:alert(1)", "fail"),
        (" javascript:alert(1)", "fail"),
        ("\x01javascript:alert(1)", "fail"),
        ("JaVaScRiPt:alert(1)", "fail"),
        ("data:text/html,x", "fail"),
        ("vbscript:x", "fail"),
        ("https://imagekit.io/", "pass"),
        ("http://imagekit.io/", "pass"),
        ("/dashboard?next=a:b", "pass"),
        ("token", "pass"),
    ],
)
def test_only_web_addresses_are_addresses(state: str, expected: str) -> None:
    assert status("scheme", state) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [("a\r\nb", "fail"), ("a\x00", "fail"), ("a\u2028", "fail"), ("a\x85", "fail"), ("a b", "pass")],
)
def test_control_characters_are_refused(state: str, expected: str) -> None:
    assert status("no-crlf", state) == expected


@settings(deadline=None)
@given(st.text(max_size=60))
def test_nothing_is_allowed_that_begins_differently(state: str) -> None:
    if relay_state_allowed(state, ALLOWED):
        assert state in ("https://imagekit.io", *ALLOWED) or state.startswith(("https://imagekit.io/", "/"))
        assert not state.startswith(("//", "/\\"))
