"""Decoders for what a message is carried in: form bodies, addresses, HTML pages, JSON, lines of developer tools.

Strict reading of what a browser sent to the ACS is app.saml.decoding.strict; here people paste.
"""

from __future__ import annotations

import html
import json
import re
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

from lxml import etree

from app.saml.decoding.codecs import percent_decode
from app.saml.decoding.registry import Context, Layer, Param, decoder
from app.saml.errors import Problem
from app.saml.xmlbytes import is_html

_NAMES: Final[tuple[Param, ...]] = ("SAMLResponse", "SAMLRequest")
_FIELD: Final = re.compile(rb"(?:\A|[?&\s'\"])(SAML(?:Response|Request))=")
_WRESULT: Final = re.compile(rb"(?:\A|[?&\s'\"])wresult=([^&'\"\r\n]+)")
_MOST_LABELS: Final = 200  # a page of form data has a handful
_LABEL: Final = re.compile(
    rb"^[ \t\"']*(SAMLResponse|SAMLRequest|RelayState)[\"']?[ \t]*(?::|\t|\r?\n)[ \t]*", re.MULTILINE
)
_SEPARATOR: Final = re.compile(rb"[\s'\"<>]")
_MAX_JSON_NODES: Final = 20_000


def text_or_none(value: bytes | None) -> str | None:
    """A form value as text; bytes that are not UTF-8 are shown as replacement characters."""
    return None if value is None else value.decode("utf-8", "replace")


def duplicate_problem(names: Sequence[str], what: str) -> Problem:
    """The finding of encoding-param-single."""
    message = (
        f"{what} carries the message more than once ({', '.join(names[:4])}). Checking one and using another is a "
        "known attack; exactly one SAMLResponse or SAMLRequest is accepted."
    )
    return Problem("encoding-param-single", message, "one SAMLResponse", ", ".join(names[:8])[:200])


def _single(found: list[tuple[str, bytes]], what: str) -> tuple[dict[str, bytes], tuple[Problem, ...]]:
    """The first value of each name, and whether any came twice or both message names came."""
    values: dict[str, bytes] = {}
    for name, value in found:
        values.setdefault(name, value)
    messages = [n for n, _ in found if n in _NAMES]
    problems = (duplicate_problem(messages, what),) if len(messages) > 1 else ()
    if sum(n == "RelayState" for n, _ in found) > 1:
        problem = Problem("encoding-param-single", f"{what} carries RelayState more than once.", "one RelayState")
        problems = (*problems, problem)
    return values, problems


def form_fields(page: bytes) -> list[tuple[str, bytes]]:
    """The named fields of the forms of an HTML page, buttons aside, as (name, value)."""
    parser = etree.HTMLParser(no_network=True, huge_tree=False, remove_comments=True, remove_pis=True, encoding="utf-8")
    try:
        root = etree.fromstring(page, parser)
    except (etree.XMLSyntaxError, ValueError):
        return []
    found: list[tuple[str, bytes]] = []
    # libxml2 gives no root for an empty page, which the type stubs do not know.
    for el in root.iter("input", "textarea") if isinstance(root, etree._Element) else ():
        if (name := el.get("name")) and el.get("type") not in ("submit", "button", "image"):
            value = el.get("value") if el.tag == "input" else (el.text or "")
            found.append((name, (value or "").encode()))
    return found


@decoder(10)
def html_form(data: bytes, context: Context) -> Layer | None:
    """The page with the self-submitting form that the IdP sends to the browser."""
    if not is_html(data) and not (data.lstrip()[:1] == b"<" and re.search(rb"<input\b[^>]*SAMLRe", data[:65536], re.I)):
        return None
    values, problems = _single(form_fields(data), "The page")
    param: Param | None = next((n for n in _NAMES if n in values), None)
    if param is None:
        if "wresult" in values:
            return Layer(values["wresult"], ("html-form", "form-field:wresult"))
        return None
    return Layer(
        values[param],
        ("html-form", f"form-field:{param}"),
        problems=problems,
        relay_state=text_or_none(values.get("RelayState")),
        binding="HTTP-POST",
        param=param,
    )


@decoder(20)
def address_or_form(data: bytes, context: Context) -> Layer | None:
    """`...?SAMLResponse=...&RelayState=...`: an address, a query, a form body, a copied request or cURL command."""
    if b"SAML" not in data or data.lstrip()[:1] in (b"<", b"{", b"["):
        return None
    match = _FIELD.search(data)
    if match is None:
        return None
    start, before = match.start(1), data[: match.start(1)]
    begin = max(before.rfind(c) for c in (b" ", b"\t", b"\r", b"\n", b"'", b'"', b"<", b">")) + 1
    is_query = b"?" in before[begin:]
    if is_query:
        begin += before[begin:].index(b"?") + 1
    alone = begin == 0 or (is_query and not before[: before.index(b"?")].strip().count(b" "))
    segment = data[begin:]
    if not alone or is_query:
        # Something else stands around it: the value ends where a shell, a log line or a page would end it.
        end = _SEPARATOR.search(segment, start - begin)
        segment = segment[: end.start()] if end else segment
    segment = segment.strip().split(b"#", 1)[0] if is_query else segment.strip()
    return _pairs(segment, is_query=is_query)


def _pairs(segment: bytes, *, is_query: bool) -> Layer | None:
    # A body copied from a log is often not percent-encoded any more; “+” is then a plus.
    encoded = b"%" in segment
    found: list[tuple[str, bytes]] = []
    for pair in segment.split(b"&")[:200]:
        raw, _, value = pair.partition(b"=")
        name = percent_decode(raw, plus_is_blank=True).decode("utf-8", "replace").strip()
        found.append((name, percent_decode(value, plus_is_blank=encoded)))
    values, problems = _single(found, "The query" if is_query else "The form")
    param: Param | None = next((n for n in _NAMES if n in values), None)
    if param is None:
        return None
    return Layer(
        values[param],
        ("url-query",) if is_query else (f"form-field:{param}",),
        problems=problems,
        relay_state=text_or_none(values.get("RelayState")),
        binding="HTTP-Redirect" if is_query else None,
        param=param,
        query=segment if is_query or "SigAlg" in values else None,
        sig_alg=text_or_none(values.get("SigAlg")),
        signature=text_or_none(values.get("Signature")),
    )


@decoder(25)
def federation_result(data: bytes, _context: Context) -> Layer | None:
    """`wa=wsignin1.0&wresult=%3Ct:RequestSecurityTokenResponse...`: the answer of WS-Federation, to be named."""
    found = _WRESULT.search(data) if b"wresult=" in data else None
    if found is None or not percent_decode(found[1][:64], plus_is_blank=True).lstrip().startswith(b"<"):
        return None
    return Layer(percent_decode(found[1], plus_is_blank=b"%" in found[1]), ("form-field:wresult",))


@decoder(30)
def labelled_lines(data: bytes, context: Context) -> Layer | None:
    """`SAMLResponse: PHNhbWxw...`, as developer tools show form data, with RelayState on a line of its own."""
    if b"SAML" not in data or data.lstrip()[:1] in (b"<", b"{", b"["):
        return None
    marks = list(islice(_LABEL.finditer(data), _MOST_LABELS))
    if not any(m[1] != b"RelayState" for m in marks):
        return None
    found: list[tuple[str, bytes]] = []
    for mark, after in zip(marks, [*marks[1:], None], strict=True):
        value = data[mark.end() : after.start() if after else len(data)].strip()
        if mark[1] == b"RelayState":  # one line; what follows it is something else
            value = value.partition(b"\n")[0].strip()
        found.append((mark[1].decode(), value.strip(b"\"'")))
    values, problems = _single(found, "The text")
    param: Param | None = next((n for n in _NAMES if n in values), None)
    if param is None:
        return None
    return Layer(
        values[param],
        (f"form-field:{param}",),
        problems=problems,
        relay_state=text_or_none(values.get("RelayState")),
        param=param,
    )


@decoder(40)
def json_value(data: bytes, context: Context) -> Layer | None:
    """A JSON string, or JSON with a member called SAMLResponse somewhere."""
    first = data.lstrip()[:1]
    if first != b'"' and (first not in (b"{", b"[") or b"SAML" not in data):
        return None
    # Counted before it is read: a hundred thousand objects cost more to make than any message is worth.
    if data.count(b"{") + data.count(b"[") > _MAX_JSON_NODES:
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, str):
        return Layer(value.encode("utf-8", "replace"), ("json",))
    found = _members(value)
    values, problems = _single(found, "The JSON")
    param: Param | None = next((n for n in _NAMES if n in values), None)
    if param is None:
        return None
    return Layer(
        values[param],
        ("json", f"form-field:{param}"),
        problems=problems,
        relay_state=text_or_none(values.get("RelayState")),
        param=param,
    )


def _members(value: Any) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    todo = deque([value])
    for _ in range(_MAX_JSON_NODES):
        if not todo:
            break
        value = todo.popleft()
        if isinstance(value, dict):
            for name, member in value.items():
                if name in (*_NAMES, "RelayState") and isinstance(member, str):
                    found.append((name, member.encode("utf-8", "replace")))
                elif isinstance(member, dict | list):
                    todo.append(member)
        elif isinstance(value, list):
            todo += [v for v in value if isinstance(v, dict | list)]
    return found


@decoder(50)
def escaped_markup(data: bytes, context: Context) -> Layer | None:
    """`&lt;samlp:Response ...`: XML as a web page or another XML document shows it."""
    if not data.lstrip().startswith(b"&lt;") or len(data) > context.limits.decoded_bytes:
        return None
    try:
        text = html.unescape(data.decode("utf-8"))
    except UnicodeDecodeError:
        return None
    return Layer(text.encode(), ("html-escaped",), repairs=("markup written as &lt; and &gt;",))
