"""The clean-up plan: what it selects, and what it refuses."""

from datetime import UTC, datetime, timedelta

from app.accounts.cleanup import plan_cleanup
from app.accounts.staleness import StaleUser
from app.accounts.users import User

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def stale(number, evidence="confirmed", role="developer"):
    person = User(
        id=number,
        account_id=1,
        email=f"u{number}@acme.test",
        email_key=f"u{number}@acme.test",
        full_name=f"User {number}",
        role=role,
        created_at=NOW - timedelta(days=400),
    )
    return StaleUser(person, "dormant", "Dormant", evidence, ("Silent.",), None, ())


def plan(rows, **changes):
    values = {"account_id": 1, "now": NOW, "active_users": 20, "administrators": 2}
    return plan_cleanup(rows, **{**values, **changes})


def test_only_confirmed_by_default():
    made = plan([stale(1), stale(2, "likely"), stale(3, "possible")])
    assert [i.user_id for i in made.items] == [1]
    assert made.applicable
    assert made.must_type is None
    assert made.seats_after == 19


def test_a_selection_may_take_weaker_evidence():
    assert [i.user_id for i in plan([stale(1), stale(2, "possible")], selected=frozenset({2})).items] == [2]


def test_nobody_selected_is_refused():
    assert not plan([stale(1, "likely")]).applicable


def test_a_protected_user_is_refused():
    made = plan([stale(1, "excluded")], selected=frozenset({1}))
    assert "protected" in made.refused[0]


def test_more_than_five_must_be_typed():
    assert plan([stale(n) for n in range(1, 6)]).must_type is None
    assert plan([stale(n) for n in range(1, 7)]).must_type == 6


def test_a_fifth_of_a_large_account_needs_no_typing():
    assert plan([stale(n) for n in range(1, 21)], active_users=100).must_type is None
    assert plan([stale(n) for n in range(1, 22)], active_users=100).must_type == 21


def test_an_administrator_must_be_typed_and_one_must_stay():
    one = stale(1, role="account_administrator")
    assert plan([one]).must_type == 1
    assert plan([one]).applicable
    assert not plan([one], administrators=1).applicable


def test_a_vanished_selection_is_refused():
    assert "not on the stale list" in plan([stale(1)], selected=frozenset({1, 99})).refused[0]
