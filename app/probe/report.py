"""A probe on paper: text, JSON Lines, JUnit XML and one HTML file. It tries nothing and opens no file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from app.paper import shown, template

if TYPE_CHECKING:
    from app.probe.suite import ProbeReport, ProbeRow


def as_text(report: ProbeReport) -> str:
    """For people: each weakness with what it gives away, then what is unclear or was refused wrongly."""
    lines = [report.learnt]
    for gain, rows in by_gain(report):
        first = rows[0]
        cve = f" (compare {first.cve})" if first.cve else ""
        lines += ["", f"{first.gravity.upper():<9} {gain}: {first.sentence}{cve}"]
        lines += [f"  accepted  {r.id}: {shown(r.summary)}" for r in rows]
    for title, others in (("REFUSED BUT GOOD", report.refused_controls), ("UNCLEAR", report.unclear)):
        if others:
            lines += ["", title, *(f"  {r.id}: {shown(r.why)}" for r in others)]
    untried = len(report.rows) - report.tried
    if untried:
        lines += ["", f"{untried} faults were not tried; --format json gives the reason of each."]
    return "\n".join([*lines, "", report.headline])


def as_json_lines(report: ProbeReport) -> str:
    """One object for each row, and a last one for the whole."""
    rows = [json.dumps(row.as_dict(), ensure_ascii=False) for row in report.rows]
    total: dict[str, Any] = {
        "schema": "sso-workbench/probe-summary/1",
        "target": report.target,
        "vendor": report.vendor,
        "learnt": report.learnt,
        "started_at": report.started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "duration_s": round(report.duration_s, 2),
        "rows": len(report.rows),
        "tried": report.tried,
        "score": report.score,
        "accepted_wrongly": [r.id for r in report.weaknesses],
        "refused_wrongly": [r.id for r in report.refused_controls],
        "unclear": [r.id for r in report.unclear],
        "cancelled": report.cancelled,
        "as_expected": report.as_expected,
    }
    return "\n".join([*rows, json.dumps(total, ensure_ascii=False)]) + "\n"


def as_junit(report: ProbeReport) -> str:
    """JUnit XML: a test suite for each family, a test case for each fault."""
    return template("probe.xml").render(report=report, families=by_family(report))


def as_html(report: ProbeReport) -> str:
    """One HTML file that loads nothing, runs nothing and can be mailed."""
    return template("probe.html").render(report=report, families=by_family(report), gains=by_gain(report))


def by_family(report: ProbeReport) -> dict[str, list[ProbeRow]]:
    """The rows by family, in their order."""
    families: dict[str, list[ProbeRow]] = {}
    for row in report.rows:
        families.setdefault(row.family, []).append(row)
    return families


def by_gain(report: ProbeReport) -> list[tuple[str, list[ProbeRow]]]:
    """What was wrongly accepted, by kind of weakness, the gravest first."""
    gains: dict[str, list[ProbeRow]] = {}
    for row in report.weaknesses:
        gains.setdefault(row.gain, []).append(row)
    return list(gains.items())
