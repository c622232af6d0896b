"""A federation's metadata of any length as a stream: searched, and one entity taken out of it byte by byte.

It holds one entity at a time and judges none of them; that is app.saml.metadata's, given what extract() returns.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal, NamedTuple

from lxml import etree

from app.saml.errors import MetadataError, Place, Problem
from app.saml.expectation import Limits
from app.saml.names import MD, q
from app.saml.reading import what_is_this
from app.saml.xml import hardened_parser
from app.saml.xmlbytes import charset_problem, dtd_problems, size_problem, too_expensive

__all__ = ["Entry", "extract", "search_aggregate"]

_MDUI: Final = "urn:oasis:names:tc:SAML:metadata:ui"
_SHIBMD: Final = "urn:mace:shibboleth:metadata:1.0"
_ENTITIES, _ENTITY = q(MD, "EntitiesDescriptor"), q(MD, "EntityDescriptor")
_NAMES: Final = (q(_MDUI, "DisplayName"), q(MD, "OrganizationDisplayName"), q(MD, "OrganizationName"))
_SCOPE: Final = q(_SHIBMD, "Scope")
_ROLES: Final[dict[str, Literal["idp", "sp"]]] = {q(MD, "IDPSSODescriptor"): "idp", q(MD, "SPSSODescriptor"): "sp"}

_CHUNK: Final = 262_144
#: The most bytes of a start tag around the entities, and how deep such groups may stand in each other.
_MOST_AROUND: Final = 16_384
_MOST_NESTED: Final = 8
#: What a name of a tag may take up before it is complete; so much is kept when the next chunk is read.
_TAIL: Final = 128
#: How much is read before it is asked in which encoding it is.
_HEAD: Final = 512
_MOST_SHOWN: Final = 64
_ESCAPED: Final = re.compile("[&<>\"']")
_ASCII: Final = bytes(range(128))
#: Every letter beyond ASCII that casefold() turns into something with an ASCII character in it: the sharp s, dotted I,
#: the long s, the Kelvin sign, letters with marks that have no capital, ligatures.
_FOLD_TO_ASCII: Final = "ß\u0130ŉ\u017fǰẖẗẘẙẚ\u1e9e\u212a\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06"
_FOLDING: Final = re.compile(b"|".join(letter.encode() for letter in _FOLD_TO_ASCII))
_BLANKS: Final = "\u00a0\u200b\ufeff \t\r\n"
_DECLARATION: Final = re.compile(rb"<\?xml\s[^>]{0,200}?\?>")
_TAG: Final = re.compile(rb"""<(/?)((?:[^\s<>/!?:="'&]{1,64}:)?Entit(?:y|ies)Descriptor)(?=[\s/>])""")
_TAG_END: Final = re.compile(rb"""(?:[^"'>]++|"[^"]*+"|'[^']*+')*+>""")


class Entry(NamedTuple):
    """What a list shows of one entity, as claimed. `names` are display names and those of the organisation, each once.

    `offset` and `size` are the place of its bytes in the stream.
    """

    entity_id: str
    names: tuple[str, ...]
    scopes: tuple[str, ...]
    roles: tuple[Literal["idp", "sp"], ...]
    offset: int
    size: int


def search_aggregate(
    stream: BinaryIO, words: str = "", *, role: Literal["idp", "sp"] | None = None, limits: Limits | None = None
) -> Iterator[Entry]:
    """The entities that contain every one of `words` in entityID, display name, organisation or scope; all without any.

    Upper and lower case count alike. `limits` bound each entity (default: those of a message). A document of one
    EntityDescriptor is an aggregate of one. Raises MetadataError where the stream is no metadata, or where it is
    refused; what was found before has then been given.
    """
    wanted = tuple(words.casefold().split())
    plain = tuple(w.encode() for w in wanted if w.isascii() and not _ESCAPED.search(w))
    parser = hardened_parser()
    for part in _parts(stream, limits or Limits()):
        if plain and not _may_contain(part.entity, plain):
            continue
        element = _read(part, parser)
        if element is None:
            continue
        entry = _entry(element, part)
        if role is not None and role not in entry.roles:
            continue
        if not wanted or _contains("\n".join((entry.entity_id, *entry.names, *entry.scopes)), wanted):
            yield entry


def extract(stream: BinaryIO, entity_id: str, *, limits: Limits | None = None) -> bytes:
    """The entity with this entity ID as a document of its own, for read_metadata().

    Its bytes are those of the stream, inside the start tags that stood around it (with their namespaces and validUntil)
    and without anything else of them; a signature of the whole is not taken along. Raises MetadataError where there is
    no such entity, or where the stream is refused.
    """
    parser = hardened_parser()
    written = entity_id.encode()
    seen = 0
    for part in _parts(stream, limits or Limits()):
        seen += 1
        start = part.entity[: (end.end() if (end := _TAG_END.match(part.entity)) else 0)]
        if written not in start and b"&" not in start:
            continue
        element = _read(part, parser)
        if element is not None and (element.get("entityID") or "").strip(_BLANKS) == entity_id:
            return part.document
    message = f"The metadata holds {seen:,} entities, and none is called “{entity_id[:200]}”."
    raise _refusal(Problem("md-root", message, entity_id[:200], f"{seen:,} others"))


def _may_contain(entity: bytes, words: Sequence[bytes]) -> bool:
    """Whether an entity could contain all of these words, by its bytes; False saves reading it.

    It must not be wrong about that. Text can be written by references and in CDATA sections, and some letters beyond
    ASCII fold to ASCII ones (the sharp s, the Kelvin sign, ligatures).
    """
    lower = entity.lower()
    if all(w in lower for w in words):
        return True
    # A single byte is found in a tenth of the time of two.
    if (b"#" in entity and b"&#" in entity) or (b"!" in entity and b"<![" in entity):
        return True
    beyond = entity.translate(None, _ASCII)
    return bool(beyond) and _FOLDING.search(beyond) is not None


def _contains(text: str, words: Sequence[str]) -> bool:
    folded = text.casefold()
    return all(w in folded for w in words)


# One entity -----------------------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """One EntityDescriptor as it stands in the stream, and the start tags around it, outermost first."""

    entity: bytes
    around: tuple[tuple[bytes, bytes], ...]  # (start tag, name)
    offset: int

    @property
    def document(self) -> bytes:
        opening = b"".join(tag for tag, _ in self.around)
        return opening + self.entity + b"".join(b"</%b>" % name for _, name in reversed(self.around))


def _read(part: _Part, parser: etree.XMLParser) -> etree._Element | None:
    """The element of an entity, or None where it is called so in another namespace. MetadataError if it is broken."""
    try:
        element = etree.fromstring(part.document, parser)
    except etree.XMLSyntaxError as e:
        message = (
            f"The entity at byte {part.offset + 1:,} is not well-formed XML: {(e.msg or 'no reason given')[:160]}."
        )
        raise _refusal(Problem("xml-wellformed", message, "well-formed XML", None)) from e
    while element.tag == _ENTITIES and len(element):
        element = element[0]
    return element if element.tag == _ENTITY else None


def _entry(element: etree._Element, part: _Part) -> Entry:
    names: dict[str, None] = {}
    scopes: dict[str, None] = {}
    for el in element.iter(*_NAMES, _SCOPE):
        text = (el.text or "").strip()
        if text and len(names) + len(scopes) < _MOST_SHOWN:
            (scopes if el.tag == _SCOPE else names)[text[:200]] = None
    roles = dict.fromkeys(_ROLES[el.tag] for el in element if el.tag in _ROLES)
    entity_id = (element.get("entityID") or "").strip(_BLANKS)[:1024]
    return Entry(entity_id, tuple(names), tuple(scopes), tuple(roles), part.offset, len(part.entity))


# The stream -----------------------------------------------------------------------------------------------------------


def _refusal(*problems: Problem) -> MetadataError:
    return MetadataError(" ".join(p.message for p in problems), problems)


@dataclass(slots=True)
class _Window:
    """The part of the stream that is looked at: `data` begins at the byte `base`.

    `nearest` remembers where each kind of markup comes next, so that no byte is looked at twice.
    """

    stream: BinaryIO
    data: bytes = b""
    base: int = 0
    ended: bool = False
    nearest: dict[bytes, int] | None = None

    def begin(self) -> None:
        """Read the first bytes and refuse what is not UTF-8 by its looks or its declaration."""
        while len(self.data) < _HEAD and self.more():
            pass
        if self.data.startswith(codecs.BOM_UTF8):
            self.drop(len(codecs.BOM_UTF8))
        head = self.data[:64]
        if declaration := _DECLARATION.match(self.data):
            head = declaration[0]
        if problem := charset_problem(head if head.isascii() else head[:4]):
            raise _refusal(problem)

    def more(self) -> bool:
        """Read one chunk more; False at the end."""
        chunk = self.stream.read(_CHUNK) if not self.ended else b""
        self.data += chunk
        self.nearest = None
        self.ended = not chunk
        return bool(chunk)

    def drop(self, count: int) -> None:
        """Forget bytes that are done with."""
        self.data = self.data[count:]
        self.base += count
        self.nearest = None

    def find(self, what: bytes, start: int) -> int:
        """The next place of some bytes, or the end of what has been read."""
        if self.nearest is None:
            self.nearest = {}
        known = self.nearest.get(what, -1)
        if known < start:
            data = self.data
            # The second byte alone is looked for first: it is rare, and one byte is found in a tenth of the time.
            rare = data.find(what[1], start + 1) - 1 if len(what) == 2 else start
            found = rare if rare < 0 else data.find(what, rare)
            known = self.nearest[what] = found if found >= 0 else len(data)
        return known


class _Markup(NamedTuple):
    kind: Literal["tag", "other"]
    start: int
    end: int  # 0: not complete yet
    match: re.Match[bytes] | None = None


_NOTHING: Final = _Markup("other", -1, 0)


def _next(window: _Window, at: int) -> _Markup:
    """The next comment, CDATA section, instruction, or tag of an entity or a group of them; start -1 for none.

    In well-formed XML a “<” begins one of these or another tag, so that nothing else can look like one.
    """
    data = window.data
    while True:
        other = min(window.find(b"<!", at), window.find(b"<?", at))
        named = window.find(b"Entit", at)
        if other <= named:
            return _other(data, other) if other < len(data) else _NOTHING
        start = data.rfind(b"<", max(at, named - _TAIL + 32), named)
        found = _TAG.match(data, start) if start >= 0 else None
        if found is not None and found.start(2) <= named < found.end(2):
            end = _TAG_END.match(data, start)
            return _Markup("tag", start, end.end() if end else 0, found)
        if named + 32 > len(data) and not window.ended:
            return _NOTHING
        at = named + 5


def _other(data: bytes, start: int) -> _Markup:
    for opening, closing in ((b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>")):
        if data.startswith(opening, start):
            end = data.find(closing, start + len(opening))
            return _Markup("other", start, end + len(closing) if end >= 0 else 0)
    whole = len(data) - start >= 10
    if problems := dtd_problems(data[start : start + 64]):
        raise _refusal(*problems)
    if whole:
        message = "The metadata contains a “<!” that begins neither a comment nor a CDATA section."
        raise _refusal(Problem("xml-wellformed", message, "well-formed XML", None))
    return _Markup("other", start, 0)


def _parts(stream: BinaryIO, limits: Limits) -> Iterator[_Part]:
    """Every EntityDescriptor of the stream in turn. MetadataError for what is refused."""
    window = _Window(stream)
    window.begin()
    around: list[tuple[bytes, bytes]] = []
    at, begin, level, groups, count = 0, -1, 0, 0, 0
    while True:
        markup = _next(window, at)
        if not markup.end:
            at = max(at, markup.start if markup.start >= 0 else len(window.data) - _TAIL)
            held = begin if begin >= 0 else at
            if len(window.data) - held > limits.decoded_bytes:
                what = "One entity" if begin >= 0 else "One comment or tag"
                raise _refusal(size_problem(len(window.data) - held, limits.decoded_bytes, what))
            window.drop(held)
            at, begin = at - held, -1 if begin < 0 else 0
            if not window.more():
                break
            continue
        at = markup.end
        if markup.match is None:
            continue
        tag = window.data[markup.start : markup.end]
        closing, name = bool(markup.match[1]), markup.match[2]
        empty = tag.endswith(b"/>")
        if name.endswith(b"EntityDescriptor"):
            if begin < 0 and closing:
                raise _broken(window, markup)
            begin = markup.start if begin < 0 else begin
            level += 0 if empty else -1 if closing else 1
            if level:
                continue
            entity = window.data[begin : markup.end]
            # Every node takes a byte at least, so that short entities need no counting.
            if len(entity) > limits.nodes and (problems := too_expensive(entity, limits)):
                where = f"The entity at byte {window.base + begin + 1:,} is refused."
                raise _refusal(*(p if n else _prefixed(p, where) for n, p in enumerate(problems)))
            count += 1
            yield _Part(entity, tuple(around), window.base + begin)
            begin = -1
        elif begin < 0:
            groups += 1
            if closing:
                if not around or around.pop()[1] != name:
                    raise _broken(window, markup)
            elif not empty:
                around.append((tag, name))
            if len(around) > _MOST_NESTED or sum(len(t) for t, _ in around) > _MOST_AROUND:
                message = "The groups of entities are nested too deep, or their start tags are too long."
                raise _refusal(Problem("xml-depth-limit", message, f"at most {_MOST_NESTED} groups", None))
    if begin >= 0 or around:
        message = f"The metadata breaks off after {window.base + len(window.data):,} bytes; a part is missing."
        raise _refusal(Problem("xml-wellformed", message, "well-formed XML", "an end that is missing", Place("/")))
    if not count and not groups:
        what = what_is_this(window.data[:65_536])
        raise _refusal(Problem("md-root", f"{what} SAML metadata begins with md:EntityDescriptor.", at=Place("/")))


def _prefixed(problem: Problem, where: str) -> Problem:
    return Problem(problem.check, f"{where} {problem.message}", problem.expected, problem.actual, problem.at)


def _broken(window: _Window, markup: _Markup) -> MetadataError:
    at = window.base + markup.start + 1
    message = f"The end tag at byte {at:,} closes nothing that is open."
    return _refusal(Problem("xml-wellformed", message, "well-formed XML", None))
