"""app.saml.checks.metadata: pasted metadata is judged by the same rules as in Settings; messages are not."""

from __future__ import annotations

import pytest

from app.saml.checks.registry import registered
from app.saml.expectation import Expectation
from app.saml.report import Report, inspect
from tests.saml import signing_samples as samples
from tests.saml.test_metadata import BINDING_POST, SP_ROLE, aggregate, entity, key, read, role, sso

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
        ("md-root", aggregate(entity(), entity(entity_id="https://two.test/")), "skipped"),
        ("md-change-review", entity(), "not-applicable"),
    ],
)
def test_pasted_metadata_is_judged(check: str, source: str, status: str) -> None:
    assert str(judge(source).check(check).status) == status


def test_the_configured_idp_is_looked_for_in_an_aggregate() -> None:
    source = aggregate(entity(), entity(entity_id="https://two.test/"))
    assert str(judge(source, idp_entity_id="https://two.test/").check("md-root").status) == "pass"
    missing = judge(source, idp_entity_id="https://three.test/")
    assert (missing.verdict, str(missing.check("md-root").status)) == ("reject", "fail")
    assert str(missing.check("md-signing-key").status) == "skipped"


def test_an_aggregate_of_which_nothing_is_chosen_is_not_judged() -> None:
    report = judge(aggregate(entity(), entity(entity_id="https://two.test/")))
    assert (report.kind, report.verdict) == ("EntitiesDescriptor", "unknown")
    assert "choose one by its entity ID" in report.headline
    assert str(report.check("md-signing-key").status) == "skipped"


@pytest.mark.parametrize(
    ("source", "verdict", "says"),
    [
        (entity(), "accept", "This IdP metadata has nothing wrong with it"),
        (entity(SP_ROLE), "accept", "This SP metadata has nothing wrong with it"),
        (entity(role(key(use="encryption"))), "reject", "no signing certificate"),
        (entity(SP_ROLE.replace("HTTP-POST", "PAOS")), "reject", "cannot be sent a login"),
        (entity("<md:PDPDescriptor/>"), "reject", "describes no SAML identity provider"),
        (entity(SP_ROLE.replace('protocol"', 'other"')), "reject", "does not list SAML 2.0"),
    ],
)
def test_metadata_has_a_verdict_without_anything_configured(source: str, verdict: str, says: str) -> None:
    report = judge(source)
    assert (report.verdict, says in report.headline) == (verdict, True), report.headline
    assert (report.issuer, report.login) == (samples.IDP, None)


def test_metadata_of_a_service_provider_is_judged_as_such() -> None:
    report = judge(entity(SP_ROLE))
    for check in ("md-idp-role", "md-nameid-formats", "md-want-authnrequests-signed"):
        assert str(report.check(check).status) == "not-applicable"
    promised = SP_ROLE.replace("<md:SPSSODescriptor", '<md:SPSSODescriptor AuthnRequestsSigned="true"')
    found = judge(entity(promised)).check("md-signing-key")
    assert (str(found.status), "gives no certificate" in found.message) == ("warn", True)


def test_what_is_found_has_a_place() -> None:
    broken = entity(role(key(use="encryption"), sso=sso("javascript:x")), entity_id="urn x", attributes="")
    for c in judge(broken).checks:
        if c.group == "metadata" and str(c.status) in ("fail", "warn", "info"):
            assert c.where is not None, c
            assert c.where.startswith("/md:EntityDescriptor"), c


def test_an_answer_address_may_be_another_and_must_be_safe() -> None:
    def slo(answers: str) -> str:
        return f'<md:SingleLogoutService Binding="{BINDING_POST}" Location="https://i.test/slo" {answers}/>'

    idp = read(entity(role(inner=slo('ResponseLocation="https://i.test/done"')))).usable_idp()
    assert idp.slo_urls == ("https://i.test/slo", "https://i.test/done")
    found = judge(entity(role(inner=slo('ResponseLocation="javascript:x"')))).check("md-endpoint-scheme")
    assert (str(found.status), "ResponseLocation" in found.message) == ("fail", True)
