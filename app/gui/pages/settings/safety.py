"""Test and enforce: a login against the saved revision, what enforcing asks for, and the codes for when it fails."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from app.gui import theme
from app.gui.files import ask_save, write_file
from app.gui.pages.settings.section import Loaded, Section
from app.gui.tables import Column, Table
from app.gui.widgets import (
    Banner,
    Card,
    Pill,
    button,
    clear,
    column,
    confirm,
    copy_text,
    label,
    mark,
    retint,
    row,
    scrolled,
    visible,
)
from app.gui.wording import ago, exact, plural
from app.lab.rehearsal import rehearse

if TYPE_CHECKING:
    from app.gui.pages.settings.page import SettingsPage
    from app.lab import Lab
    from app.sso import SSO, ConfigurationView, Safety
    from app.store import ConfigurationTest

_TEXTS: Final = "Text (*.txt);;All files (*)"


class SafetySection(Section):
    """Tests of the saved revision, enforcing, recovery codes."""

    name = "safety"
    title = "Test and enforce"

    def __init__(self, page: SettingsPage) -> None:
        super().__init__(page)
        self._safety: Safety | None = None
        self._now: datetime | None = None
        self._waiting_since: datetime | None = None
        inner = QWidget()
        upper = row(self._enforce_card(), self._codes_card(), spacing=14)
        upper.setStretch(0, 3)
        upper.setStretch(1, 2)
        inner.setLayout(column(self._test_card(), upper, 1, spacing=14, margins=(0, 12, 8, 0)))
        self.setLayout(column(scrolled(inner)))
        page.desk.hub.changed.connect(self._on_change)

    # Parts -----------------------------------------------------------------------------------------------------

    def _test_card(self) -> Card:
        self.test_state = Pill("skipped", "Not tested")
        self.simulator_button = button(
            "Test with the simulator",
            self.test_with_simulator,
            icon="play",
            kind="primary",
            hint="The built-in IdP logs an administrator in; no user is changed",
        )
        self.browser_button = button(
            "Test in the browser", self.test_in_browser, icon="external", hint="Log in yourself, as people do"
        )
        self.wait_banner = Banner(slim=True)
        self.tests = Table[Any](
            "configuration-tests",
            (
                Column("When", lambda t: ago(t.at, self._moment), 112, tip=lambda t: exact(t.at), sort=lambda t: t.at),
                Column("Revision", lambda t: str(t.revision), 80, sort=lambda t: t.revision),
                Column("Result", lambda t: "Passed" if t.passed else "Failed", 106, state=_state),
                Column("How", lambda t: t.how.capitalize(), 92),
                Column("Who logged in", lambda t: t.email_key or "nobody", 190),
                Column("Reference", lambda t: t.reference, 170, mono=True),
                Column("What happened", lambda t: t.sentence, 200, muted=True),
            ),
        )
        self.tests.opened.connect(lambda t: self.desk.open("log", t.reference))
        self.no_tests = label(
            "A test is a real login against what is saved. Let an administrator log in: that it worked is kept with "
            "the revision, and enforcing asks for it.",
            tone="muted",
            wrap=True,
        )
        return Card(
            "Test of the saved settings",
            self.no_tests,
            self.tests,
            self.wait_banner,
            row(self.simulator_button, self.browser_button, 1),
            actions=(self.test_state,),
        )

    def _enforce_card(self) -> Card:
        self.enforce_state = Pill("skipped", "Not enforced")
        self._conditions = QVBoxLayout()
        self._conditions.setSpacing(6)
        self.enforce_button = button(
            "Enforce SSO", self.enforce, icon="check", kind="primary", hint="People come in through SSO only"
        )
        self.stop_button = button("Stop enforcing", self.stop_enforcing, icon="stop", kind="danger")
        return Card(
            "Enforce single sign-on",
            label(
                "Enforced, people of this account come in through single sign-on only. It ends by itself when the "
                "settings are changed, until they are tested again: nobody is locked out by a typing error.",
                tone="muted",
                wrap=True,
            ),
            self._conditions,
            1,
            row(1, self.stop_button, self.enforce_button),
            actions=(self.enforce_state,),
        )

    def _codes_card(self) -> Card:
        self.codes_text = label("", wrap=True)
        self.codes = QPlainTextEdit()
        self.codes.setReadOnly(True)
        self.codes.setFont(theme.mono())
        self.codes.setAccessibleName("Recovery codes, shown once")
        self.codes.setTabChangesFocus(True)
        self.codes.setFixedHeight(176)
        self.make_button = button("Make recovery codes", self.make_codes, icon="key")
        self.copy_button = button("Copy", lambda: copy_text(self.codes.toPlainText(), self.copy_button), icon="copy")
        self.save_button = button("Save", self._save_codes, icon="export", hint="Write the codes to a file")
        self.hide_button = button("Done", self.hide_codes, hint="The codes cannot be shown again")
        self._shown_once = (self.codes, self.copy_button, self.save_button, self.hide_button)
        card = Card(
            "Recovery codes",
            label(
                "When the identity provider fails, an administrator types one beside their e-mail on the login page. "
                "Each works once. Only digests are kept, so they are shown once.",
                tone="muted",
                wrap=True,
            ),
            self.codes_text,
            self.codes,
            1,
            row(self.copy_button, self.save_button, 1, self.hide_button, self.make_button),
        )
        self.hide_codes()
        return card

    # Showing ---------------------------------------------------------------------------------------------------

    @property
    def _moment(self) -> datetime:
        assert self._now is not None
        return self._now

    def show_loaded(self, loaded: Loaded) -> None:
        self._now = loaded.now
        self._show(loaded.safety)

    def _show(self, safety: Safety) -> None:
        self._safety = safety
        self._show_tests(safety)
        self._show_enforcing(safety)
        self._show_codes(safety)

    def _show_tests(self, safety: Safety) -> None:
        test, on = safety.test, safety.account.sso_on
        if test is None:
            self.test_state.show_state("skipped", "Not tested")
        else:
            self.test_state.show_state("success" if test.passed else "failure", "Passed" if test.passed else "Failed")
        self.simulator_button.setEnabled(on)
        self.browser_button.setEnabled(on)
        self.tests.show_rows(safety.tests)
        self.tests.setVisible(bool(safety.tests))
        self.tests.fit_rows(4)
        self.no_tests.setVisible(not safety.tests)

    def _show_enforcing(self, safety: Safety) -> None:
        on = safety.enforced
        self.enforce_state.show_state("success" if on else "skipped", "Enforced" if on else "Not enforced")
        clear(self._conditions)
        for condition in safety.conditions:
            words = column(label(condition.title, bold=True, wrap=True), spacing=0)
            words.addWidget(label(condition.sentence, tone="muted", size=12, wrap=True))
            made = row(mark("ok" if condition.met else "warning"), words)
            made.setStretch(1, 1)
            self._conditions.addLayout(made)
        self.enforce_button.setVisible(not on)
        self.enforce_button.setEnabled(safety.ready)
        self.stop_button.setVisible(on)

    def _show_codes(self, safety: Safety) -> None:
        if safety.codes_made_at is None:
            self.codes_text.setText("None have been made for this account.")
        else:
            self.codes_text.setText(
                visible(
                    f"{safety.codes_left} of {plural(safety.codes_made, 'code')} unused, made "
                    f"{ago(safety.codes_made_at, self._moment)} by {safety.codes_made_by}."
                )
            )

    def leave_account(self) -> None:
        self.hide_codes()
        self.stop_waiting()

    def restyle(self) -> None:
        self.wait_banner.restyle()
        for made in (self.simulator_button, self.browser_button, self.enforce_button, self.stop_button):
            retint(made)
        if self._safety is not None:
            self._show_enforcing(self._safety)

    # Testing ---------------------------------------------------------------------------------------------------

    def test_with_simulator(self) -> None:
        """Let the built-in IdP log an administrator in."""
        self.simulator_button.setEnabled(False)
        self.banner.say("info", "Logging in with the test IdP ...")
        self.work(
            rehearse,
            self.desk.sso,
            self.desk.lab,
            self.desk.account,
            then=self._tested,
            failed=self._not_tested,
            channel="test",
        )

    def _tested(self, test: ConfigurationTest) -> None:
        self.stop_waiting()
        self.simulator_button.setEnabled(True)
        word = "passed" if test.passed else "failed"
        self.banner.say(
            "success" if test.passed else "error",
            f"Revision {test.revision} {word} its test: {test.sentence}",
            "Show it in the log",
            partial(self.desk.open, "log", test.reference),
        )
        self.page.refresh()

    def _not_tested(self, error: Exception) -> None:
        self.simulator_button.setEnabled(True)
        self.not_done(error)

    def test_in_browser(self) -> None:
        """Open the login page, and take the next login as the test."""
        self.work(
            _way_in,
            self.desk.sso,
            self.desk.lab,
            self.desk.account,
            then=self._opened,
            channel="browser",
        )

    def _opened(self, way: tuple[str, datetime]) -> None:
        url, self._waiting_since = way
        if not QDesktopServices.openUrl(QUrl(url, QUrl.ParsingMode.StrictMode)):
            self.banner.say("error", f"No browser could be started. Open {url.partition('?')[0]} yourself.")
        self.wait_banner.say(
            "info",
            "Log in as an administrator in the browser. The next login of this account is taken as the test.",
            "Stop waiting",
            self.stop_waiting,
        )

    def stop_waiting(self) -> None:
        """Take no login as the test any more."""
        self._waiting_since = None
        self.wait_banner.hide()

    def _on_change(self, change: object) -> None:
        if getattr(change, "kind", None) == "users" and self._safety is not None and self.isVisible():
            # Whether the administrator who tested stays one. The rest of the page does not depend on people.
            self.work(self.desk.sso.safety, self.desk.account, then=self._show, channel="safety")
        if self._waiting_since is not None and getattr(change, "kind", None) == "event":
            self.work(
                _arrived,
                self.desk.sso,
                self.desk.account,
                self._waiting_since,
                then=lambda test: None if test is None else self._tested(test),
                channel="arrived",
            )

    # Enforcing -------------------------------------------------------------------------------------------------

    def enforce(self) -> None:
        """Enforce, after a question."""
        if self._safety is not None and confirm(
            self,
            f"Enforce single sign-on for {self._safety.account.name}?",
            "From now on people of this account come in through the identity provider only. An administrator with a "
            "recovery code still gets in when it fails.",
            "Enforce SSO",
            danger=False,
        ):
            self._enforce(self.seen)

    def _enforce(self, based_on: int) -> None:
        self.work(
            _enforce,
            self.desk.sso,
            self.desk.account,
            based_on,
            then=self._enforced,
            failed=lambda e: self.refused(e, self._enforce, self.page.refresh),
            channel="enforce",
        )

    def _enforced(self, view: ConfigurationView) -> None:
        self.done(f"SSO is enforced for {view.account.name}.")
        self.page.refresh()

    def stop_enforcing(self) -> None:
        """Let people come in by other ways too."""
        self._stop(self.seen)

    def _stop(self, based_on: int) -> None:
        self.work(
            _stop,
            self.desk.sso,
            self.desk.account,
            based_on,
            then=self._stopped,
            failed=lambda e: self.refused(e, self._stop, self.page.refresh),
            channel="enforce",
        )

    def _stopped(self, view: ConfigurationView) -> None:
        self.banner.say("warning", f"SSO is no longer enforced for {view.account.name}.", "Dismiss", self.banner.hide)
        self.page.refresh()

    # Codes -----------------------------------------------------------------------------------------------------

    def make_codes(self) -> None:
        """Make new codes; asks first where that makes others void."""
        if (
            self._safety is not None
            and self._safety.codes_left
            and not confirm(
                self,
                "Make new recovery codes?",
                f"The {plural(self._safety.codes_left, 'unused code')} that somebody has put away work no longer.",
                "Make new codes",
            )
        ):
            return
        self.work(
            _make_codes,
            self.desk.sso,
            self.desk.account,
            self._safety.codes_made_at if self._safety is not None else None,
            then=self._show_once,
            failed=self._codes_not_made,
            channel="codes",
        )

    def _codes_not_made(self, error: Exception) -> None:
        self.not_done(error)
        self.page.refresh()  # those of somebody else are shown before it is tried again

    def _show_once(self, codes: tuple[str, ...]) -> None:
        self.codes.setPlainText("\n".join(codes))
        for made in self._shown_once:
            made.setVisible(True)
        self.make_button.setVisible(False)
        self.codes.setFocus()
        self.page.refresh()

    def hide_codes(self) -> None:
        """Forget the codes that are on show."""
        self.codes.clear()
        for made in self._shown_once:
            made.setVisible(False)
        self.make_button.setVisible(True)

    def _save_codes(self) -> None:
        ask_save(self, "Save recovery codes", f"recovery-codes-{self.desk.account}.txt", _TEXTS, self.save_codes_to)

    def save_codes_to(self, path: Path) -> None:
        """Write the codes that are on show to this file."""
        self.work(
            _write_private,
            path,
            (self.codes.toPlainText() + "\n").encode(),
            then=lambda p: self.done(f"Written to {p}, for you alone to read."),
            channel="write",
        )


def _write_private(path: Path, data: bytes) -> Path:
    return write_file(path, data, private=True)


def _state(test: ConfigurationTest) -> str:
    return "success" if test.passed else "failure"


def _make_codes(sso: SSO, imagekit_id: str, seen: datetime | None) -> tuple[str, ...]:
    return sso.make_recovery_codes(imagekit_id, seen=seen)


def _way_in(sso: SSO, lab: Lab, imagekit_id: str) -> tuple[str, datetime]:
    """(where to log in, from when on logins count): the portal of the built-in IdP, or the login page for another."""
    since = sso.now()
    if not lab.running:
        lab.start()
    return (lab.portal_url if lab.is_connected(imagekit_id) else lab.login_url), since


def _arrived(sso: SSO, imagekit_id: str, since: datetime) -> ConfigurationTest | None:
    event = sso.newest_login(imagekit_id, since)
    return None if event is None else sso.record_test(imagekit_id, event.reference, how="browser")


def _enforce(sso: SSO, imagekit_id: str, based_on: int) -> ConfigurationView:
    return sso.enforce(imagekit_id, based_on=based_on)


def _stop(sso: SSO, imagekit_id: str, based_on: int) -> ConfigurationView:
    return sso.stop_enforcing(imagekit_id, based_on=based_on)
