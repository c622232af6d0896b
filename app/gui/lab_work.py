"""The simulator page's work off the GUI thread: reading the lab, logging in. No Qt, no rule of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from app.gui.simulator.people_work import PeopleIndex, put
from app.gui.wording import OUTCOMES

if TYPE_CHECKING:
    from app.accounts.account import Account
    from app.lab import Flow, Lab, LoginOutcome
    from app.sso import SSO
    from simulator.faults import Fault
    from simulator.tenant import Tenant, TestUser
    from simulator.web import Exchange

Trust = Literal["this", "outdated", "other", "off", "none"]
_NAMED: Final = 6


class NotTrusted(Exception):  # noqa: N818  a state of the account, not a bug
    """The account in hand trusts another identity provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the page shows, read in one go."""

    now: datetime
    running: bool
    metadata_url: str
    login_url: str
    tenant: Tenant
    people: PeopleIndex
    problem: str
    account: Account | None
    accounts: tuple[tuple[str, str], ...]
    trust: Trust
    faults: tuple[Fault, ...]
    active: tuple[str, ...]
    offset_s: int
    stands_at: datetime | None
    auto_approve: bool
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True)
class Login:
    """What a login came to, and what its faults should have made of it. `edited`: somebody changed the message.

    `person` as saved; None where a message was sent that had been made before.
    """

    person: TestUser | None
    outcome: LoginOutcome
    expected: str | None = None
    as_expected: bool | None = None
    edited: bool = False


def load(lab: Lab, sso: SSO, imagekit_id: str, last: Shown | None = None) -> Shown:
    """Read everything the page shows. `last` is what it showed before, whose index of the same people is kept."""
    lab.notice_edits()
    account = sso.account(imagekit_id) if imagekit_id else None
    trust: Trust = "none" if account is None else "off"
    if account is not None and account.sso_on:
        trust = lab.trust(imagekit_id)
    tenant = lab.tenant
    same = last is not None and last.tenant.users is tenant.users
    names = tuple((a.imagekit_id, a.name or a.imagekit_id) for a in sso.accounts())
    return Shown(
        now=sso.now(),
        running=lab.running,
        metadata_url=lab.metadata_url,
        login_url=lab.login_url,
        tenant=tenant,
        people=last.people if last is not None and same else PeopleIndex(tenant.users),
        problem=lab.tenant_problem,
        account=account,
        accounts=names,
        trust=trust,
        faults=lab.faults(),
        active=lab.active_faults,
        offset_s=lab.clock_offset_s,
        stands_at=tenant.clock_stands_at,
        auto_approve=lab.auto_approve,
        exchanges=lab.exchanges,
    )


def connect(lab: Lab, imagekit_id: str, based_on: int) -> None:
    """Make the account trust the test IdP, which is started if need be; Moved where somebody saved since."""
    if not lab.running:
        lab.start()
    lab.connect(imagekit_id, based_on=based_on)


def use_vendor(lab: Lab, sso: SSO, vendor: str) -> None:
    """Speak as another vendor does. Its entity ID differs: accounts that trusted the test IdP get its metadata anew."""
    trusting = [a for a in sso.accounts() if a.sso_on and lab.is_connected(a.imagekit_id)]
    lab.change_tenant(lambda t: replace(t, vendor=vendor))
    if lab.running:
        for account in trusting:
            lab.connect(account.imagekit_id, based_on=account.revision)


def log_in_as(lab: Lab, sso: SSO, imagekit_id: str, was: TestUser, person: TestUser, flow: Flow) -> Login:
    """Log somebody in over real HTTP; what was typed about them is saved first. NotTrusted: nothing was tried."""
    if person != was:
        put(lab, was, person)
    made_ready(lab, sso, imagekit_id)
    return login_outcome(sso, person, lab.log_in(person.username, imagekit_id, flow=flow))


def made_ready(lab: Lab, sso: SSO, imagekit_id: str) -> None:
    """Start what must run for a login at an account, and make it trust the test IdP where it trusts nobody yet.

    Raises:
        NotTrusted: the account trusts another identity provider.
    """
    if not lab.running:
        lab.start()
    account = sso.account(imagekit_id)
    if not account.sso_on:
        lab.connect(imagekit_id, based_on=account.revision)
    elif lab.trust(imagekit_id) == "other":
        raise NotTrusted(
            "This account trusts another identity provider, so the test IdP cannot log anybody in. Connect it to the "
            "test IdP, or choose a test account."
        )


def login_outcome(sso: SSO, person: TestUser | None, outcome: LoginOutcome, *, edited: bool = False) -> Login:
    """A login with what its faults should have made of it; of an edited message nobody knows that."""
    if not outcome.reference:
        return Login(person, outcome, edited=edited)
    event = sso.event(outcome.reference)
    expected = event.expected if outcome.faults and not edited else None
    return Login(person, outcome, expected, event.as_expected, edited)


def is_loopback(url: str) -> bool:
    """Whether an address is a web page of this computer: only those are opened in a browser."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.hostname in ("127.0.0.1", "localhost", "::1")


def login_state(login: Login) -> tuple[str, str | None]:
    """(state as in STATES, word; None: the state's own) of a login."""
    outcome = login.outcome
    if outcome.allowed:
        decision = outcome.result.decision if outcome.result is not None else None
        return "accept", OUTCOMES.get(decision.outcome if decision is not None else "", "Logged in")
    if outcome.result is not None:
        return outcome.result.report.verdict, None
    return ("warning", "Not let in") if outcome.reference else ("refused-by-idp", "Refused by the IdP")


def named(ids: Sequence[str]) -> str:
    """Fault ids in a sentence; many are counted."""
    rest = len(ids) - _NAMED
    return ", ".join(ids[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
