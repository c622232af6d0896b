"""A person's own changes to a message at three places, and what each of them changed. It signs and sends nothing.

The values before signing are edited as JSON (a broken message with a valid signature), the document after signing as
text, the form as its fields.
"""

from __future__ import annotations

import difflib
import json
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from simulator.errors import SimulatorError
from simulator.message import NIL, OMIT, Nil, Omit, Spec

Layer = Literal["values before signing", "document after signing", "form fields"]
_MAX_TEXT: Final = 4_194_304


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Changes to the values before signing, the octets after it, the form. Each may be None."""

    spec: Callable[[Spec], Spec] | None = None
    document: Callable[[bytes], bytes] | None = None
    form: Callable[[list[tuple[str, str]]], list[tuple[str, str]]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an edit changed at one place, as texts before and after."""

    layer: Layer
    before: str
    after: str

    @property
    def diff(self) -> str:
        """The lines that differ, in the unified form with three lines around; "" where nothing does."""
        before, after = self.before.splitlines(), self.after.splitlines()
        lines = difflib.unified_diff(before, after, f"{self.layer}, as made", f"{self.layer}, as edited", lineterm="")
        return "\n".join(lines)


def changed(layer: Layer, before: str, after: str) -> tuple[Change, ...]:
    """One change, or none where the texts are the same."""
    return () if before == after else (Change(layer=layer, before=before, after=after),)


def form_text(form: Iterable[tuple[str, str]]) -> str:
    """The fields, one a line."""
    return "".join(f"{json.dumps(n, ensure_ascii=False)} = {json.dumps(v, ensure_ascii=False)}\n" for n, v in form)


def edit_of(
    *,
    spec: str | None = None,
    replace: Iterable[tuple[str, str]] = (),
    document: bytes | None = None,
    fields: Mapping[str, str | None] | None = None,
) -> Edit:
    """An edit from what somebody typed: values as dump_spec writes them, texts to replace in the signed document (or a
    whole other document), and form fields to set (None takes one away).

    Raises:
        SimulatorError: the values cannot be read.
    """
    pairs = [(old.encode(), new.encode()) for old, new in replace]
    values = None if spec is None else parse_spec(spec)

    def rewrite(octets: bytes) -> bytes:
        made = octets if document is None else document
        for old, new in pairs:
            if old not in made:
                raise SimulatorError(f"The document holds no {old[:60].decode()!r}, so it cannot be replaced.")
            made = made.replace(old, new)
        return made

    def refill(form: list[tuple[str, str]]) -> list[tuple[str, str]]:
        kept = [(n, v) for n, v in form if n not in (fields or {})]
        return kept + [(n, v) for n, v in (fields or {}).items() if v is not None]

    return Edit(
        spec=None if values is None else lambda _made: values,
        document=rewrite if pairs or document is not None else None,
        form=refill if fields else None,
    )


# The values as JSON -------------------------------------------------------------------------------------------------


def dump_spec(spec: Spec) -> str:
    """The values as JSON; parse_spec(dump_spec(s)) == s. What is left out of the message is left out here too."""
    return json.dumps(_plain(spec), ensure_ascii=False, indent=2) + "\n"


def _plain(value: object) -> Any:
    if isinstance(value, Nil):
        return {"nil": True}
    if is_dataclass(value):
        found = ((f.name, getattr(value, f.name)) for f in fields(value))
        return {name: _plain(v) for name, v in found if not isinstance(v, Omit)}
    if isinstance(value, tuple):
        # In a list, where nothing can be left out, what is omitted stands as an object of its own.
        return [{"omit": True} if isinstance(v, Omit) else _plain(v) for v in value]
    return value


def parse_spec(text: str) -> Spec:
    """The values that a person has edited.

    Raises:
        SimulatorError: this is no JSON, holds an unknown name, or a value of the wrong kind; the sentence says where.
    """
    if len(text) > _MAX_TEXT:
        raise SimulatorError(f"The values have {len(text)} characters; at most {_MAX_TEXT} are read.")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SimulatorError(f"The values are not valid JSON: {error}.") from error
    found = _record(Spec, data, "the values")
    assert isinstance(found, Spec)
    return found


def _record(kind: type[Any], data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise SimulatorError(f"{where} must be an object.")
    hints = get_type_hints(kind)
    strange = next((k for k in data if k not in hints), None)
    if strange is not None:
        raise SimulatorError(f"{where}: unknown name {str(strange)[:60]!r}. Known: {', '.join(hints)}.")
    values: dict[str, Any] = {}
    for name, hint in hints.items():
        if name in data:
            values[name] = _value(hint, data[name], f"{where}, {name}")
        elif Omit in _kinds(hint):
            values[name] = OMIT
        else:
            raise SimulatorError(f"{where}: {name} is missing.")
    return kind(**values)


def _kinds(hint: Any) -> list[Any]:
    """The types and values that a hint allows, with the type of each literal."""
    if get_origin(hint) in (Union, types.UnionType):
        return [k for part in get_args(hint) for k in _kinds(part)]
    if get_origin(hint) is Literal:
        return [type(v) for v in get_args(hint)]
    return [hint]


def _value(hint: Any, data: Any, where: str) -> Any:
    kinds = _kinds(hint)
    if data is None and type(None) in kinds:
        return None
    if data == {"omit": True} and Omit in kinds:
        return OMIT
    if data == {"nil": True} and Nil in kinds:
        return NIL
    for kind in kinds:
        if get_origin(kind) is tuple and isinstance(data, list):
            return _items(get_args(kind), data, where)
        if isinstance(kind, type) and is_dataclass(kind) and isinstance(data, dict):
            return _record(kind, data, where)
        if kind in (str, bool) and type(data) is kind:
            return data
    raise SimulatorError(f"{where} is {json.dumps(data)[:60]}, which is of the wrong kind.")


def _items(hints: tuple[Any, ...], data: list[Any], where: str) -> tuple[Any, ...]:
    if len(hints) == 2 and hints[1] is Ellipsis:
        return tuple(_value(hints[0], item, f"{where}[{n}]") for n, item in enumerate(data))
    if len(hints) != len(data):
        raise SimulatorError(f"{where} must have {len(hints)} items.")
    return tuple(_value(h, item, f"{where}[{n}]") for n, (h, item) in enumerate(zip(hints, data, strict=True)))
