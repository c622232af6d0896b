"""The people tab's work off the GUI thread: finding among many, saving, attributes as text. No Qt."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from app.gui.wording import role_title

if TYPE_CHECKING:
    from app.lab import Lab
    from simulator.tenant import Tenant, TestUser

_ESCAPED: Final = re.compile(r"\\(.)")
_LINE: Final = re.compile(r"((?:\\.|[^=\\])*)=(.*)")


class PeopleIndex:
    """The people of a directory, with what each is found by. Made off the GUI thread: 50,000 people take 0.1 s."""

    def __init__(self, people: Sequence[TestUser]) -> None:
        self.people = tuple(people)
        self._hay = [
            f"{p.full_name or ''}\n{p.username}\n{p.email}\n{p.role or ''}\n{role_title(p.role)}\n{p.about}".casefold()
            for p in self.people
        ]

    def find(self, text: str) -> Sequence[TestUser]:
        """Those in whose name, user name, e-mail, role or sentence every word occurs, in their order."""
        words = text.casefold().split()
        if not words:
            return self.people
        left = [n for n, hay in enumerate(self._hay) if words[0] in hay]
        for word in words[1:]:
            left = [n for n in left if word in self._hay[n]]
        return [self.people[n] for n in left]


def put(lab: Lab, was: TestUser | None, person: TestUser) -> TestUser:
    """Save a person: a new one (`was` None), or in place of the one they were."""
    from simulator.errors import TenantError

    if not person.username.strip():
        raise TenantError("A person needs a user name, by which the directory knows them. Type one.")

    def change(tenant: Tenant) -> Tenant:
        if was is None or not any(u.username == was.username for u in tenant.users):
            return replace(tenant, users=(*tenant.users, person))
        return replace(tenant, users=tuple(person if u.username == was.username else u for u in tenant.users))

    lab.change_tenant(change)
    return person


def remove(lab: Lab, person: TestUser) -> int:
    """Delete a person from the directory; where in the list they stood."""
    place = next((n for n, u in enumerate(lab.tenant.users) if u.username == person.username), 0)
    lab.change_tenant(lambda t: t.without_user(person.username))
    return place


def put_back(lab: Lab, person: TestUser, place: int) -> None:
    """A deleted person again, where they stood."""
    lab.change_tenant(lambda t: replace(t, users=(*t.users[:place], person, *t.users[place:])))


# Attributes as text -------------------------------------------------------------------------------------------------


class NotAttributes(Exception):  # noqa: N818  what was typed, not a bug
    """A line that is no attribute; the text says which and what to write."""


def attributes_text(attributes: Mapping[str, Sequence[str]]) -> str:
    """One value a line: name = value. A line break in a value is written \\n, a backslash twice."""
    return "\n".join(
        f"{_escape(n).replace('=', chr(92) + '=')} = {_escape(v)}" for n, values in attributes.items() for v in values
    )


def parse_attributes(text: str) -> dict[str, tuple[str, ...]]:
    """What attributes_text() or a person wrote. A name on several lines has several values; nothing behind "=" is "".

    Raises:
        NotAttributes: a line without "=" or without a name.
    """
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        parts = _LINE.fullmatch(line)
        name = _unescape(parts[1].strip()) if parts else ""
        if parts is None or not name:
            raise NotAttributes(f"Line {number} of the attributes: write NAME = VALUE.")
        value = parts[2]
        found[name] = (*found.get(name, ()), _unescape(value[1:] if value.startswith(" ") else value))
    return found


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\r", "\\r").replace("\n", "\\n")


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), text)
