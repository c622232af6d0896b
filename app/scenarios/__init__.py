"""Scenarios: chained steps over real loopback HTTP, each with what must be so after it; on a throw-away workspace.

Public names, and their homes:

    run_scenarios                               running
    shipped, chosen, read_scenario, parse_scenario   reading
    Scenario, Step, ScenarioReport, ScenarioRow, StepRow, ScenarioError   values
    actions                                     registry
    EXPECTATIONS                                expecting
"""

from __future__ import annotations

from app.scenarios.expecting import EXPECTATIONS
from app.scenarios.reading import chosen, parse_scenario, read_scenario, shipped
from app.scenarios.registry import Action, actions
from app.scenarios.running import run_scenarios
from app.scenarios.values import Scenario, ScenarioError, ScenarioReport, ScenarioRow, Step, StepRow

__all__ = [
    "EXPECTATIONS",
    "Action",
    "Scenario",
    "ScenarioError",
    "ScenarioReport",
    "ScenarioRow",
    "Step",
    "StepRow",
    "actions",
    "chosen",
    "parse_scenario",
    "read_scenario",
    "run_scenarios",
    "shipped",
]
