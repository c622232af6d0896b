"""What-if: the draft tried on the last logins before it is saved, with who would stop and who would start to get in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QProgressBar, QWidget

from app.gui.jobs import Progress
from app.gui.tables import Column, Table
from app.gui.widgets import Banner, button, column, number_field, retint, reveal, row
from app.gui.wording import exact, utc

if TYPE_CHECKING:
    from app.bulk.whatif import Forecast
    from app.gui.pages.settings.section import Section
    from app.sso import SSO, Candidate, Rejudged

    #: A draft, to be compared, and what makes a candidate of it for an account.
    Drafted = Callable[[], tuple[object, Callable[[SSO, str], Candidate]] | None]

_USUAL = 1000
_MOST = 10_000


class WhatIf(QWidget):
    """One row to start it, progress that can be stopped, and the logins that would come out otherwise."""

    def __init__(self, section: Section, drafted: Drafted) -> None:
        super().__init__()
        self._section = section
        self._drafted = drafted
        self._running: Progress | None = None
        self.number = number_field("How many of the last logins to try it on", 1, _MOST, suffix=" logins")
        self.number.setValue(_USUAL)
        self.start_button = button(
            "What if?", self.start, icon="play", hint="Try the unsaved settings on the last logins; nothing is changed"
        )
        self.stop_button = button("Stop", self.stop, icon="stop")
        self.bar = QProgressBar()
        self.bar.setAccessibleName("Progress of the what-if")
        self.bar.setTextVisible(False)
        self.banner = Banner(slim=True)
        self.table = Table[Any](
            "what-if",
            (
                Column("Would", lambda r: "Start" if r.then else "Stop", 96, state=_state),
                Column("Person", lambda r: r.full_name or r.email, 140, tip=lambda r: r.email),
                Column("Why", lambda r: r.why, 240),
                Column("When", lambda r: utc(r.at), 160, tip=lambda r: exact(r.at)),
                Column("Reference", lambda r: r.reference, 170, mono=True),
            ),
        )
        self.table.opened.connect(lambda r: section.desk.open("log", r.reference))
        first = row(self.start_button, self.number, self.bar, self.stop_button, 0)
        first.setStretch(2, 1)
        self.setLayout(column(first, self.banner, self.table, spacing=6))
        self.forget()

    def forget(self) -> None:
        """Another draft, or none: what was found is not about it."""
        self.stop()
        self.banner.hide()
        self.table.hide()
        self.bar.hide()
        self.stop_button.hide()

    def restyle(self) -> None:
        """Follow the theme."""
        self.banner.restyle()
        for made in (self.start_button, self.stop_button):
            retint(made)

    def start(self) -> None:
        """Try the draft."""
        drafted = self._drafted()
        if drafted is None:
            return
        self.start_button.setEnabled(False)
        self.banner.hide()
        self.table.hide()
        self.bar.setRange(0, 0)
        self.bar.show()
        self.stop_button.show()
        desk = self._section.desk
        self._running = desk.jobs.run_long(
            self,
            _forecast,
            desk.sso,
            desk.account,
            *drafted,
            self.number.value(),
            then=self._show,
            progressed=self._progressed,
            failed=self._failed,
            channel="what-if",
        )

    def stop(self) -> None:
        """Judge no more; what was found so far is shown."""
        if self._running is not None:
            self._running.cancel()

    def _progressed(self, done: int, total: int, _text: str) -> None:
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)

    def _ended(self) -> None:
        self._running = None
        self.start_button.setEnabled(True)
        self.bar.hide()
        self.stop_button.hide()

    def _failed(self, error: Exception) -> None:
        self._ended()
        self.banner.say("error", str(error) or type(error).__name__)
        reveal(self)

    def _show(self, found: tuple[Forecast, object]) -> None:
        self._ended()
        forecast, tried = found
        now = self._drafted()
        if now is None or now[0] != tried:
            return  # another draft is there by now
        state = "error" if forecast.stop else "success" if forecast.judged else "info"
        self.banner.say(state, f"{forecast.sentence} Judged by one verifier; nothing was changed.")
        rows: list[Rejudged] = [*forecast.stop, *forecast.start]
        self.table.show_rows(rows)
        self.table.fit_rows(5)
        self.table.setVisible(bool(rows))
        reveal(self)


def _state(judged: Rejudged) -> str:
    return "success" if judged.then else "failure"


def _forecast(
    progress: Progress,
    sso: SSO,
    imagekit_id: str,
    draft: object,
    candidate: Callable[[SSO, str], Candidate],
    limit: int,
) -> tuple[Forecast, object]:
    from app.bulk.whatif import forecast

    def told(done: int, total: int) -> bool:
        if done % 8 == 0 or done == total:
            progress.report(done, total)
        return not progress.cancelled

    return forecast(sso, candidate(sso, imagekit_id), limit, told), draft
