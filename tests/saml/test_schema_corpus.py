"""The verdicts of app.saml.schema are those of the published schemas on everything the simulator can send, and on every
element of good messages removed, doubled, moved, emptied, filled and with each attribute changed.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

import pytest
from lxml import etree

from app.saml.names import SAML, q
from app.saml.schema import violations
from app.saml.xml import parse
from simulator import AuthnRequest, Idp, KeyRing, all_faults, default_tenant
from simulator.asking import ask

NOW = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)
SP = "https://imagekit.io/saml/consume"
REQUEST = AuthnRequest(id="_request", application="imagekit", issuer=SP, acs_url=SP)
FAULTS = {f.id: f for f in all_faults() if f.acts_on in ("message", "request")}
FAMILIES = sorted({f.family for f in FAULTS.values()})

_ROOT = "Which document it is, is told before its content is judged."
_EXTENSION = "Its type is of a schema that nobody has published; whoever gets it must know it."
_NEWER = "XML Encryption 1.1 is newer than the schemas."
#: Faults that the published schemas refuse and ours does not, and why.
APART = {
    "xsw-foreign-root": _ROOT,
    "xml-html": _ROOT,
    "req-html": _ROOT,
    "xml-soap": _ROOT,
    "xml-metadata-pasted": _ROOT,
    "route-condition-unknown": _EXTENSION,
    "id-nameid-baseid": _EXTENSION,
    "enc-oaep-sha256": _NEWER,
    "enc-oaep-mgf1sha256": _NEWER,
}
#: Faults that only we refuse: the schemas do not know that the attribute ID of a foreign element is one.
STRICTER = {"c14n-nested-same-id-element"}
_STRICT = "The wildcard of the schema wants elements that it knows; ours takes any."
_TYPED = "xsi:type narrows what the value may hold; ours takes the element as it is."
_BASE64 = "Values are judged where they are decoded."
#: Changes (local name, change) that the published schemas refuse and ours does not, and why.
CHANGES_APART = {
    **{(n, c): _STRICT for n in ("CanonicalizationMethod", "SignatureMethod") for c in ("+foreign", "+plain")},
    ("EncryptionMethod", "+foreign"): _STRICT,
    **{("AttributeValue", c): _TYPED for c in ("+foreign", "+plain", "@foreign", "@plain", "@type empty")},
    **{(n, "text"): _BASE64 for n in ("CipherValue", "DigestValue", "SignatureValue", "X509Certificate")},
}


@cache
def idp(vendor: str = "generic") -> Idp:
    keys = KeyRing.in_memory(lambda: NOW) if vendor == "generic" else idp().keys
    return Idp(default_tenant(vendor=vendor, uid="0" * 32), keys, lambda: NOW)


def octets(fault_id: str) -> bytes:
    fault = FAULTS[fault_id]
    if fault.acts_on == "request":
        application = idp().tenant.application("imagekit")
        assert application is not None
        return ask(application, idp().keys, NOW, "https://idp.example/sso", faults=[fault_id], signed=True).xml
    asked = REQUEST if fault.setup.flow == "sp_initiated" else None
    return idp().issue("grace", "imagekit", request=asked, faults=[fault_id], victim="victim@acme-media.test").xml


def both(xml: bytes, published: etree.XMLSchema) -> tuple[bool, bool] | None:
    """Whether the document is valid to us (with the checks of IDs) and to the schemas; None: it is not even read."""
    parsed = parse(xml)
    if parsed.document is None:
        return None
    ids = [p for p in parsed.problems if p.check.startswith("xml-id")]
    return not violations(parsed.document.root) and not ids, published.validate(parsed.document.root)


@pytest.mark.parametrize("family", FAMILIES)
def test_faults_and_controls_are_judged_as_by_the_published_schemas(family: str, published: etree.XMLSchema) -> None:
    compared, apart = 0, {}
    for fault in (f for f in FAULTS.values() if f.family == family):
        verdicts = both(octets(fault.id), published)
        compared += verdicts is not None
        if verdicts is not None and verdicts[0] is not verdicts[1]:
            apart[fault.id] = verdicts
    assert compared
    known = dict.fromkeys(APART, (True, False)) | dict.fromkeys(STRICTER, (False, True))
    assert apart == {i: verdicts for i, verdicts in known.items() if FAULTS[i].family == family}


GOOD = {
    "both signed": lambda: idp().issue("grace", "imagekit", faults=["ok-both-signed"]).xml,
    "encrypted": lambda: idp().issue("grace", "imagekit", faults=["ok-encrypted-gcm-both"]).xml,
    "key beside": lambda: idp().issue("grace", "imagekit", faults=["ok-encrypted-key-sibling"]).xml,
    "advice": lambda: idp().issue("grace", "imagekit", faults=["ok-advice+ok-extensions"]).xml,
    "of Shibboleth": lambda: idp("shibboleth").issue("grace", "imagekit").xml,
    "refusal": lambda: idp().refuse("imagekit", ("urn:a", "urn:b"), "No.").xml,
    "request": lambda: octets_of_request(),
}


def octets_of_request() -> bytes:
    application = idp().tenant.application("imagekit")
    assert application is not None
    return ask(application, idp().keys, NOW, "https://idp.example/sso", signed=True).xml


def changed(xml: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Every element changed in every way: its local name, the change, the document."""
    base = etree.fromstring(xml)
    tree = base.getroottree()
    for original in list(base.iter(etree.Element)):
        path = tree.getelementpath(original)
        local = etree.QName(original).localname

        def fresh(path: str = path) -> tuple[etree._Element, etree._Element]:
            root = etree.fromstring(xml)
            found = root if path == "." else root.find(path)
            assert found is not None
            return root, found

        for change in changes(original, is_root=original is base):
            root, element = fresh()
            apply(change, element)
            yield local, change, etree.tostring(root)


def changes(element: etree._Element, *, is_root: bool) -> Iterator[str]:
    if not is_root:
        yield from ("removed", "twice", "last", "first")
    yield from ("empty", "+foreign", "+plain", "+assertion", "@plain", "@foreign", "text")
    for name in element.attrib:
        yield f"-@{name}"
        yield f"@{etree.QName(name).localname} empty"


def apply(change: str, element: etree._Element) -> None:
    parent = element.getparent()
    if change == "removed":
        assert parent is not None
        parent.remove(element)
    elif change == "twice":
        element.addnext(copy.deepcopy(element))
    elif change in ("last", "first"):
        assert parent is not None
        parent.insert(len(parent) if change == "last" else 0, element)
    elif change == "empty":
        element.text = None
        for child in list(element):
            element.remove(child)
    elif change == "text":
        element.text = "stray"
    elif change[0] == "+":
        tag = {"+foreign": "{urn:x}f", "+plain": "plain"}.get(change, q(SAML, "Assertion"))
        element.insert(0 if change == "+assertion" else len(element), etree.Element(tag))
    elif change in ("@plain", "@foreign"):
        element.set("plain" if change == "@plain" else "{urn:x}f", "1")
    elif change.startswith("-@"):
        del element.attrib[change[2:]]
    else:
        local = change[1:].partition(" ")[0]
        element.set(next(n for n in element.attrib if etree.QName(n).localname == local), "")


@pytest.mark.parametrize("good", GOOD)
def test_every_change_of_every_element_is_judged_as_by_the_published_schemas(
    good: str, published: etree.XMLSchema
) -> None:
    xml = GOOD[good]()
    assert both(xml, published) == (True, True)
    compared = 0
    apart: dict[tuple[str, str], tuple[bool, bool]] = {}
    for local, change, document in changed(xml):
        verdicts = both(document, published)
        assert verdicts is not None
        compared += 1
        if verdicts[0] is not verdicts[1]:
            apart[local, change] = verdicts
    assert compared > 25
    assert {k: v for k, v in apart.items() if k not in CHANGES_APART} == {}
    assert set(apart.values()) <= {(True, False)}
