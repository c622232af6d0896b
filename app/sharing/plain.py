"""A report as plain text for a ticket or a terminal. No value can begin a line of its own or hide a character."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.paper import shown
from app.sharing.content import Content, particulars


def plain_text(content: Content) -> str:
    """The text of one report, without a line break at its end."""
    return "\n".join(_lines(content))


def _lines(content: Content) -> Iterator[str]:
    report = content.report
    yield from (content.verdict.upper(), _flat(report["headline"]))
    for cause in content.causes:
        yield from ("", _flat(cause["title"]), f"  {_flat(cause['cause'])}", f"  {cause['acts']}")
        yield from (f"  {vendor}: {_flat(steps)}" for vendor, steps in cause["steps"])
    if content.findings:
        yield from ("", "Findings")
    for check in content.findings:
        yield f"  {check['status'].upper()}  {check['id']}: {_flat(check['message'])}"
        yield from (f"        {what}: {_flat(value)}" for what, value in particulars(check))
    yield f"  {content.passed} checks passed."
    yield from _table("Signatures", ((s["covers"], _signature(s)) for s in report["signatures"]))
    subject = report["subject"]
    rows = [] if subject is None else [("NameID", f"{subject['name_id']} ({subject['provenance']})")]
    yield from _table("Claims", [*rows, *((a["name"], ", ".join(a["values"])) for a in report["attributes"])])
    yield from _table("Times", content.instants)
    decided = report["provisioning"]
    if decided is not None:
        changes = ((c["field"], f"{c['old'] or 'nothing'} → {c['new'] or 'nothing'}") for c in decided["changes"])
        yield from _table("Provisioning", [(decided["outcome"], decided["message"]), *changes])
    yield from _table("Message", content.facts)
    yield from _table("Redaction", content.receipt)
    for title, xml in (("Message, masked", content.xml), ("Decrypted part, masked", content.decrypted)):
        if xml:
            yield from ("", title, *(f"  {line}" for line in shown(xml).split("\n")))


def _table(title: str, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    filled = list(rows)
    if filled:
        yield from ("", title, *(f"  {_flat(what)}: {_flat(value)}" for what, value in filled))


def _signature(signature: dict[str, str | bool | None]) -> str:
    trusted = "by a trusted key" if signature["trusted"] else "by no trusted key"
    return f"{signature['status']}, {trusted}, {signature['algorithm']}, certificate {signature['key'] or 'none'}"


def _flat(value: str) -> str:
    return str(shown(value)).replace("\n", "⏎")
