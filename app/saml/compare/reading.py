"""Elements read as parts by their meaning. What is not known is read as it stands, so that nothing goes unseen.

Left out are only the names beside a certificate in metadata, schema locations, comments, and the order of elements.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cryptography import x509
from lxml import etree

from app.saml.certificates import read_embedded
from app.saml.compare.parts import About, Part, Value
from app.saml.compare.words import (
    ATTRIBUTES,
    ELEMENTS,
    FALSE_BY_DEFAULT,
    IDS,
    LANDMARKS,
    NAMED_BY,
    OFFSETS,
    ORDERED,
    REFERENCES,
    SEVERAL,
    SIGNATURE_VALUES,
    SILENT,
    TIMES,
)
from app.saml.instants import Instant, read_instant, span
from app.saml.keyfiles import certificate_facts
from app.saml.names import DIGESTS, DS, MD, SAML, SIGNATURES, XML, XSI, q
from app.saml.xml import name_of

_ATTRIBUTE, _STATEMENT, _VALUE = q(SAML, "Attribute"), q(SAML, "AttributeStatement"), q(SAML, "AttributeValue")
_CONDITIONS, _NAME_ID = q(SAML, "Conditions"), q(SAML, "NameID")
_CERTIFICATE, _SIGNATURE, _KEY = q(DS, "X509Certificate"), q(DS, "Signature"), q(MD, "KeyDescriptor")
_CONFIRMED: Final = q(SAML, "SubjectConfirmationData")
_ENTITY: Final = q(MD, "EntityDescriptor")
_LANG, _TYPE, _NIL = q(XML, "lang"), q(XSI, "type"), q(XSI, "nil")
_TRANSIENT: Final = ":nameid-format:transient"
_ZONES: Final = {"utc": "in UTC", "offset": "with an offset from UTC", "none": "without a time zone"}
_UNNUMBERED: Final = frozenset({"", "0", "1"})


class Reader:
    """Reads one document. `inside` is the XPath above it, where it was encrypted."""

    def __init__(self, root: etree._Element, now: datetime | None, inside: str = "") -> None:
        self._root = root
        self._now = now
        self._inside = inside
        self._zones: set[str] = set()
        self._ids = {i: name_of(el) for el in root.iter(etree.Element) if (i := el.get("ID"))}
        self._in_response_to = root.get("InResponseTo")

    def read(self) -> Part:
        """The whole document."""
        part = self._part(self._root, f"{self._inside}/{name_of(self._root)}", None)
        if self._root.tag == _ENTITY:
            part.label = ""  # the one entity there is
        if self._zones:
            times = Value("How times are written", part.where, several=tuple(sorted(self._zones)))
            part.values["(times)"] = times
        return part

    # Elements -------------------------------------------------------------------------------------------------------

    def _part(self, el: etree._Element, where: str, issued: datetime | None) -> Part:
        tag = str(el.tag)
        own = el.get("IssueInstant")
        issued = (read_instant(own).at if own else None) or issued
        label, group, key, pairs = _identity(el, tag)
        part = Part(label, where, group, key, landmark=tag in LANDMARKS, pairs=pairs)
        self._attributes(el, tag, part, issued)
        self._text(el, tag, part)
        self._children(el, tag, part, issued)
        part.brief = self._brief(el, tag, part)
        return part

    def _children(self, el: etree._Element, tag: str, part: Part, issued: datetime | None) -> None:
        several: dict[str, list[str]] = {}
        counts: dict[str, int] = {}
        for child in el.iterchildren(etree.Element):
            name = str(child.tag)
            where = _step(part.where, child, counts)
            if name in SEVERAL and (name != _VALUE or tag == _ATTRIBUTE) and _is_value(child, name):
                several.setdefault(name, []).extend(self._several(child, name))
            elif name == _KEY:
                known = {p.group for p in part.parts}
                part.parts += [k for k in self._keys(child, where, issued) if k.group not in known]
            elif name == _STATEMENT:
                # How attributes are spread over statements means nothing.
                inner = self._part(child, where, issued)
                part.values.update({f"{where} {n}": v for n, v in inner.values.items()})
                part.parts += inner.parts
            else:
                made = self._part(child, where, issued)
                if name in ORDERED:
                    made.key, made.pairs = str(counts[name_of(child)]), True
                part.parts.append(made)
        for name, texts in several.items():
            step = f"{part.where}/{_qualified(name)}" if name != _VALUE else part.where
            part.values[name] = Value(SEVERAL[name], step, several=tuple(texts))
        types = {t for v in el.iterchildren(_VALUE) if (t := v.get(_TYPE))} if tag == _ATTRIBUTE else ()
        if types:
            kinds = tuple(sorted(t.rpartition(":")[2] for t in types))
            part.values[_TYPE] = Value("Type of its values", part.where, several=kinds)

    def _several(self, el: etree._Element, tag: str) -> list[str]:
        if tag == _CERTIFICATE:
            found = read_embedded(el.text)
            return [self._certificate(c) for c in found.certificates] or [f"unreadable ({found.error})"]
        if el.get(_NIL) in ("true", "1"):
            return ["(nil)"]
        return [_text_of(el)]

    def _keys(self, el: etree._Element, where: str, issued: datetime | None) -> list[Part]:
        """A KeyDescriptor by its certificates and uses; one without `use` serves both (saml-metadata §2.4.1.1)."""
        part = self._part(el, where, issued)
        uses = [u] if (u := el.get("use")) else ["signing", "encryption"]
        certificates = [c for e in el.iter(_CERTIFICATE) for c in read_embedded(e.text).certificates]
        methods = tuple(e.get("Algorithm") or "" for e in el.iterchildren(q(MD, "EncryptionMethod")))
        if not certificates:
            return [
                Part(f"{use.capitalize()} key without certificate", where, f"key {use}", brief=part.told)
                for use in uses
            ]
        made = []
        for use in uses:
            for certificate in certificates:
                facts = certificate_facts(certificate)
                one = Part(
                    f"{use.capitalize()} certificate {_grouped(facts.sha256)}",
                    where,
                    f"key {use} {facts.sha256}",
                    brief=self._certificate(certificate),
                )
                if methods and use == "encryption":
                    one.values["methods"] = Value("Encryption methods", where, several=methods)
                made.append(one)
        return made

    def _certificate(self, certificate: x509.Certificate) -> str:
        """A certificate in a line, with the days it has left."""
        facts = certificate_facts(certificate)
        ends = f"{facts.not_after:%Y-%m-%d}"
        if self._now is None:
            left = f"until {ends}"
        else:
            days = (facts.not_after - self._now).days
            left = f"until {ends}, {days:,} days left" if facts.not_after > self._now else f"expired on {ends}"
        return f"{_grouped(facts.sha256)} {facts.subject[:120]} ({facts.key}, {left})"

    # Values -----------------------------------------------------------------------------------------------------------

    def _attributes(self, el: etree._Element, tag: str, part: Part, issued: datetime | None) -> None:
        values = {str(k): str(v) for k, v in el.attrib.items()}
        begins, ends = (read_instant(values.get(n, "")) for n in ("NotBefore", "NotOnOrAfter"))
        if tag == _CONDITIONS and begins.at is not None and ends.at is not None:
            length = (ends.at - begins.at).total_seconds()
            words = span(ends.at - begins.at) if length > 0 else "nothing: it ends before it begins"
            part.values["@window"] = Value("How long it is good", f"{part.where}/@NotOnOrAfter", words, at_s=length)
            self._zones.add(_ZONES[ends.zone])
            del values["NotOnOrAfter"]
        for name, value in values.items():
            if name in SILENT or (name == "use" and tag == _KEY):
                continue
            where = f"{part.where}/@{_qualified(name)}"
            if name in TIMES or name in OFFSETS:
                part.values[f"@{name}"] = self._instant(name, value, where, issued)
            elif name == "URI" and tag in REFERENCES:
                part.values["covers"] = Value("What it covers", where, self._covered(value))
            elif name == "protocolSupportEnumeration":
                part.values[f"@{name}"] = Value(ATTRIBUTES[name], where, several=tuple(sorted(value.split())))
            elif name in FALSE_BY_DEFAULT:
                if value.strip() not in ("false", "0"):
                    part.values[f"@{name}"] = Value(_word(name), where, "true" if value.strip() == "1" else value)
            else:
                about: About = "id" if name in IDS else ""
                part.values[f"@{name}"] = Value(_word(name), where, value, about=about)
        answers = values.get("InResponseTo")
        if tag == _CONFIRMED and answers is not None and self._in_response_to is not None:
            same = "the same as in the Response" if answers == self._in_response_to else "another than in the Response"
            part.values["answers"] = Value("Request it answers", f"{part.where}/@InResponseTo", same)

    def _instant(self, name: str, value: str, where: str, issued: datetime | None) -> Value:
        read = read_instant(value)
        label = TIMES.get(name) or OFFSETS[name]
        if read.at is None:
            return Value(label, where, value)
        self._zones.add(_ZONES[read.zone])
        if name in TIMES:
            return Value(label, where, value, about="time")
        if issued is None:
            return Value(label, where, value, about="time")
        return Value(label, where, _offset(read, issued), at_s=(read.at - issued).total_seconds())

    def _text(self, el: etree._Element, tag: str, part: Part) -> None:
        has_children = len(el) > 0 and el.find("*") is not None
        text = _text_of(el) if not has_children else _own_text(el)
        if not text.strip() and (has_children or part.values):
            return
        about: About = "signature" if tag in SIGNATURE_VALUES else "id" if tag in IDS else ""
        if about == "signature":
            text = "".join(text.split())
        if tag == _NAME_ID and (el.get("Format") or "").endswith(_TRANSIENT):
            about = "id"
        if text or not has_children:
            part.values["text"] = Value("", part.where, text, about=about)

    def _covered(self, uri: str) -> str:
        if not uri:
            return "the whole document"
        name = self._ids.get(uri.removeprefix("#")) if uri.startswith("#") else None
        return name or "nothing in this document"

    def _brief(self, el: etree._Element, tag: str, part: Part) -> str:
        """The line for a part that the other side lacks, where its values alone would not say it well."""
        if tag == _ATTRIBUTE:
            values = part.values.get(_VALUE)
            return ", ".join(values.several or ()) if values is not None else "without a value"
        if tag == _SIGNATURE:
            return _signature_words(part)
        if el.get("Binding") is not None and el.get("Location") is not None:
            return " ".join(filter(None, (el.get("Location"), el.get("ResponseLocation"))))
        return ""


def _identity(el: etree._Element, tag: str) -> tuple[str, str, str, bool]:
    """(word, group, key, whether what is left of a group is paired by position) of an element."""
    word = ELEMENTS.get(tag)
    name = _local(tag)
    for by in NAMED_BY.get(tag, ()):
        given = el.get(by)
        if given is not None:
            noun = "Attribute" if tag == _ATTRIBUTE else name if word is None else word
            if by == "index":
                return f"{noun} {given[:40]}", f"{tag} {given}", "", True
            friendly = el.get("FriendlyName") if by == "Name" and given.startswith("urn:oid:") else None
            shown = f"{given[:160]} ({friendly[:60]})" if friendly else given[:160]
            return (given[:160] if by in ("entityID",) else f"{noun} {shown}"), f"{tag} {given}", "", True
    binding, location = el.get("Binding"), el.get("Location")
    if binding is not None and location is not None:
        shown = f"{name if word is None else word} ({binding.rpartition(':')[2][:60]})"
        index = el.get("index")
        many = f" {index}" if index not in (None, *_UNNUMBERED) else ""
        return f"{shown}{many}", f"{tag} {binding}", f"{location} {el.get('ResponseLocation')} {index}", True
    language = el.get(_LANG)
    if language is not None:
        return f"{name if word is None else word} ({language[:20]})", f"{tag} {language}", "", True
    return (name if word is None else word), tag, "", True


def _is_value(el: etree._Element, tag: str) -> bool:
    return tag == _VALUE or el.find("*") is None


def _word(attribute: str) -> str:
    return ATTRIBUTES.get(attribute, _local(attribute))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _qualified(clark: str) -> str:
    return name_of(etree.Element(clark)) if clark.startswith("{") else clark


def _step(above: str, el: etree._Element, counts: dict[str, int]) -> str:
    """The XPath of a child: by what tells it apart where something does, else by its number from the second on."""
    name = name_of(el)
    counts[name] = counts.get(name, 0) + 1
    for by in (*NAMED_BY.get(str(el.tag), ()), "Binding"):
        given = el.get(by)
        if given is not None and '"' not in given:
            return f'{above}/{name}[@{by}="{given[:200]}"]'
    return f"{above}/{name}{f'[{counts[name]}]' if counts[name] > 1 else ''}"


def _own_text(el: etree._Element) -> str:
    """The text between the children of an element, in one."""
    return " ".join(t for t in [(el.text or "").strip(), *((c.tail or "").strip() for c in el)] if t)


def _text_of(el: etree._Element) -> str:
    """All text of an element; a comment in it is told, because readers differ in what they make of it."""
    if not len(el):
        return el.text or ""
    if el.find("*") is not None:
        return etree.tostring(el, method="c14n", exclusive=True).decode("utf-8", "replace")
    text = str(el.xpath("string()"))
    return f"{text} (with a comment or instruction inside)" if len(el) else text


def _offset(read: Instant, issued: datetime) -> str:
    assert read.at is not None
    apart = (read.at - issued).total_seconds()
    if abs(apart) < 1:
        return "when it was issued"
    return f"{span(read.at - issued)} {'after' if apart > 0 else 'before'} it was issued"


def _grouped(fingerprint: str) -> str:
    return ":".join(fingerprint[i : i + 2] for i in range(0, 16, 2))


def _signature_words(part: Part) -> str:
    """A signature in a line: method, what it covers, whose certificate."""
    found: list[str] = []

    def visit(p: Part) -> None:
        for name, v in p.values.items():
            if name == "@Algorithm" and v.text in SIGNATURES:
                found.append(SIGNATURES[v.text][0])
            elif name == "@Algorithm" and v.text in DIGESTS:
                found.append(f"digest {DIGESTS[v.text]}")
            elif name == "covers":
                found.append(f"covers {v.text}")
            elif name == _CERTIFICATE:
                found.append(f"certificate {', '.join(v.several or ())}")
        for inner in p.parts:
            visit(inner)

    visit(part)
    return ", ".join(found)
