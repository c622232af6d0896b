"""app.saml.error_texts: rows that are whole, texts that are recognised, and none that is made up."""

from __future__ import annotations

import re
import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.saml import report as _report  # importing it registers every diagnosis
from app.saml.checks.registry import registered as checks
from app.saml.diagnoses.registry import VENDORS, registered
from app.saml.error_texts import explain_errors, rows

CANARY = "c4n4ry"


def codes(text: str) -> list[str]:
    return [e.code for e in explain_errors([text])]


def test_every_row_is_whole() -> None:
    assert _report
    assert checks()
    for row in rows():
        assert row.fix["generic"].endswith("."), row.code
        assert set(row.fix) <= set(VENDORS), row.code
        assert row.cause.endswith("."), row.code
        assert row.title, row.code
        assert not row.title.endswith("."), row.code
        assert row.diagnosis is None or row.diagnosis in registered(), (row.code, row.diagnosis)
        assert row.texts or re.fullmatch(r"(AADSTS|MSIS)\d*", row.code), row.code
        assert row.last_checked is None or row.last_checked >= date(2025, 1, 1), row.code
        for phrase in row.texts:
            assert phrase == " ".join(phrase.lower().split()), phrase
            assert 6 < len(phrase) < 200, phrase


def test_no_two_rows_claim_the_same() -> None:
    said = [phrase for row in rows() for phrase in row.texts] + [row.code for row in rows() if not row.texts]
    assert len(said) == len(set(said))
    assert len(rows()) > 250


@pytest.mark.parametrize("row", [r for r in rows() if not r.family], ids=lambda r: r.code)
def test_every_row_is_found_by_what_it_says(row) -> None:  # type: ignore[no-untyped-def]
    for text in row.texts or (row.code,):
        found = explain_errors([f"2026-11-23 ERROR: {text.upper()} (trace 1)\n"])
        assert row.code in [e.code for e in found], text
        (one,) = [e for e in found if e.code == row.code]
        assert (one.title, one.cause, one.who, one.vendor) == (row.title, row.cause, row.who, row.vendor)


@pytest.mark.parametrize(
    "code",
    [
        "50105",
        "50011",
        "700016",
        "70001",
        "75011",
        "75005",
        "750054",
        "7500514",
        "75003",
        "75008",
        "75016",
        "76021",
        "50057",
        "50020",
    ],
)
def test_the_codes_that_support_meets_most_are_there(code: str) -> None:
    (found,) = explain_errors([f"AADSTS{code}: something went wrong."])
    assert found.code == f"AADSTS{code}"
    assert "entra" in found.fix or found.who != "idp-admin"
    assert codes(f"Sign-in error code\t{code}") == [f"AADSTS{code}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AADSTS999999: new.", ["AADSTS999999"]),
        ("aadsts50105", ["AADSTS50105"]),
        ("Error details: MSIS9999: odd", ["MSIS9999"]),
        (
            "Event ID:   364\nMSIS7042: The same client browser session has made '6' requests",
            ["AD FS event 364", "MSIS7042"],
        ),
        ("User is not assigned to this application.", ["App Not Assigned"]),
        ("User\n  is not   assigned to this application", ["App Not Assigned"]),
        ("403\napp_not_configured_for_user", ["app_not_configured_for_user"]),
        ("Email can’t be blank", ["Email can't be blank"]),
        ("app_not_configured", ["app_not_configured"]),
        ("AADSTS", []),
        ("XAADSTS50105", []),
        ("MSIS12", []),
        ("event 3640", []),
        ("Sign-in error code 4711", []),
        ("Everything is well", []),
        ("", []),
    ],
)
def test_texts_are_recognised(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


def test_an_error_is_told_once_and_in_the_order_of_the_text() -> None:
    assert codes("MSIS7042 x AADSTS50105 x MSIS7042") == ["MSIS7042", "AADSTS50105"]
    assert len(explain_errors([f"AADSTS{i}" for i in range(60_000, 60_100)])) == 20


def test_the_excerpt_is_the_line_without_secrets() -> None:
    (found,) = explain_errors([f"Cookie: a={CANARY}\nuser ada: AADSTS50105: not assigned. password={CANARY}\nnext"])
    assert found.excerpt == "user ada: AADSTS50105: not assigned. password=… next"
    (found,) = explain_errors([f"Cookie: a={CANARY}; AADSTS50105={CANARY}"])
    assert found.excerpt == "AADSTS50105"
    (found,) = explain_errors(["x" * 9_000 + f' AADSTS50105: not assigned" {CANARY}'])
    assert found.excerpt == "AADSTS50105: not assigned"
    (found,) = explain_errors(["a\u202eb\x1b[31m AADSTS50105: " + "x " * 1_000])
    assert found.excerpt.startswith("a b [31m AADSTS50105")
    assert len(found.excerpt) <= 280


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(max_size=200), max_size=3))
def test_no_text_makes_it_raise(texts: list[str]) -> None:
    assert len(explain_errors(texts)) <= 20


@pytest.mark.parametrize("unit", ["A", "<", " ", "AADSTS50105 ", "event 364 ", "İ", "a. ", "MSIS", "audience invalid"])
def test_it_is_linear(unit: str) -> None:
    text = unit * (4_000_000 // len(unit))
    start = time.process_time()
    explain_errors([text])
    assert time.process_time() - start < 4
