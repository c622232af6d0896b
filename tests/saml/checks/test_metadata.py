"""app.saml.checks.metadata: pasted metadata is judged by the same rules as in Settings; messages are not."""

from __future__ import annotations

import pytest

from app.saml.checks.registry import registered
from app.saml.expectation import Expectation
from app.saml.report import Report, inspect
from tests.saml import signing_samples as samples
from tests.saml.test_metadata import aggregate, entity, key, role, sso

IDS = [c for c in registered() if c.startswith("md-")]


def judge(source: str | bytes, **changes: object) -> Report:
    return inspect(source, Expectation(**changes), now=samples.NOW)  # type: ignore[arg-type]


def test_every_rule_of_metadata_has_a_check_and_an_explanation() -> None:
    assert len(IDS) == 18
    assert all(registered()[c].explanation and registered()[c].cites for c in IDS)


@pytest.mark.parametrize("check", IDS)
def test_a_message_raises_no_questions_about_metadata(check: str) -> None:
    assert str(judge(samples.xml(samples.build())).check(check).status) == "not-applicable"


@pytest.mark.parametrize(
    ("check", "source", "status"),
    [
        ("md-signing-key", entity(), "pass"),
        ("md-signing-key", entity(role(key(use="encryption"))), "fail"),
        ("md-endpoint-scheme", entity(role(sso=sso("javascript:x"))), "fail"),
        ("md-endpoint-scheme", entity(role(sso=sso("http://idp.test/"))), "warn"),
        ("md-signature", entity(), "info"),
        ("md-root", aggregate(entity(), entity(entity_id="https://two.test/")), "fail"),
        ("md-change-review", entity(), "not-applicable"),
    ],
)
def test_pasted_metadata_is_judged(check: str, source: str, status: str) -> None:
    assert str(judge(source).check(check).status) == status


def test_the_configured_idp_is_looked_for_in_an_aggregate() -> None:
    source = aggregate(entity(), entity(entity_id="https://two.test/"))
    assert str(judge(source, idp_entity_id="https://two.test/").check("md-root").status) == "pass"
