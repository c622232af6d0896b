"""app.saml.decoding.captures.secrets: what is dropped, and that what sign-on needs is kept."""

from __future__ import annotations

import time

import pytest

from app.saml.decoding.captures.secrets import (
    Removed,
    carried_pairs,
    has_secrets,
    kind_of_header,
    public_url,
    without_secrets,
)

CANARY = "c4n4ry"


@pytest.mark.parametrize(
    "text",
    [
        f"Cookie: a=b; session={CANARY}",
        f"set-cookie: x={CANARY}; Path=/",
        f"Authorization: Bearer {CANARY}",
        f"-H 'Cookie: a={CANARY}; b={CANARY}' --data x",
        f'{{"cookie": "a={CANARY}", "x": 1}}',
        f'{{"password": "{CANARY}", "user": "ada"}}',
        f"user=ada&password={CANARY}&x=1",
        f"j_password={CANARY}",
        f"passwd : {CANARY}",
        f"new_password_2={CANARY}",
        f"access_token={CANARY}",
        f"https://a.test/cb#id_token={CANARY}&x=1",
        f"client-secret={CANARY}",
        f"X-Api-Key: {CANARY}",
        f"JSESSIONID={CANARY}",
        f'\\"password\\":\\"{CANARY}\\"',
        f"sent bearer {CANARY}{CANARY}{CANARY}",
        f"password%3D{CANARY}",
        f"token eyJhbGciOiJub25lIn0.{CANARY}{CANARY}.{CANARY}",
    ],
)
def test_a_secret_is_dropped(text: str) -> None:
    assert has_secrets(text.encode())
    removed = Removed()
    assert CANARY not in without_secrets(text, removed)
    assert sum(removed.counts.values()) >= 1
    assert removed.note()


@pytest.mark.parametrize(
    "text",
    [
        "SAMLResponse=PHNhbWw&RelayState=abc",
        "AADSTS50105: the user is not assigned",
        "the cookie was lost; the password is wrong",
        "Destination: https://sp.example/acs",
        "sidecar=1&passport=2&tokenizer=x",
        "password=",
        "",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text
    assert not has_secrets(text.encode())


def test_only_what_sign_on_needs_stays_of_a_form() -> None:
    removed = Removed()
    form = f"user=ada&password={CANARY}&SAMLResponse=a%2Bb&RelayState=x+y&%53AMLRequest=c&foo=bar".encode()
    assert carried_pairs(form, removed) == b"SAMLResponse=a%2Bb&RelayState=x+y&%53AMLRequest=c"
    assert removed.counts == {"passwords and tokens": 1}
    assert carried_pairs(b"RelayState=x&foo=bar") == b""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "https://u:p@idp.test:8443/sso;jsessionid=1?SAMLRequest=x&a=b#frag",
            "https://idp.test:8443/sso?SAMLRequest=…&a=…",
        ),
        ("https://idp.test/" + "a" * 70 + "/x", "https://idp.test/…/x"),
        ("https://idp.test/eyJhbGciOiJub25lIn0/x", "https://idp.test/…/x"),
        ("https://idp.test/?error=access_denied&code=1", "https://idp.test/?error=access_denied&code=…"),
        (f"https://idp.test/?error_description=password%3d{CANARY}", "https://idp.test/?error_description=password=…"),
        ("/relative?x=1", "/relative?x=…"),
        ("https://[broken", "an address that cannot be read"),
        ("https://idp.test:99999999/", "an address that cannot be read"),
    ],
)
def test_addresses_are_shown_without_values(url: str, shown: str) -> None:
    assert public_url(url) == shown


def test_headers_are_known_whatever_their_case() -> None:
    assert kind_of_header("SET-Cookie") == "cookies"
    assert kind_of_header("Proxy-Authorization") == "authorization headers"
    assert kind_of_header("X-CSRF-Token") == "authorization headers"
    assert kind_of_header("Content-Type") is None


@pytest.mark.parametrize("unit", ["A", "a-", "password=", "Cookie: ", "eyJ", "bearer ", "x:", "\\", "%3D", "<", "'\" "])
def test_it_is_linear(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    start = time.process_time()
    without_secrets(text)
    has_secrets(text.encode())
    assert time.process_time() - start < 2
