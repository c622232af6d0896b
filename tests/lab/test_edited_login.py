from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest

from app.bootstrap import demo_workspace
from app.lab import Lab, LabError
from app.lab.edited_login import make, page_of, send, with_document, with_form, with_spec
from simulator import KeyRing, SimulatorError, TestUser

ACCOUNT = "ik_7x2k"


@pytest.fixture(scope="module")
def keys() -> KeyRing:
    return KeyRing.in_memory()


@pytest.fixture
def lab(keys: KeyRing) -> Iterator[Lab]:
    with demo_workspace() as workspace, Lab(workspace.sso, None, keys=keys) as made:
        made.connect(ACCOUNT)
        yield made


def ada(lab: Lab) -> TestUser:
    found = lab.tenant.user("ada")
    assert found is not None
    return found


def test_unedited_it_is_an_ordinary_login(lab: Lab) -> None:
    made = make(lab, ada(lab), ACCOUNT)
    assert made.changes == ()
    outcome = send(lab, made)
    assert outcome.allowed
    issued = lab.exchanges[-1].issued
    assert issued is not None
    assert issued.changes == ()
    assert not send(lab, made).allowed  # the same message twice


def test_a_wrong_value_has_a_valid_signature_and_is_refused_for_what_it_says(lab: Lab) -> None:
    made = make(lab, ada(lab), ACCOUNT)
    spec = made.spec.replace("https://imagekit.io/saml/consume", "https://other.example/", 1)
    edited = with_spec(lab, made, spec)
    (change,) = edited.changes
    assert change.layer == "values before signing"
    assert [line for line in change.diff.splitlines() if line.startswith("+ ")] == [
        '+  "destination": "https://other.example/",'
    ]
    outcome = send(lab, edited)
    assert outcome.result is not None
    failed = {c.id for c in outcome.result.report.checks if c.status == "fail"}
    assert "destination-match" in failed
    assert not any(f.startswith("signature-") for f in failed)


def test_a_changed_document_breaks_the_signature_and_a_changed_form_is_posted_as_it_is(lab: Lab) -> None:
    made = make(lab, ada(lab), ACCOUNT)
    document = made.issued.xml.replace(b"account_administrator", b"developer")
    edited = with_document(lab, made, document)
    assert edited.issued.xml == document
    outcome = send(lab, edited)
    assert outcome.result is not None
    assert any(c.id.startswith("signature-") and c.status == "fail" for c in outcome.result.report.checks)
    form = (("RelayState", "https://elsewhere.example/"), *edited.made_form, ("RelayState", "twice"))
    both = with_form(lab, edited, form)
    assert both.issued.form == form
    assert [c.layer for c in both.changes] == ["document after signing", "form fields"]
    assert both.issued.body.count(b"RelayState=") == 3
    assert with_form(lab, both, None).changes[0].layer == "document after signing"
    assert with_document(lab, edited, None).changes == ()


def test_ids_and_times_stay_when_it_is_signed_again(lab: Lab) -> None:
    made = make(lab, ada(lab), ACCOUNT)
    again = with_spec(lab, made, made.spec)
    assert again.issued.xml == made.issued.xml
    assert again.changes == ()


def test_a_login_from_the_login_page_answers_its_request(lab: Lab) -> None:
    send(lab, make(lab, ada(lab), ACCOUNT))
    made = make(lab, ada(lab), ACCOUNT, "sp_initiated")
    assert made.request is not None
    assert made.issued.in_response_to == made.request.id
    assert send(lab, made).allowed
    unknown = replace(ada(lab), email="nobody@acme-media.test")
    with pytest.raises(LabError):
        make(lab, unknown, ACCOUNT, "sp_initiated")


def test_values_that_cannot_be_read_are_told(lab: Lab) -> None:
    made = make(lab, ada(lab), ACCOUNT)
    for text, said in (("{", "not valid JSON"), ("[]", "must be an object"), ('{"colour": 1}', "unknown name")):
        with pytest.raises(SimulatorError, match=said):
            with_spec(lab, made, text)


def test_active_faults_are_in_it(lab: Lab) -> None:
    lab.set_faults(("id-nameid-missing",))
    try:
        made = make(lab, ada(lab), ACCOUNT)
    finally:
        lab.set_faults(())
    assert json.loads(made.spec)["name_ids"] == []
    assert made.issued.faults == ("id-nameid-missing",)
    assert not send(lab, made).allowed


def test_another_computer_is_reached_by_the_browser_only(lab: Lab) -> None:
    made = make(lab, ada(lab), ACCOUNT)
    away = replace(made, issued=replace(made.issued, url="https://sp.example.com/acs"))
    before = len(lab.exchanges)
    with pytest.raises(LabError, match=r"sp\.example\.com, which is not this computer"):
        send(lab, away)
    assert len(lab.exchanges) == before
    page = httpx.get(page_of(lab, away))
    assert 'action="https://sp.example.com/acs"' in page.text
    assert len(lab.exchanges) == before + 1
