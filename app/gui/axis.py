"""Where instants stand on one line: an axis that gives close instants room and shortens long gaps. No Qt, no clock."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import log2
from typing import Final

_LEAST_MARGIN: Final = timedelta(minutes=2)
_MOST_MARGIN: Final = timedelta(hours=1)
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(2200, 1, 1, tzinfo=UTC)


def axis_of(instants: Iterable[datetime], *, margin: timedelta = _LEAST_MARGIN) -> Axis | None:
    """The axis of a message's instants; None where it names none between 1970 and 2200."""
    known = [at for at in instants if _FIRST <= at <= _LAST]
    return Axis(known, margin=margin) if known else None


class Axis:
    """Positions from 0 to 1 for the time from a little before the first instant to a little after the last.

    Between two neighbouring instants it is linear; a long gap gets more room than a short one, but far less than in
    proportion, so that a session of days does not hide a validity of minutes.
    """

    def __init__(self, instants: Iterable[datetime], *, margin: timedelta = _LEAST_MARGIN) -> None:
        """`instants` must not be empty; `margin` is the least room before the first and after the last."""
        known = sorted(set(instants))
        room = min(max((known[-1] - known[0]) / 10, _LEAST_MARGIN, margin), max(_MOST_MARGIN, margin))
        self.knots: tuple[datetime, ...] = (known[0] - room, *known, known[-1] + room)
        weights = [log2(1 + (b - a).total_seconds() / 30) + 0.35 for a, b in pairwise(self.knots)]
        total = sum(weights)
        places = [0.0]
        for weight in weights:
            places.append(places[-1] + weight / total)
        self.places: tuple[float, ...] = (*places[:-1], 1.0)

    @property
    def start(self) -> datetime:
        """The first instant on it."""
        return self.knots[0]

    @property
    def end(self) -> datetime:
        """The last instant on it."""
        return self.knots[-1]

    @property
    def seconds(self) -> int:
        """Its length in whole seconds."""
        return int((self.end - self.start).total_seconds())

    def holds(self, at: datetime) -> bool:
        """Whether an instant is on it."""
        return self.start <= at <= self.end

    def place(self, at: datetime) -> float:
        """The position of an instant; 0 or 1 for one that is before or after it."""
        if at <= self.start:
            return 0.0
        if at >= self.end:
            return 1.0
        i = bisect_right(self.knots, at) - 1
        share = (at - self.knots[i]) / (self.knots[i + 1] - self.knots[i])
        return self.places[i] + share * (self.places[i + 1] - self.places[i])

    def instant(self, place: float) -> datetime:
        """The instant at a position, to the second."""
        place = min(max(place, 0.0), 1.0)
        i = min(bisect_right(self.places, place), len(self.places) - 1) - 1
        width = self.places[i + 1] - self.places[i]
        at = self.knots[i] + (self.knots[i + 1] - self.knots[i]) * ((place - self.places[i]) / width)
        return at.replace(microsecond=0)

    def next_knot(self, at: datetime, *, back: bool = False) -> datetime:
        """The nearest instant of the message after `at`, or before it; the end or the start where there is none."""
        if back:
            return next((k for k in reversed(self.knots) if k < at), self.start)
        return next((k for k in self.knots if k > at), self.end)
