"""SCIM 2.0 as far as a directory that is only read needs it: users, filters, pages, errors (RFC 7643, RFC 7644)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from simulator.errors import SimulatorError
from simulator.tenant import TestUser

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
_LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
_CONFIG: Final = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
MAX_PAGE: Final = 1_000
_MAX_FILTER: Final = 2_000
_MAX_DEPTH: Final = 20
#: Attributes that can be filtered by, to whether letter case counts (RFC 7643 §4.1, §7).
_EXACT: Final = {
    "id": True,
    "username": False,
    "displayname": False,
    "active": False,
    "emails": False,
    "emails.value": False,
    "emails.type": False,
    "emails.primary": False,
    "name.formatted": False,
    "name.givenname": False,
    "name.familyname": False,
    "meta.resourcetype": True,
}
Test = Callable[[dict[str, Any]], bool]


class ScimError(SimulatorError):
    """A request that is answered with an error. `status` is HTTP's, `kind` the scimType or ""."""

    def __init__(self, sentence: str, *, status: int = 400, kind: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.kind = kind

    def as_dict(self) -> dict[str, Any]:
        """The body of the answer (RFC 7644 §3.12)."""
        body: dict[str, Any] = {"schemas": [_ERROR], "status": str(self.status), "detail": str(self)}
        return {**body, "scimType": self.kind} if self.kind else body


def scim_user(u: TestUser, base_url: str = "") -> dict[str, Any]:
    """A person as a User resource."""
    own_id = u.object_id or u.username
    given, _, family = (u.full_name or "").partition(" ")
    return {
        "schemas": [USER],
        "id": own_id,
        "userName": u.username,
        "name": {"formatted": u.full_name or "", "givenName": given, "familyName": family},
        "displayName": u.full_name or "",
        "active": u.enabled,
        "emails": [{"value": u.email, "type": "work", "primary": True}],
        "meta": {"resourceType": "User", "location": f"{base_url}/scim/v2/Users/{own_id}"},
    }


def list_response(
    users: Sequence[dict[str, Any]], *, start: int = 1, count: int = 100, filter_text: str | None = None
) -> dict[str, Any]:
    """A page of the users that the filter lets through (RFC 7644 §3.4.2.4). Numbers too small count as the least.

    Raises:
        ScimError: the filter cannot be understood.
    """
    if filter_text is not None:
        wanted = compile_filter(filter_text)
        users = [u for u in users if wanted(u)]
    start, count = max(1, start), max(0, min(count, MAX_PAGE))
    page = users[start - 1 : start - 1 + count]
    return {
        "schemas": [_LIST],
        "totalResults": len(users),
        "startIndex": start,
        "itemsPerPage": len(page),
        "Resources": list(page),
    }


def selected(user: dict[str, Any], attributes: Iterable[str], excluded: Iterable[str]) -> dict[str, Any]:
    """The user with only some attributes, or without some; id and schemas are always there (RFC 7644 §3.9)."""
    always = {"id", "schemas"}
    wanted = {a.partition(".")[0].lower() for a in attributes}
    unwanted = {a.partition(".")[0].lower() for a in excluded}
    return {
        k: v
        for k, v in user.items()
        if k in always or ((not wanted or k.lower() in wanted) and k.lower() not in unwanted)
    }


def provider_config(base_url: str) -> dict[str, Any]:
    """What is supported (RFC 7643 §5): reading, with filters."""
    no = {"supported": False}
    return {
        "schemas": [_CONFIG],
        "patch": no,
        "bulk": {**no, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MAX_PAGE},
        "changePassword": no,
        "sort": no,
        "etag": no,
        "authenticationSchemes": [
            {"type": "oauthbearertoken", "name": "Bearer token", "description": "The key of this run."}
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base_url}/scim/v2/ServiceProviderConfig"},
    }


# Filters ------------------------------------------------------------------------------------------------------------

_TOKEN: Final = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([()\[\]])|([A-Za-z$][\w$.:-]*)|(-?\d+(?:\.\d+)?))')
_OPERATORS: Final = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")


def compile_filter(text: str) -> Test:
    """The test that a filter describes (RFC 7644 §3.4.2.2).

    Raises:
        ScimError: invalidFilter, with what is wrong.
    """
    if len(text) > _MAX_FILTER:
        raise _invalid(f"it has more than {_MAX_FILTER} characters")
    parser = _Parser(_tokens(text))
    test = parser.either(0)
    if parser.left:
        raise _invalid(f"“{parser.left[0][:40]}” follows its end")
    return test


def _invalid(why: str) -> ScimError:
    return ScimError(f"The filter cannot be understood: {why}.", kind="invalidFilter")


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise _invalid(f"“{text[at:].strip()[:40]}” is not expected")
        tokens.append(next(g for g in found.groups() if g is not None))
        at = found.end()
    return tokens


class _Parser:
    """Recursive descent: or, and, not and groups, value paths, comparisons."""

    def __init__(self, tokens: list[str]) -> None:
        self.left = tokens

    def _next(self, what: str) -> str:
        if not self.left:
            raise _invalid(f"it ends where {what} is expected")
        return self.left.pop(0)

    def _is(self, word: str) -> bool:
        if self.left and self.left[0].lower() == word:
            self.left.pop(0)
            return True
        return False

    def either(self, depth: int, within: str = "") -> Test:
        tests = [self._both(depth, within)]
        while self._is("or"):
            tests.append(self._both(depth, within))
        return tests[0] if len(tests) == 1 else lambda u: any(t(u) for t in tests)

    def _both(self, depth: int, within: str) -> Test:
        tests = [self._one(depth, within)]
        while self._is("and"):
            tests.append(self._one(depth, within))
        return tests[0] if len(tests) == 1 else lambda u: all(t(u) for t in tests)

    def _one(self, depth: int, within: str) -> Test:
        if depth > _MAX_DEPTH:
            raise _invalid("it is nested too deeply")
        negated = self._is("not")
        if self._is("("):
            inner = self.either(depth + 1, within)
            self._close(")")
            return (lambda u: not inner(u)) if negated else inner
        if negated:
            raise _invalid("“not” stands before a group in parentheses only")
        return self._comparison(depth, within)

    def _close(self, bracket: str) -> None:
        if self._next(f"“{bracket}”") != bracket:
            raise _invalid(f"“{bracket}” is missing")

    def _comparison(self, depth: int, within: str) -> Test:
        name = self._next("an attribute")
        path = (within + name.removeprefix(USER + ":")).lower()
        if self._is("["):
            if path != "emails":
                raise _invalid(f"“{name[:40]}” holds no values to filter by")
            inner = self.either(depth + 1, "emails.")
            self._close("]")
            return inner
        if path not in _EXACT:
            raise _invalid(f"“{name[:40]}” is no attribute that can be filtered by")
        operator = self._next("an operator").lower()
        if operator == "pr":
            return lambda u: any(v not in ("", None) for v in _values(u, path))
        if operator not in _OPERATORS:
            raise _invalid(f"“{operator[:40]}” is no operator")
        return _compared(path, operator, _literal(self._next("a value")))


def _literal(token: str) -> Any:
    try:
        value = json.loads(token if token.startswith('"') else token.lower())
    except ValueError as error:
        raise _invalid(f"“{token[:40]}” is no value; write texts in quotation marks") from error
    if isinstance(value, dict | list):
        raise _invalid(f"“{token[:40]}” is no value")
    return value


def _values(user: dict[str, Any], path: str) -> list[Any]:
    """The values at a path; for `emails` alone, those of its value (RFC 7644 §3.4.2.2)."""
    first, _, rest = path.partition(".")
    found = next((v for k, v in user.items() if k.lower() == first), None)
    for item in found if isinstance(found, list) else [found]:
        if isinstance(item, dict):
            wanted = rest or "value"
            return [v for k, v in item.items() if k.lower() == wanted]
    return [found]


def _compared(path: str, operator: str, wanted: Any) -> Test:
    exact = _EXACT[path]
    if isinstance(wanted, str) and not exact:
        wanted = wanted.lower()
    if not isinstance(wanted, str) and operator not in ("eq", "ne"):
        raise _invalid(f"{operator} compares texts only")
    compare: dict[str, Callable[[Any], bool]] = {
        "eq": lambda v: bool(v == wanted),
        "ne": lambda v: bool(v != wanted),
        "co": lambda v: wanted in v,
        "sw": lambda v: bool(v.startswith(wanted)),
        "ew": lambda v: bool(v.endswith(wanted)),
        "gt": lambda v: bool(v > wanted),
        "ge": lambda v: bool(v >= wanted),
        "lt": lambda v: bool(v < wanted),
        "le": lambda v: bool(v <= wanted),
    }
    holds = compare[operator]

    def test(user: dict[str, Any]) -> bool:
        for value in _values(user, path):
            folded = value.lower() if isinstance(value, str) and not exact else value
            if operator not in ("eq", "ne") and not isinstance(folded, str):
                continue
            if holds(folded):
                return True
        return False

    return test
