"""What the tabs of the trials page share: a banner, buttons of their own, long work with its progress."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QMenu, QProgressBar, QPushButton, QWidget

from app.gui.files import ask_save
from app.gui.trial_work import FORMS, ReportForm
from app.gui.widgets import Banner, button, label, row, visible

if TYPE_CHECKING:
    from app.gui.desk import Desk
    from app.gui.jobs import Progress

T = TypeVar("T")


class Running(QWidget):
    """How far long work is, and its end on demand. `act(progress, *arguments)` is done off the GUI thread."""

    def __init__(self, desk: Desk, name: str, hint: str) -> None:
        super().__init__()
        self._desk = desk
        self.progress: Progress | None = None
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(name)
        self.text = label("", tone="muted", size=12)
        self.text.setFixedWidth(290)
        self.cancel_button = button("Cancel", self.cancel, icon="stop", hint=hint)
        self.setLayout(row(self.text, self.bar, self.cancel_button, spacing=12))
        self.hide()

    @property
    def busy(self) -> bool:
        """Whether work is under way."""
        return self.progress is not None

    def start(
        self,
        total: int,
        act: Callable[..., T],
        *arguments: Any,
        then: Callable[[T], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Do it, unless something is under way; afterwards then(result) or failed(error)."""
        if self.busy:
            return
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(0)
        self.text.setText("Setting up a workspace of its own ...")
        self.cancel_button.setEnabled(True)
        ended: list[bool] = []

        def end(deliver: Callable[[Any], None], result: Any) -> None:
            ended.append(True)
            self.progress = None
            deliver(result)

        progress = self._desk.jobs.run_long(
            self,
            act,
            *arguments,
            then=partial(end, then),
            progressed=self._on_progress,
            failed=partial(end, failed),
            channel="run",
        )
        if not ended:  # with an executor that works at once, the result is there already
            self.progress = progress

    def cancel(self) -> None:
        """Stop after what is under way; what was done is kept."""
        if self.progress is not None:
            self.progress.cancel()
            self.cancel_button.setEnabled(False)
            self.text.setText("Stopping ...")

    def _on_progress(self, done: int, total: int, text: str) -> None:
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)
        if self.cancel_button.isEnabled():
            self.text.setText(visible(f"{done:,} of {total:,} · {text}"))


class Part(QWidget):
    """One tab. `buttons` stand in the page's header while the tab is shown."""

    title: ClassVar[str]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.banner = Banner()
        self.buttons = QWidget()

    def refresh(self) -> None:
        """Load what the tab shows. Called when it becomes visible."""

    def restyle(self) -> None:
        """Follow the theme."""
        self.banner.restyle()

    def drop(self, _path: Path) -> bool:
        """Take a dropped file. False: not for this tab."""
        return False

    def find_by(self, field: QWidget) -> None:
        """Let Ctrl+F go to this field."""
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(field.setFocus)

    def export_menu(self, name: str, save: Callable[[ReportForm, Path], object]) -> QPushButton:
        """The button that saves what is shown, in any form; `name` is how the file is called."""
        made = button("Export", icon="export", hint="Save what is shown as a report")
        menu = QMenu(self)
        for form, (text, ending, kinds) in FORMS.items():
            menu.addAction(
                f"Save as {text}...",
                partial(ask_save, self, f"Save as {text}", f"{name}.{ending}", kinds, partial(save, form)),
            )
        made.setMenu(menu)
        return made

    def work(
        self,
        verb: Callable[..., Any],
        *args: Any,
        then: Callable[[Any], None],
        failed: Callable[[Exception], None] | None = None,
        channel: str = "",
    ) -> None:
        """Call something off the GUI thread; its newest result comes back to `then`."""
        self.desk.jobs.run(self, verb, *args, then=then, failed=failed or self.fail, channel=channel)

    def fail(self, error: Exception) -> None:
        """Say what went wrong."""
        self.banner.say("error", str(error) or type(error).__name__, "Dismiss", self.banner.hide)

    def written(self, what: str, path: Path) -> None:
        """Say that a file was written."""
        self.banner.say("success", f"{what} written to {path}.", "Dismiss", self.banner.hide)


def choice(name: str, hint: str, options: tuple[tuple[str, str], ...], on_change: Callable[[], object]) -> QComboBox:
    """A box to choose one of (value, words)."""
    made = QComboBox()
    made.setAccessibleName(name)
    made.setToolTip(hint)
    for value, words in options:
        made.addItem(words, value)
    made.activated.connect(lambda _i: on_change())
    return made
