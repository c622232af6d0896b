"""Fresh responses of other implementations, signed and encrypted in every combination they offer, are accepted here
with every claim as sent; one changed letter is refused.
"""

from __future__ import annotations

import base64
import itertools
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from app.saml import Expectation, Report, inspect
from app.saml.expectation import AccountFacts, TrustedKey
from app.saml.metadata import load_certificates
from tests.interop import peers
from tests.interop.peers import Parties, Refused, node, pysaml2, xmlsec1

pytestmark = [pytest.mark.interop, pytest.mark.slow]

SP = "https://imagekit.io/saml/consume"
CLAIMS = {"imagekit_id": "ik_7x2k", "full_name": "Zoë Ünïcode Иванова & 李 O’Néill", "imagekit_role": "developer"}
NAME = "ada@acme.test"
SIGNED = ("assertion", "response", "both")
XMLENC = "http://www.w3.org/2001/04/xmlenc#"
XMLENC11 = "http://www.w3.org/2009/xmlenc11#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
REQUEST = "_4fee3b046395c4e751011e97f8900b5273d56685"


@cache
def parties() -> Parties:
    certificate, key = peers.make_key(datetime.now(UTC))
    sp_certificate, sp_key = peers.make_key(datetime.now(UTC))
    return Parties(
        "https://idp.peer.test/", SP, SP, certificate, key, sp_certificate=sp_certificate, sp_key=sp_key
    )  # fmt: skip


def judged(xml: bytes, *, answer: bool = False) -> Report:
    """What the validator says; the peers write whole seconds of their own clock, so a second later nothing of it lies
    in the future.
    """
    p = parties()
    key = serialization.load_pem_private_key(p.sp_key.encode(), password=None)
    assert isinstance(key, rsa.RSAPrivateKey)
    expectation = Expectation(
        idp_entity_id=p.idp,
        trusted_keys=tuple(TrustedKey(c) for c in load_certificates(p.certificate.encode())),
        sp_entity_id=p.sp,
        acs_url=p.acs,
        decryption_keys=(key,),
        relay_states=("https://imagekit.io/",),
        account=AccountFacts("ik_7x2k", "enterprise"),
        expected_request=REQUEST if answer else None,
        judges_correlation=answer,
        find_role=lambda _name_id: "developer" if answer else None,
    )
    return inspect(base64.b64encode(xml), expectation, now=datetime.now(UTC) + timedelta(seconds=1))


def accepted(made: bytes | Refused, *, answer: bool = False) -> Report:
    assert isinstance(made, bytes), str(made)
    report = judged(made, answer=answer)
    assert report.verdict == "accept", [(c.id, c.message) for c in report.failures]
    login = report.accept()
    assert login.name_id == NAME
    assert {k: v[0] for k, v in login.claims.items()} == CLAIMS
    return report


def skip_without(peer: str) -> None:
    if why := peers.missing(peer):
        pytest.skip(why)


# samlp ----------------------------------------------------------------------------------------------------------------

#: Its other signature algorithm is RSA with SHA-1, and it encrypts with one cipher only.
SAMLP: dict[str, dict[str, Any]] = {
    " ".join((signed, "encrypted" if encrypted else "plain", "typed" if typed else "untyped", prefix or "default")): {
        "signed": signed,
        "encrypted": encrypted,
        "typed": typed,
        "prefix": prefix,
    }
    for signed, encrypted, typed, prefix in itertools.product(SIGNED, (False, True), (False, True), ("", "ds"))
}


@pytest.fixture(scope="module")
def of_samlp() -> dict[str, bytes | Refused]:
    skip_without("samlp")
    variants = [v | {"inResponseTo": REQUEST} for v in SAMLP.values()]
    return dict(zip(SAMLP, node.issue_all("samlp", parties(), NAME, CLAIMS, variants), strict=True))


@pytest.mark.parametrize("variant", SAMLP)
def test_a_response_of_samlp_is_accepted(variant: str, of_samlp: dict[str, bytes | Refused]) -> None:
    accepted(of_samlp[variant], answer=True)


# samlify --------------------------------------------------------------------------------------------------------------

BLOCKS = {
    "aes128-cbc": XMLENC + "aes128-cbc",
    "aes256-cbc": XMLENC + "aes256-cbc",
    "aes128-gcm": XMLENC11 + "aes128-gcm",
    "aes256-gcm": XMLENC11 + "aes256-gcm",
}
SAMLIFY: dict[str, dict[str, Any]] = {
    f"{signed} {algorithm}": {"signed": signed, "signatureAlgorithm": MORE + algorithm}
    for signed in SIGNED
    for algorithm in ("rsa-sha256", "rsa-sha512")
} | {
    f"{signed} {block} {order}": {"signed": signed, "encrypted": True, "block": uri, "order": order,
                                  "transport": XMLENC + "rsa-oaep-mgf1p"}
    for signed in SIGNED
    for block, uri in BLOCKS.items()
    for order in ("sign-then-encrypt", "encrypt-then-sign")
}  # fmt: skip


@pytest.fixture(scope="module")
def of_samlify() -> dict[str, bytes | Refused]:
    skip_without("samlify")
    variants = [v | {"inResponseTo": REQUEST} for v in SAMLIFY.values()]
    return dict(zip(SAMLIFY, node.issue_all("samlify", parties(), NAME, CLAIMS, variants), strict=True))


def is_broken_by_itself(variant: str) -> bool:
    """Whether it signs the Response and then changes it: asked to sign first, it encrypts inside what it has signed.

    The signature of a Response covers what is sent (saml-core §5.4.2), so nobody but it can verify that.
    """
    return variant.endswith("sign-then-encrypt") and not variant.startswith("assertion")


@pytest.mark.parametrize("variant", [v for v in SAMLIFY if not is_broken_by_itself(v)])
def test_a_response_of_samlify_is_accepted(variant: str, of_samlify: dict[str, bytes | Refused]) -> None:
    accepted(of_samlify[variant], answer=True)


@pytest.mark.parametrize("variant", [v for v in SAMLIFY if is_broken_by_itself(v)])
def test_a_response_that_samlify_encrypts_after_signing_it_is_refused(
    variant: str, of_samlify: dict[str, bytes | Refused]
) -> None:
    made = of_samlify[variant]
    assert isinstance(made, bytes), str(made)
    report = judged(made, answer=True)
    assert report.verdict == "reject"
    assert "signature-all-verified" in [c.id for c in report.blocking]


# pysaml2 --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [False, True])
@pytest.mark.parametrize("signed", SIGNED)
def test_a_response_of_pysaml2_is_accepted(signed: str, answer: bool, tmp_path: Path) -> None:
    skip_without("pysaml2")
    made = pysaml2.issue(
        parties(), NAME, CLAIMS, tmp_path, signed=signed, in_response_to=REQUEST if answer else None
    )  # fmt: skip
    accepted(made, answer=answer)


# Without both an assertion to sign and namespaces of its own, pysaml2 does not find the assertion it should encrypt.
@pytest.mark.parametrize(
    ("signed", "self_contained"),
    [(s, c) for s in SIGNED for c in (False, True) if c or s != "response"],
)
def test_an_encrypted_response_of_pysaml2_is_refused_for_its_cipher_alone(
    signed: str, self_contained: bool, tmp_path: Path
) -> None:
    """It offers no other cipher than triple DES, which is withdrawn (NIST SP 800-131A)."""
    skip_without("pysaml2")
    made = pysaml2.issue(
        parties(), NAME, CLAIMS, tmp_path, signed=signed, encrypted=True, self_contained=self_contained
    )  # fmt: skip
    report = judged(made)
    assert report.verdict == "reject"
    refused = {c.id for c in report.blocking if c.status == "fail"}
    assert "enc-block-alg" in refused
    assert report.signatures or signed == "assertion"
    assert all(s.status == "valid" for s in report.signatures)


# xmlsec1 --------------------------------------------------------------------------------------------------------------

ALGORITHMS = {
    "rsa-sha256": (MORE + "rsa-sha256", XMLENC + "sha256"),
    "rsa-sha384": (MORE + "rsa-sha384", MORE + "sha384"),
    "rsa-sha512": (MORE + "rsa-sha512", XMLENC + "sha512"),
}
ALL_BLOCKS = BLOCKS | {"aes192-cbc": XMLENC + "aes192-cbc", "aes192-gcm": XMLENC11 + "aes192-gcm"}


@pytest.mark.parametrize("prefixes", ["", "xs xsi"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("signed", SIGNED)
def test_a_template_signed_by_xmlsec1_is_accepted(signed: str, algorithm: str, prefixes: str, tmp_path: Path) -> None:
    skip_without("xmlsec1")
    method, digest = ALGORITHMS[algorithm]
    accepted(
        xmlsec1.issue(
            parties(), NAME, CLAIMS, tmp_path, signed=signed, algorithm=method, digest=digest, prefixes=prefixes
        )
    )


@pytest.mark.parametrize("block", ALL_BLOCKS)
@pytest.mark.parametrize("signed", SIGNED)
def test_a_template_signed_and_encrypted_by_xmlsec1_is_accepted(signed: str, block: str, tmp_path: Path) -> None:
    skip_without("xmlsec1")
    method, digest = ALGORITHMS["rsa-sha256"]
    made = xmlsec1.issue(
        parties(), NAME, CLAIMS, tmp_path, signed=signed, algorithm=method, digest=digest, block=ALL_BLOCKS[block],
        prefixes="xs",
    )  # fmt: skip
    accepted(made)


def test_an_assertion_encrypted_by_xmlsec1_without_its_namespaces_is_explained(tmp_path: Path) -> None:
    """It encrypts the text of the element alone: prefixes that the Response declared are lost for whoever decrypts."""
    skip_without("xmlsec1")
    method, digest = ALGORITHMS["rsa-sha256"]
    made = xmlsec1.issue(
        parties(), NAME, CLAIMS, tmp_path, signed="both", algorithm=method, digest=digest, whole=False,
        block=BLOCKS["aes256-gcm"],
    )  # fmt: skip
    report = judged(made)
    assert report.verdict == "reject"
    assert (
        "It must encrypt the Assertion with its namespace declarations." in report.check("enc-plaintext-type").message
    )


@pytest.mark.parametrize("peer", ["samlp", "samlify", "pysaml2", "xmlsec1"])
def test_their_response_with_one_letter_changed_is_refused_here(peer: str, tmp_path: Path) -> None:
    skip_without(peer)
    made: bytes | Refused
    if peer == "pysaml2":
        made = pysaml2.issue(parties(), NAME, CLAIMS, tmp_path, signed="assertion")
    elif peer == "xmlsec1":
        method, digest = ALGORITHMS["rsa-sha256"]
        made = xmlsec1.issue(
            parties(), NAME, CLAIMS, tmp_path, signed="assertion", algorithm=method, digest=digest
        )  # fmt: skip
    else:
        made = node.issue_all(peer, parties(), NAME, CLAIMS, [{"signed": "assertion"}])[0]
    assert isinstance(made, bytes), str(made)
    report = judged(made.replace(b"ada@acme.test", b"eva@acme.test"))
    assert report.verdict == "reject"
    assert "signature-digest" in [c.id for c in report.failures]
