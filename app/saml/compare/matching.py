"""Two trees of parts side by side, and what differs between them in words. It knows no XML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from app.saml.compare.parts import About, Part, Value
from app.saml.likeness import difference
from app.saml.outline import fold

Change = Literal["changed", "only-in-first", "only-in-second"]

#: Two offsets that differ by no more than this are the same: clocks tick between the stamps of one message.
_JITTER_S: Final = 2.0
_LONG: Final = 300
_SHORT: Final = 6  # whoever sees two such values needs no hint
#: A hint on a near miss costs milliseconds.
_MOST_HINTS: Final = 200
_NO_LIKENESS: Final = "It is a different value altogether."


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs. `label` names it for people, `where` is its XPath, in the side that has it.

    `first` and `second` are for the eye: long values are cut around the place where they part. `about` says why it
    differs between any two logins ("id", "time", "signature"), or is "". `hint` is a sentence on a near miss, or "".
    """

    where: str
    change: Change
    first: str | None
    second: str | None
    label: str = ""
    about: About = ""
    hint: str = ""

    @property
    def expected(self) -> bool:
        """Whether any two logins differ in it."""
        return bool(self.about)

    def as_dict(self) -> dict[str, object]:
        """One row of `diff --format json`."""
        return {
            "label": self.label,
            "where": self.where,
            "change": self.change,
            "first": self.first,
            "second": self.second,
            "expected": self.expected,
            "about": self.about or None,
            "hint": self.hint or None,
        }


@dataclass(slots=True)
class Matched:
    """What match() found: those that matter first, in document order. `left_out` counts those beyond the bound."""

    differences: tuple[Difference, ...] = ()
    same: int = 0
    left_out: int = 0


def match(first: Part, second: Part, *, most: int) -> Matched:
    """Match two documents."""
    matcher = _Matcher(most)
    matcher.parts(first, second, ())
    ordered = sorted(matcher.found, key=lambda d: d.expected)
    return Matched(tuple(ordered), matcher.same, matcher.left_out)


@dataclass(slots=True)
class _Matcher:
    most: int
    found: list[Difference] = field(default_factory=list)
    same: int = 0
    left_out: int = 0
    hints: int = 0

    def _tell(self, d: Difference) -> None:
        if len(self.found) < self.most:
            self.found.append(d)
        else:
            self.left_out += 1

    def parts(self, one: Part, two: Part, above: tuple[str, ...]) -> None:
        words = (one.label,) if one.landmark else (*above, one.label) if one.label else above
        for name in [*one.values, *(n for n in two.values if n not in one.values)]:
            self._value(one.values.get(name), two.values.get(name), words)
        for a, b in _pairs(one.parts, two.parts):
            if a is not None and b is not None:
                self.parts(a, b, words)
            elif a is not None:
                self._alone(a, "only-in-first", words)
            elif b is not None:
                self._alone(b, "only-in-second", words)

    def _alone(self, part: Part, change: Change, above: tuple[str, ...]) -> None:
        """A part that only one side has: one row, however much is in it; its own parts, where it is a mere wrapping."""
        if not part.label and part.parts:
            for name in part.values:
                self._value(*_on_one_side(part.values[name], change), above)
            for inner in part.parts:
                self._alone(inner, change, above)
            return
        words = (part.label,) if part.landmark else (*above, part.label)
        told = fold(_cut(part.told))
        first, second = (told, None) if change == "only-in-first" else (None, told)
        self._tell(Difference(part.where, change, first, second, _joined(words)))

    def _value(self, a: Value | None, b: Value | None, above: tuple[str, ...]) -> None:
        if a is not None and b is not None:
            self._both(a, b, above)
            return
        only = a or b
        assert only is not None
        text = _shown(only)
        change: Change = "only-in-first" if a is not None else "only-in-second"
        first, second = (text, None) if a is not None else (None, text)
        # That there is none at all is no matter of chance, as the value is.
        self._tell(Difference(only.where, change, first, second, _joined((*above, only.label))))

    def _both(self, a: Value, b: Value, above: tuple[str, ...]) -> None:
        if _same(a, b):
            self.same += 1
            return
        label = _joined((*above, a.label))
        about = a.about if a.about == b.about else ""
        if a.several is not None and b.several is not None and max(len(a.several), len(b.several)) > 1:
            one, two = _sets_apart(a.several, b.several)
            self._tell(Difference(a.where, "changed", one, two, label, about))
            return
        one, two = (v.text if v.several is None else ", ".join(v.several) for v in (a, b))
        hint = ""
        telling = _SHORT <= max(len(one), len(two)) < 2_000
        if not about and a.at_s is None and one and telling and self.hints < _MOST_HINTS:
            self.hints += 1
            hint = difference(one, two)
        one, two = _apart(_spaced(one), _spaced(two))
        self._tell(Difference(a.where, "changed", one, two, label, about, "" if hint == _NO_LIKENESS else hint))


def _on_one_side(value: Value, change: Change) -> tuple[Value | None, Value | None]:
    return (value, None) if change == "only-in-first" else (None, value)


def _same(a: Value, b: Value) -> bool:
    if a.at_s is not None and b.at_s is not None:
        return abs(a.at_s - b.at_s) <= _JITTER_S
    if a.several is not None and b.several is not None:
        return Counter(a.several) == Counter(b.several)
    return a.text == b.text and a.several == b.several


def _pairs(ours: list[Part], theirs: list[Part]) -> list[tuple[Part | None, Part | None]]:
    """The parts of both sides that belong together, in the order of the first; what only the second has comes last."""
    partner: dict[int, Part] = {}
    taken: set[int] = set()
    groups: dict[str, tuple[list[Part], list[Part]]] = {}
    for number, parts in enumerate((ours, theirs)):
        for p in parts:
            groups.setdefault(p.group, ([], []))[number].append(p)
    for one, two in groups.values():
        alone = len(one) == len(two) == 1 and one[0].pairs
        waiting: dict[object, list[Part]] = {}
        for p in reversed(two):
            waiting.setdefault(_key(p, alone=alone), []).append(p)
        for p in one:
            same = waiting.get(_key(p, alone=alone))
            if same:
                partner[id(p)] = q = same.pop()
                taken.add(id(q))
        rest = [p for p in one if id(p) not in partner and p.pairs]
        for p, q in zip(rest, [p for p in two if id(p) not in taken and p.pairs], strict=False):
            partner[id(p)] = q
            taken.add(id(q))
    found: list[tuple[Part | None, Part | None]] = [(p, partner.get(id(p))) for p in ours]
    return found + [(None, p) for p in theirs if id(p) not in taken]


def _key(part: Part, *, alone: bool) -> object:
    return "" if alone else part.key or part.content()


def _joined(words: tuple[str, ...]) -> str:
    return " › ".join(w for w in words if w)


def _shown(value: Value) -> str:
    return _cut(fold(_spaced(value.text) if value.several is None else _listed(value.several)))


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(map(_spaced, texts))


def _spaced(text: str) -> str:
    """A value in quotation marks where blanks at its ends would not be seen, with its line breaks and tabs drawn."""
    if text == text.strip():
        return text
    return f"“{text.replace(chr(13), '␍').replace(chr(10), '⏎').replace(chr(9), '⇥')}”"


def _sets_apart(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, str]:
    """What only one of two sets has, and how much both have."""
    one, two = Counter(a), Counter(b)
    both = sum((one & two).values())

    def told(only: Counter[str], count: int) -> str:
        text = _listed(only.elements())
        if not both:
            return _cut(text)
        return f"{_cut(text)} (and {both} in both)" if text else f"nothing else ({count} in both)"

    return told(one - two, both), told(two - one, both)


def _apart(a: str, b: str) -> tuple[str, str]:
    """Two long texts, each cut around the first character in which they part."""
    if max(len(a), len(b)) <= _LONG or fold(a) != a or fold(b) != b:
        folded = fold(a), fold(b)
        if folded[0] != folded[1]:
            return _cut(folded[0]), _cut(folded[1])
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    begin = max(0, at - 40)
    return _around(a, begin), _around(b, begin)


def _around(text: str, begin: int) -> str:
    end = begin + _LONG
    more = f" ({len(text):,} characters)" if begin or len(text) > end else ""
    return f"{'…' if begin else ''}{text[begin:end]}{'…' if len(text) > end else ''}{more}"


def _cut(text: str) -> str:
    return text if len(text) <= 2 * _LONG else f"{text[: 2 * _LONG]}… ({len(text):,} characters)"
