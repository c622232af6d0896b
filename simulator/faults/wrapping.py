"""Signature wrapping: the genuine signed part is kept somewhere, and a forged one is put where readers look."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from simulator import names
from simulator.draft import Draft, extensions, foreign, insert_after_issuer
from simulator.encryption import encrypt
from simulator.faults.registry import Family, Setup, Stage
from simulator.message import fresh_id, instant
from simulator.names import DS, MD, SAML, SAMLP, q
from simulator.signing import without_signatures

wrapping = Family("wrapping", stage=Stage.SIGNED, kind="A")
_FAULT = wrapping.fault
_XSW = "Somorovsky 2012"


@_FAULT("xsw1", "structure-no-nested-message", "xml-id-unique", "signature-structure", signs="response", reference=_XSW)
def _(d: Draft) -> None:
    """The original response hides in the signature of a forged response."""
    s, original = d.signature, without_signatures(d.response)
    d.forge(d.response)
    d.response.set("ID", fresh_id())
    s.append(original)


@_FAULT("xsw1-object", "signature-no-object", "structure-no-nested-message", signs="response", reference=_XSW)
def _(d: Draft) -> None:
    """The original response hides in a ds:Object of the signature, which the signature schema allows."""
    s, original = d.signature, without_signatures(d.response)
    d.forge(d.response)
    d.response.set("ID", fresh_id())
    etree.SubElement(s, q(DS, "Object")).append(original)


@_FAULT("xsw2", "structure-no-nested-message", signs="response", reference=_XSW)
def _(d: Draft) -> None:
    """The original response stands before the signature, which is now detached."""
    s, original = d.signature, without_signatures(d.response)
    d.forge(d.response)
    d.response.set("ID", fresh_id())
    s.addprevious(original)


@_FAULT("xsw3", "structure-single-assertion", reference=f"{_XSW}; CVE-2026-25922, CVE-2025-47949, CVE-2026-34840")
def _(d: Draft) -> None:
    """A forged assertion stands before the genuine one."""
    d.assertion.addprevious(d.evil(d.assertion))


@_FAULT("xsw4", "structure-assertion-position", "structure-single-assertion", reference=_XSW)
def _(d: Draft) -> None:
    """A forged assertion contains the genuine one."""
    genuine = d.assertion
    evil = d.evil(genuine)
    d.response.append(evil)
    evil.append(genuine)


@_FAULT("xsw5", "signature-reference-uri", "structure-single-assertion", "signature-reference-target", reference=_XSW)
def _(d: Draft) -> None:
    """The forged assertion keeps the signature; the original follows it without one."""
    original = without_signatures(d.assertion)
    d.forge(d.assertion)
    d.assertion.set("ID", fresh_id())
    d.response.append(original)


@_FAULT("xsw6", "signature-structure", "structure-single-assertion", "signature-reference-uri", reference=_XSW)
def _(d: Draft) -> None:
    """The forged assertion keeps the signature, and the original hides in that signature."""
    s, original = d.signature, without_signatures(d.assertion)
    d.forge(d.assertion)
    d.assertion.set("ID", fresh_id())
    s.append(original)


@_FAULT("xsw7", "xml-id-unique", "structure-single-assertion", reference=_XSW)
def _(d: Draft) -> None:
    """A forged assertion with the same ID stands in Extensions of no namespace."""
    holder = etree.Element("Extensions")
    holder.append(d.evil(d.assertion, d.assertion.get("ID")))
    d.assertion.addprevious(holder)


@_FAULT("xsw7-eid", "structure-single-assertion", "structure-no-nested-message", reference=f"{_XSW}; CVE-2026-34840")
def _(d: Draft) -> None:
    """A forged assertion with an ID of its own stands in samlp:Extensions, at its proper place."""
    insert_after_issuer(d.response, extensions(d.evil(d.assertion)))


@_FAULT("xsw8", "xml-id-unique", "structure-single-assertion", reference=_XSW)
def _(d: Draft) -> None:
    """The forged assertion keeps ID and signature; the original hides in an Object of no namespace inside it."""
    s, original = d.signature, without_signatures(d.assertion)
    d.forge(d.assertion)
    etree.SubElement(s, "Object").append(original)


@_FAULT("xsw8-eid", "signature-no-object", "signature-reference-uri", "structure-single-assertion", reference=_XSW)
def _(d: Draft) -> None:
    """The forged assertion keeps the signature under a new ID; the original hides in its ds:Object."""
    s, original = d.signature, without_signatures(d.assertion)
    d.forge(d.assertion)
    d.assertion.set("ID", fresh_id())
    etree.SubElement(s, q(DS, "Object")).append(original)


@_FAULT("xsw-evil-after", "structure-single-assertion", reference="CVE-2022-41912")
def _(d: Draft) -> None:
    """A forged assertion follows the genuine one."""
    d.response.append(d.evil(d.assertion))


def _same_id_in_extensions(first: bool) -> Callable[[Draft], None]:
    def apply(d: Draft) -> None:
        original = without_signatures(d.assertion)
        d.forge(d.assertion)
        if first:
            insert_after_issuer(d.response, extensions(original))
        else:
            d.response.append(extensions(original))

    return apply


wrapping.row(
    "xsw-dup-id-extensions",
    _same_id_in_extensions(True),
    "The genuine assertion stands in Extensions first; the forged one keeps its ID and its signature.",
    "xml-id-unique",
    "structure-single-assertion",
    reference="CVE-2026-63182, OneUptime #2949",
)
wrapping.row(
    "xsw-dup-id-after",
    _same_id_in_extensions(False),
    "The forged assertion keeps ID and signature; the genuine one stands in Extensions after it.",
    "xml-id-unique",
    "structure-single-assertion",
    reference="CVE-2026-9487",
)


@_FAULT("xsw-statusdetail", "signature-position", "structure-no-nested-message", reference="CVE-2024-45409")
def _(d: Draft) -> None:
    """A copy of the signature stands in StatusDetail, and the assertion is forged."""
    detail = etree.SubElement(d.part("Status", SAMLP), q(SAMLP, "StatusDetail"))
    detail.append(d.copy(d.signature))
    d.forge(d.assertion)


@_FAULT(
    "xsw-statusdetail-assertion",
    "structure-no-nested-message",
    "structure-single-assertion",
    reference="CVE-2024-45409",
)
def _(d: Draft) -> None:
    """The genuine signed assertion stands in StatusDetail, a forged one in its place."""
    genuine = d.assertion
    evil = d.evil(genuine)
    d.response.replace(genuine, evil)
    detail = etree.SubElement(d.part("Status", SAMLP), q(SAMLP, "StatusDetail"))
    detail.append(genuine)


@_FAULT("xsw-advice", "structure-no-nested-message", "structure-single-assertion", reference="wrapping through Advice")
def _(d: Draft) -> None:
    """The genuine signed assertion stands in the Advice of a forged one."""
    genuine = d.assertion
    evil = d.evil(genuine)
    d.response.replace(genuine, evil)
    advice = etree.Element(q(SAML, "Advice"))
    advice.append(genuine)
    conditions = evil.find(q(SAML, "Conditions"))
    assert conditions is not None
    conditions.addnext(advice)


@_FAULT(
    "xsw-attributevalue", "structure-assertion-position", "structure-no-nested-message", "structure-single-assertion"
)
def _(d: Draft) -> None:
    """The genuine signed assertion stands in an attribute value of a forged one."""
    genuine = d.assertion
    evil = d.evil(genuine)
    d.response.replace(genuine, evil)
    statement = evil.find(q(SAML, "AttributeStatement"))
    assert statement is not None
    attribute = etree.SubElement(statement, q(SAML, "Attribute"), Name="proof")
    etree.SubElement(attribute, q(SAML, "AttributeValue")).append(genuine)


@_FAULT("xsw-foreign-root", "structure-response-root")
def _(d: Draft) -> None:
    """A root element of a foreign namespace holds a forged response and then the genuine one."""
    genuine = d.response
    forged = d.forge(without_signatures(genuine))
    forged.set("ID", fresh_id())
    for a in forged.iter(q(SAML, "Assertion")):
        a.set("ID", fresh_id())
    root = foreign("Wrap")
    root.append(forged)
    root.append(genuine)
    d.tree = root


@_FAULT("xsw-two-roots", "xml-wellformed", reference="CVE-2022-39299, CVE-2022-39353")
def _(d: Draft) -> None:
    """Two documents one after the other, the forged one first."""
    forged = etree.tostring(d.forge(without_signatures(d.response)), encoding="UTF-8", xml_declaration=False)
    d.rewrite(lambda xml: forged + xml)


_SP_KEY = Setup(decryption_key=True)


@_FAULT(
    "xsw-encrypted-sibling", "enc-not-mixed", "structure-single-assertion", setup=_SP_KEY, reference="CVE-2026-2092"
)
def _(d: Draft) -> None:
    """A forged assertion, encrypted to the service provider's public certificate, stands beside the genuine one."""
    evil = etree.tostring(d.evil(d.assertion))
    d.response.append(encrypt(evil, d.sp_certificate))


@_FAULT(
    "xsw-encrypted-same-id",
    "enc-not-mixed",
    "enc-plaintext-hardening",
    "xml-id-unique",
    "structure-single-assertion",
    setup=_SP_KEY,
    reference="CVE-2016-5697",
)
def _(d: Draft) -> None:
    """The forged, encrypted assertion repeats the ID of the genuine one, which stands in Extensions."""
    genuine = d.assertion
    evil = etree.tostring(d.evil(genuine, genuine.get("ID")))
    d.response.replace(genuine, encrypt(evil, d.sp_certificate))
    insert_after_issuer(d.response, extensions(genuine))


def _logout(kind: str) -> Callable[[Draft], None]:
    def apply(d: Draft) -> None:
        root = etree.Element(q(SAMLP, kind), nsmap={"samlp": SAMLP, "saml": SAML}, ID=fresh_id(), Version="2.0")
        root.set("IssueInstant", instant(d.now))
        etree.SubElement(root, q(SAML, "Issuer")).text = d.tenant.entity_id
        root.append(extensions(d.assertion))
        if kind == "LogoutRequest":
            etree.SubElement(root, q(SAML, "NameID")).text = d.victim
        else:
            status = etree.SubElement(root, q(SAMLP, "Status"))
            etree.SubElement(status, q(SAMLP, "StatusCode"), Value=names.SUCCESS)
        d.tree = root

    return apply


for _kind in ("LogoutRequest", "LogoutResponse"):
    wrapping.row(
        "xsw-logout" if _kind == "LogoutRequest" else "xsw-logout-response",
        _logout(_kind),
        f"A genuine signed assertion stands inside a forged {_kind}.",
        "structure-response-root",
        "signature-position",
        reference="samlify #634",
    )


@_FAULT(
    "xsw-metadata-signature",
    "signature-position",
    "signature-binding",
    "signature-present",
    signs="nothing",
    reference="Fragile Lock",
)
def _(d: Draft) -> None:
    """The identity provider's signed metadata stands in Extensions; the assertion is forged and unsigned."""
    entity = etree.Element(q(MD, "EntityDescriptor"), nsmap={"md": MD}, ID=fresh_id(), entityID=d.tenant.entity_id)
    role = etree.SubElement(entity, q(MD, "IDPSSODescriptor"), protocolSupportEnumeration=names.PROTOCOL)
    etree.SubElement(role, q(MD, "SingleSignOnService"), Binding=names.BINDING_POST, Location="https://idp.example/sso")
    d.sign(entity, position=0)
    d.forge(d.assertion)
    insert_after_issuer(d.response, extensions(entity))


@_FAULT(
    "xsw-other-type",
    "structure-no-nested-message",
    "signature-position",
    "signature-present",
    signs="nothing",
)
def _(d: Draft) -> None:
    """A genuine signed error response stands in Extensions of a forged success."""
    error = without_signatures(d.response)
    error.set("ID", fresh_id())
    genuine = error.find(q(SAML, "Assertion"))
    assert genuine is not None
    error.remove(genuine)
    code = error.find(f".//{q(SAMLP, 'StatusCode')}")
    assert code is not None
    code.set("Value", names.STATUS + "Responder")
    d.sign(error)
    d.forge(d.assertion)
    insert_after_issuer(d.response, extensions(error))


@_FAULT("xsw-subject", "structure-single-assertion", "structure-assertion-position", "structure-no-nested-message")
def _(d: Draft) -> None:
    """The genuine signed assertion stands in the SubjectConfirmationData of a forged one."""
    genuine = d.assertion
    evil = d.evil(genuine)
    d.response.replace(genuine, evil)
    data = evil.find(f".//{q(SAML, 'SubjectConfirmationData')}")
    assert data is not None
    data.append(genuine)


@_FAULT("xsw-keyinfo", "signature-keyinfo-children", "structure-single-assertion", "signature-reference-uri")
def _(d: Draft) -> None:
    """The original assertion hides in the KeyInfo of the signature that the forged one keeps."""
    original = without_signatures(d.assertion)
    d.forge(d.assertion)
    d.assertion.set("ID", fresh_id())
    d.part("KeyInfo", DS).append(original)


@_FAULT("xsw-response-in-extensions", "structure-no-nested-message", "structure-single-assertion", signs="response")
def _(d: Draft) -> None:
    """The whole genuine signed response stands in Extensions of a forged, unsigned one."""
    genuine = d.copy(d.response)
    d.response.remove(d.signature)
    d.forge(d.response)
    d.response.set("ID", fresh_id())
    d.assertion.set("ID", fresh_id())
    insert_after_issuer(d.response, extensions(genuine))
