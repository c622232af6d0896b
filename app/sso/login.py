"""Logins: starting one with an e-mail, and consuming a response in one transaction; what to show is somebody else's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from app import saml
from app.accounts.account import Account
from app.accounts.provisioning import Attempt, Decision, Mode, provision
from app.accounts.reasons import Reason, public_sentence
from app.saml.errors import RequestError
from app.saml.identifiers import normalise_email
from app.saml.names import BINDING_REDIRECT
from app.sso.base import browser_digest
from app.sso.choices import policies_of, sp_of
from app.sso.errors import FirstLoginAtIdp
from app.sso.inspection import InspectionVerbs, Lookups, flow_of, replay_kept_until, summary_of
from app.sso.values import Change, LoginResult, LoginStart, Overrides
from app.store import EventRecord, RequestRecord, Transaction

if TYPE_CHECKING:
    from app.saml import Report

_FAR: Final = timedelta(days=1)
_TIDY_EVERY: Final = timedelta(minutes=1)
_LIST_LIMIT: Final = 20


class LoginVerbs(InspectionVerbs):
    """The part of SSO that lets people in."""

    def start_login(self, email: str, *, browser: str | None = None) -> LoginStart:
        """Where to send somebody who typed their e-mail, with an AuthnRequest that is remembered.

        `browser` is the session that the answer must come from. FirstLoginAtIdp for everybody who cannot start here,
        with the same words whatever the reason; the log holds the reason.
        """
        now = self.now()
        key = normalise_email(email[:1024])
        with self.store.write() as tx:
            start, why, account = self._start(tx, key, browser, now)
            if start is not None:
                return start
            assert why is not None
            reference = self._record_start(tx, key or "", account, why, now)
        self.tell(Change("event", account.id if account else None, reference))
        raise FirstLoginAtIdp(reference)

    def consume(
        self,
        body: bytes,
        *,
        browser: str | None = None,
        origin: Literal["acs", "simulator", "pasted", "file", "api", "replay"] = "acs",
        mode: Mode = "live",
        received_at: datetime | None = None,
        account: int | str | None = None,
        faults: Sequence[str] = (),
        expected: str | None = None,
        operator: str | None = None,
    ) -> LoginResult:
        """Judge a posted form and let the person in or not: one transaction, one event.

        `body` are the octets of the form. `test` and `dry_run` are judged and recorded, but change no user, seat, last
        login or replay entry. `account` fixes the account; otherwise issuer and audience choose it. `faults` and
        `expected` (a verdict) are what a simulator says of the message it made.
        """
        started = time.perf_counter()
        now = received_at or self.now()

        def judge(tx: Transaction, chosen: Account | None) -> tuple[Report, Attempt, Lookups]:
            lookups = Lookups(tx, chosen.id if chosen else None)
            expectation = self._expectation(
                tx,
                chosen,
                overrides=Overrides(),
                lookups=lookups,
                browser=browser_digest(browser),
                correlate=True,
            )
            report = saml.inspect(body, expectation, now=now, channel="post-form", name=origin)
            return report, self._attempt(report, chosen, now, lookups), lookups

        with self.store.read() as tx:
            chosen = self._account(tx, account) if account is not None else self._choose(tx, body, "post-form")
            report, attempt, _ = judge(tx, chosen)
            judged_under = tx.stamps()
        with self.store.write() as tx:
            decision: Decision | None = None
            reason: Reason | None
            if chosen is None:
                reason = self._reason_without_account(report)
            else:
                tx.lock_account(chosen.id, attempt.email_key)
                chosen = self._account(tx, chosen.id)
                lookups = Lookups(tx, chosen.id)
                if tx.stamps() != judged_under or _overtaken(tx, lookups, report):
                    # What it was judged by changed, or another post of the same login was decided. Judged again, the
                    # report names the check.
                    report, attempt, lookups = judge(tx, chosen)
                policies = policies_of(self._policies(tx), self._decided(tx, chosen.id))
                decision = provision(attempt, self._state(tx, chosen, report, attempt, lookups), policies)
                reason = decision.reason
                report = report.with_provisioning(summary_of(decision, dry=mode == "dry_run"), decision.allowed)
            applied = mode == "live" and decision is not None and decision.allowed
            if applied and decision is not None:
                decision = self._write_user(tx, decision)
            event = _event(
                report,
                decision,
                reason,
                attempt,
                chosen,
                reference=self._reference(),
                at=now,
                origin=origin,
                mode=mode,
                operator=operator,
                faults=tuple(faults),
                expected=expected,
                as_expected=None if expected is None else report.verdict == expected,
                raw=body if self._settings(tx)["retention_days"] > 0 else None,
                duration_us=int((time.perf_counter() - started) * 1e6),
            )
            reference = self._record(tx, event)
            if applied:
                self._spend(tx, report, reference, now)
            self._tidy(tx)
        account_id = chosen.id if chosen else None
        self.tell(Change("event", account_id, reference))
        allowed = decision is not None and decision.allowed
        if mode == "live" and decision is not None and allowed and decision.outcome != "unchanged":
            self.tell(Change("users", account_id, decision.user.id if decision.user else None))
        return LoginResult(
            reference=reference,
            allowed=allowed,
            decision=decision,
            reason=reason,
            public="" if allowed else public_sentence(reason.code if reason else "message.unknown"),
            account=chosen,
            user=decision.user if decision is not None and allowed else None,
            claims=dict(attempt.claims),
            report=report,
            landing=report.relay_state if allowed and report.relay_state else None,
        )

    def record_error(self, sentence: str, *, origin: str = "acs") -> str:
        """Record an attempt that ended in a fault of this program; its reference."""
        with self.store.write() as tx:
            reference = self._record(
                tx,
                EventRecord(
                    reference=self._reference(),
                    at=self.now(),
                    origin=origin,
                    status="failure",
                    outcome="error",
                    reason="internal.error",
                    category="internal",
                    sentence=sentence,
                ),
            )
        self.tell(Change("event", None, reference))
        return reference

    # Steps

    def _start(
        self, tx: Transaction, key: str | None, browser: str | None, now: datetime
    ) -> tuple[LoginStart | None, Reason | None, Account | None]:
        """(the start, None, the account), or (None, why it cannot start here, the account if one is known)."""
        people = [u for u in tx.users_by_key(key) if u.active] if key else []
        if len(people) != 1:
            what = "is not an e-mail address" if key is None else "is not registered"
            return None, Reason("flow.first-login-at-idp", f"The address typed on the login page {what}."), None
        account = self._account(tx, people[0].account_id)
        own = next((c for c in self._configured(tx) if c.account_id == account.id), None)
        if not account.plan_has_sso:
            return None, Reason("org.plan-without-sso", "The plan of the account has no single sign-on."), account
        if own is None or own.idp is None:
            return None, Reason("org.sso-off", "Single sign-on of the account is off."), account
        location = next((e.location for e in own.idp.sso_endpoints if e.binding == BINDING_REDIRECT), None)
        if location is None:
            why = "The identity provider's metadata names no HTTP-Redirect endpoint to send a request to."
            return None, Reason("metadata.no-redirect-endpoint", why, "Save metadata that has one."), account
        sp = sp_of(self.sp, own.choices)
        signed, signer = self._request_key(tx)
        if signed and signer is None:
            why = "Requests are signed, but the private key for it is not on this computer, or cannot be read."
            action = "Make the next signing key on the computer that serves the logins."
            return None, Reason("internal.sp-key", why, action), account
        request_id = "_" + self._random_bytes(20).hex()
        try:
            xml = saml.build_authn_request(
                id=request_id,
                issue_instant=now,
                issuer=account.sp_entity_id(sp),
                acs_url=account.acs_url(sp),
                destination=location,
            )
            url = saml.redirect_url(xml, location, sp.relay_state, key=signer)
        except RequestError as e:
            return None, Reason("metadata.endpoint", str(e), "Save metadata with a usable endpoint."), account
        minutes = self._settings(tx)["request_minutes"]
        tx.insert_request(
            RequestRecord(
                id=request_id,
                account_id=account.id,
                idp_entity_id=own.idp.entity_id,
                sent_at=now,
                expires_at=now + timedelta(minutes=minutes),
                relay_state=sp.relay_state,
                email=key,
                browser=browser_digest(browser),
            )
        )
        return LoginStart(url, request_id), None, account

    def _record_start(self, tx: Transaction, key: str, account: Account | None, why: Reason, now: datetime) -> str:
        return self._record(
            tx,
            EventRecord(
                reference=self._reference(),
                at=now,
                origin="login-page",
                flow="sp_initiated",
                account_id=account.id if account else None,
                status="failure",
                outcome="rejected",
                reason=why.code,
                category=why.category,
                sentence=why.sentence,
                action=why.action or "Start the first login at the identity provider's portal.",
                email_key=key,
            ),
        )

    @staticmethod
    def _write_user(tx: Transaction, decision: Decision) -> Decision:
        """Write the user; the decision with the stored one."""
        user = decision.user
        assert user is not None
        if decision.before is None:
            return replace(decision, user=replace(user, id=tx.insert_user(user)))
        tx.touch_user(decision.before, user)
        return decision

    @staticmethod
    def _spend(tx: Transaction, report: Report, reference: str, now: datetime) -> None:
        """Record that the assertion was used and its request answered."""
        login = report.login
        assert login is not None
        keep_until = max(replay_kept_until(report), now)
        tx.remember_use(login.issuer, login.assertion_id, at=now, expires_at=keep_until, reference=reference)
        if login.in_response_to is not None:
            tx.answer_request(login.in_response_to, now)

    def _tidy(self, tx: Transaction) -> None:
        """Drop what replay protection needs no longer; now and then, because it costs every login otherwise."""
        now = self.now()
        if self._tidied_at is None or abs(now - self._tidied_at) >= _TIDY_EVERY:
            self._tidied_at = now
            tx.forget_expired(now - _FAR)


def _overtaken(tx: Transaction, lookups: Lookups, report: Report) -> bool:
    """Whether what was good when it was judged has been used, or its request answered, since then."""
    login = report.login
    if login is None:
        return False
    request = tx.request(login.in_response_to) if login.in_response_to is not None else None
    answered = request is not None and request.answered_at is not None
    return answered or lookups.find_use(login.issuer, login.assertion_id) is not None


def _event(
    report: Report,
    decision: Decision | None,
    reason: Reason | None,
    attempt: Attempt,
    account: Account | None,
    *,
    reference: str,
    at: datetime,
    **more: Any,
) -> EventRecord:
    """The row of an attempt, from the judgement and the decision; `more` are fields that neither knows."""
    login, sp = report.login, attempt.sp
    user = (decision.user or decision.before) if decision else None
    names = next((a.values for a in report.attributes if a.name == sp.claim_full_name), ())
    claimed = next((a.values for a in report.attributes if a.name == sp.claim_imagekit_id), ())
    certificate = next((s.key for s in report.signatures if s.status == "valid" and s.trusted), None)
    return EventRecord(
        reference=reference,
        at=at,
        flow=flow_of(report),
        account_id=account.id if account else None,
        account_claimed=claimed[0] if claimed else None,
        revision=account.revision if account else None,
        status=decision.status if decision else "skipped" if report.verdict == "unknown" else "failure",
        outcome=decision.outcome if decision else "rejected",
        verdict=report.verdict,
        reason=reason.code if reason else "",
        category=reason.category if reason else "",
        sentence=decision.sentence if decision else reason.sentence if reason else report.headline,
        action=reason.action if reason else "",
        notes=tuple(r.code for r in decision.reasons[1:]) if decision else (),
        email_key=attempt.email_key or "",
        full_name=user.full_name if user else (names[0] if names else ""),
        user_id=user.id or None if user else None,
        previous_user_id=user.previous_id if decision and decision.outcome == "recreated" and user else None,
        role_before=decision.before.role if decision and decision.before else None,
        role_asserted=decision.role_asserted if decision else None,
        role_after=decision.user.role if decision and decision.user else None,
        seats_before=decision.seats_before.used if decision else None,
        seats_after=decision.seats_after.used if decision else None,
        seats_limit=decision.seats_after.limit if decision else None,
        issuer=report.issuer,
        response_id=report.response.id if report.response else None,
        assertion_id=report.assertion.id if report.assertion else None,
        in_response_to=report.in_response_to or (login.in_response_to if login else None),
        name_id=report.name_id,
        name_id_format=report.name_id_format,
        certificate=certificate,
        failed_checks=tuple(c.id for c in report.failures),
        judged_at=report.evaluated_at,
        sha256=report.sha256,
        details=_details(report, attempt),
        checks=report.checks,
        changes=decision.changes if decision else (),
        **more,
    )


def _details(report: Report, attempt: Attempt) -> dict[str, Any]:
    """What is shown of an event, but not searched. Lists and texts are cut: the message is hostile."""
    response, assertion = report.response, report.assertion
    found: dict[str, Any] = {
        "destination": response.destination if response else None,
        "relay_state": report.relay_state,
        "binding": report.binding,
        "layers": list(report.layers),
        "bytes": report.size,
        "skew_s": report.clock_skew_s,
        "policy": report.policy,
        "verifiers": report.verifiers,
        "provenance": report.name_id_provenance,
    }
    if response is not None and response.status is not None:
        found["status_codes"] = [c for c in response.status.codes if c][:_LIST_LIMIT]
        found["status_message"] = response.status.message.value if response.status.message else None
    if report.signatures:
        found["signed_parts"] = [s.covers for s in report.signatures[:4]]
        found["signature_algorithms"] = [s.algorithm for s in report.signatures[:4]]
        found["digest_algorithms"] = [s.digest for s in report.signatures[:4]]
    if assertion is not None:
        restrictions = [r for c in assertion.conditions for r in c.audience_restrictions]
        found["audiences"] = [t.value for r in restrictions for t in r.audiences][:_LIST_LIMIT]
        confirmations = assertion.subject.confirmations if assertion.subject else ()
        found["recipients"] = [c.recipient for c in confirmations if c.recipient][:_LIST_LIMIT]
        found["session_index"] = next((s.session_index for s in assertion.authn_statements if s.session_index), None)
        found["not_before"] = next((c.not_before for c in assertion.conditions), None)
        found["not_on_or_after"] = next((c.not_on_or_after for c in assertion.conditions), None)
    found["claims"] = {a.name[:200]: [v[:500] for v in a.values[:_LIST_LIMIT]] for a in report.attributes[:100]}
    used = {k: list(v)[:_LIST_LIMIT] for k, v in attempt.claims.items() if k in _used(attempt)}
    if used:
        found["claims_used"] = used
    return {k: _cut(v) for k, v in found.items() if v not in (None, [], {}, "")}


def _used(attempt: Attempt) -> tuple[str, ...]:
    return (attempt.sp.claim_imagekit_id, attempt.sp.claim_full_name, attempt.sp.claim_role)


def _cut(value: Any) -> Any:
    return value[:1024] if isinstance(value, str) else value
