"""python3-saml as a service provider. It sends requests by redirect only, and reads logout messages by GET only."""

from __future__ import annotations

import base64
import zlib
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

from tests.interop.peers.parties import EMAIL, Opinion, Parties, Question, Refused, Sent, body_of


def python3_saml_settings(p: Parties, *, assertions_signed: bool, messages_signed: bool) -> dict[str, Any]:
    return {
        "strict": True,
        "sp": {
            "entityId": p.sp,
            "assertionConsumerService": {"url": p.acs},
            "singleLogoutService": {"url": p.slo},
            "NameIDFormat": EMAIL,
            "x509cert": body_of(p.sp_certificate),
            "privateKey": body_of(p.sp_key),
        },
        "idp": {
            "entityId": p.idp,
            "singleSignOnService": {"url": p.idp_sso},
            "singleLogoutService": {"url": p.idp_slo},
            "x509certMulti": {"signing": [body_of(c) for c in p.certificates]},
            "x509cert": body_of(p.certificate),
        },
        "security": {
            "wantAssertionsSigned": assertions_signed,
            "wantMessagesSigned": messages_signed,
            "wantNameId": True,
            "rejectDeprecatedAlgorithm": True,
            "requestedAuthnContext": False,
            "signatureAlgorithm": "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "digestAlgorithm": "http://www.w3.org/2001/04/xmlenc#sha256",
        },
    }


def _request_data(url: str) -> dict[str, Any]:
    host, _, path = url.removeprefix("https://").partition("/")
    return {"https": "on", "http_host": host, "script_name": "/" + path, "get_data": {}, "post_data": {}}


def judge(p: Parties, question: Question) -> Opinion:
    from onelogin.saml2.response import OneLogin_Saml2_Response
    from onelogin.saml2.settings import OneLogin_Saml2_Settings

    settings = OneLogin_Saml2_Settings(
        python3_saml_settings(
            p, assertions_signed=question.signed != "response", messages_signed=question.signed != "assertion"
        ),
        sp_validation_only=False,
    )
    try:
        response = OneLogin_Saml2_Response(settings, base64.b64encode(question.xml).decode())
        valid = response.is_valid(_request_data(p.acs), question.in_response_to)
        claims = {k: list(v) for k, v in response.get_attributes().items()} if valid else {}
    except Exception as e:
        raise Refused(repr(e)) from e
    if not valid:
        raise Refused(str(response.get_error()))
    return Opinion(response.get_nameid(), claims, response.get_session_index())


def _auth(p: Parties, *, signs: bool) -> Any:
    from onelogin.saml2.auth import OneLogin_Saml2_Auth

    settings = python3_saml_settings(p, assertions_signed=False, messages_signed=False)
    settings["security"] |= {"authnRequestsSigned": signs, "logoutRequestSigned": signs}
    return OneLogin_Saml2_Auth(_request_data(p.acs), settings)


def request(p: Parties, *, signs: bool, relay_state: str) -> Sent:
    auth = _auth(p, signs=signs)
    url = auth.login(return_to=relay_state)
    return Sent(url, dict(parse_qsl(urlsplit(url).query)), auth.get_last_request_id())


def logout(p: Parties, opinion: Opinion) -> Sent:
    auth = _auth(p, signs=True)
    url = auth.logout(
        return_to="bye", name_id=opinion.name_id, session_index=opinion.session_index, name_id_format=EMAIL
    )
    return Sent(url, dict(parse_qsl(urlsplit(url).query)), auth.get_last_request_id())


def logged_out(p: Parties, xml: bytes, *, in_response_to: str) -> None:
    """It takes logout messages by redirect only: judges this one as that, and the enveloped signature apart."""
    from onelogin.saml2.logout_response import OneLogin_Saml2_Logout_Response
    from onelogin.saml2.settings import OneLogin_Saml2_Settings
    from onelogin.saml2.utils import OneLogin_Saml2_Utils

    settings = OneLogin_Saml2_Settings(python3_saml_settings(p, assertions_signed=False, messages_signed=False))
    deflated = base64.b64encode(zlib.compress(xml)[2:-4]).decode()
    response = OneLogin_Saml2_Logout_Response(settings, deflated)
    data = {**_request_data(p.slo), "get_data": {"SAMLResponse": deflated}}
    if not response.is_valid(data, in_response_to):
        raise Refused(str(response.get_error()))
    path = "/samlp:LogoutResponse/ds:Signature"
    if not OneLogin_Saml2_Utils.validate_sign(xml, cert=p.certificate, xpath=path):
        raise Refused("the signature does not verify")


def asked_to_log_out(p: Parties, url: str) -> str:
    """A LogoutRequest by redirect, the only way it takes them: the ID that its answer answers. Raises Refused."""
    from onelogin.saml2.auth import OneLogin_Saml2_Auth
    from onelogin.saml2.utils import OneLogin_Saml2_Utils

    query = urlsplit(url).query
    settings = python3_saml_settings(p, assertions_signed=False, messages_signed=True)
    data = {**_request_data(p.slo), "get_data": dict(parse_qsl(query)), "query_string": query}
    auth = OneLogin_Saml2_Auth(data, settings)
    answer = auth.process_slo(keep_local_session=True)
    if auth.get_errors():
        raise Refused(str(auth.get_last_error_reason()))
    sent = dict(parse_qsl(urlsplit(answer).query))["SAMLResponse"]
    return str(ElementTree.fromstring(OneLogin_Saml2_Utils.decode_base64_and_inflate(sent)).get("InResponseTo"))
