"""The places of a message that show a cause, with the text that stands there. It judges nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lxml import etree

from app.saml.checks.registry import Case, CheckResult
from app.saml.likeness import show
from app.saml.names import PREFIXES
from app.saml.xml import name_of

_MOST: Final = 5
_LONGEST: Final = 240
_MOST_ATTRIBUTES: Final = 8


@dataclass(frozen=True, slots=True)
class EvidenceAt:
    """One place: an XPath in the prefixes of names.PREFIXES, a 1-based line (0: not known), and what stands there.

    `text` is plain text for people, bounded: the value of an attribute, the text of an element, or its start tag.
    """

    where: str
    line: int
    text: str


def evidence_of(case: Case, results: Iterable[CheckResult]) -> tuple[EvidenceAt, ...]:
    """The places that some findings name, each once, at most five. Findings about no place in particular have none."""
    found: dict[str, EvidenceAt] = {}
    for r in results:
        if r.where is not None and r.where not in found and len(found) < _MOST:
            text = _text_at(case, r.where)
            found[r.where] = EvidenceAt(r.where, r.line, (r.actual or "")[:_LONGEST] if text is None else text)
    return tuple(found.values())


def _text_at(case: Case, where: str) -> str | None:
    """What stands at a path, or None where the path leads nowhere in this document."""
    steps = where.strip("/").split("/")
    for document in (case.document, case.decryption.document if case.decryption else None):
        if document is not None and steps[0] == name_of(document.root):
            return _text_below(document.root, steps[1:])
    return None


def _text_below(element: etree._Element, steps: list[str]) -> str | None:
    for step in steps:
        if step.startswith("@"):
            return _attribute(element, step[1:])
        if step.endswith("()"):
            break  # A comment or processing instruction: the element around it is what shows it.
        name, _, index = step.partition("[")
        same = [c for c in element.iterchildren(etree.Element) if name_of(c) == name]
        number = int(index.rstrip("]")) if index.rstrip("]").isdigit() else 1
        if not 1 <= number <= len(same):
            return None
        element = same[number - 1]
    return _element(element)


def _attribute(element: etree._Element, name: str) -> str | None:
    prefix, colon, local = name.partition(":")
    value = element.get(f"{{{PREFIXES.get(prefix, prefix)}}}{local}" if colon else name)
    return None if value is None else show(value, _LONGEST)


def _element(element: etree._Element) -> str:
    if not len(element) and element.text and element.text.strip():
        return show(element.text, _LONGEST)
    written = [f' {k.rpartition("}")[2]}="{show(v, 80)}"' for k, v in element.items()[:_MOST_ATTRIBUTES]]
    return show(f"<{name_of(element)}{''.join(written)}>", _LONGEST)
