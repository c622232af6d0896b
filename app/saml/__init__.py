"""SAML 2.0 messages and metadata: bytes in, values out. No socket, thread, clock, database or window.

The public names are listed here and loaded when they are first used, so that importing one part stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from app.saml.certificates import fingerprint, is_marked_test
    from app.saml.decoding import Channel, decode
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
    from app.saml.intake import ErrorText, Intake, Piece, Step, Trace, of_piece, take_in
    from app.saml.logout import build_logout_response, read_logout_request
    from app.saml.metadata import IdpMetadata, MetadataReading, load_certificates, read_metadata, sp_metadata
    from app.saml.reading import claimed_issuer, kind_of, read_assertion, read_response
    from app.saml.report import ProvisioningSummary, Report, VerifiedLogin, inspect, issue_instant_of
    from app.saml.request import build_authn_request, redirect_url
    from app.saml.xml import parse

_WHERE: Final = {
    "AccountFacts": "expectation",
    "Channel": "decoding",
    "ErrorText": "intake",
    "Expectation": "expectation",
    "IdpMetadata": "metadata",
    "Intake": "intake",
    "KeyFileError": "errors",
    "Limits": "expectation",
    "LoginRejected": "errors",
    "MetadataError": "errors",
    "MetadataReading": "metadata",
    "OpenRequest": "expectation",
    "Piece": "intake",
    "Place": "errors",
    "Policy": "expectation",
    "PriorUse": "expectation",
    "Problem": "errors",
    "ProvisioningSummary": "report",
    "Report": "report",
    "RequestError": "errors",
    "SamlError": "errors",
    "Step": "intake",
    "Trace": "intake",
    "TrustedKey": "expectation",
    "VerifiedLogin": "report",
    "build_authn_request": "request",
    "build_logout_response": "logout",
    "read_logout_request": "logout",
    "claimed_issuer": "reading",
    "decode": "decoding",
    "fingerprint": "certificates",
    "is_marked_test": "certificates",
    "inspect": "report",
    "issue_instant_of": "report",
    "kind_of": "reading",
    "load_certificates": "metadata",
    "normalise_email": "identifiers",
    "of_piece": "intake",
    "parse": "xml",
    "read_assertion": "reading",
    "read_metadata": "metadata",
    "read_response": "reading",
    "redirect_url": "request",
    "sp_metadata": "metadata",
    "take_in": "intake",
}

__all__ = [
    "AccountFacts",
    "Channel",
    "ErrorText",
    "Expectation",
    "IdpMetadata",
    "Intake",
    "KeyFileError",
    "Limits",
    "LoginRejected",
    "MetadataError",
    "MetadataReading",
    "OpenRequest",
    "Piece",
    "Place",
    "Policy",
    "PriorUse",
    "Problem",
    "ProvisioningSummary",
    "Report",
    "RequestError",
    "SamlError",
    "Step",
    "Trace",
    "TrustedKey",
    "VerifiedLogin",
    "build_authn_request",
    "build_logout_response",
    "claimed_issuer",
    "decode",
    "fingerprint",
    "inspect",
    "is_marked_test",
    "issue_instant_of",
    "kind_of",
    "load_certificates",
    "normalise_email",
    "of_piece",
    "parse",
    "read_assertion",
    "read_logout_request",
    "read_metadata",
    "read_response",
    "redirect_url",
    "sp_metadata",
    "take_in",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
