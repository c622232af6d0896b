"""How the vendors' IdPs phrase a response, as data. No behaviour beyond looking a profile up."""

from __future__ import annotations

from simulator.profiles.vendors import PROFILES, ExtraClaim, MetadataShape, Profile, profile, read_profile

__all__ = ["PROFILES", "ExtraClaim", "MetadataShape", "Profile", "profile", "read_profile"]
