"""The filters of the log: the everyday ones in a row, the others behind a button, and those that were saved by name.

It knows no event; what it says is an EventFilter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QCompleter, QLineEdit, QMenu, QWidget

from app.accounts.reasons import CATEGORIES
from app.gui.widgets import Banner, button, column, label, line_edit, row
from app.gui.wording import OUTCOMES
from app.product import ROLES
from app.saml.checks import registered
from app.store import EventFilter

Choices = Sequence[tuple[str, str]]
#: What of an event can be asked for from its row: (what the menu says, the field of the filter).
ONLY: Final = (
    ("reason", "reason"),
    ("issuer", "issuer"),
    ("certificate", "certificate"),
    ("configuration revision", "revision"),
)

_SPANS: Final[Choices] = (
    ("Any time", ""),
    ("Last 15 min", "15m"),
    ("Today (UTC)", "today"),
    ("Last 7 days", "7d"),
    ("Since the last configuration change", "change"),
    ("A range...", "range"),
)
_STATUSES: Final[Choices] = (
    ("Status", ""),
    ("Success", "success"),
    ("Warning", "warning"),
    ("Failure", "failure"),
    ("Skipped", "skipped"),
)
_MODES: Final[Choices] = (("Mode", ""), ("Live", "live"), ("Test", "test"), ("Dry run", "dry_run"))
_FLOWS: Final[Choices] = (
    ("Flow", ""),
    ("From the IdP", "idp_initiated"),
    ("From the SP", "sp_initiated"),
    ("Unknown", "unknown"),
)
_SCOPES: Final[Choices] = (
    ("Logins", "login"),
    ("Logins of every account", "logins"),
    ("Logins of no account", "none"),
    ("All events", "account"),
    ("All events of every account", "all"),
)
_MOST_SAVED: Final = 50
_INSTANT: Final = "2026-11-23 20:36"


def since(span: str, now: datetime, changed_at: datetime | None = None) -> datetime | None:
    """Where a named span begins; `changed_at` is when the configuration was last changed."""
    if span == "15m":
        return now - timedelta(minutes=15)
    if span == "7d":
        return now - timedelta(days=7)
    if span == "today":
        return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return changed_at if span == "change" else None


def instant(text: str) -> datetime | None:
    """A UTC instant as typed: a date, or a date and a time; None for nothing. ValueError where it is neither."""
    if not text.strip():
        return None
    found = datetime.fromisoformat(text.strip())
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class FilterBar(QWidget):
    """Every filter of the log but the text, which stands in the page's head. `changed` when one was set."""

    changed = Signal()
    #: All filters shall be cleared, the text in the page's head too.
    cleared = Signal()
    #: What shall be kept anew, by name; None where it shall be forgotten.
    keep = Signal(dict)

    def __init__(self) -> None:
        super().__init__()
        self._saved: dict[str, dict[str, str]] = {}
        self.scope = self._choice("Which events, of the account in hand or of every one", _SCOPES)
        self.span = self._choice("When", _SPANS)
        self.status = self._choice("Status", _STATUSES)
        self.outcome = self._choice("Outcome", (("Outcome", ""), *((word, key) for key, word in OUTCOMES.items())))
        self.mode = self._choice("Mode", _MODES)
        self.check = self._field("Failed check", sorted(registered()))
        self.role = self._choice("Role", (("Role", ""), *((r.title, r.id) for r in ROLES)))
        self.flow = self._choice("Flow", _FLOWS)
        self.reason = self._field("Reason or category", sorted(CATEGORIES))
        self.issuer = self._field("Issuer", ())
        self.certificate = self._field("Certificate (SHA-256)", ())
        self.revision = self._field("Revision", ())
        self.revision.setMaximumWidth(90)
        self.begin = self._field("From (UTC)", ())
        self.end = self._field("Until (UTC)", ())
        for field in (self.begin, self.end):
            field.setToolTip(f"For example {_INSTANT}")
        self._choices = {
            "scope": self.scope, "span": self.span, "status": self.status, "outcome": self.outcome,
            "mode": self.mode, "role": self.role, "flow": self.flow,
        }  # fmt: skip
        self._fields = {
            "check": self.check, "reason": self.reason, "issuer": self.issuer, "certificate": self.certificate,
            "revision": self.revision, "begin": self.begin, "end": self.end,
        }  # fmt: skip
        self._typed = dict.fromkeys(self._fields, "")
        self.more = button("", self._show_more, icon="filter", kind="flat", hint="More filters")
        self.more.setCheckable(True)
        self.saved = button("", icon="paste", kind="flat", hint="Saved filters")
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill_menu)
        self.saved.setMenu(self._menu)
        self.reset = button("", self.cleared.emit, icon="close", kind="flat", hint="Clear all filters")
        self._problem = Banner()
        self._build()

    def _build(self) -> None:
        self.name = line_edit(placeholder="Name of this filter", name="Name of this filter")
        self.name.returnPressed.connect(self.save)
        self.save_button = button("Save", self.save)
        self._range = QWidget()
        self._range.setLayout(row(label("From", tone="muted"), self.begin, label("until", tone="muted"), self.end, 1))
        self._others = QWidget()
        self._others.setLayout(
            column(
                row(self.reason, self.role, self.flow, self.revision, spacing=8),
                row(self.issuer, self.certificate, spacing=8),
                spacing=8,
            )
        )
        self._naming = QWidget()
        self._naming.setLayout(row(self.name, self.save_button, 1, spacing=8))
        for part in (self._range, self._others, self._naming):
            part.hide()
        everyday = row(
            self.scope, self.span, self.status, self.outcome, self.mode, self.check, 1,
            self.more, self.reset, spacing=8,
        )  # fmt: skip
        self.setLayout(column(everyday, self._range, self._others, self._naming, self._problem, spacing=8))

    def _choice(self, name: str, choices: Choices) -> QComboBox:
        made = QComboBox()
        made.setAccessibleName(name)
        made.setToolTip(name)
        made.setMinimumContentsLength(7)
        made.view().setMinimumWidth(240)
        made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for text, key in choices:
            made.addItem(text, key)
        made.activated.connect(lambda _i: self._set())
        return made

    def _field(self, name: str, known: Sequence[str]) -> QLineEdit:
        made = line_edit(placeholder=name, name=name)
        made.setMinimumWidth(90)
        if name == "Failed check":
            made.setMaximumWidth(190)
        made.setClearButtonEnabled(True)
        if known:
            names = QCompleter(list(known), made)
            names.setFilterMode(Qt.MatchFlag.MatchContains)
            names.activated.connect(lambda _text: self._set())
            made.setCompleter(names)
        made.editingFinished.connect(self._edited)
        return made

    # What is set -----------------------------------------------------------------------------------------------

    def which(self, now: datetime, account: int | None, changed_at: datetime | None, text: str) -> EventFilter:
        """The filter as it is set; `account` is the row id of the account in hand."""
        scope, span = self.scope.currentData(), self.span.currentData()
        reason = self.reason.text().strip()
        begin, end = self._limits() if span == "range" else (since(span, now, changed_at), None)
        revision = self.revision.text().strip()
        return EventFilter(
            text=text,
            kind="login" if scope in ("login", "logins", "none") else None,
            status=self.status.currentData() or None,
            outcome=self.outcome.currentData() or None,
            mode=self.mode.currentData() or None,
            role=self.role.currentData() or None,
            flow=self.flow.currentData() or None,
            check=self.check.text().strip() or None,
            category=reason if reason in CATEGORIES else None,
            reason=reason if reason and reason not in CATEGORIES else None,
            issuer=self.issuer.text().strip() or None,
            certificate=self.certificate.text().strip().replace(":", "").lower() or None,
            revision=int(revision) if revision.isdecimal() and len(revision) < 10 else -1 if revision else None,
            since=begin,
            until=end,
            account=account if scope in ("login", "account") else None,
            unassigned=scope == "none",
        )

    def _limits(self) -> tuple[datetime | None, datetime | None]:
        try:
            begin, end = instant(self.begin.text()), instant(self.end.text())
        except ValueError:
            self._problem.say("error", f"A time is written like {_INSTANT}, in UTC. The range is not used.")
            return None, None
        self._problem.hide()
        return begin, end

    @property
    def narrowed(self) -> bool:
        """Whether anything but the text and the account is asked for."""
        return self.state() != {"scope": "login"}

    def state(self) -> dict[str, str]:
        """What is set, for keeping: only what is not as at first, but always the scope."""
        found = {name: str(c.currentData()) for name, c in self._choices.items() if c.currentData()}
        return found | {name: f.text().strip() for name, f in self._fields.items() if f.text().strip()}

    def take(self, state: dict[str, str]) -> None:
        """Set everything as it was kept, and nothing else; what is not known any more is left out."""
        for name, choice in self._choices.items():
            choice.setCurrentIndex(max(choice.findData(str(state.get(name, ""))), 0))
        for name, field in self._fields.items():
            field.blockSignals(True)
            field.setText(str(state.get(name, ""))[:1024])
            field.blockSignals(False)
            self._typed[name] = field.text()
        self._arrange()

    def clear(self) -> None:
        """Ask for the logins of the account again."""
        self.take({})
        self.changed.emit()

    def only(self, field: str, value: object) -> None:
        """Narrow to one value, as from the menu of a row."""
        self._fields[field].setText(str(value))
        self._typed[field] = str(value)
        self._set()

    def _edited(self) -> None:
        typed = {name: f.text() for name, f in self._fields.items()}
        if typed != self._typed:
            self._typed = typed
            self._set()

    def _set(self) -> None:
        self._arrange()
        self.changed.emit()

    def _arrange(self) -> None:
        """Show what is needed: the range where one is asked for, the other filters where one of them is set."""
        ranged = self.span.currentData() == "range"
        self._range.setVisible(ranged)
        if not ranged:
            self._problem.hide()
        others = ("reason", "issuer", "certificate", "revision", "role", "flow")
        if any(name in self.state() for name in others):
            self.more.setChecked(True)
        self._others.setVisible(self.more.isChecked())

    def _show_more(self) -> None:
        self._others.setVisible(self.more.isChecked())

    # Saved filters ---------------------------------------------------------------------------------------------

    def show_saved(self, saved: Any) -> None:
        """Take the filters that were kept; anything else that is found there is ignored."""
        if isinstance(saved, dict):
            self._saved = {str(k): v for k, v in saved.items() if isinstance(v, dict)}

    def _fill_menu(self) -> None:
        self._menu.clear()
        for name in sorted(self._saved):
            self._menu.addAction(name.replace("&", "&&"), partial(self._use, name))
        if self._saved:
            self._menu.addSeparator()
            gone = self._menu.addMenu("Forget")
            for name in sorted(self._saved):
                gone.addAction(name.replace("&", "&&"), partial(self.forget, name))
        self._menu.addAction("Save this filter...", self._ask_name)

    def _use(self, name: str) -> None:
        self.take(self._saved[name])
        self.used.emit(self._saved[name].get("text", ""))
        self.changed.emit()

    #: The text of a saved filter, which belongs into the page's head.
    used = Signal(str)

    def _ask_name(self) -> None:
        self._naming.show()
        self.name.setFocus()

    def save(self) -> None:
        """Keep what is set under the name that was typed; a filter of that name is replaced."""
        name = " ".join(self.name.text().split())[:60]
        if not name:
            self.name.setFocus()
            return
        if len(self._saved) >= _MOST_SAVED and name not in self._saved:
            self._problem.say("error", f"{_MOST_SAVED} filters are saved already. Forget one first.")
            return
        self._saved[name] = self.state() | {"text": self.text()}
        self.name.clear()
        self._naming.hide()
        self.keep.emit({name: self._saved[name]})

    #: The text that is searched for, as the page has it.
    text: Callable[[], str] = staticmethod(lambda: "")

    def forget(self, name: str) -> None:
        """Let go of a saved filter."""
        self._saved.pop(name, None)
        self.keep.emit({name: None})
