"""Editing by hand: the values as JSON and back, the three places, and what is told to have changed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from lxml import etree
from signxml.verifier import SignatureConfiguration, XMLVerifier

from simulator import OMIT, Idp, KeyRing, SimulatorError, all_faults, dump_spec, edit_of, parse_spec
from simulator.message import NIL, AttributeSpec, AuthnSpec
from simulator.names import SAML, q
from simulator.requests import AuthnRequest
from tests.simulator.conftest import NOW


def test_the_values_of_every_fault_survive_the_round_trip(idp: Idp, asked: AuthnRequest) -> None:
    for fault in all_faults():
        if fault.acts_on == "message" and fault.family not in ("malformed", "controls"):
            spec = idp.issue("zoe", "imagekit", request=asked, faults=[fault.id]).spec
            assert parse_spec(dump_spec(spec)) == spec, fault.id


def test_left_out_empty_and_nil_stay_apart(idp: Idp) -> None:
    spec = replace(
        idp.issue("zoe", "imagekit").spec,
        destination="",
        response_id=OMIT,
        response_issuer=None,
        prefixes=(None, "p"),
        status_codes=OMIT,
        authn_statements=(AuthnSpec(),),
        attribute_statements=((AttributeSpec(name="a", values=("", NIL)), AttributeSpec(name=OMIT)),),
    )
    text = dump_spec(spec)
    assert parse_spec(text) == spec
    assert "response_id" not in json.loads(text)
    assert parse_spec(dump_spec(replace(spec, status_codes=(OMIT, "x")))).status_codes == (OMIT, "x")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.update(colour="red"), "the values: unknown name 'colour'"),
        (lambda d: d.update(destination=1), "the values, destination is 1, which is of the wrong kind"),
        (lambda d: d.update(assertion="yes"), "assertion is .yes., which is of the wrong kind"),
        (lambda d: d.update(prefixes=["a"]), "prefixes must have 2 items"),
        (lambda d: d["name_ids"][0].update(value=None), r"name_ids\[0\], value is null"),
        (lambda d: d["name_ids"][0].pop("value"), r"name_ids\[0\]: value is missing"),
        (lambda d: d.update(name_ids="ada"), "name_ids is .ada., which"),
        (lambda d: d.pop("subject"), "the values: subject is missing"),
    ],
)
def test_wrong_values_are_told_with_their_place(change: object, says: str, idp: Idp) -> None:
    data = json.loads(dump_spec(idp.issue("zoe", "imagekit").spec))
    change(data)  # type: ignore[operator]  # one of the functions above
    with pytest.raises(SimulatorError, match=says):
        parse_spec(json.dumps(data))


@pytest.mark.parametrize("text", ["", "{", "[1]", '"x"', "[" * 100_000, "x" * 5_000_000])
def test_what_is_no_spec_is_a_sentence(text: str) -> None:
    with pytest.raises(SimulatorError, match=r"must be an object|not valid JSON|at most"):
        parse_spec(text)


def test_the_three_places_and_what_they_changed(idp: Idp, keys: KeyRing) -> None:
    good = idp.issue("grace", "imagekit")
    assert good.changes == ()
    values = dump_spec(good.spec).replace("grace@acme-media.test", "edited@acme-media.test")
    edit = edit_of(spec=values, replace=[("Holloway", "Changed")], fields={"RelayState": None, "extra": "1"})
    issued = idp.issue("grace", "imagekit", edit=edit)
    assert [c.layer for c in issued.changes] == ["values before signing", "document after signing", "form fields"]
    assert issued.name_id == "edited@acme-media.test"
    assert b"Grace Changed" in issued.xml
    assert issued.relay_state is None
    assert issued.body.endswith(b"&extra=1")
    first, second, third = (c.diff.splitlines() for c in issued.changes)
    assert '-      "value": "grace@acme-media.test",' in first
    assert '+      "value": "edited@acme-media.test",' in first
    assert [line for line in second if line.startswith(("+", "-")) and "Holloway" in line]
    assert third[0] == "--- form fields, as made"
    assert '-"RelayState" = "https://imagekit.io/dashboard"' in third
    assert '+"extra" = "1"' in third

    def verifies(xml: bytes) -> bool:
        assertion = etree.fromstring(xml).find(q(SAML, "Assertion"))
        assert assertion is not None
        config = SignatureConfiguration(location=".//", expect_references=1)
        try:
            XMLVerifier().verify(
                etree.tostring(assertion),
                x509_cert=keys.pair().certificate,
                expect_config=config,
                verification_time=NOW,
            )
        except Exception:
            return False
        return True

    assert verifies(idp.issue("grace", "imagekit", edit=edit_of(spec=values)).xml)
    assert not verifies(issued.xml)


def test_an_edit_that_changes_nothing_tells_nothing(idp: Idp) -> None:
    issued = idp.issue("grace", "imagekit", edit=edit_of(replace=[("Grace", "Grace")]))
    assert issued.changes == ()
    assert idp.issue("grace", "imagekit", edit=edit_of()).changes == ()


def test_another_document_and_a_text_that_is_not_there(idp: Idp) -> None:
    issued = idp.issue("grace", "imagekit", edit=edit_of(document=b"<other/>"))
    assert issued.xml == b"<other/>"
    assert issued.changes[0].after == "<other/>"
    with pytest.raises(SimulatorError, match="holds no 'nothing'"):
        idp.issue("grace", "imagekit", edit=edit_of(replace=[("nothing", "x")]))


@pytest.mark.parametrize("fault", ["tr-param-duplicate", "tr-redirect-response", "tr-body-huge"])
def test_a_form_edited_by_hand_counts_more_than_a_fault(fault: str, idp: Idp) -> None:
    issued = idp.issue(
        "grace", "imagekit", faults=[fault], edit=edit_of(fields={"SAMLResponse": "x", "RelayState": None})
    )
    sent = issued.body.decode() or issued.url.partition("?")[2]
    assert sent == "SAMLResponse=x"
