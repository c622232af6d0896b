"""Checks of the signing certificates. Trust is in the configured key; dates, usage and issuer are only reported."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from app.saml.certificates import CertificateFacts, facts, is_marked_test
from app.saml.checks.crypto import signing_certificates
from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, note, ok, problem

_LONG_LIFE = timedelta(days=3 * 366)


@lru_cache(maxsize=256)
def _own_hash(c: CertificateFacts) -> str | None:
    try:
        algorithm = c.certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return None
    return algorithm.name if algorithm else None


@lru_cache(maxsize=256)
def _refused_use(c: CertificateFacts) -> bool | None:
    """True: not for signing; False: a web server's; None: nothing is against it. ValueError: it cannot be read."""
    certificate = c.certificate
    try:
        usage = certificate.extensions.get_extension_for_oid(ExtensionOID.KEY_USAGE).value
        if isinstance(usage, x509.KeyUsage) and not usage.digital_signature:
            return True
    except x509.ExtensionNotFound:
        pass
    try:
        extended = certificate.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
        if isinstance(extended, x509.ExtendedKeyUsage) and list(extended) == [ExtendedKeyUsageOID.SERVER_AUTH]:
            return False
    except x509.ExtensionNotFound:
        pass
    return None


@check("cert-parse", "embedded certificates can be read", cites="saml-metadata §2.4.1.1", needs="signature")
def cert_parse(case: Case) -> Outcome | None:
    """A certificate that was cut off while copying, or pasted with its PEM header lines, is a common mistake in IdP
    settings. What can be repaired is repaired and told."""
    if case.found("cert-parse") is not None:
        return case.outcome("cert-parse", "")
    repairs = list(dict.fromkeys([r for f in case.signatures for r in f.repairs]))
    if repairs:
        return note(
            f"The embedded certificate could be read, but {' and '.join(repairs)}. Stricter products refuse it."
        )
    for f in case.signatures:
        if f.embedded:
            first = facts(f.embedded[0])
            return ok(f"Embedded: {first.named}.", actual=first.fingerprint)
    return not_applicable("No certificate is embedded.")


@check(
    "cert-validity",
    "the signing certificate is within its dates",
    cites="saml-metadata-iop §2.6; fedinterop IIP-MD12",
    severity=Severity.WARNING,
    needs="signature",
)
def cert_validity(case: Case) -> Outcome | None:
    """SAML trusts the key and not the dates, so an expired certificate only warns unless the policy says otherwise.
    Other products refuse it: renew it at the IdP and load the new metadata here before the old one goes."""
    certificates = signing_certificates(case)
    if not certificates:
        return not_applicable("No certificate is known.")
    severity = Severity.ERROR if case.expectation.policy.reject_expired_certificate else None
    for c in certificates:
        begin, end = c.begins_at, c.ends_at
        if not begin <= case.now <= end:
            state = "expired" if case.now > end else "is not valid yet"
            return problem(
                f"The signing certificate {c.named} {state}. The key still verifies; "
                + ("the policy refuses it." if severity else "renew it before other products refuse it."),
                expected=f"{begin:%Y-%m-%d} to {end:%Y-%m-%d}",
                actual=f"{case.now:%Y-%m-%d}",
                severity=severity,
            )
    return ok(f"Valid until {min([c.ends_at for c in certificates]).date().isoformat()}.")


@check(
    "cert-expiring",
    "the signing certificate does not expire soon",
    cites="OWASP SAML Security",
    severity=Severity.WARNING,
    needs="signature",
)
def cert_expiring(case: Case) -> Outcome | None:
    """The day the certificate is replaced is the commonest day for single sign-on to stop working. Plan it."""
    certificates = [c for c in signing_certificates(case) if c.ends_at >= case.now]
    if not certificates:
        return not_applicable("There is no certificate that is still valid.")
    first = certificates[0] if len(certificates) == 1 else min(certificates, key=lambda c: c.ends_at)
    days = (first.ends_at - case.now).days
    if days < 60:
        urgency = "this week" if days < 7 else "within the month" if days < 30 else "in less than 60 days"
        return problem(
            f"The signing certificate {first.named} expires {urgency}, on {first.ends_at.date().isoformat()}. Ask "
            "the IdP's administrator for the next one.",
            expected="60 days or more",
            actual=f"{days} days",
        )
    return ok(f"{days} days are left.", actual=f"{days} days")


@check(
    "cert-lifetime",
    "the lifetime of the signing certificate is known",
    cites="OWASP SAML Security",
    severity=Severity.INFO,
    needs="signature",
)
def cert_lifetime(case: Case) -> Outcome | None:
    """Okta issues certificates for ten years, Entra for three. A long life means that nobody practises the change."""
    certificates = signing_certificates(case)
    if not certificates:
        return not_applicable("No certificate is known.")
    longest = max([c.ends_at - c.begins_at for c in certificates])
    years = f"{longest.days / 365.25:.1f} years"
    return note(f"It was issued for {years}.", actual=years) if longest > _LONG_LIFE else ok(f"Issued for {years}.")


@check(
    "cert-usage",
    "the certificate may be used for signing",
    cites="RFC 5280 §4.2.1.3",
    severity=Severity.WARNING,
    needs="signature",
)
def cert_usage(case: Case) -> Outcome | None:
    """Some IdPs reuse their web server's certificate. That works here, but it changes every few months and other
    products may refuse it."""
    for c in signing_certificates(case):
        try:
            refused = _refused_use(c)
        except ValueError:
            return problem(f"The extensions of the certificate {c.named} cannot be read.")
        if refused:
            return problem(
                f"The certificate {c.named} says that its key is not for digital signatures.",
                expected="no KeyUsage, or digitalSignature",
                actual="KeyUsage without digitalSignature",
            )
        if refused is False:
            return note(f"The certificate {c.named} is that of a web server.", actual="serverAuth only")
    return ok("Nothing in the certificate forbids it.")


@check(
    "cert-chain",
    "it is known who issued the certificate",
    cites="saml-metadata-iop §2.5",
    severity=Severity.INFO,
    needs="signature",
)
def cert_chain(case: Case) -> Outcome | None:
    """Only for information: SAML trusts the configured key itself and validates no chain to a public root."""
    certificates = signing_certificates(case)
    if not certificates:
        return not_applicable("No certificate is known.")
    first = certificates[0].certificate
    if first.issuer == first.subject:
        return note("The certificate is self-signed, as usual for SAML.")
    try:
        issuer = first.issuer.rfc4514_string()
    except ValueError:
        issuer = "a name that cannot be read"
    return note(f"The certificate was issued by {issuer[:200]}. The chain is not validated; trust is in the key.")


@check(
    "cert-hash-weak",
    "the certificate's own signature is not SHA-1 or MD5",
    cites="fedinterop IIP-MD12",
    severity=Severity.INFO,
    needs="signature",
)
def cert_hash_weak(case: Case) -> Outcome | None:
    """Only for information: nobody relies on the certificate's own signature, because its key is configured."""
    certificates = signing_certificates(case)
    if not certificates:
        return not_applicable("No certificate is known.")
    for c in certificates:
        name = _own_hash(c)
        if name in ("sha1", "md5"):
            told = f"The certificate {c.named} is itself signed with {name}. That does no harm here."
            return note(told, actual=name)
    return ok("It is not.")


@check(
    "cert-known-test-key",
    "the trusted key is not a test key",
    cites="CWE-321",
    needs="signature",
)
def cert_known_test_key(case: Case) -> Outcome | None:
    """Whoever has the key of a test IdP can sign in as anybody wherever its certificate is trusted. It must never be
    configured in a production account."""
    signing = signing_certificates(case)
    trusted = [t.certificate for t in case.expectation.trusted_keys]
    certificates = signing
    if [c.certificate for c in signing] != trusted:
        certificates = tuple(dict.fromkeys([*[facts(c) for c in trusted], *signing]))
    if not certificates:
        return not_applicable("No certificate is known.")
    for c in certificates:
        if c.fingerprint in case.expectation.known_test_keys or is_marked_test(c.certificate):
            told = f"The certificate {c.named} belongs to a test identity provider"
            if case.expectation.trusted_test_idp:
                return note(f"{told}; this account trusts it on purpose.", actual=c.fingerprint)
            return problem(
                f"{told}. Whoever has that program can sign in as anybody; remove it from the configuration.",
                expected="a certificate of the real IdP",
                actual=c.fingerprint,
            )
    return ok("No configured key is a known test key.")


@check(
    "cert-fingerprint-alg",
    "trust is not pinned to a weak fingerprint",
    cites="CWE-328",
    severity=Severity.WARNING,
    needs="expectation",
)
def cert_fingerprint_alg(case: Case) -> Outcome:
    """Products that compare SHA-1 fingerprints trust whatever certificate has the same one. Here whole certificates are
    configured, and fingerprints are SHA-256 and only shown."""
    return ok(f"{len(case.expectation.trusted_keys)} whole certificates are configured; no fingerprint is pinned.")
