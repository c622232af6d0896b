"""Checks of RelayState: where a login leads. It comes from the browser and is signed by nobody."""

from __future__ import annotations

import re
from typing import Final

from app.saml.checks.common import request_of
from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, ok, problem

_NONE: Final = "There is no RelayState."
_SCHEME: Final = re.compile(r"[\s\x00-\x20]*([A-Za-z][A-Za-z0-9+.\-]*)[\s\x00-\x20]*:")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: What some servers and browsers turn into something else on the way: encoded slashes, backslashes, control characters.
_TRICK: Final = re.compile(r"\\|%5c|%2f%2f|%0[0-9a-f]|%1[0-9a-f]|/\.\.?(?:/|\Z)|/%2e", re.IGNORECASE)
_MAX_BYTES: Final = 80


@check(
    "relaystate-length",
    "RelayState is at most 80 bytes long",
    cites="saml-bindings §3.4.3, §3.5.3",
    severity=Severity.WARNING,
    needs="input",
)
def length(case: Case) -> Outcome | None:
    """The specification allows 80 bytes. Longer ones work with many IdPs and are cut by some, so that the login ends on
    the wrong page."""
    state = case.relay_state
    if state is None:
        return not_applicable(_NONE)
    size = len(state.encode("utf-8", "surrogatepass"))
    if size > _MAX_BYTES:
        message = f"RelayState is {size} bytes long; the specification allows {_MAX_BYTES}, and some IdPs cut the rest."
        return problem(message, expected=f"at most {_MAX_BYTES} bytes", actual=f"{size} bytes")
    return ok("RelayState is short enough.", actual=f"{size} bytes")


def relay_state_allowed(state: str, allowed: tuple[str, ...]) -> bool:
    """Whether a RelayState leads to a place that is allowed.

    Allowed are exactly the values listed; and under a listed origin ("https://imagekit.io/", with its "/") every
    address of that origin and every absolute path, as long as nothing in it can be read as another host.
    """
    if state in allowed:
        return True
    origins = [a for a in allowed if re.fullmatch(r"https://[^/?#\\@\s]+/", a)]
    if not origins or _CONTROL.search(state) or _TRICK.search(state):
        return False
    if state.startswith("/"):
        return not state.startswith("//")
    return any(state.startswith(o) or state == o[:-1] for o in origins)


@check(
    "relaystate-allowlist",
    "RelayState leads to a page of this service provider",
    cites="OWASP Unvalidated Redirects; CVE-2018-6520",
    needs="input",
)
def allowlist(case: Case) -> Outcome | None:
    """After the login the browser is sent to RelayState. If that could be any address, a link to a genuine login page
    would lead to an attacker's. Comparing the beginning is not enough: https://imagekit.io.evil.test begins alike."""
    state = case.relay_state
    if not state:
        return not_applicable(_NONE)
    if case.is_other_kind:
        return not_applicable("Nobody is sent there: only a login leads on to RelayState.")
    request = request_of(case)
    if request is not None and request.relay_state == state:
        return ok("RelayState is the one that was sent with the request.", actual=state[:200])
    allowed = case.expectation.relay_states
    if not allowed:
        message = "No RelayState is configured as allowed, so it cannot be said whether this one is."
        return problem(message, expected="a configured value", actual=state[:200], severity=Severity.WARNING)
    if relay_state_allowed(state, allowed):
        return ok("RelayState is allowed.", actual=state[:200])
    return problem(
        "RelayState leads somewhere that is not allowed. In the IdP, set the RelayState (start URL) of the application "
        f"to “{allowed[0]}”, or leave it empty.",
        expected=", ".join(allowed[:4]),
        actual=state[:200],
    )


@check(
    "relaystate-scheme",
    "RelayState is no address but an http or https one",
    cites="saml-bindings §3.1.1",
    needs="input",
)
def scheme(case: Case) -> Outcome | None:
    """javascript: and data: addresses run code in the page that follows them."""
    state = case.relay_state
    if not state:
        return not_applicable(_NONE)
    match = _SCHEME.match(state)
    if match is None or match[1].lower() in ("http", "https"):
        return ok("RelayState has no dangerous scheme.")
    message = f"RelayState is an address with the scheme “{match[1][:30]}”; only http and https lead anywhere."
    return problem(message, expected="https", actual=match[1][:30])


@check(
    "relaystate-echo",
    "the IdP returned the RelayState that was sent",
    cites="saml-bindings §3.4.3, §3.5.3",
    severity=Severity.WARNING,
    needs="input",
)
def echo(case: Case) -> Outcome | None:
    """In a login that began here, the IdP must return RelayState unchanged. Some replace it by the default that is
    configured in the application, and the user lands on the wrong page."""
    request = request_of(case)
    if request is None:
        return not_applicable("The message answers no request of ours that is known here.")
    if (request.relay_state or "") == (case.relay_state or ""):
        return ok("RelayState came back unchanged.")
    return problem(
        "The IdP did not return the RelayState that was sent with the request.",
        expected=request.relay_state or "none",
        actual=(case.relay_state or "none")[:200],
    )


@check("relaystate-no-crlf", "RelayState has no control characters", cites="CWE-113", needs="input")
def no_crlf(case: Case) -> Outcome | None:
    """A line break in RelayState can begin a new header in the answer of the service provider."""
    state = case.relay_state
    if not state:
        return not_applicable(_NONE)
    if found := _CONTROL.search(state):
        message = f"RelayState contains a control character (U+{ord(found[0]):04X} at position {found.start() + 1})."
        return problem(message, expected="no control characters", actual=ascii(state[:200]))
    return ok("RelayState has no control characters.")
