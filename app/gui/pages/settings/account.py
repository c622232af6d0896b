"""Name, plan and seats of the account in hand, and a new account."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QSpinBox, QWidget

from app.gui.pages.settings.account_list import AccountListCard
from app.gui.pages.settings.section import Loaded, Section
from app.gui.widgets import (
    Banner,
    Card,
    CopyRow,
    button,
    column,
    label,
    line_edit,
    number_field,
    row,
    scrolled,
)
from app.gui.wording import plural
from app.product import DEFAULT_SEAT_LIMIT, PLANS, PLANS_WITH_SSO

if TYPE_CHECKING:
    from app.accounts.account import Account
    from app.gui.pages.settings.page import SettingsPage
    from app.sso import SSO

_SHORT = 130
_PLAN_TITLES = {"free": "Free (no single sign-on)", "paid": "Paid", "enterprise": "Enterprise"}


class AccountSection(Section):
    """Name, plan and seats of the account in hand, and a new account."""

    name = "account"
    title = "Account and seats"

    def __init__(self, page: SettingsPage) -> None:
        super().__init__(page)
        self._account: Account | None = None
        self.account_id = CopyRow("Account id", "", _SHORT)
        self.name_field = line_edit(name="Account name")
        self.plan_box = _plan_box("Plan")
        self.seat_box = _seat_box("Seat limit")
        self.price_field = line_edit(placeholder="for example 12.00 EUR per month", name="Price of a seat")
        self.used_text = label("", tone="muted", size=12, wrap=True)
        self.save_button = button("Save account", self._save, kind="primary")
        self.account_banner = Banner()
        for field in (self.name_field, self.price_field):
            field.textEdited.connect(lambda _t: self._changed())
            field.returnPressed.connect(self._save)
        self.plan_box.activated.connect(lambda _i: self._changed())
        self.seat_box.valueChanged.connect(lambda _v: self._changed())
        self._this = this = Card(
            "This account",
            self.account_id,
            _labelled("Name", self.name_field),
            _labelled("Plan", self.plan_box),
            _labelled("Seat limit", self.seat_box),
            _labelled("Price of a seat", self.price_field),
            self.used_text,
            self.account_banner,
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
        self.list = AccountListCard(self)
        inner.setLayout(column(cards, self.list, 1, spacing=14, margins=(0, 12, 8, 0)))
        self.setLayout(column(scrolled(inner)))
        this.setEnabled(False)  # what is typed before the account is on show would be lost

    def show_loaded(self, loaded: Loaded) -> None:
        self.show_account(loaded.view.account, loaded.seats.seats.used)
        self.list.show_loaded(loaded)

    def show_account(self, account: Account, used: int) -> None:
        """Show an account and how many of its seats are in use. What was typed and is not saved stays."""
        before, typed = self._account, self._typed()
        other = before is None or before.imagekit_id != account.imagekit_id
        self._account = account
        self._this.setEnabled(True)
        was, now = _values(before) if before is not None else typed, _values(account)
        kept = [(not other and t != w) for t, w in zip(typed, was, strict=True)]
        name, plan, seats, price = (t if k else n for t, n, k in zip(typed, now, kept, strict=True))
        self.account_id.show_value(account.imagekit_id)
        self.name_field.setText(str(name))
        self.plan_box.setCurrentIndex(self.plan_box.findData(plan))
        self.seat_box.setValue(int(str(seats)))
        self.price_field.setText(str(price))
        self.used_text.setText(
            f"{plural(used, 'seat')} in use. A lower limit deletes nobody; it only keeps new people out."
        )
        self._changed()
        moved = [
            f"the {what} was set to {n or 'nothing'}"
            for what, k, w, n, t in zip(_NAMES, kept, was, now, typed, strict=True)
            if k and w != n and n != t
        ]
        if moved:
            self.account_banner.say("warning", f"Meanwhile {' and '.join(moved)}. Yours is kept and not saved yet.")

    def _typed(self) -> tuple[str, str, int, str]:
        return self.name_field.text(), self.plan_box.currentData(), self.seat_box.value(), self.price_field.text()

    def _changed(self) -> None:
        a = self._account
        self.save_button.setEnabled(a is not None and self._typed() != _values(a))
        if a is not None and self.plan_box.currentData() not in PLANS_WITH_SSO and a.sso_on:
            self.account_banner.say("warning", "This plan has no single sign-on: after saving, every login is refused.")
        else:
            self.account_banner.hide()

    def _save(self) -> None:
        if self.save_button.isEnabled():
            self.work(
                _save_account,
                self.desk.sso,
                self.desk.account,
                self._typed(),
                self._account,
                then=lambda a: self.done(f"{a.name} was saved."),
                failed=lambda e: self.account_banner.say("error", str(e)),
                channel="account",
            )

    def _create(self) -> None:
        self.work(
            _create_account,
            self.desk.sso,
            self.new_id.text().strip(),
            self.new_name.text(),
            self.new_plan.currentData(),
            self.new_seats.value(),
            then=self._created,
            failed=lambda e: self.new_banner.say("error", str(e)),
            channel="account",
        )

    def _created(self, account: Account) -> None:
        """The new account was made: forget what was typed, and take it in hand."""
        self.new_id.clear()
        self.new_name.clear()
        self.new_banner.hide()
        self.desk.choose_account(account.imagekit_id)
        self.banner.say(
            "success",
            f"{account.name} was created and is the account in hand.",
            "Set up SSO",
            partial(self.page.open, "metadata"),
        )

    def restyle(self) -> None:
        self.account_banner.restyle()
        self.new_banner.restyle()
        self.list.banner.restyle()


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


_NAMES = ("name", "plan", "seat limit", "price of a seat")


def _values(account: Account) -> tuple[str, str, int, str]:
    return account.name, account.plan, account.seat_limit, account.seat_price or ""


def _save_account(sso: SSO, imagekit_id: str, typed: tuple[str, str, int, str], seen: Account | None) -> Account:
    name, plan, seats, price = typed
    return sso.update_account(imagekit_id, name=name, plan=plan, seat_limit=seats, seat_price=price, seen=seen)


def _create_account(sso: SSO, imagekit_id: str, name: str, plan: str, seats: int) -> Account:
    return sso.create_account(imagekit_id, name, plan=plan, seat_limit=seats)
