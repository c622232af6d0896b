"""The settings of a workspace, each declared once with its type, default and bounds; it stores nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.accounts.staleness import days_by_role


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `low`/`high` bound numbers, `choices` bound text.

    `cost` is what departing from the default costs, for whoever is about to. `per_account` ones judge logins, and an
    account may decide them for itself (app.sso.choices).
    """

    name: str
    title: str
    kind: Literal["whole number", "yes or no", "text", "list"]
    default: Any
    explanation: str
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()
    cost: str = ""
    per_account: bool = False
    #: Raises ValueError with a sentence for a value that has the right kind and makes no sense.
    check: Callable[[Any], object] | None = None

    def checked(self, value: Any) -> Any:
        """The value, if it fits. ValueError with a sentence otherwise."""
        if self.kind == "yes or no":
            if not isinstance(value, bool):
                raise ValueError(f"{self.title} is either on or off.")
        elif self.kind == "whole number":
            if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
                raise ValueError(f"{self.title} must be a whole number from {self.low} to {self.high}.")
        elif self.kind == "list":
            if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v.strip() for v in value):
                raise ValueError(f"{self.title} must be a list of texts.")
            value = [v.strip() for v in value]
        elif not isinstance(value, str) or (self.choices and value not in self.choices):
            raise ValueError(f"{self.title} must be one of: {', '.join(self.choices)}.")
        if self.check is not None:
            self.check(value)
        return value


SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "clock_skew_s",
        "Clock skew",
        "whole number",
        180,
        "How many seconds the clocks of identity provider and service provider may differ.",
        high=600,
        cost="Every second more is a second longer in which a stolen message can be used; too few refuse people whose "
        "identity provider's clock is a little off.",
        per_account=True,
    ),
    Setting(
        "signed_part",
        "What must be signed",
        "text",
        "either",
        "Which element an identity provider must sign.",
        choices=("either", "assertion", "response", "both"),
        cost="“Both” and “response” protect status and destination too, but identity providers that sign only the "
        "assertion are then refused until their signing option is changed.",
        per_account=True,
    ),
    Setting(
        "allow_idp_initiated",
        "Logins that start at the identity provider",
        "yes or no",
        True,
        "First logins start there, so turning this off means that nobody new can be registered.",
        cost="A login that was not asked for can be slipped to somebody (login CSRF); without such logins nobody new "
        "can come in, and the tiles of the portal stop working.",
        per_account=True,
    ),
    Setting(
        "allow_cbc",
        "Encryption with AES-CBC",
        "yes or no",
        True,
        "Accept AES-CBC, which is not authenticated, inside a signed response; with a warning.",
        cost="CBC without authentication has been broken by padding oracles. Turning it off refuses identity providers "
        "that cannot encrypt with AES-GCM, old AD FS among them.",
        per_account=True,
    ),
    Setting(
        "allow_sha1",
        "Signatures with SHA-1",
        "yes or no",
        False,
        "Accept signatures and digests made with SHA-1; with a warning.",
        cost="SHA-1 collisions can be bought, so a signature with it proves little. Turn it on only for as long as an "
        "old identity provider needs to change its signing option.",
        per_account=True,
    ),
    Setting(
        "reject_expired_certificate",
        "Refuse expired certificates",
        "yes or no",
        False,
        "SAML trusts keys, not dates: an expired certificate is a warning unless this is on.",
        cost="On the day the certificate expires everybody is locked out at once, even though the key is still sound.",
        per_account=True,
    ),
    Setting(
        "retention_days",
        "Raw messages are kept for",
        "whole number",
        30,
        "Days for which the raw message of an attempt is kept; 0 stores none. The rows of the log stay.",
        high=3650,
    ),
    Setting(
        "request_minutes",
        "A login started here is open for",
        "whole number",
        10,
        "Minutes in which the identity provider's answer must arrive.",
        low=1,
        high=120,
    ),
    Setting(
        "dormant_days",
        "Dormant after",
        "whole number",
        90,
        "Days without a login after which a user counts as dormant.",
        low=1,
        high=3650,
    ),
    Setting(
        "grace_days",
        "Grace period of new users",
        "whole number",
        14,
        "Days in which a new user who has not logged in is not stale.",
        high=3650,
    ),
    Setting(
        "dormant_days_by_role",
        "Dormant after, by role",
        "list",
        [],
        "Roles with a threshold of their own in days, as ROLE:DAYS, such as finance:365.",
        check=days_by_role,
    ),
    Setting("break_glass", "Emergency accounts", "list", [], "E-mails that are never on a clean-up list."),
    Setting(
        "email_domains",
        "E-mail domains",
        "list",
        [],
        "Domains whose addresses an identity provider may assert, as ACCOUNT:DOMAIN; empty for any domain.",
    ),
)
BY_NAME: Final = {s.name: s for s in SETTINGS}
