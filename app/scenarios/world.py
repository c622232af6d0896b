"""Where a scenario takes place: the organisation, the account, and what is remembered from one step to the next.

It knows no action and compares nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from app.bootstrap import FIRST_ACCOUNT
from app.lab import LoginOutcome, sentence_of
from app.lab.browserless import words
from app.saml.identifiers import normalise_email
from app.scenarios.values import ScenarioError, Start
from app.trial import decided_by, verdict_of
from app.trial.ground import Ground

if TYPE_CHECKING:
    import httpx

    from app.accounts.cleanup import CleanupPlan
    from app.accounts.directory import Snapshot
    from app.accounts.users import User
    from app.lab import Lab
    from app.saml.report import Report
    from app.sso import SSO, LoginResult
    from simulator.idp import Issued
    from simulator.keys import KeyRing
    from simulator.tenant import Tenant
    from simulator.web import Exchange

OPERATOR: Final = "scenario"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of an action.

    `verdict` is a verdict, or "none" where no message reached the service provider. `reasons` are all codes, the
    deciding one first. `refused` is the code of an operator's action that a rule forbids. `page` is what the person
    read. `many` are the outcomes of messages that were sent at once. `held` says that an imported list is
    held back. `lists` are e-mails by name (planned, deleted, skipped ...).
    """

    verdict: str = ""
    outcome: str = ""
    reasons: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    status: int = 0
    sentence: str = ""
    effect: str = ""
    refused: str = ""
    page: str = ""
    event: str = ""
    sent: bytes = b""
    report: Report | None = None
    many: tuple[Outcome, ...] = ()
    held: bool = False
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)


class World:
    """One scenario's ground. Open it as a context manager.

    `last` is the exchange whose message was sent last, `sent` every message by the number of its step. `plan` is the
    clean-up that was planned last, `batch` names the one that was applied last, `list` is the list imported last.
    """

    def __init__(self, start: Start, keys: KeyRing, *, keep: str | None = None) -> None:
        """`keep` is the address of a new database that stays. ScenarioError where it holds anything already."""
        self.ground = Ground(vendor=start.vendor, keys=keys, copy_keys=True, url=keep)
        if not self.ground.is_new:
            self.ground.close()
            raise ScenarioError("The database holds something already. Name a new one.")
        self.account = start.account
        self._start = start
        self._addresses: dict[str, str] = {}
        self.sent: dict[int, Issued] = {}
        self.last: Exchange | None = None
        self.plan: CleanupPlan | None = None
        self.batch = ""
        self.list: Snapshot | None = None

    def __enter__(self) -> World:
        try:
            self._begin()
        except BaseException:
            self.ground.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.ground.close()

    @property
    def sso(self) -> SSO:
        """The verbs."""
        return self.ground.sso

    @property
    def lab(self) -> Lab:
        """The test identity provider and the service provider."""
        return self.ground.lab

    def _begin(self) -> None:
        self.ground.start()
        start, sso = self._start, self.sso
        if self.account != FIRST_ACCOUNT[0]:
            sso.create_account(self.account, "Acme Media", operator=OPERATOR)
        sso.update_account(self.account, plan=start.plan, seat_limit=start.seats, operator=OPERATOR)
        tenant = self.lab.tenant
        tenant = replace(tenant, users=tuple(replace(u, imagekit_id=self.account) for u in tenant.users))
        for person in start.people:
            tenant = tenant.with_user(person)
        self.change_tenant(tenant)
        if start.connected:
            self.lab.connect(self.account, OPERATOR)
        if start.claims:
            self.add_claims(dict(start.claims))
        for user in start.users:
            sso.add_user(self.account, user.email, user.name, user.role, operator=OPERATOR)

    # The directory ------------------------------------------------------------------------------------------------

    @property
    def tenant(self) -> Tenant:
        """The organisation as the identity provider knows it."""
        return self.lab.tenant

    def change_tenant(self, tenant: Tenant) -> None:
        """Another organisation from now on; the addresses of those who leave are remembered."""
        for person in (*self.lab.tenant.users, *tenant.users):
            self._addresses[person.username] = person.email
        self.lab.save_tenant(tenant)

    def add_claims(self, claims: dict[str, str]) -> None:
        """The account's application sends these claims too."""
        application = self.lab.application_for(self.sso.account(self.account))
        claims = {**application.claims, **claims}
        self.lab.save_tenant(self.tenant.with_application(replace(application, claims=claims)))

    def address(self, name: str) -> str:
        """The e-mail of somebody, named by username or e-mail; the last one of somebody who left. ScenarioError."""
        if "@" in name:
            return normalise_email(name) or name
        found = self._addresses.get(name)
        if found is None:
            raise ScenarioError(f'Nobody is called "{name}". Name a person of the directory, or an e-mail.')
        return normalise_email(found) or found

    # The service provider -----------------------------------------------------------------------------------------

    def users(self, *, deleted: bool = False) -> tuple[User, ...]:
        """The users of the account."""
        return self.sso.users(self.account, deleted=deleted)

    def user(self, name: str) -> User | None:
        """The active user of that name, or else the one who was deleted last, or nobody."""
        key = self.address(name)
        mine = [u for u in self.users(deleted=True) if u.email_key == key]
        return next((u for u in mine if u.active), max(mine, key=lambda u: u.id, default=None))

    def known_user(self, name: str) -> User:
        """As user(). ScenarioError where there is none."""
        found = self.user(name)
        if found is None:
            raise ScenarioError(f"{self.address(name)} is no user of the account {self.account}.")
        return found

    def seats(self) -> int:
        """How many seats are taken."""
        return len(self.users())

    # Outcomes -----------------------------------------------------------------------------------------------------

    def watched(self, number: int, send: Callable[[], LoginOutcome]) -> Outcome:
        """What came of one login as a browser does it; its message is remembered under the step's number."""
        before = self.lab.exchanges[-1:]
        done = send()
        after = self.lab.exchanges[-1:]
        issued = None
        if after and after != before:
            self.last, issued = after[0], after[0].issued
        if issued is not None:
            self.sent[number] = issued
        if done.result is not None:
            return self.of_result(done.result, issued, done.status_code, done.page)
        if done.reference:  # a login that was stopped at our own login page
            event = self.sso.event(done.reference)
            return Outcome(
                verdict="none",
                outcome=event.outcome,
                reasons=(event.reason, *event.notes),
                status=done.status_code,
                sentence=event.sentence,
                page=words(done.page),
                event=event.reference,
            )
        return Outcome(verdict="none", outcome="none", status=done.status_code, sentence=done.sentence)

    def of_page(self, issued: Issued, page: httpx.Response, result: LoginResult | None) -> Outcome:
        """What came of a message that was sent by itself."""
        if result is None:
            sentence = f"Refused at the door with HTTP {page.status_code}."
            return Outcome(verdict="none", outcome="none", status=page.status_code, sentence=sentence)
        return self.of_result(result, issued, page.status_code, page.text)

    def of_result(self, result: LoginResult, issued: Issued | None, status: int, page: str) -> Outcome:
        """What the service provider decided, as an outcome."""
        verdict = verdict_of(result)
        decision = result.decision
        reasons = decision.reasons if decision is not None and decision.reasons else ()
        codes = tuple(r.code for r in reasons) or ((result.reason.code,) if result.reason is not None else ())
        return Outcome(
            verdict=verdict,
            outcome=decision.outcome if decision is not None else "rejected",
            reasons=codes,
            checks=decided_by(result.report, verdict),
            causes=tuple(d.id for d in result.report.diagnosis),
            status=status,
            sentence=sentence_of(result),
            page=words(page),
            event=result.reference,
            sent=issued.body if issued is not None else b"",
            report=result.report,
        )

    def message(self, number: int | None) -> Issued:
        """The message of a step, or the last one. ScenarioError where there is none."""
        found = self.sent.get(number) if number is not None else next(reversed(self.sent.values()), None)
        if found is None:
            raise ScenarioError("No message was sent in that step, so there is none to send again.")
        return found

    def issue(self, who: str, faults: Sequence[str]) -> Issued:
        """A message for somebody, made and not sent."""
        return self.lab.idp.issue(who, self.lab.application_for(self.sso.account(self.account)), faults=faults)


def many(outcomes: Sequence[Outcome]) -> Outcome:
    """Several outcomes as one: that of the first that was let in, or of the first."""
    first = next((o for o in outcomes if o.verdict == "accept"), outcomes[0])
    return replace(first, many=tuple(outcomes))


def detail(value: Any) -> str:
    """A value in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(map(detail, value)) or "nothing"
    if isinstance(value, dict):
        return ", ".join(f"{k}: {detail(v)}" for k, v in value.items()) or "nothing"
    return str(value) if value not in ("", None) else "nothing"


__all__ = ["OPERATOR", "Outcome", "World", "detail", "many"]
