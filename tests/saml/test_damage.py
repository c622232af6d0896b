"""Each usual damage, done to a good message, is explained by itself alone; a forgery is explained by none."""

from __future__ import annotations

import copy
import hashlib
import time
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from lxml import etree

from app.saml import Expectation, TrustedKey, inspect
from app.saml.damage import MOST_BYTES, SignatureExplanation, explain_signatures
from app.saml.names import (
    C14N_EXCLUSIVE_COMMENTS,
    C14N_INCLUSIVE,
    DS,
    SAML,
    SAMLP,
    SIG_RSA_SHA512,
    TRANSFORM_ENVELOPED,
    XS,
    q,
)
from app.saml.undo import damage, registered
from simulator import Idp, KeyRing, Stage, all_faults, default_tenant
from tests.saml.signing_samples import (
    ACS,
    IDP,
    NOW,
    SP,
    Signer,
    b64,
    build,
    c14n,
    certificate,
    digest_of,
    ec_signer,
    forged,
    raw_signature,
    rsa_key_value,
    rsa_signer,
    sign,
    the,
    xml,
)

Change = Callable[[etree._Element], object]
INCLUSIVE = (TRANSFORM_ENVELOPED, C14N_INCLUSIVE)


@pytest.fixture(scope="module")
def expectation() -> Expectation:
    return Expectation(
        idp_entity_id=IDP,
        trusted_keys=(TrustedKey(rsa_signer().certificate),),
        sp_entity_id=SP,
        acs_url=ACS,
        profile="saml",
    )


@cache
def idp() -> Idp:
    return Idp(default_tenant(uid="0" * 32), KeyRing.in_memory(lambda: NOW), lambda: NOW)


@cache
def trusted() -> Expectation:
    from app.saml.metadata import read_metadata

    known = read_metadata(idp().metadata(), now=NOW).idp
    assert known is not None
    return Expectation(
        idp_entity_id=known.entity_id,
        trusted_keys=known.signing_keys,
        sp_entity_id="https://imagekit.io/saml/consume",
        acs_url="https://imagekit.io/saml/consume",
        verifiers="ours",
    )


def good(user: str = "grace", signed: str = "ok-assertion-signed") -> bytes:
    """A good response of the simulator."""
    return idp().issue(user, "imagekit", faults=[signed]).xml


def tree(change: Change, data: bytes | None = None) -> bytes:
    root = etree.fromstring(good() if data is None else data)
    change(root)
    return etree.tostring(root)


def message(*before: Change, after: Change | None = None, part: str = "saml:Assertion", **knobs: object) -> bytes:
    root = build()
    for change in before:
        change(root)
    sign(root if part == "." else the(root, part), **knobs)  # type: ignore[arg-type]
    if after:
        after(root)
    return xml(root)


def explained(data: bytes, expectation: Expectation) -> SignatureExplanation:
    report = inspect(data, expectation, now=NOW)
    (found,) = explain_signatures(report)
    return found


def value(name: str, text: str) -> Change:
    def edit(root: etree._Element) -> None:
        next(a for a in root.iter(q(SAML, "Attribute")) if a.get("Name") == name)[0].text = text

    return edit


def add_around_signature(root: etree._Element) -> None:
    signature = next(root.iter(q(DS, "Signature")))
    issuer = signature.getprevious()
    assert issuer is not None
    issuer.tail = signature.tail = "\n    "


def add_processing_instruction(root: etree._Element) -> None:
    the(root, "saml:Assertion", "saml:Subject").append(etree.ProcessingInstruction("note", "x"))


def name_formats(root: etree._Element) -> None:
    for attribute in root.iter(q(SAML, "Attribute")):
        attribute.attrib.pop("NameFormat", None)


def unspecified(root: etree._Element) -> None:
    for attribute in root.iter(q(SAML, "Attribute")):
        attribute.set("NameFormat", "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified")


def mojibake(data: bytes) -> bytes:
    return data.decode().encode().decode("latin-1").encode()


def other_prefix(data: bytes) -> bytes:
    return data.replace(b"<saml:", b"<saml2:").replace(b"</saml:", b"</saml2:").replace(b"xmlns:saml=", b"xmlns:saml2=")


def collapsed(root: etree._Element) -> None:
    for node in root.iter():
        if len(node) and node.text and not node.text.strip():
            node.text = None
        if node.tail and not node.tail.strip():
            node.tail = None


def taken_out(data: bytes) -> bytes:
    """The assertion alone, without what was declared around it."""
    assertion = etree.fromstring(data).find(q(SAML, "Assertion"))
    assert assertion is not None
    return etree.tostring(assertion).replace(f' xmlns:samlp="{SAMLP}"'.encode(), b"", 1)


def declared_outside(root: etree._Element) -> None:
    """The values' type prefix is declared once, on the assertion."""
    old = the(root, "saml:Assertion")
    new = etree.Element(old.tag, dict(old.attrib), nsmap={"saml": SAML, "xs": XS})
    new.extend(list(old))
    root.replace(old, new)


def declared_inside(data: bytes) -> bytes:
    return data.replace(f' xmlns:xs="{XS}"'.encode(), b"", 1).replace(
        b"<saml:AttributeStatement>", f'<saml:AttributeStatement xmlns:xs="{XS}">'.encode()
    )


def without_declared(root: etree._Element) -> str:
    """The digest of inclusive canonicalisation, for a signature that declares the exclusive one."""
    return digest_of(c14n(the(root, "saml:Assertion"), C14N_INCLUSIVE))


#: What is done to a good message, and the damage that must explain it. Those that need an honest signer's mistake are
#: made by the tests' own signer, the others of the simulator's good response.
CASES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "indented": ("pretty-printed", lambda: tree(lambda r: etree.indent(r))),
    "indented by tabs": ("pretty-printed", lambda: tree(lambda r: etree.indent(r, "\t"))),
    "values on lines of their own": (
        "pretty-printed",
        lambda: tree(lambda r: [setattr(e, "text", f"\n   {e.text}\n") for e in r.iter(q(SAML, "AttributeValue"))]),
    ),
    "white space around the signature": ("signature-whitespace", lambda: tree(add_around_signature)),
    "collapsed": ("whitespace-collapsed", lambda: message(lambda r: etree.indent(r), after=collapsed)),
    "collapsed, tabs": ("whitespace-collapsed", lambda: message(lambda r: etree.indent(r, "\t"), after=collapsed)),
    "processing instruction": ("comments", lambda: tree(add_processing_instruction)),
    "comment": (
        "comments",
        lambda: message(
            after=lambda r: the(r, "saml:Assertion").append(etree.Comment("x")),
            transforms=(TRANSFORM_ENVELOPED, C14N_EXCLUSIVE_COMMENTS),
        ),
    ),
    "carriage returns added": (
        "line-ends",
        lambda: message(value("full_name", "Ada\nNg")).replace(b"Ada\nNg", b"Ada&#13;\nNg"),
    ),
    "carriage returns lost": (
        "line-ends",
        lambda: message(value("full_name", "Ada\r\nNg")).replace(b"Ada&#13;\nNg", b"Ada\nNg"),
    ),
    "read as Latin-1": ("re-encoded", lambda: mojibake(good("zoe"))),
    "decomposed": ("re-encoded", lambda: unicodedata.normalize("NFD", good("zoe").decode()).encode()),
    "escaped twice": (
        "escaped-twice",
        lambda: message(value("full_name", "Ada & Ng")).replace(b"Ada &amp; Ng", b"Ada &amp;amp; Ng"),
    ),
    "escaped once too little": (
        "escaped-twice",
        lambda: message(value("full_name", "Ada &amp; Ng")).replace(b"Ada &amp;amp; Ng", b"Ada &amp; Ng"),
    ),
    "plus signs lost": (
        "plus-became-space",
        lambda: message(value("full_name", "ada+ng@corp.test")).replace(b"ada+ng@", b"ada ng@"),
    ),
    "name format filled in": (
        "attribute-defaults",
        lambda: message(name_formats, after=unspecified),
    ),
    "prefix renamed": ("prefix-changed", lambda: other_prefix(good())),
    "digest of another algorithm": (
        "wrong-algorithm",
        lambda: message(digest=b64(hashlib.sha512(c14n(the(build(), "saml:Assertion"))).digest())),
    ),
    "another canonicalisation": ("wrong-canonicalization", lambda: message(digest=without_declared(build()))),
    "taken out of its Response": ("namespace-context", lambda: taken_out(message(transforms=INCLUSIVE))),
    "declarations moved": (
        "declarations-moved",
        lambda: declared_inside(message(declared_outside, transforms=INCLUSIVE)),
    ),
    "role raised": (
        "edited-value",
        lambda: tree(value("imagekit_role", "account_administrator")),
    ),
    "letter case": ("edited-value", lambda: good().replace(b"grace@", b"Grace@")),
    "blank cut off": (
        "edited-value",
        lambda: message(value("full_name", "Ada Ng "), after=value("full_name", "Ada Ng")),
    ),
    "another URL": (
        "edited-value",
        lambda: tree(lambda r: r.set("Destination", "https://sp.example/"), good(signed="ok-response-signed")),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_damage_is_found(case: str, expectation: Expectation) -> None:
    wanted, make = CASES[case]
    data = make()
    mine = expectation if IDP.encode() in data else trusted()
    found = explained(data, mine)
    assert found.fails_at == "digest", found.sentence
    content = [d for d in found.explained_by if d.of == "content"]
    assert [d.id for d in content] == [wanted], [(d.id, d.explains) for d in found.damages]
    assert digest_of_bytes(found, content[0].canonical) == found.declared_digest or wanted == "wrong-algorithm"
    assert found.computed_digest != found.declared_digest
    assert inspect(data, mine, now=NOW).verdict == "reject"


def digest_of_bytes(found: SignatureExplanation, data: bytes) -> str:
    assert found.digest_algorithm == "sha256"
    return digest_of(data)


def test_every_damage_is_shown_by_a_case() -> None:
    assert {wanted for wanted, _ in CASES.values()} == {r.id for r in registered()}


def test_what_was_a_value_is_told(expectation: Expectation) -> None:
    found = explained(tree(value("imagekit_role", "account_administrator")), trusted())
    assert "“developer” in place of “account_administrator”" in found.sentence
    assert "saml:AttributeValue" in found.sentence


def test_a_damage_is_registered_once() -> None:
    with pytest.raises(ValueError, match="two damages"):
        damage("pretty-printed", "again")(lambda d: iter(()))


# What no damage explains ----------------------------------------------------------------------------------------------


def test_the_good_message_fails_nowhere(expectation: Expectation) -> None:
    for signed in ("ok-assertion-signed", "ok-response-signed", "ok-both-signed"):
        for found in explain_signatures(inspect(good(signed=signed), trusted(), now=NOW)):
            assert (found.fails_at, found.damages) == ("nothing", ())
            assert found.computed_digest == found.declared_digest
            assert found.canonical.startswith(b"<")


def test_a_forgery_is_explained_by_nothing(expectation: Expectation) -> None:
    found = explained(message(after=forged), expectation)
    assert found.fails_at == "digest"
    assert found.explained_by == ()
    assert "None of the usual damages" in found.sentence
    assert any(d.canonical != found.canonical for d in found.damages)


def test_re_signed_by_a_stranger_is_a_matter_of_the_key(expectation: Expectation) -> None:
    found = explained(message(forged, signer=rsa_signer("stranger")), expectation)
    assert (found.fails_at, found.explained_by) == ("key", ())
    inside = next(k for k in found.keys if k.source == "message")
    assert inside.fits is True
    assert "subject of the configured certificate" in inside.resembles
    configured = next(k for k in found.keys if k.source == "configured")
    assert configured.fits is False


def test_a_stranger_s_damaged_message(expectation: Expectation) -> None:
    found = explained(message(signer=rsa_signer("stranger"), after=lambda r: etree.indent(r)), expectation)
    assert found.fails_at == "digest"
    assert [d.id for d in found.explained_by if d.of == "content"] == ["pretty-printed"]
    assert [d for d in found.explained_by if d.of == "SignedInfo"] == [], "no configured key made it"


# SignedInfo -----------------------------------------------------------------------------------------------------------


def indent_signature(root: etree._Element) -> None:
    signature = next(root.iter(q(DS, "Signature")))
    etree.indent(signature)


def test_a_re_formatted_signedinfo(expectation: Expectation) -> None:
    found = explained(tree(indent_signature), trusted())
    assert found.fails_at == "value"
    (only,) = found.explained_by
    assert (only.id, only.of) == ("pretty-printed", "SignedInfo")
    assert only.canonical.startswith(b"<ds:SignedInfo")
    assert only.canonical != found.signed_info


def test_another_signature_algorithm_than_declared(expectation: Expectation) -> None:
    def resign(root: etree._Element) -> None:
        info, made = (next(root.iter(q(DS, name))) for name in ("SignedInfo", "SignatureValue"))
        made.text = b64(raw_signature(rsa_signer(), SIG_RSA_SHA512, c14n(info)))

    found = explained(message(after=resign), expectation)
    assert (found.fails_at, [d.id for d in found.explained_by]) == ("value", ["wrong-algorithm"])
    assert "rsa-sha512" in found.sentence


def test_a_damaged_value(expectation: Expectation) -> None:
    found = explained(message(value=b64(b"\1" * 256)), expectation)
    assert (found.fails_at, found.explained_by) == ("value", ())


# Keys -----------------------------------------------------------------------------------------------------------------


def resemblance(expectation: Expectation, signer: Signer, **changes: object) -> str:
    found = explained(message(signer=signer), replace(expectation, **changes))  # type: ignore[arg-type]
    return next(k.resembles for k in found.keys if k.source == "message")


def test_what_a_certificate_of_the_message_resembles(expectation: Expectation) -> None:
    signer = rsa_signer()
    renewed = Signer(signer.key, certificate(signer.key, "idp.corp.test"))
    assert "same key" in resemblance(expectation, renewed)
    stranger = rsa_signer("stranger")
    other = Signer(stranger.key, certificate(stranger.key, "other.corp.test"))
    assert "no configured certificate" in resemblance(expectation, other)
    elsewhere = (("https://other.example/idp", (TrustedKey(other.certificate),)),)
    assert "https://other.example/idp" in resemblance(expectation, other, other_idps=elsewhere)
    sibling = Signer(stranger.key, certificate(stranger.key, "sibling.corp.test", by=signer))
    assert "issuer of a configured" in resemblance(expectation, sibling)
    assert "Nothing is configured" in resemblance(expectation, other, trusted_keys=())
    assert "It is configured" in resemblance(expectation, signer)


def test_a_key_without_a_certificate(expectation: Expectation) -> None:
    for signer, words in ((rsa_signer(), "configured certificate"), (rsa_signer("stranger"), "none of the configured")):
        found = explained(message(signer=signer, key_info=rsa_key_value(signer)), expectation)
        (inside,) = (k for k in found.keys if k.source == "message")
        assert inside.not_before is None
        assert words in inside.resembles


def test_the_same_key_fits_in_another_certificate(expectation: Expectation) -> None:
    signer = rsa_signer()
    renewed = Signer(signer.key, certificate(signer.key, "idp.corp.test"))
    found = explained(message(signer=renewed), expectation)
    assert found.fails_at == "nothing"
    assert {k.fits for k in found.keys} == {True}
    assert next(k for k in found.keys if k.source == "configured").resembles.startswith("Its key is in the message")


def test_a_key_of_another_kind_does_not_fit(expectation: Expectation) -> None:
    found = explained(message(signer=ec_signer()), expectation)
    assert [(k.source, k.fits) for k in found.keys] == [("configured", False), ("message", True)]
    assert found.fails_at == "key"


# Where else it fails --------------------------------------------------------------------------------------------------

PLACES = {
    "sig-transform-xslt": "canonicalization",
    "sig-inclusive-c14n": "canonicalization",
    "sig-external-uri": "reference",
    "sig-two-references": "reference",
    "sig-two-signedinfo": "structure",
    "sig-object-empty": "structure",
    "crypto-hmac-public-key": "algorithm",
    "crypto-sha1-signature": "algorithm",
    "sig-value-empty": "structure",
    "sig-wrong-key-own-cert": "key",
    "sig-tampered-content": "digest",
    "sig-tampered-signedinfo": "value",
}


@pytest.mark.parametrize("fault", PLACES)
def test_where_it_fails(fault: str) -> None:
    data = idp().issue("grace", "imagekit", faults=[fault]).xml
    found = explain_signatures(inspect(data, trusted(), now=NOW))
    assert PLACES[fault] in {f.fails_at for f in found}, [(f.fails_at, f.sentence) for f in found]
    assert all(f.sentence.endswith(".") and f.where.endswith("ds:Signature") for f in found)


@pytest.mark.parametrize("family", sorted({f.family for f in all_faults()}))
def test_no_fault_breaks_it_and_nothing_is_believed(family: str) -> None:
    for fault in all_faults():
        if fault.family != family or fault.stage in (Stage.METADATA, Stage.REQUEST):
            continue
        report = inspect(
            idp().issue("grace", "imagekit", faults=[fault.id]).body, trusted(), now=NOW, channel="post-form"
        )
        before = (report.verdict, report.login)
        for number, found in enumerate(explain_signatures(report)):
            assert found.sentence, fault.id
            assert found.line >= 0
            if number < len(report.signatures) and report.signatures[number].status == "valid":
                assert found.fails_at == "nothing", (fault.id, found.sentence)
        assert (report.verdict, report.login) == before


def test_the_work_is_bounded(expectation: Expectation) -> None:
    """A large message costs no more than a second, and what was left out is said."""

    def many(number: int) -> Change:
        def add(root: etree._Element) -> None:
            statement = the(root, "saml:Assertion", "saml:AttributeStatement")
            model = statement[1]
            for n in range(number):
                again = copy.deepcopy(model)
                again.set("Name", f"g{n}")
                again[0].text = f"a value + of & somebody é {n}"
                statement.append(again)

        return add

    report = inspect(message(many(900), after=forged), expectation, now=NOW)
    assert 100_000 < len(report.xml) < MOST_BYTES
    start = time.thread_time()
    (found,) = explain_signatures(report)
    assert time.thread_time() - start < 3
    assert "Not every usual damage" in found.sentence
    (large,) = explain_signatures(inspect(message(many(2_600), after=forged), expectation, now=NOW))
    assert "no damage was looked for" in large.sentence
    assert large.damages == ()


def test_no_message_has_no_explanation(expectation: Expectation) -> None:
    for source in (b"", b"<html/>", b"not xml", xml(build())):
        assert explain_signatures(inspect(source, expectation, now=NOW)) == ()
