"""Taking a diagnosis up in the window: the change of our settings, what the message comes to under it, Save, Undo."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QWidget

from app.gui.examine import NOTHING, PASTED, WHOEVER_FITS, Examined, Judging, state_of
from app.gui.findings import selectable
from app.gui.widgets import Banner, Card, Pill, button, column, label, mono_label, row, scrolled, visible

if TYPE_CHECKING:
    from app.gui.desk import Page
    from app.saml.report import Report
    from app.sso import SSO, Applied, ConfigurationView

_CAPTION = 76


class ApplyDialog(QDialog):
    """Shows a change before it is made. `save_asked` is emitted when the person wants it."""

    save_asked = Signal()

    def __init__(self, parent: QWidget, preview: Applied) -> None:
        super().__init__(parent)
        self.setWindowTitle("Apply to settings")
        self.resize(660, 520)
        self.preview = preview
        self.banner = Banner()
        account = preview.account
        differences = column(spacing=6)
        for d in preview.differences:
            differences.addWidget(label(visible(d.what), bold=True))
            differences.addWidget(_line("Now", mono_label(visible(d.old or "not there"), wrap=True)))
            differences.addWidget(_line("Then", mono_label(visible(d.new or "not there"), wrap=True)))
        shown = QWidget()
        shown.setLayout(differences)
        parts = column(
            Card(visible(f"{account.name} · {account.imagekit_id}, revision {preview.based_on}"), shown),
            Card("This message", _verdict("Now", preview.before), _verdict("Then", preview.after)),
            Card("Why, and what it costs", selectable(preview.why), selectable(preview.cost, tone="muted")),
            1,
            spacing=10,
        )
        inner = QWidget()
        inner.setLayout(parts)
        self.save = button(
            "Save as new revision", self._save, kind="primary", hint="Save it; the revision before can be restored"
        )
        self.save.setEnabled(not preview.refused)
        cancel = button("Cancel", self.close)
        made = column(scrolled(inner), self.banner, row(1, cancel, self.save), spacing=12, margins=(20, 16, 20, 16))
        made.setStretch(0, 1)
        self.setLayout(made)
        if preview.refused:
            self.say(f"It is not made from here. {preview.refused}")

    def say(self, sentence: str) -> None:
        """Why it cannot be saved."""
        self.banner.say("warning", sentence)

    def _save(self) -> None:
        self.save.setEnabled(False)
        self.save_asked.emit()


def _line(caption: str, *parts: QWidget) -> QWidget:
    name = label(caption, tone="muted")
    name.setFixedWidth(_CAPTION)
    bar = row(name, *parts)
    bar.setStretch(len(parts), 1)
    made = QWidget()
    made.setLayout(bar)
    return made


def _verdict(caption: str, report: Report) -> QWidget:
    return _line(caption, Pill(state_of(report)), selectable(report.headline))


class Applying:
    """The way from a cause to the saved change. `page` is the inspector's."""

    def __init__(self, page: Page, banner: Banner) -> None:
        self._page = page
        self._banner = banner
        self.dialog: ApplyDialog | None = None

    def offers(self, examined: Examined, judging: Judging) -> tuple[bool, bool]:
        """Whether proposals of this judgement may be taken up, and whether the pasted metadata may."""
        subject, known = examined.subject, examined.report.expectation.account is not None
        real = known and not subject.sample and subject.judged is None and judging.policy == "strict"
        return real and judging.against not in (NOTHING, PASTED), real and judging.against == PASTED

    def ask(self, examined: Examined, judging: Judging, setting: str) -> None:
        """Show what would come of it."""
        subject = examined.subject
        against = judging.account if judging.against == PASTED else judging.against
        self._work(
            _preview,
            subject.source,
            None if against == WHOEVER_FITS else against,
            setting,
            {
                "at": judging.at,
                "relay_state": subject.relay_state,
                "name": subject.name,
                "channel": subject.channel,
                "of_event": subject.reference,
                "metadata": judging.metadata if judging.against == PASTED else None,
            },
            then=self._show,
            failed=self._failed,
        )

    def _show(self, preview: Applied) -> None:
        if self.dialog is not None:
            self.dialog.close()
        dialog = ApplyDialog(self._page, preview)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.save_asked.connect(partial(self._save, preview))
        dialog.finished.connect(partial(self._gone, dialog))
        self.dialog = dialog
        dialog.show()

    def _save(self, preview: Applied) -> None:
        self._work(_apply, preview, then=partial(self._saved, preview), failed=self._not_saved)

    def _saved(self, preview: Applied, view: ConfigurationView) -> None:
        if self.dialog is not None:
            self.dialog.close()
        self._banner.say(
            "success",
            f"Saved as revision {view.account.revision} of {view.account.name}.",
            "Undo",
            partial(self._undo, preview, view.account.revision),
        )

    def _undo(self, preview: Applied, saved: int) -> None:
        self._work(
            _restore,
            preview.account.imagekit_id,
            preview.based_on,
            saved,
            then=lambda view: self._banner.say(
                "success", f"Revision {preview.based_on} is in force again, as revision {view.account.revision}."
            ),
            failed=self._failed,
        )

    def _work(self, verb: Any, *args: Any, then: Any, failed: Any) -> None:
        self._page.work(verb, self._page.desk.sso, *args, then=then, failed=failed, channel="apply")

    def _failed(self, error: Exception) -> None:
        self._banner.say("error", str(error) or type(error).__name__)

    def _not_saved(self, error: Exception) -> None:
        if self.dialog is not None:
            self.dialog.say(str(error) or type(error).__name__)

    def _gone(self, dialog: ApplyDialog, _result: int) -> None:
        if self.dialog is dialog:
            self.dialog = None


def _preview(sso: SSO, source: str | bytes, account: str | None, setting: str, how: dict[str, Any]) -> Applied:
    return sso.preview_change(source, account, setting, **how)


def _apply(sso: SSO, preview: Applied) -> ConfigurationView:
    return sso.apply_change(preview)


def _restore(sso: SSO, imagekit_id: str, number: int, based_on: int) -> ConfigurationView:
    return sso.restore_revision(imagekit_id, number, based_on=based_on)
