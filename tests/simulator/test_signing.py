"""The manual signer against signxml's verifier, for every algorithm; and its knobs."""

from __future__ import annotations

import base64
import itertools

import pytest
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from simulator import Idp, KeyRing, names
from simulator.message import Spec, build, fresh_id
from simulator.names import DS, SAML, q
from simulator.signing import Parts, Signing, canonical, digest_of, put_value, sign, without_signatures

RSA = [names.RSA_SHA1, names.RSA_SHA256, names.RSA_SHA384, names.RSA_SHA512, names.PSS_SHA256]
DIGESTS = [names.SHA1, names.SHA256, names.SHA384, names.SHA512]


def verify(xml: bytes, keys: KeyRing, key: str = "current") -> etree._Element:
    """The signed element by signxml, with every algorithm allowed: this is about agreement, not about policy."""
    config = SignatureConfiguration(
        require_x509=True,
        location=".//",
        expect_references=1,
        signature_methods=frozenset(SignatureMethod),
        digest_algorithms=frozenset(DigestAlgorithm),
    )
    pair = keys.pair(key)
    found = XMLVerifier().verify(
        xml, x509_cert=pair.certificate, expect_config=config, verification_time=pair.certificate.not_valid_before_utc
    )
    assert not isinstance(found, list)
    assert found.signed_xml is not None
    return found.signed_xml


def message() -> etree._Element:
    return build(Spec(response_id=fresh_id(), assertion_id=fresh_id()))


@pytest.mark.parametrize(("algorithm", "digest"), list(itertools.product(RSA, DIGESTS)))
def test_every_rsa_algorithm_verifies_elsewhere(algorithm: str, digest: str, keys: KeyRing) -> None:
    root = message()
    a = root.find(q(SAML, "Assertion"))
    assert a is not None
    pair = keys.pair()
    sign(
        a,
        Parts(pair.key, [pair.certificate]),
        Signing(signature_algorithm=algorithm, digest_algorithm=digest, position=0),
    )
    assert verify(etree.tostring(root), keys).get("ID") == a.get("ID")


@pytest.mark.parametrize("key", ["ec-p256", "ec-p384", "dsa"])
def test_other_key_kinds_verify_elsewhere(key: str, keys: KeyRing) -> None:
    root = message()
    pair = keys.pair(key)
    sign(root, Parts(pair.key, [pair.certificate]), Signing(position=0))
    assert verify(etree.tostring(root), keys, key).get("ID") == root.get("ID")


@pytest.mark.parametrize("prefix", ["ds", None, "c"])
@pytest.mark.parametrize("prefix_list", [None, "xs xsi"])
@pytest.mark.parametrize("prefixes", [("saml", "samlp"), (None, "samlp"), ("a", "b"), (None, None)])
def test_prefixes_do_not_matter(
    prefix: str | None, prefix_list: str | None, prefixes: tuple[str | None, str | None], keys: KeyRing
) -> None:
    root = build(Spec(response_id=fresh_id(), assertion_id=fresh_id(), prefixes=prefixes))
    pair = keys.pair()
    parts = Parts(pair.key, [pair.certificate])
    a = root.find(q(SAML, "Assertion"))
    assert a is not None
    sign(a, parts, Signing(prefix=prefix, prefix_list=prefix_list, position=0))
    assert verify(etree.tostring(root), keys).get("ID") == a.get("ID")


def test_inclusive_canonicalisation_of_an_inherited_default_namespace_verifies(keys: KeyRing) -> None:
    root = build(Spec(response_id=fresh_id(), assertion_id=fresh_id(), prefixes=(None, "samlp")))
    pair = keys.pair()
    how = Signing(transforms=(names.ENVELOPED, names.INCLUSIVE), c14n=names.INCLUSIVE, position=0)
    sign(root, Parts(pair.key, [pair.certificate]), how)
    assert verify(etree.tostring(root), keys).get("ID") == root.get("ID")


def test_signxml_signs_the_controls(idp: Idp, keys: KeyRing) -> None:
    for fault in ("ok-assertion-signed", "ok-response-signed"):
        xml = idp.issue("grace", "imagekit", faults=[fault]).xml
        signed = verify(xml, keys)
        assert etree.QName(signed).localname == ("Assertion" if "assertion" in fault else "Response")
    both = etree.fromstring(idp.issue("grace", "imagekit", faults=["ok-both-signed"]).xml)
    assert len(both.findall(f".//{q(DS, 'Signature')}")) == 2


def test_the_signature_follows_issuer(idp: Idp) -> None:
    for fault in ("ok-both-signed", "crypto-rollover-both"):
        root = etree.fromstring(idp.issue("grace", "imagekit", faults=[fault]).xml)
        for signature in root.iter(q(DS, "Signature")):
            previous = signature.getprevious()
            assert previous is not None
            assert previous.tag == q(SAML, "Issuer")


def test_a_changed_value_no_longer_verifies_and_resigning_repairs_signedinfo(keys: KeyRing) -> None:
    root = message()
    pair = keys.pair()
    signature = sign(root, Parts(pair.key, [pair.certificate]), Signing(position=0))
    root.set("Destination", "https://elsewhere.example/")
    with pytest.raises(SignXMLException):
        verify(etree.tostring(root), keys)
    value = signature.find(f".//{q(DS, 'DigestValue')}")
    assert value is not None
    value.text = digest_of(root)
    with pytest.raises(SignXMLException):
        verify(etree.tostring(root), keys)
    put_value(signature, pair.key)
    assert verify(etree.tostring(root), keys).get("Destination") == "https://elsewhere.example/"


def test_canonical_octets_ignore_the_surroundings() -> None:
    root = etree.fromstring(b'<a xmlns="urn:a" xmlns:b="urn:b"><b:c/>tail</a>')
    assert canonical(root[0]) == b'<b:c xmlns:b="urn:b"></b:c>'
    assert canonical(root[0], names.INCLUSIVE) == b'<b:c xmlns="urn:a" xmlns:b="urn:b"></b:c>'


def test_without_signatures_leaves_the_original_alone(idp: Idp) -> None:
    root = etree.fromstring(idp.issue("grace", "imagekit", faults=["ok-both-signed"]).xml)
    bare = without_signatures(root)
    assert bare.find(f".//{q(DS, 'Signature')}") is None
    assert root.find(f".//{q(DS, 'Signature')}") is not None


def test_an_ecdsa_value_has_fixed_width(keys: KeyRing) -> None:
    pair = keys.pair("ec-p384")
    for _n in range(20):
        root = message()
        s = sign(root, Parts(pair.key, [pair.certificate]), Signing(position=0))
        assert len(base64.b64decode(s.findtext(q(DS, "SignatureValue")) or "")) == 96


def test_canonical_octets_do_not_depend_on_what_stands_around_the_element() -> None:
    document = (
        b'<?before x?><!-- out --><a xmlns="urn:a" xmlns:b="urn:b" xml:lang="de">text'
        b'<b:c xmlns="" d="1"><e b:f="2"/>tail</b:c>behind<!-- in --></a><!-- after -->'
    )
    for element in etree.fromstring(document).iter(etree.Element):
        alone = etree.fromstring(etree.tostring(element, with_tail=False))
        for method in (names.EXCLUSIVE, names.EXCLUSIVE + "WithComments"):
            for prefixes in (None, "b"):
                assert canonical(element, method, prefixes) == canonical(alone, method, prefixes)
        assert b"behind" not in canonical(element) or element.tag == "{urn:a}a"
