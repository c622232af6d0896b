"""What the identity provider was asked and what it answered: decoded for people, and exported for other programs.

Exports hold everything that was sent, signed assertions too: they are test data and say so. It sends nothing itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from lxml import etree

from simulator.errors import SimulatorError
from simulator.idp import Issued

if TYPE_CHECKING:
    from simulator.web import Exchange

_COMMENT: Final = "Recorded from a test identity provider. TEST ONLY."


def decoded(exchange: Exchange) -> str:
    """One exchange for people: who, when, with which faults, what was asked and what was sent."""
    issued, request = exchange.issued, exchange.request
    lines = [f"at: {_utc(exchange.at)}"]
    if exchange.refused is not None:
        lines += [f"refused: {exchange.refused}", f"rule: {exchange.rule or '-'}"]
    if exchange.user or exchange.application:
        lines += [f"user: {exchange.user or '-'}", f"application: {exchange.application}"]
    lines.append(f"faults: {', '.join(exchange.faults) or 'none'}")
    if request is not None:
        lines += ["", f"AuthnRequest by {request.binding}, RelayState {request.relay_state!r}:", _indented(request.xml)]
    if issued is not None:
        lines += ["", f"{issued.method} {issued.url}"]
        lines += [f"{name}: {len(value)} characters" for name, value in issued.form if name == "SAMLResponse"]
        lines += [f"{name}: {value}" for name, value in issued.form if name != "SAMLResponse"]
        lines += [line for change in issued.changes for line in ("", change.diff)]
        lines += ["", _indented(issued.xml)]
    return "\n".join(lines) + "\n"


def replayed(exchange: Exchange) -> Issued:
    """The very octets that were sent, to be sent again.

    Raises:
        SimulatorError: the exchange was refused, so that nothing was sent.
    """
    if exchange.issued is None:
        raise SimulatorError("Nothing was sent in this exchange, so there is nothing to replay.")
    return exchange.issued


def as_har(exchanges: Iterable[Exchange]) -> str:
    """The exchanges as an HTTP archive (HAR 1.2): each request received, and each form sent.

    What came back from the service provider went to the browser and is not known; its status is 0.
    """
    entries = [entry for e in exchanges for entry in _entries(e)]
    log = {
        "version": "1.2",
        "creator": {"name": "SSO Workbench simulator", "version": "1"},
        "comment": _COMMENT,
        "entries": entries,
    }
    return json.dumps({"log": log}, ensure_ascii=False, indent=1) + "\n"


def _entries(exchange: Exchange) -> list[dict[str, Any]]:
    found = []
    request, issued = exchange.request, exchange.issued
    if request is not None:
        url = request.destination or "http://localhost/sso"
        field = [("SAMLRequest", request.field)]
        if request.relay_state is not None:
            field.append(("RelayState", request.relay_state))
        by_post = request.binding == "HTTP-POST"
        found.append(_entry(exchange, "POST" if by_post else "GET", url, field, status=200))
    if issued is not None:
        body = issued.body.decode("latin-1") if issued.method == "POST" else None
        found.append(_entry(exchange, issued.method, issued.url, list(issued.form), status=0, body=body))
    return found


def _entry(
    exchange: Exchange, method: str, url: str, form: list[tuple[str, str]], *, status: int, body: str | None = None
) -> dict[str, Any]:
    parameters = [{"name": n, "value": v} for n, v in form]
    request: dict[str, Any] = {
        "method": method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [{"name": "Host", "value": urlsplit(url).netloc}],
        "queryString": parameters if method == "GET" else [],
        "headersSize": -1,
        "bodySize": -1,
    }
    if method == "POST":
        request["headers"].append({"name": "Content-Type", "value": "application/x-www-form-urlencoded"})
        request["postData"] = {"mimeType": "application/x-www-form-urlencoded", "params": parameters}
        if body is not None:
            request["postData"]["text"] = body
    content = {"size": 0, "mimeType": "text/html"}
    response = {"status": status, "statusText": "", "httpVersion": "HTTP/1.1", "cookies": [], "headers": []}
    return {
        "startedDateTime": _utc(exchange.at),
        "time": 0,
        "request": request,
        "response": {**response, "content": content, "redirectURL": "", "headersSize": -1, "bodySize": -1},
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
        "comment": f"faults: {', '.join(exchange.faults) or 'none'}",
    }


def as_tests(exchanges: Iterable[Exchange]) -> str:
    """The exchanges as tests for pytest that make the same logins again, with the fixture of simulator.testing.

    What nothing was sent for is passed over; "" where nothing is left.
    """
    tests = [_as_test(e, number) for number, e in enumerate((e for e in exchanges if e.issued is not None), 1)]
    return "\n\n\n".join(["from simulator.testing import IdpUnderTest", *tests]) + "\n" if tests else ""


def _as_test(exchange: Exchange, number: int) -> str:
    issued = replayed(exchange)
    name = "_".join(re.sub(r"\W+", "_", part).strip("_") for part in (issued.user, *issued.faults) if part) or "nobody"
    request = exchange.request is not None
    arguments = [repr(issued.user), repr(issued.application)]
    if request:
        arguments.append("request=idp.request(application=" + repr(issued.application) + ")")
    if issued.faults:
        arguments.append(f"faults={list(issued.faults)!r}")
    accepted = issued.expected.verdict == "accept"
    expected = " by ".join(filter(None, (issued.expected.verdict, ", ".join(issued.expected.checks))))
    lines = [
        f"def test_{number}_{name[:80]}(idp: IdpUnderTest) -> None:",
        f'    """Recorded {_utc(exchange.at)}. Expected: {expected}."""',
        f"    answer = idp.post(idp.issue({', '.join(arguments)}))",
        f"    assert answer.status_code {'<' if accepted else '>='} 400",
    ]
    return "\n".join(lines)


def _utc(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _indented(xml: bytes) -> str:
    """The document with a line for each element, or as it is where it is no XML. Only for reading."""
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml or len(xml) > 1_048_576:
        return xml[:1_048_576].decode("utf-8", "replace")
    try:
        root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError:
        return xml.decode("utf-8", "replace")
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")
