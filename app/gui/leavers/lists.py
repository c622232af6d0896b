"""The lists of people and the clean-ups that an account has: confirming, taking back, looking again, undoing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHeaderView, QWidget

from app.gui.tables import Column, Table
from app.gui.widgets import Banner, Card, button, column, label, line_edit, retint, row, visible
from app.gui.wording import ago, exact, plural

if TYPE_CHECKING:
    from app.gui.desk import Desk
    from app.sso import SSO, CleanupCheck, CleanupUndone, ListView
    from app.store import CleanupRecord

_KIND: Final = {"directory": "Everybody", "assignments": "Assigned"}


@dataclass(frozen=True, slots=True)
class Kept:
    """What the panel shows, read in one go."""

    now: datetime
    imagekit_id: str
    lists: tuple[ListView, ...]
    cleanups: tuple[CleanupRecord, ...]


def load_kept(sso: SSO, imagekit_id: str) -> Kept:
    """Read the lists and clean-ups of an account."""
    return Kept(sso.now(), imagekit_id, sso.directory_lists(imagekit_id), sso.cleanups(imagekit_id))


def state_of(view: ListView) -> tuple[str, str]:
    """(state as in STATES, word): what a list is worth now."""
    if view.snapshot.discarded_at is not None:
        return "not-applicable", "Taken back"
    if not view.snapshot.counts:
        return "warn", "Held back"
    if view.outdated:
        return "warn", "Outdated"
    return ("pass", "Counts") if view.asked else ("not-applicable", "Replaced")


def why_of(view: ListView) -> str:
    """The state of a list in a sentence."""
    s = view.snapshot
    if s.discarded_at is not None:
        return f"Taken back by {s.discarded_by}."
    if not s.counts:
        return f"Held back: {s.held}."
    if view.outdated:
        return f"{plural(view.contradicted, 'user')} logged in after it had called them gone. Import a newer list."
    if not view.asked:
        return "A newer complete list counts instead."
    return "It counts." if not s.held else f"It counts, confirmed by {s.confirmed_by}, although {s.held}."


class KeptPanel(Card):
    """Two tables. `left` says "back to the list"; `checklist` opens the hand-off list of a clean-up."""

    left = Signal()
    checklist = Signal(object)

    def __init__(self, desk: Desk) -> None:
        super().__init__("Imported lists and clean-ups")
        self.desk = desk
        self._kept: Kept | None = None
        self.banner = Banner()
        self.lists: Table[Any] = Table(
            "directory-lists",
            (
                Column("State", lambda v: state_of(v)[1], 118, tip=why_of, state=lambda v: state_of(v)[0]),
                Column("List", lambda v: v.snapshot.source, 230, tip=lambda v: f"SHA-256 {v.snapshot.sha256}"),
                Column(
                    "Taken",
                    lambda v: ago(v.snapshot.taken_at, self._moment),
                    110,
                    tip=lambda v: exact(v.snapshot.taken_at),
                    sort=lambda v: v.snapshot.taken_at.timestamp(),
                ),
                Column(
                    "Holds",
                    lambda v: _KIND[v.snapshot.kind] + ("" if v.snapshot.complete else ", a part"),
                    120,
                    muted=True,
                ),
                Column("Rows", lambda v: f"{v.snapshot.rows:,}", 80, sort=lambda v: v.snapshot.rows, right=True),
                Column("Missing", lambda v: f"{v.snapshot.absent:,}", 80, sort=lambda v: v.snapshot.absent, right=True),
                Column("Imported by", lambda v: v.snapshot.operator, 120, muted=True),
            ),
        )
        self.lists.setAccessibleName("Imported lists")
        self.lists.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.lists.chosen.connect(lambda _v: self._chosen())
        self.typed = line_edit(name="The account's id, to let this list count")
        self.typed.setFixedWidth(150)
        self.typed.textChanged.connect(lambda _t: self._armed())
        self.type_text = label("")
        self.confirm_button = button("Let it count", self.confirm, icon="check", hint="Believe the list in spite of it")
        self.discard_button = button(
            "Take it back", self.discard, icon="undo", hint="As if this list had never been imported"
        )
        self.why = label("", tone="muted", wrap=True)
        self.cleanups: Table[Any] = Table(
            "cleanups",
            (
                Column("Clean-up", lambda c: c.reference, 210, mono=True),
                Column("When", lambda c: ago(c.applied_at, self._moment), 110, tip=lambda c: exact(c.applied_at)),
                Column("Deleted", lambda c: f"{len(c.deleted):,}", 90, right=True),
                Column("Removed there", lambda c: f"{len(c.ticked)} of {len(c.deleted)}", 120),
                Column("By", lambda c: c.operator, 120, muted=True),
            ),
        )
        self.cleanups.setAccessibleName("Clean-ups")
        self.cleanups.chosen.connect(lambda _c: self._chosen())
        self.cleanups.opened.connect(self.checklist.emit)
        self.verify_button = button("Look again", self.verify, icon="refresh", hint="Who is back?")
        self.list_button = button("Checklist", self._open_checklist, icon="check", hint="Tick who was removed there")
        self.undo_button = button("Undo", self.undo, icon="undo", hint="Bring everybody of this clean-up back")
        self.back_button = button("Back", self.left.emit, kind="flat")
        self.no_list = label("No list was imported yet. The button “Import list” begins.", tone="muted", wrap=True)
        self.no_cleanup = label("Nobody was deleted in a clean-up yet.", tone="muted")
        why = row(self.why, self.type_text, self.typed, self.confirm_button, self.discard_button)
        why.setStretch(0, 1)
        acts = row(label("Clean-ups", bold=True), 1, self.verify_button, self.list_button, self.undo_button)
        upper, lower = QWidget(), QWidget()
        upper.setObjectName("plain")
        lower.setObjectName("plain")
        for words in (self.no_list, self.no_cleanup):
            words.setAlignment(Qt.AlignmentFlag.AlignTop)
        upper.setLayout(column(self.no_list, self.lists, why))
        lower.setLayout(column(acts, self.no_cleanup, self.cleanups))
        for part in (self.banner, upper, lower, row(1, self.back_button)):
            self.add(part)
        self.body.setStretch(self.body.indexOf(upper), 3)
        self.body.setStretch(self.body.indexOf(lower), 2)
        self._chosen()

    @property
    def _moment(self) -> datetime:
        assert self._kept is not None
        return self._kept.now

    def load(self) -> None:
        """Read them again."""
        self._work(load_kept, self.desk.account, then=self._show, channel="kept")

    def _work(self, verb: Callable[..., Any], *args: Any, then: Callable[[Any], None], channel: str) -> None:
        self.desk.jobs.run(
            self,
            verb,
            self.desk.sso,
            *args,
            then=then,
            failed=lambda e: self.banner.say("error", str(e)),
            channel=channel,
        )

    def _failed(self, error: Exception) -> None:
        self.banner.say("error", str(error) or type(error).__name__)

    def _show(self, kept: Kept) -> None:
        view, cleanup = self.lists.current, self.cleanups.current
        self._kept = kept
        self.lists.show_rows(kept.lists)
        self.cleanups.show_rows(kept.cleanups)
        self.lists.setVisible(bool(kept.lists))
        self.no_list.setVisible(not kept.lists)
        self.cleanups.setVisible(bool(kept.cleanups))
        self.no_cleanup.setVisible(not kept.cleanups)
        if view is None or not self.lists.select_where(lambda v: v.snapshot.id == view.snapshot.id):
            self.lists.selectRow(0)
        if cleanup is None or not self.cleanups.select_where(lambda c: c.reference == cleanup.reference):
            self.cleanups.selectRow(0)
        self._chosen()

    def _chosen(self) -> None:
        view: ListView | None = self.lists.current
        held = view is not None and view.snapshot.discarded_at is None and not view.snapshot.counts
        self.why.setText(visible(why_of(view)) if view is not None else "")
        self.type_text.setText(f"Type {self._kept.imagekit_id}:" if held and self._kept else "")
        for part in (self.type_text, self.typed, self.confirm_button):
            part.setVisible(held)
        self.discard_button.setVisible(view is not None and view.snapshot.discarded_at is None)
        for part in (self.verify_button, self.list_button, self.undo_button):
            part.setEnabled(self.cleanups.current is not None)
        self._armed()

    def _armed(self) -> None:
        self.confirm_button.setEnabled(self._kept is not None and self.typed.text().strip() == self._kept.imagekit_id)

    def confirm(self) -> None:
        """Let the selected list count."""
        view = self.lists.current
        if view is not None and self.confirm_button.isEnabled():
            self._work(_confirm, view.snapshot.id, self.typed.text(), then=lambda _s: self._done(), channel="confirm")

    def discard(self) -> None:
        """Take the selected list back."""
        view = self.lists.current
        if view is not None:
            self._work(_discard, view.snapshot.id, then=lambda _s: self._done(), channel="discard")

    def _done(self) -> None:
        self.typed.clear()
        self.banner.hide()
        self.load()

    def verify(self) -> None:
        """Look at the selected clean-up again."""
        cleanup = self.cleanups.current
        if cleanup is not None:
            self._work(_verify, cleanup.reference, then=self._verified, channel="verify")

    def _verified(self, check: CleanupCheck) -> None:
        self.banner.say("success" if check.holds else "warning", verified(check), "Dismiss", self.banner.hide)

    def undo(self) -> None:
        """Bring everybody of the selected clean-up back."""
        cleanup = self.cleanups.current
        if cleanup is not None:
            self._work(_undo, cleanup.reference, then=self._undone, channel="undo")

    def _undone(self, undone: CleanupUndone) -> None:
        self.banner.say("success" if undone.restored else "warning", said_of(undone), "Dismiss", self.banner.hide)
        self.load()

    def _open_checklist(self) -> None:
        if self.cleanups.current is not None:
            self.checklist.emit(self.cleanups.current)

    def restyle(self) -> None:
        """Follow the theme."""
        self.banner.restyle()
        for made in (
            self.confirm_button, self.discard_button, self.verify_button, self.list_button, self.undo_button,
        ):  # fmt: skip
            retint(made)


def verified(check: CleanupCheck) -> str:
    """What looking again has shown, in a sentence."""
    seats = f"{check.seats.used} of {plural(check.seats.limit, 'seat')} are used."
    if check.holds:
        return f"All {check.gone} are still gone. {seats}"
    some = "; ".join(f"{email}: {how.rstrip('.')}" for email, how in check.back[:5])
    return f"{check.gone} are gone, {len(check.back)} are back ({some}). {seats}"


def said_of(undone: CleanupUndone) -> str:
    """What undoing did, in a sentence."""
    said = f"{plural(len(undone.restored), 'user')} restored."
    if undone.left_out:
        some = "; ".join(f"{email}: {why.rstrip('.')}" for email, why in undone.left_out[:5])
        said += f" {len(undone.left_out)} not ({some})."
    return said


def _confirm(sso: SSO, snapshot_id: int, typed: str) -> object:
    return sso.confirm_directory(snapshot_id, typed)


def _discard(sso: SSO, snapshot_id: int) -> object:
    return sso.discard_directory(snapshot_id)


def _verify(sso: SSO, reference: str) -> CleanupCheck:
    return sso.verify_cleanup(reference)


def _undo(sso: SSO, reference: str) -> CleanupUndone:
    return sso.undo_cleanup(reference)
