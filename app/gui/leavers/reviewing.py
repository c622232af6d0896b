"""A clean-up under review: who would go and why, the plan saved first, the number typed, then the deletion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QListWidget, QProgressBar

from app.gui.files import ask_save, write_file
from app.gui.widgets import Banner, Card, button, confirm, label, line_edit, retint, row, tip, visible
from app.gui.wording import plural

if TYPE_CHECKING:
    from app.accounts.cleanup import CleanupPlan
    from app.gui.desk import Desk
    from app.gui.jobs import Progress
    from app.sso import SSO, CleanupCheck, CleanupResult, SeatPanel


@dataclass(frozen=True, slots=True)
class Done:
    """A clean-up that was applied, and what looking again at once has shown."""

    result: CleanupResult
    check: CleanupCheck | None


class Stopped(Exception):  # noqa: N818  the person asked for it
    """The person stopped it; nobody was deleted."""


def apply_plan(progress: Progress, sso: SSO, plan: CleanupPlan, typed: int | None) -> Done:
    """Apply a plan, and look at once what came of it. Stopped where that was asked for: then nobody is deleted."""

    def told(done: int, total: int) -> None:
        if progress.cancelled:
            raise Stopped("Stopped. Nobody was deleted: it is done for all of them, or for none.")
        progress.report(done, total)

    result = sso.apply_cleanup(plan, typed=typed, told=told)
    return Done(result, sso.verify_cleanup(result.batch) if result.deleted else None)


def write_plan(path: Path, plan: CleanupPlan) -> Path:
    """Write the plan with its evidence as CSV."""
    from app.accounts.cleanup import plan_as_csv

    return write_file(path, plan_as_csv(plan).encode())


class ReviewCard(Card):
    """Shows a plan, and applies it. `applied` carries what was Done, `left` says "not now"."""

    applied = Signal(object)
    left = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__("Review")
        self.desk = desk
        self._plan: CleanupPlan | None = None
        self._saved = False
        self.plan_text = label("", wrap=True)
        self.plan_list = QListWidget()
        self.plan_list.setAccessibleName("Users of the plan")
        self.plan_banner = Banner(slim=True)
        self.type_text = label("", wrap=True)
        self.type_field = line_edit(name="Type the number of users to delete")
        self.type_field.setFixedWidth(90)
        self.type_field.textChanged.connect(lambda _t: self._armed())
        self.delete_button = button("Delete", self.apply, icon="delete", kind="danger")
        self.plan_export = button(
            "Save the plan", self.export_plan, icon="export", hint="The evidence is saved before anybody is deleted"
        )
        self.cancel_button = button("Cancel", self.cancel, kind="flat")
        self._running: Progress | None = None
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the clean-up")
        self.bar.hide()
        foot = row(self.type_text, self.type_field, 1, self.cancel_button, self.plan_export, self.delete_button)
        for part in (self.plan_text, self.plan_banner, self.plan_list, self.bar, foot):
            self.add(part)
        self.body.setStretch(self.body.indexOf(self.plan_list), 1)

    def show_plan(self, plan: CleanupPlan, account: str, seats: SeatPanel) -> None:
        """Show a plan that nobody has applied yet."""
        self._plan, self._saved = plan, False
        self.title.setText(visible(f"Delete {plural(len(plan.items), 'user')} of {account}?"))
        cost = seats.cost(len(plan.items)) if plan.items else ""
        self.plan_text.setText(
            visible(
                f"{plan.seats_after} of {plural(seats.seats.limit, 'seat')} are used afterwards."
                + (f" That saves {cost}." if cost else "")
            )
        )
        self.plan_list.clear()
        self.plan_list.addItems([visible(f"{i.email}   {i.evidence}: {' '.join(i.why)}") for i in plan.items])
        self.plan_banner.hide()
        if plan.refused:
            self.plan_banner.say("error", " ".join(plan.refused) + " Change the selection.")
        self.type_text.setText(f"Type {plan.must_type} to confirm:" if plan.must_type is not None else "")
        self.type_field.clear()
        self.type_field.setVisible(plan.must_type is not None)
        self.type_text.setVisible(plan.must_type is not None)
        self.delete_button.setText(f"Delete {plural(len(plan.items), 'user')}")
        self._armed()
        self.plan_export.setFocus()

    def _typed(self) -> int | None:
        text = self.type_field.text().strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None

    def _armed(self) -> None:
        plan = self._plan
        self.plan_export.setEnabled(plan is not None and plan.applicable and self._running is None)
        self.type_field.setEnabled(self._running is None)
        may = plan is not None and plan.applicable and plan.must_type in (None, self._typed())
        self.delete_button.setEnabled(may and self._saved and self._running is None)
        self.delete_button.setToolTip(tip("" if self._saved else "Save the plan first: it keeps the evidence"))

    def export_plan(self) -> None:
        """Ask where to save the plan; only then can it be applied."""
        if self._plan is not None:
            ask_save(self, "Save the plan", f"clean-up-{self.desk.account}.csv", "CSV (*.csv)", self.save_plan)

    def save_plan(self, path: Path) -> None:
        """Save the plan to this file."""
        plan = self._plan
        if plan is not None:

            def saved(where: Path) -> None:
                if plan is not self._plan:
                    return  # another plan is under review by now
                self._saved = True
                self.plan_banner.say("success", f"The plan is saved as {where}.")
                self._armed()
                (self.type_field if plan.must_type is not None else self.delete_button).setFocus()

            self.desk.jobs.run(self, write_plan, path, plan, then=saved, failed=self.refuse, channel="plan-export")

    def apply(self) -> None:
        """Delete what the plan says, after a question."""
        plan = self._plan
        if plan is None or not self.delete_button.isEnabled():
            return
        if confirm(
            self,
            f"Delete {plural(len(plan.items), 'user')}?",
            "Their seats are free at once. Each deletion can be undone for 30 days.",
            f"Delete {plural(len(plan.items), 'user')}",
        ):
            self._apply(plan)

    def _apply(self, plan: CleanupPlan) -> None:
        self.bar.setRange(0, 0)
        self.bar.show()
        self.cancel_button.setText("Stop")
        self.plan_banner.hide()
        over: list[bool] = []

        def ended() -> None:
            over.append(True)
            self._running = None
            self.bar.hide()
            self.cancel_button.setText("Cancel")
            self._armed()

        def done(result: Done) -> None:
            ended()
            self.applied.emit(result)

        def failed(error: Exception) -> None:
            ended()
            self.refuse(error)

        progress = self.desk.jobs.run_long(
            self,
            apply_plan,
            self.desk.sso,
            plan,
            self._typed(),
            then=done,
            progressed=self._told,
            failed=failed,
            channel="apply",
        )
        if not over:  # with an executor that works at once, it is over already
            self._running = progress
            self._armed()

    def _told(self, done: int, total: int, _text: str) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)

    def cancel(self) -> None:
        """Stop the deletion that runs, which then deletes nobody; or leave the plan."""
        if self._running is not None:
            self._running.cancel()
            self.cancel_button.setText("Stopping ...")
        else:
            self.left.emit()

    def refuse(self, error: Exception) -> None:
        """Say why it was not done."""
        state = "info" if isinstance(error, Stopped) else "error"
        self.plan_banner.say(state, str(error) or type(error).__name__)

    def restyle(self) -> None:
        """Follow the theme."""
        self.plan_banner.restyle()
        for made in (self.plan_export, self.delete_button):
            retint(made)
