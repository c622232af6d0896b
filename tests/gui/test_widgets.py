from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.gui import widgets
from app.gui.charts import clear_of
from app.gui.tables import Column, Table, neutral

HOSTILE = [
    "<img src='file:///etc/hostname'>",
    "<b>bold</b>",
    "\u202eevil",
    "zero\u200bwidth",
    "bell\x07",
    "<a href='javascript:x'>x</a>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_labels_show_text_as_text(qtbot: QtBot, text: str) -> None:
    made = widgets.label(text)
    qtbot.addWidget(made)
    assert made.textFormat() == Qt.TextFormat.PlainText
    assert made.text() == widgets.visible(text)


def test_invisible_characters_are_written_out() -> None:
    assert widgets.visible("a\u202eb") == "a⟨U+202E⟩b"
    assert widgets.visible("a\u200bb\x07") == "a⟨U+200B⟩b⟨U+0007⟩"
    assert widgets.visible("Zoë\tКирилл\n") == "Zoë\tКирилл\n"


@pytest.mark.parametrize("text", HOSTILE)
def test_tooltips_are_not_markup(text: str) -> None:
    shown = widgets.tip(text)
    assert "<img" not in shown
    assert "<a " not in shown
    assert "<b>" not in shown


def test_a_banner_says_one_sentence_and_acts(qtbot: QtBot) -> None:
    banner, pressed = widgets.Banner(), []
    qtbot.addWidget(banner)
    assert banner.text == ""
    banner.say("error", "It <i>failed</i>.", "Again", lambda: pressed.append(1))
    assert banner.text == "It <i>failed</i>."
    for child in banner.findChildren(QLabel):
        assert child.textFormat() == Qt.TextFormat.PlainText or not child.text()
    banner._action.click()
    assert pressed == [1]


def test_a_copy_row_copies(qtbot: QtBot) -> None:
    made = widgets.CopyRow("Identifier", "https://imagekit.io/saml/consume#ik_7x2k")
    qtbot.addWidget(made)
    made.show()
    made.copy.click()
    assert QGuiApplication.clipboard().text() == "https://imagekit.io/saml/consume#ik_7x2k"


@dataclass(frozen=True)
class Person:
    name: str
    state: str
    seats: int


PEOPLE = [Person("Ada", "success", 3), Person("grace", "failure", 1), Person("Linus", "warning", 2)]
COLUMNS = (
    Column[Person]("Name", lambda p: p.name),
    Column[Person]("State", lambda p: "", state=lambda p: p.state),
    Column[Person]("Seats", lambda p: str(p.seats), sort=lambda p: p.seats, right=True),
)


@pytest.fixture
def table(qtbot: QtBot) -> Table[Person]:
    made: Table[Person] = Table("people", COLUMNS, multiple=True)
    qtbot.addWidget(made)
    made.show_rows(PEOPLE)
    made.show()
    return made


def names(table: Table[Person]) -> list[str]:
    return [p.name for p in table.model_.rows]


def test_a_table_sorts_and_filters(table: Table[Person]) -> None:
    table.sortByColumn(2, Qt.SortOrder.DescendingOrder)
    assert names(table) == ["Ada", "Linus", "grace"]
    table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert names(table) == ["Ada", "grace", "Linus"]
    table.model_.filter("GRA")
    assert names(table) == ["grace"]
    assert table.model_.total == 3


def test_enter_opens_and_ctrl_c_copies(table: Table[Person], qtbot: QtBot) -> None:
    opened: list[Person] = []
    table.opened.connect(opened.append)
    assert table.select_where(lambda p: p.name == "Linus")
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert opened == [PEOPLE[2]]
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "Linus\t\t2"


def test_column_widths_are_remembered(table: Table[Person], qtbot: QtBot) -> None:
    table.setColumnWidth(0, 233)
    again: Table[Person] = Table("people", COLUMNS)
    qtbot.addWidget(again)
    assert again.columnWidth(0) == 233


def test_the_next_page_is_asked_for_once(qtbot: QtBot) -> None:
    made: Table[Person] = Table("paged", COLUMNS)
    qtbot.addWidget(made)
    asked = []
    made.model_.more = lambda: asked.append(1)
    made.model_.fetchMore(made.rootIndex())
    made.model_.fetchMore(made.rootIndex())
    made.model_.append(PEOPLE)
    assert asked == [1]
    assert names(made) == ["Ada", "grace", "Linus"]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "＝cmd"])
def test_no_cell_becomes_a_formula(cell: str) -> None:
    assert neutral(cell) == "'" + cell


def test_csv_is_what_is_shown(table: Table[Person]) -> None:
    table.model_.filter("ada")
    assert list(csv.reader(io.StringIO(table.model_.as_csv()))) == [["Name", "State", "Seats"], ["Ada", "", "3"]]


@pytest.mark.parametrize(
    ("left", "x", "expected"),
    [
        (10.0, 30.0, 10.0),  # far enough to the left
        (310.0, 330.0, 310.0),  # far enough to the right
        (205.0, 225.0, 154.0),  # it would run into them, and speaks of something before them
        (255.0, 275.0, 306.0),  # and after them
    ],
)
def test_words_of_two_lines_do_not_run_into_each_other(left: float, x: float, expected: float) -> None:
    assert clear_of((200.0, 300.0), left, 40.0, room=(2.0, 600.0), x=x) == expected


def test_words_stand_where_there_is_room_for_them() -> None:
    assert clear_of((10.0, 90.0), 20.0, 40.0, room=(2.0, 600.0), x=20.0) == 96.0
    assert clear_of((500.0, 590.0), 560.0, 40.0, room=(2.0, 600.0), x=580.0) == 454.0
