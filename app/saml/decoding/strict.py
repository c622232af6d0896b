"""What a browser sent to the ACS (HTTP-POST) or in a query (HTTP-Redirect), read as the bindings say. No guessing.

Nothing is repaired but line breaks and blanks inside base64; everything else is a problem, and then there is no data.
"""

from __future__ import annotations

from typing import Final

from app.saml.decoding.codecs import (
    COMPRESSED_FOR_POST,
    Base64,
    has_escapes,
    inflate,
    looks_like_xml,
    percent_decode,
    read_base64,
    too_long,
)
from app.saml.decoding.containers import duplicate_problem, text_or_none
from app.saml.decoding.registry import Decoded, Param
from app.saml.errors import Problem
from app.saml.expectation import Limits

_MAX_PAIRS: Final = 64
_WATCHED: Final = ("SAMLResponse", "SAMLRequest", "RelayState", "SigAlg", "Signature")


def _fields(body: bytes, what: str) -> tuple[dict[str, bytes], tuple[Problem, ...]]:
    """The watched parameters of an x-www-form-urlencoded body or query; names are compared after decoding.

    A name that is disguised (%53AMLResponse, SAMLResponse[], samlresponse) or repeated is a problem: two readers of the
    same request would take different values (CVE-2025-27773).
    """
    pairs = body.split(b"&")
    if len(pairs) > _MAX_PAIRS:
        message = f"{what} has {len(pairs):,} fields; a SAML message has three."
        return {}, (Problem("encoding-param-single", message, f"at most {_MAX_PAIRS} fields", f"{len(pairs):,}"),)
    values: dict[str, bytes] = {}
    seen: list[str] = []
    problems: list[Problem] = []
    for pair in pairs:
        raw, _, value = pair.partition(b"=")
        name = percent_decode(raw, plus_is_blank=True).decode("utf-8", "replace")
        plain = name.partition("[")[0].strip("\0 \t\r\n.").lower()
        known = next((w for w in _WATCHED if w.lower() == plain), None)
        if known is None:
            continue
        seen.append(name)
        if name != known or raw != known.encode():
            written = raw.decode("latin-1")[:60]
            message = f"{what} writes the field {known} as “{written}”, which readers understand differently."
            problems.append(Problem("encoding-param-single", message, known, written))
        elif known in values:
            problems.append(
                duplicate_problem([known, known], what)
                if known.startswith("SAML")
                else Problem("encoding-param-single", f"{what} carries {known} more than once.", f"one {known}")
            )
        values.setdefault(known, percent_decode(value, plus_is_blank=True))
    if "SAMLResponse" in values and "SAMLRequest" in values:
        problems.append(duplicate_problem(["SAMLResponse", "SAMLRequest"], what))
    return values, tuple(problems)


def _message_field(values: dict[str, bytes]) -> Param | None:
    return "SAMLResponse" if "SAMLResponse" in values else "SAMLRequest" if "SAMLRequest" in values else None


def _nothing_there(what: str) -> Problem:
    message = f"{what} has no field SAMLResponse, so no message arrived. The IdP or a proxy left it out."
    return Problem("encoding-param-single", message, "one SAMLResponse", "none")


def _base64(value: bytes) -> tuple[Base64 | None, tuple[Problem, ...]]:
    """Strict base64. A problem names the repair, and the data is not used."""
    found = read_base64(value)
    problems: tuple[Problem, ...] = ()
    if found is None:
        message = "The field SAMLResponse is not base64." if value.strip() else "The field SAMLResponse is empty."
        problems = (Problem("encoding-base64-strict", message, "base64", value[:60].decode("latin-1")),)
    elif found.problem:
        problems = (found.problem,)
    if problems and has_escapes(value):
        message = "The value is percent-encoded twice (“+” has become “%252B”); it must be encoded once."
        problems = (*problems, Problem("encoding-url-once", message, "percent-encoded once", "percent-encoded twice"))
    if found is not None and not problems and not looks_like_xml(found.data):
        again = read_base64(found.data)
        if again is not None and looks_like_xml(again.data):
            message = "The message is base64-encoded twice. Encode it once."
            problems = (Problem("encoding-base64-strict", message, "base64 once", "base64 of base64"),)
    return found, problems


def read_post_form(body: bytes, limits: Limits) -> Decoded:
    """The body of the form that a browser posts (saml-bindings §3.5.4): plain base64, each field once."""
    if problems := too_long(body, limits.encoded_bytes, "The form"):
        return Decoded(b"", (), (), problems, binding="HTTP-POST", channel="post-form", size=len(body))
    values, problems = _fields(body, "The form")
    relay_state = text_or_none(values.get("RelayState"))
    param = _message_field(values)
    data, rest = b"", b""
    notes: tuple[str, ...] = ()
    if param is None:
        problems = (*problems, _nothing_there("The form"))
    else:
        found, faults = _base64(values[param])
        problems += faults
        notes = found.notes if found else ()
        rest = found.data if found and not faults else values[param]
        if found and not faults and not looks_like_xml(found.data):
            unpacked = inflate(found.data, limits.decoded_bytes)
            if unpacked.oversized:
                problems += unpacked.problems
            elif looks_like_xml(unpacked.data):
                problems = (*problems, COMPRESSED_FOR_POST)
        if found:
            problems += too_long(found.data, limits.decoded_bytes, "The message")
        if found and not problems:
            data = found.data
    return Decoded(
        data,
        (f"form-field:{param}", "base64") if param else (),
        notes,
        problems,
        relay_state=relay_state,
        binding="HTTP-POST",
        param=param,
        channel="post-form",
        rest=b"" if data else rest,
        size=len(body),
    )


def read_redirect_query(query: bytes, limits: Limits) -> Decoded:
    """A query string as received (saml-bindings §3.4.4.1): base64 of raw DEFLATE, percent-encoded once."""
    if problems := too_long(query, limits.encoded_bytes, "The query"):
        return Decoded(b"", (), (), problems, binding="HTTP-Redirect", channel="redirect-query", size=len(query))
    values, problems = _fields(query, "The query")
    param = _message_field(values)
    data, rest = b"", b""
    notes: tuple[str, ...] = ()
    if param is None:
        problems = (*problems, _nothing_there("The query"))
    else:
        found, faults = _base64(values[param])
        problems += faults
        notes = found.notes if found else ()
        rest = found.data if found and not faults else values[param]
        if found and not faults:
            if looks_like_xml(found.data):
                message = "The message is not compressed. HTTP-Redirect carries base64 of raw DEFLATE."
                problems = (*problems, Problem("encoding-binding-match", message, "raw DEFLATE", "plain XML"))
            else:
                unpacked = inflate(found.data, limits.decoded_bytes)
                problems += unpacked.problems
                rest = unpacked.data or rest
                data = b"" if problems else unpacked.data
    return Decoded(
        data,
        ("url-query", "base64", "deflate") if param else (),
        notes,
        problems,
        relay_state=text_or_none(values.get("RelayState")),
        binding="HTTP-Redirect",
        param=param,
        query=query,
        sig_alg=text_or_none(values.get("SigAlg")),
        signature=text_or_none(values.get("Signature")),
        channel="redirect-query",
        rest=b"" if data else rest,
        size=len(query),
    )
