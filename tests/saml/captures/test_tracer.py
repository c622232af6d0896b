"""app.saml.decoding.captures.tracer: exports of SAML-tracer, old, new and masked."""

from __future__ import annotations

import json

import pytest

from app.saml.decoding import decode
from app.saml.intake import take_in
from tests.saml.recordings import CANARY, REQUEST, XML, tracer


@pytest.mark.parametrize("legacy", [False, True])
def test_both_formats_are_read(legacy: bool) -> None:
    intake = take_in(tracer(legacy=legacy))
    assert [decode(p.source).data for p in intake.pieces] == [REQUEST, XML]
    assert [decode(p.source).binding for p in intake.pieces] == ["HTTP-Redirect", "HTTP-POST"]
    assert intake.trace is not None
    assert (intake.trace.kind, [s.status for s in intake.trace.steps]) == ("SAML-tracer", [200, 302])
    assert intake.trace.missing == ()
    assert CANARY not in repr(intake)
    assert "cookies" in intake.notes[0]


@pytest.mark.parametrize("masked", ["hash", "obf"])
def test_a_masked_export_says_so_and_gives_the_decoded_copy(masked: str) -> None:
    intake = take_in(tracer(masked=masked))
    assert [decode(p.source).data for p in intake.pieces] == [REQUEST, XML]
    assert "the copy that the recorder decoded" in intake.pieces[1].repairs[0]
    assert any("replaced when the recording was exported" in n for n in intake.notes)


def test_a_masked_export_without_copies_has_no_answer_to_judge() -> None:
    intake = take_in(tracer(masked="hash", decoded=False))
    assert [decode(p.source).data for p in intake.pieces] == [REQUEST]
    assert any("export again without masking" in n for n in intake.notes)
    # The answer was there; only its value is hidden, so nothing is called missing.
    assert intake.trace is not None
    assert intake.trace.missing == ()


@pytest.mark.parametrize(
    "text",
    [
        '{"requests": []}',
        '{"requests": [1, null, {}, {"url": 1}, {"url": "x", "post": 3, "requestHeaders": [[1, 2], [1], 7]}]}',
        '{"requests": [{"url": "http://["}]}',
        '{"timestamp": 1, "requests": [{"url": "x", "method": 3, "saml": "no xml", "responseStatus": "x"}',
    ],
)
def test_nonsense_gives_no_message(text: str) -> None:
    assert take_in(text).pieces == ()


def test_other_json_with_requests_is_no_export() -> None:
    assert take_in(json.dumps({"requests": {"a": 1}})).trace is None
