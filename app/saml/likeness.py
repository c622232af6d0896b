"""Says in words how a received value differs from the expected one: the near misses that people make.

It never decides anything: comparison is exact everywhere, this only explains.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from app.product import ROLE_IDS, ROLES

_STAGING: Final = re.compile(
    r"(?i)(?:^|[.-])(?:staging|stage|stg|test|dev|qa|uat|sandbox|preprod|local|demo)[0-9]*[.-]|^localhost$"
)
_DEFAULT_PORT: Final = {"https": 443, "http": 80}
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_PLACEHOLDER: Final = re.compile(r"(?i)[<{\[%$].*[>}\]%]|\$\{.*|user\.[a-z_.]+|your[ _-].*|change[ _-]?me|x{3,}|todo")
_ROLE_WORDS: Final = {
    "admin": "account_administrator",
    "administrator": "account_administrator",
    "owner": "account_administrator",
    "dev": "developer",
    "viewer": "media_library_view_only_access",
    "view_only": "media_library_view_only_access",
    "read_only": "media_library_view_only_access",
    "restricted": "media_library_restricted_access",
    "full_access": "media_library_full_access",
    "billing": "finance",
}


def show(text: str, limit: int = 200) -> str:
    """A received value for a sentence: bounded, its control characters made visible."""
    if len(text) <= limit and text.isprintable():
        return text
    visible = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text[:limit])
    return visible if len(text) <= limit else f"{visible}… ({len(text)} characters)"


def difference(expected: str, actual: str) -> str:
    """One sentence on how `actual` misses `expected`. They must not be equal."""
    if not actual:
        return "It is empty."
    if not actual.strip():
        return "It is blank."
    if actual.strip() == expected:
        where = (
            "before and after"
            if actual[0].isspace() and actual[-1].isspace()
            else "before"
            if actual[0].isspace()
            else "after"
        )
        return f"There is blank space or a line break {where} it; SAML compares exactly."
    if "".join(actual.split()) == expected:
        return "There is blank space or a line break inside it."
    if actual == f"spn:{expected}":
        return 'The prefix "spn:" is too much: Entra adds it when the application ID is used as the identifier.'
    if actual.rstrip("/") == expected.rstrip("/"):
        return "It has a trailing slash too many." if len(actual) > len(expected) else "The trailing slash is missing."
    if actual.lower() == expected.lower():
        return "Only the letter case differs, and SAML compares exactly."
    if unquote(actual) == expected or unquote(expected) == actual:
        return "Only the percent-encoding differs."
    try:
        of_url = _url_difference(urlsplit(expected), urlsplit(actual))
    except ValueError:  # urlsplit refuses some malformed hosts and ports
        of_url = None
    if of_url is not None:
        return of_url
    if actual.startswith(expected):
        return f"Something follows the expected value: {show(actual[len(expected) :], 60)!r}."
    if expected.startswith(actual):
        return f"It ends too early; this is missing: {show(expected[len(actual) :], 60)!r}."
    if max(len(expected), len(actual)) <= 200 and edit_distance(expected, actual) <= 2:
        position = next(
            (i for i, (a, b) in enumerate(zip(expected, actual, strict=False)) if a != b),
            min(len(expected), len(actual)),
        )
        return f"It is nearly the same; the first difference is at character {position + 1}."
    return "It is a different value altogether."


def _url_difference(expected: SplitResult, actual: SplitResult) -> str | None:
    """How two URLs differ, where both are URLs and one part of them explains it."""
    if not (expected.netloc and actual.netloc):
        return None
    same_place = (expected.hostname, expected.path) == (actual.hostname, actual.path)
    if same_place and expected.fragment != actual.fragment:
        if not actual.fragment:
            return f'The "#{expected.fragment}" at the end is missing.'
        if not expected.fragment:
            return f'There is a "#{show(actual.fragment, 60)}" at the end that does not belong there.'
        return f'It ends in "#{show(actual.fragment, 60)}" instead of "#{expected.fragment}".'
    if same_place and expected.query != actual.query:
        return "The query part after the question mark differs."
    if same_place and expected.scheme != actual.scheme:
        return (
            f"It begins with {actual.scheme}: instead of {expected.scheme}:, as happens when TLS ends at a "
            "proxy in front."
        )
    if same_place and (expected.port or _DEFAULT_PORT.get(expected.scheme)) != (
        actual.port or _DEFAULT_PORT.get(actual.scheme)
    ):
        return "The port differs."
    if same_place and expected.port != actual.port:
        return "Only the default port is written out, but SAML compares the text exactly."
    if expected.hostname != actual.hostname:
        host = show(actual.hostname or "", 100)
        if bool(_STAGING.search(actual.hostname or "")) != bool(_STAGING.search(expected.hostname or "")):
            return f"It names another host, {host}, so a staging and a production system seem to be mixed up."
        return f"It names another host, {host}."
    if expected.path.lower() == actual.path.lower():
        return "Only the letter case of the path differs, and SAML compares exactly."
    if actual.path.rstrip("/") == expected.path.rstrip("/"):
        return "The trailing slash of the path differs."
    if actual.path.startswith(expected.path):
        return f"Something follows the expected path: {show(actual.path[len(expected.path) :], 60)!r}."
    return "The path on that host differs."


def edit_distance(a: str, b: str) -> int:
    """Insertions, deletions, replacements and swaps of neighbours between two short texts (optimal string
    alignment).
    """
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        row = [i]
        for j, cb in enumerate(b, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (ca != cb))
            if i > 1 and j > 1 and ca == b[j - 2] and a[i - 2] == cb:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]


def nearest(value: str, candidates: Iterable[str], *, within: int) -> str | None:
    """The candidate with the smallest edit distance, where that is at most `within`."""
    if len(value) > 100:
        return None
    best = min(((edit_distance(value, c), c) for c in candidates if abs(len(c) - len(value)) <= within), default=None)
    return best[1] if best is not None and best[0] <= within else None


@dataclass(frozen=True, slots=True)
class Hint:
    """A guess at what was meant. `kind` is a stable word for diagnoses; `meant` the accepted value, if there is one."""

    kind: str
    sentence: str
    meant: str | None = None


def role_hint(value: str, accepted: Sequence[str] = ROLE_IDS) -> Hint:
    """Why a value of the role claim is not one of the accepted ones."""
    known = {role.id: role.title for role in ROLES}
    titles = {value: known.get(value, value) for value in accepted}
    if not value.strip():
        return Hint("empty", "The value is empty: the IdP had nothing to send for this person.")
    stripped = value.strip()
    if stripped in titles:
        side = "leading" if value[0].isspace() else "trailing"
        return Hint("blank", f"There is a {side} space; without it the value is right.", stripped)
    lowered = stripped.lower()
    same = next((t for t in titles if t.lower() == lowered), None)
    if same is not None:
        return Hint("case", "Only the letter case differs.", same)
    squashed = re.sub(r"[^a-z0-9]+", "_", lowered).strip("_")
    for role_id, title in titles.items():
        if squashed in (role_id, re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")):
            return Hint("display-name", "This is the display name; the value of the role is needed.", role_id)
    if _UUID.fullmatch(stripped):
        return Hint("group-id", "This looks like an Entra group id; send the role that belongs to the group instead.")
    if re.match(r"S-1-5-[0-9-]+$", stripped):
        return Hint("sid", "This looks like a Windows security identifier; send the role that belongs to it instead.")
    if re.match(r"(?i)(cn|ou|dc)=", stripped):
        return Hint(
            "distinguished-name", "This looks like the distinguished name of a directory group; send the role instead."
        )
    if re.search(r"[;,|]", value):
        return Hint("delimited", "Several values seem to be joined in one; exactly one role is needed.")
    if _PLACEHOLDER.fullmatch(stripped):
        return Hint("placeholder", "This looks like a placeholder or an expression that the IdP did not replace.")
    alias = _ROLE_WORDS.get(squashed)
    if alias is not None and alias in titles:
        return Hint("alias", "This is another word for one of the roles.", alias)
    near = nearest(squashed, titles, within=3)
    if near is not None:
        return Hint("spelling", "The spelling differs a little.", near)
    return Hint("unknown", "It resembles none of the accepted roles.")


def is_placeholder(value: str) -> bool:
    """Whether a value looks like a template that nobody filled in."""
    return _PLACEHOLDER.fullmatch(value.strip()) is not None


def claim_name_hint(wanted: str, name: str | None, friendly_name: str | None) -> Hint | None:
    """Whether an attribute called `name` was probably meant to be the claim `wanted`, and what is wrong with its
    name.
    """
    if name == wanted:
        return None
    if name:
        if name.strip() == wanted:
            return Hint("blank", "There is blank space around the name.", wanted)
        tail = re.split(r"[/#:]", name)[-1]
        if len(tail) < len(name) and tail.lower() == wanted.lower():
            return Hint(
                "namespace", "A namespace stands in front of the name; leave the namespace field empty.", wanted
            )
        if name.lower() == wanted.lower():
            return Hint("case", "Only the letter case of the name differs.", wanted)
        if name.lower() in (f"user.{wanted}", f"user_{wanted}", f"{{{wanted}}}", f"${{{wanted}}}"):
            return Hint("expression", "The name is an expression; write the plain name.", wanted)
        if _letters(name) == _letters(wanted):
            return Hint("punctuation", "The words are joined differently.", wanted)
        if len(name) <= 40 and nearest(name.lower(), (wanted,), within=2):
            return Hint("spelling", "The spelling of the name differs a little.", wanted)
    if friendly_name is not None and _letters(friendly_name) == _letters(wanted):
        return Hint("friendly-name", "Only its FriendlyName says so, which is for people; the Name decides.", wanted)
    return None


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text[:200].lower())
