"""The keys that actions and expectations take: of what kind each value is, and what it means. It runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["text", "texts", "number", "yes-no", "table"]

_WORDS: Final[dict[Kind, str]] = {
    "text": "a text",
    "texts": "a list of texts",
    "number": "a whole number",
    "yes-no": "true or false",
    "table": "a table",
}
_LONGEST: Final = 2_000
_MOST: Final = 200
_FAR: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Field:
    """One key. `choices` bounds a text (or each of several) to these."""

    kind: Kind
    about: str
    required: bool = False
    choices: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What kind of value it is."""
        return _WORDS[self.kind]

    def checked(self, name: str, value: Any) -> Any:
        """The value as it is kept: texts as a tuple, of which one may be written alone. ValueError with a sentence."""
        if self.kind == "texts" and isinstance(value, str):
            value = [value]
        if not self._is_of_kind(value):
            raise ValueError(f"{name} must be {self.words}.")
        if self.kind == "number" and abs(value) > _FAR:
            raise ValueError(f"{name} is {value}; at most {_FAR:,} is possible.")
        texts = value if self.kind == "texts" else [value] if self.kind == "text" else []
        if len(texts) > _MOST or any(len(t) > _LONGEST for t in texts):
            raise ValueError(f"{name} is longer than {_MOST} texts of {_LONGEST} characters.")
        wrong = next((t for t in texts if self.choices and t not in self.choices), None)
        if wrong is not None:
            raise ValueError(f'{name} is "{wrong[:60]}". Choose one of: {", ".join(self.choices)}.')
        return tuple(value) if self.kind == "texts" else value

    def _is_of_kind(self, value: Any) -> bool:
        if self.kind == "yes-no":
            return isinstance(value, bool)
        if self.kind == "number":
            return isinstance(value, int) and not isinstance(value, bool)
        if self.kind == "texts":
            return isinstance(value, list) and all(isinstance(v, str) for v in value)
        return isinstance(value, dict if self.kind == "table" else str)


def required(kind: Kind, about: str, choices: Sequence[str] = ()) -> Field:
    """A key that must be there."""
    return Field(kind, about, required=True, choices=tuple(choices))


def optional(kind: Kind, about: str, choices: Sequence[str] = ()) -> Field:
    """A key that may be left out."""
    return Field(kind, about, choices=tuple(choices))


def problem(given: Mapping[str, Any], known: Mapping[str, Field]) -> tuple[str, str] | None:
    """(key, sentence) of the first thing wrong with a table's keys; None where nothing is."""
    for key in given:
        if key not in known:
            return key, f'Unknown key "{key[:60]}". Known here: {", ".join(known) or "none"}.'
    for key, field in known.items():
        if field.required and key not in given:
            return key, f'The key "{key}" is missing: {field.about}'
    for key, value in given.items():
        try:
            known[key].checked(key, value)
        except ValueError as e:
            return key, str(e)
    return None
