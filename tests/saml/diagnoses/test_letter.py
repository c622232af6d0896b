"""The letter to the IdP's administrator: what it says, and whom it does not name."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import pytest

from app.saml import Expectation, inspect
from app.saml.diagnoses.letter import masked, messages_for_admin
from app.saml.expectation import AccountFacts
from app.saml.metadata import read_metadata
from app.saml.report import Report
from simulator import Idp, KeyRing, default_tenant

NOW = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)
SP = "https://imagekit.io/saml/consume"


@cache
def idp() -> Idp:
    return Idp(default_tenant(uid="0" * 32), KeyRing.in_memory(lambda: NOW), lambda: NOW)


def judged(fault: str) -> Report:
    trusted = read_metadata(idp().metadata(), now=NOW).idp
    assert trusted is not None
    expectation = Expectation(
        idp_entity_id=trusted.entity_id,
        trusted_keys=trusted.signing_keys,
        sp_entity_id=SP,
        acs_url=SP,
        relay_states=("https://imagekit.io/",),
        account=AccountFacts("ik_7x2k", "enterprise"),
        trusted_test_idp=True,
    )
    return inspect(idp().issue("grace", "imagekit", faults=[fault]).body, expectation, now=NOW, channel="post-form")


def test_it_says_what_we_expect_what_we_got_and_where_to_change_it() -> None:
    report = judged("route-audience-other")
    letter = messages_for_admin(report.diagnosis[:1], report, "okta")
    assert letter.startswith("Hello,")
    for part in (
        f"We expect: {SP}",
        "We got: ",
        "What to change at Okta:",
        "1. ",
        f"- Message ID: {report.message_id}",
    ):
        assert part in letter
    assert "The labels are as of 2026-11" in letter
    assert "What to change at your identity provider:" in messages_for_admin(report.diagnosis[:1], report, "unheard-of")


def test_nobody_is_named_unless_the_name_is_what_is_wrong() -> None:
    report = judged("route-audience-other")
    letter = messages_for_admin(report.diagnosis, report)
    assert "g…@acme-media.test" in letter
    assert "grace@" not in letter
    about = judged("id-nameid-windows")
    assert "nameid-not-email" in {d.id for d in about.diagnosis}
    assert about.name_id is not None
    assert about.name_id in messages_for_admin(about.diagnosis, about)


def test_without_a_cause_it_says_the_verdict() -> None:
    report = judged("ok-assertion-signed")
    assert report.headline.split(":")[0] in messages_for_admin((), report)


@pytest.mark.parametrize(
    ("value", "shown"), [("ada@corp.test", "a…@corp.test"), ("S-1-5-21", "somebody (a NameID of 8 characters)")]
)
def test_masking(value: str, shown: str) -> None:
    assert masked(value) == shown
