"""Small drawings: seats as a bar, logins as stacked columns, instants on an axis. Each is told to screen readers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFontMetrics,
    QHelpEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.gui import theme
from app.gui.axis import Axis
from app.gui.called_by_qt import called_by_qt
from app.gui.widgets import tip
from app.gui.wording import span


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

    @called_by_qt
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
        self.setMinimumHeight(80)
        self.setMouseTracking(True)

    @called_by_qt
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

    @called_by_qt
    def event(self, event: object) -> bool:
        if isinstance(event, QHelpEvent) and self._buckets:
            bucket = self._buckets[min(int(event.pos().x() / self._slot()), len(self._buckets) - 1)]
            text = f"{bucket.title}: {bucket.success} ok, {bucket.warning} with a warning, {bucket.failure} failed"
            QToolTip.showText(event.globalPos(), tip(text), self)
            return True
        return super().event(event)  # type: ignore[arg-type]  # Qt passes a QEvent

    @called_by_qt
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


@dataclass(frozen=True, slots=True)
class InstantMark:
    """One instant on an InstantChart. `role` as in app.saml.moments decides its shape; `detail` is shown on hover."""

    title: str
    at: datetime
    role: str
    detail: str


def clear_of(taken: tuple[float, float], left: float, width: float, *, room: tuple[float, float], x: float) -> float:
    """Where words of this width begin so that they do not run into those that are there already.

    Pixels. Words that would run into the `taken` stretch stand next to it instead: on the side of `x`, the place they
    speak of, if there is `room`.
    """
    gap = 6.0
    if left + width <= taken[0] - gap or left >= taken[1] + gap:
        return left
    before, after = taken[0] - gap - width, taken[1] + gap
    earlier = x < sum(taken) / 2
    return before if before >= room[0] and (earlier or after + width > room[1]) else after


class InstantChart(QWidget):
    """Instants of a message on one axis: what is good in between as a band, the skew around it, and two lines for the
    judged instant and the present. Long gaps are shortened and say how long they are."""

    _LANE = 17
    _TOP = 34
    _EDGE = 12

    def __init__(self) -> None:
        super().__init__()
        self._axis: Axis | None = None
        self._marks: tuple[InstantMark, ...] = ()
        self._good: tuple[datetime, datetime] | None = None
        self._skew = timedelta()
        self._judged: datetime | None = None
        self._now: datetime | None = None
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_instants(
        self,
        axis: Axis,
        marks: Sequence[InstantMark],
        good: tuple[datetime, datetime] | None,
        skew_s: int,
        judged: datetime,
        now: datetime,
    ) -> None:
        """Draw these; `good` is from when until when the message's own instants let it in."""
        self._axis, self._marks, self._good = axis, tuple(sorted(marks, key=lambda m: m.at)), good
        self._skew, self._judged, self._now = timedelta(seconds=skew_s), judged, now
        window = f"good from {good[0]:%H:%M:%S} to {good[1]:%H:%M:%S}" if good else "never good by its own instants"
        told = ", ".join(f"{m.title} {m.at:%Y-%m-%d %H:%M:%S}" for m in self._marks)
        self.setAccessibleName("Instants of the message")
        self.setAccessibleDescription(f"{told}. The message is {window}; judged as of {judged:%Y-%m-%d %H:%M:%S} UTC.")
        self.setFixedHeight(self._TOP + 16 + self._LANE * max(len(set(self._lanes().values())), 1) + 4)
        self.update()

    def _x(self, at: datetime) -> float:
        return self._EDGE + (self._axis.place(at) if self._axis else 0) * (self.width() - 2 * self._EDGE)

    def _words(self, m: InstantMark) -> str:
        return f"{m.title} {m.at:%H:%M:%S}"

    def _lanes(self) -> dict[int, int]:
        """The lane of each mark's words: the first one below the axis in which they do not run into others."""
        metrics = QFontMetrics(theme.font(11))
        ends: list[float] = []
        lanes: dict[int, int] = {}
        for number, m in enumerate(self._marks):
            start = self._start(m, metrics)
            lane = next((i for i, end in enumerate(ends) if end < start), len(ends))
            if lane == len(ends):
                ends.append(0.0)
            ends[lane] = start + metrics.horizontalAdvance(self._words(m)) + 12
            lanes[number] = lane
        return lanes

    def _start(self, m: InstantMark, metrics: QFontMetrics) -> float:
        """Where a mark's words begin: at the mark, or further left where they would run out of the chart."""
        width = metrics.horizontalAdvance(self._words(m))
        return max(2.0, min(self._x(m.at) + 4, self.width() - width - 4))

    @called_by_qt
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._axis is not None:
            self.setFixedHeight(self._TOP + 16 + self._LANE * max(len(set(self._lanes().values())), 1) + 4)

    @called_by_qt
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            near = [m for m in self._marks if abs(self._x(m.at) - event.pos().x()) <= 8]
            QToolTip.showText(event.globalPos(), tip("\n".join(f"{m.title}\n{m.detail}" for m in near)), self)
            return True
        return super().event(event)

    @called_by_qt
    def paintEvent(self, event: QPaintEvent) -> None:
        axis = self._axis
        if axis is None:
            return
        t = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.font(11))
        y = float(self._TOP)
        painter.setPen(Qt.PenStyle.NoPen)
        if self._good is not None:
            wide = [self._x(self._good[0] - self._skew), self._x(self._good[1] + self._skew)]
            painter.setBrush(QBrush(QColor(theme.tint(t.ok, 0.35)), Qt.BrushStyle.BDiagPattern))
            painter.drawRect(QRectF(wide[0], y - 9, wide[1] - wide[0], 18))
            first, last = (self._x(at) for at in self._good)
            painter.setBrush(QColor(theme.tint(t.ok, 0.22)))
            painter.drawRect(QRectF(first, y - 9, last - first, 18))
        painter.setPen(QPen(QColor(t.muted), 1.2))
        painter.drawLine(QPointF(self._EDGE, y), QPointF(self.width() - self._EDGE, y))
        self._draw_gaps(painter, axis, y)
        lanes, metrics = self._lanes(), QFontMetrics(theme.font(11))
        for number, m in enumerate(self._marks):
            x, base = self._x(m.at), y + 14 + self._LANE * lanes[number]
            painter.setPen(QPen(QColor(t.border), 1))
            painter.drawLine(QPointF(x, y + 6), QPointF(x, base + 6))
            self._draw_shape(painter, m.role, x, y)
            painter.setPen(QColor(t.text))
            painter.drawText(QPointF(self._start(m, metrics), base + 12), self._words(m))
        judged = self._judged if self._judged is not None and axis.holds(self._judged) else None
        taken: QRectF | None = None
        if judged is not None:
            words = f"judged {judged:%H:%M:%S}"
            taken = self._draw_line(painter, judged, words, t.accent, Qt.PenStyle.SolidLine)
        now = self._now
        if now is not None and axis.holds(now):
            same = judged is not None and abs((now - judged).total_seconds()) < 1
            self._draw_line(painter, now, "" if same else "now", t.text, Qt.PenStyle.DotLine, beside=taken)
        painter.end()

    def _draw_gaps(self, painter: QPainter, axis: Axis, y: float) -> None:
        """Say how long the stretches are that were shortened much, where there is room."""
        painter.setPen(QColor(theme.tokens().muted))
        metrics = painter.fontMetrics()
        for a, b in pairwise(axis.knots[1:-1]):
            left, right = self._x(a), self._x(b)
            if b - a < timedelta(hours=1):
                continue
            words = f"⋯ {span(b - a)} ⋯"
            if right - left > metrics.horizontalAdvance(words) + 16:
                at = (left + right - metrics.horizontalAdvance(words)) / 2
                painter.drawText(QPointF(at, y - 3), words)

    def _draw_line(
        self,
        painter: QPainter,
        at: datetime,
        words: str,
        colour: str,
        style: Qt.PenStyle,
        *,
        beside: QRectF | None = None,
    ) -> QRectF:
        """Draw a line across the axis with its words above it, and say where the words are.

        Where they would run into those that are there already (`beside`), they stand next to them instead.
        """
        x = self._x(at)
        painter.setPen(QPen(QColor(colour), 1.6, style))
        painter.drawLine(QPointF(x, 14), QPointF(x, self._TOP + 14))
        width = painter.fontMetrics().horizontalAdvance(words)
        left = max(2.0, min(x - width / 2, self.width() - width - 2))
        if beside is not None:
            left = clear_of((beside.left(), beside.right()), left, width, room=(2.0, self.width() - 2.0), x=x)
        painter.drawText(QPointF(left, 11), words)
        return QRectF(left, 0, width, 14)

    @staticmethod
    def _draw_shape(painter: QPainter, role: str, x: float, y: float) -> None:
        """A shape for each part: from here on, up to here, the rest as a dot, a square or a diamond."""
        t = theme.tokens()
        painter.setPen(QPen(QColor(t.surface), 1))
        painter.setBrush(QColor(t.ok if role == "not-before" else t.error if role == "not-on-or-after" else t.muted))
        corners = {
            "not-before": ((-1, -7), (6, 0), (-1, 7)),
            "not-on-or-after": ((1, -7), (-6, 0), (1, 7)),
            "authenticated": ((-5, 0), (0, -5), (5, 0), (0, 5)),
            "session": ((-4, -4), (4, -4), (4, 4), (-4, 4)),
        }.get(role)
        if corners is None:
            painter.drawEllipse(QPointF(x, y), 4.5, 4.5)
        else:
            painter.drawPolygon(QPolygonF([QPointF(x + dx, y + dy) for dx, dy in corners]))
