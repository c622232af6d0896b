"""The whole life of a company, on SQLite and on PostgreSQL, by the verbs that window, command line and ACS call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.accounts.directory import read_directory
from app.sso import Refused
from app.store import EventFilter
from simulator import Idp, KeyRing, TestUser

ACCOUNT = "ik_7x2k"


def test_the_life_of_a_company(empty):
    bench, sso = empty, empty.sso
    sso.update_account(ACCOUNT, seat_limit=32)

    # Set up, test, enforce.
    sso.save_metadata(ACCOUNT, bench.idp.metadata(), test_idp=True)
    with pytest.raises(Refused, match="cannot be enforced yet"):
        sso.enforce(ACCOUNT)
    admin = bench.log_in("ada")
    assert admin.user.is_administrator
    sso.record_test(ACCOUNT, admin.reference, how="simulator")
    assert len(sso.make_recovery_codes(ACCOUNT)) >= 8
    sso.enforce(ACCOUNT)
    assert sso.account(ACCOUNT).enforced

    # Thirty people arrive, and one too many.
    people = {
        f"p{n:02d}": TestUser(
            username=f"p{n:02d}", email=f"p{n:02d}@acme-media.test", full_name=f"Person {n:02d}", role="developer",
            imagekit_id=ACCOUNT,
        )
        for n in range(32)
    }  # fmt: skip
    for user in people.values():
        bench.idp.tenant = bench.idp.tenant.with_user(user)
    for n in range(30):
        bench.later(minutes=10)
        assert bench.log_in(f"p{n:02d}").decision.outcome == "created"
    sso.add_user(ACCOUNT, "by-hand@acme-media.test", "By Hand", "finance")
    full = bench.log_in("p31")
    assert (full.allowed, full.reason.code) == (False, "seat.limit-reached")
    assert sso.seats(ACCOUNT).seats.used == 32

    # Roles change at the identity provider.
    bench.later(days=1)
    for n in range(5):
        bench.person(f"p{n:02d}", role="finance")
        result = bench.log_in(f"p{n:02d}")
        assert (result.decision.outcome, result.user.role) == ("updated", "finance")

    # The certificate rolls over: refused until its metadata is saved, which keeps the old revision.
    bench.later(days=30)
    old = bench.idp
    ring = KeyRing.in_memory(lambda: bench.time)
    bench.idp = Idp(old.tenant, ring, lambda: bench.time)
    refused = bench.log_in("p05")
    assert (refused.allowed, refused.reason.category) == (False, "sig")
    before = sso.account(ACCOUNT).revision
    sso.save_metadata(ACCOUNT, bench.idp.metadata(), test_idp=True)
    assert sso.account(ACCOUNT).revision > before
    assert bench.log_in("p05").allowed
    assert not sso.consume(old.issue("p06", "imagekit").body).allowed

    # Five leave, are found, planned and deleted; one of them is undone.
    gone = [f"p{n:02d}" for n in range(20, 25)]
    staying = [u for u in sso.users(ACCOUNT) if u.email.partition("@")[0] not in gone]
    bench.later(days=1)
    rows = "\n".join(f"{u.email},yes" for u in staying)
    reading = read_directory(f"mail,enabled\n{rows}\n".encode())
    sso.import_directory(ACCOUNT, reading, complete=True, taken_at=bench.time, source="people.csv")
    bench.later(hours=1)
    stale = {r.user.email.partition("@")[0] for r in sso.stale_users(ACCOUNT) if r.evidence == "confirmed"}
    assert stale == set(gone)
    plan = sso.plan_cleanup(ACCOUNT)
    assert {i.email.partition("@")[0] for i in plan.items} == set(gone)
    # Who logs in between plan and clean-up is not deleted.
    bench.later(minutes=1)
    assert bench.log_in("p24").allowed
    done = sso.apply_cleanup(plan, typed=plan.must_type)
    assert sorted(e.partition("@")[0] for e in done.deleted) == gone[:4]
    assert [e.partition("@")[0] for e, _ in done.skipped] == ["p24"]
    assert sso.seats(ACCOUNT).seats.used == 28
    deleted = {u.email.partition("@")[0]: u for u in sso.users(ACCOUNT, deleted=True) if not u.active}
    back = sso.restore_user(deleted["p20"].id)
    assert (back.id, back.role, back.logins) == (deleted["p20"].id, "developer", 1)

    # One who was deleted logs in again: somebody new, by policy, with a warning.
    bench.later(days=2)
    again = bench.log_in("p21")
    assert (again.decision.outcome, again.user.previous_id) == ("recreated", deleted["p21"].id)
    assert sso.seats(ACCOUNT).seats.used == 30

    # Everything of it is in the log, and nothing contradicts anything.
    outcomes = [e.outcome for e in sso.events(EventFilter(kind="login"), limit=1000)]
    assert outcomes.count("created") == 31
    assert outcomes.count("updated") == 6  # five roles, and the mark "missing" of who logged in after all
    assert outcomes.count("recreated") == 1
    assert outcomes.count("rejected") == 3
    assert sso.count_events(EventFilter(reason="audit.user-deleted")) == 4
    bench.reopen()
    assert bench.store.check() == ()
    users = bench.sso.users(ACCOUNT)
    assert len(users) == 30
    assert sum(u.logins for u in users) == len(outcomes) - 3 - 3  # the refused, and the first logins of who is deleted
    assert replace(back, changed_at=None) in [replace(u, changed_at=None) for u in users]
    assert bench.time - bench.sso.event(admin.reference).at > timedelta(days=30)
