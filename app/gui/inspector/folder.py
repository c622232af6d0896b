"""A folder of messages: a row for each with its verdict and cause, while they are judged; choose one to inspect it."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QMenu, QProgressBar, QWidget

from app.bulk.folder import EXPLAINED, UNREADABLE, Row, as_csv, as_json_lines, judging_files, unreadable
from app.bulk.judging import Recipe
from app.bulk.workers import Crashed, files_in, in_order
from app.gui.examine import NOTHING, WHOEVER_FITS
from app.gui.files import ask_save, write_file
from app.gui.findings import WHO
from app.gui.tables import Column, Table
from app.gui.widgets import STATES, Banner, Card, button, column, copy_text, label, row, search_field, visible
from app.gui.wording import plural

if TYPE_CHECKING:
    from app.accounts.account import Account
    from app.gui.desk import Desk
    from app.gui.jobs import Progress

Format = Literal["csv", "jsonl"]
Sink = deque[tuple[Row, ...]]
MOST_FILES: Final = 10_000  # more rows than anybody looks through, and still quick to filter
_STATE: Final = {EXPLAINED: "info", UNREADABLE: "warn"}
_WORD: Final = {EXPLAINED: "Error text", UNREADABLE: "Unreadable"}
_TOLD_EVERY_S: Final = 0.1
_WHEN: Final = (("issue", "when issued"), ("now", "now"))


@dataclass(frozen=True, slots=True)
class FolderJudging:
    """What a folder is judged by: an account, WHOEVER_FITS or NOTHING; as of when."""

    against: str = WHOEVER_FITS
    at: Literal["issue", "now"] = "issue"


def judge_folder(progress: Progress, folder: Path, recipe: Recipe, sink: Sink, processes: int | None = None) -> bool:
    """Judge every file below a folder and put its rows into `sink`, in order; False where it was cancelled.

    Raises Unlisted or WorkersLost with a sentence, and what app.bulk.judging.opened() raises.
    """
    files = [str(f) for f in files_in(folder, MOST_FILES)]
    told_at = 0.0
    results = in_order(files, judging_files, (recipe, str(folder)), processes=processes)
    for number, (file, made) in enumerate(zip(files, results, strict=True), 1):
        if progress.cancelled:
            results.close()  # type: ignore[attr-defined]  # it is a generator: its processes end here
            return False
        if isinstance(made, Crashed):
            name = str(Path(file).relative_to(folder))
            made = (unreadable(file, name, f"This program failed at it ({made.error}). Please report it."),)
        sink.append(made)
        now = time.monotonic()
        if now - told_at > _TOLD_EVERY_S:
            told_at = now
            progress.report(number, len(files))
    progress.report(len(files), len(files))
    return True


def write_rows(path: Path, rows: Sequence[Row], form: Format) -> Path:
    """Write rows as a file. FileRefused where that cannot be done."""
    return write_file(path, (as_csv(rows) if form == "csv" else as_json_lines(rows)).encode("utf-8", "replace"))


def state_of(r: Row) -> str:
    """The verdict as one of STATES: what is no login can be sound, but nobody is let in by it."""
    login = r.kind in ("Response", "Assertion", "other")
    return _STATE.get(r.verdict) or (r.verdict if login or r.verdict != "accept" else "sound")


def message_of(r: Row) -> int | None:
    """Which message of its file it is, counted from 0; None where the file holds but one."""
    name, mark, number = r.name.rpartition("#")
    return int(number) - 1 if mark and name and number.isdecimal() and len(number) < 5 else None


def word_of(r: Row) -> str:
    """The verdict for people."""
    return _WORD.get(r.verdict) or STATES[state_of(r)][0]


def row_text(r: Row) -> str:
    """A row as plain lines."""
    lines = [f"{r.name}: {word_of(r)}", r.headline, r.title and f"Cause: {r.title}", WHO.get(r.who, "")]
    return visible("\n".join(filter(None, lines)))


class FolderView(QWidget):
    """`opened` is emitted with the Row whose file to inspect."""

    opened = Signal(object)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._job: Progress | None = None
        self.sink: Sink = deque()
        self._rows: list[Row] = []
        self._causes: Counter[str] = Counter()
        self._verdicts: Counter[str] = Counter()
        self._titles: dict[str, str] = {}
        self._folder = Path()
        self.banner = Banner()
        self.against = _combo("Judged against", 16)
        self.at = _combo("Judged as of", 9)
        for key, text in _WHEN:
            self.at.addItem(text, key)
        for box in (self.against, self.at):
            box.activated.connect(lambda _i: self._judge_again())
        self.causes = _combo("Cause", 18)
        self.causes.activated.connect(lambda _i: self._show_rows())
        self.export = button("Export", icon="export", hint="Save the rows on show")
        menu = QMenu(self)
        menu.addAction("Save as CSV...", lambda: self._ask_save("csv"))
        menu.addAction("Save as JSON lines...", lambda: self._ask_save("jsonl"))
        self.export.setMenu(menu)
        self.what = label("", bold=True, size=15)
        self.counts = label("", tone="muted", wrap=True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Judging the folder")
        self.stop = button("Cancel", self.cancel, icon="stop", hint="Stop; what was judged stays")
        self._running = QWidget()
        self._running.setLayout(row(self.progress, self.stop, spacing=12))
        self._running.hide()
        self.table: Table[Row] = Table(
            "inspector-folder",
            [
                Column("Verdict", word_of, 136, state=state_of, tip=lambda r: r.headline),
                Column("File", lambda r: r.name, 170),
                Column("Subject", lambda r: r.subject, 180),
                Column("Cause", lambda r: r.title, 160, tip=lambda r: f"{r.title}\n{r.headline}"),
                Column("Who acts", lambda r: WHO.get(r.who, r.who), 200, hidden=True),
                Column("Kind", lambda r: r.kind, 120, hidden=True),
                Column("Issuer", lambda r: r.issuer, 220, mono=True, hidden=True),
            ],
        )
        self.table.setAccessibleName("Messages of the folder")
        self.search = search_field("Search", self.table.model_.filter)
        self.search.setMaximumWidth(240)
        self.table.opened.connect(self.opened.emit)
        self.table.extra_actions = [
            ("Inspect", self.opened.emit),
            ("Show only this cause", lambda r: self.choose_cause(r.cause)),
            ("Copy as text", lambda r: copy_text(row_text(r), self.table)),
        ]
        choices = row(
            label("Judged against", tone="muted"), self.against, label("as of", tone="muted"), self.at, 1, self.search,
            self.export,
        )  # fmt: skip
        head = row(self.counts, self.causes, spacing=12)
        head.setStretch(0, 1)
        self.setLayout(
            column(Card("", self.what, choices), self.banner, Card("", head, self._running, self.table), spacing=10)
        )

    # What it is judged by ------------------------------------------------------------------------------------------

    def show_accounts(self, accounts: Sequence[Account], chosen: str) -> None:
        """Offer these accounts, and the one in hand until the person chooses."""
        kept = self.judging().against if self.against.count() else chosen or WHOEVER_FITS
        self.against.clear()
        for account in accounts:
            self.against.addItem(visible(f"{account.name} · {account.imagekit_id}"), account.imagekit_id)
        self.against.addItem("The account it names", WHOEVER_FITS)
        self.against.addItem("Nothing, only read it", NOTHING)
        self.against.setCurrentIndex(max(0, self.against.findData(kept)))

    def judging(self) -> FolderJudging:
        """As it is chosen now."""
        against = self.against.currentData()
        return FolderJudging(WHOEVER_FITS if against is None else str(against), self.at.currentData())

    # Judging -------------------------------------------------------------------------------------------------------

    def judge(self, folder: Path) -> None:
        """Judge every file below a folder by what is chosen; the rows come as they are made."""
        self._forget_job()
        recipe = self._recipe()
        sink = self.begin(folder)
        job = self._desk.jobs.run_long(
            self,
            judge_folder,
            folder,
            recipe,
            sink,
            then=self._done,
            progressed=lambda done, total, _text: self.show_progress(done, total),
            failed=self._failed,
            channel="folder",
        )
        self._job = job if self.running else None

    def cancel(self) -> None:
        """Stop; what there is stays."""
        if self._job is not None:
            self._job.cancel()

    def _judge_again(self) -> None:
        if self.folder is not None:
            self.judge(self.folder)

    def _forget_job(self) -> None:
        self.cancel()
        self._job = None
        self._desk.jobs.drop(self, "folder")

    def _recipe(self) -> Recipe:
        judging, now = self.judging(), self._desk.workspace.now()
        at: Literal["issue"] | None = "issue" if judging.at == "issue" else None
        if judging.against == NOTHING:
            return Recipe(now=now, at=at)
        return Recipe(
            now=now,
            at=at,
            workspace=self._desk.workspace.url,
            account=None if judging.against == WHOEVER_FITS else judging.against,
            decryption_keys=self._desk.sso.session_key_files(),
        )

    def _done(self, whole: bool) -> None:
        self._job = None
        self.end(whole=whole)

    def _failed(self, error: Exception) -> None:
        self._job = None
        self.end(whole=False)
        self.banner.say("error", str(error) or type(error).__name__)

    # What is shown -------------------------------------------------------------------------------------------------

    @property
    def folder(self) -> Path | None:
        """The folder on show."""
        return self._folder if self._folder != Path() else None

    @property
    def running(self) -> bool:
        """Whether more rows are to come."""
        return not self._running.isHidden()

    def begin(self, folder: Path) -> Sink:
        """Show that a folder is being judged; its rows are to be put into the result."""
        self.clear()
        self._folder = folder
        self.what.setText(visible(folder.name or str(folder)))
        self.what.setToolTip("")
        self.progress.setRange(0, 0)
        self._running.show()
        self.counts.setText("Looking for files")
        return self.sink

    def show_progress(self, done: int, total: int) -> None:
        """Show the rows that came since, and how far it is."""
        self._take()
        self.progress.setRange(0, max(total, 1))
        self.progress.setValue(done)
        self._count(f"{done:,} of {plural(total, 'file')}")

    def end(self, *, whole: bool) -> None:
        """All rows are there, or no more will come."""
        self._take()
        self._running.hide()
        files = plural(len({r.file for r in self._rows}), "file")
        self._count(files if whole else f"Stopped after {files}")
        self._fill_causes()
        self._show_rows()

    def clear(self) -> None:
        """Nothing of a folder stays."""
        self._forget_job()
        self.sink = deque()
        self._rows = []
        self._causes, self._verdicts = Counter(), Counter()
        self._titles = {}
        self._folder = Path()
        self._running.hide()
        self.banner.hide()
        self.causes.clear()
        self.causes.hide()
        self.export.setEnabled(False)
        self.table.show_rows([])

    def restyle(self) -> None:
        """Follow the theme."""
        self.banner.restyle()

    def _take(self) -> None:
        came: list[Row] = []
        while self.sink:
            came += self.sink.popleft()
        if not came:
            return
        self._rows += came
        for r in came:
            self._verdicts[word_of(r)] += 1
            if r.cause:
                self._causes[r.cause] += 1
                self._titles.setdefault(r.cause, r.title)
        self.table.model_.append(came)
        self.export.setEnabled(True)

    def _count(self, files: str) -> None:
        told = ", ".join(f"{count:,} {word.lower()}" for word, count in self._verdicts.most_common())
        self.counts.setText(f"{files}: {told}" if told else files)

    def _fill_causes(self) -> None:
        self.causes.clear()
        self.causes.addItem(f"Every cause ({len(self._rows):,})", "")
        for cause, count in self._causes.most_common():
            self.causes.addItem(visible(f"{self._titles[cause][:80]} ({count:,})"), cause)
        self.causes.setVisible(bool(self._causes))

    def choose_cause(self, cause: str) -> None:
        """Show only the messages of one cause; "" for all."""
        self.causes.setCurrentIndex(max(0, self.causes.findData(cause)))
        self._show_rows()

    def _show_rows(self) -> None:
        cause = self.causes.currentData() or ""
        self.table.show_rows([r for r in self._rows if not cause or r.cause == cause])

    # Export --------------------------------------------------------------------------------------------------------

    def _ask_save(self, form: Format) -> None:
        kinds = "CSV (*.csv)" if form == "csv" else "JSON lines (*.jsonl)"
        ask_save(self, "Save the rows", f"messages.{form}", kinds, lambda path: self.save(path, form))

    def save(self, path: Path, form: Format) -> None:
        """Write the rows on show, in their order."""
        self._desk.jobs.run(
            self,
            write_rows,
            path,
            tuple(self.table.model_.rows),
            form,
            then=lambda p: self._desk.say("pass", f"The list of messages was saved as {p.name}."),
            failed=lambda e: self.banner.say("error", str(e)),
            channel="export",
        )


def _combo(name: str, characters: int) -> QComboBox:
    made = QComboBox()
    made.setAccessibleName(name)
    made.setToolTip(name)
    made.setMinimumContentsLength(characters)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return made
