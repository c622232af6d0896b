"""What an action is, and the list of them. It carries none out."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from app.scenarios.fields import Field
    from app.scenarios.world import Outcome, World

Values = Mapping[str, Any]
Run = Callable[["World", int, Values], "Outcome | None"]

#: The modules whose actions are registered, in the order of the help page.
_MODULES: Final = ("logging_in", "at_the_idp", "at_the_sp", "finding_leavers")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that a step can do: its id, what it does, the keys it takes, how a step of it reads, and the doing.

    `words` gives the step in words. `run(world, number of the step, values)` gives what came of it; None: it simply
    happened.
    """

    id: str
    about: str
    fields: Mapping[str, Field]
    words: Callable[[Values], str] = field(repr=False)
    run: Run = field(repr=False)


_ACTIONS: dict[str, Action] = {}


def action(action_id: str, words: Callable[[Values], str], **fields: Field) -> Callable[[Run], Run]:
    """Register a function as an action; its docstring says what it does."""

    def register(run: Run) -> Run:
        about = " ".join((run.__doc__ or "").split())
        _ACTIONS[action_id] = Action(action_id, about, fields, words, run)
        return run

    return register


@cache
def actions() -> Mapping[str, Action]:
    """Every action by its id, in the order of the modules whichever was imported first."""
    names = [importlib.import_module(f"app.scenarios.{name}").__name__ for name in _MODULES]
    return {i: a for name in names for i, a in _ACTIONS.items() if a.run.__module__ == name}
