"""Single logout as an identity provider does it (saml-profiles §4.4): who is signed in where, and who answered how.

It knows no HTTP and signs nothing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

from lxml import etree

from simulator import names
from simulator.message import NameIdSpec, Omit, instant
from simulator.names import SAML, SAMLP, q

if TYPE_CHECKING:
    from simulator.idp import Issued
    from simulator.requests import LogoutAnswer, LogoutRequest

_SESSIONS: Final = 1_000
_INDEXES: Final = 10
_WORDS: Final = {
    "waiting": "was asked and has not answered",
    "ended": "signed out",
    "partial": "signed out in part",
    "refused": "refused",
    "no-address": "has no logout address, so it was not asked",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpSession:
    """Somebody's session at one application, named as the assertion of the login named it.

    `session_indexes` are those of the last logins there, the newest last; one that stated none adds nothing.
    """

    user: str
    application: str
    name_id: NameIdSpec
    session_indexes: tuple[str, ...]
    at: datetime


class SpSessions:
    """Who was logged in where since the start, bounded; the oldest goes first. Safe to share by threads."""

    def __init__(self, limit: int = _SESSIONS) -> None:
        self._limit = limit
        self._known: OrderedDict[tuple[str, str], SpSession] = OrderedDict()
        self._lock = threading.Lock()

    def began(self, issued: Issued) -> None:
        """Remember a login, unless a service provider that judges rightly refuses it."""
        spec = issued.spec
        if issued.expected.verdict != "accept" or not spec.assertion or not spec.name_ids:
            return
        stated = [s.session_index for s in spec.authn_statements if not isinstance(s.session_index, Omit)]
        key = issued.user, issued.application
        with self._lock:
            before = self._known.pop(key, None)
            same = before is not None and before.name_id == spec.name_ids[0]
            earlier = before.session_indexes if before is not None and same else ()
            self._known[key] = SpSession(
                user=issued.user,
                application=issued.application,
                name_id=spec.name_ids[0],
                session_indexes=tuple(dict.fromkeys((*earlier, *stated)))[-_INDEXES:],
                at=issued.at,
            )
            while len(self._known) > self._limit:
                self._known.popitem(last=False)

    def of(self, user: str) -> tuple[SpSession, ...]:
        """The sessions of one person, the oldest first."""
        with self._lock:
            return tuple(s for s in self._known.values() if s.user == user)

    def named(self, application: str, name_id: str) -> SpSession | None:
        """The session that an application means by a NameID."""
        with self._lock:
            return next(
                (s for s in self._known.values() if (s.application, s.name_id.value) == (application, name_id)), None
            )

    def ended(self, session: SpSession) -> None:
        """Forget a session."""
        with self._lock:
            self._known.pop((session.user, session.application), None)


@dataclass(frozen=True, slots=True)
class Step:
    """What one application was asked, and what came of it. `request_id` is that of its LogoutRequest, "" for none."""

    session: SpSession
    name: str
    request_id: str
    state: Literal["waiting", "ended", "partial", "refused", "no-address"]
    said: str = ""

    @property
    def sentence(self) -> str:
        """For people."""
        return f"{self.name}: {_WORDS[self.state]}{f' ({self.said})' if self.said else ''}."


@dataclass(slots=True)
class Logout:
    """One person's logout on its way through the applications, one after the other.

    `asked_by` is the request of the application that wants it; None where it began here. That one is answered last.
    """

    user: str
    todo: deque[SpSession]
    asked_by: LogoutRequest | None = None
    steps: list[Step] = field(default_factory=list)

    def asked(self, session: SpSession, name: str, request_id: str) -> None:
        """An application is asked now; with an empty id it cannot be."""
        self.steps.append(Step(session, name, request_id, "waiting" if request_id else "no-address"))

    def answered(self, answer: LogoutAnswer) -> Step | None:
        """The step that an answer belongs to, with its outcome; None where nobody waits for it."""
        for number, step in enumerate(self.steps):
            if step.state == "waiting" and (step.request_id, step.session.application) == (
                answer.in_response_to,
                answer.application,
            ):
                done = step.session, step.name, step.request_id
                self.steps[number] = found = Step(*done, answer.outcome, answer.message[:300])
                return found
        return None

    @property
    def complete(self) -> bool:
        """Whether every application said that the session has ended."""
        return not self.todo and all(s.state == "ended" for s in self.steps)


def logout_request(
    session: SpSession, *, request_id: str, issuer: str, destination: str, now: datetime, lasts: datetime
) -> etree._Element:
    """The LogoutRequest that names a session (saml-core §3.7.1), unsigned. Until `lasts` it counts."""
    root = etree.Element(q(SAMLP, "LogoutRequest"), nsmap={"samlp": SAMLP, "saml": SAML})
    root.set("ID", request_id)
    root.set("Version", "2.0")
    root.set("IssueInstant", instant(now))
    root.set("Destination", destination)
    root.set("NotOnOrAfter", instant(lasts))
    root.set("Reason", names.REASON_USER)
    etree.SubElement(root, q(SAML, "Issuer")).text = issuer
    name = session.name_id
    element = etree.SubElement(root, q(SAML, "NameID"))
    for attribute, value in (
        ("Format", name.format),
        ("NameQualifier", name.name_qualifier),
        ("SPNameQualifier", name.sp_name_qualifier),
    ):
        if not isinstance(value, Omit):
            element.set(attribute, value)
    element.text = name.value
    for index in session.session_indexes:
        etree.SubElement(root, q(SAMLP, "SessionIndex")).text = index
    return root
