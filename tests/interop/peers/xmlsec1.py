"""The program xmlsec1, which signs and encrypts what a template tells it to. The response itself is written here."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from tests.interop.peers.parties import EMAIL, UNSPECIFIED, Parties, body_of

_DS = "http://www.w3.org/2000/09/xmldsig#"
_XMLENC = "http://www.w3.org/2001/04/xmlenc#"
_EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
_SAML = "urn:oasis:names:tc:SAML:2.0:"
#: The bytes of a block cipher's key, as xmlsec1 calls such a session key.
_SESSION_KEYS = {"128": "aes-128", "192": "aes-192", "256": "aes-256"}


def _signature(element_id: str, algorithm: str, digest: str, prefixes: str) -> str:
    """An empty ds:Signature for xmlsec1 to fill. `prefixes` is the PrefixList of its transform, if any."""
    inclusive = f"<ec:InclusiveNamespaces xmlns:ec={quoteattr(_EXCLUSIVE)} PrefixList={quoteattr(prefixes)}/>"
    return (
        f'<ds:Signature xmlns:ds="{_DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{_EXCLUSIVE}"/>'
        f'<ds:SignatureMethod Algorithm="{algorithm}"/><ds:Reference URI="#{element_id}"><ds:Transforms>'
        f'<ds:Transform Algorithm="{_DS}enveloped-signature"/><ds:Transform Algorithm="{_EXCLUSIVE}">'
        f'{inclusive if prefixes else ""}</ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="{digest}"/>'
        "<ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data/></ds:KeyInfo>"
        "</ds:Signature>"
    )


def _response(
    p: Parties, name_id: str, claims: Mapping[str, str], ids: tuple[str, str], parts: tuple[str, str], whole: bool
) -> str:
    """The document before signing. `whole`: the Assertion declares the prefixes it uses itself, too."""
    declared = (
        f' xmlns:saml="{_SAML}assertion" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xmlns:xs="http://www.w3.org/2001/XMLSchema"'
    )
    now = datetime.now(UTC).replace(microsecond=0)
    at, until = now.strftime("%Y-%m-%dT%H:%M:%SZ"), (now + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    attributes = "".join(
        f'<saml:Attribute Name={quoteattr(n)}><saml:AttributeValue xsi:type="xs:string">{escape(v)}'
        "</saml:AttributeValue></saml:Attribute>"
        for n, v in claims.items()
    )
    return (
        f'<samlp:Response xmlns:samlp="{_SAML}protocol"{declared} ID="{ids[0]}" Version="2.0" IssueInstant="{at}" '
        f'Destination="{p.acs}"><saml:Issuer>{p.idp}</saml:Issuer>'
        f'{parts[0]}<samlp:Status><samlp:StatusCode Value="{_SAML}status:Success"/></samlp:Status>'
        f'<saml:Assertion{declared if whole else ""} ID="{ids[1]}" Version="2.0" IssueInstant="{at}">'
        f"<saml:Issuer>{p.idp}</saml:Issuer>{parts[1]}"
        f'<saml:Subject><saml:NameID Format="{EMAIL}">{name_id}</saml:NameID><saml:SubjectConfirmation '
        f'Method="{_SAML}cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="{until}" Recipient="{p.acs}"/>'
        f'</saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{at}" NotOnOrAfter="{until}">'
        f"<saml:AudienceRestriction><saml:Audience>{p.sp}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
        f'<saml:AuthnStatement AuthnInstant="{at}" SessionIndex="_s"><saml:AuthnContext><saml:AuthnContextClassRef>'
        f"{UNSPECIFIED}</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>"
        f"{attributes}</saml:AttributeStatement></saml:Assertion></samlp:Response>"
    )


def _run(folder: Path, document: str, *arguments: str) -> str:
    source, made = folder / "source.xml", folder / "made.xml"
    source.write_text(document, encoding="utf-8")
    command = ["xmlsec1", *arguments, "--output", str(made), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return made.read_text(encoding="utf-8")


def _sign(p: Parties, folder: Path, document: str, path: str) -> str:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    key.write_text(p.key)
    certificate.write_text(p.certificate)
    return _run(
        folder, document, "--sign", "--privkey-pem", f"{key},{certificate}",
        "--id-attr:ID", f"{_SAML}assertion:Assertion", "--id-attr:ID", f"{_SAML}protocol:Response",
        "--node-xpath", f"/*[local-name()='Response']/{path}*[local-name()='Signature']",
    )  # fmt: skip


def _encrypt(p: Parties, folder: Path, document: str, block: str, transport: str) -> str:
    """Wraps the assertion, and lets xmlsec1 encrypt it in place."""
    certificate = folder / "sp.pem"
    certificate.write_text(p.sp_certificate)
    template = folder / "template.xml"
    template.write_text(
        f'<xenc:EncryptedData xmlns:xenc="{_XMLENC}" Type="{_XMLENC}Element"><xenc:EncryptionMethod '
        f'Algorithm="{block}"/><ds:KeyInfo xmlns:ds="{_DS}"><xenc:EncryptedKey><xenc:EncryptionMethod '
        f'Algorithm="{transport}"/><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{body_of(p.sp_certificate)}'
        "</ds:X509Certificate></ds:X509Data></ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData>"
        "</xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>",
        encoding="utf-8",
    )
    before, opening, rest = document.partition("<saml:Assertion")
    assertion, closing, after = rest.partition("</saml:Assertion>")
    data = folder / "data.xml"
    wrapped = f"{before}<saml:EncryptedAssertion>{opening}{assertion}{closing}</saml:EncryptedAssertion>{after}"
    data.write_text(wrapped, encoding="utf-8")
    size = next(s for s in _SESSION_KEYS if f"aes{s}" in block)
    return _run(
        folder, template.read_text(encoding="utf-8"), "--encrypt", "--pubkey-cert-pem", str(certificate),
        "--session-key", _SESSION_KEYS[size], "--xml-data", str(data),
        "--node-xpath", "/*[local-name()='Response']/*[local-name()='EncryptedAssertion']/*",
    )  # fmt: skip


def issue(
    p: Parties,
    name_id: str,
    claims: Mapping[str, str],
    folder: Path,
    *,
    signed: str,
    algorithm: str,
    digest: str,
    prefixes: str = "",
    block: str | None = None,
    transport: str = _XMLENC + "rsa-oaep-mgf1p",
    whole: bool = True,
) -> bytes:
    """A response that xmlsec1 has signed and, with a `block` cipher, encrypted: the assertion, then the response."""
    ids = ("_" + secrets.token_hex(16), "_" + secrets.token_hex(16))
    empty = [_signature(i, algorithm, digest, prefixes) for i in ids]
    parts = (empty[0] if signed != "assertion" else "", empty[1] if signed != "response" else "")
    document = _response(p, name_id, claims, ids, parts, whole)
    if signed != "response":
        document = _sign(p, folder, document, "*[local-name()='Assertion']/")
    if block is not None:
        document = _encrypt(p, folder, document, block, transport)
    if signed != "assertion":
        document = _sign(p, folder, document, "")
    return document.encode()
