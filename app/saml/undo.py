"""The usual damages of signed XML, one row each: what the bytes would be if that damage were undone again.

A row only proposes; whether its bytes are what was signed is found out in damage.py. Nothing of it is ever believed.
"""

from __future__ import annotations

import html
import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from lxml import etree

from app.product import IMAGEKIT, ROLE_IDS
from app.saml.identifiers import normalise_email
from app.saml.likeness import show
from app.saml.names import (
    C14N_EXCLUSIVE,
    C14N_EXCLUSIVE_COMMENTS,
    C14N_INCLUSIVE,
    C14N_INCLUSIVE_COMMENTS,
    DS,
    NAMEID_UNSPECIFIED,
    SAML,
    SAMLP,
    XS,
    XSI,
    q,
)
from app.saml.signature import canonical_form, drop_blank_text
from app.saml.xml import hardened_parser, place
from app.saml.xmldsig import Canonicalization

_NAME_UNSPECIFIED: Final = "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified"
_NAME_BASIC: Final = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
_INDENTS: Final = {"  ": "two blanks", "    ": "four blanks", "\t": "tabs", " ": "one blank", "": "line breaks only"}
_CODECS: Final = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}
_MOST_LEAVES: Final = 80
_MOST_VALUES: Final = 24
_FOREIGN: Final = re.compile(r"[^\x00-\x7f]+")
_START: Final = re.compile(rb"<[^\s/>]+")
#: The declarations that usually stand around an assertion, by namespace: the prefixes that are in use for it.
_CONTEXT: Final[Mapping[str, tuple[str, ...]]] = {
    SAMLP: ("samlp", "saml2p", ""),
    SAML: ("saml", "saml2"),
    XS: ("xs", "xsd"),
    XSI: ("xsi",),
    DS: ("ds",),
}
_PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    SAML: ("saml", "saml2", ""),
    SAMLP: ("samlp", "saml2p", ""),
    DS: ("ds", "dsig", ""),
}


class Candidate(NamedTuple):
    """Bytes that may have been signed. `what` ends the sentence "It fits ..."; `algorithm` is another than declared."""

    canonical: bytes
    what: str
    algorithm: str | None = None


@dataclass(frozen=True, slots=True)
class Damaged:
    """What is explained: the signed element, or SignedInfo.

    `copy(before)` gives a fresh copy of it in its document, `before` may change that document first. `canonical` are
    the bytes as they are. `algorithms` are the names that may stand in place of the declared one. `known` are values
    that may have stood somewhere: of the settings, and of the message itself.
    """

    copy: Callable[[Callable[[etree._Element], None] | None], etree._Element]
    how: Canonicalization
    canonical: bytes
    algorithms: tuple[str, ...]
    known: tuple[str, ...] = ()
    is_signed_info: bool = False

    def form(self, element: etree._Element, how: Canonicalization | None = None) -> bytes:
        """The canonical bytes of a changed copy."""
        return canonical_form(element, how or self.how)

    def edited(self, edit: Callable[[etree._Element], None]) -> bytes:
        """The canonical bytes of a fresh copy after an edit."""
        element = self.copy(None)
        edit(element)
        return self.form(element)


Undo = Callable[[Damaged], Iterator[Candidate]]


@dataclass(frozen=True, slots=True)
class Row:
    """One damage. `title` says what happened to the message."""

    id: str
    title: str
    undo: Undo


_ROWS: dict[str, Row] = {}


def damage(damage_id: str, title: str) -> Callable[[Undo], Undo]:
    """Register a damage. Rows are tried in the order of registration, what changes least first."""

    def register(undo: Undo) -> Undo:
        if damage_id in _ROWS:
            raise ValueError(f"two damages are called {damage_id}")
        _ROWS[damage_id] = Row(damage_id, title, undo)
        return undo

    return register


def registered() -> tuple[Row, ...]:
    """Every damage, in the order in which they are tried."""
    return tuple(_ROWS.values())


# What the signature says of itself, and what its method ignores -------------------------------------------------------


@damage("wrong-algorithm", "Another algorithm is declared than was used")
def _algorithm(d: Damaged) -> Iterator[Candidate]:
    for name in d.algorithms:
        yield Candidate(d.canonical, f"with {name} instead of the declared algorithm", name)


@damage("comments", "Comments or processing instructions were added")
def _comments(d: Damaged) -> Iterator[Candidate]:
    for kinds, what in (
        ((etree.Comment,), "the comments"),
        ((etree.ProcessingInstruction,), "the processing instructions"),
        ((etree.Comment, etree.ProcessingInstruction), "the comments and processing instructions"),
    ):

        def strip(element: etree._Element, kinds: tuple[object, ...] = kinds) -> None:
            _drop_nodes(element, kinds)

        yield Candidate(d.edited(strip), f"without {what}")


def _drop_nodes(element: etree._Element, kinds: tuple[object, ...]) -> None:
    for node in [n for n in element.iter() if n.tag in kinds]:
        parent, previous = node.getparent(), node.getprevious()
        if parent is None:
            continue
        if node.tail and previous is not None:
            previous.tail = (previous.tail or "") + node.tail
        elif node.tail:
            parent.text = (parent.text or "") + node.tail
        parent.remove(node)


@damage("wrong-canonicalization", "Another canonicalisation is declared than was used")
def _canonicalization(d: Damaged) -> Iterator[Candidate]:
    for uri, name in (
        (C14N_EXCLUSIVE, "exclusive canonicalisation"),
        (C14N_INCLUSIVE, "inclusive canonicalisation"),
        (C14N_EXCLUSIVE_COMMENTS, "exclusive canonicalisation with comments"),
        (C14N_INCLUSIVE_COMMENTS, "inclusive canonicalisation with comments"),
    ):
        how = Canonicalization(uri)
        if (how.exclusive, how.with_comments, how.prefixes) != (d.how.exclusive, d.how.with_comments, d.how.prefixes):
            yield Candidate(d.form(d.copy(None), how), f"with {name} instead of the declared one")


# White space ----------------------------------------------------------------------------------------------------------


@damage("signature-whitespace", "White space was added around the signature after signing")
def _around_signature(d: Damaged) -> Iterator[Candidate]:
    if d.is_signed_info:
        return

    def tails(element: etree._Element) -> list[etree._Element]:
        return [c for c in element if c.tail and not c.tail.strip()]

    # The signature stood after the Issuer (saml-core §5.4.1); only there, and nowhere else, is white space dropped.
    def drop(element: etree._Element) -> None:
        first = element[0] if len(element) else None
        if first is not None and first in tails(element):
            first.tail = None

    def halve(element: etree._Element) -> None:
        first = element[0] if len(element) else None
        if first is not None and first.tail and not first.tail.strip():
            middle = len(first.tail) // 2
            if first.tail[:middle] == first.tail[middle:]:
                first.tail = first.tail[:middle]

    yield Candidate(d.edited(drop), "without the white space around the signature")
    yield Candidate(d.edited(halve), "with the white space before the signature only")


@damage("line-ends", "The line ends were changed")
def _line_ends(d: Damaged) -> Iterator[Candidate]:
    for what, change in (
        ("without the carriage returns (&#13;)", lambda t: t.replace("\r", "")),
        ("with line feeds in place of carriage returns (&#13;)", lambda t: t.replace("\r\n", "\n").replace("\r", "\n")),
        ("with carriage returns (&#13;) before the line feeds", lambda t: re.sub(r"(?<!\r)\n", "\r\n", t)),
    ):
        yield Candidate(_texts_changed(d, change), what)

    def in_values(text: str) -> str:
        return re.sub(r"(?<!\r)\n", "\r\n", text) if text.strip() else text

    yield Candidate(_texts_changed(d, in_values), "with carriage returns (&#13;) before the line feeds inside values")


@damage("pretty-printed", "The message was re-formatted (pretty-printed)")
def _pretty_printed(d: Damaged) -> Iterator[Candidate]:
    def drop(element: etree._Element) -> None:
        drop_blank_text(element)

    def drop_and_trim(element: etree._Element) -> None:
        drop_blank_text(element)
        _trim_values(element)

    yield Candidate(d.edited(drop), "without the white space between the elements")
    yield Candidate(d.edited(_trim_values), "without the white space around the values")
    yield Candidate(d.edited(drop_and_trim), "without the white space between the elements and around the values")


def _trim_values(element: etree._Element) -> None:
    for leaf in element.iter(etree.Element):
        if not len(leaf) and leaf.text:
            leaf.text = leaf.text.strip()


@damage("whitespace-collapsed", "White space between the elements was taken out")
def _collapsed(d: Damaged) -> Iterator[Candidate]:
    for indent, name in _INDENTS.items():
        what = f"indented by {name}"
        yield Candidate(d.form(d.copy(_indenting(indent))), f"{what}, with the signature in it")
        element = d.copy(None)
        etree.indent(element.getroottree().getroot(), indent)
        yield Candidate(d.form(element), f"{what}, before the signature was put in")
        etree.indent(element, indent)
        yield Candidate(d.form(element), f"{what}, before it was put into the message")


def _indenting(indent: str) -> Callable[[etree._Element], None]:
    return lambda root: etree.indent(root, indent)


# Namespaces -----------------------------------------------------------------------------------------------------------


@damage("declarations-moved", "Namespace declarations were moved")
def _moved(d: Damaged) -> Iterator[Candidate]:
    if d.how.exclusive:
        return  # It writes a declaration where it is used, wherever it stood.
    apex = d.copy(None)
    everything: dict[str | None, str] = {}
    for element in apex.iter(etree.Element):
        for prefix, uri in element.nsmap.items():
            everything.setdefault(prefix, uri)
    outer = [(p, u) for p, u in everything.items() if p is not None and p not in apex.nsmap]
    if outer:
        moved = _declaring(etree.tostring(apex, with_tail=False), outer)
        yield Candidate(d.form(moved), "with every declaration on the outermost element")


@damage("namespace-context", "Namespace declarations around the element were lost or added")
def _context(d: Damaged) -> Iterator[Candidate]:
    """Matters where the method is inclusive, or has a PrefixList: an assertion that was taken out of its Response, or
    signed before it was put in.
    """
    if d.how.exclusive and not d.how.prefixes:
        return
    apex = d.copy(None)
    data = etree.tostring(apex, with_tail=False)
    choices = [(None, *((prefix, uri) for prefix in prefixes)) for uri, prefixes in _CONTEXT.items()]
    sets = sorted(itertools.product(*choices), key=lambda chosen: sum(c is not None for c in chosen))
    for chosen in sets:
        missing = [c for c in chosen if c is not None and (c[0] or None) not in apex.nsmap]
        if len(missing) != sum(c is not None for c in chosen) or not missing:
            continue
        if d.how.exclusive and not all(prefix in d.how.prefixes for prefix, _ in missing):
            continue
        names = ", ".join(f"xmlns:{p}" if p else "xmlns" for p, _ in missing)
        yield Candidate(d.form(_declaring(data, missing)), f"with {names} declared around it")
    unused = [p for p in apex.nsmap if p is not None and p != apex.prefix][:5]
    for number in range(len(unused)):
        for kept in itertools.combinations(unused, number):
            element = etree.fromstring(data, hardened_parser())
            etree.cleanup_namespaces(element, keep_ns_prefixes=list(kept))
            gone = ", ".join(f"xmlns:{p}" for p in unused if p not in kept)
            yield Candidate(d.form(element), f"without {gone} declared around it")


def _declaring(data: bytes, declarations: list[tuple[str, str]]) -> etree._Element:
    """The element with more namespace declarations on it."""
    start = _START.match(data)
    assert start is not None
    written = "".join(f' xmlns:{p}="{uri}"' if p else f' xmlns="{uri}"' for p, uri in declarations)
    return etree.fromstring(data[: start.end()] + written.encode() + data[start.end() :], hardened_parser())


@damage("prefix-changed", "Namespace prefixes were renamed")
def _prefixes(d: Damaged) -> Iterator[Candidate]:
    """A tool that writes the XML anew chooses prefixes of its own; canonicalisation keeps them."""
    apex = d.copy(None)
    present = {uri: prefix or "" for prefix, uri in reversed(list(_all_declared(apex)))}
    used = [uri for uri in _PREFIXES if uri in present]
    for chosen in itertools.product(*(_PREFIXES[uri] for uri in used)):
        renamed = {present[uri]: new for uri, new in zip(used, chosen, strict=True) if present[uri] != new}
        # Two namespaces cannot share a prefix, nor may one get a prefix that another keeps.
        kept = {prefix for prefix in present.values() if prefix not in renamed}
        if not renamed or len(set(renamed.values())) < len(renamed) or kept & set(renamed.values()):
            continue
        try:
            element = etree.fromstring(_renamed(d.canonical, renamed), hardened_parser())
        except etree.XMLSyntaxError:
            continue
        told = ", ".join(f"“{new}” in place of “{old}”" for old, new in renamed.items())
        yield Candidate(d.form(element), f"with the prefix {told}")


def _all_declared(apex: etree._Element) -> Iterator[tuple[str | None, str]]:
    for element in apex.iter(etree.Element):
        yield from element.nsmap.items()


def _renamed(canonical: bytes, prefixes: Mapping[str, str]) -> bytes:
    """Canonical XML with other prefixes of elements and declarations, all changed at once."""

    def name(match: re.Match[bytes]) -> bytes:
        prefix, _, local = match[2].rpartition(b":")
        new = prefixes.get(prefix.decode(), prefix.decode()).encode()
        return match[1] + (new + b":" if new else b"") + local

    def declaration(match: re.Match[bytes]) -> bytes:
        old = (match[1] or b"").decode()
        new = prefixes.get(old, old)
        return f" xmlns:{new}=".encode() if new else b" xmlns="

    text = re.sub(rb"(</?)([^\s<>/!?]+)", name, canonical)
    return re.sub(rb' xmlns(?::([^\s=">]+))?=', declaration, text)


# Text -----------------------------------------------------------------------------------------------------------------


def _texts_changed(d: Damaged, change: Callable[[str], str]) -> bytes:
    """The canonical bytes after a change of every text; attributes are left alone."""

    def edit(element: etree._Element) -> None:
        for node in element.iter(etree.Element):
            if node.text:
                node.text = change(node.text)
            if node.tail and node is not element:
                node.tail = change(node.tail)

    return d.edited(edit)


def _everywhere(d: Damaged, change: Callable[[str], str]) -> bytes:
    """The canonical bytes after a change of every text and every attribute."""

    def edit(element: etree._Element) -> None:
        for node in element.iter(etree.Element):
            if node.text:
                node.text = change(node.text)
            if node.tail and node is not element:
                node.tail = change(node.tail)
            for key, value in node.items():
                node.set(key, change(value))

    return d.edited(edit)


@damage("re-encoded", "The characters were re-encoded")
def _re_encoded(d: Damaged) -> Iterator[Candidate]:
    text = d.canonical.decode("utf-8", "replace")
    if text.isascii():
        return
    for codec, name in _CODECS.items():
        yield Candidate(_transcoded(text, codec, "utf-8"), f"read as UTF-8 instead of {name}")
        yield Candidate(_transcoded(text, "utf-8", codec), f"read as {name} instead of UTF-8")
    for form in ("NFC", "NFD", "NFKC"):
        changed = unicodedata.normalize(form, text)
        yield Candidate(changed.encode(), f"in the Unicode form {form}")


def _transcoded(text: str, written: str, read: str) -> bytes:
    """Each run of letters beyond ASCII as if it had been written in one encoding and read in another."""

    def again(match: re.Match[str]) -> str:
        try:
            return match[0].encode(written).decode(read)
        except UnicodeError:
            return match[0]

    return _FOREIGN.sub(again, text).encode("utf-8", "replace")


@damage("escaped-twice", "Characters were escaped twice or not at all")
def _escaped(d: Damaged) -> Iterator[Candidate]:
    yield Candidate(_everywhere(d, html.unescape), "with &amp;amp; and its like unescaped once more")
    yield Candidate(_everywhere(d, lambda t: html.escape(t, quote=False)), "with & and < escaped once more")
    yield Candidate(_everywhere(d, html.escape), "with &, < and quotation marks escaped once more")


@damage("plus-became-space", "Plus signs turned into blanks, or blanks into plus signs")
def _plus(d: Damaged) -> Iterator[Candidate]:
    element = d.copy(None)
    for leaf in _leaves(element):
        for old, new, what in (
            (" ", "+", "plus signs in place of blanks"),
            ("+", " ", "blanks in place of plus signs"),
        ):
            if leaf.text and old in leaf.text:
                kept, leaf.text = leaf.text, leaf.text.replace(old, new)
                yield Candidate(d.form(element), f"with {what} in {place(leaf).path}")
                leaf.text = kept


def _leaves(element: etree._Element) -> list[etree._Element]:
    """Elements that hold text only, at most some."""
    found = (e for e in element.iter(etree.Element) if not len(e) and e.text and e.text.strip())
    return list(itertools.islice(found, _MOST_LEAVES))


@damage("attribute-defaults", "Attributes were filled in or left out")
def _defaults(d: Damaged) -> Iterator[Candidate]:
    nil, kind = q(XSI, "nil"), q(XSI, "type")
    for tags, name, value, what in (
        (("AttributeValue",), kind, None, "xsi:type of the attribute values"),
        (("Attribute",), "NameFormat", _NAME_UNSPECIFIED, "NameFormat unspecified"),
        (("Attribute",), "NameFormat", _NAME_BASIC, "NameFormat basic"),
        (("NameID",), "Format", NAMEID_UNSPECIFIED, "Format unspecified of the NameID"),
        (("AttributeValue",), nil, None, "xsi:nil of the attribute values"),
    ):
        targets = tuple(q(SAML, t) for t in tags)

        def without(
            element: etree._Element, targets: tuple[str, ...] = targets, name: str = name, value: str | None = value
        ) -> None:
            for node in element.iter(*targets):
                if name in node.attrib and value in (None, node.get(name)):
                    del node.attrib[name]

        def with_it(
            element: etree._Element, targets: tuple[str, ...] = targets, name: str = name, value: str | None = value
        ) -> None:
            for node in element.iter(*targets):
                if value is not None and name not in node.attrib:
                    node.set(name, value)

        yield Candidate(d.edited(without), f"without {what}")
        if value is not None:
            yield Candidate(d.edited(with_it), f"with {what}")


# Values ---------------------------------------------------------------------------------------------------------------


@damage("edited-value", "A value was edited")
def _edited(d: Damaged) -> Iterator[Candidate]:
    """One value at a time: its blanks, its letter case, and whatever else is known that may have stood there."""
    element = d.copy(None)
    for leaf in _leaves(element):
        now = leaf.text or ""
        for before in _may_have_been(now, _is_role(leaf), d.known):
            leaf.text = before
            yield Candidate(d.form(element), f"with {_quoted(before)} in place of {_quoted(now)} in {place(leaf).path}")
        leaf.text = now
    for node in itertools.islice(element.iter(etree.Element), _MOST_LEAVES):
        for key, now in node.items():
            if key.startswith("{") or not (now.startswith(("http", "urn:")) or now != now.strip()):
                continue
            for before in _may_have_been(now, False, d.known):
                node.set(key, before)
                what = f"with {_quoted(before)} in place of {_quoted(now)} in {place(node).path}/@{key}"
                yield Candidate(d.form(element), what)
            node.set(key, now)


def _is_role(leaf: etree._Element) -> bool:
    parent = leaf.getparent()
    return parent is not None and parent.get("Name") == IMAGEKIT.claim_role


def _may_have_been(now: str, is_role: bool, known: tuple[str, ...]) -> Iterator[str]:
    stripped = now.strip()
    seen = {now}
    tried = [stripped, f"{stripped} ", f" {stripped}", f"{stripped}\n", now.lower(), now.upper(), now.capitalize()]
    if is_role:
        tried += ROLE_IDS
    kind = _kind(stripped)
    tried += [k for k in known if kind and _kind(k) == kind]
    for value in tried[: _MOST_VALUES + 7]:
        if value not in seen:
            seen.add(value)
            yield value


def _kind(value: str) -> str:
    """What kind of value it is, so that an address is not tried in place of a URL."""
    if value.startswith(("http:", "https:", "urn:")):
        return "uri"
    return "address" if "@" in value and normalise_email(value) else ""


def _quoted(value: str) -> str:
    return f"“{show(value, 80)}”"
