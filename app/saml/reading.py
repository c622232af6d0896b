"""Reads elements into the records of app.saml.message, and says what an unexpected document looks like.

It records and judges nothing: missing is None, repeated is kept where a check must know. Only direct children in the
namespaces of the specification are read, never "the first such element anywhere".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Final, NamedTuple

from lxml import etree

from app.saml.errors import Place
from app.saml.message import (
    Assertion,
    Attribute,
    AttributeValue,
    AudienceRestriction,
    AuthnStatement,
    Conditions,
    Issuer,
    Kind,
    NameID,
    Provenance,
    Response,
    StatusRecord,
    Subject,
    SubjectConfirmation,
    Text,
)
from app.saml.names import DS, MD, SAML, SAML1, SAMLP, SAMLP1, SOAP11, SOAP12, WST, XSI, q
from app.saml.xml import Places, text_of
from app.saml.xmlbytes import is_html

_KINDS: Final[dict[str, Kind]] = {
    q(SAMLP, "Response"): "Response",
    q(SAML, "Assertion"): "Assertion",
    q(SAMLP, "AuthnRequest"): "AuthnRequest",
    q(SAMLP, "LogoutRequest"): "LogoutRequest",
    q(SAMLP, "LogoutResponse"): "LogoutResponse",
    q(MD, "EntityDescriptor"): "EntityDescriptor",
    q(MD, "EntitiesDescriptor"): "EntitiesDescriptor",
}
_ASSERTION: Final = q(SAML, "Assertion")
_MAX_STATUS_DEPTH: Final = 8


def kind_of(root: etree._Element) -> Kind:
    """The kind of a document by its root element, namespace included."""
    return _KINDS.get(str(root.tag), "other")


# What is this? --------------------------------------------------------------------------------------------------------

_SOAP: Final = "This is a SOAP message. A browser login brings a samlp:Response in the form field SAMLResponse."
_WSFED: Final = (
    "This is a WS-Federation answer (wresult). The application was added as WS-Federation; choose SAML 2.0 instead."
)
_ONLY_20: Final = "This service provider speaks SAML 2.0 only; change the application to SAML 2.0."
_IS_OTHER: Final = {
    SAML1: f"This is a SAML 1.1 assertion. {_ONLY_20}",
    SAMLP1: f"This is a SAML 1.1 message. {_ONLY_20}",
    SOAP11: _SOAP,
    SOAP12: _SOAP,
    WST: _WSFED,
    "http://docs.oasis-open.org/ws-sx/ws-trust/200512": _WSFED,
    "http://www.w3.org/1999/xhtml": "This is an HTML page. Copy the value of its hidden field SAMLResponse.",
    "http://www.w3.org/2000/svg": "This is a picture (SVG), not a SAML message.",
}
_JWT: Final = re.compile(rb"\s*eyJ[A-Za-z0-9_\-]{4,}\.[A-Za-z0-9_\-]{4,}\.[A-Za-z0-9_\-]*\s*\Z")

#: An artifact of type 4 is 44 bytes that begin with 0x0004 (saml-bindings §3.6.4).
_ARTIFACT: Final = re.compile(rb"\bSAMLart=|\A\s*AAQA[A-Za-z0-9+/]{54}[A-Za-z0-9+/=]{2}\s*\Z")
_OPENID: Final = re.compile(rb"[?&#](?:id_token|code|access_token)=")


def what_is_this(what: etree._Element | bytes) -> str:
    """One or two sentences about a document, or about bytes that are no document, for the person who pasted them."""
    return _element_is(what) if isinstance(what, etree._Element) else _bytes_are(what)


def _element_is(root: etree._Element) -> str:
    name = etree.QName(root)
    kind = kind_of(root)
    if kind == "Response":
        return "This is a SAML 2.0 Response."
    if kind == "Assertion":
        return (
            "This is a bare Assertion without the Response around it. Paste the whole SAMLResponse, not a part of it."
        )
    if kind == "AuthnRequest":
        return (
            "This looks like an AuthnRequest, which the service provider sends to the IdP. Look for the "
            "SAMLResponse that comes back."
        )
    if kind in ("LogoutRequest", "LogoutResponse"):
        return f"This is a {kind}, a message about logging out. It carries no login."
    if kind in ("EntityDescriptor", "EntitiesDescriptor"):
        return f"This looks like {_metadata_is(root)}; open it in Settings."
    if name.namespace in (SAML, SAMLP):
        return f"This is a SAML 2.0 {name.localname}, not a Response."
    if name.namespace in _IS_OTHER:
        return _IS_OTHER[name.namespace]
    if name.namespace == DS:
        return "This is an XML signature on its own, cut out of a message. Paste the whole SAMLResponse."
    if name.namespace is None and name.localname.lower() in ("html", "body", "form"):
        return _IS_OTHER["http://www.w3.org/1999/xhtml"]
    if name.localname in ("Response", "Assertion"):
        where = f"the namespace “{name.namespace[:120]}”" if name.namespace else "no namespace"
        return (
            f"The root element is called {name.localname}, but is in {where} instead of SAML 2.0's. It was probably "
            "written by hand or by a faulty template."
        )
    return f"This is an XML document with the root element “{name.localname[:80]}”, not a SAML message."


def _metadata_is(root: etree._Element) -> str:
    if kind_of(root) == "EntitiesDescriptor":
        return "a federation's metadata with several entities"
    idp = root.find(q(MD, "IDPSSODescriptor")) is not None
    sp = root.find(q(MD, "SPSSODescriptor")) is not None
    return {(True, False): "IdP metadata", (False, True): "SP metadata"}.get((idp, sp), "metadata")


def _bytes_are(data: bytes) -> str:
    head = data[:4096].strip()
    if not head:
        return "There is nothing in it."
    if is_html(head):
        if b"SAMLResponse" in data:
            return "This is an HTML page with a SAMLResponse field that could not be read."
        return (
            "This is an HTML page, probably the IdP's login or error page, and not the message. Look for the "
            "form field SAMLResponse in the browser's network log."
        )
    if _JWT.match(data[:65536]):
        return "This is a JSON Web Token (OpenID Connect or OAuth). This service provider uses SAML 2.0."
    if head[:1] in b"{[":
        return "This is JSON and has no SAMLResponse in it."
    if head.startswith(b"-----BEGIN"):
        label = head[11:60].split(b"-----")[0].decode("ascii", "replace")
        return f"This is a PEM file ({label.strip().lower()}), not a message; certificates belong in Settings."
    if head.startswith(b"PK\x03\x04"):
        return "This is a ZIP archive, not a message."
    if head.startswith(b"%PDF"):
        return "This is a PDF document, not a message."
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8")):
        return "This is a picture. A screenshot cannot be checked; paste the text of the SAMLResponse."
    if _ARTIFACT.search(data[:65536]):
        return (
            "This is an artifact (SAMLart): a reference, not the message. The service provider fetches the message at "
            "the IdP itself; set the IdP's response binding to HTTP-POST, or take the message from the log."
        )
    if head.startswith((b"http://", b"https://")) and _OPENID.search(head):
        return "This is an answer of OpenID Connect or OAuth (code, id_token). This service provider uses SAML 2.0."
    if b"wresult=" in data[:65536]:
        return _WSFED
    if head.startswith((b"http://", b"https://")):
        return "This is an address without a SAML message in it."
    if head.startswith(b"<"):
        return "This looks like XML that could not be read."
    return "This is not XML, and it is no encoding of a SAML message that is known here."


# Records --------------------------------------------------------------------------------------------------------------

_CONDITIONS, _SUBJECT, _ISSUER = q(SAML, "Conditions"), q(SAML, "Subject"), q(SAML, "Issuer")
_AUTHN_STATEMENT, _ATTRIBUTES, _ADVICE = q(SAML, "AuthnStatement"), q(SAML, "AttributeStatement"), q(SAML, "Advice")
_ATTRIBUTE, _VALUE = q(SAML, "Attribute"), q(SAML, "AttributeValue")
_ENCRYPTED_ATTRIBUTE, _ENCRYPTED_ASSERTION = q(SAML, "EncryptedAttribute"), q(SAML, "EncryptedAssertion")
_NAME_ID, _CONFIRMATION = q(SAML, "NameID"), q(SAML, "SubjectConfirmation")
_CONFIRMATION_DATA = q(SAML, "SubjectConfirmationData")
_RESTRICTION, _AUDIENCE = q(SAML, "AudienceRestriction"), q(SAML, "Audience")
_ONE_TIME_USE, _PROXY = q(SAML, "OneTimeUse"), q(SAML, "ProxyRestriction")
_CONTEXT, _CONTEXT_CLASS = q(SAML, "AuthnContext"), q(SAML, "AuthnContextClassRef")
_STATUS, _STATUS_CODE, _EXTENSIONS = q(SAMLP, "Status"), q(SAMLP, "StatusCode"), q(SAMLP, "Extensions")
_STATUS_MESSAGE, _STATUS_DETAIL = q(SAMLP, "StatusMessage"), q(SAMLP, "StatusDetail")
_SIGNATURE, _XSI_TYPE, _XSI_NIL = q(DS, "Signature"), q(XSI, "type"), q(XSI, "nil")


class _Node(NamedTuple):
    """An element to read, and where it stands.

    Where it was rebuilt from signed bytes, `twin` is the element of the received document that it stands for, and the
    place is that of the twin; None where there is no such element, and the place is then that of the nearest ancestor
    that has one.
    """

    el: etree._Element
    tag: str
    at: Place
    twin: etree._Element | None


def _node(root: etree._Element, twin: etree._Element | None, places: Places) -> _Node:
    original = root if twin is None else twin
    return _Node(root, str(root.tag), places(original), original)


def _parts(node: _Node, places: Places) -> list[_Node]:
    """The child elements of a node, side by side with those of its twin.

    Canonicalisation has dropped comments and the enveloped ds:Signature, nothing else.
    """
    el, _, at, twin = node
    new = tuple.__new__  # the constructor of a named tuple costs as much again, and there are hundreds of nodes
    ours = [(child, tag) for child in el if isinstance(tag := child.tag, str)]
    if twin is el:
        return [new(_Node, (child, tag, places(child), child)) for child, tag in ours]
    theirs = list(twin.iterchildren(etree.Element)) if twin is not None else []
    if len(theirs) > len(ours):
        theirs = [c for c in theirs if c.tag != _SIGNATURE]
    found: list[_Node] = []
    for (child, tag), other in zip_longest(ours, theirs[: len(ours)]):
        same = other is not None and other.tag == tag
        found.append(new(_Node, (child, tag, places(other), other) if same else (child, tag, at, None)))
    return found


def read_response(
    root: etree._Element,
    provenance: Provenance,
    twin: etree._Element | None = None,
    known: Mapping[etree._Element, Assertion] | None = None,
    places: Places | None = None,
) -> Response:
    """Record a samlp:Response. Its assertions get the same provenance.

    Where `root` was rebuilt from signed bytes, `twin` is the element of the received document it stands for; places are
    then those of the received document. `known` are records of some of its assertions, made already from better bytes.
    `places` are those that are known of the received document.
    """
    known = known or {}
    places = places or Places()
    node = _node(root, twin, places)
    issuer: Issuer | None = None
    status: StatusRecord | None = None
    assertions: list[Assertion] = []
    encrypted = 0
    extensions = False
    for part in _parts(node, places):
        tag = part.tag
        if tag == _ASSERTION:
            assertions.append(known[part.el] if part.el in known else _assertion(part, provenance, places))
        elif tag == _ISSUER:
            issuer = issuer or _issuer(part)
        elif tag == _STATUS:
            status = status or _status(part, places)
        elif tag == _ENCRYPTED_ASSERTION:
            encrypted += 1
        elif tag == _EXTENSIONS:
            extensions = True
    get = root.get
    return Response(
        id=get("ID"),
        version=get("Version"),
        issue_instant=get("IssueInstant"),
        destination=get("Destination"),
        in_response_to=get("InResponseTo"),
        issuer=issuer,
        status=status,
        assertions=tuple(assertions),
        encrypted_assertions=encrypted,
        has_extensions=extensions,
        provenance=provenance,
        at=node.at,
    )


def read_assertion(
    el: etree._Element,
    provenance: Provenance,
    twin: etree._Element | None = None,
    places: Places | None = None,
) -> Assertion:
    """Record an Assertion element of any namespace (a SAML 1.x assertion is mostly empty here).

    `twin` and `places` as in read_response().
    """
    places = places or Places()
    return _assertion(_node(el, twin, places), provenance, places)


def _assertion(node: _Node, provenance: Provenance, places: Places) -> Assertion:
    issuers: list[Issuer] = []
    subject: Subject | None = None
    conditions: list[Conditions] = []
    statements: list[AuthnStatement] = []
    attributes: list[Attribute] = []
    encrypted = 0
    advice = False
    for part in _parts(node, places):
        tag = part.tag
        if tag == _ATTRIBUTES:
            for inner in _parts(part, places):
                if inner.tag == _ATTRIBUTE:
                    attributes.append(_attribute(inner, places))
                elif inner.tag == _ENCRYPTED_ATTRIBUTE:
                    encrypted += 1
        elif tag == _ISSUER:
            issuers.append(_issuer(part))
        elif tag == _SUBJECT:
            subject = subject or _subject(part, places)
        elif tag == _CONDITIONS:
            conditions.append(_conditions(part, places))
        elif tag == _AUTHN_STATEMENT:
            statements.append(_authn_statement(part, places))
        elif tag == _ADVICE:
            advice = True
    get = node.el.get
    return Assertion(
        id=get("ID"),
        version=get("Version"),
        issue_instant=get("IssueInstant"),
        issuers=tuple(issuers),
        subject=subject,
        conditions=tuple(conditions),
        authn_statements=tuple(statements),
        attributes=tuple(attributes),
        encrypted_attributes=encrypted,
        has_advice=advice,
        provenance=provenance,
        at=node.at,
        namespace=node.tag[1:].partition("}")[0] if node.tag[:1] == "{" else "",
    )


def _issuer(node: _Node) -> Issuer:
    get = node.el.get
    return Issuer(
        text=text_of(node.el, node.at),
        format=get("Format"),
        name_qualifier=get("NameQualifier"),
        sp_name_qualifier=get("SPNameQualifier"),
        sp_provided_id=get("SPProvidedID"),
    )


def _status(node: _Node, places: Places) -> StatusRecord:
    codes: list[str | None] = []
    message: Text | None = None
    detail: str | None = None
    code: etree._Element | None = None
    for part in _parts(node, places):
        if part.tag == _STATUS_CODE and code is None:
            code = part.el
        elif part.tag == _STATUS_MESSAGE and message is None:
            message = text_of(part.el, part.at)
        elif part.tag == _STATUS_DETAIL and detail is None:
            detail = str(part.el.xpath("string()"))
    while code is not None and len(codes) < _MAX_STATUS_DEPTH:
        codes.append(code.get("Value"))
        code = code.find(_STATUS_CODE)
    return StatusRecord(codes=tuple(codes), message=message, detail=detail, at=node.at)


def _subject(node: _Node, places: Places) -> Subject:
    name_ids: list[NameID] = []
    others: list[str] = []
    confirmations: list[SubjectConfirmation] = []
    for part in _parts(node, places):
        if part.tag == _NAME_ID:
            get = part.el.get
            name_ids.append(
                NameID(
                    text=text_of(part.el, part.at),
                    format=get("Format"),
                    name_qualifier=get("NameQualifier"),
                    sp_name_qualifier=get("SPNameQualifier"),
                )
            )
        elif part.tag == _CONFIRMATION:
            confirmations.append(_confirmation(part, places))
        else:
            name = etree.QName(part.el)
            others.append(name.localname if name.namespace == SAML else part.tag)
    return Subject(tuple(name_ids), tuple(others), tuple(confirmations), node.at)


def _confirmation(node: _Node, places: Places) -> SubjectConfirmation:
    method = node.el.get("Method")
    data = next((p for p in _parts(node, places) if p.tag == _CONFIRMATION_DATA), None)
    if data is None:
        return SubjectConfirmation(method=method, at=node.at, has_data=False)
    get = data.el.get
    return SubjectConfirmation(
        method=method,
        at=node.at,
        has_data=True,
        recipient=get("Recipient"),
        in_response_to=get("InResponseTo"),
        not_before=get("NotBefore"),
        not_on_or_after=get("NotOnOrAfter"),
        address=get("Address"),
        data_at=data.at,
    )


def _conditions(node: _Node, places: Places) -> Conditions:
    restrictions: list[AudienceRestriction] = []
    one_time_use = proxy = 0
    unknown: list[str] = []
    for part in _parts(node, places):
        if part.tag == _RESTRICTION:
            audiences = [text_of(a.el, a.at) for a in _parts(part, places) if a.tag == _AUDIENCE]
            restrictions.append(AudienceRestriction(tuple(audiences), part.at))
        elif part.tag == _ONE_TIME_USE:
            one_time_use += 1
        elif part.tag == _PROXY:
            proxy += 1
        else:
            unknown.append(part.el.get(_XSI_TYPE) or part.tag)
    return Conditions(
        not_before=node.el.get("NotBefore"),
        not_on_or_after=node.el.get("NotOnOrAfter"),
        audience_restrictions=tuple(restrictions),
        one_time_use=one_time_use,
        proxy_restrictions=proxy,
        unknown=tuple(unknown),
        at=node.at,
    )


def _authn_statement(node: _Node, places: Places) -> AuthnStatement:
    context = next((p for p in _parts(node, places) if p.tag == _CONTEXT), None)
    inner = _parts(context, places) if context is not None else []
    reference = next((p for p in inner if p.tag == _CONTEXT_CLASS), None)
    text = text_of(reference.el, reference.at) if reference is not None else None
    get = node.el.get
    return AuthnStatement(
        authn_instant=get("AuthnInstant"),
        session_index=get("SessionIndex"),
        session_not_on_or_after=get("SessionNotOnOrAfter"),
        context_class=text.value if text is not None and text.simple else None,
        at=node.at,
    )


def _attribute(node: _Node, places: Places) -> Attribute:
    new = tuple.__new__
    values = [
        new(AttributeValue, (text_of(el, at), el.get(_XSI_NIL) in ("true", "1")))
        for el, tag, at, _ in _parts(node, places)
        if tag == _VALUE
    ]
    get = node.el.get
    return Attribute(get("Name"), get("NameFormat"), get("FriendlyName"), tuple(values), node.at)
