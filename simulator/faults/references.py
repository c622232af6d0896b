"""References, transforms and the inside of signatures: what they cover, how many there are, what is hidden in them."""

from __future__ import annotations

from lxml import etree

from simulator import names
from simulator.draft import Draft, extensions, insert_after_issuer
from simulator.faults.registry import Family, Setup, Stage
from simulator.faults.signature import as_victim
from simulator.message import OMIT, fresh_id
from simulator.names import DS, SAML, q
from simulator.signing import (
    Reference,
    canonical,
    digest,
    digest_of,
    key_value,
    put_value,
    without_signatures,
)

signature = Family("signature")
_FAULT = signature.fault
_CANARY = Setup(canary=True)


# References -------------------------------------------------------------------------------------------------------


@_FAULT("sig-empty-uri", "signature-reference-uri", reference="saml-core §5.4.2")
def _(d: Draft) -> None:
    """The response is signed with URI="": the whole document, as old toolkits do."""
    d.seal("response", uri="")


@_FAULT("sig-missing-uri", "signature-reference-uri")
def _(d: Draft) -> None:
    """The Reference has no URI."""
    d.seal(uri=OMIT)


def _uri(fault_id: str, uri: str | None, summary: str, reference: str = "", *accepts: str) -> None:
    def apply(d: Draft) -> None:
        text = uri if uri is not None else d.canary_url
        d.seal(uri=text.replace("{id}", str(d.spec.assertion_id)).replace("{file}", d.canary_file))

    signature.row(
        fault_id,
        apply,
        summary,
        "signature-reference-uri",
        *accepts,
        reference=reference,
        setup=_CANARY if uri is None or "{file}" in uri else None,
    )


_uri("sig-external-uri", None, "The Reference names a URL, which must stay unvisited.", "remote reference")
_uri(
    "sig-external-file",
    "file://{file}",
    "The Reference names a local file, which must stay unread.",
    "remote reference",
)
_uri(
    "sig-xpointer-uri",
    "#xpointer(id('{id}'))",
    "The Reference is an XPointer to the assertion.",
    "Signature Best Practices",
)
_uri("sig-xpointer-root", "#xpointer(/)", "The Reference is an XPointer to the document.", "Signature Best Practices")


@_FAULT("sig-xpath-injection-uri", "signature-reference-uri", "xml-id-ncname", kind="U", reference="CVE-2026-9390")
def _(d: Draft) -> None:
    """The URI breaks out of an XPath literal that a careless reader builds from it."""
    as_victim(d)
    d.seal(key="attacker", uri=f"#x'] | //*[@ID='{d.spec.response_id}")


@_FAULT(
    "sig-dangling-uri",
    "signature-reference-target",
    "signature-reference-uri",
    kind="U",
    stage=Stage.SIGNED,
    signs="nothing",
    reference="CVE-2026-18568",
)
def _(d: Draft) -> None:
    """Two signatures whose references name no element: "nothing failed" must not mean "verified"."""
    d.forge(d.assertion)
    d.sign(d.assertion, key="attacker", uri="#" + fresh_id())
    d.sign(d.response, key="attacker", uri="#" + fresh_id())


@_FAULT("sig-zero-references", "signature-reference-count", stage=Stage.SIGNED, signs="assertion")
def _(d: Draft) -> None:
    """SignedInfo has no Reference, and is signed so."""
    info = d.part("SignedInfo", DS)
    info.remove(d.part("Reference", DS))
    put_value(d.signature, d.key().key)


@_FAULT(
    "sig-two-references", "signature-reference-count", stage=Stage.SIGNED, signs="nothing", reference="saml-core §5.4.2"
)
def _(d: Draft) -> None:
    """A second Reference covers the response too."""
    extra = Reference(
        uri=f"#{d.response.get('ID')}", digest=digest_of(d.response), transforms=(names.ENVELOPED, names.EXCLUSIVE)
    )
    d.sign(d.assertion, references=(extra,))


@_FAULT("sig-second-reference-evil", "signature-reference-count", stage=Stage.SIGNED, signs="nothing")
def _(d: Draft) -> None:
    """The first Reference covers a forged assertion in Extensions, the second the genuine one."""
    evil = d.evil(d.assertion)
    s = d.sign(
        d.assertion,
        references=(Reference(uri=f"#{evil.get('ID')}", digest=digest_of(evil)),),
    )
    info = d.part("SignedInfo", DS)
    references = info.findall(q(DS, "Reference"))
    references[0].addprevious(references[1])
    put_value(s, d.key().key)
    insert_after_issuer(d.response, extensions(evil))


@_FAULT(
    "sig-reference-by-position",
    "signature-reference-uri",
    "signature-reference-target",
    kind="A",
    stage=Stage.SIGNED,
    reference="CVE-2024-8698",
)
def _(d: Draft) -> None:
    """The assertion's signature was moved under the response, whose content was forged: position decides nothing."""
    s = d.signature
    genuine = d.copy(d.assertion)
    d.forge(d.assertion)
    parent = s.getparent()
    assert parent is not None
    parent.remove(s)
    d.assertion.set("ID", fresh_id())
    d.response.insert(1, s)
    insert_after_issuer(d.response, extensions(without_signatures(genuine)))


# The inside of the signature --------------------------------------------------------------------------------------


def _two_signedinfo(fault_id: str, before: bool) -> None:
    def apply(d: Draft) -> None:
        d.forge(d.assertion)
        genuine = d.part("SignedInfo", DS)
        second = d.copy(genuine)
        value = second.find(f".//{q(DS, 'DigestValue')}")
        assert value is not None
        value.text = digest_of(d.assertion)
        (genuine.addprevious if before else genuine.addnext)(second)

    place = "before" if before else "after"
    signature.row(
        fault_id,
        apply,
        f"A second SignedInfo with the digest of the forged assertion stands {place} the genuine one.",
        "signature-structure",
        kind="A",
        stage=Stage.SIGNED,
        reference="CVE-2025-29774",
    )


_two_signedinfo("sig-two-signedinfo", True)
_two_signedinfo("sig-two-signedinfo-after", False)


def _digest_comment(fault_id: str, shape: str, summary: str) -> None:
    def apply(d: Draft) -> None:
        d.forge(d.assertion)
        value = d.part("DigestValue", DS)
        genuine = value.text or ""
        comment = etree.Comment(digest_of(d.assertion))
        cut = {"before": 0, "split": len(genuine) // 2, "after": len(genuine)}[shape]
        value.text = genuine[:cut]
        value.append(comment)
        comment.tail = genuine[cut:]

    signature.row(
        fault_id,
        apply,
        summary,
        "signature-no-comments",
        kind="A",
        stage=Stage.SIGNED,
        reference="CVE-2025-29775",
    )


_digest_comment("sig-digestvalue-comment", "before", "DigestValue begins with a comment that holds the forged digest.")
_digest_comment("sig-digestvalue-comment-split", "split", "A comment with the forged digest splits DigestValue.")
_digest_comment(
    "sig-digestvalue-comment-after", "after", "DigestValue ends with a comment that holds the forged digest."
)


@_FAULT("sig-object-empty", "signature-no-object", kind="A", stage=Stage.SIGNED, reference="SAML errata E91")
def _(d: Draft) -> None:
    """The signature holds an empty ds:Object."""
    etree.SubElement(d.signature, q(DS, "Object"))


@_FAULT(
    "sig-manifest",
    "signature-no-object",
    "signature-reference-count",
    "signature-reference-uri",
    stage=Stage.SIGNED,
    signs="nothing",
    reference="SAML errata E91",
)
def _(d: Draft) -> None:
    """The Reference is of Type Manifest, and the Manifest inside ds:Object references the assertion."""
    manifest = etree.Element(q(DS, "Manifest"), nsmap={"ds": DS}, Id=fresh_id())
    reference = etree.SubElement(manifest, q(DS, "Reference"), URI=f"#{d.assertion.get('ID')}")
    etree.SubElement(reference, q(DS, "DigestMethod"), Algorithm=names.SHA256)
    etree.SubElement(reference, q(DS, "DigestValue")).text = digest_of(d.assertion)
    s = d.sign(
        d.assertion,
        uri=f"#{manifest.get('Id')}",
        transforms=(names.EXCLUSIVE,),
        digest=digest(canonical(manifest)),
    )
    d.part("Reference", DS).set("Type", DS + "Manifest")
    etree.SubElement(s, q(DS, "Object")).append(manifest)
    put_value(s, d.key().key)


# Transforms -------------------------------------------------------------------------------------------------------

_XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
_XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"


def _xpath_transform(d: Draft, *, without_name_id: bool) -> None:
    computed = d.copy(d.assertion)
    if without_name_id:
        name_id = computed.find(f".//{q(SAML, 'NameID')}")
        assert name_id is not None
        parent = name_id.getparent()
        assert parent is not None
        parent.remove(name_id)
    s = d.sign(
        d.assertion,
        transforms=(names.ENVELOPED, _XPATH, names.EXCLUSIVE),
        digest=digest(canonical(computed)),
    )
    transform = d.response.findall(f".//{q(DS, 'Transform')}")[1]
    etree.SubElement(transform, q(DS, "XPath")).text = 'not(ancestor-or-self::*[local-name()="NameID"])'
    put_value(s, d.key().key)


@_FAULT(
    "sig-transform-xpath", "signature-transforms", stage=Stage.SIGNED, signs="nothing", reference="saml-core §5.4.4"
)
def _(d: Draft) -> None:
    """An XPath transform leaves the NameID out of what is signed; then the NameID is forged."""
    _xpath_transform(d, without_name_id=True)
    d.part("NameID").text = d.victim


@_FAULT(
    "sig-transform-xpath-ignored",
    "signature-transforms",
    stage=Stage.SIGNED,
    signs="nothing",
    reference="saml-core §5.4.4",
)
def _(d: Draft) -> None:
    """An XPath transform is announced, and the digest is over everything: verifiers that ignore it accept."""
    _xpath_transform(d, without_name_id=False)


@_FAULT(
    "sig-transform-xslt",
    "signature-transforms",
    stage=Stage.SIGNED,
    signs="nothing",
    reference="CVE-2011-1425, CVE-2022-34169",
    setup=_CANARY,
)
def _(d: Draft) -> None:
    """An XSLT transform that would read a file and fetch a URL; it must never run."""
    s = d.sign(d.assertion, transforms=(_XSLT, names.ENVELOPED, names.EXCLUSIVE))
    xsl = "http://www.w3.org/1999/XSL/Transform"
    sheet = etree.SubElement(d.part("Transform", DS), q(xsl, "stylesheet"), nsmap={"xsl": xsl}, version="1.0")
    template = etree.SubElement(sheet, q(xsl, "template"), match="/")
    etree.SubElement(template, q(xsl, "value-of"), select=f"document('{d.canary_url}xslt')")
    etree.SubElement(template, q(xsl, "value-of"), select=f"document('file://{d.canary_file}')")
    put_value(s, d.key().key)


def _transforms(
    fault_id: str, transforms: tuple[str, ...], summary: str, *accepts: str, c14n: str = names.EXCLUSIVE
) -> None:
    signature.row(
        fault_id,
        lambda d: d.seal(transforms=transforms, c14n=c14n),
        summary,
        "signature-transforms",
        *accepts,
        reference="saml-core §5.4.4",
    )


_transforms(
    "sig-transform-base64",
    (names.ENVELOPED, DS + "base64", names.EXCLUSIVE),
    "A base64 transform stands among the others.",
)
_transforms(
    "sig-transform-decrypt",
    (names.ENVELOPED, "http://www.w3.org/2002/07/decrypt#XML", names.EXCLUSIVE),
    "A decryption transform stands among the others.",
)
_transforms(
    "sig-transform-unknown",
    (names.ENVELOPED, "urn:example:transform:unknown", names.EXCLUSIVE),
    "A transform nobody knows stands among the others.",
)
_transforms("sig-no-enveloped", (names.EXCLUSIVE,), "The enveloped-signature transform is missing.", "signature-digest")
_transforms("sig-50-transforms", (names.ENVELOPED, *(names.EXCLUSIVE,) * 50), "Fifty-one transforms.")
_transforms(
    "sig-inclusive-c14n",
    (names.ENVELOPED, names.INCLUSIVE),
    "Inclusive canonicalisation in both places, as old stacks write it; refused unless only diagnosing.",
    "signature-c14n",
    c14n=names.INCLUSIVE,
)


@_FAULT(
    "sig-1000-references",
    "signature-reference-count",
    stage=Stage.SIGNED,
    signs="nothing",
    reference="Signature Best Practices",
)
def _(d: Draft) -> None:
    """A thousand References: to be counted before anything is computed."""
    one = Reference(
        uri=f"#{d.assertion.get('ID')}", digest=digest_of(d.assertion), transforms=(names.ENVELOPED, names.EXCLUSIVE)
    )
    d.sign(d.assertion, references=(one,) * 999)


@_FAULT(
    "sig-prefixlist-1000",
    "xml-namespace-limit",
    "signature-prefixlist",
    "xml-relative-namespace",
    kind="A",
    stage=Stage.SIGNED,
)
def _(d: Draft) -> None:
    """A thousand namespaces, a PrefixList that names them all, a thousand children: eight seconds unbounded."""
    prefixes = [f"n{n}" for n in range(1000)]
    holder = etree.Element(q(SAML, "Advice"), nsmap={p: f"urn:example:{p}" for p in prefixes})
    for _n in range(1000):
        etree.SubElement(holder, q(SAML, "AssertionIDRef")).text = "_x"
    d.part("Conditions").addnext(holder)
    transform = d.response.findall(f".//{q(DS, 'Transform')}")[-1]
    for old in list(transform):
        transform.remove(old)
    nsmap = {"ec": names.EXCLUSIVE}
    etree.SubElement(transform, q(names.EXCLUSIVE, "InclusiveNamespaces"), nsmap=nsmap, PrefixList=" ".join(prefixes))


@_FAULT(
    "sig-decoy-same-value",
    "signature-single",
    "status-error-no-assertion",
    "signature-no-object",
    "signature-position",
    "signature-structure",
    kind="A",
    stage=Stage.SIGNED,
    signs="nothing",
    reference="OneUptime #2981",
)
def _(d: Draft) -> None:
    """A signed error response gets a second signature with the same value that carries a forged assertion."""
    evil = d.evil(d.assertion)
    d.response.remove(d.assertion)
    status = d.part("StatusCode", names.SAMLP)
    status.set("Value", names.STATUS + "Responder")
    s = d.sign(d.response)
    decoy = d.copy(s)
    etree.SubElement(decoy, q(DS, "Object")).append(evil)
    s.addnext(decoy)


@_FAULT("sig-keyinfo-foreign", "signature-keyinfo-children", kind="A", stage=Stage.SIGNED)
def _(d: Draft) -> None:
    """KeyInfo holds a WS-Security token reference beside the certificate."""
    wsse = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
    etree.SubElement(d.part("KeyInfo", DS), q(wsse, "SecurityTokenReference"), nsmap={"wsse": wsse})


@_FAULT("sig-keyvalue-consistent", None, expects="accept", reference="saml-core §5.4.5")
def _(d: Draft) -> None:
    """KeyInfo holds the trusted key twice, as KeyValue and as certificate: redundant, and good."""
    d.seal(keyinfo="keyvalue+x509")


@_FAULT("sig-signature-id-collision", "xml-id-unique", kind="A", stage=Stage.SIGNED)
def _(d: Draft) -> None:
    """The Signature element carries the assertion's ID as its own Id."""
    d.signature.set("Id", d.assertion.get("ID") or "")


@_FAULT("sig-extra-signature-in-subject", "signature-position", kind="A", stage=Stage.SIGNED)
def _(d: Draft) -> None:
    """A copy of the signature stands inside the Subject."""
    d.part("SubjectConfirmation").append(d.copy(d.signature))


@_FAULT(
    "sig-keyvalue-attacker-appended",
    "signature-keyinfo-consistent",
    kind="A",
    stage=Stage.SIGNED,
    reference="CVE-2019-1006",
)
def _(d: Draft) -> None:
    """A genuine signature whose KeyInfo got an attacker's KeyValue: the message is refused, not half believed."""
    d.part("KeyInfo", DS).append(key_value(d.key("attacker").key.public_key()))
