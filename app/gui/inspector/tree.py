"""The message as a tree, with what its tint means. The tree itself is app.gui.xml_tree."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from app.gui.examine import Examined
from app.gui.inspector.legend import SignedLegend
from app.gui.widgets import column
from app.gui.xml_tree import XmlTree


class TreeView(QWidget):
    """`findings_asked` is emitted with the XPath whose findings to show."""

    findings_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.tree = XmlTree()
        self.tree.node_actions = [("Show findings here", lambda node: self.findings_asked.emit(node.path))]
        self.legend = SignedLegend()
        self.setLayout(column(self.tree, self.legend, spacing=4, margins=(0, 6, 0, 0)))

    def show_examined(self, examined: Examined | None) -> None:
        """Show the documents of a message: the outer one, and what was encrypted in it."""
        laid = [d for d in (examined.document, examined.inner) if d is not None] if examined is not None else []
        roots = [d.outline.root for d in laid if d.outline.root is not None]
        self.tree.show_nodes(roots, sum(len(d.outline.lines) for d in laid))
        self.legend.show_signed(any(d.outline.signed_lines for d in laid), bool(roots))
