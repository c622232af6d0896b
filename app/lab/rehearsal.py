"""A test of an account's saved settings in one click: the built-in IdP logs somebody in, and the log attaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.lab.lab import LabError
from app.product import ADMINISTRATOR
from app.saml.identifiers import normalise_email

if TYPE_CHECKING:
    from app.lab.lab import Lab
    from app.sso import SSO
    from app.store import ConfigurationTest


def rehearse(
    sso: SSO, lab: Lab, imagekit_id: str, *, username: str | None = None, operator: str = "operator"
) -> ConfigurationTest:
    """Log somebody in with the built-in IdP, in test mode and without faults, and attach it to the saved revision.

    Without `username` it is an administrator that the account knows, as far as the directory has one. LabError where
    the account trusts another identity provider or nobody can log in; what SSO.record_test refuses.
    """
    if not sso.account(imagekit_id).sso_on:
        raise LabError("There is nothing to test: no metadata is saved. Save it first.")
    if not lab.running:
        lab.start()
    if not lab.is_connected(imagekit_id):
        raise LabError(
            "This account trusts another identity provider, so the built-in one cannot test it. Test in the browser."
        )
    chosen = username or _somebody(sso, lab, imagekit_id)
    outcome = lab.log_in(chosen, imagekit_id, faults=(), mode="test")
    if not outcome.reference:
        raise LabError(f"The built-in IdP did not log {chosen} in: {outcome.sentence}")
    return sso.record_test(imagekit_id, outcome.reference, how="simulator", operator=operator)


def _somebody(sso: SSO, lab: Lab, imagekit_id: str) -> str:
    """Who tests: a registered administrator, else one by role, else whoever can log in."""
    people = [u for u in lab.users() if u.enabled]
    registered = {u.email_key for u in sso.users(imagekit_id) if u.is_administrator}
    for fits in (
        [u for u in people if normalise_email(u.email) in registered],
        [u for u in people if u.role == ADMINISTRATOR],
        people,
    ):
        if fits:
            return fits[0].username
    raise LabError("The built-in IdP has nobody who can log in. Add a person on the Simulator page.")
