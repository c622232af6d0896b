"""A document as a tree of elements and attributes, from outline nodes; children are made when they are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QMenu, QTreeView

from app.gui import theme
from app.gui.called_by_qt import called_by_qt
from app.gui.widgets import copy_text, tip, visible

if TYPE_CHECKING:
    from app.saml.outline import Node

Index = QModelIndex | QPersistentModelIndex
#: Documents with more nodes than this are opened only to the third level.
_OPEN_WHOLE = 1_500


class Nodes(QAbstractItemModel):
    """Outline nodes for a view. A node gets its number when it is first asked for; the number is the index's id."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._nodes: list[Node] = []
        self._parents: list[int] = []
        self._rows: list[int] = []
        self._children: dict[int, list[int]] = {-1: []}

    def replace(self, roots: Sequence[Node]) -> None:
        """Show other documents."""
        self.beginResetModel()
        self._nodes, self._parents, self._rows = [], [], []
        self._children = {-1: [self._number(n, -1, i) for i, n in enumerate(roots)]}
        self.endResetModel()

    def _number(self, node: Node, parent: int, row: int) -> int:
        self._nodes.append(node)
        self._parents.append(parent)
        self._rows.append(row)
        return len(self._nodes) - 1

    def _below(self, number: int) -> list[int]:
        if number not in self._children:
            node = self._nodes[number]
            self._children[number] = [self._number(c, number, i) for i, c in enumerate(node.children)]
        return self._children[number]

    def node(self, index: Index) -> Node:
        """The node at an index."""
        return self._nodes[int(index.internalId())]

    def find(self, path: str) -> QModelIndex:
        """The index of the node at this XPath, or of the nearest one above it; invalid where there is none."""
        best, level = -1, -1
        while True:
            step = next((n for n in self._below(level) if self._leads(n, path)), None)
            if step is None:
                return self.index_of(best) if best >= 0 else QModelIndex()
            best = level = step
            if self._nodes[step].path == path:
                return self.index_of(step)

    def _leads(self, number: int, path: str) -> bool:
        node = self._nodes[number]
        return node.kind in ("element", "attribute") and (path == node.path or path.startswith(node.path + "/"))

    def index_of(self, number: int, column: int = 0) -> QModelIndex:
        """The index of a numbered node."""
        return self.createIndex(self._rows[number], column, number)

    @called_by_qt
    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008  Qt's own
        below = self._below(int(parent.internalId()) if parent.isValid() else -1)
        return self.createIndex(row, column, below[row]) if 0 <= row < len(below) else QModelIndex()

    @called_by_qt
    def parent(self, child: Index | None = None) -> Any:
        if child is None:
            return QObject.parent(self)
        above = self._parents[int(child.internalId())] if child.isValid() else -1
        return self.index_of(above) if above >= 0 else QModelIndex()

    @called_by_qt
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  Qt's own signature
        if parent.isValid() and parent.column() > 0:
            return 0
        return len(self._below(int(parent.internalId()) if parent.isValid() else -1))

    @called_by_qt
    def hasChildren(self, parent: Index = QModelIndex()) -> bool:  # noqa: B008  Qt's own signature
        if not parent.isValid():
            return bool(self._children[-1])
        return parent.column() == 0 and bool(self.node(parent).children)

    @called_by_qt
    def columnCount(self, _parent: Index = QModelIndex()) -> int:  # noqa: B008  Qt's own signature
        return 2

    @called_by_qt
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        node = self.node(index)
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(node, index.column())
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._text(node, index.column()) + (", signed" if node.signed and index.column() == 0 else "")
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0 and self._starts_signed(index):
            return theme.icon("key", theme.tokens().ok, 14)
        if role == Qt.ItemDataRole.ToolTipRole:
            covered = "Covered by a valid signature." if node.signed else "Not covered by a valid, trusted signature."
            return tip(f"{node.path}\n{node.value[:600]}\n{covered}")
        if role == Qt.ItemDataRole.BackgroundRole and node.signed:
            return QColor(theme.tint(theme.tokens().ok, 0.07))
        if role == Qt.ItemDataRole.FontRole and index.column() == 1:
            return theme.mono()
        if role == Qt.ItemDataRole.ForegroundRole and index.column() == 0 and node.kind != "element":
            return QColor(theme.tokens().muted)
        return None

    @staticmethod
    def _text(node: Node, column: int) -> str:
        return visible((node.name if column == 0 else node.value)[:2_000]).replace("\n", " ")

    def _starts_signed(self, index: Index) -> bool:
        """Whether the signed part begins with this element: the one that a signature names."""
        above = self._parents[int(index.internalId())]
        node = self.node(index)
        return node.signed and node.kind == "element" and not (above >= 0 and self._nodes[above].signed)

    @called_by_qt
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return ("Element", "Value")[section]
        return None


class XmlTree(QTreeView):
    """The view. `chosen` is emitted with the node that the person went to."""

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.nodes = Nodes(self)
        self.node_actions: list[tuple[str, Callable[[Node], object]]] = []
        self.setAccessibleName("Tree")
        self.setUniformRowHeights(True)  # before the first expandAll(): afterwards the tree stays blank
        self.setModel(self.nodes)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setIndentation(16)
        self.setColumnWidth(0, 250)
        self.header().setStretchLastSection(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        self.clicked.connect(lambda i: self.chosen.emit(self.nodes.node(i)))
        self.activated.connect(lambda i: self.chosen.emit(self.nodes.node(i)))

    def show_nodes(self, roots: Sequence[Node], size: int) -> None:
        """Show documents; `size` is how many lines they have, to open small ones whole."""
        self.nodes.replace(roots)
        if size <= _OPEN_WHOLE:
            self.expandAll()
        else:
            self.expandToDepth(2)

    def go_to(self, path: str) -> bool:
        """Select the node at an XPath, or the nearest above it."""
        found = self.nodes.find(path)
        if not found.isValid():
            return False
        self.setCurrentIndex(found)
        self.show_current()
        return True

    def show_current(self) -> None:
        """Scroll to the selected node; needed again when the tree comes into sight."""
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex(), QAbstractItemView.ScrollHint.PositionAtCenter)

    @property
    def current(self) -> Node | None:
        """The selected node."""
        index = self.currentIndex()
        return self.nodes.node(index) if index.isValid() else None

    def copy_value(self) -> None:
        """Copy the value of the selected node; of an element without one, its name."""
        if self.current is not None:
            copy_text(visible(self.current.value or self.current.name), self)

    def copy_path(self) -> None:
        """Copy the XPath of the selected node."""
        if self.current is not None:
            copy_text(visible(self.current.path), self)

    def copy_row(self) -> None:
        """Copy name and value of the selected node, tab-separated."""
        if self.current is not None:
            copy_text(visible(f"{self.current.name}\t{self.current.value}"), self)

    @called_by_qt
    def keyPressEvent(self, event: QKeyEvent) -> None:
        shift = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_value()
        elif event.key() == Qt.Key.Key_C and event.modifiers() == shift:
            self.copy_path()
        else:
            super().keyPressEvent(event)

    def _menu(self, at: QPoint) -> None:
        if not self.indexAt(at).isValid():
            return
        self.setCurrentIndex(self.indexAt(at))
        menu = QMenu(self)
        node = self.nodes.node(self.indexAt(at))
        for text, act in self.node_actions:
            menu.addAction(text, partial(act, node))
        menu.addAction("Copy value", self.copy_value)
        menu.addAction("Copy XPath", self.copy_path)
        menu.addAction("Copy row", self.copy_row)
        menu.addSeparator()
        menu.addAction("Expand all", self.expandAll)
        menu.addAction("Collapse all", self.collapseAll)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.viewport().mapToGlobal(at))
