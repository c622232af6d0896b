"""Makes wrapping variants by the thousand from a signed message, for the property that no forged identity is ever read.

The idea is WS-Attacker's: every place a second element can stand, every kind of ID, every home of the signature.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator

from lxml import etree

from simulator.message import fresh_id
from simulator.names import DS, SAML, SAMLP, q
from simulator.signing import without_signatures

_PLACES = (
    "Response",
    "Extensions",
    "Status",
    "StatusDetail",
    "Assertion",
    "Advice",
    "Subject",
    "AttributeValue",
    "Signature",
    "Object",
    "KeyInfo",
)
_POSITIONS = ("before", "first", "last", "after")
_IDS = ("fresh", "same", "none")
_SIGNATURES = ("original", "forged", "root")
_ROLES = ("forged-inside", "original-inside")


def wrapping_variants(signed: bytes, victim: str) -> Iterator[tuple[str, bytes]]:
    """Every variant of one signed Response as (name, octets).

    `signed` is a good message whose assertion or response is signed. In each variant somewhere stands the genuine
    signed element and somewhere a copy of it that names `victim`. A service provider must reject it, or read the
    genuine identity. One signed message gives more than a thousand distinct variants.
    """
    seen: set[bytes] = set()
    for row in itertools.product(_PLACES, _POSITIONS, _IDS, _SIGNATURES, _ROLES, ("assertion", "copy")):
        root = etree.fromstring(signed, etree.XMLParser(resolve_entities=False, no_network=True))
        made = _variant(root, victim, *row)
        if made is None:
            continue
        data = etree.tostring(made, encoding="UTF-8", xml_declaration=False)
        if data in seen or data == signed:
            continue
        seen.add(data)
        yield "-".join(row), data


def _variant(
    root: etree._Element, victim: str, place: str, position: str, ids: str, home: str, role: str, subject: str
) -> etree._Element | None:
    signature = root.find(f".//{q(DS, 'Signature')}")
    assertion = root.find(q(SAML, "Assertion"))
    if signature is None or assertion is None:
        return None
    signed = signature.getparent()
    assert signed is not None
    if subject == "copy" and signed is not assertion:
        return None  # of a response only the whole is wrapped
    forged = _forged(without_signatures(signed), victim, ids)
    original = copy.deepcopy(signed)
    original.tail = None
    kept = original.find(f".//{q(DS, 'Signature')}")
    assert kept is not None
    parent = kept.getparent()
    assert parent is not None
    main, inside = (original, forged) if role == "forged-inside" else (forged, original)
    if home != "original":
        parent.remove(kept)
    if home == "forged":
        forged.insert(1 if len(forged) else 0, kept)
    if signed is root:
        document = main
    else:
        root.replace(signed, main)
        document = root
        if subject == "copy":
            root.append(copy.deepcopy(original if role == "original-inside" else forged))
    if home == "root":
        document.insert(1 if len(document) else 0, kept)
    anchor = _anchor(document, main, place, kept)
    if anchor is None:
        return None
    if position in ("before", "after"):
        if anchor.getparent() is None or any(anchor is a for a in inside.iter()):
            return None
        (anchor.addprevious if position == "before" else anchor.addnext)(inside)
    elif any(anchor is a for a in inside.iter()):
        return None
    else:
        anchor.insert(0 if position == "first" else len(anchor), inside)
    return document


def _forged(element: etree._Element, victim: str, ids: str) -> etree._Element:
    for name_id in element.iter(q(SAML, "NameID")):
        name_id.text = victim
    for attribute in element.iter(q(SAML, "Attribute")):
        if (attribute.get("Name") or "").endswith("role"):
            for value in attribute:
                value.text = "account_administrator"
    for node in (element, *element.iter(q(SAML, "Assertion"))):
        if ids == "fresh":
            node.set("ID", fresh_id())
        elif ids == "none":
            node.attrib.pop("ID", None)
    return element


def _anchor(document: etree._Element, main: etree._Element, place: str, kept: etree._Element) -> etree._Element | None:
    """The element that the insertion point names, made where the document has none."""
    if place == "Response":
        return document
    if place in ("Signature", "Object", "KeyInfo"):
        if kept.getparent() is None:
            return None
        if place == "Signature":
            return kept
        found = kept.find(q(DS, place))
        return found if found is not None else etree.SubElement(kept, q(DS, place))
    if place in ("Extensions", "StatusDetail", "Status"):
        status = document.find(q(SAMLP, "Status"))
        if status is None or place == "Status":
            return status
        if place == "StatusDetail":
            return etree.SubElement(status, q(SAMLP, "StatusDetail"))
        holder = etree.Element(q(SAMLP, "Extensions"))
        status.addprevious(holder)
        return holder
    assertion = main if main.tag == q(SAML, "Assertion") else main.find(q(SAML, "Assertion"))
    if assertion is None or place == "Assertion":
        return assertion
    if place == "Advice":
        conditions = assertion.find(q(SAML, "Conditions"))
        if conditions is None:
            return None
        advice = etree.Element(q(SAML, "Advice"))
        conditions.addnext(advice)
        return advice
    return assertion.find(f".//{q(SAML, place)}")
