"""Logins from end to end: portal, message, ACS, provisioning, log; over real sockets, with a database on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from app.bootstrap import open_workspace
from app.lab import Lab
from app.lab.browserless import browser
from app.sso import SSO
from simulator import KeyRing

ACCOUNT = "ik_7x2k"


@cache
def keys() -> KeyRing:
    """The module's keys; making them anew for each test would take seconds."""
    return KeyRing.in_memory()


class Clock:
    """The computer's clock, which can be put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lab(tmp_path: Path, clock: Clock) -> Iterator[Lab]:
    with open_workspace(f"sqlite:///{tmp_path / 'workspace.db'}", clock=clock, logs=False) as workspace:
        lab = Lab(workspace.sso, None, clock=clock, keys=keys())
        with lab:
            lab.connect(ACCOUNT)
            yield lab


def change(lab: Lab, username: str, **fields: object) -> None:
    """The identity provider's administrator changes somebody."""
    user = lab.tenant.user(username)
    assert user is not None
    lab.save_tenant(lab.tenant.with_user(replace(user, **fields)))  # type: ignore[arg-type]  # fields of TestUser


def name_of(lab: Lab, username: str) -> str:
    """The full name that the directory has of somebody."""
    user = lab.tenant.user(username)
    assert user is not None
    assert user.full_name is not None
    return user.full_name


def test_the_first_login_at_the_portal_creates_the_user(lab: Lab) -> None:
    outcome = lab.log_in("grace", ACCOUNT)
    assert outcome.allowed
    assert outcome.status_code == 200
    assert name_of(lab, "grace") in outcome.page
    assert outcome.claims["imagekit_role"] == ("developer",)
    (user,) = lab.sso.users(ACCOUNT)
    assert (user.email, user.full_name, user.role, user.created_by) == (
        "grace@acme-media.test",
        name_of(lab, "grace"),
        "developer",
        "sso",
    )
    event = lab.sso.event(outcome.reference)
    assert (event.outcome, event.origin, event.seats_before, event.seats_after) == ("created", "simulator", 0, 1)
    assert event.as_expected is True


def test_the_next_login_updates_name_and_role(lab: Lab) -> None:
    lab.log_in("grace", ACCOUNT)
    change(lab, "grace", full_name="Grace New-Name", role="finance")
    outcome = lab.log_in("grace", ACCOUNT)
    assert outcome.allowed
    (user,) = lab.sso.users(ACCOUNT)
    assert (user.full_name, user.role, user.logins) == ("Grace New-Name", "finance", 2)
    event = lab.sso.event(outcome.reference)
    assert event.outcome == "updated"
    assert {(c.field, c.old, c.new) for c in event.changes} >= {("role", "developer", "finance")}


def test_a_registered_person_can_start_here(lab: Lab) -> None:
    lab.log_in("grace", ACCOUNT)
    outcome = lab.log_in("grace", ACCOUNT, flow="sp_initiated")
    assert outcome.allowed, outcome.sentence
    event = lab.sso.event(outcome.reference)
    assert event.flow == "sp_initiated"
    assert event.in_response_to is not None


def test_somebody_unknown_cannot_start_here(lab: Lab) -> None:
    outcome = lab.log_in("grace", ACCOUNT, flow="sp_initiated")
    assert not outcome.allowed
    assert outcome.status_code == 403
    assert outcome.result is None
    assert "company's sign-in portal" in outcome.page.replace("&#39;", "'")
    assert lab.sso.event(outcome.reference).reason == "flow.first-login-at-idp"
    assert lab.exchanges == ()
    assert lab.sso.users(ACCOUNT) == ()


def test_who_left_is_refused_at_the_portal_keeps_the_seat_and_is_found(lab: Lab, clock: Clock) -> None:
    lab.log_in("ada", ACCOUNT)
    lab.log_in("grace", ACCOUNT)
    lab.save_tenant(lab.tenant.without_user("grace"))
    refused = lab.log_in("grace", ACCOUNT)
    assert not refused.allowed
    assert refused.reference == ""
    assert lab.sso.seats(ACCOUNT).seats.used == 2

    clock.ahead = timedelta(days=120)
    lab.connect(ACCOUNT)  # the metadata is valid for a week only
    assert lab.log_in("ada", ACCOUNT).allowed
    stale = lab.sso.stale_users(ACCOUNT)
    assert [(s.user.email, s.reclaimable) for s in stale] == [("grace@acme-media.test", True)]
    plan = lab.sso.plan_cleanup(ACCOUNT, frozenset({stale[0].user.id}))
    assert lab.sso.apply_cleanup(plan, typed=plan.must_type).deleted == ("grace@acme-media.test",)
    assert lab.sso.seats(ACCOUNT).seats.used == 1
    assert lab.sso.stale_users(ACCOUNT) == ()


def test_who_is_disabled_is_told_so_by_the_portal(lab: Lab) -> None:
    outcome = lab.log_in("alan", ACCOUNT)
    assert not outcome.allowed
    assert outcome.sentence.startswith("This person is disabled.")
    assert not lab.log_in("katherine", ACCOUNT).allowed
    assert lab.sso.users(ACCOUNT) == ()


def test_a_message_cannot_be_used_again_after_a_restart(lab: Lab, tmp_path: Path, clock: Clock) -> None:
    issued = lab.idp.issue("grace", ACCOUNT)
    page, first = lab.send(issued)
    assert page.status_code == 303
    assert first is not None
    assert first.allowed
    lab.sso.store.close()
    with open_workspace(f"sqlite:///{tmp_path / 'workspace.db'}", clock=clock, logs=False) as again:
        lab.restart_sp(again.sso)
        page, second = lab.send(issued)
        assert page.status_code == 403
        assert second is not None
        assert not second.allowed
        assert "replay-assertion-id" in {c.id for c in second.report.failures}
        assert [u.logins for u in again.sso.users(ACCOUNT)] == [1]
        assert "used before" in page.text


def test_an_active_fault_reaches_the_log_and_lets_nobody_in(lab: Lab) -> None:
    lab.set_faults(["sig-tampered-content"])
    outcome = lab.log_in("grace", ACCOUNT)
    assert not outcome.allowed
    event = lab.sso.event(outcome.reference)
    assert event.faults == ("sig-tampered-content",)
    assert (event.verdict, event.as_expected) == ("reject", True)
    assert lab.sso.users(ACCOUNT) == ()
    # What the person reads says nothing of the reason.
    assert "digest" not in outcome.page.lower()
    assert outcome.reference in outcome.page


def test_a_login_in_a_real_browser_is_stamped_too(lab: Lab) -> None:
    """What browsers do by themselves: the page's form is posted as it stands, without the lab's log_in()."""
    from app.lab.browserless import FORM_HEADERS, follow, form_with

    with browser() as client:
        person = client.get(f"{lab.portal_url}&user=grace")
        tile = form_with(person, application=ACCOUNT)
        assert tile is not None
        sending = client.post(tile.action, data=dict(tile.fields), headers=FORM_HEADERS)
        form = form_with(sending, SAMLResponse=None)
        assert form is not None
        landed = follow(client, client.post(form.action, data=dict(form.fields)))
    assert landed.status_code == 200
    assert name_of(lab, "grace") in landed.text
    event = lab.sso.events()[0]
    assert (event.origin, event.outcome, event.expected) == ("simulator", "created", "accept")


def test_a_trial_login_changes_nothing(lab: Lab) -> None:
    outcome = lab.log_in("grace", ACCOUNT, mode="test")
    assert outcome.allowed
    assert lab.sso.event(outcome.reference).mode == "test"
    assert lab.sso.users(ACCOUNT) == ()


def test_two_accounts_of_one_identity_provider(lab: Lab) -> None:
    sso: SSO = lab.sso
    child = sso.create_account("ik_child", "Child Media")
    sso.set_entity_id("ik_child", sso.sp.child_entity_id("ik_child"))
    lab.connect("ik_child")
    assert lab.is_connected("ik_child")
    outcome = lab.log_in("grace", "ik_child")
    assert outcome.allowed, outcome.sentence
    assert outcome.claims["imagekit_id"] == ("ik_child",)
    assert sso.event(outcome.reference).account_id == child.id
    assert [u.email for u in sso.users("ik_child")] == ["grace@acme-media.test"]
    assert sso.users(ACCOUNT) == ()
