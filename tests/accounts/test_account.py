"""Accounts, seats and users as values."""

from datetime import UTC, datetime, timedelta

import pytest

from app.accounts.account import Account, Seats, times
from app.accounts.users import User
from app.product import IMAGEKIT

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(("used", "limit", "free", "full"), [(0, 5, 5, False), (5, 5, 0, True), (7, 5, 0, True)])
def test_seats(used, limit, free, full):
    seats = Seats(used, limit)
    assert (seats.free, seats.full) == (free, full)


def test_a_child_override_is_identifier_and_reply_url():
    child = "https://imagekit.io/saml/consume#ik_child"
    account = Account(id=1, imagekit_id="ik_child", name="Child", plan="paid", seat_limit=5, entity_id=child)
    assert account.sp_entity_id(IMAGEKIT) == child
    assert account.acs_url(IMAGEKIT) == child


def test_any_other_override_leaves_the_reply_url_alone():
    account = Account(id=1, imagekit_id="x", name="X", plan="paid", seat_limit=5, entity_id="urn:example:sp")
    assert account.sp_entity_id(IMAGEKIT) == "urn:example:sp"
    assert account.acs_url(IMAGEKIT) == IMAGEKIT.acs_url


@pytest.mark.parametrize(("plan", "has"), [("free", False), ("paid", True), ("enterprise", True)])
def test_sso_is_part_of_paid_plans(plan, has):
    assert Account(id=1, imagekit_id="x", name="X", plan=plan, seat_limit=5).plan_has_sso is has


def test_a_deletion_can_be_undone_for_thirty_days():
    user = User(
        id=1,
        account_id=1,
        email="ada@example.test",
        email_key="ada@example.test",
        full_name="Ada",
        role="developer",
        created_at=NOW,
        deleted_at=NOW,
    )
    assert not user.active
    assert user.restorable(NOW + timedelta(days=30))
    assert not user.restorable(NOW + timedelta(days=31))


@pytest.mark.parametrize(
    ("price", "cost"),
    [
        ("9 EUR", "27 EUR"),
        ("9.50 EUR", "28.50 EUR"),
        ("9,5 €", "28.50 €"),
        ("$ 1,200 a month", "$ 3,600 a month"),
        ("1.200 EUR", "3,600 EUR"),
        ("9 to 12 EUR", "3 × 9 to 12 EUR"),
        ("free", "3 × free"),
    ],
)
def test_what_three_seats_cost(price, cost):
    assert times(price, 3) == cost
