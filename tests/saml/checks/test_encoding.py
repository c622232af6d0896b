"""app.saml.checks.encoding: each way of sending a message wrongly trips the check that is named for it."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import quote

import pytest

from app.saml.checks.registry import CheckResult
from app.saml.decoding import Channel
from app.saml.expectation import Expectation, Policy, TrustedKey
from app.saml.report import inspect
from app.saml.request import redirect_url
from tests.saml import signing_samples as samples

XML = samples.xml(samples.build())
B64 = base64.b64encode(XML).decode()


def deflated(data: bytes = XML, window: int = -15) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    return base64.b64encode(packer.compress(data) + packer.flush()).decode()


def ask(
    check: str, source: str | bytes, channel: Channel = "paste", expectation: Expectation | None = None
) -> CheckResult:
    return inspect(source, expectation or Expectation(), now=samples.NOW, channel=channel).check(check)


def form(value: str) -> bytes:
    return f"SAMLResponse={quote(value, safe='')}".encode()


@pytest.mark.parametrize(
    ("check", "source", "status"),
    [
        ("encoding-input-kind", XML, "pass"),
        ("encoding-input-kind", B64[:76] + "\n" + B64[76:], "info"),
        ("encoding-input-kind", "hello", "fail"),
        ("encoding-input-kind", "", "fail"),
        ("encoding-input-kind", "x" * 2_000_000, "info"),
        ("encoding-param-single", XML, "not-applicable"),
        ("encoding-param-single", f"SAMLResponse={quote(B64)}", "pass"),
        ("encoding-param-single", f"SAMLResponse={quote(B64)}&SAMLResponse=a", "fail"),
        ("encoding-base64-strict", XML, "not-applicable"),
        ("encoding-base64-strict", B64, "pass"),
        ("encoding-base64-strict", B64[:76] + "\n" + B64[76:], "info"),
        ("encoding-base64-strict", B64[:402], "fail"),
        ("encoding-url-once", B64, "pass"),
        ("encoding-url-once", f"SAMLResponse={quote(quote(B64))}", "warn"),
        ("encoding-binding-match", B64, "not-applicable"),
        ("encoding-binding-match", f"SAMLResponse={quote(B64)}", "pass"),
        ("encoding-binding-match", f"https://sp.test/?SAMLResponse={quote(deflated(), safe='')}", "fail"),
        ("encoding-size-limit", B64, "pass"),
        ("encoding-size-limit", "A" * 2_000_000, "fail"),
        ("encoding-inflate-limit", B64, "not-applicable"),
        ("encoding-inflate-limit", deflated(), "pass"),
        ("encoding-inflate-limit", deflated(bytes(30_000_000)), "fail"),
        ("encoding-charset", B64, "pass"),
        ("encoding-charset", b"\xef\xbb\xbf" + XML, "info"),
        ("encoding-charset", XML.decode().encode("utf-16"), "fail"),
        ("encoding-charset", "hello", "skipped"),
        ("encoding-redirect-signature", B64, "not-applicable"),
    ],
)
def test_pastes(check: str, source: str | bytes, status: str) -> None:
    assert str(ask(check, source).status) == status


@pytest.mark.parametrize(
    ("check", "body"),
    [
        ("encoding-param-single", form(B64) + b"&" + form(B64)),
        ("encoding-param-single", b"nothing=here"),
        ("encoding-base64-strict", form(B64.rstrip("=")[:-1] + "_")),
        ("encoding-binding-match", form(deflated())),
        ("encoding-inflate-limit", form(deflated(bytes(30_000_000)))),
        ("encoding-size-limit", form("A" * 2_000_000)),
    ],
)
def test_what_the_acs_refuses(check: str, body: bytes) -> None:
    report = inspect(body, Expectation(), now=samples.NOW, channel="post-form")
    assert str(report.check(check).status) == "fail"


def test_damage_of_copying_only_warns_when_diagnosing() -> None:
    diagnosing = Expectation(policy=Policy(name="diagnose"))
    assert str(ask("encoding-base64-strict", B64.replace("=", "") + "!", expectation=diagnosing).status) == "warn"


def test_the_sentence_about_a_wrong_document_says_what_it_is() -> None:
    assert "JSON" in ask("encoding-input-kind", "{}").message
    assert "HTML page" in ask("encoding-input-kind", "<!DOCTYPE html><p>").message


def test_a_signed_query_is_verified_with_the_configured_keys() -> None:
    signer, other = samples.rsa_signer(), samples.rsa_signer("other")
    query = redirect_url(XML, "https://sp.test/slo", "r", key=signer.key, param="SAMLResponse").partition("?")[2]

    def status(source: str, *trusted: samples.Signer) -> str:
        expectation = Expectation(trusted_keys=tuple(TrustedKey(s.certificate) for s in trusted))
        return str(ask("encoding-redirect-signature", source.encode(), "redirect-query", expectation).status)

    assert status(query, signer) == "pass"
    assert status(query, other) == "fail"
    assert status(query) == "skipped"
    assert status(query.replace("RelayState=r", "RelayState=s"), signer) == "fail"
    assert status(query.partition("&Signature")[0], signer) == "fail"
    assert status(query.partition("&SigAlg")[0], signer) == "not-applicable"
