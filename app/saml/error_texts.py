"""Explains the error texts of identity providers, service providers and libraries, without any message at hand.

The rows are data (resources/errors/*.toml). What a text does not say is not guessed: where a message exists, inspecting
it tells more, and the rows say so.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

from app.saml.decoding.captures.secrets import without_secrets

Who = Literal["idp-admin", "sp-admin", "user"]

_MOST_TEXT: Final = 4_194_304  # characters looked through for phrases; codes are looked for in all of it
_WINDOW: Final = 65_536
_OVERLAP: Final = 256  # longer than any phrase
_MOST_FOUND: Final = 20
_EXCERPT: Final = 280
_CONTEXT: Final = 4_096
_CODE: Final = re.compile(r"(?<![A-Za-z0-9])(AADSTS|MSIS)(\d{4,8})(?!\d)", re.IGNORECASE)
#: “Sign-in error code 50105”, as the sign-in log of Entra ID shows it.
_LOGGED: Final = re.compile(r"sign-?in error code['\"]?[ \t]{0,4}[:=]?[ \t]{0,4}['\"]?(\d{5,8})(?!\d)", re.IGNORECASE)
_SAME: Final = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " ", "\n": " ", "\r": " ", "\t": " "})
_QUOTED_END: Final = re.compile(r"[\"<>;{}]")
_BLANKS: Final = re.compile(r" {2,}")
_UNSEEN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


@dataclass(frozen=True, slots=True)
class ErrorText:
    """One explained error. `excerpt` is where it stands in the text; `vendor_name` is `vendor` as people say it.

    `fix` maps "generic" and vendor ids to what to change. `diagnosis` is the id of the diagnosis that a message with
    the same cause would get, or None where no message can tell.
    """

    code: str
    vendor: str
    excerpt: str
    title: str
    cause: str
    who: Who
    fix: dict[str, str]
    diagnosis: str | None
    vendor_name: str = ""

    def as_dict(self, source: str) -> dict[str, Any]:
        """The JSON object `sso-workbench/error-text/1`. `source` is the name of the input."""
        return {
            "schema": "sso-workbench/error-text/1",
            "source": source,
            "code": self.code,
            "vendor": self.vendor,
            "vendor_name": self.vendor_name,
            "excerpt": self.excerpt,
            "title": self.title,
            "cause": self.cause,
            "who": self.who,
            "fix": dict(self.fix),
            "diagnosis": self.diagnosis,
        }


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one error. `texts` are phrases in lower case; a row without any is found by its code.

    A `family` row explains every code that begins like its own and has no row. `last_checked` is when the wording was
    last compared with the vendor's documents; None: not yet.
    """

    code: str
    vendor: str
    vendor_name: str
    texts: tuple[str, ...]
    title: str
    cause: str
    who: Who
    fix: Mapping[str, str]
    diagnosis: str | None
    family: bool
    last_checked: date | None


@cache
def rows() -> tuple[Row, ...]:
    """Every row, those of a vendor together. Raises ValueError for a row that is not complete."""
    found: list[Row] = []
    folder = files("resources").joinpath("errors")
    shared = tomllib.loads(folder.joinpath("causes.toml").read_text("utf-8"))["cause"]
    for file in sorted(folder.iterdir(), key=lambda f: f.name):
        if file.name.endswith(".toml") and file.name != "causes.toml":
            found += _rows_of(tomllib.loads(file.read_text("utf-8")), shared)
    order = {vendor: i for i, vendor in enumerate(dict.fromkeys(r.vendor for r in found))}
    return tuple(sorted(found, key=lambda r: order[r.vendor]))


def _rows_of(document: Mapping[str, Any], shared: Mapping[str, Any]) -> Iterator[Row]:
    vendors: Mapping[str, str] = document["vendors"]
    for error in document["error"]:
        base: Mapping[str, Any] = shared[error["like"]] if "like" in error else {}
        merged = {**base, **error, "fix": {**base.get("fix", {}), **error.get("fix", {})}}
        vendor = error.get("vendor") or next(iter(vendors))
        if merged["who"] not in ("idp-admin", "sp-admin", "user") or "generic" not in merged["fix"]:
            raise ValueError(f"the error text {error['code']} has no generic fix, or nobody to act")
        yield Row(
            code=error["code"],
            vendor=vendor,
            vendor_name=vendors[vendor],
            texts=tuple(error.get("texts", ())),
            title=merged["title"],
            cause=merged["cause"],
            who=merged["who"],
            fix=merged["fix"],
            diagnosis=merged["diagnosis"] or None,
            family=bool(error.get("family")),
            last_checked=document.get("last_checked"),
        )


@cache
def _by_code() -> Mapping[str, Row]:
    return {r.code.upper(): r for r in rows() if not r.texts}


@cache
def _phrases() -> tuple[tuple[str, Row], ...]:
    return tuple((phrase, r) for r in rows() for phrase in r.texts)


def explain_errors(texts: Iterable[str]) -> tuple[ErrorText, ...]:
    """What is known of the errors in some texts, in the order in which they stand there; each once, at most 20.

    The excerpts show the line around an error, without the secrets that stand in it.
    """
    found: dict[str, ErrorText] = {}
    for text in texts:
        for hit in sorted([*_codes(text), *_known_phrases(text)], key=lambda h: h.at):
            if hit.code not in found and len(found) < _MOST_FOUND:
                found[hit.code] = _explained(hit)
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Hit:
    """An error found in a text, from `at` to `end`."""

    at: int
    end: int
    row: Row
    code: str
    text: str


def _explained(hit: _Hit) -> ErrorText:
    row = hit.row
    return ErrorText(
        code=hit.code,
        vendor=row.vendor,
        excerpt=_excerpt(hit),
        title=row.title,
        cause=row.cause,
        who=row.who,
        fix=dict(row.fix),
        diagnosis=row.diagnosis,
        vendor_name=row.vendor_name,
    )


def _codes(text: str) -> Iterator[_Hit]:
    """Every code of a family, up to 400."""
    known = _by_code()
    hits = 0
    for begin in range(0, len(text), _WINDOW):
        stop = min(begin + _WINDOW, len(text))
        for pattern in (_CODE, _LOGGED):
            for found in pattern.finditer(text, begin, min(stop + _OVERLAP, len(text))):
                if found.start() >= stop:
                    break
                code = f"AADSTS{found[1]}" if pattern is _LOGGED else f"{found[1].upper()}{found[2]}"
                row = known.get(code) or known.get(code.rstrip("0123456789"))
                if row is not None and not (pattern is _LOGGED and row.family):
                    hits += 1
                    yield _Hit(found.start(), found.end(), row, code, text)
                if hits > 20 * _MOST_FOUND:
                    return


def _known_phrases(text: str) -> Iterator[_Hit]:
    """Every phrase, compared without regard to case, kinds of quotation marks and blanks."""
    for begin in range(0, min(len(text), _MOST_TEXT), _WINDOW):
        window = text[begin : begin + _WINDOW + _OVERLAP]
        plain = _BLANKS.sub(" ", window.translate(_SAME))
        lowered = plain.lower()
        if len(lowered) != len(plain):  # some capital letters become two
            plain = lowered
        for phrase, row in _phrases():
            at = _standing_alone(lowered, phrase)
            if at >= 0:
                yield _Hit(at, at + len(phrase), row, row.code, plain)


def _standing_alone(text: str, phrase: str) -> int:
    """Where a phrase stands that is not a part of a longer word; -1 where it does not."""
    at = -1
    for _ in range(20):
        at = text.find(phrase, at + 1)
        if at < 0:
            return -1
        end = at + len(phrase)
        before = at > 0 and _is_word(text[at - 1]) and _is_word(phrase[0])
        after = end < len(text) and _is_word(text[end]) and _is_word(phrase[-1])
        if not before and not after:
            return at
    return -1


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _excerpt(hit: _Hit) -> str:
    """The line around an error, or the part of it that says most, without invisible characters and secrets."""
    said = hit.text[hit.at : hit.end]
    lowest = max(hit.at - _CONTEXT, 0)
    begin = hit.text.rfind("\n", lowest, hit.at) + 1
    if not begin and lowest:
        # So long a line is no sentence: what precedes may be the beginning of a secret, so nothing of it is shown.
        return " ".join(_UNSEEN.sub(" ", _QUOTED_END.split(hit.text[hit.at : hit.at + _EXCERPT], 1)[0]).split())
    line = without_secrets(hit.text[begin : hit.end + _CONTEXT])
    at = line.find(said)
    if at < 0:
        return " ".join(said.split())
    sentence = max(line.rfind(". ", 0, at) + 2 if ". " in line[:at] else 0, at - 120)
    words = " ".join(_UNSEEN.sub(" ", line[sentence : at + 2 * _EXCERPT]).split())
    return words if len(words) <= _EXCERPT else words[: _EXCERPT - 1].rstrip() + "…"
