"""Reports as one HTML file: no script, nothing loaded, everything escaped. The words are those of Content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.paper import template
from app.sharing.content import Content, particulars


def html_document(contents: Iterable[Content]) -> Iterator[str]:
    """The file in parts, so that any number of reports is written without being held."""
    yield from template("message.html").generate(contents=contents, particulars=particulars)
