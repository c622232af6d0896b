from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from app.gui.jobs import Jobs
from app.scenarios import shipped
from simulator import KeyRing
from tests.gui.bench import HOSTILE, Bench, column, flush, press, texts

MINE = """
title = "Mine"
about = "One expectation is wrong."
[[steps]]
do = "log-in"
who = "grace"
note = "She comes first."
expect = { verdict = "accept", role = "finance" }
[[steps]]
do = "delete-user"
who = "nobody"
[[steps]]
do = "look"
"""


@pytest.fixture(scope="module")
def scenario_keys() -> KeyRing:
    """Keys of the scenarios' own, made once."""
    from app.bootstrap import system_clock

    ring = KeyRing.in_memory(system_clock)
    ring.pair()
    return ring


@pytest.fixture
def tab(bench: Bench, scenario_keys: KeyRing) -> Any:
    page = bench.page("trials")
    page.tabs.setCurrentIndex(1)
    flush()
    page.scenarios._keys = scenario_keys
    return page.scenarios


def narrow(tab: Any, text: str, qtbot: QtBot) -> None:
    tab.search.setText(text)
    qtbot.waitUntil(lambda: 0 < len(tab.table.model_.rows) < len(tab._lines))


def test_every_scenario_is_listed_and_what_one_is_is_told(tab: Any) -> None:
    assert len(tab.table.model_.rows) == len(shipped())
    assert set(column(tab.table, 2)) == {"Not run"}
    assert "A scenario is a chain of steps" in texts(tab)
    assert tab.run_button.text() == f"Run {len(shipped())} scenarios"
    assert not tab.export_button.isEnabled()
    assert not tab.rerun_button.isEnabled()


def test_a_scenario_is_read_run_and_its_message_opened(tab: Any, bench: Bench) -> None:
    bench.window.page("trials").open(("scenario", "promoted"))  # type: ignore[attr-defined]
    flush()
    assert column(tab.steps, 1)[0] == "linus logs in from the portal"
    assert set(column(tab.steps, 2)) == {"Not run"}
    assert column(tab.steps, 3)[0].startswith("verdict accept; outcome linked; role finance")
    tab.inspect(tab.steps.model_.rows[0])
    assert "not run yet" in tab.banner.text
    press(tab, "Run selected")
    assert set(column(tab.steps, 2)) == {"As expected"}
    assert tab.verdict.pill.word == "As expected"
    assert "linus@acme-media.test: Developer to Finance" in column(tab.steps, 5)[0]
    tab.steps.selectRow(1)
    flush()
    assert not tab.inspect_button.isEnabled()
    tab.inspect(tab.steps.model_.rows[1])
    assert "No message was sent" in tab.banner.text
    tab.steps.selectRow(0)
    flush()
    press(tab, "Inspect message")
    inspector = bench.window.current
    assert inspector is not None
    assert inspector.name == "inspector"
    assert inspector._examined.report is tab._shown.row.steps[0].report  # type: ignore[attr-defined]


def test_a_file_of_ones_own_shows_what_is_not_as_expected(tab: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MINE, "utf-8")
    tab.open_file(file)
    flush()
    assert tab._shown.scenario.title == "Mine"
    press(tab, "Run selected")
    assert column(tab.steps, 2) == ["Surprise", "Surprise", "Not reached"]
    assert tab.verdict.headline.text() == "Step 1: role: expected finance, got developer."
    assert column(tab.steps, 4)[0] == "role developer"
    assert tab.steps.current.step.number == 1
    assert tab.told.text().startswith("She comes first. role: expected finance, got developer. Let in;")
    assert "0 of 1 scenarios are as expected" in tab.banner.text
    # It is read anew for each run.
    file.write_text(MINE.replace('"finance"', '"developer"').replace('who = "nobody"', 'who = "grace"'), "utf-8")
    press(tab, "Run selected")
    assert column(tab.steps, 2) == ["As expected"] * 3
    file.write_text("title = 3\n", "utf-8")
    press(tab, "Run selected")
    assert "mine.toml" in tab.banner.text
    assert column(tab.steps, 2) == ["As expected"] * 3


def test_a_file_that_is_wrong_is_told_with_its_line(tab: Any, bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(f'title = "x"\n[[steps]]\ndo = "{HOSTILE[:10]}"\n', "utf-8")
    bench.window.take_file(file)
    flush()
    assert "wrong.toml, line 3: There is no action" in tab.banner.text
    assert len(tab.table.model_.rows) == len(shipped())


def test_the_list_is_narrowed_by_words_and_results(tab: Any, qtbot: QtBot) -> None:
    narrow(tab, "replay restart", qtbot)
    assert "d09-replay-after-restart" in column(tab.table, 4)
    names = column(tab.table, 4)
    tab.run_button.click()
    flush()
    assert set(column(tab.table, 2)) == {"As expected"}
    tab.search.clear()
    tab.result.setCurrentIndex(tab.result.findData("good"))
    tab._fill()
    assert column(tab.table, 4) == names
    assert tab.count.text() == f"{len(names)} scenario{'s' if len(names) > 1 else ''} · {len(names)} run, 0 surprises"
    tab.result.setCurrentIndex(tab.result.findData("surprise"))
    tab._fill()
    assert tab.count.text() == "No scenario fits the filter"
    assert not tab.run_button.isEnabled()


def test_an_unknown_scenario_is_told(tab: Any) -> None:
    tab.choose("no-such-scenario")
    assert "There is no scenario no-such-scenario" in tab.banner.text


def test_a_run_is_cancelled_and_goes_on(bench: Bench, qtbot: QtBot, scenario_keys: KeyRing) -> None:
    bench.desk.jobs = Jobs()
    page = bench.page("trials")
    page.tabs.setCurrentIndex(1)
    tab = page.scenarios
    tab._keys = scenario_keys
    qtbot.waitUntil(lambda: bool(tab.table.model_.rows), timeout=20_000)
    tab.search.setText("first login")
    qtbot.waitUntil(lambda: 2 <= len(tab.table.model_.rows) < len(tab._lines), timeout=20_000)
    total = len(tab.table.model_.rows)
    tab.run_button.click()
    assert tab._running.isVisible()
    assert not tab.run_button.isEnabled()
    qtbot.waitUntil(lambda: tab._running.bar.value() >= 1, timeout=30_000)
    tab._running.cancel_button.click()
    qtbot.waitUntil(lambda: not tab._running.busy, timeout=30_000)
    run = sum(n.row is not None for n in tab.table.model_.rows)
    assert 1 <= run < total
    assert "stopped before its end" in tab.banner.text
    assert tab.continue_button.text() == f"Continue with {total - run} missing"
    tab.continue_button.click()
    qtbot.waitUntil(lambda: not tab._running.busy, timeout=60_000)
    assert set(column(tab.table, 2)) == {"As expected"}


@pytest.mark.parametrize("form", ["junit", "jsonl", "html", "text"])
def test_reports_hold_what_is_shown(form: Any, tab: Any, tmp_path: Path) -> None:
    tab.save(form, tmp_path / "x")
    assert "Nothing was run yet" in tab.banner.text
    tab.choose("d02-letter-case")
    press(tab, "Run selected")
    path = tmp_path / f"scenarios.{form}"
    tab.save(form, path)
    assert "1 scenario written to" in tab.banner.text
    written = path.read_text("utf-8")
    assert "d02-letter-case" in written
    if form == "jsonl":
        row, total = (json.loads(line) for line in written.splitlines())
        assert (row["as_expected"], total["rows"]) == (True, 1)
    tab.save(form, tmp_path / "missing" / "x")
    assert "cannot be written" in tab.banner.text


def test_what_a_file_says_stays_text(tab: Any, tmp_path: Path) -> None:
    file = tmp_path / "hostile.toml"
    hostile = HOSTILE.replace('"', "'") + "\\u202E"
    step = f'[[steps]]\ndo = "change-person"\nwho = "{hostile}"\nnote = "{hostile}"\n'
    file.write_text(f'title = "{hostile}"\nabout = "{hostile}"\n{step}', "utf-8")
    tab.open_file(file)
    press(tab, "Run selected")
    tab.steps.selectRow(0)
    flush()
    assert "⟨U+202E⟩" in tab.told.text()
    index = tab.table.model_.index(len(tab.table.model_.rows) - 1, 0)
    shown = str(tab.table.model_.data(index, Qt.ItemDataRole.DisplayRole))
    assert "⟨U+202E⟩" in shown
    for made in tab.findChildren(QLabel):
        assert made.textFormat() == Qt.TextFormat.PlainText or not made.text()
