"""Compare: two messages, or two metadata documents, side by side by meaning. It says what differs, not who is right."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QCheckBox, QComboBox, QMenu, QSplitter, QStackedWidget, QWidget

from app.gui.desk import Desk, Page
from app.gui.files import ask_open, ask_save, clipboard, read_file, write_file
from app.gui.paste_box import PasteBox
from app.gui.tables import Column, Table
from app.gui.widgets import (
    Banner,
    Card,
    EmptyState,
    button,
    column,
    copy_text,
    label,
    mono_label,
    row,
    search_field,
    tip,
    visible,
)
from app.gui.wording import plural
from app.saml.compare import Difference
from app.saml.compare_sources import Compared, Found, Source
from app.saml.intake import MOST_BYTES

KINDS: Final = (
    "Messages, recordings and metadata (*.xml *.txt *.b64 *.html *.saml *.har *.json *.log *.eml *.zip);;All files (*)"
)
Side = Literal["first", "second"]
SIDES: Final[tuple[Side, Side]] = ("first", "second")
_STATE: Final = {"changed": "warn", "only-in-first": "fail", "only-in-second": "info"}
_WORD: Final = {"changed": "Changed", "only-in-first": "Missing", "only-in-second": "Extra"}
_ABOUT: Final = {"id": "New ID", "time": "New time", "signature": "New value"}


def word(d: Difference) -> str:
    """What kind of difference it is; of what any two logins differ in, that it is expected."""
    return _ABOUT.get(d.about) or _WORD[d.change]


def difference_text(d: Difference) -> str:
    """A difference as plain lines."""
    lines = [f"{word(d)}: {d.label or d.where}"]
    lines += [f"  First: {_or_nothing(d.first)}", f"  Second: {_or_nothing(d.second)}"]
    lines += [f"  {d.hint}"] if d.hint else []
    lines += [f"  At: {d.where}"] if d.label else []
    return visible("\n".join(lines))


def value_text(value: str | None) -> str:
    """A value as the table shows it; nothing where there is none."""
    return "" if value is None else value or "(empty)"


def _or_nothing(value: str | None) -> str:
    return "nothing" if value is None else value or "(empty)"


def _explained(d: Difference) -> str:
    return "\n".join(filter(None, (d.label, d.where, d.hint)))


class ComparePage(Page):
    """Two boxes and a table. open() takes (side, message), or two messages."""

    name = "compare"
    title = "Compare"
    sentence = "How two messages differ."
    icon = "compare"

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._sources: dict[Side, Source] = {"first": Source(""), "second": Source("")}
        self._differences: tuple[Difference, ...] = ()
        self.search = search_field("Search", self._narrow)
        self.search.setMaximumWidth(240)
        self.swap = button("Swap", self.swap_sides, icon="compare", hint="Exchange first and second")
        self.export = button("Export", icon="export", hint="Save or copy the differences")
        self.export.setMenu(self._export_menu())
        self.run = button(
            "Compare", self.compare_now, icon="compare", kind="primary", hint="Compare the two (Ctrl+Enter in a box)"
        )
        self.header(self.search, self.swap, self.export, self.run)
        self.banner = Banner()
        self.body.addWidget(self.banner)
        self.boxes: dict[Side, PasteBox] = {}
        self.kinds = {side: label("", tone="muted", size=12) for side in SIDES}
        self.choices = {side: self._choice(side) for side in SIDES}
        upper = QSplitter(Qt.Orientation.Horizontal)
        upper.setHandleWidth(14)
        upper.setChildrenCollapsible(False)
        for side in SIDES:
            upper.addWidget(self._box(side))
        whole = QSplitter(Qt.Orientation.Vertical)
        whole.setHandleWidth(14)
        whole.setChildrenCollapsible(False)
        whole.addWidget(upper)
        whole.addWidget(self._result())
        whole.setSizes([190, 420])
        whole.setStretchFactor(1, 1)
        self.body.addWidget(whole, 1)
        for keys, act in (
            (QKeySequence(QKeySequence.StandardKey.Find), self.search.setFocus),
            (QKeySequence(QKeySequence.StandardKey.Save), self._ask_save),
            (QKeySequence(QKeySequence.StandardKey.Paste), self.paste_next),
        ):
            shortcut = QShortcut(keys, self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(act)
        self._show_nothing()

    # Parts -----------------------------------------------------------------------------------------------------

    def _choice(self, side: Side) -> QComboBox:
        """Which message of several; hidden where there is one."""
        made = QComboBox()
        made.setAccessibleName(f"Which message of the {side}")
        made.setToolTip("It holds several messages: choose the one to compare.")
        made.setMaximumWidth(190)
        made.activated.connect(lambda i: self._take_number(side, i))
        made.hide()
        return made

    def _box(self, side: Side) -> QWidget:
        box = PasteBox(f"{side.capitalize()} message", "Paste a response or metadata, or drop a file: a HAR will do")
        box.pasted.connect(lambda text: self.take(side, text))
        box.asked.connect(self.compare_now)
        box.setMinimumHeight(70)
        self.boxes[side] = box
        return Card(
            side.capitalize(),
            box,
            actions=[
                self.kinds[side],
                self.choices[side],
                button("", partial(self.paste_into, side), icon="paste", kind="flat", hint=f"Paste as {side}"),
                button("", partial(self._ask_file, side), icon="open", kind="flat", hint=f"Open a file as {side}"),
                button("", partial(self.take, side, ""), icon="close", kind="flat", hint=f"Clear the {side}"),
            ],
        )

    def _result(self) -> QWidget:
        self.counts = label("", bold=True)
        self.expected = QCheckBox("Show what always differs")
        self.expected.setToolTip("IDs, times and signature values differ between any two logins.")
        self.expected.toggled.connect(lambda _on: self._show_rows())
        self.table: Table[Difference] = Table(
            "compare-differences",
            [
                Column("Difference", word, 116, state=lambda d: "not-applicable" if d.expected else _STATE[d.change]),
                Column("What", lambda d: d.label or d.where, 250, tip=_explained),
                Column("First", lambda d: value_text(d.first), 170, tip=lambda d: value_text(d.first)),
                Column("Second", lambda d: value_text(d.second), 100, tip=lambda d: value_text(d.second)),
                Column("Place", lambda d: d.where, 300, mono=True, hidden=True),
            ],
        )
        self.table.setAccessibleName("Differences")
        self.table.chosen.connect(self._explain)
        self.table.extra_actions = [
            ("Copy difference", lambda d: copy_text(difference_text(d), self.table)),
            ("Copy XPath", lambda d: copy_text(visible(d.where), self.table)),
        ]
        self.hint = label("", wrap=True)
        self.place = mono_label("", tone="muted", wrap=True)
        self.empty = EmptyState(
            "compare",
            "Two messages, by meaning",
            "Paste one that works and one that does not, or two versions of metadata. Attributes are matched by name, "
            "addresses by binding, certificates by fingerprint, times by their distance from the issuing; what differs "
            "between any two logins is set apart.",
            button("Paste first", partial(self.paste_into, "first"), icon="paste", kind="primary"),
            button("Paste second", partial(self.paste_into, "second"), icon="paste"),
        )
        self._stack = QStackedWidget()
        full = QWidget()
        full.setLayout(column(row(self.counts, 1, self.expected), self.table, self.hint, self.place))
        self._stack.addWidget(self.empty)
        self._stack.addWidget(full)
        return Card("", self._stack)

    def _export_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction("Save differences as CSV...", self._ask_save)
        menu.addAction("Copy differences as text", self.copy_differences)
        menu.addAction("Copy differences as JSON", self.copy_json)
        return menu

    # What it is given --------------------------------------------------------------------------------------------

    def open(self, what: Any) -> None:
        """("first", message), ("second", message), or (message, message) to compare at once.

        A message is text, bytes, or a Source with a name.
        """
        one, two = what
        if one in SIDES:
            self.take(one, two)
        else:
            self._sources["second"] = Source("")
            self.take("first", one)
            self.take("second", two)

    def drop(self, path: Path) -> bool:
        """A dropped file goes where there is none yet."""
        self.open_path("first" if not self._sources["first"].data else "second", path)
        return True

    def open_path(self, side: Side, path: Path) -> None:
        """Read a file as one side."""
        self.work(
            read_file,
            path,
            MOST_BYTES,
            then=lambda data: self.take(side, Source(data, path.name)),
            failed=self._failed,
            channel=f"read-{side}",
        )

    def paste_into(self, side: Side) -> None:
        """Take the clipboard as one side."""
        files, text = clipboard()
        if files:
            self.open_path(side, files[0])
        elif text.strip():
            self.take(side, text)
        else:
            self.banner.say("error", "The clipboard holds no text. Copy a SAMLResponse or metadata first.")

    def paste_next(self) -> None:
        """Take the clipboard as the side that is still empty."""
        self.paste_into("first" if not self._sources["first"].data else "second")

    def take(self, side: Side, what: str | bytes | Source) -> None:
        """Use a message as one side; when both are there they are compared."""
        self.banner.hide()
        source = what if isinstance(what, Source) else Source(what)
        self._sources[side] = source
        self.boxes[side].show_source(_as_text(source.data))
        self.kinds[side].setText("")
        self._show_choice(side, Found())
        if all(s.data for s in self._sources.values()):
            self._compare()
        else:
            self._show_nothing()

    def _take_number(self, side: Side, number: int) -> None:
        self._sources[side] = replace(self._sources[side], number=number + 1)
        self._compare()

    def swap_sides(self) -> None:
        """Exchange the two."""
        self._read_boxes()
        one, two = self._sources["first"], self._sources["second"]
        self._sources["second"] = Source("")
        self.take("first", two)
        self.take("second", one)

    def compare_now(self) -> None:
        """Compare what stands in the boxes."""
        self._read_boxes()
        missing = [side for side in SIDES if not self._sources[side].data]
        if missing:
            self.banner.say("error", f"The {missing[0]} message is missing. Paste it, or open a file.")
            self.boxes[missing[0]].setFocus()
            return
        self._compare()

    def _read_boxes(self) -> None:
        """What was typed into a box counts; what was handed over stays as it was."""
        for side, box in self.boxes.items():
            if box.source != _as_text(self._sources[side].data).replace("\r\n", "\n"):
                self._sources[side] = Source(box.source)

    def _compare(self) -> None:
        self.banner.hide()
        self.work(
            self.desk.sso.compare,
            self._sources["first"],
            self._sources["second"],
            self.desk.account or None,
            then=self._show,
            failed=self._failed,
            channel="compare",
        )

    # Showing -----------------------------------------------------------------------------------------------------

    def _show(self, compared: Compared) -> None:
        found = compared.comparison
        for side, at in zip(SIDES, compared.found, strict=True):
            self._show_choice(side, at)
            self.kinds[side].setText("")
        if found.error:
            self._show_nothing()
            self.banner.say("error", found.error)
            return
        for side, at, about in zip(SIDES, compared.found, found.sides, strict=True):
            self.kinds[side].setText(visible((about.subject or about.kind)[:60]))
            layers = f"{', '.join(at.layers)}, " if at.layers else ""
            name = self._sources[side].name
            self.kinds[side].setToolTip(tip(f"{name}: {about.sentence}\n{layers}{at.size:,} bytes"))
        if found.notes:
            self.banner.say("info", " ".join(found.notes))
        self._differences = found.differences
        real, always = len(found.meaningful), len(found.differences) - len(found.meaningful)
        self.counts.setText(plural(real, "difference") if real else "Nothing differs but what always does")
        self.expected.setText(f"Show what always differs ({always})")
        self.counts.setToolTip(f"{plural(found.same, 'value')} are the same.")
        self._stack.setCurrentIndex(1)
        self.export.setEnabled(True)
        self._show_rows()

    def _show_choice(self, side: Side, found: Found) -> None:
        box = self.choices[side]
        box.clear()
        box.addItems([visible(n)[:120] for n in found.names])
        box.setCurrentIndex(found.number - 1)
        box.setVisible(len(found.names) > 1)

    def _show_rows(self) -> None:
        every = self.expected.isChecked()
        self.table.show_rows([d for d in self._differences if every or not d.expected])
        self._explain(None)

    def _explain(self, d: Difference | None) -> None:
        """Say below the table what a cell has no room for."""
        self.hint.setText(visible(d.hint) if d is not None else "")
        self.hint.setVisible(bool(d is not None and d.hint))
        self.place.setText(visible(d.where) if d is not None else "")
        self.place.setVisible(d is not None)

    def _show_nothing(self) -> None:
        self.desk.jobs.drop(self, "compare")
        self._differences = ()
        self.table.show_rows([])
        self._explain(None)
        self._stack.setCurrentIndex(0)
        self.export.setEnabled(False)

    def _narrow(self, text: str) -> None:
        self.table.model_.filter(text)

    def restyle(self) -> None:
        super().restyle()
        self.banner.restyle()
        self.empty.restyle()

    # Doing -------------------------------------------------------------------------------------------------------

    def copy_differences(self) -> None:
        """Copy what is shown as text."""
        copy_text("\n".join(map(difference_text, self.table.model_.rows)), self.export)

    def copy_json(self) -> None:
        """Copy every difference as JSON."""
        rows = [d.as_dict() for d in self._differences]
        copy_text(json.dumps(rows, ensure_ascii=False, indent=2), self.export)

    def save(self, path: Path) -> None:
        """Write what is shown as CSV."""
        data = self.table.model_.as_csv().encode("utf-8", "replace")
        self.work(
            write_file,
            path,
            data,
            then=lambda p: self.desk.say("pass", f"The differences were saved as {p.name}."),
            failed=self._failed,
            channel="export",
        )

    def _ask_save(self) -> None:
        if self._differences:
            ask_save(self, "Save the differences", "differences.csv", "CSV (*.csv)", self.save)

    def _ask_file(self, side: Side) -> None:
        ask_open(self, f"Open the {side} message", KINDS, partial(self.open_path, side))

    def _failed(self, error: Exception) -> None:
        self.banner.say("error", str(error) or type(error).__name__)


def _as_text(data: str | bytes) -> str:
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else data
