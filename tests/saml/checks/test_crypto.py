"""Algorithms and key strength, with real keys of every strength."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from app.saml.names import DIGEST_SHA1, SIG_RSA_SHA1
from tests.saml.checks.judging import DIAGNOSE, failed, judge, said, status
from tests.saml.signing_samples import Signer, certificate, dsa_signer, ec_signer, rsa_signer
from tests.saml.test_xmldsig import _with_method
from tests.saml.verifying import assertion_signed


def test_weak_rsa_key() -> None:
    weak = rsa_signer("weak", 1024)
    report = judge(assertion_signed(signer=weak), weak)
    assert failed(report) == {"crypto-rsa-size"}
    assert "1024" in said(report, "crypto-rsa-size").message


def test_strong_rsa_key() -> None:
    report = judge(assertion_signed())
    assert (status(report, "crypto-rsa-size"), status(report, "crypto-ec-curve")) == ("pass", "not-applicable")


def test_small_exponent_warns() -> None:
    key = rsa.generate_private_key(3, 2048)
    signer = Signer(key, certificate(key))
    report = judge(assertion_signed(signer=signer), signer)
    assert status(report, "crypto-rsa-exponent") == "warn"
    assert report.verdict == "accept"


@pytest.mark.parametrize("curve", ["secp256k1", "brainpoolP256r1"])
def test_unusual_curve(curve: str) -> None:
    signer = ec_signer(curve)
    report = judge(assertion_signed(signer=signer), signer)
    assert failed(report) == {"crypto-ec-curve"}
    assert said(report, "crypto-ec-curve").actual == curve


def test_usual_curve() -> None:
    report = judge(assertion_signed(signer=ec_signer("secp384r1")), ec_signer("secp384r1"))
    assert report.verdict == "accept"
    assert (status(report, "crypto-ec-curve"), status(report, "crypto-rsa-size")) == ("pass", "not-applicable")


@pytest.mark.parametrize("knobs", [{"algorithm": SIG_RSA_SHA1}, {"digest_method": DIGEST_SHA1}])
def test_sha1(knobs: dict[str, str]) -> None:
    r = assertion_signed(**knobs)
    assert "crypto-sha1" in failed(judge(r))
    lenient = judge(r, policy=DIAGNOSE)
    assert status(lenient, "crypto-sha1") == "warn"
    assert lenient.verdict == "accept"


@pytest.mark.parametrize(
    ("uri", "check"),
    [
        ("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", "crypto-no-hmac"),
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-md5", "crypto-md5"),
        ("urn:x.test:none", "crypto-md5"),
        ("http://www.w3.org/2000/09/xmldsig#dsa-sha1", "crypto-dsa"),
    ],
)
def test_refused_methods_stay_refused_in_a_diagnosis(uri: str, check: str) -> None:
    r = etree.fromstring(_with_method(uri))
    for policy in (None, DIAGNOSE):
        assert {check, "crypto-sigalg"} <= failed(judge(r, policy=policy))


def test_dsa_key_in_the_configuration() -> None:
    report = judge(assertion_signed(signer=rsa_signer("x")), dsa_signer())
    assert "crypto-dsa" in failed(report)
