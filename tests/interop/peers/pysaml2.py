"""pysaml2, as a service provider and as an identity provider. It signs and decrypts with the program xmlsec1."""

from __future__ import annotations

import base64
import gc
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx

from app.lab.browserless import forms_of
from tests.interop.peers.parties import EMAIL, UNSPECIFIED, Opinion, Parties, Question, Refused, Sent, body_of

P = ParamSpec("P")
R = TypeVar("R")

_BINDINGS = "urn:oasis:names:tc:SAML:2.0:bindings:"
_BINDING = {"redirect": _BINDINGS + "HTTP-Redirect", "post": _BINDINGS + "HTTP-POST"}


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies
        yield


def _tidy(function: Callable[P, R]) -> Callable[P, R]:
    """It leaves open temporary files in cycles, of which another test would be told whenever they are collected."""

    @wraps(function)
    def asked(*args: P.args, **kwargs: P.kwargs) -> R:
        with _quiet():
            try:
                return function(*args, **kwargs)
            except Refused as e:
                why = str(e)  # the error itself holds on to all of it
            finally:
                gc.collect()
        raise Refused(why)

    return asked


def _files(folder: Path, key: str, certificate: str) -> dict[str, Any]:
    key_file, certificate_file = folder / "key.pem", folder / "certificate.pem"
    key_file.write_text(key)
    certificate_file.write_text(certificate)
    return {"key_file": str(key_file), "cert_file": str(certificate_file)}


def _client(p: Parties, folder: Path, *, signed: str = "either", signs: bool = False) -> Any:
    from saml2.client import Saml2Client
    from saml2.config import SPConfig

    config = SPConfig()
    settings: dict[str, Any] = {
        "entityid": p.sp,
        "xmlsec_binary": shutil.which("xmlsec1"),
        "service": {
            "sp": {
                "endpoints": {
                    "assertion_consumer_service": [(p.acs, _BINDING["post"])],
                    "single_logout_service": [(p.slo, _BINDING["post"]), (p.slo, _BINDING["redirect"])],
                },
                "allow_unsolicited": True,
                "authn_requests_signed": signs,
                "logout_requests_signed": signs,
                "want_assertions_signed": signed in ("assertion", "both"),
                "want_response_signed": signed in ("response", "both"),
                "want_assertions_or_response_signed": signed == "either",
                "signing_algorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
                "digest_algorithm": "http://www.w3.org/2001/04/xmlenc#sha256",
            }
        },
        "metadata": {"inline": [p.metadata]},
        "allow_unknown_attributes": True,
        "accepted_time_diff": 180,
    }
    if p.sp_key:
        files = _files(folder, p.sp_key, p.sp_certificate)
        settings |= files
        settings["encryption_keypairs"] = [files]
    config.load(settings)
    return Saml2Client(config)


@_tidy
def judge(p: Parties, question: Question, folder: Path) -> Opinion:
    with _quiet():
        client = _client(p, folder, signed=question.signed)
        outstanding = {question.in_response_to: "/"} if question.in_response_to else {}
        encoded = base64.b64encode(question.xml).decode()
        try:
            parsed = client.parse_authn_request_response(encoded, _BINDING["post"], outstanding)
        except Exception as e:
            raise Refused(repr(e)) from e
    if parsed is None:
        raise Refused("no response")
    if question.in_response_to and not parsed.came_from:
        raise Refused("not taken for the answer to the request")
    index = parsed.assertion.authn_statement[0].session_index if parsed.assertion.authn_statement else None
    return Opinion(parsed.name_id.text, {k: list(v) for k, v in parsed.ava.items()}, index)


@_tidy
def request(p: Parties, *, binding: str, signs: bool, relay_state: str, folder: Path) -> Sent:
    with _quiet():
        client = _client(p, folder, signs=signs)
        request_id, made = client.prepare_for_authenticate(
            entityid=p.idp, relay_state=relay_state, binding=_BINDING[binding], sign=signs,
            response_binding=_BINDING["post"],
        )  # fmt: skip
    return _sent(made, binding, request_id)


def _sent(made: Mapping[str, Any], binding: str, request_id: str) -> Sent:
    if binding == "redirect":
        url = dict(made["headers"])["Location"]
        return Sent(url, dict(parse_qsl(urlsplit(url).query)), request_id)
    page = httpx.Response(200, text=made["data"], request=httpx.Request("GET", "https://sp.example/"))
    form = forms_of(page)[0]
    return Sent(form.action, {n: v for n, v in form.fields if n.startswith(("SAML", "Relay"))}, request_id)


@_tidy
def logout(p: Parties, opinion: Opinion, *, binding: str, folder: Path) -> Sent:
    with _quiet():
        from saml2.saml import NameID

        client = _client(p, folder, signs=True)
        request_id, made = client.create_logout_request(
            p.idp_slo, p.idp, name_id=NameID(format=EMAIL, text=opinion.name_id),
            session_indexes=[opinion.session_index] if opinion.session_index else None, sign=binding == "post",
        )  # fmt: skip
        signs = binding == "redirect"
        sent = client.apply_binding(_BINDING[binding], str(made), p.idp_slo, relay_state="bye", sign=signs)
    return _sent(sent, binding, request_id)


@_tidy
def logged_out(p: Parties, xml: bytes, *, folder: Path) -> None:
    with _quiet():
        client = _client(p, folder)
        try:
            answer = client.parse_logout_request_response(base64.b64encode(xml).decode(), _BINDING["post"])
        except Exception as e:
            raise Refused(repr(e)) from e
    if answer is None:
        raise Refused("no logout response")


@_tidy
def asked_to_log_out(p: Parties, xml: bytes, *, folder: Path) -> str:
    """A LogoutRequest by POST: the ID of one that it believes. Raises Refused."""
    client = _client(p, folder, signs=True)
    try:
        request = client.parse_logout_request(base64.b64encode(xml).decode(), _BINDING["post"])
    except Exception as e:
        raise Refused(repr(e)) from e
    if request is None:
        raise Refused("no logout request")
    assert [i.text for i in request.message.session_index]
    return str(request.message.id)


@_tidy
def issue(
    p: Parties,
    name_id: str,
    claims: Mapping[str, str],
    folder: Path,
    *,
    signed: str,
    in_response_to: str | None = None,
    encrypted: bool = False,
    self_contained: bool = False,
) -> bytes:
    """A response of its identity provider."""
    key = ""
    if encrypted:
        key = (
            '<md:KeyDescriptor use="encryption"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data>'
            f"<ds:X509Certificate>{body_of(p.sp_certificate)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
            "</md:KeyDescriptor>"
        )
    sp = (
        f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{p.sp}"><md:SPSSODescriptor '
        f'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{key}<md:AssertionConsumerService index="0"'
        f' Binding="{_BINDING["post"]}" Location="{p.acs}"/></md:SPSSODescriptor></md:EntityDescriptor>'
    )
    with _quiet():
        from saml2.config import IdPConfig
        from saml2.saml import NAME_FORMAT_BASIC, NameID
        from saml2.server import Server
        from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

        config = IdPConfig()
        config.load(
            {
                "entityid": p.idp,
                "xmlsec_binary": shutil.which("xmlsec1"),
                **_files(folder, p.key, p.certificate),
                "service": {
                    "idp": {
                        "endpoints": {"single_sign_on_service": [(p.idp_sso, _BINDING["redirect"])]},
                        "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": NAME_FORMAT_BASIC}},
                    }
                },
                "metadata": {"inline": [sp]},
            }
        )
        server = Server(config=config)
        try:
            made = server.create_authn_response(
                identity=claims,
                in_response_to=in_response_to,
                destination=p.acs,
                sp_entity_id=p.sp,
                name_id=NameID(format=EMAIL, text=name_id),
                authn={"class_ref": UNSPECIFIED, "authn_auth": p.idp},
                sign_assertion=signed in ("assertion", "both"),
                sign_response=signed in ("response", "both"),
                encrypt_assertion=encrypted,
                encrypt_assertion_self_contained=self_contained,
                sign_alg=SIG_RSA_SHA256,
                digest_alg=DIGEST_SHA256,
            )
        finally:
            server.close()
    return str(made).encode()
