"""Signatures that are missing, broken, made by the wrong key, or that cover something else than they seem to."""

from __future__ import annotations

import base64
import os

from lxml import etree

from simulator import names
from simulator.draft import Draft
from simulator.faults.registry import Apply, Family, Setup, Stage
from simulator.message import fresh_id
from simulator.names import DS, SAML, q
from simulator.signing import (
    certificate_text,
    digest_of,
)

signature = Family("signature")
_FAULT = signature.fault
_CANARY = Setup(canary=True)


def as_victim(d: Draft) -> None:
    """The values of a forger: the victim's identity and the highest role."""
    d.name_id(value=d.victim)
    statements = tuple(
        tuple(
            a
            if a.name != d.role_claim
            else type(a)(name=a.name, values=("account_administrator",), name_format=a.name_format)
            for a in statement
        )
        for statement in d.spec.attribute_statements
    )
    d.change(attribute_statements=statements)


def _remove_signatures(d: Draft) -> None:
    for s in d.response.findall(f".//{q(DS, 'Signature')}"):
        parent = s.getparent()
        assert parent is not None
        parent.remove(s)


# Missing and broken -----------------------------------------------------------------------------------------------


@_FAULT("sig-none", "signature-present", kind="U", reference="CVE-2025-40934, CVE-2026-89042")
def _(d: Draft) -> None:
    """A forged response without any signature."""
    as_victim(d)
    d.signing = ()


@_FAULT("sig-stripped", "signature-present", kind="A", stage=Stage.SIGNED, reference="signature exclusion")
def _(d: Draft) -> None:
    """A captured response whose signatures were removed and whose identity was changed."""
    _remove_signatures(d)
    d.forge(d.assertion)


@_FAULT("sig-tampered-content", "signature-digest", kind="A", stage=Stage.SIGNED)
def _(d: Draft) -> None:
    """The identity was changed after signing."""
    d.forge(d.assertion)


@_FAULT("sig-tampered-role", "signature-digest", kind="A", stage=Stage.SIGNED)
def _(d: Draft) -> None:
    """Only the role was raised after signing."""
    for attribute in d.assertion.iter(q(SAML, "Attribute")):
        if attribute.get("Name") == d.role_claim:
            attribute[0].text = (
                "account_administrator " if attribute[0].text == "account_administrator" else "account_administrator"
            )


@_FAULT("sig-tampered-signedinfo", "signature-value", kind="A", stage=Stage.SIGNED, reference="CVE-2026-49454")
def _(d: Draft) -> None:
    """Identity and DigestValue were changed together; the SignatureValue is the captured one."""
    d.forge(d.assertion)
    d.part("DigestValue", DS).text = digest_of(d.assertion)


@_FAULT("sig-digest-only-valid", "signature-value", kind="U", reference="CVE-2026-49454")
def _(d: Draft) -> None:
    """A forged assertion with the right digest and a SignatureValue of random octets."""
    as_victim(d)
    d.seal(value=base64.b64encode(os.urandom(256)).decode())


def _value(fault_id: str, summary: str, edit: Apply, *accepts: str) -> None:
    signature.row(fault_id, edit, summary, "signature-value", *accepts, kind="A", stage=Stage.SIGNED)


def _set_value(text: str) -> Apply:
    def apply(d: Draft) -> None:
        d.part("SignatureValue", DS).text = text

    return apply


def _drop_value(d: Draft) -> None:
    value = d.part("SignatureValue", DS)
    d.signature.remove(value)


def _truncate_value(d: Draft) -> None:
    value = d.part("SignatureValue", DS)
    value.text = base64.b64encode(base64.b64decode(value.text or "")[:-16]).decode()


_value("sig-value-empty", "SignatureValue is empty.", _set_value(""), "signature-structure")
_value("sig-value-missing", "SignatureValue is missing.", _drop_value, "signature-structure")
_value("sig-value-not-base64", "SignatureValue is no base64.", _set_value("!!!"), "signature-structure")
_value("sig-value-truncated", "The last 16 octets of the signature are missing.", _truncate_value)
_value("sig-value-zeros", "The signature is all zeros.", _set_value(base64.b64encode(bytes(256)).decode()))


@_FAULT("sig-digest-empty", "signature-value", "signature-digest", "signature-structure", kind="A", stage=Stage.SIGNED)
def _(d: Draft) -> None:
    """DigestValue was emptied after signing."""
    d.part("DigestValue", DS).text = ""


# The wrong key ----------------------------------------------------------------------------------------------------


@_FAULT(
    "sig-wrong-key-own-cert",
    "signature-key-trusted",
    kind="U",
    reference="certificate faking; CVE-2026-86304",
)
def _(d: Draft) -> None:
    """Signed by an attacker's key; KeyInfo holds the attacker's certificate, with the subject name of the real one."""
    as_victim(d)
    d.seal(key="attacker")


@_FAULT("sig-wrong-key-idp-cert", "signature-value", kind="U")
def _(d: Draft) -> None:
    """Signed by an attacker's key; KeyInfo shows the real certificate."""
    as_victim(d)
    d.seal(key="attacker", certificates=(d.key(),))


@_FAULT("sig-keyvalue-only", "signature-key-trusted", "signature-value", kind="U", reference="CVE-2021-21239")
def _(d: Draft) -> None:
    """Signed by an attacker's key that stands in KeyInfo as a bare KeyValue."""
    as_victim(d)
    d.seal(key="attacker", keyinfo="keyvalue")


@_FAULT("sig-dupe-keyinfo", "signature-keyinfo-consistent", kind="U", reference="CVE-2019-1006")
def _(d: Draft) -> None:
    """KeyInfo holds the attacker's KeyValue and then the real certificate: two readers take two keys."""
    as_victim(d)
    d.seal(key="attacker", keyinfo="keyvalue+x509", certificates=(d.key(),))


@_FAULT("sig-dupe-keyinfo-reversed", "signature-keyinfo-consistent", kind="U", reference="CVE-2019-1006")
def _(d: Draft) -> None:
    """KeyInfo holds the real certificate and then the attacker's KeyValue."""
    as_victim(d)
    d.seal(key="attacker", keyinfo="x509+keyvalue", certificates=(d.key(),))


@_FAULT(
    "sig-two-x509",
    "signature-key-trusted",
    "signature-value",
    "signature-keyinfo-consistent",
    kind="U",
    reference="CVE-2018-7644",
)
def _(d: Draft) -> None:
    """X509Data holds the real certificate and the attacker's; the attacker's key signed."""
    as_victim(d)
    d.seal(key="attacker", certificates=(d.key(), d.key("attacker")))


@_FAULT(
    "sig-two-x509data",
    "signature-key-trusted",
    "signature-value",
    "signature-keyinfo-consistent",
    kind="U",
    stage=Stage.SIGNED,
    reference="CVE-2018-7644",
    signs="nothing",
)
def _(d: Draft) -> None:
    """Two X509Data, the real certificate first; the attacker's key signed."""
    d.forge(d.assertion)
    s = d.sign(d.assertion, key="attacker")
    info = s.find(q(DS, "KeyInfo"))
    assert info is not None
    data = etree.Element(q(DS, "X509Data"))
    etree.SubElement(data, q(DS, "X509Certificate")).text = certificate_text(d.key().certificate)
    info.insert(0, data)


@_FAULT("sig-keyname-only", None, expects="accept", reference="saml-core §5.4.5")
def _(d: Draft) -> None:
    """KeyInfo holds a KeyName only; the trusted key signed, so the message is good."""
    d.seal(keyinfo="keyname")


@_FAULT("sig-x509-issuer-serial-only", None, expects="accept", reference="saml-core §5.4.5")
def _(d: Draft) -> None:
    """KeyInfo names the certificate by issuer and serial only; the trusted key signed, so the message is good."""
    d.seal(keyinfo="issuer-serial")


@_FAULT(
    "sig-retrievalmethod",
    "signature-keyinfo-children",
    kind="A",
    stage=Stage.SIGNED,
    reference="CVE-2023-36661",
    setup=_CANARY,
)
def _(d: Draft) -> None:
    """KeyInfo asks to fetch the key from a URL, which must stay unvisited."""
    info = d.part("KeyInfo", DS)
    etree.SubElement(info, q(DS, "RetrievalMethod"), URI=d.canary_url + "k")


@_FAULT(
    "sig-encryption-key-used",
    "signature-key-trusted",
    setup=Setup(metadata="with-encryption-key"),
    reference="saml-metadata §2.4.1.1",
)
def _(d: Draft) -> None:
    """Signed with the key that the metadata publishes for encryption."""
    d.seal(key="encryption")


@_FAULT(
    "sig-inner-bad-outer-good",
    "signature-all-verified",
    "signature-key-trusted",
    stage=Stage.SIGNED,
    signs="nothing",
    reference="saml-profiles §4.1.4.3",
)
def _(d: Draft) -> None:
    """The assertion is signed by a stranger, the response around it by the trusted key."""
    d.sign(d.assertion, key="attacker")
    d.sign(d.response)


@_FAULT(
    "sig-response-only-when-assertion-required",
    "signature-policy",
    setup=Setup(policy=(("signed_part", "assertion"),)),
    reference="saml-metadata §2.4.4",
)
def _(d: Draft) -> None:
    """Only the response is signed, and the service provider wants assertions signed."""
    d.seal("response")


@_FAULT(
    "sig-assertion-only-when-response-required", "signature-policy", setup=Setup(policy=(("signed_part", "response"),))
)
def _(d: Draft) -> None:
    """Only the assertion is signed, and the service provider wants responses signed."""
    d.seal("assertion")


# The wrong place --------------------------------------------------------------------------------------------------


@_FAULT("sig-two-on-assertion", "signature-single", kind="A", stage=Stage.SIGNED)
def _(d: Draft) -> None:
    """The signature stands twice in the assertion."""
    d.signature.addnext(d.copy(d.signature))


@_FAULT("sig-last-child", "structure-signature-order", reference="saml-core §2.3.3")
def _(d: Draft) -> None:
    """The signature is the last child of the assertion instead of following Issuer."""
    d.seal(position=-1)


@_FAULT(
    "sig-on-wrong-element",
    "signature-position",
    "signature-present",
    stage=Stage.SIGNED,
    signs="nothing",
    reference="saml-core §5.4",
)
def _(d: Draft) -> None:
    """Only the Subject is signed."""
    subject = d.part("Subject")
    subject.set("ID", fresh_id())
    d.sign(subject, position=0)


@_FAULT("sig-detached-in-response", "signature-reference-uri", "signature-reference-target", "signature-transforms")
def _(d: Draft) -> None:
    """The assertion's signature stands in the response: detached."""
    d.seal(in_response=True, transforms=(names.EXCLUSIVE,))
