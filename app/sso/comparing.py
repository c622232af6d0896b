"""Comparing two messages with the keys and the clock of the workspace; nothing in this module writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.sso.inspection import InspectionVerbs

if TYPE_CHECKING:
    from app.saml.compare_sources import Compared, Source


class ComparingVerbs(InspectionVerbs):
    """The part of SSO that compares."""

    def compare(self, first: Source, second: Source, account: int | str | None = None) -> Compared:
        """Compare two inputs by meaning. What is encrypted is opened with the keys that are held."""
        from app.saml.compare_sources import compare_sources

        keys = self.expectation_for(account).decryption_keys
        return compare_sources(first, second, now=self.now(), decryption_keys=keys)
