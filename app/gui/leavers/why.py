"""Why somebody is on the list: every sentence and signal with its date and source; keeping them; treating as a rename.

Failed attempts are looked for only when somebody asks: a log of a million rows holds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import Signal as QtSignal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.widgets import Card, Pill, button, clear, column, confirm, label, line_edit, row, scrolled, tip, visible
from app.gui.wording import ago, day, exact

if TYPE_CHECKING:
    from app.accounts.staleness import Signal, StaleUser
    from app.accounts.users import User
    from app.gui.desk import Desk
    from app.sso import SSO

#: evidence -> (state of the pill, what it means).
EVIDENCE: Final[dict[str, tuple[str, str]]] = {
    "confirmed": ("fail", "The directory says so."),
    "likely": ("warn", "Several signs point to it."),
    "possible": ("info", "Silence is the only sign."),
    "none": ("pass", "Not stale: a login has shown that the list is outdated."),
    "excluded": ("not-applicable", "Protected: never deleted from this list."),
}
_SIGNALS: Final[dict[str, str]] = {
    "created": "Created",
    "last-login": "Last login",
    "failed-attempt": "Failed attempt",
    "changed": "Last change",
    "directory-present": "In the directory",
    "directory-absent": "Not in the directory",
    "directory-disabled": "Disabled in the directory",
    "not-assigned": "Not assigned to the application",
    "possible-rename": "Possible rename",
    "issuer-retired": "Identity provider retired",
}
_KEEP_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Renamed:
    """Two users who are one now: as the older was before, and who was the newer."""

    user: User
    older: User
    newer: User


def merge_rename(sso: SSO, imagekit_id: str, old: User, new_email: str) -> Renamed:
    """Treat the user of this e-mail as the same person as `old`."""
    for other in sso.users(imagekit_id, text=new_email):
        if other.email == new_email:
            return Renamed(sso.treat_as_rename(old.id, other.id), old, other)
    from app.sso import NotFound

    raise NotFound(f"{new_email} is not a user of this account any more. Load the list again.")


def _undo_rename(sso: SSO, renamed: Renamed) -> str:
    user = sso.undo_rename(renamed.older, renamed.newer.id)
    return f"{user.email} and {renamed.newer.email} are two users again."


class WhyCard(Card):
    """`kept` says that a protection changed, `failed` carries an error, `done` a sentence of what was done and what
    takes it back."""

    kept = QtSignal()
    done = QtSignal(str, object)
    failed = QtSignal(object)

    def __init__(self, desk: Desk) -> None:
        super().__init__("Why?")
        self.desk = desk
        self._chosen: StaleUser | None = None
        self._now: datetime | None = None
        self.why_text = QVBoxLayout()
        self.why_text.setSpacing(6)
        inner = QWidget()
        inner.setObjectName("plain")
        inner.setLayout(column(self.why_text, 1, margins=(0, 0, 8, 0)))
        self.keep_reason = line_edit(placeholder="Why keep this user?", name="Why keep this user")
        self.keep_reason.returnPressed.connect(self.keep)
        self.keep_button = button(f"Keep for {_KEEP_DAYS} days", self.keep, hint="Protect from clean-up until then")
        self.release_button = button("Keep no longer", self.release, hint="Take the protection away")
        self.rename_button = button("Treat as rename", self.rename, icon="link", hint="Both are the same person")
        self._keep_row = QWidget()
        self._keep_row.setLayout(row(self.keep_reason, self.keep_button, self.release_button, self.rename_button))
        area = scrolled(inner)
        self.add(area)
        self.add(self._keep_row)
        self.body.setStretch(self.body.indexOf(area), 1)

    def show_chosen(self, chosen: Sequence[StaleUser], now: datetime | None) -> None:
        """Explain the one that is selected, or say how many are."""
        self._chosen, self._now = chosen[0] if len(chosen) == 1 else None, now
        self._keep_row.setVisible(self._chosen is not None)
        if self._chosen is not None:
            self._explain(self._chosen)
            self.desk.jobs.run(
                self,
                self.desk.sso.why_stale,
                self._chosen.user.id,
                then=self._explain_more,
                failed=self.failed.emit,
                channel="why",
            )
            return
        clear(self.why_text)
        self.title.setText("Why?")
        self.why_text.addWidget(
            label(
                f"{len(chosen)} selected. Review them before anything is deleted."
                if chosen
                else "Select somebody to see why they are on the list; select several with Ctrl or Shift to review "
                "and delete them.",
                tone="muted",
                wrap=True,
            )
        )

    def _explain_more(self, found: StaleUser | None) -> None:
        chosen = self._chosen
        same = found is not None and chosen is not None and found.user.id == chosen.user.id
        if same and found is not None and chosen is not None and len(found.signals) != len(chosen.signals):
            self._explain(found)

    def _explain(self, chosen: StaleUser) -> None:
        user = chosen.user
        clear(self.why_text)
        self.title.setText(visible(f"Why is {user.full_name} on the list?"))
        self.why_text.addLayout(row(Pill(EVIDENCE[chosen.evidence][0], chosen.title), label(chosen.why[0], wrap=True)))
        for sentence in chosen.why[1:]:
            self.why_text.addWidget(label(sentence, wrap=True))
        for signal in reversed(chosen.signals):
            self.why_text.addLayout(self._signal(signal))
        assert self._now is not None
        kept = user.keep_until is not None and user.keep_until > self._now
        self.release_button.setVisible(kept)
        self.keep_button.setVisible(not kept)
        self.keep_reason.setVisible(not kept)
        self.rename_button.setVisible(any(s.kind == "possible-rename" for s in chosen.signals))

    def _signal(self, signal: Signal) -> Any:
        assert self._now is not None
        name = label(_SIGNALS.get(signal.kind, signal.kind), tone="muted")
        name.setFixedWidth(190)
        when = label(f"{ago(signal.at, self._now)}, {day(signal.at)}")
        when.setFixedWidth(200)
        when.setToolTip(tip(exact(signal.at)))
        where = label(f"{signal.source}: {signal.detail}" if signal.detail else signal.source, tone="muted", wrap=True)
        made = row(name, when, where)
        made.setStretch(2, 1)
        return made

    def keep(self) -> None:
        """Protect the selected user from clean-up."""
        assert self._now is not None
        self._protect(self._now + timedelta(days=_KEEP_DAYS), self.keep_reason.text())

    def release(self) -> None:
        """Take the protection away."""
        self._protect(None, "")

    def _protect(self, until: datetime | None, why: str) -> None:
        if self._chosen is not None:
            self.desk.jobs.run(
                self,
                self.desk.sso.protect_user,
                self._chosen.user.id,
                until,
                why,
                then=self._protected,
                failed=self.failed.emit,
                channel="keep",
            )

    def _protected(self, _user: User) -> None:
        self.keep_reason.clear()
        self.kept.emit()

    def rename(self) -> None:
        """Treat the newer user as the same person: the e-mail moves, one seat is freed."""
        chosen = self._chosen
        signal = next((s for s in chosen.signals if s.kind == "possible-rename"), None) if chosen else None
        if chosen is None or signal is None:
            return
        if confirm(
            self,
            f"Are {chosen.user.email} and {signal.detail} the same person?",
            f"The older user takes over the e-mail {signal.detail} and keeps role and history; the newer user is "
            "deleted and its seat is free.",
            "Treat as rename",
        ):
            self.desk.jobs.run(
                self,
                merge_rename,
                self.desk.sso,
                self.desk.account,
                chosen.user,
                signal.detail,
                then=lambda renamed: self.done.emit(
                    f"{renamed.user.email} keeps one seat now.", partial(_undo_rename, self.desk.sso, renamed)
                ),
                failed=self.failed.emit,
                channel="rename",
            )
