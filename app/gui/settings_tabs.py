"""The quieter tabs of the settings page: values to copy, account and seats, history. They tell the page intents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHeaderView, QSpinBox, QTabWidget, QWidget

from app.gui.tables import Column, Table
from app.gui.widgets import (
    Banner,
    Card,
    CopyRow,
    button,
    column,
    label,
    line_edit,
    mono_label,
    number_field,
    row,
    scrolled,
    visible,
)
from app.gui.wording import ago, exact, plural
from app.product import DEFAULT_SEAT_LIMIT, PLANS, PLANS_WITH_SSO

if TYPE_CHECKING:
    from app.accounts.account import Account
    from app.setup_guides import SetupGuide
    from app.sso import SpValues
    from app.store import Revision

_CAPTION = 250
_SHORT = 130
_PLAN_TITLES = {"free": "Free (no single sign-on)", "paid": "Paid", "enterprise": "Enterprise"}


class ValuesTab(QWidget):
    """What to enter at the identity provider, per vendor, each value with a button that copies it."""

    export_asked = Signal()
    copy_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.vendors = QTabWidget()
        self.vendors.setDocumentMode(True)
        self.vendors.tabBar().setDrawBase(False)
        self.vendors.setAccessibleName("Identity provider product")
        self.export_button = button(
            "Export SP metadata", self.export_asked.emit, icon="export", hint="Write our metadata to a file"
        )
        self.copy_button = button("Copy SP metadata", self.copy_asked.emit, icon="copy", kind="flat")
        self._words = label(
            "Enter these values at the identity provider, under the names it uses. They follow the Identifier.",
            tone="muted",
            wrap=True,
        )
        head = row(self._words, self.copy_button, self.export_button)
        head.setStretch(0, 1)
        card = Card("", head, self.vendors)
        card.body.setStretch(1, 1)
        self.setLayout(column(card, margins=(0, 12, 0, 0)))
        self._shown: SpValues | None = None

    def show_values(self, values: SpValues) -> None:
        """Show the values of an account; the vendor on show stays on show."""
        if values == self._shown:
            return
        self._shown = values
        kept = max(self.vendors.currentIndex(), 0)
        while self.vendors.count():
            old = self.vendors.widget(0)
            self.vendors.removeTab(0)
            if old is not None:
                old.deleteLater()
        for guide in values.guides:
            self.vendors.addTab(scrolled(_guide(guide)), guide.name)
        self.vendors.addTab(scrolled(_any_idp(values)), "Any other")
        self.vendors.setCurrentIndex(min(kept, self.vendors.count() - 1))


def _plain(*parts: Any) -> QWidget:
    made = QWidget()
    made.setObjectName("plain")
    made.setLayout(column(*parts, 1, spacing=8, margins=(0, 8, 8, 8)))
    return made


def _guide(guide: SetupGuide) -> QWidget:
    parts: list[Any] = [label(guide.application, bold=True, wrap=True)]
    for field in guide.fields:
        parts.append(CopyRow(field.label, field.value, _CAPTION))
        if field.note:
            parts.append(row(label(field.note, tone="muted", size=12, wrap=True), margins=(_CAPTION + 8, 0, 0, 4)))
    parts.append(label("Steps", bold=True))
    for number, step in enumerate((*guide.steps, f"First login: {guide.first_login}"), 1):
        dot = label(f"{number}.", tone="muted")
        dot.setFixedWidth(20)
        made = row(dot, label(step, wrap=True))
        made.setStretch(1, 1)
        parts.append(made)
    parts.append(label(f"Names as the vendor used them in {guide.last_checked}.", tone="muted", size=12))
    return _plain(*parts)


def _any_idp(values: SpValues) -> QWidget:
    rows = (
        ("Identifier (entity ID, audience)", values.entity_id),
        ("Reply URL (ACS, HTTP-POST)", values.acs_url),
        ("RelayState", values.relay_state),
        ("Logout URL", values.logout_url),
        ("SSO login page (SP-initiated)", values.login_url),
        ("Claim imagekit_id", values.imagekit_id),
    )
    return _plain(
        label("A SAML 2.0 service provider.", bold=True),
        *(CopyRow(caption, value, _CAPTION) for caption, value in rows),
        label(
            "The NameID is the person's e-mail, in format emailAddress. The claims imagekit_id, full_name and "
            "imagekit_role are required; the role must have exactly one of the accepted values.",
            tone="muted",
            wrap=True,
        ),
    )


class AccountTab(QWidget):
    """Name, plan and seats of the account in hand, and a new account."""

    save_asked = Signal(str, str, int, str)
    create_asked = Signal(str, str, str, int)

    def __init__(self) -> None:
        super().__init__()
        self._account: Account | None = None
        self.account_id = CopyRow("Account id", "", _SHORT)
        self.name_field = line_edit(name="Account name")
        self.plan_box = _plan_box("Plan")
        self.seat_box = _seat_box("Seat limit")
        self.price_field = line_edit(placeholder="for example 12.00 EUR per month", name="Price of a seat")
        self.used_text = label("", tone="muted", size=12, wrap=True)
        self.save_button = button("Save account", self._save, kind="primary")
        self.banner = Banner()
        for field in (self.name_field, self.price_field):
            field.textEdited.connect(lambda _t: self._changed())
            field.returnPressed.connect(self._save)
        self.plan_box.activated.connect(lambda _i: self._changed())
        self.seat_box.valueChanged.connect(lambda _v: self._changed())
        this = Card(
            "This account",
            self.account_id,
            _labelled("Name", self.name_field),
            _labelled("Plan", self.plan_box),
            _labelled("Seat limit", self.seat_box),
            _labelled("Price of a seat", self.price_field),
            self.used_text,
            self.banner,
            row(1, self.save_button),
            1,
        )
        self.new_id = line_edit(placeholder="ik_child1", name="Account id of the new account")
        self.new_name = line_edit(placeholder="Acme Studios", name="Name of the new account")
        self.new_plan = _plan_box("Plan of the new account")
        self.new_plan.setCurrentIndex(self.new_plan.findData("enterprise"))
        self.new_seats = _seat_box("Seat limit of the new account")
        self.new_seats.setValue(DEFAULT_SEAT_LIMIT)
        self.create_button = button("Create account", self._create, icon="plus")
        self.new_banner = Banner()
        for field in (self.new_id, self.new_name):
            field.returnPressed.connect(self._create)
        new = Card(
            "New account",
            label(
                "Several accounts, an agency's clients say, may share one identity provider: give each child account "
                "its own Identifier.",
                tone="muted",
                wrap=True,
            ),
            _labelled("Account id", self.new_id),
            _labelled("Name", self.new_name),
            _labelled("Plan", self.new_plan),
            _labelled("Seat limit", self.new_seats),
            self.new_banner,
            row(1, self.create_button),
            1,
        )
        cards = row(this, new, spacing=14)
        cards.setStretch(0, 1)
        cards.setStretch(1, 1)
        inner = QWidget()
        inner.setLayout(column(cards, 1, margins=(0, 12, 0, 0)))
        self.setLayout(column(scrolled(inner)))

    def show_account(self, account: Account, used: int) -> None:
        """Show an account and how many of its seats are in use."""
        self._account = account
        self.account_id.show_value(account.imagekit_id)
        self.name_field.setText(account.name)
        self.plan_box.setCurrentIndex(self.plan_box.findData(account.plan))
        self.seat_box.setValue(account.seat_limit)
        self.price_field.setText(account.seat_price or "")
        self.used_text.setText(
            f"{plural(used, 'seat')} in use. A lower limit deletes nobody; it only keeps new people out."
        )
        self._changed()

    def _changed(self) -> None:
        a = self._account
        self.save_button.setEnabled(
            a is not None
            and (self.name_field.text(), self.plan_box.currentData(), self.seat_box.value(), self.price_field.text())
            != (a.name, a.plan, a.seat_limit, a.seat_price or "")
        )
        if a is not None and self.plan_box.currentData() not in PLANS_WITH_SSO and a.sso_on:
            self.banner.say("warning", "This plan has no single sign-on: after saving, every login is refused.")
        else:
            self.banner.hide()

    def _save(self) -> None:
        if self.save_button.isEnabled():
            self.save_asked.emit(
                self.name_field.text(), self.plan_box.currentData(), self.seat_box.value(), self.price_field.text()
            )

    def _create(self) -> None:
        self.create_asked.emit(
            self.new_id.text().strip(), self.new_name.text(), self.new_plan.currentData(), self.new_seats.value()
        )

    def created(self) -> None:
        """The new account was made: forget what was typed."""
        self.new_id.clear()
        self.new_name.clear()
        self.new_banner.hide()


def _labelled(caption: str, field: QWidget) -> Any:
    name = label(caption, tone="muted")
    name.setFixedWidth(_SHORT)
    made = row(name, field)
    made.setStretch(1, 1)
    return made


def _plan_box(name: str) -> QComboBox:
    made = QComboBox()
    made.setAccessibleName(name)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(10)
    for plan in PLANS:
        made.addItem(_PLAN_TITLES.get(plan, plan), plan)
    return made


def _seat_box(name: str) -> QSpinBox:
    return number_field(name, 0, 1_000_000)


class HistoryTab(QWidget):
    """Every revision of the configuration, and the way back to one."""

    restore_asked = Signal(int)
    export_asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._now: datetime | None = None
        self._newest = 0
        self.table = Table[Any](
            "revisions",
            (
                Column("Revision", lambda r: str(r.number), 76, sort=lambda r: r.number),
                Column(
                    "Saved",
                    lambda r: ago(r.at, self._moment),
                    122,
                    tip=lambda r: exact(r.at),
                    sort=lambda r: r.at.timestamp(),
                ),
                Column("By", lambda r: r.operator, 130, muted=True),
                Column("What", lambda r: r.what, 300),
                Column("Identity provider", lambda r: r.idp_entity_id or "None", 240, mono=True),
            ),
        )
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        for number in (3, 4):
            header.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
        self.table.chosen.connect(self._choose)
        self.restore_button = button(
            "Restore this revision", self._restore, icon="undo", hint="Make it the current one, as a new revision"
        )
        self.export_button = button("Export its metadata", self._export, icon="export")
        self.detail = mono_label("", tone="muted", wrap=True)
        self.nothing = label(
            "Nothing has been configured yet. Every change you save becomes a revision that can be restored.",
            tone="muted",
            wrap=True,
        )
        foot = row(self.detail, self.export_button, self.restore_button)
        foot.setStretch(0, 1)
        card = Card("Revisions of the configuration", self.nothing, self.table, foot)
        card.body.setStretch(card.body.indexOf(self.table), 1)
        self.setLayout(column(card, margins=(0, 12, 0, 0)))
        self._choose(None)

    @property
    def _moment(self) -> datetime:
        assert self._now is not None
        return self._now

    def show_revisions(self, revisions: Sequence[Revision], now: datetime) -> None:
        """Show them, newest first."""
        self._now = now
        self._newest = max((r.number for r in revisions), default=0)
        self.nothing.setVisible(not revisions)
        self.table.setVisible(bool(revisions))
        self.table.show_rows(revisions)
        self._choose(None)

    def _choose(self, revision: Revision | None) -> None:
        self.restore_button.setEnabled(revision is not None and revision.number != self._newest)
        self.export_button.setEnabled(revision is not None and revision.document is not None)
        if revision is None:
            self.detail.setText("")
        elif revision.sha256 is None:
            self.detail.setText("No metadata in this revision: SSO was off.")
        else:
            self.detail.setText(visible(f"SHA-256 of the document {revision.sha256[:16]}..."))

    def _restore(self) -> None:
        revision = self.table.current
        if revision is not None:
            self.restore_asked.emit(revision.number)

    def _export(self) -> None:
        revision = self.table.current
        if revision is not None:
            self.export_asked.emit(revision)
