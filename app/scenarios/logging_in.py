"""The actions that send messages: logins as browsers make them, several at once, and messages sent once more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from app.scenarios.fields import optional, required
from app.scenarios.registry import Values, action
from app.scenarios.values import ScenarioError
from app.scenarios.world import Outcome, World, detail, many
from app.trial.ground import post_at_once

if TYPE_CHECKING:
    from simulator.idp import Issued

_FLOWS: Final = {"idp": "idp_initiated", "sp": "sp_initiated"}
_AT_ONCE: Final = 40

_FAULTS = optional("texts", "Faults of the message, by id.")
_MODE = optional("text", "live, or test and dry_run, which change nothing.", ("live", "test", "dry_run"))


def _with(values: Values) -> str:
    faults = f" with {detail(values['faults'])}" if values.get("faults") else ""
    mode = f" ({values['mode'].replace('_', ' ')})" if values.get("mode", "live") != "live" else ""
    return faults + mode


def _login_words(v: Values) -> str:
    where = "from our login page" if v.get("flow") == "sp" else "from the portal"
    typed = f", typing {v['typed']}" if "typed" in v else ""
    return f"{v['who']} logs in {where}{typed}{_with(v)}"


@action(
    "log-in",
    _login_words,
    who=required("text", "The person's username in the directory."),
    flow=optional("text", "Where it starts: idp, the portal; or sp, our login page.", tuple(_FLOWS)),
    typed=optional("text", "What is typed on our login page; the person's own address without it."),
    faults=_FAULTS,
    mode=_MODE,
)
def log_in(world: World, number: int, v: Values) -> Outcome:
    """Somebody logs in as a browser does: pages, forms and redirects over HTTP."""
    flow = "sp_initiated" if v.get("flow") == "sp" else "idp_initiated"
    return world.watched(
        number,
        lambda: world.lab.log_in(
            v["who"],
            world.account,
            flow=flow,  # type: ignore[arg-type]  # one of the two
            faults=v.get("faults", ()),
            mode=v.get("mode", "live"),
            email=v.get("typed"),
        ),
    )


@action(
    "log-in-at-once",
    lambda v: f"{detail(v['who'])} log in at the same moment{_with(v)}",
    who=required("texts", "Who, by username; somebody may be named more than once."),
    faults=_FAULTS,
)
def log_in_at_once(world: World, number: int, v: Values) -> Outcome:
    """Several messages, each of its own, are posted at the same moment from as many browsers."""
    if not 2 <= len(v["who"]) <= _AT_ONCE:
        raise ScenarioError(f"Name from 2 to {_AT_ONCE} people who log in at once.")
    return _at_once(world, number, [world.issue(who, v.get("faults", ())) for who in v["who"]])


@action(
    "replay",
    lambda v: (
        f"the message of {'step ' + str(v['step']) if 'step' in v else 'the last login'} is sent again"
        + (f", {v['times']} times at once" if v.get("times", 1) > 1 else "")
    ),
    step=optional("number", "The step whose message it is; the last login without it."),
    times=optional("number", "How often, all at the same moment; once without it."),
)
def replay(world: World, number: int, v: Values) -> Outcome:
    """A message is sent once more, octet for octet, from another browser."""
    issued, times = world.message(v.get("step")), v.get("times", 1)
    if not 1 <= times <= _AT_ONCE:
        raise ScenarioError(f"A message can be sent from 1 to {_AT_ONCE} times at once.")
    if times > 1:
        return _at_once(world, number, [issued] * times)
    page, result = world.lab.send(issued)
    return world.of_page(issued, page, result)


@action(
    "answer-again",
    lambda v: f"the request of the last login from our login page is answered again{_with(v)}",
    faults=_FAULTS,
)
def answer_again(world: World, number: int, v: Values) -> Outcome:
    """The identity provider makes a second answer, with another assertion, to the request that was answered last."""
    asked = world.last.request if world.last is not None else None
    if world.last is None or asked is None:
        raise ScenarioError("No login from our login page came before, so there is no request to answer.")
    application = world.lab.application_for(world.sso.account(world.account))
    issued = world.lab.idp.issue(world.last.user, application, request=asked, faults=v.get("faults", ()))
    world.sent[number] = issued
    page, result = world.lab.send(issued)
    return world.of_page(issued, page, result)


def _at_once(world: World, number: int, messages: list[Issued]) -> Outcome:
    world.sent[number] = messages[-1]
    keys = {id(m): world.lab.stamp(m) for m in {id(m): m for m in messages}.values()}
    statuses = post_at_once(messages)
    taken: dict[str, int] = {}
    found = []
    for issued, status in zip(messages, statuses, strict=True):
        key = keys[id(issued)]
        results = world.lab.witness.results(key)
        nth = taken.get(key, 0)
        taken[key] = nth + 1
        if nth >= len(results):
            sentence = f"Refused at the door with HTTP {status}."
            found.append(Outcome(verdict="none", outcome="none", status=status, sentence=sentence))
            continue
        one = world.of_result(results[nth], issued, status, "")
        # Of one message sent several times it is not known which answer belongs to which decision.
        found.append(one if len(messages) == len(keys) else replace(one, status=0))
    return many(found)
