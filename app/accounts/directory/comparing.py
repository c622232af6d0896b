"""A list beside our users: who is in it, who is disabled, who is missing, and whether that can be true.

It marks nobody.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple

from app.accounts.directory.values import Person, Registered

StandingKind = Literal["present", "disabled", "absent"]
ListKind = Literal["directory", "assignments"]

#: A complete list with less than this share of the rows of the one before is held back.
LEAST_ROWS: Final = 0.8
#: A complete list in which more than this share of the users is missing is held back.
MOST_ABSENT: Final = 0.2


class Standing(NamedTuple):
    """How a list names a user. `row` 0: it does not. `found_as` is the address where it is not the user's own."""

    user_id: int
    email_key: str
    kind: StandingKind
    row: int
    found_as: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a list says of an account's users. `judged` is how many users it can speak of: those older than it."""

    standings: tuple[Standing, ...]
    judged: int
    matched: int
    disabled: int
    absent: int
    strangers: int


def compare(people: Sequence[Person], users: Iterable[Registered], *, taken_at: datetime, complete: bool) -> Comparison:
    """Look every user up, by any address of a person in the list.

    A user found as several people is present if one of them is. Who was created after the list was taken cannot be
    missing from it. Absence is stated only by a complete list.
    """
    by_address: dict[str, Person] = {}
    for person in people:
        for address in person.addresses:
            before = by_address.setdefault(address, person)
            if before is not person and before.enabled is False and person.enabled is not False:
                by_address[address] = person
    standings: list[Standing] = []
    judged = 0
    seen: set[int] = set()
    for user in users:
        found = by_address.get(user.email_key)
        judged += user.created_at <= taken_at or found is not None
        if found is not None:
            kind: StandingKind = "disabled" if found.enabled is False else "present"
            alias = found.addresses[0] if found.addresses[0] != user.email_key else ""
            standings.append(Standing(user.id, user.email_key, kind, found.row, alias))
            seen.add(found.row)
        elif complete and user.created_at <= taken_at:
            standings.append(Standing(user.id, user.email_key, "absent", 0))
    counts = Counter(s.kind for s in standings)
    return Comparison(
        standings=tuple(standings),
        judged=judged,
        matched=counts["present"] + counts["disabled"],
        disabled=counts["disabled"],
        absent=counts["absent"],
        strangers=len(people) - len(seen),
    )


def why_quarantined(comparison: Comparison, *, rows: int, complete: bool, previous_rows: int | None) -> str:
    """The brake: why a list must be confirmed before it counts; "" where it need not be.

    `previous_rows` are those of the complete list of the same kind before it, None where there is none.
    """
    reasons = []
    if comparison.judged and not comparison.matched:
        reasons.append("nobody in it is a user of this account")
    if complete and previous_rows is not None and rows < LEAST_ROWS * previous_rows:
        reasons.append(f"it has {rows:,} rows where the complete list before it had {previous_rows:,}")
    if complete and comparison.matched and comparison.absent > MOST_ABSENT * comparison.judged:
        share = math.floor(100 * comparison.absent / comparison.judged)
        reasons.append(f"{comparison.absent:,} of {comparison.judged:,} users ({share} %) are missing from it")
    return "; ".join(reasons)
