"""When certificates and metadata end, of every account: a timeline, a list, and a calendar file with reminders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHeaderView, QWidget

from app.gui import theme
from app.gui.called_by_qt import called_by_qt
from app.gui.files import ask_save
from app.gui.pages.settings.section import Loaded, Section
from app.gui.tables import Column, Table
from app.gui.widgets import Card, button, column, label, retint, row, visible
from app.gui.wording import day, exact, in_days, plural, thumbprint

if TYPE_CHECKING:
    from app.gui.pages.settings.page import SettingsPage
    from app.sso import SSO, Ending

_FILES: Final = "Calendar (*.ics);;All files (*)"
_KINDS: Final = {"metadata": "Metadata", "signing": "Signing key", "own": "Our own key"}
_LANE: Final = 22
_NAMES: Final = 190
_MOST: Final = 12
_MARKS: Final = (90, 30, 7)


class ExpiryChart(QWidget):
    """A bar for each thing that ends, from now to its end; lines stand at 7, 30 and 90 days."""

    def __init__(self) -> None:
        super().__init__()
        self._endings: tuple[Ending, ...] = ()
        self._now: datetime | None = None
        self.setAccessibleName("Timeline of certificates")

    def show_endings(self, endings: Sequence[Ending], now: datetime) -> None:
        """Show the soonest of them."""
        self._endings, self._now = tuple(endings[:_MOST]), now
        told = (f"{e.title} ends {in_days(e.ends_at, now)}" for e in self._endings)
        self.setAccessibleDescription(". ".join(told))
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    @called_by_qt
    def sizeHint(self) -> QSize:
        return QSize(480, 26 + _LANE * max(len(self._endings), 1))

    @called_by_qt
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._now is None:
            return
        t = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(12))
        left, width = _NAMES, max(self.width() - _NAMES - 12, 1)
        longest = max((e.days for e in self._endings), default=0)
        scale = float(max(longest, 100))
        bottom = self.height() - 18
        for days in _MARKS:
            x = left + width * days / scale
            painter.setPen(QPen(QColor(t.border), 1, Qt.PenStyle.DashLine))
            painter.drawLine(int(x), 0, int(x), bottom)
            painter.setPen(QColor(t.muted))
            painter.drawText(QRectF(x - 24, bottom, 48, 18), Qt.AlignmentFlag.AlignCenter, f"{days} d")
        for lane, ending in enumerate(self._endings):
            y = lane * _LANE
            colour = {"error": t.error, "warning": t.warning}.get(_tone(ending), t.ok)
            painter.setPen(QColor(t.text))
            words = painter.fontMetrics().elidedText(_short(ending), Qt.TextElideMode.ElideRight, _NAMES - 12)
            painter.drawText(QRectF(0, y, _NAMES - 12, _LANE), Qt.AlignmentFlag.AlignVCenter, words)
            length = width * max(ending.days, 0) / scale
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(theme.tint(colour, 0.30)))
            painter.drawRoundedRect(QRectF(left, y + 6, max(length, 3), _LANE - 12), 4, 4)
            painter.setBrush(QColor(colour))
            painter.drawEllipse(QRectF(left + length - 4, y + _LANE / 2 - 4, 8, 8))
        painter.end()


class CertificatesSection(Section):
    """Everything that ends, in every account."""

    name = "certificates"
    title = "Certificates"

    def __init__(self, page: SettingsPage) -> None:
        super().__init__(page)
        self._now: datetime | None = None
        self._endings: tuple[Ending, ...] = ()
        self.words = label("", wrap=True)
        self.chart = ExpiryChart()
        self.table = Table[Any](
            "certificates",
            (
                Column("Account", lambda e: e.account_name, 130, tip=lambda e: e.imagekit_id),
                Column("What", lambda e: _KINDS[e.kind], 100),
                Column("Ends", self._left, 128, state=_tone, sort=lambda e: e.ends_at.timestamp()),
                Column("On", lambda e: day(e.ends_at), 96, tip=lambda e: exact(e.ends_at)),
                Column("Subject", lambda e: e.subject, 220),
                Column("SHA-256", lambda e: thumbprint(e.sha256), 240, mono=True),
            ),
        )
        self.table.horizontalHeader().setSectionResizeMode(4, QHeaderView.ResizeMode.Stretch)
        self.export_button = button(
            "Export calendar", self._export, icon="export", hint="Reminders 90, 30 and 7 days before, as an .ics file"
        )
        head = row(self.words, self.export_button)
        head.setStretch(0, 1)
        card = Card("Certificates of every account", head, self.chart, self.table)
        card.body.setStretch(card.body.indexOf(self.table), 1)
        self.setLayout(column(card, margins=(0, 12, 0, 0)))

    def _left(self, ending: Ending) -> str:
        assert self._now is not None
        return in_days(ending.ends_at, self._now).capitalize()

    def show_loaded(self, loaded: Loaded) -> None:
        self._now, self._endings = loaded.now, loaded.endings
        urgent = [e for e in loaded.endings if e.urgent]
        if not loaded.endings:
            self.words.setText(
                "Nothing is watched yet. Once metadata is saved, its certificates are watched here and on every "
                "screen, and told 90, 30 and 7 days before they end."
            )
        elif urgent:
            first = urgent[0]
            word, left = "ended" if first.days < 0 else "ends", in_days(first.ends_at, loaded.now)
            self.words.setText(visible(f"{first.title} {word} {left}: ask for the next one."))
        else:
            self.words.setText(
                f"{plural(len(loaded.endings), 'end')} watched: told 90, 30 and 7 days before, on every screen."
            )
        self.chart.setVisible(bool(loaded.endings))
        self.chart.show_endings(loaded.endings, loaded.now)
        self.table.setVisible(bool(loaded.endings))
        self.table.show_rows(loaded.endings)
        self.export_button.setEnabled(bool(loaded.endings))

    def restyle(self) -> None:
        retint(self.export_button)
        self.chart.update()

    def _export(self) -> None:
        ask_save(self, "Export calendar", "sso-certificates.ics", _FILES, self.export_to)

    def export_to(self, path: Path) -> None:
        """Write the calendar to this file."""
        self.work(_calendar, self.desk.sso, then=lambda data: self.write(data, path), channel="calendar")


def _tone(ending: Ending) -> str:
    if ending.days < 0 or (ending.step is not None and ending.step <= 7):
        return "error"
    return "warning" if ending.step is not None else "success"


def _short(ending: Ending) -> str:
    if ending.kind == "own":
        return visible(ending.account_name)
    return visible(f"{ending.account_name}, {_KINDS[ending.kind].lower()}")


def _calendar(sso: SSO) -> bytes:
    from app.sharing.calendar import calendar

    return calendar(sso.endings(), sso.now())
