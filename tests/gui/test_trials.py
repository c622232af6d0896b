from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.gui.jobs import Jobs
from app.gui.pages.trials.matrix import Matrix
from app.gui.trial_work import Line, effect, kept_report, lines, merged
from app.trial import TrialReport, TrialRow, run_trial
from simulator import KeyRing, find_fault
from tests.gui.bench import Bench, answer, column, flush, press, texts


@pytest.fixture(scope="module")
def trial_keys() -> KeyRing:
    """Keys of the trials' own, made once."""
    from app.bootstrap import system_clock

    ring = KeyRing.in_memory(system_clock)
    ring.pair()
    return ring


@pytest.fixture(scope="module")
def tried(trial_keys: KeyRing) -> TrialReport:
    """A real trial of a few faults."""
    return run_trial(["ok-assertion-signed", "xsw1", "id-nameid-missing"], keys=trial_keys)


@pytest.fixture
def page(bench: Bench, trial_keys: KeyRing) -> Any:
    made = bench.page("trials").matrix
    made._keys = trial_keys
    return made


def narrow(page: Any, text: str, qtbot: QtBot) -> None:
    page.search.setText(text)
    qtbot.waitUntil(lambda: all(text in f for f in column(page.table, 0)) and bool(page.table.model_.rows))


def choose_result(page: Any, result: str) -> None:
    page.result.setCurrentIndex(page.result.findData(result))
    page.result.activated.emit(page.result.currentIndex())
    flush()


def test_before_the_first_trial_the_page_teaches(page: Any) -> None:
    assert page.empty.isVisible()
    assert "thrown away" in texts(page.empty)
    assert page.first.text().startswith("Run all ")
    assert not page.run_button.isVisible()
    press(page.empty, "Choose faults")
    assert page.table.isVisible()
    assert len(page.table.model_.rows) > 500
    assert set(column(page.table, 2)) == {"Not tried"}
    assert not page.export_button.isEnabled()


def test_what_is_shown_is_run_and_compared(page: Any, qtbot: QtBot) -> None:
    press(page.empty, "Choose faults")
    narrow(page, "xsw1", qtbot)
    count = len(page.table.model_.rows)
    assert page.run_button.text() == (f"Run {count} faults" if count > 1 else "Run 1 fault")
    page.run_button.click()
    flush()
    assert set(column(page.table, 2)) == {"As expected"}
    assert page.table.model_.rows[0].row.got == "reject"
    assert page.tried.value.text() == str(count)
    assert page.good.value.text() == str(count)
    assert page.attacks.value.text() == "0"
    assert page.banner.text == ""
    assert page.run_button.isEnabled()


def test_families_narrow_the_list(page: Any) -> None:
    press(page.empty, "Choose faults")
    page.family.setCurrentIndex(page.family.findData("wrapping"))
    page.family.activated.emit(page.family.currentIndex())
    flush()
    assert {n.fault.family for n in page.table.model_.rows} == {"wrapping"}
    assert page.run_button.text() == f"Run {len(page.table.model_.rows)} faults"
    page.search.setText("nothing of that kind")
    page._fill()
    assert page.count.text() == "No fault fits the filter"
    assert not page.run_button.isEnabled()


def test_selected_faults_are_run_again_and_the_others_kept(page: Any, qtbot: QtBot) -> None:
    press(page.empty, "Choose faults")
    assert not page.rerun_button.isEnabled()
    page.open("xsw2")
    press(page, "Run selected")
    page.open("id-nameid-missing")
    flush()
    assert page.rerun_button.isEnabled()
    press(page, "Run selected")
    by_id = {n.fault.id: n.word for n in page.table.model_.rows}
    assert by_id["xsw2"] == by_id["id-nameid-missing"] == "As expected"
    assert page.tried.value.text() == "2"
    assert page._shown.fault.id == "id-nameid-missing"


def test_the_sheet_explains_and_the_message_opens_as_it_was_judged(page: Any, bench: Bench) -> None:
    page.open("id-nameid-missing")
    flush()
    assert "not tried yet" in page.verdict.detail.text()
    assert not page.inspect_button.isEnabled()
    page.table.opened.emit(page.table.current)
    assert "Run it first" in page.banner.text
    press(page, "Run selected")
    assert page.verdict.pill.word == "As expected"
    assert "nameid-present" in texts(page)
    assert "nameid-present" in [f.id for f in page.checks.model_.rows if f.status == "fail"]
    press(page, "Inspect")
    inspector = bench.window.current
    assert inspector is not None
    assert inspector.name == "inspector"
    shown = inspector._examined.report  # type: ignore[attr-defined]
    assert shown is page._shown.row.report
    assert shown.check("nameid-present").status == "fail"
    # Asked for something else, it is judged again: the account in hand does not know that identity provider.
    against = inspector.bar.against  # type: ignore[attr-defined]
    against.setCurrentIndex(against.findData("ik_7x2k"))
    inspector.bar._choose_against()  # type: ignore[attr-defined]
    assert inspector._examined.report is not shown  # type: ignore[attr-defined]


def test_a_fault_goes_to_the_simulator(page: Any, bench: Bench) -> None:
    page.open("xsw1")
    flush()
    page.simulator_button.click()
    flush()
    assert bench.lab.active_faults == ("xsw1",)
    assert bench.window.current is bench.window.page("simulator")


def test_an_unknown_fault_is_told(page: Any) -> None:
    page.open("no-such-fault")
    flush()
    assert "There is no fault no-such-fault" in page.banner.text


def test_results_belong_to_their_vendor(page: Any) -> None:
    page.open("xsw1")
    press(page, "Run selected")
    page.vendor.setCurrentIndex(page.vendor.findData("okta"))
    page.vendor.activated.emit(page.vendor.currentIndex())
    flush()
    assert page.tried.value.text() == "0"
    page.open("xsw1")
    press(page, "Run selected")
    assert page.tried.value.text() == "1"
    assert {v: len(r.rows) for v, r in page._reports.items()} == {"generic": 1, "okta": 1}


def test_surprises_stand_out(page: Any, tried: TrialReport) -> None:
    """A result that is not as expected cannot be had from a service provider that is right: one is edited."""
    from dataclasses import replace

    rows = tuple(
        replace(r, got="accept", as_expected=False, why="Expected reject, got accept.") if r.id == "xsw1" else r
        for r in tried.rows
    )
    page._reports["generic"] = replace(tried, rows=rows)
    page.enter()
    page.refresh()
    choose_result(page, "surprise")
    flush()
    assert column(page.table, 0) == ["xsw1"]
    assert column(page.table, 2) == ["Surprise"]
    assert (page.bad.value.text(), page.attacks.value.text()) == ("1", "1")
    page.table.selectRow(0)
    flush()
    assert page.verdict.headline.text() == "Expected reject, got accept."
    assert page.verdict.pill.state == "fail"
    page._reports["generic"] = tried
    page.refresh()
    assert page.count.text() == "No surprises here"


def test_results_narrow_the_list(page: Any, tried: TrialReport) -> None:
    page._reports["generic"] = tried
    page.enter()
    page.refresh()
    choose_result(page, "good")
    assert set(column(page.table, 0)) == {"ok-assertion-signed", "xsw1", "id-nameid-missing"}
    choose_result(page, "untried")
    assert set(column(page.table, 2)) == {"Not tried"}
    choose_result(page, "attack")
    assert page.count.text() == "No surprises here"


def test_the_cause_is_told_beside_the_checks(page: Any) -> None:
    page.open("id-nameid-missing")
    flush()
    assert not page.sides.isTabEnabled(1)
    press(page, "Run selected")
    assert page.sides.isTabEnabled(1)
    page.sides.setCurrentIndex(1)
    flush()
    assert page._shown.row.report.diagnosis[0].title in texts(page.causes)
    page.causes.asked.emit("nameid-present")
    assert page.sides.currentIndex() == 0
    assert page.checks.current.id == "nameid-present"


def test_a_trial_goes_on_with_what_is_missing(page: Any, qtbot: QtBot) -> None:
    press(page.empty, "Choose faults")
    narrow(page, "id-nameid-b", qtbot)
    names = column(page.table, 0)
    assert len(names) >= 3
    assert not page.continue_button.isVisible()
    page._start(names[:1])
    flush()
    first = page.table.model_.rows[0].row
    press(page, f"Continue with {len(names) - 1} missing")
    assert set(column(page.table, 2)) == {"As expected"}
    assert page.table.model_.rows[0].row is first
    assert not page.continue_button.isVisible()


def test_results_outlive_the_window(page: Any, bench: Bench, trial_keys: KeyRing) -> None:
    page.open("xsw1")
    press(page, "Run selected")
    page.open("id-nameid-missing")
    press(page, "Run selected")
    again = Matrix(bench.desk)
    again.refresh()
    flush()
    assert again.tried.value.text() == "2"
    rows = {n.fault.id: n for n in again.table.model_.rows if n.row is not None}
    assert rows["xsw1"].word == "As expected"
    before = next(n for n in page.table.model_.rows if n.fault.id == "xsw1")
    assert (rows["xsw1"].got, rows["xsw1"].effect) == (before.got, before.effect)
    # The message itself is not kept, and that is told.
    again.inspect(rows["xsw1"])
    assert "earlier run" in again.banner.text
    again.forget()
    flush()
    assert again.tried.value.text() == "0"
    assert list((bench.workspace.folder / "trials").iterdir()) == []
    again.close()


def test_forgetting_asks_first(page: Any) -> None:
    page.open("xsw1")
    press(page, "Run selected")
    asked = answer("Cancel")
    page.forget_button.click()
    assert "Forget these results?" in asked[0]
    assert page.tried.value.text() == "1"
    answer("Forget results")
    page.forget_button.click()
    flush()
    assert page.tried.value.text() == "0"
    assert page._stack.currentIndex() == 1


@pytest.mark.parametrize("damage", ["{}\n", "not json\n", "\x00" * 10])
def test_a_file_of_results_that_cannot_be_used_gives_way(damage: str, page: Any, bench: Bench) -> None:
    folder = bench.workspace.folder / "trials"
    folder.mkdir()
    (folder / "generic.jsonl").write_text(damage, "utf-8")
    page.open("xsw1")
    press(page, "Run selected")
    assert page.tried.value.text() == "1"
    kept = kept_report(folder, "generic")
    assert kept is not None
    assert [r.id for r in kept.rows] == ["xsw1"]


def test_a_folder_that_cannot_be_written_is_told(page: Any, bench: Bench) -> None:
    (bench.workspace.folder / "trials").write_text("a file where the folder should be")
    page.open("xsw1")
    press(page, "Run selected")
    assert page.banner.isVisible()
    assert page.run_button.isEnabled()


def test_running_shows_progress_and_is_cancelled(bench: Bench, qtbot: QtBot, trial_keys: KeyRing) -> None:
    bench.desk.jobs = Jobs()
    page = bench.page("trials").matrix
    page._keys = trial_keys
    qtbot.waitUntil(lambda: "faults" in page.first.text())
    page.first.click()
    assert page._running.isVisible()
    assert not page.run_button.isEnabled()
    qtbot.waitUntil(lambda: page._running.bar.value() >= 3, timeout=20_000)
    assert " of " in page._running.text.text()
    page._running.cancel_button.click()
    assert page._running.text.text() == "Stopping ..."
    qtbot.waitUntil(lambda: page._running.progress is None, timeout=20_000)
    assert not page._running.isVisible()
    assert "stopped before its end" in page.banner.text
    assert 3 <= int(page.tried.value.text().replace(",", "")) < len(page.table.model_.rows)


def test_a_window_that_closes_stops_its_trial(bench: Bench, qtbot: QtBot, trial_keys: KeyRing) -> None:
    bench.desk.jobs = Jobs()
    page = bench.page("trials").matrix
    page._keys = trial_keys
    qtbot.waitUntil(lambda: "faults" in page.first.text())
    page.first.click()
    qtbot.waitUntil(lambda: page._running.bar.value() >= 1, timeout=20_000)
    progress = page._running.progress
    bench.window.close()
    bench.desk.jobs.shutdown()
    assert progress.cancelled
    assert page._running.bar.value() < page._running.bar.maximum()


@pytest.mark.parametrize("form", ["junit", "jsonl", "html", "text"])
def test_reports_hold_what_is_shown(page: Any, tried: TrialReport, tmp_path: Path, form: Any, qtbot: QtBot) -> None:
    page._reports["generic"] = tried
    page.enter()
    page.refresh()
    narrow(page, "xsw1", qtbot)
    path = tmp_path / f"trial.{form}"
    page.save(form, path)
    assert "1 fault written to" in page.banner.text
    written = path.read_text("utf-8")
    assert "id-nameid-missing" not in written
    if form == "jsonl":
        row, total = (json.loads(line) for line in written.splitlines())
        assert (row["fault"], row["got"]["verdict"], total["rows"]) == ("xsw1", "reject", 1)
    elif form == "text":
        assert "1 of 1 faults are as expected" in written
    else:
        assert "xsw1" in written
    page.save(form, tmp_path / "missing" / "trial")
    assert "cannot be written" in page.banner.text


def test_nothing_to_save_is_told(page: Any, tmp_path: Path) -> None:
    page.enter()
    page.save("html", tmp_path / "trial.html")
    assert "Nothing was tried yet" in page.banner.text
    assert list(tmp_path.iterdir()) == []


def test_what_messages_say_stays_text(page: Any, tried: TrialReport) -> None:
    from dataclasses import replace

    hostile = "<img src='file:///etc/hostname'>\u202e"
    page._reports["generic"] = replace(tried, rows=tuple(replace(r, sentence=hostile) for r in tried.rows))
    page.open("xsw1")
    flush()
    assert page.verdict.headline.text() == "<img src='file:///etc/hostname'>⟨U+202E⟩"
    index = page.table.model_.index(0, 2)
    assert "<img" not in str(page.table.model_.data(index, Qt.ItemDataRole.ToolTipRole))
    for made in page.findChildren(QLabel):
        assert made.textFormat() == Qt.TextFormat.PlainText or not made.text()


# The wording of a line ------------------------------------------------------------------------------------------------


def of(report: TrialReport, fault: str) -> TrialRow:
    return next(r for r in report.rows if r.id == fault)


def test_effects_in_words(tried: TrialReport) -> None:
    from dataclasses import replace

    good, bad = of(tried, "ok-assertion-signed"), of(tried, "xsw1")
    assert effect(good).startswith("User created as Developer, seats ")
    assert effect(bad) == "No change"
    promoted = replace(good, role_before="developer", role_after="finance", seats_before=3, seats_after=3)
    assert effect(promoted) == "Role Developer to Finance"
    assert effect(replace(promoted, role_after="developer", outcome="updated")) == "Updated"
    assert effect(replace(promoted, role_after=None)) == "User deleted"


def test_lines_name_the_expected_check_where_it_is_among_those_that_decided(tried: TrialReport) -> None:
    fault = find_fault("xsw1")
    (line,) = lines([fault], {r.id: r for r in tried.rows})
    assert line.expected.startswith(f"Rejected: {fault.checks[0]}")
    assert line.got.startswith("Rejected: ")
    assert line.got.split(": ")[1].split(" ")[0] in fault.checks
    assert not line.surprising
    assert not line.accepted_attack
    untried = Line(fault, None)
    assert (untried.word, untried.got, untried.effect) == ("Not tried", "", "")
    control = find_fault("ok-assertion-signed")
    (good,) = lines([control], {r.id: r for r in tried.rows})
    assert (good.expected, good.got) == ("Accepted", "Accepted")


def test_newer_rows_replace_older_ones(tried: TrialReport) -> None:
    from dataclasses import replace

    newer = replace(tried, rows=tuple(replace(r, why="again") for r in tried.rows if r.id == "xsw1"))
    both = merged(tried, newer)
    assert [r.id for r in both.rows] == [r.id for r in tried.rows]
    assert [r.id for r in both.rows if r.why == "again"] == ["xsw1"]
    assert merged(None, tried) is tried
