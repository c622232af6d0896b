from __future__ import annotations

from app.saml.compare import compare

A = (
    b'<a:Response xmlns:a="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:s="urn:oasis:names:tc:SAML:2.0:assertion" '
    b'ID="_1" Destination="https://sp.test/acs"><s:Assertion ID="_2"><s:AttributeStatement>'
    b'<s:Attribute Name="role"><s:AttributeValue>developer</s:AttributeValue></s:Attribute>'
    b'<s:Attribute Name="name"><s:AttributeValue>Ada</s:AttributeValue></s:Attribute>'
    b"</s:AttributeStatement></s:Assertion></a:Response>"
)


def test_a_message_does_not_differ_from_itself() -> None:
    made = compare(A, A)
    assert made.differences == ()
    assert made.same > 5


def test_prefixes_and_order_of_attributes_do_not_matter() -> None:
    other = A.replace(b"a:", b"samlp:").replace(b":a=", b":samlp=").replace(b"s:", b"saml:")
    other = other.replace(b"xmlnsaml:", b"xmlns:").replace(b"xmlns:s=", b"xmlns:saml=")
    role = b'<s:Attribute Name="role"><s:AttributeValue>developer</s:AttributeValue></s:Attribute>'
    name = b'<s:Attribute Name="name"><s:AttributeValue>Ada</s:AttributeValue></s:Attribute>'
    assert compare(A, A.replace(role + name, name + role)).differences == ()


def test_a_changed_role_is_a_meaning_and_a_new_id_is_not() -> None:
    made = compare(A, A.replace(b"developer", b"finance").replace(b'"_1"', b'"_9"'))
    assert [(d.first, d.second) for d in made.meaningful] == [("developer", "finance")]
    assert "Attribute[Name=role]" in made.meaningful[0].where
    assert [d.second for d in made.differences if d.expected] == ["_9"]


def test_what_is_missing_is_told_by_side() -> None:
    made = compare(A, A.replace(b' Destination="https://sp.test/acs"', b""))
    assert [(d.change, d.first) for d in made.meaningful] == [("only-in-first", "https://sp.test/acs")]
    assert compare(A.replace(b' Destination="https://sp.test/acs"', b""), A).meaningful[0].change == "only-in-second"


def test_what_cannot_be_read_is_said() -> None:
    assert "first message" in (compare(b"<oops", A).error or "")
    assert "second message" in (compare(A, b"").error or "")
