"""Every rule of structure that is read before any crypto, each broken once."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree

from app.saml.names import (
    C14N_EXCLUSIVE,
    DS,
    TRANSFORM_ENVELOPED,
)
from tests.saml.signing_samples import (
    build,
    resign,
    sign,
    text,
    the,
    xml,
)
from tests.saml.verifying import (
    assertion_signed,
    ids,
    verify,
)

ENV, EXC = TRANSFORM_ENVELOPED, C14N_EXCLUSIVE
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
DIGEST_SHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"
DIGEST_SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"
PSS = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"


# Refused structure ----------------------------------------------------------------------------------------------------


def _edit(edit: Callable[[etree._Element], object], *, again: bool = False, **knobs: Any) -> bytes:
    """A message with a signed assertion whose signature element was edited, and signed again where asked."""
    r = assertion_signed(**knobs)
    s = the(r, "saml:Assertion", "ds:Signature")
    edit(s)
    if again:
        resign(s)
    return xml(r)


def _append(name: str, namespace: str = DS, **attributes: str) -> Callable[[etree._Element], object]:
    return lambda s: text(s, namespace, name, **attributes)


def _at(path: str, edit: Callable[[etree._Element], object]) -> Callable[[etree._Element], object]:
    return lambda s: edit(the(s, *path.split("/")))


def _remove(el: etree._Element) -> None:
    parent = el.getparent()
    assert parent is not None
    parent.remove(el)


def _twice(el: etree._Element) -> None:
    el.addnext(copy.deepcopy(el))


def _set(name: str, value: str | None) -> Callable[[etree._Element], object]:
    def edit(el: etree._Element) -> None:
        if value is None:
            del el.attrib[name]
        else:
            el.set(name, value)

    return edit


def _words(value: str) -> Callable[[etree._Element], object]:
    def edit(el: etree._Element) -> None:
        el.text = value

    return edit


REFERENCE = "ds:SignedInfo/ds:Reference"
TRANSFORMS = REFERENCE + "/ds:Transforms"
METHOD = "ds:SignedInfo/ds:SignatureMethod"
STRUCTURE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "object": ("signature-no-object", lambda: _edit(_append("Object"))),
    "manifest": (
        "signature-no-object",
        lambda: _edit(_at(REFERENCE, _set("Type", DS + "Manifest")), again=True),
    ),
    "two SignedInfo": ("signature-structure", lambda: _edit(_at("ds:SignedInfo", _twice))),
    "two SignatureValue": ("signature-structure", lambda: _edit(_at("ds:SignatureValue", _twice))),
    "no SignatureValue": ("signature-structure", lambda: _edit(_at("ds:SignatureValue", _remove))),
    "two KeyInfo": ("signature-structure", lambda: _edit(_at("ds:KeyInfo", _twice))),
    "foreign child": ("signature-structure", lambda: _edit(_append("x", "urn:x.test"))),
    "text beside": ("signature-structure", lambda: _edit(_words("hello"))),
    "two methods": ("signature-structure", lambda: _edit(_at(METHOD, _twice), again=True)),
    "strange attribute": ("signature-structure", lambda: _edit(_at("ds:SignatureValue", _set("Encoding", "x")))),
    "element in DigestValue": (
        "signature-structure",
        lambda: _edit(_at(REFERENCE + "/ds:DigestValue", _append("x", "urn:x.test")), again=True),
    ),
    "no Reference": ("signature-reference-count", lambda: _edit(_at(REFERENCE, _remove), again=True)),
    "two References": ("signature-reference-count", lambda: _edit(_at(REFERENCE, _twice), again=True)),
    "empty URI": ("signature-reference-uri", lambda: xml(assertion_signed(uri=""))),
    "no URI": ("signature-reference-uri", lambda: xml(assertion_signed(uri=None))),
    "file URI": ("signature-reference-uri", lambda: xml(assertion_signed(uri="file:///etc/passwd"))),
    "http URI": ("signature-reference-uri", lambda: xml(assertion_signed(uri="http://127.0.0.1:9/"))),
    "xpointer": ("signature-reference-uri", lambda: xml(assertion_signed(uri="#xpointer(id('_a1'))"))),
    "XPath injection": ("signature-reference-uri", lambda: xml(assertion_signed(uri="#x'] | //*[@ID='_r1"))),
    "dangling URI": ("signature-reference-target", lambda: xml(assertion_signed(uri="#_nothing"))),
    "no enveloped": ("signature-transforms", lambda: xml(assertion_signed(transforms=(EXC,)))),
    "no transforms": ("signature-transforms", lambda: _edit(_at(TRANSFORMS, _remove), again=True)),
    "wrong order": ("signature-transforms", lambda: xml(assertion_signed(transforms=(EXC, ENV)))),
    "xpath transform": ("signature-transforms", lambda: xml(assertion_signed(transforms=(ENV, XPATH)))),
    "xslt transform": ("signature-transforms", lambda: xml(assertion_signed(transforms=(XSLT, ENV)))),
    "base64 transform": ("signature-transforms", lambda: xml(assertion_signed(transforms=(ENV, DS + "base64")))),
    "three transforms": ("signature-transforms", lambda: xml(assertion_signed(transforms=(ENV, EXC, EXC)))),
    "enveloped twice": ("signature-transforms", lambda: xml(assertion_signed(transforms=(ENV, ENV)))),
    "content in a transform": (
        "signature-transforms",
        lambda: _edit(_at(TRANSFORMS + "/ds:Transform", _append("XPath")), again=True),
    ),
    "unknown c14n": ("signature-c14n", lambda: xml(assertion_signed(method="urn:x.test:c14n"))),
    "40 prefixes": (
        "signature-prefixlist",
        lambda: xml(assertion_signed(prefixes=[f"p{n}" for n in range(40)])),
    ),
    "no prefix": ("signature-prefixlist", lambda: _edit(_bad_prefixes, again=True)),
    "comment in DigestValue": (
        "signature-no-comments",
        lambda: _edit(_at(REFERENCE + "/ds:DigestValue", lambda d: d.insert(0, etree.Comment("x")))),
    ),
    "comment in Signature": ("signature-no-comments", lambda: _edit(lambda s: s.append(etree.Comment("x")))),
    "instruction in SignedInfo": (
        "signature-no-comments",
        lambda: _edit(_at("ds:SignedInfo", lambda i: i.append(etree.PI("x", "y"))), again=True),
    ),
    "HMACOutputLength": (
        "crypto-hmac-length",
        lambda: _edit(_at(METHOD, lambda m: text(m, DS, "HMACOutputLength", "8")), again=True),
    ),
    "hmac": ("crypto-no-hmac", lambda: _with_method("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")),
    "md5": ("crypto-md5", lambda: _with_method("http://www.w3.org/2001/04/xmldsig-more#rsa-md5")),
    "ripemd": ("crypto-md5", lambda: _with_method("http://www.w3.org/2001/04/xmldsig-more#rsa-ripemd160")),
    "unknown": ("crypto-sigalg", lambda: _with_method("urn:x.test:best-signature")),
    "empty algorithm": ("crypto-sigalg", lambda: _with_method("")),
    "dsa method": ("crypto-dsa", lambda: _with_method("http://www.w3.org/2009/xmldsig11#dsa-sha256")),
    "md5 digest": (
        "crypto-digest",
        lambda: xml(assertion_signed(digest_method="http://www.w3.org/2001/04/xmldsig-more#md5")),
    ),
    "unknown digest": (
        "crypto-digest",
        lambda: _edit(_at(REFERENCE + "/ds:DigestMethod", _set("Algorithm", "urn:x.test:d")), again=True),
    ),
    "RetrievalMethod": (
        "signature-keyinfo-children",
        lambda: _edit(_at("ds:KeyInfo", _append("RetrievalMethod", URI="http://127.0.0.1:9/k"))),
    ),
    "SecurityTokenReference": (
        "signature-keyinfo-children",
        lambda: _edit(_at("ds:KeyInfo", _append("SecurityTokenReference", "urn:x.test:wsse"))),
    ),
    "empty X509Data": ("signature-keyinfo-children", lambda: _edit(_at("ds:KeyInfo", _append("X509Data")))),
    "empty KeyInfo": ("signature-keyinfo-children", lambda: xml(assertion_signed(key_info=lambda _: None))),
    "two signatures": ("signature-single", lambda: _edit(_twice)),
    "on the Subject": ("signature-position", lambda: xml(_subject_signed())),
    "in the Response, about the Assertion": ("signature-reference-uri", lambda: xml(_detached())),
}


def _bad_prefixes(s: etree._Element) -> None:
    method = the(s, "ds:SignedInfo", "ds:CanonicalizationMethod")
    text(method, "http://www.w3.org/2001/10/xml-exc-c14n#", "InclusiveNamespaces", PrefixList="a:b 1")


def _with_method(uri: str) -> bytes:
    return _edit(_at(METHOD, _set("Algorithm", uri)), again=True)


def _subject_signed() -> etree._Element:
    r = build()
    subject = the(r, "saml:Assertion", "saml:Subject")
    subject.set("ID", "_s9")
    sign(subject, position=0)
    return r


def _detached() -> etree._Element:
    r = build()
    sign(the(r, "saml:Assertion"), parent=r, transforms=(EXC,))
    return r


@pytest.mark.parametrize("name", STRUCTURE)
def test_refused_structure(name: str) -> None:
    check, make = STRUCTURE[name]
    v = verify(make())
    assert check in ids(v)
    assert v.signed_assertion is None
    assert v.signed_response is None
    assert all(f.status == "invalid" and f.message for f in v.findings)
    assert all(f.digest_ok is None for f in v.findings), "crypto was tried with a refused structure"
