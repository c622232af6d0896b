"""How the vendors' IdPs phrase a response, as data. No behaviour beyond looking a profile up."""

from __future__ import annotations

from simulator.profiles.vendors import PROFILES, ExtraClaim, Profile, profile

__all__ = ["PROFILES", "ExtraClaim", "Profile", "profile"]
