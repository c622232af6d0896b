"""Algorithms and keys that a service provider must not accept, and certificates it should only warn about."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator import names
from simulator.draft import Draft
from simulator.faults.registry import Expects, Family, Setup, nothing

crypto = Family("crypto")


def _row(
    fault_id: str,
    summary: str,
    breaks: str | None,
    *accepts: str,
    expects: Expects = "reject",
    metadata: str = "default",
    reference: str = "",
    kind: str = "H",
    **knobs: Any,
) -> None:
    crypto.row(
        fault_id,
        lambda d: d.seal(**knobs),
        summary,
        breaks,
        *accepts,
        expects=expects,
        setup=Setup(metadata=metadata),
        reference=reference,
        kind=kind,  # type: ignore[arg-type]  # one of the three letters
    )


_row(
    "crypto-sha1-signature",
    "RSA with SHA-1.",
    "crypto-sha1",
    "crypto-sigalg",
    signature_algorithm=names.RSA_SHA1,
    digest_algorithm=names.SHA1,
    reference="SP 800-131A",
)
_row(
    "crypto-sha1-digest-only",
    "The signature uses SHA-256, the digest SHA-1.",
    "crypto-sha1",
    "crypto-digest",
    digest_algorithm=names.SHA1,
)
_row(
    "crypto-sha1-signature-only",
    "The digest uses SHA-256, the signature SHA-1.",
    "crypto-sha1",
    "crypto-sigalg",
    signature_algorithm=names.RSA_SHA1,
)
_row(
    "crypto-sha1-c14n-mixed",
    "SHA-1 in both places, and inclusive canonicalisation of SignedInfo, as toolkits of 2005 signed.",
    "crypto-sha1",
    "signature-c14n",
    signature_algorithm=names.RSA_SHA1,
    digest_algorithm=names.SHA1,
    c14n=names.INCLUSIVE,
)
_row("crypto-md5", "The SignatureMethod says MD5.", "crypto-md5", "crypto-sigalg", signature_algorithm=names.RSA_MD5)
_row(
    "crypto-ripemd",
    "The SignatureMethod says RIPEMD-160.",
    "crypto-md5",
    "crypto-sigalg",
    signature_algorithm=names.RSA_RIPEMD,
)
_row(
    "crypto-unknown",
    "The SignatureMethod is one nobody knows.",
    "crypto-sigalg",
    "crypto-md5",
    signature_algorithm="urn:example:signature:unknown",
)
_row("crypto-empty-alg", "The SignatureMethod is empty.", "crypto-sigalg", "crypto-md5", signature_algorithm="")
_row(
    "crypto-digest-unknown",
    "The DigestMethod is one nobody knows.",
    "crypto-digest",
    digest_algorithm="urn:example:digest:unknown",
    digest_hash="sha256",
)


def _hmac(fault_id: str, form: str, summary: str, length: int | None = None) -> None:
    def apply(d: Draft) -> None:
        pair = d.key()
        public = pair.key.public_key()
        if form == "pem":
            secret = pair.pem
        elif form == "spki":
            secret = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        else:
            assert isinstance(public, rsa.RSAPublicKey)
            n = public.public_numbers().n
            secret = n.to_bytes((n.bit_length() + 7) // 8, "big")
        d.name_id(value=d.victim)
        d.seal(
            key=secret,
            certificates=(pair,),
            signature_algorithm=names.HMAC_SHA256,
            hmac_output_length=length,
        )

    first, rest = ("crypto-no-hmac", ()) if length is None else ("crypto-hmac-length", ("crypto-no-hmac",))
    crypto.row(
        fault_id,
        apply,
        summary,
        first,
        *rest,
        kind="U",
        reference="GHSA-6vx8-pcwv-xhf4" if length is None else "CVE-2009-0217",
    )


_hmac("crypto-hmac-public-key", "pem", "HMAC with the PEM of the public certificate as its secret.")
_hmac("crypto-hmac-public-key-spki", "spki", "HMAC with the public key in DER as its secret.")
_hmac("crypto-hmac-public-key-modulus", "modulus", "HMAC with the modulus as its secret.")
_hmac("crypto-hmac-truncated", "pem", "HMACOutputLength 8: one guess in 256 fits.", 8)
_hmac("crypto-hmac-truncated-zero", "pem", "HMACOutputLength 0: everything fits.", 0)

_row(
    "crypto-alg-key-mismatch",
    "The SignatureMethod says ECDSA, the key is RSA.",
    "crypto-alg-key-type",
    "signature-value",
    signature_algorithm=names.ECDSA_SHA256,
)
_row(
    "crypto-alg-key-mismatch-ec",
    "The SignatureMethod says RSA, the key is EC.",
    "crypto-alg-key-type",
    "signature-value",
    key="ec-p256",
    signature_algorithm=names.RSA_SHA256,
    metadata="ec-p256",
)
_row("crypto-rsa-1024", "A key of 1024 bits.", "crypto-rsa-size", key="rsa-1024", metadata="rsa-1024")
_row(
    "crypto-rsa-e3",
    "A key with the public exponent 3: worth a warning.",
    "crypto-rsa-exponent",
    expects="accept",
    key="rsa-e3",
    metadata="rsa-e3",
)
for _curve, _title in (("ec-p192", "P-192"), ("ec-brainpool", "Brainpool P256r1"), ("ec-secp256k1", "secp256k1")):
    _row(
        f"crypto-{_curve}", f"ECDSA on {_title}.", "crypto-ec-curve", key=_curve, metadata=_curve, reference="SDP-MD07"
    )
_row("crypto-dsa", "A DSA signature.", "crypto-dsa", "crypto-sigalg", key="dsa", metadata="dsa", reference="FIPS 186-5")
_row(
    "crypto-rollover-old-key",
    "Signed with the key that was taken out of the metadata: the service provider was updated too early.",
    "signature-key-trusted",
    key="old",
)
_row(
    "crypto-rollover-new-unpublished",
    "Signed with the next key, which the service provider's copy of the metadata does not list yet.",
    "signature-key-trusted",
    key="next",
    reference="key rollover",
)
_row(
    "crypto-rollover-both",
    "The metadata lists both keys, the old one signs.",
    None,
    expects="accept",
    metadata="both-keys",
)


def _certificate(fault_id: str, variant: str, breaks: str, summary: str) -> None:
    def apply(d: Draft) -> None:
        d.seal(certificates=(d.keys.pair("current", variant),))  # type: ignore[arg-type]  # one of the variants

    crypto.row(fault_id, apply, summary, breaks, expects="accept", setup=Setup(metadata=f"{variant}-certificate"))


_certificate("crypto-cert-expired", "expired", "cert-validity", "The trusted certificate has expired: worth a warning.")
_certificate(
    "crypto-cert-future", "future", "cert-validity", "The trusted certificate is not yet valid: worth a warning."
)
_row(
    "crypto-cert-swapped-same-dn",
    "Another key under a certificate with the very names and serial of the trusted one.",
    "signature-key-trusted",
    "signature-value",
    key="attacker",
)
_row(
    "crypto-ecdsa-der",
    "The ECDSA value is DER instead of r‖s.",
    "signature-value",
    key="ec-p256",
    metadata="ec-p256",
    der=True,
    reference="RFC 9231 §2.3.6",
)

crypto.row(
    "crypto-test-key-in-production",
    nothing,
    "A good message from this test identity provider reaches an account that does not test: its key must be known.",
    "cert-known-test-key",
    setup=Setup(test_idp_trusted=False),
    reference="CWE-321, Golden SAML",
    alters=False,
)
