"""Checks of algorithms and of the strength of signing keys. What a signature names is read by app.saml.xmldsig."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric import ec

from app.saml.certificates import GOOD_CURVES, CertificateFacts, facts, key_text, short
from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, ok, problem


def signing_certificates(case: Case) -> tuple[CertificateFacts, ...]:
    """The certificates that matter: those that verified a signature, else the configured, else the embedded ones."""
    known: tuple[CertificateFacts, ...] | None = case.memo.get("signing_certificates")
    if known is None:
        found = [f.certificate for f in case.signatures if f.certificate is not None and f.trusted]
        found = found or [t.certificate for t in case.expectation.trusted_keys]
        found = found or [c for f in case.signatures for c in f.embedded[:1]]
        unique = found if len(found) < 2 else dict.fromkeys(found)
        known = case.memo["signing_certificates"] = tuple([facts(c) for c in unique])
    return known


def _listed(values: list[str | None]) -> str:
    return ", ".join(dict.fromkeys(v or "none" for v in values))


@check(
    "crypto-sigalg",
    "the signature method is RSA or ECDSA with SHA-256 or better",
    cites="saml2int SDP-ALG01; RFC 9231",
    needs="signature",
)
def crypto_sigalg(case: Case) -> Outcome:
    """A list of what is allowed, not of what is forbidden: an algorithm that nobody has heard of is refused."""
    return case.outcome("crypto-sigalg", f"{_listed([f.algorithm for f in case.signatures])}.")


@check(
    "crypto-digest",
    "the digest method is SHA-256, SHA-384 or SHA-512",
    cites="saml2int SDP-ALG01",
    needs="signature",
)
def crypto_digest(case: Case) -> Outcome:
    """The digest protects the content; a strong signature over a weak digest protects nothing."""
    return case.outcome("crypto-digest", f"{_listed([f.digest for f in case.signatures])}.")


@check(
    "crypto-sha1",
    "SHA-1 is not used",
    cites="NIST SP 800-131A",
    diagnose=Severity.WARNING,
    needs="signature",
    fine="SHA-1 is used neither for the signature nor for the digest.",
)
def crypto_sha1(_case: Case) -> None:
    """Old AD FS and OneLogin set-ups still sign with SHA-1. Choose SHA-256 in the IdP's signing options."""


@check(
    "crypto-md5",
    "no broken or unknown algorithm is used",
    cites="fedinterop IIP-ALG08",
    needs="signature",
    fine="No broken or unknown algorithm.",
)
def crypto_md5(_case: Case) -> None:
    """MD5 and RIPEMD collisions can be computed on a laptop."""


@check(
    "crypto-no-hmac",
    "the signature does not rest on a shared secret",
    cites="CVE-2009-0217; GHSA-6vx8",
    needs="signature",
    fine="The signature method uses a key pair.",
)
def crypto_no_hmac(_case: Case) -> None:
    """An HMAC made with the IdP's public certificate as the secret can be made by anybody, and some libraries accepted
    it."""


@check(
    "crypto-hmac-length",
    "no truncated HMAC is asked for",
    cites="CVE-2009-0217",
    needs="signature",
    fine="There is no HMACOutputLength.",
)
def crypto_hmac_length(_case: Case) -> None:
    """HMACOutputLength can shorten a value to one bit, which is guessed at the second attempt."""


@check("crypto-rsa-size", "RSA signing keys have 2048 bits or more", cites="saml2int SDP-MD06", needs="signature")
def crypto_rsa_size(case: Case) -> Outcome | None:
    """Keys of 1024 bits are within reach of well-funded attackers. For new keys 3072 bits are recommended."""
    keys = [c for c in signing_certificates(case) if c.family == "rsa"]
    if not keys:
        return not_applicable("There is no RSA key.")
    smallest = keys[0] if len(keys) == 1 else min(keys, key=lambda c: c.bits)
    size = f"{smallest.bits} bits"
    if smallest.bits < 2048:
        return problem(
            f"The signing key {short(smallest.fingerprint)} has only {size}; get a new one.",
            expected="2048 bits or more",
            actual=size,
        )
    return ok(f"RSA with {size}.", actual=size)


@check(
    "crypto-rsa-exponent",
    "RSA keys have a usual public exponent",
    cites="FIPS 186-5 §5.1",
    severity=Severity.WARNING,
    needs="signature",
)
def crypto_rsa_exponent(case: Case) -> Outcome | None:
    """Small exponents such as 3 have let careless implementations accept forged signatures."""
    exponents = [c.exponent for c in signing_certificates(case) if c.family == "rsa"]
    if not exponents:
        return not_applicable("There is no RSA key.")
    smallest = min(exponents)
    if smallest < 65537:
        return problem(
            f"The public exponent of the signing key is {smallest}, smaller than is advised.",
            expected="65537 or more",
            actual=str(smallest),
        )
    return ok(f"The public exponent is {smallest}.")


@check(
    "crypto-ec-curve",
    "elliptic-curve keys use P-256, P-384 or P-521",
    cites="saml2int SDP-MD07",
    needs="signature",
)
def crypto_ec_curve(case: Case) -> Outcome | None:
    """Other curves are weaker or not supported by other products."""
    keys = [
        c.key for c in signing_certificates(case) if c.family == "ec" and isinstance(c.key, ec.EllipticCurvePublicKey)
    ]
    if not keys:
        return not_applicable("There is no elliptic-curve key.")
    other = next((k for k in keys if k.curve.name not in GOOD_CURVES), None)
    if other is not None:
        return problem(
            f"The signing key is on the curve {other.curve.name}, which is not one of those agreed on.",
            expected="P-256, P-384 or P-521",
            actual=other.curve.name,
        )
    return ok(", ".join(sorted({key_text(k) for k in keys})) + ".")


@check(
    "crypto-alg-key-type",
    "signature method and key are of one kind",
    cites="XML Signature Best Practices §2",
    needs="signature",
    fine="The signature method suits the key.",
)
def crypto_alg_key_type(_case: Case) -> None:
    """An ECDSA method with an RSA key, or the other way round: the IdP's key was changed and its setting was not, or
    the message was tampered with."""


@check("crypto-dsa", "DSA is not used", cites="FIPS 186-5", needs="signature")
def crypto_dsa(case: Case) -> Outcome:
    """DSA is withdrawn: one careless random number gives the key away."""
    dsa_keys = [c for c in signing_certificates(case) if c.family == "dsa"]
    if dsa_keys and case.found("crypto-dsa") is None:
        return problem("A configured signing key is a DSA key; the IdP needs a new one.", expected="RSA or EC")
    return case.outcome("crypto-dsa", "No DSA.")
