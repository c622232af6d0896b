"""Documents that are no message, no XML, or XML meant to exhaust or to spy. None needs a key; none may cost 200 ms."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from simulator import names
from simulator.draft import Draft
from simulator.faults.registry import Family, Setup, Stage
from simulator.names import SAML, q

malformed = Family("malformed", stage=Stage.SIGNED, kind="U")
_CANARY = Setup(canary=True)


def _row(
    fault_id: str,
    make: Callable[[Draft, bytes], bytes],
    summary: str,
    *checks: str,
    setup: Setup | None = None,
    reference: str = "",
) -> None:
    first, *rest = checks
    malformed.row(
        fault_id,
        lambda d: d.rewrite(lambda xml: make(d, xml)),
        summary,
        first,
        *rest,
        setup=setup,
        reference=reference,
    )


# DTDs and entities ------------------------------------------------------------------------------------------------


def _text_entity(d: Draft, xml: bytes, subset: str, reference: str = "&x;") -> bytes:
    """The message with a DTD, and an entity reference in place of the NameID's text."""
    text = (d.spec.name_ids[0].value if d.spec.name_ids else "x").encode()
    body = xml.replace(b">" + text + b"<", b">" + reference.encode() + b"<", 1)
    return f"<!DOCTYPE r [{subset}]>".encode() + body


def _dtd(
    fault_id: str, subset: Callable[[Draft], str], summary: str, *, reference: str = "&x;", cites: str = ""
) -> None:
    _row(
        fault_id,
        lambda d, xml: _text_entity(d, xml, subset(d), reference),
        summary,
        "xml-no-dtd",
        setup=_CANARY,
        reference=cites,
    )


_dtd(
    "xml-xxe-file",
    lambda d: f'<!ENTITY x SYSTEM "file://{d.canary_file}">',
    "An entity that reads a local file.",
    cites="XXE",
)
_dtd("xml-xxe-http", lambda d: f'<!ENTITY x SYSTEM "{d.canary_url}xxe">', "An entity that fetches a URL.", cites="XXE")
_dtd(
    "xml-xxe-public",
    lambda d: f'<!ENTITY x PUBLIC "-//EXAMPLE//X//EN" "{d.canary_url}public">',
    "The same with a public identifier.",
    cites="XXE",
)
_dtd(
    "xml-xxe-parameter",
    lambda d: f'<!ENTITY % p SYSTEM "{d.canary_url}p.dtd"> %p;',
    "A parameter entity that fetches more DTD.",
    reference="x",
    cites="XXE",
)


def _attribute_entity(d: Draft, xml: bytes) -> bytes:
    body = xml.replace(b'Version="2.0"', b'Version="&x;"', 1)
    return f'<!DOCTYPE r [<!ENTITY x SYSTEM "{d.canary_url}attribute">]>'.encode() + body


_row(
    "xml-xxe-attribute",
    _attribute_entity,
    "An external entity in an attribute.",
    "xml-no-dtd",
    "xml-wellformed",
    setup=_CANARY,
    reference="XXE",
)
_row(
    "xml-external-dtd",
    lambda d, xml: f'<!DOCTYPE r SYSTEM "{d.canary_url}r.dtd">'.encode() + xml,
    "The DTD itself lies at a URL.",
    "xml-no-dtd",
    setup=_CANARY,
    reference="XXE",
)
_row(
    "xml-public-dtd",
    lambda d, xml: f'<!DOCTYPE r PUBLIC "-//EXAMPLE//R//EN" "{d.canary_url}r.dtd">'.encode() + xml,
    "The same with a public identifier.",
    "xml-no-dtd",
    setup=_CANARY,
    reference="XXE",
)
_row("xml-doctype-empty", lambda d, xml: b"<!DOCTYPE r>" + xml, "A DOCTYPE that does nothing.", "xml-no-dtd")


def _laughs(levels: int = 10) -> str:
    rows = ['<!ENTITY l0 "ha">']
    rows += [f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels)]
    return "".join(rows)


_dtd(
    "xml-billion-laughs",
    lambda d: _laughs(),
    "Ten levels of entities of ten each.",
    reference="&l9;",
    cites="CVE-2003-1564",
)
_dtd(
    "xml-laughs-parameter",
    lambda d: "".join(f'<!ENTITY % l{n} "&#37;l{n - 1};&#37;l{n - 1};">' for n in range(1, 20)),
    "The same with parameter entities.",
    reference="x",
)
_row(
    "xml-laughs-attribute",
    lambda d, xml: f"<!DOCTYPE r [{_laughs()}]>".encode() + xml.replace(b'Version="2.0"', b'Version="&l9;"', 1),
    "The same in an attribute.",
    "xml-no-dtd",
    "xml-wellformed",
)
_dtd(
    "xml-quadratic",
    lambda d: f'<!ENTITY x "{"A" * 100_000}">',
    "An entity of 100 KB used ten thousand times.",
    reference="&x;" * 10_000,
)
_dtd("xml-recursive", lambda d: '<!ENTITY x "&y;"><!ENTITY y "&x;">', "Two entities that contain each other.")
_dtd(
    "xml-attlist-default",
    lambda d: '<!ATTLIST x y CDATA "z">',
    "A DTD that gives attributes default values.",
    reference="x",
)

# External references ----------------------------------------------------------------------------------------------

_XI = "http://www.w3.org/2001/XInclude"


def _inside(d: Draft, xml: bytes, fragment: str) -> bytes:
    """The fragment as the last child of the root."""
    end = xml.rindex(b"</")
    return xml[:end] + fragment.encode() + xml[end:]


_row(
    "xml-xinclude",
    lambda d, xml: _inside(d, xml, f'<xi:include xmlns:xi="{_XI}" href="{d.canary_url}xi" parse="text"/>'),
    "An XInclude, which must stay unfetched.",
    "xml-no-external-ref",
    "schema-valid",
    setup=_CANARY,
)


def _schema_location(d: Draft, xml: bytes) -> bytes:
    hint = f' xmlns:xsi="{names.XSI}" xsi:schemaLocation="{names.SAMLP} {d.canary_url}schema.xsd"'.encode()
    return xml.replace(b"Response ", b"Response" + hint + b" ", 1)


malformed.row(
    "xml-schemalocation",
    lambda d: d.rewrite(lambda xml: _schema_location(d, xml)),
    "A schema location, which must stay unfetched: noted, not followed.",
    "xml-no-external-ref",
    kind="A",
    setup=_CANARY,
    expects="accept",
)
_row(
    "xml-stylesheet-pi",
    lambda d, xml: f'<?xml-stylesheet href="{d.canary_url}s.xsl" type="text/xsl"?>'.encode() + xml,
    "A stylesheet instruction, which must stay unfetched.",
    "xml-no-external-ref",
    "xml-no-pi",
    setup=_CANARY,
)

# Size and shape ---------------------------------------------------------------------------------------------------


def _padding(fragment: Callable[[], str]) -> Callable[[Draft, bytes], bytes]:
    return lambda d, xml: _inside(d, xml, fragment())


_LIMITS = ("xml-wellformed", "encoding-size-limit", "xml-node-limit")
_row(
    "xml-depth-10000",
    _padding(lambda: "<a>" * 10_000 + "</a>" * 10_000),
    "Ten thousand levels deep.",
    "xml-depth-limit",
    *_LIMITS,
)
_row(
    "xml-depth-100",
    _padding(lambda: "<a>" * 100 + "</a>" * 100),
    "A hundred levels deep.",
    "xml-depth-limit",
    "structure-response-root",
    "schema-valid",
)
_row(
    "xml-nodes-1e6",
    _padding(lambda: "<a/>" * 1_000_000),
    "A million elements.",
    "encoding-size-limit",
    "xml-node-limit",
)
_row("xml-nodes-50000", _padding(lambda: "<a/>" * 50_000), "Fifty thousand elements in 200 KB.", "xml-node-limit")
_row(
    "xml-attrs-1e5",
    _padding(lambda: "<a " + " ".join(f'a{n}=""' for n in range(100_000)) + "/>"),
    "A hundred thousand attributes on one element.",
    "xml-node-limit",
    "encoding-size-limit",
)
_row(
    "xml-attrs-1000",
    _padding(lambda: "<a " + " ".join(f'a{n}=""' for n in range(1000)) + "/>"),
    "A thousand attributes on one element.",
    "xml-node-limit",
)
_row(
    "xml-attr-9mb",
    _padding(lambda: f'<a a="{"x" * 9_000_000}"/>'),
    "An attribute of nine megabytes.",
    "encoding-size-limit",
    *_LIMITS,
)
_row(
    "xml-text-9mb",
    _padding(lambda: f"<a>{'x' * 9_000_000}</a>"),
    "A text of nine megabytes.",
    "encoding-size-limit",
    *_LIMITS,
)
_row("xml-text-500k", _padding(lambda: f"<a>{'x' * 500_000}</a>"), "A text of half a megabyte.", "xml-node-limit")


def _namespaces(count: int) -> str:
    return " ".join(f'xmlns:n{n}="urn:n{n}"' for n in range(count))


_row(
    "xml-ns-20000",
    _padding(lambda: f"<a {_namespaces(20_000)}/>"),
    "Twenty thousand namespace declarations.",
    "xml-namespace-limit",
)
_row(
    "xml-ns1000x1000",
    _padding(lambda: f"<a {_namespaces(1000)}>" + "<b/>" * 1000 + "</a>"),
    "A thousand declarations over a thousand elements: eight seconds of canonicalisation where unbounded.",
    "xml-namespace-limit",
)
_row(
    "xml-comment-1mb",
    _padding(lambda: f"<!--{'x' * 1_000_000}-->"),
    "A comment of a megabyte.",
    "encoding-size-limit",
    "xml-node-limit",
    "xml-wellformed",
)
_row(
    "xml-pi-flood",
    _padding(lambda: "<?a b?>" * 3_000),
    "Three thousand processing instructions.",
    "xml-no-pi",
    "xml-node-limit",
)
_row(
    "xml-cdata-flood",
    _padding(lambda: "<![CDATA[x]]>" * 60_000),
    "Sixty thousand CDATA sections.",
    "schema-valid",
    "xml-node-limit",
    "xml-mixed-content",
    "structure-response-root",
)

# Octets -----------------------------------------------------------------------------------------------------------

_WELL = "xml-wellformed"
_CHARSET = "encoding-charset"
_row("xml-truncated", lambda d, xml: xml[: len(xml) * 2 // 3], "The last third is missing.", _WELL)
_row("xml-two-roots", lambda d, xml: xml + xml, "Two documents one after the other.", _WELL)
_row("xml-trailing-garbage", lambda d, xml: xml + b"garbage", "Text follows the document.", _WELL)
_row("xml-nul", lambda d, xml: xml.replace(b"</", b"\x00</", 1), "A NUL octet.", _WELL, _CHARSET)
_row("xml-bad-utf8", lambda d, xml: xml.replace(b"</", b"\xff\xfe</", 1), "Octets that are no UTF-8.", _CHARSET, _WELL)
_row(
    "xml-overlong-utf8", lambda d, xml: xml.replace(b"</", b"\xc0\xbc</", 1), "An overlong < in UTF-8.", _CHARSET, _WELL
)
_row(
    "xml-surrogate-utf8",
    lambda d, xml: xml.replace(b"</", b"\xed\xa0\x80</", 1),
    "A surrogate in UTF-8.",
    _CHARSET,
    _WELL,
)
_row(
    "xml-utf16",
    lambda d, xml: xml.decode().encode("utf-16"),
    "The document is UTF-16 with a byte order mark.",
    _CHARSET,
    "signature-present",
    "encoding-base64-strict",
    "encoding-input-kind",
)
_row("xml-utf32", lambda d, xml: xml.decode().encode("utf-32"), "The document is UTF-32.", _CHARSET, _WELL)
_row(
    "xml-utf7",
    lambda d, xml: b'<?xml version="1.0" encoding="UTF-7"?>' + xml,
    "A document that declares UTF-7.",
    _CHARSET,
)
_row(
    "xml-ebcdic",
    lambda d, xml: xml.decode().encode("cp500", "replace"),
    "The document is EBCDIC.",
    _CHARSET,
    _WELL,
    "encoding-input-kind",
)
_row(
    "xml-wrong-declaration",
    lambda d, xml: b'<?xml version="1.0" encoding="UTF-16"?>' + xml,
    "The declaration says UTF-16, the octets are UTF-8.",
    _CHARSET,
    _WELL,
)
_row(
    "xml-version-11",
    lambda d, xml: b'<?xml version="1.1"?>' + xml.replace(b"</", b"&#1;</", 1),
    "XML 1.1 with a control character.",
    _WELL,
    _CHARSET,
)
malformed.row(
    "xml-bom",
    lambda d: d.rewrite(lambda xml: b"\xef\xbb\xbf" + xml),
    "A byte order mark before good UTF-8: allowed.",
    None,
    kind="A",
    expects="accept",
)
_row(
    "xml-duplicate-attribute",
    lambda d, xml: xml.replace(b'Version="2.0"', b'Version="2.0" Version="2.0"', 1),
    "An attribute twice.",
    _WELL,
)
_row("xml-unbound-prefix", lambda d, xml: _inside(d, xml, "<nobody:knows/>"), "A prefix that nothing declares.", _WELL)
_row(
    "xml-ns-whitespace",
    lambda d, xml: xml.replace(SAML.encode() + b'"', SAML.encode() + b' "'),
    "A space at the end of the namespace name.",
    "structure-single-assertion",
    _WELL,
    "structure-version",
    "signature-digest",
    "xml-relative-namespace",
)
_row("xml-ampersand", lambda d, xml: xml.replace(b"</", b" & </", 1), "An ampersand that was not escaped.", _WELL)
_row("xml-html-entity", lambda d, xml: xml.replace(b"</", b"&nbsp;</", 1), "An HTML entity.", _WELL, "xml-no-entity")

# The wrong document -----------------------------------------------------------------------------------------------

_ROOT = ("structure-response-root", "encoding-input-kind", _WELL, "encoding-base64-strict")


def _wrong(fault_id: str, text: Callable[[Draft, bytes], str | bytes], summary: str) -> None:
    def make(d: Draft, xml: bytes) -> bytes:
        made = text(d, xml)
        return made.encode() if isinstance(made, str) else made

    _row(fault_id, make, summary, *_ROOT)


_wrong(
    "xml-html",
    lambda d, x: "<html><head><title>Sign in</title></head><body><p>Please sign in</p></body></html>",
    "A login page instead of a message.",
)
_wrong("xml-json", lambda d, x: '{"SAMLResponse": "none", "error": "access_denied"}', "JSON instead of a message.")
_wrong(
    "xml-soap",
    lambda d, x: (
        b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>' + x + b"</s:Body></s:Envelope>"
    ),
    "The message in a SOAP envelope.",
)
_wrong("xml-empty", lambda d, x: "", "Nothing at all.")
_wrong("xml-whitespace", lambda d, x: " \r\n\t ", "White space only.")
_wrong(
    "xml-metadata-pasted",
    lambda d, x: f'<md:EntityDescriptor xmlns:md="{names.MD}" entityID="{d.tenant.entity_id}"/>',
    "Metadata instead of a message.",
)
_wrong(
    "xml-authnrequest-pasted",
    lambda d, x: f'<samlp:AuthnRequest xmlns:samlp="{names.SAMLP}" ID="_x" Version="2.0" IssueInstant="{d.after()}"/>',
    "A request instead of a response.",
)


def _assertion_only(d: Draft) -> None:
    assertion = d.copy(d.assertion)
    d.tree = etree.fromstring(etree.tostring(assertion))
    assert d.tree.tag == q(SAML, "Assertion")


malformed.row(
    "xml-assertion-only",
    _assertion_only,
    "The signed assertion alone, without its response.",
    *_ROOT[:1],
    kind="A",
    reference="saml-core §3.3.3",
)
