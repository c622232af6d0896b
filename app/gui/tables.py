"""One table for every page: rows of frozen values, columns as data; sort, filter, copy, export, remembered widths.

It holds what the page gives it. Long lists are given page by page (`more`), so a million rows cost no more than what
was scrolled to.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSettings,
    Qt,
    Signal,
)
from PySide6.QtGui import QAction, QColor, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from app.gui import theme
from app.gui.called_by_qt import called_by_qt
from app.gui.widgets import STATES, copy_text, paint_pill, tip, visible
from app.spreadsheet import neutral

R = TypeVar("R")
Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Column(Generic[R]):
    """A column: how a row's cell reads. `state` gives a pill's state, `sort` a key (default: the text)."""

    title: str
    text: Callable[[R], str]
    width: int = 140
    tip: Callable[[R], str] | None = None
    state: Callable[[R], str] | None = None
    sort: Callable[[R], Any] | None = None
    mono: bool = False
    right: bool = False
    muted: bool = False
    hidden: bool = False


class Rows(QAbstractTableModel, Generic[R]):
    """The rows on show. `more` is asked for the next page when the view reaches the end."""

    counted = Signal(int)

    def __init__(self, columns: Sequence[Column[R]]) -> None:
        super().__init__()
        self.columns = tuple(columns)
        self._all: list[R] = []
        self.rows: list[R] = []
        self._needle = ""
        self._sorted: tuple[int, Qt.SortOrder] | None = None
        self.more: Callable[[], None] | None = None

    def replace(self, rows: Sequence[R]) -> None:
        """Show these rows instead, keeping filter and order."""
        self._all = list(rows)
        self._arrange()

    def append(self, rows: Sequence[R]) -> None:
        """Add the next page at the end."""
        self._all.extend(rows)
        fitting = [r for r in rows if self._fits(r)]
        if fitting:
            first = len(self.rows)
            self.beginInsertRows(QModelIndex(), first, first + len(fitting) - 1)
            self.rows.extend(fitting)
            self.endInsertRows()
        self.counted.emit(len(self.rows))

    def prepend(self, rows: Sequence[R]) -> None:
        """Add new rows at the top (live tail)."""
        self._all[:0] = rows
        fitting = [r for r in rows if self._fits(r)]
        if fitting:
            self.beginInsertRows(QModelIndex(), 0, len(fitting) - 1)
            self.rows[:0] = fitting
            self.endInsertRows()
        self.counted.emit(len(self.rows))

    def filter(self, needle: str) -> None:
        """Keep only rows in which some column contains this text, in any case."""
        self._needle = needle.strip().lower()
        self._arrange()

    @property
    def total(self) -> int:
        """How many rows there are before the filter."""
        return len(self._all)

    def _fits(self, item: R) -> bool:
        return not self._needle or any(self._needle in c.text(item).lower() for c in self.columns)

    def _arrange(self) -> None:
        self.beginResetModel()
        self.rows = [r for r in self._all if self._fits(r)] if self._needle else list(self._all)
        if self._sorted is not None:
            number, order = self._sorted
            c = self.columns[number]
            key = c.sort or (lambda r: c.text(r).lower())
            self.rows.sort(key=key, reverse=order == Qt.SortOrder.DescendingOrder)
        self.endResetModel()
        self.counted.emit(len(self.rows))

    @called_by_qt
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  Qt's own signature
        return 0 if parent.isValid() else len(self.rows)

    @called_by_qt
    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  Qt's own signature
        return 0 if parent.isValid() else len(self.columns)

    @called_by_qt
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        item, c = self.rows[index.row()], self.columns[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return visible(c.text(item)).replace("\n", " ")
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(c.tip(item) if c.tip else c.text(item))
        if role == Qt.ItemDataRole.FontRole and c.mono:
            return theme.mono()
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if c.right else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ForegroundRole and c.muted:
            return QColor(theme.tokens().muted)
        if role == Qt.ItemDataRole.UserRole and c.state is not None:
            return c.state(item)
        return None

    @called_by_qt
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self.columns[section].title
            if role == Qt.ItemDataRole.TextAlignmentRole:
                side = Qt.AlignmentFlag.AlignRight if self.columns[section].right else Qt.AlignmentFlag.AlignLeft
                return side | Qt.AlignmentFlag.AlignVCenter
        return None

    @called_by_qt
    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sorted = (column, order) if 0 <= column < len(self.columns) else None
        self._arrange()

    @called_by_qt
    def canFetchMore(self, parent: Index) -> bool:
        return not parent.isValid() and self.more is not None

    @called_by_qt
    def fetchMore(self, parent: Index) -> None:
        if self.more is not None:
            ask, self.more = self.more, None
            ask()

    def as_csv(self) -> str:
        """What is shown, as CSV; cells that a spreadsheet would run as a formula get a leading apostrophe."""
        out = io.StringIO()
        writer = csv.writer(out, quoting=csv.QUOTE_ALL)
        writer.writerow([c.title for c in self.columns])
        for item in self.rows:
            writer.writerow([neutral(c.text(item)) for c in self.columns])
        return out.getvalue()


class _Cells(QStyledItemDelegate):
    @called_by_qt
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        state = index.data(Qt.ItemDataRole.UserRole)
        if not state:
            super().paint(painter, option, index)
            return
        shown = QStyleOptionViewItem(option)
        self.initStyleOption(shown, index)
        word = shown.text or STATES.get(str(state), (str(state), "", ""))[0]
        shown.text = ""
        style = shown.widget.style() if shown.widget else None
        if style is not None:
            style.drawControl(QStyle.ControlElement.CE_ItemViewItem, shown, painter, shown.widget)
        rect: QRect = option.rect
        paint_pill(painter, rect.adjusted(6, 0, -4, 0), str(state), word, option.font)


class Table(QTableView, Generic[R]):
    """The view. `opened` is emitted with the row that was double-clicked or Enter was pressed on."""

    opened = Signal(object)
    chosen = Signal(object)

    def __init__(
        self, name: str, columns: Sequence[Column[R]], *, multiple: bool = False, rows: Rows[R] | None = None
    ) -> None:
        super().__init__()
        self.model_ = Rows(columns) if rows is None else rows
        self.model_.setParent(self)  # it ends with the table, on this thread, and not with its last Python name
        self._name = name
        self.setObjectName(name)
        self.setAccessibleName(name.replace("-", " "))
        self.setModel(self.model_)
        self.setItemDelegate(_Cells(self))
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(
            QAbstractItemView.SelectionMode.ExtendedSelection
            if multiple
            else QAbstractItemView.SelectionMode.SingleSelection
        )
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(36)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        header.setHighlightSections(False)
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._choose_columns)
        self.setSortingEnabled(True)
        for number, c in enumerate(self.model_.columns):
            self.setColumnWidth(number, c.width)
            self.setColumnHidden(number, c.hidden)
        self._restore()
        header.sectionResized.connect(lambda *_: self._remember())
        self.doubleClicked.connect(self._open)
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen.emit(self.current))
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        self.extra_actions: list[tuple[str, Callable[[R], object]]] = []

    @property
    def current(self) -> R | None:
        """The selected row, or None."""
        chosen = self.selectionModel().selectedRows()
        return self.model_.rows[chosen[0].row()] if chosen else None

    @property
    def selected(self) -> list[R]:
        """Every selected row, in the order shown."""
        chosen = (self.model_.rows[i] for i in sorted(i.row() for i in self.selectionModel().selectedRows()))
        return [r for r in chosen if r is not None]  # a long list may not hold it just now

    def show_rows(self, rows: Sequence[R]) -> None:
        """Replace the rows. Scrolled to the top first: resetting a scrolled table to fewer rows costs seconds."""
        self.scrollToTop()
        self.model_.replace(rows)

    def fit_rows(self, most: int) -> None:
        """Be as high as the rows need, up to `most` of them: for a short table among other things in a scroll area."""
        rows = min(max(len(self.model_.rows), 1), most)
        bar = self.horizontalScrollBar().sizeHint().height()
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + 36 * rows + bar + 4)

    def select_where(self, fits: Callable[[R], bool]) -> bool:
        """Select the first row that fits; False when there is none."""
        for number, item in enumerate(self.model_.rows):
            if item is not None and fits(item):
                self.selectRow(number)
                return True
        return False

    def _open(self, index: QModelIndex) -> None:
        item = self.model_.rows[index.row()]
        if item is not None:
            self.opened.emit(item)

    @called_by_qt
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_rows()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current is not None:
            self.opened.emit(self.current)
        else:
            super().keyPressEvent(event)

    def copy_rows(self) -> None:
        """Copy the selected rows, tab-separated, as shown."""
        shown = [c for n, c in enumerate(self.model_.columns) if not self.isColumnHidden(n)]
        text = "\n".join("\t".join(visible(c.text(r)) for c in shown) for r in self.selected)
        if text:
            copy_text(text, self)

    def _menu(self, at: QPoint) -> None:
        index = self.indexAt(at)
        if not index.isValid():
            return
        item = self.model_.rows[index.row()]
        if item is None:
            return
        cell = self.model_.columns[index.column()].text(item)
        menu = QMenu(self)
        for text, act in self.extra_actions:
            menu.addAction(text, partial(act, item))
        if self.extra_actions:
            menu.addSeparator()
        menu.addAction("Copy cell", lambda: copy_text(visible(cell), self))
        menu.addAction("Copy row", self.copy_rows)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.viewport().mapToGlobal(at))

    def _choose_columns(self, at: QPoint) -> None:
        menu = QMenu(self)
        for number, c in enumerate(self.model_.columns):
            action = QAction(c.title, menu)
            action.setCheckable(True)
            action.setChecked(not self.isColumnHidden(number))
            action.toggled.connect(partial(self._show_column, number))
            menu.addAction(action)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self.horizontalHeader().mapToGlobal(at))

    def _show_column(self, number: int, on: bool) -> None:
        self.setColumnHidden(number, not on)
        self._remember()

    def _remember(self) -> None:
        shown = [n for n in range(len(self.model_.columns)) if not self.isColumnHidden(n)]
        # The last column takes what room there is; that is no choice of the person's.
        widths = [0] * len(self.model_.columns)
        for n in shown:
            widths[n] = self.model_.columns[n].width if n == shown[-1] else self.columnWidth(n)
        QSettings().setValue(f"tables/{self._name}", ",".join(map(str, widths)))

    def _restore(self) -> None:
        kept = str(QSettings().value(f"tables/{self._name}", "")).split(",")
        if len(kept) == len(self.model_.columns) and all(k.isdigit() for k in kept):
            for number, width in enumerate(map(int, kept)):
                self.setColumnHidden(number, width == 0)
                if width:
                    self.setColumnWidth(number, width)
