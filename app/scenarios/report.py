"""Scenarios on paper: text, JSON Lines, JUnit XML and one HTML file. It runs nothing and opens no file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from app.paper import shown, template

if TYPE_CHECKING:
    from app.scenarios.values import ScenarioReport


def as_text(report: ScenarioReport) -> str:
    """For people: a line for each scenario, every step that is not as expected, and the headline."""
    width = max((len(r.scenario.id) for r in report.rows), default=0)
    lines = []
    for row in report.rows:
        word = "as expected" if row.as_expected else "NOT AS EXPECTED"
        lines.append(shown(f"{row.scenario.id:<{width}}  {word:<15}  {row.scenario.title}"))
        for step in row.failed:
            lines += [
                shown(f"  step {step.number}: {step.what}"),
                shown(f"    {step.why}" if step.reached else "    It was not reached."),
            ]
            lines += [shown(f"    {c.name}: expected {c.expected}, got {c.got}") for c in step.compared if not c.fits]
            if step.sentence:
                lines.append(shown(f"    {step.sentence}"))
    return "\n".join([*lines, "", report.headline]).lstrip("\n")


def as_json_lines(report: ScenarioReport) -> str:
    """One object for each scenario, and a last one for the whole."""
    rows = [json.dumps(row.as_dict(), ensure_ascii=False) for row in report.rows]
    total = {
        "schema": "sso-workbench/scenario-summary/1",
        "started_at": report.started_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "duration_s": round(report.duration_s, 2),
        "rows": len(report.rows),
        "steps": report.steps,
        "not_as_expected": [r.scenario.id for r in report.failed],
        "cancelled": report.cancelled,
        "as_expected": report.as_expected,
    }
    return "\n".join([*rows, json.dumps(total, ensure_ascii=False)]) + "\n"


def as_junit(report: ScenarioReport) -> str:
    """JUnit XML: a test suite for each scenario, a test case for each step."""
    return template("scenarios.xml").render(report=report)


def as_html(report: ScenarioReport) -> str:
    """One HTML file that loads nothing, runs nothing and can be mailed."""
    return template("scenarios.html").render(report=report)
