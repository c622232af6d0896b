"""The tab "Clock and keys" of the simulator page: the IdP's own time, which keys sign and are published, a rollover."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QCheckBox, QGridLayout, QStackedWidget, QWidget

from app.gui.called_by_qt import called_by_qt
from app.gui.desk import Desk
from app.gui.files import ask_save
from app.gui.instant_field import InstantField
from app.gui.simulator.fields import combo, form, show_choice
from app.gui.simulator.keys_work import (
    CERTIFICATES,
    KEY_WORDS,
    KeyInfo,
    keys,
    put_keys_back,
    save_metadata,
    use_keys,
)
from app.gui.simulator.tab import Tab
from app.gui.tables import Column, Table
from app.gui.widgets import button, column, confirm, copy_text, label, line, number_field, row, scrolled
from app.gui.wording import day, exact, in_days, thumbprint, utc

if TYPE_CHECKING:
    from app.gui.lab_work import Shown
    from simulator.tenant import Tenant

_TEN_YEARS_S: Final = 10 * 366 * 86_400
_MODES: Final = (("Real time", "real"), ("Ahead or behind", "moved"), ("Stands still", "stands"))


class KeysTab(Tab):
    """connect_asked(): give the account in hand the metadata that is published now."""

    connect_asked = Signal()

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._lab: Shown | None = None
        self._stale = True
        left = QWidget()
        left.setLayout(column(self._clock_part(), line(), self._rollover_part(), 1, spacing=12, margins=(0, 10, 12, 4)))
        area = scrolled(left)
        area.setMinimumWidth(300)
        area.setMaximumWidth(360)
        whole = row(area, self._keys_part(), spacing=16)
        whole.setStretch(1, 1)
        self.setLayout(whole)

    # Clock -----------------------------------------------------------------------------------------------------

    def _clock_part(self) -> QWidget:
        self.mode = combo("Clock of the test IdP", _MODES)
        self.mode.activated.connect(lambda _n: self._mode_chosen())
        self.offset = number_field("IdP clock ahead of real time, in seconds", -_TEN_YEARS_S, _TEN_YEARS_S, suffix=" s")
        self.offset.setToolTip("Seconds that the IdP's clock is ahead of real time; negative: behind")
        self.offset.editingFinished.connect(self.set_clock)
        self.stands_at = InstantField(
            "Time at which the IdP's clock stands still, UTC", "yyyy-MM-dd HH:mm:ss 'UTC'", calendar=True
        )
        self.stands_at.editingFinished.connect(self.set_clock)
        self._how = QStackedWidget()
        for made in (QWidget(), self.offset, self.stands_at):
            self._how.addWidget(made)
        self._how.setFixedHeight(34)
        self.clock_text = label("", tone="muted", size=12, wrap=True)
        made = QWidget()
        made.setLayout(column(label("Clock of the test IdP", bold=True), self.mode, self._how, self.clock_text))
        return made

    @property
    def _chosen_mode(self) -> str:
        return str(self.mode.currentData())

    def _mode_chosen(self) -> None:
        self._show_how()
        if self._chosen_mode == "stands":
            now = self._lab.now if self._lab is not None else self.desk.workspace.now()
            self.stands_at.show_instant(now)
        if self._chosen_mode == "moved":
            self.offset.setFocus()
            self.offset.selectAll()
        else:
            self.set_clock()

    def _show_how(self) -> None:
        self._how.setCurrentIndex({"real": 0, "moved": 1, "stands": 2}[self._chosen_mode])
        self._how.setVisible(self._chosen_mode != "real")

    def set_clock(self) -> None:
        """Let the IdP's clock run, ahead or behind, or stand still, as the fields say."""
        shown = self._lab
        mode = self._chosen_mode
        offset = self.offset.value() if mode == "moved" else 0
        stands = self.stands_at.instant if mode == "stands" else None
        if shown is None or (offset, stands) == (shown.offset_s, shown.stands_at):
            return
        back = partial(self.desk.lab.set_clock, shown.offset_s, shown.stands_at)
        self.work(
            self.desk.lab.set_clock,
            offset,
            stands,
            then=lambda _none: self._done("The IdP's clock is as before.", back),
            channel="clock",
        )

    def _show_clock(self, shown: Shown) -> None:
        mode = "stands" if shown.stands_at is not None else "moved" if shown.offset_s else "real"
        typing = self.offset.hasFocus() or self.stands_at.hasFocus()
        if not typing or mode != "real":
            show_choice(self.mode, mode)
        if not self.offset.hasFocus():
            with QSignalBlocker(self.offset):
                self.offset.setValue(shown.offset_s)
        if shown.stands_at is not None and not self.stands_at.hasFocus():
            self.stands_at.show_instant(shown.stands_at)
        self._show_how()
        now = shown.stands_at or shown.now + timedelta(seconds=shown.offset_s)
        self.clock_text.setText(f"It is {utc(now)} there and {utc(shown.now)} at the service provider.")

    # Keys ------------------------------------------------------------------------------------------------------

    def _keys_part(self) -> QWidget:
        self.signing = combo("Key that signs", [(word, name) for name, word in KEY_WORDS.items()])
        self.certificate = combo("Certificate of the keys", CERTIFICATES)
        self.published = {name: QCheckBox(word) for name, word in KEY_WORDS.items()}
        for name, box in self.published.items():
            box.setToolTip("Whether the metadata lists this key")
            box.setAccessibleName(f"Publish the key {name}")
            box.clicked.connect(lambda _on: self.set_keys())
        for chooser in (self.signing, self.certificate):
            chooser.activated.connect(lambda _n: self.set_keys())
        boxes = QWidget()
        grid = QGridLayout(boxes)
        grid.setContentsMargins(0, 0, 0, 0)
        for number, box in enumerate(self.published.values()):
            grid.addWidget(box, number // 3, number % 3)
        grid.setColumnStretch(3, 1)
        self.table: Table[KeyInfo] = Table(
            "simulator-keys",
            [
                Column("Key", lambda k: k.word, 110, tip=lambda k: k.name),
                Column("Now", lambda k: k.use, 150, state=_use_state),
                Column("Kind", lambda k: k.kind, 110),
                Column("Certificate ends", lambda k: day(k.valid_until), 130, tip=self._validity),
                Column("Fingerprint (SHA-256)", lambda k: k.fingerprint, 220, mono=True),
            ],
        )
        self.table.setAccessibleName("Keys of the test IdP")
        self.table.extra_actions = [
            ("Sign with it", lambda k: self._use(k.name, self._published_now())),
            ("Copy fingerprint", lambda k: copy_text(thumbprint(k.fingerprint), self.table)),
        ]
        self.metadata_button = button(
            "Save metadata", self._ask_metadata, icon="export", hint="Write the IdP's metadata to a file"
        )
        words = label(
            "Made for this installation, marked TEST ONLY. Whoever holds them can log in as anybody wherever this "
            "metadata is trusted.",
            tone="muted",
            size=12,
            wrap=True,
        )
        head = row(label("Keys", bold=True), 1, self.metadata_button)
        fields = form([("Signs with", self.signing), ("Publishes", boxes), ("Certificates", self.certificate)])
        made = QWidget()
        made.setLayout(column(head, words, fields, self.table, spacing=8, margins=(0, 10, 0, 0)))
        return made

    def _validity(self, info: KeyInfo) -> str:
        now = self._lab.now if self._lab is not None else self.desk.workspace.now()
        return f"{in_days(info.valid_until, now)}\n{exact(info.valid_until)}"

    def _published_now(self) -> list[str]:
        return [name for name, box in self.published.items() if box.isChecked()]

    def set_keys(self) -> None:
        """Sign and publish as the fields say."""
        published = self._published_now()
        if not published:
            self.say("error", "Metadata without a key can be trusted by nobody. Publish at least one key.")
            self._show_fields()
            return
        self._use(str(self.signing.currentData()), published)

    def _use(self, signing: str, published: Sequence[str]) -> None:
        self.work(
            use_keys,
            self.desk.lab,
            signing,
            tuple(published),
            self.certificate.currentData(),
            then=self._used,
            channel="keys",
        )

    def _used(self, was: Tenant) -> None:
        self._done("The keys are used as before.", partial(put_keys_back, self.desk.lab, was))

    def _show_fields(self) -> None:
        shown = self._lab
        if shown is None:
            return
        show_choice(self.signing, shown.tenant.signing_key)
        show_choice(self.certificate, shown.tenant.certificate)
        for name, box in self.published.items():
            box.setChecked(name in shown.tenant.published_keys)

    def _fill(self, found: tuple[KeyInfo, ...]) -> None:
        self.table.show_rows(found)

    # Rollover --------------------------------------------------------------------------------------------------

    def _rollover_part(self) -> QWidget:
        self.both_button = button("1. Publish both", self.publish_both, hint="Metadata lists the current and next key")
        self.next_button = button("2. Sign with the next", self.sign_with_next, hint="Keep publishing both")
        self.retire_button = button("3. Retire the current", self.retire, hint="The next key becomes the current one")
        self.update_button = button(
            "Update the account", self.connect_asked.emit, icon="link", hint="Give the account the metadata of now"
        )
        self.rollover_text = label("", tone="muted", size=12, wrap=True)
        steps = column(self.both_button, self.next_button, self.retire_button, spacing=6)
        made = QWidget()
        made.setLayout(
            column(
                label("Rehearse a rollover", bold=True),
                label(
                    "Log in after each step. An account that got the metadata of step 1 goes on; one that did not is "
                    "refused at step 2.",
                    tone="muted",
                    size=12,
                    wrap=True,
                ),
                steps,
                self.rollover_text,
                self.update_button,
            )
        )
        return made

    def publish_both(self) -> None:
        """The first step: the metadata lists the current and the next key, the current one signs."""
        self._use("current", ("current", "next"))

    def sign_with_next(self) -> None:
        """The second step: the next key signs, both are published."""
        self._use("next", ("current", "next"))

    def retire(self) -> None:
        """The third step: the next key becomes the current one. The key called old is lost."""
        if confirm(
            self,
            "Make the next key the current one?",
            "The current key becomes the old one. The key that was called old until now is lost.",
            "Retire",
        ):
            self.work(self.desk.lab.rotate_keys, then=lambda _none: self.changed.emit(), channel="keys")

    def _show_rollover(self, shown: Shown) -> None:
        tenant = shown.tenant
        both = {"current", "next"} <= set(tenant.published_keys)
        if tenant.signing_key == "next":
            step = "Step 2: the next key signs." if both else "The next key signs, and only part of them is published."
        else:
            step = "Step 1: both keys are published." if both else "No rollover is under way."
        trust = {
            "this": "The account knows the key that signs.",
            "outdated": "The account has earlier metadata without what signs now: a login shows what becomes of it.",
        }.get(shown.trust, "The account does not trust the test IdP.")
        self.rollover_text.setText(f"{step} {trust}")
        self.update_button.setEnabled(shown.account is not None)

    # Showing ---------------------------------------------------------------------------------------------------

    def show_lab(self, shown: Shown) -> None:
        self._lab = shown
        self._show_clock(shown)
        self._show_fields()
        self._show_rollover(shown)
        self._stale = True
        self._load()

    @called_by_qt
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._load()

    def _load(self) -> None:
        """Look at the keys only where somebody sees them: making one takes a tenth of a second."""
        if self._stale and self.isVisible():
            self._stale = False
            self.work(keys, self.desk.lab, then=self._fill, channel="look")

    def _done(self, sentence: str, back: Any) -> None:
        self.undoable.emit(sentence, back, lambda: None)
        self.changed.emit()

    def _ask_metadata(self) -> None:
        ask_save(self, "Save the metadata of the test IdP", "test-idp.xml", "XML (*.xml)", self.save_metadata)

    def save_metadata(self, path: Path) -> None:
        """Write the IdP's metadata to a file."""
        self.work(
            save_metadata,
            self.desk.lab,
            path,
            then=lambda written: self.say(
                "success",
                f"Written to {written}. TEST ONLY: whoever trusts it trusts everything that this program signs.",
            ),
            channel="export",
        )


def _use_state(info: KeyInfo) -> str:
    if info.signs:
        return "pass" if info.published else "warn"
    return "info" if info.published else "not-applicable"
