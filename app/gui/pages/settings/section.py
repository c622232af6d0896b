"""What a section of the settings page is given and what it may do; the sections themselves are their own modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from PySide6.QtWidgets import QWidget

from app.gui.files import write_file
from app.gui.understood import Understood, as_saved

if TYPE_CHECKING:
    from app.gui.desk import Desk
    from app.gui.pages.settings.page import SettingsPage
    from app.sso import SSO, ConfigurationView, Ending, Safety, SeatPanel, SourceView
    from app.sso.accounts import AccountRow
    from app.sso.sp_keys import SpKey
    from app.sso.values import ChoiceView
    from app.store import Revision

#: The kinds of metadata files, for dialogs.
METADATA_FILES: Final = "Metadata (*.xml *.txt);;All files (*)"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the page shows, read in one go."""

    now: datetime
    view: ConfigurationView
    saved: Understood | None
    seats: SeatPanel
    revisions: tuple[Revision, ...]
    child_entity_id: str
    safety: Safety
    source: SourceView | None
    choices: tuple[ChoiceView, ...]
    sp_keys: tuple[SpKey, ...]
    endings: tuple[Ending, ...]
    accounts: tuple[AccountRow, ...]


def load(sso: SSO, imagekit_id: str) -> Loaded:
    """Read the configuration of an account."""
    now, view = sso.now(), sso.configuration(imagekit_id)
    return Loaded(
        now,
        view,
        as_saved(view, now),
        sso.seats(imagekit_id),
        sso.configuration_history(imagekit_id),
        sso.sp.child_entity_id(imagekit_id),
        sso.safety(imagekit_id),
        sso.metadata_source(imagekit_id),
        sso.choices(imagekit_id),
        sso.sp_keys(),
        sso.endings(),
        sso.account_rows(),
    )


class Section(QWidget):
    """One tab of the settings page. Subclasses set the names, build in __init__, and show what was loaded.

    `name` is what SettingsPage.open() is given, `title` what the tab says.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, page: SettingsPage) -> None:
        super().__init__()
        self.page = page
        self.banner = page.banner

    @property
    def desk(self) -> Desk:
        """The verbs, the jobs, the account in hand."""
        return self.page.desk

    @property
    def loaded(self) -> Loaded | None:
        """What was loaded last; None before the first time."""
        return self.page.loaded

    def show_loaded(self, loaded: Loaded) -> None:
        """Show the account in hand as it is now."""

    def leave_account(self) -> None:
        """Another account was taken in hand: forget what was meant for the one before."""

    def entered(self) -> None:
        """The section was asked for by name: put the focus where work begins."""

    def restyle(self) -> None:
        """Follow the theme."""

    def work(
        self,
        verb: Callable[..., Any],
        *args: Any,
        then: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
        channel: str,
    ) -> None:
        """Call a verb off the GUI thread. An error is told in the page's banner unless `failed` takes it."""
        self.desk.jobs.run(self, verb, *args, then=then, failed=failed or self.not_done, channel=channel)

    def not_done(self, error: Exception) -> None:
        """Tell an error in the page's banner."""
        self.banner.say("error", str(error) or type(error).__name__)

    def refused(
        self,
        error: Exception,
        keep: Callable[[int], object],
        leave: Callable[[], object],
        failed: Callable[[Exception], None] | None = None,
    ) -> None:
        """Tell why something was not saved; where somebody else was faster, ask what to do with one's own.

        `keep` saves it on top of the revision it is given, `leave` forgets it, `failed` tells every other error.
        """
        from app.sso import Moved

        if isinstance(error, Moved):
            self.banner.hide()
            self.page.conflict.ask(error, keep, leave)
            self.page.refresh()
        else:
            (failed or self.not_done)(error)

    @property
    def seen(self) -> int:
        """The number of the revision that is on show; 0 before the first one."""
        return self.loaded.view.account.revision if self.loaded is not None else 0

    def done(self, sentence: str) -> None:
        """Tell that something was done, until it is dismissed."""
        self.banner.say("success", sentence, "Dismiss", self.banner.hide)

    def write(self, data: bytes, path: Path) -> None:
        """Write a document and say where."""
        self.work(write_file, path, data, then=lambda p: self.done(f"Written to {p}."), channel="write")
