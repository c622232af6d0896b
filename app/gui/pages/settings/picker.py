"""The picker of a federation's aggregate: of any length, searched as a stream, and one entity taken out of it."""

from __future__ import annotations

import io
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QProgressBar

from app.gui.files import FileRefused
from app.gui.jobs import Progress
from app.gui.tables import Column, Table
from app.gui.widgets import Banner, Card, button, label, line_edit, row
from app.gui.wording import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from app.gui.pages.settings.metadata import MetadataSection
    from app.saml.aggregate import Entry

_MOST: Final = 500
#: An aggregate of more entities than this is searched, not listed in a box.
MANY: Final = 30

Source = Path | bytes


class Stopped(Exception):  # noqa: N818  not an error: somebody searches for something else
    """The search was given up."""


class PickerCard(Card):
    """Hidden until an aggregate is opened that is too long for a list."""

    def __init__(self, section: MetadataSection) -> None:
        super().__init__("Choose the identity provider")
        self._section = section
        self._source: Source | None = None
        self._name = ""
        self._running: Progress | None = None
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(250)
        self._pause.timeout.connect(self.search)
        self.use_button = button("Use this one", self.use, kind="primary", hint="Take it out of the aggregate")
        self.use_button.setEnabled(False)
        self.words = label("", tone="muted", wrap=True)
        self.field = line_edit(
            placeholder="Words of its name, address or scope", name="Search for an identity provider"
        )
        self.field.textChanged.connect(lambda _t: self._pause.start())
        self.bar = QProgressBar()
        self.bar.setAccessibleName("Progress of the search")
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.banner = Banner(slim=True)
        self.table = Table[Any](
            "aggregate",
            (
                Column("Name", lambda e: e.names[0] if e.names else "", 240, tip=lambda e: "\n".join(e.names)),
                Column("Entity ID", lambda e: e.entity_id, 380, mono=True),
                Column("Scopes", lambda e: ", ".join(e.scopes), 180, muted=True),
            ),
        )
        self.table.chosen.connect(lambda e: self.use_button.setEnabled(e is not None))
        self.table.opened.connect(lambda _e: self.use())
        self.leave_button = button("Choose none", self.leave)
        for part in (
            self.words, self.field, self.bar, self.banner, self.table, row(1, self.leave_button, self.use_button)
        ):  # fmt: skip
            self.add(part)
        self.body.setStretch(self.body.indexOf(self.table), 1)
        self.hide()

    def open(self, name: str, source: Source) -> None:
        """Offer the entities of a file, or of a document that was given."""
        self._source, self._name = source, name
        self.words.setText(f"{name} describes many entities. Search for yours; only it is taken and saved.")
        self.banner.hide()
        self.field.clear()
        self.show()
        self._section.page.tabs.hide()
        self.field.setFocus()
        self.search()

    def leave(self) -> None:
        """Choose nothing."""
        self._stop()
        self._source = None
        self._pause.stop()
        self.table.show_rows(())
        self.hide()
        self._section.page.tabs.show()

    def _stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            self._running = None

    def search(self) -> None:
        """List the identity providers that contain every word."""
        if self._source is None:
            return
        self._stop()
        self.banner.hide()
        self.bar.setRange(0, 0)
        self.bar.show()
        self._running = self._section.desk.jobs.run_long(
            self,
            _search,
            self._source,
            self.field.text(),
            then=self._found,
            progressed=self._progressed,
            failed=self._failed,
            channel="search",
        )

    def _progressed(self, done: int, total: int, _text: str) -> None:
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)

    def _found(self, found: tuple[Entry, ...]) -> None:
        self._running = None
        self.bar.hide()
        self.table.show_rows(found)
        self.use_button.setEnabled(False)
        if not found:
            self.banner.say("info", "No identity provider contains all these words.")
        elif len(found) >= _MOST:
            self.banner.say("info", f"The first {plural(_MOST, 'identity provider')} are listed. Type more words.")

    def _failed(self, error: Exception) -> None:
        if isinstance(error, Stopped):
            return
        self._running = None
        self.bar.hide()
        self.banner.say("error", str(error) or type(error).__name__)

    def use(self) -> None:
        """Take the chosen entity out of the aggregate and put it into the box."""
        chosen = self.table.current
        if chosen is None or self._source is None:
            return
        self.use_button.setEnabled(False)
        self._section.desk.jobs.run_long(
            self,
            _extract,
            self._source,
            chosen.entity_id,
            then=self._taken,
            progressed=self._progressed,
            failed=self._failed,
            channel="extract",
        )

    def _taken(self, document: bytes) -> None:
        name = self._name
        self.leave()
        self._section.take(f"The entity out of {name}", document)

    def restyle(self) -> None:
        """Follow the theme."""
        self.banner.restyle()


@contextmanager
def _opened(source: Source, progress: Progress) -> Iterator[BinaryIO]:
    """The source as a stream that tells how far it is read. FileRefused for what is no file."""
    if isinstance(source, bytes):
        yield cast(BinaryIO, _Watched(io.BytesIO(source), len(source), progress))
        return
    try:
        about = source.stat()
        if not stat.S_ISREG(about.st_mode):
            raise FileRefused(f"{source.name} is not a regular file. Choose a file.")
        with source.open("rb") as file:
            yield cast(BinaryIO, _Watched(file, about.st_size, progress))
    except OSError as e:
        raise FileRefused(
            f"{source.name} cannot be read: {e.strerror or e}. Check the path and its permissions."
        ) from e


class _Watched:
    """A stream that reports where it is, and ends the work when somebody asks for it."""

    def __init__(self, stream: BinaryIO, size: int, progress: Progress) -> None:
        self._stream, self._size, self._progress, self._done = stream, size, progress, 0

    def read(self, most: int = -1) -> bytes:
        """Some bytes. Stopped when the work was given up."""
        if self._progress.cancelled:
            raise Stopped("The search was given up.")
        data = self._stream.read(most)
        self._done += len(data)
        self._progress.report(self._done >> 10, max(self._size >> 10, 1))
        return data


def _search(progress: Progress, source: Source, words: str) -> tuple[Entry, ...]:
    from app.saml.aggregate import search_aggregate

    found: list[Entry] = []
    with _opened(source, progress) as stream:
        for entry in search_aggregate(stream, words, role="idp"):
            found.append(entry)
            if len(found) >= _MOST or progress.cancelled:
                break
    return tuple(found)


def _extract(progress: Progress, source: Source, entity_id: str) -> bytes:
    from app.saml.aggregate import extract

    with _opened(source, progress) as stream:
        return extract(stream, entity_id)


def is_long(path: Path, most: int) -> bool:
    """Whether a file is longer than what is read at once."""
    try:
        return path.stat().st_size > most
    except OSError:
        return False


def begins_like_metadata(path: Path) -> bool:
    """Whether the first bytes of a file are those of an aggregate."""
    try:
        with path.open("rb") as file:
            return b"EntitiesDescriptor" in file.read(20_000)
    except OSError:
        return False
