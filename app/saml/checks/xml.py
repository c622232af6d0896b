"""Checks of the form of the XML: well-formedness, DTD, limits, identifiers, stray nodes. app.saml.xml found them."""

from __future__ import annotations

from app.saml.checks.registry import Case, Outcome, Severity, check, skipped


def _form(case: Case, check_id: str, fine: str) -> Outcome:
    """What the parser filed under this id; where it refused the document for another reason, nobody knows."""
    if case.document is None and case.found(check_id) is None:
        return skipped("The document was refused before this could be looked at.")
    return case.outcome(check_id, fine)


@check(
    "xml-wellformed",
    "the document is well-formed XML with one root element",
    cites="XML 1.0 §2.1; CVE-2022-39299",
    needs="bytes",
)
def wellformed(case: Case) -> Outcome | None:
    """A document that a lenient parser repairs or reads only in part is a different document for every reader. The
    place and the usual causes (a cut copy, a bare “&”, an HTML page) are named."""
    return _form(case, "xml-wellformed", "The document is well-formed.")


@check(
    "xml-no-dtd",
    "there is no document type declaration",
    cites="XML 1.0 §2.8; CVE-2025-25291, CVE-2025-66567",
    needs="bytes",
)
def no_dtd(case: Case) -> Outcome | None:
    """A DOCTYPE can pull in files, blow up memory and change what elements mean. No SAML message has one, so it is
    refused before the document is parsed, however harmless it looks."""
    return _form(case, "xml-no-dtd", "There is no DOCTYPE.")


@check(
    "xml-no-entity",
    "no entity is declared or referred to",
    cites="W3C XML Signature Best Practices",
    needs="bytes",
)
def no_entity(case: Case) -> Outcome | None:
    """An entity stands for text that is written elsewhere, so two parsers can read two texts. Only the five of XML
    itself (such as &amp;) are used in messages."""
    return _form(case, "xml-no-entity", "There are no entities.")


@check("xml-no-pi", "there is no processing instruction in the message", cites="XML 1.0 §2.6", needs="bytes")
def no_pi(case: Case) -> Outcome | None:
    """Processing instructions survive signing, and some libraries take them for text or stop reading at them. No IdP
    writes any."""
    return _form(case, "xml-no-pi", "There are no processing instructions.")


@check(
    "xml-comments",
    "no comment stands inside a value or a signature",
    cites="CVE-2017-11427; CERT VU#475445",
    needs="bytes",
)
def comments(case: Case) -> Outcome | None:
    """Signing leaves comments out, so anybody can put one into a signed message. Inside a NameID it makes some readers
    see only the part before it: another user. Elsewhere a comment is harmless and only reported."""
    return _form(case, "xml-comments", "There are no comments.")


@check("xml-depth-limit", "elements are not nested too deeply", cites="W3C XML Signature Best Practices", needs="bytes")
def depth_limit(case: Case) -> Outcome | None:
    """Deep nesting exhausts the stack of many programs. A real response is less than 20 levels deep."""
    return _form(case, "xml-depth-limit", "The nesting is within the limit.")


@check(
    "xml-node-limit",
    "the document has a reasonable number of nodes, attributes and characters",
    cites="W3C XML Signature Best Practices",
    needs="bytes",
)
def node_limit(case: Case) -> Outcome | None:
    """Every element costs work in every later step. Real messages become this large only when an IdP sends thousands of
    groups; let it send those that are assigned to the application."""
    return _form(case, "xml-node-limit", "The size of the tree is within the limits.")


@check(
    "xml-namespace-limit",
    "few namespace declarations are in scope",
    cites="checks.md finding 4",
    needs="bytes",
)
def namespace_limit(case: Case) -> Outcome | None:
    """Canonicalisation costs the square of the declarations in scope: 31 KiB can take eight seconds. Real messages
    declare fewer than ten."""
    return _form(case, "xml-namespace-limit", "Few namespaces are declared.")


@check(
    "xml-relative-namespace",
    "every namespace name is an absolute URI",
    cites="XML-C14N §2.3; CVE-2025-66568",
    needs="bytes",
)
def relative_namespace(case: Case) -> Outcome | None:
    """Canonicalising a relative namespace name fails. Libraries that overlook the failure digest nothing at all, and so
    accept a forged message whose digest is that of nothing."""
    return _form(case, "xml-relative-namespace", "Every namespace name is absolute.")


@check(
    "xml-prefix-rebinding",
    "every prefix stands for one namespace, and the usual ones for the usual",
    cites="XML-NS §2; “The Fragile Lock”",
    severity=Severity.WARNING,
    needs="bytes",
)
def prefix_rebinding(case: Case) -> Outcome | None:
    """An attacker can declare “saml” to mean something else, so that readers that look at prefixes or at local names
    only take a foreign element for a SAML one."""
    return _form(case, "xml-prefix-rebinding", "Every prefix stands for one namespace.")


@check(
    "xml-attribute-pollution",
    "no attribute such as ID exists a second time in a namespace",
    cites="“The Fragile Lock”",
    needs="bytes",
)
def attribute_pollution(case: Case) -> Outcome | None:
    """With ID="a" and samlp:ID="b" on one element, one library verifies the signature of a and another reads b. The
    attributes of SAML and of XML signatures have no namespace."""
    return _form(case, "xml-attribute-pollution", "No attribute exists twice.")


@check(
    "xml-id-unique",
    "every ID stands once in the document",
    cites="saml-core §1.3.4, §5.4.2; CVE-2026-63182",
    needs="bytes",
)
def id_unique(case: Case) -> Outcome | None:
    """A signature names what it covers by ID. With the same ID on two elements, the one that is verified and the one
    that is used can differ; this is how signature wrapping works."""
    return _form(case, "xml-id-unique", "Every ID stands once.")


@check(
    "xml-id-ncname",
    "every ID is an XML name",
    cites="saml-core §1.3.4; CVE-2026-9390",
    severity=Severity.WARNING,
    needs="bytes",
)
def id_ncname(case: Case) -> Outcome | None:
    """IDs begin with a letter or “_”. Home-made IdPs write a bare UUID, which may begin with a digit; libraries that
    validate the schema refuse it about ten times in sixteen."""
    return _form(case, "xml-id-ncname", "Every ID is an XML name.")


@check(
    "xml-no-external-ref",
    "nothing in the message asks to be fetched from elsewhere",
    cites="W3C XML Signature Best Practices",
    diagnose=Severity.WARNING,
    needs="bytes",
)
def no_external_ref(case: Case) -> Outcome | None:
    """XInclude, RetrievalMethod, CipherReference and style sheets make naive software fetch addresses that an attacker
    chose. They are noted and never followed; a schemaLocation alone only warns."""
    return _form(case, "xml-no-external-ref", "Nothing refers to the outside.")


@check(
    "xml-mixed-content",
    "every identifying value is one run of text",
    cites="fedinterop IIP-SP02; CVE-2017-11427",
    needs="bytes",
)
def mixed_content(case: Case) -> Outcome | None:
    """Where an element or comment stands inside a NameID, Issuer, Audience or attribute value, some readers take the
    text before it, some the text after it and some both. Such a value cannot be relied on."""
    return _form(case, "xml-mixed-content", "Every value is one run of text.")


@check(
    "xml-value-whitespace",
    "no value begins or ends with white space",
    cites="saml-core §1.3.1",
    severity=Severity.WARNING,
    needs="bytes",
)
def value_whitespace(case: Case) -> Outcome | None:
    """Values are compared letter for letter. A pretty-printed template puts line breaks around them, and then nothing
    matches; the comparisons themselves are judged by their own checks."""
    return _form(case, "xml-value-whitespace", "No value has white space around it.")
