"""What a document says, as a tree of parts with values, ready to be matched with another. It knows no XML."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

#: Why a value differs between any two logins; "" for one that does not.
About = Literal["", "id", "time", "signature"]


@dataclass(slots=True)
class Value:
    """One thing that a part says. `several` are values whose order means nothing; `text` is then unused.

    `at_s` is the value as seconds, where it is compared as a length of time. `where` is its XPath.
    """

    label: str
    where: str
    text: str = ""
    several: tuple[str, ...] | None = None
    at_s: float | None = None
    about: About = ""


@dataclass(slots=True)
class Part:
    """One element by its meaning. Parts of one `group` are matched by `key`, what is left of them by position.

    `label` is "" for an element that people need not hear of. `landmark` begins the words for what is below it anew.
    `brief` says in a line what it holds, for a side that the other lacks.
    """

    label: str
    where: str
    group: str
    key: str = ""
    brief: str = ""
    landmark: bool = False
    pairs: bool = True
    values: dict[str, Value] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    _content: str | None = field(default=None, repr=False)

    def content(self) -> str:
        """A digest of what it says apart from ids, instants and signature values: equal for parts of one meaning."""
        if self._content is None:
            said = [
                (name, v.text if v.several is None else sorted(v.several))
                for name, v in sorted(self.values.items())
                if not v.about
            ]
            inner = sorted(p.content() for p in self.parts)
            text = repr((self.group, said, inner)).encode("utf-8", "surrogatepass")
            self._content = hashlib.sha256(text).hexdigest()
        return self._content

    def texts(self) -> Iterator[str]:
        """Every value in it, in document order."""
        for v in self.values.values():
            yield from (v.text,) if v.several is None else v.several
        for p in self.parts:
            yield from p.texts()

    @property
    def told(self) -> str:
        """`brief`, or its values in a line."""
        if self.brief:
            return self.brief
        found = [t for t in self.texts() if t]
        shown = ", ".join(t[:120] for t in found[:6])
        return f"{shown} and {len(found) - 6} more" if len(found) > 6 else shown
