"""The formats of directory exports, as rows of resources/directories/formats.toml. It reads no list."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How one vendor writes its people; names of columns in lower case. `how` says where the file comes from."""

    id: str
    title: str
    how: str
    marks: frozenset[str]
    key: tuple[str, ...]
    alias: tuple[str, ...]
    name: tuple[str, ...]
    id_column: str = ""
    enabled: tuple[str, ...] = ()

    def fits(self, columns: Collection[str]) -> bool:
        """Whether a list with these columns (in lower case) is one of these."""
        return self.marks <= set(columns)


def _load() -> tuple[tuple[Format, ...], frozenset[str], frozenset[str]]:
    table = tomllib.loads(files("resources").joinpath("directories/formats.toml").read_text("utf-8"))
    formats = tuple(
        Format(
            id=f["id"],
            title=f["title"],
            how=f["how"],
            marks=frozenset(f["marks"]),
            key=tuple(f["key"]),
            alias=tuple(f["alias"]),
            name=tuple(f["name"]),
            id_column=f.get("id_column", ""),
            enabled=tuple(f[n] for n in ("enabled", "also_enabled") if n in f),
        )
        for f in table["format"]
    )
    return formats, frozenset(table["words"]["enabled"]), frozenset(table["words"]["disabled"])


_LOADED: Final = _load()
#: Every format, the most particular first; the last one fits any list.
FORMATS: Final = _LOADED[0]
ENABLED: Final = _LOADED[1]
DISABLED: Final = _LOADED[2]

#: The bit of Active Directory's userAccountControl that says "disabled" (ADS_UF_ACCOUNTDISABLE).
_ACCOUNT_DISABLED: Final = 0x2


def state_of(word: str, *, bits: bool = False) -> bool | None:
    """What a word says of an account: enabled, disabled, or None where it is not known. `bits`: userAccountControl."""
    word = word.strip().lower()
    if bits and word.isascii() and word.isdigit() and len(word) < 12:
        return not int(word) & _ACCOUNT_DISABLED
    if word in ENABLED:
        return True
    return False if word in DISABLED else None
