"""What there is of an XML document that breaks off: its last complete element, and what had not begun yet.

It repairs nothing and does not say why the document breaks off; the parser does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TAG: Final = re.compile(rb"""<(/?)([^\s<>/!?"'=]{1,200}+)((?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+)>""")
_MOST_TAGS: Final = 20_000

#: What a successful Response holds, in the order of the schema (saml-core §2.3.3, §3.2.2).
_PARTS: Final = ("Status", "Assertion", "Subject", "Conditions", "AuthnStatement", "AttributeStatement")

#: Lengths at which fields, columns, logs and address bars cut.
_USUAL_LIMITS: Final = frozenset(
    (
        *(255, 256, 500, 512, 1000, 1024, 2000, 2047, 2048, 2083, 4000, 4095, 4096, 5000, 8000, 8190, 8192),
        *(10_000, 16_000, 16_383, 16_384, 32_000, 32_766, 32_767, 32_768, 50_000, 65_535, 65_536),
    )
)


@dataclass(frozen=True, slots=True)
class Tail:
    """Where a document breaks off. `end` is the number of bytes up to and with the last complete element.

    `last` is its local name, "" where not one element is complete. `still_open` are the local names of the elements
    that were not closed, outermost first. `absent` are the parts of a Response of which nothing came.
    """

    last: str
    end: int
    still_open: tuple[str, ...]
    absent: tuple[str, ...]


def tail_of(data: bytes) -> Tail | None:
    """How far a document goes; None where it is complete, has no element, or has more than 20,000 tags."""
    stack: list[bytes] = []
    seen: set[str] = set()
    last, end, tags = b"", 0, 0
    for tag in _TAG.finditer(data):
        tags += 1
        if tags > _MOST_TAGS:
            return None
        closes, name, rest = tag.groups()
        if closes:
            if not stack or stack[-1] != name:
                return None
            stack.pop()
        else:
            seen.add(_local(name))
            if not rest.endswith(b"/"):
                stack.append(name)
                continue
        last, end = name, tag.end()
        if not stack:
            return None
    if not stack:
        return None
    is_response = _local(stack[0]) == "Response"
    encrypted = "EncryptedAssertion" in seen
    absent = tuple(p for p in _PARTS if p not in seen) if is_response and not encrypted else ()
    return Tail(_local(last), end, tuple(_local(n) for n in stack), absent)


def _local(name: bytes) -> str:
    return name.rpartition(b":")[2].decode("utf-8", "replace")[:80]


def how_far(data: bytes) -> str:
    """A clause about how much of a broken-off document there is; "" where that cannot be told."""
    tail = tail_of(data)
    if tail is None:
        return ""
    clause = (
        f"the last complete element is {tail.last}, which ends at byte {tail.end:,} of {len(data):,}"
        if tail.last
        else "not one element is complete"
    )
    return f"{clause}, and nothing came of {_listed(tail.absent)}" if tail.absent else clause


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def usual_limit(length: int) -> str:
    """A clause where a length is one at which fields and logs are known to cut; otherwise ""."""
    if length not in _USUAL_LIMITS:
        return ""
    return f"{length:,} characters is a length at which fields, columns and logs cut"
