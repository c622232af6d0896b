"""The message as text: pretty with what is signed tinted and findings marked, the decrypted part, and the bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QSizePolicy, QTabWidget, QWidget

from app.gui.examine import Examined, Laid
from app.gui.findings import ORDER, Finding
from app.gui.inspector.legend import SignedLegend
from app.gui.inspector.raw import RawView
from app.gui.widgets import Card, button, column, copy_text, label, row, visible
from app.gui.wording import plural
from app.gui.xml_view import XmlView
from app.saml.outline import Outline


class LaidView(QWidget):
    """One document, pretty. It says which element the person is at, and which findings are there.

    `place_chosen` is emitted with the XPath the person went to, `findings_asked` with the one whose findings to show,
    `tree_asked` with the one to show in the tree.
    """

    place_chosen = Signal(str)
    findings_asked = Signal(str)
    tree_asked = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.text = XmlView(name)
        self.text.line_chosen.connect(self._at_line)
        self.text.mark_pressed.connect(lambda line: self.findings_asked.emit(self.path_at(line)))
        self.text.line_actions = [
            ("Show findings here", lambda line: self.findings_asked.emit(self.path_at(line))),
            ("Show in tree", lambda line: self.tree_asked.emit(self.path_at(line))),
            ("Copy XPath", lambda line: copy_text(visible(self.path_at(line)), self.text)),
        ]
        self.legend = SignedLegend()
        self.place = label("", tone="muted", size=12)
        self.here = button(
            "", lambda: self.findings_asked.emit(self.path), kind="flat", hint="Show the findings at this place"
        )
        self.here.hide()
        self._laid: Laid | None = None
        self._places: dict[str, list[Finding]] = {}
        # In a narrow window the path gives way; it is copied with Ctrl+Shift+C all the same.
        self.place.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.legend.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        bar = row(self.legend, self.place, self.here, spacing=10)
        bar.setStretch(1, 1)
        self.setLayout(column(self.text, bar, spacing=4, margins=(0, 6, 0, 0)))
        self._key("Ctrl+Shift+C", lambda: copy_text(visible(self.path), self.text))

    def _key(self, keys: str, act: Callable[[], object]) -> None:
        shortcut = QShortcut(QKeySequence(keys), self.text)
        shortcut.setContext(shortcut.context().WidgetShortcut)
        shortcut.activated.connect(act)

    def show_laid(self, laid: Laid | None) -> None:
        """Show another document."""
        self._laid = laid
        self.text.show_text(laid.text if laid else "")
        self.text.mark_signed(covered_lines(laid.outline) if laid else ())
        self.legend.show_signed(bool(laid and laid.outline.signed_lines), bool(laid and laid.outline.root))
        self.place.setText("")
        self.here.hide()

    def show_findings(self, found: Sequence[Finding]) -> None:
        """Mark the lines of findings that are wrong or worth a warning."""
        marks: dict[int, tuple[str, str]] = {}
        self._places = {}
        outline = self._laid.outline if self._laid else None
        for f in found:
            if outline is None or f.where is None or outline.node_of(f.where) is None:
                continue
            line = outline.line_of(f.where)
            self._places.setdefault(f.where, []).append(f)
            if line and f.status in ("fail", "warn"):
                state, said = marks.get(line, ("pass", ""))
                worse = f.status if ORDER[f.status] < ORDER[state] else state
                marks[line] = (worse, f"{said}{f.word}: {f.message}\n")
        self.text.mark_lines(marks)
        self._tell()

    def go_to(self, where: str) -> bool:
        """Mark the line of a place; False where this document does not hold it."""
        if self._laid is None or self._laid.outline.node_of(where) is None:
            return False
        self.text.jump(self._laid.outline.line_of(where))
        return True

    @property
    def path(self) -> str:
        """The XPath of the element that the text cursor is in; "" outside of any."""
        return self.path_at(self.text.current_line)

    def path_at(self, line: int) -> str:
        """The XPath of the element a line belongs to."""
        node = self._laid.outline.element_at(line) if self._laid else None
        return node.path if node else ""

    def _at_line(self, line: int) -> None:
        self._tell()
        path = self.path_at(line)
        if path:
            self.place_chosen.emit(path)

    def _tell(self) -> None:
        path = self.path
        count = sum(len(f) for where, f in self._places.items() if is_at(where, path)) if path else 0
        shown = path.rpartition("/")[2] if len(path) > 60 else path
        self.place.setText(visible(f"…/{shown}" if shown != path else path))
        self.place.setToolTip(visible(path))
        self.here.setText(plural(count, "finding") + " here")
        self.here.setVisible(count > 0)


def covered_lines(outline: Outline) -> tuple[tuple[int, int], ...]:
    """The lines of what is signed, without the signature itself: no signature covers its own element."""
    found: list[tuple[int, int]] = []
    for first, last in outline.signed_lines:
        element = outline.element_at(first)
        start = first
        for child in element.children if element is not None else ():
            if child.name == "ds:Signature":
                found.append((start, child.line - 1))
                start = child.last + 1
        found.append((start, last))
    return tuple(found)


def is_at(where: str | None, path: str) -> bool:
    """Whether a finding's place is this element, one of its attributes, or inside of it."""
    return where is not None and (where == path or where.startswith(f"{path}/"))


class Documents(Card):
    """Source, decrypted part and bytes as tabs. Each is filled when it is first looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.source = LaidView("Source")
        self.inner = LaidView("Decrypted assertion")
        self.raw = RawView()
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.setAccessibleName("Source")
        for part, title in ((self.source, "Source"), (self.inner, "Decrypted"), (self.raw, "As received")):
            self.tabs.addTab(part, title)
        self.tabs.currentChanged.connect(lambda _i: self._fill())
        self.add(self.tabs)
        self.body.setContentsMargins(14, 6, 14, 10)
        self._examined: Examined | None = None
        self._found: Sequence[Finding] = ()
        self._due: set[QWidget] = set()

    def show_examined(self, examined: Examined | None, found: Sequence[Finding]) -> None:
        """Show another message, or the same one judged anew."""
        same = examined is not None and examined.same_documents(self._examined)
        self._examined, self._found = examined, found
        if same:
            for view in (self.source, self.inner):
                if view not in self._due:
                    view.show_findings(found)
            return
        self.tabs.setTabVisible(1, examined is not None and examined.inner is not None)
        self._due = {self.source, self.inner, self.raw}
        if examined is None:
            self.source.show_laid(None)
            self.inner.show_laid(None)
            self.raw.show_parts([])
            self._due = set()
        self._fill()

    def go_to(self, where: str) -> bool:
        """Mark a place in the document that holds it."""
        if self._examined is None:
            return False
        laid = self._examined.laid_with(where)
        if laid is None:
            return False
        view = self.source if laid is self._examined.document else self.inner
        self.tabs.setCurrentWidget(view)
        return view.go_to(where)

    def restyle(self) -> None:
        """Follow the theme."""
        for view in (self.source, self.inner):
            view.text.restyle()
            view.legend.update()
        self.raw.restyle()

    def _fill(self) -> None:
        view = self.tabs.currentWidget()
        examined = self._examined
        if view is None or view not in self._due or examined is None:
            return
        self._due.discard(view)
        if isinstance(view, LaidView):
            view.show_laid(examined.document if view is self.source else examined.inner)
            view.show_findings(self._found)
        else:
            report = examined.report
            parts = [("As received", examined.received), ("Decoded document", report.xml)]
            if report.decrypted_xml is not None:
                parts.append(("Decrypted assertion", report.decrypted_xml))
            self.raw.show_parts(parts)
