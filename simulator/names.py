"""Namespaces and URIs that the simulator writes: a second list on purpose, shared with nobody."""

from __future__ import annotations

from typing import Final

SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
MD: Final = "urn:oasis:names:tc:SAML:2.0:metadata"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
DSIG11: Final = "http://www.w3.org/2009/xmldsig11#"
XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"
XS: Final = "http://www.w3.org/2001/XMLSchema"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
SAML1: Final = "urn:oasis:names:tc:SAML:1.0:assertion"
FOREIGN: Final = "urn:example:foreign"

BINDING_POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
BINDING_REDIRECT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
BINDING_ARTIFACT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact"
PROTOCOL: Final = SAMLP

STATUS: Final = "urn:oasis:names:tc:SAML:2.0:status:"
SUCCESS: Final = STATUS + "Success"
PARTIAL_LOGOUT: Final = STATUS + "PartialLogout"
REASON_USER: Final = "urn:oasis:names:tc:SAML:2.0:logout:user"

FORMAT_EMAIL: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
FORMAT_UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
FORMAT_X509: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"
FORMAT_WINDOWS: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:WindowsDomainQualifiedName"
FORMAT_PERSISTENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
FORMAT_TRANSIENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
FORMAT_ENTITY: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"

NAME_UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified"
NAME_BASIC: Final = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
NAME_URI: Final = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"

BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
HOLDER_OF_KEY: Final = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"
SENDER_VOUCHES: Final = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"

AC: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
AC_PASSWORD: Final = AC + "Password"
AC_PROTECTED: Final = AC + "PasswordProtectedTransport"
AC_UNSPECIFIED: Final = AC + "unspecified"

ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
EXCLUSIVE_COMMENTS: Final = EXCLUSIVE + "WithComments"
INCLUSIVE: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
INCLUSIVE_COMMENTS: Final = INCLUSIVE + "#WithComments"

SHA1: Final = DS + "sha1"
SHA256: Final = XENC + "sha256"
SHA384: Final = "http://www.w3.org/2001/04/xmldsig-more#sha384"
SHA512: Final = XENC + "sha512"

_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
RSA_SHA1: Final = DS + "rsa-sha1"
RSA_SHA256: Final = _MORE + "rsa-sha256"
RSA_SHA384: Final = _MORE + "rsa-sha384"
RSA_SHA512: Final = _MORE + "rsa-sha512"
RSA_MD5: Final = _MORE + "rsa-md5"
RSA_RIPEMD: Final = _MORE + "rsa-ripemd160"
PSS_SHA256: Final = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"
ECDSA_SHA256: Final = _MORE + "ecdsa-sha256"
ECDSA_SHA384: Final = _MORE + "ecdsa-sha384"
ECDSA_SHA512: Final = _MORE + "ecdsa-sha512"
DSA_SHA256: Final = "http://www.w3.org/2009/xmldsig11#dsa-sha256"
HMAC_SHA256: Final = _MORE + "hmac-sha256"

RSA_15: Final = XENC + "rsa-1_5"
RSA_OAEP_MGF1P: Final = XENC + "rsa-oaep-mgf1p"
RSA_OAEP: Final = XENC11 + "rsa-oaep"
AES128_CBC: Final = XENC + "aes128-cbc"
AES256_CBC: Final = XENC + "aes256-cbc"
TRIPLEDES_CBC: Final = XENC + "tripledes-cbc"
AES128_GCM: Final = XENC11 + "aes128-gcm"
AES256_GCM: Final = XENC11 + "aes256-gcm"
TYPE_ELEMENT: Final = XENC + "Element"
TYPE_CONTENT: Final = XENC + "Content"

NS: Final = {"saml": SAML, "samlp": SAMLP, "ds": DS, "xenc": XENC, "md": MD}


def q(namespace: str, local: str) -> str:
    """The Clark name that lxml uses."""
    return f"{{{namespace}}}{local}"
