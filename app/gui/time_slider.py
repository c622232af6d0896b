"""A slider over the instants of a message: the time a message is judged as of, moved by mouse or keys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QSlider, QToolTip, QWidget

from app.gui import theme
from app.gui.axis import Axis
from app.gui.called_by_qt import called_by_qt
from app.gui.widgets import tip
from app.gui.wording import exact

_EDGE: Final = 10  # pixels at both ends, so that the handle is never cut
_FAST: Final = 10  # seconds by Shift and an arrow
_MOST_STEPS: Final = 2_000_000_000


class TimeSlider(QSlider):
    """Its value is in seconds from the start of the axis, or in several of them where it is longer than 60 years.

    `slid` is emitted with the instant a person moved it to. Left and Right move by one, with Shift by ten, Page Up and
    Page Down to the next instant of the message.
    """

    slid = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setAccessibleName("Judged as of, moved along the instants of the message")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(32)
        self.setMinimumWidth(140)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._axis: Axis | None = None
        self._unit = 1
        self._good: tuple[datetime, datetime] | None = None
        self._now: datetime | None = None
        self._at: datetime | None = None
        self.setEnabled(False)

    def show_axis(self, axis: Axis | None, good: tuple[datetime, datetime] | None, now: datetime) -> None:
        """Take another message's axis; `good` is from when until when its own instants let it in."""
        self._axis, self._good, self._now = axis, good, now
        self.setEnabled(axis is not None)
        if axis is not None:
            # Qt counts to 2^31, which is 68 years of seconds, and a message may name an instant in a hundred years.
            self._unit = axis.seconds // _MOST_STEPS + 1
            self.setRange(0, axis.seconds // self._unit)
        self.update()

    def show_instant(self, at: datetime) -> None:
        """Stand at an instant, without telling anybody. One off the axis is shown at its end, hollow."""
        self._at = at
        if self._axis is not None:
            within = min(max(at, self._axis.start), self._axis.end)
            self.setValue(int((within - self._axis.start).total_seconds()) // self._unit)
            where = "" if self._axis.holds(at) else ", outside of the instants of the message"
            self.setAccessibleDescription(f"{at:%Y-%m-%d %H:%M:%S} UTC{where}")
        self.update()

    @property
    def instant(self) -> datetime | None:
        """Where it stands; None without an axis."""
        return None if self._axis is None else self._axis.start + timedelta(seconds=self.value() * self._unit)

    def _go(self, at: datetime) -> None:
        if self._axis is None:
            return
        at = min(max(at, self._axis.start), self._axis.end).replace(microsecond=0)
        if at != self._at:
            self.show_instant(at)
            self.slid.emit(at)

    # Mouse and keys --------------------------------------------------------------------------------------------

    def _room(self) -> float:
        return max(self.width() - 2 * _EDGE, 1)

    def _x(self, at: datetime) -> float:
        return _EDGE + (self._axis.place(at) if self._axis else 0.0) * self._room()

    def _under(self, x: float) -> datetime | None:
        return self._axis.instant((x - _EDGE) / self._room()) if self._axis else None

    @called_by_qt
    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = self._under(event.position().x())
        if at is not None and event.button() == Qt.MouseButton.LeftButton:
            self._go(at)
            event.accept()

    @called_by_qt
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = self._under(event.position().x())
        if at is not None and event.buttons() & Qt.MouseButton.LeftButton:
            self._go(at)
            event.accept()

    @called_by_qt
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    @called_by_qt
    def keyPressEvent(self, event: QKeyEvent) -> None:
        axis, at = self._axis, self.instant
        if axis is None or at is None:
            return
        step = timedelta(seconds=self._unit * (_FAST if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1))
        moves = {
            Qt.Key.Key_Left: at - step,
            Qt.Key.Key_Down: at - step,
            Qt.Key.Key_Right: at + step,
            Qt.Key.Key_Up: at + step,
            Qt.Key.Key_PageUp: axis.next_knot(at),
            Qt.Key.Key_PageDown: axis.next_knot(at, back=True),
            Qt.Key.Key_Home: axis.start,
            Qt.Key.Key_End: axis.end,
        }
        to = moves.get(Qt.Key(event.key()))
        if to is None:
            event.ignore()
            return
        self._go(to)

    @called_by_qt
    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and self._axis is not None:
            at = self._under(event.pos().x())
            QToolTip.showText(event.globalPos(), tip(f"{exact(at)}\nArrows: a second. Page Up: the next one"), self)
            return True
        return super().event(event)

    # Drawing ---------------------------------------------------------------------------------------------------

    @called_by_qt
    def paintEvent(self, event: QPaintEvent) -> None:
        t = theme.tokens()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(t.border))
        painter.drawRoundedRect(QRectF(_EDGE, middle - 2, self._room(), 4), 2, 2)
        axis = self._axis
        if axis is None:
            painter.end()
            return
        if self._good is not None:
            first, last = (self._x(at) for at in self._good)
            painter.setBrush(QColor(theme.tint(t.ok, 0.55)))
            painter.drawRoundedRect(QRectF(first, middle - 3, max(last - first, 2), 6), 3, 3)
        painter.setPen(QPen(QColor(t.muted), 1.5))
        for knot in axis.knots[1:-1]:
            x = self._x(knot)
            painter.drawLine(QPointF(x, middle - 7), QPointF(x, middle + 7))
        if self._now is not None and axis.holds(self._now):
            x = self._x(self._now)
            painter.setPen(QPen(QColor(t.text), 1.5, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x, 2), QPointF(x, self.height() - 2))
        if self._at is not None:
            inside = axis.holds(self._at)
            painter.setPen(QPen(QColor(t.accent), 2))
            painter.setBrush(QColor(t.accent if inside else t.surface))
            painter.drawEllipse(QPointF(self._x(self._at), middle), 7, 7)
            if self.hasFocus():
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(QColor(t.accent), 1))
                painter.drawEllipse(QPointF(self._x(self._at), middle), 10, 10)
        painter.end()
