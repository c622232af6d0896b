"""The faults of the test IdP as a searchable, checkable list with a sheet about each. It switches nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSettings, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHeaderView, QSplitter, QTreeWidget, QTreeWidgetItem, QWidget

from app.gui import theme
from app.gui.widgets import (
    STATES,
    Pill,
    button,
    clear,
    column,
    label,
    mono_label,
    row,
    scrolled,
    search_field,
    tip,
    visible,
)
from app.gui.wording import plural

if TYPE_CHECKING:
    from simulator.faults import Fault

#: Who can send such a message.
KINDS: Final = {
    "H": "Comes from an honest identity provider that says something wrong.",
    "A": "Comes from an attacker who edits a message that was captured.",
    "U": "Comes from anybody: no signing key is needed.",
}
#: What the families are about, in a word or two.
FAMILIES: Final = {
    "controls": "Controls (must be accepted)",
    "signature": "Signature",
    "wrapping": "Signature wrapping",
    "c14n": "Canonicalisation",
    "timing": "Timing",
    "routing": "Routing and audience",
    "identity": "Identity and claims",
    "crypto": "Algorithms and keys",
    "encryption": "Encryption",
    "status": "Status",
    "transport": "Transport",
    "malformed": "Malformed documents",
    "metadata": "Metadata",
    "request": "Requests to the IdP",
    "grid": "Every element, one by one",
}
_FAULT: Final = Qt.ItemDataRole.UserRole


def verdict_word(verdict: str) -> str:
    """A verdict as people read it."""
    return STATES.get(verdict, (verdict, "", ""))[0]


def needs_arranging(fault: Fault) -> bool:
    """Whether its circumstances are part of the fault, so that only a trial brings them about."""
    from simulator.faults import Setup

    return fault.setup != Setup()


class FaultSheet(QWidget):
    """Everything about one fault."""

    toggled = Signal(str, bool)
    trial_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._parts = column(spacing=10)
        self.setLayout(column(self._parts, 1, margins=(0, 12, 10, 4)))
        self.show_fault(None, False)

    def show_fault(self, fault: Fault | None, on: bool) -> None:
        """Show a fault and whether it is switched on; None: how to choose one."""
        clear(self._parts)
        if fault is None:
            self._parts.addWidget(label("Choose a fault to read what it does.", tone="muted", wrap=True))
            return
        name = mono_label(fault.id, wrap=True)
        self._parts.addWidget(name)
        self._parts.addWidget(label(fault.summary, wrap=True))
        self._parts.addWidget(label(KINDS[fault.kind], tone="muted", wrap=True))
        self._parts.addLayout(row(label("Must be", tone="muted"), Pill(fault.expects), 1))
        if fault.checks:
            text = "By the check" if len(fault.checks) == 1 else "By one of these checks"
            self._parts.addLayout(
                column(label(text, tone="muted"), *(mono_label(c) for c in fault.checks[:8]), spacing=3)
            )
        if fault.reference:
            self._parts.addLayout(column(label("See", tone="muted"), label(fault.reference, wrap=True), spacing=3))
        if needs_arranging(fault):
            text = "Needs circumstances that only a trial arranges, such as other metadata or a second post."
            self._parts.addWidget(label(text, tone="warning", wrap=True))
        switch = button("Switch off" if on else "Switch on", lambda: self.toggled.emit(fault.id, not on), icon="bug")
        trial = button("Try it", lambda: self.trial_asked.emit(fault.id), icon="trials", hint="Open it in Trials")
        self._parts.addLayout(row(switch, trial, 1))


class FaultList(QWidget):
    """The tab "Faults". `wanted` is emitted with the ids that shall be on; `trial_asked` with one to try."""

    wanted = Signal(tuple)
    trial_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._faults: tuple[Fault, ...] = ()
        self._items: dict[str, QTreeWidgetItem] = {}
        self._families: list[tuple[QTreeWidgetItem, list[QTreeWidgetItem]]] = []
        self._active: tuple[str, ...] = ()
        self.search = search_field("Search faults, checks, references", self._narrow)
        self.count = label("", tone="muted")
        self.clear_button = button("Clear all", self.clear, icon="close", hint="Switch every fault off")
        self.tree = QTreeWidget()
        self.tree.setAccessibleName("Faults by family")
        self.tree.setHeaderHidden(True)
        self.tree.setColumnCount(2)
        self.tree.setUniformRowHeights(True)
        self.tree.setRootIsDecorated(True)
        self.tree.setIndentation(18)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.tree.header().setStretchLastSection(True)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.tree.header().resizeSection(0, 290)
        self.tree.itemChanged.connect(self._on_item)
        self.tree.currentItemChanged.connect(lambda _now, _was: self._show_sheet())
        self.sheet = FaultSheet()
        self.sheet.toggled.connect(self.switch)
        self.sheet.trial_asked.connect(self.trial_asked)
        left = QWidget()
        bar = row(self.search, self.count, self.clear_button, spacing=12)
        bar.setStretch(0, 1)
        left.setLayout(column(bar, self.tree, margins=(0, 8, 0, 0)))
        about = scrolled(self.sheet)
        about.setMinimumWidth(250)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setHandleWidth(16)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(left)
        self.split.addWidget(about)
        self.split.setStretchFactor(0, 1)
        self.split.setSizes([660, 300])
        kept = QSettings().value("simulator/faults")
        if kept:
            self.split.restoreState(kept)
        self.split.splitterMoved.connect(lambda *_: QSettings().setValue("simulator/faults", self.split.saveState()))
        self.setLayout(column(self.split))

    # Showing ---------------------------------------------------------------------------------------------------

    def show_faults(self, faults: Sequence[Fault], active: Sequence[str]) -> None:
        """Show the catalogue and what is switched on."""
        if not self._faults:
            self._fill(tuple(faults))
        if tuple(active) != self._active or not self.count.text():
            self._active = tuple(active)
            on = set(active)
            with QSignalBlocker(self.tree):
                for fault_id, item in self._items.items():
                    item.setCheckState(0, Qt.CheckState.Checked if fault_id in on else Qt.CheckState.Unchecked)
            self.clear_button.setEnabled(bool(on))
            self._show_sheet()
        self._count()

    def _fill(self, faults: tuple[Fault, ...]) -> None:
        self._faults = faults
        families = dict.fromkeys(f.family for f in faults)
        with QSignalBlocker(self.tree):
            for family in families:
                of = [f for f in faults if f.family == family]
                top = QTreeWidgetItem([f"{FAMILIES.get(family, family)}  ({len(of)})"])
                top.setFirstColumnSpanned(True)
                top.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
                self.tree.addTopLevelItem(top)
                top.setFirstColumnSpanned(True)
                self._families.append((top, []))
                for fault in of:
                    item = QTreeWidgetItem([fault.id, visible(fault.summary)])
                    item.setFont(0, theme.mono())
                    item.setFlags(
                        Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable
                    )
                    item.setCheckState(0, Qt.CheckState.Unchecked)
                    item.setData(0, _FAULT, fault)
                    must = f"Must be: {verdict_word(fault.expects)}"
                    by = f" by {' or '.join(fault.checks)}" if fault.checks else ""
                    for number in (0, 1):
                        item.setToolTip(number, tip(f"{fault.summary}\n{must}{by}"))
                    top.addChild(item)
                    self._items[fault.id] = item
                    self._families[-1][1].append(item)

    def _count(self) -> None:
        shown = sum(not i.isHidden() for i in self._items.values())
        on = f", {len(self._active)} on" if self._active else ""
        self.count.setText(f"{plural(shown, 'fault')}{on}")

    def _narrow(self, text: str) -> None:
        words = text.lower().split()
        for top, items in self._families:
            left = 0
            for item in items:
                fault: Fault = item.data(0, _FAULT)
                hay = f"{fault.id} {fault.summary} {' '.join(fault.checks)} {fault.reference} {fault.family}".lower()
                fits = all(w in hay for w in words)
                item.setHidden(not fits)
                left += fits
            top.setHidden(left == 0)
            top.setExpanded(bool(words) and left > 0)
        self._count()

    def _show_sheet(self) -> None:
        fault = self.current
        self.sheet.show_fault(fault, fault is not None and fault.id in self._active)

    # Choosing --------------------------------------------------------------------------------------------------

    @property
    def current(self) -> Fault | None:
        """The fault that is chosen."""
        item = self.tree.currentItem()
        found: Fault | None = item.data(0, _FAULT) if item is not None else None
        return found

    def select(self, fault_id: str) -> bool:
        """Choose a fault and bring it into view. False where there is none of that id."""
        item = self._items.get(fault_id)
        if item is None:
            return False
        self.search.clear()
        self._narrow("")
        parent = item.parent()
        if parent is not None:
            parent.setExpanded(True)
        self.tree.setCurrentItem(item)
        self.tree.scrollToItem(item)
        return True

    def switch(self, fault_id: str, on: bool) -> None:
        """Ask for one fault to be on or off."""
        rest = [f for f in self._active if f != fault_id]
        self.wanted.emit((*rest, fault_id) if on else tuple(rest))

    def clear(self) -> None:
        """Ask for all of them to be off."""
        self.wanted.emit(())

    def _on_item(self, item: QTreeWidgetItem, number: int) -> None:
        fault: Fault | None = item.data(0, _FAULT)
        if number == 0 and fault is not None:
            on = item.checkState(0) == Qt.CheckState.Checked
            if on != (fault.id in self._active):
                self.switch(fault.id, on)
