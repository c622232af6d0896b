from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.gui.jobs import Jobs
from app.sso import Refused
from tests.gui.bench import ACCOUNT, HOSTILE, Bench, answer, column, flush, press, texts


@pytest.fixture
def people(bench: Bench) -> Bench:
    """An account with one administrator and one developer, both added by hand."""
    bench.sso.add_user(ACCOUNT, "ada@acme-media.test", "Ada Lindqvist", "account_administrator")
    bench.sso.add_user(ACCOUNT, "grace@acme-media.test", "Grace Holloway", "developer")
    return bench


def select(page: object, email: str) -> None:
    assert page.table.select_where(lambda u: u.email == email)  # type: ignore[attr-defined]
    flush()


def test_without_users_the_page_teaches_and_adds_the_first(bench: Bench, qtbot: QtBot) -> None:
    page = bench.page("users")
    assert page.empty.isVisible()
    assert "first login" in texts(page.empty)
    press(page.empty, "Add a user")
    assert page.add_panel.isVisible()
    qtbot.keyClicks(page.add_panel.email, "zoe@acme-media.test")
    page.add_panel.name.setText("Zoë Kovačević")
    page.add_panel.role.setCurrentIndex(page.add_panel.role.findData("finance"))
    press(page.add_panel, "Add")
    assert not page.add_panel.isVisible()
    (user,) = bench.sso.users(ACCOUNT)
    assert (user.email, user.full_name, user.role, user.created_by) == (
        "zoe@acme-media.test",
        "Zoë Kovačević",
        "finance",
        "hand",
    )
    assert column(page.table, 0) == ["Zoë Kovačević"]
    assert page.seat_text.text() == "1 of 5 seats used"
    assert "was added" in page.banner.text


def test_what_cannot_be_added_is_said_in_the_panel(people: Bench, qtbot: QtBot) -> None:
    page = people.page("users")
    press(page, "Add user")
    qtbot.keyClicks(page.add_panel.email, "not an address")
    qtbot.keyClicks(page.add_panel.name, "Nobody")
    qtbot.keyClick(page.add_panel.name, Qt.Key.Key_Return)
    assert "not an e-mail address" in page.add_panel.banner.text
    assert page.add_panel.isVisible()
    page.add_panel.email.setText("ADA@acme-media.test")
    press(page.add_panel, "Add")
    assert "already" in page.add_panel.banner.text
    assert len(people.sso.users(ACCOUNT)) == 2


def test_search_narrows_and_says_when_nobody_fits(people: Bench, qtbot: QtBot) -> None:
    page = people.page("users")
    qtbot.keyClicks(page.search, "holloway")
    qtbot.waitUntil(lambda: column(page.table, 0) == ["Grace Holloway"])
    page.search.setText("nobody-of-that-name")
    qtbot.waitUntil(lambda: page.nothing.isVisible())
    assert "nobody-of-that-name" in page.nothing.text()


def test_changing_name_and_role(people: Bench, qtbot: QtBot) -> None:
    page = people.page("users")
    select(page, "grace@acme-media.test")
    assert not page.save_button.isEnabled()
    page.name_field.selectAll()
    qtbot.keyClicks(page.name_field, "Rear Admiral Holloway")
    page.role_field.setCurrentIndex(page.role_field.findData("finance"))
    page.role_field.activated.emit(page.role_field.currentIndex())
    press(page.edit_panel, "Save")
    changed = next(u for u in people.sso.users(ACCOUNT) if u.email.startswith("grace"))
    assert (changed.full_name, changed.role) == ("Rear Admiral Holloway", "finance")
    assert "Finance" in column(page.table, 2)
    assert not page.save_button.isEnabled()


def test_the_last_administrator_stays_and_the_page_says_why(people: Bench) -> None:
    page = people.page("users")
    select(page, "ada@acme-media.test")
    press(page.edit_panel, "Delete")
    assert "last account administrator" in page.edit_banner.text
    page.role_field.setCurrentIndex(page.role_field.findData("developer"))
    page.role_field.activated.emit(page.role_field.currentIndex())
    press(page.edit_panel, "Save")
    assert "last account administrator" in page.edit_banner.text
    assert next(u for u in people.sso.users(ACCOUNT) if u.email.startswith("ada")).role == "account_administrator"


def test_deleting_is_undone_by_the_banner_and_by_the_keyboard(people: Bench, qtbot: QtBot) -> None:
    page = people.page("users")
    before = next(u for u in people.sso.users(ACCOUNT) if u.email.startswith("grace"))
    select(page, before.email)
    press(page.edit_panel, "Delete")
    assert [u.email for u in people.sso.users(ACCOUNT)] == ["ada@acme-media.test"]
    assert page.seat_text.text() == "1 of 5 seats used"
    press(page.banner, "Undo")
    assert next(u for u in people.sso.users(ACCOUNT) if u.email.startswith("grace")).id == before.id
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    assert len(people.sso.users(ACCOUNT)) == 1
    qtbot.keyClick(page.table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert len(people.sso.users(ACCOUNT)) == 2
    assert "was restored" in page.banner.text


def test_deleted_users_are_shown_and_restored(people: Bench) -> None:
    gone = next(u for u in people.sso.users(ACCOUNT) if u.email.startswith("grace"))
    people.sso.delete_user(gone.id)
    page = people.page("users")
    assert column(page.table, 1) == ["ada@acme-media.test"]
    page.show_deleted.click()
    flush()
    select(page, gone.email)
    assert not page.name_field.isEnabled()
    assert not page.delete_button.isVisible()
    press(page.edit_panel, "Restore")
    assert next(u for u in people.sso.users(ACCOUNT) if u.id == gone.id).active


def test_a_full_account_refuses_to_restore_in_words(people: Bench) -> None:
    gone = next(u for u in people.sso.users(ACCOUNT) if u.email.startswith("grace"))
    page = people.page("users")
    select(page, gone.email)
    press(page.edit_panel, "Delete")
    people.sso.update_account(ACCOUNT, seat_limit=1)
    press(page.banner, "Undo")
    assert "seats are taken" in page.banner.text


def test_a_first_login_appears_with_its_source_and_last_login(bench: Bench) -> None:
    bench.connect()
    page = bench.page("users")
    assert page.empty.isVisible()
    bench.log_in("ada")
    flush()
    assert column(page.table, 1) == ["ada@acme-media.test"]
    assert column(page.table, 3) == ["just now"]
    assert column(page.table, 4) == ["SSO"]


def test_hostile_names_stay_text(bench: Bench) -> None:
    bench.sso.add_user(ACCOUNT, "x@acme-media.test", HOSTILE, "developer")
    page = bench.page("users", "x@acme-media.test")
    assert page.edit_head.text() == HOSTILE
    assert "<img" not in page.table.model_.data(page.table.model_.index(0, 0), Qt.ItemDataRole.ToolTipRole)
    for made in page.findChildren(QLabel):
        assert made.textFormat() == Qt.TextFormat.PlainText or not made.text()


def test_export_neutralises_formulas(bench: Bench, tmp_path: Path) -> None:
    bench.sso.add_user(ACCOUNT, "x@acme-media.test", "=cmd|' /C calc'!A0", "developer")
    page = bench.page("users")
    page.export_to(tmp_path / "users.csv")
    written = (tmp_path / "users.csv").read_text()
    assert "\"'=cmd" in written
    assert "Written to" in page.banner.text
    page.export_to(tmp_path / "missing" / "users.csv")
    assert "cannot be written" in page.banner.text


# Several, history, undo -----------------------------------------------------------------------------------------------


def select_all(page: object, *emails: str) -> None:
    rows = page.table.model_.rows  # type: ignore[attr-defined]
    assert page._select(frozenset(u.id for u in rows if u.email in emails))  # type: ignore[attr-defined]
    flush()


def roles(bench: Bench) -> dict[str, str]:
    return {u.email.partition("@")[0]: u.role for u in bench.sso.users(ACCOUNT)}


def test_a_change_and_an_addition_are_undone(people: Bench, qtbot: QtBot) -> None:
    page = people.page("users")
    select(page, "grace@acme-media.test")
    page.name_field.setText("Somebody Else")
    page.name_field.textEdited.emit("")
    press(page.edit_panel, "Save")
    assert "Somebody Else" in column(page.table, 0)
    press(page, "Add user")
    page.add_panel.email.setText("zoe@acme-media.test")
    page.add_panel.name.setText("Zoë")
    press(page.add_panel, "Add")
    press(page.banner, "Undo")
    assert "taken out again" in page.banner.text
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert column(page.table, 0) == ["Ada Lindqvist", "Grace Holloway"]
    assert "as it was before" in page.banner.text


def test_several_get_a_role_and_the_last_administrator_is_named(people: Bench) -> None:
    people.sso.add_user(ACCOUNT, "linus@acme-media.test", "Linus", "developer")
    page = people.page("users")
    select_all(page, "ada@acme-media.test", "grace@acme-media.test", "linus@acme-media.test")
    assert page.bulk.head.text() == "3 users selected"
    assert not page.edit_panel.isVisible()
    assert not page.bulk.rename_button.isVisible()
    page.bulk.role_box.setCurrentIndex(page.bulk.role_box.findData("finance"))
    press(page.bulk, "Set role")
    assert roles(people) == {"ada": "account_administrator", "grace": "finance", "linus": "finance"}
    assert "1 left out (ada@acme-media.test: This is the last account administrator" in page.banner.text
    assert page.bulk.head.text() == "3 users selected", "the selection stays"
    press(page.banner, "Undo")
    assert roles(people) == {"ada": "account_administrator", "grace": "developer", "linus": "developer"}


def test_several_are_deleted_and_come_back(people: Bench, qtbot: QtBot) -> None:
    people.sso.update_account(ACCOUNT, seat_limit=20)
    for n in range(6):
        people.sso.add_user(ACCOUNT, f"u{n}@acme-media.test", f"U{n}", "developer")
    page = people.page("users")
    emails = [f"u{n}@acme-media.test" for n in range(6)]
    select_all(page, *emails[:2])
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Delete)
    assert len(people.sso.users(ACCOUNT)) == 6
    press(page.banner, "Undo")
    assert "2 users restored." in page.banner.text
    select_all(page, *emails)
    asked = answer("Cancel")
    press(page.bulk, "Delete")
    assert "Delete 6 users?" in asked[0]
    assert len(people.sso.users(ACCOUNT)) == 8
    answer("Delete 6 users")
    press(page.bulk, "Delete")
    assert len(people.sso.users(ACCOUNT)) == 2
    page.show_deleted.click()
    flush()
    select_all(page, *emails)
    press(page.bulk, "Restore")
    assert len(people.sso.users(ACCOUNT)) == 8


def test_nobody_to_delete_is_said_in_the_panel(people: Bench) -> None:
    second = people.sso.add_user(ACCOUNT, "boss@acme-media.test", "Boss", "account_administrator")
    page = people.page("users")
    select_all(page, "ada@acme-media.test", second.email)
    press(page.bulk, "Delete")
    assert "1 left out" in page.banner.text
    assert len(people.sso.users(ACCOUNT)) == 2


def test_two_users_are_treated_as_one_person(people: Bench) -> None:
    grace = next(u for u in people.sso.users(ACCOUNT) if u.email.startswith("grace"))
    people.later(days=3)
    people.sso.add_user(ACCOUNT, "g.holloway@acme-media.test", "Grace Holloway", "developer")
    page = people.page("users")
    select_all(page, grace.email, "g.holloway@acme-media.test")
    asked = answer("Treat as rename")
    press(page.bulk, "Treat as rename")
    assert "grace@acme-media.test and g.holloway@acme-media.test" in asked[0]
    moved = people.sso.user(grace.id)
    assert (moved.email, moved.active) == ("g.holloway@acme-media.test", True)
    assert len(people.sso.users(ACCOUNT)) == 2


def test_a_rename_is_undone_unless_the_person_has_logged_in_since(bench: Bench) -> None:
    bench.connect()
    assert bench.log_in("ada").allowed
    assert bench.log_in("grace").allowed
    bench.later(days=1)
    bench.person("grace", email="grace.new@acme-media.test")
    assert bench.log_in("grace").allowed
    older, newer = (next(u for u in bench.sso.users(ACCOUNT) if u.email.startswith(n)) for n in ("grace@", "grace.new"))
    page = bench.page("users")
    page._select(frozenset((older.id, newer.id)))
    flush()
    answer("Treat as rename")
    press(page.bulk, "Treat as rename")
    assert "grace.new@acme-media.test keeps one seat" in page.banner.text
    assert bench.sso.seats(ACCOUNT).seats.used == 2
    page.undo()
    flush()
    assert "grace@acme-media.test and grace.new@acme-media.test are two users again" in page.banner.text
    back = {u.email: (u.id, u.logins, u.last_login_at) for u in bench.sso.users(ACCOUNT)}
    for user in (older, newer):
        assert back[user.email] == (user.id, user.logins, user.last_login_at)
    page._select(frozenset((older.id, newer.id)))
    flush()
    answer("Treat as rename")
    press(page.bulk, "Treat as rename")
    assert bench.log_in("grace").allowed
    page.undo()
    assert "has logged in or was changed since" in page.banner.text
    assert bench.sso.seats(ACCOUNT).seats.used == 2


def test_a_rename_is_not_undone_without_a_seat(bench: Bench) -> None:
    bench.sso.add_user(ACCOUNT, "boss@acme-media.test", "Boss", "account_administrator")
    older = bench.sso.add_user(ACCOUNT, "grace@acme-media.test", "Grace", "developer")
    bench.later(days=1)
    newer = bench.sso.add_user(ACCOUNT, "grace.new@acme-media.test", "Grace", "developer")
    bench.sso.treat_as_rename(older.id, newer.id)
    bench.sso.update_account(ACCOUNT, seat_limit=2)
    before = bench.sso.users(ACCOUNT, deleted=True)
    with pytest.raises(Refused, match="seats are taken"):
        bench.sso.undo_rename(older, newer.id)
    assert bench.sso.users(ACCOUNT, deleted=True) == before


def test_the_history_of_a_person_opens_the_log(bench: Bench) -> None:
    bench.connect()
    bench.log_in("ada")
    bench.log_in("grace")
    grace = next(u for u in bench.sso.users(ACCOUNT) if u.email.startswith("grace"))
    bench.sso.update_user(grace.id, role="finance", operator="otto")
    assert not bench.log_in("grace", faults=["time-conditions-expired"]).allowed
    page = bench.page("users")
    select(page, grace.email)
    press(page.edit_panel, "History")
    assert page.history.title.text() == f"History of {grace.full_name}"
    assert column(page.history.table, 1) == ["Rejected", "User changed", "Created"]
    assert column(page.history.table, 2)[1] == "role: Developer → Finance"
    assert column(page.history.table, 3)[1] == "otto"
    bench.catch_opened()
    page.history.table.selectRow(1)
    page.history.table.opened.emit(page.history.table.current)
    assert bench.opened == [("log", page.history.table.current.reference)]
    select(page, "ada@acme-media.test")
    assert page.history.title.text().startswith("History of Ada"), "it follows the selection"
    press(page.history, "Close")
    assert not page.history.isVisible()


def test_any_field_is_found(people: Bench, qtbot: QtBot) -> None:
    grace = next(u for u in people.sso.users(ACCOUNT) if u.email.startswith("grace"))
    people.sso.protect_user(grace.id, people.time.replace(year=2027), "parental leave")
    page = people.page("users")
    qtbot.keyClicks(page.search, "parental")
    qtbot.waitUntil(lambda: column(page.table, 0) == ["Grace Holloway"])


def test_two_deletions_at_once_are_both_undone(people: Bench, qtbot: QtBot) -> None:
    people.desk.jobs.shutdown()
    people.desk.jobs = Jobs()
    users = [people.sso.add_user(ACCOUNT, f"q{n}@acme-media.test", f"Q {n}", "developer") for n in range(2)]
    page = people.page("users")
    qtbot.waitUntil(lambda: {u.id for u in page.table.model_.rows} >= {u.id for u in users})
    for user in users:
        assert page.table.select_where(lambda u, user=user: u.id == user.id)
        page.delete()
    qtbot.waitUntil(lambda: len(page._done) == 2)
    for left in (1, 0):
        page.undo()
        qtbot.waitUntil(lambda left=left: sum(not people.sso.user(u.id).active for u in users) == left)  # type: ignore[misc]
        qtbot.waitUntil(lambda left=left: len(page._done) == left)  # type: ignore[misc]
