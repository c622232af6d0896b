"""app.saml.schema: its verdicts are those of the published schemas, and its sentences name the cause."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from lxml import etree

from app.saml.names import DS, SAML, SAMLP, XENC, q
from app.saml.schema import violations
from tests.saml import signing_samples as samples

Change = Callable[[etree._Element], None]


def signed() -> etree._Element:
    root = samples.build()
    samples.sign(samples.the(root, "saml:Assertion"))
    samples.sign(root)
    return root


def assertion(root: etree._Element) -> etree._Element:
    return samples.the(root, "saml:Assertion")


def remove(*path: str) -> Change:
    def change(root: etree._Element) -> None:
        el = samples.the(root, *path)
        parent = el.getparent()
        assert parent is not None
        parent.remove(el)

    return change


def without(attribute: str, *path: str) -> Change:
    def change(root: etree._Element) -> None:
        del (samples.the(root, *path) if path else root).attrib[attribute]

    return change


def put(attribute: str, value: str, *path: str) -> Change:
    def change(root: etree._Element) -> None:
        (samples.the(root, *path) if path else root).set(attribute, value)

    return change


def twice(*path: str) -> Change:
    def change(root: etree._Element) -> None:
        el = samples.the(root, *path)
        el.addnext(copy.deepcopy(el))

    return change


def to_end(*path: str) -> Change:
    def change(root: etree._Element) -> None:
        el = samples.the(root, *path)
        parent = el.getparent()
        assert parent is not None
        parent.append(el)

    return change


def add(name: str, *path: str, namespace: str = SAML, at: int | None = None) -> Change:
    def change(root: etree._Element) -> None:
        parent = samples.the(root, *path) if path else root
        child = etree.Element(q(namespace, name))
        parent.insert(len(parent) if at is None else at, child)

    return change


def nothing(_root: etree._Element) -> None:
    pass


A = "saml:Assertion"
S = ("saml:Assertion", "ds:Signature")
CASES: dict[str, Change] = {
    "good": nothing,
    "status missing": remove("samlp:Status"),
    "status twice": twice("samlp:Status"),
    "status late": to_end("samlp:Status"),
    "issuer late": to_end("saml:Issuer"),
    "signature late": to_end(*S),
    "response signature late": to_end("ds:Signature"),
    "no assertion": remove(A),
    "two assertions": add("EncryptedID"),
    "no issuer in assertion": remove(A, "saml:Issuer"),
    "no issuer in response": remove("saml:Issuer"),
    "no subject": remove(A, "saml:Subject"),
    "no name id": remove(A, "saml:Subject", "saml:NameID"),
    "two name ids": twice(A, "saml:Subject", "saml:NameID"),
    "empty subject": lambda r: (
        [assertion(r).find(q(SAML, "Subject")).remove(c) for c in list(assertion(r)[2])] and None
    ),  # type: ignore[union-attr, func-returns-value]
    "confirmation without method": without("Method", A, "saml:Subject", "saml:SubjectConfirmation"),
    "two confirmations": twice(A, "saml:Subject", "saml:SubjectConfirmation"),
    "two conditions": twice(A, "saml:Conditions"),
    "conditions after statements": to_end(A, "saml:Conditions"),
    "empty audience restriction": remove(A, "saml:Conditions", "saml:AudienceRestriction", "saml:Audience"),
    "unknown condition": add("Advice", A, "saml:Conditions"),
    "one time use twice": add("OneTimeUse", A, "saml:Conditions"),
    "no authn context": remove(A, "saml:AuthnStatement", "saml:AuthnContext"),
    "empty authn context": remove(A, "saml:AuthnStatement", "saml:AuthnContext", "saml:AuthnContextClassRef"),
    "no authn instant": without("AuthnInstant", A, "saml:AuthnStatement"),
    "statements swapped": to_end(A, "saml:AuthnStatement"),
    "empty attribute statement": lambda r: assertion(r).append(etree.Element(q(SAML, "AttributeStatement"))),
    "attribute without name": without("Name", A, "saml:AttributeStatement", "saml:Attribute"),
    "attribute without value": remove(A, "saml:AttributeStatement", "saml:Attribute", "saml:AttributeValue"),
    "foreign attribute on attribute": put("{urn:x}y", "z", A, "saml:AttributeStatement", "saml:Attribute"),
    "foreign attribute on assertion": put("{urn:x}y", "z", A),
    "unknown attribute": put("Foo", "z", A),
    "foreign attribute on confirmation data": put(
        "{urn:x}y", "z", A, "saml:Subject", "saml:SubjectConfirmation", "saml:SubjectConfirmationData"
    ),
    "no version": without("Version", A),
    "no id": without("ID"),
    "bad time": put("IssueInstant", "yesterday"),
    "leap second": put("IssueInstant", "2026-12-31T23:59:60Z"),
    "thirteenth month": put("IssueInstant", "2026-13-01T00:00:00Z"),
    "end of the day": put("IssueInstant", "2026-12-31T24:00:00Z"),
    "beyond the end of the day": put("IssueInstant", "2026-12-31T24:00:01Z"),
    "far zone": put("IssueInstant", "2026-12-31T23:59:59+14:30"),
    "answers nothing": put("InResponseTo", ""),
    "answers a number": put("InResponseTo", "1 2"),
    "answers a name": put("InResponseTo", "_a.b-c"),
    "fractions": put("IssueInstant", "2026-11-23T19:59:30.1234567+02:00"),
    "no status code": remove("samlp:Status", "samlp:StatusCode"),
    "status code without value": without("Value", "samlp:Status", "samlp:StatusCode"),
    "extensions empty": add("Extensions", namespace=SAMLP, at=2),
    "extensions in the wrong place": add("Extensions", namespace=SAMLP),
    "foreign element": add("Foo", namespace="urn:x"),
    "child in a text": add("NameID", A, "saml:Issuer"),
    "no signed info": remove(*S, "ds:SignedInfo"),
    "no signature value": remove(*S, "ds:SignatureValue"),
    "two signed infos": twice(*S, "ds:SignedInfo"),
    "no reference": remove(*S, "ds:SignedInfo", "ds:Reference"),
    "two references": twice(*S, "ds:SignedInfo", "ds:Reference"),
    "no digest value": remove(*S, "ds:SignedInfo", "ds:Reference", "ds:DigestValue"),
    "no transforms": remove(*S, "ds:SignedInfo", "ds:Reference", "ds:Transforms"),
    "object in signature": add("Object", *S, namespace=DS),
    "message in signature": add("Assertion", *S),
    "transform without algorithm": without(
        "Algorithm", *S, "ds:SignedInfo", "ds:Reference", "ds:Transforms", "ds:Transform"
    ),
    "empty key info": remove(*S, "ds:KeyInfo", "ds:X509Data"),
    "empty x509 data": remove(*S, "ds:KeyInfo", "ds:X509Data", "ds:X509Certificate"),
    "text between elements": lambda r: setattr(assertion(r)[0], "tail", "text"),
    "encrypted assertion without data": add("EncryptedAssertion"),
}


def changed(name: str) -> etree._Element:
    root = signed()
    CASES[name](root)
    return etree.fromstring(etree.tostring(root))


@pytest.mark.parametrize("name", CASES)
def test_the_verdict_is_that_of_the_published_schemas(name: str, published: etree.XMLSchema) -> None:
    root = changed(name)
    ours = violations(root)
    assert (not ours) is published.validate(root), (ours, published.error_log)


def test_the_good_one_is_good() -> None:
    assert violations(signed()) == ()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("signature late", "ds:Signature must come right after saml:Issuer in saml:Assertion."),
        ("status missing", "samlp:Response lacks samlp:Status, which it must have."),
        ("two conditions", "saml:Assertion has 2 of saml:Conditions; it may have one."),
        ("no version", "saml:Assertion has no attribute Version, which it must have."),
        ("unknown attribute", "saml:Assertion has no attribute called Foo."),
        ("message in signature", "saml:Assertion does not belong into ds:Signature."),
        ("text between elements", "There is text between the elements of saml:Assertion: “text”."),
        ("bad time", "samlp:Response/@IssueInstant is not a date and time."),
        ("leap second", "samlp:Response/@IssueInstant is not a date and time."),
        ("answers nothing", "samlp:Response/@InResponseTo is no ID of a message."),
    ],
)
def test_the_sentence_names_the_cause(name: str, sentence: str) -> None:
    found = violations(changed(name))[0]
    assert found.message == sentence
    assert found.check == "schema-valid"
    assert found.at is not None


def test_an_element_without_its_namespace_is_explained() -> None:
    root = samples.build()
    root.append(etree.Element("{urn:look-alike}Assertion"))
    (found,) = violations(root)
    assert "is in the namespace “urn:look-alike”" in found.message


def test_an_encrypted_assertion_follows_its_schema(published: etree.XMLSchema) -> None:
    root = samples.build()
    root.remove(assertion(root))
    encrypted = etree.SubElement(root, q(SAML, "EncryptedAssertion"))
    data = etree.SubElement(encrypted, q(XENC, "EncryptedData"))
    etree.SubElement(data, q(XENC, "EncryptionMethod"), Algorithm="urn:x")
    etree.SubElement(etree.SubElement(data, q(XENC, "CipherData")), q(XENC, "CipherValue")).text = "eHg="
    assert violations(root) == ()
    assert published.validate(root)
    encrypted.append(etree.Element(q(SAML, "Assertion")))
    assert violations(root)
    assert not published.validate(root)


def test_findings_are_bounded() -> None:
    root = samples.build()
    for _ in range(200):
        root.append(etree.Element("x"))
    assert len(violations(root)) == 20
