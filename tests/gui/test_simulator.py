from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from PySide6.QtCore import QSignalBlocker, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.gui.jobs import Jobs
from app.gui.lab_work import is_loopback
from app.gui.simulator.people_work import attributes_text, parse_attributes
from app.lab import Lab
from app.lab.browserless import form_with
from app.scenarios import read_scenario
from simulator import Application, Server, TestUser
from simulator.kept_tenant import KeptTenant
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
    assert page.people.table.select_where(lambda p: p.username == username)
    flush()


def tab_titles(page: Any) -> list[str]:
    return [page.tabs.tabText(n) for n in range(page.tabs.count())]


def item(page: Any, fault: str) -> Any:
    return page.fault_list._items[fault]


def test_stopped_the_page_teaches_and_starts(bench: Bench) -> None:
    page = bench.page("simulator")
    assert page.empty.isVisible()
    assert "Nothing leaves this computer" in texts(page.empty)
    press(page.empty, "Start the test IdP")
    assert bench.lab.running
    assert page.server.state.word == "Running"
    assert page.server.idp_row.value.text() == bench.lab.metadata_url
    assert page.server.login_row.value.text() == bench.lab.login_url
    assert page.start_button.text() == "Stop"
    assert page.server.trust.word == "SSO is off"
    press(page, "Stop")
    assert not bench.lab.running
    assert page.server.state.word == "Stopped"
    assert page.server.ports.isVisible()
    assert not page.portal_button.isEnabled()


def test_people_and_faults_can_be_edited_while_it_is_stopped(bench: Bench) -> None:
    page = bench.page("simulator")
    press(page.empty, "People and faults")
    assert not page.empty.isVisible()
    assert "Ada Lindqvist" in column(page.people.table, 0)
    assert not bench.lab.running


def test_a_taken_port_is_told_and_nothing_runs(bench: Bench) -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        return None

    page = bench.page("simulator")
    press(page.empty, "People and faults")
    with Server(app) as other:
        assert other.port is not None
        page.server.idp_port.setValue(other.port)
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
    assert page.server.trust.word == "Trusted by the account"
    assert not page.server.connect_button.isVisible()


def test_replacing_another_identity_provider_is_asked_first(bench: Bench) -> None:
    bench.connect()
    bench.lab.start()
    page = bench.page("simulator")
    assert page.server.trust.word == "Trusts another IdP"
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
    press(page.people, "Log in")
    assert bench.lab.running
    (user,) = bench.sso.users(ACCOUNT)
    assert user.email == "ada@acme-media.test"
    assert page.result.isVisible()
    assert (page.result.verdict.pill.state, page.result.verdict.pill.word) == ("accept", "Created")
    (event,) = [e for e in bench.sso.events() if e.kind == "login"]
    assert page.reference == event.reference
    assert event.reference in page.result.verdict.detail.text()
    assert "Recording (1)" in tab_titles(page)


def test_another_trusted_provider_stops_the_login_with_the_way_out(bench: Bench) -> None:
    bench.connect()
    page = bench.page("simulator")
    press(page.empty, "People and faults")
    choose(page, "ada")
    press(page.people, "Log in")
    assert "trusts another identity provider" in page.banner.text
    assert bench.sso.users(ACCOUNT) == ()
    answer("Connect")
    press(page.banner, "Connect account")
    press(page.people, "Log in")
    assert len(bench.sso.users(ACCOUNT)) == 1


def test_enter_and_double_click_log_in(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    choose(page, "grace")
    qtbot.keyClick(page.people.table, Qt.Key.Key_Return)
    flush()
    assert [u.email for u in running.sso.users(ACCOUNT)] == ["grace@acme-media.test"]
    row = column(page.people.table, 0).index("Linus Okonkwo")
    at = page.people.table.visualRect(page.people.table.model_.index(row, 0)).center()
    qtbot.mouseClick(page.people.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    qtbot.mouseDClick(page.people.table.viewport(), Qt.MouseButton.LeftButton, pos=at)
    flush()
    assert {u.email for u in running.sso.users(ACCOUNT)} == {"grace@acme-media.test", "linus@acme-media.test"}


def test_somebody_is_logged_out_everywhere(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "ada")
    out = dict(page.people.table.extra_actions)["Log out everywhere"]
    out(ada_of(running))
    flush()
    assert "signed in nowhere" in page.banner.text
    press(page.people, "Log in")
    out(ada_of(running))
    flush()
    assert "Signed out." in page.banner.text
    assert running.sso.events(limit=1)[0].outcome == "logged-out"


def test_a_first_login_from_the_login_page_is_refused_and_a_second_person_goes_through(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "ada")
    page.people.panel.flow.setCurrentIndex(1)
    press(page.people, "Log in")
    assert page.result.verdict.pill.word == "Not let in"
    assert running.sso.users(ACCOUNT) == ()
    page.people.panel.flow.setCurrentIndex(0)
    press(page.people, "Log in")
    page.people.panel.flow.setCurrentIndex(1)
    press(page.people, "Log in")
    assert page.result.verdict.pill.word == "Logged in"
    assert "from the login page" in page.result.verdict.detail.text()


def test_somebody_who_left_is_refused_by_the_idp(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "alan")
    press(page.people, "Log in")
    assert page.result.verdict.pill.state == "refused-by-idp"
    assert not page.result.log_button.isEnabled()
    assert not page.result.inspect_button.isEnabled()
    assert running.sso.users(ACCOUNT) == ()


def test_the_result_leads_to_log_and_inspector(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "ada")
    press(page.people, "Log in")
    running.catch_opened()
    press(page.result, "Show in log")
    press(page.result, "Inspect")
    page.result.copy_reference.click()
    assert running.opened == [("log", page.reference), ("inspector", page.reference)]
    assert QGuiApplication.clipboard().text() == page.reference
    page.recording.table.selectRow(0)
    page.recording.table.opened.emit(page.recording.table.current)
    assert running.opened[2][0] == "inspector"
    assert running.opened[2][1].startswith(b"SAMLResponse=")


def test_a_changed_role_reaches_the_service_provider(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    choose(page, "linus")
    press(page.people, "Log in")
    assert not page.people.panel.save_button.isEnabled()
    page.people.panel.role.text.selectAll()
    qtbot.keyClicks(page.people.panel.role.text, "developer")
    press(page.people, "Save")
    person = running.lab.tenant.user("linus")
    assert person is not None
    assert person.role == "developer"
    assert not page.people.panel.save_button.isEnabled()
    press(page.people, "Log in")
    assert page.result.verdict.pill.word == "Updated"
    assert running.sso.users(ACCOUNT)[0].role == "developer"


def test_known_roles_are_offered(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "linus")
    offered = page.people.panel.role.known.actions()
    assert [a.text() for a in offered][:2] == ["account_administrator", "developer"]
    offered[1].trigger()
    press(page.people, "Save")
    person = running.lab.tenant.user("linus")
    assert person is not None
    assert person.role == "developer"


def test_omitted_is_not_empty(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "ada")
    page.people.panel.full_name.omit.click()
    assert not page.people.panel.full_name.text.isEnabled()
    press(page.people, "Save")
    person = running.lab.tenant.user("ada")
    assert person is not None
    assert person.full_name is None
    page.people.panel.full_name.omit.click()
    page.people.panel.full_name.text.clear()
    page.people.panel.full_name.edited.emit()
    press(page.people, "Save")
    person = running.lab.tenant.user("ada")
    assert person is not None
    assert person.full_name == ""


def test_logging_in_saves_what_was_typed_first(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    choose(page, "ada")
    page.people.panel.full_name.text.selectAll()
    qtbot.keyClicks(page.people.panel.full_name.text, "Ada King")
    press(page.people, "Log in")
    assert running.sso.users(ACCOUNT)[0].full_name == "Ada King"
    assert "Ada King" in column(page.people.table, 0)
    assert not page.people.panel.changed


def test_what_is_typed_survives_a_refresh(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    choose(page, "grace")
    page.people.panel.about.selectAll()
    qtbot.keyClicks(page.people.panel.about, "On leave")
    tenant = running.lab.tenant
    ada = tenant.user("ada")
    assert ada is not None
    running.lab.save_tenant(tenant.with_user(replace(ada, full_name="Changed elsewhere")))
    flush()
    assert "Changed elsewhere" in column(page.people.table, 0)
    assert page.people.panel.about.text() == "On leave"
    assert page.people.panel.save_button.isEnabled()


def test_people_are_added_copied_deleted_and_put_back(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    press(page.people, "Add person")
    assert page.people.panel.username.text() == "new-person"
    page.people.panel.full_name.text.selectAll()
    qtbot.keyClicks(page.people.panel.full_name.text, "Nina Neu")
    press(page.people, "Save")
    assert running.lab.tenant.users[-1].full_name == "Nina Neu"
    press(page.people, "Duplicate")
    copy = running.lab.tenant.users[-1]
    assert (copy.username, copy.email) == ("new-person-2", "new-person-2@acme-media.test")
    choose(page, "grace")
    place = [u.username for u in running.lab.tenant.users].index("grace")
    page.people.table.setFocus()
    qtbot.keyClick(page.people.table, Qt.Key.Key_Delete)
    flush()
    assert running.lab.tenant.user("grace") is None
    assert "was deleted from the directory" in page.banner.text
    press(page.banner, "Undo")
    assert [u.username for u in running.lab.tenant.users].index("grace") == place


def test_what_cannot_be_saved_is_said(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "grace")
    page.people.panel.username.setText("ada")
    page.people.panel.username.textEdited.emit("ada")
    press(page.people, "Save")
    assert 'Two users are called "ada"' in page.banner.text
    page.people.panel.username.setText(" ")
    page.people.panel.username.textEdited.emit(" ")
    press(page.people, "Save")
    assert "needs a user name" in page.banner.text
    assert running.lab.tenant.user("grace") is not None


def test_unassigning_keeps_somebody_out(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "wei")
    page.people.panel.assigned.click()
    press(page.people, "Save")
    assert "Not assigned" in column(page.people.table, 1)
    press(page.people, "Log in")
    assert running.sso.users(ACCOUNT) == ()


def test_search_narrows_people(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    qtbot.keyClicks(page.people.search, "hale")
    qtbot.waitUntil(lambda: column(page.people.table, 0) == ["Margaret Hale"])


# Faults ---------------------------------------------------------------------------------------------------------------


def test_a_fault_is_switched_on_shown_in_red_and_refused_as_expected(running: Bench) -> None:
    page = running.page("simulator")
    page.show_tab("faults")
    item(page, "id-nameid-missing").setCheckState(0, Qt.CheckState.Checked)
    flush()
    assert running.lab.active_faults == ("id-nameid-missing",)
    assert page.faults_banner.isVisible()
    assert "id-nameid-missing" in page.faults_banner.text
    assert "Faults (1 on)" in tab_titles(page)
    assert running.window._faults.text() == "Active faults: id-nameid-missing"
    page.show_tab("people")
    choose(page, "ada")
    press(page.people, "Log in")
    assert page.result.verdict.pill.state == "reject"
    assert "as expected" in page.result.verdict.detail.text()
    assert running.sso.event(page.reference).faults == ("id-nameid-missing",)
    press(page.faults_banner, "Clear all")
    assert running.lab.active_faults == ()
    assert not page.faults_banner.isVisible()
    assert item(page, "id-nameid-missing").checkState(0) == Qt.CheckState.Unchecked
    assert running.window._faults.text() == ""


def test_opening_a_fault_switches_it_on_and_shows_its_sheet(bench: Bench) -> None:
    page = bench.page("simulator", ("fault", "xsw1"))
    assert bench.lab.active_faults == ("xsw1",)
    assert page.tabs.currentWidget() is page.fault_list
    assert "Somorovsky" in texts(page.fault_list.sheet)
    bench.window.open_page("simulator", ("fault", "id-nameid-empty"))
    flush()
    bench.window.open_page("simulator", ("fault", "no-such-fault"))
    flush()
    assert "There is no fault no-such-fault" in page.banner.text
    assert "xsw1" in bench.lab.active_faults


def test_faults_are_found_by_check_and_by_reference(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    page.show_tab("faults")
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
    page.show_tab("keys")
    page.keys.mode.setCurrentIndex(1)
    page.keys.mode.activated.emit(1)
    page.keys.offset.setValue(7200)
    page.keys.offset.editingFinished.emit()
    assert running.lab.clock_offset_s == 7200
    assert running.window._clock.text() == "IdP clock +7200 s"
    page.show_tab("people")
    choose(page, "ada")
    press(page.people, "Log in")
    assert page.result.verdict.pill.state == "reject"
    assert running.sso.users(ACCOUNT) == ()


def test_another_vendor_keeps_the_trust(running: Bench) -> None:
    page = running.page("simulator")
    before = running.lab.tenant.entity_id
    number = page.server.vendor.findData("okta")
    page.server.vendor.setCurrentIndex(number)
    page.server.vendor.activated.emit(number)
    flush()
    assert running.lab.tenant.vendor == "okta"
    assert running.lab.tenant.entity_id != before
    assert page.server.trust.word == "Trusted by the account"
    choose(page, "ada")
    press(page.people, "Log in")
    assert page.result.verdict.pill.word == "Created"


def test_approving_everybody_is_told_in_red(running: Bench) -> None:
    page = running.page("simulator")
    page.show_tab("recording")
    page.recording.auto_approve.click()
    flush()
    assert running.lab.auto_approve
    assert running.window._faults.text() == "Any program may log in"
    page.recording.auto_approve.click()
    flush()
    assert not running.lab.auto_approve
    assert running.window._faults.text() == ""


def test_only_pages_of_this_computer_are_opened(running: Bench, browser: list[str]) -> None:
    page = running.page("simulator")
    press(page, "Open portal")
    page.server.login_open.click()
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
    assert page.people.panel.head.text() == HOSTILE + "⟨U+202E⟩"
    index = page.people.table.model_.index(0, 0)
    assert "<img" not in page.people.table.model_.data(index, Qt.ItemDataRole.ToolTipRole)
    press(page.people, "Log in")
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
    qtbot.waitUntil(lambda: page.server.state.word == "Running", timeout=10_000)
    page.start_button.click()
    qtbot.waitUntil(lambda: page.server.state.word == "Stopped", timeout=10_000)
    assert not bench.lab.running


# People, all of it ----------------------------------------------------------------------------------------------------


def test_attributes_are_edited_as_lines_and_a_wrong_line_is_told(running: Bench) -> None:
    page = running.page("simulator")
    choose(page, "ada")
    panel = page.people.panel
    panel.attributes.setPlainText("department = Finance\ngroups = admins\ngroups = all\nnothing =")
    press(page.people, "Save")
    ada = running.lab.tenant.user("ada")
    assert ada is not None
    assert ada.attributes == {"department": ("Finance",), "groups": ("admins", "all"), "nothing": ("",)}
    panel.attributes.setPlainText("department = Finance\nthis is no attribute")
    assert "Line 2 of the attributes" in panel.problem.text()
    assert not panel.save_button.isEnabled()
    assert panel.changed
    assert running.lab.tenant.user("ada") == ada


@pytest.mark.parametrize(
    "attributes",
    [
        {"a=b": ("1",), "line\nbreak": ("two\nlines", "", " spaces "), "back\\slash": ("\\n", "\r")},
        {"urn:oid:2.5.4.42": ("陳", "\u202e")},
        {},
    ],
)
def test_attributes_as_text_lose_nothing(attributes: dict[str, tuple[str, ...]]) -> None:
    assert parse_attributes(attributes_text(attributes)) == attributes


def test_a_change_is_taken_back_with_the_keyboard(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator")
    choose(page, "linus")
    before = running.lab.tenant.user("linus")
    page.people.panel.username.setText("linus.o")
    page.people.panel.username.textEdited.emit("linus.o")
    press(page.people, "Save")
    assert running.lab.tenant.user("linus") is None
    page.people.table.setFocus()
    qtbot.keyClick(page.people.table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    flush()
    assert running.lab.tenant.user("linus") == before
    assert "as before" in page.banner.text
    assert page.people.panel.shown == before
    page.undo()
    assert "nothing to take back" in page.banner.text


def test_applications_are_given_and_taken_one_by_one(running: Bench) -> None:
    other = Application(
        id="wiki", name="Wiki & more", entity_id="https://wiki.example", acs_url="https://wiki.example/acs"
    )
    running.lab.change_tenant(lambda t: t.with_application(other))
    page = running.page("simulator")
    choose(page, "ada")
    field = page.people.panel.applications
    assert field.choose.text() == "Every application"
    wiki = next(a for a in field.menu.actions() if a.text() == "Wiki && more")
    wiki.trigger()
    assert field.choose.text() == "1 of 2 applications"
    assert page.people.panel.assigned.isChecked()
    press(page.people, "Save")
    ada = running.lab.tenant.user("ada")
    assert ada is not None
    assert ada.assigned(ACCOUNT)
    assert not ada.assigned("wiki")
    page.people.panel.assigned.click()
    assert field.choose.text() == "No application"
    press(page.people, "Save")
    press(page.people, "Log in")
    assert running.sso.users(ACCOUNT) == ()


def test_fifty_thousand_people_are_found_within_a_tenth_of_a_second(running: Bench, qtbot: QtBot) -> None:
    people = tuple(
        TestUser(username=f"p{n}", email=f"p{n}@a.test", full_name=f"Person {n}", role="developer", imagekit_id="x")
        for n in range(50_000)
    )
    running.lab.change_tenant(lambda t: replace(t, users=(*t.users, *people)))
    page = running.page("simulator")
    assert "People (50,008)" in tab_titles(page)
    spent = []
    for text in ("person 4999", "p4", "developer", "no such person", ""):
        with QSignalBlocker(page.people.search):
            page.people.search.setText(text)
        began = time.thread_time()  # other programs share the machine, and their time is not ours
        page.people._narrow()
        flush()
        spent.append(time.thread_time() - began)
    assert page.people.table.model_.rowCount() == 50_008
    assert sorted(spent)[len(spent) // 2] < 0.1, spent


# The organisation's file ----------------------------------------------------------------------------------------------


def test_what_the_command_line_changes_is_seen_and_kept(bench: Bench, tmp_path: Path) -> None:
    bench.desk.lab = Lab(bench.sso, tmp_path)
    page = bench.page("simulator", ("person", "ada"))
    kept = KeptTenant(tmp_path / "tenant.toml")
    kept.save(kept.load().with_enabled("grace", False))
    page._notice_edits()
    page.refresh()
    assert "Disabled" in column(page.people.table, 1)
    kept.save(kept.load().without_user("grace"))
    choose(page, "linus")
    page.people.panel.about.setText("Changed here")
    page.people.panel.about.textEdited.emit("Changed here")
    press(page.people, "Save")
    now = kept.load()
    assert now.user("grace") is None
    linus = now.user("linus")
    assert linus is not None
    assert linus.about == "Changed here"


# Keys -----------------------------------------------------------------------------------------------------------------


def test_a_rollover_is_rehearsed_with_an_account_that_was_updated(running: Bench) -> None:
    page = running.page("simulator", ("tab", "keys"))
    press(page.keys, "1. Publish both")
    assert "Step 1" in page.keys.rollover_text.text()
    press(page.keys, "Update the account")
    press(page.keys, "2. Sign with the next")
    assert page.server.trust.word == "Trusted by the account"
    page.log_in(ada_of(running), ada_of(running), "idp_initiated")
    assert page.result.verdict.pill.word == "Created"
    next_key = running.lab.keys.pair("next").fingerprint
    answer("Retire")
    press(page.keys, "3. Retire the current")
    assert running.lab.keys.pair("current").fingerprint == next_key
    assert running.lab.tenant.signing_key == "current"
    page.log_in(ada_of(running), ada_of(running), "idp_initiated")
    assert page.result.verdict.pill.word == "Logged in"


def test_an_account_that_was_not_updated_refuses_what_the_next_key_signs(running: Bench) -> None:
    page = running.page("simulator", ("tab", "keys"))
    press(page.keys, "2. Sign with the next")
    assert page.server.trust.word == "Account has earlier metadata"
    page.log_in(ada_of(running), ada_of(running), "idp_initiated")
    assert page.result.verdict.pill.state == "reject"
    assert running.sso.users(ACCOUNT) == ()
    press(page.server, "Update account")
    page.log_in(ada_of(running), ada_of(running), "idp_initiated")
    assert page.result.verdict.pill.word == "Created"


def ada_of(bench: Bench) -> TestUser:
    ada = bench.lab.tenant.user("ada")
    assert ada is not None
    return ada


def test_keys_are_listed_with_what_they_do_and_chosen_in_the_fields(running: Bench, tmp_path: Path) -> None:
    page = running.page("simulator", ("tab", "keys"))
    assert column(page.keys.table, 0)[:2] == ["Current", "Next"]
    assert column(page.keys.table, 1)[:2] == ["Signs", "Idle"]
    assert "EC secp256r1" in column(page.keys.table, 2)
    page.keys.published["ec-p256"].click()
    flush()
    page.keys.table.extra_actions[0][1](page.keys.table.model_.rows[3])
    flush()
    assert running.lab.tenant.signing_key == "ec-p256"
    assert column(page.keys.table, 1)[3] == "Signs"
    page.keys.certificate.setCurrentIndex(1)
    page.keys.certificate.activated.emit(1)
    flush()
    assert running.lab.tenant.certificate == "expired"
    assert page.keys.table.model_.rows[3].valid_until < running.time
    for name in ("current", "ec-p256"):
        page.keys.published[name].click()
    assert "at least one key" in page.banner.text
    assert running.lab.tenant.published_keys == ("ec-p256",)
    page.keys.save_metadata(tmp_path / "idp.xml")
    assert (tmp_path / "idp.xml").read_bytes() == running.lab.metadata()
    page.undo()
    assert running.lab.tenant.published_keys == ("current", "ec-p256")


def test_a_clock_that_stands_still_is_told_in_the_status_bar(running: Bench) -> None:
    page = running.page("simulator", ("tab", "keys"))
    page.keys.mode.setCurrentIndex(2)
    page.keys.mode.activated.emit(2)
    flush()
    assert running.lab.clock_stands_at == running.time
    assert running.window._clock.text() == "IdP clock stands at 2026-11-23T20:36:00Z"
    running.later(hours=2)
    page.log_in(ada_of(running), ada_of(running), "idp_initiated")
    assert page.result.verdict.pill.state == "reject"
    page.keys.mode.setCurrentIndex(0)
    page.keys.mode.activated.emit(0)
    flush()
    assert running.lab.clock_stands_at is None
    assert running.window._clock.text() == ""
    page.undo()
    assert running.lab.clock_stands_at is not None


# The recording --------------------------------------------------------------------------------------------------------


def test_an_exchange_is_read_replayed_and_exported(running: Bench, tmp_path: Path) -> None:
    page = running.page("simulator")
    page.set_faults(("id-nameid-missing",))
    page.log_in(ada_of(running), ada_of(running), "idp_initiated")
    page.set_faults(())
    page.log_in(ada_of(running), ada_of(running), "idp_initiated")
    page.show_tab("recording")
    flush()
    table = page.recording.table
    assert column(table, 3) == ["Let in", "Rejected"]
    assert column(table, 5) == ["", "id-nameid-missing"]
    table.selectRow(1)
    flush()
    assert "faults: id-nameid-missing" in page.recording.detail.toPlainText()
    assert "<saml:Assertion" in page.recording.detail.toPlainText()
    page.recording.save("scenario", False, tmp_path / "all.toml")
    steps = read_scenario(tmp_path / "all.toml").steps
    assert [s.expect["verdict"] for s in steps] == ["reject", "accept"]
    table.clearSelection()
    table.selectRow(0)
    flush()
    press(page.recording, "Send again")
    assert page.result.verdict.pill.state == "reject"  # the same message twice is a replay
    page.recording.save("har", False, tmp_path / "all.har")
    entries = json.loads((tmp_path / "all.har").read_text("utf-8"))["log"]["entries"]
    assert [e["comment"] for e in entries] == ["faults: id-nameid-missing", "faults: none"]
    page.recording.save("tests", True, tmp_path / "test_one.py")
    assert (tmp_path / "test_one.py").read_text("utf-8").count("def test_") == 1
    press(page, "Stop")
    assert column(table, 1) == ["ada", "ada"]
    press(page.recording, "Clear")
    assert running.lab.exchanges == ()
    assert table.model_.rowCount() == 0


def test_a_message_is_sent_again_by_the_browser(running: Bench, browser: list[str]) -> None:
    page = running.page("simulator")
    page.log_in(ada_of(running), ada_of(running), "idp_initiated")
    page.show_tab("recording")
    page.recording.table.selectRow(0)
    flush()
    page.recording.browser_button.click()
    (url,) = browser
    sent = httpx.get(url)
    issued = running.lab.exchanges[0].issued
    assert issued is not None
    assert dict(issued.form)["SAMLResponse"] in sent.text
    assert len(running.lab.exchanges) == 2
    assert "not kept any more" in httpx.get(url[:-4] + "0000").text


def test_what_is_for_another_computer_is_not_sent_from_here(running: Bench) -> None:
    page = running.page("simulator")
    page.log_in(ada_of(running), ada_of(running), "idp_initiated")
    exchange = running.lab.exchanges[0]
    assert exchange.issued is not None
    away = replace(exchange, issued=replace(exchange.issued, url="https://sp.example.com/acs"))
    running.lab.forget_exchanges()
    assert running.lab._web is not None
    running.lab._web.exchanges.append(away)
    page.refresh()
    page.show_tab("recording")
    page.recording.table.selectRow(0)
    flush()
    press(page.recording, "Send again")
    assert "sp.example.com, which is not this computer" in page.banner.text


# Consent --------------------------------------------------------------------------------------------------------------


class Browser:
    """A browser without the portal's link that chooses a person and a tile; the answer comes when it comes."""

    def __init__(self, bench: Bench, username: str) -> None:
        self.answer: httpx.Response | None = None
        base = bench.lab.idp_url
        page = httpx.get(f"{base}/portal", params={"user": username})
        form = form_with(page, application=ACCOUNT)
        assert form is not None

        def send() -> None:
            self.answer = httpx.post(f"{base}/portal", data=dict(form.fields), headers={"Origin": base}, timeout=20)

        self._thread = threading.Thread(target=send)
        self._thread.start()

    def ended(self) -> httpx.Response:
        self._thread.join(10)
        assert self.answer is not None
        return self.answer


def test_a_browser_without_the_link_waits_for_approval_in_the_window(running: Bench, qtbot: QtBot) -> None:
    running.page("log")
    visitor = Browser(running, "ada")
    bar = running.window.consent
    qtbot.waitUntil(bar.isVisible)
    assert "log in as Ada Lindqvist at ImageKit (Acme Media)" in bar.text.text()
    assert visitor.answer is None
    press(running.window, "Approve")
    page = visitor.ended()
    assert "SAMLResponse" in page.text
    qtbot.waitUntil(lambda: not bar.isVisible())


def test_a_refused_login_gets_no_message_and_is_recorded(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator", ("tab", "recording"))
    visitor = Browser(running, "grace")
    qtbot.waitUntil(running.window.consent.isVisible)
    press(running.window, "Refuse")
    answered = visitor.ended()
    assert answered.status_code == 400
    assert "not approved" in answered.text
    assert "SAMLResponse" not in answered.text
    qtbot.waitUntil(lambda: column(page.recording.table, 3) == ["Refused by the IdP"])


def test_several_wait_in_turn_and_stopping_refuses_them(running: Bench, qtbot: QtBot) -> None:
    running.page("simulator")
    first = Browser(running, "ada")
    qtbot.waitUntil(running.window.consent.isVisible)
    second = Browser(running, "linus")
    qtbot.waitUntil(lambda: "1 more waits" in running.window.consent.text.text())
    press(running.window, "Approve")
    qtbot.waitUntil(lambda: "Linus Okonkwo" in running.window.consent.text.text())
    assert "SAMLResponse" in first.ended().text
    running.lab.stop()
    qtbot.waitUntil(lambda: not running.window.consent.isVisible())
    second._thread.join(10)
    assert second.answer is None or "SAMLResponse" not in second.answer.text


def test_two_deletions_at_once_are_both_taken_back(running: Bench, qtbot: QtBot) -> None:
    running.desk.jobs.shutdown()
    running.desk.jobs = Jobs()
    page = running.page("simulator")
    qtbot.waitUntil(lambda: len(page.people.table.model_.rows) > 2)
    gone = running.lab.tenant.users[:2]
    for person in gone:
        page.people.delete_person(person)
    qtbot.waitUntil(lambda: len(page._undo) == 2)
    for left in (1, 0):
        page.undo()
        qtbot.waitUntil(lambda left=left: sum(running.lab.tenant.user(p.username) is None for p in gone) == left)  # type: ignore[misc]
