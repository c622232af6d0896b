"""A report to send on, made off the GUI thread: HTML, Markdown, PDF or text, plain or redacted. It writes no file."""

from __future__ import annotations

from typing import Final, Literal

from app.gui.examine import Examined

Form = Literal["html", "markdown", "pdf", "text"]
SUFFIXES: Final[dict[Form, str]] = {"html": "html", "markdown": "md", "pdf": "pdf", "text": "txt"}


def shared(examined: Examined, form: Form, redacted: bool) -> bytes:
    """The report as it may be sent. Each has a key of its own, so stand-ins of two reports do not correspond.

    Raises NotRedacted with a sentence where a masked value would still be found in it.
    """
    from app.sharing import gather, html_document, markdown, pdf, plain_text  # loaded only where somebody shares

    content = gather(
        examined.report,
        redacted=redacted,
        at=examined.now,
        original=examined.subject.source,
    )
    if form == "pdf":
        return pdf([content])
    if form == "html":
        return "".join(html_document([content])).encode("utf-8", "replace")
    return (markdown(content) if form == "markdown" else plain_text(content)).encode("utf-8", "replace")
