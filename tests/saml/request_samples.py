"""Requests and messages about logging out for tests: good ones by default, every value a keyword, signed on request."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from lxml import etree

from app.saml.expectation import Expectation, Policy, TrustedKey
from app.saml.names import BINDING_POST, NAMEID_EMAIL, SAML, SAMLP, SIG_RSA_SHA256, STATUS_SUCCESS, q
from app.saml.report import Report, inspect
from app.saml.request import redirect_url
from tests.saml.signing_samples import ACS, IDP, NOW, SP, Signer, rsa_signer, sign, text

SSO = "https://idp.corp.test/sso"
IDP_SLO = "https://idp.corp.test/slo"
SP_SLO = "https://sp.example/saml/logout"
Change = Callable[[etree._Element], object]


def sp_signer() -> Signer:
    return rsa_signer("sp")


def expectation(**changes: Any) -> Expectation:
    """Both sides configured, the service provider's key too."""
    values: dict[str, Any] = {
        "idp_entity_id": IDP,
        "sp_entity_id": SP,
        "acs_url": ACS,
        "profile": "saml",
        "trusted_keys": (TrustedKey(rsa_signer().certificate),),
        "sp_keys": (TrustedKey(sp_signer().certificate),),
        "idp_sso_urls": (SSO,),
        "idp_slo_urls": (IDP_SLO,),
        "logout_url": SP_SLO,
        "policy": Policy(),
        "judges_correlation": False,
    }
    return Expectation(**values | changes)


def _message(name: str, issuer: str, destination: str, **attributes: str) -> etree._Element:
    root = etree.Element(
        q(SAMLP, name),
        {"ID": "_q1", "Version": "2.0", "IssueInstant": "2026-11-23T19:59:30Z", "Destination": destination}
        | attributes,
        nsmap={"samlp": SAMLP, "saml": SAML},
    )
    text(root, SAML, "Issuer", issuer)
    return root


def authn_request(**attributes: str) -> etree._Element:
    """What our service provider sends, unsigned."""
    wanted = {"AssertionConsumerServiceURL": ACS, "ProtocolBinding": BINDING_POST}
    root = _message("AuthnRequest", SP, SSO, **wanted | attributes)
    text(root, SAMLP, "NameIDPolicy", Format=NAMEID_EMAIL, AllowCreate="true")
    return root


def logout_request(*, of_sp: bool = True, **attributes: str) -> etree._Element:
    """A LogoutRequest, from the service provider or from the identity provider."""
    root = _message("LogoutRequest", *((SP, IDP_SLO) if of_sp else (IDP, SP_SLO)), **attributes)
    text(root, SAML, "NameID", "ada@corp.test", Format=NAMEID_EMAIL)
    text(root, SAMLP, "SessionIndex", "_s1")
    return root


def logout_response(*codes: str, of_sp: bool = False, **attributes: str) -> etree._Element:
    """A LogoutResponse, from the identity provider unless said otherwise."""
    root = _message(
        "LogoutResponse", *((SP, IDP_SLO) if of_sp else (IDP, SP_SLO)), **{"InResponseTo": "_q0"} | attributes
    )
    parent = text(root, SAMLP, "Status")
    for code in codes or (STATUS_SUCCESS,):
        parent = text(parent, SAMLP, "StatusCode", Value=code)
    return root


def signed(root: etree._Element, signer: Signer | None = None) -> bytes:
    sign(root, signer or sp_signer())
    return etree.tostring(root)


def in_address(root: etree._Element, signer: Signer | None = None, relay_state: str | None = None) -> str:
    """The message as HTTP-Redirect carries it, the query signed where a signer is given."""
    answer = etree.QName(root).localname.endswith("Response")
    return redirect_url(
        etree.tostring(root),
        root.get("Destination") or SSO,
        relay_state,
        key=signer.key if signer else None,
        sigalg=SIG_RSA_SHA256,
        param="SAMLResponse" if answer else "SAMLRequest",
    )


def in_form(data: bytes, field: str = "SAMLRequest", *, deflated: bool = False) -> str:
    """A form body as HTTP-POST carries it."""
    if deflated:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = packer.compress(data) + packer.flush()
    return f"{field}={quote(base64.b64encode(data).decode(), safe='')}"


def judge(source: str | bytes | etree._Element, **changes: Any) -> Report:
    data = source if isinstance(source, str | bytes) else etree.tostring(source)
    return inspect(data, expectation(**changes), now=NOW)
