from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.bootstrap import Workspace, open_workspace
from app.bulk.folder import Row, Tally, as_csv, as_json_lines, judging_files
from app.bulk.judging import Recipe, opened
from app.bulk.workers import files_in, in_order
from app.saml.errors import KeyFileError, MetadataError
from app.saml.intake import Piece
from app.sso import NotFound
from simulator import Idp, KeyRing, default_tenant
from tests.saml.recordings import entry, har, quoted

NOW = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)


@pytest.fixture(scope="module")
def idp() -> Idp:
    return Idp(default_tenant(imagekit_id="ik_7x2k"), KeyRing.in_memory(lambda: NOW), lambda: NOW)


@pytest.fixture
def workspace(idp: Idp) -> Iterator[Workspace]:
    with open_workspace(clock=lambda: NOW) as made:
        made.sso.save_metadata("ik_7x2k", idp.metadata(), test_idp=True)
        yield made


@pytest.fixture
def folder(idp: Idp, tmp_path: Path) -> Path:
    """A good login, one of an unknown role, a recording with two, an error text, and one that is nothing."""
    made = tmp_path / "mails"
    (made / "deep").mkdir(parents=True)
    ada, zoe = (base64.b64encode(idp.issue(who, "imagekit").xml) for who in ("ada", "zoe"))
    (made / "ada.txt").write_bytes(ada)
    tampered = idp.issue("ada", "imagekit", faults=["sig-tampered-role"]).xml
    (made / "deep" / "tampered.xml").write_bytes(tampered)
    sent = [entry("https://sp.test/acs", method="POST", text=f"SAMLResponse={quoted(m.decode())}") for m in (ada, zoe)]
    (made / "two.har").write_bytes(har(*sent))
    (made / "error.txt").write_text("AADSTS50105: Your administrator has configured the application to block users")
    (made / "zip.zip").write_bytes(b"PK\x03\x04broken")
    return made


def judge_all(folder: Path, recipe: Recipe, processes: int) -> list[Row]:
    files = [str(f) for f in files_in(folder, 100)]
    rows: list[Row] = []
    for made in in_order(files, judging_files, (recipe, str(folder)), processes=processes):
        assert isinstance(made, tuple)
        rows += made
    return rows


def test_a_folder_has_a_row_for_every_message(folder: Path, workspace: Workspace) -> None:
    recipe = Recipe(now=NOW, at=NOW, workspace=workspace.url, account="ik_7x2k")
    rows = judge_all(folder, recipe, 1)
    assert [(r.name, r.kind, r.verdict) for r in rows] == [
        ("ada.txt", "Response", "accept"),
        ("error.txt", "error text", "explained"),
        ("two.har#1", "Response", "accept"),
        ("two.har#2", "Response", "accept"),
        ("zip.zip", "", "unreadable"),
        ("deep/tampered.xml", "Response", "reject"),
    ]
    assert rows[0].subject == "ada@acme-media.test"
    assert rows[0].cause == ""
    assert rows[1].cause == "AADSTS50105"
    assert rows[5].file == str(folder / "deep" / "tampered.xml")
    assert rows[5].who
    assert judge_all(folder, recipe, 2) == rows, "several processes say the same"


def test_a_recipe_without_workspace_judges_by_what_it_holds(folder: Path, idp: Idp) -> None:
    recipe = Recipe(now=NOW, at="issue", idp_metadata=idp.metadata(), test_idp=True)
    assert [r.verdict for r in judge_all(folder, recipe, 1)].count("accept") == 3
    nothing = judge_all(folder, Recipe(now=NOW), 1)
    assert "accept" not in {r.verdict for r in nothing}


def test_a_message_is_judged_as_of_its_recording_unless_a_time_is_named() -> None:
    piece = Piece(b"", "p", captured_at=NOW - timedelta(days=1))
    assert Recipe(now=NOW).instant_for(piece) == NOW - timedelta(days=1)
    assert Recipe(now=NOW).instant_for(Piece(b"", "p")) == NOW
    assert Recipe(now=NOW, at=NOW + timedelta(days=1)).instant_for(piece) == NOW + timedelta(days=1)
    assert Recipe(now=NOW, at="issue").instant_for(piece) == "issue"


def test_a_recipe_that_cannot_be_used_is_refused_before_any_work(workspace: Workspace) -> None:
    for recipe, error in (
        (Recipe(now=NOW, idp_metadata=b"<a/>"), MetadataError),
        (Recipe(now=NOW, sp_metadata=b"<a/>"), MetadataError),
        (Recipe(now=NOW, certificates=(b"nothing",)), KeyFileError),
        (Recipe(now=NOW, decryption_keys=(b"nothing",)), KeyFileError),
        (Recipe(now=NOW, workspace=workspace.url, account="ik_none"), NotFound),
    ):
        with pytest.raises(error), opened(recipe):
            pass


def test_causes_are_counted(folder: Path, workspace: Workspace) -> None:
    tally = Tally()
    rows = judge_all(folder, Recipe(now=NOW, at=NOW, workspace=workspace.url, account="ik_7x2k"), 1)
    for file in dict.fromkeys(r.file for r in rows):
        tally.add(r for r in rows if r.file == file)
    lines = list(tally.lines())
    assert lines[0] == "6 messages in 5 files: 3 accepted, 1 rejected, 1 explained as error text, 1 unreadable."
    assert any(line.startswith("      1  AADSTS50105: ") for line in lines)


def test_rows_are_exported_without_a_formula() -> None:
    row = Row("/x/=a.txt", "=a.txt", "Response", "reject", "c", "T", subject="=HYPERLINK(1)")
    (made,) = csv.DictReader(io.StringIO(as_csv([row])))
    assert made["subject"] == "'=HYPERLINK(1)"
    assert made["name"] == "'=a.txt"
    assert json.loads(as_json_lines([row]))["subject"] == "=HYPERLINK(1)"
