"""The plan of a clean-up: who would be deleted, on what evidence, and what forbids it; it deletes nobody."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.accounts.staleness import Evidence, StaleUser
from app.spreadsheet import neutral

#: Above this many users, or this share of the account, the number must be typed.
TYPE_ABOVE: Final = 5
TYPE_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True)
class PlannedDeletion:
    """One user of the plan with the evidence as it was when the plan was made."""

    user_id: int
    email: str
    role: str
    state: str
    evidence: Evidence
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanupPlan:
    """A frozen selection. It can be applied when `refused` is empty, and `must_type` (if set) was typed."""

    account_id: int
    made_at: datetime
    items: tuple[PlannedDeletion, ...]
    refused: tuple[str, ...]
    must_type: int | None
    seats_after: int

    @property
    def applicable(self) -> bool:
        """Whether nothing forbids it."""
        return bool(self.items) and not self.refused


def plan_cleanup(
    rows: Iterable[StaleUser],
    *,
    account_id: int,
    now: datetime,
    active_users: int,
    administrators: int,
    selected: frozenset[int] | None = None,
) -> CleanupPlan:
    """A plan over the stale rows: the confirmed ones, or the users whose ids are `selected`.

    Refused, with a sentence each: a protected user (the last administrator and the operator are), nobody selected, and
    deleting every administrator at once.
    """
    by_id = {row.user.id: row for row in rows}
    refused: list[str] = []
    if selected is None:
        chosen = [row for row in by_id.values() if row.evidence == "confirmed"]
    else:
        chosen = [by_id[i] for i in sorted(selected) if i in by_id]
        strangers = len(selected) - len(chosen)
        if strangers:
            refused.append(f"{strangers} of the selected users are not on the stale list any more.")
    if not chosen:
        refused.append("Nobody is selected.")
    refused.extend(f"{row.user.email} is not stale. {row.why[0]}" for row in chosen if row.evidence == "none")
    refused.extend(f"{row.user.email} is protected. {row.why[0]}" for row in chosen if row.evidence == "excluded")
    going = sum(1 for row in chosen if row.user.is_administrator)
    if going and going >= administrators:
        refused.append("Nobody would be left to administer the account.")
    limit = max(TYPE_ABOVE, math.floor(TYPE_SHARE * active_users))
    return CleanupPlan(
        account_id=account_id,
        made_at=now,
        items=tuple(PlannedDeletion(r.user.id, r.user.email, r.user.role, r.state, r.evidence, r.why) for r in chosen),
        refused=tuple(refused),
        must_type=len(chosen) if len(chosen) > limit or going else None,
        seats_after=active_users - len(chosen),
    )


def plan_as_csv(plan: CleanupPlan) -> str:
    """The plan for people and files: everybody with role, state, evidence and reasons; no cell runs as a formula."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["email", "role", "state", "evidence", "why", "planned_utc"])
    for i in plan.items:
        cells = (i.email, i.role, i.state, i.evidence, " ".join(i.why), f"{plan.made_at:%Y-%m-%dT%H:%M:%SZ}")
        writer.writerow([neutral(c) for c in cells])
    return out.getvalue()
