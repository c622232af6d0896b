"""Reads e-mail addresses as identifiers and gives them the one normal form by which accounts compare people.

It does not ask whether the mailbox exists, and it never joins two different mailboxes: no casefold(), no NFKC.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import idna

#: RFC 5321 §4.5.3.1: 64 octets before the @; 254 for the whole address (RFC 3696 erratum 1690).
MAX_LOCAL_OCTETS: Final = 64
MAX_OCTETS: Final = 254

_BLANK: Final = " \t\r\n"
_FOLD: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_ATOM: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\U0010ffff-]+)*"
)
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
#: Most addresses are like this, and reading them letter by letter costs ten times the time.
_PLAIN: Final = re.compile(
    r"([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
    re.ASCII,
)
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})


@dataclass(frozen=True, slots=True)
class Email:
    """One text read as an e-mail address. `normal` is None where it is none, and then `problem` is a sentence."""

    normal: str | None
    problem: str | None = None


def normalise_email(text: str) -> str | None:
    """The normal form of an e-mail address, or None where the text is not one address.

    Trims blanks, composes (NFC), folds the ASCII letters A-Z only, writes the domain as A-labels (IDNA 2008). "ß" stays
    "ß" and the Kelvin sign stays itself: `casefold()` and `lower()` would join different mailboxes.
    """
    return read_email(text).normal


def read_email(text: str) -> Email:
    """Read one address (RFC 5321 Mailbox, dot-atom only). Never raises.

    Display names, comments, quoted local parts and address literals are refused, and so is a domain without a dot.
    """
    if len(text) > 4 * MAX_OCTETS:
        return Email(None, f"It is {len(text)} characters long; an e-mail address has at most {MAX_OCTETS}.")
    return _read(text)


@lru_cache(maxsize=256)
def _read(text: str) -> Email:
    plain = _PLAIN.fullmatch(text)
    if plain is not None and len(text) <= MAX_OCTETS and plain.end(1) <= MAX_LOCAL_OCTETS:
        normal = text.lower()  # nothing but ASCII
        if "xn--" not in normal:
            return Email(normal)
    return _read_slowly(text)


def _read_slowly(text: str) -> Email:
    trimmed = text.strip(_BLANK)
    # Composing (NFC) turns the Kelvin sign and two others into ASCII, which would join two mailboxes.
    if not trimmed.isascii() and any(not c.isascii() and unicodedata.normalize("NFC", c).isascii() for c in trimmed):
        return Email(None, "It holds a character that only looks like an ASCII one, such as the Kelvin sign.")
    value = unicodedata.normalize("NFC", trimmed)
    if not value:
        return Email(None, "It is empty.")
    if "<" in value and ">" in value:
        return Email(None, "It holds a display name beside the address; only the address may stand there.")
    if "(" in value or ")" in value:
        return Email(None, "It holds a comment in parentheses; only the address may stand there.")
    if value.lower().startswith("mailto:"):
        return Email(None, "It begins with mailto:; only the address may stand there.")
    at_signs = value.count("@")
    if at_signs == 0:
        return Email(None, _without_at(value))
    if at_signs > 1:
        return Email(None, "It has more than one @ sign.")
    local, _, domain = value.partition("@")
    if any(c in _BLANK or unicodedata.category(c) in _INVISIBLE for c in value):
        return Email(None, "There is a blank, control or invisible character inside it.")
    if not local:
        return Email(None, "There is nothing before the @ sign.")
    if not domain:
        return Email(None, "There is no domain after the @ sign.")
    if _ATOM.fullmatch(local) is None or unicodedata.category(local[0]).startswith("M"):
        return Email(None, "The part before the @ sign holds characters that an address cannot have there.")
    if len(local.encode()) > MAX_LOCAL_OCTETS:
        return Email(None, f"The part before the @ sign is longer than {MAX_LOCAL_OCTETS} octets.")
    if domain.startswith("["):
        return Email(None, "The domain is an IP address in brackets; a domain name is needed.")
    ascii_domain = _domain(domain)
    if ascii_domain is None:
        return Email(None, "The part after the @ sign is not a domain name.")
    normal = f"{local.translate(_FOLD)}@{ascii_domain}"
    if len(normal.encode()) > MAX_OCTETS:
        return Email(None, f"It is longer than {MAX_OCTETS} octets.")
    return Email(normal)


def _domain(text: str) -> str | None:
    """A domain name as lower-case A-labels, or None where it is not one with at least two labels."""
    folded = text.translate(_FOLD)
    labels = folded.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or len(folded) > 253:
        return None
    if all(_LABEL.fullmatch(label) for label in labels) and "xn--" not in folded:
        return folded
    try:
        return idna.encode(folded).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None


def _without_at(value: str) -> str:
    """What a text without @ probably is."""
    if "\\" in value:
        return "It is a Windows account name (DOMAIN\\user)."
    if re.match(r"(?i)(cn|uid|ou|dc|o|e|emailaddress)\s*=", value):
        return "It is a distinguished name of a directory."
    if re.fullmatch(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", value):
        return "It is an object identifier."
    if re.fullmatch(r"[A-Za-z0-9+/_=-]{20,}", value):
        return "It is an opaque identifier."
    return "It has no @ sign; it looks like a user name."


def confusable(text: str) -> str | None:
    """Why a person could take this text for another one, as a sentence, or None (after UTS #39, simplified).

    Looks for text that is not composed (NFC), invisible and direction-changing characters, characters that only look
    like ASCII letters or become them when the case changes, and scripts mixed within one word.
    """
    if text.isascii() and text.isprintable():
        return None
    for c in text:
        category = unicodedata.category(c)
        if category in _INVISIBLE and c != " ":
            return f"It holds {_named(c)}, which cannot be seen."
    if unicodedata.normalize("NFC", text) != text:
        return "Its accents are written as separate characters (not in Unicode normal form C)."
    if unicodedata.category(text[0]).startswith("M"):
        return "It begins with a combining mark."
    for c in text:
        if c.isascii():
            continue
        if unicodedata.normalize("NFKC", c) != c:
            return f"It holds {_named(c)}, a look-alike of {unicodedata.normalize('NFKC', c)!r}."
        other = next((o for o in (c.upper(), c.lower()) if len(o) == 1 and o.isascii()), None)
        if other is not None:
            return f"It holds {_named(c)}, which becomes {other!r} when the letter case changes."
    for word in re.split(r"[@.\s_+-]+", text):
        scripts = {s for s in map(_script, word) if s}
        if len(scripts) > 1:
            return f"It mixes {' and '.join(sorted(scripts))} letters in one word, which look alike."
    return None


def _named(c: str) -> str:
    return f"U+{ord(c):04X} ({unicodedata.name(c, 'a character without a name').lower()})"


def _script(c: str) -> str | None:
    """The script of a letter by the first word of its Unicode name, for the scripts that have look-alikes."""
    if not c.isalpha():
        return None
    first = unicodedata.name(c, "").partition(" ")[0]
    return first.capitalize() if first in {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"} else None
