from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from app.saml.compare import Comparison, Difference, Document, compare
from app.saml.metadata import METADATA_LIMITS
from simulator import Idp, KeyRing, default_tenant

NOW = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)
SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
A = (
    b'<a:Response xmlns:a="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:s="urn:oasis:names:tc:SAML:2.0:assertion" '
    b'ID="_1" Destination="https://sp.test/acs"><s:Assertion ID="_2"><s:AttributeStatement>'
    b'<s:Attribute Name="role"><s:AttributeValue>developer</s:AttributeValue></s:Attribute>'
    b'<s:Attribute Name="name"><s:AttributeValue>Ada</s:AttributeValue></s:Attribute>'
    b"</s:AttributeStatement></s:Assertion></a:Response>"
)


class Clocked:
    """A test IdP whose clock can be moved."""

    def __init__(self) -> None:
        self.time = NOW
        self.idp = Idp(default_tenant(), KeyRing.in_memory(lambda: self.time), lambda: self.time)

    def issue(self, username: str = "ada", **more: object) -> bytes:
        return self.idp.issue(username, self.idp.tenant.applications[0], **more).xml  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def clocked() -> Clocked:
    return Clocked()


@pytest.fixture(scope="module")
def other() -> Clocked:
    """Another IdP, with keys of its own."""
    return Clocked()


def assertion(inside: str, *, issued: str = "2026-11-23T20:36:00Z") -> bytes:
    return (
        f'<saml:Assertion xmlns:saml="{SAML}" ID="_a" Version="2.0" IssueInstant="{issued}">{inside}</saml:Assertion>'
    ).encode()


def entity(inside: str, more: str = "") -> bytes:
    return (
        '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.test/" '
        f'{more}><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">{inside}'
        "</md:IDPSSODescriptor></md:EntityDescriptor>"
    ).encode()


def told(made: Comparison) -> list[tuple[str, str | None, str | None]]:
    assert made.error is None
    return [(d.label, d.first, d.second) for d in made.meaningful]


def only(made: Comparison) -> Difference:
    (found,) = made.meaningful
    return found


# Messages -------------------------------------------------------------------------------------------------------------


def test_a_message_does_not_differ_from_itself() -> None:
    made = compare(A, A)
    assert made.differences == ()
    assert made.same > 4


def test_prefixes_and_order_of_attributes_do_not_matter() -> None:
    other = A.replace(b"a:", b"samlp:").replace(b":a=", b":samlp=").replace(b"s:", b"saml:")
    other = other.replace(b"xmlnsaml:", b"xmlns:").replace(b"xmlns:s=", b"xmlns:saml=")
    assert compare(A, other).differences == ()
    role = b'<s:Attribute Name="role"><s:AttributeValue>developer</s:AttributeValue></s:Attribute>'
    name = b'<s:Attribute Name="name"><s:AttributeValue>Ada</s:AttributeValue></s:Attribute>'
    assert compare(A, A.replace(role + name, name + role)).differences == ()
    split = A.replace(role + name, name + b"</s:AttributeStatement><s:AttributeStatement>" + role)
    assert compare(A, split).differences == (), "how attributes are spread over statements means nothing"


def test_a_changed_role_is_a_meaning_and_a_new_id_is_not() -> None:
    made = compare(A, A.replace(b"developer", b"finance").replace(b'"_1"', b'"_9"'))
    assert told(made) == [("Assertion › Attribute role", "developer", "finance")]
    assert made.meaningful[0].where.endswith('/saml:Attribute[@Name="role"]')
    assert [(d.second, d.about) for d in made.differences if d.expected] == [("_9", "id")]


def test_what_is_missing_is_told_by_side() -> None:
    less = A.replace(b' Destination="https://sp.test/acs"', b"")
    found = only(compare(A, less))
    assert (found.change, found.label, found.first) == (
        "only-in-first",
        "Response › Destination",
        "https://sp.test/acs",
    )
    assert only(compare(less, A)).change == "only-in-second"


def test_a_missing_attribute_is_one_row_with_its_values() -> None:
    gone = A.replace(b'<s:Attribute Name="role"><s:AttributeValue>developer</s:AttributeValue></s:Attribute>', b"")
    assert told(compare(A, gone)) == [("Assertion › Attribute role", "developer", None)]


def test_two_logins_of_one_person_differ_only_in_what_always_does(clocked: Clocked) -> None:
    first = clocked.issue()
    clocked.time += timedelta(hours=3)
    made = compare(first, clocked.issue())
    assert made.meaningful == ()
    assert {d.about for d in made.differences} == {"id", "time", "signature"}
    assert made.sides[0].subject == "ada@acme-media.test"
    assert made.sides[0].sentence.startswith("Response, for ada@acme-media.test, from https://")


def test_a_missing_signature_is_one_row_that_says_whose_it_was(clocked: Clocked) -> None:
    signed = clocked.issue()
    begin, end = signed.index(b"<ds:Signature"), signed.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    found = only(compare(signed, signed[:begin] + signed[end:]))
    assert (found.label, found.change) == ("Assertion › Signature", "only-in-first")
    assert found.first is not None
    assert found.first.startswith("rsa-sha256, covers saml:Assertion, ")
    assert "TEST ONLY" in found.first


def test_another_signing_key_is_told_by_its_certificate(clocked: Clocked, other: Clocked) -> None:
    found = [d for d in compare(clocked.issue(), other.issue(), now=NOW).meaningful if "Certificate" in d.label]
    assert [d.label for d in found] == ["Assertion › Signature › Certificate"]
    assert found[0].first != found[0].second
    assert re.search(r"RSA 2048, until 2026-12-23, (29|30) days left", found[0].second or "")


def test_several_values_are_a_set() -> None:
    def groups(*names: str) -> bytes:
        values = "".join(f"<saml:AttributeValue>{n}</saml:AttributeValue>" for n in names)
        return assertion(f'<saml:AttributeStatement><saml:Attribute Name="groups">{values}</saml:Attribute>'
                         "</saml:AttributeStatement>")  # fmt: skip

    assert compare(groups("a", "b", "c"), groups("c", "a", "b")).differences == ()
    found = only(compare(groups("a", "b", "c"), groups("c", "d", "b")))
    assert (found.first, found.second) == ("a (and 2 in both)", "d (and 2 in both)")
    found = only(compare(groups("a", "b"), groups("a", "b", "b")))
    assert (found.first, found.second) == ("nothing else (2 in both)", "b (and 2 in both)")


def test_audiences_are_a_set() -> None:
    def audiences(*names: str) -> bytes:
        inside = "".join(f"<saml:Audience>{n}</saml:Audience>" for n in names)
        return assertion(f"<saml:Conditions><saml:AudienceRestriction>{inside}</saml:AudienceRestriction>"
                         "</saml:Conditions>")  # fmt: skip

    assert compare(audiences("https://a.test", "https://b.test"), audiences("https://b.test", "https://a.test")).same
    found = only(compare(audiences("https://a.test"), audiences("https://a.test/")))
    assert (found.label, found.hint) == ("Assertion › Conditions › Audience", "It has a trailing slash too many.")


def conditions(begins: str, ends: str, *, issued: str = "2026-11-23T20:36:00Z") -> bytes:
    return assertion(f'<saml:Conditions NotBefore="{begins}" NotOnOrAfter="{ends}"/>', issued=issued)


def test_times_are_compared_by_their_distance_from_issuing() -> None:
    one = conditions("2026-11-23T20:35:00Z", "2026-11-23T20:41:00Z")
    later = conditions("2026-11-24T07:59:00Z", "2026-11-24T08:05:01Z", issued="2026-11-24T08:00:00Z")
    assert told(compare(one, later)) == [], "a second of difference is the clock's ticking"
    other = conditions("2026-11-24T08:00:00Z", "2026-11-24T09:00:00Z", issued="2026-11-24T08:00:00Z")
    assert told(compare(one, other)) == [
        ("Assertion › Conditions › How long it is good", "6 minutes", "1 hour"),
        ("Assertion › Conditions › Not before", "1 minute before it was issued", "when it was issued"),
    ]


def test_how_times_are_written_matters_where_the_instant_is_the_same() -> None:
    one = conditions("2026-11-23T20:35:00Z", "2026-11-23T20:41:00Z")
    local = conditions("2026-11-23T21:35:00+01:00", "2026-11-23T20:41:00Z")
    assert told(compare(one, local)) == [
        ("Assertion › How times are written", "nothing else (1 in both)", "with an offset from UTC (and 1 in both)")
    ]


def test_a_time_that_cannot_be_read_is_shown_as_it_is() -> None:
    made = compare(
        conditions("2026-11-23T20:35:00Z", "2026-11-23T20:41:00Z"), conditions("yesterday", "2026-11-23T20:41:00Z")
    )
    assert ("Assertion › Conditions › Not before", "1 minute before it was issued", "yesterday") in told(made)


def test_an_answer_to_a_request_is_no_answer_to_none() -> None:
    asked = A.replace(b'ID="_1"', b'ID="_1" InResponseTo="_q"')
    found = only(compare(asked, A))
    assert (found.label, found.first, found.expected) == ("Response › InResponseTo", "_q", False)
    assert compare(asked, asked.replace(b"_q", b"_r")).meaningful == ()


def test_a_transient_name_is_new_in_every_login() -> None:
    def named(name: str, kind: str) -> bytes:
        form = f"urn:oasis:names:tc:SAML:2.0:nameid-format:{kind}"
        return assertion(f'<saml:Subject><saml:NameID Format="{form}">{name}</saml:NameID></saml:Subject>')

    assert compare(named("_x1", "transient"), named("_x2", "transient")).meaningful == ()
    assert told(compare(named("_x1", "persistent"), named("_x2", "persistent"))) == [
        ("Assertion › NameID", "_x1", "_x2")
    ]


def test_blanks_and_comments_in_a_value_are_seen() -> None:
    def named(text: str) -> bytes:
        return assertion(f"<saml:Subject><saml:NameID>{text}</saml:NameID></saml:Subject>")

    found = only(compare(named("ada@a.test"), named("\n  ada@a.test")))
    assert (found.first, found.second) == ("ada@a.test", "“⏎  ada@a.test”")
    assert found.hint == "There is blank space or a line break before it; SAML compares exactly."
    found = only(compare(named("ada@a.test.evil.test"), named("ada@a.test<!-- -->.evil.test")))
    assert found.second == "ada@a.test.evil.test (with a comment or instruction inside)"


def test_two_long_values_are_shown_where_they_part() -> None:
    def named(text: str) -> bytes:
        return assertion(f"<saml:Subject><saml:NameID>{text}</saml:NameID></saml:Subject>")

    found = only(compare(named("x y" * 5_000 + "one"), named("x y" * 5_000 + "two")))
    assert (found.first or "").endswith("one (15,003 characters)")
    assert len(found.second or "") < 400
    key = "Q" * 400
    found = only(compare(named(key + "a"), named(key + "b")))
    assert found.first != found.second


def test_an_encrypted_assertion_is_compared_where_it_was_decrypted(clocked: Clocked) -> None:
    outer = (
        b'<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:s="urn:oasis:names:tc:SAML:2.0:assertion" '
        b'ID="_1"><s:EncryptedAssertion><e/></s:EncryptedAssertion></p:Response>'
    )
    assert compare(outer, outer).notes == (
        "What is encrypted was not compared. Give the decryption key to compare what is inside.",
    )
    one = assertion('<saml:Conditions NotBefore="2026-11-23T20:35:00Z"/>')
    two = assertion('<saml:Conditions NotBefore="2026-11-23T20:31:00Z"/>')
    made = compare(Document(outer, one), Document(outer, two))
    assert made.notes == ()
    assert [d.label for d in made.meaningful] == ["Assertion › Conditions › Not before"]
    assert made.meaningful[0].where == "/samlp:Response/saml:Assertion/saml:Conditions/@NotBefore"


# Metadata -------------------------------------------------------------------------------------------------------------


def endpoint(name: str, binding: str, location: str, more: str = "") -> str:
    return f'<md:{name} Binding="urn:oasis:names:tc:SAML:2.0:bindings:{binding}" Location="{location}" {more}/>'


def test_endpoints_are_matched_by_binding() -> None:
    post = endpoint("SingleSignOnService", "HTTP-POST", "https://idp.test/post")
    redirect = endpoint("SingleSignOnService", "HTTP-Redirect", "https://idp.test/redirect")
    assert compare(entity(post + redirect), entity(redirect + post)).differences == ()
    moved = endpoint("SingleSignOnService", "HTTP-Redirect", "https://idp.test/elsewhere")
    assert told(compare(entity(post + redirect), entity(moved + post))) == [
        (
            "Identity provider › Login address (HTTP-Redirect)",
            "https://idp.test/redirect",
            "https://idp.test/elsewhere",
        )
    ]
    assert told(compare(entity(post + redirect), entity(post))) == [
        ("Identity provider › Login address (HTTP-Redirect)", "https://idp.test/redirect", None)
    ]


def test_of_several_addresses_of_one_binding_those_that_are_the_same_belong_together() -> None:
    one, two, three = (
        endpoint("AssertionConsumerService", "HTTP-POST", f"https://sp.test/{n}", f'index="{n}"') for n in range(3)
    )
    assert compare(entity(one + two + three), entity(three + one + two)).differences == ()
    other = two.replace("/1", "/acs")
    (found,) = told(compare(entity(one + two + three), entity(three + one + other)))
    assert found[1:] == ("https://sp.test/1", "https://sp.test/acs")


def test_nameid_formats_are_a_set_and_false_is_the_same_as_nothing() -> None:
    def formats(*names: str) -> str:
        return "".join(f"<md:NameIDFormat>{n}</md:NameIDFormat>" for n in names)

    assert compare(entity(formats("a", "b")), entity(formats("b", "a"))).differences == ()
    assert told(compare(entity(formats("a", "b")), entity(formats("a", "c")))) == [
        ("Identity provider › NameID formats", "b (and 1 in both)", "c (and 1 in both)")
    ]
    wants = entity("").replace(b"<md:IDPSSODescriptor ", b'<md:IDPSSODescriptor WantAuthnRequestsSigned="false" ')
    assert compare(entity(""), wants).differences == ()
    assert told(compare(entity(""), wants.replace(b'"false"', b'"1"'))) == [
        ("Identity provider › Wants signed requests", None, "true")
    ]


def test_certificates_are_matched_by_fingerprint_with_the_days_they_have_left(clocked: Clocked, other: Clocked) -> None:
    one, two = clocked.idp.metadata(), other.idp.metadata()
    certificate = two[two.index(b"<ds:X509Certificate>") : two.index(b"</ds:X509Certificate>")]
    mine = one[one.index(b"<ds:X509Certificate>") : one.index(b"</ds:X509Certificate>")]
    made = compare(one, one.replace(mine, certificate), now=NOW)
    gone, new = made.meaningful
    assert gone.label.startswith("Identity provider › Signing certificate ")
    assert (gone.change, new.change) == ("only-in-first", "only-in-second")
    assert re.search(r"until 2026-12-23, (29|30) days left", gone.first or "")
    assert "expired on 2026-12-23" in (compare(one, one.replace(mine, certificate),
                                                now=NOW + timedelta(days=99)).meaningful[0].first or "")  # fmt: skip
    assert compare(one, one.replace(mine, mine.replace(b"\n", b"\n      "))).differences == ()


def test_a_key_without_use_serves_for_both(clocked: Clocked) -> None:
    metadata = clocked.idp.metadata()
    both = metadata.replace(b' use="signing"', b"")
    assert both != metadata
    (found,) = compare(metadata, both).meaningful
    assert found.label.startswith("Identity provider › Encryption certificate ")
    assert found.change == "only-in-second"


def test_requested_attributes_are_matched_by_name() -> None:
    def wanted(*attributes: str) -> bytes:
        return entity(f'<md:AttributeConsumingService index="1">{"".join(attributes)}</md:AttributeConsumingService>')

    mail, name = '<md:RequestedAttribute Name="mail"/>', '<md:RequestedAttribute Name="name" isRequired="true"/>'
    assert compare(wanted(mail, name), wanted(name, mail)).differences == ()
    (found,) = told(compare(wanted(mail, name), wanted(mail, name.replace("true", "false"))))
    assert found == (
        "Identity provider › Requested attributes 1 › Requested attribute name › Required",
        "true",
        None,
    )


def test_when_metadata_ends_is_expected_to_differ() -> None:
    one = entity("", 'validUntil="2026-11-30T00:00:00Z" ID="_1"')
    two = entity("", 'validUntil="2026-12-01T00:00:00Z" ID="_2"')
    made = compare(one, two)
    assert made.meaningful == ()
    assert [d.about for d in made.differences] == ["time", "id"]


def test_entities_of_two_aggregates_are_matched_by_their_name() -> None:
    def aggregate(*entities: bytes) -> bytes:
        inside = b"".join(entities)
        return (
            b'<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">'
            + inside
            + (b"</md:EntitiesDescriptor>")
        )

    one, two = entity(""), entity("").replace(b"https://idp.test/", b"https://other.test/")
    assert compare(aggregate(one, two), aggregate(two, one)).differences == ()
    found = only(compare(aggregate(one, two), aggregate(one)))
    assert (found.label, found.change) == ("Aggregate › https://other.test/", "only-in-first")
    alone = compare(aggregate(one, two), two)
    assert (alone.differences, len(alone.notes)) == ((), 1)
    assert "does not hold https://idp.test/" in (compare(aggregate(two), one).error or "")


# What cannot be compared, and bounds ----------------------------------------------------------------------------------


def test_what_cannot_be_read_is_said() -> None:
    assert "first message" in (compare(b"<oops", A).error or "")
    assert "second message" in (compare(A, b"").error or "")


def test_two_of_different_kinds_are_refused_in_one_sentence() -> None:
    request = b'<p:AuthnRequest xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol"/>'
    assert compare(A, request).error == (
        "The first is a Response and the second an AuthnRequest. Compare two of a kind."
    )
    assert "a Response and the second an EntityDescriptor" in (compare(A, entity("")).error or "")
    assert "different kinds, a and b" in (compare(b"<a/>", b"<b/>").error or "")


def test_a_bare_assertion_is_compared_with_the_one_in_a_response(clocked: Clocked) -> None:
    whole = clocked.issue()
    begin, end = whole.index(b"<saml:Assertion"), whole.index(b"</saml:Assertion>") + len(b"</saml:Assertion>")
    made = compare(whole, whole[begin:end])
    assert made.error is None
    assert made.meaningful == ()
    assert "only the assertion was compared" in made.notes[0]
    empty = b'<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol"/>'
    assert "0 readable assertions" in (compare(empty, whole[begin:end]).error or "")


def test_what_is_not_known_is_compared_as_it_stands() -> None:
    one = b'<x><i n="1">a</i><i n="2">b</i><t>text<u/>more</t></x>'
    assert compare(one, one.replace(b'<i n="1">a</i><i n="2">b</i>', b'<i n="2">b</i><i n="1">a</i>')).differences == ()
    assert told(compare(one, one.replace(b">b<", b">c<"))) == [("x › i", "b", "c")]
    assert told(compare(one, one.replace(b"more", b"less"))) == [("x › t", "text more", "text less")]
    ordered = b'<d:T xmlns:d="http://www.w3.org/2000/09/xmldsig#"><d:Transform Algorithm="a"/>%s</d:T>'
    swapped = ordered.replace(b'"a"', b'"b"') % b'<d:Transform Algorithm="a"/>'
    assert len(compare(ordered % b'<d:Transform Algorithm="b"/>', swapped).meaningful) == 2, "their order matters"


def test_a_hostile_document_costs_little() -> None:
    many = b"".join(b'<i><j k="%d"/></i>' % n for n in range(6_000))
    other = b"".join(b'<i><j k="%d"/></i>' % (n * 7 + 3) for n in range(6_000))
    deep = b"<d>" * 60 + b"'" * 100 + b"</d>" * 60
    start = time.process_time()
    made = compare(b"<x>" + many + deep + b"</x>", b"<x>" + other + deep + deep + b"</x>", limits=METADATA_LIMITS)
    assert len(made.differences) > 4_000
    assert time.process_time() - start < 5


def test_of_very_many_differences_the_rest_is_counted() -> None:
    many = b"".join(b'<i k="%d"/>' % n for n in range(21_000))
    made = compare(b"<x>" + many + b"</x>", b'<x><i k="0"/></x>', limits=METADATA_LIMITS)
    assert len(made.differences) == 20_000
    assert made.notes == ("Only the first 20,000 differences are listed; 999 more are not.",)
