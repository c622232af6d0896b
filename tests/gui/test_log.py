"""The log as a person uses it: real logins of the test IdP over HTTP, filters, live tail, details, export."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from app.gui.desk import Desk
from app.gui.event_words import facts, outcome_word, person
from app.gui.log.filters import since
from app.gui.log_export import export
from app.gui.pages.compare import ComparePage
from app.gui.pages.log import LogPage
from app.saml.compare_sources import Source
from app.store import EventFilter, EventRecord
from tests.gui.desks import ACCOUNT, real_desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    with real_desk() as made:
        yield made


@pytest.fixture
def served() -> Iterator[Desk]:
    with real_desk(running=True) as made:
        yield made


def shown(qtbot: QtBot, desk: Desk) -> LogPage:
    page = LogPage(desk)
    qtbot.addWidget(page)
    page.resize(1064, 776)
    page.show()
    return page


def pick(choice: QComboBox, key: str) -> None:
    """Choose an entry as a person does."""
    choice.setCurrentIndex(choice.findData(key))
    choice.activated.emit(choice.currentIndex())


def references(page: LogPage) -> list[str]:
    return [e.reference for e in page.table.model_.rows]


class Noted:
    """What long work reports to."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.steps: list[tuple[int, int]] = []
        self.stop_after = stop_after

    def report(self, done: int, total: int, _text: str = "") -> None:
        self.steps.append((done, total))

    @property
    def cancelled(self) -> bool:
        return self.stop_after is not None and len(self.steps) >= self.stop_after


# The list --------------------------------------------------------------------------------------------------


def test_the_empty_log_logs_in_with_one_click(qtbot: QtBot, desk: Desk) -> None:
    page = shown(qtbot, desk)
    assert page.first.isVisible()
    assert not page.export.isEnabled()
    qtbot.mouseClick(page.first, Qt.MouseButton.LeftButton)
    assert len(references(page)) == 1
    assert page.table.current is not None
    assert page.table.current.outcome == "created"
    assert page.detail.verdict.pill.state == "success"
    assert [u.email for u in desk.sso.users(ACCOUNT)] == ["ada@acme-media.test"]


def test_an_attempt_shows_its_checks_changes_and_facts(qtbot: QtBot, served: Desk) -> None:
    reference = served.lab.log_in("grace", ACCOUNT).reference
    page = shown(qtbot, served)
    page.open(reference)
    assert page.detail.verdict.detail.text().startswith(reference)
    assert page.detail.checks.model_.total > 100
    assert [(c.field, c.new) for c in page.detail.changes.model_.rows][:3] == [
        ("email", "grace@acme-media.test"),
        ("full_name", "Grace Holloway"),
        ("role", "developer"),
    ]
    known = dict(page.detail.facts.model_.rows)
    assert known["Seats"] == "0 before, 1 after, of 5"
    assert known["Account"] == ACCOUNT
    assert known["NameID"] == "grace@acme-media.test"
    page.detail.copy_reference()
    assert QGuiApplication.clipboard().text() == reference
    page.detail.copy_event()
    assert json.loads(QGuiApplication.clipboard().text())["outcome"] == "created"


def test_a_rejected_login_names_the_failed_check_first(qtbot: QtBot, served: Desk) -> None:
    outcome = served.lab.log_in("grace", ACCOUNT, faults=["sig-tampered-role"])
    page = shown(qtbot, served)
    page.table.selectRow(0)
    assert page.detail.verdict.pill.state == "failure"
    assert page.detail.verdict.headline.text() == served.sso.event(outcome.reference).sentence
    assert page.detail.checks.model_.rows[0].status == "fail"
    assert dict(page.detail.facts.model_.rows)["Active faults"] == "sig-tampered-role"


def test_opening_a_row_hands_its_reference_to_the_inspector(qtbot: QtBot, served: Desk) -> None:
    reference = served.lab.log_in("ada", ACCOUNT).reference
    page = shown(qtbot, served)
    page.table.selectRow(0)
    with qtbot.waitSignal(served.opened) as opened:
        qtbot.keyClick(page.table, Qt.Key.Key_Return)
    assert opened.args == ["inspector", reference]
    with qtbot.waitSignal(served.opened) as opened:
        qtbot.mouseClick(page.detail.to_inspector, Qt.MouseButton.LeftButton)
    assert opened.args == ["inspector", reference]


# Filters ---------------------------------------------------------------------------------------------------


def test_filters_are_asked_of_the_store(qtbot: QtBot, served: Desk) -> None:
    good = served.lab.log_in("ada", ACCOUNT).reference
    test = served.lab.log_in("ada", ACCOUNT, mode="test").reference
    bad = served.lab.log_in("grace", ACCOUNT, faults=["sig-tampered-role"]).reference
    page = shown(qtbot, served)
    assert references(page) == [bad, test, good]
    assert page.count.text() == "3 attempts"
    pick(page.status, "failure")
    assert references(page) == [bad]
    pick(page.status, "")
    pick(page.mode, "test")
    assert references(page) == [test]
    page.clear_filters()
    pick(page.outcome, "created")
    assert references(page) == [good]
    page.clear_filters()
    qtbot.keyClicks(page.check, served.sso.event(bad).failed_checks[0])
    qtbot.keyClick(page.check, Qt.Key.Key_Return)
    assert references(page) == [bad]
    page.clear_filters()
    qtbot.keyClicks(page.search, "grace@")
    qtbot.waitUntil(lambda: references(page) == [bad])
    pick(page.outcome, "created")
    assert references(page) == []
    assert page.count.text() == "Nothing fits the filter"
    qtbot.mouseClick(page.reset, Qt.MouseButton.LeftButton)
    assert references(page) == [bad, test, good]


def test_spans_begin_where_they_say() -> None:
    now = datetime(2026, 11, 23, 20, 36, 5, tzinfo=UTC)
    assert since("15m", now) == now - timedelta(minutes=15)
    assert since("today", now) == datetime(2026, 11, 23, tzinfo=UTC)
    assert since("7d", now) == now - timedelta(days=7)
    assert since("", now) is None


def test_the_time_filter_leaves_out_what_is_older(qtbot: QtBot, served: Desk) -> None:
    issued = served.lab.idp.issue("ada", served.lab.applications[0])
    earlier = served.sso.now() - timedelta(hours=3)
    old = served.sso.consume(issued.body, received_at=earlier).reference
    page = shown(qtbot, served)
    assert references(page) == [old]
    pick(page.span, "15m")
    assert references(page) == []
    pick(page.span, "7d")
    assert references(page) == [old]


def test_every_account_or_none(qtbot: QtBot, desk: Desk) -> None:
    stray = desk.sso.record_error("Something broke.")
    page = shown(qtbot, desk)
    assert references(page) == []
    pick(page.scope, "none")
    assert references(page) == [stray]
    pick(page.scope, "all")
    assert len(references(page)) == 2
    assert {outcome_word(e) for e in page.table.model_.rows} == {"Error", "Account changed"}
    pick(page.scope, "login")
    assert page.first.isVisible()


def test_sorting_is_asked_of_the_store(qtbot: QtBot, served: Desk) -> None:
    for name in ("grace", "ada", "zoe"):
        served.lab.log_in(name, ACCOUNT)
    page = shown(qtbot, served)
    page.table.horizontalHeader().sectionClicked.emit(3)
    assert [e.email_key.partition("@")[0] for e in page.table.model_.rows] == ["ada", "grace", "zoe"]
    page.table.horizontalHeader().sectionClicked.emit(3)
    assert [e.email_key.partition("@")[0] for e in page.table.model_.rows] == ["zoe", "grace", "ada"]
    page.table.horizontalHeader().sectionClicked.emit(0)
    assert [e.email_key.partition("@")[0] for e in page.table.model_.rows] == ["zoe", "ada", "grace"]


# Paging and live tail --------------------------------------------------------------------------------------


@pytest.fixture
def many(desk: Desk) -> list[str]:
    """300 attempts without account, newest first."""
    return [desk.sso.record_error(f"Number {n}.") for n in range(300)][::-1]


def test_the_next_page_comes_when_the_end_is_reached(qtbot: QtBot, desk: Desk, many: list[str]) -> None:
    page = shown(qtbot, desk)
    pick(page.scope, "none")
    assert len(references(page)) == 256
    assert page.count.text() == "300 attempts"
    page.table.scrollToBottom()
    qtbot.waitUntil(lambda: len(references(page)) == 300)
    assert set(references(page)) == set(many)
    assert page.table.model_.more is None


def test_new_events_appear_on_top_or_wait_behind_a_button(qtbot: QtBot, desk: Desk, many: list[str]) -> None:
    page = shown(qtbot, desk)
    pick(page.scope, "none")
    first = desk.sso.record_error("While at the top.")
    qtbot.waitUntil(lambda: references(page)[0] == first)
    assert not page.fresh.isVisible()
    page.table.verticalScrollBar().setValue(1_000)
    second = desk.sso.record_error("While reading further down.")
    qtbot.waitUntil(page.fresh.isVisible)
    assert page.fresh.text() == "1 new"
    assert references(page)[0] == first
    assert page.table.verticalScrollBar().value() == 1_000
    qtbot.mouseClick(page.fresh, Qt.MouseButton.LeftButton)
    assert references(page)[:2] == [second, first]
    assert page.table.verticalScrollBar().value() == 0
    assert not page.fresh.isVisible()


def test_a_selected_event_stays_selected_when_another_arrives(qtbot: QtBot, served: Desk) -> None:
    reference = served.lab.log_in("ada", ACCOUNT).reference
    page = shown(qtbot, served)
    page.table.selectRow(0)
    served.lab.log_in("grace", ACCOUNT)
    qtbot.waitUntil(lambda: len(references(page)) == 2)
    assert page.table.current is not None
    assert page.table.current.reference == reference


def test_opening_a_reference_drops_filters_that_hide_it(qtbot: QtBot, served: Desk) -> None:
    reference = served.lab.log_in("ada", ACCOUNT).reference
    page = shown(qtbot, served)
    pick(page.status, "failure")
    page.open(reference)
    assert page.table.current is not None
    assert page.table.current.reference == reference
    assert page.search.text() == reference
    page.open("acorn-acorn-acorn-00")
    assert page.banner.text.startswith("There is no attempt acorn-acorn-acorn-00.")


# Export ----------------------------------------------------------------------------------------------------


def test_exactly_what_the_filter_shows_is_exported(qtbot: QtBot, served: Desk, tmp_path: Path) -> None:
    served.lab.log_in("ada", ACCOUNT)
    bad = served.lab.log_in("grace", ACCOUNT, faults=["sig-tampered-role"]).reference
    page = shown(qtbot, served)
    pick(page.status, "failure")
    with qtbot.waitSignal(served.said) as said:
        page.save(tmp_path / "log.jsonl", "jsonl")
    assert said.args == ["pass", "1 event written to log.jsonl."]
    (line,) = (tmp_path / "log.jsonl").read_text("utf-8").splitlines()
    event = json.loads(line)
    assert event["reference"] == bad
    assert event["account"] == ACCOUNT
    assert any(c["status"] == "fail" for c in event["checks"])
    assert "raw" not in event
    assert not page._progress_row.isVisible()
    page.clear_filters()
    page.save(tmp_path / "log.csv", "csv")
    with (tmp_path / "log.csv").open(encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    assert [r["outcome"] for r in rows] == ["rejected", "created"]
    assert rows[1]["email_key"] == "ada@acme-media.test"
    assert "email: nothing -> ada@acme-media.test" in rows[1]["changes"]
    with (tmp_path / "log-changes.csv").open(encoding="utf-8", newline="") as f:
        changes = list(csv.DictReader(f))
    assert {c["reference"] for c in changes} == {rows[1]["reference"]}
    assert {c["field"] for c in changes} >= {"email", "role"}
    with (tmp_path / "log-checks.csv").open(encoding="utf-8", newline="") as f:
        checks = list(csv.DictReader(f))
    assert {c["reference"] for c in checks} == {r["reference"] for r in rows}
    assert sum(c["status"] == "fail" for c in checks if c["reference"] == bad) >= 1


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("level", ["stand-ins", "anonymous"])
def test_a_redacted_export_names_nobody(qtbot: QtBot, served: Desk, tmp_path: Path, form: Any, level: Any) -> None:
    served.lab.log_in("ada", ACCOUNT)
    served.lab.log_in("ada", ACCOUNT)
    served.lab.log_in("grace", ACCOUNT, faults=["sig-tampered-role"])
    page = shown(qtbot, served)
    page.save(tmp_path / f"log.{form}", form, level)
    text = "\n".join(p.read_text("utf-8") for p in tmp_path.iterdir())
    events = served.sso.events(EventFilter(kind="login"))
    secrets = {ACCOUNT, "ada@", "ada ", "lindqvist", "grace", "holloway", "acme", "localhost"}
    for e in events:
        secrets |= {str(v) for v in (e.issuer, e.certificate, e.response_id, e.assertion_id, e.sha256) if v}
    for secret in secrets:
        assert secret.lower() not in text.lower(), secret
    assert all(e.reference in text for e in events)
    assert "signature" in text
    if form == "jsonl":
        found = [json.loads(line) for line in text.splitlines()]
        if level == "anonymous":
            assert not any(key in found[0] for key in ("email_key", "full_name", "name_id", "operator", "details"))
        else:
            people = [f["email_key"] for f in found]
            assert people[1] == people[2] != people[0]
            assert people[1].startswith("person-")


def test_an_export_reports_progress_and_leaves_nothing_when_it_is_stopped(
    desk: Desk, many: list[str], tmp_path: Path
) -> None:
    which = EventFilter(unassigned=True)
    noted = Noted()
    assert export(noted, desk.sso, which, tmp_path / "all.jsonl", "jsonl") == len(many)
    assert noted.steps[-1] == (300, 300)
    assert len(noted.steps) == 6
    assert export(Noted(stop_after=2), desk.sso, which, tmp_path / "part.jsonl", "jsonl") is None
    assert [p.name for p in tmp_path.iterdir()] == ["all.jsonl"]


def test_an_export_that_cannot_be_written_says_so(qtbot: QtBot, desk: Desk, many: list[str], tmp_path: Path) -> None:
    page = shown(qtbot, desk)
    pick(page.scope, "none")
    page.save(tmp_path / "missing" / "log.csv", "csv")
    assert page.banner.text.startswith("log.csv cannot be written")
    assert not page._progress_row.isVisible()


# Words and hostility ---------------------------------------------------------------------------------------


def test_words_of_an_event() -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    event = EventRecord(reference="a-b-c-01", at=at, kind="login", outcome="updated_partially", full_name="Ada")
    assert outcome_word(event) == "Partly updated"
    assert person(event) == "Ada"
    assert dict(facts(event, ""))["Account"] == "none"
    assert outcome_word(EventRecord(reference="a", at=at, kind="upkeep")) == "Upkeep"


HOSTILE = "<img src='file:///etc/passwd'>\u202e"


def test_hostile_values_stay_text(qtbot: QtBot, served: Desk, tmp_path: Path) -> None:
    application = served.lab.applications[0]
    tenant = served.lab.tenant

    people = tuple(replace(u, full_name=HOSTILE, role="=1+1") if u.username == "ada" else u for u in tenant.users)
    served.lab.save_tenant(replace(tenant, users=people))
    issued = served.lab.idp.issue("ada", application)
    served.sso.consume(issued.body)
    page = shown(qtbot, served)
    page.table.selectRow(0)
    for widget in page.findChildren(QLabel):
        assert widget.textFormat() == Qt.TextFormat.PlainText or not widget.text()
        assert "\u202e" not in widget.text()
    model = page.detail.facts.model_
    cells = [model.data(model.index(i, 1), Qt.ItemDataRole.DisplayRole) for i in range(model.rowCount())]
    assert any("<img src='file:///etc/passwd'>⟨U+202E⟩" in c for c in cells)
    tips = [model.data(model.index(i, 1), Qt.ItemDataRole.ToolTipRole) for i in range(model.rowCount())]
    assert not any("<img" in t for t in tips)
    page.save(tmp_path / "log.csv", "csv")
    with (tmp_path / "log.csv").open(encoding="utf-8", newline="") as f:
        (row,) = csv.DictReader(f)
    assert row["role_asserted"] == "'=1+1"


# The last good login ---------------------------------------------------------------------------------------


def test_a_refused_login_is_compared_with_the_last_good_one(qtbot: QtBot, served: Desk) -> None:
    good = served.lab.log_in("grace", ACCOUNT).reference
    refused = served.lab.log_in("grace", ACCOUNT, faults=["sig-tampered-role"]).reference
    asked: list[tuple[str, tuple[Source, Source]]] = []
    served.opened.connect(lambda page, what: asked.append((page, what)))
    page = shown(qtbot, served)
    page.open(refused)
    qtbot.mouseClick(page.detail.to_compare, Qt.MouseButton.LeftButton)
    ((name, pair),) = asked
    assert name == "compare"
    assert [s.name for s in pair] == [good, refused]
    compare = ComparePage(served)
    qtbot.addWidget(compare)
    compare.open(pair)
    assert [d.label for d in compare.table.model_.rows] == ["Assertion › Attribute imagekit_role"]


def test_without_a_good_login_it_is_said_on_the_log(qtbot: QtBot, served: Desk) -> None:
    reference = served.lab.log_in("grace", ACCOUNT, faults=["sig-tampered-role"]).reference
    asked: list[str] = []
    served.opened.connect(lambda page, _what: asked.append(page))
    page = shown(qtbot, served)
    page.open(reference)
    (action,) = [act for words, act in page.table.extra_actions if words == "Compare with last good login"]
    action(page.table.model_.rows[0])
    assert asked == []
    assert page.banner.text.startswith(f"The log of {ACCOUNT} has no accepted login of grace@acme-media.test before")
    served.sso.purge(days=-1)
    page.open(reference)
    assert not page.detail.to_compare.isEnabled()


# The other filters -----------------------------------------------------------------------------------------


def type_in(qtbot: QtBot, field: QLineEdit, text: str) -> None:
    field.setFocus()
    field.clear()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


def test_the_other_filters_stand_behind_a_button(qtbot: QtBot, served: Desk) -> None:
    good = served.lab.log_in("ada", ACCOUNT).reference
    bad = served.lab.log_in("grace", ACCOUNT, faults=["sig-tampered-role"]).reference
    page = shown(qtbot, served)
    bar = page.filters
    assert not bar.reason.isVisible()
    qtbot.mouseClick(bar.more, Qt.MouseButton.LeftButton)
    assert bar.reason.isVisible()
    event = served.sso.event(good)
    rejected = served.sso.event(bad)
    for field, text, expected in (
        (bar.reason, rejected.category, [bad]),
        (bar.reason, rejected.reason, [bad]),
        (bar.issuer, str(event.issuer), [bad, good]),
        (bar.issuer, "https://other.test", []),
        (bar.certificate, str(event.certificate), [good]),
        (bar.certificate, ":".join(str(event.certificate)[i : i + 2] for i in range(0, 64, 2)).upper(), [good]),
        (bar.revision, str(event.revision), [bad, good]),
        (bar.revision, "nonsense", []),
    ):
        type_in(qtbot, field, text)
        assert references(page) == expected, text
        page.clear_filters()
    pick(bar.role, str(event.role_after))
    assert references(page) == [good]
    page.clear_filters()
    pick(bar.flow, "sp_initiated")
    assert references(page) == []


def test_a_range_and_the_time_since_the_last_configuration_change(qtbot: QtBot, served: Desk) -> None:
    application = served.lab.applications[0]
    now = served.sso.now()
    old = served.sso.consume(
        served.lab.idp.issue("ada", application).body, received_at=now - timedelta(hours=3)
    ).reference
    new = served.lab.log_in("ada", ACCOUNT).reference
    page = shown(qtbot, served)
    assert references(page) == [new, old]
    pick(page.span, "change")
    assert references(page) == [new]
    served.sso.set_entity_id(ACCOUNT, "https://imagekit.io/saml/consume#elsewhere")
    assert references(page) == []
    pick(page.span, "range")
    assert page.filters.begin.isVisible()
    type_in(qtbot, page.filters.end, f"{now - timedelta(hours=1):%Y-%m-%d %H:%M}")
    assert references(page) == [old]
    type_in(qtbot, page.filters.begin, "last week")
    assert page.filters._problem.isVisible()
    page.clear_filters()
    assert not page.filters.begin.isVisible()
    assert references(page) == [new, old]


def test_filters_are_saved_by_name_and_used_again(qtbot: QtBot, served: Desk) -> None:
    good = served.lab.log_in("ada", ACCOUNT).reference
    bad = served.lab.log_in("grace", ACCOUNT, faults=["sig-tampered-role"]).reference
    page = shown(qtbot, served)
    pick(page.status, "failure")
    page.search.setText("grace")
    qtbot.waitUntil(lambda: references(page) == [bad])
    page.filters._ask_name()
    qtbot.keyClicks(page.filters.name, "Grace & co")
    qtbot.mouseClick(page.filters.save_button, Qt.MouseButton.LeftButton)
    assert not page.filters.name.isVisible()
    page.clear_filters()
    assert references(page) == [bad, good]

    again = shown(qtbot, served)
    again.filters._fill_menu()
    named = again.filters._menu.actions()[0]
    assert named.text() == "Grace && co"
    named.trigger()
    assert again.search.text() == "grace"
    assert references(again) == [bad]
    again.filters.forget("Grace & co")
    assert served.sso.preference("log/filters") == {}


def test_saved_filters_that_somebody_else_wrote_are_not_believed(qtbot: QtBot, served: Desk) -> None:
    served.sso.set_preference("log/filters", {"a": {"status": "nonsense", "check": "x" * 9000}, "b": [1], "c": None})
    page = shown(qtbot, served)
    page.filters._fill_menu()
    page.filters._menu.actions()[0].trigger()
    assert page.status.currentIndex() == 0
    assert len(page.check.text()) == 1024


def test_reasons_are_counted_and_lead_to_their_events(qtbot: QtBot, served: Desk) -> None:
    served.lab.log_in("ada", ACCOUNT)
    bad = [served.lab.log_in(n, ACCOUNT, faults=["sig-tampered-role"]).reference for n in ("grace", "ada", "grace")]
    page = shown(qtbot, served)
    qtbot.mouseClick(page.grouping, Qt.MouseButton.LeftButton)
    assert page.reasons.isVisible()
    (counted,) = page.reasons.model_.rows
    assert counted[2:] == (3, 2)
    served.lab.log_in("ada", ACCOUNT, faults=["sig-tampered-role"])
    qtbot.waitUntil(lambda: page.reasons.model_.rows[0][2:] == (4, 2))
    page.reasons.selectRow(0)
    qtbot.keyClick(page.reasons, Qt.Key.Key_Return)
    assert not page.reasons.isVisible()
    assert set(bad) < set(references(page))
    assert len(references(page)) == 4


def test_a_row_narrows_to_what_it_has(qtbot: QtBot, served: Desk) -> None:
    served.lab.log_in("ada", ACCOUNT)
    bad = served.lab.log_in("grace", ACCOUNT, faults=["sig-tampered-role"]).reference
    page = shown(qtbot, served)
    actions = dict(page.table.extra_actions)
    actions["Show only this reason"](served.sso.event(bad))
    assert references(page) == [bad]
    assert page.filters.reason.isVisible()


def test_a_long_list_holds_only_what_is_near(qtbot: QtBot, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.gui import paged_rows

    monkeypatch.setattr(paged_rows, "CHUNK", 32)
    monkeypatch.setattr(paged_rows, "MOST_HELD", 300)
    expected = [desk.sso.record_error(f"Number {n}.") for n in range(900)][::-1]
    page = shown(qtbot, desk)
    pick(page.scope, "none")
    model = page.table.model_
    assert isinstance(model, paged_rows.PagedRows)
    while len(model.rows) < 900:
        page.table.scrollToBottom()
        page.table.viewport().repaint()
    assert model.held < 650
    gone = [n for n, e in enumerate(model.rows) if e is None]
    assert gone
    desk.sso.record_error("One more.")  # waits behind its button, for the list is scrolled
    for number in range(0, 900, 20):
        model.look_at(number)
        for row in range(number, min(number + 12, 900)):
            model.data(model.index(row, 0))
        found = model.rows[number]
        assert found is not None
        assert found.reference == expected[number]
    assert model.held < 650
    qtbot.mouseClick(page.fresh, Qt.MouseButton.LeftButton)
    assert len(model.rows) == 901
    for number in (400, 500, 600):
        model.data(model.index(number, 0))
        assert model.rows[number].reference == expected[number - 1]
