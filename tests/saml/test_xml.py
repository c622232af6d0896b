"""app.saml.xml: refusals, findings, places, texts, canonical forms, and that nothing hostile is expensive."""

from __future__ import annotations

import socket
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from app.saml.errors import Place
from app.saml.expectation import Limits
from app.saml.names import SAML, SAMLP, q
from app.saml.xml import Document, canonical, parse, place, text_of
from tests.saml import signing_samples as samples

GOOD = samples.xml(samples.build())
NS = f'xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}"'


def refused(data: bytes) -> tuple[str, str]:
    """The check and the sentence by which bytes were refused."""
    parsed = parse(data)
    assert parsed.document is None
    return parsed.problems[0].check, parsed.problems[0].message


def found(data: bytes, check: str) -> list[Any]:
    """The findings of one check in bytes that are read all the same."""
    parsed = parse(data)
    assert parsed.document is not None
    return [p for p in parsed.problems if p.check == check]


def document(data: bytes) -> Document:
    parsed = parse(data)
    assert parsed.document is not None
    return parsed.document


def test_a_good_response_has_no_findings() -> None:
    parsed = parse(GOOD)
    assert parsed.problems == ()
    assert parsed.document is not None
    assert parsed.document.data == GOOD
    assert parsed.document.root.tag == q(SAMLP, "Response")


def test_a_byte_order_mark_is_not_part_of_the_document() -> None:
    assert document(b"\xef\xbb\xbf" + GOOD).data == GOOD


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        (GOOD[:900], "it breaks off"),
        (GOOD + GOOD, "follows the end of the root element"),
        (GOOD + b"garbage", "follows the end of the root element"),
        (b"<a>fish & chips</a>", "an ampersand must be written as “&amp;”"),
        (b'<a b="x?a=1&b=2"/>', "an ampersand must be written as “&amp;”"),
        ("<a b=“x”/>".encode(), "quotation marks are typographic"),
        (b"<a b=x/>", "AttValue"),
        (b"<a>x&nbsp;y</a>", "“&nbsp;” exists in HTML only"),
        (b"<saml:a/>", "the prefix “saml” is used but never declared"),
        (b'<a x="1" x="2"/>', "“x” stands twice"),
        (b"<a><b></a>", "“b” is not closed"),
        (b"", "there is nothing in it"),
        (b"  \n", "there is nothing in it"),
        (b"no markup", "does not begin with an element"),
        (b"\n" + b'<?xml version="1.0"?><a/>', "must be the very first thing"),
        (b"<html><p>Sign in<br></html>", "this is an HTML page"),
        (b'<a xmlns:x=" urn:x "/>', "is not a URI"),
        (b'<?xml version="1.1"?><a/>', "XML 1.1"),
        (b"<a>\x01</a>", "control character"),
    ],
)
def test_what_is_not_well_formed_is_said_with_its_cause(data: bytes, hint: str) -> None:
    check, message = refused(data)
    assert check == "xml-wellformed"
    assert hint in message


def test_the_place_of_a_syntax_error_is_given() -> None:
    problem = parse(b"<a>\n<b>\n&</b></a>").problems[0]
    assert problem.at == Place("/", 3)
    assert "line 3" in problem.message


@pytest.mark.parametrize(
    "data",
    [
        GOOD.decode().encode("utf-16"),
        GOOD.decode().encode("utf-16-le"),
        GOOD.decode().encode("utf-16-be"),
        GOOD.decode().encode("utf-32"),
        b'<?xml version="1.0" encoding="ISO-8859-1"?><a>\xe9</a>',
        b'<?xml version="1.0" encoding="UTF-7"?><a/>',
        b"+ADw-a/+AD4-",
        b"<a>\xff</a>",
        b"<a>\xc0\xbc</a>",  # an overlong "<"
        b"<a>\x00</a>",
        '<?xml version="1.0" encoding="cp037"?><a/>'.encode("cp037"),
        '<?xml version="1.0" encoding="US-ASCII"?><a>é</a>'.encode(),
    ],
)
def test_anything_but_utf8_is_refused(data: bytes) -> None:
    assert refused(data)[0] == "encoding-charset"


@pytest.mark.parametrize("name", ["UTF-8", "utf-8", "us-ascii"])
def test_utf8_and_ascii_declarations_are_fine(name: str) -> None:
    assert parse(f'<?xml version="1.0" encoding="{name}"?><a/>'.encode()).problems == ()


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ATTLIST a xmlns CDATA #FIXED "urn:x">]><a/>',
        b"<a><![CDATA[<!DOCTYPE x>]]></a>",
    ],
)
def test_a_doctype_is_refused_wherever_it_stands(data: bytes) -> None:
    assert refused(data)[0] == "xml-no-dtd"


def test_entity_declarations_are_reported_too() -> None:
    problems = parse(b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>').problems
    assert [p.check for p in problems] == ["xml-no-dtd", "xml-no-entity"]


def test_nothing_is_opened_or_connected(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("secret")
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    touched: list[str] = []
    this = threading.get_ident()
    watching = True

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if watching and threading.get_ident() == this and event in ("open", "socket.connect"):
            touched.append(f"{event} {args[0]}")

    sys.addaudithook(watch)
    try:
        for data in (
            f'<!DOCTYPE a [<!ENTITY x SYSTEM "{canary.as_uri()}">]><a>&x;</a>',
            f'<!DOCTYPE a SYSTEM "{url}a.dtd"><a/>',
            f'<!DOCTYPE a [<!ENTITY % p SYSTEM "{url}p"> %p;]><a/>',
            f'<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="{url}i"/></a>',
            f'<?xml-stylesheet href="{url}s"?><a/>',
            f'<a xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:schemaLocation="urn:a {url}x.xsd"/>',
        ):
            parse(data.encode())
    finally:
        watching = False
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()
    listener.close()
    assert touched == []


def _many_attributes(n: int) -> bytes:
    return b"<a " + b" ".join(b'a%d="1"' % i for i in range(n)) + b"/>"


def _many_namespaces(n: int, inside: bytes = b"") -> bytes:
    return b"<a " + b" ".join(b'xmlns:n%d="urn:%d"' % (i, i) for i in range(n)) + b">" + inside + b"</a>"


HOSTILE: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "depth-10000": (lambda: b"<a>" * 10_000 + b"</a>" * 10_000, {"xml-depth-limit"}),
    "depth-100": (lambda: b"<a>" * 100 + b"</a>" * 100, {"xml-depth-limit"}),
    "nodes-1e6": (lambda: b"<a>" + b"<b/>" * 1_000_000 + b"</a>", {"encoding-size-limit", "xml-node-limit"}),
    "nodes-and-texts": (lambda: b"<a>" + b"<b>x</b>" * 15_000 + b"</a>", {"xml-node-limit"}),
    "attributes-1e5": (lambda: _many_attributes(100_000), {"encoding-size-limit", "xml-node-limit"}),
    "attributes-20000": (lambda: _many_attributes(20_000), {"xml-node-limit"}),
    "attributes-65": (lambda: _many_attributes(65), {"xml-node-limit"}),
    "attribute-9mb": (lambda: b'<a b="' + b"x" * 9_000_000 + b'"/>', {"encoding-size-limit", "xml-node-limit"}),
    "attribute-300k": (lambda: b'<a b="' + b"x" * 300_000 + b'"/>', {"xml-node-limit"}),
    "text-9mb": (lambda: b"<a>" + b"x" * 9_000_000 + b"</a>", {"encoding-size-limit", "xml-node-limit"}),
    "text-300k": (lambda: b"<a>" + b"x" * 300_000 + b"</a>", {"xml-node-limit"}),
    "text-in-cdata": (lambda: b"<a>" + b"<![CDATA[" + b"x" * 300_000 + b"]]></a>", {"xml-node-limit"}),
    "long-name": (lambda: b"<" + b"a" * 60_000 + b"/>", {"xml-node-limit"}),
    "namespaces-20000": (lambda: _many_namespaces(20_000), {"xml-namespace-limit"}),
    "namespaces-1000x1000": (lambda: _many_namespaces(1_000, b"<b/>" * 1_000), {"xml-namespace-limit"}),
    "namespaces-33": (lambda: _many_namespaces(33), {"xml-namespace-limit"}),
    "namespaces-redeclared": (
        lambda: (
            b"".join(b'<a xmlns:x="urn:%d" xmlns:y="u:%d" xmlns:z="v:%d">' % (i, i, i) for i in range(60))
            + b"</a>" * 60
        ),
        {"xml-namespace-limit"},
    ),
    "comment-1mb": (lambda: b"<a><!--" + b"x" * 1_000_000 + b"--></a>", {"xml-node-limit"}),
    "pi-flood": (lambda: b"<a>" + b"<?x y?>" * 100_000 + b"</a>", {"xml-node-limit"}),
    "cdata-flood": (lambda: b"<a>" + b"<![CDATA[x]]>" * 70_000 + b"</a>", {"xml-node-limit"}),
    "billion-laughs": (
        lambda: b'<!DOCTYPE a [<!ENTITY a "' + b"x" * 1_000 + b'">' + b'<!ENTITY b "&a;&a;&a;">' + b"]><a>&b;</a>",
        {"xml-no-dtd"},
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_expensive_is_refused_cheaply(name: str) -> None:
    make, checks = HOSTILE[name]
    data = make()
    best = 1.0
    for _ in range(3):
        start = time.process_time()
        parsed = parse(data)
        best = min(best, time.process_time() - start)
    assert parsed.document is None
    assert {p.check for p in parsed.problems} & {"xml-no-entity", *checks} >= checks
    assert best < 0.2


@pytest.mark.parametrize(
    "data",
    [
        b"<a>" * 60 + b"<!--x-->" * 9_000 + b"</a>" * 60,
        b"<a>" * 60 + b'<b ID="x"/>' * 9_000 + b"</a>" * 60,
        b"<a>" + b"<?x y?>" * 9_000 + b"</a>",
        b"<a>" + (b"<b " + b" ".join(b'xmlns:n%d="urn:x"' % i for i in range(30)) + b"/>") * 1_500 + b"</a>",
        b"<a>" + b"".join(b'<b xmlns:x="urn:%d"/>' % i for i in range(9_000)) + b"</a>",
    ],
)
def test_floods_within_the_limits_stay_cheap(data: bytes) -> None:
    best = 1.0
    for _ in range(3):
        start = time.process_time()
        problems = parse(data).problems
        best = min(best, time.process_time() - start)
    assert best < 0.2
    assert len(problems) <= 60


def test_memory_stays_bounded() -> None:
    data = b"<a>" + b"<b/>" * 1_000_000 + b"</a>"
    tracemalloc.start()
    parse(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000


def test_the_limits_are_those_given() -> None:
    assert parse(b"<a><b/></a>", Limits(depth=1)).problems[0].check == "xml-depth-limit"
    assert parse(b"<a><b/></a>", Limits(nodes=1)).problems[0].check == "xml-node-limit"
    assert parse(b"<a>" + b"x" * 50 + b"</a>", Limits(decoded_bytes=40)).problems[0].check == "encoding-size-limit"


@pytest.mark.parametrize("uri", ["1", "relative/path", "#x", "//host"])
def test_a_relative_namespace_is_refused(uri: str) -> None:
    assert refused(f'<a xmlns:n="{uri}"/>'.encode())[0] == "xml-relative-namespace"
    assert refused(f'<a xmlns="{uri}"/>'.encode())[0] == "xml-relative-namespace"


def test_a_declaration_hidden_in_text_hides_no_other() -> None:
    # A scan of the bytes alone would take the text for a declaration that reaches into the next tag.
    data = b'<a>xmlns="<b xmlns:saml="urn:evil"/></a>'
    assert [p.check for p in parse(data).problems] == ["xml-prefix-rebinding"]
    assert refused(b'<a>xmlns="<b xmlns:n="1"/></a>')[0] == "xml-relative-namespace"


def test_undeclaring_the_default_namespace_is_fine() -> None:
    assert parse(b'<a xmlns="urn:a"><b xmlns=""/></a>').problems == ()


def test_a_rebound_prefix_is_reported() -> None:
    (p,) = found(b'<saml:a xmlns:saml="urn:look-alike"/>', "xml-prefix-rebinding")
    assert p.actual == "urn:look-alike"
    assert p.expected == SAML
    assert found(b'<x:a xmlns:x="urn:a"><x:b xmlns:x="urn:b"/></x:a>', "xml-prefix-rebinding")
    assert parse(b'<x:a xmlns:x="urn:a"><x:b xmlns:x="urn:a"/></x:a>').problems == ()


def test_processing_instructions_are_reported() -> None:
    (p,) = found(b"<a><b/><?php x?></a>", "xml-no-pi")
    assert p.at.path == "/a/processing-instruction()"
    assert not found(b"<?php x?><a/>", "xml-no-pi")


@pytest.mark.parametrize("name", ["NameID", "Issuer", "Audience", "AttributeValue"])
def test_a_comment_in_a_value_is_an_error(name: str) -> None:
    data = f"<saml:{name} {NS}>admin@corp.test<!---->.evil.test</saml:{name}>".encode()
    (p,) = found(data, "xml-comments")
    assert p.severity is None
    assert f"saml:{name}" in p.message
    assert [p.check for p in parse(data).problems if p.check == "xml-mixed-content"]


def test_a_comment_elsewhere_only_warns_and_comes_last() -> None:
    data = f"<!-- a --><r {NS}><!-- b --><saml:NameID>x<!-- c --></saml:NameID></r>".encode()
    problems = found(data, "xml-comments")
    assert [p.severity for p in problems] == [None, "warning", "warning"]


def test_a_comment_in_a_signature_is_an_error() -> None:
    root = samples.build()
    samples.sign(samples.the(root, "saml:Assertion"))
    samples.the(root, "saml:Assertion", "ds:Signature", "ds:SignedInfo").append(etree.Comment("x"))
    assert found(samples.xml(root), "xml-comments")[0].severity is None


def test_an_id_in_a_namespace_is_pollution() -> None:
    data = f'<saml:Assertion {NS} ID="_attack" samlp:ID="_real"/>'.encode()
    (p,) = found(data, "xml-attribute-pollution")
    assert "{" + SAMLP + "}ID" in p.actual
    assert found(b'<a xml:xmlns="#other"/>', "xml-attribute-pollution")


@pytest.mark.parametrize(
    "data",
    [
        b'<a ID="x"><b ID="x"/></a>',
        b'<a ID="x"><b Id="x"/></a>',
        b'<a ID="x"><b id="x"/></a>',
        b'<a ID="x"><b xml:id="x"/></a>',
        b'<a ID="x"><b xmlns:s="urn:s" s:ID="x"/></a>',
    ],
)
def test_one_id_stands_once_over_all_spellings(data: bytes) -> None:
    (p,) = found(data, "xml-id-unique")
    assert p.actual == "x"


@pytest.mark.parametrize(("value", "fine"), [("_1", True), ("a-b.c", True), ("1a", False), ("a:b", False), ("", False)])
def test_an_id_is_an_xml_name(value: str, fine: bool) -> None:
    assert (not found(f'<a ID="{value}"/>'.encode(), "xml-id-ncname")) is fine


def test_references_to_the_outside_are_noted() -> None:
    include = b'<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="x"/></a>'
    assert found(include, "xml-no-external-ref")[0].severity is None
    hint = b'<a xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:schemaLocation="a b"/>'
    assert found(hint, "xml-no-external-ref")[0].severity == "warning"
    assert found(b'<?xml-stylesheet href="x"?><a/>', "xml-no-external-ref")
    ds = b'<RetrievalMethod xmlns="http://www.w3.org/2000/09/xmldsig#" URI="%s"/>'
    assert found(ds % b"http://x.test/", "xml-no-external-ref")
    assert not found(ds % b"#_key", "xml-no-external-ref")


def test_a_value_that_is_xml_as_a_whole_is_not_mixed() -> None:
    whole = f"<saml:AttributeValue {NS}>\n <saml:NameID>x</saml:NameID>\n</saml:AttributeValue>"
    mixed = f"<saml:AttributeValue {NS}>y<saml:NameID>x</saml:NameID></saml:AttributeValue>"
    assert not found(whole.encode(), "xml-mixed-content")
    assert found(mixed.encode(), "xml-mixed-content")
    assert found(f"<saml:NameID {NS}><x/></saml:NameID>".encode(), "xml-mixed-content")


def test_white_space_around_values_is_reported() -> None:
    (p,) = found(f"<saml:Issuer {NS}>\n urn:x </saml:Issuer>".encode(), "xml-value-whitespace")
    assert p.expected == "urn:x"
    (p,) = found(f'<samlp:Response {NS} Destination=" https://x.test/"/>'.encode(), "xml-value-whitespace")
    assert p.at.path == "/samlp:Response/@Destination"


def test_findings_are_bounded() -> None:
    data = b"<a>" + b"<?x?>" * 500 + b"</a>"
    assert len(parse(data).problems) == 20


def test_places_use_our_prefixes_and_count_only_where_they_must() -> None:
    data = f'<p:Response xmlns:p="{SAMLP}" xmlns="{SAML}">\n<Issuer/>\n<Assertion/>\n<Assertion/></p:Response>'
    root = document(data.encode()).root
    assert [place(el) for el in root] == [
        Place("/samlp:Response/saml:Issuer", 2),
        Place("/samlp:Response/saml:Assertion[1]", 3),
        Place("/samlp:Response/saml:Assertion[2]", 4),
    ]
    assert place(root, "Destination").path == "/samlp:Response/@Destination"


def test_places_find_their_element_again() -> None:
    root = document(GOOD).root
    for el in root.iter(etree.Element):
        assert root.xpath(place(el).path, namespaces={"saml": SAML, "samlp": SAMLP}) == [el]


def test_text_with_a_child_is_not_simple() -> None:
    here = Place("/")
    assert text_of(etree.fromstring("<a> x </a>"), here).value == " x "
    assert text_of(etree.fromstring("<a/>"), here).value == ""
    split = text_of(etree.fromstring("<a>admin<!---->@evil</a>"), here)
    assert (split.value, split.simple) == ("admin@evil", False)
    assert not text_of(etree.fromstring("<a>x<?p?>y</a>"), here).simple


def test_cdata_is_text() -> None:
    el = document(b"<a>x<![CDATA[y&z]]>w</a>").root
    assert text_of(el, Place("/")).value == "xy&zw"
    assert text_of(el, Place("/")).simple


def test_exclusive_canonical_form_leaves_the_context_out() -> None:
    root = document(b'<a xmlns="urn:a" xmlns:u="urn:u" xmlns:v="urn:v"><u:b><!--c--><d/></u:b>tail</a>').root
    assert canonical(root[0]) == b'<u:b xmlns:u="urn:u"><d xmlns="urn:a"></d></u:b>'
    assert b"<!--c-->" in canonical(root[0], with_comments=True)
    assert b'xmlns:v="urn:v"' in canonical(root[0], prefixes=("v",))
    assert canonical(root[0], prefixes=("#default",)).startswith(b'<u:b xmlns="urn:a" xmlns:u="urn:u">')


def test_inclusive_canonical_form_of_a_part_takes_the_context_and_nothing_else() -> None:
    root = document(b'<a xmlns="urn:a" xmlns:u="urn:u" xml:lang="en"><b><c/></b></a>').root
    expected = b'<b xmlns="urn:a" xmlns:u="urn:u" xml:lang="en"><c></c></b>'
    assert canonical(root[0], method="inclusive") == expected


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_make_parse_raise(data: bytes) -> None:
    parsed = parse(data)
    assert (parsed.document is not None) or parsed.problems


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(GOOD)), st.binary(min_size=1, max_size=8), st.integers(0, 8))
def test_no_change_of_a_good_message_makes_parse_raise(at: int, new: bytes, cut: int) -> None:
    parsed = parse(GOOD[:at] + new + GOOD[at + cut :])
    assert (parsed.document is not None) or parsed.problems
