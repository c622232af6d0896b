"""Testing the saved revision, enforcing single sign-on, and recovery codes: nobody is locked out."""

import re
import threading

import pytest

from app.sso import Change, Moved, NotFound, Refused
from app.store import EventFilter
from simulator import Idp, KeyRing, default_tenant


@pytest.fixture
def ready(bench):
    """An administrator is registered, the saved revision is tested, recovery codes exist."""
    result = bench.log_in(admin(bench))
    bench.sso.record_test("ik_7x2k", result.reference)
    bench.codes = bench.sso.make_recovery_codes("ik_7x2k")
    bench.admin = result.user.email
    return bench


def admin(bench):
    """The user name of somebody whose role is account administrator."""
    return next(u.username for u in bench.idp.tenant.users if u.role == "account_administrator" and u.enabled)


def developer(bench):
    return next(u.username for u in bench.idp.tenant.users if u.role == "developer" and u.enabled)


def unmet(bench):
    return [c.title for c in bench.sso.safety("ik_7x2k").conditions if not c.met]


def test_a_login_is_attached_to_the_revision_that_judged_it(bench):
    result = bench.log_in(admin(bench))
    bench.told.clear()
    test = bench.sso.record_test("ik_7x2k", result.reference, how="browser", operator="olga")
    assert (test.revision, test.passed, test.administrator, test.operator) == (1, True, True, "olga")
    safety = bench.sso.safety("ik_7x2k")
    assert safety.test.reference == result.reference
    assert Change("configuration", safety.account.id, 1) in bench.told
    event = bench.sso.events(EventFilter(kind="configuration"))[0]
    assert event.outcome == "configuration-tested"
    assert result.reference in event.sentence
    before = bench.rows()
    assert bench.sso.record_test("ik_7x2k", result.reference).reference == result.reference
    assert bench.rows() == before


def test_a_refused_login_is_a_failed_test(bench):
    body = bench.issue(admin(bench)).body
    bench.later(hours=2)
    result = bench.sso.consume(body)
    test = bench.sso.record_test("ik_7x2k", result.reference)
    assert (test.passed, test.administrator) == (False, False)
    assert unmet(bench)[0] == "The saved settings were tested by an administrator"


def test_what_is_no_real_login_tests_nothing(bench):
    pasted = bench.sso.consume(bench.issue(admin(bench)).body, origin="pasted", mode="dry_run")
    faulty = bench.sso.consume(bench.issue(admin(bench)).body, origin="simulator", faults=("sig-none",))
    old = bench.log_in(admin(bench))
    bench.sso.create_account("ik_other", "Other")
    audit = bench.sso.events(EventFilter(kind="account"))[0]
    for reference, code in (
        (pasted.reference, "test.not-a-login"),
        (faulty.reference, "test.faults"),
        (audit.reference, "test.not-a-login"),
    ):
        with pytest.raises(Refused) as caught:
            bench.sso.record_test("ik_7x2k", reference)
        assert caught.value.code == code
    with pytest.raises(Refused) as caught:
        bench.sso.record_test("ik_other", old.reference)
    assert caught.value.code == "test.other-account"
    bench.sso.set_entity_id("ik_7x2k", "urn:example:sp")
    with pytest.raises(Refused, match="revision 2 is saved now") as caught:
        bench.sso.record_test("ik_7x2k", old.reference)
    with pytest.raises(NotFound):
        bench.sso.record_test("ik_7x2k", "no-such-thing-00")
    assert bench.sso.safety("ik_7x2k").tests == ()


def test_enforcing_asks_for_each_condition_in_turn(empty):
    bench = empty

    def refused():
        with pytest.raises(Refused) as caught:
            bench.sso.enforce("ik_7x2k")
        assert caught.value.code == "configuration.not-ready"
        return str(caught.value)

    assert "Save the identity provider's metadata first" in refused()
    bench.sso.save_metadata("ik_7x2k", bench.idp.metadata(), test_idp=True)
    assert "Test the saved settings" in refused()
    bench.sso.record_test("ik_7x2k", bench.log_in(developer(bench)).reference)
    assert "not one of an account administrator" in refused()
    tried = bench.log_in(admin(bench), mode="test")
    bench.sso.record_test("ik_7x2k", tried.reference, how="simulator")
    assert "is not a registered administrator" in refused()
    bench.log_in(admin(bench))
    assert "Make recovery codes" in refused()
    bench.sso.make_recovery_codes("ik_7x2k")
    view = bench.sso.enforce("ik_7x2k", operator="olga")
    assert (view.account.enforced, view.revision.enforced, view.revision.what) == (True, True, "SSO enforced.")
    assert bench.sso.enforce("ik_7x2k").account.revision == view.account.revision
    assert [(d.what, d.new) for d in bench.sso.compare_revisions("ik_7x2k", 1, 2)] == [("Enforced", "yes")]


def test_an_administrator_who_does_not_stay_one_does_not_count(ready):
    ready.sso.add_user("ik_7x2k", "other@acme.test", "Other Admin", "account_administrator")
    user = next(u for u in ready.sso.users("ik_7x2k") if u.email == ready.admin)
    ready.sso.update_user(user.id, role="developer")
    with pytest.raises(Refused, match="not a registered administrator"):
        ready.sso.enforce("ik_7x2k")


def test_a_plan_without_sso_cannot_enforce_it(ready):
    ready.sso.update_account("ik_7x2k", plan="free")
    with pytest.raises(Refused, match="plan has no SSO"):
        ready.sso.enforce("ik_7x2k")


def test_a_changed_configuration_is_not_enforced_until_it_is_tested_again(ready):
    ready.sso.enforce("ik_7x2k")
    view = ready.sso.set_entity_id("ik_7x2k", "urn:example:sp")
    assert not view.account.enforced
    assert "no longer enforced" in view.revision.what
    with pytest.raises(Refused, match="Test the saved settings"):
        ready.sso.enforce("ik_7x2k")
    restored = ready.sso.restore_revision("ik_7x2k", 2)
    assert not restored.account.enforced
    assert unmet(ready)[0].endswith("were tested by an administrator")


def test_stopping_and_enforcing_again_needs_no_new_test(ready):
    ready.sso.enforce("ik_7x2k", based_on=1)
    with pytest.raises(Moved):
        ready.sso.stop_enforcing("ik_7x2k", based_on=1)
    assert not ready.sso.stop_enforcing("ik_7x2k", based_on=2).account.enforced
    assert ready.sso.enforce("ik_7x2k").account.revision == 4


def test_recovery_codes_are_kept_as_digests_only(ready, url):
    assert len(set(ready.codes)) == 8
    assert all(re.fullmatch(r"[a-z2-7]{5}(-[a-z2-7]{5}){3}", c) for c in ready.codes)
    with ready.store.read() as tx:
        kept = tx.recovery_codes(ready.sso.account("ik_7x2k").id)
        told = [repr(e) for e in tx.events(EventFilter())]
    for code in ready.codes:
        assert code not in repr(kept)
        assert code.replace("-", "") not in repr(kept)
        assert not any(code in t for t in told)


def test_a_recovery_code_lets_an_administrator_in_once(ready):
    ready.sso.enforce("ik_7x2k")
    done = ready.sso.use_recovery_code(f" {ready.admin.upper()} ", f" {ready.codes[0].upper().replace('-', ' ')}")
    assert (done.user.email, done.account.imagekit_id, done.left) == (ready.admin, "ik_7x2k", 7)
    event = ready.sso.event(done.reference)
    assert (event.status, event.outcome, event.origin) == ("warning", "recovered", "login-page")
    again = ready.sso.use_recovery_code(ready.admin, ready.codes[0])
    assert again.user is None
    assert "used before" in ready.sso.event(again.reference).sentence
    assert ready.sso.safety("ik_7x2k").codes_left == 7


def test_whoever_is_not_let_in_reads_one_sentence(ready):
    ready.log_in(developer(ready))
    person = next(u.email for u in ready.sso.users("ik_7x2k") if u.role == "developer")
    early = ready.sso.use_recovery_code(ready.admin, ready.codes[0])
    assert "not enforced" in ready.sso.event(early.reference).sentence
    ready.sso.enforce("ik_7x2k")
    tries = [
        ready.sso.use_recovery_code("nobody@acme.test", ready.codes[0]),
        ready.sso.use_recovery_code("not an address", ready.codes[0]),
        ready.sso.use_recovery_code(person, ready.codes[0]),
        ready.sso.use_recovery_code(ready.admin, "aaaaa-aaaaa-aaaaa-aaaaa"),
        ready.sso.use_recovery_code(ready.admin, "x" * 100_000),
        ready.sso.use_recovery_code(ready.admin, "\x00\ud800'; DROP TABLE users"),
        ready.sso.use_recovery_code(ready.admin, ""),
    ]
    assert {t.public for t in (early, *tries)} == {early.public}
    assert all(t.user is None and t.account is None for t in tries)
    assert ready.sso.safety("ik_7x2k").codes_left == 8


def test_codes_of_another_account_and_earlier_codes_are_void(ready):
    ready.sso.enforce("ik_7x2k")
    ready.sso.create_account("ik_other", "Other")
    for code in ready.sso.make_recovery_codes("ik_other"):
        assert ready.sso.use_recovery_code(ready.admin, code).user is None
    ready.sso.make_recovery_codes("ik_7x2k")
    assert ready.sso.use_recovery_code(ready.admin, ready.codes[0]).user is None


def test_one_code_at_one_moment_lets_one_in(ready):
    ready.sso.enforce("ik_7x2k")
    gate, let_in = threading.Barrier(6), []

    def use():
        gate.wait()
        let_in.append(ready.sso.use_recovery_code(ready.admin, ready.codes[3]).user is not None)

    people = [threading.Thread(target=use) for _ in range(6)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert sorted(let_in) == [False] * 5 + [True]


def test_the_newest_login_of_the_revision_is_found(bench):
    since = bench.time
    assert bench.sso.newest_login("ik_7x2k", since) is None
    bench.log_in(admin(bench), mode="test")
    assert bench.sso.newest_login("ik_7x2k", since) is None
    result = bench.log_in(admin(bench))
    assert bench.sso.newest_login("ik_7x2k", since).reference == result.reference
    bench.later(minutes=1)
    assert bench.sso.newest_login("ik_7x2k", bench.time) is None
    other = Idp(
        default_tenant(imagekit_id="ik_7x2k", domain="x.test"),
        KeyRing.in_memory(lambda: bench.time),
        lambda: bench.time,
    )
    bench.sso.save_metadata("ik_7x2k", other.metadata())
    assert bench.sso.newest_login("ik_7x2k", since) is None
