"""Small drawings: seats as a bar, logins as stacked columns. Each has a text for screen readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.gui import theme
from app.gui.widgets import tip


class SeatBar(QWidget):
    """How many seats are used, of how many."""

    def __init__(self) -> None:
        super().__init__()
        self._used, self._limit, self._stale = 0, 1, 0
        self.setFixedHeight(12)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_seats(self, used: int, limit: int, stale: int = 0) -> None:
        """`stale` of the used seats are held by people who no longer log in."""
        self._used, self._limit, self._stale = used, max(limit, 1), stale
        self.setAccessibleName(f"{used} of {limit} seats used, {stale} of them by people who no longer log in")
        self.setToolTip(tip(self.accessibleName()))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        t = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        width = self.width()
        total = max(self._limit, self._used)
        painter.setBrush(QColor(t.hover))
        painter.drawRoundedRect(QRectF(0, 1, width, 10), 5, 5)
        painter.setBrush(QColor(t.error if self._used > self._limit else t.accent))
        painter.drawRoundedRect(QRectF(0, 1, width * self._used / total, 10), 5, 5)
        if self._stale:
            start = width * (self._used - self._stale) / total
            painter.setBrush(QColor(t.warning))
            painter.drawRoundedRect(QRectF(start, 1, width * self._stale / total, 10), 5, 5)
        painter.end()


@dataclass(frozen=True, slots=True)
class Bucket:
    """One column of a LoginChart. `title` is shown on hover."""

    title: str
    success: int
    warning: int
    failure: int


class LoginChart(QWidget):
    """Logins per span of time, stacked by outcome."""

    def __init__(self) -> None:
        super().__init__()
        self._buckets: tuple[Bucket, ...] = ()
        self.setMinimumHeight(110)
        self.setMouseTracking(True)

    def sizeHint(self) -> QSize:
        return QSize(320, 120)

    def show_buckets(self, buckets: Sequence[Bucket]) -> None:
        """Draw these columns, oldest first."""
        self._buckets = tuple(buckets)
        good = sum(b.success for b in buckets)
        warned = sum(b.warning for b in buckets)
        bad = sum(b.failure for b in buckets)
        self.setAccessibleName(f"{good} logins, {warned} with a warning, {bad} failed")
        self.update()

    def _slot(self) -> float:
        return self.width() / max(len(self._buckets), 1)

    def event(self, event: object) -> bool:
        if isinstance(event, QHelpEvent) and self._buckets:
            bucket = self._buckets[min(int(event.pos().x() / self._slot()), len(self._buckets) - 1)]
            text = f"{bucket.title}: {bucket.success} ok, {bucket.warning} with a warning, {bucket.failure} failed"
            QToolTip.showText(event.globalPos(), tip(text), self)
            return True
        return super().event(event)  # type: ignore[arg-type]  # Qt passes a QEvent

    def paintEvent(self, event: QPaintEvent) -> None:
        t = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height, slot = self.height() - 4, self._slot()
        most = max((b.success + b.warning + b.failure for b in self._buckets), default=0) or 1
        painter.setPen(QColor(t.border))
        painter.drawLine(0, self.height() - 2, self.width(), self.height() - 2)
        painter.setPen(Qt.PenStyle.NoPen)
        for number, b in enumerate(self._buckets):
            top = float(height)
            for count, colour in ((b.success, t.ok), (b.warning, t.warning), (b.failure, t.error)):
                if count:
                    tall = max(height * count / most, 3.0)
                    top -= tall
                    painter.setBrush(QColor(colour))
                    painter.drawRoundedRect(QRectF(number * slot + slot * 0.15, top, slot * 0.7, tall - 1), 2, 2)
        painter.end()
