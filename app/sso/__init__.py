"""The verbs: everything that window, command line and HTTP can do to data. Each is one transaction."""

from app.sso.applying import Applied, ApplyingVerbs, Tried
from app.sso.base import Operator, browser_digest
from app.sso.comparing import ComparingVerbs, GoodLogin
from app.sso.errors import FirstLoginAtIdp, MetadataRefused, Moved, NotFound, Overtaken, Refused, SsoError
from app.sso.expiry import Ending, ExpiryVerbs
from app.sso.guiding import GuidingVerbs, StepState
from app.sso.keys import HeldKey, Keyring, KeyringRefused
from app.sso.leavers import LeaverVerbs
from app.sso.log import LogVerbs
from app.sso.login import LoginVerbs
from app.sso.logout import LogoutReply, LogoutResult, LogoutVerbs
from app.sso.revisions import Difference
from app.sso.safety import Condition, Recovered, Safety, SafetyVerbs
from app.sso.sources import SourceVerbs, SourceView
from app.sso.sp_keys import SpKey
from app.sso.values import (
    BulkResult,
    Change,
    CleanupCheck,
    CleanupResult,
    CleanupUndone,
    ConfigurationView,
    ImportPreview,
    Leavers,
    ListView,
    LoginResult,
    LoginStart,
    MetadataSummary,
    Overrides,
    Purged,
    SeatPanel,
    SpValues,
    changes_of,
)
from app.sso.whatif import Candidate, Rejudged, WhatIfVerbs


class SSO(
    LoginVerbs,
    LogoutVerbs,
    LeaverVerbs,
    ComparingVerbs,
    LogVerbs,
    ApplyingVerbs,
    SafetyVerbs,
    SourceVerbs,
    GuidingVerbs,
    WhatIfVerbs,
    ExpiryVerbs,
):
    """The service provider's single sign-on over one store. Safe to share by threads.

    Every verb is one transaction; `tell` is called after the commit with what changed. Verbs raise SsoError subclasses
    for what a rule forbids, and app.store's StoreError where the database fails.
    """


__all__ = [
    "SSO",
    "Applied",
    "BulkResult",
    "Candidate",
    "Change",
    "CleanupCheck",
    "CleanupResult",
    "CleanupUndone",
    "Condition",
    "ConfigurationView",
    "Difference",
    "Ending",
    "FirstLoginAtIdp",
    "GoodLogin",
    "HeldKey",
    "ImportPreview",
    "Keyring",
    "KeyringRefused",
    "Leavers",
    "ListView",
    "LoginResult",
    "LoginStart",
    "LogoutReply",
    "LogoutResult",
    "MetadataRefused",
    "MetadataSummary",
    "Moved",
    "NotFound",
    "Operator",
    "Overrides",
    "Overtaken",
    "Purged",
    "Recovered",
    "Refused",
    "Rejudged",
    "Safety",
    "SeatPanel",
    "SourceView",
    "SpKey",
    "SpValues",
    "SsoError",
    "StepState",
    "Tried",
    "browser_digest",
    "changes_of",
]
