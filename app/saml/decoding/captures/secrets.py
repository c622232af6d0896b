"""What must not stay of a capture: cookies, passwords, authorization. Addresses and forms without them.

It knows names, not values: what is kept is what sign-on needs, so that an unknown secret is dropped as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

#: The fields and parameters that a sign-on message and its signature come in.
CARRIED: Final = ("SAMLResponse", "SAMLRequest", "RelayState", "SigAlg", "Signature", "SAMLart", "wresult")
_MESSAGES: Final = frozenset({"SAMLResponse", "SAMLRequest", "wresult", "SAMLart"})
#: Parameters whose values tell why a login failed, or which protocol it was, and are nobody's secret.
_TELLING: Final = frozenset({"error", "error_code", "errorcode", "error_description", "error_subcode", "wa"})
_MOST_PAIRS: Final = 400
_TOKEN: Final = re.compile(r"eyJ[\w\-]{10,}|[^/]{65,}")

#: Names of headers whose whole value is a secret, and of fields, in lower case and without “-” and “_”.
_HEADER: Final = re.compile(r"(?:set)?cookie2?|(?:proxy)?authorization|xamzsecuritytoken|x(?:api|auth|csrf|xsrf)\w*")
_FIELD: Final = re.compile(
    r"\w{0,20}passw(?:or)?d\w{0,20}|passwd|passphrase|pwd|passcode|otp|(?:client)?secret|apikey|apicanary|canary|"
    r"\w{0,20}token|sft|sctx|stsrequest|(?:j|php|asp|aspnet)?sess(?:ion)?id|sid|connectsid"
)
#: A name with a value after it; it begins at a word, so that a long word costs no more than its length.
_NAMED: Final = re.compile(
    r"""(?<![\w\-])([A-Za-z][\w\-]{1,60}+)\\?["']?[ \t]{0,8}+(?:[:=]|%3[ad])[ \t]{0,8}+\\?["']?""", re.IGNORECASE
)
_REST_OF_HEADER: Final = re.compile(r"""[^\r\n"'<>]*+""")
_REST_OF_FIELD: Final = re.compile(r"""[^\s"'<>&;,\\]*+""")
_CREDENTIAL: Final = re.compile(
    r"(?<![\w\-])(?:(?:bearer|basic) {1,4}+[\w\-.~+/=]{12,}+|eyJ[\w\-]{10,}+\.[\w\-]{10,}+(?:\.[\w\-]*+)?)",
    re.IGNORECASE,
)
_OTHERWISE: Final = re.compile(rb"""(?i)type=["']?password\b|\s-(?:b|u|-cookie|-user)[ =]["']?\w""")


@dataclass(slots=True)
class Removed:
    """How many secrets of each kind were dropped."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, count: int = 1) -> None:
        """Count secrets of the kind `what`, a plural."""
        if count:
            self.counts[what] = self.counts.get(what, 0) + count

    def note(self) -> tuple[str, ...]:
        """The sentence that tells it, or nothing."""
        if not self.counts:
            return ()
        told = ", ".join(f"{what} ({count:,})" for what, count in sorted(self.counts.items()))
        return (f"Left out, because they are secrets and are not needed: {told}.",)


def kind_of_header(name: str) -> str | None:
    """The plural under which a header is counted as a secret; None for a harmless one."""
    plain = _bare(name)
    if plain.removeprefix("set").startswith("cookie"):
        return "cookies"
    return "authorization headers" if _HEADER.fullmatch(plain) else None


def _bare(name: str) -> str:
    return name.strip().lower().replace("-", "").replace("_", "")


def _spans(text: str) -> Iterator[tuple[int, int, str]]:
    """(begin, end, plural) of every secret value in a text, in order."""
    at = 0
    credentials = _CREDENTIAL.finditer(text)
    credential = next(credentials, None)
    for named in _NAMED.finditer(text):
        while credential is not None and credential.start() <= named.start():
            if credential.start() >= at:
                at = credential.end()
                yield credential.start(), at, "authorization headers"
            credential = next(credentials, None)
        if named.start() < at:
            continue
        name = _bare(named[1])
        kind = "passwords and tokens"
        if _HEADER.fullmatch(name):
            rest = _REST_OF_HEADER.match(text, named.end())
            kind = "cookies" if "cookie" in name else "authorization headers"
        elif _FIELD.fullmatch(name):
            rest = _REST_OF_FIELD.match(text, named.end())
        else:
            continue
        if rest is not None and rest[0].strip() not in ("", "…"):
            at = rest.end()
            yield rest.start(), at, kind
    while credential is not None:
        if credential.start() >= at:
            at = credential.end()
            yield credential.start(), at, "authorization headers"
        credential = next(credentials, None)


def has_secrets(data: bytes) -> bool:
    """Whether a text shows names of secrets with values."""
    return _OTHERWISE.search(data) is not None or next(_spans(data.decode("latin-1")), None) is not None


def without_secrets(text: str, removed: Removed | None = None) -> str:
    """A text with “…” where a secret stood."""
    parts: list[str] = []
    at = 0
    for begin, end, kind in _spans(text):
        parts += (text[at:begin], "…")
        at = end
        if removed is not None:
            removed.add(kind)
    return "".join((*parts, text[at:]))


def pairs_of(text: bytes) -> list[tuple[str, bytes, bytes]]:
    """(name, value, the pair as it stands) of a query or form; at most 400 pairs."""
    found = []
    for pair in text.split(b"&", _MOST_PAIRS)[:_MOST_PAIRS]:
        if not pair:
            continue
        raw, _, value = pair.partition(b"=")
        found.append((unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "replace").strip(), value, pair))
    return found


def carried_pairs(text: bytes, removed: Removed | None = None) -> bytes:
    """A query or form as it stands, but only the parameters that sign-on needs; b"" where none is a message."""
    kept = []
    is_message = False
    for name, value, pair in pairs_of(text):
        if name in CARRIED:
            kept.append(pair)
            is_message |= name in _MESSAGES
        elif removed is not None and value and _FIELD.fullmatch(_bare(name)):
            removed.add("passwords and tokens")
    return b"&".join(kept) if is_message else b""


def public_url(url: str) -> str:
    """An address as it may be shown: without user, fragment and values, but with the names of its parameters.

    Values that tell an error stay. Path segments that look like tokens become “…”.
    """
    try:
        parts = urlsplit(url[:16_384])
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    path = "/".join(
        "…" if _TOKEN.fullmatch(segment) else segment.partition(";")[0] for segment in parts.path.split("/")[:40]
    )
    shown = []
    for name, value, _ in pairs_of(parts.query.encode("utf-8", "replace"))[:40]:
        told = unquote_to_bytes(value.replace(b"+", b" ")).decode("utf-8", "replace")
        shown.append(f"{name[:60]}={_plain(told) if name.lower() in _TELLING else '…'}")
    query = f"?{'&'.join(shown)}" if shown else ""
    return f"{parts.scheme}://{host}{port}{path}{query}" if host else f"{path}{query}"


def _plain(text: str) -> str:
    return " ".join(without_secrets(text[:2_000]).split())[:200]
