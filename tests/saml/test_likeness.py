from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.product import ROLE_IDS
from app.saml.likeness import claim_name_hint, difference, edit_distance, nearest, role_hint, show

URL = "https://imagekit.io/saml/consume"


@pytest.mark.parametrize(
    ("actual", "word"),
    [
        ("", "empty"),
        ("  ", "blank"),
        (URL + "\n", "after it"),
        ("\n " + URL, "before it"),
        (URL.replace("saml", "sa ml"), "inside"),
        ("spn:" + URL, "spn:"),
        (URL + "/", "trailing slash too many"),
        (URL.upper(), "letter case"),
        ("https://imagekit.io/SAML/consume", "letter case"),
        (URL.replace("https", "http"), "http: instead of https:"),
        (URL + "#child_1", "does not belong"),
        (URL + "?x=1", "query"),
        ("https://imagekit.io:443/saml/consume", "default port"),
        ("https://imagekit.io:8443/saml/consume", "port differs"),
        ("https://imagekit.io/saml%2Fconsume", "percent-encoding"),
        ("https://staging.imagekit.io/saml/consume", "staging"),
        ("https://evil.example/saml/consume", "another host"),
        ("https://imagekit.io/saml/consume.evil.test/", "follows"),
        ("https://imagekit.io/saml", "path"),
        ("https://imagekit.io/other", "path"),
        ("urn:imagekit", "different value"),
    ],
)
def test_near_misses_of_a_url(actual: str, word: str) -> None:
    assert word in difference(URL, actual)


def test_child_identifier() -> None:
    child = URL + "#ik_1"
    assert '"#ik_1" at the end is missing' in difference(child, URL)
    assert 'ends in "#ik_2" instead of "#ik_1"' in difference(child, URL + "#ik_2")
    assert "trailing slash is missing" in difference(URL + "/", URL)


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=150)
def test_any_two_values_can_be_told_apart(expected: str, actual: str) -> None:
    if expected != actual:
        assert difference(expected, actual)


def test_broken_urls_are_no_obstacle() -> None:
    assert difference("https://[bad", "https://[worse")
    assert difference("https://a:99999999/x", "https://a:88888888/x")


@pytest.mark.parametrize(
    ("a", "b", "distance"),
    [("", "", 0), ("a", "", 1), ("developer", "develoepr", 1), ("finance", "fnance", 1), ("abc", "xyz", 3)],
)
def test_edit_distance(a: str, b: str, distance: int) -> None:
    assert edit_distance(a, b) == edit_distance(b, a) == distance


@pytest.mark.parametrize(
    ("value", "kind", "meant"),
    [
        ("", "empty", None),
        ("Developer", "case", "developer"),
        ("developer ", "blank", "developer"),
        (" developer", "blank", "developer"),
        ("Account Administrator", "display-name", "account_administrator"),
        ("media-library-full-access", "display-name", "media_library_full_access"),
        ("developer;finance", "delimited", None),
        ("8f14e45f-ceea-467f-9575-6a3d1f9b1a11", "group-id", None),
        ("S-1-5-21-1-2-3-1104", "sid", None),
        ("CN=Developers,OU=Groups,DC=example", "distinguished-name", None),
        ("user.assignedroles", "placeholder", None),
        ("${role}", "placeholder", None),
        ("admin", "alias", "account_administrator"),
        ("develper", "spelling", "developer"),
        ("chief of staff", "unknown", None),
    ],
)
def test_role_hints(value: str, kind: str, meant: str | None) -> None:
    hint = role_hint(value)
    assert (hint.kind, hint.meant) == (kind, meant)
    assert hint.meant is None or hint.meant in ROLE_IDS


@pytest.mark.parametrize(
    ("name", "friendly", "kind"),
    [
        ("imagekit_role", None, None),
        ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/imagekit_role", None, "namespace"),
        ("Imagekit_Role", None, "case"),
        ("imagekit-role", None, "punctuation"),
        ("imagekitRole", None, "punctuation"),
        ("imagekit_role ", None, "blank"),
        ("user.imagekit_role", None, "expression"),
        ("imagekit_rol", None, "spelling"),
        ("urn:oid:1.2.3", "imagekit_role", "friendly-name"),
        ("department", None, None),
        (None, None, None),
    ],
)
def test_claim_name_hints(name: str | None, friendly: str | None, kind: str | None) -> None:
    hint = claim_name_hint("imagekit_role", name, friendly)
    assert (hint.kind if hint else None) == kind


def test_shown_values_are_bounded_and_visible() -> None:
    assert show("a\u202eb\n") == "a\\u202eb\\u000a"
    assert len(show("x" * 100_000)) < 260
    assert nearest("x" * 100_000, ROLE_IDS, within=3) is None
