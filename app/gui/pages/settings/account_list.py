"""All accounts in one table: take one in hand, change several at once, make several from a pasted list."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QComboBox, QHeaderView, QPlainTextEdit

from app.gui import theme
from app.gui.tables import Column, Table
from app.gui.widgets import Banner, Card, button, label, line_edit, row
from app.gui.wording import plural
from app.product import PLANS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.accounts.account import Account
    from app.gui.pages.settings.section import Loaded, Section
    from app.sso import SSO
    from app.sso.accounts import AccountRow

_LEAVE = "plan: leave"
_FEW = 8


class AccountListCard(Card):
    """Every account with its seats. What is chosen in the table is changed together."""

    def __init__(self, section: Section) -> None:
        super().__init__("All accounts")
        self._section = section
        self.banner = Banner()
        self.table = Table[Any](
            "accounts",
            (
                Column("Account", lambda r: r.account.name, 200),
                Column("Id", lambda r: r.account.imagekit_id, 130, mono=True),
                Column("Plan", lambda r: r.account.plan, 96),
                Column("Seats", lambda r: f"{r.seats.used} of {r.seats.limit}", 96, sort=lambda r: r.seats.used),
                Column("Price of a seat", lambda r: r.account.seat_price or "", 150),
                Column("SSO", lambda r: "On" if r.account.sso_on else "Off", 90, state=_state),
            ),
            multiple=True,
        )
        self.table.setAccessibleName("All accounts")
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._chosen())
        self.table.opened.connect(self._take)
        self.take = button("Take in hand", self._take_current, hint="Work with this account (Enter)")
        self.plan = QComboBox()
        self.plan.setAccessibleName("Plan of the chosen accounts")
        self.plan.addItem(_LEAVE, None)
        for plan in PLANS:
            self.plan.addItem(plan, plan)
        self.seats = line_edit(placeholder="seats: leave", name="Seat limit of the chosen accounts")
        self.price = line_edit(placeholder="price: leave", name="Price of a seat of the chosen accounts")
        self.change = button("Change", self.change_chosen, hint="Change every chosen account")
        for field in (self.seats, self.price):
            field.textEdited.connect(lambda _t: self._chosen())
            field.returnPressed.connect(self.change_chosen)
        self.plan.activated.connect(lambda _i: self._chosen())
        self.several = QPlainTextEdit()
        self.several.setAccessibleName("Accounts to make")
        self.several.setFont(theme.mono())
        self.several.setTabChangesFocus(True)
        self.several.setFixedHeight(84)
        self.several.setPlaceholderText("ik_client1, Client One, paid, 20\nik_client2, Client Two")
        self.make = button("Create accounts", self.make_several, icon="plus", hint="Make all of them, or none")
        self.make.setEnabled(False)
        self.several.textChanged.connect(self._written)
        bar = row(self.take, 1, self.plan, self.seats, self.price, self.change)
        for part in (
            self.table,
            bar,
            label("Several new accounts, one on each line: id, name, plan, seats.", tone="muted", wrap=True),
            self.several,
            self.banner,
            row(1, self.make),
        ):
            self.add(part)
        self._chosen()

    def show_loaded(self, loaded: Loaded) -> None:
        """Show every account as it is now."""
        chosen = {r.account.id for r in self.table.selected}
        self.table.show_rows(loaded.accounts)
        self.table.fit_rows(_FEW)
        if len(chosen) == 1:
            self.table.select_where(lambda r: r.account.id in chosen)
        self._chosen()

    def _chosen(self) -> None:
        count = len(self.table.selected)
        self.take.setEnabled(count == 1)
        self.change.setText(f"Change {plural(count, 'account')}" if count else "Change")
        wanted = self.plan.currentData() is not None or self.seats.text().strip() or self.price.text().strip()
        self.change.setEnabled(bool(count and wanted))

    def _written(self) -> None:
        self.make.setEnabled(bool(self.several.toPlainText().strip()))

    def _take_current(self) -> None:
        for chosen in self.table.selected[:1]:
            self._take(chosen)

    def _take(self, chosen: AccountRow) -> None:
        self._section.desk.choose_account(chosen.account.imagekit_id)

    def change_chosen(self) -> None:
        """Change plan, seats and price of every chosen account, where something is given."""
        if not self.change.isEnabled():
            return
        seats = self.seats.text().strip()
        if seats and not (seats.isascii() and seats.isdigit() and len(seats) < 9):
            self.banner.say("error", "A seat limit is a whole number from 0 to 1000000.")
            return
        self._section.work(
            _change,
            self._section.desk.sso,
            [r.account for r in self.table.selected],
            self.plan.currentData(),
            int(seats) if seats else None,
            self.price.text().strip() or None,
            then=partial(self._done, "changed"),
            failed=self._not_changed,
            channel="accounts",
        )

    def make_several(self) -> None:
        """Make every account of the list, or none."""
        self._section.work(
            _make,
            self._section.desk.sso,
            self.several.toPlainText(),
            then=partial(self._done, "made"),
            failed=self._failed,
            channel="accounts",
        )

    def _done(self, what: str, accounts: Sequence[Account]) -> None:
        if what == "made":
            self.several.clear()
        else:
            self.plan.setCurrentIndex(0)
            self.seats.clear()
            self.price.clear()
        self.banner.say("success", f"{plural(len(accounts), 'account')} {what}.", "Dismiss", self.banner.hide)
        self._section.page.refresh()

    def _not_changed(self, error: Exception) -> None:
        self._failed(error)
        self._section.page.refresh()  # what somebody else has changed is shown before it is tried again

    def _failed(self, error: Exception) -> None:
        self.banner.say("error", str(error) or type(error).__name__)


def _state(r: AccountRow) -> str:
    return "success" if r.account.sso_on else "skipped"


def _change(sso: SSO, seen: list[Account], plan: str | None, seats: int | None, price: str | None) -> Sequence[Account]:
    return sso.update_accounts([a.id for a in seen], plan=plan, seat_limit=seats, seat_price=price, seen=seen)


def _make(sso: SSO, text: str) -> Sequence[Account]:
    from app.sso.accounts import read_accounts

    return sso.create_accounts(read_accounts(text))
