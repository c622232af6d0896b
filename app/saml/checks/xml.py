"""Checks of the form of the XML: well-formedness, DTD, limits, identifiers, stray nodes. app.saml.xml found them.

None of them has anything to do: each reports what the parser filed under its id.
"""

from __future__ import annotations

from app.saml.checks.registry import Case, Severity, check


@check(
    "xml-wellformed",
    "the document is well-formed XML with one root element",
    cites="XML 1.0 §2.1; CVE-2022-39299",
    needs="bytes",
    fine="The document is well-formed.",
)
def wellformed(_case: Case) -> None:
    """A document that a lenient parser repairs or reads only in part is a different document for every reader. The
    place and the usual causes (a cut copy, a bare “&”, an HTML page) are named."""


@check(
    "xml-no-dtd",
    "there is no document type declaration",
    cites="XML 1.0 §2.8; CVE-2025-25291, CVE-2025-66567",
    needs="bytes",
    fine="There is no DOCTYPE.",
)
def no_dtd(_case: Case) -> None:
    """A DOCTYPE can pull in files, blow up memory and change what elements mean. No SAML message has one, so it is
    refused before the document is parsed, however harmless it looks."""


@check(
    "xml-no-entity",
    "no entity is declared or referred to",
    cites="W3C XML Signature Best Practices",
    needs="bytes",
    fine="There are no entities.",
)
def no_entity(_case: Case) -> None:
    """An entity stands for text that is written elsewhere, so two parsers can read two texts. Only the five of XML
    itself (such as &amp;) are used in messages."""


@check(
    "xml-no-pi",
    "there is no processing instruction in the message",
    cites="XML 1.0 §2.6",
    needs="bytes",
    fine="There are no processing instructions.",
)
def no_pi(_case: Case) -> None:
    """Processing instructions survive signing, and some libraries take them for text or stop reading at them. No IdP
    writes any."""


@check(
    "xml-comments",
    "no comment stands inside a value or a signature",
    cites="CVE-2017-11427; CERT VU#475445",
    needs="bytes",
    fine="There are no comments.",
)
def comments(_case: Case) -> None:
    """Signing leaves comments out, so anybody can put one into a signed message. Inside a NameID it makes some readers
    see only the part before it: another user. Elsewhere a comment is harmless and only reported."""


@check(
    "xml-depth-limit",
    "elements are not nested too deeply",
    cites="W3C XML Signature Best Practices",
    needs="bytes",
    fine="The nesting is within the limit.",
)
def depth_limit(_case: Case) -> None:
    """Deep nesting exhausts the stack of many programs. A real response is less than 20 levels deep."""


@check(
    "xml-node-limit",
    "the document has a reasonable number of nodes, attributes and characters",
    cites="W3C XML Signature Best Practices",
    needs="bytes",
    fine="The size of the tree is within the limits.",
)
def node_limit(_case: Case) -> None:
    """Every element costs work in every later step. Real messages become this large only when an IdP sends thousands of
    groups; let it send those that are assigned to the application."""


@check(
    "xml-namespace-limit",
    "few namespace declarations are in scope",
    cites="checks.md finding 4",
    needs="bytes",
    fine="Few namespaces are declared.",
)
def namespace_limit(_case: Case) -> None:
    """Canonicalisation costs the square of the declarations in scope: 31 KiB can take eight seconds. Real messages
    declare fewer than ten."""


@check(
    "xml-relative-namespace",
    "every namespace name is an absolute URI",
    cites="XML-C14N §2.3; CVE-2025-66568",
    needs="bytes",
    fine="Every namespace name is absolute.",
)
def relative_namespace(_case: Case) -> None:
    """Canonicalising a relative namespace name fails. Libraries that overlook the failure digest nothing at all, and so
    accept a forged message whose digest is that of nothing."""


@check(
    "xml-prefix-rebinding",
    "every prefix stands for one namespace, and the usual ones for the usual",
    cites="XML-NS §2; “The Fragile Lock”",
    severity=Severity.WARNING,
    needs="bytes",
    fine="Every prefix stands for one namespace.",
)
def prefix_rebinding(_case: Case) -> None:
    """An attacker can declare “saml” to mean something else, so that readers that look at prefixes or at local names
    only take a foreign element for a SAML one."""


@check(
    "xml-attribute-pollution",
    "no attribute such as ID exists a second time in a namespace",
    cites="“The Fragile Lock”",
    needs="bytes",
    fine="No attribute exists twice.",
)
def attribute_pollution(_case: Case) -> None:
    """With ID="a" and samlp:ID="b" on one element, one library verifies the signature of a and another reads b. The
    attributes of SAML and of XML signatures have no namespace."""


@check(
    "xml-id-unique",
    "every ID stands once in the document",
    cites="saml-core §1.3.4, §5.4.2; CVE-2026-63182",
    needs="bytes",
    fine="Every ID stands once.",
)
def id_unique(_case: Case) -> None:
    """A signature names what it covers by ID. With the same ID on two elements, the one that is verified and the one
    that is used can differ; this is how signature wrapping works."""


@check(
    "xml-id-ncname",
    "every ID is an XML name",
    cites="saml-core §1.3.4; CVE-2026-9390",
    severity=Severity.WARNING,
    needs="bytes",
    fine="Every ID is an XML name.",
)
def id_ncname(_case: Case) -> None:
    """IDs begin with a letter or “_”. Home-made IdPs write a bare UUID, which may begin with a digit; libraries that
    validate the schema refuse it about ten times in sixteen."""


@check(
    "xml-no-external-ref",
    "nothing in the message asks to be fetched from elsewhere",
    cites="W3C XML Signature Best Practices",
    diagnose=Severity.WARNING,
    needs="bytes",
    fine="Nothing refers to the outside.",
)
def no_external_ref(_case: Case) -> None:
    """XInclude, RetrievalMethod, CipherReference and style sheets make naive software fetch addresses that an attacker
    chose. They are noted and never followed; a schemaLocation alone only warns."""


@check(
    "xml-mixed-content",
    "every identifying value is one run of text",
    cites="fedinterop IIP-SP02; CVE-2017-11427",
    needs="bytes",
    fine="Every value is one run of text.",
)
def mixed_content(_case: Case) -> None:
    """Where an element or comment stands inside a NameID, Issuer, Audience or attribute value, some readers take the
    text before it, some the text after it and some both. Such a value cannot be relied on."""


@check(
    "xml-value-whitespace",
    "no value begins or ends with white space",
    cites="saml-core §1.3.1",
    severity=Severity.WARNING,
    needs="bytes",
    fine="No value has white space around it.",
)
def value_whitespace(_case: Case) -> None:
    """Values are compared letter for letter. A pretty-printed template puts line breaks around them, and then nothing
    matches; the comparisons themselves are judged by their own checks."""
