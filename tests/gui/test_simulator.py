from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.gui.jobs import Jobs
from app.gui.lab_work import is_loopback
from app.lab import Lab
from simulator import Server
from tests.gui.bench import ACCOUNT, HOSTILE, Bench, answer, column, flush, press, texts


@pytest.fixture
def running(bench: Bench) -> Bench:
    """The test IdP serves, and the account trusts it."""
    bench.lab.start()
    bench.lab.connect(ACCOUNT)
    return bench


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The desktop's browser is the one part that is not there in a test: what it would have been given."""
    opened: list[str] = []

    def open_url(url: QUrl) -> bool:
        opened.append(url.toString(QUrl.ComponentFormattingOption.FullyEncoded))
        return "refuse" not in url.fragment()

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    return opened


def choose(page: Any, username: str) -> None:
    assert page.directory.table.select_where(lambda p: p.username == username)
    flush()


def item(page: Any, fault: str) -> Any:
    return page.fault_list._items[fault]


def test_stopped_the_page_teaches_and_starts(bench: Bench) -> None:
    page = bench.page("simulator")
    assert page.empty.isVisible()
    assert "Nothing leaves this computer" in texts(page.empty)
    press(page.empty, "Start the test IdP")
    assert bench.lab.running
    assert page.state.word == "Running"
    assert page.idp_row.value.text() == bench.lab.metadata_url
    assert page.login_row.value.text() == bench.lab.login_url
    assert page.start_button.text() == "Stop"
    assert page.trust.word == "SSO is off"
    press(page, "Stop")
    assert not bench.lab.running
    assert page.state.word == "Stopped"
    assert page.ports.isVisible()
    assert not page.portal_button.isEnabled()


def test_people_and_faults_can_be_edited_while_it_is_stopped(bench: Bench) -> None:
    page = bench.page("simulator")
    press(page.empty, "People and faults")
    assert not page.empty.isVisible()
    assert "Ada Lindqvist" in column(page.directory.table, 0)
    assert not bench.lab.running


def test_a_taken_port_is_told_and_nothing_runs(bench: Bench) -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        return None

    page = bench.page("simulator")
    press(page.empty, "People and faults")
    with Server(app) as other:
        assert other.port is not None
        page.idp_port.setValue(other.port)
        press(page, "Start")
        assert f"Port {other.port} on 127.0.0.1 is taken" in page.banner.text
    assert not bench.lab.running
    assert page.start_button.isEnabled()
    press(page, "Start")
    assert bench.lab.running
    assert page.banner.text == ""


def test_connecting_makes_the_account_trust_it(bench: Bench) -> None:
    bench.lab.start()
    page = bench.page("simulator")
    press(page, "Connect account")
    assert bench.lab.is_connected(ACCOUNT)
    assert page.trust.word == "Trusted by the account"
    assert not page.connect_button.isVisible()


def test_replacing_another_identity_provider_is_asked_first(bench: Bench) -> None:
    bench.connect()
    bench.lab.start()
    page = bench.page("simulator")
    assert page.trust.word == "Trusts another IdP"
    before = bench.sso.configuration(ACCOUNT).account.revision
    asked = answer("Cancel")
    press(page, "Connect account")
    assert "restore the earlier" in asked[0]
    assert bench.sso.configuration(ACCOUNT).account.revision == before
    answer("Connect")
    press(page, "Connect account")
    assert bench.lab.is_connected(ACCOUNT)


def test_logging_in_needs_one_click_from_nothing(bench: Bench) -> None:
    page = bench.page("simulator")
    press(page.empty, "People and faults")
    choose(page, "ada")
    press(page.directory, "Log in")
    assert bench.lab.running
    (user,) = bench.sso.users(ACCOUNT)
    assert user.email == "ada@acme-media.test"
    assert page.result.isVisible()
    assert (page.verdict.pill.state, page.verdict.pill.word) == ("accept", "Created")
    (event,) = [e for e in bench.sso.events() if e.kind == "login"]
    assert page.reference == event.reference
    assert event.reference in page.verdict.detail.text()
    assert page.tabs.tabText(2) == "Exchanges (1)"


def test_another_trusted_provider_stops_the_login_with_the_way_out(bench: Bench) -> None:
    bench.connect()
    page = bench.page("simulator")
    press(page.empty, "People and faults")
    choose(page, "ada")
    press(page.directory, "Log in")
    assert "trusts another identity provider" in page.banner.text
    assert bench.sso.users(ACCOUNT) == ()
    answer("Connect")
    press(page.banner, "Connect account")
    press(page.directory, "Log in")
    assert len(bench.sso.users(ACCOUNT)) == 1


def test_enter_and_double_click_log_in(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    choose(page, "grace")
    qtbot.keyClick(page.directory.table, Qt.Key.Key_Return)
    flush()
    assert [u.email for u in running.sso.users(ACCOUNT)] == ["grace@acme-media.test"]
    row = column(page.directory.table, 0).index("Linus Okonkwo")
    at = page.directory.table.visualRect(page.directory.table.model_.index(row, 0)).center()
    qtbot.mouseClick(page.directory.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseDClick(page.directory.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    flush()
    assert {u.email for u in running.sso.users(ACCOUNT)} == {"grace@acme-media.test", "linus@acme-media.test"}


def test_a_first_login_from_the_login_page_is_refused_and_a_second_person_goes_through(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "ada")
    page.directory.flow.setCurrentIndex(1)
    press(page.directory, "Log in")
    assert page.verdict.pill.word == "Not let in"
    assert running.sso.users(ACCOUNT) == ()
    page.directory.flow.setCurrentIndex(0)
    press(page.directory, "Log in")
    page.directory.flow.setCurrentIndex(1)
    press(page.directory, "Log in")
    assert page.verdict.pill.word == "Logged in"
    assert "from the login page" in page.verdict.detail.text()


def test_somebody_who_left_is_refused_by_the_idp(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "alan")
    press(page.directory, "Log in")
    assert page.verdict.pill.state == "refused-by-idp"
    assert not page.log_button.isEnabled()
    assert not page.inspect_button.isEnabled()
    assert running.sso.users(ACCOUNT) == ()


def test_the_result_leads_to_log_and_inspector(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "ada")
    press(page.directory, "Log in")
    running.catch_opened()
    press(page.result, "Show in log")
    press(page.result, "Inspect")
    page.copy_reference.click()
    assert running.opened == [("log", page.reference), ("inspector", page.reference)]
    assert QGuiApplication.clipboard().text() == page.reference
    page.exchanges.selectRow(0)
    page.exchanges.opened.emit(page.exchanges.current)
    assert running.opened[2][0] == "inspector"
    assert running.opened[2][1].startswith(b"SAMLResponse=")


def test_a_changed_role_reaches_the_service_provider(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    choose(page, "linus")
    press(page.directory, "Log in")
    assert not page.directory.save_button.isEnabled()
    page.directory.role.text.selectAll()
    qtbot.keyClicks(page.directory.role.text, "developer")
    press(page.directory, "Save")
    person = running.lab.tenant.user("linus")
    assert person is not None
    assert person.role == "developer"
    assert not page.directory.save_button.isEnabled()
    press(page.directory, "Log in")
    assert page.verdict.pill.word == "Updated"
    assert running.sso.users(ACCOUNT)[0].role == "developer"


def test_known_roles_are_offered(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "linus")
    offered = page.directory.role.known.actions()
    assert [a.text() for a in offered][:2] == ["account_administrator", "developer"]
    offered[1].trigger()
    press(page.directory, "Save")
    person = running.lab.tenant.user("linus")
    assert person is not None
    assert person.role == "developer"


def test_omitted_is_not_empty(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "ada")
    page.directory.full_name.omit.click()
    assert not page.directory.full_name.text.isEnabled()
    press(page.directory, "Save")
    person = running.lab.tenant.user("ada")
    assert person is not None
    assert person.full_name is None
    page.directory.full_name.omit.click()
    page.directory.full_name.text.clear()
    page.directory.full_name.edited.emit()
    press(page.directory, "Save")
    person = running.lab.tenant.user("ada")
    assert person is not None
    assert person.full_name == ""


def test_logging_in_saves_what_was_typed_first(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    choose(page, "ada")
    page.directory.full_name.text.selectAll()
    qtbot.keyClicks(page.directory.full_name.text, "Ada King")
    press(page.directory, "Log in")
    assert running.sso.users(ACCOUNT)[0].full_name == "Ada King"
    assert "Ada King" in column(page.directory.table, 0)
    assert not page.directory.changed


def test_what_is_typed_survives_a_refresh(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    choose(page, "grace")
    page.directory.about.selectAll()
    qtbot.keyClicks(page.directory.about, "On leave")
    tenant = running.lab.tenant
    ada = tenant.user("ada")
    assert ada is not None
    running.lab.save_tenant(tenant.with_user(replace(ada, full_name="Changed elsewhere")))
    flush()
    assert "Changed elsewhere" in column(page.directory.table, 0)
    assert page.directory.about.text() == "On leave"
    assert page.directory.save_button.isEnabled()


def test_people_are_added_copied_deleted_and_put_back(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    press(page.directory, "Add person")
    assert page.directory.username.text() == "new-person"
    page.directory.full_name.text.selectAll()
    qtbot.keyClicks(page.directory.full_name.text, "Nina Neu")
    press(page.directory, "Save")
    assert running.lab.tenant.users[-1].full_name == "Nina Neu"
    press(page.directory, "Duplicate")
    copy = running.lab.tenant.users[-1]
    assert (copy.username, copy.email) == ("new-person-2", "new-person-2@acme-media.test")
    choose(page, "grace")
    place = [u.username for u in running.lab.tenant.users].index("grace")
    page.directory.table.setFocus()
    qtbot.keyClick(page.directory.table, Qt.Key.Key_Delete)
    flush()
    assert running.lab.tenant.user("grace") is None
    assert "was deleted from the directory" in page.banner.text
    press(page.banner, "Undo")
    assert [u.username for u in running.lab.tenant.users].index("grace") == place


def test_what_cannot_be_saved_is_said(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "grace")
    page.directory.username.setText("ada")
    page.directory.username.textEdited.emit("ada")
    press(page.directory, "Save")
    assert 'Two users are called "ada"' in page.banner.text
    page.directory.username.setText(" ")
    page.directory.username.textEdited.emit(" ")
    press(page.directory, "Save")
    assert "needs a user name" in page.banner.text
    assert running.lab.tenant.user("grace") is not None


def test_unassigning_keeps_somebody_out(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "wei")
    page.directory.assigned.click()
    press(page.directory, "Save")
    assert "Not assigned" in column(page.directory.table, 1)
    press(page.directory, "Log in")
    assert running.sso.users(ACCOUNT) == ()


def test_search_narrows_people(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    qtbot.keyClicks(page.directory.search, "hale")
    qtbot.waitUntil(lambda: column(page.directory.table, 0) == ["Margaret Hale"])


# Faults ---------------------------------------------------------------------------------------------------------------


def test_a_fault_is_switched_on_shown_in_red_and_refused_as_expected(running: Bench) -> None:
    page = running.page("simulator")
    page.tabs.setCurrentIndex(1)
    item(page, "id-nameid-missing").setCheckState(0, Qt.CheckState.Checked)
    flush()
    assert running.lab.active_faults == ("id-nameid-missing",)
    assert page.faults_banner.isVisible()
    assert "id-nameid-missing" in page.faults_banner.text
    assert page.tabs.tabText(1) == "Faults (1 on)"
    assert running.window._faults.text() == "Active faults: id-nameid-missing"
    page.tabs.setCurrentIndex(0)
    choose(page, "ada")
    press(page.directory, "Log in")
    assert page.verdict.pill.state == "reject"
    assert "as expected" in page.verdict.detail.text()
    assert running.sso.event(page.reference).faults == ("id-nameid-missing",)
    press(page.faults_banner, "Clear all")
    assert running.lab.active_faults == ()
    assert not page.faults_banner.isVisible()
    assert item(page, "id-nameid-missing").checkState(0) == Qt.CheckState.Unchecked
    assert running.window._faults.text() == ""


def test_opening_a_fault_switches_it_on_and_shows_its_sheet(bench: Bench) -> None:
    page = bench.page("simulator", ("fault", "xsw1"))
    assert bench.lab.active_faults == ("xsw1",)
    assert page.tabs.currentIndex() == 1
    assert "Somorovsky" in texts(page.fault_list.sheet)
    bench.window.open_page("simulator", ("fault", "id-nameid-empty"))
    flush()
    bench.window.open_page("simulator", ("fault", "no-such-fault"))
    flush()
    assert "There is no fault no-such-fault" in page.banner.text
    assert "xsw1" in bench.lab.active_faults


def test_faults_are_found_by_check_and_by_reference(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    page.tabs.setCurrentIndex(1)
    qtbot.keyClicks(page.fault_list.search, "CVE-2024-8698")
    qtbot.waitUntil(lambda: not item(page, "sig-reference-by-position").isHidden() and item(page, "xsw1").isHidden())
    assert "1 fault" in page.fault_list.count.text() or int(page.fault_list.count.text().split()[0]) < 10
    page.fault_list.select("sig-reference-by-position")
    flush()
    running.catch_opened()
    press(page.fault_list.sheet, "Try it")
    assert running.opened == [("trials", "sig-reference-by-position")]
    press(page.fault_list.sheet, "Switch on")
    assert running.lab.active_faults == ("sig-reference-by-position",)


# The rest of the controls ---------------------------------------------------------------------------------------------


def test_the_clock_of_the_idp_makes_logins_fail(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    page.clock.setFocus()
    page.clock.setValue(7200)
    page.clock.editingFinished.emit()
    assert running.lab.clock_offset_s == 7200
    assert running.window._clock.text() == "IdP clock +7200 s"
    choose(page, "ada")
    press(page.directory, "Log in")
    assert page.verdict.pill.state == "reject"
    assert running.sso.users(ACCOUNT) == ()


def test_another_vendor_keeps_the_trust(running: Bench) -> None:
    page = running.page("simulator")
    before = running.lab.tenant.entity_id
    number = page.vendor.findData("okta")
    page.vendor.setCurrentIndex(number)
    page.vendor.activated.emit(number)
    flush()
    assert running.lab.tenant.vendor == "okta"
    assert running.lab.tenant.entity_id != before
    assert page.trust.word == "Trusted by the account"
    choose(page, "ada")
    press(page.directory, "Log in")
    assert page.verdict.pill.word == "Created"


def test_approving_everybody_is_told_in_red(running: Bench) -> None:
    page = running.page("simulator")
    page.tabs.setCurrentIndex(2)
    page.auto_approve.click()
    flush()
    assert running.lab.auto_approve
    assert running.window._faults.text() == "Any program may log in"
    page.auto_approve.click()
    flush()
    assert not running.lab.auto_approve
    assert running.window._faults.text() == ""


def test_only_pages_of_this_computer_are_opened(running: Bench, browser: list[str]) -> None:
    page = running.page("simulator")
    press(page, "Open portal")
    page.login_open.click()
    assert browser == [running.lab.portal_url, running.lab.login_url]
    assert "key=" in browser[0]
    for url in ("file:///etc/passwd", "javascript:alert(1)", "https://evil.example/", "http://127.0.0.1.evil.example/"):
        page.open_page(url)
    assert len(browser) == 2
    assert "Start it" in page.banner.text
    page.open_page(f"{running.lab.login_url}#refuse")
    assert "No browser could be started" in page.banner.text
    page.portal_copy.click()
    assert QGuiApplication.clipboard().text() == running.lab.portal_url


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8080/portal?key=1", True),
        ("http://localhost:1/", True),
        ("http://[::1]:1/", True),
        ("http://user@127.0.0.1@evil.example/", False),
        ("ftp://127.0.0.1/", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_loopback(url: str, allowed: bool) -> None:
    assert is_loopback(url) is allowed


def test_hostile_people_stay_text(running: Bench) -> None:
    tenant = running.lab.tenant
    ada = tenant.user("ada")
    assert ada is not None
    running.lab.save_tenant(tenant.with_user(replace(ada, full_name=HOSTILE + "\u202e", about=HOSTILE)))
    page = running.page("simulator")
    choose(page, "ada")
    assert page.directory.head.text() == HOSTILE + "⟨U+202E⟩"
    index = page.directory.table.model_.index(0, 0)
    assert "<img" not in page.directory.table.model_.data(index, Qt.ItemDataRole.ToolTipRole)
    press(page.directory, "Log in")
    assert page.result.isVisible()
    for made in page.findChildren(QLabel):
        assert made.textFormat() == Qt.TextFormat.PlainText or not made.text()


def test_a_broken_tenant_file_is_told_with_its_line(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "tenant.toml").write_text("[idp]\nvendor = 3\n", "utf-8")
    bench.desk.lab = Lab(bench.sso, tmp_path)
    page = bench.page("simulator")
    assert "line 2" in page.banner.text
    assert bench.window._servers.text() in ("Test IdP unusable", "Test IdP stopped")
    bench.window.show_status()
    assert bench.window._servers.text() == "Test IdP unusable"


def test_servers_start_and_stop_off_the_gui_thread(bench: Bench, qtbot: QtBot) -> None:
    bench.desk.jobs = Jobs()
    page = bench.page("simulator")
    qtbot.waitUntil(lambda: page._shown is not None)
    page.first.click()
    assert page.first.text() == "Starting ..."
    assert not page.start_button.isEnabled()
    qtbot.waitUntil(lambda: page.state.word == "Running", timeout=10_000)
    page.start_button.click()
    qtbot.waitUntil(lambda: page.state.word == "Stopped", timeout=10_000)
    assert not bench.lab.running
