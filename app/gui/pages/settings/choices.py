"""What the account decides for itself, under two tabs: how logins are judged, and claims, roles and RelayState."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QSplitter, QWidget

from app.gui.examine import provisioning_sentence, state_of
from app.gui.findings import selectable
from app.gui.pages.settings.choice_rows import ChoiceRow
from app.gui.pages.settings.section import Loaded, Section
from app.gui.pages.settings.whatif import WhatIf
from app.gui.widgets import Banner, Card, Pill, button, clear, column, label, line, mono_label, row, scrolled, visible
from app.gui.wording import ago, exact, plural
from app.sso.choices import CHOICES

if TYPE_CHECKING:
    from app.gui.pages.settings.page import SettingsPage
    from app.sso import SSO, Candidate, ConfigurationView, Tried

_HEADS = {
    "judging": ("Judging a login", "How strictly a message of this account's identity provider is judged."),
    "provisioning": (
        "Provisioning",
        "Where the service's own rules leave a case open, this decides what happens to the person.",
    ),
    "claims": ("Claims and roles", "What the identity provider's attributes are called, and what it may send as role."),
    "relay-state": ("RelayState", "Where a login may land."),
}


class ChoicesSection(Section):
    """Edits the choices of some groups together; nothing is saved before Save."""

    groups: ClassVar[tuple[str, ...]]

    def __init__(self, page: SettingsPage) -> None:
        super().__init__(page)
        self.rows: dict[str, ChoiceRow] = {}
        self._based_on = 0
        self.told = label("", tone="muted", wrap=True)
        self.discard_button = button("Discard changes", self.discard, kind="flat")
        self.save_rules = button("Save rules", self.save, kind="primary", hint="Save them as a new revision")
        foot = row(self.told, self.discard_button, self.save_rules)
        foot.setStretch(0, 1)
        self.what_if = WhatIf(self, self._drafted)
        whole = column(self._parts(), self.what_if, foot, spacing=10, margins=(0, 12, 0, 0))
        whole.setStretch(0, 1)
        self.setLayout(whole)
        self._changed()

    def _parts(self) -> QWidget:
        return self._cards()

    def _cards(self) -> QWidget:
        inner = QWidget()
        inner.setLayout(column(*(self._card(g) for g in self.groups), 1, spacing=14, margins=(0, 0, 8, 0)))
        return scrolled(inner)

    def _card(self, group: str) -> Card:
        title, sentence = _HEADS[group]
        card = Card(title, label(sentence, tone="muted", wrap=True))
        for choice in CHOICES:
            if choice.group == group:
                made = ChoiceRow(choice)
                made.edited.connect(self._changed)
                self.rows[choice.name] = made
                card.add(line())
                card.add(made)
        return card

    # Showing ---------------------------------------------------------------------------------------------------

    def show_loaded(self, loaded: Loaded) -> None:
        if not self._dirty():
            self._fill(loaded)
        self._changed()

    def _fill(self, loaded: Loaded) -> None:
        self._based_on = loaded.view.account.revision
        for view in loaded.choices:
            if view.choice.name in self.rows:
                self.rows[view.choice.name].show_view(view)

    def _dirty(self) -> list[str]:
        return [name for name, made in self.rows.items() if made.changed()]

    def _changed(self) -> None:
        count = len(self._dirty())
        self.told.setText(f"{plural(count, 'change')} not saved yet." if count else "")
        self.save_rules.setEnabled(bool(count))
        self.discard_button.setVisible(bool(count))
        self.what_if.setVisible(bool(count))
        self.what_if.forget()

    def _drafted(self) -> tuple[object, Callable[[SSO, str], Candidate]] | None:
        values = self.wanted()
        return (values, partial(_candidate, values)) if values else None

    def discard(self) -> None:
        """Show what is saved instead of what was changed."""
        if self.loaded is not None:
            self._fill(self.loaded)
        self._changed()

    def leave_account(self) -> None:
        self.discard()

    # Saving ----------------------------------------------------------------------------------------------------

    def wanted(self) -> dict[str, Any] | None:
        """What was changed, by name; None where something does not fit, which is told beside it."""
        found: dict[str, Any] = {}
        fits = True
        for name in self._dirty():
            try:
                found[name] = self.rows[name].wanted()
            except ValueError as e:
                self.rows[name].banner.say("error", str(e))
                fits = False
        return found if fits else None

    def save(self) -> None:
        """Save what was changed as a new revision."""
        self._save(self._based_on)

    def _save(self, based_on: int) -> None:
        values = self.wanted()
        if values:
            self.save_rules.setEnabled(False)
            self.work(
                _save,
                self.desk.sso,
                self.desk.account,
                values,
                based_on,
                then=self._saved,
                failed=self._not_saved,
                channel=f"rules/{self.name}",
            )

    def _saved(self, view: ConfigurationView) -> None:
        if self.loaded is not None:
            self._fill(self.loaded)  # nothing is unsaved any more, so that what is loaded next is shown
        self.banner.say(
            "success",
            f"Saved as revision {view.account.revision} of {view.account.name}.",
            "History",
            partial(self.page.open, "history"),
        )
        self.page.refresh()

    def _not_saved(self, error: Exception) -> None:
        self._changed()
        self.refused(error, self._save, self.discard)

    def restyle(self) -> None:
        self.what_if.restyle()
        for made in self.rows.values():
            made.banner.restyle()


class RulesSection(ChoicesSection):
    """How logins are judged, and what happens to people where the rules leave it open."""

    name = "rules"
    title = "Rules"
    groups = ("judging", "provisioning")


class ClaimsSection(ChoicesSection):
    """Claim names, role values and RelayState, with the last response under what is typed."""

    name = "claims"
    title = "Claims"
    groups = ("claims", "relay-state")

    def _parts(self) -> QWidget:
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(250)
        self._pause.timeout.connect(self._try)
        self.preview_state = Pill("", "")
        self.preview_banner = Banner(slim=True)
        self._preview = column(spacing=8)
        shown = QWidget()
        shown.setLayout(column(self._preview, 1))
        card = Card("The last response", self.preview_banner, scrolled(shown), actions=(self.preview_state,))
        card.body.setStretch(2, 1)
        card.setMinimumWidth(270)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setHandleWidth(14)
        split.setChildrenCollapsible(False)
        split.addWidget(self._cards())
        split.addWidget(card)
        split.setSizes([600, 400])
        return split

    def show_loaded(self, loaded: Loaded) -> None:
        super().show_loaded(loaded)
        self._pause.start()

    def _changed(self) -> None:
        super()._changed()
        if self.loaded is not None:
            self._pause.start()

    def _try(self) -> None:
        values = self.wanted()
        if values is None:
            self._tell("Correct what is marked on the left first.")
        elif self.desk.account:
            self.work(
                self.desk.sso.try_choices,
                self.desk.account,
                values,
                then=self._show_tried,
                failed=lambda e: self._tell(str(e)),
                channel="try",
            )

    def _tell(self, sentence: str) -> None:
        clear(self._preview)
        self.preview_state.show_state("", "")
        self.preview_banner.say("warning", sentence)

    def _show_tried(self, tried: Tried | None) -> None:
        clear(self._preview)
        self.preview_banner.hide()
        if tried is None:
            self.preview_state.show_state("", "")
            self._preview.addWidget(
                label(
                    "No response of this account is kept yet. After the first login this shows what becomes of it "
                    "under what you type here.",
                    tone="muted",
                    wrap=True,
                )
            )
            return
        report, sp = tried.report, tried.report.expectation.sp
        self.preview_state.show_state(state_of(report))
        now = self.loaded.now if self.loaded is not None else tried.at
        head = label(visible(f"{tried.reference}, {ago(tried.at, now)}"), tone="muted", wrap=True)
        head.setToolTip(exact(tried.at))
        self._preview.addWidget(head)
        self._preview.addWidget(selectable(report.headline))
        uses = {sp.claim_imagekit_id: "account id", sp.claim_full_name: "full name", sp.claim_role: "role"}
        sent = {a.name: a.values for a in report.attributes}
        for name, use in uses.items():
            self._claim(use, name, ", ".join(sent[name]) if name in sent else None)
        role = sp.role_for(sent[sp.claim_role][0]) if len(sent.get(sp.claim_role, ())) == 1 else None
        self._preview.addWidget(selectable(f"Role that it gives: {role.title if role else 'none'}"))
        others = [n for n in sent if n not in uses]
        if others:
            names = visible(", ".join(others[:12]))
            self._preview.addWidget(label(f"Sent and not used: {names}", tone="muted", size=12, wrap=True))
        self._preview.addWidget(selectable(provisioning_sentence(report.provisioning)))

    def _claim(self, use: str, name: str, value: str | None) -> None:
        self._preview.addWidget(label(visible(f"{use.capitalize()}, from {name}"), tone="muted", size=12, wrap=True))
        if value is None:
            self._preview.addLayout(row(Pill("warn", "Not sent"), 1))
        else:
            self._preview.addWidget(mono_label(visible(value[:300]), wrap=True))


def _candidate(values: dict[str, Any], sso: SSO, imagekit_id: str) -> Candidate:
    return sso.decided_candidate(imagekit_id, values)


def _save(sso: SSO, imagekit_id: str, values: dict[str, Any], based_on: int) -> ConfigurationView:
    return sso.set_choices(imagekit_id, values, based_on=based_on)
