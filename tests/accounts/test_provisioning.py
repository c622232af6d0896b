"""The nineteen decisions, each by its name in policies.DECISIONS, and what holds for all of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.accounts.account import Account, Seats
from app.accounts.policies import CHOICES, DECISIONS, Policies, changed, policies_from
from app.accounts.provisioning import AccountState, Attempt, provision, read_full_name
from app.accounts.reasons import Reason
from app.accounts.users import User

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ACCOUNT = Account(id=1, imagekit_id="ik_7x2k", name="Acme", plan="enterprise", seat_limit=5, sso_on=True, revision=1)
ADA = User(
    id=7,
    account_id=1,
    email="ada@acme.test",
    email_key="ada@acme.test",
    full_name="Ada Lindqvist",
    role="account_administrator",
    created_at=NOW - timedelta(days=100),
    created_by="sso",
    last_login_at=NOW - timedelta(days=3),
    logins=4,
)


def claims(**changes):
    given = {"imagekit_id": ("ik_7x2k",), "full_name": ("Ada Lindqvist",), "imagekit_role": ("developer",)}
    given.update(changes)
    return {k: v for k, v in given.items() if v is not None}


def attempt(**changes):
    values = {
        "now": NOW,
        "name_id": "ada@acme.test",
        "email_key": "ada@acme.test",
        "claims": claims(),
        "issuer": "https://idp.test/entity",
    }
    return Attempt(**{**values, **changes})


def state(**changes):
    values = {"account": ACCOUNT, "seats": Seats(2, 5), "administrators": 2}
    return AccountState(**{**values, **changes})


def codes(decision):
    return [r.code for r in decision.reasons]


def test_a_first_login_creates_the_user():
    d = provision(attempt(), state())
    assert (d.outcome, d.status, d.allowed) == ("created", "success", True)
    assert (d.user.email, d.user.full_name, d.user.role) == ("ada@acme.test", "Ada Lindqvist", "developer")
    assert d.user.created_by == "sso"
    assert (d.seats_before.used, d.seats_after.used) == (2, 3)
    assert [c.field for c in d.changes] == ["email", "full_name", "role"]


def test_a_second_login_changes_nothing():
    user = replace(ADA, role="developer")
    d = provision(attempt(), state(matches=(user,)))
    assert (d.outcome, d.status, d.changes) == ("unchanged", "success", ())
    assert d.user.last_login_at == NOW
    assert d.user.logins == 5
    assert d.seats_after == d.seats_before


def test_a_changed_name_and_role_are_applied():
    d = provision(attempt(claims=claims(full_name=("Ada King",))), state(matches=(ADA,)))
    assert (d.outcome, d.status) == ("updated", "success")
    assert (d.user.full_name, d.user.role) == ("Ada King", "developer")
    assert {(c.field, c.old, c.new, c.applied) for c in d.changes} == {
        ("full_name", "Ada Lindqvist", "Ada King", True),
        ("role", "account_administrator", "developer", True),
    }


def test_a_user_added_by_hand_is_linked_at_the_first_login():
    by_hand = replace(ADA, created_by="hand", last_login_at=None, role="developer")
    assert provision(attempt(), state(matches=(by_hand,))).outcome == "linked"


# The decisions ------------------------------------------------------------------------------------------------------


def test_decision_01_email_changed_creates_a_second_user_and_warns():
    before = replace(ADA, email="a.byron@acme.test", email_key="a.byron@acme.test")
    d = provision(attempt(), state(renamed=(before,)))
    assert (d.outcome, d.status, codes(d)) == ("created", "warning", ["user.possible-rename"])
    assert "a.byron@acme.test" in d.sentence
    refused = provision(attempt(), state(renamed=(before,)), Policies(email_changed="refuse"))
    assert (refused.outcome, codes(refused)) == ("rejected", ["user.possible-rename"])


def test_decision_02_email_normal_form_is_the_same_user_and_no_change():
    user = replace(ADA, role="developer")
    d = provision(attempt(name_id="  Ada@ACME.test "), state(matches=(user,)))
    assert (d.outcome, d.changes) == ("unchanged", ())
    assert d.user.email == "ada@acme.test"
    twins = provision(attempt(), state(matches=(ADA, replace(ADA, id=8, email="ADA@acme.test"))))
    assert (twins.outcome, codes(twins)) == ("rejected", ["user.ambiguous"])


def test_decision_03_last_administrator_keeps_the_role_and_gets_the_name():
    d = provision(attempt(claims=claims(full_name=("Ada King",))), state(matches=(ADA,), administrators=1))
    assert (d.outcome, d.status, codes(d)) == ("updated_partially", "warning", ["role.last-admin-kept"])
    assert (d.user.role, d.user.full_name) == ("account_administrator", "Ada King")
    role = next(c for c in d.changes if c.field == "role")
    assert (role.new, role.applied) == ("developer", False)


def test_decision_04_seats_full_refuses_new_users_only():
    full = Seats(5, 5)
    d = provision(attempt(), state(seats=full, reclaimable=2))
    assert (d.outcome, codes(d)) == ("rejected", ["seat.limit-reached"])
    assert "2 could be reclaimed" in d.sentence
    assert d.seats_after == full
    assert provision(attempt(), state(seats=Seats(6, 5), matches=(ADA,))).allowed


@pytest.mark.parametrize(
    ("values", "code"),
    [(None, "role.missing"), (("chief",), "role.unknown"), (("developer", "finance"), "role.multiple")],
)
def test_decision_05_role_unusable_refuses_new_and_keeps_existing(values, code):
    asserted = attempt(claims=claims(imagekit_role=values))
    new = provision(asserted, state())
    assert (new.outcome, codes(new)) == ("rejected", [code])
    existing = provision(asserted, state(matches=(ADA,)))
    assert (existing.allowed, existing.status, codes(existing)) == (True, "warning", [code])
    assert existing.user.role == ADA.role
    assert provision(asserted, state(), Policies(role_unusable_new="least-role")).user.role == (
        "media_library_view_only_access"
    )
    strict = provision(asserted, state(matches=(ADA,)), Policies(role_unusable_existing="reject"))
    assert (strict.outcome, codes(strict)) == ("rejected", [code])


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (None, "org.id-missing"),
        (("",), "org.id-missing"),
        (("ik_other",), "org.id-mismatch"),
        (("IK_7X2K",), "org.id-mismatch"),
        (("ik_7x2k", "ik_7x2k"), "org.id-multiple"),
    ],
)
def test_decision_06_organisation_id_is_refused_before_any_user_is_touched(values, code):
    d = provision(attempt(claims=claims(imagekit_id=values)), state(matches=(ADA,)))
    assert (d.outcome, codes(d), d.user, d.changes) == ("rejected", [code], None, ())


def test_decision_07_role_needs_plan_is_as_decision_5():
    asserted = attempt(claims=claims(imagekit_role=("media_library_restricted_access",)))
    paid = replace(ACCOUNT, plan="paid")
    assert codes(provision(asserted, state(account=paid))) == ["role.requires-plan"]
    existing = provision(asserted, state(account=paid, matches=(ADA,)))
    assert (existing.allowed, existing.user.role) == (True, ADA.role)
    assert provision(asserted, state()).user.role == "media_library_restricted_access"


def test_decision_08_first_login_race_is_an_ordinary_login():
    user = replace(ADA, role="developer")
    d = provision(attempt(first_seen_unknown=True), state(matches=(user,)))
    assert (d.outcome, d.status, codes(d)) == ("unchanged", "success", ["user.race-reused"])
    assert d.seats_after == d.seats_before


def test_decision_09_replay_is_refused_and_linked_to_the_first_use():
    d = provision(attempt(), state(first_use="amber-otter-quilt-42", matches=(ADA,)))
    assert (d.outcome, codes(d)) == ("rejected", ["replay.assertion"])
    assert "amber-otter-quilt-42" in d.sentence


def test_decision_10_deleted_user_returns_as_a_new_user_without_the_old_role():
    gone = replace(ADA, deleted_at=NOW - timedelta(days=1))
    d = provision(attempt(), state(deleted=gone))
    assert (d.outcome, d.status, codes(d)) == ("recreated", "warning", ["user.recreated"])
    assert (d.user.id, d.user.previous_id, d.user.role) == (0, gone.id, "developer")
    blocked = provision(attempt(), state(deleted=gone), Policies(deleted_user_returns="block"))
    assert (blocked.outcome, codes(blocked)) == ("rejected", ["user.blocked-by-deletion"])


def test_decision_11_user_elsewhere_is_refused_without_naming_the_account():
    d = provision(attempt(), state(elsewhere=True))
    assert (d.outcome, codes(d), d.user) == ("rejected", ["org.user-elsewhere"], None)


def test_decision_12_first_login_at_idp_refuses_a_first_login_that_started_here():
    d = provision(attempt(flow="sp_initiated"), state(request="open"))
    assert (d.outcome, codes(d)) == ("rejected", ["flow.first-login-at-idp"])
    assert provision(attempt(flow="sp_initiated"), state(request="open", matches=(ADA,))).allowed


@pytest.mark.parametrize("request_state", ["answered", "unknown"])
def test_decision_13_in_response_to_must_name_an_open_request(request_state):
    d = provision(attempt(flow="sp_initiated"), state(matches=(ADA,), request=request_state))
    assert (d.outcome, codes(d)) == ("rejected", ["bind.in-response-to"])


def test_decision_14_name_id_must_be_an_email_and_a_differing_claim_is_a_warning():
    d = provision(attempt(name_id="_8f2c", email_key=None), state())
    assert (d.outcome, codes(d)) == ("rejected", ["nameid.not-an-email"])
    user = replace(ADA, role="developer")
    warned = provision(attempt(email_claims=("other@acme.test",)), state(matches=(user,)))
    assert (warned.outcome, warned.status, codes(warned)) == (
        "unchanged",
        "warning",
        ["nameid.email-claim-differs"],
    )


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (None, "claim.full-name-missing"),
        (("   ",), "claim.full-name-blank"),
        (("x" * 257,), "claim.full-name-too-long"),
        (("Ada\u202eLindqvist",), "claim.full-name-characters"),
        (("Ada\x07",), "claim.full-name-characters"),
        (("Ada", "Lindqvist"), "claim.full-name-multiple"),
    ],
)
def test_decision_15_full_name_unusable_keeps_the_name_or_takes_the_local_part(values, code):
    asserted = attempt(claims=claims(full_name=values))
    new = provision(asserted, state())
    assert (new.outcome, new.status, new.user.full_name, codes(new)) == ("created", "warning", "ada", [code])
    kept = provision(asserted, state(matches=(replace(ADA, role="developer"),)))
    assert (kept.allowed, kept.status, kept.user.full_name) == (True, "warning", "Ada Lindqvist")
    refused = provision(asserted, state(), Policies(name_missing_new="reject"))
    assert (refused.outcome, codes(refused)) == ("rejected", [code])


def test_decision_16_idp_refused_is_refused_in_its_own_words():
    why = Reason("idp.refused", "The identity provider refused: the login failed there.")
    d = provision(attempt(refusal=why, claims={}), state(matches=(ADA,)))
    assert (d.outcome, codes(d), d.sentence, d.user) == ("rejected", ["idp.refused"], why.sentence, None)
    assert "invalid" not in d.sentence


def test_decision_17_key_not_trusted_is_refused():
    why = Reason("sig.key-not-trusted", "Signed by a key that is only in the message.")
    d = provision(attempt(refusal=why, claims={}), state())
    assert (d.outcome, d.status, codes(d), d.reason.category) == (
        "rejected",
        "failure",
        ["sig.key-not-trusted"],
        "sig",
    )


def test_decision_18_sso_off_names_the_revision():
    off = replace(ACCOUNT, sso_on=False, off_since_revision=4)
    d = provision(attempt(), state(account=off, matches=(ADA,)))
    assert (d.outcome, codes(d)) == ("rejected", ["org.sso-off"])
    assert "revision 4" in d.sentence
    free = provision(attempt(), state(account=replace(ACCOUNT, plan="free"), matches=(ADA,)))
    assert codes(free) == ["org.plan-without-sso"]


def test_decision_19_missing_mark_is_cleared_by_a_login():
    marked = replace(ADA, role="developer", missing_since=NOW - timedelta(days=2))
    d = provision(attempt(), state(matches=(marked,)))
    assert (d.allowed, d.status, codes(d)) == (True, "warning", ["stale.contradicted"])
    assert d.user.missing_since is None


# What holds for all --------------------------------------------------------------------------------------------------


def test_every_decision_has_a_test_by_its_number():
    tests = [name for name in globals() if name.startswith("test_decision_")]
    assert {int(name.split("_")[2]) for name in tests} == {d.number for d in DECISIONS} == set(range(1, 20))


def test_every_policy_belongs_to_a_decision_and_defaults_as_listed():
    standard = Policies().as_dict()
    assert {c.name for c in CHOICES} == set(standard)
    for choice in CHOICES:
        assert choice.default == standard[choice.name]
        assert any(d.number == choice.decision for d in DECISIONS)


def test_policies_are_read_strictly():
    assert policies_from({"email_changed": "refuse"}).email_changed == "refuse"
    assert changed(Policies(email_changed="refuse")) == {"email_changed": "refuse"}
    with pytest.raises(ValueError, match="no policy called"):
        policies_from({"let_all_in": "yes"})
    with pytest.raises(ValueError, match="cannot be"):
        policies_from({"email_changed": "perhaps"})


def test_a_crashed_judgement_is_an_error_and_not_a_login():
    d = provision(attempt(crashed=True), state(matches=(ADA,)))
    assert (d.outcome, d.allowed, d.user) == ("error", False, None)


def test_the_name_is_trimmed_and_composed():
    assert read_full_name(("  Zoe\u0308  ",)).name == "Zoë"


def test_a_hint_replaces_the_bare_sentence_of_a_missing_claim():
    d = provision(attempt(claims=claims(imagekit_role=None), hints={"imagekit_role": "Sent as role."}), state())
    assert d.sentence == "Sent as role."
