"""Other people's SAML implementations behind one small face each: judge(...) → NameID and claims, issue(...) → XML.

They are asked for a second opinion by tests and benchmarks only. What a machine lacks is a reason to skip, told by
missing().
"""

from __future__ import annotations

import base64
import importlib.util
import json
import shutil
import subprocess
import warnings
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

NODE = Path(__file__).parent / "node"
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"


@dataclass(frozen=True)
class Parties:
    """Who talks to whom, and the IdP's certificate and key as PEM (the key only for peers that issue)."""

    idp: str
    sp: str
    acs: str
    certificate: str
    key: str = ""


@dataclass(frozen=True)
class Opinion:
    """What a peer made of a response."""

    name_id: str
    claims: dict[str, list[str]]


class Refused(Exception):  # noqa: N818  it is a verdict
    """The peer does not accept the response; the text is its own."""


def make_key(now: datetime) -> tuple[str, str]:
    """A worthless key and certificate for peers that issue: (certificate PEM, key PEM)."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "peer.test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return (
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )


def missing(peer: str) -> str | None:
    """Why a peer cannot be asked on this machine, or None."""
    if peer in ("samlp", "node-saml"):
        if shutil.which("node") is None:
            return "node is not installed"
        package = NODE / "node_modules" / ("samlp" if peer == "samlp" else "@node-saml/node-saml")
        return None if package.is_dir() else "npm ci was not run in tests/interop/node"
    module = {"python3-saml": "onelogin.saml2", "pysaml2": "saml2", "minisaml": "minisaml"}[peer]
    try:
        if importlib.util.find_spec(module) is None:
            return f"{peer} is not installed"
    except ModuleNotFoundError:
        return f"{peer} is not installed"
    if peer == "pysaml2" and shutil.which("xmlsec1") is None:
        return "pysaml2 needs the program xmlsec1"
    return None


def body_of(pem: str) -> str:
    """The base64 of a PEM certificate, without its armour."""
    return "".join(line for line in pem.splitlines() if not line.startswith("-----"))


# Peers that judge ----------------------------------------------------------------------------------------------------


def python3_saml_settings(p: Parties, *, assertions_signed: bool, messages_signed: bool) -> dict[str, Any]:
    return {
        "strict": True,
        "sp": {"entityId": p.sp, "assertionConsumerService": {"url": p.acs}, "NameIDFormat": EMAIL},
        "idp": {
            "entityId": p.idp,
            "singleSignOnService": {"url": "https://idp.example/sso"},
            "x509cert": body_of(p.certificate),
        },
        "security": {
            "wantAssertionsSigned": assertions_signed,
            "wantMessagesSigned": messages_signed,
            "wantNameId": True,
            "rejectDeprecatedAlgorithm": True,
        },
    }


def python3_saml(p: Parties, xml: bytes, *, signed: str, in_response_to: str | None = None) -> Opinion:
    from onelogin.saml2.response import OneLogin_Saml2_Response
    from onelogin.saml2.settings import OneLogin_Saml2_Settings

    settings = OneLogin_Saml2_Settings(
        python3_saml_settings(
            p, assertions_signed=signed in ("assertion", "both"), messages_signed=signed in ("response", "both")
        ),
        sp_validation_only=False,
    )
    response = OneLogin_Saml2_Response(settings, base64.b64encode(xml).decode())
    host, _, path = p.acs.removeprefix("https://").partition("/")
    request = {"https": "on", "http_host": host, "script_name": "/" + path, "get_data": {}, "post_data": {}}
    if not response.is_valid(request, in_response_to):
        raise Refused(str(response.get_error()))
    return Opinion(response.get_nameid(), {k: list(v) for k, v in response.get_attributes().items()})


def minisaml(p: Parties, xml: bytes) -> Opinion:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own dependency warns at import
        from minisaml.response import TimeDriftLimits, validate_response

    certificate = x509.load_pem_x509_certificate(p.certificate.encode())
    try:
        response = validate_response(
            data=base64.b64encode(xml), certificate=certificate, expected_audience=p.sp,
            idp_issuer=p.idp, allowed_time_drift=TimeDriftLimits(timedelta(seconds=180), timedelta(seconds=180)),
        )  # fmt: skip
    except Exception as e:
        raise Refused(repr(e)) from e
    claims: dict[str, list[str]] = {}
    for attribute in response.attributes:
        claims.setdefault(attribute.name, []).extend(v for v in attribute.values if v is not None)
    return Opinion(response.name_id, claims)


def node_saml(p: Parties, xml: bytes, *, signed: str) -> Opinion:
    asked = {
        "acs": p.acs,
        "audience": p.sp,
        "issuer": p.idp,
        "cert": p.certificate,
        "response": base64.b64encode(xml).decode(),
        "wantAssertionsSigned": signed in ("assertion", "both"),
        "wantAuthnResponseSigned": signed in ("response", "both"),
    }
    answer = json.loads(_node("consume.js", asked))
    claims = {k: v if isinstance(v, list) else [v] for k, v in (answer["attributes"] or {}).items()}
    return Opinion(answer["nameID"], claims)


def _node(script: str, asked: dict[str, Any]) -> str:
    done = subprocess.run(
        ["node", script], cwd=NODE, input=json.dumps(asked), text=True, capture_output=True, timeout=60, check=False
    )
    if done.returncode:
        raise Refused(done.stderr.strip()[:500])
    return done.stdout


def pysaml2(p: Parties, xml: bytes, folder: Path, idp_metadata: str, *, in_response_to: str | None = None) -> Opinion:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pysaml2's own dependencies
        from saml2 import BINDING_HTTP_POST
        from saml2.client import Saml2Client
        from saml2.config import SPConfig

        config = SPConfig()
        config.load(
            {
                "entityid": p.sp,
                "xmlsec_binary": shutil.which("xmlsec1"),
                "service": {
                    "sp": {
                        "endpoints": {"assertion_consumer_service": [(p.acs, BINDING_HTTP_POST)]},
                        "allow_unsolicited": True,
                        "authn_requests_signed": False,
                        "want_assertions_signed": False,
                        "want_response_signed": False,
                        "want_assertions_or_response_signed": True,
                    }
                },
                "metadata": {"inline": [idp_metadata]},
                "allow_unknown_attributes": True,
                "accepted_time_diff": 180,
            }
        )
        client = Saml2Client(config)
        outstanding = {in_response_to: "/"} if in_response_to else {}
        try:
            parsed = client.parse_authn_request_response(base64.b64encode(xml).decode(), BINDING_HTTP_POST, outstanding)
        except Exception as e:
            raise Refused(repr(e)) from e
    if parsed is None:
        raise Refused("no response")
    return Opinion(parsed.name_id.text, {k: list(v) for k, v in parsed.ava.items()})


# Peers that issue ----------------------------------------------------------------------------------------------------


def issue_samlp(
    p: Parties, name_id: str, claims: dict[str, str], *, signed: str, in_response_to: str | None = None
) -> bytes:
    return _node(
        "issue.js",
        {
            "issuer": p.idp,
            "audience": p.sp,
            "acs": p.acs,
            "cert": p.certificate,
            "key": p.key,
            "nameId": name_id,
            "claims": claims,
            "inResponseTo": in_response_to,
            "signAssertion": signed in ("assertion", "both"),
            "signResponse": signed in ("response", "both"),
        },
    ).encode()


def issue_pysaml2(
    p: Parties, name_id: str, claims: dict[str, str], folder: Path, *, signed: str, in_response_to: str | None = None
) -> bytes:
    folder.joinpath("key.pem").write_text(p.key)
    folder.joinpath("cert.pem").write_text(p.certificate)
    sp = (
        f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{p.sp}"><md:SPSSODescriptor '
        'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:AssertionConsumerService index="0" '
        f'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{p.acs}"/></md:SPSSODescriptor>'
        "</md:EntityDescriptor>"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from saml2 import BINDING_HTTP_REDIRECT
        from saml2.config import IdPConfig
        from saml2.saml import NAME_FORMAT_BASIC, NameID
        from saml2.server import Server
        from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

        config = IdPConfig()
        config.load(
            {
                "entityid": p.idp,
                "xmlsec_binary": shutil.which("xmlsec1"),
                "key_file": str(folder / "key.pem"),
                "cert_file": str(folder / "cert.pem"),
                "service": {
                    "idp": {
                        "endpoints": {"single_sign_on_service": [("https://idp.example/sso", BINDING_HTTP_REDIRECT)]},
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
                authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified", "authn_auth": p.idp},
                sign_assertion=signed in ("assertion", "both"),
                sign_response=signed in ("response", "both"),
                sign_alg=SIG_RSA_SHA256,
                digest_alg=DIGEST_SHA256,
            )
        finally:
            server.close()
    return str(made).encode()
