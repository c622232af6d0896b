"""Why the signature does not carry the message: not there, not ours, not intact, not about what is read; and
encryption.
"""

from __future__ import annotations

from app.saml.checks.registry import CheckResult
from app.saml.diagnoses.registry import Diagnosis, Evidence, row, said

_METADATA = (
    "Paste the current federation metadata of the IdP in Settings; it adds the new key and keeps the old one while "
    "both are in use."
)


row(
    Diagnosis(
        "duplicate-id",
        "Two elements have the same ID",
        "idp-admin",
        ("xml-id-unique",),
        "The same ID stands on two elements, so nobody can tell which of them the signature is about.",
        {
            "generic": (
                "Make the IdP give Response and Assertion IDs of their own. If it usually does, treat the "
                "message as forged."
            )
        },
        ("group:signature", "group:structure", "enc-plaintext-hardening"),
    )
)
row(
    Diagnosis(
        "signature-wrapping",
        "What is read is not what was signed",
        "sp-admin",
        (
            "structure-single-assertion",
            "structure-assertion-position",
            "structure-no-nested-message",
            "signature-position",
            "signature-single",
            "signature-no-object",
            "signature-reference-target",
            "signature-reference-count",
            "signature-binding",
            "enc-not-mixed",
        ),
        lambda _e, r: (
            f"There is more in this message than the one signed assertion: {_lower(r.message)} This is how "
            "signature wrapping (XSW) works."
        ),
        {
            "generic": (
                "Do not let anybody in with this message. If the IdP itself writes several assertions or adds "
                "elements after signing, make it send one."
            )
        },
        ("group:signature", "group:structure", "group:encryption", "xml-id-unique", "xml-attribute-pollution"),
    )
)
row(
    Diagnosis(
        "markup-inside-value",
        "There is markup inside a value that identifies somebody",
        "idp-admin",
        ("xml-mixed-content", "xml-comments", "xml-no-pi"),
        lambda _e, r: (
            f"{r.message} Some programs read only the part before it, and take one person for another (CVE-2017-11427)."
        ),
        {
            "generic": (
                "Do not let anybody in with this message. The value must be one piece of plain text without "
                "comments or elements."
            )
        },
        ("group:signature", "schema-valid", "claim-simple-content", "nameid-email-syntax", "claim-imagekit-id"),
    )
)


def _nothing_signed(evidence: Evidence, _: CheckResult) -> str | None:
    if evidence.case.signatures:
        return None
    return "Neither the Response nor the assertion is signed, so anybody could have written this message."


row(
    Diagnosis(
        "nothing-signed",
        "Nothing is signed",
        "idp-admin",
        ("signature-present",),
        _nothing_signed,
        {
            "generic": "Switch signing of the assertion (or of the Response) on for this application.",
            "entra": "SAML Certificates > Edit > Signing option: Sign SAML assertion.",
            "okta": "SAML settings > Show advanced settings: Assertion Signature Signed.",
            "onelogin": "Configuration: SAML signature element Assertion or Both.",
            "adfs": "Set-AdfsRelyingPartyTrust -SamlResponseSignature AssertionOnly.",
        },
        ("signature-policy", "enc-signature-required"),
    )
)
row(
    Diagnosis(
        "signed-elsewhere",
        "The signature is not where it is wanted",
        "idp-admin",
        ("signature-policy",),
        said,
        {
            "generic": "Sign the part that the policy asks for, or change the policy here.",
            "entra": "SAML Certificates > Signing option: Sign SAML response, Sign SAML assertion, or both.",
            "okta": "SAML settings: the two switches Response and Assertion Signature.",
            "onelogin": "Configuration: SAML signature element Response, Assertion or Both.",
            "adfs": (
                "Set-AdfsRelyingPartyTrust -SamlResponseSignature AssertionOnly, MessageOnly or MessageAndAssertion."
            ),
        },
        ("signature-present",),
        warnings=True,
    )
)


def _rollover(_: Evidence, result: CheckResult) -> str:
    return (
        f"{result.message} Either the IdP changed its signing certificate (rollover), the metadata belongs to another "
        "application or tenant, or the message is forged. A certificate inside the message proves nothing."
    )


row(
    Diagnosis(
        "certificate-rollover",
        "Signed with a certificate that is not configured",
        "sp-admin",
        ("signature-key-trusted", "signature-keyinfo-consistent", "issuer-key-binding"),
        _rollover,
        {
            "generic": (
                "Compare the fingerprint with the IdP's current certificate by another way than this message. "
                f"{_METADATA}"
            ),
            "entra": (
                "SAML Certificates shows the active thumbprint; every application has its own. Download "
                f"Federation Metadata XML. {_METADATA}"
            ),
            "okta": (
                f"Sign On > SAML Signing Certificates: see which one is active, and open its IdP metadata. {_METADATA}"
            ),
            "onelogin": f"SSO > X.509 Certificate: View Details; then More Actions > SAML Metadata. {_METADATA}",
            "adfs": (
                "Token-signing certificates roll over by themselves once a year. Read FederationMetadata.xml "
                f"again. {_METADATA}"
            ),
        },
        ("group:signature", "enc-signature-required"),
    )
)
row(
    Diagnosis(
        "sha1-signature",
        "Signed with SHA-1 or another outdated method",
        "idp-admin",
        (
            "crypto-sha1",
            "crypto-md5",
            "crypto-sigalg",
            "crypto-digest",
            "crypto-dsa",
            "crypto-no-hmac",
            "crypto-hmac-length",
        ),
        said,
        {
            "generic": "Choose RSA-SHA256 as signature algorithm and SHA256 as digest.",
            "entra": "SAML Certificates > Edit > Signing algorithm: SHA-256.",
            "okta": "SAML settings > advanced: Signature Algorithm RSA-SHA256, Digest Algorithm SHA256.",
            "onelogin": "SSO: SAML Signature Algorithm SHA-256.",
            "adfs": "Properties of the relying party > Advanced: Secure hash algorithm SHA-256.",
        },
        (
            "group:crypto",
            "signature-present",
            "signature-all-verified",
            "signature-value",
            "signature-digest",
            "signature-agreement",
            "signature-key-match",
            "signature-binding",
        ),
        warnings=True,
    )
)


def _digest(evidence: Evidence, _: CheckResult) -> str:
    told = "The signature was made with the right key, but what it covers has been changed since"
    if b"\n  <" in evidence.case.decoded.data or b"\n\t<" in evidence.case.decoded.data:
        return f"{told}. The text is indented: it is probably a pretty-printed copy, and not a forgery."
    if b"\r\n" in evidence.case.decoded.data or b"&#13;" in evidence.case.decoded.data:
        return f"{told}. It has Windows line ends, which an editor or a proxy may have added."
    return f"{told}: a value was edited, or a proxy or a tool wrote the XML anew."


row(
    Diagnosis(
        "changed-after-signing",
        "The content was changed after signing",
        "user",
        ("signature-digest",),
        _digest,
        {
            "generic": (
                "Capture the message again, raw, from the POST to the ACS URL, not from a formatted view. If "
                "it fails there too, look for a proxy that rewrites the body; otherwise somebody has changed it."
            )
        },
        ("group:signature", "enc-signature-required"),
    )
)
row(
    Diagnosis(
        "signature-value-wrong",
        "The signature does not fit the key",
        "idp-admin",
        (
            "signature-value",
            "signature-c14n-failure",
            "signature-agreement",
            "crypto-alg-key-type",
            "encoding-redirect-signature",
        ),
        said,
        {
            "generic": (
                f"The signature was damaged, made with another key under the name of this one, or forged. {_METADATA}"
            )
        },
        ("group:signature", "enc-signature-required"),
    )
)


def _malformed(evidence: Evidence, result: CheckResult) -> str | None:
    no_issuer = evidence.failed("issuer-assertion-present", "issuer-response-match")
    if result.id == "structure-signature-order" and no_issuer:
        return None  # The signature stands in the wrong place because the Issuer before it is missing.
    return result.message


row(
    Diagnosis(
        "signature-malformed",
        "The signature is not built as SAML prescribes",
        "idp-admin",
        (
            "signature-structure",
            "signature-reference-uri",
            "signature-transforms",
            "signature-c14n",
            "signature-no-comments",
            "signature-keyinfo-children",
            "structure-signature-order",
            "signature-all-verified",
        ),
        _malformed,
        {
            "generic": (
                "Let a maintained SAML library sign: one enveloped signature right after the Issuer, one "
                "reference to the ID of its parent, exclusive canonicalisation."
            )
        },
        ("group:signature", "schema-valid"),
    )
)
row(
    Diagnosis(
        "weak-key",
        "The signing key is too weak",
        "idp-admin",
        ("crypto-rsa-size", "crypto-ec-curve", "crypto-rsa-exponent"),
        said,
        {"generic": f"Make a new signing certificate with RSA 2048 or more, or the curve P-256. Then: {_METADATA}"},
        ("group:signature",),
        warnings=True,
    )
)
row(
    Diagnosis(
        "test-key",
        "Signed with a key that is known to be for tests",
        "sp-admin",
        ("cert-known-test-key",),
        said,
        {"generic": "Anybody may have this key. Configure the metadata of the real IdP instead."},
    )
)
row(
    Diagnosis(
        "certificate-expired",
        "The signing certificate has expired, is not valid yet, or soon expires",
        "idp-admin",
        ("cert-validity", "cert-expiring"),
        said,
        {
            "generic": f"Make a new signing certificate at the IdP before others refuse this one. {_METADATA}",
            "entra": (
                "SAML Certificates > New certificate, then Make certificate active. Mails announce the end "
                "60, 30 and 7 days before."
            ),
            "okta": "Sign On > SAML Signing Certificates: Generate new certificate, then activate it.",
            "onelogin": "Security > Certificates: New, then choose it under SSO of the application.",
            "adfs": "Update-AdfsCertificate -CertificateType Token-Signing, or wait for the automatic rollover.",
        },
        warnings=True,
    )
)
row(
    Diagnosis(
        "certificate-damaged",
        "A certificate cannot be read",
        "idp-admin",
        ("cert-parse",),
        said,
        {
            "generic": (
                "Put exactly one certificate into X509Certificate: base64 of the DER bytes, without BEGIN and "
                "END lines."
            )
        },
        warnings=True,
    )
)
row(
    Diagnosis(
        "cannot-decrypt",
        "The assertion is encrypted and cannot be opened",
        "idp-admin",
        ("enc-key-available",),
        said,
        {
            "generic": (
                "Upload the current encryption certificate of the service provider at the IdP, or switch "
                "encryption off: the connection is encrypted anyway."
            ),
            "entra": "Token encryption: import our certificate and activate it, or remove it.",
            "okta": "SAML settings > Assertion Encryption: Unencrypted, or upload our certificate.",
            "onelogin": "Configuration: Encrypt assertion off, or our certificate under SAML Encryption.",
            "adfs": "Encryption tab of the relying party, or Set-AdfsRelyingPartyTrust -EncryptClaims $false.",
        },
        ("group:encryption", "group:structure", "signature-present", "signature-policy"),
    )
)
row(
    Diagnosis(
        "encryption-unsupported",
        "The encryption is of a kind that is refused",
        "idp-admin",
        (
            "enc-key-transport",
            "enc-block-alg",
            "enc-structure",
            "enc-no-external",
            "enc-gcm-length",
            "enc-plaintext-type",
            "enc-plaintext-hardening",
        ),
        said,
        {"generic": "Use AES-128-GCM or AES-256-GCM with RSA-OAEP, and encrypt exactly one signed Assertion."},
        ("group:encryption", "signature-present", "schema-valid"),
        warnings=True,
    )
)
row(
    Diagnosis(
        "encrypted-not-signed",
        "The assertion is encrypted but not signed",
        "idp-admin",
        ("enc-signature-required",),
        "The assertion could be decrypted, but nothing vouches for it: the encryption certificate is "
        "public, so anybody can encrypt.",
        {"generic": "Sign the assertion before it is encrypted."},
        ("signature-present", "signature-policy"),
    )
)


def _unsigned(evidence: Evidence, result: CheckResult) -> str | None:
    return result.message if evidence.case.signatures else None


row(
    Diagnosis(
        "assertion-not-covered",
        "No good signature covers the assertion",
        "idp-admin",
        ("signature-present",),
        _unsigned,
        {"generic": "Sign the assertion itself, or the whole Response."},
        ("group:signature",),
    )
)


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
