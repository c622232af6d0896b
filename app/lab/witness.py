"""The verbs as our service provider's pages call them: messages of ours are stamped, what was decided is kept.

It decides nothing: the log learns from it which faults a message has, the lab what became of the message it sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qs

from app.sso import SSO, FirstLoginAtIdp, LoginResult

if TYPE_CHECKING:
    from app.accounts.provisioning import Mode

_STAMPS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Stamp:
    """What is known of a message of ours when it arrives: how to treat it, its faults, what should come of it."""

    mode: Mode = "live"
    faults: tuple[str, ...] = ()
    expected: str | None = None
    checks: tuple[str, ...] = ()


class Witness:
    """The verbs as the service provider's pages call them, stamping our own messages and keeping what was decided.

    Everything but consume() and start_login() goes to the verbs unchanged.
    """

    def __init__(self, sso: SSO) -> None:
        self._sso = sso
        self._lock = threading.Lock()
        self._stamps: OrderedDict[str, Stamp] = OrderedDict()
        self._results: OrderedDict[str, list[LoginResult]] = OrderedDict()
        self.refused_starts: OrderedDict[str, str] = OrderedDict()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sso, name)

    @property
    def verbs(self) -> SSO:
        """This object under the type that the pages ask for."""
        return cast(SSO, self)

    def replace_sso(self, sso: SSO) -> None:
        """Other verbs from now on: the service provider was restarted on its database."""
        self._sso = sso

    def consume(self, body: bytes, **options: Any) -> LoginResult:
        """As SSO.consume; what the simulator said of the message is recorded with it."""
        key = key_of(body)
        with self._lock:
            stamp = self._stamps.get(key)
        if stamp is not None:
            options |= {
                "origin": "simulator",
                "mode": stamp.mode,
                "faults": stamp.faults,
                "expected": stamp.expected,
            }
        result = self._sso.consume(body, **options)
        with self._lock:
            self._results.setdefault(key, []).append(result)
            while len(self._results) > _STAMPS:
                self._results.popitem(last=False)
        return result

    def start_login(self, email: str, **options: Any) -> Any:
        """As SSO.start_login; the reference of a refusal is kept."""
        try:
            return self._sso.start_login(email, **options)
        except FirstLoginAtIdp as e:
            with self._lock:
                self.refused_starts[email] = e.reference
                while len(self.refused_starts) > _STAMPS:
                    self.refused_starts.popitem(last=False)
            raise

    def stamp(self, body: bytes, stamp: Stamp) -> str:
        """Say of a message, before it is sent, what it is. Returns the key under which results() finds the answer."""
        key = key_of(body)
        with self._lock:
            self._stamps[key] = stamp
            self._stamps.move_to_end(key)
            self._results.pop(key, None)
            while len(self._stamps) > _STAMPS:
                self._stamps.popitem(last=False)
        return key

    def results(self, key: str) -> tuple[LoginResult, ...]:
        """What was decided of a message, one result for each time that it arrived."""
        with self._lock:
            return tuple(self._results.get(key, ()))


def key_of(body: bytes) -> str:
    """What a posted form is recognised by: its SAMLResponse, however the form is written; or else its octets."""
    value = b""
    with contextlib.suppress(ValueError):
        found = parse_qs(body, max_num_fields=100, encoding="latin-1") if len(body) < 4_000_000 else {}
        value = b"".join(next(iter(found.get(b"SAMLResponse", ())), b"").split())
    return hashlib.sha256(value or body).hexdigest()
