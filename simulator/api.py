"""The simulator for programs: people, applications, faults, clock, messages and exchanges as JSON, behind a token.

It is off unless somebody starts it on a port of its own, and changes what the running program holds, never a file.
Browsers are kept out: there is no cross-origin access, and whatever a page sends (an Origin) is refused.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
import stat
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from simulator.api_description import DESCRIPTION, user_object
from simulator.errors import LoginRefused, RequestRefused, SimulatorError
from simulator.faults.registry import all_faults, switchable
from simulator.guard import Guard, security_headers
from simulator.idp import DEFAULT, Issued
from simulator.tenant import Application, Tenant, TestUser
from simulator.tenant_file import record_of
from simulator.web import Exchange, WebIdp

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE")
_MIN_TOKEN: Final = 16
_MAX_LISTED: Final = 1_000
_HEADERS: Final = security_headers("default-src 'none'")


class _Problem(Exception):  # noqa: N818  an answer, not an error of ours
    """Ends a request with a status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def read_token(path: str | os.PathLike[str]) -> str:
    """The token in a file; where there is none yet, a new one is written there, for its owner only.

    Raises:
        SimulatorError: others can read the file, it is a symbolic link, or what it holds is too short to be secret.
    """
    file = Path(path)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except FileExistsError:
        return _known_token(file)
    except OSError as error:
        raise SimulatorError(f"The token file {file} cannot be written: {error.strerror}.") from error
    token = secrets.token_urlsafe(32)
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(token + "\n")
    return token


def _known_token(file: Path) -> str:
    try:
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as opened:
            info, token = os.fstat(opened.fileno()), opened.read(1_024).strip()
    except OSError as error:
        raise SimulatorError(f"The token file {file} cannot be read: {error.strerror}.") from error
    if os.name == "posix" and stat.S_IMODE(info.st_mode) & 0o077:
        raise SimulatorError(f"Other users can read the token file {file}. Run: chmod 600 '{file}'")
    if len(token) < _MIN_TOKEN or not token.isascii() or not token.decode().isprintable():
        raise SimulatorError(f"The token in {file} must be {_MIN_TOKEN} or more printable ASCII characters.")
    return token.decode()


class Api:
    """The ASGI application that lets programs steer a WebIdp. `asgi` is what a Server serves.

    What it changes is gone with the process; reset goes back to how everything was when this object was made.
    """

    def __init__(self, web: WebIdp, token: str) -> None:
        if len(token) < _MIN_TOKEN:
            raise SimulatorError(f"The token must have {_MIN_TOKEN} or more characters.")
        self._web = web
        self._token = token.encode()
        self._lock = threading.Lock()
        self._tenant_at_start = web.idp.tenant
        self._faults_at_start = web.faults
        routes = [Route(path, self._answering(verb), methods=[method]) for path, method, verb in self._verbs()]
        routes += [Route("/openapi.json", _openapi, methods=["GET"]), Route("/healthz", _healthz, methods=["GET"])]
        handlers: dict[Any, Any] = {404: _not_found, 405: _not_allowed}
        self.asgi: ASGIApp = Guard(Starlette(routes=routes, exception_handlers=handlers), METHODS)

    def _verbs(self) -> list[tuple[str, str, Callable[[Request, Any], Any]]]:
        return [
            ("/v1/users", "GET", self._users),
            ("/v1/users/{username}", "GET", self._user),
            ("/v1/users/{username}", "PUT", self._put_user),
            ("/v1/users/{username}", "DELETE", self._delete_user),
            ("/v1/applications", "GET", self._applications),
            ("/v1/applications/{id}", "PUT", self._put_application),
            ("/v1/applications/{id}", "DELETE", self._delete_application),
            ("/v1/faults", "GET", self._faults),
            ("/v1/faults/active", "GET", self._active_faults),
            ("/v1/faults/active", "PUT", self._put_active_faults),
            ("/v1/clock", "GET", self._clock),
            ("/v1/clock", "PUT", self._put_clock),
            ("/v1/issue", "POST", self._issue),
            ("/v1/reset", "POST", self._reset),
            ("/v1/exchanges", "GET", self._exchanges),
        ]

    # Requests -----------------------------------------------------------------------------------------------------

    def _answering(self, verb: Callable[[Request, Any], Any]) -> Callable[[Request], Awaitable[Response]]:
        """A handler: who asks is checked, the body is read, the verb runs off the event loop, refusals are told."""

        async def handler(request: Request) -> Response:
            try:
                self._admit(request)
                data = await _json_of(request) if request.method in ("PUT", "POST") else None
                found = await run_in_threadpool(self._in_turn, verb, request, data)
            except _Problem as problem:
                return _sentence(problem.status, str(problem))
            except (LoginRefused, RequestRefused) as error:
                return _sentence(409, str(error))
            except SimulatorError as error:
                return _sentence(400, str(error))
            if found is None:
                return Response(status_code=204, headers=_HEADERS)
            return JSONResponse(found, headers=_HEADERS)

        return handler

    def _in_turn(self, verb: Callable[[Request, Any], Any], request: Request, data: Any) -> Any:
        """Changes are made one after the other: each reads the tenant and puts another in its place."""
        with self._lock:
            return verb(request, data)

    def _admit(self, request: Request) -> None:
        if "origin" in request.headers or request.headers.get("sec-fetch-site") not in (None, "none"):
            raise _Problem(403, "Pages in a browser may not use this interface.")
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not hmac.compare_digest(token.strip().encode(), self._token):
            raise _Problem(401, "Send the header “Authorization: Bearer” with the token of this run.")

    # People and applications --------------------------------------------------------------------------------------

    @property
    def _tenant(self) -> Tenant:
        return self._web.idp.tenant

    def _keep(self, tenant: Tenant) -> None:
        self._web.idp.tenant = tenant

    def _users(self, request: Request, _data: Any) -> Any:
        query = request.query_params
        found = self._tenant.people(query.get("text", ""), application_id=query.get("application"))
        start, count = _number(query.get("start"), 0), min(_number(query.get("count"), 100), _MAX_LISTED)
        return {"total": len(found), "users": [user_object(u) for u in found[start : start + count]]}

    def _user(self, request: Request, _data: Any) -> Any:
        return user_object(self._known(request))

    def _known(self, request: Request) -> TestUser:
        found = self._tenant.user(request.path_params["username"])
        if found is None:
            raise _Problem(404, "There is nobody of that name.")
        return found

    def _put_user(self, request: Request, data: Any) -> Any:
        person = record_of(TestUser, {"username": request.path_params["username"], **data})
        if person.username != request.path_params["username"]:
            raise _Problem(400, "The user name in the address and in the body differ.")
        self._keep(self._tenant.with_user(person))
        return user_object(person)

    def _delete_user(self, request: Request, _data: Any) -> None:
        self._keep(self._tenant.without_user(self._known(request).username))

    def _applications(self, _request: Request, _data: Any) -> Any:
        return {"applications": [_application(a) for a in self._tenant.applications]}

    def _put_application(self, request: Request, data: Any) -> Any:
        own_id = request.path_params["id"]
        if "metadata" in data:
            strange = set(data) - {"metadata", "entity", "encrypt", "deliver_to", "relay_state"}
            if strange or not isinstance(data["metadata"], str):
                raise _Problem(400, "Beside metadata only entity, encrypt, deliver_to and relay_state are understood.")
            made = Application.from_metadata(
                data["metadata"].encode(),
                application_id=own_id,
                entity=_text(data, "entity"),
                encrypt=data.get("encrypt") is True,
            )
            made = replace(made, deliver_to=_text(data, "deliver_to"), relay_state=_text(data, "relay_state"))
        else:
            made = record_of(Application, {"name": own_id, **data, "id": own_id})
        self._keep(self._tenant.with_application(made))
        return _application(made)

    def _delete_application(self, request: Request, _data: Any) -> None:
        own_id = request.path_params["id"]
        if self._tenant.application(own_id) is None:
            raise _Problem(404, "There is no such application.")
        self._keep(self._tenant.without_application(own_id))

    # Faults, clock, reset -----------------------------------------------------------------------------------------

    def _faults(self, _request: Request, _data: Any) -> Any:
        rows = [
            {
                "id": f.id,
                "family": f.family,
                "acts_on": f.acts_on,
                "summary": f.summary,
                "expects": f.expects,
                "checks": list(f.checks),
                "reference": f.reference,
            }
            for f in all_faults()
        ]
        return {"faults": rows}

    def _active_faults(self, _request: Request, _data: Any) -> Any:
        return {"faults": list(self._web.faults)}

    def _put_active_faults(self, _request: Request, data: Any) -> Any:
        chosen = tuple(dict.fromkeys(f.id for f in switchable(_texts(data, "faults"))))
        self._web.faults = chosen
        return {"faults": list(chosen)}

    def _clock(self, _request: Request, _data: Any) -> Any:
        stands = self._tenant.clock_stands_at
        return {
            "now": _utc(self._web.idp.now()),
            "offset_seconds": round(self._tenant.clock_offset.total_seconds()),
            "stands_at": None if stands is None else _utc(stands),
        }

    def _put_clock(self, request: Request, data: Any) -> Any:
        _only(data, {"offset_seconds", "stands_at"})
        offset, stands = data.get("offset_seconds", 0), data.get("stands_at")
        if type(offset) is not int or abs(offset) > 1_000_000_000:
            raise _Problem(400, "offset_seconds must be a whole number of seconds.")
        at = None if stands is None else _instant(stands)
        self._keep(replace(self._tenant, clock_offset=timedelta(seconds=offset), clock_stands_at=at))
        return self._clock(request, None)

    def _reset(self, _request: Request, data: Any) -> None:
        _only(data, set())
        self._keep(self._tenant_at_start)
        self._web.faults = self._faults_at_start
        self._web.exchanges.clear()

    # Messages -----------------------------------------------------------------------------------------------------

    def _issue(self, _request: Request, data: Any) -> Any:
        """A message, as if the person had logged in; it is recorded like any other."""
        _only(data, {"user", "application", "faults", "relay_state", "request"})
        user, application = _text(data, "user"), _text(data, "application")
        if user is None or application is None:
            raise _Problem(400, "user and application are needed.")
        idp, faults = self._web.idp, _texts(data, "faults") if "faults" in data else list(self._web.faults)
        asked = _text(data, "request")
        request = None if asked is None else idp.read_request(query=asked)
        relay_state = _text(data, "relay_state") if "relay_state" in data else DEFAULT
        issued = idp.issue(user, application, request=request, faults=faults, relay_state=relay_state)
        self._web.record(issued, request)
        return _issued(issued)

    def _exchanges(self, request: Request, _data: Any) -> Any:
        count = min(_number(request.query_params.get("count"), 20), _MAX_LISTED)
        kept = list(self._web.exchanges)
        return {"exchanges": [_exchange(e) for e in kept[max(0, len(kept) - count) :]] if count else []}


# Values to JSON -----------------------------------------------------------------------------------------------------


def _application(a: Application) -> dict[str, Any]:
    return {
        "id": a.id,
        "name": a.name,
        "entity_id": a.entity_id,
        "acs_url": a.acs_url,
        "deliver_to": a.deliver_to,
        "relay_state": a.relay_state,
        "logout_url": a.logout_url,
        "logout_by_redirect": a.logout_by_redirect,
        "sign": a.sign,
        "encrypted": a.encrypt_to is not None,
        "claims": dict(a.claims),
    }


def _issued(i: Issued) -> dict[str, Any]:
    return {
        "method": i.method,
        "url": i.url,
        "headers": dict(i.headers),
        "body": base64.b64encode(i.body).decode(),
        "form": [{"name": n, "value": v} for n, v in i.form],
        "xml": base64.b64encode(i.xml).decode(),
        "response_id": i.response_id,
        "assertion_id": i.assertion_id,
        "name_id": i.name_id,
        "in_response_to": i.in_response_to,
        "relay_state": i.relay_state,
        "faults": list(i.faults),
        "expected": {"verdict": i.expected.verdict, "checks": list(i.expected.checks)},
        "at": _utc(i.at),
    }


def _exchange(e: Exchange) -> dict[str, Any]:
    return {
        "at": _utc(e.at),
        "user": e.user,
        "application": e.application,
        "faults": list(e.faults),
        "in_response_to": e.in_response_to,
        "refused": e.refused,
        "rule": e.rule,
        "request": None if e.request is None else base64.b64encode(e.request.xml).decode(),
        "issued": None if e.issued is None else _issued(e.issued),
    }


# What is sent -------------------------------------------------------------------------------------------------------


async def _json_of(request: Request) -> dict[str, Any]:
    try:
        body = await request.body()
    except ClientDisconnect as error:
        raise _Problem(400, "The body came too slowly or was too long.") from error
    if not body and request.method == "POST":
        return {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise _Problem(415, "Send the body as application/json.")
    try:
        data = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _Problem(400, "The body is not valid JSON in UTF-8.") from error
    if not isinstance(data, dict):
        raise _Problem(400, "The body must be an object.")
    return data


def _only(data: dict[str, Any], known: set[str]) -> None:
    strange = next((k for k in data if k not in known), None)
    if strange is not None:
        raise _Problem(400, f"Unknown name {strange[:60]!r}. Known here: {', '.join(sorted(known)) or 'none'}.")


def _text(data: dict[str, Any], name: str) -> str | None:
    value = data.get(name)
    if value is not None and not isinstance(value, str):
        raise _Problem(400, f"{name} must be a text.")
    return value


def _texts(data: dict[str, Any], name: str) -> list[str]:
    value = data.get(name)
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value) or len(value) > 100:
        raise _Problem(400, f"{name} must be a list of at most 100 texts.")
    return value


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise _Problem(400, "start and count are whole numbers.")
    return int(text)


def _instant(text: object) -> datetime:
    try:
        found: datetime | None = datetime.fromisoformat(str(text))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise _Problem(400, "stands_at must be a time with its zone, such as 2026-11-23T20:36:00Z.")
    return found


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _sentence(status: int, sentence: str) -> Response:
    headers = {**_HEADERS, "www-authenticate": "Bearer"} if status == 401 else _HEADERS
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)


async def _openapi(_request: Request) -> Response:
    return JSONResponse(DESCRIPTION, headers=_HEADERS)


async def _healthz(_request: Request) -> Response:
    return JSONResponse({"ok": True}, headers=_HEADERS)


async def _not_found(_request: Request, _error: Exception) -> Response:
    return _sentence(404, "There is no such address. /openapi.json lists them.")


async def _not_allowed(_request: Request, _error: Exception) -> Response:
    return _sentence(405, "This address is not asked in that way. /openapi.json lists them.")
