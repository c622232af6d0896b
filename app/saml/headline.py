"""The verdict over a message in one sentence, with the one cause.

It judges nothing: the verdict and the causes are given.
"""

from __future__ import annotations

import re
from typing import Final

from app.saml.checks.common import the_name_id
from app.saml.checks.registry import Case, CheckResult, Status
from app.saml.checks.status import explain
from app.saml.diagnoses import Found
from app.saml.kinds import headline_of_other
from app.saml.likeness import show

#: Causes that say no more than what the thing is: a sentence of its own names it better.
_WHAT_IT_IS: Final = frozenset({"not-a-saml-response", "metadata-wrong-kind"})


def accepted(name_id: str | None, results: tuple[CheckResult, ...]) -> str:
    """The sentence over a login that is good; `results` are counted for warnings."""
    warnings = sum(c.status is Status.WARN for c in results)
    more = f", with {warnings} warning{'s' if warnings > 1 else ''}" if warnings else ""
    return f"This login is good: {show(name_id or '', 120)}{more}."


def headline(
    case: Case,
    what: str,
    verdict: str,
    results: tuple[CheckResult, ...],
    blocking: tuple[CheckResult, ...],
    causes: tuple[Found, ...],
) -> str:
    """The verdict in one sentence, with the root cause.

    `what` is what an unexpected document is, as a sentence; `results` those that somebody should be told of;
    `blocking` those of them that speak against the message.
    """
    cause = next((c for c in causes if c.blocking), None)
    # What failed is told before what was only skipped.
    failed = next((c for c in blocking if c.status is Status.FAIL), None) if case.is_other_kind else None
    first = failed.message if failed else blocking[0].message if blocking else ""
    why = in_one_sentence(cause.cause if cause else first)
    if case.is_other_kind:
        return headline_of_other(case, verdict, why, sum(c.status is Status.WARN for c in results))
    if verdict == "accept":
        name_id = the_name_id(case.assertion) if case.assertion else None
        return accepted(name_id.text.value if name_id else None, results)
    if verdict == "refused-by-idp":
        status = case.response.status if case.response else None
        assert status is not None
        return f"The identity provider refused: {explain(status.codes)}."
    if case.kind not in ("Response", "Assertion"):
        # What could not be read is named by what broke it, unless all that is known is what else it is.
        unread = case.document is None and case.decoded.data
        named = cause is not None and cause.id not in _WHAT_IT_IS
        return f"Rejected: {why}" if why and (unread or named) else what
    if verdict == "unknown":
        if not case.expectation.configured:
            return (
                "Not judged: no identity provider is configured, so no signature can be trusted. "
                "Paste the IdP's metadata in Settings."
            )
        return f"Not judged to the end: {why}"
    if verdict == "not-provisioned":
        return f"The message is good, but the person would not be let in as it asks: {why}"
    return f"Rejected: {why}"


#: Where a sentence ends: not after an abbreviation's letter or inside a number.
_END: Final = re.compile(r"(?<=[^.\s]{2}[.]) (?=[A-Z“(])")
_LONGEST: Final = 240
#: Words that are written with a capital wherever they stand, and look like ordinary ones.
_NAMES: Final = frozenset(
    {"Okta", "Entra", "Microsoft", "Google", "Windows", "Shibboleth", "Keycloak", "Azure", "Response"}
)


def in_one_sentence(text: str) -> str:
    """A cause as one sentence: its first, joined with the second where that is not too long.

    The second follows a colon; where it holds one already, or begins with a name, it follows a semicolon. A first one
    with a colon in it stays alone.
    """
    first, *others = _END.split(text, maxsplit=2)
    if not others:
        return text
    start, second = first.removesuffix("."), others[0].removesuffix(".")
    if len(start) + len(second) >= _LONGEST or ":" in start:
        return f"{start}."
    word = second.split(None, 1)[0].rstrip(",;:")
    if word.isalpha() and word == word.capitalize() and word not in _NAMES:
        second = second[0].lower() + second[1:]
        return f"{start}{';' if ':' in second else ':'} {second}."
    return f"{start}; {second}."
