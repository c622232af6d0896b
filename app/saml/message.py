"""Messages as immutable records: what is written in them, recorded and not judged.

Every record says where it stands (`at`). Text is kept exactly as received; `Text.simple` is False where the element
holds anything but one run of text (a comment, a processing instruction, a child), so that nobody takes the part before
a comment for the whole (CVE-2017-11427).

What a message can hold hundreds of is a named tuple, which costs a third of a frozen dataclass to make.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from app.saml.errors import Place

Provenance = Literal["signed-by-assertion", "signed-by-response", "unsigned"]
Kind = Literal[
    "Response",
    "Assertion",
    "AuthnRequest",
    "LogoutRequest",
    "LogoutResponse",
    "EntityDescriptor",
    "EntitiesDescriptor",
    "other",
]


class Text(NamedTuple):
    """The text of an element. `value` is "" for an empty element; where not simple, all its text, for display only."""

    value: str
    at: Place
    simple: bool = True


@dataclass(frozen=True, slots=True)
class Issuer:
    text: Text
    format: str | None = None
    name_qualifier: str | None = None
    sp_name_qualifier: str | None = None
    sp_provided_id: str | None = None


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """`codes` from the top level inwards, each a Value or None where the attribute is missing."""

    codes: tuple[str | None, ...]
    message: Text | None
    detail: str | None  # StatusDetail as text, for display
    at: Place


@dataclass(frozen=True, slots=True)
class NameID:
    text: Text
    format: str | None = None
    name_qualifier: str | None = None
    sp_name_qualifier: str | None = None


@dataclass(frozen=True, slots=True)
class SubjectConfirmation:
    """`has_data` False: no SubjectConfirmationData, and every field of it is None."""

    method: str | None
    at: Place
    has_data: bool
    recipient: str | None = None
    in_response_to: str | None = None
    not_before: str | None = None
    not_on_or_after: str | None = None
    address: str | None = None
    data_at: Place | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """`other_ids` are identifiers that are not saml:NameID: "BaseID", "EncryptedID", or a foreign Clark name."""

    name_ids: tuple[NameID, ...]
    other_ids: tuple[str, ...]
    confirmations: tuple[SubjectConfirmation, ...]
    at: Place


@dataclass(frozen=True, slots=True)
class AudienceRestriction:
    audiences: tuple[Text, ...]
    at: Place


@dataclass(frozen=True, slots=True)
class Conditions:
    """`unknown` are the Clark names or xsi:types of conditions the specification does not define."""

    not_before: str | None
    not_on_or_after: str | None
    audience_restrictions: tuple[AudienceRestriction, ...]
    one_time_use: int
    proxy_restrictions: int
    unknown: tuple[str, ...]
    at: Place


@dataclass(frozen=True, slots=True)
class AuthnStatement:
    authn_instant: str | None
    session_index: str | None
    session_not_on_or_after: str | None
    context_class: str | None
    at: Place


class AttributeValue(NamedTuple):
    """`nil` is xsi:nil="true"; `text.simple` False when the value is XML."""

    text: Text
    nil: bool = False


class Attribute(NamedTuple):
    name: str | None
    name_format: str | None
    friendly_name: str | None
    values: tuple[AttributeValue, ...]
    at: Place


@dataclass(frozen=True, slots=True)
class Assertion:
    id: str | None
    version: str | None
    issue_instant: str | None
    issuers: tuple[Issuer, ...]
    subject: Subject | None
    conditions: tuple[Conditions, ...]
    authn_statements: tuple[AuthnStatement, ...]
    attributes: tuple[Attribute, ...]  # of every AttributeStatement, in document order
    encrypted_attributes: int
    has_advice: bool
    provenance: Provenance
    at: Place
    namespace: str  # of the element itself: a SAML 1.x assertion is recorded too


@dataclass(frozen=True, slots=True)
class Response:
    """A samlp:Response. `assertions` are its direct children only; anything deeper is a matter of structure."""

    id: str | None
    version: str | None
    issue_instant: str | None
    destination: str | None
    in_response_to: str | None
    issuer: Issuer | None
    status: StatusRecord | None
    assertions: tuple[Assertion, ...]
    encrypted_assertions: int
    has_extensions: bool
    provenance: Provenance  # "signed-by-response" or "unsigned"
    at: Place
