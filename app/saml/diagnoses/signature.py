"""Why the signature does not carry the message: not there, not ours, not intact, not about what is read; and
encryption.
"""

from __future__ import annotations

from functools import partial

from app.saml.checks.registry import CheckResult
from app.saml.diagnoses.registry import Diagnosis, Evidence, Explained, SettingsChange, row, said
from app.saml.names import SAML1

_Row = partial(Diagnosis, stage="signature")
_COMPUTED = "It was computed, by our own verifier."


row(
    _Row(
        id="duplicate-id",
        number="D26",
        title="Two elements have the same ID",
        who="idp-admin",
        checks=("xml-id-unique",),
        cause="The same ID stands on two elements, so nobody can tell which of them the signature is about.",
        consequences=("group:signature", "group:structure", "enc-plaintext-hardening"),
        fault="xsw7",
        is_vendor_neutral=True,
    )
)
#: Checks whose failure means that there is something more; of what can also be missing, see _wrapping.
_MORE = (
    "structure-assertion-position",
    "structure-no-nested-message",
    "signature-position",
    "signature-single",
    "signature-no-object",
    "signature-reference-target",
    "signature-binding",
    "enc-not-mixed",
)


def _wrapping(evidence: Evidence, result: CheckResult) -> str | None:
    """Too few is no wrapping: without an assertion, or a reference in the signature, nobody is led astray."""
    root = result if result.actual != "0" else evidence.failed(*_MORE)
    if root is None:
        return None
    return (
        f"There is more in this message than the one signed assertion: {_lower(root.message)} This is how signature "
        "wrapping (XSW) works."
    )


row(
    _Row(
        id="signature-wrapping",
        number="D25",
        title="What is read is not what was signed",
        who="sp-admin",
        checks=(
            "structure-single-assertion",
            "signature-reference-count",
            *_MORE,
        ),
        cause=_wrapping,
        consequences=(
            "group:signature",
            "group:structure",
            "group:encryption",
            "xml-id-unique",
            "xml-attribute-pollution",
        ),
        fault="xsw3",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="markup-inside-value",
        number="D27",
        title="There is markup inside a value that identifies somebody",
        who="idp-admin",
        checks=("xml-mixed-content", "xml-comments", "xml-no-pi"),
        cause=lambda _e, r: (
            f"{r.message} Some programs read only the part before it, and take one person for another (CVE-2017-11427)."
        ),
        consequences=(
            "group:signature",
            "schema-valid",
            "claim-simple-content",
            "nameid-email-syntax",
            "claim-imagekit-id",
        ),
        fault="c14n-comment-nameid",
        is_vendor_neutral=True,
    )
)


def _no_assertion(evidence: Evidence, result: CheckResult) -> str:
    old = evidence.failed("structure-version")
    return old.message if old is not None and old.actual == SAML1 else result.message


row(
    _Row(
        id="assertion-missing",
        number="D13",
        title="There is no SAML 2.0 assertion in it",
        who="idp-admin",
        checks=("structure-single-assertion",),
        cause=_no_assertion,
        consequences=("group:signature", "group:structure"),
        fault="status-no-assertion",
        is_vendor_neutral=True,
    )
)


def _sign_either(evidence: Evidence, result: CheckResult) -> SettingsChange | None:
    """Our policy asks for the other part, and what is signed is well signed by a trusted key."""
    policy = evidence.case.expectation.policy.signed_part
    valid = sorted({f.covers.lower() for f in evidence.case.signatures if f.status == "valid" and f.in_place})
    if result.id != "signature-policy" or policy == "either" or not valid or not evidence.is_vouched_for:
        return None
    return SettingsChange(
        "signed_part",
        policy,
        "either",
        f"The {valid[0]} is signed by a trusted key. With “either” that is enough; the identity of the person is then "
        "read from the signed part only, as always.",
    )


def _nothing_signed(evidence: Evidence, _: CheckResult) -> str | None:
    if evidence.case.signatures or _was_decrypted(evidence):
        return None
    return "Neither the Response nor the assertion is signed, so anybody could have written this message."


def _was_decrypted(evidence: Evidence) -> bool:
    decryption = evidence.case.decryption
    return decryption is not None and decryption.document is not None


row(
    _Row(
        id="nothing-signed",
        number="D17",
        title="Nothing is signed",
        who="idp-admin",
        checks=("signature-present",),
        cause=_nothing_signed,
        consequences=("signature-policy", "enc-signature-required"),
        fault="sig-none",
    )
)
row(
    _Row(
        id="signed-elsewhere",
        number="D18",
        title="The signature is not where it is wanted",
        who="idp-admin",
        checks=("signature-policy",),
        cause=said,
        consequences=("signature-present",),
        warnings=True,
        fault="sig-assertion-only-when-response-required",
        change=_sign_either,
    )
)


def _rollover(evidence: Evidence, result: CheckResult) -> Explained:
    sentence = (
        f"{result.message} Either the IdP changed its signing certificate (rollover), the metadata belongs to another "
        "application or tenant, or the message is forged. A certificate inside the message proves nothing."
    )
    if any(f.rollover for f in evidence.case.signatures):
        return Explained(sentence, "likely", "The certificate in the message has the subject of the configured one.")
    return Explained(sentence, "possible", "Nothing in the message tells a rollover from a forgery.")


row(
    _Row(
        id="certificate-rollover",
        number="D19",
        title="Signed with a certificate that is not configured",
        who="sp-admin",
        checks=("signature-key-trusted", "signature-keyinfo-consistent", "issuer-key-binding"),
        cause=_rollover,
        consequences=("group:signature", "enc-signature-required"),
        fault="crypto-rollover-new-unpublished",
    )
)
row(
    _Row(
        id="sha1-signature",
        number="D22",
        title="Signed with SHA-1 or another method that is refused",
        who="idp-admin",
        checks=(
            "crypto-no-hmac",
            "crypto-hmac-length",
            "crypto-sha1",
            "crypto-md5",
            "crypto-sigalg",
            "crypto-digest",
            "crypto-dsa",
        ),
        cause=said,
        consequences=(
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
        fault="crypto-sha1-signature",
    )
)


_CHANGED = "What is signed was changed after signing"


def _digest(evidence: Evidence, result: CheckResult) -> Explained:
    changed = [f for f in evidence.case.signatures if f.digest_ok is False or not f.declared_digest]
    if any(f.reformatted for f in changed):
        return Explained(
            f"{_CHANGED}. The text is indented: it is a pretty-printed copy, and not a forgery.",
            "certain",
            "The digest is right once the white space between the elements is left out.",
        )
    if all(not f.declared_digest for f in changed):
        return Explained(f"{result.message} Whatever it covers could have been changed.")
    if not any(f.trusted and f.value_ok for f in changed):
        return Explained(
            f"{_CHANGED}: neither its digest nor the SignatureValue fits. A tool wrote the XML anew, or somebody "
            "edited it.",
            "likely",
            "Neither of the two fits, and no trusted key was recognised.",
        )
    told = "The signature was made with the right key, but what it covers has been changed since"
    data = evidence.case.decoded.data
    if b"\n  <" in data or b"\n\t<" in data:
        return Explained(
            f"{told}. The text is indented: it is probably a pretty-printed copy, and not a forgery.",
            "possible",
            "The text is indented, but the digest does not fit without the white space either.",
        )
    if b"\r\n" in data or b"&#13;" in data:
        return Explained(
            f"{told}. It has Windows line ends, which an editor or a proxy may have added.",
            "possible",
            "There are carriage returns in the text.",
        )
    return Explained(
        f"{told}: a value was edited, or a proxy or a tool wrote the XML anew.",
        "likely",
        "The digest does not fit, and the value of the signature does; which of the two it was, is explained on "
        "demand.",
    )


row(
    _Row(
        id="changed-after-signing",
        number="D20",
        title="The content was changed after signing",
        who="user",
        checks=("signature-digest",),
        cause=_digest,
        consequences=("group:signature", "enc-signature-required"),
        fault="sig-tampered-content",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="signature-value-wrong",
        number="D21",
        title="The signature does not fit the key",
        who="idp-admin",
        checks=(
            "signature-value",
            "signature-c14n-failure",
            "signature-agreement",
            "crypto-alg-key-type",
            "encoding-redirect-signature",
        ),
        cause=said,
        consequences=("group:signature", "enc-signature-required"),
        fault="sig-tampered-signedinfo",
        is_vendor_neutral=True,
    )
)


row(
    _Row(
        id="certificate-damaged",
        number="D24",
        title="A certificate cannot be read",
        who="idp-admin",
        checks=("cert-parse",),
        cause=said,
        consequences=("signature-all-verified", "signature-present", "signature-keyinfo-consistent"),
        warnings=True,
    )
)


def _malformed(evidence: Evidence, result: CheckResult) -> str | None:
    no_issuer = evidence.failed("issuer-assertion-present", "issuer-response-match")
    if result.id == "structure-signature-order" and no_issuer:
        return None  # The signature stands in the wrong place because the Issuer before it is missing.
    return result.message


row(
    _Row(
        id="signature-malformed",
        number="D37",
        title="The signature is not built as SAML prescribes",
        who="idp-admin",
        checks=(
            "signature-structure",
            "signature-reference-count",
            "signature-reference-uri",
            "signature-transforms",
            "signature-c14n",
            "signature-no-comments",
            "signature-keyinfo-children",
            "structure-signature-order",
            "signature-all-verified",
        ),
        cause=_malformed,
        consequences=("group:signature", "schema-valid"),
        fault="sig-last-child",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="weak-key",
        number="D24",
        title="The signing key is too weak",
        who="idp-admin",
        checks=("crypto-rsa-size", "crypto-ec-curve", "crypto-rsa-exponent"),
        cause=said,
        consequences=("group:signature",),
        warnings=True,
        fault="crypto-rsa-1024",
    )
)
row(
    _Row(
        id="test-key",
        title="Signed with a key that is known to be for tests",
        who="sp-admin",
        checks=("cert-known-test-key",),
        cause=said,
        fault="crypto-test-key-in-production",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="certificate-expired",
        number="D23",
        title="The signing certificate has expired or is not valid yet",
        who="idp-admin",
        checks=("cert-validity",),
        cause=said,
        warnings=True,
        fault="ok-expired-idp-cert",
    )
)
row(
    _Row(
        id="certificate-expiring",
        number="D23",
        title="The signing certificate will soon expire",
        who="idp-admin",
        checks=("cert-expiring",),
        cause=said,
        warnings=True,
        severity="info",
    )
)
row(
    _Row(
        id="cannot-decrypt",
        number="D28",
        title="The assertion is encrypted and cannot be opened",
        who="idp-admin",
        checks=("enc-key-available",),
        cause=said,
        consequences=("group:encryption", "group:structure", "signature-present", "signature-policy"),
        fault="enc-wrong-recipient",
    )
)
row(
    _Row(
        id="encryption-unsupported",
        number="D28",
        title="The encryption is of a kind that is refused",
        who="idp-admin",
        checks=(
            "enc-key-transport",
            "enc-block-alg",
            "enc-structure",
            "enc-no-external",
            "enc-gcm-length",
            "enc-plaintext-type",
            "enc-plaintext-hardening",
        ),
        cause=said,
        consequences=("group:encryption", "signature-present", "schema-valid"),
        warnings=True,
        fault="enc-rsa15",
    )
)
row(
    _Row(
        id="encrypted-not-signed",
        number="D28",
        title="The assertion is encrypted but not signed",
        who="idp-admin",
        checks=("enc-signature-required",),
        cause=(
            "The assertion could be decrypted, but nothing vouches for it: the encryption certificate is public, so "
            "anybody can encrypt."
        ),
        consequences=("signature-present", "signature-policy"),
        fault="enc-unsigned",
    )
)


def _unsigned(evidence: Evidence, result: CheckResult) -> str | None:
    return result.message if evidence.case.signatures else None


row(
    _Row(
        id="assertion-not-covered",
        number="D17",
        title="No good signature covers the assertion",
        who="idp-admin",
        checks=("signature-present",),
        cause=_unsigned,
        consequences=("group:signature",),
    )
)


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
