"""The actions that find people who left: the directory's lists are imported, clean-ups are planned, applied, undone."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from app.accounts.directory import DirectoryRefused, read_directory
from app.fetching.directory import DirectoryUnreachable, fetch_directory
from app.scenarios.fields import optional
from app.scenarios.registry import Values, action
from app.scenarios.values import ScenarioError
from app.scenarios.world import OPERATOR, Outcome, World, detail
from simulator.directory import EXPORTS, directory_csv

_OVER_HTTP: Final = "http"
_MOST_DAYS: Final = 3_000


def _list_words(v: Values) -> str:
    what = "list of who may use the application" if v.get("assigned_only") else "directory's list"
    how = "over HTTP" if v.get("from", _OVER_HTTP) == _OVER_HTTP else f"as {EXPORTS[v['from']].title} exports it"
    old = f", {v['days_old']} days old" if v.get("days_old") else ""
    return f"the {what} is imported {how}{old}{'' if v.get('complete', True) else ', said to be a part'}"


@action(
    "import-directory",
    _list_words,
    **{
        "from": optional(
            "text", "http: asked of the running identity provider; or the file of a vendor.", (_OVER_HTTP, *EXPORTS)
        ),
        "complete": optional("yes-no", "Whether the list is said to hold everybody; it is without it."),
        "assigned_only": optional("yes-no", "Only those who may use the application; everybody without it."),
        "days_old": optional("number", "How many days ago the directory is said to have looked like that."),
    },
)
def import_directory(world: World, _number: int, v: Values) -> Outcome:
    """The service provider imports a list of the directory as it is now, over HTTP or from a vendor's file."""
    source, data = _list(world, v)
    if not 0 <= v.get("days_old", 0) <= _MOST_DAYS:
        raise ScenarioError(f"A list can be from 0 to {_MOST_DAYS} days old.")
    try:
        reading = read_directory(data)
    except DirectoryRefused as e:
        raise ScenarioError(str(e)) from e
    world.list = snapshot = world.sso.import_directory(
        world.account,
        reading,
        complete=v.get("complete", True),
        taken_at=world.sso.now() - timedelta(days=v.get("days_old", 0)),
        source=source,
        kind="assignments" if v.get("assigned_only") else "directory",
        operator=OPERATOR,
    )
    sentence = f"{snapshot.rows} rows: {snapshot.matched} users are in it, {snapshot.absent} are missing."
    return Outcome(
        sentence=sentence + (f" Held back: {snapshot.held}." if snapshot.held else ""), held=bool(snapshot.held)
    )


def _list(world: World, v: Values) -> tuple[str, bytes]:
    """(where it is from, its bytes)."""
    application = world.account if v.get("assigned_only") else ""
    vendor = v.get("from", _OVER_HTTP)
    if vendor != _OVER_HTTP:
        return f"{vendor}.csv", directory_csv(world.tenant, application or None, vendor=vendor).encode()
    try:
        fetched = fetch_directory(world.lab.portal_url, application=application)
    except DirectoryUnreachable as e:
        raise ScenarioError(str(e)) from e
    return fetched.source, fetched.data


@action(
    "confirm-directory",
    lambda v: f"the list that was imported last is confirmed, typing {v.get('typed', 'the account id')}",
    typed=optional("text", "What is typed; the account's id without it."),
)
def confirm_directory(world: World, _number: int, v: Values) -> None:
    """The list that was imported last counts although it was held back."""
    if world.list is None:
        raise ScenarioError("No list was imported before this step.")
    world.list = world.sso.confirm_directory(world.list.id, v.get("typed", world.account), operator=OPERATOR)


@action("discard-directory", lambda _v: "the list that was imported last is taken back")
def discard_directory(world: World, _number: int, _v: Values) -> None:
    """The list that was imported last is taken back."""
    if world.list is None:
        raise ScenarioError("No list was imported before this step.")
    world.list = world.sso.discard_directory(world.list.id, operator=OPERATOR)


# Clean-up -------------------------------------------------------------------------------------------------------------


@action(
    "plan-clean-up",
    lambda v: f"a clean-up is planned for {detail(v['who'])}" if "who" in v else "a clean-up is planned",
    who=optional("texts", "Who shall be deleted; those with confirmed evidence without it."),
)
def plan_clean_up(world: World, _number: int, v: Values) -> Outcome:
    """A clean-up of stale users is planned; nobody is deleted by it."""
    chosen = frozenset(world.known_user(w).id for w in v["who"]) if "who" in v else None
    world.plan = plan = world.sso.plan_cleanup(world.account, chosen)
    return Outcome(
        sentence=" ".join(plan.refused) or f"{len(plan.items)} users would be deleted.",
        refused="cleanup.refused" if plan.refused else "",
        lists={"planned": tuple(item.email for item in plan.items)},
    )


@action(
    "apply-clean-up",
    lambda v: "the planned clean-up is applied" + (f", typing {v['typed']}" if "typed" in v else ""),
    typed=optional("number", "The number of users, where it must be typed."),
)
def apply_clean_up(world: World, _number: int, v: Values) -> Outcome:
    """The clean-up that was planned last is applied."""
    if world.plan is None:
        raise ScenarioError("No clean-up was planned before this step.")
    done = world.sso.apply_cleanup(world.plan, typed=v.get("typed"), operator=OPERATOR)
    world.batch = done.batch if done.deleted else world.batch
    return Outcome(
        sentence=f"{len(done.deleted)} users were deleted, {len(done.skipped)} were skipped.",
        lists={"deleted": done.deleted, "skipped": tuple(email for email, _why in done.skipped)},
    )


@action("undo-clean-up", lambda _v: "the clean-up that was applied last is undone")
def undo_clean_up(world: World, _number: int, _v: Values) -> Outcome:
    """Everybody whom the last clean-up deleted comes back."""
    if not world.batch:
        raise ScenarioError("No clean-up was applied before this step.")
    done = world.sso.undo_cleanup(world.batch, operator=OPERATOR)
    return Outcome(
        sentence=f"{len(done.restored)} users came back, {len(done.left_out)} did not.",
        lists={"restored": done.restored, "skipped": tuple(email for email, _why in done.left_out)},
    )
