"""A LogoutRequest of the identity provider: judged, obeyed and answered (saml-profiles §4.4). It knows no cookies."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from app import saml
from app.accounts.account import Account
from app.accounts.reasons import Reason
from app.accounts.users import User
from app.saml.errors import RequestError
from app.saml.identifiers import normalise_email
from app.saml.names import BINDING_POST, BINDING_REDIRECT
from app.sso.choices import sp_of
from app.sso.inspection import InspectionVerbs
from app.sso.sp_keys import SpKeyVerbs
from app.sso.values import Change, Overrides
from app.store import EventRecord, Transaction

if TYPE_CHECKING:
    from app.saml import Report
    from app.saml.logout import LogoutAsked

#: Ends the sessions of one identity provider's person and says how many: (issuer, NameID, session indexes).
EndSessions = Callable[[str, str, tuple[str, ...]], int]


@dataclass(frozen=True, slots=True)
class LogoutReply:
    """The LogoutResponse on its way to the identity provider: by GET of `url`, or by POST of `fields` to it."""

    method: Literal["GET", "POST"]
    url: str
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LogoutResult:
    """What became of a LogoutRequest. `reference` is its event's; `reply` None where there is nowhere to answer.

    Refused requests end nothing and get no answer: `public` is then what the browser may read.
    """

    reference: str
    ended: int = 0
    reply: LogoutReply | None = None
    public: str = ""

    @property
    def refused(self) -> bool:
        """Whether the request was not believed."""
        return bool(self.public)


class LogoutVerbs(InspectionVerbs, SpKeyVerbs):
    """Ending sessions because the identity provider asks for it."""

    def log_out(self, octets: bytes, *, by: Literal["post", "redirect"], end: EndSessions) -> LogoutResult:
        """Judge a LogoutRequest, end what it names, and answer it; one event either way.

        `octets` are the body of the form, or the query as received. It must be signed by the account's identity
        provider, addressed to our logout address and recent. `end` is called only for one that is believed.
        """
        now = self.now()
        channel: Literal["slo-form", "redirect-query"] = "slo-form" if by == "post" else "redirect-query"
        with self.store.read() as tx:
            account = self._choose(tx, octets, channel)
            expectation = self._expectation(tx, account, overrides=Overrides(), lookups=None)
            report = saml.inspect(octets, expectation, now=now, channel=channel, name="logout")
        asked = saml.read_logout_request(report.xml) if report.kind == "LogoutRequest" else None
        why = _objection(report, account, asked)
        if why is not None or asked is None or account is None:
            assert why is not None
            return self._refuse_logout(report, account, asked, why, now)
        ended = end(report.issuer or "", asked.name_id, asked.session_indexes)
        with self.store.write() as tx:
            reply, silent = self._reply(tx, account, asked, report.relay_state, ended, now)
            some = f"{ended} session{'s' if ended != 1 else ''}" if ended else "No session was open, so none"
            user = self._user_named(tx, account, asked)
            reference = self._record_logout(
                tx,
                report,
                account,
                asked,
                user,
                now,
                Reason("audit.logged-out", f"The identity provider logged them out: {some} ended.{silent}"),
            )
        self.tell(Change("event", account.id, reference))
        return LogoutResult(reference, ended, reply)

    # Steps

    def _refuse_logout(
        self, report: Report, account: Account | None, asked: LogoutAsked | None, why: Reason, now: datetime
    ) -> LogoutResult:
        with self.store.write() as tx:
            user = self._user_named(tx, account, asked) if account is not None and asked is not None else None
            reference = self._record_logout(tx, report, account, asked, user, now, why, refused=True)
        self.tell(Change("event", account.id if account else None, reference))
        return LogoutResult(reference, public="Your company's sign-in service asked to sign you out, but not properly.")

    def _reply(
        self, tx: Transaction, account: Account, asked: LogoutAsked, relay_state: str | None, ended: int, now: datetime
    ) -> tuple[LogoutReply | None, str]:
        """The answer, or None with why there is none, as a sentence that goes on after another."""
        own = next((c for c in self._configured(tx) if c.account_id == account.id), None)
        endpoints = own.idp.slo_endpoints if own is not None and own.idp is not None else ()
        signed, signer = self._request_key(tx)
        if signed and signer is None:
            return None, " It was not answered: the private key that signs is not on this computer."
        for binding in (BINDING_REDIRECT, BINDING_POST):
            found = next((e for e in endpoints if e.binding == binding), None)
            if found is None:
                continue
            to = found.response_location or found.location
            xml = saml.build_logout_response(
                id="_" + self._random_bytes(20).hex(),
                issue_instant=now,
                issuer=account.sp_entity_id(sp_of(self.sp, own.choices) if own is not None else self.sp),
                destination=to,
                in_response_to=asked.id,
                status="Success" if ended else "UnknownPrincipal",
            )
            if binding == BINDING_POST:
                fields = [("SAMLResponse", base64.b64encode(xml).decode())]
                fields += [("RelayState", relay_state)] if relay_state is not None else []
                return LogoutReply("POST", to, tuple(fields)), ""
            try:
                return LogoutReply("GET", saml.redirect_url(xml, to, relay_state, key=signer, param="SAMLResponse")), ""
            except RequestError as e:
                return None, f" It was not answered: {e}"
        return None, " It was not answered: the metadata names no logout address."

    @staticmethod
    def _user_named(tx: Transaction, account: Account, asked: LogoutAsked | None) -> User | None:
        key = normalise_email(asked.name_id) if asked is not None else None
        return next((u for u in tx.users_by_key(key) if u.account_id == account.id and u.active), None) if key else None

    def _record_logout(
        self,
        tx: Transaction,
        report: Report,
        account: Account | None,
        asked: LogoutAsked | None,
        user: User | None,
        now: datetime,
        reason: Reason,
        *,
        refused: bool = False,
    ) -> str:
        return self._record(
            tx,
            EventRecord(
                reference=self._reference(),
                at=now,
                kind="user",
                origin="logout",
                account_id=account.id if account else None,
                revision=account.revision if account else None,
                status="failure" if refused else "success",
                outcome="rejected" if refused else "logged-out",
                reason=reason.code,
                category=reason.category,
                sentence=reason.sentence,
                action=reason.action,
                issuer=report.issuer,
                email_key=(normalise_email(asked.name_id) or "") if asked else "",
                full_name=user.full_name if user else "",
                user_id=user.id if user else None,
            ),
        )


def _objection(report: Report, account: Account | None, asked: LogoutAsked | None) -> Reason | None:
    """Why a logout is not believed, None where it is."""
    if account is None or not report.expectation.configured:
        return Reason("issuer.unknown", "The logout came from no identity provider that is configured.")
    if report.issuer != report.expectation.idp_entity_id:
        return Reason("issuer.unknown", "The logout came from somebody else than the identity provider.")
    if report.kind != "LogoutRequest" or report.verdict != "accept" or asked is None:
        return Reason("message.logout-refused", f"A logout was refused. {report.headline}")
    return None
