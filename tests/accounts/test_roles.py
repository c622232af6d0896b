"""Reading the role claim."""

import pytest

from app.accounts.roles import read_role
from app.product import ROLE_IDS


@pytest.mark.parametrize("value", ROLE_IDS)
def test_every_role_is_accepted_on_enterprise(value):
    reading = read_role((value,), "enterprise")
    assert (reading.role, reading.reason) == (value, None)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ((), "role.missing"),
        (("",), "role.missing"),
        (("  ",), "role.missing"),
        (("developer", "finance"), "role.multiple"),
        (("developer", "developer"), "role.multiple"),
        (("Developer",), "role.unknown"),
        ((" developer",), "role.unknown"),
        (("admin",), "role.unknown"),
        (("7f0c1a52-1111-2222-3333-444455556666",), "role.unknown"),
    ],
)
def test_what_gives_no_role(values, reason):
    reading = read_role(values, "enterprise")
    assert reading.role is None
    assert reading.reason == reason


def test_the_restricted_role_needs_enterprise():
    assert read_role(("media_library_restricted_access",), "paid").reason == "role.requires-plan"


@pytest.mark.parametrize(
    ("value", "nearest"),
    [("Developer", "developer"), (" finance", "finance"), ("develloper", "developer")],
)
def test_the_nearest_value_is_named(value, nearest):
    reading = read_role((value,), "paid")
    assert reading.nearest == nearest
    assert nearest in reading.sentence


def test_the_received_bytes_are_shown_visibly():
    assert "\\u200b" in read_role(("developer\u200b",), "paid").sentence
