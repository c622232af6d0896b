"""Trials: every fault is arranged, sent to our service provider over real HTTP, and what came of it is compared.

Public names, and their homes:

    run_trial, TrialReport, TrialRow            matrix
    verdict_of, decided_by                      matrix
    faults of metadata and of requests          documents
    a trial on paper                            report
    a stopped trial that goes on                kept
    the throw-away workspace of trials and scenarios   ground
"""

from __future__ import annotations

from app.trial.matrix import TrialReport, TrialRow, decided_by, run_trial, verdict_of

__all__ = ["TrialReport", "TrialRow", "decided_by", "run_trial", "verdict_of"]
