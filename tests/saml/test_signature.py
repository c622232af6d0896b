"""Both verifiers, the structure before them, the explanations, and the wrapping attacks."""

from __future__ import annotations

import base64
import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.exceptions import InvalidCertificate
from signxml.signer import XMLSigner
from signxml.verifier import SignatureConfiguration, XMLVerifier

from app.saml.certificates import fingerprint
from app.saml.expectation import Expectation, Policy, TrustedKey
from app.saml.names import (
    C14N_11,
    C14N_EXCLUSIVE,
    C14N_EXCLUSIVE_COMMENTS,
    C14N_INCLUSIVE,
    DIGEST_SHA1,
    DIGEST_SHA256,
    DIGESTS,
    DS,
    SAML,
    SAMLP,
    SIG_ECDSA_SHA256,
    SIG_ECDSA_SHA384,
    SIG_ECDSA_SHA512,
    SIG_RSA_SHA1,
    SIG_RSA_SHA256,
    SIG_RSA_SHA384,
    SIG_RSA_SHA512,
    SIGNATURES,
    TRANSFORM_ENVELOPED,
    XS,
    XSI,
    q,
)
from app.saml.signature import Verification, verify_signatures
from app.saml.xml import parse
from tests.saml.signing_samples import (
    NOW,
    Signer,
    b64,
    build,
    build_assertion,
    c14n,
    certificate,
    digest_of,
    dsa_signer,
    ec_signer,
    forged,
    raw_signature,
    rsa_key_value,
    rsa_signer,
    sign,
    stripped,
    text,
    the,
    x509_data,
    xml,
)
from tests.saml.test_xmldsig import REFERENCE, _at, _edit, _words
from tests.saml.verifying import (
    IDP_KEY,
    accepted,
    assertion_signed,
    expecting,
    fastest,
    ids,
    name_of,
    response_signed,
    verify,
)

ENV, EXC = TRANSFORM_ENVELOPED, C14N_EXCLUSIVE
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
DIGEST_SHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"
DIGEST_SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"
PSS = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"


# Controls -------------------------------------------------------------------------------------------------------------


def test_assertion_signed() -> None:
    v = verify(assertion_signed())
    assert accepted(v)
    assert (v.assertion_signed_by, v.signed_response) == ("assertion", None)
    (f,) = v.findings
    assert (f.covers, f.id, f.algorithm, f.digest) == ("Assertion", "_a1", "rsa-sha256", "sha256")
    assert (f.digest_ok, f.value_ok, f.trusted, f.agreed, f.trusted_number) == (True, True, True, True, 1)
    assert f.key == fingerprint(IDP_KEY.certificate) == f.embedded_fingerprints[0]
    assert f.declared_digest == f.computed_digest == digest_of(f.canonical)
    assert f.at.path == "/samlp:Response/saml:Assertion/ds:Signature"


def test_response_signed() -> None:
    v = verify(response_signed())
    assert accepted(v)
    assert v.assertion_signed_by == "response"
    assert v.signed_response is not None
    assert v.signed_assertion is not None
    assert v.signed_assertion.getparent() is v.signed_response


def test_both_signed() -> None:
    r = assertion_signed()
    sign(r)
    v = verify(r)
    assert accepted(v)
    assert [f.covers for f in v.findings] == ["Response", "Assertion"]
    assert v.signed_response is not None
    assert v.assertion_signed_by == "assertion"


def test_bare_assertion() -> None:
    a = build_assertion()
    sign(a)
    v = verify(a, root_kind="assertion")
    assert accepted(v)
    assert verify(a, root_kind="response").signed_assertion is None


def test_signed_by_signxml() -> None:
    """A second implementation of the signer, so that one misreading cannot cancel out."""
    r = build()
    a = the(r, "saml:Assertion")
    a.insert(1, etree.Element(q(DS, "Signature"), Id="placeholder", nsmap={"ds": DS}))
    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    signed = signer.sign(r, key=IDP_KEY.key, cert=[IDP_KEY.certificate], reference_uri="_a1", id_attribute="ID")
    assert accepted(verify(xml(signed)))


RSA = (SIG_RSA_SHA256, SIG_RSA_SHA384, SIG_RSA_SHA512, PSS)
EC = (SIG_ECDSA_SHA256, SIG_ECDSA_SHA384, SIG_ECDSA_SHA512)
PRODUCT = [
    *itertools.product(("rsa",), RSA, (DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512)),
    *itertools.product(("secp256r1", "secp384r1", "secp521r1"), EC, (DIGEST_SHA256, DIGEST_SHA512)),
]


@pytest.mark.parametrize(("key", "algorithm", "digest"), PRODUCT)
@pytest.mark.parametrize("whole", [False, True])
def test_both_verifiers_agree_over_algorithms(key: str, algorithm: str, digest: str, whole: bool) -> None:
    signer = IDP_KEY if key == "rsa" else ec_signer(key)
    make = response_signed if whole else assertion_signed
    r = make(signer=signer, algorithm=algorithm, digest_method=digest)
    v = verify(r, expecting(signer))
    assert accepted(v)
    assert v.findings[0].agreed is True
    assert (v.findings[0].algorithm, v.findings[0].digest) == (SIGNATURES[algorithm][0], DIGESTS[digest])
    forged(r)
    changed = verify(r, expecting(signer))
    assert ids(changed) == {"signature-digest"}
    assert changed.findings[0].agreed is None


@pytest.mark.parametrize(
    "knobs",
    [
        {"key_info": None},
        {"key_info": lambda info: text(info, DS, "KeyName", "signing")},
        {"key_info": rsa_key_value(IDP_KEY)},
        {"prefix": None},
        {"transforms": (ENV,)},
        {"transforms": (ENV, C14N_EXCLUSIVE_COMMENTS), "method": C14N_EXCLUSIVE_COMMENTS},
        {"prefixes": ("xs", "saml")},
    ],
    ids=["no KeyInfo", "KeyName", "KeyValue", "default namespace", "enveloped only", "with comments", "prefix list"],
)
def test_variants_that_are_accepted(knobs: dict[str, Any]) -> None:
    assert accepted(verify(assertion_signed(**knobs)))
    assert accepted(verify(response_signed(**knobs)))


def test_prefix_list_for_typed_values() -> None:
    """Shibboleth and SimpleSAMLphp: xsi:type="xs:string" with xs declared on the Response."""
    r = etree.Element(q(SAMLP, "Response"), nsmap={"samlp": SAMLP, "saml": SAML, "xs": XS, "xsi": XSI})
    plain = build()
    r.attrib.update(plain.attrib)
    r.extend(list(plain))
    for value in r.iter(q(SAML, "AttributeValue")):
        value.set(q(XSI, "type"), "xs:string")
    a = the(r, "saml:Assertion")
    assert b"xmlns:xs=" in c14n(a, prefixes=("xs",))
    sign(a, prefixes=("xs",))
    assert accepted(verify(r))


def test_default_namespace_inherited_with_inclusive_canonicalisation() -> None:
    """lxml writes a spurious xmlns="" there unless the element is parsed anew (house.md)."""
    data = xml(build()).replace(b"saml:", b"").replace(b"xmlns:saml=", b"xmlns=")
    r = etree.fromstring(data)
    sign(the(r, "saml:Assertion"), transforms=(ENV, C14N_INCLUSIVE), method=C14N_INCLUSIVE)
    v = verify(r, expecting(policy=Policy(name="diagnose")))
    assert name_of(v) == "ada@corp.test"
    assert v.findings[0].agreed is True


@pytest.mark.parametrize("method", [C14N_INCLUSIVE, C14N_11])
def test_inclusive_canonicalisation_is_conceded_to_diagnose_only(method: str) -> None:
    r = assertion_signed(transforms=(ENV, method), method=method)
    strict = verify(r)
    assert ids(strict) == {"signature-c14n", "signature-transforms"}
    assert strict.signed_assertion is None
    assert strict.findings[0].status == "invalid"
    assert (strict.findings[0].digest_ok, strict.findings[0].value_ok) == (True, True)
    lenient = verify(r, expecting(policy=Policy(name="diagnose")))
    assert {p.severity for p in lenient.problems} == {"warning"}
    assert name_of(lenient) == "ada@corp.test"


def test_comment_inside_a_signed_value_gives_the_whole_value() -> None:
    """CVE-2017-11427: the comment is no part of what was signed, so the rebuilt element has the full text."""
    r = build("admin@corp.test.evil.test")
    sign(the(r, "saml:Assertion"))
    data = xml(r).replace(b"admin@corp.test.evil", b"admin@corp.test<!---->.evil")
    assert name_of(verify(data)) == "admin@corp.test.evil.test"


def test_line_ends_and_cdata_after_signing_do_not_matter() -> None:
    data = xml(response_signed())
    assert accepted(verify(data.replace(b"ada@corp.test", b"<![CDATA[ada@]]>corp.test")))
    r = build()
    for el in r.iter():
        el.tail = "\n"
    sign(r)
    assert accepted(verify(xml(r).replace(b"\n", b"\r\n")))


def test_text_behind_the_signature_belongs_to_the_element() -> None:
    for position in (0, 1, 3):
        r = build()
        for el in r.iter():
            el.tail = "\n  "
        a = the(r, "saml:Assertion")
        sign(a, position=position)
        assert accepted(verify(r))


def test_large_message_is_fast() -> None:
    r = build()
    groups = text(the(r, "saml:Assertion", "saml:AttributeStatement"), SAML, "Attribute", Name="groups")
    for n in range(2000):
        text(groups, SAML, "AttributeValue", f"group-{n:05}@corp.test, a department")
    sign(r)
    data = xml(r)
    assert len(data) > 100_000
    assert accepted(verify(data))
    assert fastest(lambda: verify(data)) < 0.1


# Keys -----------------------------------------------------------------------------------------------------------------


def test_second_configured_key() -> None:
    v = verify(assertion_signed(), expecting(rsa_signer("next"), ec_signer(), IDP_KEY))
    assert accepted(v)
    assert v.findings[0].trusted_number == 3


@pytest.mark.parametrize("begin_days", [-900, 300])
def test_dates_of_a_configured_certificate_do_not_matter(begin_days: int) -> None:
    begin = NOW + timedelta(days=begin_days)
    dated = Signer(IDP_KEY.key, certificate(IDP_KEY.key, begin=begin, end=begin + timedelta(days=100)))
    v = verify(assertion_signed(), expecting(dated))
    assert accepted(v)
    assert v.findings[0].key == fingerprint(dated.certificate)


def test_signxml_still_refuses_an_expired_pinned_certificate_by_itself() -> None:
    """Should a newer signxml change this, _second_opinion can be simpler."""
    expired = certificate(IDP_KEY.key, begin=NOW - timedelta(days=9), end=NOW - timedelta(days=8))
    config = SignatureConfiguration(
        location="./{urn:oasis:names:tc:SAML:2.0:assertion}Assertion/", verification_time=NOW
    )
    with pytest.raises(InvalidCertificate):
        XMLVerifier().verify(xml(assertion_signed()), x509_cert=expired, id_attribute="ID", expect_config=config)


def test_signxml_still_ignores_unknown_transforms() -> None:
    """Measured once (security.md D.2); our preflight is what refuses them."""
    r = assertion_signed(transforms=(ENV, XPATH, EXC))
    config = SignatureConfiguration(verification_time=NOW)
    assert XMLVerifier().verify(xml(r), x509_cert=IDP_KEY.certificate, id_attribute="ID", expect_config=config)


def test_rollover_is_recognised() -> None:
    next_key = rsa_signer("next")
    newer = Signer(next_key.key, certificate(next_key.key, begin=NOW - timedelta(days=1)))
    v = verify(assertion_signed(signer=newer))
    assert ids(v) == {"signature-key-trusted"}
    (f,) = v.findings
    assert (f.rollover, f.trusted, f.value_ok, f.digest_ok, f.embedded_verifies) == (True, False, True, True, True)
    assert "only inside the message" in f.message
    assert "newer" in f.message
    assert f.key == fingerprint(newer.certificate)


def test_key_of_another_idp() -> None:
    other = rsa_signer("other")
    elsewhere = (("https://other.test/idp", (TrustedKey(other.certificate),)),)
    v = verify(assertion_signed(signer=other), expecting(other_idps=elsewhere))
    assert "https://other.test/idp" in v.problems[0].message


def test_unknown_subject_is_not_called_a_rollover() -> None:
    key = rsa_signer("attacker").key
    v = verify(assertion_signed(signer=Signer(key, certificate(key, "evil.test"))))
    assert not v.findings[0].rollover
    assert "forgery" in v.findings[0].message


def test_wrong_key_with_the_configured_certificate_is_a_wrong_value() -> None:
    attacker = Signer(rsa_signer("attacker").key, IDP_KEY.certificate)
    assert ids(verify(assertion_signed(signer=attacker))) == {"signature-value"}
    assert ids(verify(assertion_signed(signer=attacker, key_info=None))) == {"signature-value"}


def test_foreign_certificate_whose_key_does_not_fit_either() -> None:
    key = rsa_signer("attacker").key
    v = verify(assertion_signed(signer=Signer(key, rsa_signer("other").certificate)))
    assert ids(v) == {"signature-key-trusted"}
    assert v.findings[0].value_ok is False


def test_key_value_of_an_attacker() -> None:
    attacker = rsa_signer("attacker")
    v = verify(assertion_signed(signer=attacker, key_info=rsa_key_value(attacker)))
    assert ids(v) == {"signature-key-trusted"}


@pytest.mark.parametrize("first", ["value", "certificate"])
def test_two_keys_in_key_info(first: str) -> None:
    attacker = rsa_signer("attacker")

    def both(info: etree._Element) -> None:
        makers = [rsa_key_value(attacker), x509_data(IDP_KEY.der)]
        for make in makers if first == "value" else reversed(makers):
            make(info)

    assert ids(verify(assertion_signed(signer=attacker, key_info=both))) >= {
        "signature-keyinfo-consistent",
        "signature-key-trusted",
    }
    good_but_confusing = verify(assertion_signed(key_info=both))
    assert ids(good_but_confusing) == {"signature-keyinfo-consistent"}
    assert good_but_confusing.signed_assertion is None


def test_key_value_that_is_not_the_key_that_signed() -> None:
    v = verify(assertion_signed(key_info=rsa_key_value(rsa_signer("attacker"))))
    assert ids(v) == {"signature-keyinfo-consistent"}


def test_two_certificates_without_relation() -> None:
    attacker = rsa_signer("attacker")
    r = assertion_signed(signer=attacker, key_info=x509_data(IDP_KEY.der, attacker.der))
    assert "signature-key-trusted" in ids(verify(r))
    assert verify(r).signed_assertion is None


def test_certificate_chain_is_one_key() -> None:
    ca = Signer(rsa_signer("ca").key, certificate(rsa_signer("ca").key, "ca.corp.test"))
    leaf = Signer(IDP_KEY.key, certificate(IDP_KEY.key, by=ca))
    assert accepted(verify(assertion_signed(key_info=x509_data(leaf.der, ca.der)), expecting(leaf)))


def test_embedded_certificate_renewed_with_the_same_key() -> None:
    renewed = Signer(IDP_KEY.key, certificate(IDP_KEY.key))
    v = verify(assertion_signed(signer=renewed))
    assert accepted(v)
    assert v.findings[0].key not in v.findings[0].embedded_fingerprints


@pytest.mark.parametrize(
    ("value", "repair"),
    [
        (IDP_KEY.pem, "PEM header"),
        (b64(IDP_KEY.pem.encode()), "whole PEM file"),
        (IDP_KEY.der[:64] + "\r\n\t " + IDP_KEY.der[64:], None),
        (b64(base64.b64decode(IDP_KEY.der) * 2), "2 certificates"),
        (IDP_KEY.der * 2, "2 certificates"),
    ],
    ids=["armour", "PEM in base64", "white space", "DER twice", "base64 twice"],
)
def test_oddly_written_certificates(value: str, repair: str | None) -> None:
    v = verify(assertion_signed(key_info=x509_data(value)))
    assert accepted(v)
    assert repair is None or repair in " ".join(v.findings[0].repairs)


@pytest.mark.parametrize("value", ["", "AAAA", "!!!", IDP_KEY.der[:400], "-----BEGIN CERTIFICATE-----\nMIIC"])
def test_unreadable_certificates(value: str) -> None:
    v = verify(assertion_signed(key_info=x509_data(value)))
    assert ids(v) == {"cert-parse"}
    assert v.signed_assertion is None


def test_key_material_of_the_message_cannot_cost_seconds() -> None:
    def huge(info: etree._Element) -> None:
        value = text(text(info, DS, "KeyValue"), DS, "RSAKeyValue")
        text(value, DS, "Modulus", b64(b"\xff" * 2047 + b"\x01"))
        text(value, DS, "Exponent", b64(b"\xff" * 2047 + b"\x01"))

    data = xml(assertion_signed(signer=rsa_signer("attacker"), key_info=huge, value=b64(b"\x01" * 2048)))
    assert fastest(lambda: verify(data), 2) < 0.1


def test_nothing_configured_is_explained_and_never_valid() -> None:
    v = verify(assertion_signed(), Expectation())
    (f,) = v.findings
    assert (f.digest_ok, f.value_ok, f.trusted, f.status) == (True, True, False, "invalid")
    assert f.key == fingerprint(IDP_KEY.certificate)
    assert "nobody vouches" in f.message
    assert not v.problems
    assert v.signed_assertion is None
    none = verify(assertion_signed(key_info=None), Expectation()).findings[0]
    assert (none.digest_ok, none.value_ok, none.key) == (True, None, None)
    broken = verify(assertion_signed(value=b64(b"x" * 256)), Expectation())
    assert ids(broken) == {"signature-value"}


def test_our_verifier_alone() -> None:
    v = verify(assertion_signed(), expecting(verifiers="ours"))
    assert accepted(v)
    assert v.findings[0].agreed is None
    assert "alone" in v.findings[0].message


def test_empty_uri_on_the_response_is_conceded_to_diagnose_only() -> None:
    r = response_signed(uri="")
    strict = verify(r)
    assert ids(strict) == {"signature-reference-uri"}
    assert strict.signed_response is None
    lenient = verify(r, expecting(policy=Policy(name="diagnose")))
    assert lenient.signed_response is not None
    assert lenient.findings[0].agreed is True


@pytest.mark.parametrize("part", ["signature", "digest"])
def test_sha1_is_explained_and_conceded_to_diagnose_only(part: str) -> None:
    knobs = {"algorithm": SIG_RSA_SHA1} if part == "signature" else {"digest_method": DIGEST_SHA1}
    r = assertion_signed(**knobs)
    strict = verify(r)
    assert "crypto-sha1" in ids(strict)
    assert (strict.findings[0].digest_ok, strict.findings[0].value_ok) == (True, True)
    assert strict.signed_assertion is None
    lenient = verify(r, expecting(policy=Policy(name="diagnose")))
    assert name_of(lenient) == "ada@corp.test"
    assert {p.severity for p in lenient.problems} == {"warning"}


def test_dsa_is_refused() -> None:
    r = assertion_signed(signer=dsa_signer(), algorithm="http://www.w3.org/2009/xmldsig11#dsa-sha256")
    v = verify(r, expecting(dsa_signer()))
    assert ids(v) == {"crypto-dsa", "crypto-sigalg"}


@pytest.mark.parametrize(("signer", "claimed"), [(IDP_KEY, SIG_ECDSA_SHA256), (ec_signer(), SIG_RSA_SHA256)])
def test_method_of_the_other_key_type(signer: Signer, claimed: str) -> None:
    real = SIG_RSA_SHA256 if signer is IDP_KEY else SIG_ECDSA_SHA256
    r = assertion_signed(signer=signer, algorithm=real)
    s = the(r, "saml:Assertion", "ds:Signature")
    the(s, "ds:SignedInfo", "ds:SignatureMethod").set("Algorithm", claimed)
    the(s, "ds:SignatureValue").text = b64(raw_signature(signer, real, c14n(the(s, "ds:SignedInfo"))))
    assert "crypto-alg-key-type" in ids(verify(r, expecting(signer)))


def test_ecdsa_value_in_der_is_explained() -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    signer = ec_signer()
    r = assertion_signed(signer=signer)
    value = the(r, "saml:Assertion", "ds:Signature", "ds:SignatureValue")
    raw = base64.b64decode(value.text or "")
    value.text = b64(encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")))
    v = verify(r, expecting(signer))
    assert ids(v) == {"signature-value"}
    assert "DER" in v.findings[0].message


@pytest.mark.parametrize(
    ("value", "says"),
    [("", "empty"), ("!!!", "not base64"), (b64(b"\0" * 256), "does not fit"), (b64(b"\1" * 240), "240 bytes")],
)
def test_damaged_signature_values(value: str, says: str) -> None:
    v = verify(assertion_signed(value=value))
    assert ids(v) == {"signature-value"}
    assert says in v.problems[0].message
    assert v.signed_assertion is None


def test_empty_digest_value() -> None:
    v = verify(_edit(_at(REFERENCE + "/ds:DigestValue", _words(""))))
    assert ids(v) == {"signature-digest", "signature-value"}


# Tampering ------------------------------------------------------------------------------------------------------------


def test_tampered_content() -> None:
    r = assertion_signed()
    forged(r)
    v = verify(r)
    assert ids(v) == {"signature-digest"}
    (f,) = v.findings
    assert (f.digest_ok, f.value_ok, f.trusted, f.reformatted) == (False, True, True, False)
    assert f.declared_digest != f.computed_digest


def test_tampered_signed_info() -> None:
    r = assertion_signed()
    a = the(r, "saml:Assertion")
    forged(a)
    the(a, "ds:Signature", *(REFERENCE + "/ds:DigestValue").split("/")).text = digest_of(c14n(stripped(a)))
    v = verify(r)
    assert ids(v) == {"signature-value"}
    assert v.findings[0].digest_ok is True


def test_pretty_printing_is_recognised() -> None:
    r = assertion_signed()
    etree.indent(r)
    v = verify(r)
    assert ids(v) == {"signature-digest", "signature-value"}
    assert v.findings[0].reformatted
    assert "re-formatted" in v.findings[0].message


def test_carriage_return_reference_is_recognised() -> None:
    data = xml(assertion_signed()).replace(b"Ada Ng", b"Ada&#13; Ng")
    v = verify(data)
    assert ids(v) == {"signature-digest"}
    assert "carriage returns" in v.problems[0].message


def test_inner_signature_bad_outer_good() -> None:
    r = assertion_signed(signer=rsa_signer("attacker"))
    sign(r)
    v = verify(r)
    assert [f.status for f in v.findings] == ["valid", "invalid"]
    assert v.signed_response is not None
    assert v.signed_assertion is None, "an assertion with a bad signature of its own is not believed"


def test_no_signature() -> None:
    v = verify(build())
    assert v == Verification()


def test_relative_namespace_is_refused_before() -> None:
    data = xml(assertion_signed()).replace(b"<saml:Assertion ", b'<saml:Assertion xmlns:ns="1" ', 1)
    parsed = parse(data)
    assert parsed.document is None or verify_signatures(parsed.document, expecting(), NOW).signed_assertion is None


def test_a_failure_inside_is_a_rejection() -> None:
    """A document that the parser's bounds would have refused: canonicalising it fails, and nothing escapes."""
    from app.saml.xml import hardened_parser

    good = xml(assertion_signed())
    data = good.replace(b"<saml:Assertion ", b'<saml:Assertion xmlns:ns="1" ', 1)
    root = etree.fromstring(data, hardened_parser())
    by_tag: dict[str, list[Any]] = {}
    for el in root.iter(etree.Element):
        by_tag.setdefault(str(el.tag), []).append(el)
    walked = parse(good).document
    assert walked is not None
    document = replace(walked, data=data, root=root, places=type(walked.places)(), _by_tag=by_tag)
    v = verify_signatures(document, expecting(), NOW)
    assert v.signed_assertion is None
    assert ids(v) & {"signature-c14n-failure", "signature-digest"}


# Properties -----------------------------------------------------------------------------------------------------------


def test_threads_give_the_same_verdicts() -> None:
    good, bad, other = xml(assertion_signed()), assertion_signed(), xml(response_signed(signer=ec_signer()))
    forged(bad)
    messages = [(good, expecting()), (xml(bad), expecting()), (other, expecting(ec_signer())), (other, expecting())]

    def verdict(pair: tuple[bytes, Expectation]) -> tuple[str | None, tuple[str, ...]]:
        document = parse(pair[0]).document
        assert document is not None
        v = verify_signatures(document, pair[1], NOW)
        return name_of(v), tuple(sorted(ids(v)))

    serial = [verdict(m) for m in messages]
    assert len(set(serial)) == 3
    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(verdict, messages * 50))
    assert parallel == serial * 50


SIGNED = {kind: xml(make()) for kind, make in (("assertion", assertion_signed), ("response", response_signed))}
WORKING = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@WORKING
@given(st.sampled_from(sorted(SIGNED)), st.data())
def test_any_changed_byte_is_refused_or_changes_nothing(kind: str, data: st.DataObject) -> None:
    """Whatever byte of a signed message is changed: refused, or what is read is what was signed."""
    whole = bytearray(SIGNED[kind])
    where = data.draw(st.integers(0, len(whole) - 1))
    whole[where] = data.draw(st.integers(0, 255).filter(lambda b: b != whole[where]))
    document = parse(bytes(whole)).document
    if document is None:
        return
    v = verify_signatures(document, expecting(), NOW)
    if v.signed_assertion is not None:
        genuine = parse(SIGNED[kind]).document
        assert genuine is not None
        wanted = c14n(stripped(the(genuine.root, "saml:Assertion")))
        assert c14n(stripped(v.signed_assertion)) == wanted


def test_digest_algorithms_of_both_verifiers_are_known() -> None:
    """The lists given to signxml are not empty because of a renamed URI."""
    from app.saml import signature

    assert len(signature._SIGNATURE_METHODS) == 9
    assert len(signature._DIGEST_METHODS) == 3
    assert len(signature._SHA1_SIGNATURES) == 2
    assert DigestAlgorithm.SHA1 in signature._SHA1_DIGESTS
    assert SignatureMethod.HMAC_SHA256 not in signature._SIGNATURE_METHODS
