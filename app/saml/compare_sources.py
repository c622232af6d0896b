"""Two inputs of any form compared: the message meant is found in each, decrypted where a key fits, and compared.

Whatever app.saml.intake takes apart will do. It judges neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from app.saml.compare import Comparison, Document, compare
from app.saml.decoding import decode
from app.saml.encryption import decrypt
from app.saml.expectation import Expectation
from app.saml.intake import Piece, take_in
from app.saml.metadata import METADATA_LIMITS
from app.saml.reading import kind_of
from app.saml.xml import name_of, parse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

_ORDINALS: Final = ("first", "second")
_MOST_NAMED: Final = 8


@dataclass(frozen=True, slots=True)
class Source:
    """One input. `number` (from 1) chooses one of several messages in it; None leaves the choice to its content."""

    data: str | bytes = field(repr=False)
    name: str = "pasted"
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The messages of one input. `names` has one for each; `number` (from 1) is the one compared, 0 for none.

    `layers` are those of its encoding, outermost first, `size` its bytes.
    """

    names: tuple[str, ...] = ()
    number: int = 0
    layers: tuple[str, ...] = ()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of two inputs. `found` has the first and the second, also where they could not be compared."""

    comparison: Comparison
    found: tuple[Found, Found]


def compare_sources(
    first: Source,
    second: Source,
    *,
    now: datetime | None = None,
    decryption_keys: Sequence[rsa.RSAPrivateKey] = (),
) -> Compared:
    """Find a message in each of two inputs, and compare them. Never raises.

    Where an input holds several messages, the only one that brings a login is meant; where there are more, the error
    names them. `now` as in compare(). `decryption_keys` open what is encrypted.
    """
    keys = Expectation(decryption_keys=tuple(decryption_keys))
    chosen = [_choose(ordinal, source) for ordinal, source in zip(_ORDINALS, (first, second), strict=True)]
    found = (chosen[0].found, chosen[1].found)
    error = next((c.error for c in chosen if c.error), None)
    if error is not None:
        return Compared(Comparison((), 0, error), found)
    one, two = (_opened(c.data, keys) for c in chosen)
    made = compare(one, two, now=now, limits=METADATA_LIMITS)
    notes = tuple(c.note for c in chosen if c.note)
    return Compared(replace(made, notes=(*notes, *made.notes)), found)


@dataclass(frozen=True, slots=True)
class _Chosen:
    found: Found
    data: bytes = b""
    error: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Candidate:
    kind: str
    data: bytes
    layers: tuple[str, ...]


def _choose(ordinal: str, source: Source) -> _Chosen:
    """The message that is meant in one input, or why none is."""
    if not source.data.strip():
        return _Chosen(Found(), error=f"The {ordinal} message cannot be compared: there is nothing in it.")
    intake = take_in(source.data, name=source.name, limits=METADATA_LIMITS)
    candidates = [_candidate(p) for p in intake.pieces]
    names = tuple(f"{p.name} ({c.kind or 'unreadable'})" for p, c in zip(intake.pieces, candidates, strict=True))
    readable = [n for n, c in enumerate(candidates) if c.data]
    if not readable:
        why = intake.what
        if len(intake.pieces) == 1 and (problems := decode(intake.pieces[0].source, limits=METADATA_LIMITS).problems):
            why = problems[0].message
        return _Chosen(Found(names), error=f"The {ordinal} message cannot be compared: {why}")
    if source.number is not None:
        number = source.number - 1
        if number not in readable:
            return _Chosen(Found(names), error=f"The {ordinal} holds no message {source.number}. {_listed(names)}")
    else:
        logins = [n for n in readable if candidates[n].kind in ("Response", "Assertion")]
        if len(readable) > 1 and len(logins) != 1:
            return _Chosen(
                Found(names),
                error=f"The {ordinal} holds {len(readable)} messages; choose the one to compare. {_listed(names)}",
            )
        number = logins[0] if len(readable) > 1 else readable[0]
    it = candidates[number]
    note = f"Of the {len(names)} messages in the {ordinal}, {names[number]} was compared." if len(names) > 1 else ""
    return _Chosen(Found(names, number + 1, it.layers, len(it.data)), it.data, note=note)


def _candidate(piece: Piece) -> _Candidate:
    decoded = decode(piece.source, channel=piece.channel, limits=METADATA_LIMITS)
    document = parse(decoded.data, METADATA_LIMITS).document if decoded.data else None
    layers = (*piece.layers, *decoded.layers)
    if document is None:
        # What is refused is chosen all the same where it is all there is: compare() says why it is refused.
        return _Candidate("", decoded.data, layers)
    kind = kind_of(document.root)
    return _Candidate(name_of(document.root)[:60] if kind == "other" else kind, decoded.data, layers)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"It holds {', '.join(names[:_MOST_NAMED])}{more}."


def _opened(data: bytes, keys: Expectation) -> Document:
    """The document, with its assertion where one of the keys decrypts it."""
    if not keys.decryption_keys or b"EncryptedAssertion" not in data:
        return Document(data)
    document = parse(data, METADATA_LIMITS).document
    opened = decrypt(document, keys) if document is not None else None
    return Document(data, opened.plaintext if opened is not None and opened.document is not None else None)
