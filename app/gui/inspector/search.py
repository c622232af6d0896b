"""Finding a text in a message and its judgement: elements, attributes, findings and claims, one hit after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from app.gui.called_by_qt import called_by_qt
from app.gui.examine import Examined, claim_rows
from app.gui.findings import Finding
from app.gui.inspector.finding_list import holds
from app.gui.widgets import button, label, row, search_field
from app.saml.outline import Node

HitKind = Literal["finding", "claim", "element", "attribute", "text", "comment", "instruction"]
#: More are not counted: nobody steps through them.
MOST_HITS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Hit:
    """One place that holds the text. `key` is the check's id of a finding, "" otherwise."""

    kind: HitKind
    where: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Hits:
    """Every hit for a text: findings, then claims, then the document in its order."""

    needle: str
    hits: tuple[Hit, ...]
    more: bool


def search(examined: Examined, rows: Sequence[Finding], needle: str) -> Hits:
    """Look for a text, in any case. Findings that do not apply are left out."""
    sought = needle.strip().lower()
    found: list[Hit] = []
    for hit in _hits(examined, rows, sought) if sought else ():
        if len(found) == MOST_HITS:
            return Hits(needle, tuple(found), True)
        found.append(hit)
    return Hits(needle, tuple(found), False)


def _hits(examined: Examined, rows: Sequence[Finding], sought: str) -> Iterator[Hit]:
    for f in rows:
        if f.status != "not-applicable" and sought in holds(f):
            yield Hit("finding", f.where or "", f.id)
    for c in claim_rows(examined.report):
        if sought in f"{c.name}\n{c.value}".lower():
            yield Hit("claim", c.where)
    for laid in (examined.document, examined.inner):
        if laid is not None and laid.outline.root is not None:
            yield from _below(laid.outline.root, sought)


def _below(root: Node, sought: str) -> Iterator[Hit]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if sought in f"{node.name}\n{node.value}".lower():
            yield Hit(node.kind, node.path)
        waiting.extend(reversed(node.children))


class SearchBar(QWidget):
    """A field, which hit of how many is shown, and the ways to the next and the previous one.

    `sought` is emitted with the text a short pause after typing, `went` with the hit to show.
    """

    sought = Signal(str)
    went = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.field = search_field("Search", self.sought.emit)
        self.field.setAccessibleName("Search elements, attributes, findings and claims")
        self.field.setPlaceholderText("Search message and findings")
        self.field.installEventFilter(self)
        self.count = label("", tone="muted", size=12)
        self.previous = button("", lambda: self.step(-1), icon="chevron-up", kind="flat", hint="Previous (Shift+F3)")
        self.next = button("", lambda: self.step(1), icon="chevron-down", kind="flat", hint="Next (Enter, F3)")
        for made in (self.previous, self.next):
            made.setFixedWidth(30)
        self.setLayout(row(self.field, self.count, self.previous, self.next, spacing=4))
        self._hits: tuple[Hit, ...] = ()
        self._more = False
        self._number = -1
        self._pending = 0
        self._show()

    @property
    def text(self) -> str:
        """What is sought."""
        return self.field.text().strip()

    def show_hits(self, found: Hits) -> None:
        """Take the hits for the text; those for an older text are dropped. A step that waited for them is taken."""
        if found.needle.strip() != self.text:
            return
        self._hits, self._more, self._number = found.hits, found.more, -1
        self._show()
        if self._pending:
            step, self._pending = self._pending, 0
            self.step(step)

    def step(self, by: int) -> None:
        """Show the next hit, or the previous one; after the last comes the first."""
        if not self.text:
            self.field.setFocus()
            return
        if not self._hits:
            self._pending = by
            self.sought.emit(self.field.text())
            return
        first = 0 if by > 0 else len(self._hits) - 1
        self._number = (self._number + by) % len(self._hits) if self._number >= 0 else first
        self._show()
        self.went.emit(self._hits[self._number])

    def forget(self) -> None:
        """Drop the hits: what they lead to has changed."""
        self._hits, self._number, self._pending = (), -1, 0
        self._show()

    def clear(self) -> None:
        """Seek nothing."""
        self.field.clear()
        self.forget()

    def _show(self) -> None:
        many = f"{len(self._hits):,}{'+' if self._more else ''}"
        said = f"{self._number + 1} of {many} · {self._hits[self._number].kind}" if self._number >= 0 else many
        self.count.setText(("Not found" if not self._hits else said) if self.text else "")
        for made in (self.previous, self.next):
            made.setVisible(bool(self.text))
            made.setEnabled(bool(self._hits))
        self.count.setVisible(bool(self.text))

    @called_by_qt
    def eventFilter(self, watched: object, event: object) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QKeyEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.step(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
                return True
            if event.key() == Qt.Key.Key_Escape and self.field.text():
                self.clear()
                self.sought.emit("")
                return True
        return super().eventFilter(watched, event)  # type: ignore[arg-type]  # Qt passes a QObject and a QEvent
