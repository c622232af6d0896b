from __future__ import annotations

import csv
import threading
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.gui.jobs import Jobs
from tests.gui.bench import ACCOUNT, HOSTILE, Bench, answer, column, flush, press, texts


@pytest.fixture
def old(bench: Bench) -> Bench:
    """An account where Grace is dormant, two people never logged in, and Ada is active."""
    bench.connect()
    bench.log_in("ada")
    bench.log_in("grace")
    bench.sso.add_user(ACCOUNT, "press@acme-media.test", "Press Office", "finance")
    bench.sso.add_user(ACCOUNT, "temp@agency.test", "Temp", "developer")
    bench.later(days=95)
    ada = next(u for u in bench.sso.users(ACCOUNT) if u.email.startswith("ada"))
    bench.sso.save_metadata(ACCOUNT, bench.idp.metadata(), test_idp=True)
    assert bench.log_in("ada").allowed
    assert ada.active
    return bench


def select(page: object, *emails: str) -> None:
    page._select(frozenset(r.user.id for r in page.table.model_.rows if r.user.email in emails))  # type: ignore[attr-defined]
    flush()


def save(page: object, folder: Path) -> None:
    page.review_card.save_plan(folder / "plan.csv")  # type: ignore[attr-defined]
    flush()


def test_nobody_stale_is_said(bench: Bench) -> None:
    page = bench.page("stale")
    assert page.empty.isVisible()
    assert "Nobody is stale" in texts(page.empty)


def test_rows_have_state_evidence_and_reason(old: Bench) -> None:
    page = old.page("stale")
    assert sorted(column(page.table, 3)) == ["grace@acme-media.test", "press@acme-media.test", "temp@agency.test"]
    assert set(column(page.table, 0)) == {"Dormant", "Never logged in"}
    assert page.used_figure.value.text() == "4 / 5"
    assert page.free_figure.value.text() == "3"
    select(page, "grace@acme-media.test")
    told = texts(page.why_card)
    assert "Why is Grace Holloway on the list?" in told
    assert "Last login 95 days ago (threshold 90 days)." in told
    assert "login log" in told
    assert page.after_figure.value.text() == "3 / 5"


def test_the_threshold_is_changed_here(old: Bench, qtbot: QtBot) -> None:
    page = old.page("stale")
    page.dormant_box.setValue(120)
    qtbot.waitUntil(lambda: "grace@acme-media.test" not in column(page.table, 3))
    assert old.sso.settings()["dormant_days"] == 120


def test_select_review_delete_hand_off_undo(old: Bench, tmp_path: Path) -> None:
    page = old.page("stale")
    assert not page.review_button.isEnabled()
    select(page, "grace@acme-media.test", "temp@agency.test")
    press(page, "Review 2 selected")
    assert page.review_card.isVisible()
    assert page.review_card.plan_text.text() == "2 of 5 seats are used afterwards."
    assert not page.used_figure.isVisible(), "the plan needs the room"
    press(page.review_card, "Cancel")
    assert page.used_figure.isVisible()
    press(page, "Review 2 selected")
    assert len(old.sso.users(ACCOUNT)) == 4
    assert not page.review_card.delete_button.isEnabled(), "the evidence is saved before anybody is deleted"
    page.review_card.save_plan(tmp_path / "missing" / "plan.csv")
    assert "cannot be written" in page.review_card.plan_banner.text
    assert not page.review_card.delete_button.isEnabled()
    save(page, tmp_path)
    with (tmp_path / "plan.csv").open(newline="") as f:
        assert {r["state"] for r in csv.DictReader(f)} == {"dormant", "never-logged-in"}
    answer("Cancel")
    press(page.review_card, "Delete 2 users")
    assert len(old.sso.users(ACCOUNT)) == 4
    asked = answer("Delete 2 users")
    press(page.review_card, "Delete 2 users")
    assert "undone for 30 days" in asked[0]
    assert sorted(u.email for u in old.sso.users(ACCOUNT)) == ["ada@acme-media.test", "press@acme-media.test"]
    assert "2 users deleted" in page.banner.text
    assert [page.hand_off.list.item(i).text() for i in range(2)] == ["grace@acme-media.test", "temp@agency.test"]
    page.hand_off.list.item(0).setCheckState(Qt.CheckState.Checked)
    assert page.hand_off.count.text() == "1 of 2 removed at the service provider"
    (kept,) = old.sso.cleanups(ACCOUNT)
    assert [i.email for i in kept.items if i.user_id in kept.ticked] == ["grace@acme-media.test"]
    assert "All 2 are still gone. 2 of 5 seats are used" in page.banner.text
    page.hand_off.list.setCurrentRow(1)
    press(page.hand_off, "Copy one")
    assert QGuiApplication.clipboard().text() == "temp@agency.test"
    press(page, "Undo")
    assert len(old.sso.users(ACCOUNT)) == 4
    assert "2 users restored" in page.banner.text


def test_who_logs_in_after_the_plan_was_made_stays(old: Bench, tmp_path: Path) -> None:
    page = old.page("stale")
    select(page, "grace@acme-media.test", "temp@agency.test")
    press(page, "Review 2 selected")
    old.later(minutes=1)
    assert old.log_in("grace").allowed
    save(page, tmp_path)
    answer("Delete 2 users")
    press(page.review_card, "Delete 2 users")
    assert "1 user deleted, 1 left out (grace@acme-media.test: Logged in since" in page.banner.text
    assert "grace@acme-media.test" in [u.email for u in old.sso.users(ACCOUNT)]


def test_an_administrator_takes_a_typed_number(old: Bench, qtbot: QtBot, tmp_path: Path) -> None:
    old.sso.add_user(ACCOUNT, "second@acme-media.test", "Second", "account_administrator")
    old.later(days=20)
    page = old.page("stale")
    select(page, "second@acme-media.test")
    press(page, "Review 1 selected")
    card = page.review_card
    assert not card.delete_button.isEnabled()
    save(page, tmp_path)
    qtbot.keyClicks(card.type_field, "2")
    assert not card.delete_button.isEnabled()
    card.type_field.clear()
    qtbot.keyClicks(card.type_field, "1")
    assert card.delete_button.isEnabled()
    answer("Delete 1 user")
    press(page.review_card, "Delete 1 user")
    assert "second@acme-media.test" not in [u.email for u in old.sso.users(ACCOUNT)]


def test_the_last_administrator_cannot_be_reviewed_away(old: Bench) -> None:
    old.later(days=200)
    page = old.page("stale")
    select(page, "ada@acme-media.test")
    assert "last account administrator" in texts(page.why_card)
    press(page, "Review 1 selected")
    assert "protected" in page.review_card.plan_banner.text
    assert not page.review_card.delete_button.isEnabled()
    assert not page.review_card.plan_export.isEnabled()


def test_keeping_somebody_with_a_reason(old: Bench, qtbot: QtBot) -> None:
    page = old.page("stale")
    select(page, "press@acme-media.test")
    qtbot.keyClicks(page.why_card.keep_reason, "shared mailbox")
    press(page, "Keep for 90 days")
    kept = next(u for u in old.sso.users(ACCOUNT) if u.email.startswith("press"))
    assert kept.keep_why == "shared mailbox"
    assert "Protected" in column(page.table, 0)
    assert page.free_figure.value.text() == "2"
    select(page, "press@acme-media.test")
    press(page, "Keep no longer")
    assert "Protected" not in column(page.table, 0)


def test_the_list_is_exported_with_its_reasons(old: Bench, tmp_path: Path) -> None:
    page = old.page("stale")
    page.write(list(page.table.model_.rows), tmp_path / "stale.csv")
    with (tmp_path / "stale.csv").open(newline="") as f:
        rows = list(csv.DictReader(f))
    grace = next(r for r in rows if r["email"].startswith("grace"))
    assert (grace["state"], grace["evidence"]) == ("dormant", "possible")
    assert "95 days ago" in grace["why"]
    assert grace["last_login_utc"].endswith("Z")


def test_e_mails_are_copied_sorted(old: Bench) -> None:
    page = old.page("stale")
    press(page, "Copy e-mails")
    assert QGuiApplication.clipboard().text().splitlines() == [
        "grace@acme-media.test",
        "press@acme-media.test",
        "temp@agency.test",
    ]


def test_the_search_narrows_the_list(old: Bench, qtbot: QtBot) -> None:
    page = old.page("stale")
    qtbot.keyClicks(page.search, "agency")
    qtbot.waitUntil(lambda: column(page.table, 3) == ["temp@agency.test"])
    assert page.count.text() == "1 of 3 users"


def test_hostile_names_stay_text(bench: Bench) -> None:
    bench.sso.add_user(ACCOUNT, "x@acme-media.test", HOSTILE, "developer")
    bench.later(days=30)
    page = bench.page("stale")
    select(page, "x@acme-media.test")
    assert HOSTILE in texts(page.why_card)
    for made in page.findChildren(QLabel):
        assert made.textFormat() == Qt.TextFormat.PlainText or not made.text()


def test_a_large_clean_up_is_stopped_half_way_by_its_button(bench: Bench, tmp_path: Path, qtbot: QtBot) -> None:
    """In threads, as in the program: the store keeps nothing of what was begun."""
    sso = bench.sso
    sso.update_account(ACCOUNT, seat_limit=1000)
    sso.add_user(ACCOUNT, "boss@acme-media.test", "Boss", "account_administrator")
    for n in range(60):
        sso.add_user(ACCOUNT, f"u{n}@acme-media.test", f"U {n}", "developer")
    bench.later(days=120)
    bench.desk.jobs.shutdown()
    bench.desk.jobs = Jobs()
    page = bench.page("stale")
    qtbot.waitUntil(lambda: len(page.table.model_.rows) == 61)
    select(page, *(f"u{n}@acme-media.test" for n in range(60)))
    press(page, "Review 60 selected")
    card = page.review_card
    qtbot.waitUntil(card.isVisible)
    card.save_plan(tmp_path / "plan.csv")
    qtbot.waitUntil(card.type_field.hasFocus)
    qtbot.keyClicks(card.type_field, "60")
    entered, go_on = threading.Event(), threading.Event()
    clean_up = sso.apply_cleanup

    def slow(*args: Any, told: Any, **more: Any) -> Any:
        def waiting(done: int, total: int) -> None:
            entered.set()
            assert go_on.wait(20)
            told(done, total)

        return clean_up(*args, told=waiting, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sso, "apply_cleanup", slow)
        answer("Delete 60 users")
        press(card, "Delete 60 users")
        assert entered.wait(20)
        assert card.bar.isVisible()
        assert not card.delete_button.isEnabled()
        press(card, "Stop")
        assert card.cancel_button.text() == "Stopping ..."
        go_on.set()
        qtbot.waitUntil(lambda: "Stopped. Nobody was deleted" in card.plan_banner.text)
    assert len(sso.users(ACCOUNT)) == 61
    assert sso.cleanups(ACCOUNT) == ()
    assert card.cancel_button.text() == "Cancel"
    answer("Delete 60 users")
    press(card, "Delete 60 users")
    qtbot.waitUntil(lambda: "60 users deleted" in page.banner.text)
    assert len(sso.users(ACCOUNT)) == 1


def test_a_rename_is_taken_back_from_the_banner(bench: Bench) -> None:
    bench.connect()
    bench.log_in("ada")
    bench.log_in("grace")
    bench.later(days=1)
    bench.person("grace", email="grace.new@acme-media.test")
    bench.log_in("grace")
    page = bench.page("stale")
    select(page, "grace@acme-media.test")
    answer("Treat as rename")
    press(page.why_card, "Treat as rename")
    assert "grace.new@acme-media.test keeps one seat" in page.banner.text
    press(page.banner, "Undo")
    assert "are two users again" in page.banner.text
    assert {u.email for u in bench.sso.users(ACCOUNT)} >= {"grace@acme-media.test", "grace.new@acme-media.test"}
