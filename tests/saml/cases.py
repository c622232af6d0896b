"""Cases made of records directly: a good message by default, so that a test states only what is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.saml.checks.registry import Case, CheckResult, registered, run_one
from app.saml.decoding import Decoded
from app.saml.errors import Place
from app.saml.expectation import AccountFacts, Expectation, OpenRequest
from app.saml.message import (
    Assertion,
    Attribute,
    AttributeValue,
    AudienceRestriction,
    AuthnStatement,
    Conditions,
    Issuer,
    NameID,
    Response,
    StatusRecord,
    Subject,
    SubjectConfirmation,
    Text,
)
from app.saml.names import AC_PASSWORD_PROTECTED, CM_BEARER, NAMEID_EMAIL, SAML, STATUS_SUCCESS
from app.saml.xml import parse

NOW = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)
IDP = "https://idp.example/metadata"
SP = "https://imagekit.io/saml/consume"
HERE = Place("/samlp:Response/saml:Assertion", 3)


def at(**offset: float) -> str:
    """A time relative to NOW, as the message writes it: at(minutes=5)."""
    return (NOW + timedelta(**offset)).strftime("%Y-%m-%dT%H:%M:%SZ")


def text(value: str, *, simple: bool = True) -> Text:
    return Text(value, HERE, simple)


def claim(name: str, *values: str, friendly: str | None = None) -> Attribute:
    return Attribute(name, None, friendly, tuple(AttributeValue(text(v)) for v in values), HERE)


CLAIMS = (
    claim("imagekit_id", "ik_7x2k"),
    claim("full_name", "Ada Lindqvist"),
    claim("imagekit_role", "developer"),
)
BEARER = SubjectConfirmation(
    method=CM_BEARER, at=HERE, has_data=True, recipient=SP, not_on_or_after=at(minutes=5), data_at=HERE
)
CONDITIONS = Conditions(
    not_before=at(minutes=-1),
    not_on_or_after=at(minutes=5),
    audience_restrictions=(AudienceRestriction((text(SP),), HERE),),
    one_time_use=0,
    proxy_restrictions=0,
    unknown=(),
    at=HERE,
)
ADA = NameID(text("ada@example.com"), NAMEID_EMAIL)
SUBJECT = Subject((ADA,), (), (BEARER,), HERE)
ASSERTION = Assertion(
    id="_a1",
    version="2.0",
    issue_instant=at(minutes=-1),
    issuers=(Issuer(text(IDP)),),
    subject=SUBJECT,
    conditions=(CONDITIONS,),
    authn_statements=(AuthnStatement(at(minutes=-2), "_s1", None, AC_PASSWORD_PROTECTED, HERE),),
    attributes=CLAIMS,
    encrypted_attributes=0,
    has_advice=False,
    provenance="signed-by-assertion",
    at=HERE,
    namespace=SAML,
)
RESPONSE = Response(
    id="_r1",
    version="2.0",
    issue_instant=at(minutes=-1),
    destination=SP,
    in_response_to=None,
    issuer=Issuer(text(IDP)),
    status=StatusRecord((STATUS_SUCCESS,), None, None, Place("/samlp:Response/samlp:Status", 2)),
    assertions=(ASSERTION,),
    encrypted_assertions=0,
    has_extensions=False,
    provenance="unsigned",
    at=Place("/samlp:Response", 1),
)
EXPECTATION = Expectation(
    idp_entity_id=IDP,
    sp_entity_id=SP,
    acs_url=SP,
    relay_states=("https://imagekit.io/dashboard",),
    account=AccountFacts("ik_7x2k", "enterprise"),
)
REQUEST = OpenRequest("_q1", IDP, NOW - timedelta(minutes=2), NOW + timedelta(minutes=8), browser="b1")
_XML = b"<samlp:Response xmlns:samlp='urn:oasis:names:tc:SAML:2.0:protocol'/>"
_DOCUMENT = parse(_XML).document


def case(
    *,
    assertion: Assertion | None = ASSERTION,
    response: Response | None = RESPONSE,
    expectation: Expectation = EXPECTATION,
    **changes: Any,
) -> Case:
    """A good message, changed. `changes` are fields of Case."""
    if response is not None:
        response = replace(response, assertions=(assertion,) if assertion else ())
    fields: dict[str, Any] = {
        "decoded": Decoded(_XML, ("base64",)),
        "document": _DOCUMENT,
        "kind": "Response" if response else "Assertion",
        "response": response,
        "assertion": assertion,
        "signatures": (),
        "decryption": None,
        "expectation": expectation,
        "now": NOW,
        "relay_state": None,
        "binding": "HTTP-POST",
        "problems": (),
    }
    return Case(**{**fields, **changes})


def ask(check_id: str, judged: Case) -> CheckResult:
    """What one check says of a case."""
    return run_one(registered()[check_id], judged)


def with_subject(**changes: Any) -> Assertion:
    return replace(ASSERTION, subject=replace(SUBJECT, **changes))


def with_name_id(value: str = "ada@example.com", **changes: Any) -> Assertion:
    return with_subject(name_ids=(replace(ADA, text=text(value), **changes),))


def with_confirmations(*confirmations: SubjectConfirmation) -> Assertion:
    return with_subject(confirmations=confirmations)


def with_bearer(**changes: Any) -> Assertion:
    return with_confirmations(replace(BEARER, **changes))


def with_conditions(**changes: Any) -> Assertion:
    return replace(ASSERTION, conditions=(replace(CONDITIONS, **changes),))


def with_audiences(*restrictions: tuple[str, ...]) -> Assertion:
    made = tuple(AudienceRestriction(tuple(text(a) for a in r), HERE) for r in restrictions)
    return with_conditions(audience_restrictions=made)


def with_claims(*claims: Attribute, **values: str | None) -> Assertion:
    """The good claims with some replaced by keyword (None: left out) and others added."""
    kept = [values.pop(c.name or "", c) for c in CLAIMS]
    made = [claim(c.name or "", k) if isinstance(k, str) else k for c, k in zip(CLAIMS, kept, strict=True)]
    return replace(ASSERTION, attributes=(*(m for m in made if m is not None), *claims))


def expecting(**changes: Any) -> Expectation:
    return replace(EXPECTATION, **changes)


def answering(request: OpenRequest | None = REQUEST, **changes: Any) -> Expectation:
    """An expectation that knows one request of ours."""
    return expecting(find_request=lambda i: request if request and i == request.id else None, **changes)


def solicited(outer: str | None = "_q1", inner: str | None = "_q1", **changes: Any) -> Case:
    """A message that answers a request, in the Response and in the assertion."""
    changes.setdefault("expectation", answering())
    return case(
        assertion=with_bearer(in_response_to=inner), response=replace(RESPONSE, in_response_to=outer), **changes
    )
