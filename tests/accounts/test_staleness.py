"""Stale users: each rule by its own signals, protection, and seats that could be reclaimed."""

from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta

import pytest

from app.accounts.staleness import Context, Signal, Thresholds, judge, likely_renames, own_signals, reclaimable, silent
from app.accounts.users import FIELDS, User, user_of

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ISSUERS = frozenset({"https://idp.test/entity"})


def user(**changes):
    values = {
        "id": 1,
        "account_id": 1,
        "email": "grace@acme.test",
        "email_key": "grace@acme.test",
        "full_name": "Grace Holloway",
        "role": "developer",
        "created_at": NOW - timedelta(days=400),
        "created_by": "sso",
        "last_login_at": NOW - timedelta(days=1),
        "last_issuer": "https://idp.test/entity",
    }
    return User(**{**values, **changes})


def row(person, *extra, **context):
    signals = (*own_signals(person, configured_issuers=ISSUERS), *extra)
    return judge(person, signals, Context(now=NOW, **{"administrators": 2, **context}))


def ago(days):
    return NOW - timedelta(days=days)


def test_somebody_who_logs_in_is_not_stale():
    assert row(user()) is None


@pytest.mark.parametrize(("days", "evidence"), [(91, "possible"), (180, "possible"), (181, "likely")])
def test_dormant_after_the_threshold_and_likely_at_twice_that(days, evidence):
    found = row(user(last_login_at=ago(days)))
    assert (found.state, found.evidence, found.since) == ("dormant", evidence, ago(days))
    assert f"{days} days ago" in found.why[0]


def test_exactly_the_threshold_is_not_dormant():
    assert row(user(last_login_at=ago(90))) is None


def test_a_new_user_is_never_dormant():
    # A login dated before the creation can only come from a restored or imported record.
    assert row(user(created_at=ago(89), last_login_at=ago(300))) is None
    assert row(user(created_at=ago(91), last_login_at=ago(300))) is not None


def test_the_threshold_can_depend_on_the_role():
    thresholds = Thresholds(dormant_by_role={"finance": 365})
    assert row(user(role="finance", last_login_at=ago(200)), thresholds=thresholds) is None


@pytest.mark.parametrize(("days", "stale"), [(14, False), (15, True)])
def test_never_logged_in_after_the_grace_period(days, stale):
    found = row(user(created_at=ago(days), last_login_at=None, created_by="hand"))
    assert (found is not None) is stale
    if found:
        assert (found.state, found.evidence) == ("never-logged-in", "possible")


@pytest.mark.parametrize(
    ("kind", "state", "evidence"),
    [
        ("directory-absent", "deleted-at-idp", "confirmed"),
        ("directory-disabled", "disabled-at-idp", "confirmed"),
        ("not-assigned", "unassigned", "likely"),
        ("possible-rename", "renamed", "likely"),
    ],
)
def test_directory_signals(kind, state, evidence):
    found = row(user(last_login_at=ago(10)), Signal(kind, ago(2), "people.csv"))
    assert (found.state, found.evidence) == (state, evidence)


def test_a_login_after_the_snapshot_contradicts_it():
    for kind in ("directory-absent", "directory-disabled", "not-assigned"):
        found = row(user(last_login_at=ago(1)), Signal(kind, ago(2), "people.csv"))
        assert (found.state, found.evidence, found.reclaimable) == ("contradicted", "none", False)
        assert "people.csv of 2026-11-21" in found.why[0]


def test_why_names_file_and_date():
    found = row(user(last_login_at=ago(10)), Signal("directory-absent", ago(2), "people.csv"))
    assert "people.csv" in found.why[0]
    assert "2026-11-21" in found.why[0]


def test_a_retired_issuer():
    found = row(user(last_issuer="https://old.test/idp"))
    assert (found.state, found.evidence) == ("issuer-retired", "likely")


@pytest.mark.parametrize(
    ("change", "context"),
    [
        ({"role": "account_administrator"}, {"administrators": 1}),
        ({}, {"operator_key": "grace@acme.test"}),
        ({}, {"break_glass": frozenset({"grace@acme.test"})}),
        ({"keep_until": NOW + timedelta(days=1), "keep_why": "on leave"}, {}),
    ],
)
def test_protected_users_are_listed_but_excluded(change, context):
    found = row(user(last_login_at=ago(300), **change), **context)
    assert (found.state, found.evidence, found.reclaimable) == ("protected", "excluded", False)
    assert len(found.why) == 2


def test_protection_ends_with_its_date():
    assert row(user(last_login_at=ago(300), keep_until=ago(1))).evidence == "likely"


def test_a_deleted_user_is_no_row():
    assert row(user(deleted_at=ago(1), last_login_at=ago(300))) is None


def test_likely_renames_pair_the_silent_older_with_the_newer():
    older = user(last_login_at=ago(50))
    newer = user(id=2, email="g@acme.test", email_key="g@acme.test", created_at=ago(20))
    assert likely_renames([newer, older]) == {1: newer}
    still_here = replace(older, last_login_at=ago(5))
    assert likely_renames([newer, still_here]) == {}
    by_hand = replace(newer, created_by="hand")
    assert likely_renames([by_hand, older]) == {}


def test_likely_renames_by_stable_id():
    older = user(last_login_at=ago(50), stable_id="objectidentifier:1")
    newer = user(id=2, full_name="G. Holloway", created_at=ago(20), stable_id="objectidentifier:1")
    assert likely_renames([older, newer]) == {1: newer}


def test_reclaimable_counts_by_evidence():
    rows = [row(user(last_login_at=ago(100))), row(user(last_login_at=ago(300)))]
    assert reclaimable(rows) == {"confirmed": 0, "likely": 1, "possible": 1, "none": 0, "excluded": 0}


def test_nobody_who_is_not_silent_is_stale_without_a_signal():
    context = Context(now=NOW, thresholds=Thresholds(dormant_days=90, dormant_by_role={"developer": 30}))
    assert context.thresholds.shortest == timedelta(days=30)
    since = NOW - context.thresholds.shortest
    for last in (None, *(NOW - timedelta(days=d, seconds=s) for d in (0, 29, 30, 31, 90, 91) for s in (0, 1))):
        for role in ("developer", "finance"):
            person = user(last_login_at=last, role=role)
            assert silent(person, since) or judge(person, (), context) is None
    assert not silent(user(last_login_at=since), since)
    assert silent(user(last_login_at=since - timedelta(microseconds=1)), since)
    assert silent(user(last_login_at=None), since)


def test_a_user_read_from_values_is_the_same_and_cannot_be_changed():
    person = user(keep_why="a reason")
    made = user_of([getattr(person, name) for name in FIELDS])
    assert made == person
    assert hash(made) == hash(person)
    assert type(made) is User
    assert replace(made, role="finance").role == "finance"
    with pytest.raises(FrozenInstanceError):
        made.role = "finance"
    with pytest.raises(TypeError):
        user_of([1, 2])
