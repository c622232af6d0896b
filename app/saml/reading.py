"""Reads elements into the records of app.saml.message, and says what an unexpected document looks like.

It records and judges nothing: missing is None, repeated is kept where a check must know. Only direct children in the
namespaces of the specification are read, never "the first such element anywhere".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

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

PlaceOf = Callable[[etree._Element], Place]

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
    if head.startswith((b"http://", b"https://")):
        return "This is an address without a SAML message in it."
    if head.startswith(b"<"):
        return "This looks like XML that could not be read."
    return "This is not XML, and it is no encoding of a SAML message that is known here."


# Places ---------------------------------------------------------------------------------------------------------------


def twin_places(root: etree._Element, twin: etree._Element | None) -> PlaceOf:
    """Places for elements under `root`.

    Where `root` was rebuilt from signed bytes, `twin` is the element of the received document it stands for; places are
    then those of the received document. The two are walked side by side: canonicalisation has dropped comments and the
    enveloped ds:Signature, nothing else. Where they differ after all, the nearest known ancestor is given.
    """
    places = Places()
    if twin is None or twin is root:
        return places
    original: dict[etree._Element, etree._Element | None] = {root: twin}

    def counterpart(el: etree._Element) -> etree._Element | None:
        if el in original:
            return original[el]
        parent = el.getparent()
        above = counterpart(parent) if parent is not None else None
        if parent is None or above is None:
            return None
        ours = list(parent.iterchildren(etree.Element))
        theirs = list(above.iterchildren(etree.Element))
        if len(theirs) > len(ours):
            theirs = [c for c in theirs if c.tag != q(DS, "Signature")]
        for i, child in enumerate(ours):
            other = theirs[i] if i < len(theirs) else None
            original[child] = other if other is not None and other.tag == child.tag else None
        return original[el]

    def place_of(el: etree._Element) -> Place:
        other = counterpart(el)
        while other is None:
            parent = el.getparent()
            if parent is None:
                return places(twin)
            el = parent
            other = counterpart(el)
        return places(other)

    return place_of


# Records --------------------------------------------------------------------------------------------------------------


def read_response(
    root: etree._Element,
    provenance: Provenance,
    twin: etree._Element | None = None,
    known: Mapping[etree._Element, Assertion] | None = None,
) -> Response:
    """Record a samlp:Response. Its assertions get the same provenance; `twin` as in twin_places().

    `known` are records of some of its assertions, made already from better bytes.
    """
    known = known or {}
    place = twin_places(root, twin)
    issuer = root.find(q(SAML, "Issuer"))
    status = root.find(q(SAMLP, "Status"))
    return Response(
        id=root.get("ID"),
        version=root.get("Version"),
        issue_instant=root.get("IssueInstant"),
        destination=root.get("Destination"),
        in_response_to=root.get("InResponseTo"),
        issuer=_issuer(issuer, place) if issuer is not None else None,
        status=_status(status, place) if status is not None else None,
        assertions=tuple(
            known[a] if a in known else _assertion(a, provenance, place) for a in root.iterchildren(_ASSERTION)
        ),
        encrypted_assertions=sum(1 for _ in root.iterchildren(q(SAML, "EncryptedAssertion"))),
        has_extensions=root.find(q(SAMLP, "Extensions")) is not None,
        provenance=provenance,
        at=place(root),
    )


def read_assertion(el: etree._Element, provenance: Provenance, twin: etree._Element | None = None) -> Assertion:
    """Record an Assertion element of any namespace (a SAML 1.x assertion is mostly empty here)."""
    return _assertion(el, provenance, twin_places(el, twin))


def _assertion(el: etree._Element, provenance: Provenance, place: PlaceOf) -> Assertion:
    subject = el.find(q(SAML, "Subject"))
    attributes: list[Attribute] = []
    encrypted = 0
    for statement in el.iterchildren(q(SAML, "AttributeStatement")):
        attributes += [_attribute(a, place) for a in statement.iterchildren(q(SAML, "Attribute"))]
        encrypted += sum(1 for _ in statement.iterchildren(q(SAML, "EncryptedAttribute")))
    return Assertion(
        id=el.get("ID"),
        version=el.get("Version"),
        issue_instant=el.get("IssueInstant"),
        issuers=tuple(_issuer(i, place) for i in el.iterchildren(q(SAML, "Issuer"))),
        subject=_subject(subject, place) if subject is not None else None,
        conditions=tuple(_conditions(c, place) for c in el.iterchildren(q(SAML, "Conditions"))),
        authn_statements=tuple(_authn_statement(s, place) for s in el.iterchildren(q(SAML, "AuthnStatement"))),
        attributes=tuple(attributes),
        encrypted_attributes=encrypted,
        has_advice=el.find(q(SAML, "Advice")) is not None,
        provenance=provenance,
        at=place(el),
        namespace=etree.QName(el).namespace or "",
    )


def _issuer(el: etree._Element, place: PlaceOf) -> Issuer:
    return Issuer(
        text=text_of(el, place(el)),
        format=el.get("Format"),
        name_qualifier=el.get("NameQualifier"),
        sp_name_qualifier=el.get("SPNameQualifier"),
        sp_provided_id=el.get("SPProvidedID"),
    )


def _status(el: etree._Element, place: PlaceOf) -> StatusRecord:
    codes: list[str | None] = []
    code = el.find(q(SAMLP, "StatusCode"))
    while code is not None and len(codes) < _MAX_STATUS_DEPTH:
        codes.append(code.get("Value"))
        code = code.find(q(SAMLP, "StatusCode"))
    message = el.find(q(SAMLP, "StatusMessage"))
    detail = el.find(q(SAMLP, "StatusDetail"))
    return StatusRecord(
        codes=tuple(codes),
        message=text_of(message, place(message)) if message is not None else None,
        detail=str(detail.xpath("string()")) if detail is not None else None,
        at=place(el),
    )


def _subject(el: etree._Element, place: PlaceOf) -> Subject:
    name_ids: list[NameID] = []
    others: list[str] = []
    confirmations: list[SubjectConfirmation] = []
    for child in el.iterchildren(etree.Element):
        if child.tag == q(SAML, "NameID"):
            name_ids.append(
                NameID(
                    text=text_of(child, place(child)),
                    format=child.get("Format"),
                    name_qualifier=child.get("NameQualifier"),
                    sp_name_qualifier=child.get("SPNameQualifier"),
                )
            )
        elif child.tag == q(SAML, "SubjectConfirmation"):
            confirmations.append(_confirmation(child, place))
        else:
            name = etree.QName(child)
            others.append(name.localname if name.namespace == SAML else str(child.tag))
    return Subject(tuple(name_ids), tuple(others), tuple(confirmations), place(el))


def _confirmation(el: etree._Element, place: PlaceOf) -> SubjectConfirmation:
    data = el.find(q(SAML, "SubjectConfirmationData"))
    if data is None:
        return SubjectConfirmation(method=el.get("Method"), at=place(el), has_data=False)
    return SubjectConfirmation(
        method=el.get("Method"),
        at=place(el),
        has_data=True,
        recipient=data.get("Recipient"),
        in_response_to=data.get("InResponseTo"),
        not_before=data.get("NotBefore"),
        not_on_or_after=data.get("NotOnOrAfter"),
        address=data.get("Address"),
        data_at=place(data),
    )


def _conditions(el: etree._Element, place: PlaceOf) -> Conditions:
    restrictions: list[AudienceRestriction] = []
    one_time_use = proxy = 0
    unknown: list[str] = []
    for child in el.iterchildren(etree.Element):
        if child.tag == q(SAML, "AudienceRestriction"):
            audiences = child.iterchildren(q(SAML, "Audience"))
            restrictions.append(AudienceRestriction(tuple(text_of(a, place(a)) for a in audiences), place(child)))
        elif child.tag == q(SAML, "OneTimeUse"):
            one_time_use += 1
        elif child.tag == q(SAML, "ProxyRestriction"):
            proxy += 1
        else:
            unknown.append(child.get(q(XSI, "type")) or str(child.tag))
    return Conditions(
        not_before=el.get("NotBefore"),
        not_on_or_after=el.get("NotOnOrAfter"),
        audience_restrictions=tuple(restrictions),
        one_time_use=one_time_use,
        proxy_restrictions=proxy,
        unknown=tuple(unknown),
        at=place(el),
    )


def _authn_statement(el: etree._Element, place: PlaceOf) -> AuthnStatement:
    context = el.find(q(SAML, "AuthnContext"))
    reference = context.find(q(SAML, "AuthnContextClassRef")) if context is not None else None
    text: Text | None = text_of(reference, place(reference)) if reference is not None else None
    return AuthnStatement(
        authn_instant=el.get("AuthnInstant"),
        session_index=el.get("SessionIndex"),
        session_not_on_or_after=el.get("SessionNotOnOrAfter"),
        context_class=text.value if text is not None and text.simple else None,
        at=place(el),
    )


def _attribute(el: etree._Element, place: PlaceOf) -> Attribute:
    values = tuple(
        AttributeValue(text_of(v, place(v)), nil=v.get(q(XSI, "nil")) in ("true", "1"))
        for v in el.iterchildren(q(SAML, "AttributeValue"))
    )
    return Attribute(
        name=el.get("Name"),
        name_format=el.get("NameFormat"),
        friendly_name=el.get("FriendlyName"),
        values=values,
        at=place(el),
    )
