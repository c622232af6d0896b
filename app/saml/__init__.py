"""SAML 2.0 messages and metadata: bytes in, values out. No socket, thread, clock, database or window.

The public names are listed here and loaded when they are first used, so that importing one part stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from app.saml.errors import KeyFileError, LoginRejected, MetadataError, Place, Problem, RequestError, SamlError
    from app.saml.expectation import (
        AccountFacts,
        Expectation,
        Limits,
        OpenRequest,
        Policy,
        PriorUse,
        TrustedKey,
    )
    from app.saml.identifiers import normalise_email
    from app.saml.report import ProvisioningSummary, Report, VerifiedLogin, inspect, issue_instant_of

_WHERE: Final = {
    "AccountFacts": "expectation",
    "Expectation": "expectation",
    "KeyFileError": "errors",
    "Limits": "expectation",
    "LoginRejected": "errors",
    "MetadataError": "errors",
    "OpenRequest": "expectation",
    "Place": "errors",
    "Policy": "expectation",
    "PriorUse": "expectation",
    "Problem": "errors",
    "ProvisioningSummary": "report",
    "Report": "report",
    "RequestError": "errors",
    "SamlError": "errors",
    "TrustedKey": "expectation",
    "VerifiedLogin": "report",
    "inspect": "report",
    "issue_instant_of": "report",
    "normalise_email": "identifiers",
}

__all__ = [
    "AccountFacts",
    "Expectation",
    "KeyFileError",
    "Limits",
    "LoginRejected",
    "MetadataError",
    "OpenRequest",
    "Place",
    "Policy",
    "PriorUse",
    "Problem",
    "ProvisioningSummary",
    "Report",
    "RequestError",
    "SamlError",
    "TrustedKey",
    "VerifiedLogin",
    "inspect",
    "issue_instant_of",
    "normalise_email",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
