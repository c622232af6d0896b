"""Names the specifications fix: namespaces, URIs, algorithm identifiers. No behaviour."""

from __future__ import annotations

from functools import cache
from typing import Final

SAML: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
MD: Final = "urn:oasis:names:tc:SAML:2.0:metadata"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
DSIG11: Final = "http://www.w3.org/2009/xmldsig11#"
XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"
EC: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
XS: Final = "http://www.w3.org/2001/XMLSchema"
XML: Final = "http://www.w3.org/XML/1998/namespace"
SAML1: Final = "urn:oasis:names:tc:SAML:1.0:assertion"
SAMLP1: Final = "urn:oasis:names:tc:SAML:1.0:protocol"
SOAP11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12: Final = "http://www.w3.org/2003/05/soap-envelope"
WST: Final = "http://schemas.xmlsoap.org/ws/2005/02/trust"

#: The prefixes used in every XPath and every sentence this program writes.
PREFIXES: Final = {
    "saml": SAML,
    "samlp": SAMLP,
    "md": MD,
    "ds": DS,
    "dsig11": DSIG11,
    "xenc": XENC,
    "xenc11": XENC11,
    "ec": EC,
    "xsi": XSI,
    "xs": XS,
    "xml": XML,
}

# Bindings (saml-bindings §3).
BINDING_POST: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
BINDING_REDIRECT: Final = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"

# Status codes (saml-core §3.2.2.2).
STATUS: Final = "urn:oasis:names:tc:SAML:2.0:status:"
STATUS_SUCCESS: Final = STATUS + "Success"
STATUS_TOP_LEVEL: Final = frozenset(STATUS + n for n in ("Success", "Requester", "Responder", "VersionMismatch"))

# NameID formats (saml-core §8.3).
NAMEID_UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
NAMEID_EMAIL: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
NAMEID_X509: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"
NAMEID_WINDOWS: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:WindowsDomainQualifiedName"
NAMEID_ENTITY: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
NAMEID_PERSISTENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
NAMEID_TRANSIENT: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"

# Subject confirmation methods (saml-profiles §3).
CM_BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
CM_HOLDER_OF_KEY: Final = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"
CM_SENDER_VOUCHES: Final = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"

AC_UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
AC_PASSWORD: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"  # noqa: S105  a class, not a password
AC_PASSWORD_PROTECTED: Final = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"  # noqa: S105  a class, not a password

# Canonicalisation and transforms (xmldsig-core, xml-exc-c14n).
C14N_EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
C14N_EXCLUSIVE_COMMENTS: Final = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"
C14N_INCLUSIVE: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_INCLUSIVE_COMMENTS: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
C14N_11: Final = "http://www.w3.org/2006/12/xml-c14n11"
TRANSFORM_ENVELOPED: Final = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"

# Digest methods (RFC 9231).
DIGEST_SHA1: Final = "http://www.w3.org/2000/09/xmldsig#sha1"
DIGEST_SHA256: Final = "http://www.w3.org/2001/04/xmlenc#sha256"
DIGEST_SHA384: Final = "http://www.w3.org/2001/04/xmldsig-more#sha384"
DIGEST_SHA512: Final = "http://www.w3.org/2001/04/xmlenc#sha512"
#: Digest URI to the short name that reports use.
DIGESTS: Final = {
    DIGEST_SHA1: "sha1",
    DIGEST_SHA256: "sha256",
    DIGEST_SHA384: "sha384",
    DIGEST_SHA512: "sha512",
    "http://www.w3.org/2001/04/xmldsig-more#sha224": "sha224",
    "http://www.w3.org/2001/04/xmldsig-more#md5": "md5",
    "http://www.w3.org/2001/04/xmlenc#ripemd160": "ripemd160",
}

# Signature methods (RFC 9231): URI to (short name, key family, digest).
SIG_RSA_SHA1: Final = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
SIG_RSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
SIG_RSA_SHA384: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"
SIG_RSA_SHA512: Final = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
SIG_ECDSA_SHA1: Final = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1"
SIG_ECDSA_SHA256: Final = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
SIG_ECDSA_SHA384: Final = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
SIG_ECDSA_SHA512: Final = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"
SIGNATURES: Final = {
    SIG_RSA_SHA1: ("rsa-sha1", "rsa", "sha1"),
    SIG_RSA_SHA256: ("rsa-sha256", "rsa", "sha256"),
    SIG_RSA_SHA384: ("rsa-sha384", "rsa", "sha384"),
    SIG_RSA_SHA512: ("rsa-sha512", "rsa", "sha512"),
    SIG_ECDSA_SHA1: ("ecdsa-sha1", "ec", "sha1"),
    SIG_ECDSA_SHA256: ("ecdsa-sha256", "ec", "sha256"),
    SIG_ECDSA_SHA384: ("ecdsa-sha384", "ec", "sha384"),
    SIG_ECDSA_SHA512: ("ecdsa-sha512", "ec", "sha512"),
    "http://www.w3.org/2000/09/xmldsig#dsa-sha1": ("dsa-sha1", "dsa", "sha1"),
    "http://www.w3.org/2009/xmldsig11#dsa-sha256": ("dsa-sha256", "dsa", "sha256"),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-md5": ("rsa-md5", "rsa", "md5"),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-ripemd160": ("rsa-ripemd160", "rsa", "ripemd160"),
    "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1": ("rsa-pss-sha256", "rsa", "sha256"),
    "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1": ("rsa-pss-sha384", "rsa", "sha384"),
    "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1": ("rsa-pss-sha512", "rsa", "sha512"),
    "http://www.w3.org/2000/09/xmldsig#hmac-sha1": ("hmac-sha1", "hmac", "sha1"),
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256": ("hmac-sha256", "hmac", "sha256"),
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha384": ("hmac-sha384", "hmac", "sha384"),
    "http://www.w3.org/2001/04/xmldsig-more#hmac-sha512": ("hmac-sha512", "hmac", "sha512"),
}

# Encryption (xmlenc-core1).
ENC_RSA_15: Final = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
ENC_RSA_OAEP_MGF1P: Final = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
ENC_RSA_OAEP: Final = "http://www.w3.org/2009/xmlenc11#rsa-oaep"
ENC_AES_128_CBC: Final = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
ENC_AES_192_CBC: Final = "http://www.w3.org/2001/04/xmlenc#aes192-cbc"
ENC_AES_256_CBC: Final = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
ENC_3DES_CBC: Final = "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"
ENC_AES_128_GCM: Final = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
ENC_AES_192_GCM: Final = "http://www.w3.org/2009/xmlenc11#aes192-gcm"
ENC_AES_256_GCM: Final = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
ENC_TYPE_ELEMENT: Final = "http://www.w3.org/2001/04/xmlenc#Element"


@cache
def q(namespace: str, local: str) -> str:
    """The Clark name that lxml uses: q(SAML, "Issuer") is "{urn:...:assertion}Issuer"."""
    return f"{{{namespace}}}{local}"
