"""What is said of signing certificates; none of it but cert-parse and cert-known-test-key rejects by default."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from app.saml.certificates import fingerprint
from app.saml.expectation import Policy
from tests.saml.checks.judging import failed, judge, said, status
from tests.saml.signing_samples import NOW, Signer, certificate, rsa_signer, x509_data
from tests.saml.verifying import assertion_signed

KEY = rsa_signer().key


def signer(name: str = "idp.corp.test", **knobs: Any) -> Signer:
    return Signer(KEY, certificate(KEY, name, **knobs))


@pytest.mark.parametrize(("begin", "end"), [(-900, -1), (1, 900)], ids=["expired", "not yet valid"])
def test_dates_only_warn_unless_the_policy_says_so(begin: int, end: int) -> None:
    s = signer(begin=NOW + timedelta(days=begin), end=NOW + timedelta(days=end))
    report = judge(assertion_signed(signer=s), s)
    assert status(report, "cert-validity") == "warn"
    assert report.verdict == "accept"
    strict = judge(assertion_signed(signer=s), s, policy=Policy(reject_expired_certificate=True))
    assert failed(strict) == {"cert-validity"}


@pytest.mark.parametrize(("days", "word"), [(3, "this week"), (20, "month"), (59, "60 days")])
def test_expiring(days: int, word: str) -> None:
    s = signer(end=NOW + timedelta(days=days))
    report = judge(assertion_signed(signer=s), s)
    assert status(report, "cert-expiring") == "warn"
    assert word in said(report, "cert-expiring").message


def test_long_life_is_noted() -> None:
    s = signer(end=NOW + timedelta(days=3650))
    assert status(judge(assertion_signed(signer=s), s), "cert-lifetime") == "info"


def key_usage(**on: bool) -> x509.KeyUsage:
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**(dict.fromkeys(names, False) | on))


def test_usage() -> None:
    wrong = signer(extensions=[key_usage(key_encipherment=True)])
    assert status(judge(assertion_signed(signer=wrong), wrong), "cert-usage") == "warn"
    right = signer(extensions=[key_usage(digital_signature=True)])
    assert status(judge(assertion_signed(signer=right), right), "cert-usage") == "pass"
    web = signer(extensions=[x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])])
    assert status(judge(assertion_signed(signer=web), web), "cert-usage") == "info"


def test_issuer_is_told() -> None:
    assert "self-signed" in said(judge(assertion_signed()), "cert-chain").message
    ca = Signer(rsa_signer("ca").key, certificate(rsa_signer("ca").key, "ca.corp.test"))
    s = signer(by=ca)
    assert "ca.corp.test" in said(judge(assertion_signed(signer=s), s), "cert-chain").message


def test_own_hash() -> None:
    assert status(judge(assertion_signed()), "cert-hash-weak") == "pass"


def test_test_keys_are_recognised_by_name_and_by_fingerprint() -> None:
    marked = signer("TEST ONLY - DO NOT TRUST localhost")
    assert failed(judge(assertion_signed(signer=marked), marked)) == {"cert-known-test-key"}
    trusted = judge(assertion_signed(signer=marked), marked, trusted_test_idp=True)
    assert (trusted.verdict, status(trusted, "cert-known-test-key")) == ("accept", "info")
    mark = frozenset({fingerprint(rsa_signer().certificate)})
    assert failed(judge(assertion_signed(), known_test_keys=mark)) == {"cert-known-test-key"}


def test_embedded_certificate_that_cannot_be_read() -> None:
    report = judge(assertion_signed(key_info=x509_data(rsa_signer().der[:200])))
    assert "cert-parse" in failed(report)
    assert "cut off" in said(report, "cert-parse").message


def test_embedded_pem_is_read_and_told() -> None:
    report = judge(assertion_signed(key_info=x509_data(rsa_signer().pem)))
    assert status(report, "cert-parse") == "info"
    assert report.verdict == "accept", report.failures


def test_no_certificate_embedded() -> None:
    assert status(judge(assertion_signed(key_info=None)), "cert-parse") == "not-applicable"
