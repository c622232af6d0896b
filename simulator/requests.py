"""Reads AuthnRequests and LogoutRequests from hostile octets, within bounds. It answers none and fetches nothing."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from urllib.parse import unquote_plus

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree
from signxml.verifier import SignatureConfiguration, XMLVerifier

from simulator import names
from simulator.errors import RequestRefused
from simulator.names import DS, SAML, SAMLP, q
from simulator.tenant import Application, Tenant

_MAX_ENCODED: Final = 262_144
_MAX_XML: Final = 262_144
_MAX_AGE: Final = timedelta(hours=1)
_QUERY_HASHES: Final[dict[str, Callable[[], hashes.HashAlgorithm]]] = {
    names.RSA_SHA256: hashes.SHA256,
    names.RSA_SHA384: hashes.SHA384,
    names.RSA_SHA512: hashes.SHA512,
    names.ECDSA_SHA256: hashes.SHA256,
    names.ECDSA_SHA384: hashes.SHA384,
    names.ECDSA_SHA512: hashes.SHA512,
}

#: What a request must keep to. The last four are answered with a status (saml-core §3.2.2.2), the others with a page.
RULES: Final[dict[str, str]] = {
    "request-present": "there is one SAMLRequest, and no SAMLResponse beside it",
    "request-fields": "no field occurs twice, and there are not too many",
    "request-size": "neither the message nor what it inflates to is too long",
    "request-base64": "the SAMLRequest is base64",
    "request-deflate": "the stream of a redirect is whole, raw DEFLATE",
    "request-charset": "the message is UTF-8",
    "request-dtd": "the message holds no DTD",
    "request-xml": "the message is well-formed XML",
    "request-kind": "the message is what the address is for",
    "request-version": "the message is of SAML 2.0",
    "request-id": "the ID is an NCName and nothing else in the message has it",
    "request-values": "values are text only, without comments or elements",
    "request-issuer": "the sender is a registered service provider",
    "request-acs": "the answer is wanted at an address that is registered for the sender",
    "request-destination": "the request is addressed to this identity provider",
    "request-issueinstant": "the request was made within the last hour",
    "request-signed": "the request is signed where that is demanded",
    "request-signature": "the signature verifies with the registered certificate and covers the request",
    "request-signature-algorithm": "the signature's algorithm is allowed",
    "request-subject": "a logout names somebody",
    "request-binding": "the answer is wanted by HTTP-POST",
    "request-nameid-policy": "the NameID format that is asked for is offered",
    "request-authn-context": "an authentication context that is asked for is offered",
    "request-passive": "a passive login is asked for only where somebody is signed in",
}
#: The status of a refusal to the rule that it stands for.
STATUS_RULES: Final[dict[str, str]] = {
    "UnsupportedBinding": "request-binding",
    "InvalidNameIDPolicy": "request-nameid-policy",
    "NoAuthnContext": "request-authn-context",
    "NoPassive": "request-passive",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthnRequest:
    """An AuthnRequest of a registered service provider (saml-core §3.4.1). `acs_url` is a registered one."""

    id: str
    application: str
    issuer: str
    acs_url: str
    relay_state: str | None = None
    binding: Literal["HTTP-Redirect", "HTTP-POST"] = "HTTP-Redirect"
    response_binding: str | None = None
    destination: str | None = None
    issue_instant: datetime | None = None
    force_authn: bool = False
    is_passive: bool = False
    name_id_format: str | None = None
    contexts: tuple[str, ...] = ()
    comparison: str = "exact"
    signed: bool = False
    xml: bytes = b""
    field: str = ""  # SAMLRequest as it was received


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutRequest:
    """A LogoutRequest of a registered service provider (saml-core §3.7.1)."""

    id: str
    application: str
    issuer: str
    name_id: str
    session_indexes: tuple[str, ...] = ()
    relay_state: str | None = None
    signed: bool = False
    xml: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogoutAnswer:
    """A LogoutResponse of a registered service provider (saml-core §3.7.2)."""

    id: str
    application: str
    in_response_to: str
    outcome: Literal["ended", "partial", "refused"]
    message: str = ""
    relay_state: str | None = None
    signed: bool = False
    xml: bytes = b""


def fields_of(query: str) -> dict[str, tuple[str, str]]:
    """A query or form body as name to (decoded value, raw value).

    Raises:
        RequestRefused: a name of the protocol occurs twice, or there are more than 32 fields.
    """
    fields: dict[str, tuple[str, str]] = {}
    parts = query.split("&") if query else []
    if len(parts) > 32:
        raise RequestRefused("The request has more than 32 fields.")
    for part in parts:
        raw_name, _, raw = part.partition("=")
        name = unquote_plus(raw_name)
        if name in fields:
            raise RequestRefused(f'The field "{name[:60]}" occurs twice. Send it once.')
        fields[name] = (unquote_plus(raw), raw)
    return fields


def decode(value: str, *, deflated: bool | None, field: str = "SAMLRequest") -> bytes:
    """The octets of a message's field. `deflated` None: by POST, where some senders deflate although they should not.

    Raises:
        RequestRefused: no base64, no DEFLATE, or too long.
    """
    if len(value) > _MAX_ENCODED:
        raise RequestRefused(f"The {field} is longer than {_MAX_ENCODED} characters.", "request-size")
    try:
        octets = base64.b64decode(re.sub(r"[ \t\r\n]", "", value), validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestRefused(
            f"The {field} is not base64. Check how the service provider encodes it.", "request-base64"
        ) from error
    if deflated is None:
        deflated = not octets.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    if not deflated:
        return octets
    inflater = zlib.decompressobj(-15)
    try:
        data = inflater.decompress(octets, _MAX_XML + 1)
    except zlib.error as error:
        raise RequestRefused(
            f"The {field} is not raw DEFLATE, as the redirect binding asks for.", "request-deflate"
        ) from error
    if len(data) > _MAX_XML or inflater.unconsumed_tail:
        raise RequestRefused(f"The {field} inflates to more than {_MAX_XML} octets.", "request-size")
    if not inflater.eof or inflater.unused_data:
        raise RequestRefused(f"The deflated {field} is cut off, or something follows it.", "request-deflate")
    return data


def parse(data: bytes, local: str) -> etree._Element:
    """The root element, which must be samlp:<local>.

    Raises:
        RequestRefused: not UTF-8, a DTD, no XML, or another document.
    """
    if len(data) > _MAX_XML:
        raise RequestRefused(f"The message is longer than {_MAX_XML} octets.", "request-size")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestRefused("The message is not UTF-8.", "request-charset") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise RequestRefused("The message holds a DTD. Messages of SAML have none.", "request-dtd")
    if text.count("xmlns") > 64:
        raise RequestRefused("The message declares more than 64 namespaces.", "request-size")
    parser = etree.XMLParser(encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, recover=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise RequestRefused(f"The message is no well-formed XML: {error.msg}.", "request-xml") from error
    if root.getroottree().docinfo.doctype:
        raise RequestRefused("The message holds a DTD. Messages of SAML have none.", "request-dtd")
    ids = [v for e in root.iter(etree.Element) for n, v in e.attrib.items() if n in ("ID", "Id", "id")]
    if len(set(ids)) < len(ids):
        raise RequestRefused("Two elements of the message have the same ID.", "request-id")
    if root.tag != q(SAMLP, local):
        name = etree.QName(root).localname
        raise RequestRefused(f"The message is a {name[:80]}, not a {local}.", "request-kind")
    if root.get("Version") != "2.0":
        raise RequestRefused("The message is not of SAML 2.0.", "request-version")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.\-]{0,255}", root.get("ID") or ""):
        raise RequestRefused("The message's ID is missing or is no NCName of at most 256 characters.", "request-id")
    return root


def is_logout(fields: Mapping[str, tuple[str, str]], *, post: bool) -> bool:
    """Whether the fields hold a message of the logout profile; False for whatever cannot be read."""
    if "SAMLResponse" in fields:
        return "SAMLRequest" not in fields
    if "SAMLRequest" not in fields:
        return False
    try:
        parse(decode(fields["SAMLRequest"][0], deflated=None if post else True), "LogoutRequest")
    except RequestRefused:
        return False
    return True


def text_of(root: etree._Element, path: str) -> str | None:
    """The text of an element that holds nothing but text; None where there is no such element.

    Raises:
        RequestRefused: it holds a comment, a processing instruction or an element.
    """
    element = root.find(path)
    if element is None:
        return None
    if len(element):
        raise RequestRefused(f"{etree.QName(element).localname} holds more than text.", "request-values")
    return (element.text or "").strip()


def read_authn_request(
    fields: Mapping[str, tuple[str, str]],
    *,
    post: bool,
    tenant: Tenant,
    now: datetime,
    sso_urls: tuple[str, ...] = (),
) -> AuthnRequest:
    """Reads and judges an AuthnRequest (saml-bindings §3.4.4.1, §3.5.4).

    Raises:
        RequestRefused: unreadable, from an unknown issuer, for an ACS that is not registered, for another destination,
            old, or not signed as it must be. Nothing may then be posted anywhere.
    """
    if "SAMLRequest" not in fields or "SAMLResponse" in fields:
        raise RequestRefused(
            "The request has no SAMLRequest. Start at the service provider, or open the portal.", "request-present"
        )
    value, raw = fields["SAMLRequest"]
    data = decode(value, deflated=None if post else True)
    root = parse(data, "AuthnRequest")
    issuer = text_of(root, q(SAML, "Issuer")) or ""
    application = _by_issuer(tenant, issuer)
    acs = root.get("AssertionConsumerServiceURL")
    if acs is not None and acs not in application.acs_addresses:
        raise RequestRefused(
            f"The request wants its answer at {acs[:300]!r}, which is not registered for {application.name}. "
            f"Registered: {', '.join(application.acs_addresses)}.",
            "request-acs",
        )
    destination = root.get("Destination")
    if destination and sso_urls and destination not in sso_urls:
        raise RequestRefused(
            f"The request is addressed to {destination[:300]!r}, not to this identity provider.", "request-destination"
        )
    issued = _instant(root.get("IssueInstant"))
    if abs(now - issued) > _MAX_AGE:
        raise RequestRefused(
            f"The request was issued at {issued.isoformat()}, more than an hour away from now.", "request-issueinstant"
        )
    relay = fields.get("RelayState")
    signed = _verify(root, data, fields, raw, post, application, demanded=tenant.want_authn_requests_signed)
    policy = root.find(q(SAMLP, "NameIDPolicy"))
    context = root.find(q(SAMLP, "RequestedAuthnContext"))
    references = () if context is None else context.findall(q(SAML, "AuthnContextClassRef"))
    return AuthnRequest(
        id=root.get("ID") or "",
        application=application.id,
        issuer=issuer,
        acs_url=acs or application.acs_url,
        relay_state=relay[0] if relay else None,
        binding="HTTP-POST" if post else "HTTP-Redirect",
        response_binding=root.get("ProtocolBinding"),
        destination=destination,
        issue_instant=issued,
        force_authn=root.get("ForceAuthn") in ("true", "1"),
        is_passive=root.get("IsPassive") in ("true", "1"),
        name_id_format=None if policy is None else policy.get("Format"),
        contexts=tuple((r.text or "").strip() for r in references),
        comparison="exact" if context is None else context.get("Comparison", "exact"),
        signed=signed,
        xml=data,
        field=value,
    )


def read_logout_request(fields: Mapping[str, tuple[str, str]], *, post: bool, tenant: Tenant) -> LogoutRequest:
    """Reads a LogoutRequest. It need not be signed, but a signature that is there must hold (saml-profiles §4.4.3.1).

    Raises:
        RequestRefused: unreadable, from an unknown issuer, signed wrongly, or without NameID.
    """
    if "SAMLRequest" not in fields:
        raise RequestRefused("The request has no SAMLRequest.", "request-present")
    value, raw = fields["SAMLRequest"]
    data = decode(value, deflated=None if post else True)
    root = parse(data, "LogoutRequest")
    issuer = text_of(root, q(SAML, "Issuer")) or ""
    application = _by_issuer(tenant, issuer)
    name_id = text_of(root, q(SAML, "NameID"))
    if not name_id:
        raise RequestRefused("The LogoutRequest names nobody.", "request-subject")
    signed = _verify(root, data, fields, raw, post, application, demanded=False)
    relay = fields.get("RelayState")
    return LogoutRequest(
        id=root.get("ID") or "",
        application=application.id,
        issuer=issuer,
        name_id=name_id,
        session_indexes=tuple((e.text or "").strip() for e in root.findall(q(SAMLP, "SessionIndex"))),
        relay_state=relay[0] if relay else None,
        signed=signed,
        xml=data,
    )


def read_logout_answer(fields: Mapping[str, tuple[str, str]], *, post: bool, tenant: Tenant) -> LogoutAnswer:
    """Reads a LogoutResponse. A signature that is there must hold, as with the request.

    Raises:
        RequestRefused: unreadable, from an unknown issuer, signed wrongly, or without InResponseTo or status.
    """
    if "SAMLResponse" not in fields or "SAMLRequest" in fields:
        raise RequestRefused("There is no LogoutResponse.", "request-present")
    value, raw = fields["SAMLResponse"]
    data = decode(value, deflated=None if post else True, field="SAMLResponse")
    root = parse(data, "LogoutResponse")
    application = _by_issuer(tenant, text_of(root, q(SAML, "Issuer")) or "")
    answered = root.get("InResponseTo")
    code = root.find(f"{q(SAMLP, 'Status')}/{q(SAMLP, 'StatusCode')}")
    if not answered or code is None or not code.get("Value"):
        raise RequestRefused("The LogoutResponse does not say what it answers, or how it went.", "request-values")
    inner = code.find(q(SAMLP, "StatusCode"))
    signed = _verify(root, data, fields, raw, post, application, demanded=False, field="SAMLResponse")
    relay = fields.get("RelayState")
    second = "" if inner is None else inner.get("Value", "").rpartition(":")[2]
    good = code.get("Value") == names.SUCCESS
    return LogoutAnswer(
        id=root.get("ID") or "",
        application=application.id,
        in_response_to=answered,
        outcome="refused" if not good else "partial" if second == "PartialLogout" else "ended",
        message=text_of(root, f"{q(SAMLP, 'Status')}/{q(SAMLP, 'StatusMessage')}") or ("" if good else second),
        relay_state=relay[0] if relay else None,
        signed=signed,
        xml=data,
    )


def _by_issuer(tenant: Tenant, issuer: str) -> Application:
    found = next((a for a in tenant.applications if a.entity_id == issuer), None)
    if found is None:
        raise RequestRefused(
            f"No application with the entity ID {issuer[:300]!r} is registered. Add it, or correct its entity ID.",
            "request-issuer",
        )
    return found


def _instant(text: str | None) -> datetime:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise RequestRefused(
            "The request's IssueInstant is missing or is no date and time.", "request-issueinstant"
        ) from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _verify(
    root: etree._Element,
    data: bytes,
    fields: Mapping[str, tuple[str, str]],
    raw: str,
    post: bool,
    application: Application,
    *,
    demanded: bool,
    field: str = "SAMLRequest",
) -> bool:
    """Whether the request is signed and its signature holds. A signature that cannot be judged counts as none."""
    present = root.find(q(DS, "Signature")) is not None if post else "Signature" in fields
    if not present or application.signing_certificate is None:
        if demanded:
            why = "is not signed" if not present else "is signed, but no certificate of the sender is registered"
            raise RequestRefused(f"Requests must be signed, and this one {why}.", "request-signed")
        return False
    certificate = x509.load_pem_x509_certificate(application.signing_certificate.encode())
    try:
        if post:
            # The instance keeps state, so it is a new one for each call.
            signed = XMLVerifier().verify(
                data,
                x509_cert=certificate,
                expect_config=SignatureConfiguration(location="./", expect_references=1),
                # The registered key is what is trusted; that its certificate ran out is no reason to refuse.
                verification_time=certificate.not_valid_before_utc,
            )
            covered = signed.signed_xml if not isinstance(signed, list) else None
            if covered is None or covered.get("ID") != root.get("ID"):
                raise RequestRefused(
                    "The request's signature covers something else than the request.", "request-signature"
                )
        else:
            _verify_query(fields, raw, certificate, field)
    except RequestRefused:
        raise
    except Exception as error:
        raise RequestRefused(
            "The request's signature does not verify with the registered certificate.", "request-signature"
        ) from error
    return True


def _verify_query(fields: Mapping[str, tuple[str, str]], raw: str, certificate: x509.Certificate, field: str) -> None:
    """Verifies over the octets received, in the order of the binding: re-encoding would change them."""
    algorithm, raw_algorithm = fields.get("SigAlg", ("", ""))
    if algorithm not in _QUERY_HASHES:
        raise RequestRefused(
            f"The request is signed with {algorithm[:100]!r}, which is not allowed here.", "request-signature-algorithm"
        )
    signed = f"{field}={raw}"
    if "RelayState" in fields:
        signed += "&RelayState=" + fields["RelayState"][1]
    signed += "&SigAlg=" + raw_algorithm
    value = base64.b64decode(fields["Signature"][0], validate=True)
    public = certificate.public_key()
    digest = _QUERY_HASHES[algorithm]()
    if isinstance(public, rsa.RSAPublicKey):
        public.verify(value, signed.encode(), padding.PKCS1v15(), digest)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        half = len(value) // 2
        r, s = int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big")
        public.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(digest))
    else:
        raise InvalidSignature
