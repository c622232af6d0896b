"""What an account decides for itself: reading it, and saving it as a revision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.accounts.account import Account
from app.accounts.provisioning import Change as FieldChange
from app.sso.base import OPERATOR
from app.sso.choices import BY_CHOICE, checked, choice, inherited, sp_of
from app.sso.configuration import ConfigurationVerbs
from app.sso.errors import Refused
from app.sso.values import Change, ChoiceView, ConfigurationView
from app.store import Transaction

_LONGEST_SAID = 400


class DecidingVerbs(ConfigurationVerbs):
    """The part of SSO that concerns an account's own decisions."""

    def choices(self, account: int | str) -> tuple[ChoiceView, ...]:
        """Everything that the account may decide for itself, as it is now."""
        with self.store.read() as tx:
            return self._choices(tx, self._account(tx, account))

    def set_choices(
        self,
        account: int | str,
        values: Mapping[str, Any],
        *,
        operator: str = OPERATOR,
        based_on: int | None = None,
    ) -> ConfigurationView:
        """Decide something for this account, or leave it to the workspace again with None; a new revision.

        Refused with a sentence for an unknown name or a value that does not fit; Moved where somebody else has saved
        another revision than `based_on` meanwhile. Nothing is saved then.
        """
        wanted = self._wanted(values)
        with self.store.write() as tx:
            found = self._account_to_configure(tx, account)
            before = self._decided(tx, found.id)
            after = self._together(before, wanted)
            if after == before:
                return self._view(tx, found)
            self._check_unmoved(tx, found, based_on, choices=after)
            changes = self._changes(tx, before, after)
            what = " ".join(_sentence(c, after) for c in changes)
            view = self._revise(tx, found, operator, what, choices=after, audited=changes)
        self.tell(Change("configuration", found.id, view.account.revision))
        return view

    # Steps

    def _choices(self, tx: Transaction, account: Account) -> tuple[ChoiceView, ...]:
        decided, usual = self._decided(tx, account.id), self._inherited(tx)
        return tuple(ChoiceView(c, decided.get(n, usual[n]), usual[n], n in decided) for n, c in BY_CHOICE.items())

    def _inherited(self, tx: Transaction) -> dict[str, Any]:
        return inherited(self.sp, self._settings(tx), self._policies(tx))

    @staticmethod
    def _wanted(values: Mapping[str, Any]) -> dict[str, Any]:
        """Values that were given, checked; None stays None."""
        try:
            for name in values:
                choice(name)
            fitting = checked({name: value for name, value in values.items() if value is not None})
        except ValueError as e:
            raise Refused("configuration.choice", str(e)) from e
        return {name: fitting.get(name) for name in values}

    def _together(self, before: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
        """What is decided once the wanted is added, or taken away where it is None."""
        after = {name: value for name, value in {**before, **wanted}.items() if value is not None}
        try:
            sp_of(self.sp, after)
        except ValueError as e:
            raise Refused("configuration.choice", str(e)) from e
        return after

    def _changes(self, tx: Transaction, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
        usual = self._inherited(tx)

        def said(name: str, decided: Mapping[str, Any]) -> str:
            return BY_CHOICE[name].shown(decided.get(name, usual[name]))[:_LONGEST_SAID]

        return tuple(
            FieldChange(n, said(n, before), said(n, after), True, "by hand")
            for n in BY_CHOICE
            if before.get(n) != after.get(n)
        )


def _sentence(change: FieldChange, after: Mapping[str, Any]) -> str:
    title = BY_CHOICE[change.field].title
    if change.field in after:
        return f"{title}: {change.old} → {change.new}."
    return f"{title}: {change.old} → {change.new}, as in Preferences."
