"""Running scenarios: a wrong expectation is noticed, whatever it is about; what cannot be done ends the scenario."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import pytest
from lxml import etree

from app.scenarios import Scenario, ScenarioReport, parse_scenario, run_scenarios
from simulator import KeyRing


@cache
def keys() -> KeyRing:
    return KeyRing.in_memory()


def of(*steps: str, start: str = "") -> Scenario:
    """A scenario of steps, each as lines of TOML."""
    body = "\n".join(f"[[steps]]\n{step}" for step in steps)
    return parse_scenario(f'title = "A test"\n{start}\n{body}\n', scenario_id="test", file="test.toml")


def run(*steps: str, start: str = "") -> ScenarioReport:
    return run_scenarios([of(*steps, start=start)], keys=keys())


LOGIN = 'do = "log-in"\nwho = "grace"'


def test_every_wrong_expectation_of_a_login_is_noticed() -> None:
    """The comparison is blind in no place: a good login under false claims, one for each name."""
    false = {
        "verdict": '"reject"',
        "outcome": '"unchanged"',
        "reason": '"role.missing"',
        "reasons": '["role.missing"]',
        "checks": '["audience-match"]',
        "causes": '["wrong-audience"]',
        "status": "403",
        "says": '["not let in"]',
        "page_says": '["no such words"]',
        "page_hides": '["grace@acme-media.test"]',
        "verdicts": '["accept"]',
        "outcomes": '["created"]',
        "refused": '"user.exists"',
        "user": '"nobody"',
        "role": '"finance"',
        "name": '"Somebody Else"',
        "email": '"else@acme-media.test"',
        "logins": "2",
        "missing": "true",
        "seats": "2",
        "administrators": "1",
        "revision": "2",
        "users": '["ada"]',
        "stale": '{ grace = "dormant" }',
        "evidence": '{ grace = "confirmed" }',
        "held": "true",
        "planned": '["grace"]',
        "restored": '["grace"]',
        "deleted": '["grace"]',
        "skipped": '["grace"]',
    }
    from app.scenarios import EXPECTATIONS

    assert set(false) == set(EXPECTATIONS)
    expect = "\n".join(f"{name} = {value}" for name, value in false.items())
    report = run(f"{LOGIN}\n[steps.expect]\n{expect}")
    (step,) = report.rows[0].steps
    assert not report.as_expected
    assert [c.name for c in step.compared if c.fits] == []
    assert "verdict: expected reject, got accept." in step.why


def test_what_is_right_beside_it_is_not_blamed() -> None:
    report = run(f'{LOGIN}\nexpect = {{ verdict = "accept", role = "finance", seats = 1 }}', 'do = "look"')
    first, second = report.rows[0].steps
    assert first.why == "role: expected finance, got developer."
    assert second.as_expected
    assert report.rows[0].why == f"Step 1: {first.why}"
    assert report.headline.startswith("0 of 1 scenarios are as expected, 2 steps in ")


def test_a_step_tells_what_was_decided_and_what_it_did() -> None:
    report = run(LOGIN, 'do = "change-person"\nwho = "grace"\nrole = "finance"', LOGIN)
    first, _, third = report.rows[0].steps
    assert first.sentence == "Let in; the user was created."
    assert first.effect == "grace@acme-media.test created as Developer; seats 0 to 1"
    assert third.effect == "grace@acme-media.test: Developer to Finance"
    assert first.report is not None
    assert first.report.verdict == "accept"
    assert b"SAMLResponse=" in first.sent
    assert first.event.count("-") >= 2


def test_what_cannot_be_done_ends_the_scenario() -> None:
    report = run(LOGIN, 'do = "delete-user"\nwho = "nobody-here"', LOGIN)
    first, second, third = report.rows[0].steps
    assert first.as_expected
    assert second.why.startswith('It could not be done. Nobody is called "nobody-here".')
    assert (third.reached, third.as_expected, third.why) == (False, False, "")
    assert report.rows[0].why.startswith("Step 2: It could not be done.")


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ('do = "replay"', "No message was sent in that step"),
        ('do = "replay"\nstep = 7', "No message was sent in that step"),
        ('do = "answer-again"', "No login from our login page came before"),
        ('do = "log-in-at-once"\nwho = ["grace"]', "Name from 2 to 40 people"),
        ('do = "log-in-at-once"\nwho = ["grace", "nobody"]', "knows nobody called"),
        ('do = "apply-clean-up"', "No clean-up was planned"),
        ('do = "undo-clean-up"', "No clean-up was applied"),
        ('do = "confirm-directory"', "No list was imported"),
        ('do = "discard-directory"', "No list was imported"),
        ('do = "import-directory"\ndays_old = 9000', "from 0 to 3000 days old"),
        ('do = "change-person"\nwho = "nobody"\nrole = "finance"', "is called nobody"),
        ('do = "add-person"\nwho = "nora"\nattributes = { mail = 3 }', "must be a list of texts"),
        ('do = "move-clock"\ndays = 99999', "at most ten years"),
        ('do = "restore-revision"\nrevision = 9', "no configuration revision 9"),
    ],
)
def test_why_it_cannot_be_done_is_told(step: str, why: str) -> None:
    assert why in run(step).rows[0].steps[0].why


def test_a_rule_that_forbids_an_operators_step_is_a_surprise_unless_it_is_expected() -> None:
    add = 'do = "add-user"\nwho = "grace"\nrole = "developer"'
    report = run(add, add, f'{add}\nexpect = {{ refused = "user.exists", seats = 1 }}')
    first, second, third = report.rows[0].steps
    assert first.as_expected
    assert second.why.startswith("It was refused (user.exists). grace@acme-media.test is a user of this account")
    assert third.as_expected


def test_a_start_that_cannot_be_arranged_is_told() -> None:
    report = run(LOGIN, LOGIN, start='[start]\nusers = [{ who = "grace", role = "emperor" }]')
    first, second = report.rows[0].steps
    assert first.why.startswith("The start cannot be arranged.")
    assert "emperor" in first.why
    assert not second.reached
    assert not report.as_expected


def test_an_account_of_another_name_and_a_vendor() -> None:
    start = '[start]\naccount = "corp-1"\nvendor = "entra"\nseats = 1\nconnected = false'
    report = run(
        f'{LOGIN}\nexpect = {{ outcome = "rejected", seats = 0 }}',
        'do = "save-metadata"\nexpect = { revision = 1 }',
        f'{LOGIN}\nexpect = {{ verdict = "accept", outcome = "created", seats = 1 }}',
        'do = "log-in"\nwho = "linus"\nexpect = { reason = "seat.limit-reached" }',
        start=start,
    )
    assert report.as_expected, report.as_text()


def test_people_of_the_file_are_in_the_directory() -> None:
    people = '[[people]]\nwho = "nora"\nfull_name = "Nora Æsop"\nomit = ["role"]\n'
    report = run('do = "log-in"\nwho = "nora"\nexpect = { reason = "role.missing", seats = 0 }', start=people)
    assert report.as_expected, report.as_text()


def test_keys_that_are_rolled_in_a_scenario_stay_as_they_are_outside() -> None:
    before = keys().pair("current").fingerprint
    report = run('do = "roll-key"', 'do = "save-metadata"', f'{LOGIN}\nexpect = {{ verdict = "accept" }}')
    assert report.as_expected, report.as_text()
    assert keys().pair("current").fingerprint == before


def test_progress_is_told_and_a_run_can_be_stopped() -> None:
    told: list[tuple[int, int, str]] = []
    one = of('do = "look"')
    report = run_scenarios(
        [one, one, one],
        keys=keys(),
        progress=lambda done, total, name: told.append((done, total, name)),
        cancelled=lambda: len(told) == 2,
    )
    assert told == [(1, 3, "test"), (2, 3, "test")]
    assert (report.cancelled, len(report.rows), report.as_expected) == (True, 2, False)
    assert "stopped before its end" in report.headline


def test_each_step_is_told() -> None:
    told: list[tuple[int, int, str]] = []
    one = of('do = "look"', 'do = "look"')
    run_scenarios([one, one], keys=keys(), stepped=lambda done, total, words: told.append((done, total, words)))
    assert told[1:3] == [(0, 2, "test, step 2 of 2"), (1, 2, "test, step 1 of 2")]


def test_a_scenario_is_stopped_between_its_steps() -> None:
    asked = iter((False, False, True))
    report = run_scenarios([of('do = "look"', 'do = "look"')], keys=keys(), cancelled=lambda: next(asked))
    assert report.cancelled
    assert report.rows == ()


# Reports --------------------------------------------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script>\x00\x1b[31m\u202e\ud800 ]]> & \"'"


@pytest.fixture(scope="module")
def report() -> ScenarioReport:
    """One scenario that is as expected, and one whose every text is as bad as can be."""
    good = run(f'{LOGIN}\nexpect = {{ verdict = "accept" }}')
    bad = run('do = "delete-user"\nwho = "nobody-here"', 'do = "look"').rows[0]
    compared = replace(good.rows[0].steps[0].compared[0], expected=HOSTILE, got=HOSTILE, fits=False)
    step = replace(
        bad.steps[0], what=HOSTILE, why=HOSTILE, sentence=HOSTILE, note=HOSTILE, effect=HOSTILE, compared=(compared,)
    )
    scenario = replace(bad.scenario, id="bad", title=HOSTILE, about=HOSTILE)
    hostile = replace(bad, scenario=scenario, steps=(step, *bad.steps[1:]))
    return replace(good, rows=(*good.rows, hostile))


def test_text(report: ScenarioReport) -> None:
    text = report.as_text()
    assert text.splitlines()[-1] == report.headline
    assert "test  as expected      A test" in text
    assert "bad   NOT AS EXPECTED" in text
    assert "It was not reached." in text
    assert not any(c in text for c in "\x00\x1b\u202e\ud800")


def test_json_lines(report: ScenarioReport) -> None:
    good, bad, total = [json.loads(line) for line in report.as_json_lines().splitlines()]
    assert (good["scenario"], good["as_expected"], bad["as_expected"]) == ("test", True, False)
    assert good["steps"][0]["compared"] == [{"what": "verdict", "expected": "accept", "got": "accept", "fits": True}]
    assert [s["reached"] for s in bad["steps"]] == [True, False]
    assert (total["rows"], total["steps"], total["not_as_expected"]) == (2, 2, ["bad"])


def test_junit(report: ScenarioReport) -> None:
    found = etree.fromstring(report.as_junit().encode())
    assert (found.get("tests"), found.get("failures")) == ("3", "1")
    assert [s.get("name") for s in found] == ["test", "bad"]
    (failure,) = found.iter("failure")
    assert "<script>alert(1)</script>" in (failure.get("message") or "")
    assert len(list(found.iter("skipped"))) == 1


def test_html_shows_hostile_text_as_text(report: ScenarioReport) -> None:
    html = report.as_html()
    html.encode("utf-8")
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "not reached" in html
    assert not any(c in html for c in "\x00\x1b\u202e\ud800")
