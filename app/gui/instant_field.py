"""A field for an instant, in UTC whatever the computer's own zone is."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QDateTime, QSignalBlocker, Qt, QTimeZone
from PySide6.QtGui import QTextCharFormat
from PySide6.QtWidgets import QDateTimeEdit


class InstantField(QDateTimeEdit):
    """Shows and takes an instant to the second. `name` is its accessible name, `form` the format, in Qt's letters.

    With `calendar` a month opens under it.
    """

    def __init__(self, name: str, form: str, *, calendar: bool = False) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setTimeZone(QTimeZone.utc())
        self.setDisplayFormat(form)
        self.setFixedHeight(32)
        if calendar:
            self.setCalendarPopup(True)
            month = self.calendarWidget()
            month.setMinimumWidth(330)  # or the names of the days are cut off
            for weekend in (Qt.DayOfWeek.Saturday, Qt.DayOfWeek.Sunday):
                month.setWeekdayTextFormat(weekend, QTextCharFormat())  # a red that cannot be read on dark

    @property
    def instant(self) -> datetime:
        """What it shows."""
        return datetime.fromtimestamp(self.dateTime().toSecsSinceEpoch(), UTC)

    def show_instant(self, at: datetime) -> None:
        """Show an instant, as if nobody had typed it."""
        with QSignalBlocker(self):
            self.setDateTime(QDateTime.fromSecsSinceEpoch(int(at.timestamp()), QTimeZone.utc()))
