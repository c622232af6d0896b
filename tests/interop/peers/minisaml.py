"""minisaml as a service provider. It reads no encrypted assertions, signs nothing, and knows no logout."""

from __future__ import annotations

import base64
import secrets
import warnings
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509

from tests.interop.peers.parties import Opinion, Parties, Question, Refused, Sent


def judge(p: Parties, question: Question) -> Opinion:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own dependency warns at import
        from minisaml.response import TimeDriftLimits, validate_response

    drift = timedelta(seconds=180)
    try:
        response = validate_response(
            data=base64.b64encode(question.xml),
            certificate={x509.load_pem_x509_certificate(c.encode()) for c in p.certificates},
            expected_audience=p.sp,
            idp_issuer=p.idp,
            allowed_time_drift=TimeDriftLimits(drift, drift),
        )
    except Exception as e:
        raise Refused(repr(e)) from e
    if question.in_response_to is not None and response.in_response_to != question.in_response_to:
        raise Refused(f"InResponseTo is {response.in_response_to}")  # it leaves the comparison to its caller
    claims: dict[str, list[str]] = {}
    for attribute in response.attributes:
        claims.setdefault(attribute.name, []).extend(v for v in attribute.values if v is not None)
    return Opinion(response.name_id, claims)


def request(p: Parties, *, relay_state: str) -> Sent:
    from minisaml.request import get_request_redirect_url

    request_id = "_" + secrets.token_hex(16)
    url = get_request_redirect_url(
        saml_endpoint=p.idp_sso, expected_audience=p.sp, acs_url=p.acs, request_id=request_id, relay_state=relay_state
    )
    return Sent(url, dict(parse_qsl(urlsplit(url).query)), request_id)
