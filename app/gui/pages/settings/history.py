"""Every revision of the configuration, and the way back to one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QHeaderView

from app.gui.files import ask_save
from app.gui.pages.settings.section import METADATA_FILES, Loaded, Section
from app.gui.tables import Column, Table
from app.gui.widgets import Card, button, column, label, mono_label, row, visible
from app.gui.wording import ago, exact

if TYPE_CHECKING:
    from app.gui.pages.settings.page import SettingsPage
    from app.sso import SSO, ConfigurationView, Difference
    from app.store import Revision


class HistorySection(Section):
    """Every revision of the configuration, and the way back to one."""

    name = "history"
    title = "History"

    def __init__(self, page: SettingsPage) -> None:
        super().__init__(page)
        self._now: datetime | None = None
        self._newest = 0
        self._tests: dict[int, bool] = {}
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
                Column("Test", self._test_word, 106, state=self._test_state),
                Column("What", lambda r: r.what, 300),
                Column("Identity provider", lambda r: r.idp_entity_id or "None", 240, mono=True),
            ),
            multiple=True,
        )
        header = self.table.horizontalHeader()
        header.setStretchLastSection(False)
        for number in (4, 5):
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
        self.compared = label("", bold=True, wrap=True)
        self.differences = Table[Any](
            "revision-differences",
            (
                Column("What", lambda d: d.what, 230),
                Column("Before", lambda d: d.old or "", 260, mono=True),
                Column("After", lambda d: d.new or "", 260, mono=True),
            ),
        )
        card = Card("Revisions of the configuration", self.nothing, self.table, foot, self.compared, self.differences)
        card.body.setStretch(card.body.indexOf(self.table), 3)
        card.body.setStretch(card.body.indexOf(self.differences), 2)
        self.setLayout(column(card, margins=(0, 12, 0, 0)))
        self._choose(None)

    @property
    def _moment(self) -> datetime:
        assert self._now is not None
        return self._now

    def _test_word(self, revision: Revision) -> str:
        passed = self._tests.get(revision.number)
        return "" if passed is None else "Passed" if passed else "Failed"

    def _test_state(self, revision: Revision) -> str:
        passed = self._tests.get(revision.number)
        return "" if passed is None else "success" if passed else "failure"

    def show_loaded(self, loaded: Loaded) -> None:
        self._tests = {t.revision: t.passed for t in reversed(loaded.safety.tests)}
        self.show_revisions(loaded.revisions, loaded.now)

    def show_revisions(self, revisions: Sequence[Revision], now: datetime) -> None:
        """Show them, newest first."""
        self._now = now
        self._newest = max((r.number for r in revisions), default=0)
        self.nothing.setVisible(not revisions)
        self.table.setVisible(bool(revisions))
        self.table.show_rows(revisions)
        self._choose(None)

    def _choose(self, _first: Revision | None) -> None:
        chosen = self.table.selected
        revision = chosen[0] if len(chosen) == 1 else None
        self._compare(chosen)
        self.restore_button.setEnabled(revision is not None and revision.number != self._newest)
        self.export_button.setEnabled(revision is not None and revision.document is not None)
        if revision is None:
            self.detail.setText(
                "Choose one revision to see what it changed, two to compare them." if self._newest else ""
            )
        elif revision.sha256 is None:
            self.detail.setText("No metadata in this revision: SSO was off.")
        else:
            self.detail.setText(visible(f"SHA-256 of the document {revision.sha256[:16]}..."))

    def _compare(self, chosen: Sequence[Revision]) -> None:
        """Of one revision what it changed, of two what differs between them."""
        numbers = sorted(r.number for r in chosen)
        self.compared.setVisible(False)
        self.differences.setVisible(False)
        if not 1 <= len(numbers) <= 2:
            self.desk.jobs.drop(self, "compare")
            return
        old, new = (numbers[0] - 1, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])
        self.work(
            self.desk.sso.compare_revisions,
            self.desk.account,
            old,
            new,
            then=partial(self._show_differences, old, new),
            channel="compare",
        )

    def _show_differences(self, old: int, new: int, found: Sequence[Difference]) -> None:
        before = f"revision {old}" if old else "no configuration"
        words = f"From {before} to revision {new}" if found else f"Revision {new} says the same as {before}."
        self.compared.setText(words)
        self.compared.setVisible(True)
        self.differences.setVisible(bool(found))
        self.differences.show_rows(found)

    def _restore(self) -> None:
        revision = self.table.current
        if revision is not None:
            self.restore(revision.number)

    def restore(self, number: int) -> None:
        """Make an earlier revision the current one."""
        self._restore_on(number, self.seen)

    def _restore_on(self, number: int, based_on: int) -> None:
        self.work(
            _restore,
            self.desk.sso,
            self.desk.account,
            number,
            based_on,
            then=partial(self._restored, number),
            failed=lambda e: self.refused(e, partial(self._restore_on, number), self.page.refresh),
            channel="save",
        )

    def _restored(self, number: int, view: ConfigurationView) -> None:
        on = "on" if view.account.sso_on else "off"
        new = view.revision.number if view.revision else 0
        self.done(f"Revision {number} is in force again, as revision {new}. SSO is {on}.")
        self.page.refresh()

    def _export(self) -> None:
        """Write the metadata of the chosen revision to a file."""
        revision = self.table.current
        if revision is not None and revision.document is not None:
            name = f"idp-metadata-{self.desk.account}-{revision.number}.xml"
            ask_save(self, "Export metadata", name, METADATA_FILES, partial(self.write, revision.document))


def _restore(sso: SSO, imagekit_id: str, number: int, based_on: int) -> ConfigurationView:
    return sso.restore_revision(imagekit_id, number, based_on=based_on)
