"""What an account decides for itself: kept in revisions, really used in judging, and refused where it does not fit."""

import json
from dataclasses import replace

import pytest

from app.sso import Moved, Refused
from app.sso.choices import BY_CHOICE
from app.store import StoreError
from simulator.names import RSA_SHA1

AZURE = "6f1c2a1e-77aa-4b55-9d21-0c6a4ef0a001"


def decided(bench):
    return {c.choice.name: c.value for c in bench.sso.choices("ik_7x2k") if c.decided}


def test_nothing_is_decided_at_first_and_everything_says_what_it_costs(bench):
    views = bench.sso.choices("ik_7x2k")
    assert not any(v.decided for v in views)
    assert all(v.choice.cost.endswith(".") and v.choice.explanation.endswith(".") for v in views)
    for v in views:
        assert v.choice.parsed(v.choice.shown(v.value)) == v.value


def test_a_decision_is_a_revision_that_restoring_takes_back(bench):
    view = bench.sso.set_choices("ik_7x2k", {"clock_skew_s": 300, "allow_sha1": True}, operator="olga")
    assert view.revision.number == 2
    assert "Clock skew: 180 → 300." in view.revision.what
    assert decided(bench) == {"clock_skew_s": 300, "allow_sha1": True}
    row = bench.sso.event(bench.sso.events()[0].reference)
    assert {(c.field, c.old, c.new) for c in row.changes} == {
        ("clock_skew_s", "180", "300"), ("allow_sha1", "no", "yes")
    }  # fmt: skip
    bench.sso.save_metadata("ik_7x2k", bench.idp.metadata() + b"\n", test_idp=True)
    assert decided(bench) == {"clock_skew_s": 300, "allow_sha1": True}
    bench.sso.restore_revision("ik_7x2k", 1)
    assert decided(bench) == {}
    bench.reopen()
    assert [dict(r.choices) for r in bench.sso.configuration_history("ik_7x2k")] == [
        {}, {"allow_sha1": True, "clock_skew_s": 300}, {"allow_sha1": True, "clock_skew_s": 300}, {}
    ]  # fmt: skip


def test_none_leaves_it_to_the_workspace_again_and_the_same_again_is_no_revision(bench):
    bench.sso.set_choices("ik_7x2k", {"clock_skew_s": 300})
    before = bench.rows()
    bench.sso.set_choices("ik_7x2k", {"clock_skew_s": 300})
    assert bench.rows() == before
    bench.sso.set_setting("clock_skew_s", 60)
    assert bench.sso.expectation_for("ik_7x2k").policy.clock_skew.total_seconds() == 300
    view = bench.sso.set_choices("ik_7x2k", {"clock_skew_s": None})
    assert "300 → 60, as in Preferences." in view.revision.what
    assert bench.sso.expectation_for("ik_7x2k").policy.clock_skew.total_seconds() == 60


def test_another_account_is_judged_as_before(bench):
    bench.sso.create_account("ik_child", "Child")
    bench.sso.set_choices("ik_7x2k", {"clock_skew_s": 300})
    assert bench.sso.expectation_for("ik_child").policy.clock_skew.total_seconds() == 180


UNFIT = (
    ({"clock_skew_s": 601}, "from 0 to 600"),
    ({"clock_skew_s": True}, "from 0 to 600"),
    ({"signed_part": "none"}, "cannot be"),
    ({"allow_sha1": "yes"}, "either on or off"),
    ({"retention_days": 1}, "nothing called"),
    ({"claim_role": "two words"}, "without blanks"),
    ({"claim_role": "full_name"}, "same name"),
    ({"claim_role": "invisible\u200b"}, "invisible"),
    ({"role_values": {}}, "1 to 200"),
    ({"role_values": {"Boss": "emperor"}}, "no role"),
    ({"role_values": {" Boss": "developer"}}, "blank"),
    ({"relay_states": []}, "1 to 20"),
    ({"relay_states": ["javascript:alert(1)"]}, "https://"),
    ({"relay_states": ["https://user@evil.test/"]}, "https://"),
    ({"relay_states": ["http://imagekit.io/"]}, "https://"),
    ({"deleted_user_returns": "maybe"}, "cannot be"),
)


def test_what_does_not_fit_is_refused_and_changes_nothing(bench):
    before = bench.rows()
    for values, words in UNFIT:
        with pytest.raises(Refused, match=words):
            bench.sso.set_choices("ik_7x2k", values)
    assert bench.rows() == before
    assert decided(bench) == {}


def test_own_claim_names_and_role_values_let_people_in(bench):
    bench.application(
        claims={"tenant": "imagekit_id", "displayName": "full_name", "groups": f"={AZURE}"},
    )
    assert not bench.log_in("ada").allowed
    bench.sso.set_choices(
        "ik_7x2k",
        {
            "claim_imagekit_id": "tenant",
            "claim_full_name": "displayName",
            "claim_role": "groups",
            "role_values": {AZURE: "developer"},
        },
    )
    done = bench.log_in("ada")
    assert done.allowed, done.reason
    assert (done.user.role, done.user.full_name) == ("developer", bench.idp.tenant.user("ada").full_name)
    event = bench.sso.event(done.reference)
    assert set(event.details["claims_used"]) == {"tenant", "displayName", "groups"}
    assert bench.log_in("ada").decision.outcome == "unchanged"
    guide = next(g for g in bench.sso.sp_values("ik_7x2k").guides if g.id == "entra")
    assert {"Claim tenant", "Claim displayName", "Claim groups"} <= {f.label for f in guide.fields}


def test_a_role_value_that_was_taken_off_the_list_is_refused_with_the_nearest(bench):
    bench.sso.set_choices("ik_7x2k", {"role_values": {"Developers": "developer"}})
    result = bench.log_in("ada")
    assert (result.allowed, result.reason.code) == (False, "role.unknown")
    check = next(c for c in result.report.checks if c.id == "claim-role-known")
    assert check.status == "fail"


def test_relay_states_are_the_ones_that_are_listed_and_the_first_is_sent(bench):
    bench.log_in("ada")
    bench.sso.set_choices("ik_7x2k", {"relay_states": ["https://media.example/home", "https://media.example/"]})
    start = bench.sso.start_login(bench.idp.tenant.user("ada").email)
    assert "RelayState=https%3A%2F%2Fmedia.example%2Fhome" in start.redirect_url
    good = bench.sso.inspect(bench.issue("ada", relay_state="https://media.example/files").body, "ik_7x2k")
    bad = bench.sso.inspect(bench.issue("ada", relay_state="https://imagekit.io/dashboard").body, "ik_7x2k")
    assert "relaystate-allowlist" not in {c.id for c in good.failures}
    assert "relaystate-allowlist" in {c.id for c in bad.failures}


def test_sha1_is_accepted_only_where_the_account_says_so_and_then_warns(bench):
    bench.application(signature_algorithm=RSA_SHA1)
    refused = bench.log_in("ada")
    assert not refused.allowed
    assert "crypto-sha1" in {c.id for c in refused.report.failures}
    bench.sso.set_choices("ik_7x2k", {"allow_sha1": True})
    done = bench.log_in("ada")
    assert done.allowed, done.reason
    warned = {c.id for c in done.report.checks if c.status == "warn"}
    assert "crypto-sha1" in warned
    assert done.report.verdict == "accept"


def test_provisioning_decisions_are_the_accounts_own(bench):
    bench.person("ada", role="boss")
    bench.sso.set_choices("ik_7x2k", {"role_unusable_new": "least-role"})
    assert bench.sso.inspect(bench.issue("ada").body).provisioning.outcome == "would_create"
    assert bench.log_in("ada").user.role == "media_library_view_only_access"
    assert bench.sso.policies().role_unusable_new == "reject"


def test_one_decision_leaves_the_others_alone(bench):
    bench.sso.set_choices("ik_7x2k", {"clock_skew_s": 300})
    bench.sso.set_choices("ik_7x2k", {"signed_part": "both"})
    assert decided(bench) == {"clock_skew_s": 300, "signed_part": "both"}


def test_every_choice_can_be_written_as_json(bench):
    assert (
        json.loads(json.dumps({v.choice.name: v.value for v in bench.sso.choices("ik_7x2k")})).keys()
        == dict(BY_CHOICE).keys()
    )
    assert replace(bench.sso.sp, role_values=()).role_for("developer") is None


def test_the_second_of_two_who_decide_is_told_what_the_first_saved(bench):
    bench.sso.set_choices("ik_7x2k", {"clock_skew_s": 300}, operator="olga", based_on=1)
    with pytest.raises(Moved) as told:
        bench.sso.set_choices("ik_7x2k", {"signed_part": "both"}, operator="paul", based_on=1)
    assert "Clock skew: added, 300" in map(str, told.value.theirs)
    assert decided(bench) == {"clock_skew_s": 300}
    assert [str(d) for d in bench.sso.compare_revisions("ik_7x2k", 1, 2)] == ["Clock skew: added, 300"]


def test_the_service_provider_as_an_account_has_it(bench):
    bench.sso.set_choices("ik_7x2k", {"claim_role": "groups", "relay_states": ["https://media.example/home"]})
    sp = bench.sso.service_provider("ik_7x2k")
    assert (sp.claim_role, sp.relay_state, sp.claim_full_name) == ("groups", "https://media.example/home", "full_name")
    bench.sso.create_account("ik_other", "Other")
    assert bench.sso.service_provider("ik_other") == bench.sso.sp


@pytest.mark.parametrize("damaged", ['{"signed_part": "nothing"}', '{"no_such": 1}', '["x"]', '{"role_values": 7}'])
def test_decisions_that_nobody_can_have_saved_let_nobody_in(bench, damaged):
    from sqlalchemy import text

    bench.sso.set_choices("ik_7x2k", {"signed_part": "both"})
    with bench.store.write() as tx:
        tx.connection.execute(text("UPDATE configurations SET choices = :c WHERE number = 2"), {"c": damaged})
    bench.reopen()
    assert not bench.log_in("ada").allowed
    view = bench.sso.configuration("ik_7x2k")
    assert "damaged" in view.warnings[0]
    assert bench.sso.choices("ik_7x2k")
    bench.sso.restore_revision("ik_7x2k", 1)
    assert bench.log_in("ada").allowed


def test_decisions_that_are_no_json_are_told_in_a_sentence(bench):
    from sqlalchemy import text

    with bench.store.write() as tx:
        tx.connection.execute(text("UPDATE configurations SET choices = '{' WHERE number = 1"))
    bench.reopen()
    with pytest.raises(StoreError, match="cannot be read"):
        bench.sso.configuration("ik_7x2k")
