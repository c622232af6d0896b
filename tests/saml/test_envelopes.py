"""app.saml.decoding.envelopes: messages out of SOAP and ArtifactResponse, byte for byte and still signed."""

from __future__ import annotations

import pytest

from app.saml.decoding import decode
from app.saml.decoding.envelopes import taken_out_of_envelope
from app.saml.expectation import Expectation, TrustedKey
from app.saml.report import inspect
from tests.saml import signing_samples as samples
from tests.saml.recordings import XML, b64

SOAP11, SOAP12 = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
NS = 'xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'


def soap(inner: bytes, uri: str = SOAP11, declarations: str = "") -> bytes:
    return (
        (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="{uri}" {declarations}><soap:Header/>'
            "<soap:Body>\n"
        ).encode()
        + inner
        + b"\n</soap:Body></soap:Envelope>"
    )


def artifact(inner: bytes) -> bytes:
    status = b'<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>'
    head = f'<samlp:ArtifactResponse {NS} ID="_a" Version="2.0" IssueInstant="2026-11-23T20:00:00Z">'
    return head.encode() + status + inner + b"</samlp:ArtifactResponse>"


@pytest.mark.parametrize("uri", [SOAP11, SOAP12])
def test_a_message_is_taken_out_of_soap(uri: str) -> None:
    decoded = decode(soap(XML, uri))
    assert decoded.layers == ("soap",)
    assert decoded.data.startswith(b"<samlp:Response xmlns:soap=")
    assert decoded.data.replace(f' xmlns:soap="{uri}"'.encode(), b"") == XML


def test_layers_around_the_envelope_are_told() -> None:
    assert decode(b64(soap(artifact(XML)))).layers == ("base64", "soap", "artifact-response")


def test_the_signature_survives() -> None:
    signer = samples.rsa_signer()
    root = samples.build()
    samples.sign(samples.the(root, "saml:Assertion"), signer)
    signed = samples.xml(root)
    expectation = Expectation(
        idp_entity_id=samples.IDP,
        trusted_keys=(TrustedKey(signer.certificate),),
        sp_entity_id=samples.SP,
        acs_url=samples.ACS,
        profile="saml",
        judges_correlation=False,
        trusted_test_idp=True,
    )
    for source in (signed, soap(signed), soap(artifact(signed))):
        report = inspect(source, expectation, now=samples.NOW)
        assert [s.status for s in report.signatures] == ["valid"], report.headline


def test_namespaces_of_the_envelope_stay_in_scope() -> None:
    bare = b'<samlp:Response ID="_1"><saml:Assertion/></samlp:Response>'
    taken = taken_out_of_envelope(soap(bare, declarations=NS))
    assert taken is not None
    assert b'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"' in taken.data.split(b">")[0]


@pytest.mark.parametrize(
    "data",
    [
        soap(b"<soap:Fault/>"),
        soap(b""),
        soap(XML).replace(b"<soap:Body>", b"<soap:Other>"),
        soap(XML)[:300],
        b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + soap(XML).partition(b"\n")[2],
        soap(XML).replace(b"\n<soap", b"\n<!--<!DOCTYPE x>--><soap", 1),
        XML,
        b"<Envelope>" + XML + b"</Envelope>",
    ],
)
def test_anything_else_stays_as_it_is(data: bytes) -> None:
    assert taken_out_of_envelope(data) is None
    assert decode(data).data == data
