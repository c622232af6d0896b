from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from app.gui.widgets import CopyRow
from simulator import Idp, KeyRing, default_tenant
from tests.gui.bench import ACCOUNT, HOSTILE, Bench, answer, column, flush, press, texts


def values(widget: object) -> dict[str, str]:
    """Captions and values of every row that can be copied."""
    rows = widget.findChildren(CopyRow)  # type: ignore[attr-defined]
    return {r.findChild(QLineEdit).accessibleName(): r.findChild(QLineEdit).text() for r in rows}


def paste(page: object, text: str, qtbot: QtBot) -> None:
    """Paste into the box as a person does, and wait until it was read."""
    data = QMimeData()
    data.setText(text)
    page.metadata.box.insertFromMimeData(data)  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: page.metadata.understood_head.word in ("Not saved yet", "Cannot be saved"))  # type: ignore[attr-defined]
    flush()


def test_the_empty_state_teaches(bench: Bench) -> None:
    page = bench.page("settings")
    assert "Nobody can log in" in page.metadata.state_text.text()
    assert "Paste metadata" in texts(page.metadata.understood)
    assert not page.save_button.isEnabled()
    assert not page.metadata.delete_button.isVisible()


def test_pasted_metadata_is_shown_before_it_is_saved(bench: Bench, qtbot: QtBot) -> None:
    page = bench.page("settings")
    paste(page, bench.idp.metadata().decode(), qtbot)
    assert bench.sso.configuration(ACCOUNT).idp is None
    shown = values(page.metadata.understood)
    assert shown["Entity ID"] == bench.idp.tenant.entity_id
    assert any(name.startswith("Login") for name in shown)
    told = texts(page.metadata.understood)
    assert "SHA-256 thumbprint" in told
    assert "Expires in" in told
    assert page.save_button.isEnabled()
    qtbot.keyClick(page.metadata.box, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: bench.sso.configuration(ACCOUNT).account.sso_on)
    saved = bench.sso.configuration(ACCOUNT)
    assert saved.idp is not None
    assert "Saved as revision 1" in page.banner.text
    assert page.metadata.box.toPlainText() == ""
    assert page.metadata.state.word == "On"
    assert page.metadata.understood_head.word == "Saved"


def test_every_change_by_meaning_is_shown_before_newer_metadata_is_saved(bench: Bench, qtbot: QtBot) -> None:
    bench.connect()
    page = bench.page("settings")
    newer = bench.idp.metadata().decode().replace("nameid-format:emailAddress", "nameid-format:persistent")
    paste(page, newer, qtbot)
    told = texts(page.metadata.understood)
    assert "NameID formats: emailAddress before, persistent now." in told
    assert "Login" in told
    assert told.count("certificate is new") == 0
    page.metadata.discard()
    paste(page, bench.idp.metadata().decode() + "<!-- the same -->", qtbot)
    assert "before," not in texts(page.metadata.understood)


@pytest.mark.parametrize(
    "text", ["<a/>", "hello", "<!DOCTYPE x [<!ENTITY e 'x'>]><x>&e;</x>", "<EntityDescriptor", HOSTILE]
)
def test_what_cannot_be_used_is_said_and_not_saved(bench: Bench, qtbot: QtBot, text: str) -> None:
    page = bench.page("settings")
    paste(page, text, qtbot)
    assert page.metadata.understood_head.word == "Cannot be saved"
    assert not page.save_button.isEnabled()
    assert len(texts(page.metadata.understood)) > 10
    page.save()
    assert bench.sso.configuration(ACCOUNT).revision is None
    press(page, "Clear")
    assert page.metadata.box.toPlainText() == ""
    assert not page.save_button.isEnabled()


def test_a_file_is_opened_and_a_foreign_one_is_left_to_others(bench: Bench, tmp_path: Path) -> None:
    good, other = tmp_path / "idp.xml", tmp_path / "response.xml"
    good.write_bytes(bench.idp.metadata())
    other.write_text("<Response/>")
    page = bench.page("settings")
    assert page.drop(other) is False
    assert page.drop(tmp_path) is False
    assert page.drop(good) is True
    assert page.save_button.isEnabled()
    page.metadata.discard()
    page.metadata.open_path(good)
    assert page.save_button.isEnabled()
    page.metadata.open_path(tmp_path / "missing.xml")
    assert "cannot be read" in page.banner.text


def test_metadata_in_utf_16_is_saved_from_its_bytes(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "idp.xml"
    text = bench.idp.metadata().decode()
    path.write_bytes(text.partition("?>")[2].encode("utf-16"))
    page = bench.page("settings")
    assert page.drop(path)
    flush()
    assert page.save_button.isEnabled(), texts(page.metadata.understood)
    page.save()
    assert bench.sso.configuration(ACCOUNT).account.sso_on


def test_a_very_long_paste_is_read_but_not_drawn(bench: Bench, qtbot: QtBot) -> None:
    page = bench.page("settings")
    long = (
        bench.idp.metadata().decode().replace("</md:EntityDescriptor>", f"<!--{'x' * 220_000}--></md:EntityDescriptor>")
    )
    paste(page, long, qtbot)
    assert "too long to show" in page.metadata.box.toPlainText()
    assert values(page.metadata.understood)["Entity ID"] == bench.idp.tenant.entity_id


def test_turning_sso_off_asks_and_can_be_restored(bench: Bench) -> None:
    bench.connect()
    page = bench.page("settings")
    answer("Cancel")
    press(page, "Turn SSO off")
    assert bench.sso.configuration(ACCOUNT).account.sso_on
    asked = answer("Turn SSO off")
    press(page, "Turn SSO off")
    assert "nobody of this account can log in" in asked[0]
    assert not bench.sso.configuration(ACCOUNT).account.sso_on
    assert page.metadata.state.word == "Off"
    page.open("history")
    assert column(page.history.table, 0) == ["2", "1"]
    assert page.history.table.select_where(lambda r: r.number == 1)
    press(page.history, "Restore this revision")
    assert bench.sso.configuration(ACCOUNT).account.sso_on
    assert column(page.history.table, 0) == ["3", "2", "1"]
    assert "SSO is on" in page.banner.text


def test_the_test_idp_in_one_click_and_never_without_a_question(bench: Bench) -> None:
    page = bench.page("settings")
    press(page, "Use the test IdP")
    assert bench.lab.is_connected(ACCOUNT)
    assert "trusts the test IdP" in page.banner.text
    asked = answer("Cancel")
    press(page, "Use the test IdP")
    assert "Replace the identity provider" in asked[0]
    assert len(bench.sso.configuration_history(ACCOUNT)) == 1


def test_the_identifier_override(bench: Bench, qtbot: QtBot) -> None:
    page = bench.page("settings")
    child = f"https://imagekit.io/saml/consume#{ACCOUNT}"
    assert not page.metadata.identifier.entity_save.isEnabled()
    page.metadata.identifier.suggest_button.click()
    assert page.metadata.identifier.entity_field.text() == child
    press(page, "Set")
    assert bench.sso.account(ACCOUNT).entity_id == child
    page.open("values")
    flush()
    assert values(page.values.vendors.currentWidget())["Identifier (Entity ID)"] == child
    page.open("metadata")
    page.metadata.identifier.entity_field.setText("")
    qtbot.keyClicks(page.metadata.identifier.entity_field, "not a uri")
    press(page, "Set")
    assert "absolute URI" in page.metadata.identifier.entity_banner.text
    press(page, "Use the default")
    assert bench.sso.account(ACCOUNT).entity_id is None


def test_another_identifier_is_tried_on_the_last_logins_before_it_is_saved(bench: Bench, qtbot: QtBot) -> None:
    bench.connect()
    assert bench.log_in("ada").allowed
    card = bench.page("settings").metadata.identifier
    assert not card.what_if.isVisible()
    qtbot.keyClicks(card.entity_field, "https://imagekit.io/saml/other")
    press(card, "What if?")
    assert "The last login would stop working." in card.what_if.banner.text
    assert column(card.what_if.table, 0) == ["Stop"]
    assert bench.sso.account(ACCOUNT).entity_id is None
    qtbot.keyClicks(card.entity_field, " of whom")
    assert card.what_if.banner.text == "", "what was found is not about another draft"
    press(card, "What if?")
    assert "absolute URI" in card.what_if.banner.text
    card.entity_field.clear()
    card.entity_field.textEdited.emit("")
    assert not card.what_if.isVisible()


def test_values_of_every_vendor_can_be_copied(bench: Bench) -> None:
    page = bench.page("settings", "values")
    tabs = page.values.vendors
    titles = [tabs.tabText(i) for i in range(tabs.count())]
    assert titles == ["Microsoft Entra ID", "Okta", "OneLogin", "AD FS", "Any other", "Our keys"]
    for number in range(tabs.count() - 1):
        tabs.setCurrentIndex(number)
        flush()
        shown = values(tabs.widget(number))
        assert ACCOUNT in " ".join(shown.values())
        assert "https://imagekit.io/saml/consume" in shown.values()
    tabs.widget(4).findChildren(CopyRow)[0].copy.click()
    assert QGuiApplication.clipboard().text() == "https://imagekit.io/saml/consume"
    press(page, "Copy SP metadata")
    assert "AssertionConsumerService" in QGuiApplication.clipboard().text()


def test_sp_metadata_and_old_revisions_are_written_to_files(bench: Bench, tmp_path: Path) -> None:
    bench.connect()
    page = bench.page("settings", "values")
    page.values.export_sp_metadata_to(tmp_path / "sp.xml")
    assert (tmp_path / "sp.xml").read_bytes() == bench.sso.sp_metadata(ACCOUNT)
    revision = bench.sso.configuration_history(ACCOUNT)[0]
    assert revision.document is not None
    page.history.write(revision.document, tmp_path / "idp.xml")
    assert (tmp_path / "idp.xml").read_bytes() == bench.idp.metadata()


def test_account_and_seats(bench: Bench) -> None:
    page = bench.page("settings", "account")
    tab = page.account
    assert not tab.save_button.isEnabled()
    tab.seat_box.setValue(12)
    tab.plan_box.setCurrentIndex(tab.plan_box.findData("paid"))
    tab.plan_box.activated.emit(tab.plan_box.currentIndex())
    press(tab, "Save account")
    account = bench.sso.account(ACCOUNT)
    assert (account.seat_limit, account.plan) == (12, "paid")
    tab.name_field.setText("")
    tab.name_field.textEdited.emit("")
    press(tab, "Save account")
    assert "needs a name" in tab.account_banner.text


def test_a_plan_without_sso_is_warned_of_before_saving(bench: Bench) -> None:
    bench.connect()
    tab = bench.page("settings", "account").account
    tab.plan_box.setCurrentIndex(tab.plan_box.findData("free"))
    tab.plan_box.activated.emit(tab.plan_box.currentIndex())
    assert "every login is refused" in tab.account_banner.text


def test_a_new_account_becomes_the_one_in_hand(bench: Bench) -> None:
    page = bench.page("settings", "account")
    tab = page.account
    press(tab, "Create account")
    assert "account id is" in tab.new_banner.text
    tab.new_id.setText("ik_child1")
    tab.new_name.setText("Acme Studios")
    press(tab, "Create account")
    assert bench.desk.account == "ik_child1"
    assert bench.sso.account("ik_child1").name == "Acme Studios"
    assert bench.window.accounts.currentData() == "ik_child1"
    assert tab.account_id.value.text() == "ik_child1"


def test_a_draft_is_not_carried_over_to_another_account(bench: Bench, qtbot: QtBot) -> None:
    bench.sso.create_account("ik_other", "Other")
    page = bench.page("settings")
    paste(page, bench.idp.metadata().decode(), qtbot)
    assert page.save_button.isEnabled()
    bench.desk.choose_account("ik_other")
    flush()
    assert not page.save_button.isEnabled()
    assert page.metadata.box.toPlainText() == ""


def test_hostile_metadata_stays_text(bench: Bench, qtbot: QtBot) -> None:
    page = bench.page("settings")
    entity = "https://evil.test/\u202e&lt;img src='file:///etc/hostname'&gt;"
    text = bench.idp.metadata().decode().replace(bench.idp.tenant.entity_id, entity)
    paste(page, text, qtbot)
    for made in page.findChildren(QLabel):
        assert made.textFormat() == Qt.TextFormat.PlainText or not made.text()
        assert "\u202e" not in made.text()


def test_the_second_of_two_people_sees_the_difference_and_can_save_on_top(bench: Bench, qtbot: QtBot) -> None:
    bench.connect()
    page = bench.page("settings")
    document = bench.idp.metadata().decode().replace("</md:EntityDescriptor>", " </md:EntityDescriptor>")
    paste(page, document, qtbot)
    bench.sso.set_entity_id(ACCOUNT, "urn:example:theirs", operator="olga")
    flush()
    assert "olga saved revision 2 meanwhile" in page.banner.text
    assert page.metadata.box.toPlainText()
    page.save()
    flush()
    assert page.conflict.isVisible()
    told = texts(page.conflict)
    assert "olga changed" in told
    assert "urn:example:theirs now" in told
    assert "The document" in told
    assert bench.sso.account(ACCOUNT).revision == 2
    press(page, "Save mine on top")
    assert not page.conflict.isVisible()
    saved = bench.sso.configuration(ACCOUNT)
    assert (saved.account.revision, saved.account.entity_id) == (3, "urn:example:theirs")
    assert saved.revision is not None
    assert saved.revision.document == document.encode()


def test_the_second_of_two_people_can_leave_it_as_it_is(bench: Bench) -> None:
    page = bench.page("settings")
    field = page.metadata.identifier
    field.entity_field.setText("urn:example:mine")
    field.entity_field.textEdited.emit("urn:example:mine")
    bench.sso.set_entity_id(ACCOUNT, "urn:example:theirs", operator="olga")
    flush()
    assert field.entity_field.text() == "urn:example:mine"
    press(page, "Set")
    assert page.conflict.isVisible()
    press(page, "Leave theirs")
    assert not page.conflict.isVisible()
    assert field.entity_field.text() == "urn:example:theirs"
    assert bench.sso.account(ACCOUNT).revision == 1


def test_history_tells_what_a_revision_changed_and_compares_two(bench: Bench) -> None:
    bench.connect()
    bench.sso.set_entity_id(ACCOUNT, "urn:example:1")
    bench.sso.set_entity_id(ACCOUNT, "urn:example:2")
    page = bench.page("settings", "history")
    assert page.history.table.select_where(lambda r: r.number == 2)
    assert column(page.history.differences, 0) == ["Identifier"]
    assert column(page.history.differences, 2) == ["urn:example:1"]
    page.history.table.selectAll()
    flush()
    assert not page.history.differences.isVisible()
    page.history.table.clearSelection()
    model = page.history.table.selectionModel()
    for number in (0, 2):
        flags = model.SelectionFlag.Select | model.SelectionFlag.Rows
        model.select(page.history.table.model_.index(number, 0), flags)
    flush()
    assert page.history.compared.text() == "From revision 1 to revision 3"
    assert column(page.history.differences, 2) == ["urn:example:2"]
    assert not page.history.restore_button.isEnabled()


def registered(bench: Bench) -> str:
    """Connect the built-in IdP and let its administrator log in for real; their e-mail."""
    bench.lab.start()
    bench.lab.connect(ACCOUNT)
    username = next(u.username for u in bench.lab.users() if u.role == "account_administrator")
    result = bench.lab.log_in(username, ACCOUNT).result
    assert result is not None
    assert result.user is not None
    return result.user.email


def test_settings_are_tested_in_one_click_and_enforced_only_then(bench: Bench) -> None:
    registered(bench)
    page = bench.page("settings", "safety")
    section = page.safety
    assert section.test_state.word == "Not tested"
    assert not section.enforce_button.isEnabled()
    users = bench.sso.users(ACCOUNT)
    press(page, "Test with the simulator")
    assert section.test_state.word == "Passed"
    assert "passed its test" in page.banner.text
    assert bench.sso.users(ACCOUNT) == users
    assert not section.enforce_button.isEnabled()
    press(page, "Make recovery codes")
    codes = section.codes.toPlainText().split()
    assert len(codes) == 8
    press(page, "Done")
    assert section.codes.toPlainText() == ""
    answer("Cancel")
    press(page, "Enforce SSO")
    assert not bench.sso.account(ACCOUNT).enforced
    asked = answer("Enforce SSO")
    press(page, "Enforce SSO")
    assert "identity provider only" in asked[0]
    assert bench.sso.account(ACCOUNT).enforced
    assert section.enforce_state.word == "Enforced"
    page.open("history")
    assert column(page.history.table, 3) == ["", "Passed"]
    page.open("safety")
    press(page, "Stop enforcing")
    assert not bench.sso.account(ACCOUNT).enforced


def test_new_recovery_codes_are_not_made_without_a_question(bench: Bench, tmp_path: Path) -> None:
    bench.connect()
    page = bench.page("settings", "safety")
    press(page, "Make recovery codes")
    first = page.safety.codes.toPlainText()
    press(page.safety, "Copy")
    assert QGuiApplication.clipboard().text() == first
    page.safety.save_codes_to(tmp_path / "codes.txt")
    assert (tmp_path / "codes.txt").read_text().split() == first.split()
    assert (tmp_path / "codes.txt").stat().st_mode & 0o077 == 0
    bench.sso.create_account("ik_other", "Other")
    flush()
    bench.desk.choose_account("ik_other")
    flush()
    assert page.safety.codes.toPlainText() == ""
    bench.desk.choose_account(ACCOUNT)
    flush()
    asked = answer("Cancel")
    press(page, "Make recovery codes")
    assert "8 unused codes" in asked[0]
    assert page.safety.codes.toPlainText() == ""


def test_a_login_in_the_browser_is_taken_as_the_test(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.gui.pages.settings import safety

    opened: list[str] = []
    monkeypatch.setattr(safety.QDesktopServices, "openUrl", lambda url: opened.append(url.toString()) or True)
    bench.lab.start()
    bench.lab.connect(ACCOUNT)
    page = bench.page("settings", "safety")
    press(page, "Test in the browser")
    assert opened == [bench.lab.portal_url]
    assert "next login of this account" in page.safety.wait_banner.text
    username = next(u.username for u in bench.lab.users() if u.role == "account_administrator")
    bench.lab.log_in(username, ACCOUNT)
    flush()
    assert page.safety.wait_banner.text == ""
    (test,) = bench.sso.safety(ACCOUNT).tests
    assert (test.how, test.passed, test.administrator) == ("browser", True, True)
    press(page, "Test in the browser")
    press(page, "Stop waiting")
    bench.lab.log_in(username, ACCOUNT)
    flush()
    assert len(bench.sso.safety(ACCOUNT).tests) == 1


def test_another_identity_provider_cannot_be_tested_by_the_simulator(bench: Bench) -> None:
    bench.connect()
    page = bench.page("settings", "safety")
    press(page, "Test with the simulator")
    assert "Test in the browser" in page.banner.text
    assert bench.sso.safety(ACCOUNT).tests == ()


def test_metadata_is_fetched_watched_and_a_change_is_reviewed(bench: Bench) -> None:
    bench.lab.start()
    page = bench.page("settings")
    source = page.metadata.source
    source.field.setText("https://nowhere.invalid/metadata")
    press(page, "Fetch")
    assert "not known" in page.banner.text
    source.field.setText(bench.lab.metadata_url)
    source.often.setCurrentIndex(source.often.findData(24))
    press(page, "Fetch")
    assert page.metadata.understood_head.word == "Not saved yet"
    assert bench.sso.metadata_source(ACCOUNT) is None
    page.save()
    flush()
    view = bench.sso.metadata_source(ACCOUNT)
    assert view is not None
    assert (view.source.url, view.source.every_hours) == (bench.lab.metadata_url, 24)
    assert bench.sso.configuration(ACCOUNT).account.sso_on
    bench.sso.record_fetch(ACCOUNT, bench.lab.metadata_url, document=bench.idp.metadata())
    flush()
    assert "has changed" in source.banner.text
    press(page, "Review")
    assert "EntityDescriptor" in page.metadata.box.toPlainText()
    assert page.save_button.isEnabled()
    press(page, "Dismiss this version")
    assert source.banner.text == ""
    assert page.metadata.box.toPlainText() == ""
    assert bench.sso.account(ACCOUNT).revision == 1
    source.often.setCurrentIndex(source.often.findData(0))
    source.often.activated.emit(0)
    view = bench.sso.metadata_source(ACCOUNT)
    assert view is not None
    assert view.source.every_hours == 0


def test_a_private_address_is_confirmed_before_it_is_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.fetching import address

    monkeypatch.setattr(address, "_system_addresses", lambda _h, _p: ["127.0.0.1"])
    page = bench.page("settings")
    page.metadata.source.field.setText("https://inner.test:9/metadata")
    asked = answer("Cancel")
    press(page, "Fetch")
    assert "meant to be in your own network" in asked[0]
    assert "private network" in page.banner.text
    asked = answer("Fetch from it")
    press(page, "Fetch")
    assert asked
    assert "could not be fetched" in page.banner.text


def test_the_watch_of_the_window_looks_at_what_is_due(bench: Bench) -> None:
    from app.gui.source_watch import SourceWatch

    bench.lab.start()
    bench.connect()
    bench.sso.set_metadata_source(ACCOUNT, bench.lab.metadata_url, every_hours=1)
    SourceWatch(bench.desk).look()
    view = bench.sso.metadata_source(ACCOUNT)
    assert view is not None
    assert view.source.problem is None
    assert view.proposal is not None


def test_a_draft_is_tried_on_the_last_logins_before_it_is_saved(bench: Bench, qtbot: QtBot) -> None:
    bench.connect()
    assert bench.log_in("ada").allowed
    page = bench.page("settings")
    assert not page.metadata.what_if.isVisible()
    other = Idp(
        default_tenant(imagekit_id=ACCOUNT, domain="other.test"),
        KeyRing.in_memory(lambda: bench.time),
        lambda: bench.time,
    )
    paste(page, other.metadata().decode(), qtbot)
    press(page, "What if?")
    what_if = page.metadata.what_if
    assert "The last login would stop working." in what_if.banner.text
    assert column(what_if.table, 0) == ["Stop"]
    assert not what_if.bar.isVisible()
    assert bench.sso.account(ACCOUNT).revision == 1
    page.metadata.discard()
    assert not what_if.isVisible()
    paste(page, bench.idp.metadata().decode() + " ", qtbot)
    assert what_if.banner.text == ""
    press(page, "What if?")
    assert "The last login would come out as now." in what_if.banner.text
    assert not what_if.table.isVisible()


def test_certificates_are_watched_on_every_screen_and_exported(bench: Bench, tmp_path: Path) -> None:
    page = bench.page("settings", "certificates")
    section = page.certificates
    assert "Nothing is watched yet" in section.words.text()
    assert not bench.window._ending.isVisible()
    bench.connect()
    flush()
    assert column(section.table, 1) == ["Metadata", "Signing key"]
    assert "days left" in bench.window._ending.text()
    bench.window.open_page("users")
    bench.window._ending.click()
    assert bench.window.current is page
    assert page.tabs.currentWidget().isAncestorOf(section)
    section.export_to(tmp_path / "c.ics")
    assert (tmp_path / "c.ics").read_bytes().startswith(b"BEGIN:VCALENDAR")
    bench.later(days=60)
    bench.window.watch_certificates()
    assert bench.window._ending.text() == "Certificate: expired"
    page.refresh()
    flush()
    assert "1 day ago" not in section.words.text()
    assert "ago" in section.words.text()


def aggregate(bench: Bench, count: int) -> bytes:
    """A federation's aggregate with our identity provider among many others."""
    own = bench.idp.metadata().partition(b"?>")[2].strip()
    entity = bench.idp.tenant.entity_id.encode()
    others = [own.replace(entity, b"https://idp%d.test/" % n) for n in range(count)]
    opening = b'<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">'
    return opening + b"".join((*others[: count // 2], own, *others[count // 2 :])) + b"</md:EntitiesDescriptor>"


def test_an_aggregate_of_many_is_searched_and_one_entity_taken(bench: Bench, qtbot: QtBot) -> None:
    page = bench.page("settings")
    page.open(aggregate(bench, 40))
    flush()
    picker = page.picker
    assert picker.isVisible()
    assert not page.tabs.isVisible()
    assert len(column(picker.table, 1)) == 41
    assert not picker.use_button.isEnabled()
    qtbot.keyClicks(picker.field, "idp17.test")
    qtbot.waitUntil(lambda: column(picker.table, 1) == ["https://idp17.test/"])
    picker.field.setText("nobody at all")
    picker.search()
    assert "No identity provider contains" in picker.banner.text
    picker.field.setText(bench.idp.tenant.entity_id)
    picker.search()
    picker.table.selectRow(0)
    press(page, "Use this one")
    assert not picker.isVisible()
    assert page.tabs.isVisible()
    assert values(page.metadata.understood)["Entity ID"] == bench.idp.tenant.entity_id
    page.save()
    flush()
    saved = bench.sso.configuration(ACCOUNT)
    assert saved.idp is not None
    assert saved.idp.entity_id == bench.idp.tenant.entity_id
    assert saved.revision is not None
    assert saved.revision.document is not None
    assert len(saved.revision.document) < 20_000


def test_an_aggregate_too_long_to_read_at_once_is_picked_from_its_file(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "federation.xml"
    data = aggregate(bench, 3).replace(b"</md:EntitiesDescriptor>", b"")
    comment = b"<!--" + b"y" * 900_000 + b"-->"
    path.write_bytes(data + comment * 13 + b"</md:EntitiesDescriptor>")
    page = bench.page("settings")
    assert page.drop(path)
    flush()
    assert len(column(page.picker.table, 1)) == 4
    press(page, "Choose none")
    assert page.tabs.isVisible()
    path.write_bytes(b"<md:EntitiesDescriptor broken" + b"x" * 11_000_000)
    page.metadata.open_path(path)
    flush()
    assert page.picker.banner.text
    path.unlink()
    page.picker.search()
    assert "cannot be read" in page.picker.banner.text


def test_what_is_typed_about_an_account_stays_while_somebody_else_saves(bench: Bench) -> None:
    tab = bench.page("settings", "account").account
    tab.seat_box.setValue(12)
    bench.sso.update_account(ACCOUNT, name="Acme Group", operator="olga")
    flush()
    assert (tab.name_field.text(), tab.seat_box.value()) == ("Acme Group", 12)
    assert tab.account_banner.text == ""
    bench.sso.update_account(ACCOUNT, seat_limit=9, operator="olga")
    flush()
    assert tab.seat_box.value() == 12
    assert "the seat limit was set to 9" in tab.account_banner.text
    press(tab, "Save account")
    account = bench.sso.account(ACCOUNT)
    assert (account.name, account.seat_limit) == ("Acme Group", 12)
