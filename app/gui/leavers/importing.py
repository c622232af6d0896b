"""Importing a directory's list: choose it, look at what was understood, answer what only a person knows, import.

It reads no row and compares nobody; it shows what the core understood.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QProgressBar,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from app.gui.files import FileRefused, ask_open, read_file
from app.gui.tables import Column, Table
from app.gui.widgets import Banner, Card, button, clear, column, label, line_edit, retint, row, scrolled, tip, visible
from app.gui.wording import plural

if TYPE_CHECKING:
    from app.accounts.directory import ListKind, Reading, Snapshot
    from app.gui.desk import Desk
    from app.gui.jobs import Progress
    from app.lab import Lab
    from app.sso import SSO, ImportPreview

_KINDS: Final = (
    ("Everybody in the directory", "directory"),
    ("Those who may use this application", "assignments"),
)
_DELIMITERS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", "": "JSON"}
_ENCODINGS: Final = ("Detected", "UTF-8", "UTF-16", "Windows-1252")
_PREVIEW_COLUMNS: Final = 8
_FORMATS: Final = "Lists of people (*.csv *.json *.txt *.tsv);;All files (*)"


class Stopped(Exception):  # noqa: N818  the person asked for it
    """The person cancelled; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A list as bytes, and where it came from. `is_now` where it was fetched this moment."""

    data: bytes
    name: str
    is_now: bool = False


@dataclass(frozen=True, slots=True)
class Understood:
    """A list with what was understood of it."""

    taken: Taken
    reading: Reading


def told_by(progress: Progress, text: str) -> Callable[[int, int], None]:
    """Reports to the page, and stops the work when it was cancelled."""

    def told(done: int, total: int) -> None:
        if progress.cancelled:
            raise Stopped("Cancelled. Nothing was changed.")
        progress.report(done, total, text)

    return told


def take_file(progress: Progress, path: Path) -> Understood:
    """Read a file."""
    from app.accounts.directory.sources import MAX_BYTES

    progress.report(0, 0, f"Reading {path.name} ...")
    return understand(progress, Taken(read_file(path, MAX_BYTES), path.name), None, None)


def take_from_idp(progress: Progress, lab: Lab, account: str, kind: str) -> Understood:
    """Fetch everybody, or those assigned to the account's application, from the running test IdP, over HTTP."""
    from app.fetching.directory import DirectoryUnreachable, fetch_directory

    if not lab.running:
        raise DirectoryUnreachable("The test IdP is stopped. Start it on the page Simulator, then ask it again.")
    application = account if kind == "assignments" else ""
    fetched = fetch_directory(lab.portal_url, application=application, told=told_by(progress, "Asking the test IdP"))
    return understand(progress, Taken(fetched.data, fetched.source, is_now=True), None, None)


def understand(progress: Progress, taken: Taken, key: str | None, encoding: str | None) -> Understood:
    """Read the list, perhaps by another column or in another encoding."""
    from app.accounts.directory import read_directory

    told = told_by(progress, "Reading rows")
    return Understood(taken, read_directory(taken.data, key=key, encoding=encoding, told=told))


def import_it(
    progress: Progress,
    sso: SSO,
    account: str,
    understood: Understood,
    complete: bool,
    taken_at: datetime,
    kind: ListKind,
) -> Snapshot:
    """Import it, unless it is cancelled before the end."""
    return sso.import_directory(
        account,
        understood.reading,
        complete=complete,
        taken_at=taken_at,
        source=understood.taken.name,
        kind=kind,
        told=told_by(progress, "Importing"),
    )


class ImportPanel(Card):
    """The whole way from a file to an imported list. `imported` carries the snapshot, `left` says "back"."""

    imported = Signal(object)
    left = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__("Import a list of people")
        self.desk = desk
        self._understood: Understood | None = None
        self._taken: Taken | None = None
        self._progress: Progress | None = None
        self.open_button = button(
            "Open a file", self.choose, icon="open", hint="CSV or JSON as the directory exports it; or drop it here"
        )
        self.fetch_button = button(
            "Ask the test IdP", self.fetch, icon="simulator", hint="Fetch its directory over HTTP (SCIM)"
        )
        self.cancel_button = button("Cancel", self.cancel, kind="flat")
        self.import_button = button("Import", self.import_now, icon="check", kind="primary")
        self.facts = label("", tone="muted", wrap=True)
        self.banner = Banner()
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        self.bar.hide()
        self.teach = label(
            "Only the directory knows who left. Export its users (Entra ID: Users, Download users; Okta and OneLogin: "
            "the people report; Active Directory: Get-ADUser | Export-Csv; Google Workspace: Download users), or save "
            "what Microsoft Graph or SCIM answers as JSON. Nobody who is no user of this account is kept.",
            tone="muted",
            wrap=True,
        )
        self.asked = QWidget()
        self.asked.setObjectName("plain")
        self.asked.setLayout(self._questions())
        self.shown = QVBoxLayout()
        self.shown.setSpacing(8)
        inner = QWidget()
        inner.setObjectName("plain")
        inner.setLayout(column(self.teach, self.facts, self.asked, self.shown, 1, spacing=10, margins=(0, 0, 8, 0)))
        self.add(row(self.open_button, self.fetch_button, 1))
        self.add(self.banner)
        self.add(self.bar)
        area = scrolled(inner)
        self.add(area)
        self.would = label("", wrap=True)
        foot = row(self.would, self.cancel_button, self.import_button)
        foot.setStretch(0, 1)
        self.add(foot)
        self.body.setStretch(self.body.indexOf(area), 1)
        self.reset()

    def _questions(self) -> QFormLayout:
        self.key_box = _combo("Column that identifies people")
        self.key_box.activated.connect(lambda _i: self._again())
        self.encoding_box = _combo("Encoding of the file")
        for name in _ENCODINGS:
            self.encoding_box.addItem(name, None if name == "Detected" else name)
        self.encoding_box.activated.connect(lambda _i: self._again())
        self.kind_box = _combo("Who is in the list")
        for text, kind in _KINDS:
            self.kind_box.addItem(text, kind)
        self.kind_box.activated.connect(lambda _i: self._another_kind())
        self.whole = QRadioButton("Yes, everybody")
        self.part = QRadioButton("No, a part of them")
        self.whole.setToolTip(tip("Users who are not in it count as deleted"))
        self.part.setToolTip(tip("It can show who is there, never who is missing"))
        group = QButtonGroup(self)
        for choice in (self.whole, self.part):
            group.addButton(choice)
            choice.toggled.connect(lambda on: self._preview() if on else None)
        self.when = line_edit(placeholder="2026-11-23 09:00", name="When the list was taken, in UTC")
        self.when.setFixedWidth(190)
        self.when.textEdited.connect(lambda _t: self._preview())
        self.now_button = button("Just now", self._now, kind="flat", hint="The list was exported this moment")
        answers: QHBoxLayout = row(self.whole, self.part, 1, spacing=16)
        made = QFormLayout()
        made.setContentsMargins(0, 0, 0, 0)
        made.setHorizontalSpacing(16)
        made.setVerticalSpacing(8)
        for text, part in (
            ("People are recognised by", row(self.key_box, label("read as", tone="muted"), self.encoding_box, 1)),
            ("The list holds", row(self.kind_box, 1)),
            ("Is this list complete?", answers),
            ("Taken at (UTC)", row(self.when, self.now_button, 1)),
        ):
            made.addRow(label(text, tone="muted"), part)
        return made

    # Choosing --------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Forget everything that was chosen."""
        self._understood = self._taken = None
        for choice in (self.whole, self.part):
            choice.setAutoExclusive(False)
            choice.group().setExclusive(False)
            choice.setChecked(False)
            choice.group().setExclusive(True)
        self.when.clear()
        self.kind_box.setCurrentIndex(0)
        self.encoding_box.setCurrentIndex(0)
        self.banner.hide()
        self.would.setText("")
        self.facts.hide()
        self.teach.show()
        self.asked.hide()
        clear(self.shown)
        self._idle()

    def choose(self) -> None:
        """Ask for a file."""
        ask_open(self, "Import a list of people", _FORMATS, self.take)

    def take(self, path: Path) -> None:
        """Read this file."""
        self.reset()
        self._start(take_file, path, then=self._show)

    def fetch(self) -> None:
        """Fetch the directory of the test IdP."""
        kind = self.kind_box.currentData() if self._taken is not None and self._taken.is_now else "directory"
        self.reset()
        self.kind_box.setCurrentIndex(self.kind_box.findData(kind))
        self._start(take_from_idp, self.desk.lab, self.desk.account, kind, then=self._show)

    def _another_kind(self) -> None:
        """The test IdP is asked for the other list; a file holds what it holds."""
        if self._taken is not None and self._taken.is_now:
            self.fetch()
        else:
            self._preview()

    def _again(self) -> None:
        if self._taken is not None:
            key = self.key_box.currentData() if self._understood is not None else None
            self._start(understand, self._taken, key, self.encoding_box.currentData(), then=self._show)

    def _start(self, work: Callable[..., Any], *args: Any, then: Callable[[Any], None]) -> None:
        self.banner.hide()
        self.import_button.setEnabled(False)
        self.bar.setRange(0, 0)
        self.bar.show()
        self.cancel_button.setText("Stop")
        if args and isinstance(args[0], Taken):
            self._taken = args[0]
        self._progress = None

        def done(result: Any) -> None:
            self._idle()
            then(result)

        progress = self.desk.jobs.run_long(
            self, work, *args, then=done, progressed=self._told, failed=self._failed, channel="import"
        )
        # With an executor that works at once, it is over already.
        if not self.bar.isHidden():
            self._progress = progress

    def _told(self, done: int, total: int, text: str) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        self.would.setText(f"{text}: {done:,} of {total:,}" if total else text)

    def _idle(self) -> None:
        self._progress = None
        self.bar.hide()
        self.cancel_button.setText("Cancel")
        self.would.setText("")
        self._armed()

    def _failed(self, error: Exception) -> None:
        self._idle()
        known = isinstance(error, Stopped)
        self.banner.say("info" if known else "error", str(error) or type(error).__name__)
        # An encoding that was not detected can be named; then the questions must be there.
        if self._taken is not None and not isinstance(error, FileRefused):
            self.asked.show()

    def cancel(self) -> None:
        """Stop what runs, or leave."""
        if self._progress is not None:
            self._progress.cancel()
        else:
            self.reset()
            self.left.emit()

    # Showing ---------------------------------------------------------------------------------------------------

    def _show(self, understood: Understood) -> None:
        self._understood, self._taken = understood, understood.taken
        reading = understood.reading
        self.teach.hide()
        self.facts.show()
        self.asked.show()
        self.facts.setText(
            visible(
                f"{understood.taken.name}: {reading.title}, {plural(reading.rows, 'row')}, {reading.encoding}, "
                f"{_DELIMITERS[reading.delimiter]}."
            )
        )
        self.facts.setToolTip(tip(f"SHA-256 {reading.sha256}"))
        self.key_box.clear()
        for choice in reading.keys:
            self.key_box.addItem(visible(f"{choice.column} ({choice.share:.0%} addresses)"), choice.column)
        self.key_box.setCurrentIndex(self.key_box.findData(reading.key))
        if reading.partial_because:
            self.part.setChecked(True)
            self.whole.setEnabled(False)
            self.whole.setToolTip(tip(reading.partial_because))
        else:
            self.whole.setEnabled(True)
        if understood.taken.is_now:
            self._now()
        clear(self.shown)
        for note in (*reading.notes, *((reading.partial_because,) if reading.partial_because else ())):
            self.shown.addWidget(label(note, tone="warning", wrap=True))
        if reading.problem_count:
            self._show_problems(reading)
        self._show_rows(reading)
        self._preview()

    def _show_problems(self, reading: Reading) -> None:
        shown = len(reading.problems)
        more = f" The first {shown} are shown." if reading.problem_count > shown else ""
        self.banner.say(
            "error",
            f"{plural(reading.problem_count, 'row')} cannot be read, so nothing is imported.{more} Correct the list, "
            "or choose another column.",
        )
        table = Table[Any](
            "directory-problems",
            (
                Column("Row", lambda p: str(p.row or ""), 70, sort=lambda p: p.row, right=True),
                Column("What is wrong", lambda p: p.sentence, 500),
            ),
        )
        table.setAccessibleName("Rows with problems")
        table.show_rows(reading.problems)
        table.fit_rows(5)
        self.shown.addWidget(table)

    def _show_rows(self, reading: Reading) -> None:
        order = list(range(len(reading.columns)))
        first = [n for n in order if reading.columns[n] in (reading.key, reading.enabled_column)]
        order = (first + [n for n in order if n not in first])[:_PREVIEW_COLUMNS]
        table = Table[Any](
            "directory-preview",
            [Column(visible(reading.columns[n]), partial(_cell, n), 170) for n in order],
        )
        table.setAccessibleName("The first rows of the list")
        table.show_rows(reading.preview)
        table.fit_rows(6)
        self.shown.addWidget(label("The first rows", tone="muted", size=12))
        self.shown.addWidget(table)

    def _now(self) -> None:
        moment = self.desk.sso.now()
        self.when.setText(f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}")
        self._preview()

    def taken_at(self) -> datetime | None:
        """When the list was taken, as typed; None where that is no time."""
        try:
            found = datetime.fromisoformat(self.when.text().strip())
        except ValueError:
            return None
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)

    @property
    def complete(self) -> bool | None:
        """The answer; None while there is none."""
        return True if self.whole.isChecked() else False if self.part.isChecked() else None

    def _armed(self) -> bool:
        understood = self._understood
        missing = ""
        if understood is None or not understood.reading.usable:
            missing = " "
        elif self.complete is None:
            missing = "Say whether the list holds everybody."
        elif self.taken_at() is None:
            missing = "Say when the list was taken, such as 2026-11-23 09:00."
        self.import_button.setEnabled(not missing and self._progress is None)
        if understood is not None:
            self.would.setText(missing.strip())
        return not missing

    def _preview(self) -> None:
        if self._armed() and self._understood is not None:
            self.desk.jobs.run(
                self,
                _look,
                self.desk.sso,
                self.desk.account,
                self._understood.reading,
                self.complete,
                self.taken_at(),
                self.kind_box.currentData(),
                then=self._show_preview,
                failed=lambda e: self._refuse(str(e)),
                channel="preview",
            )

    def _refuse(self, sentence: str) -> None:
        self.import_button.setEnabled(False)
        self.would.setText(visible(sentence))

    def _show_preview(self, preview: ImportPreview) -> None:
        c = preview.comparison
        said = f"{plural(c.matched, 'user')} found, {c.disabled} disabled, {c.absent} missing."
        if preview.held:
            said += f" It will wait for your confirmation: {preview.held}."
        self.would.setText(visible(said))

    def import_now(self) -> None:
        """Import what is shown."""
        at = self.taken_at()
        if self._understood is not None and at is not None and self.import_button.isEnabled():
            self._start(
                import_it,
                self.desk.sso,
                self.desk.account,
                self._understood,
                self.complete,
                at,
                self.kind_box.currentData(),
                then=self._imported,
            )

    def _imported(self, snapshot: Snapshot) -> None:
        self.reset()
        self.imported.emit(snapshot)

    def restyle(self) -> None:
        """Follow the theme."""
        self.banner.restyle()
        for made in (self.open_button, self.fetch_button, self.import_button):
            retint(made)


def _look(
    sso: SSO, account: str, reading: Reading, complete: bool, taken_at: datetime, kind: ListKind
) -> ImportPreview:
    return sso.preview_directory(account, reading, complete=complete, taken_at=taken_at, kind=kind)


def _cell(number: int, cells: tuple[str, ...]) -> str:
    return cells[number] if number < len(cells) else ""


def _combo(name: str) -> QComboBox:
    made = QComboBox()
    made.setAccessibleName(name)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    made.setMinimumWidth(150)
    return made
