"""A folder of messages in the inspector, as a person goes through it."""

from __future__ import annotations

import base64
import csv
import json
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.bulk.folder import Row
from app.bulk.judging import Recipe
from app.bulk.workers import Unlisted
from app.gui.desk import Desk
from app.gui.examine import NOTHING, WHOEVER_FITS
from app.gui.inspector.folder import Sink, judge_folder, message_of
from app.gui.jobs import Jobs, Progress
from app.gui.pages.inspector import InspectorPage
from tests.gui.desks import ACCOUNT, real_desk
from tests.saml.recordings import entry, har, quoted


@pytest.fixture
def desk() -> Iterator[Desk]:
    with real_desk(running=True) as made:
        yield made


@pytest.fixture
def page(qtbot: QtBot, desk: Desk) -> InspectorPage:
    made = InspectorPage(desk)
    qtbot.addWidget(made)
    made.resize(1064, 776)
    made.show()
    return made


@pytest.fixture
def folder(desk: Desk, tmp_path: Path) -> Path:
    """Two good logins in one recording, one that was changed, an error text, and a picture."""
    made = tmp_path / "tickets"
    (made / "old").mkdir(parents=True)
    idp, application = desk.lab.idp, desk.lab.applications[0]
    good = [base64.b64encode(idp.issue(who, application).xml).decode() for who in ("ada", "zoe")]
    sent = (entry("https://sp.test/acs", method="POST", text=f"SAMLResponse={quoted(m)}") for m in good)
    (made / "a.har").write_bytes(har(*sent))
    (made / "b.xml").write_bytes(idp.issue("grace", application, faults=["sig-tampered-role"]).xml)
    (made / "c.txt").write_text("=AADSTS50105: not assigned")
    (made / "old" / "d.zip").write_bytes(b"PK\x03\x04broken")
    return made


def names(page: InspectorPage) -> list[str]:
    return [r.name for r in page.folder.table.model_.rows]


def test_a_dropped_folder_becomes_a_row_for_each_message(page: InspectorPage, folder: Path) -> None:
    assert page.drop(folder)
    assert page.folder.isVisible()
    assert not page.back.isVisible()
    rows = page.folder.table.model_.rows
    assert [(r.name, r.verdict) for r in rows] == [
        ("a.har#1", "accept"),
        ("a.har#2", "accept"),
        ("b.xml", "reject"),
        ("c.txt", "explained"),
        ("old/d.zip", "unreadable"),
    ]
    assert page.folder.what.text() == "tickets"
    assert page.folder.counts.text() == "4 files: 2 accepted, 1 rejected, 1 error text, 1 unreadable"
    assert not page.folder.stop.isVisible()


def test_a_row_is_inspected_as_it_was_judged_and_the_folder_is_there_again(
    qtbot: QtBot, page: InspectorPage, folder: Path
) -> None:
    page.drop(folder)
    table = page.folder.table
    assert table.select_where(lambda r: r.name == "a.har#2")
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert page.views.isVisible()
    assert page.tabs.message == 1
    assert page._examined is not None
    assert page._examined.report.name_id == "zoe@acme-media.test"
    qtbot.mouseClick(page.back, Qt.MouseButton.LeftButton)
    assert page.folder.isVisible()
    assert not page.tabs.isVisible()
    assert len(names(page)) == 5
    assert table.select_where(lambda r: r.name == "b.xml")
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert page.verdict.pill.state == "reject"
    assert page.bar.judging().at == "issue"
    assert not page.tabs.isVisible()


def test_rows_are_narrowed_by_text_and_by_cause(qtbot: QtBot, page: InspectorPage, folder: Path) -> None:
    page.drop(folder)
    view = page.folder
    qtbot.keyClicks(view.search, "grace@")
    qtbot.waitUntil(lambda: names(page) == ["b.xml"])
    view.search.clear()
    qtbot.waitUntil(lambda: len(names(page)) == 5)
    assert view.causes.itemText(0) == "Every cause (5)"
    view.choose_cause("AADSTS50105")
    assert names(page) == ["c.txt"]
    view.choose_cause("")
    assert len(names(page)) == 5


def test_it_is_judged_anew_by_what_is_chosen(page: InspectorPage, folder: Path) -> None:
    page.drop(folder)
    against = page.folder.against
    assert against.currentData() == ACCOUNT
    against.setCurrentIndex(against.findData(NOTHING))
    against.activated.emit(against.currentIndex())
    assert {r.verdict for r in page.folder.table.model_.rows} == {"unknown", "explained", "unreadable"}
    against.setCurrentIndex(against.findData(WHOEVER_FITS))
    against.activated.emit(against.currentIndex())
    assert [r.verdict for r in page.folder.table.model_.rows].count("accept") == 2


def test_what_is_on_show_is_exported_without_formulas(page: InspectorPage, folder: Path, tmp_path: Path) -> None:
    (folder / "=1+1.txt").write_text("AADSTS50105")
    page.drop(folder)
    page.folder.choose_cause("AADSTS50105")
    page.folder.save(tmp_path / "rows.csv", "csv")
    rows = list(csv.DictReader((tmp_path / "rows.csv").read_text("utf-8").splitlines()))
    assert [r["name"] for r in rows] == ["'=1+1.txt", "c.txt"]
    page.folder.save(tmp_path / "rows.jsonl", "jsonl")
    lines = (tmp_path / "rows.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["=1+1.txt", "c.txt"]
    (act,) = [act for words, act in page.folder.table.extra_actions if words == "Copy as text"]
    act(page.folder.table.model_.rows[1])
    assert QGuiApplication.clipboard().text().startswith("c.txt: Error text\n")


def test_a_folder_without_files_is_told(page: InspectorPage, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    page.drop(tmp_path / "empty")
    assert "holds no file" in page.folder.banner.text
    assert not page.folder.export.isEnabled()


def test_clearing_leaves_nothing_of_the_folder(page: InspectorPage, folder: Path) -> None:
    page.drop(folder)
    page.clear()
    assert page.first.isVisible()
    assert names(page) == []
    assert page.folder.folder is None


def test_it_is_stopped_between_two_files(desk: Desk, folder: Path) -> None:
    progress = Progress(lambda done, _total, _text: progress.cancel() if done == 1 else None)
    sink: Sink = deque()
    assert not judge_folder(progress, folder, Recipe(now=desk.sso.now()), sink, 1)
    assert len(sink) == 1
    with pytest.raises(Unlisted):
        judge_folder(progress, folder / "nowhere", Recipe(now=desk.sso.now()), sink, 1)


def test_other_processes_judge_while_the_window_is_free(qtbot: QtBot, desk: Desk, folder: Path) -> None:
    """Real jobs and real processes: rows arrive, and cancelling leaves those that are there."""
    for number in range(60):
        (folder / f"e{number:02}.xml").write_bytes((folder / "b.xml").read_bytes())
    jobs = Jobs()
    sink: Sink = deque()
    ended: list[bool] = []
    recipe = Recipe(now=desk.sso.now(), at="issue", workspace=desk.workspace.url, account=ACCOUNT)
    try:
        jobs.run_long(
            desk,
            judge_folder,
            folder,
            recipe,
            sink,
            2,
            then=ended.append,
            progressed=lambda *_: None,
            failed=ended.append,
        )
        qtbot.waitUntil(lambda: bool(ended), timeout=60_000)
        assert ended == [True]
        assert [r.verdict for rows in sink for r in rows].count("reject") == 61
    finally:
        jobs.shutdown()


def test_cancel_stops_it_and_keeps_what_was_judged(qtbot: QtBot, desk: Desk, folder: Path) -> None:
    for number in range(290):
        (folder / f"e{number:03}.xml").write_bytes((folder / "b.xml").read_bytes())
    desk.jobs = Jobs()
    page = InspectorPage(desk)
    qtbot.addWidget(page)
    page.show()
    try:
        page.drop(folder)
        qtbot.waitUntil(lambda: bool(names(page)), timeout=60_000)
        qtbot.mouseClick(page.folder.stop, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: not page.folder.running, timeout=60_000)
        assert page.folder.counts.text().startswith("Stopped after ")
        assert 0 < len(names(page)) < 290
        assert page.folder.export.isEnabled()
    finally:
        desk.jobs.shutdown()


def test_the_number_of_a_message_is_read_from_its_name() -> None:
    def row(name: str) -> Row:
        return Row("f", name, "Response", "accept")

    assert [message_of(row(n)) for n in ("a.har#2", "a.har", "c#", "#1", "a#x")] == [1, None, None, None, None]
