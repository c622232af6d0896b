"""The instants that a message names, each with its place and its part. It reads no clock and judges nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from app.saml.errors import Place
from app.saml.instants import Instant, read_instant
from app.saml.message import Assertion, Response

Role = Literal["issued", "not-before", "not-on-or-after", "session", "authenticated"]

#: What each part means, for people.
MEANINGS: Final[dict[Role, str]] = {
    "issued": "When it was made",
    "not-before": "Not good before",
    "not-on-or-after": "Not good at or after",
    "session": "The session must end",
    "authenticated": "When the person signed in",
}


class Moment(NamedTuple):
    """One instant of a message. `owner` names its element for people, `at` the place of the attribute."""

    role: Role
    owner: str
    at: Place
    instant: Instant

    @property
    def attribute(self) -> str:
        """The attribute's name."""
        return self.at.path.rpartition("@")[2]


def read_moments(response: Response | None, assertion: Assertion | None) -> Iterator[Moment]:
    """Every instant of a response and its assertion, in document order, readable or not."""

    def one(role: Role, owner: str, place: Place, name: str, text: str | None) -> Iterator[Moment]:
        if text is not None:
            yield Moment(role, owner, Place(f"{place.path}/@{name}", place.line), read_instant(text))

    if response is not None:
        yield from one("issued", "Response", response.at, "IssueInstant", response.issue_instant)
    if assertion is None:
        return
    yield from one("issued", "Assertion", assertion.at, "IssueInstant", assertion.issue_instant)
    for sc in assertion.subject.confirmations if assertion.subject else ():
        place = sc.data_at or sc.at
        yield from one("not-before", "SubjectConfirmationData", place, "NotBefore", sc.not_before)
        yield from one("not-on-or-after", "SubjectConfirmationData", place, "NotOnOrAfter", sc.not_on_or_after)
    for c in assertion.conditions:
        yield from one("not-before", "Conditions", c.at, "NotBefore", c.not_before)
        yield from one("not-on-or-after", "Conditions", c.at, "NotOnOrAfter", c.not_on_or_after)
    for s in assertion.authn_statements:
        yield from one("authenticated", "AuthnStatement", s.at, "AuthnInstant", s.authn_instant)
        yield from one("session", "AuthnStatement", s.at, "SessionNotOnOrAfter", s.session_not_on_or_after)
