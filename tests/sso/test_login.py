"""Logins end to end below HTTP: the transaction, the decisions as they are stored, replay, races, modes."""

import threading
from datetime import timedelta

import pytest

from app.sso import Change, FirstLoginAtIdp
from app.store import EventFilter

ADA = "ada@acme-media.test"


def people(bench):
    return {u.email: u for u in bench.sso.users("ik_7x2k")}


def test_a_first_login_creates_user_event_checks_and_changes(bench):
    result = bench.log_in("ada")
    assert (result.allowed, result.decision.outcome) == (True, "created")
    assert result.user == people(bench)[ADA]
    event = bench.sso.event(result.reference)
    assert (event.outcome, event.status, event.verdict, event.flow, event.mode) == (
        "created", "success", "accept", "idp_initiated", "live",
    )  # fmt: skip
    assert (event.user_id, event.email_key, event.role_after) == (result.user.id, ADA, "account_administrator")
    assert (event.seats_before, event.seats_after, event.seats_limit) == (0, 1, 5)
    assert [c.field for c in event.changes] == ["email", "full_name", "role"]
    assert len(event.checks) > 100
    assert event.certificate == bench.idp.keys.pair().fingerprint
    assert event.details["claims"]["imagekit_id"] == ["ik_7x2k"]
    assert event.details["audiences"] == ["https://imagekit.io/saml/consume"]
    assert event.raw.startswith(b"SAMLResponse=")
    assert bench.told == [
        Change("event", result.account.id, result.reference),
        Change("users", result.account.id, result.user.id),
    ]


def test_a_second_login_updates_what_changed_and_tells_only_that(bench):
    bench.log_in("grace")
    bench.later(minutes=5)
    bench.told.clear()
    assert bench.log_in("grace").decision.outcome == "unchanged"
    assert [c.kind for c in bench.told] == ["event"]
    bench.person("grace", full_name="Grace B. M. Holloway", role="finance")
    result = bench.log_in("grace")
    assert result.decision.outcome == "updated"
    user = people(bench)["grace@acme-media.test"]
    assert (user.full_name, user.role, user.logins, user.last_login_at) == (
        "Grace B. M. Holloway", "finance", 3, bench.time,
    )  # fmt: skip


def test_a_refused_login_touches_nobody_and_is_recorded(bench):
    bench.log_in("ada")
    before = bench.rows()
    result = bench.log_in("ada", faults=["sig-tampered-content"])
    assert (result.allowed, result.user) == (False, None)
    after = bench.rows()
    # Persons are what the log is searched by: every e-mail and name that an attempt brought, let in or not.
    assert {t for t in after if after[t] != before[t]} == {"events", "messages", "persons"}
    event = bench.sso.event(result.reference)
    assert (event.status, event.outcome, event.category, event.verdict) == ("failure", "rejected", "sig", "reject")
    assert "signature-digest" in event.failed_checks
    assert result.public
    assert ADA not in result.public


def test_garbage_is_an_event_too(bench):
    for body in (b"", b"SAMLResponse=", b"\xff\xfe", b"a" * 2_000_000):
        result = bench.sso.consume(body)
        assert (result.allowed, result.reason.category) == (False, "message")
        assert bench.sso.event(result.reference).outcome == "rejected"


def test_nothing_is_written_when_the_transaction_fails(bench, monkeypatch):
    """A crash between the user and its event leaves neither."""
    from app.store.transaction import Transaction

    issued = bench.issue("ada")
    before = bench.rows()

    def crash(*_):
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "insert_event", crash)
        with pytest.raises(RuntimeError):
            bench.sso.consume(issued.body)
    assert bench.rows() == before
    assert bench.sso.consume(issued.body).allowed


# Replay -------------------------------------------------------------------------------------------------------------


def test_a_replay_is_refused_also_after_a_restart(bench):
    issued = bench.issue("ada")
    first = bench.sso.consume(issued.body)
    second = bench.sso.consume(issued.body)
    assert (second.allowed, second.reason.code) == (False, "replay.assertion")
    assert first.reference in second.reason.sentence
    bench.reopen()
    third = bench.sso.consume(issued.body)
    assert (third.allowed, third.reason.code) == (False, "replay.assertion")


def test_a_forgery_cannot_burn_an_assertion(bench):
    issued = bench.issue("ada")
    forged = issued.body.replace(b"RelayState", b"RelayStatf")
    tampered = bench.issue("ada", faults=["sig-tampered-content"])
    assert not bench.sso.consume(tampered.body).allowed
    assert bench.rows()["replays"] == 0
    assert not bench.sso.consume(forged[:-400]).allowed
    assert bench.sso.consume(issued.body).allowed


def test_the_same_response_at_the_same_moment_lets_in_once(bench):
    issued = bench.issue("ada")
    results = at_once(lambda: bench.sso.consume(issued.body), 6)
    assert sum(r.allowed for r in results) == 1
    assert {r.reason.code for r in results if not r.allowed} == {"replay.assertion"}
    assert bench.sso.users("ik_7x2k")[0].logins == 1


def test_replay_entries_are_forgotten_when_no_assertion_could_be_valid(bench):
    bench.log_in("ada")
    assert bench.rows()["replays"] == 1
    bench.later(days=2)
    bench.sso.purge()
    assert bench.rows()["replays"] == 0


# Races --------------------------------------------------------------------------------------------------------------


def at_once(action, count):
    """The results of an action done by several threads at the same moment."""
    results, errors = [], []
    start = threading.Barrier(count)

    def run():
        start.wait()
        try:
            results.append(action())
        except Exception as e:
            errors.append(e)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert errors == []
    return results


def test_two_first_logins_at_once_make_one_user_and_take_one_seat(bench):
    bodies = [bench.issue("ada").body for _ in range(4)]
    results = at_once(lambda: bench.sso.consume(bodies.pop()), 4)
    assert all(r.allowed for r in results)
    outcomes = sorted(r.decision.outcome for r in results)
    assert outcomes == ["created", "unchanged", "unchanged", "unchanged"]
    assert len(bench.sso.users("ik_7x2k")) == 1
    assert bench.sso.seats("ik_7x2k").seats.used == 1


def test_a_first_login_between_judgement_and_transaction_is_reused(bench):
    """Decision 8, made certain: the other login commits while this one holds its judgement."""
    one, other = bench.issue("ada").body, bench.issue("ada").body
    write = bench.store.write

    def write_after_the_other():
        bench.store.write = write
        assert bench.sso.consume(other).decision.outcome == "created"
        return write()

    bench.store.write = write_after_the_other
    result = bench.sso.consume(one)
    assert (result.decision.outcome, result.decision.status) == ("unchanged", "success")
    assert result.reason.code == "user.race-reused"
    assert bench.sso.seats("ik_7x2k").seats.used == 1


def test_the_last_seat_is_given_once(bench):
    bench.sso.update_account("ik_7x2k", seat_limit=1)
    bodies = [bench.issue(name).body for name in ("ada", "grace", "linus", "margaret")]
    results = at_once(lambda: bench.sso.consume(bodies.pop()), 4)
    assert sum(r.allowed for r in results) == 1
    assert {r.reason.code for r in results if not r.allowed} == {"seat.limit-reached"}
    assert bench.sso.seats("ik_7x2k").seats.used == 1


def test_two_demotions_at_once_leave_one_administrator(bench):
    bench.person("grace", role="account_administrator")
    bench.log_in("ada")
    bench.log_in("grace")
    bench.person("ada", role="developer")
    bench.person("grace", role="developer")
    bodies = [bench.issue(name).body for name in ("ada", "grace")]
    results = at_once(lambda: bench.sso.consume(bodies.pop()), 2)
    assert all(r.allowed for r in results)
    assert sorted(r.decision.outcome for r in results) == ["updated", "updated_partially"]
    assert sum(u.is_administrator for u in bench.sso.users("ik_7x2k")) == 1


# Modes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["test", "dry_run"])
def test_a_trial_changes_no_user_seat_login_or_replay(bench, mode):
    bench.log_in("grace")
    bench.later(minutes=1)
    bench.person("grace", role="finance")
    before_users, before = people(bench), bench.rows()
    issued = bench.issue("grace")
    result = bench.sso.consume(issued.body, mode=mode)
    assert (result.allowed, result.decision.outcome) == (True, "updated")
    bench.sso.consume(bench.issue("ada").body, mode=mode)
    after = bench.rows()
    assert people(bench) == before_users
    assert {t for t in after if after[t] != before[t]} == {"events", "messages", "changes", "persons"}
    assert bench.sso.event(result.reference).mode == mode
    assert bench.sso.consume(issued.body).allowed


def test_an_inspection_says_what_would_happen_and_writes_nothing(bench):
    issued = bench.issue("ada")
    before = bench.rows()
    report = bench.sso.inspect(issued.xml)
    assert (report.verdict, report.provisioning.outcome) == ("accept", "would_create")
    assert (report.provisioning.seats_used, report.provisioning.seats_limit) == (1, 5)
    assert bench.rows() == before
    bench.sso.update_account("ik_7x2k", seat_limit=0)
    assert bench.sso.inspect(issued.xml).verdict == "not-provisioned"
    assert bench.sso.users("ik_7x2k") == ()


def test_an_event_can_be_inspected_as_of_its_receipt(bench):
    result = bench.log_in("ada")
    bench.later(days=3)
    report = bench.sso.inspect_event(result.reference)
    assert (report.verdict, report.evaluated_at) == ("accept", bench.time - timedelta(days=3))
    assert bench.sso.inspect(bench.sso.event(result.reference).raw).verdict == "reject"


def test_no_raw_message_is_kept_where_retention_is_zero(bench):
    bench.sso.set_setting("retention_days", 0)
    result = bench.log_in("ada")
    assert not bench.sso.event(result.reference).has_raw
    assert bench.sso.inspect_event(result.reference) is None


# SP-initiated ---------------------------------------------------------------------------------------------------------


def start(bench, email, browser="browser-1"):
    """Start a login here and let the test IdP read the request."""
    begun = bench.sso.start_login(email, browser=browser)
    return begun, bench.idp.read_request(query=begun.redirect_url.partition("?")[2])


def test_a_registered_person_starts_here(bench):
    bench.log_in("ada")
    begun, request = start(bench, " ADA@acme-media.test ")
    assert begun.redirect_url.startswith("https://localhost/sso?SAMLRequest=")
    assert request.id == begun.request_id
    result = bench.log_in("ada", request=request, browser="browser-1")
    assert result.allowed
    event = bench.sso.event(result.reference)
    assert (event.flow, event.in_response_to) == ("sp_initiated", begun.request_id)


@pytest.mark.parametrize("email", ["nobody@acme-media.test", "not an e-mail", "", "x" * 5000])
def test_everybody_else_is_told_the_same(bench, email):
    with pytest.raises(FirstLoginAtIdp) as caught:
        bench.sso.start_login(email, browser="b")
    assert str(caught.value) == "Start your first sign-in at your company's sign-in portal, not here."
    event = bench.sso.event(caught.value.reference)
    assert (event.outcome, event.reason) == ("rejected", "flow.first-login-at-idp")
    assert bench.rows()["requests"] == 0


def test_sso_off_is_told_like_an_unknown_email(bench):
    bench.log_in("ada")
    bench.sso.delete_metadata("ik_7x2k")
    with pytest.raises(FirstLoginAtIdp) as caught:
        bench.sso.start_login(ADA)
    assert "SSO" not in str(caught.value)
    assert bench.sso.event(caught.value.reference).reason == "org.sso-off"


def test_an_answer_is_accepted_once_and_only_from_its_browser(bench):
    bench.log_in("ada")
    _, request = start(bench, ADA)
    elsewhere = bench.log_in("ada", request=request, browser="browser-2")
    assert (elsewhere.allowed, elsewhere.reason.code) == (False, "bind.in-response-to")
    assert bench.log_in("ada", request=request, browser="browser-1").allowed
    again = bench.log_in("ada", request=request, browser="browser-1")
    assert (again.allowed, again.reason.code) == (False, "bind.in-response-to")


def test_a_late_answer_is_refused(bench):
    bench.log_in("ada")
    _, request = start(bench, ADA)
    bench.later(minutes=11)
    late = bench.log_in("ada", request=request, browser="browser-1")
    assert (late.allowed, late.reason.code) == (False, "bind.in-response-to")


def test_typing_one_address_and_logging_in_as_an_unknown_other(bench):
    bench.log_in("ada")
    _, request = start(bench, ADA)
    result = bench.log_in("grace", request=request, browser="browser-1")
    assert (result.allowed, result.reason.code) == (False, "flow.first-login-at-idp")
    assert result.report.verdict == "not-provisioned"
    assert len(bench.sso.users("ik_7x2k")) == 1


# The decisions as they are stored -------------------------------------------------------------------------------------


def test_sso_off_is_refused_naming_the_revision(bench):
    bench.sso.delete_metadata("ik_7x2k")
    result = bench.log_in("ada")
    assert (result.allowed, result.reason.code) == (False, "org.sso-off")
    assert "revision 2" in result.reason.sentence


def test_a_plan_without_sso_is_refused(bench):
    bench.sso.update_account("ik_7x2k", plan="free")
    assert bench.log_in("ada").reason.code == "org.plan-without-sso"


def test_a_message_of_nobody_we_know_has_no_account(bench, keys):
    from simulator import Idp, default_tenant

    bench.sso.create_account("ik_2", "Second", plan="paid")
    second = Idp(default_tenant(imagekit_id="ik_2", domain="second.test"), keys, lambda: bench.time)
    bench.sso.save_metadata("ik_2", second.metadata(), test_idp=True)
    stranger = Idp(default_tenant(imagekit_id="ik_7x2k", domain="stranger.test"), keys, lambda: bench.time)
    result = bench.sso.consume(stranger.issue("ada", "imagekit").body)
    assert (result.allowed, result.account, result.reason.code) == (False, None, "org.no-account")
    event = bench.sso.event(result.reference)
    assert (event.account_id, event.account_claimed, event.status) == (None, "ik_7x2k", "skipped")
    assert bench.sso.count_events(EventFilter(unassigned=True, kind="login")) == 1


def test_the_idp_refusing_is_not_an_invalid_message(bench):
    names = "urn:oasis:names:tc:SAML:2.0:status:"
    issued = bench.idp.refuse("imagekit", (names + "Responder", names + "AuthnFailed"))
    result = bench.sso.consume(issued.body)
    assert (result.allowed, result.reason.code, result.report.verdict) == (False, "idp.refused", "refused-by-idp")
    assert "company's sign-in service" in result.public


def test_a_bad_role_keeps_an_existing_user_and_refuses_a_new_one(bench):
    bench.log_in("ada")
    bench.log_in("grace")
    bench.person("grace", role="Developer ")
    kept = bench.log_in("grace")
    assert (kept.allowed, kept.reason.code, kept.report.verdict) == (True, "role.unknown", "accept")
    assert people(bench)["grace@acme-media.test"].role == "developer"
    assert bench.sso.event(kept.reference).status == "warning"
    bench.person("linus", role=None)
    refused = bench.log_in("linus")
    assert (refused.allowed, refused.reason.code, refused.report.verdict) == (
        False, "role.missing", "not-provisioned",
    )  # fmt: skip


def test_policies_decide(bench):
    bench.person("linus", role="chief")
    assert not bench.log_in("linus").allowed
    bench.sso.set_policies(role_unusable_new="least-role")
    assert bench.log_in("linus").user.role == "media_library_view_only_access"


def test_a_deleted_user_returns_as_a_new_one(bench):
    bench.log_in("ada")
    first = bench.log_in("grace").user
    bench.sso.delete_user(first.id)
    result = bench.log_in("grace")
    assert (result.decision.outcome, result.reason.code) == ("recreated", "user.recreated")
    event = bench.sso.event(result.reference)
    assert event.previous_user_id == first.id
    assert event.user_id != first.id
    bench.sso.delete_user(result.user.id)
    bench.sso.set_policies(deleted_user_returns="block")
    assert bench.log_in("grace").reason.code == "user.blocked-by-deletion"


def test_an_email_of_another_account_is_refused(bench, keys):
    bench.sso.create_account("ik_2", "Second", plan="paid")
    bench.sso.add_user("ik_2", "Ada@Acme-Media.test", "Ada", "developer")
    result = bench.log_in("ada")
    assert (result.allowed, result.reason.code) == (False, "org.user-elsewhere")
    assert "Second" not in result.public + result.reason.sentence


def test_a_likely_rename_is_pointed_out_and_can_be_applied(bench):
    bench.log_in("ada")
    old = bench.log_in("grace").user
    bench.later(days=10)
    bench.person("grace", email="g.holloway@acme-media.test")
    result = bench.log_in("grace")
    assert (result.decision.outcome, result.reason.code) == ("created", "user.possible-rename")
    assert [r.user.id for r in bench.sso.stale_users("ik_7x2k") if r.state == "renamed"] == [old.id]
    moved = bench.sso.treat_as_rename(old.id, result.user.id)
    assert (moved.id, moved.email, moved.created_at) == (old.id, "g.holloway@acme-media.test", old.created_at)
    assert bench.sso.seats("ik_7x2k").seats.used == 2
    assert bench.log_in("grace").user.id == old.id


def test_what_the_simulator_says_of_its_message_is_recorded(bench):
    issued = bench.issue("ada", faults=["sig-none"])
    result = bench.sso.consume(issued.body, origin="simulator", faults=issued.faults, expected="reject")
    event = bench.sso.event(result.reference)
    assert (event.faults, event.expected, event.as_expected, event.origin) == (
        ("sig-none",), "reject", True, "simulator",
    )  # fmt: skip


def test_a_fault_of_this_program_is_recorded(bench):
    reference = bench.sso.record_error("The page /x failed (KeyError).")
    event = bench.sso.event(reference)
    assert (event.outcome, event.reason) == ("error", "internal.error")


def test_the_settings_judge(bench):
    bench.log_in("ada")
    bench.sso.set_setting("signed_part", "response")
    assert not bench.log_in("ada").allowed
