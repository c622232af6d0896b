"""Recordings as scenarios: what was recorded runs again, with the verdicts of then."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from app.bootstrap import demo_workspace
from app.lab import Lab
from app.scenarios import parse_scenario, run_scenarios
from app.scenarios.recording import recorded
from simulator import KeyRing, TestUser, default_tenant
from simulator.scenario_export import as_scenario

ACCOUNT = "ik_7x2k"


@cache
def keys() -> KeyRing:
    return KeyRing.in_memory()


@pytest.fixture
def lab() -> Iterator[Lab]:
    """The lab on a workspace of its own, with the account connected."""
    with demo_workspace() as workspace, Lab(workspace.sso, None, keys=keys()) as made:
        made.connect(ACCOUNT)
        yield made


def test_a_recording_runs_again_with_the_verdicts_of_then(lab: Lab) -> None:
    lab.log_in("grace", ACCOUNT)
    lab.log_in("grace", ACCOUNT, flow="sp_initiated")
    lab.log_in("linus", ACCOUNT, faults=["xsw1"])
    lab.log_in("zoe", ACCOUNT, faults=["id-role-missing"])
    lab.log_in("alan", ACCOUNT)  # disabled: nothing is sent, so nothing is recorded of it
    text = recorded(lab)
    found = parse_scenario(text, scenario_id="recorded")
    assert [(s.values["who"], s.values.get("flow"), s.expect["verdict"]) for s in found.steps] == [
        ("grace", None, "accept"),
        ("grace", "sp", "accept"),
        ("linus", None, "reject"),
        ("zoe", None, "not-provisioned"),
    ]
    report = run_scenarios([found], keys=keys())
    assert report.as_expected, report.as_text()
    assert [s.report.verdict if s.report else None for s in report.rows[0].steps][2] == "reject"


def test_who_began_at_our_login_page_is_known_before(lab: Lab) -> None:
    lab.sso.add_user(ACCOUNT, "linus@acme-media.test", "Linus Okonkwo", "finance")
    lab.log_in("linus", ACCOUNT, flow="sp_initiated")
    text = recorded(lab)
    assert 'users = [\n  { who = "linus@acme-media.test", role = "finance", name = "Linus Okonkwo" },\n]' in text
    report = run_scenarios([parse_scenario(text, scenario_id="recorded")], keys=keys())
    assert report.as_expected, report.as_text()


def test_vendor_account_claims_clock_and_keys_go_with_it(lab: Lab) -> None:
    application = lab.tenant.application(ACCOUNT)
    assert application is not None
    tenant = replace(lab.tenant, vendor="okta", clock_offset=timedelta(seconds=30), published_keys=("current", "next"))
    claims = {**application.claims, "department": "attribute:dept"}
    tenant = tenant.with_application(replace(application, claims=claims))
    nora = TestUser(
        username="nora", email="nora@acme-media.test", full_name='Nora "N" Æsop', role="developer",
        imagekit_id=ACCOUNT, attributes={"dept": ("a", "b")}, object_id="o-1",
    )  # fmt: skip
    lab.save_tenant(tenant.with_user(nora))
    lab.connect(ACCOUNT)
    lab.log_in("nora", ACCOUNT)
    found = parse_scenario(recorded(lab), scenario_id="recorded")
    assert (found.start.vendor, found.start.account) == ("okta", ACCOUNT)
    assert found.start.claims == {"department": "attribute:dept"}
    assert found.start.people == (nora,)
    assert [s.do for s in found.steps] == ["set-idp-clock", "set-keys", "save-metadata", "log-in"]
    report = run_scenarios([found], keys=keys())
    assert report.as_expected, report.as_text()
    sent = report.rows[0].steps[3].report
    assert sent is not None
    assert ("a", "b") in [tuple(a.values) for a in sent.attributes]


def test_pauses_are_kept_and_edits_are_told(lab: Lab) -> None:
    lab.log_in("grace", ACCOUNT)
    lab.log_in("grace", ACCOUNT)
    first, second = lab.exchanges
    assert first.issued is not None
    later = replace(second, at=second.at + timedelta(hours=2))
    edited = replace(first, issued=replace(first.issued, changes=("edited",)))  # type: ignore[arg-type]  # any will do
    found = parse_scenario(recorded(lab, [edited, later]), scenario_id="recorded")
    assert [s.do for s in found.steps] == ["log-in", "move-clock", "log-in"]
    assert 7_195 <= found.steps[1].values["seconds"] <= 7_205
    assert "not repeated" in found.steps[0].note
    assert (dict(found.steps[0].expect), dict(found.steps[2].expect)) == ({}, {"verdict": "accept"})


def test_what_hangs_on_more_than_the_message_has_no_expectation(lab: Lab) -> None:
    """Without a service provider that decided, the catalogue's word counts, where it needs no arrangement."""
    for fault in ("xsw1", "route-replay", "id-role-restricted-on-standard"):
        lab.log_in("grace", ACCOUNT, faults=[fault])
    data = tomllib.loads(as_scenario(lab.exchanges, lab.tenant))
    assert [s.get("expect") for s in data["steps"]] == [{"verdict": "reject"}, None, None]


def test_nothing_sent_is_nothing_written(lab: Lab) -> None:
    assert recorded(lab) == ""
    assert as_scenario([], default_tenant()) == ""


def test_names_cannot_break_out_of_the_file(lab: Lab) -> None:
    hostile = '"\n[[steps]]\ndo = "look"\\ \u202e\x7f'
    eve = TestUser(
        username=hostile, email="eve@acme-media.test", full_name=hostile, role=None, imagekit_id=hostile,
        attributes={hostile: (hostile,)},
    )  # fmt: skip
    lab.save_tenant(lab.tenant.with_user(eve))
    lab.log_in(hostile, ACCOUNT)
    found = parse_scenario(recorded(lab), scenario_id="recorded")
    assert [s.do for s in found.steps] == ["log-in"]
    (person,) = found.start.people
    assert (person.username, person.full_name, person.role) == (hostile, hostile, None)
    assert found.start.account == ACCOUNT
