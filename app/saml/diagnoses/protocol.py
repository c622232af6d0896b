"""Why a well-signed message does not fit: wrong time, wrong place, wrong request, used before."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from app.saml.checks.common import bearers, claimed_request, values
from app.saml.checks.registry import CheckResult
from app.saml.checks.replay import first_end
from app.saml.checks.timing import clock_ahead
from app.saml.diagnoses.registry import Diagnosis, Evidence, Explained, SettingsChange, row, said
from app.saml.instants import read_instant, span

_Row = partial(Diagnosis, stage="protocol")
_COMPARED = "The two values were compared letter for letter."
#: The largest clock skew that the settings allow, in seconds.
_MOST_SKEW: Final = 600
_STRUCTURE = (
    "structure-version",
    "structure-id-present",
    "structure-issueinstant",
    "schema-valid",
)
_TIMES = ("time-notbefore", "time-issueinstant-future", "time-authninstant", "sc-no-notbefore")
_ENDS = ("time-notonorafter", "sc-notonorafter", "time-issueinstant-past", "time-session")


row(
    _Row(
        id="time-unreadable",
        number="D47",
        title="A time is written wrongly",
        who="idp-admin",
        checks=("time-format", "time-utc"),
        cause=said,
        consequences=("group:timing", "sc-notonorafter", "schema-valid", "structure-issueinstant"),
        warnings=True,
        fault="time-local-no-zone",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="subject-missing",
        number="D38",
        title="The assertion names nobody",
        who="idp-admin",
        checks=("structure-subject",),
        cause=said,
        consequences=("group:nameid", "group:confirmation", "schema-valid", "time-window-present"),
        fault="id-subject-missing",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="conditions-missing",
        number="D31",
        title="The assertion has no Conditions, or several",
        who="idp-admin",
        checks=("structure-conditions-single",),
        cause=said,
        consequences=("group:audience", "schema-valid", "time-window-present"),
        fault="time-no-conditions",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="authnstatement-missing",
        number="D48",
        title="The assertion does not say that anybody signed in",
        who="idp-admin",
        checks=("structure-authnstatement",),
        cause=said,
        consequences=("schema-valid",),
        fault="id-authnstatement-missing",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="condition-special",
        number="D50",
        title="The assertion carries a condition that few programs know",
        who="idp-admin",
        checks=("structure-onetimeuse-proxy", "structure-condition-unknown"),
        notes=("replay-onetimeuse",),
        cause=said,
        consequences=("schema-valid",),
        warnings=True,
        fault="route-condition-unknown",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="schema-violation",
        number="D37",
        title="The message is not built as the SAML schema prescribes",
        who="idp-admin",
        checks=_STRUCTURE,
        cause=said,
        consequences=("group:structure",),
        fault="route-version-1",
        is_vendor_neutral=True,
    )
)


def _clock(evidence: Evidence, result: CheckResult) -> str | Explained | None:
    ahead = clock_ahead(evidence.case)
    if ahead is None or ahead < timedelta(seconds=1):
        return result.message if result.id in ("time-notbefore", "time-issueinstant-future") else None
    skew = evidence.case.expectation.policy.clock_skew
    return Explained(
        f"The IdP's clock appears {span(ahead)} ahead of ours (or ours is behind): the message was issued in the "
        f"future. A clock skew of {_seconds(ahead) + 1} s would cover it; {_seconds(skew)} s are allowed.",
        "likely",
        "A message cannot be issued in the future, but which of the two clocks is wrong, it does not tell.",
        f"a clock skew of at most {_seconds(skew)} s",
        f"{_seconds(ahead) + 1} s",
    )


def _seconds(span_of_time: timedelta) -> int:
    return int(span_of_time.total_seconds())


def _more_skew(evidence: Evidence, needed: int, why: str) -> SettingsChange | None:
    """A larger clock skew, where the message is the IdP's word and the settings allow as much."""
    allowed = _seconds(evidence.case.expectation.policy.clock_skew)
    if not evidence.is_vouched_for or not allowed < needed <= _MOST_SKEW:
        return None
    return SettingsChange(
        "clock_skew_s",
        str(allowed),
        str(needed),
        f"{why} {needed} s of clock skew would cover it. Set both clocks first: a larger skew also lets stolen "
        "messages live longer.",
    )


def _skew_for_early(evidence: Evidence, _: CheckResult) -> SettingsChange | None:
    ahead = clock_ahead(evidence.case)
    if ahead is None:
        return None
    return _more_skew(evidence, _seconds(ahead) + 1, f"The IdP's clock is {span(ahead)} ahead.")


def _ended(evidence: Evidence) -> datetime | None:
    """The earliest end of validity of the assertion."""
    return first_end(evidence.case.assertion) if evidence.case.assertion else None


def _skew_for_late(evidence: Evidence, _: CheckResult) -> SettingsChange | None:
    end = _ended(evidence)
    if end is None or end > evidence.case.now:
        return None
    late = evidence.case.now - end
    return _more_skew(evidence, _seconds(late) + 1, f"The message came {span(late)} after its end.")


row(
    _Row(
        id="clock-ahead",
        number="D29",
        title="The IdP's clock is ahead",
        who="idp-admin",
        checks=("time-notbefore", "time-issueinstant-future", "sc-no-notbefore"),
        cause=_clock,
        consequences=_TIMES,
        fault="time-idp-clock-plus-10m",
        change=_skew_for_early,
    )
)


def _expired(evidence: Evidence, result: CheckResult) -> str | Explained | None:
    if result.actual == "none":
        return None  # It has no end at all, which is another cause.
    case = evidence.case
    issued = case.assertion.issue_instant if case.assertion else None
    at = read_instant(issued).at if issued else None
    if at is None:
        return result.message
    age = case.now - at
    if age > timedelta(hours=1):
        return Explained(
            f"The message was issued {span(age)} ago and has long expired: it is an old capture, or came through the "
            "back button or a bookmark. Judge a capture as of its own time to see whether anything else is wrong.",
            "likely",
            "No login takes that long; a clock that is so wrong would show in every login.",
        )
    end = _ended(evidence)
    if end is None or end > case.now:
        return result.message
    needed = _seconds(case.now - end) + 1
    return Explained(
        f"{result.message} A clock skew of {needed} s would cover it; "
        f"{_seconds(case.expectation.policy.clock_skew)} s are allowed.",
        "possible",
        "Whether a clock is wrong or the login took long, the message does not tell.",
    )


row(
    _Row(
        id="expired",
        number="D29",
        title="The message has expired",
        who="user",
        checks=_ENDS,
        cause=_expired,
        consequences=(*_ENDS, "time-authninstant", "replay-assertion-id"),
        fault="time-idp-clock-minus-10m",
        change=_skew_for_late,
    )
)
row(
    _Row(
        id="session-too-short",
        number="D44",
        title="The session at the identity provider is nearly over when the login begins",
        who="idp-admin",
        checks=(),
        notes=("time-session",),
        cause=said,
        fault="time-session-short",
    )
)
row(
    _Row(
        id="validity-window",
        number="D54",
        title="The validity window is unusable",
        who="idp-admin",
        checks=("time-window-order", "time-window-present", "time-window-length"),
        cause=said,
        consequences=("replay-horizon", "sc-notonorafter"),
        warnings=True,
        fault="time-window-10y",
    )
)
row(
    _Row(
        id="issuer-mismatch",
        number="D33",
        title="The message comes from another IdP than the configured one",
        who="sp-admin",
        checks=("issuer-match", "issuer-assertion-present", "issuer-response-match", "issuer-expected"),
        cause=said,
        consequences=("group:issuer", "nameid-namequalifier", "structure-signature-order"),
        because=_COMPARED,
        fault="route-issuer-other",
    )
)


def _audience(evidence: Evidence, result: CheckResult) -> str:
    child = evidence.failed("audience-child-account")
    return child.message if child else result.message


def _entity_id(evidence: Evidence, _: CheckResult) -> SettingsChange | None:
    """Our Entity ID override is the wrong side: the IdP signed the account's own Identifier, or the parent's.

    Only where a trusted key signed it and the account's id is in the same signed assertion.
    """
    case, expectation = evidence.case, evidence.case.expectation
    us, account, assertion = expectation.sp_entity_id, expectation.account, case.assertion
    if us is None or account is None or assertion is None or not evidence.is_vouched_for:
        return None
    if values(assertion, expectation.sp.claim_imagekit_id) != (account.imagekit_id,):
        return None
    audiences = {a.value for c in assertion.conditions for r in c.audience_restrictions for a in r.audiences}
    parent = expectation.default_sp_entity_id
    own = f"{us}#{account.imagekit_id}"
    if parent is None and audiences == {own}:
        return SettingsChange(
            "entity_id",
            "",
            own,
            "The IdP uses the Identifier of a child account, and this account has no Entity ID override yet.",
        )
    if parent is not None and us == f"{parent}#{account.imagekit_id}" and audiences == {parent}:
        return SettingsChange(
            "entity_id",
            us,
            "",
            "The IdP uses the default Identifier. Without the override this account would use it too, which works "
            "only if no other account shares the identity provider.",
        )
    return None


row(
    _Row(
        id="audience-mismatch",
        number="D31",
        title="The assertion is made for another service provider",
        who="idp-admin",
        checks=(
            "audience-match",
            "audience-child-account",
            "audience-all-restrictions",
            "audience-present",
            "audience-nonempty",
            "nameid-spnamequalifier",
        ),
        cause=_audience,
        consequences=("group:audience",),
        because=_COMPARED,
        fault="route-audience-slash",
        change=_entity_id,
    )
)
row(
    _Row(
        id="acs-mismatch",
        number="D32",
        title="The message is addressed to another URL",
        who="idp-admin",
        checks=("destination-match", "sc-recipient", "destination-present"),
        cause=said,
        consequences=("sc-bearer", "destination-present"),
        because=_COMPARED,
        fault="route-recipient-other",
    )
)


def _request(evidence: Evidence, result: CheckResult) -> Explained:
    claimed = claimed_request(evidence.case)
    if claimed is None:
        flow = "The message names no request, so the login began at the identity provider."
    elif result.id == "irt-unsolicited":
        flow = "Logins that begin at the IdP carry no InResponseTo."
    else:
        flow = "The message names a request, so the login began at the service provider."
    return Explained(f"{result.message} {flow}", "certain", "InResponseTo tells at which side a login began.")


def _allow_idp_initiated(evidence: Evidence, result: CheckResult) -> SettingsChange | None:
    policy = evidence.case.expectation.policy
    if result.id != "irt-unsolicited" or policy.allow_idp_initiated or not evidence.is_vouched_for:
        return None
    if claimed_request(evidence.case) is not None:
        return None
    return SettingsChange(
        "allow_idp_initiated",
        "no",
        "yes",
        "The login began at the identity provider, as every first login must. The settings do not allow it.",
    )


row(
    _Row(
        id="request-mismatch",
        number="D34",
        title="The message does not answer an open request",
        who="user",
        checks=("irt-response", "irt-unsolicited", "irt-consistent", "irt-single-use", "sc-inresponseto"),
        cause=_request,
        consequences=("sc-inresponseto", "sc-bearer", "issuer-expected", "jit-first-login-idp-initiated"),
        fault="route-irt-unknown",
        change=_allow_idp_initiated,
    )
)


def _confirmation(evidence: Evidence, result: CheckResult) -> Explained | str:
    """Every reason for which every confirmation fails, not only the first."""
    names = ("sc-method", "sc-data", "sc-recipient", "sc-notonorafter", "sc-inresponseto", "sc-no-notbefore")
    others = [r.message for i in names if i != result.id and (r := evidence.failed(i)) is not None]
    count = len(bearers(evidence.case.assertion)) if evidence.case.assertion else 0
    if not others:
        return result.message
    return Explained(
        " ".join((result.message, *others)), "certain", f"Each of the {count} bearer confirmations was looked at."
    )


row(
    _Row(
        id="confirmation-fails",
        number="D30",
        title="The subject confirmation does not fit",
        who="idp-admin",
        checks=("sc-bearer", "sc-method", "sc-data"),
        cause=_confirmation,
        consequences=("group:confirmation", "time-window-present", "replay-horizon"),
        fault="route-sc-none",
    )
)
row(
    _Row(
        id="replayed",
        number="D35",
        title="The assertion was used before",
        who="user",
        checks=("replay-assertion-id",),
        cause=said,
        fault="route-replay",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="relaystate-refused",
        number="D36",
        title="The RelayState leads elsewhere or is damaged",
        who="idp-admin",
        checks=(
            "relaystate-allowlist",
            "relaystate-scheme",
            "relaystate-no-crlf",
            "relaystate-length",
            "relaystate-echo",
        ),
        cause=said,
        consequences=("group:relaystate",),
        warnings=True,
        fault="tr-relaystate-url-evil",
    )
)
