"""What a step can expect, and comparing it with what is so after the step. A row for each; it does nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.scenarios.fields import Field, Kind
from app.scenarios.registry import Values
from app.scenarios.values import Compared
from app.scenarios.world import Outcome, World, detail

_VERDICTS: Final = ("accept", "reject", "refused-by-idp", "not-provisioned", "unknown", "none")
_OUTCOMES: Final = (
    "created",
    "updated",
    "unchanged",
    "updated_partially",
    "recreated",
    "linked",
    "rejected",
    "error",
    "none",
)

Got = Callable[[World, Values, Outcome], Any]
Fits = Callable[[Any, Any], bool]


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that can be expected: its name, the value it takes, what is so, and when that fits."""

    name: str
    value: Field
    got: Got = field(repr=False)
    fits: Fits = field(repr=False)


def _same(wanted: Any, got: Any) -> bool:
    return bool(wanted == got)


def _any_order(wanted: Sequence[str], got: Sequence[str]) -> bool:
    return sorted(wanted) == sorted(got)


def _among(wanted: Sequence[str], got: Sequence[str]) -> bool:
    return set(wanted) <= set(got)


def _one_of(wanted: Sequence[str], got: Sequence[str]) -> bool:
    return bool(set(wanted) & set(got))


def _said(wanted: Sequence[str], got: str) -> bool:
    return all(w.casefold() in got.casefold() for w in wanted)


def _not_said(wanted: Sequence[str], got: str) -> bool:
    return not any(w.casefold() in got.casefold() for w in wanted)


_ROWS: dict[str, Expectation] = {}


def _row(name: str, kind: Kind, about: str, got: Got, fits: Fits = _same, choices: Sequence[str] = ()) -> None:
    _ROWS[name] = Expectation(name, Field(kind, about, choices=tuple(choices)), got, fits)


# The message ----------------------------------------------------------------------------------------------------------
_row(
    "verdict",
    "text",
    "The verdict on the message; none: none reached the service provider.",
    lambda _w, _v, o: o.verdict or "none",
    choices=_VERDICTS,
)
_row("outcome", "text", "What the login did.", lambda _w, _v, o: o.outcome or "none", choices=_OUTCOMES)
_row("reason", "text", "The code of the deciding reason; empty for none.", lambda _w, _v, o: (*o.reasons, "")[0])
_row("reasons", "texts", "Codes that must all be among the reasons.", lambda _w, _v, o: o.reasons, _among)
_row("checks", "texts", "Checks of which one must have decided.", lambda _w, _v, o: o.checks, _one_of)
_row("causes", "texts", "Causes of which one must be named.", lambda _w, _v, o: o.causes, _one_of)
_row("status", "number", "The HTTP status that the browser saw.", lambda _w, _v, o: o.status)
_row("says", "texts", "Words that the sentence for operators must hold.", lambda _w, _v, o: o.sentence, _said)
_row("page_says", "texts", "Words that the person must read.", lambda _w, _v, o: o.page, _said)
_row("page_hides", "texts", "Words that the person must not read.", lambda _w, _v, o: o.page, _not_said)
_row(
    "verdicts",
    "texts",
    "Of messages sent at once: every verdict, in any order.",
    lambda _w, _v, o: tuple(m.verdict for m in o.many),
    _any_order,
    _VERDICTS,
)
_row(
    "outcomes",
    "texts",
    "Of messages sent at once: every outcome, in any order.",
    lambda _w, _v, o: tuple(m.outcome for m in o.many),
    _any_order,
    _OUTCOMES,
)
_row("refused", "text", "The code of the rule that forbids what an operator did.", lambda _w, _v, o: o.refused)


# The person -----------------------------------------------------------------------------------------------------------
def _subject(v: Values) -> str | None:
    who = v.get("of") or v.get("who")
    return who if isinstance(who, str) else next(iter(who), None) if who else None


def _of_user(read: Callable[[Any], Any]) -> Got:
    """A value of the user whom the step is about; "nobody" where there is none."""

    def got(world: World, values: Values, _outcome: Outcome) -> Any:
        who = _subject(values)
        user = world.user(who) if who is not None else None
        return "nobody" if user is None else read(user)

    return got


OF: Final = Field("text", "Whom user, role, name, email and logins are about; the step's own person without it.")
_row(
    "user",
    "text",
    "Whether the user is active, deleted, or nobody was ever created.",
    _of_user(lambda u: "active" if u.active else "deleted"),
    choices=("active", "deleted", "nobody"),
)
_row("role", "text", "The role stored.", _of_user(lambda u: u.role))
_row("name", "text", "The full name stored.", _of_user(lambda u: u.full_name))
_row("email", "text", "The address stored, as first written.", _of_user(lambda u: u.email))
_row("logins", "number", "How often the user was let in.", _of_user(lambda u: u.logins))
_row("missing", "yes-no", "Whether the user is marked as missing.", _of_user(lambda u: u.missing_since is not None))


# The account ----------------------------------------------------------------------------------------------------------
def _stale(world: World, values: Values, _outcome: Outcome) -> Any:
    rows = {row.user.email_key: row.state for row in world.sso.stale_users(world.account)}
    return {who: rows.get(world.address(who), "") for who in values["expect"]["stale"]}


def _evidence(world: World, values: Values, _outcome: Outcome) -> Any:
    rows = {row.user.email_key: row.evidence for row in world.sso.stale_users(world.account)}
    return {who: rows.get(world.address(who), "") for who in values["expect"]["evidence"]}


def _addresses(of: Callable[[World, Outcome], Sequence[str]]) -> Got:
    return lambda world, _values, outcome: tuple(world.address(e) for e in of(world, outcome))


_row("seats", "number", "How many seats are taken.", lambda w, _v, _o: w.seats())
_row(
    "administrators",
    "number",
    "How many account administrators there are.",
    lambda w, _v, _o: sum(u.is_administrator for u in w.users()),
)
_row(
    "revision",
    "number",
    "The number of the configuration in force.",
    lambda w, _v, _o: w.sso.account(w.account).revision,
)
_row(
    "users", "texts", "Everybody who is a user now.", _addresses(lambda w, _o: [u.email for u in w.users()]), _any_order
)
_row("stale", "table", "The state of people on the stale list; empty: not on it.", _stale)
_row("evidence", "table", "How sure that state is: confirmed, likely, possible, excluded or none.", _evidence)
_row("held", "yes-no", "Whether the imported list is held back until it is confirmed.", lambda _w, _v, o: o.held)
for _name, _about in (
    ("planned", "Who the clean-up would delete."),
    ("deleted", "Who was deleted."),
    ("skipped", "Who dropped out of the clean-up, or of its undoing."),
    ("restored", "Who came back."),
):
    _row(_name, "texts", _about, _addresses(lambda _w, o, n=_name: o.lists.get(n, ())), _any_order)  # type: ignore[misc]

#: Every expectation by its name.
EXPECTATIONS: Final[Mapping[str, Expectation]] = _ROWS
_PEOPLE: Final = frozenset({"users", "planned", "deleted", "skipped", "restored"})


def compare(world: World, values: Values, expect: Mapping[str, Any], outcome: Outcome) -> tuple[Compared, ...]:
    """Every expectation of a step with what is so. `values` are the step's own. ScenarioError for an unknown name."""
    given = {**values, **({"of": expect["of"]} if "of" in expect else {}), "expect": expect}
    found = []
    for name, wanted in expect.items():
        if name == "of":
            continue
        row = EXPECTATIONS[name]
        if name in _PEOPLE:
            wanted = tuple(world.address(w) for w in wanted)
        got = row.got(world, given, outcome)
        found.append(Compared(name, detail(wanted), detail(got), row.fits(wanted, got)))
    return tuple(found)
