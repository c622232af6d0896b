"""The just-in-time rule: what one login does to one account's users, by provisioning.md's nineteen decisions.

provision() is a function of values; it stores nothing and knows no clock. What it decides is applied by whoever called
it, inside the transaction in which the state was read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from app.accounts.account import Account, Seats
from app.accounts.policies import Policies
from app.accounts.reasons import Reason, organisation_reason
from app.accounts.roles import RoleReading, read_role, shown
from app.accounts.users import User
from app.product import ADMINISTRATOR, IMAGEKIT, ServiceProvider

Outcome = Literal["created", "updated", "unchanged", "updated_partially", "recreated", "linked", "rejected", "error"]
EventStatus = Literal["success", "warning", "failure", "skipped"]
Mode = Literal["live", "test", "dry_run"]
Flow = Literal["idp_initiated", "sp_initiated", "unknown"]

#: Longest full name that is stored, in characters.
FULL_NAME_LIMIT: Final = 256
LEAST_ROLE: Final = "media_library_view_only_access"
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
#: Reasons that tell something without anything being wrong.
_INFORMING: Final = frozenset({"user.race-reused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One login attempt.

    `refusal` is why the message itself lets nobody in (None: every value here is from signed bytes). `email_key` is
    the normal form of the NameID, or None where it is not an e-mail. `first_seen_unknown` is True when the user did
    not exist at the time the message was judged, before the transaction began (decision 8). `stable_id` is a claim
    that stays when the e-mail changes. `hints` says more of a missing claim, by claim name. `crashed` is True where the
    judgement itself failed.
    """

    now: datetime
    name_id: str = ""
    email_key: str | None = None
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    flow: Flow = "idp_initiated"
    issuer: str | None = None
    refusal: Reason | None = None
    first_seen_unknown: bool = False
    stable_id: str | None = None
    email_claims: tuple[str, ...] = ()
    hints: Mapping[str, str] = field(default_factory=dict)
    crashed: bool = False
    sp: ServiceProvider = IMAGEKIT


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """What the account holds, read in the transaction that will apply the decision.

    `matches` are active users whose normal form is the attempt's; more than one is decision 2's ambiguity. `deleted` is
    the newest tombstone with that normal form. `renamed` are active users that may be the same person under another
    e-mail. `first_use` is the reference of the event that used this assertion before; `use_forgotten` is True where the
    uses of that time are not kept any more. `request` says what is known of the request that the response answers.
    """

    account: Account
    seats: Seats
    matches: tuple[User, ...] = ()
    deleted: User | None = None
    elsewhere: bool = False
    administrators: int = 0
    reclaimable: int = 0
    renamed: tuple[User, ...] = ()
    first_use: str | None = None
    use_forgotten: bool = False
    request: Literal["none", "open", "answered", "unknown"] = "none"


@dataclass(frozen=True, slots=True)
class Change:
    """One field: what it held, what was asserted, and whether that was applied."""

    field: str
    old: str | None
    new: str | None
    applied: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the attempt does. `user` is the person after it (id 0: to be created), None where nobody is touched.

    `reasons` are all that apply, the deciding one first; empty for an ordinary login. `before` is the user as stored.
    """

    outcome: Outcome
    status: EventStatus
    reasons: tuple[Reason, ...] = ()
    changes: tuple[Change, ...] = ()
    before: User | None = None
    user: User | None = None
    role_asserted: str | None = None
    seats_before: Seats
    seats_after: Seats

    @property
    def allowed(self) -> bool:
        """Whether the person is let in."""
        return self.outcome not in ("rejected", "error")

    @property
    def reason(self) -> Reason | None:
        """The deciding reason."""
        return self.reasons[0] if self.reasons else None

    @property
    def sentence(self) -> str:
        """What happened, for the log and for the operator."""
        first = self.reasons[0].sentence if self.reasons else ""
        done = _DONE[self.outcome]
        return f"{done} {first}".strip() if self.allowed else first or done


_DONE: Final = {
    "created": "Let in; the user was created.",
    "updated": "Let in; the user was updated.",
    "unchanged": "Let in; nothing changed.",
    "updated_partially": "Let in; not every change was applied.",
    "recreated": "Let in; a new user replaces the deleted one.",
    "linked": "Let in; a user who was added by hand logged in with SSO for the first time.",
    "rejected": "Not let in.",
    "error": "The attempt could not be completed.",
}


@dataclass(frozen=True, slots=True)
class NameReading:
    """What the full-name claim says: `name` is set only where it can be stored."""

    name: str | None
    reason: Reason | None


def read_full_name(values: tuple[str, ...], claim: str = IMAGEKIT.claim_full_name) -> NameReading:
    """Judge the full-name claim (decision 15). Surrounding space is trimmed, and the text is brought to NFC."""

    def bad(code: str, what: str) -> NameReading:
        return NameReading(None, Reason(f"claim.full-name-{code}", f"The claim {claim} {what}.", _NAME_ACTION))

    if not values:
        return bad("missing", "is missing")
    if len(values) > 1:
        return bad("multiple", f"has {len(values)} values where one is expected")
    name = unicodedata.normalize("NFC", values[0]).strip()
    if not name:
        return bad("blank", "is blank")
    if len(name) > FULL_NAME_LIMIT:
        return bad("too-long", f"has {len(name)} characters; at most {FULL_NAME_LIMIT} are kept")
    if any(c in _BIDI or unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name):
        return bad("characters", f"holds control or direction characters: {shown(name)}")
    return NameReading(name, None)


_NAME_ACTION: Final = "Map the person's display name to this claim at the identity provider, as one value."
_ROLE_ACTION: Final = "Correct the role mapping at the identity provider; one of the accepted role values must be sent."


def provision(attempt: Attempt, state: AccountState, policies: Policies = Policies()) -> Decision:  # noqa: B008  frozen
    """Decide one attempt.

    The order is that of provisioning.md: what concerns the account first, then the message, the person, the role, the
    seat; nothing is touched before everything that can refuse has been asked.
    """
    refusal = _account_refuses(state) or attempt.refusal or _message_refuses(attempt, state)
    if attempt.crashed:
        told = Reason("internal.error", "The message could not be judged because of a fault of this program.")
        return _refused(told, state, outcome="error")
    if refusal is not None:
        return _refused(refusal, state)
    if len(state.matches) > 1:
        return _refused(
            Reason(
                "user.ambiguous",
                f"{len(state.matches)} users of this account have the e-mail {attempt.email_key}, spelled differently.",
                "Delete all but one of them on the user page.",
            ),
            state,
        )
    sp = attempt.sp
    role = read_role(attempt.claims.get(sp.claim_role, ()), state.account.plan, sp)
    if role.reason == "role.missing" and sp.claim_role in attempt.hints:
        role = replace(role, sentence=attempt.hints[sp.claim_role])
    name = read_full_name(attempt.claims.get(sp.claim_full_name, ()), sp.claim_full_name)
    if (
        name.reason is not None
        and name.reason.code == "claim.full-name-missing"
        and sp.claim_full_name in attempt.hints
    ):
        name = NameReading(None, replace(name.reason, sentence=attempt.hints[sp.claim_full_name]))
    if state.matches:
        return _existing(attempt, state, policies, state.matches[0], role, name)
    return _unknown(attempt, state, policies, role, name)


def _refused(
    reason: Reason, state: AccountState, *, outcome: Outcome = "rejected", role: str | None = None
) -> Decision:
    before = state.matches[0] if len(state.matches) == 1 else None
    return Decision(
        outcome=outcome,
        status="failure",
        reasons=(reason,),
        before=before,
        role_asserted=role,
        seats_before=state.seats,
        seats_after=state.seats,
    )


def _account_refuses(state: AccountState) -> Reason | None:
    """Decision 18."""
    account = state.account
    if not account.plan_has_sso:
        return Reason(
            "org.plan-without-sso",
            f"The account {account.imagekit_id} is on the {account.plan} plan, which has no single sign-on.",
            "Change the plan to paid or enterprise.",
        )
    if not account.sso_on:
        since = account.off_since_revision
        when = f"since configuration revision {since}" if since else "because no metadata was ever saved"
        return Reason(
            "org.sso-off",
            f"Single sign-on of the account {account.imagekit_id} is off, {when}.",
            "Save the identity provider's metadata, or restore an earlier revision.",
        )
    return None


def _message_refuses(attempt: Attempt, state: AccountState) -> Reason | None:
    """Decisions 9, 6, 13 and 14, asked again inside the transaction although the checks have asked them too."""
    if state.first_use is not None:
        return Reason(
            "replay.assertion",
            f"This assertion was used before, by the attempt {state.first_use}.",
            "Start a new login; nothing needs to be changed.",
        )
    if state.use_forgotten:
        return Reason(
            "replay.assertion",
            "The clock was set back to a time of which used assertions are not kept any more, so this one may be old.",
            "Correct the clock of the service provider, then start a new login.",
        )
    values = attempt.claims.get(attempt.sp.claim_imagekit_id, ())
    wrong_id = organisation_reason(values, state.account.imagekit_id, attempt.sp.claim_imagekit_id)
    if wrong_id is not None:
        return wrong_id
    if state.request in ("answered", "unknown"):
        what = "was answered before" if state.request == "answered" else "is not one of our open requests"
        return Reason(
            "bind.in-response-to",
            f"The request that this response answers {what}.",
            "Start a new login from the beginning, in one browser window.",
        )
    if attempt.email_key is None:
        return Reason(
            "nameid.not-an-email",
            f"The NameID {shown(attempt.name_id)} is not an e-mail address.",
            "Send the person's e-mail as NameID, in the format emailAddress.",
        )
    return None


def _warnings_for_anybody(attempt: Attempt) -> list[Reason]:
    """Decision 14's second half."""
    differing = [e for e in attempt.email_claims if e != attempt.email_key]
    if not differing:
        return []
    return [
        Reason(
            "nameid.email-claim-differs",
            f"An e-mail claim says {shown(differing[0])}, the NameID {shown(attempt.name_id)}; the NameID counts.",
            "Map NameID and e-mail claim to the same attribute at the identity provider.",
        )
    ]


def _existing(
    attempt: Attempt, state: AccountState, policies: Policies, user: User, role: RoleReading, name: NameReading
) -> Decision:
    """An ordinary login: name and role follow the assertion, except where a decision keeps what is stored."""
    reasons = _warnings_for_anybody(attempt)
    changes: list[Change] = []
    after = replace(user, last_login_at=attempt.now, logins=user.logins + 1, last_issuer=attempt.issuer)
    if attempt.stable_id and attempt.stable_id != user.stable_id:
        after = replace(after, stable_id=attempt.stable_id)

    if role.role is None:
        assert role.reason is not None
        told = Reason(role.reason, role.sentence, _ROLE_ACTION)
        if policies.role_unusable_existing == "reject":
            return _refused(told, state, role=role.asserted)
        reasons.insert(0, replace(told, sentence=f'{role.sentence} The role "{user.role}" is kept.'))
        if role.asserted is not None:
            changes.append(Change("role", user.role, role.asserted, False, role.sentence))
    elif role.role != user.role:
        if user.role == ADMINISTRATOR and state.administrators <= 1:
            reasons.insert(
                0,
                Reason(
                    "role.last-admin-kept",
                    f'"{role.role}" was asserted for the last account administrator, who keeps the role.',
                    "Make somebody else administrator first, or correct the role at the identity provider.",
                ),
            )
            changes.append(Change("role", user.role, role.role, False, "the last account administrator keeps the role"))
        else:
            changes.append(Change("role", user.role, role.role, True, "asserted by the identity provider"))
            after = replace(after, role=role.role)

    if name.reason is not None:
        reasons.append(replace(name.reason, sentence=f"{name.reason.sentence} The stored name is kept."))
        values = attempt.claims.get(attempt.sp.claim_full_name, ())
        received = ", ".join(values)[:FULL_NAME_LIMIT] or None
        changes.append(Change("full_name", user.full_name, received, False, name.reason.sentence))
    elif name.name is not None and name.name != user.full_name:
        changes.append(Change("full_name", user.full_name, name.name, True, "asserted by the identity provider"))
        after = replace(after, full_name=name.name)

    if user.missing_since is not None:
        reasons.append(
            Reason(
                "stale.contradicted",
                f"The directory import of {user.missing_since:%Y-%m-%d} calls this user missing, yet here is a login.",
                "Import the directory again; that file is outdated or incomplete.",
            )
        )
        changes.append(Change("missing_since", user.missing_since.isoformat(), None, True, "the mark is outdated"))
        after = replace(after, missing_since=None)
    if attempt.first_seen_unknown:
        reasons.append(
            Reason("user.race-reused", "Another first login of the same person, a moment earlier, created the user.")
        )
    if any(c.applied for c in changes):
        after = replace(after, changed_at=attempt.now)

    outcome: Outcome
    if user.created_by == "hand" and user.last_login_at is None:
        outcome = "linked"
    elif any(not c.applied for c in changes):
        outcome = "updated_partially"
    elif changes:
        outcome = "updated"
    else:
        outcome = "unchanged"
    return Decision(
        outcome=outcome,
        status=_status(reasons),
        reasons=tuple(reasons),
        changes=tuple(changes),
        before=user,
        user=after,
        role_asserted=role.asserted,
        seats_before=state.seats,
        seats_after=state.seats,
    )


def _unknown(
    attempt: Attempt, state: AccountState, policies: Policies, role: RoleReading, name: NameReading
) -> Decision:
    """A first login: everything that can refuse, then the new user."""
    refusal, reasons = _may_create(attempt, state, policies, role, name)
    if refusal is not None:
        return _refused(refusal, state, role=role.asserted)
    assert attempt.email_key is not None
    given = role.role or LEAST_ROLE
    full_name = name.name or attempt.email_key.partition("@")[0]
    user = User(
        id=0,
        account_id=state.account.id,
        email=attempt.name_id.strip(),
        email_key=attempt.email_key,
        full_name=full_name,
        role=given,
        created_at=attempt.now,
        created_by="sso",
        last_login_at=attempt.now,
        logins=1,
        last_issuer=attempt.issuer,
        stable_id=attempt.stable_id,
        previous_id=state.deleted.id if state.deleted else None,
    )
    why = "asserted by the identity provider"
    changes = (
        Change("email", None, user.email, True, why),
        Change("full_name", None, full_name, True, why if name.name else "taken from the e-mail"),
        Change("role", None, given, True, why if role.role else "the least role, by policy"),
    )
    return Decision(
        outcome="recreated" if state.deleted else "created",
        status=_status(reasons),
        reasons=tuple(reasons),
        changes=changes,
        user=user,
        role_asserted=role.asserted,
        seats_before=state.seats,
        seats_after=Seats(state.seats.used + 1, state.seats.limit),
    )


def _may_create(
    attempt: Attempt, state: AccountState, policies: Policies, role: RoleReading, name: NameReading
) -> tuple[Reason | None, list[Reason]]:
    """(why a new user is not created, or None; the warnings that go with creating it)."""
    reasons = _warnings_for_anybody(attempt)
    if state.elsewhere:
        return Reason(
            "org.user-elsewhere",
            f"The e-mail {attempt.email_key} belongs to a user of another account.",
            "Delete the user there first, or use another e-mail for this account.",
        ), []
    if attempt.flow == "sp_initiated":
        return Reason(
            "flow.first-login-at-idp",
            f"{attempt.email_key} is not registered, and a first login cannot be started at our login page.",
            "Start the first login at the identity provider's portal.",
        ), []
    if state.deleted is not None:
        if policies.deleted_user_returns == "block":
            return Reason(
                "user.blocked-by-deletion",
                f"{attempt.email_key} was deleted from this account, and deleted users are blocked by policy.",
                "Restore or add the user by hand, or change the policy.",
            ), []
        reasons.append(
            Reason(
                "user.recreated",
                f'{attempt.email_key} was deleted before; the old role "{state.deleted.role}" is not inherited.',
                "Unassign the person at the identity provider if the deletion was meant to last.",
            )
        )
    if role.role is None:
        assert role.reason is not None
        told = Reason(role.reason, role.sentence, _ROLE_ACTION)
        if policies.role_unusable_new == "reject":
            return told, []
        reasons.append(replace(told, sentence=f'{role.sentence} The role "{LEAST_ROLE}" is given by policy.'))
    if name.reason is not None:
        if policies.name_missing_new == "reject":
            return name.reason, []
        reasons.append(replace(name.reason, sentence=f"{name.reason.sentence} The e-mail's local part is used."))
    if state.renamed:
        other = state.renamed[0]
        told = Reason(
            "user.possible-rename",
            f"This may be {other.email} under a new e-mail: the name or the stable id is the same.",
            "Treat it as a rename on the user page if it is one; that keeps the history and frees the seat.",
        )
        if policies.email_changed == "refuse":
            return told, []
        reasons.append(told)
    if state.seats.full:
        could = f"{state.reclaimable} could be reclaimed now" if state.reclaimable else "none can be reclaimed now"
        return Reason(
            "seat.limit-reached",
            f"All {state.seats.limit} seats are taken ({state.seats.used} in use); {could}.",
            "Delete users who left (see the stale users), or raise the seat limit.",
        ), []
    return None, reasons


def _status(reasons: list[Reason]) -> EventStatus:
    return "warning" if any(r.code not in _INFORMING for r in reasons) else "success"
