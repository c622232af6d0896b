"""app.saml.decoding.captures.archive: ZIP files within strict bounds, and nothing on disk."""

from __future__ import annotations

import sys
import time
import zipfile
from typing import Any

import pytest

from app.saml.decoding import decode
from app.saml.intake import take_in
from tests.saml.recordings import CANARY, XML, archive, encrypted, har, mail, other, tracer, whole_login

OPENED: list[Any] = []
WATCHING: list[bool] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if WATCHING and event in ("open", "os.mkdir", "tempfile.mkstemp"):
        OPENED.append(arguments[0])


@pytest.fixture(scope="module", autouse=True)
def audit_hook() -> None:
    """A hook cannot be taken off again, so it is put on once and looks at WATCHING."""
    sys.addaudithook(_watch)


def test_everything_inside_is_taken_in() -> None:
    data = archive(
        ("logs/a.har", har(*whole_login())),
        ("../../etc/b.xml", other(1)),
        ("C:\\temp\\c.json", tracer()),
        ("d.eml", mail("AADSTS50011: reply")),
        ("e.png", b"\x89PNG"),
        ("__MACOSX/._a.har", b"x"),
    )
    take_in(data)  # imports what it needs, and reads the rows about errors
    WATCHING.append(True)
    intake = take_in(data, name="case.zip")
    WATCHING.clear()
    assert OPENED == []
    assert [p.name for p in intake.pieces] == ["case.zip/a.har#1", "case.zip/a.har#2", "case.zip/b.xml"]
    assert [p.layers for p in intake.pieces] == [("zip", "har"), ("zip", "har"), ("zip",)]
    assert intake.trace is not None
    assert any("c.json records a login of its own" in n for n in intake.notes)
    assert [e.code for e in intake.errors] == ["AADSTS50011"]
    assert CANARY not in repr(intake)


def test_stored_and_deflated_are_read_and_others_told() -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        (piece,) = take_in(archive(("a.txt", XML), method=method)).pieces
        assert decode(piece.source).data == XML
    intake = take_in(archive(("a.txt", XML), method=zipfile.ZIP_LZMA))
    assert intake.pieces == ()
    assert "packed in a way that is not read here" in intake.notes[0]


def test_a_password_is_told() -> None:
    intake = take_in(encrypted(archive(("a.har", har()), ("b.xml", XML))))
    assert intake.pieces == ()
    assert "2 files are protected by a password" in intake.notes[0]


def test_an_archive_in_an_archive_stays_closed() -> None:
    intake = take_in(archive(("inner.zip", archive(("a.xml", XML)))))
    assert intake.pieces == ()
    assert "inside an archive was not opened" in intake.notes[0]


@pytest.mark.parametrize(
    ("data", "check"),
    [
        (archive(*((f"{i}.txt", bytes(30_000_000)) for i in range(4))), "encoding-inflate-limit"),
        (archive(*((f"{i}.txt", b"x") for i in range(5_000))), "encoding-size-limit"),
        (archive(("a.xml", XML))[:-30], "encoding-input-kind"),
        (archive(("a.xml", XML)).replace(b"a.xml", b"b.xml", 1), "encoding-input-kind"),
        (archive(("a.xml", XML * 10)).replace(b"samlp", b"SAMLP", 1)[:60] + archive(("a.xml", XML))[60:], None),
        (b"PK\x03\x04", "encoding-input-kind"),
        (b"PK\x05\x06" + bytes(18), None),
        (b"PK\x05\x06" + b"\xff" * 18, "encoding-size-limit"),
    ],
)
def test_bombs_and_damage_are_bounded_and_told(data: bytes, check: str | None) -> None:
    start = time.process_time()
    intake = take_in(data)
    assert time.process_time() - start < 2
    if check:
        assert check in {p.check for p in intake.problems}
        assert intake.pieces == ()


def test_more_files_than_are_read_are_told() -> None:
    intake = take_in(archive(*((f"{i}.xml", other(i)) for i in range(250))))
    assert len(intake.pieces) == 200
    assert any("first 200 files" in n for n in intake.notes)


def test_all_entries_together_are_bounded() -> None:
    # Each is small enough alone; together they are more than is unpacked.
    blob = b"".join(i.to_bytes(3, "big") for i in range(7_000_000))
    intake = take_in(archive(*((f"{i}.bin", blob) for i in range(4)), level=1))
    assert "encoding-inflate-limit" in {p.check for p in intake.problems}
