"""What a container is: one function that looks at bytes and gives what it found in them, registered by @container.

It returns a Capture, or None where the bytes are not of its kind. It never raises on purpose, keeps no secret (cookies,
passwords, authorization), holds the interpreter lock only for milliseconds at a time, and tells what it left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from re import Match, Pattern
from typing import Any, Final, Literal

from app.saml.decoding.registry import Channel
from app.saml.errors import Problem
from app.saml.expectation import Limits

StepKind = Literal["page", "request", "redirect", "post", "other"]

#: How much one call into C looks at, so that threads beside this one are not kept waiting.
WINDOW: Final = 262_144


@dataclass(frozen=True, slots=True)
class Piece:
    """One message, as inspect() takes it.

    `layers` are the containers it was taken out of, outermost first; those of its own encoding are decode()'s to tell.
    `repairs` tell what was done to take it out. `captured_at` is when the recording says it was sent (aware), `step`
    the number of the Step of the Trace that carries it.
    """

    source: str | bytes
    name: str
    channel: Channel = "paste"
    relay_state: str | None = None
    captured_at: datetime | None = None
    step: int | None = None
    layers: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a recorded login and its answer. `url` is without secrets; `pieces` are indexes of pieces."""

    number: int
    at: datetime | None
    method: str
    url: str
    status: int | None
    kind: StepKind
    pieces: tuple[int, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """A recorded login. `missing` are sentences: what a whole login would have and this one has not.

    `left_out` is how many requests are not shown, because they are pictures, scripts and the like, or too many.
    """

    kind: str
    steps: tuple[Step, ...]
    missing: tuple[str, ...] = ()
    left_out: int = 0

    def as_dict(self, source: str, pieces: Sequence[Piece]) -> dict[str, Any]:
        """The JSON object `sso-workbench/trace/1`. `source` is the name of the input, `pieces` are those of the intake.

        The messages of a step are named as the reports on them name their source.
        """
        return {
            "schema": "sso-workbench/trace/1",
            "source": source,
            "kind": self.kind,
            "steps": [
                {
                    "number": s.number,
                    "at": None if s.at is None else s.at.isoformat().replace("+00:00", "Z"),
                    "method": s.method,
                    "url": s.url,
                    "status": s.status,
                    "kind": s.kind,
                    "messages": [pieces[i].name for i in s.pieces if i < len(pieces)],
                    "note": s.note,
                }
                for s in self.steps
            ],
            "missing": list(self.missing),
            "left_out": self.left_out,
        }


@dataclass(frozen=True, slots=True)
class Part:
    """Something inside a container that is to be taken in on its own. `name` is its own, "" where it has none."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Capture:
    """What a container found. `what` continues "This is ..."; `layer` is its name among the layers.

    `texts` may hold error messages; they are without secrets. `parts` are to be taken in on their own.
    """

    what: str
    layer: str
    pieces: tuple[Piece, ...] = ()
    trace: Trace | None = None
    texts: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What a container may know beside the bytes. `inside` are the layers around it, outermost first."""

    limits: Limits
    inside: tuple[str, ...] = ()


Container = Callable[[bytes, Context], Capture | None]


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    priority: int
    name: str
    run: Container = field(compare=False)


_CONTAINERS: list[_Entry] = []


def container(priority: int) -> Callable[[Container], Container]:
    """Register a container; a lower priority is asked earlier."""

    def register(function: Container) -> Container:
        _CONTAINERS.append(_Entry(priority, function.__name__, function))
        _CONTAINERS.sort()
        return function

    return register


def containers() -> tuple[Container, ...]:
    """Every container in the order they are asked."""
    return tuple(e.run for e in _CONTAINERS)


# Long inputs, a window at a time --------------------------------------------------------------------------------------


def marks(pattern: Pattern[bytes], data: bytes, longest: int = 1024) -> Iterator[Match[bytes]]:
    """Every match of a pattern in long data, searched a window at a time.

    No match may be longer than `longest`. One that overlaps its forerunner across two windows is left out.
    """
    end = 0
    for begin in range(0, len(data), WINDOW):
        stop = min(begin + WINDOW, len(data))
        for found in pattern.finditer(data, max(begin, end), min(stop + longest, len(data))):
            if found.start() >= stop:
                break
            end = found.end()
            yield found


def position(data: bytes, wanted: bytes, begin: int = 0, end: int | None = None) -> int:
    """bytes.find() a window at a time."""
    end = len(data) if end is None else end
    for at in range(begin, end, WINDOW):
        found = data.find(wanted, at, min(at + WINDOW + len(wanted) - 1, end))
        if found >= 0:
            return found
    return -1


def run_end(pattern: Pattern[bytes], data: bytes, at: int) -> int:
    """Where a run of the pattern (one class of characters, possessive) that begins at `at` ends."""
    while at < len(data):
        found = pattern.match(data, at, min(at + WINDOW, len(data)))
        end = found.end() if found else at
        if end < at + WINDOW:
            return end
        at = end
    return at
