"""Instants that are past, future, unbounded, contradictory, or not xs:dateTime at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta

from simulator.draft import Draft
from simulator.faults.registry import Family, Setup
from simulator.message import OMIT, AuthnSpec, Maybe, instant, shift

timing = Family("timing")
_FAULT = timing.fault


def _conditions(d: Draft, before: float, after: float) -> None:
    """NotBefore and NotOnOrAfter, in seconds from now."""
    d.change(not_before=d.after(seconds=before), not_on_or_after=d.after(seconds=after))


def shift_all(d: Draft, by: timedelta) -> None:
    """Every instant of the message moves, as when the identity provider's clock is wrong."""
    s = d.spec
    d.change(
        response_issue_instant=shift(s.response_issue_instant, by),
        assertion_issue_instant=shift(s.assertion_issue_instant, by),
        not_before=shift(s.not_before, by),
        not_on_or_after=shift(s.not_on_or_after, by),
        confirmations=tuple(replace(c, not_on_or_after=shift(c.not_on_or_after, by)) for c in s.confirmations),
        authn_statements=tuple(_shift_statement(a, by) for a in s.authn_statements),
    )


def _shift_statement(statement: AuthnSpec, by: timedelta) -> AuthnSpec:
    values = {
        f.name: shift(getattr(statement, f.name), by)
        for f in fields(statement)
        if f.name in ("authn_instant", "session_not_on_or_after")
    }
    return replace(statement, **values)


@_FAULT("time-conditions-expired", "time-notonorafter", reference="saml-core §2.5.1.2")
def _(d: Draft) -> None:
    """NotOnOrAfter passed five seconds more than the tolerance ago."""
    skew = d.skew.total_seconds()
    _conditions(d, -skew - 305, -skew - 5)


@_FAULT("time-conditions-expired-only", "time-notonorafter")
def _(d: Draft) -> None:
    """Conditions have expired while the SubjectConfirmation still holds."""
    _conditions(d, -3600, -d.skew.total_seconds() - 60)
    d.confirmation(not_on_or_after=d.after(minutes=5))


@_FAULT("time-scd-expired-only", "sc-notonorafter", "sc-bearer")
def _(d: Draft) -> None:
    """The SubjectConfirmation has expired while the Conditions still hold."""
    d.confirmation(not_on_or_after=d.after(seconds=-d.skew.total_seconds() - 60))


@_FAULT("time-conditions-future", "time-notbefore", reference="saml-core §2.5.1.2")
def _(d: Draft) -> None:
    """NotBefore lies five seconds more than the tolerance ahead."""
    skew = d.skew.total_seconds()
    _conditions(d, skew + 5, skew + 600)


@_FAULT("time-boundary-equal", "time-notonorafter", setup=Setup(frozen_clock=True), reference="exclusive bound")
def _(d: Draft) -> None:
    """Now minus the tolerance equals NotOnOrAfter exactly: the bound is exclusive, so it has expired."""
    skew = d.skew.total_seconds()
    _conditions(d, -skew - 300, -skew)


@_FAULT("time-boundary-inside", "time-skew-used", expects="accept", setup=Setup(frozen_clock=True))
def _(d: Draft) -> None:
    """One second inside the tolerance: accepted, and said."""
    skew = d.skew.total_seconds()
    _conditions(d, -skew - 300, -skew + 1)


@_FAULT("time-window-reversed", "time-window-order", reference="saml-core §2.5.1.2")
def _(d: Draft) -> None:
    """NotBefore comes after NotOnOrAfter, both within the tolerance of now."""
    _conditions(d, 60, -60)


@_FAULT("time-no-conditions", "structure-conditions-single", "audience-present")
def _(d: Draft) -> None:
    """The assertion has no Conditions."""
    d.change(conditions=False)


@_FAULT("time-no-bounds", "sc-notonorafter", "time-window-present", "sc-bearer", reference="CVE-2026-41577")
def _(d: Draft) -> None:
    """Nothing bounds the assertion in time: valid for ever for whoever does not insist."""
    d.change(not_before=OMIT, not_on_or_after=OMIT)
    d.confirmation(not_on_or_after=OMIT)


@_FAULT("time-window-10y", "time-window-length")
def _(d: Draft) -> None:
    """The assertion is valid for ten years."""
    d.change(not_on_or_after=d.after(days=3650))
    d.confirmation(not_on_or_after=d.after(days=3650))


@_FAULT("time-scd-notbefore", "sc-no-notbefore", expects="accept", reference="saml-profiles §4.1.4.2")
def _(d: Draft) -> None:
    """SubjectConfirmationData carries a NotBefore, which a bearer must not: some identity providers send it."""
    d.confirmation(not_before=d.after(seconds=-60))


@_FAULT("time-issueinstant-old", "time-issueinstant-past")
def _(d: Draft) -> None:
    """Response and assertion were issued two hours ago; every other bound still holds."""
    d.change(response_issue_instant=d.after(hours=-2), assertion_issue_instant=d.after(hours=-2))


@_FAULT("time-issueinstant-future", "time-issueinstant-future")
def _(d: Draft) -> None:
    """Response and assertion will be issued in an hour."""
    d.change(response_issue_instant=d.after(hours=1), assertion_issue_instant=d.after(hours=1))


def _authn(d: Draft, **values: Maybe) -> None:
    d.change(authn_statements=tuple(replace(a, **values) for a in d.spec.authn_statements))


@_FAULT("time-session-short", "time-session", expects="accept")
def _(d: Draft) -> None:
    """The session ends two minutes after the login: programs that follow it send the person round in circles."""
    _authn(d, session_not_on_or_after=d.after(minutes=2))


@_FAULT("time-session-expired", "time-session", reference="saml-core §2.7.2")
def _(d: Draft) -> None:
    """The session that the assertion speaks of ended an hour ago."""
    _authn(d, session_not_on_or_after=d.after(hours=-1))


@_FAULT("time-authninstant-old", "time-authninstant", expects="accept", reference="saml-core §2.7.2")
def _(d: Draft) -> None:
    """The person authenticated thirty days ago: a remembered session, worth a warning."""
    _authn(d, authn_instant=d.after(days=-30))


@_FAULT("time-authninstant-future", "time-authninstant", expects="accept")
def _(d: Draft) -> None:
    """The person will authenticate in an hour: worth a warning."""
    _authn(d, authn_instant=d.after(hours=1))


def _everywhere(text: Callable[[Draft], str]) -> Callable[[Draft], None]:
    def apply(d: Draft) -> None:
        d.change(not_before=text(d))

    return apply


def _format(
    fault_id: str,
    text: Callable[[Draft], str],
    summary: str,
    breaks: str | None = "time-format",
    *accepts: str,
    accept: bool = False,
) -> None:
    timing.row(
        fault_id,
        _everywhere(text),
        summary,
        breaks,
        *accepts,
        expects="accept" if accept else "reject",
        reference="saml-core §1.3.3, XML Schema part 2",
    )


def _naive(d: Draft, pattern: str) -> str:
    return (d.now - timedelta(seconds=60)).strftime(pattern)


def _offset(d: Draft) -> str:
    return (d.now - timedelta(seconds=60) + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S+02:00")


_format(
    "time-local-no-zone",
    lambda d: _naive(d, "%Y-%m-%dT%H:%M:%S"),
    "An instant without a zone.",
    "time-utc",
    "time-format",
)
_format(
    "time-offset", _offset, "An instant with the offset +02:00: converted, with a warning.", "time-utc", accept=True
)
_format(
    "time-fraction-9",
    lambda d: _naive(d, "%Y-%m-%dT%H:%M:%S.123456789Z"),
    "Nine fraction digits are allowed.",
    None,
    accept=True,
)
_format("time-leap", lambda d: _naive(d, "%Y-%m-%dT23:59:60Z"), "A leap second, which SAML forbids to generate.")
_format("time-24h", lambda d: _naive(d, "%Y-%m-%dT24:00:00Z"), "The hour 24.", "time-format", "time-notbefore")
_format(
    "time-year-10000",
    lambda d: _naive(d, "10000-%m-%dT%H:%M:%SZ"),
    "A year of five digits.",
    "time-format",
    "time-notbefore",
)
_format("time-basic-format", lambda d: _naive(d, "%Y%m%dT%H%M%SZ"), "The ISO basic format without dashes.")
_format("time-week-date", lambda d: _naive(d, "%G-W%V-%uT%H:%M:%SZ"), "A week date.")
_format("time-space", lambda d: _naive(d, "%Y-%m-%d %H:%M:%SZ"), "A blank instead of T.")
_format("time-negative-year", lambda d: _naive(d, "-0001-%m-%dT%H:%M:%SZ"), "A negative year.")
_format("time-empty", lambda d: "", "NotBefore is empty.")
_format("time-words", lambda d: "yesterday", "NotBefore is a word.")
_format("time-unix", lambda d: str(int(d.now.timestamp())), "NotBefore is a number of seconds.")
_format("time-lowercase", lambda d: _naive(d, "%Y-%m-%dt%H:%M:%Sz"), "The letters t and z in lower case.")


def _clock(fault_id: str, minutes: int, breaks: str, *accepts: str) -> None:
    word = "ahead of" if minutes > 0 else "behind"

    def apply(d: Draft) -> None:
        _conditions(d, -60, 300)
        d.confirmation(not_on_or_after=d.after(minutes=5))
        shift_all(d, timedelta(minutes=minutes))

    timing.row(
        fault_id,
        apply,
        f"The identity provider's clock is {abs(minutes)} minutes {word} real time; every instant shifts alike.",
        breaks,
        *accepts,
        reference="clock skew",
    )


_clock("time-idp-clock-plus-10m", 10, "time-notbefore", "time-issueinstant-future")
_clock("time-idp-clock-minus-10m", -10, "time-notonorafter", "sc-notonorafter")
_clock("time-idp-clock-minus-1d", -1440, "time-notonorafter", "sc-notonorafter", "time-issueinstant-past")


@_FAULT("time-scd-outside-conditions", "time-scd-in-conditions", expects="accept", reference="saml-core §2.4.1.2")
def _(d: Draft) -> None:
    """The SubjectConfirmation holds longer than the Conditions: worth a note."""
    d.change(not_on_or_after=d.after(minutes=5))
    d.confirmation(not_on_or_after=d.after(minutes=30))


@_FAULT("time-issueinstant-missing", "structure-issueinstant")
def _(d: Draft) -> None:
    """The assertion has no IssueInstant."""
    d.change(assertion_issue_instant=OMIT)


@_FAULT("time-response-issueinstant-missing", "structure-issueinstant")
def _(d: Draft) -> None:
    """The response has no IssueInstant."""
    d.change(response_issue_instant=OMIT)


@_FAULT("time-window-8h", "time-window-length", expects="accept")
def _(d: Draft) -> None:
    """The assertion is valid for eight hours, as some administrators configure it: worth a warning."""
    d.change(not_on_or_after=instant(d.now + timedelta(hours=8)))
    d.confirmation(not_on_or_after=instant(d.now + timedelta(hours=8)))
