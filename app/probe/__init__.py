"""Probes: the fault catalogue against somebody else's service provider, over HTTP.

Public names, and their homes:

    probe, check_target, Target, ProbeReport, ProbeRow   suite
    what a stranger sees of an answer           answers
    what an attacker gains from a weakness      gains
    a probe on paper                            report
"""

from __future__ import annotations

from app.probe.suite import ProbeReport, ProbeRow, Target, check_target, probe

__all__ = ["ProbeReport", "ProbeRow", "Target", "check_target", "probe"]
