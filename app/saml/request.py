"""AuthnRequests: built, put into a redirect address, read, and the signature of a redirect query verified.

It draws no ids and reads no clock, and whether a request may be answered is for the caller to decide.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import permutations
from typing import Final, Literal
from urllib.parse import quote, unquote_to_bytes

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from lxml import etree

from app.saml.errors import Problem, RequestError
from app.saml.expectation import Limits
from app.saml.names import (
    BINDING_POST,
    DS,
    NAMEID_EMAIL,
    SAML,
    SAMLP,
    SIG_ECDSA_SHA256,
    SIG_ECDSA_SHA384,
    SIG_ECDSA_SHA512,
    SIG_RSA_SHA1,
    SIG_RSA_SHA256,
    SIG_RSA_SHA384,
    SIG_RSA_SHA512,
    SIGNATURES,
    q,
)
from app.saml.reading import kind_of, what_is_this
from app.saml.xml import parse

SigningKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

_HASHES: Final[dict[str, tuple[str, hashes.HashAlgorithm]]] = {
    SIG_RSA_SHA256: ("rsa", hashes.SHA256()),
    SIG_RSA_SHA384: ("rsa", hashes.SHA384()),
    SIG_RSA_SHA512: ("rsa", hashes.SHA512()),
    SIG_ECDSA_SHA256: ("ec", hashes.SHA256()),
    SIG_ECDSA_SHA384: ("ec", hashes.SHA384()),
    SIG_ECDSA_SHA512: ("ec", hashes.SHA512()),
}
_NCNAME: Final = re.compile(r"[^\W\d][\w.\-·]*\Z")
_MAX_CERTIFICATES: Final = 16


@dataclass(frozen=True, slots=True)
class AuthnRequest:
    """A samlp:AuthnRequest as written (saml-core §3.4.1); absent attributes are None, absent booleans False."""

    id: str
    version: str | None
    issue_instant: str | None
    issuer: str | None
    destination: str | None
    acs_url: str | None
    acs_index: str | None
    protocol_binding: str | None
    provider_name: str | None
    nameid_format: str | None
    allow_create: bool
    force_authn: bool
    is_passive: bool
    authn_contexts: tuple[str, ...]
    authn_comparison: str | None
    signed: bool


def build_authn_request(
    *,
    id: str,  # the attribute's own name
    issue_instant: datetime,
    issuer: str,
    acs_url: str,
    destination: str,
    nameid_format: str | None = NAMEID_EMAIL,
    force_authn: bool = False,
) -> bytes:
    """The XML of an AuthnRequest that asks for a POST to `acs_url`. Raises RequestError for values it cannot hold."""
    if not _NCNAME.match(id):
        raise RequestError(f"“{id}” cannot be the ID of a request: it must begin with a letter or “_”.")
    if issue_instant.tzinfo is None:
        raise RequestError("The time of the request must have a time zone.")
    for what, value in (("issuer", issuer), ("ACS URL", acs_url), ("destination", destination)):
        if not value.strip():
            raise RequestError(f"The {what} of the request is empty.")
    instant = issue_instant.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
    root = etree.Element(q(SAMLP, "AuthnRequest"), nsmap={"samlp": SAMLP, "saml": SAML})
    try:
        root.set("ID", id)
        root.set("Version", "2.0")
        root.set("IssueInstant", instant)
        root.set("Destination", destination)
        root.set("AssertionConsumerServiceURL", acs_url)
        root.set("ProtocolBinding", BINDING_POST)
        if force_authn:
            root.set("ForceAuthn", "true")
        etree.SubElement(root, q(SAML, "Issuer")).text = issuer
        if nameid_format is not None:
            etree.SubElement(root, q(SAMLP, "NameIDPolicy"), {"Format": nameid_format, "AllowCreate": "true"})
    except ValueError as e:  # control characters
        raise RequestError("A value of the request contains a control character.") from e
    return etree.tostring(root)


def redirect_url(
    xml: bytes,
    destination: str,
    relay_state: str | None = None,
    *,
    key: SigningKey | None = None,
    sigalg: str = SIG_RSA_SHA256,
    param: Literal["SAMLRequest", "SAMLResponse"] = "SAMLRequest",
) -> str:
    """The address that carries a message by HTTP-Redirect (saml-bindings §3.4.4.1), signed where a key is given.

    Raises RequestError for a destination that is no http(s) address, and for a key that does not fit the algorithm.
    """
    if not re.match(r"https?://[^\s/?#]+", destination, re.IGNORECASE):
        raise RequestError(f"“{destination[:200]}” is not an http or https address; the request cannot be sent there.")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(xml) + packer.flush()
    query = f"{param}={quote(base64.b64encode(packed), safe='')}"
    if relay_state is not None:
        query += f"&RelayState={quote(relay_state, safe='')}"
    if key is not None:
        query += f"&SigAlg={quote(sigalg, safe='')}"
        query += f"&Signature={quote(base64.b64encode(_sign(query.encode(), key, sigalg)), safe='')}"
    base, _, _ = destination.partition("#")
    return f"{base}{'&' if '?' in base else '?'}{query}"


def _sign(octets: bytes, key: SigningKey, sigalg: str) -> bytes:
    family, algorithm = _HASHES.get(sigalg, (None, None))
    if algorithm is None:
        raise RequestError(f"Queries are not signed with {SIGNATURES.get(sigalg, (sigalg,))[0]} here.")
    if isinstance(key, rsa.RSAPrivateKey) and family == "rsa":
        return key.sign(octets, padding.PKCS1v15(), algorithm)
    if isinstance(key, ec.EllipticCurvePrivateKey) and family == "ec":
        r, s = decode_dss_signature(key.sign(octets, ec.ECDSA(algorithm)))
        width = (key.curve.key_size + 7) // 8
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    raise RequestError("The signing key does not fit the signature algorithm.")


def read_request(data: bytes, limits: Limits | None = None) -> AuthnRequest:
    """Read an AuthnRequest. Raises RequestError, in a sentence, for anything else."""
    parsed = parse(data, limits)
    if parsed.document is None:
        raise RequestError(parsed.problems[0].message if parsed.problems else "The request could not be read.")
    root = parsed.document.root
    if kind_of(root) != "AuthnRequest":
        raise RequestError(what_is_this(root))
    refused = next((p for p in parsed.problems if p.check in _REFUSED), None)
    if refused is not None:
        raise RequestError(refused.message)
    request_id = root.get("ID")
    if not request_id:
        raise RequestError("The AuthnRequest has no ID, so no answer can refer to it.")
    issuer = root.find(q(SAML, "Issuer"))
    policy = root.find(q(SAMLP, "NameIDPolicy"))
    context = root.find(q(SAMLP, "RequestedAuthnContext"))
    return AuthnRequest(
        id=request_id,
        version=root.get("Version"),
        issue_instant=root.get("IssueInstant"),
        issuer=(issuer.text or "") if issuer is not None and not len(issuer) else None,
        destination=root.get("Destination"),
        acs_url=root.get("AssertionConsumerServiceURL"),
        acs_index=root.get("AssertionConsumerServiceIndex"),
        protocol_binding=root.get("ProtocolBinding"),
        provider_name=root.get("ProviderName"),
        nameid_format=policy.get("Format") if policy is not None else None,
        allow_create=policy is not None and policy.get("AllowCreate") in ("true", "1"),
        force_authn=root.get("ForceAuthn") in ("true", "1"),
        is_passive=root.get("IsPassive") in ("true", "1"),
        authn_contexts=tuple(c.text or "" for c in context.iterchildren(q(SAML, "AuthnContextClassRef")))
        if context is not None
        else (),
        authn_comparison=context.get("Comparison") if context is not None else None,
        signed=root.find(q(DS, "Signature")) is not None,
    )


_REFUSED: Final = frozenset({"xml-id-unique", "xml-attribute-pollution", "xml-no-pi", "xml-mixed-content"})


# The signature of a redirect query ------------------------------------------------------------------------------------


def _query_problem(message: str, expected: str | None = None, actual: str | None = None) -> Problem:
    return Problem("encoding-redirect-signature", message, expected, actual)


def verify_redirect_signature(query: bytes, certificates: Iterable[x509.Certificate]) -> Problem | None:
    """Verify a redirect query over the octets received; None where one of the certificates' keys fits.

    `query` is everything after "?", undecoded. The signed text is SAMLRequest (or SAMLResponse), RelayState where there
    is one, and SigAlg, in this order and as they were written (saml-bindings §3.4.4.1).
    """
    raw: dict[str, bytes] = {}
    for pair in query.split(b"&")[:64]:
        name, _, _ = pair.partition(b"=")
        key = name.decode("latin-1")
        if key in ("SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature"):
            if key in raw:
                return _query_problem(f"The query carries {key} more than once, so it is not clear what was signed.")
            raw[key] = pair
    message = next((n for n in ("SAMLRequest", "SAMLResponse") if n in raw), None)
    if message is None or ("SAMLRequest" in raw and "SAMLResponse" in raw):
        return _query_problem("The query does not carry exactly one SAMLRequest or SAMLResponse.")
    if "Signature" not in raw:
        return _query_problem("The query is not signed: it has no Signature.", "SigAlg and Signature", "no Signature")
    if "SigAlg" not in raw:
        return _query_problem(
            "The query has a Signature, but no SigAlg that says how it was made.", "SigAlg", "nothing"
        )
    sigalg = unquote_to_bytes(raw["SigAlg"].partition(b"=")[2]).decode("utf-8", "replace")
    if sigalg not in _HASHES:
        known = SIGNATURES.get(sigalg, (sigalg[:80],))[0]
        weak = " SHA-1 can be forged." if sigalg == SIG_RSA_SHA1 else ""
        return _query_problem(f"The query is signed with {known}, which is not accepted.{weak}", "rsa-sha256", known)
    try:
        signature = base64.b64decode(unquote_to_bytes(raw["Signature"].partition(b"=")[2]), validate=True)
    except (binascii.Error, ValueError):
        return _query_problem("The Signature of the query is not base64.", "base64", "something else")
    parts = [raw[n] for n in (message, "RelayState", "SigAlg") if n in raw]
    usable = tuple(certificates)[:_MAX_CERTIFICATES]
    if _fits(b"&".join(parts), signature, sigalg, usable):
        return None
    return _query_problem(
        _why(parts, raw, signature, sigalg, usable), "a signature by a configured key", "it does not fit"
    )


def _why(
    parts: list[bytes], raw: dict[str, bytes], signature: bytes, sigalg: str, certificates: tuple[x509.Certificate, ...]
) -> str:
    """A guess that was tried: what the signature would fit instead."""
    for order in permutations(parts):
        if list(order) != parts and _fits(b"&".join(order), signature, sigalg, certificates):
            return (
                "The query was signed in another order than SAMLRequest, RelayState, SigAlg; the sender must keep it."
            )
    if "RelayState" in raw and _fits(b"&".join([parts[0], parts[-1]]), signature, sigalg, certificates):
        return "RelayState was added after the query was signed."
    for again in (_reescape(parts, upper=True), _reescape(parts, upper=False)):
        if again != parts and _fits(b"&".join(again), signature, sigalg, certificates):
            return (
                "The query was percent-encoded again on its way: it fits only with the escapes written differently. "
                "The octets received must be the octets signed."
            )
    return "The signature of the query fits none of the configured keys, or the query was changed after signing."


def _reescape(parts: list[bytes], *, upper: bool) -> list[bytes]:
    out = []
    for part in parts:
        name, _, value = part.partition(b"=")
        text = quote(unquote_to_bytes(value), safe="").encode()
        if not upper:
            text = re.sub(rb"%[0-9A-F]{2}", lambda m: m[0].lower(), text)
        out.append(name + b"=" + text)
    return out


def _fits(octets: bytes, signature: bytes, sigalg: str, certificates: tuple[x509.Certificate, ...]) -> bool:
    family, algorithm = _HASHES[sigalg]
    for certificate in certificates:
        try:
            key = certificate.public_key()
            if family == "rsa" and isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, octets, padding.PKCS1v15(), algorithm)
                return True
            if family == "ec" and isinstance(key, ec.EllipticCurvePublicKey) and len(signature) % 2 == 0:
                half = len(signature) // 2
                r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
                key.verify(encode_dss_signature(r, s), octets, ec.ECDSA(algorithm))
                return True
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            continue
    return False
