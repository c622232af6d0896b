"""Users by hand, seats, stale users and clean-up, with the guards that keep an administrator."""

import threading
from datetime import timedelta

import pytest

from app.sso import NotFound, Refused

ACCOUNT = "ik_7x2k"


def add(bench, email="olga@acme-media.test", name="Olga", role="developer", account=ACCOUNT):
    return bench.sso.add_user(account, email, name, role)


def code_of(action, *args, **more):
    with pytest.raises(Refused) as caught:
        action(*args, **more)
    assert str(caught.value).endswith(".")
    return caught.value.code


def test_a_user_added_by_hand_may_log_in(bench):
    user = add(bench, "ADA@acme-media.test", "Ada", "developer")
    assert (user.created_by, user.email_key) == ("hand", "ada@acme-media.test")
    result = bench.log_in("ada")
    assert (result.decision.outcome, result.user.id) == ("linked", user.id)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"email": "no e-mail"}, "nameid.not-an-email"),
        ({"name": "  "}, "claim.full-name-blank"),
        ({"role": "chief"}, "role.unknown"),
    ],
)
def test_users_that_cannot_be_added(bench, values, code):
    assert code_of(add, bench, **values) == code
    assert bench.sso.users(ACCOUNT) == ()


def test_the_same_person_is_not_added_twice_anywhere(bench):
    add(bench)
    assert code_of(add, bench, "OLGA@acme-media.test") == "user.exists"
    bench.sso.create_account("ik_2", "Second", plan="paid")
    assert code_of(add, bench, account="ik_2") == "org.user-elsewhere"


def test_no_seat_no_user(bench):
    bench.sso.update_account(ACCOUNT, seat_limit=0)
    assert code_of(add, bench) == "seat.limit-reached"


def test_the_restricted_role_needs_the_plan(bench):
    bench.sso.update_account(ACCOUNT, plan="paid")
    assert code_of(add, bench, role="media_library_restricted_access") == "role.requires-plan"


def test_changes_by_hand_are_audited(bench):
    user = add(bench)
    changed = bench.sso.update_user(user.id, full_name="Olga K.", role="finance", operator="otto")
    assert (changed.full_name, changed.role) == ("Olga K.", "finance")
    event = bench.sso.events()[0]
    assert (event.kind, event.outcome, event.operator, event.user_id) == ("user", "user-changed", "otto", user.id)
    assert [c.field for c in bench.sso.event(event.reference).changes] == ["full_name", "role"]
    assert bench.sso.update_user(user.id, full_name="Olga K.") == changed


def test_an_email_by_hand_must_be_free(bench):
    user = add(bench)
    add(bench, "otto@acme-media.test", "Otto")
    assert code_of(bench.sso.update_user, user.id, email="Otto@acme-media.test") == "user.exists"
    assert bench.sso.update_user(user.id, email="Olga@acme-media.test").email == "Olga@acme-media.test"


def test_the_last_administrator_stays(bench):
    admin = add(bench, role="account_administrator")
    assert code_of(bench.sso.delete_user, admin.id) == "role.last-admin-kept"
    assert code_of(bench.sso.update_user, admin.id, role="developer") == "role.last-admin-kept"
    add(bench, "otto@acme-media.test", "Otto", "account_administrator")
    bench.sso.delete_user(admin.id)


def test_two_deletions_at_once_leave_an_administrator(bench):
    admins = [add(bench, f"a{n}@acme-media.test", f"A{n}", "account_administrator") for n in range(2)]
    start = threading.Barrier(2)
    refused = []

    def delete(user):
        start.wait()
        try:
            bench.sso.delete_user(user.id)
        except Refused as e:
            refused.append(e.code)

    threads = [threading.Thread(target=delete, args=(u,)) for u in admins]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert refused == ["role.last-admin-kept"]
    assert len(bench.sso.users(ACCOUNT)) == 1


def test_deleting_and_undoing(bench):
    add(bench, "boss@acme-media.test", "Boss", "account_administrator")
    user = add(bench)
    gone = bench.sso.delete_user(user.id, operator="otto")
    assert (gone.active, gone.deleted_by) == (False, "otto")
    assert user.id not in {u.id for u in bench.sso.users(ACCOUNT)}
    assert user.id in {u.id for u in bench.sso.users(ACCOUNT, deleted=True)}
    assert code_of(bench.sso.update_user, user.id, role="finance") == "user.deleted"
    back = bench.sso.restore_user(user.id)
    assert (back.id, back.role, back.active) == (user.id, user.role, True)
    assert bench.sso.restore_user(user.id) == back


def test_undoing_checks_seat_email_and_time(bench):
    add(bench, "boss@acme-media.test", "Boss", "account_administrator")
    user = add(bench)
    bench.sso.delete_user(user.id)
    bench.sso.update_account(ACCOUNT, seat_limit=1)
    assert code_of(bench.sso.restore_user, user.id) == "seat.limit-reached"
    bench.sso.update_account(ACCOUNT, seat_limit=5)
    twin = add(bench)
    assert code_of(bench.sso.restore_user, user.id) == "user.exists"
    bench.sso.delete_user(twin.id)
    bench.later(days=31)
    assert code_of(bench.sso.restore_user, user.id) == "user.too-late"


def test_no_such_user(bench):
    with pytest.raises(NotFound):
        bench.sso.delete_user(4711)


def test_search(bench):
    add(bench)
    add(bench, "otto@acme-media.test", "Otto 100%", "finance")
    assert [u.full_name for u in bench.sso.users(ACCOUNT, text="OLG")] == ["Olga"]
    assert [u.full_name for u in bench.sso.users(ACCOUNT, text="%")] == ["Otto 100%"]
    assert [u.full_name for u in bench.sso.users(ACCOUNT, text="finance")] == ["Otto 100%"]
    assert bench.sso.users(ACCOUNT, text="'; DROP TABLE users;--") == ()


def test_stale_users_and_the_seat_panel(bench):
    bench.log_in("ada")
    bench.log_in("grace")
    add(bench)
    bench.later(days=15)
    bench.log_in("ada")
    rows = {r.user.email: r.state for r in bench.sso.stale_users(ACCOUNT)}
    assert rows == {"olga@acme-media.test": "never-logged-in"}
    bench.later(days=76)
    bench.log_in("ada")
    rows = {r.user.email: (r.state, r.evidence) for r in bench.sso.stale_users(ACCOUNT)}
    assert rows["grace@acme-media.test"] == ("dormant", "possible")
    panel = bench.sso.seats(ACCOUNT)
    assert (panel.seats.used, panel.confirmed, panel.likely, panel.possible) == (3, 0, 0, 2)
    bench.later(days=100)
    assert bench.sso.seats(ACCOUNT).likely == 1
    assert bench.log_in("grace").allowed
    assert "grace@acme-media.test" not in {r.user.email for r in bench.sso.stale_users(ACCOUNT)}


def test_thresholds_and_emergency_accounts_are_settings(bench):
    bench.log_in("ada")
    bench.log_in("grace")
    bench.later(days=40)
    assert bench.sso.stale_users(ACCOUNT) == ()
    bench.sso.set_setting("dormant_days", 30)
    by_email = {r.user.email: r.evidence for r in bench.sso.stale_users(ACCOUNT)}
    assert by_email == {"ada@acme-media.test": "excluded", "grace@acme-media.test": "possible"}
    bench.sso.set_setting("break_glass", ["GRACE@acme-media.test"])
    assert {r.evidence for r in bench.sso.stale_users(ACCOUNT)} == {"excluded"}


def test_a_protected_user_is_not_deleted(bench):
    add(bench, "boss@acme-media.test", "Boss", "account_administrator")
    user = add(bench)
    bench.later(days=20)
    bench.sso.protect_user(user.id, bench.time + timedelta(days=10), "on leave")
    plan = bench.sso.plan_cleanup(ACCOUNT, frozenset({user.id}))
    assert "on leave" in plan.refused[0]
    assert code_of(bench.sso.apply_cleanup, plan) == "cleanup.refused"
    bench.sso.protect_user(user.id, None)
    assert bench.sso.plan_cleanup(ACCOUNT, frozenset({user.id})).applicable


def test_clean_up_deletes_and_skips_who_came_back(bench):
    bench.log_in("ada")
    bench.log_in("grace")
    bench.log_in("linus")
    bench.later(days=200)
    bench.log_in("ada")
    plan = bench.sso.plan_cleanup(ACCOUNT, frozenset(r.user.id for r in bench.sso.stale_users(ACCOUNT)))
    assert {i.email for i in plan.items} == {"grace@acme-media.test", "linus@acme-media.test"}
    bench.later(minutes=5)
    bench.log_in("grace")
    result = bench.sso.apply_cleanup(plan, operator="otto")
    assert result.deleted == ("linus@acme-media.test",)
    assert result.skipped == (("grace@acme-media.test", "Logged in since the plan was made."),)
    assert bench.sso.apply_cleanup(plan).deleted == ()
    rows = [e for e in bench.sso.events() if e.outcome == "user-deleted"]
    assert len(rows) == 1
    assert result.batch in rows[0].sentence


def test_many_deletions_must_be_typed(bench):
    bench.sso.update_account(ACCOUNT, seat_limit=50)
    add(bench, "boss@acme-media.test", "Boss", "account_administrator")
    for n in range(7):
        add(bench, f"u{n}@acme-media.test", f"U{n}")
    bench.later(days=20)
    chosen = frozenset(r.user.id for r in bench.sso.stale_users(ACCOUNT) if r.reclaimable)
    plan = bench.sso.plan_cleanup(ACCOUNT, chosen)
    assert plan.must_type == 7
    assert code_of(bench.sso.apply_cleanup, plan) == "cleanup.type"
    assert len(bench.sso.apply_cleanup(plan, typed=7).deleted) == 7


def test_several_get_a_role_at_once_and_the_last_administrator_is_left_out(bench):
    boss = add(bench, "boss@acme-media.test", "Boss", "account_administrator")
    one, two = add(bench), add(bench, "otto@acme-media.test", "Otto")
    result = bench.sso.set_roles({boss.id: "finance", one.id: "finance", two.id: "chief"}, operator="op")
    assert [u.id for u in result.done] == [one.id]
    assert [e for e, _ in result.left_out] == ["boss@acme-media.test", "otto@acme-media.test"]
    assert "last account administrator" in result.left_out[0][1]
    assert bench.sso.user(one.id).role == "finance"
    assert bench.sso.events()[0].operator == "op"


def test_several_are_deleted_and_restored_at_once(bench):
    boss = add(bench, "boss@acme-media.test", "Boss", "account_administrator")
    people = [add(bench, f"u{n}@acme-media.test", f"U{n}") for n in range(3)]
    gone = bench.sso.delete_users([boss.id, *(u.id for u in people)])
    assert ([u.id for u in gone.done], len(gone.left_out)) == ([u.id for u in people], 1)
    assert bench.sso.delete_users([people[0].id]).left_out[0][1] == "Deleted already."
    bench.sso.update_account(ACCOUNT, seat_limit=3)
    back = bench.sso.restore_users([u.id for u in people])
    assert [u.id for u in back.done] == [people[0].id, people[1].id]
    assert "seats are taken" in back.left_out[0][1]
    assert bench.sso.seats(ACCOUNT).seats.used == 3


def test_search_finds_any_field(bench):
    bench.log_in("ada")
    user = add(bench, role="media_library_view_only_access")
    bench.sso.protect_user(user.id, bench.time + timedelta(days=9), "maternity leave")
    for text in ("maternity", "by hand", "olga@", "View only", "media_library_view"):
        assert [u.id for u in bench.sso.users(ACCOUNT, text=text)] == [user.id], text
    issuer = bench.idp.entity_id if hasattr(bench.idp, "entity_id") else bench.idp.tenant.entity_id
    assert [u.email for u in bench.sso.users(ACCOUNT, text=issuer)] == ["ada@acme-media.test"]
    assert bench.sso.users(ACCOUNT, text="100%_") == ()


def test_a_history_goes_back_beyond_a_deletion_and_holds_failures(bench):
    bench.log_in("ada")
    bench.log_in("grace")
    grace = next(u for u in bench.sso.users(ACCOUNT) if u.email.startswith("grace"))
    bench.sso.update_user(grace.id, role="finance", operator="otto")
    bench.sso.delete_user(grace.id)
    assert not bench.log_in("grace", faults=["time-conditions-expired"]).allowed
    again = bench.log_in("grace").user
    assert again.id != grace.id
    told = bench.sso.history(again.id)
    assert [e.outcome for e in told] == ["recreated", "rejected", "user-deleted", "user-changed", "created"]
    assert [(c.field, c.old, c.new) for c in told[3].changes] == [("role", "developer", "finance")]
    assert len(bench.sso.history(again.id, limit=2)) == 2
    assert all(e.email_key == "grace@acme-media.test" for e in told)


def test_a_rename_does_not_take_the_last_administrator_away(bench):
    old = add(bench)
    new = add(bench, "boss@acme-media.test", "Olga", "account_administrator")
    assert code_of(bench.sso.treat_as_rename, old.id, new.id) == "role.last-admin-kept"
    add(bench, "second@acme-media.test", "Second", "account_administrator")
    moved = bench.sso.treat_as_rename(old.id, new.id)
    assert (moved.id, moved.email, moved.role) == (old.id, "boss@acme-media.test", "developer")
