"""Comparing as a person does it: paste two, read what matters, unfold the rest, swap, save."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.gui.desk import Desk
from app.gui.pages.compare import ComparePage
from app.saml.compare_sources import Source
from simulator import Idp, KeyRing, default_tenant
from tests.gui.desks import real_desk
from tests.saml.recordings import entry, har, quoted


@pytest.fixture(scope="module")
def idp() -> Idp:
    from datetime import UTC, datetime

    def clock() -> datetime:
        return datetime(2026, 11, 23, 20, 36, tzinfo=UTC)

    return Idp(default_tenant(), KeyRing.in_memory(clock), clock)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with real_desk() as made:
        yield made


@pytest.fixture
def page(qtbot: QtBot, desk: Desk) -> ComparePage:
    made = ComparePage(desk)
    qtbot.addWidget(made)
    made.resize(1064, 776)
    made.show()
    return made


def issue(idp: Idp, username: str) -> str:
    return base64.b64encode(idp.issue(username, idp.tenant.applications[0]).xml).decode()


def test_a_clipboard_that_holds_nothing_is_told_in_one_sentence(qtbot: QtBot, page: ComparePage) -> None:
    QGuiApplication.clipboard().clear()
    page.paste_next()
    assert page.banner.text == "The clipboard holds no text. Copy a SAMLResponse or metadata first."


def paste(page: ComparePage, side: str, text: str) -> None:
    mime = QMimeData()
    mime.setText(text)
    page.boxes["first" if side == "first" else "second"].insertFromMimeData(mime)


def test_the_empty_page_teaches(page: ComparePage) -> None:
    assert page.empty.isVisible()
    assert not page.export.isEnabled()


def test_two_logins_differ_by_person_and_the_rest_is_folded(page: ComparePage, idp: Idp) -> None:
    paste(page, "first", issue(idp, "ada"))
    assert page.empty.isVisible(), "one message is not enough"
    paste(page, "second", issue(idp, "grace"))
    rows = page.table.model_.rows
    values = {(d.first, d.second) for d in rows}
    assert ("ada@acme-media.test", "grace@acme-media.test") in values
    assert ("account_administrator", "developer") in values
    assert not any(d.expected for d in rows)
    assert page.counts.text() == f"{len(rows)} differences"
    page.expected.setChecked(True)
    more = page.table.model_.rows
    assert len(more) > len(rows)
    assert any(d.where.endswith("SignatureValue") for d in more)
    assert [d.expected for d in more] == sorted(d.expected for d in more), "what matters stands first"


def test_swapping_exchanges_the_sides(qtbot: QtBot, page: ComparePage, idp: Idp) -> None:
    page.open((issue(idp, "ada"), issue(idp, "grace")))
    qtbot.mouseClick(page.swap, Qt.MouseButton.LeftButton)
    assert ("grace@acme-media.test", "ada@acme-media.test") in {(d.first, d.second) for d in page.table.model_.rows}


def test_the_inspectors_message_becomes_the_first(page: ComparePage, idp: Idp) -> None:
    page.open(("first", issue(idp, "ada").encode()))
    QGuiApplication.clipboard().setText(issue(idp, "ada"))
    page.paste_next()
    assert page.counts.text() == "Nothing differs but what always does"
    assert page.table.model_.rows == []


def test_typed_text_is_compared_with_the_button(qtbot: QtBot, page: ComparePage) -> None:
    qtbot.keyClicks(page.boxes["first"], "<a x='1'/>")
    qtbot.mouseClick(page.run, Qt.MouseButton.LeftButton)
    assert page.banner.text == "The second message is missing. Paste it, or open a file."
    qtbot.keyClicks(page.boxes["second"], "<a x='2'/>")
    qtbot.keyClick(page.boxes["second"], Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    (only,) = page.table.model_.rows
    assert (only.label, only.where, only.first, only.second) == ("a › x", "/a/@x", "1", "2")
    assert page.counts.text() == "1 difference"


def test_metadata_can_be_compared_from_files(page: ComparePage, idp: Idp, tmp_path: Path) -> None:
    first, second = tmp_path / "old.xml", tmp_path / "new.xml"
    first.write_bytes(idp.metadata())
    second.write_bytes(idp.metadata().replace(b"/sso", b"/login"))
    assert page.drop(first)
    assert page.drop(second)
    labels = [d.label for d in page.table.model_.rows]
    assert labels == [f"Identity provider › Login address ({b})" for b in ("HTTP-Redirect", "HTTP-POST")]
    assert page.kinds["first"].text() == "IdP metadata"
    assert "from https://" in page.kinds["first"].toolTip()


def test_what_cannot_be_read_is_named_by_its_side(page: ComparePage, idp: Idp) -> None:
    page.open((issue(idp, "ada"), "<!DOCTYPE a><a/>"))
    assert page.banner.text.startswith("The second message cannot be compared:")
    assert page.table.model_.rows == []
    page.open(("certainly no message", issue(idp, "ada")))
    assert page.banner.text.startswith("The first message cannot be compared:")


def test_differences_are_copied_and_saved(page: ComparePage, tmp_path: Path) -> None:
    page.open(("<a x='1'>\u202e</a>", "<a x='=2'>\u202e</a>"))
    page.copy_differences()
    assert QGuiApplication.clipboard().text() == "Changed: a › x\n  First: 1\n  Second: =2\n  At: /a/@x"
    page.copy_json()
    assert json.loads(QGuiApplication.clipboard().text())[0]["change"] == "changed"
    page.save(tmp_path / "differences.csv")
    assert (tmp_path / "differences.csv").read_text("utf-8").splitlines()[1] == '"Changed","a › x","1","\'=2","/a/@x"'


def test_an_empty_clipboard_is_told(page: ComparePage) -> None:
    QGuiApplication.clipboard().setText("")
    page.paste_next()
    assert page.banner.text.startswith("The clipboard holds no text.")


def test_searching_narrows_the_differences(qtbot: QtBot, page: ComparePage, idp: Idp) -> None:
    page.open((issue(idp, "ada"), issue(idp, "grace")))
    qtbot.keyClicks(page.search, "imagekit_role")
    qtbot.waitUntil(lambda: len(page.table.model_.rows) == 1)


def test_hostile_strings_stay_text(page: ComparePage) -> None:
    page.open(("<a>&lt;img src='file:///etc/passwd'>\u202e</a>", "<a>plain</a>"))
    model = page.table.model_
    cell = model.data(model.index(0, 2), Qt.ItemDataRole.DisplayRole)
    assert cell == "<img src='file:///etc/passwd'>⟨U+202E⟩"
    assert "<img" not in model.data(model.index(0, 2), Qt.ItemDataRole.ToolTipRole)
    assert "\u202e" not in page.boxes["first"].toPlainText()
    for widget in page.findChildren(QLabel):
        assert widget.textFormat() == Qt.TextFormat.PlainText or not widget.text()


def test_a_long_paste_is_kept_whole_and_shown_in_part(page: ComparePage) -> None:
    text = "<a>" + "x" * 100_000 + "</a>"
    paste(page, "first", text)
    assert page.boxes["first"].source == text
    assert len(page.boxes["first"].toPlainText()) < 21_000
    paste(page, "second", text.replace("xx</a>", "xy</a>"))
    assert len(page.table.model_.rows) == 1


def test_of_a_recording_the_message_is_chosen_beside_it(qtbot: QtBot, page: ComparePage, idp: Idp) -> None:
    ada, grace = issue(idp, "ada"), issue(idp, "grace")
    both = har(*(entry("https://sp.test/acs", method="POST", text=f"SAMLResponse={quoted(m)}") for m in (ada, grace)))
    page.open((ada, Source(both, "two.har")))
    assert page.banner.text.startswith("The second holds 2 messages; choose the one to compare.")
    choice = page.choices["second"]
    assert choice.isVisible()
    assert not page.choices["first"].isVisible()
    choice.setFocus()
    qtbot.keyClick(choice, Qt.Key.Key_Down)
    assert choice.currentText() == "two.har#1 (Response)"
    assert page.counts.text() == "Nothing differs but what always does"
    qtbot.keyClick(choice, Qt.Key.Key_Down)
    assert ("ada@acme-media.test", "grace@acme-media.test") in {(d.first, d.second) for d in page.table.model_.rows}
    page.take("second", grace)
    assert not choice.isVisible()


def test_a_near_miss_is_explained_below_the_table(page: ComparePage) -> None:
    page.open(("<a x='https://sp.test/acs'/>", "<a x='https://sp.test/acs/'/>"))
    assert not page.hint.isVisible()
    page.table.selectRow(0)
    assert page.hint.text() == "It has a trailing slash too many."
    assert page.place.text() == "/a/@x"


def test_what_differs_always_is_named_for_what_it_is(page: ComparePage, idp: Idp) -> None:
    page.open((issue(idp, "ada"), issue(idp, "ada")))
    page.expected.setChecked(True)
    model = page.table.model_
    words = {model.data(model.index(n, 0), Qt.ItemDataRole.DisplayRole) for n in range(model.rowCount())}
    assert words == {"New ID", "New value"}
