"""The whole life of a company through the window: every step is a click or a key, every login is real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.gui.jobs import Jobs
from app.store import EventFilter
from simulator import KeyRing
from tests.gui.bench import ACCOUNT, Bench, answer, column, texts
from tests.gui.person import Person

DOMAIN = "acme-media.test"
NAMES = [f"p{n:02d}" for n in range(32)]
LEAVERS = NAMES[20:25]


@pytest.fixture
def bench(qapp: object, idp_keys: KeyRing) -> Iterator[Bench]:
    """The window as the program opens it: work is done in threads."""
    made = Bench(idp_keys, Jobs())
    yield made
    made.close()


def address(name: str) -> str:
    return f"{name}@{DOMAIN}"


def directory_of(names: list[str]) -> str:
    """These people as the organisation's file has them."""
    return "".join(
        f'\n[[users]]\nusername = "{n}"\nemail = "{address(n)}"\nfull_name = "Person {n[1:]}"\nrole = "developer"\n'
        f'imagekit_id = "{ACCOUNT}"\n'
        for n in names
    )


class Company:
    """What happens at one account, in the order of its life."""

    def __init__(self, bench: Bench, person: Person, folder: Path) -> None:
        self.bench, self.person, self.folder = bench, person, folder
        self.sso = bench.sso

    def log_in(self, name: str) -> Any:
        """Log somebody in on the simulator's page; the strip at its foot that tells what came of it."""
        page = self.person.go("simulator")
        self.person.tab(page.tabs, "People")
        self.person.choose(page.people.table, lambda u: u.username == name)
        before = page.reference
        self.person.press(page.people, "Log in")
        self.person.until(lambda: page.reference not in ("", before) and page.people.panel.log_in_button.isEnabled())
        return page.result

    def arrive(self, name: str) -> None:
        """A login as a browser makes it, while nobody looks at the simulator's page."""
        outcome = self.bench.lab.log_in(name, ACCOUNT)
        assert outcome.allowed, outcome.sentence

    def user(self, name: str) -> Any:
        """The user as the users page shows them."""
        page = self.person.go("users")
        self.person.type(page.search, address(name))
        self.person.until(lambda: column(page.table, 1) == [address(name)])
        return page

    # The life ------------------------------------------------------------------------------------------------------

    def set_up(self) -> None:
        person, window = self.person, self.bench.window
        overview = window.page("overview")
        person.until(lambda: overview.welcome.isVisible())
        person.press(overview, "Set up SSO")
        settings = window.page("settings")
        assert window.current is settings
        person.tab(settings.tabs, "Account and seats")
        person.type(settings.account.seat_box, "32")
        person.press(settings.account, "Save account")
        person.until(lambda: "was saved" in settings.banner.text)
        assert self.sso.account(ACCOUNT).seat_limit == 32

        simulator = person.go("simulator")
        person.press(simulator.empty, "Start the test IdP")
        person.until(lambda: simulator.server.state.word == "Running")
        person.tab(simulator.tabs, "File")
        person.until(lambda: "[idp]" in simulator.file.editor.toPlainText())
        person.paste(simulator.file.editor, directory_of(NAMES))
        person.press(simulator.file, "Use this")
        person.until(lambda: "as the text says" in simulator.banner.text)

        # What a colleague sends by mail is looked at first: the test IdP's metadata says what it is.
        person.tab(simulator.tabs, "Clock and keys")
        sent = self.folder / "metadata.xml"
        person.save_as(sent, lambda: person.press(simulator.keys, "Save metadata"))
        person.go("settings")
        person.tab(settings.tabs, "Identity provider")
        person.drop(sent)
        person.until(lambda: settings.metadata.understood_head.word == "Not saved yet")
        person.until(lambda: "a test identity provider" in texts(settings.metadata.understood))
        assert not self.sso.account(ACCOUNT).sso_on
        person.press(settings.metadata, "Clear")
        person.press(settings.metadata, "Use the test IdP")
        person.until(lambda: settings.metadata.state.word == "On")
        assert "trusts the test IdP" in settings.banner.text

    def test_and_enforce(self) -> None:
        person, settings = self.person, self.bench.window.page("settings")
        safety = settings.safety
        person.go("settings")
        person.tab(settings.tabs, "Test and enforce")
        person.until(lambda: safety.test_state.word == "Not tested")
        assert not safety.enforce_button.isEnabled()
        assert "created" in self.log_in("ada").verdict.headline.text().lower()
        person.go("settings")
        person.press(safety, "Test with the simulator")
        person.until(lambda: safety.test_state.word == "Passed")
        assert "passed its test" in settings.banner.text
        person.press(safety, "Make recovery codes")
        person.until(lambda: safety.codes.isVisible())
        codes = safety.codes.toPlainText().split()
        person.save_as(self.folder / "codes.txt", lambda: person.press(safety, "Save"))
        assert (self.folder / "codes.txt").read_text().split() == codes
        person.press(safety, "Done")
        assert not safety.codes.isVisible()
        self.enforce()

    def enforce(self) -> None:
        person, safety = self.person, self.bench.window.page("settings").safety
        person.until(lambda: safety.enforce_button.isEnabled())
        asked = answer("Enforce SSO")
        person.press(safety, "Enforce SSO")
        person.until(lambda: safety.enforce_state.word == "Enforced")
        assert "recovery code" in asked[0]
        assert self.sso.account(ACCOUNT).enforced

    def thirty_arrive(self) -> None:
        person = self.person
        assert self.log_in("p00").verdict.headline.text()
        log = person.go("log")
        for name in NAMES[1:30]:
            self.bench.later(minutes=10)
            self.arrive(name)
        person.until(lambda: log.count.text() == "32 attempts")  # Ada twice: her login, and the test
        assert column(log.table, 2)[:30] == ["Created"] * 30
        users = person.go("users")
        person.press(users, "Add user")
        person.type(users.add_panel.email, address("p30"))
        person.type(users.add_panel.name, "By Hand")
        person.press(users.add_panel, "Add")
        person.until(lambda: users.seat_text.text() == "32 of 32 seats used")
        self.bench.later(minutes=10)
        result = self.log_in("p31")
        assert not result.login.outcome.allowed
        person.press(result, "Show in log")
        person.until(lambda: log.detail.verdict.isVisible() and "seat" in log.detail.verdict.headline.text().lower())
        assert self.sso.event(result.reference).reason == "seat.limit-reached"
        overview = person.go("overview")
        person.until(lambda: "32 / 32" in texts(overview) or "32 of 32" in texts(overview))

    def roles_change(self) -> None:
        person, simulator = self.person, self.bench.window.page("simulator")
        self.bench.later(days=1)
        for name in NAMES[:5]:
            person.go("simulator")
            person.tab(simulator.tabs, "People")
            person.choose(simulator.people.table, lambda u, name=name: u.username == name)
            person.type(simulator.people.panel.role.text, "finance")
            assert "finance" in self.log_in(name).login.person.role
        log = self.bench.window.page("log")
        person.press(simulator.result, "Show in log")
        person.until(lambda: "p04" in log.detail.verdict.headline.text() or log.detail.changes.model_.rows)
        person.tab(log.detail.tabs, "Changes")
        assert ("role", "developer", "finance") in [(c.field, c.old, c.new) for c in log.detail.changes.model_.rows]
        assert column(self.user("p04").table, 2) == ["Finance"]

    def certificate_rolls_over(self) -> None:
        person, window = self.person, self.bench.window
        simulator, settings, log = window.page("simulator"), window.page("settings"), window.page("log")
        self.bench.later(days=30)
        person.go("simulator")
        person.tab(simulator.tabs, "Clock and keys")
        person.press(simulator.keys, "2. Sign with the next")
        person.until(lambda: simulator.server.trust.word != "Trusted by the account")
        person.tab(simulator.tabs, "Faults")
        refused = self.log_in("p05")
        assert not refused.login.outcome.allowed
        person.press(refused, "Show in log")
        person.until(lambda: log.detail.shown is not None and log.detail.shown.reference == refused.reference)
        assert log.detail.shown.category == "sig"
        assert "What to do" in log.detail.verdict.detail.text()

        person.go("settings")
        person.tab(settings.tabs, "Identity provider")
        metadata = settings.metadata
        person.type(metadata.source.field, self.bench.lab.metadata_url)
        person.press(metadata.source, "Fetch")
        person.until(lambda: metadata.understood_head.word == "Not saved yet")
        person.until(lambda: "Valid until" in texts(metadata.understood))
        assert "A signing certificate is gone" in texts(metadata.understood)
        person.press(metadata.what_if, "What if?")
        person.until(lambda: "Judged by one verifier" in metadata.what_if.banner.text)
        assert "0 would stop working and 1 would start working" in metadata.what_if.banner.text
        assert column(metadata.what_if.table, 0) == ["Start"]
        person.key(metadata.box, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
        person.until(lambda: "Saved as revision" in settings.banner.text)
        assert not self.sso.account(ACCOUNT).enforced
        assert self.log_in("p05").login.outcome.allowed
        person.go("settings")
        person.tab(settings.tabs, "Test and enforce")
        person.press(settings.safety, "Test with the simulator")
        person.until(lambda: settings.safety.test_state.word == "Passed")
        self.enforce()

    def five_leave(self) -> None:
        person, window = self.person, self.bench.window
        simulator = window.page("simulator")
        self.bench.later(days=1)
        person.go("simulator")
        person.tab(simulator.tabs, "People")
        for name in LEAVERS:
            person.choose(simulator.people.table, lambda u, name=name: u.username == name)
            person.key(simulator.people.table, Qt.Key.Key_Delete)
            person.until(lambda name=name: self.bench.lab.tenant.user(name) is None)
        stale = person.go("stale")
        person.press(stale, "Import list")
        panel = stale.importing
        person.press(panel, "Ask the test IdP")
        person.until(lambda: "SCIM 2.0" in panel.facts.text())
        person.click(panel.whole)
        person.until(lambda: "5 missing" in panel.would.text())
        person.press(panel, "Import")
        person.until(lambda: len(stale.table.model_.rows) == 6)
        found = sorted(zip(column(stale.table, 3), column(stale.table, 0), strict=True))
        assert found == [
            *((address(n), "Deleted at the IdP") for n in LEAVERS),
            (address("p30"), "Never logged in"),
        ]

    def are_deleted(self) -> None:
        person, window = self.person, self.bench.window
        simulator, stale = window.page("simulator"), window.page("stale")
        self.bench.later(hours=1)
        person.press(stale, "Select confirmed and likely")
        person.press(stale, "Review 5 selected")
        card = stale.review_card
        person.until(lambda: card.isVisible())
        person.save_as(self.folder / "plan.csv", lambda: person.press(card, "Save the plan"))
        # Who comes back between plan and clean-up is not deleted.
        self.bench.later(minutes=1)
        person.go("simulator")
        person.key(simulator, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        person.until(lambda: self.bench.lab.tenant.user("p24") is not None)
        assert self.log_in("p24").login.outcome.allowed
        person.go("stale")
        person.until(lambda: card.isVisible() and card.delete_button.isEnabled())
        asked = answer("Delete 5 users")
        person.press(card, "Delete 5 users")
        person.until(lambda: "4 users deleted, 1 left out" in stale.banner.text)
        assert "30 days" in asked[0]
        assert f"{address('p24')}: Logged in since" in stale.banner.text
        stale.hand_off.list.item(0).setCheckState(Qt.CheckState.Checked)
        person.until(lambda: len(self.sso.cleanups(ACCOUNT)[0].ticked) == 1)
        assert stale.hand_off.count.text() == "1 of 4 removed at the service provider"
        person.press(stale.hand_off, "Done")

        users = person.go("users")
        person.type(users.search, address("p20"))
        person.click(users.show_deleted)
        person.choose(users.table, lambda u: u.email == address("p20"))
        person.press(users.edit_panel, "Restore")
        person.until(lambda: "was restored" in users.banner.text)
        person.click(users.show_deleted)
        person.go("stale")
        person.press(stale, "Lists and clean-ups")
        person.press(stale.kept, "Look again")
        person.until(lambda: "3 are gone, 1 are back" in stale.kept.banner.text)
        assert "The deletion was undone" in stale.kept.banner.text
        person.press(stale.kept, "Back")

    def one_comes_again(self) -> None:
        person, window = self.person, self.bench.window
        simulator, log = window.page("simulator"), window.page("log")
        self.bench.later(days=2)
        person.go("simulator")
        person.key(simulator, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        person.until(lambda: self.bench.lab.tenant.user("p23") is not None)
        result = self.log_in("p23")
        assert result.login.outcome.allowed
        person.press(result, "Show in log")
        person.until(lambda: log.detail.shown is not None and log.detail.shown.reference == result.reference)
        assert (log.detail.shown.outcome, log.detail.shown.status) == ("recreated", "warning")
        users = self.user("p23")
        person.choose(users.table, lambda u: u.email == address("p23"))
        person.press(users.edit_panel, "History")
        person.until(lambda: users.history.isVisible())
        what = column(users.history.table, 1)
        assert "User deleted" in what
        assert len(what) >= 3


@pytest.mark.slow
def test_the_life_of_a_company_through_the_window(bench: Bench, qtbot: QtBot, tmp_path: Path) -> None:
    person = Person(bench, qtbot)
    company = Company(bench, person, tmp_path)
    bench.window.open_page("overview")
    bench.window.show()
    company.set_up()
    company.test_and_enforce()
    company.thirty_arrive()
    company.roles_change()
    company.certificate_rolls_over()
    company.five_leave()
    company.are_deleted()
    company.one_comes_again()

    # What the store holds is what the pages have shown, and nothing contradicts anything.
    sso = bench.sso
    outcomes = [e.outcome for e in sso.events(EventFilter(kind="login", mode="live"), limit=1000)]
    assert outcomes.count("created") == 31
    assert outcomes.count("updated") == 6
    assert outcomes.count("recreated") == 1
    assert outcomes.count("rejected") == 2
    assert sso.count_events(EventFilter(reason="audit.user-deleted")) == 4
    assert sso.seats(ACCOUNT).seats.used == 30
    assert bench.workspace.store.check() == ()
