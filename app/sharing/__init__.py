"""A report to send on: HTML, Markdown, PDF, text or JSON, plain or redacted, in which nothing that was pasted can act.

It judges nothing, reads no clock and writes no file. What leaves redacted is masked by app.saml.redact, or not at all.
"""

from __future__ import annotations

import json
from datetime import datetime

from app.saml.report import Report
from app.sharing.content import Content, NotRedacted, gather
from app.sharing.html import html_document
from app.sharing.markdown import markdown
from app.sharing.pdf import pdf
from app.sharing.plain import plain_text

__all__ = [
    "Content",
    "NotRedacted",
    "gather",
    "html_document",
    "markdown",
    "pdf",
    "plain_text",
    "render_html",
    "render_json",
    "render_markdown",
    "render_text",
]


def render_html(report: Report, *, redacted: bool, at: datetime | None = None, key: bytes | None = None) -> str:
    """One HTML file that loads nothing and runs nothing. Arguments and errors are those of gather()."""
    return "".join(html_document([gather(report, redacted=redacted, at=at, key=key)]))


def render_markdown(report: Report, *, redacted: bool, at: datetime | None = None, key: bytes | None = None) -> str:
    """Markdown for a ticket. Arguments and errors are those of gather()."""
    return markdown(gather(report, redacted=redacted, at=at, key=key))


def render_text(report: Report, *, redacted: bool, at: datetime | None = None, key: bytes | None = None) -> str:
    """Plain text. Arguments and errors are those of gather()."""
    return plain_text(gather(report, redacted=redacted, at=at, key=key))


def render_json(report: Report, *, redacted: bool, at: datetime | None = None, key: bytes | None = None) -> str:
    """One line of JSON: report/1, with `redaction` where it is redacted. Arguments and errors are those of gather()."""
    return json.dumps(gather(report, redacted=redacted, at=at, key=key).report, ensure_ascii=False)
