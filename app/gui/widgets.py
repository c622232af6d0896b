"""The small parts every page is built from. Everything shown is plain text; nothing pasted is ever markup."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from PySide6.QtCore import QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from app.gui import theme
from app.gui.called_by_qt import called_by_qt

Tone = Literal["", "muted", "error", "warning", "ok", "accent"]
#: What rows and columns are made of: a widget, a layout, a stretch, or nothing.
Part = QWidget | QLayout | int | None
ButtonKind = Literal["", "primary", "danger", "flat", "nav"]

#: state -> (word, icon, token name): colour is never alone.
STATES: dict[str, tuple[str, str, str]] = {
    "pass": ("Pass", "ok", "ok"),
    "fail": ("Error", "error", "error"),
    "warn": ("Warning", "warning", "warning"),
    "info": ("Info", "info", "accent"),
    "skipped": ("Skipped", "skipped", "warning"),
    "not-applicable": ("n/a", "skipped", "muted"),
    "success": ("Success", "ok", "ok"),
    "warning": ("Warning", "warning", "warning"),
    "failure": ("Failure", "error", "error"),
    "error": ("Error", "error", "error"),
    "accept": ("Accepted", "ok", "ok"),
    "sound": ("Nothing wrong", "ok", "ok"),
    "reject": ("Rejected", "error", "error"),
    "refused-by-idp": ("Refused by the IdP", "stop", "warning"),
    "not-provisioned": ("Not let in", "user", "warning"),
    "unknown": ("Not judged", "help", "accent"),
}


def visible(text: str) -> str:
    """The text with control, zero-width and bidirectional characters written out, e.g. ⟨U+202E⟩."""
    if text.replace("\n", "").replace("\t", "").isprintable():  # nothing that is written out below counts as printable
        return text
    shown = []
    for c in text:
        if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
            shown.append(c)
        else:
            shown.append(f"⟨U+{ord(c):04X}⟩")
    return "".join(shown)


def tip(text: str) -> str:
    """A tooltip that cannot be taken for rich text, wrapped to a readable width."""
    escaped = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<qt>{escaped.replace(chr(10), '<br>')}</qt>" if escaped else ""


def label(text: str = "", *, tone: Tone = "", size: float = 13, bold: bool = False, wrap: bool = False) -> QLabel:
    """A label that shows exactly this text. The only way labels are made in this program."""
    made = QLabel(visible(text))
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setFont(theme.font(size, QFont.Weight.DemiBold if bold else QFont.Weight.Normal))
    made.setWordWrap(wrap)
    if wrap:
        made.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    if tone:
        made.setProperty("tone", tone)
    return made


def mono_label(text: str = "", *, tone: Tone = "", wrap: bool = False) -> QLabel:
    """A label for identifiers: monospaced, selectable with mouse and keyboard."""
    made = label(text, tone=tone, wrap=wrap)
    made.setFont(theme.mono())
    made.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    return made


def retone(widget: QWidget, tone: Tone) -> None:
    """Change a label's tone after it was made."""
    widget.setProperty("tone", tone)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def button(
    text: str,
    on_click: Callable[[], object] | None = None,
    *,
    icon: str | None = None,
    kind: ButtonKind = "",
    shortcut: str | None = None,
    hint: str = "",
) -> QPushButton:
    """A push button with one of our icons; the shortcut is shown in its tooltip."""
    made = QPushButton(text)
    if kind:
        made.setProperty("kind", kind)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    if icon:
        made.setProperty("icon_name", icon)
        retint(made)
        made.setIconSize(QSize(16, 16))
    if shortcut:
        made.setShortcut(QKeySequence(shortcut))
        hint = f"{hint or text} ({QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)})"
    if hint:
        made.setToolTip(tip(hint))
    made.setAccessibleName(text or hint)
    if on_click is not None:
        made.clicked.connect(lambda _checked=False: on_click())
    return made


def retint(widget: QPushButton) -> None:
    """Give a button's icon the colour of the current theme."""
    name = widget.property("icon_name")
    if not name:
        return
    t = theme.tokens()
    colour = {"primary": t.on_accent, "danger": t.error}.get(widget.property("kind") or "", t.text)
    if widget.property("kind") == "nav":
        colour = t.accent if widget.isChecked() else t.muted
    widget.setIcon(theme.icon(name, colour))


def line_edit(text: str = "", *, placeholder: str = "", name: str = "", read_only: bool = False) -> QLineEdit:
    """A one-line field with an accessible name."""
    made = QLineEdit(text)
    made.setPlaceholderText(placeholder)
    made.setAccessibleName(name or placeholder)
    made.setReadOnly(read_only)
    made.setMaxLength(20_000)
    return made


def number_field(name: str, low: int, high: int, *, suffix: str = "") -> QSpinBox:
    """A field for a whole number from `low` to `high`; the unit stands behind it."""
    made = QSpinBox()
    made.setAccessibleName(name)
    made.setRange(low, high)
    made.setGroupSeparatorShown(True)
    made.setSuffix(suffix)
    made.setFixedHeight(32)
    made.lineEdit().setTextMargins(8, 0, 8, 0)  # the style sheet's padding does not reach the inner field
    return made


def search_field(placeholder: str, on_change: Callable[[str], object]) -> QLineEdit:
    """A field that reports what is typed after a short pause (150 ms)."""
    made = line_edit(placeholder=placeholder)
    made.addAction(theme.icon("search", theme.tokens().muted), QLineEdit.ActionPosition.LeadingPosition)
    made.setClearButtonEnabled(True)
    pause = QTimer(made)
    pause.setSingleShot(True)
    pause.setInterval(150)
    pause.timeout.connect(lambda: on_change(made.text()))
    made.textChanged.connect(lambda _t: pause.start())
    return made


def row(*parts: Part, spacing: int = 8, margins: tuple[int, int, int, int] = (0, 0, 0, 0)) -> QHBoxLayout:
    """Parts side by side; an int is a stretch, None is skipped."""
    made = QHBoxLayout()
    _fill(made, parts, spacing, margins)
    return made


def column(*parts: Part, spacing: int = 8, margins: tuple[int, int, int, int] = (0, 0, 0, 0)) -> QVBoxLayout:
    """Parts under each other; an int is a stretch, None is skipped."""
    made = QVBoxLayout()
    _fill(made, parts, spacing, margins)
    return made


def _fill(box: QBoxLayout, parts: Iterable[Part], spacing: int, margins: tuple[int, int, int, int]) -> None:
    box.setSpacing(spacing)
    box.setContentsMargins(*margins)
    for part in parts:
        if isinstance(part, QWidget):
            box.addWidget(part)
        elif isinstance(part, QLayout):
            box.addLayout(part)
        elif isinstance(part, int):
            box.addStretch(part)


def clear(layout: QLayout) -> None:
    """Remove and delete everything in a layout."""
    while layout.count():
        item = layout.takeAt(0)
        if item is None:
            break
        inner, widget = item.layout(), item.widget()
        if inner is not None:
            clear(inner)
        if widget is not None:
            widget.hide()
            widget.deleteLater()


def mark(state: str) -> QLabel:
    """The small icon of a state: error, warning, ok or info."""
    t = theme.tokens()
    made = QLabel()
    made.setPixmap(theme.pixmap(state, {"error": t.error, "warning": t.warning, "ok": t.ok}.get(state, t.accent), 16))
    made.setFixedWidth(18)
    made.setAccessibleName(state)
    return made


def line() -> QFrame:
    """A hairline."""
    made = QFrame()
    made.setObjectName("line")
    return made


class Card(QFrame):
    """A surface with a hairline border. `body` is where its parts go; an optional title stands on top."""

    def __init__(self, title: str = "", *parts: Part, actions: Sequence[QWidget] = ()) -> None:
        super().__init__()
        self.setObjectName("card")
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 14, 16, 14)
        self.body.setSpacing(8)
        self.title = label(title, bold=True)
        if title or actions:
            self.body.addLayout(row(self.title, 1, *actions))
        self.title.setVisible(bool(title))
        for part in parts:
            self.add(part)

    def add(self, part: Part) -> None:
        """Put a part at the end."""
        if isinstance(part, QWidget):
            self.body.addWidget(part)
        elif isinstance(part, QLayout):
            self.body.addLayout(part)
        elif isinstance(part, int):
            self.body.addStretch(part)


class Figure(QFrame):
    """A number with a caption, in a card of its own."""

    def __init__(self, caption: str, value: str = "0", tone: Tone = "") -> None:
        super().__init__()
        self.setObjectName("card")
        self.value = label(value, size=24, bold=True, tone=tone)
        self.caption = label(caption, tone="muted")
        layout = column(self.value, self.caption, spacing=0, margins=(16, 10, 16, 10))
        self.setLayout(layout)
        self.setAccessibleName(f"{value} {caption}")

    def show_value(self, value: str, caption: str | None = None, tone: Tone = "") -> None:
        """Change what it says."""
        self.value.setText(visible(value))
        if caption is not None:
            self.caption.setText(visible(caption))
        retone(self.value, tone)
        self.setAccessibleName(f"{value} {self.caption.text()}")


class Pill(QWidget):
    """A state as a word in a tinted capsule, e.g. Error, Warning, Pass."""

    def __init__(self, state: str = "", word: str | None = None) -> None:
        super().__init__()
        self.state, self.word = state, word or ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.show_state(state, word)

    def show_state(self, state: str, word: str | None = None) -> None:
        """Change the state; the word defaults to the state's own."""
        self.state = state
        self.word = word if word is not None else STATES.get(state, (state, "", ""))[0]
        self.setAccessibleName(self.word)
        if not self.word:
            self.hide()
        elif self.parentWidget() is not None:  # shown without a parent, it would be a window of its own
            self.show()
        self.updateGeometry()
        self.update()

    @called_by_qt
    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance(self.word) + 38, 24)

    @called_by_qt
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_pill(painter, self.rect(), self.state, self.word, self.font())
        painter.end()


def paint_pill(painter: QPainter, rect: QRect, state: str, word: str, base: QFont) -> None:
    """Draw a pill at the left of `rect` (a QRect). Shared by Pill and the tables."""
    _, icon, token = STATES.get(state, (word, "info", "accent"))
    colour = getattr(theme.tokens(), token)
    font = theme.font(12, QFont.Weight.DemiBold)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(font)
    width = painter.fontMetrics().horizontalAdvance(word) + 34
    box = QRect(rect.left(), rect.center().y() - 11, min(width, rect.width()), 22)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(theme.tint(colour, 0.12)))
    painter.drawRoundedRect(box, 11, 11)
    painter.drawPixmap(box.left() + 7, box.top() + 4, theme.pixmap(icon, colour, 14))
    painter.setPen(QColor(colour))
    painter.drawText(box.adjusted(25, 0, -6, 0), int(Qt.AlignmentFlag.AlignVCenter), word)
    painter.restore()


class Banner(QFrame):
    """One sentence in a tinted strip with an optional action: errors inline, where they belong."""

    def __init__(self, *, slim: bool = False) -> None:
        """`slim` where it stands among other things and room is dear."""
        super().__init__()
        self._icon = QLabel()
        self._text = label("", wrap=True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._action = button("")
        self._action.hide()
        self._on_action: Callable[[], object] | None = None
        self._action.clicked.connect(lambda: self._on_action() if self._on_action else None)
        self._state = "info"
        layout = row(
            self._icon, self._text, self._action, spacing=10, margins=(12, 4, 12, 4) if slim else (12, 8, 12, 8)
        )
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.hide()

    @property
    def text(self) -> str:
        """The sentence that is shown; "" when hidden."""
        return self._text.text() if not self.isHidden() else ""

    def say(self, state: str, text: str, action: str = "", on_action: Callable[[], object] | None = None) -> None:
        """Show a sentence; `state` as in STATES."""
        self._state = state
        self._text.setText(visible(text))
        self._text.setAccessibleName(text)
        self._action.setText(action)
        self._action.setAccessibleName(action)
        self._action.setVisible(bool(action))
        self._on_action = on_action
        self.restyle()
        self.show()

    def restyle(self) -> None:
        """Follow the theme."""
        _, icon, token = STATES.get(self._state, ("", "info", "accent"))
        colour = getattr(theme.tokens(), token)
        self._icon.setPixmap(theme.pixmap(icon, colour, 18))
        self._icon.setFixedWidth(20)
        self.setStyleSheet(
            f"Banner {{ background: {theme.tint(colour, 0.10)}; border: 1px solid {theme.tint(colour, 0.35)};"
            " border-radius: 8px; }"
        )


class EmptyState(QWidget):
    """What a page shows before there is anything to show: what this is, and the first step as a button."""

    def __init__(self, icon: str, title: str, text: str, *actions: QPushButton) -> None:
        super().__init__()
        self._icon_name = icon
        self._icon = QLabel()
        self._icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        head = label(title, size=16, bold=True)
        head.setAlignment(Qt.AlignmentFlag.AlignCenter)
        body = label(text, tone="muted", wrap=True)
        body.setAlignment(Qt.AlignmentFlag.AlignCenter)
        body.setMinimumWidth(300)
        body.setMaximumWidth(460)
        self.setLayout(
            column(1, self._icon, head, row(1, body, 1), row(1, *actions, 1), 1, spacing=10, margins=(24, 24, 24, 24))
        )
        self.restyle()

    def restyle(self) -> None:
        """Follow the theme."""
        self._icon.setPixmap(theme.pixmap(self._icon_name, theme.tokens().muted, 40))


class CopyRow(QWidget):
    """A caption, a value that can be selected, and a button that copies it."""

    copied = Signal(str)

    def __init__(self, caption: str, value: str, caption_width: int = 190) -> None:
        super().__init__()
        name = label(caption, tone="muted")
        name.setFixedWidth(caption_width)
        name.setWordWrap(True)
        self.value = line_edit(value, name=caption, read_only=True)
        self.value.setFont(theme.mono())
        self.value.setCursorPosition(0)
        self.copy = button("", self._copy, icon="copy", kind="flat", hint=f"Copy {caption}")
        self.setLayout(row(name, self.value, self.copy))

    def show_value(self, value: str) -> None:
        """Change the value."""
        self.value.setText(value)
        self.value.setCursorPosition(0)

    def _copy(self) -> None:
        copy_text(self.value.text(), self.copy)
        self.copied.emit(self.value.text())


def copy_text(text: str, near: QWidget | None = None) -> None:
    """Put plain text on the clipboard and say so beside the widget."""
    QGuiApplication.clipboard().setText(text)
    if near is not None:
        QToolTip.showText(near.mapToGlobal(near.rect().bottomLeft()), "Copied", near, near.rect(), 1200)


def scrolled(inner: QWidget) -> QScrollArea:
    """A widget in a vertical scroll area without a frame."""
    inner.setObjectName(inner.objectName() or "scrolled")
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inner)
    return area


def reveal(made: QWidget) -> None:
    """Scroll to a widget that has just been shown, once it has its place."""

    def scroll() -> None:
        above = made.parentWidget()
        while above is not None and not isinstance(above, QScrollArea):
            above = above.parentWidget()
        if above is not None and made.isVisible():
            above.ensureWidgetVisible(made, 0, 12)

    QTimer.singleShot(0, made, scroll)


def confirm(parent: QWidget, title: str, text: str, action: str, *, danger: bool = True) -> bool:
    """Ask before something is lost. True when the user chose `action`; Escape and the default are Cancel."""
    box = QMessageBox(parent)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(visible(title))
    box.setInformativeText(visible(text))
    box.setIconPixmap(theme.pixmap("warning", theme.tokens().warning, 32))
    go = box.addButton(action, QMessageBox.ButtonRole.AcceptRole)
    if danger:
        go.setProperty("kind", "danger")
    cancel = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(cancel)
    box.setEscapeButton(cancel)
    box.exec()
    return box.clickedButton() is go
