"""What reports on paper share: the templates, and text that neither breaks XML nor hides what is read."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import jinja2

_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


@cache
def template(name: str) -> jinja2.Template:
    """A template of resources/pages/report, with everything that is put into it escaped and made visible."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("resources", "pages/report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["by"] = ", ".join
    return environment.get_template(name)


def shown(value: Any) -> Any:
    """Text without characters that XML forbids or that hide or turn around what is read."""
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    if not any(unicodedata.category(c) in _HIDDEN and c != "\n" for c in value):
        return value
    kept = "".join(c if c == "\n" or unicodedata.category(c) not in _HIDDEN else f"⟨U+{ord(c):04X}⟩" for c in value)
    # What was marked as safe stays so: the marks put in hold nothing that needs escaping.
    return type(value)(kept)
