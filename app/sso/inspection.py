"""Judging a message against an account, with what it would do there; nothing in this module writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from app import saml
from app.accounts.account import Account, Seats
from app.accounts.directory import Directory, Standing
from app.accounts.provisioning import AccountState, Attempt, Decision, Flow, provision
from app.accounts.reasons import Reason, no_account, refusal
from app.accounts.staleness import (
    Context,
    Signal,
    StaleUser,
    Thresholds,
    days_by_role,
    judge,
    likely_renames,
    own_signals,
    silent,
)
from app.accounts.users import User
from app.saml.expectation import AccountFacts, Expectation, OpenRequest, PriorUse, TrustedKey
from app.saml.identifiers import normalise_email
from app.sso.choices import policies_of, settings_of, sp_of
from app.sso.configuration import ConfigurationVerbs, Configured
from app.sso.errors import Refused
from app.sso.keys import KeyVerbs
from app.sso.uncollected import uncollected
from app.sso.values import Overrides
from app.store import Revision, Transaction

if TYPE_CHECKING:
    from app.saml import Channel, ProvisioningSummary, Report, VerifiedLogin

#: Ends of claim names that stay when a person's e-mail changes (decision 1).
_STABLE_CLAIMS: Final = ("objectidentifier", "objectguid", "employeeid", "employeenumber", "immutableid")
_EMAIL_CLAIMS: Final = ("email", "mail", "emailaddress")
_WOULD: Final = {
    "created": "would_create",
    "recreated": "would_recreate",
    "updated": "would_update",
    "updated_partially": "would_update_partially",
    "unchanged": "would_change_nothing",
    "linked": "would_link",
    "rejected": "would_reject",
    "error": "error",
}


def _tail(name: str) -> str:
    return name.rpartition("/")[2].replace("_", "").replace("-", "").lower()


def stable_id_of(login: VerifiedLogin) -> str | None:
    """A claim that names the person whatever their e-mail: an object identifier or an employee number."""
    for name, values in login.claims.items():
        tail = _tail(name)
        if tail in _STABLE_CLAIMS and len(values) == 1 and 0 < len(values[0].strip()) <= 200:
            return f"{tail}:{values[0].strip()}"
    return None


def email_claims_of(login: VerifiedLogin) -> tuple[str, ...]:
    """The normal forms of claims that hold an e-mail address beside the NameID."""
    found = (
        normalise_email(v) for name, values in login.claims.items() if _tail(name) in _EMAIL_CLAIMS for v in values[:3]
    )
    return tuple(e for e in found if e is not None)


def flow_of(report: Report) -> Flow:
    """Where the login started, as far as the message tells."""
    if report.login is not None:
        return "sp_initiated" if report.login.in_response_to else "idp_initiated"
    if report.response is None:
        return "unknown"
    return "sp_initiated" if report.in_response_to else "idp_initiated"


class InspectionVerbs(ConfigurationVerbs, KeyVerbs):
    """The part of SSO that judges."""

    def inspect(
        self,
        source: str | bytes,
        account: int | str | None = None,
        *,
        at: datetime | Literal["issue"] | None = None,
        overrides: Overrides = Overrides(),  # noqa: B008  frozen
        relay_state: str | None = None,
        name: str = "pasted",
        channel: Channel = "paste",
        of_event: str | None = None,
    ) -> Report:
        """Judge whatever was pasted, and say what it would do to the account. Nothing is stored.

        Without `account` the one that issuer and audience fit is taken. `at` judges as of then; "issue" as of the
        message's own IssueInstant. `of_event` is the reference of the attempt that this message made: that it was used
        then is not held against it. Refused for overrides that cannot be read.
        """
        now = self.now()
        with self.store.read() as tx:
            chosen = self._account(tx, account) if account is not None else self._choose(tx, source, channel)
            chosen = under(chosen, overrides.candidate)
            lookups = Lookups(tx, chosen.id if chosen else None, ignoring=of_event)
            expectation = self._expectation(tx, chosen, overrides=overrides, lookups=lookups)
            when = now if at is None or at == "issue" else at
            report = saml.inspect(source, expectation, now=when, channel=channel, relay_state=relay_state, name=name)
            if at == "issue":
                issued = saml.issue_instant_of(report)
                if issued is not None:
                    when = issued
                    report = saml.inspect(
                        source, expectation, now=when, channel=channel, relay_state=relay_state, name=name
                    )
            if chosen is None or report.kind != "Response" or expectation.profile != "imagekit":
                return report
            attempt = self._attempt(report, chosen, when, lookups)
            own = self._own(tx, chosen, overrides.candidate)
            policies = policies_of(self._policies(tx), own.choices if own else {})
            state = self._state(tx, chosen, report, attempt, lookups)
            if of_event is not None:
                # As of its receipt its own use was not there yet, and whether others are still kept says nothing.
                state = replace(state, use_forgotten=False)
            decision = provision(attempt, state, policies)
        return report.with_provisioning(summary_of(decision, dry=True), decision.allowed)

    def inspect_event(self, reference: str) -> Report | None:
        """The message of an event judged again as of its receipt, or None where it is not kept any more."""
        with self.store.read() as tx:
            event = tx.event(reference)
        if event is None or event.raw is None:
            return None
        return self.inspect(
            event.raw, event.account_id, at=event.at, name=reference, channel="post-form", of_event=reference
        )

    def expectation_for(
        self,
        account: int | str | None,
        *,
        overrides: Overrides = Overrides(),  # noqa: B008  frozen
    ) -> Expectation:
        """What a pasted message is judged against. Its look-ups read the store as it is when they are called."""
        with self.store.read() as tx:
            chosen = None if account is None else self._account(tx, account)
            base = self._expectation(tx, chosen, overrides=overrides, lookups=None)
        if chosen is None:
            return base
        account_id = chosen.id

        def reading(ask: Callable[[Lookups], Any]) -> Any:
            with self.store.read() as tx:
                return ask(Lookups(tx, account_id))

        return replace(
            base,
            find_request=lambda i: reading(lambda x: x.find_request(i)),
            find_use=lambda issuer, i: reading(lambda x: x.find_use(issuer, i)),
            find_role=lambda n: reading(lambda x: x.find_role(n)),
        )

    # Steps

    def _expectation(
        self,
        tx: Transaction,
        account: Account | None,
        *,
        overrides: Overrides,
        lookups: Lookups | None,
        browser: str | None = None,
        correlate: bool = False,
    ) -> Expectation:
        own = self._own(tx, account, overrides.candidate)
        decided = own.choices if own else {}
        settings, sp = settings_of(self._settings(tx), decided), sp_of(self.sp, decided)
        idp = own.idp if own else None
        issuer = own.idp_entity_id if own and own.idp else None
        keys: tuple[TrustedKey, ...] = tuple(own.idp.signing_keys) if own and own.idp else ()
        if overrides.idp_metadata is not None:
            reading = saml.read_metadata(overrides.idp_metadata, now=self.now())
            if reading.idp is None:
                first = reading.problems[0].message if reading.problems else "It holds no identity provider."
                raise Refused("inspect.metadata", f"The metadata cannot be used. {first}")
            idp = reading.idp
            issuer, keys = idp.entity_id, tuple(idp.signing_keys)
        if overrides.certificates:
            given = [c for data in overrides.certificates for c in saml.load_certificates(data)]
            keys = tuple(TrustedKey(c, "given certificate") for c in given)
            if overrides.idp_metadata is None and account is None:
                issuer = None
        sp_entity_id = account.sp_entity_id(sp) if account else sp.entity_id
        acs_url = account.acs_url(sp) if account else sp.acs_url
        test_keys = self._test_keys(tx)
        expectation = Expectation(
            idp_entity_id=issuer,
            idp_display_name=idp.display_name if idp else None,
            trusted_keys=keys,
            other_idps=_others(self._configured(tx), issuer),
            sp_entity_id=overrides.sp_entity_id or sp_entity_id,
            acs_url=overrides.acs_url or acs_url,
            default_sp_entity_id=sp.entity_id if sp_entity_id != sp.entity_id else None,
            decryption_keys=(
                *self.decryption_keys,
                *self._sp_decryption_keys(tx),
                *self._session_keys(),
                *overrides.decryption_keys,
            ),
            relay_states=sp.relay_states,
            account=self._facts(settings, account),
            sp=sp,
            profile=overrides.profile or "imagekit",
            policy=self._judging(settings, overrides.policy or "strict", overrides.clock_skew_s),
            browser=browser,
            expected_request=overrides.in_response_to,
            judges_correlation=correlate or overrides.in_response_to is not None,
            known_test_keys=test_keys,
            trusted_test_idp=own is not None
            and (bool(own.keys & test_keys) or self._trusts_test_idp(tx, own.account_id, own.idp_entity_id)),
            idp_sso_urls=idp.sso_urls if idp else (),
            idp_slo_urls=idp.slo_urls if idp else (),
            idp_nameid_formats=idp.nameid_formats if idp else (),
            wants_signed_requests=idp is not None and idp.want_authn_requests_signed,
            logout_url=sp.logout_url,
            sp_keys=tuple(TrustedKey(c, "our own key") for c in self._sp_certificates(tx, "signing", published=False)),
            verifiers=overrides.verifiers or "both",
        )
        if lookups is None:
            return expectation
        return replace(
            expectation,
            find_request=lookups.find_request,
            find_use=lookups.find_use,
            find_role=lookups.find_role,
        )

    def _own(self, tx: Transaction, account: Account | None, candidate: Revision | None) -> Configured | None:
        """What is configured for an account, or would be with a candidate."""
        if account is None:
            return None
        if candidate is not None:
            return self._configuration(candidate)
        return next((c for c in self._configured(tx) if c.account_id == account.id), None)

    @staticmethod
    def _facts(settings: dict[str, list[str]], account: Account | None) -> AccountFacts | None:
        if account is None:
            return None
        prefix = f"{account.imagekit_id}:"
        domains = (d.removeprefix(prefix) for d in settings["email_domains"] if d.startswith(prefix))
        return AccountFacts(account.imagekit_id, account.plan, tuple(domains))

    def _choose(self, tx: Transaction, source: str | bytes, channel: Channel) -> Account | None:
        """The account whose identity provider and Identifier the message names; never by its account-id claim.

        The values are unverified: they choose what the message is judged against, and the judgement then refuses
        everything that does not fit. Where nothing fits exactly, the nearest account gives the better explanation.
        """
        known = self._directory
        # Where there is one account, reading it first tells whether what is remembered of it still holds.
        likely = tx.account(known[1][0].account_id) if known is not None and len(known[1]) == 1 else None
        configured = self._configured(tx)
        if not configured:
            accounts = tx.accounts()
            return accounts[0] if len(accounts) == 1 else None
        if len(configured) == 1:
            own_id = configured[0].account_id
            return likely if likely is not None and likely.id == own_id else tx.account(own_id)
        issuer, audiences, destination = claimed_parties(source, channel)
        by_issuer = [c for c in configured if c.idp_entity_id == issuer]
        exact = [c for c in by_issuer if (c.entity_id or self.sp.entity_id) in audiences]
        own = [c for c in configured if c.entity_id is not None and c.entity_id in audiences]
        asked = [c for c in configured if c.idp is not None and destination in c.idp.sso_urls]
        for candidates in (exact, by_issuer, own, asked):
            on = [c for c in candidates if c.idp is not None] or candidates
            if len(on) == 1:
                return tx.account(on[0].account_id)
        return None

    def _attempt(self, report: Report, account: Account | None, now: datetime, lookups: Lookups) -> Attempt:
        crashed = any(c.id == "internal-error" for c in report.checks)
        sp = report.expectation.sp
        why = refusal(report, imagekit_id=account.imagekit_id if account else None, claim=sp.claim_imagekit_id)
        login = report.login if why is None else None
        if login is None:
            return Attempt(
                now=now,
                name_id=report.name_id or "",
                email_key=normalise_email(report.name_id) if report.name_id else None,
                flow=flow_of(report),
                issuer=report.issuer,
                refusal=why or Reason("message.unknown", report.headline),
                crashed=crashed,
                sp=sp,
            )
        hints: dict[str, str] = {}
        for check in login.problems:
            for claim, about in ((sp.claim_role, "claim-role"), (sp.claim_full_name, "claim-full-name")):
                if check.id.startswith(about) and not login.claims.get(claim):
                    hints.setdefault(claim, check.message)
        return Attempt(
            now=now,
            name_id=login.name_id,
            email_key=normalise_email(login.name_id),
            claims=login.claims,
            flow=flow_of(report),
            issuer=login.issuer,
            first_seen_unknown=lookups.find_role(login.name_id) is None,
            stable_id=stable_id_of(login),
            email_claims=email_claims_of(login),
            hints=hints,
            sp=sp,
        )

    def _state(
        self, tx: Transaction, account: Account, report: Report, attempt: Attempt, lookups: Lookups
    ) -> AccountState:
        """What the account holds now, in the transaction that asks."""
        used, administrators = tx.head_count(account.id)
        seats = Seats(used, account.seat_limit)
        people = tx.users_by_key(attempt.email_key) if attempt.email_key else ()
        matches = tuple(u for u in people if u.active and u.account_id == account.id)
        if attempt.refusal is not None:
            return AccountState(account=account, seats=seats, matches=matches, administrators=administrators)
        login = report.login
        assert login is not None
        use = lookups.find_use(login.issuer, login.assertion_id)
        renamed: tuple[User, ...] = ()
        reclaimable = 0
        if not matches:
            names = attempt.claims.get(attempt.sp.claim_full_name, ())
            name = names[0].strip() if len(names) == 1 else None
            renamed = tx.same_person(account.id, full_name=name, stable_id=attempt.stable_id)
            if seats.full:
                reclaimable = sum(1 for row in self._stale(tx, account, attempt.now) if row.reclaimable)
        return AccountState(
            account=account,
            seats=seats,
            matches=matches,
            deleted=next((u for u in people if not u.active and u.account_id == account.id), None),
            elsewhere=any(u.active and u.account_id != account.id for u in people),
            administrators=administrators,
            reclaimable=reclaimable,
            renamed=renamed,
            first_use=use.reference if use else None,
            use_forgotten=replay_kept_until(report) <= tx.forgotten_until(),
            request=self._request_state(tx, login.in_response_to, report),
        )

    @staticmethod
    def _request_state(
        tx: Transaction, request_id: str | None, report: Report
    ) -> Literal["none", "open", "answered", "unknown"]:
        expectation = report.expectation
        if request_id is None or not expectation.judges_correlation or expectation.expected_request is not None:
            return "none"
        request = tx.request(request_id)
        if request is None:
            return "unknown"
        return "open" if request.answered_at is None else "answered"

    def _stale(
        self, tx: Transaction, account: Account, now: datetime, *, operator_key: str | None = None
    ) -> tuple[StaleUser, ...]:
        """The stale users of an account, by our own records and the lists of its directory."""
        with uncollected():
            users = tx.users(account.id)
            return self._judged(tx, account, users, now, users, operator_key=operator_key)

    def _judged(
        self,
        tx: Transaction,
        account: Account,
        users: Sequence[User],
        now: datetime,
        asked: Iterable[User],
        *,
        operator_key: str | None = None,
        more: tuple[Signal, ...] = (),
        lists: Directory | None = None,
    ) -> tuple[StaleUser, ...]:
        """Those of `asked` who are stale; `users` is everybody of the account, `lists` its lists where they are read
        already."""
        settings = self._settings(tx)
        directory = self._lists(tx, account.id) if lists is None else lists
        renames = likely_renames(users)
        issuers = frozenset(r.idp_entity_id for r in tx.current_revisions() if r.document and r.idp_entity_id)
        context = Context(
            now=now,
            thresholds=Thresholds(
                dormant_days=settings["dormant_days"],
                grace_days=settings["grace_days"],
                dormant_by_role=days_by_role(settings["dormant_days_by_role"]),
            ),
            administrators=sum(1 for u in users if u.is_administrator),
            operator_key=operator_key or self._operator_key(None),
            break_glass=frozenset(e for e in map(normalise_email, settings["break_glass"]) if e),
        )
        since = now - context.thresholds.shortest

        def judged(user: User) -> StaleUser | None:
            own = own_signals(user, configured_issuers=issuers, renamed_to=renames.get(user.id))
            if not own and not directory.accuses(user) and not silent(user, since):
                return None  # nothing could come of it, and most are like this
            return judge(user, (*own, *directory.signals(user), *more), context)

        return tuple(r for u in asked if (r := judged(u)) is not None)

    @staticmethod
    def _lists(tx: Transaction, account_id: int, known: Mapping[int, Sequence[Standing]] | None = None) -> Directory:
        """The lists of people that count now; `known` is what is not to be read again."""
        snapshots = tx.snapshots(account_id)
        needed = Directory.needed(snapshots)
        if not needed:
            return Directory(())
        known = known or {}
        standings = {**known, **tx.standings(needed - known.keys())}
        return Directory((s, standings[s.id]) for s in snapshots if s.id in needed)

    def _reason_without_account(self, report: Report) -> Reason:
        """Why a message that fits no account is refused: what is wrong with it itself, or that nobody expects it."""
        own = refusal(report, imagekit_id=None, claim=self.sp.claim_imagekit_id)
        if own is not None and own.category in ("message", "idp", "internal") and report.verdict != "unknown":
            return own
        return no_account(report.issuer)


def under(account: Account | None, candidate: Revision | None) -> Account | None:
    """The account as it would be with a candidate."""
    if account is None or candidate is None:
        return account
    return replace(account, entity_id=candidate.entity_id, sso_on=candidate.document is not None)


def replay_kept_until(report: Report) -> datetime:
    """When an accepted assertion cannot be valid any more, whichever way the clocks differ."""
    assert report.login is not None
    return report.login.not_on_or_after + 2 * report.expectation.policy.clock_skew


class Lookups:
    """What the pure core asks of the store, answered inside one transaction; remembers what was asked."""

    def __init__(self, tx: Transaction, account_id: int | None, *, ignoring: str | None = None) -> None:
        """`ignoring` is the reference of an event whose own use of the assertion does not count."""
        self._tx = tx
        self._account_id = account_id
        self._ignoring = ignoring
        self._roles: dict[str, str | None] = {}
        self._uses: dict[tuple[str, str], tuple[datetime, str] | None] = {}

    def find_request(self, request_id: str) -> OpenRequest | None:
        """A request of this account's, answered and expired ones too."""
        r = self._tx.request(request_id)
        if r is None or (self._account_id is not None and r.account_id != self._account_id):
            return None
        return OpenRequest(
            id=r.id,
            idp_entity_id=r.idp_entity_id,
            sent_at=r.sent_at,
            expires_at=r.expires_at,
            relay_state=r.relay_state,
            email=r.email,
            browser=r.browser,
            answered_at=r.answered_at,
        )

    def find_use(self, issuer: str, assertion_id: str) -> PriorUse | None:
        """When an assertion was accepted before."""
        asked = (issuer, assertion_id)
        if asked not in self._uses:
            self._uses[asked] = self._tx.first_use(issuer, assertion_id)
        use = self._uses[asked]
        return None if use is None or use[1] == self._ignoring else PriorUse(*use)

    def find_role(self, name_id: str) -> str | None:
        """The stored role of a registered user of the account."""
        if name_id not in self._roles:
            key = normalise_email(name_id)
            people = self._tx.users_by_key(key) if key else ()
            match = next((u for u in people if u.active and u.account_id == self._account_id), None)
            self._roles[name_id] = match.role if match else None
        return self._roles[name_id]


def claimed_parties(source: str | bytes, channel: Channel) -> tuple[str | None, frozenset[str], str | None]:
    """(issuer, audiences, login address) that an undecided message claims; nothing where it cannot be read.

    An AuthnRequest is sent by the service provider, so that its Issuer is where a login has the audience.
    """
    document = saml.parse(saml.decode(source, channel=channel).data).document
    if document is None:
        return None, frozenset(), None
    kind = saml.kind_of(document.root)
    if kind == "Response":
        response = saml.read_response(document.root, "unsigned")
        assertions = response.assertions
        issuer = response.issuer.text.value if response.issuer else None
    elif kind == "Assertion":
        assertions = (saml.read_assertion(document.root, "unsigned"),)
        issuer = None
    else:
        sender = saml.claimed_issuer(document.root)
        if kind == "AuthnRequest":
            return None, frozenset({sender} if sender else ()), document.root.get("Destination")
        return sender, frozenset({sender} if sender else ()), None
    if issuer is None:
        issuer = next((i.text.value for a in assertions for i in a.issuers), None)
    audiences = (
        t.value for a in assertions for c in a.conditions for r in c.audience_restrictions for t in r.audiences
    )
    return issuer, frozenset(audiences), None


def summary_of(decision: Decision, *, dry: bool) -> ProvisioningSummary:
    """A decision as the report shows it; `dry` words the outcome as what would happen."""
    return saml.ProvisioningSummary(
        outcome=_WOULD[decision.outcome] if dry else decision.outcome,
        reason=decision.reason.code if decision.reason else None,
        message=decision.sentence,
        changes=tuple((c.field, c.old, c.new, c.applied) for c in decision.changes),
        seats_used=decision.seats_after.used,
        seats_limit=decision.seats_after.limit,
    )


def _others(configured: Iterable[Configured], issuer: str | None) -> tuple[tuple[str, tuple[TrustedKey, ...]], ...]:
    """Identity providers of other accounts, for the mix-up checks."""
    found: dict[str, tuple[TrustedKey, ...]] = {}
    for c in configured:
        if c.idp is not None and c.idp.entity_id != issuer:
            found.setdefault(c.idp.entity_id, tuple(c.idp.signing_keys))
    return tuple(found.items())


def utc(at: datetime) -> datetime:
    """An aware UTC datetime; one without zone is taken as UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
