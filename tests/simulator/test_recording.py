"""Recorded exchanges: read by people, replayed octet for octet, exported so that other programs really can use them."""

from __future__ import annotations

import ast
import json
from dataclasses import replace

import pytest

from simulator import Exchange, Idp, Issued, SimulatorError, edit_of
from simulator.recording import as_har, as_tests, decoded, replayed
from simulator.requests import AuthnRequest
from tests.simulator.conftest import NOW


def exchange(issued: Issued | None, request: AuthnRequest | None = None, **more: object) -> Exchange:
    return Exchange(
        at=NOW,
        user=issued.user if issued else "",
        application=issued.application if issued else "",
        xml=issued.xml if issued else b"",
        faults=issued.faults if issued else (),
        in_response_to=issued.in_response_to if issued else None,
        issued=issued,
        request=request,
        **more,  # type: ignore[arg-type]  # fields of Exchange
    )


REFUSED = exchange(None, refused="The request has no SAMLRequest.", rule="request-present")


def test_decoded_for_people(idp: Idp, asked: AuthnRequest) -> None:
    edit = edit_of(replace=[("Grace", "Eve")])
    issued = idp.issue("grace", "imagekit", request=asked, faults=["id-role-unknown"], edit=edit)
    text = decoded(exchange(issued, replace(asked, xml=b"<a><b/></a>")))
    assert text.startswith("at: 2026-11-23T20:36:00Z\nuser: grace\napplication: imagekit\nfaults: id-role-unknown\n")
    assert "AuthnRequest by HTTP-Redirect, RelayState 'https://imagekit.io/dashboard':\n<a>\n  <b/>\n</a>" in text
    assert "POST https://imagekit.io/saml/consume\n" in text
    assert "\n  <samlp:Status>\n" in text
    assert "--- document after signing, as made" in text
    assert decoded(REFUSED).splitlines()[1:3] == [
        "refused: The request has no SAMLRequest.",
        "rule: request-present",
    ]


@pytest.mark.parametrize("fault", ["xml-xxe-file", "xml-billion-laughs", "xml-truncated", "xml-nul", "xml-utf16"])
def test_hostile_documents_are_shown_as_they_are(fault: str, idp: Idp) -> None:
    text = decoded(exchange(idp.issue("grace", "imagekit", faults=[fault])))
    assert "root:" not in text
    assert len(text) < 2_000_000


def test_replay_is_octet_for_octet(idp: Idp) -> None:
    issued = idp.issue("grace", "imagekit", faults=["tr-param-duplicate"])
    assert replayed(exchange(issued)) is issued
    with pytest.raises(SimulatorError, match="nothing to replay"):
        replayed(REFUSED)
    assert as_tests([REFUSED]) == ""


def test_the_archive_holds_what_was_asked_and_sent(idp: Idp, asked: AuthnRequest) -> None:
    issued = idp.issue("zoe", "imagekit", request=asked)
    by_get = idp.issue("grace", "imagekit", faults=["tr-redirect-response"])
    text = as_har([exchange(issued, replace(asked, field="UkVR", destination="http://127.0.0.1:1/sso")), REFUSED])
    log = json.loads(text)["log"]
    assert log["version"] == "1.2"
    first, second = log["entries"]
    assert first["request"]["queryString"] == [
        {"name": "SAMLRequest", "value": "UkVR"},
        {"name": "RelayState", "value": "https://imagekit.io/dashboard"},
    ]
    assert second["request"]["postData"]["text"].encode() == issued.body
    assert second["startedDateTime"] == "2026-11-23T20:36:00Z"
    assert all(k in first for k in ("time", "request", "response", "cache", "timings"))
    (entry,) = json.loads(as_har([exchange(by_get)]))["log"]["entries"]
    assert entry["request"]["method"] == "GET"
    assert "TEST ONLY" in text


def test_a_test_case_is_python_that_makes_the_same_login(idp: Idp, asked: AuthnRequest) -> None:
    issued = idp.issue("grace", "imagekit", faults=["xsw1", "id-role-unknown"])
    source = as_tests([REFUSED, exchange(issued), exchange(issued)])
    names = [n.name for n in ast.walk(ast.parse(source)) if isinstance(n, ast.FunctionDef)]
    assert names == ["test_1_grace_id_role_unknown_xsw1", "test_2_grace_id_role_unknown_xsw1"]
    assert source.count("import") == 1
    assert "idp.issue('grace', 'imagekit', faults=['id-role-unknown', 'xsw1'])" in source
    assert "status_code >= 400" in source
    answer = as_tests([exchange(idp.issue("grace", "imagekit", request=asked), asked)])
    assert "request=idp.request(application='imagekit')" in answer
    assert "status_code < 400" in answer
    hostile = replace(issued, user='x"""\nimport os', application="'\\")
    tree = ast.parse(as_tests([exchange(hostile)]))
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Import)]
