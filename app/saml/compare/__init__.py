"""Two messages, or two metadata documents, compared by meaning. It says what differs, not which one is right.

Attributes are matched by Name, endpoints by binding, certificates by fingerprint, everything else by what it holds.
Instants are compared by their distance from IssueInstant, several values as a set where order means nothing. What
differs between any two logins (ids, instants, signature values) is set apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from app.saml.compare.matching import Change, Difference, match
from app.saml.compare.parts import Part
from app.saml.compare.reading import Reader
from app.saml.expectation import Limits
from app.saml.instants import read_instant, stamp
from app.saml.message import Kind
from app.saml.names import MD, SAML, q
from app.saml.reading import kind_of
from app.saml.xml import name_of, parse

__all__ = ["Change", "Comparison", "Difference", "Document", "Side", "compare"]

_ASSERTION, _ENTITY = q(SAML, "Assertion"), q(MD, "EntityDescriptor")
_LOGIN: frozenset[Kind] = frozenset({"Response", "Assertion"})
_METADATA: frozenset[Kind] = frozenset({"EntityDescriptor", "EntitiesDescriptor"})
_MOST_DIFFERENCES = 20_000


@dataclass(frozen=True, slots=True)
class Document:
    """One side as bytes. `decrypted` is its assertion where it was encrypted and a key fitted."""

    data: bytes
    decrypted: bytes | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """What one side is: its kind, who issued it or whom it describes, for whom, and when ("" where it says nothing)."""

    kind: str
    issuer: str = ""
    subject: str = ""
    issued: str = ""

    @property
    def sentence(self) -> str:
        """The same in a few words."""
        parts = [self.kind]
        parts += [f"for {self.subject}"] if self.subject else []
        parts += [f"from {self.issuer}"] if self.issuer else []
        parts += [f"issued {self.issued}"] if self.issued else []
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`error` says why the two could not be compared; there are then no differences. `same` counts equal values.

    `sides` are the first and the second, `notes` tell in sentences what was left out or chosen.
    """

    differences: tuple[Difference, ...]
    same: int
    error: str | None = None
    sides: tuple[Side, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def meaningful(self) -> tuple[Difference, ...]:
        """The differences that are not expected."""
        return tuple(d for d in self.differences if not d.expected)


def compare(
    first: bytes | Document, second: bytes | Document, *, now: datetime | None = None, limits: Limits | None = None
) -> Comparison:
    """Compare two decoded documents. Never raises. With `now`, certificates are told with the days they have left."""
    roots: list[etree._Element] = []
    inner: list[etree._Element | None] = []
    for name, side in (("first", first), ("second", second)):
        document = side if isinstance(side, Document) else Document(side)
        parsed = parse(document.data, limits)
        if parsed.document is None:
            why = parsed.problems[0].message if parsed.problems else "It is empty."
            return Comparison((), 0, f"The {name} message cannot be compared: {why}")
        roots.append(parsed.document.root)
        inside = parse(document.decrypted, limits).document if document.decrypted is not None else None
        inner.append(inside.root if inside is not None else None)
    sides = (_side(roots[0], inner[0]), _side(roots[1], inner[1]))
    notes: list[str] = []
    error = _aligned(roots, inner, notes)
    if error is not None:
        return Comparison((), 0, error, sides)
    one, two = (_read(root, within, now) for root, within in zip(roots, inner, strict=True))
    found = match(one, two, most=_MOST_DIFFERENCES)
    if found.left_out:
        notes.append(f"Only the first {_MOST_DIFFERENCES:,} differences are listed; {found.left_out:,} more are not.")
    if any(_is_sealed(root, within) for root, within in zip(roots, inner, strict=True)):
        notes.append("What is encrypted was not compared. Give the decryption key to compare what is inside.")
    return Comparison(found.differences, found.same, None, sides, tuple(notes))


def _read(root: etree._Element, inner: etree._Element | None, now: datetime | None) -> Part:
    part = Reader(root, now).read()
    if inner is not None:
        part.parts.append(Reader(inner, now, inside=part.where).read())
    return part


def _is_sealed(root: etree._Element, inner: etree._Element | None) -> bool:
    return inner is None and root.find(q(SAML, "EncryptedAssertion")) is not None


def _aligned(roots: list[etree._Element], inner: list[etree._Element | None], notes: list[str]) -> str | None:
    """Bring both to the same kind where one holds the other; otherwise why they cannot be compared."""
    kinds = [kind_of(r) for r in roots]
    if kinds[0] == kinds[1]:
        if kinds[0] == "other" and roots[0].tag != roots[1].tag:
            names = " and ".join(name_of(r) for r in roots)
            return f"These are two documents of different kinds, {names}. Compare two messages, or two metadata files."
        return None
    if set(kinds) == _LOGIN:
        outer = kinds.index("Response")
        within = inner[outer]
        found = [within] if within is not None else list(roots[outer].iterchildren(_ASSERTION))
        if len(found) != 1:
            return (
                f"The {_ORDINAL[outer]} is a Response with {len(found)} readable assertions, and the other is a bare "
                "Assertion. Compare two Responses, or two Assertions."
            )
        roots[outer], inner[outer] = found[0], None
        notes.append(f"Of the {_ORDINAL[outer]}, only the assertion was compared: the other has no Response around it.")
        return None
    if set(kinds) == _METADATA:
        outer = kinds.index("EntitiesDescriptor")
        wanted = roots[1 - outer].get("entityID")
        entity = next((e for e in roots[outer].iter(_ENTITY) if e.get("entityID") == wanted), None)
        if entity is None:
            return f"The {_ORDINAL[outer]} is an aggregate of metadata that does not hold {(wanted or 'it')[:200]}."
        roots[outer] = entity
        notes.append(f"Of the {_ORDINAL[outer]}, an aggregate, only the entity of the same entity ID was compared.")
        return None
    what = [name_of(r) if k == "other" else k for k, r in zip(kinds, roots, strict=True)]
    return f"The first is {_an(what[0])} and the second {_an(what[1])}. Compare two of a kind."


_ORDINAL = ("first", "second")


def _an(word: str) -> str:
    return f"{'an' if word[:1] in 'AEIO' else 'a'} {word[:80]}"


def _side(root: etree._Element, inner: etree._Element | None) -> Side:
    kind = kind_of(root)
    if kind in _METADATA:
        return Side(_metadata_word(root), issuer=(root.get("entityID") or root.get("Name") or "")[:200])
    assertion = inner if inner is not None else root if kind == "Assertion" else root.find(_ASSERTION)
    issuer = root.find(q(SAML, "Issuer"))
    if issuer is None and assertion is not None:
        issuer = assertion.find(q(SAML, "Issuer"))
    holder = assertion if assertion is not None else root
    name_id = holder.find(f"{q(SAML, 'Subject')}/{q(SAML, 'NameID')}")
    if name_id is None:
        name_id = root.find(q(SAML, "NameID"))
    return Side(
        kind if kind != "other" else name_of(root)[:80],
        issuer=_text(issuer)[:200],
        subject=_text(name_id)[:200],
        issued=_when(root.get("IssueInstant")),
    )


def _metadata_word(root: etree._Element) -> str:
    if root.tag != _ENTITY:
        return "Aggregate of metadata"
    idp, sp = (root.find(q(MD, role)) is not None for role in ("IDPSSODescriptor", "SPSSODescriptor"))
    return "IdP metadata" if idp and not sp else "SP metadata" if sp and not idp else "Metadata"


def _text(el: etree._Element | None) -> str:
    return "" if el is None else str(el.xpath("string()")).strip()


def _when(text: str | None) -> str:
    at = read_instant(text).at if text else None
    return stamp(at) if at is not None else (text or "")[:64]
