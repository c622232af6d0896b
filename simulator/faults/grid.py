"""Every element and attribute of a response: missing, empty, malformed, mismatched, doubled.

The rows are generated from grid.toml: what stands where, which value is malformed and which merely wrong, and what must
come of each. Elements that hold no value of their own are left out, emptied and doubled.
"""

from __future__ import annotations

import copy
import importlib.resources
import tomllib
from collections.abc import Callable, Mapping
from typing import Final, get_args

from lxml import etree

from simulator.draft import Draft
from simulator.faults.registry import Expects, Family, Kind, Setup, Signs, Stage
from simulator.names import DS, SAML, SAMLP, q

grid = Family("grid")
_PREFIXES: Final = {"saml": SAML, "samlp": SAMLP, "ds": DS}
_SP_INITIATED: Final = Setup(flow="sp_initiated", registered_as="developer")
_BY_ATTRIBUTES: Final = frozenset({q(SAML, "SubjectConfirmationData"), q(SAMLP, "StatusCode")})
_WORDS: Final = {
    "missing": "{place} is missing.",
    "empty": "{place} is empty.",
    "malformed": "{place} has not the form that it must have: “{bad}”.",
    "mismatched": "{place} is well-formed and wrong: “{other}”.",
    "doubled": "{place} stands there twice.",
}
#: Table of grid.toml to when its edits are made, by whom, and what the message must have signed.
_TABLES: Final[dict[str, tuple[Stage, Kind, Signs]]] = {
    "message": (Stage.TREE, "H", "both"),
    "signature": (Stage.SIGNED, "A", "assertion"),
}


def _edit(path: str, how: str, value: str) -> Callable[[Draft], None]:
    """`path` is from the Response, with @ before an attribute; "@ID" alone is the Response's own."""
    element_path, _, attribute = path.partition("/@") if "/@" in path else ("", "", path.removeprefix("@"))
    if "@" not in path.replace("[@", ""):
        element_path, attribute = path, ""

    def apply(d: Draft) -> None:
        element = d.response.find(element_path, _PREFIXES) if element_path else d.response
        assert element is not None, f"the message has no {path}"
        if how == "missing":
            _remove(element, attribute)
        elif how == "doubled":
            again = copy.deepcopy(element)
            again.tail = None
            element.addnext(again)
        else:
            _fill(element, attribute, value)

    return apply


def _remove(element: etree._Element, attribute: str) -> None:
    if attribute:
        element.attrib.pop(attribute, None)
        return
    parent = element.getparent()
    assert parent is not None, "the root stays"
    parent.remove(element)


def _fill(element: etree._Element, attribute: str, value: str) -> None:
    if attribute:
        element.set(attribute, value)
        return
    if not value:
        for child in list(element):
            element.remove(child)
        if element.tag in _BY_ATTRIBUTES:  # these hold their values in attributes
            element.attrib.clear()
    element.text = value or None


def _place(path: str) -> str:
    """The name of the last step, for people: Audience, or Response/@ID."""
    steps = [s.partition("[")[0].rpartition(":")[2] for s in path.split("/")]
    if not steps[-1].startswith("@"):
        return steps[-1]
    return f"{steps[-2] if len(steps) > 1 else 'Response'}/{steps[-1]}"


def _cell(text: str) -> tuple[Expects, list[str]]:
    verdict, *checks = text.split()
    expects = next((e for e in get_args(Expects) if e == verdict), None)
    if expects is None:
        raise ValueError(f"grid.toml has the verdict {verdict}")
    return expects, checks


def _register(row: Mapping[str, str], stage: Stage, kind: Kind, signs: Signs) -> None:
    bad, other = row.get("bad", ""), row.get("other", "")
    for how, words in _WORDS.items():
        if how not in row:
            continue
        expects, checks = _cell(row[how])
        grid.row(
            f"grid-{row['name']}-{how}",
            _edit(row["path"], how, {"malformed": bad, "mismatched": other}.get(how, "")),
            words.format(place=_place(row["path"]), bad=bad, other=other),
            checks[0] if checks else None,
            *checks[1:],
            stage=stage,
            kind=kind,
            expects=expects,
            reference=row["section"],
            setup=_SP_INITIATED if row.get("sp_initiated") else None,
            signs=signs,
        )


_TEXT = importlib.resources.files("simulator.faults").joinpath("grid.toml").read_text("utf-8")
for _table, _rows in tomllib.loads(_TEXT).items():
    for _row in _rows:
        _register(_row, *_TABLES[_table])
