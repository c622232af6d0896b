"""Two people at two desks: whoever is second is told what the first has saved, and overwrites nothing by accident."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.sso import SSO
from simulator import Idp, KeyRing
from tests.gui.bench import ACCOUNT, Bench, answer, column, flush, press, texts


@pytest.fixture
def deaf(bench: Bench) -> Bench:
    """The first desk has not heard of the other's changes yet: they were saved a moment ago."""
    bench.sso.tell = lambda _change: None
    return bench


@pytest.fixture
def other(deaf: Bench) -> SSO:
    """The verbs as the second desk calls them."""
    return deaf.sso


def choose(page: Any, name: str, value: str) -> None:
    control = page.rows[name].control
    control.setCurrentIndex(control.findData(value))
    control.activated.emit(control.currentIndex())
    flush()


def test_a_setting_that_somebody_else_changed_is_told_and_not_overwritten(deaf: Bench, other: SSO) -> None:
    page = deaf.page("preferences")
    other.set_setting("signed_part", "assertion")
    choose(page, "signed_part", "both")
    made = page.rows["signed_part"]
    assert other.settings()["signed_part"] == "assertion"
    assert "Somebody else set “What must be signed” to “assertion” meanwhile" in made.banner.text
    assert made.control.currentData() == "assertion"
    press(made, "Save mine")
    assert other.settings()["signed_part"] == "both"
    assert made.banner.text == ""


def test_the_same_wish_is_no_conflict(deaf: Bench, other: SSO) -> None:
    page = deaf.page("preferences")
    other.set_setting("allow_cbc", False)
    page.rows["allow_cbc"].control.click()
    assert other.settings()["allow_cbc"] is False
    assert page.rows["allow_cbc"].banner.text == ""


def test_what_is_being_typed_stays_when_somebody_else_saves(bench: Bench, qtbot: QtBot) -> None:
    page = bench.page("preferences")
    bench.window.activateWindow()
    made = page.rows["break_glass"]
    made.control.setFocus()
    qtbot.waitUntil(made.control.hasFocus)
    qtbot.keyClicks(made.control, "root@acme-media.test")
    bench.sso.set_setting("break_glass", ["desk2@acme-media.test"])
    flush()
    assert made.control.text() == "root@acme-media.test"
    assert "Yours is kept and not saved yet" in made.banner.text
    qtbot.keyClick(made.control, Qt.Key.Key_Return)
    assert bench.sso.settings()["break_glass"] == ["desk2@acme-media.test"]
    assert made.control.text() == "desk2@acme-media.test"
    press(made, "Save mine")
    assert bench.sso.settings()["break_glass"] == ["root@acme-media.test"]


def test_two_people_who_decide_different_things_do_not_undo_each_other(deaf: Bench, other: SSO) -> None:
    page = deaf.page("preferences")
    other.set_policies(deleted_user_returns="block")
    page.policies["email_changed"].options["refuse"].click()
    policies = other.policies()
    assert (policies.deleted_user_returns, policies.email_changed) == ("block", "refuse")


def test_thresholds_of_the_stale_page(deaf: Bench, other: SSO, qtbot: QtBot) -> None:
    other.add_user(ACCOUNT, "x@acme-media.test", "X", "developer")
    deaf.later(days=20)
    page = deaf.page("stale")
    other.set_setting("dormant_days", 30)
    page.dormant_box.setValue(120)
    qtbot.waitUntil(lambda: "Somebody else set “Dormant after” to “30”" in page.banner.text)
    assert other.settings()["dormant_days"] == 30
    press(page.banner, "Save mine")
    assert other.settings()["dormant_days"] == 120


def metadata(bench: Bench, uid: str) -> bytes:
    from dataclasses import replace

    keys = KeyRing.in_memory(lambda: bench.time)
    return Idp(replace(bench.idp.tenant, uid=uid), keys, lambda: bench.time).metadata()


def test_the_test_idp_does_not_replace_what_somebody_else_has_just_saved(deaf: Bench, other: SSO) -> None:
    page = deaf.page("settings")
    deaf.lab.start()
    saved = other.save_metadata(ACCOUNT, metadata(deaf, "1" * 32), operator="olga").revision
    press(page, "Use the test IdP")
    assert other.configuration(ACCOUNT).revision == saved
    assert page.conflict.isVisible()
    assert "olga saved revision 1" in page.conflict.sentence.text
    press(page.conflict, "Leave theirs")
    assert other.configuration(ACCOUNT).revision == saved
    answer("Use the test IdP")
    press(page, "Use the test IdP")
    assert deaf.lab.is_connected(ACCOUNT)


def test_the_simulator_page_does_not_either(deaf: Bench, other: SSO) -> None:
    deaf.lab.start()
    page = deaf.page("simulator")
    saved = other.save_metadata(ACCOUNT, metadata(deaf, "1" * 32), operator="olga").revision
    press(page, "Connect account")
    assert other.configuration(ACCOUNT).revision == saved
    assert "olga saved revision 1" in page.banner.text
    assert page.server.trust.word == "Trusts another IdP"


def test_several_accounts_are_not_changed_over_somebody_elses_change(deaf: Bench, other: SSO) -> None:
    other.create_account("ik_two", "Two", seat_limit=5)
    page = deaf.page("settings", "account")
    made = page.account.list
    other.update_account("ik_two", seat_limit=50)
    made.table.selectAll()
    made.seats.setText("20")
    made.seats.textEdited.emit("20")
    press(made, "Change 2 accounts")
    assert "seat limit from 5 to 50 meanwhile, of ik_two" in made.banner.text
    assert [a.seat_limit for a in other.accounts()] == [5, 50]
    assert "50" in "".join(column(made.table, n)[1] for n in range(len(made.table.model_.columns)))


def person(page: Any, email: str) -> None:
    assert page.table.select_where(lambda u: u.email == email)
    flush()


def test_a_user_whom_somebody_else_changed(deaf: Bench, other: SSO) -> None:
    other.add_user(ACCOUNT, "boss@acme-media.test", "Boss", "account_administrator")
    user = other.add_user(ACCOUNT, "ada@acme-media.test", "Ada", "developer")
    page = deaf.page("users")
    person(page, user.email)
    other.update_user(user.id, role="finance", full_name="Ada L.")
    page.role_field.setCurrentIndex(page.role_field.findData("media_library_full_access"))
    page.role_field.activated.emit(0)
    press(page.edit_panel, "Save")
    assert other.user(user.id).role == "finance"
    assert "Somebody else set “role of ada@acme-media.test” to “finance”" in page.edit_banner.text
    assert page.role_field.currentData() == "finance"
    # Undo takes back what was changed here, and only where it is still so.
    page.name_field.setText("Ada Lindqvist")
    page.name_field.textEdited.emit("")
    press(page.edit_panel, "Save")
    other.update_user(user.id, role="developer")
    page.undo()
    assert (other.user(user.id).full_name, other.user(user.id).role) == ("Ada L.", "developer")


def test_roles_of_several(deaf: Bench, other: SSO) -> None:
    other.add_user(ACCOUNT, "boss@acme-media.test", "Boss", "account_administrator")
    users = [other.add_user(ACCOUNT, f"u{n}@acme-media.test", f"U {n}", "developer") for n in range(2)]
    page = deaf.page("users")
    page._select(frozenset(u.id for u in users))
    flush()
    other.update_user(users[1].id, role="finance")
    page.set_role("media_library_full_access")
    flush()
    assert [other.user(u.id).role for u in users] == ["media_library_full_access", "finance"]
    assert "1 left out (u1@acme-media.test: Somebody else set" in page.banner.text


def test_recovery_codes_that_somebody_else_has_just_made_are_not_void(deaf: Bench, other: SSO) -> None:
    deaf.connect()
    page = deaf.page("settings", "safety")
    other.make_recovery_codes(ACCOUNT, operator="olga")
    before = other.safety(ACCOUNT).codes_made_at
    deaf.later(minutes=1)
    press(page, "Make recovery codes")
    assert "olga made recovery codes" in page.banner.text
    assert other.safety(ACCOUNT).codes_made_at == before
    assert page.safety.codes.toPlainText() == ""
    assert "by olga" in texts(page.safety)
    answer("Make new codes")
    press(page, "Make recovery codes")
    assert other.safety(ACCOUNT).codes_made_at == deaf.time


def test_an_address_that_somebody_else_set(deaf: Bench, other: SSO) -> None:
    deaf.connect()
    other.set_metadata_source(ACCOUNT, "https://idp.test/metadata", every_hours=24)
    page = deaf.page("settings")
    source = page.metadata.source
    other.set_metadata_source(ACCOUNT, "https://idp.test/metadata", every_hours=168, operator="olga")
    source.often.setCurrentIndex(source.often.findData(1))
    source.often.activated.emit(0)
    flush()
    found = other.metadata_source(ACCOUNT)
    assert found is not None
    assert found.source.every_hours == 168
    assert "olga set the address" in page.banner.text
    assert source.often.currentData() == 168


def test_filters_that_two_people_save_are_both_kept(deaf: Bench, other: SSO, tmp_path: Path) -> None:
    deaf.connect()
    assert deaf.log_in("ada").allowed
    page = deaf.page("log")
    other.change_preference("log/filters", {"theirs": {"scope": "all"}})
    page.filters._ask_name()
    page.filters.name.setText("mine")
    page.filters.save()
    assert set(other.preference("log/filters")) == {"theirs", "mine"}
    page.filters.forget("mine")
    assert set(other.preference("log/filters")) == {"theirs"}


def test_the_question_stands_alone(deaf: Bench, other: SSO) -> None:
    deaf.connect()
    page = deaf.page("settings")
    page.metadata.take("A colleague's", deaf.idp.metadata() + b"\n")
    other.set_entity_id(ACCOUNT, "urn:example:theirs", operator="olga")
    page.save()
    flush()
    assert page.conflict.isVisible()
    assert page.banner.text == "", "the question says it already"
