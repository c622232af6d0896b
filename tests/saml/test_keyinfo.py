"""Reading KeyInfo: every form that is accepted, every form that could mislead."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from app.saml.certificates import same_key
from app.saml.errors import Place
from app.saml.keyinfo import KeyInfo, listing, read_key_info
from app.saml.names import DS, DSIG11, q
from tests.saml.signing_samples import (
    Signer,
    b64,
    certificate,
    ec_signer,
    rsa_key_value,
    rsa_signer,
    text,
    x509_data,
)

IDP = rsa_signer()
Maker = Callable[[etree._Element], object]


def read(*makers: Maker) -> KeyInfo:
    info = etree.Element(q(DS, "KeyInfo"))
    for make in makers:
        make(info)
    return read_key_info(info, Place("/ds:Signature", 1))


def checks(info: KeyInfo) -> list[str]:
    return [p.check for p in (*info.refusals, *info.objections)]


def ec_key_value(signer: Signer, curve: str = "urn:oid:1.2.840.10045.3.1.7", *, cut: int = 0) -> Maker:
    def make(info: etree._Element) -> None:
        value = text(text(info, DS, "KeyValue"), DSIG11, "ECKeyValue")
        text(value, DSIG11, "NamedCurve", URI=curve)
        numbers = signer.key.public_key().public_numbers()
        point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        text(value, DSIG11, "PublicKey", b64(point[: len(point) - cut]))

    return make


def name(info: etree._Element) -> None:
    text(info, DS, "KeyName", "signing key")


def serial(info: etree._Element) -> None:
    text(text(info, DS, "X509Data"), DS, "X509IssuerSerial")


def test_usual_forms() -> None:
    assert read(x509_data(IDP.der)).certificates == (IDP.certificate,)
    assert same_key(read(rsa_key_value(IDP)).key_value, IDP.key.public_key())
    assert same_key(read(ec_key_value(ec_signer())).key_value, ec_signer().key.public_key())
    for info in (
        read(x509_data(IDP.der)),
        read(rsa_key_value(IDP)),
        read(name),
        read(serial),
        read(name, x509_data(IDP.der), rsa_key_value(IDP)),
        read(x509_data(IDP.der), x509_data(IDP.der)),
    ):
        assert checks(info) == []


def test_chain_in_any_order() -> None:
    ca = Signer(rsa_signer("ca").key, certificate(rsa_signer("ca").key, "ca.corp.test"))
    leaf = Signer(IDP.key, certificate(IDP.key, by=ca))
    assert checks(read(x509_data(leaf.der, ca.der))) == []
    assert checks(read(x509_data(ca.der, leaf.der))) == []
    assert checks(read(x509_data(leaf.der, ca.der, ec_signer().der))) == ["signature-keyinfo-consistent"]


def element(local: str, namespace: str = DS) -> Maker:
    return lambda info: text(info, namespace, local)


@pytest.mark.parametrize(
    "makers",
    [
        [],
        [element("RetrievalMethod")],
        [element("EncryptedKey", "http://www.w3.org/2001/04/xmlenc#")],
        [element("SecurityTokenReference", "urn:x.test:wsse")],
        [element("DEREncodedKeyValue", DSIG11)],
        [element("X509Data")],
        [x509_data(IDP.der), element("MgmtData")],
    ],
)
def test_children_that_are_refused(makers: list[Maker]) -> None:
    assert checks(read(*makers)) == ["signature-keyinfo-children"]


@pytest.mark.parametrize(
    "makers",
    [
        [rsa_key_value(IDP), x509_data(rsa_signer("other").der)],
        [x509_data(IDP.der), ec_key_value(ec_signer())],
        [rsa_key_value(IDP), rsa_key_value(IDP)],
        [x509_data(IDP.der), x509_data(ec_signer().der)],
        [x509_data(IDP.der, rsa_signer("other").der)],
        [element("KeyValue")],
        [ec_key_value(ec_signer(), "urn:oid:1.2.3")],
        [ec_key_value(ec_signer(), cut=3)],
        [x509_data(*[IDP.der] * 11)],
    ],
)
def test_two_keys_or_an_unreadable_one(makers: list[Maker]) -> None:
    assert checks(read(*makers)) == ["signature-keyinfo-consistent"]


def test_certificate_with_an_element_inside() -> None:
    def nested(info: etree._Element) -> None:
        x509_data(IDP.der)(info)
        text(info[0][0], DS, "x")

    assert checks(read(nested)) == ["cert-parse"]


def test_place_of_a_bad_certificate() -> None:
    (problem,) = read(x509_data("%%%")).objections
    assert problem.at is not None
    assert problem.at.path == "/ds:Signature/ds:KeyInfo/ds:X509Data/ds:X509Certificate"


def test_listing() -> None:
    assert listing(["{urn:x}a", "b"]) == "a, b"
    assert listing([]) == "nothing"
