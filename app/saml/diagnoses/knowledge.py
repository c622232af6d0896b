"""What to do about a cause at which vendor: steps, related codes of other programs and sources, read from data files.

Labels of vendors are facts with a date (`last_checked`). A file is read when one of its causes is first found.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

VENDORS: Final = ("generic", "entra", "okta", "onelogin", "adfs")


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known of one cause. `steps` are in order, by vendor id; `sp_steps` are those on our own side.

    `codes` name the same cause in other programs, `sources` are keys of sources(). `unconfirmed` are the vendors whose
    labels have not been compared with a document of theirs.
    """

    steps: Mapping[str, tuple[str, ...]]
    sp_steps: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    unconfirmed: tuple[str, ...] = ()
    last_checked: str = ""


@cache
def _file(name: str) -> Mapping[str, Any]:
    return tomllib.loads(files("resources").joinpath("diagnoses", f"{name}.toml").read_text("utf-8"))


@cache
def knowledge_of(stage: str, diagnosis_id: str) -> Knowledge:
    """What is known of a cause. KeyError where its stage's file has no such row."""
    document = _file(stage)
    known: Mapping[str, Any] = document[diagnosis_id]
    return Knowledge(
        steps={vendor: tuple(known["steps"][vendor]) for vendor in VENDORS if vendor in known["steps"]},
        sp_steps=tuple(known.get("sp", ())),
        codes=tuple(known.get("codes", ())),
        sources=tuple(known.get("sources", ())),
        unconfirmed=tuple(known.get("unconfirmed", ())),
        last_checked=document["last_checked"],
    )


def ids_in(stage: str) -> tuple[str, ...]:
    """The causes that a stage's file knows."""
    return tuple(k for k, v in _file(stage).items() if isinstance(v, dict))


def sources() -> Mapping[str, str]:
    """What the keys of sources stand for."""
    return dict(_file("sources")["source"])
