"""The catalogue of faults: what a test identity provider can get wrong, or an attacker can do to its messages."""

from __future__ import annotations

from simulator.faults.generator import wrapping_variants
from simulator.faults.registry import DOOR, FAMILIES, Expects, Fault, Setup, Stage, all_faults, find, matching

__all__ = [
    "DOOR",
    "FAMILIES",
    "Expects",
    "Fault",
    "Setup",
    "Stage",
    "all_faults",
    "find",
    "matching",
    "wrapping_variants",
]
