"""Clean-ups: the plan kept before, what applying it did, looking again, undoing it, and the hand-off list."""

import pytest

from app.sso import NotFound
from tests.sso.test_directories import ACCOUNT, EVERYBODY, code_of, imported


@pytest.fixture
def crowd(bench):
    """An administrator and nine others; u8 and u9 are missing from the directory's list."""
    bench.sso.update_account(ACCOUNT, seat_limit=50)
    for n, email in enumerate(EVERYBODY):
        bench.sso.add_user(ACCOUNT, email, f"U{n}", "account_administrator" if n == 0 else "developer")
    bench.later(days=5)
    imported(bench, *EVERYBODY[:8])
    return bench


def test_the_default_plan_takes_the_confirmed_and_is_kept_with_its_evidence(crowd):
    plan = crowd.sso.plan_cleanup(ACCOUNT)
    assert [i.email for i in plan.items] == list(EVERYBODY[8:])
    result = crowd.sso.apply_cleanup(plan, operator="otto")
    assert result.deleted == EVERYBODY[8:]
    (kept,) = crowd.sso.cleanups(ACCOUNT)
    assert (kept.reference, kept.operator, [i.left_out for i in kept.items]) == (result.batch, "otto", ["", ""])
    assert kept.export.decode().splitlines()[1].startswith(f'"{EVERYBODY[8]}","developer","deleted-at-idp","confirmed"')
    assert kept.made_at == plan.made_at
    rows = [e for e in crowd.sso.events() if e.outcome == "user-deleted"]
    assert len(rows) == 2
    details = crowd.sso.event(rows[0].reference).details
    assert (details["clean-up"], details["evidence"]) == (result.batch, "confirmed")


def test_looking_again_tells_who_came_back(crowd):
    batch = crowd.sso.apply_cleanup(crowd.sso.plan_cleanup(ACCOUNT)).batch
    check = crowd.sso.verify_cleanup(batch)
    assert (check.gone, check.back, check.holds, check.seats.used) == (2, (), True, 8)
    crowd.sso.add_user(ACCOUNT, EVERYBODY[9], "U9 again", "developer")
    check = crowd.sso.verify_cleanup(batch)
    assert (check.gone, check.holds) == (1, False)
    assert "was added again" in check.back[0][1]


def test_undoing_brings_the_same_people_back_and_checks_each(crowd):
    before = {u.email: u for u in crowd.sso.users(ACCOUNT)}
    batch = crowd.sso.apply_cleanup(crowd.sso.plan_cleanup(ACCOUNT)).batch
    crowd.sso.add_user(ACCOUNT, EVERYBODY[9], "U9 again", "developer")
    undone = crowd.sso.undo_cleanup(batch, operator="otto")
    assert undone.restored == (EVERYBODY[8],)
    assert "user of this account already" in undone.left_out[0][1]
    after = {u.email: u for u in crowd.sso.users(ACCOUNT)}
    assert (after[EVERYBODY[8]].id, after[EVERYBODY[8]].role) == (before[EVERYBODY[8]].id, "developer")
    assert crowd.sso.undo_cleanup(batch).restored == ()
    crowd.sso.delete_user(after[EVERYBODY[8]].id)
    crowd.later(days=31)
    assert "30 days" in crowd.sso.undo_cleanup(batch).left_out[0][1]


def test_undoing_stops_at_the_seat_limit(crowd):
    batch = crowd.sso.apply_cleanup(crowd.sso.plan_cleanup(ACCOUNT)).batch
    crowd.sso.update_account(ACCOUNT, seat_limit=9)
    undone = crowd.sso.undo_cleanup(batch)
    assert undone.restored == (EVERYBODY[8],)
    assert "seats are taken" in undone.left_out[0][1]
    assert crowd.sso.seats(ACCOUNT).seats.used == 9


def test_ticks_are_kept(crowd):
    batch = crowd.sso.apply_cleanup(crowd.sso.plan_cleanup(ACCOUNT)).batch
    first, second = (i.user_id for i in crowd.sso.cleanups(ACCOUNT)[0].deleted)
    crowd.sso.tick_cleanup(batch, first, True)
    crowd.sso.tick_cleanup(batch, second, True)
    crowd.sso.tick_cleanup(batch, first, False)
    assert crowd.sso.cleanups(ACCOUNT)[0].ticked == {second}
    with pytest.raises(NotFound):
        crowd.sso.tick_cleanup(batch, 4711, True)
    with pytest.raises(NotFound):
        crowd.sso.verify_cleanup("no-such-thing-00")


def test_stopping_in_the_middle_deletes_nobody(crowd):
    def stop(_done, _total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crowd.sso.apply_cleanup(crowd.sso.plan_cleanup(ACCOUNT), told=stop)
    assert len(crowd.sso.users(ACCOUNT)) == 10
    assert crowd.sso.cleanups(ACCOUNT) == ()


def test_a_newer_list_saves_who_is_in_it_after_the_plan_was_made(crowd):
    plan = crowd.sso.plan_cleanup(ACCOUNT)
    crowd.later(minutes=1)
    imported(crowd, *EVERYBODY[:9], source="newer.csv")
    result = crowd.sso.apply_cleanup(plan)
    assert result.deleted == (EVERYBODY[9],)
    assert result.skipped == ((EVERYBODY[8], "Not stale any more."),)


def test_two_administrators_left_of_a_plan_that_takes_both_never_leave_nobody(crowd):
    """Another desk deletes the third administrator between plan and apply."""
    second = crowd.sso.update_user(crowd.sso.users(ACCOUNT)[8].id, role="account_administrator")
    third = crowd.sso.update_user(crowd.sso.users(ACCOUNT)[9].id, role="account_administrator")
    plan = crowd.sso.plan_cleanup(ACCOUNT)
    assert plan.must_type == 2
    first = next(u for u in crowd.sso.users(ACCOUNT) if u.email == EVERYBODY[0])
    crowd.sso.delete_user(first.id)
    result = crowd.sso.apply_cleanup(plan, typed=2)
    assert len(result.deleted) == 1
    assert "last account administrator" in result.skipped[0][1]
    assert {second.email, third.email} >= set(result.deleted)


def test_the_contradicted_cannot_be_planned_away(bench):
    for name in ("ada", "grace", "linus", "margaret", "wei"):
        bench.log_in(name)
    bench.later(hours=1)
    imported(bench, *(u.email for u in bench.sso.users(ACCOUNT) if not u.email.startswith("linus")))
    bench.later(hours=1)
    bench.log_in("linus")
    linus = next(u for u in bench.sso.users(ACCOUNT) if u.email.startswith("linus"))
    plan = bench.sso.plan_cleanup(ACCOUNT, frozenset({linus.id}))
    assert "not stale" in plan.refused[0]
    assert code_of(bench.sso.apply_cleanup, plan) == "cleanup.refused"


def test_why_tells_failed_attempts_which_are_no_activity(bench):
    bench.log_in("ada")
    bench.log_in("grace")
    bench.later(days=120)
    assert not bench.log_in("grace", faults=["time-conditions-expired"]).allowed
    grace = next(u for u in bench.sso.users(ACCOUNT) if u.email.startswith("grace"))
    row = bench.sso.why_stale(grace.id)
    assert row.state == "dormant"
    kinds = [s.kind for s in row.signals]
    assert kinds == ["created", "last-login", "failed-attempt"]
    assert row.signals[-1].detail.startswith("1 in all, the last: time.")
    bench.later(days=-100)
    assert bench.sso.why_stale(grace.id) is None


def test_what_seats_cost(crowd):
    crowd.sso.update_account(ACCOUNT, seat_price="9.50 EUR")
    panel = crowd.sso.seats(ACCOUNT)
    assert panel.cost(panel.confirmed) == "19.00 EUR"
