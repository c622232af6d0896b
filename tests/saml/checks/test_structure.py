"""app.saml.checks.structure: wrapped, misplaced, missing and foreign elements."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
from lxml import etree

from app.saml.checks.registry import CheckResult
from app.saml.expectation import Expectation, Policy
from app.saml.names import DS, MD, SAML, SAML1, SAMLP, q
from app.saml.report import inspect
from tests.saml import signing_samples as samples

Change = Callable[[etree._Element, etree._Element], object]


def ask(check: str, change: Change | None = None, *, policy: Policy | None = None) -> CheckResult:
    """The check's result on a good response that was changed; the change is given the Response and its Assertion."""
    root = samples.build()
    samples.sign(samples.the(root, "saml:Assertion"))
    if change is not None:
        change(root, samples.the(root, "saml:Assertion"))
    expectation = Expectation(policy=policy or Policy())
    return inspect(etree.tostring(root), expectation, now=samples.NOW).check(check)


def ask_text(check: str, source: str | bytes) -> CheckResult:
    return inspect(source, Expectation(), now=samples.NOW).check(check)


ALL = [
    "schema-valid",
    "structure-response-root",
    "structure-version",
    "structure-id-present",
    "structure-issueinstant",
    "structure-single-assertion",
    "structure-assertion-position",
    "structure-no-nested-message",
    "structure-signature-order",
    "structure-subject",
    "structure-authnstatement",
    "structure-conditions-single",
    "structure-condition-unknown",
    "structure-onetimeuse-proxy",
    "structure-extensions-ignored",
    "structure-string-limits",
    "structure-uri-absolute",
]


@pytest.mark.parametrize("check", ALL)
def test_a_good_message_passes(check: str) -> None:
    assert str(ask(check).status) == "pass"


def put(parent: etree._Element, name: str, namespace: str = SAML, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, q(namespace, name), attributes)


def drop(parent: etree._Element, name: str) -> None:
    for el in list(parent.iterchildren(q(SAML, name))):
        parent.remove(el)


def in_extensions(response: etree._Element, el: etree._Element) -> None:
    extensions = etree.Element(q(SAMLP, "Extensions"))
    extensions.append(el)
    response.insert(1, extensions)


def in_advice(_response: etree._Element, assertion: etree._Element) -> None:
    advice = etree.Element(q(SAML, "Advice"))
    advice.append(samples.build_assertion(ID="_other"))
    assertion.insert(4, advice)


def renamed(el: etree._Element, namespace: str) -> None:
    el.tag = q(namespace, etree.QName(el).localname)


def conditions(assertion: etree._Element) -> etree._Element:
    return samples.the(assertion, "saml:Conditions")


BROKEN: list[tuple[str, Change, str, str]] = [
    ("schema-valid", lambda r, a: put(r, "Foo", "urn:x"), "fail", "does not belong"),
    ("structure-version", lambda r, a: a.set("Version", "1.1"), "fail", "'1.1'"),
    ("structure-version", lambda r, a: r.attrib.pop("Version"), "fail", "no Version"),
    ("structure-version", lambda r, a: renamed(a, SAML1), "fail", "SAML 1.x"),
    ("structure-id-present", lambda r, a: a.attrib.pop("ID"), "fail", "saml:Assertion has no ID"),
    ("structure-id-present", lambda r, a: r.attrib.pop("ID"), "fail", "samlp:Response has no ID"),
    ("structure-issueinstant", lambda r, a: a.attrib.pop("IssueInstant"), "fail", "no IssueInstant"),
    ("structure-single-assertion", lambda r, a: r.append(samples.build_assertion(ID="_x")), "fail", "2 assertions"),
    ("structure-single-assertion", lambda r, a: put(r, "EncryptedAssertion"), "fail", "2 assertions"),
    ("structure-single-assertion", lambda r, a: r.remove(a), "fail", "no assertion"),
    ("structure-single-assertion", lambda r, a: renamed(a, "urn:look-alike"), "fail", "no assertion"),
    ("structure-assertion-position", lambda r, a: in_extensions(r, copy.deepcopy(a)), "fail", "samlp:Extensions"),
    ("structure-assertion-position", lambda r, a: a.append(samples.build_assertion(ID="_x")), "fail", "saml:Assertion"),
    (
        "structure-assertion-position",
        lambda r, a: put(samples.the(a, "ds:Signature"), "Object", DS).append(samples.build_assertion(ID="_x")),
        "fail",
        "ds:Object",
    ),
    ("structure-no-nested-message", lambda r, a: in_extensions(r, samples.build()), "fail", "samlp:Response"),
    ("structure-no-nested-message", lambda r, a: put(a, "EntityDescriptor", MD), "fail", "md:EntityDescriptor"),
    ("structure-no-nested-message", in_advice, "fail", "Advice"),
    ("structure-signature-order", lambda r, a: a.append(samples.the(a, "ds:Signature")), "fail", "AttributeStatement"),
    ("structure-signature-order", lambda r, a: a.insert(0, samples.the(a, "ds:Signature")), "fail", "stands first"),
    ("structure-subject", lambda r, a: drop(a, "Subject"), "fail", "nobody"),
    ("structure-authnstatement", lambda r, a: drop(a, "AuthnStatement"), "fail", "no AuthnStatement"),
    ("structure-authnstatement", lambda r, a: put(a, "AuthnStatement"), "info", "2 AuthnStatements"),
    ("structure-conditions-single", lambda r, a: drop(a, "Conditions"), "fail", "no Conditions"),
    ("structure-conditions-single", lambda r, a: put(a, "Conditions"), "fail", "2 Conditions"),
    ("structure-condition-unknown", lambda r, a: put(conditions(a), "Foo", "urn:x"), "fail", "{urn:x}Foo"),
    ("structure-condition-unknown", lambda r, a: drop(a, "Conditions"), "not-applicable", "no Conditions"),
    (
        "structure-onetimeuse-proxy",
        lambda r, a: [put(conditions(a), "OneTimeUse") for _ in range(2)],
        "warn",
        "OneTimeUse",
    ),
    (
        "structure-onetimeuse-proxy",
        lambda r, a: [put(conditions(a), "ProxyRestriction") for _ in range(2)],
        "warn",
        "ProxyRestriction",
    ),
    ("structure-extensions-ignored", lambda r, a: put(r, "Extensions", SAMLP), "info", "Extensions"),
    ("structure-extensions-ignored", lambda r, a: put(a, "Advice"), "info", "Advice"),
    (
        "structure-string-limits",
        lambda r, a: setattr(samples.the(a, "saml:Subject", "saml:NameID"), "text", "x" * 257),
        "warn",
        "257",
    ),
    (
        "structure-string-limits",
        lambda r, a: setattr(samples.the(a, "saml:Issuer"), "text", "u:" + "x" * 1100),
        "warn",
        "1,102",
    ),
    ("structure-uri-absolute", lambda r, a: setattr(samples.the(a, "saml:Issuer"), "text", "idp"), "warn", "“idp”"),
    ("structure-uri-absolute", lambda r, a: r.set("Destination", ""), "warn", "empty"),
    (
        "structure-uri-absolute",
        lambda r, a: setattr(samples.the(conditions(a), "saml:AudienceRestriction", "saml:Audience"), "text", "sp"),
        "warn",
        "Audience",
    ),
]


@pytest.mark.parametrize(("check", "change", "status", "says"), BROKEN)
def test_what_is_broken_is_said(check: str, change: Change, status: str, says: str) -> None:
    result = ask(check, change)
    assert str(result.status) == status
    assert says in result.message


def test_advice_only_warns_when_diagnosing_and_is_not_counted() -> None:
    diagnosing = Policy(name="diagnose")
    assert str(ask("structure-no-nested-message", in_advice, policy=diagnosing).status) == "warn"
    assert str(ask("structure-single-assertion", in_advice).status) == "pass"
    nested = ask("structure-no-nested-message", lambda r, a: in_extensions(r, samples.build()), policy=diagnosing)
    assert str(nested.status) == "fail"


def test_the_schema_only_warns_when_diagnosing() -> None:
    result = ask("schema-valid", lambda r, a: put(r, "Foo", "urn:x"), policy=Policy(name="diagnose"))
    assert str(result.status) == "warn"


@pytest.mark.parametrize(
    ("source", "status", "says"),
    [
        (samples.xml(samples.build_assertion()), "fail", "bare Assertion"),
        (f'<md:EntityDescriptor xmlns:md="{MD}"/>', "info", "Settings"),
        (f'<samlp:AuthnRequest xmlns:samlp="{SAMLP}"/>', "info", "AuthnRequest"),
        ("<!DOCTYPE html><html></html>", "fail", "HTML page"),
        ('{"a": 1}', "fail", "JSON"),
        ("", "fail", "nothing in it"),
        ("   ", "fail", "nothing in it"),
        (f'<samlp:Response xmlns:samlp="{SAMLP}">', "skipped", ""),
    ],
)
def test_what_is_no_response_is_recognised(source: str | bytes, status: str, says: str) -> None:
    result = ask_text("structure-response-root", source)
    assert str(result.status) == status
    assert says in result.message


def test_a_refusal_needs_no_assertion() -> None:
    def refuse(response: etree._Element, assertion: etree._Element) -> None:
        response.remove(assertion)
        code = samples.the(response, "samlp:Status", "samlp:StatusCode")
        code.set("Value", "urn:oasis:names:tc:SAML:2.0:status:Responder")

    assert str(ask("structure-single-assertion", refuse).status) == "not-applicable"
    assert str(ask("structure-signature-order", refuse).status) == "not-applicable"


@pytest.mark.parametrize("check", [c for c in ALL if c not in ("structure-response-root",)])
def test_other_documents_raise_no_such_questions(check: str) -> None:
    status = str(ask_text(check, f'<md:EntityDescriptor xmlns:md="{MD}"/>').status)
    assert status in ("not-applicable", "skipped")
