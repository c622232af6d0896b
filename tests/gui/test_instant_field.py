"""The field for an instant: UTC in any zone (the tests run in one that is not), and nothing happens by showing one."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.gui.instant_field import InstantField

AT = datetime(2026, 11, 23, 20, 36, 5, tzinfo=UTC)


def test_it_shows_and_gives_the_same_instant(qtbot):
    field = InstantField("Time", "yyyy-MM-dd HH:mm:ss")
    qtbot.addWidget(field)
    heard = []
    field.dateTimeChanged.connect(heard.append)
    field.show_instant(AT)
    assert field.text() == "2026-11-23 20:36:05"
    assert field.instant == AT
    assert heard == []


def test_what_is_typed_is_utc(qtbot):
    field = InstantField("Time", "yyyy-MM-dd HH:mm:ss")
    qtbot.addWidget(field)
    field.show_instant(AT)
    field.show()
    field.setSelectedSection(InstantField.Section.HourSection)
    QTest.keyClicks(field, "07")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert field.instant == AT.replace(hour=7)


def test_the_names_of_the_days_are_not_cut_off(qtbot):
    field = InstantField("Time", "yyyy-MM-dd HH:mm:ss", calendar=True)
    qtbot.addWidget(field)
    month = field.calendarWidget()
    names = [field.locale().dayName(n, field.locale().FormatType.ShortFormat) for n in range(1, 8)]
    assert month.minimumWidth() / 7 > max(month.fontMetrics().horizontalAdvance(name) for name in names)
