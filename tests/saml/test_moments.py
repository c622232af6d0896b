from __future__ import annotations

from app.saml.moments import MEANINGS, read_moments
from app.saml.reading import read_response
from app.saml.xml import parse
from tests.saml.signing_samples import build, xml


def test_every_instant_of_a_response_is_told_with_its_place_and_part() -> None:
    document = parse(xml(build())).document
    assert document is not None
    response = read_response(document.root, "unsigned")
    moments = list(read_moments(response, response.assertions[0]))
    assert [(m.owner, m.attribute, m.role) for m in moments] == [
        ("Response", "IssueInstant", "issued"),
        ("Assertion", "IssueInstant", "issued"),
        ("SubjectConfirmationData", "NotOnOrAfter", "not-on-or-after"),
        ("Conditions", "NotBefore", "not-before"),
        ("Conditions", "NotOnOrAfter", "not-on-or-after"),
        ("AuthnStatement", "AuthnInstant", "authenticated"),
    ]
    assert moments[3].at.path == "/samlp:Response/saml:Assertion/saml:Conditions/@NotBefore"
    assert moments[3].instant.text == "2026-11-23T19:59:00Z"
    assert all(m.role in MEANINGS for m in moments)


def test_without_a_message_there_are_none() -> None:
    assert list(read_moments(None, None)) == []
