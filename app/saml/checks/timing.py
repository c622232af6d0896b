"""When the message is good: every instant in it against `now` and the clock skew. Never reads a clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from app.saml.checks.common import assertion_of, bearers
from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, note, ok, problem
from app.saml.instants import iso, read_instant, span, stamp
from app.saml.likeness import show
from app.saml.moments import Moment, Role, read_moments

#: A sign-in that is older than this is worth a look: the IdP remembers people for that long.
OLD_SIGN_IN: Final = timedelta(days=7)
#: A session that ends so soon after the login is asked for again at once (a login loop).
SHORT_SESSION: Final = timedelta(minutes=5)
ZERO: Final = timedelta(0)


class _Times(NamedTuple):
    """Every instant of the message in document order, and the readable ones by role, and by role and owner."""

    all: list[Moment]
    readable: dict[str | tuple[str, str], list[tuple[Moment, datetime]]]


def _times(case: Case) -> _Times:
    times: _Times | None = case.memo.get("timing")
    if times is None:
        times = case.memo["timing"] = _read_times(case)
    return times


def _read_times(case: Case) -> _Times:
    every = list(read_moments(case.response, case.assertion))
    readable: dict[str | tuple[str, str], list[tuple[Moment, datetime]]] = {}
    for moment in every:
        if moment.instant.at is not None:
            pair = moment, moment.instant.at
            readable.setdefault(moment.role, []).append(pair)
            readable.setdefault((moment.role, moment.owner), []).append(pair)
    return _Times(every, readable)


def _of(case: Case, role: Role, owner: str | None = None) -> Sequence[tuple[Moment, datetime]]:
    """The readable instants with that role; unreadable ones are the business of time-format."""
    return _times(case).readable.get(role if owner is None else (role, owner), ())


def _name(t: Moment) -> str:
    return f"{t.owner}/@{t.at.path.rpartition('@')[2]}"


def clock_ahead(case: Case) -> timedelta | None:
    """By how much the IdP's clock seems to be ahead: the message was issued in the future. None where it was not."""
    ahead = [at - case.now for _, at in _of(case, "issued") if at > case.now]
    return max(ahead) if ahead else None


def _ahead(case: Case) -> str:
    ahead = clock_ahead(case)
    return (
        f" The IdP's clock appears {span(ahead)} ahead, or ours behind."
        if ahead and ahead >= timedelta(seconds=1)
        else ""
    )


@check(
    "time-format",
    "every time is a proper xs:dateTime",
    cites="saml-core §1.3.3; XML Schema part 2 §3.2.7",
    needs="document",
)
def time_format(case: Case) -> Outcome | None:
    """Times that are not exactly of the form 2026-11-23T20:36:00Z are read differently by different programs."""
    times = _times(case).all
    if not times:
        return None
    for t in times:
        if t.instant.at is None:
            return problem(
                f"{_name(t)} is not a proper date and time. {t.instant.problem}",
                expected="for example 2026-11-23T20:36:00Z",
                actual=show(t.instant.text, 80),
                at=t.at,
            )
    return ok(f"All {len(times)} times are proper.")


@check("time-utc", "every time is in UTC", cites="saml-core §1.3.3", needs="document")
def time_utc(case: Case) -> Outcome | None:
    """SAML times end in Z. An offset can be converted; a time without any zone could mean anything."""
    times = [t for t in _times(case).all if t.instant.at is not None]
    if not times:
        return None
    for t in times:
        if t.instant.zone == "none":
            return problem(
                f"{_name(t)} does not say in which time zone it is; the IdP seems to send local time.",
                expected="a time that ends in Z",
                actual=show(t.instant.text, 80),
                at=t.at,
            )
    for t in times:
        if t.instant.zone == "offset" and t.instant.at is not None:
            return problem(
                f"{_name(t)} has a time zone offset instead of Z. It was converted to {stamp(t.instant.at)}.",
                expected="a time that ends in Z",
                actual=show(t.instant.text, 80),
                at=t.at,
                severity=Severity.WARNING,
            )
    return ok("Every time is in UTC.")


@check(
    "time-issueinstant-past",
    "the message was issued recently",
    cites="saml-profiles §4.1.4.3; OWASP SAML Security",
    diagnose=Severity.WARNING,
    needs="document",
)
def time_issueinstant_past(case: Case) -> Outcome | None:
    """An old message is a saved one: taken from a log, a mail or the back button of the browser."""
    issued = _of(case, "issued")
    if not issued:
        return None
    limit = case.expectation.policy.max_age + case.expectation.policy.clock_skew
    for t, at in issued:
        if case.now - at > limit:
            return problem(
                f"The {t.owner} was issued {span(case.now - at)} ago; at most {span(limit)} is allowed. "
                "A saved message is probably being judged by today's clock.",
                expected=f"not before {iso(case.now - limit)}",
                actual=show(t.instant.text, 80),
                at=t.at,
            )
    t, at = min(issued, key=lambda pair: pair[1])
    return ok(
        f"It was issued {span(case.now - at)} {'ago' if at <= case.now else 'in the future'}.",
        actual=t.instant.text,
        at=t.at,
    )


@check(
    "time-issueinstant-future",
    "the message was not issued in the future",
    cites="saml-profiles §4.1.4.3",
    needs="document",
)
def time_issueinstant_future(case: Case) -> Outcome | None:
    """Nothing can be issued in the future: the clock of the IdP is ahead, or the clock here is behind."""
    issued = _of(case, "issued")
    if not issued:
        return None
    skew = case.expectation.policy.clock_skew
    for t, at in issued:
        if at - case.now > skew:
            return problem(
                f"The {t.owner} was issued {span(at - case.now)} in the future.{_ahead(case)}",
                expected=f"not after {iso(case.now + skew)}",
                actual=show(t.instant.text, 80),
                at=t.at,
            )
    return ok("The message was not issued in the future.")


@check("time-notbefore", "the assertion is already valid", cites="saml-core §2.5.1.2")
def time_notbefore(case: Case) -> Outcome:
    """NotBefore says from when the assertion counts; the allowed clock skew is granted."""
    bounds = _of(case, "not-before", "Conditions")
    if not bounds:
        return not_applicable("The Conditions have no readable NotBefore.")
    skew = case.expectation.policy.clock_skew
    for t, at in bounds:
        if at - case.now > skew:
            return problem(
                f"The assertion will only be valid in {span(at - case.now)}.{_ahead(case)}",
                expected=f"not after {iso(case.now + skew)}",
                actual=show(t.instant.text, 80),
                at=t.at,
            )
    return ok("The assertion is already valid.", actual=bounds[0][0].instant.text, at=bounds[0][0].at)


def expired(case: Case, at: datetime) -> bool:
    """Whether an exclusive upper bound has passed: now - skew < NotOnOrAfter is required (saml-core §2.5.1.2)."""
    # Written as a difference, because adding the skew to year 9999 overflows.
    return case.now - at >= case.expectation.policy.clock_skew


def why_expired(case: Case, at: datetime) -> str:
    """The likely reason that something has expired: an old capture, a slow way, or an IdP clock that is behind."""
    issued = [i for _, i in _of(case, "issued")]
    age = case.now - min(issued) if issued else None
    if age is not None and age > timedelta(hours=1):
        return f" The message was issued {span(age)} ago, so it is an old capture or came through the back button."
    if age is not None and age > ZERO:
        return f" It was issued {span(age)} ago: either it took that long, or the IdP's clock appears to be behind."
    return ""


@check("time-notonorafter", "the assertion has not expired", cites="saml-core §2.5.1.2")
def time_notonorafter(case: Case) -> Outcome:
    """NotOnOrAfter is an exclusive bound: at that very moment the assertion is no longer valid. The skew is granted."""
    bounds = _of(case, "not-on-or-after", "Conditions")
    if not bounds:
        return not_applicable("The Conditions have no readable NotOnOrAfter.")
    skew = case.expectation.policy.clock_skew
    for t, at in bounds:
        if expired(case, at):
            return problem(
                f"The assertion expired {span(case.now - at)} ago.{why_expired(case, at)}",
                expected=f"after {iso(case.now - skew)}",
                actual=show(t.instant.text, 80),
                at=t.at,
            )
    return ok("The assertion has not expired.", actual=bounds[0][0].instant.text, at=bounds[0][0].at)


@check("time-window-order", "every validity window ends after it begins", cites="saml-core §2.4.1.2, §2.5.1.2")
def time_window_order(case: Case) -> Outcome:
    """NotBefore must lie before NotOnOrAfter; otherwise there is no moment at which the assertion is valid."""
    a = assertion_of(case)
    windows = [("Conditions", c.at, c.not_before, c.not_on_or_after) for c in a.conditions]
    windows += [
        ("SubjectConfirmationData", sc.data_at or sc.at, sc.not_before, sc.not_on_or_after)
        for sc in (a.subject.confirmations if a.subject else ())
    ]
    judged = False
    for owner, place, begin, end in windows:
        first = read_instant(begin).at if begin is not None else None
        last = read_instant(end).at if end is not None else None
        if first is None or last is None:
            continue
        judged = True
        if first >= last:
            return problem(
                f"The validity window of {owner} ends before it begins.",
                expected="NotBefore earlier than NotOnOrAfter",
                actual=f"{show(begin or '', 40)} to {show(end or '', 40)}",
                at=place,
            )
    return ok("Every validity window ends after it begins.") if judged else not_applicable("No window has both ends.")


@check("time-window-present", "the assertion is not valid for ever", cites="saml-profiles §4.1.4.2; NIST SP 800-63C")
def time_window_present(case: Case) -> Outcome:
    """A missing end does not mean "always valid": an assertion that never expires could be replayed for ever."""
    a = assertion_of(case)
    if [c.at for c in a.conditions if c.not_on_or_after] or [sc.at for sc in bearers(a) if sc.not_on_or_after]:
        return ok("The assertion is bounded in time.")
    return problem("Nothing in the assertion says when it ends.", expected="NotOnOrAfter", actual="none", at=a.at)


@check(
    "time-window-length",
    "the assertion is valid for a short time only",
    cites="SAML Security Considerations §7.1.1.2",
    severity=Severity.WARNING,
)
def time_window_length(case: Case) -> Outcome:
    """The longer an assertion is valid, the longer a stolen one can be used. Measured from when it was issued."""
    policy = case.expectation.policy
    begins = [at for _, at in _of(case, "issued", "Assertion") or _of(case, "not-before", "Conditions")]
    ends = _of(case, "not-on-or-after", "Conditions") or _of(case, "not-on-or-after", "SubjectConfirmationData")
    if not begins or not ends:
        return not_applicable("The window has no readable beginning or end.")
    t, end = max(ends, key=lambda pair: pair[1])
    length = end - min(begins)
    if length > policy.window_warning + policy.clock_skew:
        return problem(
            f"The assertion can be used for {span(length)}; {span(policy.window_warning)} should be enough.",
            expected=f"at most {span(policy.window_warning)}",
            actual=span(length),
            at=t.at,
            severity=Severity.ERROR if length > policy.window_error + policy.clock_skew else Severity.WARNING,
        )
    return ok(f"The assertion can be used for {span(length)}.", actual=span(length), at=t.at)


@check("time-session", "the session at the identity provider has not ended", cites="saml-core §2.7.2")
def time_session(case: Case) -> Outcome:
    """SessionNotOnOrAfter ends the session; a login based on an ended one must not begin."""
    ends = _of(case, "session")
    if not ends:
        return not_applicable("The identity provider sets no end of the session.")
    skew = case.expectation.policy.clock_skew
    for t, at in ends:
        if expired(case, at):
            return problem(
                f"The session at the identity provider ended {span(case.now - at)} ago.",
                expected=f"after {iso(case.now - skew)}",
                actual=show(t.instant.text, 80),
                at=t.at,
            )
    first, end = min(ends, key=lambda pair: pair[1])
    if end - case.now < SHORT_SESSION:
        return note(
            f"The session at the identity provider ends in {span(max(end - case.now, ZERO))}. Programs that end "
            "their own session with it send the person round in circles.",
            actual=show(first.instant.text, 80),
            at=first.at,
        )
    return ok("The session has not ended.", actual=first.instant.text, at=first.at)


@check(
    "time-authninstant", "the person signed in at a plausible time", cites="saml-core §2.7.2", severity=Severity.WARNING
)
def time_authninstant(case: Case) -> Outcome:
    """When the person last proved who they are. It may be long ago where the IdP remembers people."""
    instants = _of(case, "authenticated")
    if not instants:
        return not_applicable("There is no readable AuthnInstant.")
    skew = case.expectation.policy.clock_skew
    for t, at in instants:
        if at - case.now > skew:
            return problem(
                f"The person would have signed in {span(at - case.now)} in the future.{_ahead(case)}",
                expected=f"not after {iso(case.now + skew)}",
                actual=show(t.instant.text, 80),
                at=t.at,
            )
        if case.now - at > OLD_SIGN_IN:
            return problem(
                f"The person signed in at the IdP {span(case.now - at)} ago; it remembers people for that long.",
                expected=f"within {span(OLD_SIGN_IN)}",
                actual=show(t.instant.text, 80),
                at=t.at,
            )
    t, at = instants[0]
    return ok(
        f"The person signed in {span(case.now - at)} ago." if at <= case.now else "The person has just signed in.",
        actual=t.instant.text,
        at=t.at,
    )


@check("time-skew-used", "the verdict does not hang on the clock skew", cites="SDP-G01", severity=Severity.INFO)
def time_skew_used(case: Case) -> Outcome:
    """Tells when a message is only good because small differences of the clocks are forgiven."""
    now, skew = case.now, case.expectation.policy.clock_skew
    for t in _times(case).all:
        at = t.instant.at
        if at is None:
            continue
        if t.role in ("not-before", "issued", "authenticated") and ZERO < at - now <= skew:
            return note(
                f"{_name(t)} is {span(at - now)} in the future; only the allowed skew of {span(skew)} makes it good.",
                actual=show(t.instant.text, 80),
                at=t.at,
            )
        if t.role in ("not-on-or-after", "session") and ZERO <= now - at < skew:
            return note(
                f"{_name(t)} passed {span(now - at)} ago; only the allowed skew of {span(skew)} makes it good.",
                actual=show(t.instant.text, 80),
                at=t.at,
            )
    return ok("The verdict would be the same without any clock skew.")


@check(
    "time-scd-in-conditions",
    "the confirmation's window lies inside the assertion's",
    cites="saml-core §2.4.1.2",
    severity=Severity.INFO,
)
def time_scd_in_conditions(case: Case) -> Outcome:
    """The window of the SubjectConfirmationData should lie within that of the Conditions; it is only a
    recommendation.
    """
    inner, outer = _of(case, "not-on-or-after", "SubjectConfirmationData"), _of(case, "not-on-or-after", "Conditions")
    if not inner or not outer:
        return not_applicable("One of the two windows has no end.")
    end = min([at for _, at in outer])
    for t, at in inner:
        if at > end:
            return problem(
                f"The subject confirmation ends {span(at - end)} after the Conditions.",
                expected=f"not after {iso(end)}",
                actual=show(t.instant.text, 80),
                at=t.at,
            )
    return ok("The confirmation's window lies inside the assertion's.")
