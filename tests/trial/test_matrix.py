"""The trial: what is a pass and what is not, and its four reports."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest
from lxml import etree

from app.trial import TrialReport, run_trial
from simulator import PROFILES, KeyRing, UnknownFault, find_fault
from simulator.faults import registry


@cache
def keys() -> KeyRing:
    return KeyRing.in_memory()


CHOSEN = ["ok-both-signed", "xsw1", "route-replay", "id-full-name-html", "tr-redirect-response", "xml-xxe-http"]


@pytest.fixture(scope="module")
def report() -> TrialReport:
    return run_trial(CHOSEN, keys=keys())


def test_rows_say_what_was_decided_and_what_it_did(report: TrialReport) -> None:
    rows = {r.id: r for r in report.rows}
    assert list(rows) == [f for f in CHOSEN if f in rows]
    assert report.as_expected, report.as_text()
    good = rows["ok-both-signed"]
    assert (good.got, good.outcome, good.role_before, good.role_after) == ("accept", "created", None, "developer")
    assert good.seats_after == good.seats_before + 1
    assert good.report is not None
    assert good.report.verdict == "accept"
    assert b"SAMLResponse=" in good.sent
    bad = rows["xsw1"]
    assert (bad.got, bad.role_after, bad.door) == ("reject", None, None)
    assert set(bad.decided_by) & set(bad.expected_checks)
    assert rows["tr-redirect-response"].door == 405
    assert "replay-assertion-id" in rows["route-replay"].decided_by


def test_progress_is_told_and_a_trial_can_be_stopped() -> None:
    told: list[tuple[int, int, str]] = []
    report = run_trial(
        ["ok-both-signed", "ok-advice", "xsw1"],
        keys=keys(),
        progress=lambda done, total, fault: told.append((done, total, fault)),
        cancelled=lambda: len(told) == 2,
    )
    assert told == [(1, 3, "ok-both-signed"), (2, 3, "ok-advice")]
    assert report.cancelled
    assert not report.as_expected
    assert "stopped before its end" in report.headline


def test_a_fault_that_is_not_there() -> None:
    with pytest.raises(UnknownFault):
        run_trial(["no-such-*"], keys=keys())


@pytest.mark.parametrize("vendor", [p.id for p in PROFILES])
def test_every_vendor_passes_the_controls_that_are_as_it_sends_them(vendor: str) -> None:
    report = run_trial(["ok-unsolicited", "ok-solicited", "sig-tampered-content"], vendor=vendor, keys=keys())
    assert report.vendor == vendor
    assert report.as_expected, report.as_text()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"expects": "reject"}, "Expected reject, got accept."),
        ({"breaks": "replay-assertion-id"}, "Expected the check replay-assertion-id"),
        ({"expects": "not-provisioned"}, "Expected not-provisioned, got accept."),
    ],
)
def test_a_wrong_expectation_is_noticed(changes: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison is not blind: a good message under a false claim is reported."""
    false = replace(find_fault("ok-both-signed"), **changes)  # type: ignore[arg-type]  # fields of Fault
    monkeypatch.setitem(registry._FAULTS, "ok-both-signed", false)
    report = run_trial(["ok-both-signed"], keys=keys())
    assert not report.as_expected
    assert report.failed[0].why.startswith(why)


def test_an_attack_that_touches_somebody_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were an attacker's message honestly signed for the victim, the service provider would let it in: reported."""

    def as_victim(draft: object) -> None:
        draft.name_id(value=draft.victim)  # type: ignore[attr-defined]  # a Draft

    false = replace(find_fault("ok-both-signed"), kind="A", stage=registry.Stage.SPEC, apply=as_victim)
    monkeypatch.setitem(registry._FAULTS, "ok-both-signed", false)
    report = run_trial(["ok-both-signed"], keys=keys())
    assert report.failed[0].why == "victim@acme-media.test was changed by it."


# Reports --------------------------------------------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script>\x00\x1b[31m\u202e\ud800 ]]> & \"'"


@pytest.fixture
def hostile(report: TrialReport) -> TrialReport:
    """A report in which every text is as bad as can be."""
    row = replace(report.rows[0], as_expected=False, why=HOSTILE, sentence=HOSTILE, summary=HOSTILE, reference=HOSTILE)
    return replace(report, rows=(row, *report.rows[1:]))


def test_text(report: TrialReport, hostile: TrialReport) -> None:
    assert report.as_text().splitlines()[-1] == report.headline
    assert report.headline.startswith(f"{len(CHOSEN)} of {len(CHOSEN)} faults are as expected")
    text = hostile.as_text()
    assert "NOT AS EXPECTED  ok-both-signed" in text
    assert not any(c in text for c in "\x00\x1b\u202e\ud800")


def test_json_lines(report: TrialReport) -> None:
    *rows, total = [json.loads(line) for line in report.as_json_lines().splitlines()]
    assert [r["fault"] for r in rows] == [r.id for r in report.rows]
    assert all(r["as_expected"] for r in rows)
    assert (total["rows"], total["not_as_expected"], total["as_expected"]) == (len(rows), [], True)


def test_junit(report: TrialReport, hostile: TrialReport) -> None:
    good = etree.fromstring(report.as_junit().encode())
    assert good.get("tests") == str(len(report.rows))
    assert [c.get("name") for c in good.iter("testcase")] == [
        r.id for f, *_ in report.families for r in report.rows if r.family == f
    ]
    assert list(good.iter("failure")) == []
    bad = etree.fromstring(hostile.as_junit().encode())
    (failure,) = bad.iter("failure")
    assert "<script>alert(1)</script>" in (failure.get("message") or "")
    assert bad.get("failures") == "1"


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {n for n, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_loads_and_runs_nothing(hostile: TrialReport) -> None:
    page = _Seen()
    html = hostile.as_html()
    html.encode("utf-8")
    page.feed(html)
    assert not page.tags & {"script", "img", "link", "iframe", "form", "object"}
    assert not {a for a in page.attributes if a.startswith("on")} | (page.attributes & {"src", "href"})
    assert "<script>alert(1)</script>" in page.text
    assert "default-src 'none'" in html
