"""How messages are judged, as values that another process can be sent: ad hoc, or by an account of a workspace.

It judges nothing itself; opened() gives the function that does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from app.saml.expectation import Expectation
    from app.saml.intake import Piece
    from app.saml.report import Report


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to judge by. Documents, certificates and keys are bytes as read from their files.

    With `workspace` (its database) the `account` is judged by, or whichever one fits where that is None; the other
    values then replace what it has configured. Without, they are all there is. `now` is the present; a message that was
    recorded is judged as of then, unless `at` says otherwise ("issue": as of its own IssueInstant).
    """

    now: datetime
    at: datetime | Literal["issue"] | None = None
    workspace: str | None = None
    account: str | None = None
    idp_metadata: bytes | None = None
    certificates: tuple[bytes, ...] = ()
    idp_entity_id: str | None = None
    sp_metadata: bytes | None = None
    sp_entity_id: str | None = None
    acs_url: str | None = None
    in_response_to: str | None = None
    decryption_keys: tuple[bytes, ...] = field(default=(), repr=False)
    relay_state: str | None = None
    clock_skew_s: int | None = None
    policy: Literal["strict", "diagnose"] = "strict"
    profile: Literal["saml", "imagekit"] = "imagekit"
    test_idp: bool = False

    def instant_for(self, piece: Piece) -> datetime | Literal["issue"]:
        """As of when a message is judged."""
        return self.at or piece.captured_at or self.now


@contextmanager
def opened(recipe: Recipe) -> Iterator[Callable[[Piece], Report]]:
    """The function that judges one message. SamlError, SsoError or StoreError for a recipe that cannot be used."""
    if recipe.workspace is None:
        yield _ad_hoc(recipe)
        return
    from app.bootstrap import open_workspace
    from app.saml.metadata import load_private_key
    from app.sso import Overrides

    overrides = Overrides(
        policy=recipe.policy,
        profile=recipe.profile,
        clock_skew_s=recipe.clock_skew_s,
        idp_metadata=recipe.idp_metadata,
        certificates=recipe.certificates,
        sp_entity_id=recipe.sp_entity_id,
        acs_url=recipe.acs_url,
        in_response_to=recipe.in_response_to,
        decryption_keys=tuple(load_private_key(k) for k in recipe.decryption_keys),
    )
    with open_workspace(recipe.workspace, logs=False, upgrade=False) as workspace:
        if recipe.account is not None:
            workspace.sso.account(recipe.account)

        def judge(piece: Piece) -> Report:
            return workspace.sso.inspect(
                piece.source,
                recipe.account,
                at=recipe.instant_for(piece),
                overrides=overrides,
                relay_state=piece.relay_state if recipe.relay_state is None else recipe.relay_state,
                name=piece.name,
                channel=piece.channel,
            )

        yield judge


def _ad_hoc(recipe: Recipe) -> Callable[[Piece], Report]:
    from app.saml.report import inspect, issue_instant_of

    expectation = expectation_of(recipe)

    def judge(piece: Piece) -> Report:
        def as_of(now: datetime) -> Report:
            state = piece.relay_state if recipe.relay_state is None else recipe.relay_state
            return inspect(
                piece.source, expectation, now=now, channel=piece.channel, relay_state=state, name=piece.name
            )

        when = recipe.instant_for(piece)
        if when != "issue":
            return as_of(when)
        report = as_of(piece.captured_at or recipe.now)
        issued = issue_instant_of(report)
        return report if issued is None else as_of(issued)

    return judge


def expectation_of(recipe: Recipe) -> Expectation:
    """What is expected of a message without any workspace. SamlError for metadata or keys that cannot be used."""
    from app.product import IMAGEKIT
    from app.saml.errors import MetadataError
    from app.saml.expectation import Expectation, Policy, TrustedKey
    from app.saml.metadata import load_certificates, load_private_key, read_metadata

    issuer, idp = recipe.idp_entity_id, None
    sp_entity_id, acs_url = recipe.sp_entity_id, recipe.acs_url
    keys: tuple[TrustedKey, ...] = ()
    if recipe.idp_metadata is not None:
        reading = read_metadata(recipe.idp_metadata, entity=recipe.idp_entity_id)
        if reading.idp is None:
            why = reading.problems[0].message if reading.problems else "It describes no identity provider."
            raise MetadataError(f"The IdP metadata cannot be used. {why}", reading.problems)
        idp = reading.idp
        issuer, keys = idp.entity_id, tuple(idp.signing_keys)
    logout_url: str | None = IMAGEKIT.logout_url
    sp_keys: tuple[TrustedKey, ...] = ()
    if recipe.sp_metadata is not None:
        about = read_metadata(recipe.sp_metadata, expect="sp")
        acs = about.sp.acs_endpoints if about.sp else ()
        if about.sp is None or not acs:
            why = about.problems[0].message if about.problems else "It describes no service provider with an ACS."
            raise MetadataError(f"The SP metadata cannot be used. {why}", about.problems)
        sp_entity_id = sp_entity_id or about.sp.entity_id
        acs_url = acs_url or next((a for a in acs if a.is_default), acs[0]).location
        logout_url = next(iter(about.sp.slo_urls), None)
        sp_keys = tuple(TrustedKey(c, f"metadata of {about.sp.entity_id}") for c in about.sp.signing_certificates)
    given = [c for data in recipe.certificates for c in load_certificates(data)]
    private = tuple(load_private_key(data) for data in recipe.decryption_keys)
    keys += tuple(TrustedKey(c, "given certificate") for c in given)
    sp = IMAGEKIT
    skew = 180 if recipe.clock_skew_s is None else recipe.clock_skew_s
    return Expectation(
        idp_entity_id=issuer,
        idp_display_name=idp.display_name if idp else None,
        trusted_keys=keys,
        sp_entity_id=sp_entity_id or sp.entity_id,
        acs_url=acs_url or sp.acs_url,
        decryption_keys=private,  # type: ignore[arg-type]  # a key of another kind fits no message and is passed over
        relay_states=sp.relay_states,
        profile=recipe.profile,
        policy=Policy(name=recipe.policy, clock_skew=timedelta(seconds=skew)),
        expected_request=recipe.in_response_to,
        judges_correlation=recipe.in_response_to is not None,
        trusted_test_idp=recipe.test_idp,
        idp_sso_urls=idp.sso_urls if idp else (),
        idp_slo_urls=idp.slo_urls if idp else (),
        idp_nameid_formats=idp.nameid_formats if idp else (),
        wants_signed_requests=idp is not None and idp.want_authn_requests_signed,
        logout_url=logout_url,
        sp_keys=sp_keys,
    )
