"""The values of a Response and the tree they make. It signs nothing, and it stops nobody from building nonsense.

The tree is made with the element API only: an IdP that pastes values into an XML template can itself be injected.
Every field can be left out: OMIT writes no attribute or element at all, "" writes an empty one.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final, Literal

from lxml import etree

from simulator import names
from simulator.names import SAML, SAMLP, q


class Omit(Enum):
    """The type of OMIT."""

    OMIT = "omit"


class Nil(Enum):
    """The type of NIL."""

    NIL = "nil"


OMIT: Final = Omit.OMIT
NIL: Final = Nil.NIL
Maybe = str | Literal[Omit.OMIT]
Value = str | Literal[Nil.NIL]


def fresh_id(prefix: str = "_") -> str:
    """An ID of 128 random bits that is an NCName (saml-core §1.3.4)."""
    return prefix + secrets.token_hex(16)


def instant(at: datetime, precision: Literal["seconds", "milliseconds"] = "seconds") -> str:
    """An aware datetime as xs:dateTime in UTC with Z (saml-core §1.3.3)."""
    return at.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSpec:
    value: Maybe = OMIT
    format: Maybe = OMIT
    name_qualifier: Maybe = OMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class NameIdSpec:
    value: str
    format: Maybe = OMIT
    name_qualifier: Maybe = OMIT
    sp_name_qualifier: Maybe = OMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationSpec:
    """One SubjectConfirmation. `data` False: no SubjectConfirmationData at all."""

    method: Maybe = names.BEARER
    data: bool = True
    recipient: Maybe = OMIT
    in_response_to: Maybe = OMIT
    not_before: Maybe = OMIT
    not_on_or_after: Maybe = OMIT
    address: Maybe = OMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthnSpec:
    authn_instant: Maybe = OMIT
    session_index: Maybe = OMIT
    session_not_on_or_after: Maybe = OMIT
    context_class: Maybe = names.AC_PROTECTED


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeSpec:
    name: Maybe
    values: tuple[Value, ...] = ()
    name_format: Maybe = OMIT
    friendly_name: Maybe = OMIT
    value_type: Maybe = OMIT  # xsi:type, such as "xs:string"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """The values of one Response, before signing.

    Instants are strings, so that a wrong one can be written. `status_codes` go from the top level inwards; () writes a
    Status without StatusCode, OMIT no Status. `audience_restrictions` has one tuple of audiences for each restriction.
    `prefixes` are those of the saml and samlp namespaces; None is the default namespace.
    """

    prefixes: tuple[str | None, str | None] = ("saml", "samlp")
    response_id: Maybe = OMIT
    response_version: Maybe = "2.0"
    response_issue_instant: Maybe = OMIT
    destination: Maybe = OMIT
    in_response_to: Maybe = OMIT
    response_issuer: IssuerSpec | None = None
    status_codes: tuple[Maybe, ...] | Literal[Omit.OMIT] = (names.SUCCESS,)
    status_message: Maybe = OMIT
    assertion: bool = True
    assertion_id: Maybe = OMIT
    assertion_version: Maybe = "2.0"
    assertion_issue_instant: Maybe = OMIT
    assertion_issuer: IssuerSpec | None = None
    subject: bool = True
    name_ids: tuple[NameIdSpec, ...] = ()
    confirmations: tuple[ConfirmationSpec, ...] = ()
    conditions: bool = True
    not_before: Maybe = OMIT
    not_on_or_after: Maybe = OMIT
    audience_restrictions: tuple[tuple[str, ...], ...] = ()
    authn_statements: tuple[AuthnSpec, ...] = ()
    attribute_statements: tuple[tuple[AttributeSpec, ...], ...] = ()


def shift(text: Maybe, by: timedelta) -> Maybe:
    """The same xs:dateTime moved by `by`; what is no dateTime stays."""
    if isinstance(text, Omit):
        return text
    try:
        return instant(datetime.fromisoformat(text) + by)
    except ValueError:
        return text


_IN_SAML: Final = q(SAML, "")  # before a local name: the Clark name
_IN_SAMLP: Final = q(SAMLP, "")
_ASSERTION: Final = q(SAML, "Assertion")


class _Writer:
    """Adds elements under the prefixes of a Spec. Attributes that are OMIT are left out."""

    def __init__(self, spec: Spec) -> None:
        self._saml: dict[str | None, str] = {spec.prefixes[0]: SAML}
        self._samlp: dict[str | None, str] = {spec.prefixes[1]: SAMLP}

    def root(self, **attributes: Maybe) -> etree._Element:
        element = etree.Element(_IN_SAMLP + "Response", nsmap=self._samlp)
        _give(element, attributes)
        return element

    def first(
        self, parent: etree._Element, name: str, text: str | None = None, /, **attributes: Maybe
    ) -> etree._Element:
        """A saml element in one of samlp, where its namespace has to be declared."""
        element = etree.SubElement(parent, _IN_SAML + name, nsmap=self._saml)
        _give(element, attributes)
        element.text = text
        return element

    @staticmethod
    def saml(parent: etree._Element, name: str, text: str | None = None, /, **attributes: Maybe) -> etree._Element:
        # The parent's declaration is in scope; to name it again for each of dozens of elements takes twice the time.
        element = etree.SubElement(parent, _IN_SAML + name)
        if attributes:
            _give(element, attributes)
        if text is not None:
            element.text = text
        return element

    @staticmethod
    def samlp(parent: etree._Element, name: str, /, **attributes: Maybe) -> etree._Element:
        element = etree.SubElement(parent, _IN_SAMLP + name)
        _give(element, attributes)
        return element

    def issuer(self, parent: etree._Element, spec: IssuerSpec | None) -> None:
        if spec is None or isinstance(spec.value, Omit):
            return
        write = self.saml if parent.tag == _ASSERTION else self.first
        write(parent, "Issuer", spec.value, Format=spec.format, NameQualifier=spec.name_qualifier)


def _give(element: etree._Element, attributes: dict[str, Maybe]) -> None:
    # One by one costs lxml less than a dictionary at once, which it looks through for names that occur twice.
    for name, value in attributes.items():
        if value is not OMIT:
            element.set(name, value)


def build(spec: Spec) -> etree._Element:
    """The samlp:Response that the values describe, in schema order (saml-core §2.3.3, §3.3.3)."""
    w = _Writer(spec)
    root = w.root(
        ID=spec.response_id,
        Version=spec.response_version,
        IssueInstant=spec.response_issue_instant,
        Destination=spec.destination,
        InResponseTo=spec.in_response_to,
    )
    w.issuer(root, spec.response_issuer)
    if not isinstance(spec.status_codes, Omit):
        status = w.samlp(root, "Status")
        parent = status
        for code in spec.status_codes:
            parent = w.samlp(parent, "StatusCode", Value=code)
        if not isinstance(spec.status_message, Omit):
            w.samlp(status, "StatusMessage").text = spec.status_message
    if spec.assertion:
        _assertion(w, root, spec)
    return root


def _assertion(w: _Writer, root: etree._Element, spec: Spec) -> None:
    a = w.first(
        root,
        "Assertion",
        ID=spec.assertion_id,
        Version=spec.assertion_version,
        IssueInstant=spec.assertion_issue_instant,
    )
    w.issuer(a, spec.assertion_issuer)
    if spec.subject:
        subject = w.saml(a, "Subject")
        for n in spec.name_ids:
            w.saml(
                subject,
                "NameID",
                n.value,
                Format=n.format,
                NameQualifier=n.name_qualifier,
                SPNameQualifier=n.sp_name_qualifier,
            )
        for c in spec.confirmations:
            confirmation = w.saml(subject, "SubjectConfirmation", Method=c.method)
            if c.data:
                w.saml(
                    confirmation,
                    "SubjectConfirmationData",
                    NotBefore=c.not_before,
                    NotOnOrAfter=c.not_on_or_after,
                    Recipient=c.recipient,
                    InResponseTo=c.in_response_to,
                    Address=c.address,
                )
    if spec.conditions:
        conditions = w.saml(a, "Conditions", NotBefore=spec.not_before, NotOnOrAfter=spec.not_on_or_after)
        for audiences in spec.audience_restrictions:
            restriction = w.saml(conditions, "AudienceRestriction")
            for audience in audiences:
                w.saml(restriction, "Audience", audience)
    for s in spec.authn_statements:
        statement = w.saml(
            a,
            "AuthnStatement",
            AuthnInstant=s.authn_instant,
            SessionIndex=s.session_index,
            SessionNotOnOrAfter=s.session_not_on_or_after,
        )
        context = w.saml(statement, "AuthnContext")
        if not isinstance(s.context_class, Omit):
            w.saml(context, "AuthnContextClassRef", s.context_class)
    for attributes in spec.attribute_statements:
        attribute_statement = w.saml(a, "AttributeStatement")
        for attribute in attributes:
            _attribute(w, attribute_statement, attribute)


def _attribute(w: _Writer, parent: etree._Element, spec: AttributeSpec) -> None:
    attribute = w.saml(
        parent, "Attribute", Name=spec.name, NameFormat=spec.name_format, FriendlyName=spec.friendly_name
    )
    for value in spec.values:
        nsmap = {"xsi": names.XSI, "xs": names.XS}
        if isinstance(value, Nil):
            element = etree.SubElement(attribute, q(SAML, "AttributeValue"), nsmap=nsmap)
            element.set(q(names.XSI, "nil"), "true")
        elif isinstance(spec.value_type, Omit):
            w.saml(attribute, "AttributeValue", value)
        else:
            element = etree.SubElement(attribute, q(SAML, "AttributeValue"), nsmap=nsmap)
            element.set(q(names.XSI, "type"), spec.value_type)
            element.text = value
