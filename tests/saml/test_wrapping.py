"""Signature wrapping (faults.md B.3) and documents built to be expensive: no forged identity, no long wait."""

from __future__ import annotations

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from app.saml.names import (
    C14N_EXCLUSIVE,
    DS,
    SAML,
    SAMLP,
    TRANSFORM_ENVELOPED,
    q,
)
from app.saml.signature import Verification, verify_signatures
from app.saml.xml import parse
from tests.saml.signing_samples import (
    NOW,
    build,
    forged,
    sign,
    stripped,
    text,
    the,
    xml,
)
from tests.saml.verifying import (
    assertion_signed,
    expecting,
    fastest,
    ids,
    name_of,
    response_signed,
    verify,
)

ENV, EXC = TRANSFORM_ENVELOPED, C14N_EXCLUSIVE
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
DIGEST_SHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"
DIGEST_SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"
PSS = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"


# Wrapping (faults.md B.3) ---------------------------------------------------------------------------------------------


def _shape(name: str) -> tuple[etree._Element, set[str]]:
    """A wrapped message and the checks of which one must speak."""
    eid = "_evil"
    if name in ("xsw1", "xsw1-object", "xsw2"):
        r = response_signed()
        genuine, s = stripped(r), the(r, "ds:Signature")
        forged(r)
        r.set("ID", eid)
        if name == "xsw1":
            s.append(genuine)
            return r, {"signature-structure"}
        if name == "xsw1-object":
            text(s, DS, "Object").append(genuine)
            return r, {"signature-no-object"}
        r.insert(r.index(s), genuine)
        return r, {"signature-reference-uri"}
    r = assertion_signed()
    a = the(r, "saml:Assertion")
    s = the(a, "ds:Signature")
    evil = forged(stripped(a))
    evil.set("ID", eid)
    if name in ("xsw3", "xsw-evil-after"):
        r.insert(r.index(a) + (name != "xsw3"), evil)
        return r, {"signature-binding"}
    if name == "xsw4":
        r.append(evil)
        evil.append(a)
        return r, {"signature-position"}
    if name in ("xsw5", "xsw6", "xsw8"):
        genuine = stripped(a)
        forged(a)
        a.set("ID", eid)
        if name == "xsw5":
            r.append(genuine)
            return r, {"signature-reference-uri"}
        (s if name == "xsw6" else text(s, DS, "Object")).append(genuine)
        return r, {"signature-structure" if name == "xsw6" else "signature-no-object"}
    if name == "xsw7":
        extensions = etree.Element(q(SAMLP, "Extensions"))
        extensions.append(evil)
        r.insert(1, extensions)
        return r, {"signature-binding"}
    if name in ("same-id-in-extensions", "same-id-after"):
        genuine = stripped(a)
        forged(a)
        extensions = etree.Element(q(SAMLP, "Extensions"))
        extensions.append(genuine)
        r.insert(1 if name == "same-id-in-extensions" else len(r), extensions)
        return r, {"signature-reference-target"}
    if name == "Id-instead-of-ID":
        etree.SubElement(r, q(SAMLP, "Extensions")).append(etree.Element("{urn:x.test}x", Id="_a1"))
        return r, {"signature-reference-target"}
    if name == "statusdetail":
        text(the(r, "samlp:Status"), SAMLP, "StatusDetail").append(copy.deepcopy(s))
        forged(a)
        return r, {"signature-position"}
    if name in ("advice", "attributevalue"):
        r.replace(a, evil)
        holder = text(evil, SAML, "Advice") if name == "advice" else next(evil.iter(q(SAML, "AttributeValue")))
        holder.append(a)
        return r, {"signature-position"}
    if name == "foreign-root":
        wrap = etree.Element("{urn:x.test}Wrap")
        wrap.extend([forged(stripped(r)), r])
        return wrap, {"signature-position"}
    if name == "metadata":
        genuine = etree.Element("{urn:oasis:names:tc:SAML:2.0:metadata}EntityDescriptor", ID="_md")
        genuine.append(etree.Element("{urn:oasis:names:tc:SAML:2.0:metadata}Extensions"))
        sign(genuine, position=0)
        message = forged(build())
        extensions = etree.Element(q(SAMLP, "Extensions"))
        extensions.append(genuine)
        message.insert(1, extensions)
        return message, {"signature-position"}
    assert name == "error-response-in-extensions"
    message, error = forged(build()), build()
    error.remove(the(error, "saml:Assertion"))
    error.set("ID", "_e1")
    sign(error)
    extensions = etree.Element(q(SAMLP, "Extensions"))
    extensions.append(error)
    message.insert(1, extensions)
    return message, {"signature-position"}


SHAPES = (
    *("xsw1", "xsw1-object", "xsw2", "xsw3", "xsw4", "xsw5", "xsw6", "xsw7", "xsw8", "xsw-evil-after"),
    *("same-id-in-extensions", "same-id-after", "Id-instead-of-ID", "statusdetail", "advice", "attributevalue"),
    *("foreign-root", "metadata", "error-response-in-extensions"),
)


@pytest.mark.parametrize("name", SHAPES)
def test_wrapping(name: str) -> None:
    r, checks = _shape(name)
    v = verify(r)
    assert checks <= ids(v)
    assert v.signed_assertion is None


# Hostile sizes --------------------------------------------------------------------------------------------------------


def test_many_references_and_transforms_are_refused_before_crypto() -> None:
    def references(info: etree._Element) -> None:
        for _ in range(999):
            info.append(copy.deepcopy(info[2]))

    many = xml(assertion_signed(extra=references))
    steps = xml(assertion_signed(transforms=(ENV, *[EXC] * 50)))
    for data, check in ((many, "signature-reference-count"), (steps, "signature-transforms")):
        document = parse(data).document
        assert document is not None
        assert check in ids(verify_signatures(document, expecting(), NOW))
        assert fastest(lambda d=document: verify_signatures(d, expecting(), NOW)) < 0.05  # type: ignore[misc]


def test_many_signatures_cost_little() -> None:
    r = assertion_signed()
    s = the(r, "saml:Assertion", "ds:Signature")
    extensions = text(r, SAMLP, "Extensions")
    for _ in range(400):
        extensions.append(copy.deepcopy(s))
    document = parse(xml(r)).document
    assert document is not None
    v = verify_signatures(document, expecting(), NOW)
    assert {"signature-single", "signature-position"} <= ids(v)
    assert len(v.findings) == 16
    assert fastest(lambda: verify_signatures(document, expecting(), NOW), 2) < 0.15


def test_namespace_bomb_ends_quickly() -> None:
    names = "".join(f' xmlns:n{i}="urn:n{i}.test"' for i in range(1000)).encode()
    data = xml(assertion_signed(prefixes=[f"n{i}" for i in range(1000)]))
    data = data.replace(b"<saml:Assertion ", b"<saml:Assertion" + names + b" ", 1)
    data = data.replace(b"</saml:Assertion>", b"<x/>" * 1000 + b"</saml:Assertion>")

    def inspect() -> Verification | None:
        document = parse(data).document
        return verify_signatures(document, expecting(), NOW) if document else None

    v = inspect()
    assert v is None or v.signed_assertion is None
    assert fastest(inspect, 2) < 0.05


def test_prefix_list_bound_holds_without_the_parser() -> None:
    v = verify(xml(assertion_signed(prefixes=[f"n{i}" for i in range(1000)])))
    assert "signature-prefixlist" in ids(v)


WORKING = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@WORKING
@given(st.data())
def test_moving_elements_never_forges(data: st.DataObject) -> None:
    """The genuine and a forged assertion anywhere in the tree: the identity read is genuine, or none."""
    r = data.draw(st.sampled_from([assertion_signed, response_signed]))()
    a = the(r, "saml:Assertion")
    genuine = copy.deepcopy(a)
    genuine.tail = None
    evil = forged(copy.deepcopy(a) if data.draw(st.booleans()) else stripped(a))
    if data.draw(st.booleans()):
        evil.set("ID", "_evil")
    for el in (evil, genuine) if data.draw(st.booleans()) else (evil,):
        holders = [h for h in r.iter() if isinstance(h.tag, str)]
        holder = data.draw(st.sampled_from(holders))
        holder.insert(data.draw(st.integers(0, len(holder))), el)
    if data.draw(st.booleans()):
        forged(a)
    document = parse(xml(r)).document
    if document is not None:
        assert name_of(verify_signatures(document, expecting(), NOW)) in (None, "ada@corp.test")
        assert {f.status for f in verify_signatures(document, expecting(verifiers="ours"), NOW).findings} <= {
            "valid",
            "invalid",
        }
