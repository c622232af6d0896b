"""app.saml.checks.xml: what the parser found reaches its check with the right severity."""

from __future__ import annotations

import pytest

from app.saml.checks.registry import registered
from app.saml.expectation import Expectation
from app.saml.names import SAML, SAMLP
from app.saml.report import inspect
from tests.saml import signing_samples as samples

NS = f'xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}"'
IDS = [c for c in registered() if c.startswith("xml-")]


def status(check: str, xml: str | bytes) -> str:
    data = xml if isinstance(xml, bytes) else xml.encode()
    return str(inspect(data, Expectation(), now=samples.NOW).check(check).status)


@pytest.mark.parametrize("check", IDS)
def test_a_good_message_passes_every_check(check: str) -> None:
    assert status(check, samples.xml(samples.build())) == "pass"


def test_there_are_sixteen_of_them() -> None:
    assert len(IDS) == 16


@pytest.mark.parametrize(
    ("check", "xml", "expected"),
    [
        ("xml-wellformed", f"<samlp:Response {NS}>", "fail"),
        ("xml-no-dtd", "<!DOCTYPE a><a/>", "fail"),
        ("xml-no-entity", '<!DOCTYPE a [<!ENTITY b "c">]><a/>', "fail"),
        ("xml-no-pi", f"<samlp:Response {NS}><?x?></samlp:Response>", "fail"),
        ("xml-comments", f"<samlp:Response {NS}><saml:Issuer>a<!--b--></saml:Issuer></samlp:Response>", "fail"),
        ("xml-comments", f"<samlp:Response {NS}><!--b--></samlp:Response>", "warn"),
        ("xml-depth-limit", "<a>" * 70 + "</a>" * 70, "fail"),
        ("xml-node-limit", "<a>" + "<b/>" * 21_000 + "</a>", "fail"),
        ("xml-namespace-limit", "<a " + " ".join(f'xmlns:n{i}="urn:{i}"' for i in range(40)) + "/>", "fail"),
        ("xml-relative-namespace", '<a xmlns:n="x"/>', "fail"),
        ("xml-prefix-rebinding", '<a xmlns:saml="urn:x"/>', "warn"),
        ("xml-attribute-pollution", f'<samlp:Response {NS} ID="a" samlp:ID="b"/>', "fail"),
        ("xml-id-unique", f'<samlp:Response {NS} ID="a"><saml:Assertion ID="a"/></samlp:Response>', "fail"),
        ("xml-id-ncname", f'<samlp:Response {NS} ID="1a"/>', "warn"),
        ("xml-no-external-ref", '<a xmlns:x="http://www.w3.org/2001/XInclude"><x:include href="b"/></a>', "fail"),
        ("xml-mixed-content", f"<samlp:Response {NS}><saml:Issuer>a<b/></saml:Issuer></samlp:Response>", "fail"),
        ("xml-value-whitespace", f"<samlp:Response {NS}><saml:Issuer> a</saml:Issuer></samlp:Response>", "warn"),
    ],
)
def test_each_check_is_tripped(check: str, xml: str, expected: str) -> None:
    assert status(check, xml) == expected


@pytest.mark.parametrize("check", [c for c in IDS if c not in ("xml-no-dtd", "xml-no-entity")])
def test_what_could_not_be_looked_at_is_skipped_and_never_passed(check: str) -> None:
    assert status(check, "<!DOCTYPE a><a/>") == "skipped"
