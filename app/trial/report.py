"""A trial on paper: text, JSON Lines, JUnit XML and one HTML file. It tries nothing and opens no file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from app.paper import shown, template

if TYPE_CHECKING:
    from app.trial.matrix import TrialReport, TrialRow


def as_text(report: TrialReport, *, only_failed: bool = False) -> str:
    """For people: a line for each family, every row that is not as expected, and the headline."""
    lines = [] if only_failed else [f"{name:<12} {good:>4} of {total}" for name, total, good in report.families]
    for row in report.failed:
        lines += [
            "",
            f"NOT AS EXPECTED  {row.id}  ({row.family})",
            f"  {shown(row.summary)}",
            f"  {shown(row.why)}",
            f"  expected {row.expected}{_by(row.expected_checks)}",
            f"  got      {row.got}{_by(row.decided_by)}",
            f"  {shown(row.sentence)}",
        ]
    return "\n".join([*lines, "", report.headline]).lstrip("\n")


def as_json_lines(report: TrialReport) -> str:
    """One object for each row, and a last one for the whole."""
    rows = [json.dumps(row.as_dict(), ensure_ascii=False) for row in report.rows]
    total = {
        "schema": "sso-workbench/trial-summary/1",
        "vendor": report.vendor,
        "started_at": report.started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "duration_s": round(report.duration_s, 2),
        "rows": len(report.rows),
        "not_as_expected": [r.id for r in report.failed],
        "cancelled": report.cancelled,
        "as_expected": report.as_expected,
    }
    return "\n".join([*rows, json.dumps(total, ensure_ascii=False)]) + "\n"


def as_junit(report: TrialReport) -> str:
    """JUnit XML: a test suite for each family, a test case for each fault."""
    return template("trial.xml").render(**_values(report))


def as_html(report: TrialReport) -> str:
    """One HTML file that loads nothing, runs nothing and can be mailed."""
    return template("trial.html").render(**_values(report))


def _values(report: TrialReport) -> dict[str, Any]:
    families: dict[str, list[TrialRow]] = {}
    for row in report.rows:
        families.setdefault(row.family, []).append(row)
    return {"report": report, "families": families}


def _by(checks: tuple[str, ...]) -> str:
    return f" by {', '.join(checks[:8])}" if checks else ""
