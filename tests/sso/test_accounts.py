"""Several accounts at once: made and changed all together or not at all, and told row by row what is wrong."""

import pytest

from app.sso import NotFound, Refused
from app.sso.accounts import read_accounts


def made(bench, text):
    return bench.sso.create_accounts(read_accounts(text), operator="olga")


def test_a_list_is_made_whole(empty):
    accounts = made(empty, "id;name;plan;seats\nik_a;Agency A;paid;20\n\nik_b;Agency, B\nik_c;Agency C;;7\n")
    assert [(a.imagekit_id, a.name, a.plan, a.seat_limit) for a in accounts] == [
        ("ik_a", "Agency A", "paid", 20),
        ("ik_b", "Agency, B", "enterprise", 5),
        ("ik_c", "Agency C", "enterprise", 7),
    ]
    assert [e.outcome for e in empty.sso.events()][:3] == ["account-created"] * 3
    assert {r.account.imagekit_id: (r.seats.used, r.seats.limit) for r in empty.sso.account_rows()}["ik_c"] == (0, 7)


def test_nothing_is_made_where_one_row_does_not_fit_and_every_row_is_told(empty):
    before = empty.rows()
    with pytest.raises(Refused) as told:
        made(empty, "ik_a,A\nik_7x2k,Taken\nik bad,Blank\nik_b,B,gold\nik_c,C,paid,many\nik_a,Twice\nik_d,Bell\x07")
    rows = [line.partition(":")[0] for line in str(told.value).splitlines()]
    assert rows == ["Row 2", "Row 3", "Row 4", "Row 5", "Row 6", "Row 7"]
    assert empty.rows() == before
    assert len(empty.sso.accounts()) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no account in it"),
        ("ik_a", "1 values"),
        ("ik_a,A,paid,5,more", "5 values"),
        ('ik_a,"A', "cannot be read"),
        ("x" * 600_000, "fewer accounts"),
        ("\n".join(f"ik_{n},N" for n in range(1_001)), "at most 1,000"),
    ],
)
def test_lists_that_cannot_be_read(text, words):
    with pytest.raises(Refused, match=words):
        read_accounts(text)


def test_many_wrong_rows_are_told_in_part():
    with pytest.raises(Refused, match="And 30 more"):
        read_accounts("\n".join("only-an-id" for _ in range(50)))


def test_several_are_changed_together_or_not_at_all(empty):
    made(empty, "ik_a,A\nik_b,B")
    changed = empty.sso.update_accounts(["ik_a", "ik_b"], plan="paid", seat_price="12.00 EUR", operator="olga")
    assert {(a.imagekit_id, a.plan, a.seat_limit, a.seat_price) for a in changed} == {
        ("ik_a", "paid", 5, "12.00 EUR"),
        ("ik_b", "paid", 5, "12.00 EUR"),
    }
    assert empty.sso.update_accounts(["ik_a"], plan="paid") == ()
    for wrong in ({"plan": "gold"}, {"seat_limit": -1}, {"seat_price": "x" * 61}, {"seat_price": "a\nb"}):
        with pytest.raises(Refused):
            empty.sso.update_accounts(["ik_a", "ik_b"], **wrong)
    with pytest.raises(NotFound):
        empty.sso.update_accounts(["ik_a", "ik_none"], plan="free")
    assert empty.sso.account("ik_a").plan == "paid"
    assert empty.sso.update_accounts(["ik_a"], seat_price="")[0].seat_price is None
