from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from app.saml.expectation import Policy, PriorUse
from tests.saml.cases import (
    ASSERTION,
    IDP,
    NOW,
    REQUEST,
    RESPONSE,
    answering,
    ask,
    case,
    expecting,
    solicited,
    with_conditions,
)

IRT = ("irt-response", "irt-unsolicited", "irt-consistent", "irt-single-use")


def verdicts(judged: object, *checks: str) -> dict[str, str]:
    return {c: str(ask(c, judged).status) for c in checks or IRT}  # type: ignore[arg-type]


def test_an_answer_to_an_open_request() -> None:
    assert verdicts(solicited()) == {
        "irt-response": "pass",
        "irt-unsolicited": "not-applicable",
        "irt-consistent": "pass",
        "irt-single-use": "pass",
    }


def test_a_login_from_the_portal() -> None:
    assert verdicts(case(expectation=answering())) == {
        "irt-response": "not-applicable",
        "irt-unsolicited": "pass",
        "irt-consistent": "pass",
        "irt-single-use": "not-applicable",
    }


def test_policy_may_forbid_logins_from_the_portal() -> None:
    strict = expecting(policy=Policy(allow_idp_initiated=False))
    assert ask("irt-unsolicited", case(expectation=strict)).status == "fail"
    assert ask("irt-unsolicited", case(expectation=replace(strict, judges_correlation=False))).status == "fail"


def test_a_made_up_request() -> None:
    judged = solicited(outer="_x", inner="_x")
    assert ask("irt-response", judged).status == "fail"
    assert ask("irt-unsolicited", judged).status == "fail"


def test_an_expired_request() -> None:
    late = answering(replace(REQUEST, expires_at=NOW - timedelta(minutes=3)))
    result = ask("irt-response", solicited(expectation=late))
    assert result.status == "fail"
    assert "3 minutes" in result.message
    assert ask("irt-response", solicited(expectation=answering(replace(REQUEST, expires_at=NOW)))).status == "fail"


def test_another_browser() -> None:
    assert ask("irt-response", solicited(expectation=answering(browser="b1"))).status == "pass"
    assert ask("irt-response", solicited(expectation=answering(browser="b2"))).status == "fail"
    unbound = answering(replace(REQUEST, browser=None), browser="b2")
    assert ask("irt-response", solicited(expectation=unbound)).status == "pass"


def test_a_request_is_answered_once() -> None:
    answered = answering(replace(REQUEST, answered_at=NOW - timedelta(seconds=30)))
    judged = solicited(expectation=answered)
    assert ask("irt-single-use", judged).status == "fail"
    assert ask("irt-response", judged).status == "pass"


def test_only_the_unsigned_response_claims_to_answer() -> None:
    judged = solicited(inner=None)
    result = ask("irt-response", judged)
    assert result.status == "fail"
    assert "CVE-2026-49284" in result.message
    assert ask("irt-consistent", judged).status == "fail"


def test_response_and_assertion_disagree() -> None:
    assert ask("irt-consistent", solicited(inner="_other")).status == "fail"
    assert ask("irt-consistent", solicited(outer=None)).status == "fail"


def test_a_certain_request_is_expected() -> None:
    named = expecting(expected_request="_q7")
    assert ask("irt-response", solicited("_q7", "_q7", expectation=named)).status == "pass"
    assert ask("irt-response", solicited(expectation=named)).status == "fail"
    assert ask("irt-response", case(expectation=named)).status == "fail"
    assert ask("irt-response", solicited("_other", "_q7", expectation=named)).status == "fail"


def test_a_paste_is_not_held_against_open_requests() -> None:
    pasted = expecting(judges_correlation=False)
    judged = solicited("_x", "_x", expectation=pasted)
    assert verdicts(judged) == {
        "irt-response": "not-applicable",
        "irt-unsolicited": "not-applicable",
        "irt-consistent": "pass",
        "irt-single-use": "not-applicable",
    }


def test_replay_is_known_by_issuer_and_assertion_id() -> None:
    seen = {(IDP, "_a1"): PriorUse(NOW - timedelta(minutes=1), "calm-otter-lamp-42")}
    used = expecting(find_use=lambda issuer, assertion_id: seen.get((issuer, assertion_id)))
    again = ask("replay-assertion-id", case(expectation=used, response=replace(RESPONSE, id="_fresh")))
    assert again.status == "fail"
    assert "calm-otter-lamp-42" in again.message
    fresh = case(expectation=used, assertion=replace(ASSERTION, id="_a2"))
    assert ask("replay-assertion-id", fresh).status == "pass"


def test_how_long_it_must_be_remembered() -> None:
    assert ask("replay-horizon", case()).status == "pass"
    subject = ASSERTION.subject
    assert subject is not None
    endless = replace(with_conditions(not_on_or_after=None), subject=replace(subject, confirmations=()))
    assert ask("replay-horizon", case(assertion=endless)).status == "warn"


def test_one_time_use() -> None:
    assert ask("replay-onetimeuse", case()).status == "not-applicable"
    assert ask("replay-onetimeuse", case(assertion=with_conditions(one_time_use=1))).status == "info"


def test_the_first_login_begins_at_the_idp() -> None:
    check = "jit-first-login-idp-initiated"
    assert ask(check, case()).status == "pass"
    unknown = ask(check, solicited())
    assert (unknown.status, unknown.decides) == ("fail", "provisioning")
    known = answering(find_role=lambda name: "developer" if name == "ada@example.com" else None)
    assert ask(check, solicited(expectation=known)).status == "pass"
    assert ask(check, solicited(expectation=answering(account=None))).status == "not-applicable"
