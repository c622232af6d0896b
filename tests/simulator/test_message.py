"""The tree that values make."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from simulator import NIL, OMIT, Spec, names
from simulator.draft import form_octets
from simulator.message import AttributeSpec, NameIdSpec, build, fresh_id, instant, shift
from simulator.names import SAML, SAMLP, XSI, q


def test_omitted_is_not_empty() -> None:
    without = build(Spec(destination=OMIT, name_ids=()))
    empty = build(Spec(destination="", name_ids=(NameIdSpec(value=""),)))
    assert without.get("Destination") is None
    assert empty.get("Destination") == ""
    assert without.find(f".//{q(SAML, 'NameID')}") is None
    assert empty.find(f".//{q(SAML, 'NameID')}") is not None


def test_values_cannot_inject_markup() -> None:
    hostile = '"><saml:NameID>x</saml:NameID><!-- & ]]>'
    root = build(Spec(destination=hostile, name_ids=(NameIdSpec(value=hostile),)))
    again = etree.fromstring(etree.tostring(root))
    assert again.get("Destination") == hostile
    assert [n.text for n in again.iter(q(SAML, "NameID"))] == [hostile]


def test_nil_and_typed_values() -> None:
    attribute = AttributeSpec(name="a", values=("x", NIL, ""), value_type="xs:string")
    root = build(Spec(attribute_statements=((attribute,),)))
    values = list(root.iter(q(SAML, "AttributeValue")))
    assert [v.get(q(XSI, "nil")) for v in values] == [None, "true", None]
    assert values[0].get(q(XSI, "type")) == "xs:string"
    assert values[0].nsmap["xs"] == names.XS


def test_status_codes_nest() -> None:
    root = build(Spec(status_codes=("a", "b"), status_message="m", assertion=False))
    code = root.find(f"{q(SAMLP, 'Status')}/{q(SAMLP, 'StatusCode')}")
    assert code is not None
    assert (code.get("Value"), code[0].get("Value")) == ("a", "b")
    assert root.findtext(f".//{q(SAMLP, 'StatusMessage')}") == "m"


def test_instants_and_ids() -> None:
    at = datetime(2026, 11, 23, 22, 36, 5, 123_456, tzinfo=UTC)
    assert instant(at) == "2026-11-23T22:36:05Z"
    assert instant(at, "milliseconds") == "2026-11-23T22:36:05.123Z"
    assert shift("2026-11-23T22:36:05Z", timedelta(minutes=10)) == "2026-11-23T22:46:05Z"
    assert shift("yesterday", timedelta(1)) == "yesterday"
    assert len({fresh_id() for _n in range(100)}) == 100
    assert fresh_id().startswith("_")
    assert len(fresh_id()) == 33


_TEXTS = st.text("aZ09é€李 ~+/=%&;\n\0'\"<")


@settings(deadline=None)
@given(st.lists(st.tuples(_TEXTS, st.one_of(_TEXTS, st.binary().map(lambda b: base64.b64encode(b).decode())))))
def test_a_form_is_written_as_everybody_writes_it(form: list[tuple[str, str]]) -> None:
    assert form_octets(form) == urlencode(form).encode()
