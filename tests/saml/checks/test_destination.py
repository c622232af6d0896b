from __future__ import annotations

from dataclasses import replace

import pytest

from app.saml.message import Response
from tests.saml.cases import RESPONSE, SP, ask, case, expecting


def sent_to(destination: str | None, *, signed: bool = True) -> Response:
    return replace(RESPONSE, destination=destination, provenance="signed-by-response" if signed else "unsigned")


def test_the_good_destination() -> None:
    for check in ("destination-present", "destination-match", "destination-https"):
        assert ask(check, case()).status == "pass"


def test_a_signed_response_needs_a_destination() -> None:
    assert ask("destination-present", case(response=sent_to(None))).status == "fail"
    assert ask("destination-present", case(response=sent_to(None, signed=False))).status == "warn"
    assert ask("destination-match", case(response=sent_to(None))).status == "not-applicable"


@pytest.mark.parametrize(
    "destination",
    ["", SP + "/", SP.upper(), SP + ".evil.test/", SP + "?x", "https://evil.example/saml/consume", "http" + SP[5:]],
)
def test_the_destination_is_compared_exactly(destination: str) -> None:
    for signed in (True, False):
        assert ask("destination-match", case(response=sent_to(destination, signed=signed))).status == "fail"


def test_without_an_acs_url_it_is_skipped_and_never_passed() -> None:
    result = ask("destination-match", case(expectation=expecting(acs_url=None)))
    assert (result.status, result.severity) == ("skipped", "error")


def test_a_child_account_may_write_its_fragment_or_not() -> None:
    child = SP + "#ik_child"
    for acs in (SP, child):
        expectation = expecting(sp_entity_id=child, default_sp_entity_id=SP, acs_url=acs)
        assert ask("destination-match", case(response=sent_to(SP), expectation=expectation)).status == "pass"
        assert ask("destination-match", case(response=sent_to(child), expectation=expectation)).status == "pass"
        other = ask("destination-match", case(response=sent_to(SP + "#ik_other"), expectation=expectation))
        assert other.status == "fail"
    assert ask("destination-match", case(response=sent_to(child))).status == "fail"


def test_plain_http_is_warned_of() -> None:
    assert ask("destination-https", case(response=sent_to("http://127.0.0.1/acs"))).status == "warn"
