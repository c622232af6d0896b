"""A person imports the directory's list, answers what only they know, and finds who left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot

from simulator import directory_csv
from tests.gui.bench import ACCOUNT, Bench, column, flush, press, texts
from tests.gui.test_stale import save, select

PEOPLE = ("ada", "grace", "linus", "margaret", "zoe")


@pytest.fixture
def crowd(bench: Bench) -> Bench:
    """Five people who logged in yesterday; Linus has left the directory since."""
    bench.connect()
    for name in PEOPLE:
        assert bench.log_in(name).allowed
    bench.later(days=1)
    bench.idp.tenant = bench.idp.tenant.without_user("linus")
    return bench


@pytest.fixture
def file(crowd: Bench, tmp_path: Path) -> Path:
    path = tmp_path / "entra-users.csv"
    path.write_text(directory_csv(crowd.idp.tenant, vendor="entra"), "utf-8", newline="")
    return path


def moment(bench: Bench, **back: float) -> str:
    return f"{bench.time:%Y-%m-%d %H:%M:%S}"


def test_from_the_empty_page_to_who_left_and_back(crowd: Bench, file: Path, qtbot: QtBot, tmp_path: Path) -> None:
    page = crowd.page("stale")
    assert page.empty.isVisible()
    press(page.empty, "Import a list")
    panel = page.importing
    assert "Only the directory knows who left" in texts(panel)
    assert not panel.import_button.isEnabled()
    panel.take(file)
    flush()
    assert panel.facts.text() == "entra-users.csv: Microsoft Entra ID, 7 rows, UTF-8, comma."
    assert panel.would.text() == "Say whether the list holds everybody."
    panel.whole.click()
    assert panel.would.text().startswith("Say when the list was taken")
    qtbot.keyClicks(panel.when, "yesterday")
    assert not panel.import_button.isEnabled()
    panel.when.clear()
    qtbot.keyClicks(panel.when, moment(crowd))
    flush()
    assert panel.would.text() == "4 users found, 0 disabled, 1 missing."
    assert crowd.sso.directory_lists(ACCOUNT) == ()
    press(panel, "Import")
    assert "1 missing" in page.banner.text
    assert column(page.table, 0) == ["Deleted at the IdP"]
    assert column(page.table, 3) == ["linus@acme-media.test"]
    assert page.free_figure.value.text() == "1"
    select(page, "linus@acme-media.test")
    assert "entra-users.csv" in texts(page.why_card)
    press(page, "Review 1 selected")
    save(page, tmp_path)
    from tests.gui.bench import answer

    answer("Delete 1 user")
    press(page.review_card, "Delete 1 user")
    assert [u.email for u in crowd.sso.users(ACCOUNT) if u.email.startswith("linus")] == []
    press(page.hand_off, "Done")
    press(page, "Lists and clean-ups")
    assert column(page.kept.lists, 0) == ["Counts"]
    press(page.kept, "Look again")
    assert "All 1 are still gone" in page.kept.banner.text
    press(page.kept, "Undo")
    assert "1 user restored." in page.kept.banner.text
    press(page.kept, "Look again")
    assert "The deletion was undone" in page.kept.banner.text
    press(page.kept, "Take it back")
    assert column(page.kept.lists, 0) == ["Taken back"]
    press(page.kept, "Back")
    assert page.empty.isVisible()


def test_a_list_that_is_held_back_is_confirmed_by_typing(crowd: Bench, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "short.csv"
    path.write_text("mail\nada@acme-media.test\ngrace@acme-media.test\n")
    page = crowd.page("stale")
    assert page.drop(path)
    panel = page.importing
    panel.whole.click()
    panel.when.setText(moment(crowd))
    panel.when.textEdited.emit("")
    flush()
    assert "wait for your confirmation: 3 of 5 users (60 %)" in panel.would.text()
    press(panel, "Import")
    assert "held back" in page.banner.text
    assert page.table.model_.rows == []
    press(page.banner, "Look at it")
    assert column(page.kept.lists, 0) == ["Held back"]
    assert not page.kept.confirm_button.isEnabled()
    qtbot.keyClicks(page.kept.typed, ACCOUNT)
    press(page.kept, "Let it count")
    assert column(page.kept.lists, 0) == ["Counts"]
    press(page.kept, "Back")
    assert len(page.table.model_.rows) == 3


def test_problems_are_listed_row_by_row_and_nothing_is_imported(crowd: Bench, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("mail,upn\nada@acme-media.test,ada@x.test\nnobody,b@x.test\nADA@acme-media.test,c@x.test\n")
    page = crowd.page("stale")
    assert page.drop(path)
    panel = page.importing
    assert "2 rows cannot be read, so nothing is imported." in panel.banner.text
    table = next(t for t in panel.findChildren(QTableView) if t.accessibleName() == "Rows with problems")
    assert column(table, 0) == ["3", "4"]
    assert "stands in row 2 already" in column(table, 1)[1]
    panel.whole.click()
    panel.now_button.click()
    assert not panel.import_button.isEnabled()
    panel.key_box.setCurrentIndex(panel.key_box.findData("upn"))
    panel.key_box.activated.emit(0)
    flush()
    assert panel.banner.text == ""
    assert panel.import_button.isEnabled()


def test_what_is_no_list_is_said_and_an_encoding_can_be_named(crowd: Bench, tmp_path: Path) -> None:
    page = crowd.page("stale")
    page.show_import()
    panel = page.importing
    book = tmp_path / "people.csv"
    book.write_bytes(b"PK\x03\x04....")
    panel.take(book)
    assert "Excel workbook" in panel.banner.text
    panel.take(tmp_path / "missing.csv")
    assert "cannot be read" in panel.banner.text
    assert not panel.asked.isVisible()


def test_one_page_of_several_cannot_be_called_complete(crowd: Bench, tmp_path: Path) -> None:
    path = tmp_path / "page.json"
    path.write_text('{"value": [{"mail": "ada@acme-media.test"}], "@odata.nextLink": "https://graph.example/next"}')
    page = crowd.page("stale")
    assert page.drop(path)
    assert not page.importing.whole.isEnabled()
    assert page.importing.part.isChecked()


def test_a_login_after_the_list_is_shown_as_a_contradiction(crowd: Bench, file: Path) -> None:
    page = crowd.page("stale")
    page.drop(file)
    page.importing.whole.click()
    page.importing.now_button.click()
    press(page.importing, "Import")
    crowd.later(hours=1)
    person = crowd.idp.tenant.user("ada")
    assert person is not None
    linus = replace(person, username="linus", email="linus@acme-media.test", full_name="Linus Okonkwo", role="finance")
    crowd.idp.tenant = crowd.idp.tenant.with_user(linus)
    assert crowd.log_in("linus").allowed
    flush()
    assert column(page.table, 0) == ["Contradicted"]
    assert "Outdated" in page.list_pill.word
    assert page.free_figure.value.text() == "0"
    press(page, "Copy e-mails")
    assert QGuiApplication.clipboard().text() == ""


@pytest.fixture
def served(crowd: Bench) -> Iterator[Bench]:
    crowd.lab.save_tenant(crowd.idp.tenant)
    crowd.lab.start()
    yield crowd
    crowd.lab.stop()


def test_the_running_test_idp_is_asked_over_http(served: Bench) -> None:
    page = served.page("stale")
    page.show_import()
    panel = page.importing
    press(panel, "Ask the test IdP")
    assert "SCIM 2.0, 7 rows" in panel.facts.text()
    assert panel.taken_at() is not None
    panel.whole.click()
    press(panel, "Import")
    assert column(page.table, 3) == ["linus@acme-media.test"]


def test_the_test_idp_tells_who_may_use_the_account(served: Bench) -> None:
    """Somebody assigned to this very account alone is on its list."""
    served.lab.connect(ACCOUNT)
    ada = served.lab.tenant.user("ada")
    assert ada is not None
    served.lab.save_tenant(served.lab.tenant.with_user(replace(ada, applications=(ACCOUNT,))))
    page = served.page("stale")
    page.show_import()
    panel = page.importing
    press(panel, "Ask the test IdP")
    assert "SCIM 2.0, 7 rows" in panel.facts.text()
    panel.kind_box.setCurrentIndex(panel.kind_box.findData("assignments"))
    panel.kind_box.activated.emit(panel.kind_box.currentIndex())
    assert "SCIM 2.0, 6 rows" in panel.facts.text(), "another list is asked for at once"
    panel.whole.click()
    press(panel, "Import")
    assert column(page.table, 3) == ["linus@acme-media.test"]
    assert column(page.table, 0) == ["Unassigned from the application"]


def test_a_stopped_test_idp_is_said(crowd: Bench) -> None:
    page = crowd.page("stale")
    page.show_import()
    press(page.importing, "Ask the test IdP")
    assert "The test IdP is stopped" in page.importing.banner.text


def test_cancelling_in_the_middle_changes_nothing(crowd: Bench, tmp_path: Path) -> None:
    """With a real thread: the work is stopped between two rows."""
    from app.gui.jobs import Progress
    from app.gui.leavers.importing import Stopped, take_file

    path = tmp_path / "many.csv"
    path.write_text("mail\n" + "".join(f"u{n}@acme-media.test\n" for n in range(20_000)))
    seen: list[int] = []
    progress = Progress(lambda done, _total, _text: (seen.append(done), done >= 4000 and progress.cancel()))
    with pytest.raises(Stopped):
        take_file(progress, path)
    assert max(seen) < 20_000
    assert crowd.sso.directory_lists(ACCOUNT) == ()


def test_what_seats_cost_is_shown(crowd: Bench, file: Path) -> None:
    crowd.sso.update_account(ACCOUNT, seat_price="9.50 EUR")
    page = crowd.page("stale")
    page.drop(file)
    page.importing.whole.click()
    page.importing.now_button.click()
    press(page.importing, "Import")
    assert page.free_figure.caption.text() == "could be freed, 9.50 EUR"
    select(page, "linus@acme-media.test")
    assert page.after_figure.caption.text() == "after deleting 1, saves 9.50 EUR"


def test_a_list_dropped_anywhere_goes_to_the_import(crowd: Bench, file: Path) -> None:
    crowd.page("overview")
    crowd.window.take_file(file)
    flush()
    page = crowd.window.page("stale")
    assert crowd.window.current is page
    assert "entra-users.csv" in page.importing.facts.text()  # type: ignore[attr-defined]
    assert page.importing.isVisible(), "what the page loads at first must not take its place"  # type: ignore[attr-defined]


def test_nothing_can_be_pressed_before_there_is_a_clean_up(crowd: Bench) -> None:
    page = crowd.page("stale")
    for made in (page.kept.verify_button, page.kept.list_button, page.kept.undo_button):
        assert not made.isEnabled()
