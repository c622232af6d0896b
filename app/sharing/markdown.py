"""A report as Markdown: what was pasted becomes neither markup nor a link nor a mention of anybody."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from app.paper import shown
from app.sharing.content import Content, particulars

_ACTIVE: Final = re.compile(r"[@#]|://|www\.|mailto:|xmpp:", re.IGNORECASE)
_MARKUP: Final = re.compile(r"([\\`*_{}\[\]()<>#|~&$!]|:(?=\w))")
_LIST_OR_RULE: Final = re.compile(r"([0-9]*)([-+=.])")


def markdown(content: Content) -> str:
    """The Markdown of one report, without a line break at its end."""
    return "\n".join(_lines(content))


def _lines(content: Content) -> Iterator[str]:
    report = content.report
    yield from (f"# {content.verdict}", "", _sentence(report["headline"]))
    for cause in content.causes:
        yield from ("", f"## {_sentence(cause['title'])}", "", _sentence(cause["cause"]), "", cause["acts"])
        if cause["steps"]:
            yield from ("", *(f"- {vendor}: {_sentence(steps)}" for vendor, steps in cause["steps"]))
    yield from ("", "## Findings", "")
    for check in content.findings:
        yield f"- **{check['status']}** {_code(check['id'])} {_sentence(check['message'])}"
        yield from (f"  - {what}: {_code(value)}" for what, value in particulars(check))
    yield f"- {content.passed} checks passed"
    signatures = (
        (s["covers"], f"{s['status']}, {'trusted' if s['trusted'] else 'not trusted'}, {s['algorithm']}, {s['key']}")
        for s in report["signatures"]
    )
    yield from _table("Signatures", signatures)
    subject = report["subject"]
    rows = [] if subject is None else [("NameID", f"{subject['name_id']} ({subject['provenance']})")]
    yield from _table("Claims", [*rows, *((a["name"], ", ".join(a["values"])) for a in report["attributes"])])
    yield from _table("Times", content.instants)
    decided = report["provisioning"]
    if decided is not None:
        yield from ("", "## Provisioning", "", f"{_code(decided['outcome'])} {_sentence(decided['message'])}")
        changes = [(c["field"], f"{c['old'] or 'nothing'} → {c['new'] or 'nothing'}") for c in decided["changes"]]
        yield from ("", *_items(changes)) if changes else ()
    yield from _table("Message", content.facts)
    yield from _table("Redaction", content.receipt)
    for title, xml in (("Message, masked", content.xml), ("Decrypted part, masked", content.decrypted)):
        if xml:
            text = str(shown(xml))
            fence = "`" * (_longest_ticks(text) + 3)
            yield from ("", f"## {title}", "", f"{fence}xml", text, fence)


def _table(title: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    filled = list(rows)
    if filled:
        yield from ("", f"## {title}", "", *_items(filled))


def _items(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    return (f"- {_code(what)}: {_code(value)}" for what, value in rows)


def _sentence(text: str) -> str:
    """A sentence with its markup escaped; a word in which a renderer could see a link or a mention is set as code."""
    words = str(shown(text)).replace("\n", " ⏎ ").split()
    escaped = " ".join(_code(w) if _ACTIVE.search(w) else _MARKUP.sub(r"\\\1", w) for w in words)
    return _LIST_OR_RULE.sub(r"\1\\\2", escaped, count=1) if _LIST_OR_RULE.match(escaped) else escaped


def _code(text: str) -> str:
    """A value as code, inside as many backticks as it takes; "nothing" for an empty one."""
    flat = str(shown(text)).replace("\n", "⏎")
    if not flat.strip():
        return "nothing" if not flat else f"{len(flat)} blanks"
    ticks = "`" * (_longest_ticks(flat) + 1)
    blank = " " if flat[0] in "` " or flat[-1] in "` " else ""
    return f"{ticks}{blank}{flat}{blank}{ticks}"


def _longest_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
