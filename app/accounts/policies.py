"""The nineteen provisioning decisions by name, and the choices an operator may make; provisioning.py applies them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, Literal

EmailChanged = Literal["second-user", "refuse"]
RoleUnusableNew = Literal["reject", "least-role"]
RoleUnusableExisting = Literal["keep", "reject"]
DeletedUserReturns = Literal["recreate", "block"]
NameMissingNew = Literal["local-part", "reject"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The choices that are ours to make; the defaults are provisioning.md's."""

    email_changed: EmailChanged = "second-user"
    role_unusable_new: RoleUnusableNew = "reject"
    role_unusable_existing: RoleUnusableExisting = "keep"
    deleted_user_returns: DeletedUserReturns = "recreate"
    name_missing_new: NameMissingNew = "local-part"

    def as_dict(self) -> dict[str, str]:
        """The choices by name, for storing."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    """One policy as Preferences shows it. `options` maps each value to a sentence; the first is the default.

    `cost` is what departing from the default costs.
    """

    name: str
    decision: int
    title: str
    options: dict[str, str]
    cost: str

    @property
    def default(self) -> str:
        """The value used where nothing was chosen."""
        return next(iter(self.options))


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One row of provisioning.md §2. `policy` names the choice it leaves open, if it leaves one."""

    number: int
    name: str
    case: str
    decision: str
    reasons: tuple[str, ...]
    policy: str | None = None


CHOICES: Final[tuple[PolicyChoice, ...]] = (
    PolicyChoice(
        "email_changed",
        1,
        "A person comes back with another e-mail",
        {
            "second-user": "Create a second user and warn that it may be a rename.",
            "refuse": "Refuse the login until an administrator has decided whether it is a rename.",
        },
        "Refusing locks people out on the day of their wedding; a second user costs a seat until the first is deleted.",
    ),
    PolicyChoice(
        "role_unusable_new",
        5,
        "A new user's role is missing, unknown, several or not in the plan",
        {
            "reject": "Refuse to create the user.",
            "least-role": "Create the user with view-only access to the media library and warn.",
        },
        "Anybody whom the identity provider lets through gets in and takes a seat, whatever role was meant.",
    ),
    PolicyChoice(
        "role_unusable_existing",
        5,
        "An existing user's role is missing, unknown, several or not in the plan",
        {"keep": "Let the person in with the role they have and warn.", "reject": "Refuse the login."},
        "Refusing means that one wrong mapping at the identity provider locks out everybody at their next login.",
    ),
    PolicyChoice(
        "deleted_user_returns",
        10,
        "A deleted user logs in again",
        {
            "recreate": "Create a new user, without the old role, and warn.",
            "block": "Refuse until an administrator restores or adds the user.",
        },
        "Blocking means work for an administrator whenever somebody returns; re-creating lets a leaver who is still "
        "assigned at the identity provider come back by themselves.",
    ),
    PolicyChoice(
        "name_missing_new",
        15,
        "A new user's full name is missing or unusable",
        {"local-part": "Use the part of the e-mail before the @ and warn.", "reject": "Refuse to create the user."},
        "Refusing keeps people out whose directory entry has no display name.",
    ),
)

DECISIONS: Final[tuple[DecisionRow, ...]] = (
    DecisionRow(
        1,
        "email-changed",
        "The e-mail changed at the IdP",
        "A second user; never merged by itself. A likely rename is pointed out.",
        ("user.possible-rename",),
        "email_changed",
    ),
    DecisionRow(
        2,
        "email-normal-form",
        "The e-mail differs in letter case or surrounding space",
        "The same user, and not a change. Two stored users with one normal form: refused.",
        ("user.ambiguous",),
    ),
    DecisionRow(
        3,
        "last-administrator",
        "The last account administrator is asserted a lower role",
        "Let in, name updated, role kept, warning.",
        ("role.last-admin-kept",),
    ),
    DecisionRow(
        4,
        "seats-full",
        "All seats are taken and the user is unknown",
        "Not created; existing users always log in. The seats that could be reclaimed are told.",
        ("seat.limit-reached",),
    ),
    DecisionRow(
        5,
        "role-unusable",
        "The role is missing, unknown or there are several",
        "A new user is refused; an existing one keeps the role, with a warning.",
        ("role.missing", "role.unknown", "role.multiple"),
        "role_unusable_new",
    ),
    DecisionRow(
        6,
        "organisation-id",
        "The account id is missing, different or there are several",
        "Refused before any user is touched.",
        ("org.id-missing", "org.id-mismatch", "org.id-multiple"),
    ),
    DecisionRow(
        7,
        "role-needs-plan",
        "A role that the plan does not offer",
        "As decision 5.",
        ("role.requires-plan",),
        "role_unusable_new",
    ),
    DecisionRow(
        8,
        "first-login-race",
        "Two first logins at the same moment",
        "One creates the user, the other is an ordinary login; one seat; never an error.",
        ("user.race-reused",),
    ),
    DecisionRow(
        9,
        "replay",
        "An assertion is used twice",
        "Refused, and linked to the first use. Only an assertion whose signature passed is remembered.",
        ("replay.assertion",),
    ),
    DecisionRow(
        10,
        "deleted-user-returns",
        "A deleted user logs in again",
        "A new user without the old role, with a warning; or blocked by policy.",
        ("user.recreated", "user.blocked-by-deletion"),
        "deleted_user_returns",
    ),
    DecisionRow(
        11,
        "user-elsewhere",
        "The e-mail belongs to another account",
        "Refused; nothing is linked, and the person is not told which account.",
        ("org.user-elsewhere",),
    ),
    DecisionRow(
        12,
        "first-login-at-idp",
        "A login started here with an unknown e-mail",
        "Stopped before any redirect: start at the identity provider's portal.",
        ("flow.first-login-at-idp",),
    ),
    DecisionRow(
        13,
        "in-response-to",
        "InResponseTo names no open request, or one that is answered",
        "Refused.",
        ("bind.in-response-to",),
    ),
    DecisionRow(
        14,
        "name-id",
        "The NameID is transient, persistent or not an e-mail",
        "Refused; an e-mail claim that differs from the NameID is only a warning.",
        ("nameid.not-an-email", "nameid.email-claim-differs"),
    ),
    DecisionRow(
        15,
        "full-name-unusable",
        "The full name is missing, blank, too long, has control characters or several values",
        "An existing name is kept; a new user is named by the e-mail's local part; warning.",
        (
            "claim.full-name-missing",
            "claim.full-name-blank",
            "claim.full-name-too-long",
            "claim.full-name-characters",
            "claim.full-name-multiple",
        ),
        "name_missing_new",
    ),
    DecisionRow(
        16,
        "idp-refused",
        "The IdP answered with an error status",
        "Refused by the IdP, translated; never called invalid.",
        ("idp.refused",),
    ),
    DecisionRow(
        17,
        "key-not-trusted",
        "Signed by a key that is only in the message",
        "Refused; a probable certificate rollover is pointed out.",
        ("sig.key-not-trusted",),
    ),
    DecisionRow(
        18,
        "sso-off",
        "SSO is off, or the plan has no SSO",
        "Refused, naming the revision that turned it off.",
        ("org.sso-off", "org.plan-without-sso"),
    ),
    DecisionRow(
        19,
        "missing-mark-contradicted",
        "A user marked missing from the directory logs in",
        "Let in, the mark cleared, the import called outdated.",
        ("stale.contradicted",),
    ),
)


def policies_from(values: Mapping[str, Any]) -> Policies:
    """Policies from stored values. ValueError with a sentence for an unknown name or value."""
    known = {c.name: c for c in CHOICES}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f'There is no policy called "{name}". Policies: {", ".join(known)}.')
        if value not in known[name].options:
            raise ValueError(f'Policy "{name}" cannot be "{value}". Choose one of: {", ".join(known[name].options)}.')
    return replace(Policies(), **values)


def changed(policies: Policies) -> dict[str, str]:
    """The choices that differ from the defaults, by name."""
    standard = Policies()
    return {
        f.name: getattr(policies, f.name)
        for f in fields(policies)
        if getattr(policies, f.name) != getattr(standard, f.name)
    }
