"""The directory over HTTP, for whoever has this run's key: SCIM 2.0 and Microsoft Graph. It changes nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.directory import directory_graph, directory_scim, graph_user
from simulator.guard import security_headers
from simulator.idp import Idp
from simulator.scim import ScimError, provider_config, scim_user, selected
from simulator.tenant import TestUser

_SCIM_TYPE: Final = "application/scim+json"
_HEADERS: Final = security_headers("default-src 'none'")
_GRAPH_PAGE: Final = 100
_GRAPH_MAX: Final = 999


class DirectoryPages:
    """The routes. `has_key` tells whether a request brings this run's key (as `key` or as a bearer token)."""

    def __init__(self, idp: Idp, has_key: Callable[[Request], bool]) -> None:
        self._idp = idp
        self._has_key = has_key
        self.routes = [
            Route("/scim/v2/Users", self._scim_answering(self._users), methods=["GET"]),
            Route("/scim/v2/Users/{id}", self._scim_answering(self._user), methods=["GET"]),
            Route("/scim/v2/ServiceProviderConfig", self._scim_answering(self._config), methods=["GET"]),
            Route("/scim/v2/{rest:path}", self._scim_answering(_unknown), methods=["GET"]),
            Route("/graph/v1.0/users", self._graph_answering(self._graph_users), methods=["GET"]),
            Route("/graph/v1.0/users/{id}", self._graph_answering(self._graph_user), methods=["GET"]),
        ]

    def _scim_answering(self, verb: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def handler(request: Request) -> Response:
            try:
                if not self._has_key(request):
                    raise ScimError("The directory is listed for whoever has the key of this run.", status=403)
                found = await run_in_threadpool(verb, request)
            except ScimError as error:
                return JSONResponse(error.as_dict(), error.status, media_type=_SCIM_TYPE, headers=_HEADERS)
            return JSONResponse(found, media_type=_SCIM_TYPE, headers=_HEADERS)

        return handler

    def _graph_answering(self, verb: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def handler(request: Request) -> Response:
            try:
                if not self._has_key(request):
                    raise ScimError("The directory is listed for whoever has the key of this run.", status=403)
                found = await run_in_threadpool(verb, request)
            except ScimError as error:
                codes = {403: "Authorization_RequestDenied", 404: "Request_ResourceNotFound"}
                told = {"code": codes.get(error.status, "Request_BadRequest"), "message": str(error)}
                return JSONResponse({"error": told}, error.status, headers=_HEADERS)
            return JSONResponse(found, headers=_HEADERS)

        return handler

    def _base(self) -> str:
        return self._idp.base_url

    # SCIM ---------------------------------------------------------------------------------------------------------

    def _users(self, request: Request) -> Any:
        query = request.query_params
        page = directory_scim(
            self._idp.tenant,
            start=_number(query.get("startIndex"), 1),
            count=_number(query.get("count"), 100),
            application_id=query.get("application"),
            filter_text=query.get("filter"),
            base_url=self._base(),
        )
        chosen, left_out = _names(query.get("attributes")), _names(query.get("excludedAttributes"))
        if chosen and left_out:
            raise ScimError("attributes and excludedAttributes exclude each other.", kind="invalidValue")
        page["Resources"] = [selected(u, chosen, left_out) for u in page["Resources"]]
        return page

    def _user(self, request: Request) -> Any:
        query = request.query_params
        found = scim_user(self._known(request), self._base())
        return selected(found, _names(query.get("attributes")), _names(query.get("excludedAttributes")))

    def _known(self, request: Request) -> TestUser:
        wanted = request.path_params["id"]
        for u in self._idp.tenant.users:
            if wanted in (u.object_id or u.username, u.email):
                return u
        raise ScimError(f"There is no resource “{wanted[:60]}”.", status=404)

    def _config(self, _request: Request) -> Any:
        return provider_config(self._base())

    # Graph --------------------------------------------------------------------------------------------------------

    def _graph_users(self, request: Request) -> Any:
        query = request.query_params
        strange = next((n for n in query if n.startswith("$") and n not in ("$top", "$skiptoken", "$select")), None)
        if strange is not None:
            raise ScimError(f"{strange[:40]} is not supported here.")
        top = _number(query.get("$top"), _GRAPH_PAGE)
        if not 1 <= top <= _GRAPH_MAX:
            raise ScimError(f"$top must be from 1 to {_GRAPH_MAX}.")
        page = directory_graph(
            self._idp.tenant,
            application_id=query.get("application"),
            skip=max(0, _number(query.get("$skiptoken"), 0)),
            top=top,
            next_link=f"{self._base()}/graph/v1.0/users",
        )
        wanted = _names(query.get("$select"))
        if wanted:
            page["value"] = [{k: v for k, v in u.items() if k.lower() in wanted or k == "id"} for u in page["value"]]
        return page

    def _graph_user(self, request: Request) -> Any:
        return graph_user(self._known(request))


def _unknown(request: Request) -> Any:
    raise ScimError(f"There is no endpoint “{request.path_params['rest'][:60]}”.", status=404)


def _number(text: str | None, default: int) -> int:
    """A whole number, with or without a sign.

    Raises:
        ScimError: it is none.
    """
    if text is None:
        return default
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        raise ScimError(f"“{text[:40]}” is no whole number.", kind="invalidValue")
    return int(text)


def _names(text: str | None) -> list[str]:
    return [n.strip().lower() for n in (text or "").split(",") if n.strip()]
