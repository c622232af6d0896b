"""Two messages, or two metadata documents, compared by meaning. It says what differs, not which one is right.

Attributes are matched by Name, certificates by their bytes, everything else by its place. What must differ between two
logins (ids, instants, signature values) is set apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from lxml import etree

from app.saml.names import DS, MD, SAML, q
from app.saml.outline import fold
from app.saml.xml import name_of, parse

Change = Literal["changed", "only-in-first", "only-in-second"]

_EXPECTED_ATTRIBUTES: Final = frozenset(
    {
        "ID",
        "IssueInstant",
        "NotBefore",
        "NotOnOrAfter",
        "AuthnInstant",
        "SessionIndex",
        "SessionNotOnOrAfter",
        "InResponseTo",
        "validUntil",
    }
)
_EXPECTED_ELEMENTS: Final = frozenset(
    {q(DS, "DigestValue"), q(DS, "SignatureValue"), q("http://www.w3.org/2001/04/xmlenc#", "CipherValue")}
)
_NAMED_BY: Final = {
    q(SAML, "Attribute"): "Name",
    q(MD, "SingleSignOnService"): "Binding",
    q(MD, "SingleLogoutService"): "Binding",
    q(MD, "AssertionConsumerService"): "index",
    q(MD, "EntityDescriptor"): "entityID",
    q(MD, "KeyDescriptor"): "use",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that differs. `expected` marks what differs between any two logins."""

    where: str
    change: Change
    first: str | None
    second: str | None
    expected: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """`error` says why a side could not be read; there are then no differences."""

    differences: tuple[Difference, ...]
    same: int
    error: str | None = None

    @property
    def meaningful(self) -> tuple[Difference, ...]:
        """The differences that are not expected."""
        return tuple(d for d in self.differences if not d.expected)


def compare(first: bytes, second: bytes) -> Comparison:
    """Compare two decoded documents. Never raises."""
    facts = []
    for name, data in (("first", first), ("second", second)):
        parsed = parse(data)
        if parsed.document is None:
            why = parsed.problems[0].message if parsed.problems else "It is empty."
            return Comparison((), 0, f"The {name} message cannot be compared: {why}")
        found: dict[str, tuple[str, bool]] = {}
        _collect(parsed.document.root, "/" + name_of(parsed.document.root), found, expected=False)
        facts.append(found)
    a, b = facts
    differences = []
    same = 0
    for where in [*a, *(w for w in b if w not in a)]:
        one, two = a.get(where), b.get(where)
        if one is not None and two is not None:
            if one[0] == two[0]:
                same += 1
            else:
                differences.append(Difference(where, "changed", fold(one[0]), fold(two[0]), one[1]))
        elif one is not None:
            differences.append(Difference(where, "only-in-first", fold(one[0]), None, one[1]))
        elif two is not None:
            differences.append(Difference(where, "only-in-second", None, fold(two[0]), two[1]))
    differences.sort(key=lambda d: d.expected)
    return Comparison(tuple(differences), same)


def _collect(el: etree._Element, path: str, found: dict[str, tuple[str, bool]], *, expected: bool) -> None:
    expected = expected or el.tag in _EXPECTED_ELEMENTS
    for key, value in el.attrib.items():
        local = etree.QName(str(key)).localname
        is_reference = local == "URI" and el.tag == q(DS, "Reference")
        found[f"{path}/@{local}"] = (str(value), expected or local in _EXPECTED_ATTRIBUTES or is_reference)
    children = list(el.iterchildren(etree.Element))
    text = "".join((el.text or "").split()) if el.tag == q(DS, "X509Certificate") else (el.text or "")
    if text.strip() or not children:
        found[path] = (text if not children else text.strip(), expected)
    counts: dict[str, int] = {}
    for child in children:
        step = name_of(child)
        by = _NAMED_BY.get(str(child.tag))
        if by is not None and child.get(by) is not None:
            step = f"{step}[{by}={child.get(by)}]"
        counts[step] = counts.get(step, 0) + 1
        number = f"[{counts[step]}]" if counts[step] > 1 else ""
        _collect(child, f"{path}/{step}{number}", found, expected=expected)
