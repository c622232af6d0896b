"""Canonicalisation and parser differentials: two readers of the same octets see two different things."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from simulator import names
from simulator.draft import Draft, extensions, foreign, insert_after_issuer
from simulator.faults.registry import Family, Stage
from simulator.message import fresh_id
from simulator.names import DS, SAML, SAMLP, q
from simulator.signing import without_signatures

c14n = Family("c14n", stage=Stage.SIGNED, kind="A")
_FAULT = c14n.fault
_EMPTY_SHA256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
_COMMENTS = "CVE-2017-11427 to -11430, VU#475445"


def _local_suffix(d: Draft) -> None:
    """The attacker's own address begins with the victim's: victim@corp.test.evil.test."""
    d.name_id(value=d.victim + ".evil.test")


def _comment_in_name_id(d: Draft) -> None:
    text = d.victim.encode()
    d.rewrite(lambda xml: xml.replace(text + b".evil.test<", text + b"<!---->.evil.test<", 1))


@_FAULT("c14n-comment-nameid", "xml-comments", "xml-mixed-content", stage=Stage.SPEC, reference=_COMMENTS)
def _(d: Draft) -> None:
    """A signed address that begins with the victim's is cut by a comment; careless readers stop there."""
    _local_suffix(d)
    _comment_in_name_id(d)


def _comment(fault_id: str, tag: str, summary: str, within: str | None = None) -> None:
    def apply(d: Draft) -> None:
        scope = d.assertion if within is None else d.part(within)
        element = scope if within == tag else scope.find(f".//{q(SAML, tag)}")
        assert element is not None
        text = element.text or ""
        half = max(1, len(text) // 2)
        element.text = text[:half]
        comment = etree.Comment("")
        element.insert(0, comment)
        comment.tail = text[half:]

    c14n.row(fault_id, apply, summary, "xml-comments", "xml-mixed-content", reference=_COMMENTS)


_comment("c14n-comment-attribute", "AttributeValue", "A comment splits an attribute value after signing.")
_comment("c14n-comment-issuer", "Issuer", "A comment splits the assertion's Issuer after signing.")
_comment("c14n-comment-audience", "Audience", "A comment splits the Audience after signing.")


@_FAULT("c14n-comment-signed", "xml-mixed-content", "xml-comments", kind="H", stage=Stage.TREE)
def _(d: Draft) -> None:
    """The comment inside NameID is signed too: canonicalisation with comments in both places."""
    d.seal(transforms=(names.ENVELOPED, names.EXCLUSIVE_COMMENTS), c14n=names.EXCLUSIVE_COMMENTS)
    name_id = d.part("NameID")
    comment = etree.Comment("x")
    name_id.text = d.victim
    name_id.append(comment)
    comment.tail = ".evil.test"


@_FAULT("c14n-pi-after", "xml-no-pi", "signature-digest", "xml-mixed-content", reference="OneUptime #2988")
def _(d: Draft) -> None:
    """A processing instruction was put into NameID after signing; xml-crypto rendered it as text."""
    name_id = d.part("NameID")
    text, name_id.text = name_id.text, ""
    pi = etree.ProcessingInstruction("p", "not-")
    name_id.insert(0, pi)
    pi.tail = text


@_FAULT("c14n-pi-signed", "xml-no-pi", "xml-mixed-content", kind="H", stage=Stage.TREE, signs="assertion")
def _(d: Draft) -> None:
    """A processing instruction inside NameID is signed with it."""
    name_id = d.part("NameID")
    pi = etree.ProcessingInstruction("p", "cut")
    name_id.text = d.victim
    name_id.insert(0, pi)
    pi.tail = ".evil.test"


@_FAULT("c14n-child-element", "xml-mixed-content", kind="H", stage=Stage.TREE)
def _(d: Draft) -> None:
    """An element inside NameID cuts the text: readers that stop at it see the victim."""
    name_id = d.part("NameID")
    child = foreign("z")
    name_id.text = d.victim
    name_id.insert(0, child)
    child.tail = ".evil.test"


@_FAULT("c14n-foreign-nameid", "nameid-present", kind="H", stage=Stage.TREE, reference="crewjam GO-2026-6909")
def _(d: Draft) -> None:
    """The NameID belongs to a foreign namespace; readers that look at the local name only take it."""
    name_id = d.part("NameID")
    other = foreign("NameID", d.victim)
    parent = name_id.getparent()
    assert parent is not None
    parent.replace(name_id, other)


@_FAULT(
    "c14n-foreign-nameid-before",
    "schema-valid",
    "nameid-present",
    "structure-subject",
    kind="H",
    stage=Stage.TREE,
    reference="crewjam GO-2026-6909",
)
def _(d: Draft) -> None:
    """A NameID of a foreign namespace stands before the real one."""
    d.part("NameID").addprevious(foreign("NameID", d.victim))


@_FAULT(
    "c14n-void-relative-ns",
    "xml-relative-namespace",
    "signature-c14n-failure",
    reference="CVE-2025-66568, CVE-2025-66475, GHSA-wx95",
)
def _(d: Draft) -> None:
    """A relative namespace name makes canonicalisation fail; where failure yields "", the digest of nothing fits."""
    d.forge(d.assertion)
    d.part("DigestValue", DS).text = _EMPTY_SHA256
    d.rewrite(lambda xml: xml.replace(b"Assertion ", b'Assertion xmlns:ns="1" ', 1))


@_FAULT("c14n-void-bad-uri", "xml-wellformed", "xml-relative-namespace", reference="CVE-2025-25292")
def _(d: Draft) -> None:
    """A namespace name that is no URI, with the digest of nothing."""
    d.forge(d.assertion)
    d.part("DigestValue", DS).text = _EMPTY_SHA256
    d.rewrite(lambda xml: xml.replace(b"Assertion ", b'Assertion xmlns:e="http://example.com&#x80;" ', 1))


@_FAULT("c14n-attr-pollution", "xml-attribute-pollution", reference="Fragile Lock")
def _(d: Draft) -> None:
    """The forged assertion carries two IDs, one of them in a namespace; the genuine one stands in Extensions."""
    genuine = without_signatures(d.assertion)
    sid = d.assertion.get("ID") or ""
    d.forge(d.assertion)
    d.assertion.set("ID", "_attack")
    d.assertion.set(q(SAMLP, "ID"), sid)
    insert_after_issuer(d.response, extensions(genuine))


@_FAULT("c14n-Id-vs-ID", "xml-id-unique", "structure-no-nested-message", reference="lookup order of ID attributes")
def _(d: Draft) -> None:
    """A forged element in Extensions has Id where the genuine assertion has the same ID."""
    evil = d.forge(without_signatures(d.assertion))
    sid = evil.attrib.pop("ID")
    evil.set("Id", sid)
    insert_after_issuer(d.response, extensions(evil))


def _doctype(internal: str) -> Callable[[bytes], bytes]:
    return lambda xml: f"<!DOCTYPE Response [{internal}]>".encode() + xml


@_FAULT("c14n-ns-confusion-attlist", "xml-no-dtd", kind="U", reference="CVE-2025-25292, CVE-2025-66567")
def _(d: Draft) -> None:
    """A DTD gives unprefixed Signature elements their namespace by default, for one of two parsers."""
    d.rewrite(_doctype(f'<!ATTLIST Signature xmlns CDATA #FIXED "{DS}">'))
    d.rewrite(lambda xml: xml.replace(b"<ds:Signature ", b"<Signature ").replace(b"</ds:Signature>", b"</Signature>"))


@_FAULT("c14n-doctype-roundtrip", "xml-no-dtd", "xml-wellformed", reference="CVE-2025-25291")
def _(d: Draft) -> None:
    """A quote inside a DOCTYPE is read differently after a round trip: two parsers see two messages."""
    forged = etree.tostring(d.forge(without_signatures(d.response)), encoding="UTF-8", xml_declaration=False)
    end = b"</samlp:Response>"

    def rewrite(xml: bytes) -> bytes:
        return (
            b"<!DOCTYPE r SYSTEM 'x\"><!--'>"
            + forged.removesuffix(end)
            + b"<![CDATA[-->"
            + xml.removesuffix(end)
            + b"<!--]]>-->"
            + end
        )

    d.rewrite(rewrite)


@_FAULT("c14n-entity-id", "xml-no-dtd", reference="CVE-2025-23369")
def _(d: Draft) -> None:
    """IDs are built from entities, so that two parsers see different ones."""
    sid = (d.assertion.get("ID") or "").encode()
    d.rewrite(lambda xml: xml.replace(b'ID="' + sid, b'ID="&i;', 1))
    d.rewrite(_doctype(f'<!ENTITY i "{sid.decode()}">'))


@_FAULT("c14n-entity-text", "xml-no-dtd", kind="U")
def _(d: Draft) -> None:
    """The NameID's text comes from an internal entity."""
    text = (d.part("NameID").text or "").encode()
    d.rewrite(lambda xml: xml.replace(b">" + text + b"<", b">&who;<", 1))
    d.rewrite(_doctype(f'<!ENTITY who "{d.victim}">'))


@_FAULT("c14n-xml-xmlns", "xml-attribute-pollution", "schema-valid", "xml-wellformed", reference="Fragile Lock")
def _(d: Draft) -> None:
    """An attribute xml:xmlns on the signature, which some readers take for a namespace declaration."""
    d.rewrite(lambda xml: xml.replace(b"<ds:Signature ", b'<ds:Signature xml:xmlns="#other" ', 1))


@_FAULT(
    "c14n-prefix-rebind",
    "xml-prefix-rebinding",
    "structure-assertion-position",
    "structure-single-assertion",
    "nameid-present",
)
def _(d: Draft) -> None:
    """The prefix saml is bound to a look-alike namespace on a forged assertion; readers of local names take it."""
    evil = etree.tostring(d.evil(d.assertion), encoding="UTF-8", xml_declaration=False)
    look_alike = evil.replace(SAML.encode() + b'"', SAML.encode() + b's"')
    genuine = d.assertion
    d.response.replace(genuine, etree.fromstring(look_alike))
    insert_after_issuer(d.response, extensions(genuine))


@_FAULT(
    "c14n-wrong-namespace",
    "structure-version",
    "structure-single-assertion",
    kind="H",
    stage=Stage.TREE,
    signs="response",
)
def _(d: Draft) -> None:
    """The assertion belongs to the namespace of SAML 1.0."""
    old = etree.tostring(d.assertion, encoding="UTF-8", xml_declaration=False)
    d.response.replace(d.assertion, etree.fromstring(old.replace(SAML.encode(), names.SAML1.encode())))


@_FAULT("c14n-charref-cr", "signature-digest", "nameid-unicode")
def _(d: Draft) -> None:
    """A carriage return was put into a signed value as a character reference."""
    name_id = d.part("NameID")
    name_id.text = (name_id.text or "") + "\r"


@_FAULT("c14n-pretty-printed", "signature-digest", reference="the most common support case")
def _(d: Draft) -> None:
    """The message was re-indented after signing, as a debugging tool or a proxy does."""
    etree.indent(d.response, "  ")


@_FAULT("c14n-reencoded", "encoding-charset", "xml-wellformed")
def _(d: Draft) -> None:
    """The message was transcoded to ISO-8859-1 with a matching declaration."""
    d.rewrite(
        lambda xml: b'<?xml version="1.0" encoding="ISO-8859-1"?>' + xml.decode().encode("latin-1", "xmlcharrefreplace")
    )


@_FAULT("c14n-utf7", "encoding-charset", kind="U")
def _(d: Draft) -> None:
    """A UTF-7 document hides its DOCTYPE from whoever looks at the octets."""
    d.rewrite(
        lambda xml: (
            b'<?xml version="1.0" encoding="UTF-7"?>' + "<!DOCTYPE r []>".encode("utf-7") + xml.decode().encode("utf-7")
        )
    )


@_FAULT("c14n-whitespace-in-nameid", "signature-digest", "xml-value-whitespace")
def _(d: Draft) -> None:
    """A space was put after the NameID's text after signing."""
    name_id = d.part("NameID")
    name_id.text = (name_id.text or "") + " "


@_FAULT("c14n-attribute-order", None, expects="accept", reference="xml-c14n §1.1")
def _(d: Draft) -> None:
    """Attributes were reordered and quotes exchanged after signing: canonically the same document."""
    a = d.assertion
    pairs = list(a.attrib.items())
    a.attrib.clear()
    for name, value in reversed(pairs):
        a.set(name, value)


@_FAULT("c14n-nested-same-id-element", "xml-id-unique", "signature-reference-target")
def _(d: Draft) -> None:
    """A foreign element in Extensions carries the assertion's ID."""
    other = foreign("Decoy", "x")
    other.set("ID", d.assertion.get("ID") or fresh_id())
    insert_after_issuer(d.response, extensions(other))
