"""The tab "Recording" of the simulator page: what the test IdP was asked and answered, to read and replay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QMenu, QPlainTextEdit, QSplitter, QWidget

from app.gui import theme
from app.gui.desk import Desk
from app.gui.files import ask_save
from app.gui.simulator.recording_work import FORMS, Form, Recorded, decoded, recorded, replay, save
from app.gui.simulator.tab import Tab
from app.gui.tables import Column, Table
from app.gui.widgets import button, column, label, row, visible
from app.gui.wording import ago, exact, plural

if TYPE_CHECKING:
    from app.gui.lab_work import Login, Shown
    from simulator.web import Exchange


class RecordingTab(Tab):
    """replayed(login): what came of a replay · page_asked(url): open it in the browser · edit_asked(exchange)."""

    replayed = Signal(object)
    page_asked = Signal(str)
    edit_asked = Signal(object)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._now: datetime | None = None
        self._rows: tuple[Recorded, ...] = ()
        self.auto_approve = QCheckBox("Log in without the portal's link")
        self.auto_approve.setToolTip(
            "Any program on this computer may then log in as anybody at the test IdP. Off again at the next start."
        )
        self.auto_approve.clicked.connect(self.set_auto_approve)
        self.text = label("", tone="muted")
        self.text.setWordWrap(True)
        self.clear_button = button("Clear", self.clear, icon="delete", hint="Begin a new recording")
        self.export_button = button("Export", icon="export", hint="Save the selected exchanges, or all of them")
        menu = QMenu(self)
        for form, (text, _name, _kinds) in FORMS.items():
            menu.addAction(f"All of it as {text}...", partial(self._ask_save, form, False))
        menu.addSeparator()
        for form, (text, _name, _kinds) in FORMS.items():
            menu.addAction(f"What is selected as {text}...", partial(self._ask_save, form, True))
        self.export_button.setMenu(menu)
        self.table = self._table()
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setHandleWidth(16)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(self.table)
        self.split.addWidget(self._detail())
        self.split.setSizes([560, 400])
        kept = QSettings().value("simulator/recording")
        if kept:
            self.split.restoreState(kept)
        self.split.splitterMoved.connect(lambda *_: QSettings().setValue("simulator/recording", self.split.saveState()))
        bar = row(self.text, self.auto_approve, self.clear_button, self.export_button, spacing=8)
        bar.setStretch(0, 1)
        whole = column(bar, self.split, spacing=8, margins=(0, 10, 0, 0))
        whole.setStretch(1, 1)
        self.setLayout(whole)
        self._choose(None)

    def _table(self) -> Table[Recorded]:
        made: Table[Recorded] = Table(
            "simulator-recording",
            [
                Column("Time", lambda r: ago(r.exchange.at, self._moment), 92, tip=lambda r: exact(r.exchange.at)),
                Column("Person", lambda r: r.exchange.user, 90),
                Column("Application", lambda r: r.exchange.application, 96),
                Column("Answer", lambda r: r.word, 128, state=lambda r: r.state),
                Column("Started at", lambda r: _started(r.exchange), 96),
                Column("Faults", lambda r: ", ".join(r.exchange.faults), 150, mono=True),
                Column("Remark", lambda r: r.exchange.refused or "", 200),
            ],
            multiple=True,
        )
        made.setAccessibleName("Answers of the test IdP")
        made.chosen.connect(self._choose)
        made.opened.connect(self.inspect)
        made.extra_actions = [
            ("Inspect", self.inspect),
            ("Send again", self.replay),
            ("Send again in the browser", self.replay_in_browser),
            ("Edit and send anew", lambda r: self.edit_asked.emit(r.exchange)),
        ]
        return made

    def _detail(self) -> QWidget:
        self.detail = QPlainTextEdit()
        self.detail.setReadOnly(True)
        self.detail.setAccessibleName("The exchange, decoded")
        self.detail.setFont(theme.mono())
        self.detail.setTabChangesFocus(True)
        self.inspect_button = button("Inspect", self._inspect_shown, icon="inspector", hint="Open it in the inspector")
        self.replay_button = button(
            "Send again", self._replay_shown, icon="refresh", hint="Send it once more, octet for octet"
        )
        self.browser_button = button(
            "", self._replay_shown_in_browser, icon="external", kind="flat", hint="Send it once more by the browser"
        )
        self.edit_button = button(
            "", self._edit_shown, icon="edit", kind="flat", hint="Make the same login anew, and edit it first"
        )
        made = QWidget()
        made.setMinimumWidth(280)
        whole = column(
            self.detail,
            row(1, self.edit_button, self.browser_button, self.replay_button, self.inspect_button, spacing=6),
            spacing=8,
        )
        whole.setStretch(0, 1)
        made.setLayout(whole)
        return made

    # Showing ---------------------------------------------------------------------------------------------------

    @property
    def _moment(self) -> datetime:
        return self._now or self.desk.workspace.now()

    def show_lab(self, shown: Shown) -> None:
        """Show the recording; what is chosen stays so."""
        self._now = shown.now
        self.auto_approve.setChecked(shown.auto_approve)
        self.work(recorded, self.desk.lab, then=self._fill, channel="recording")

    def _fill(self, rows: tuple[Recorded, ...]) -> None:
        kept = self.shown
        if rows != self._rows:
            self._rows = rows
            self.table.show_rows(rows)
            if kept is None or not self.table.select_where(lambda r: r.exchange is kept):
                self._choose(None)
        self.text.setText(
            f"The last {plural(len(rows), 'answer')} of the test IdP. Enter opens one in the inspector."
            if rows
            else "Nothing has been answered since the start. Log in as somebody, here or in the browser."
        )
        self.export_button.setEnabled(bool(rows))
        self.clear_button.setEnabled(bool(rows))

    @property
    def shown(self) -> Exchange | None:
        """The exchange that is chosen."""
        chosen = self.table.current
        return chosen.exchange if chosen is not None else None

    def _choose(self, chosen: Recorded | None) -> None:
        sent = chosen is not None and chosen.exchange.issued is not None
        for made in (self.replay_button, self.browser_button, self.edit_button):
            made.setEnabled(sent)
        self.inspect_button.setEnabled(chosen is not None)
        if chosen is None:
            self.detail.setPlainText("")
            self.detail.setPlaceholderText("Choose an exchange to read what was asked and what was sent.")
        else:
            self.work(decoded, chosen.exchange, then=self._show_detail, channel="decoded")

    def _show_detail(self, text: str) -> None:
        self.detail.setPlainText(visible(text))

    # Intents ---------------------------------------------------------------------------------------------------

    def inspect(self, chosen: Recorded) -> None:
        """Open a message that the test IdP sent in the inspector."""
        exchange = chosen.exchange
        issued = exchange.issued
        message = (issued.body if issued is not None else b"") or exchange.xml
        if message:
            self.desk.open("inspector", message)
        else:
            self.say("info", "The test IdP refused this login itself: there is no message to inspect.")

    def _inspect_shown(self) -> None:
        if self.table.current is not None:
            self.inspect(self.table.current)

    def _edit_shown(self) -> None:
        if self.shown is not None:
            self.edit_asked.emit(self.shown)

    def replay(self, chosen: Recorded) -> None:
        """Send a message again, from here."""

        def done(login: Login) -> None:
            self.replayed.emit(login)
            self.changed.emit()

        self.work(replay, self.desk.lab, chosen.exchange, then=done, channel="replay")

    def _replay_shown(self) -> None:
        if self.table.current is not None:
            self.replay(self.table.current)

    def replay_in_browser(self, chosen: Recorded) -> None:
        """Send a message again by the browser, which has the service provider's cookies."""
        exchange = chosen.exchange
        if exchange.issued is None:
            self.say("info", "Nothing was sent in this exchange, so there is nothing to replay.")
            return
        if not exchange.issued.exact_form:
            self.say("info", "A browser cannot send these very octets: it sends the form's fields as it writes them.")
        self.work(self.desk.lab.park, exchange.issued, exchange.request, then=self.page_asked.emit, channel="park")

    def _replay_shown_in_browser(self) -> None:
        if self.table.current is not None:
            self.replay_in_browser(self.table.current)

    def set_auto_approve(self, on: bool) -> None:
        """Let any program log in, or only whoever has the link."""
        self.work(self.desk.lab.set_auto_approve, on, then=lambda _none: self.changed.emit(), channel="approve")

    def clear(self) -> None:
        """Begin a new recording."""
        self.work(self.desk.lab.forget_exchanges, then=lambda _none: self.changed.emit(), channel="clear")

    # Export ----------------------------------------------------------------------------------------------------

    def _ask_save(self, form: Form, selected: bool) -> None:
        text, name, kinds = FORMS[form]
        ask_save(self, f"Save the recording as {text}", name, kinds, partial(self.save, form, selected))

    def save(self, form: Form, selected: bool, path: Path) -> None:
        """Write all exchanges or the selected ones, oldest first."""
        chosen: Sequence[Recorded] = self.table.selected if selected else self._rows
        if not chosen:
            self.say("info", "No exchange is selected. Select one in the list, then save again.")
            return
        numbers = {id(r) for r in chosen}
        exchanges = [r.exchange for r in reversed(self._rows) if id(r) in numbers]

        def done(written: Path) -> None:
            self.say("success", f"{plural(len(exchanges), 'exchange')} written to {written}. It holds test logins.")

        self.work(save, self.desk.lab, exchanges, form, path, then=done, channel="export")


def _started(exchange: Exchange) -> str:
    return "Login page" if exchange.in_response_to or exchange.request else "Portal"
