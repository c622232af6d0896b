"""The pages of the test identity provider over HTTP: portal, single sign-on, logout, metadata. It has no control API:
people, faults and keys are changed by the program that runs it, never by a browser.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import hashlib
import hmac
import importlib.resources
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import jinja2
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from simulator.directory_pages import DirectoryPages
from simulator.errors import RequestRefused, SimulatorError
from simulator.guard import Guard, security_headers
from simulator.idp import Idp, Issued
from simulator.logout import Logout, SpSession, SpSessions
from simulator.requests import AuthnRequest, fields_of, is_logout

_STALL_SECONDS: Final = 30
_TOKENS: Final = 5_000
_TOKEN_OCTETS: Final = 67_108_864
_KEPT: Final = 200
_PARKED: Final = 50
_SHOWN: Final = 200
_COOKIE: Final = "test_idp"
_PLAIN: Final = frozenset({"/sso", "/slo", "/metadata"})
_SCRIPT: Final = "document.forms[0].submit()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One answer that was given, or (with `refused`) a request that got none.

    `rule` is the one of simulator.requests.RULES that a refused request broke, "" where none of them was.
    """

    at: datetime
    user: str
    application: str
    xml: bytes
    faults: tuple[str, ...]
    in_response_to: str | None
    issued: Issued | None = None
    request: AuthnRequest | None = None
    refused: str | None = None
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPolicy:
    """Who may log in from a browser: whoever came by the unguessable link, is approved by `ask`, or everybody.

    `key` is the link's secret, new for each run. `ask(user, application)` may block; it runs off the event loop.
    `auto_approve` lets every program on this computer log in as anybody: the program must show that in red.
    """

    key: str = field(default_factory=lambda: secrets.token_hex(16))
    auto_approve: bool = False
    ask: Callable[[str, str], bool] | None = None


@dataclass(frozen=True, slots=True)
class _Pending:
    """What a page's token stands for."""

    request: AuthnRequest | None
    entitled: bool

    @property
    def octets(self) -> int:
        """What it keeps of what somebody sent."""
        return 0 if self.request is None else len(self.request.xml) + len(self.request.field)


class WebIdp:
    """The ASGI application around an Idp. `asgi` is what a Server serves.

    `faults` are the faults of every login until changed; they are shown on every page. `on_exchange` is called from
    the server's thread. The last 200 exchanges are kept in `exchanges`, who is signed in where in `sessions`.
    """

    def __init__(
        self,
        idp: Idp,
        *,
        consent: ConsentPolicy | None = None,
        faults: Sequence[str] = (),
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        self.idp = idp
        self.consent = consent or ConsentPolicy()
        self.faults: tuple[str, ...] = tuple(faults)
        self.exchanges: deque[Exchange] = deque(maxlen=_KEPT)
        self._on_exchange = on_exchange
        self._cookie = secrets.token_urlsafe(24)
        self._tokens: OrderedDict[str, _Pending] = OrderedDict()
        self._token_octets = 0
        self._parked: OrderedDict[str, tuple[Issued, AuthnRequest | None]] = OrderedDict()
        self.sessions = SpSessions()
        self._logouts: OrderedDict[str, Logout] = OrderedDict()
        self._lock = threading.Lock()
        self._pages = _Pages()
        routes = [
            Route("/sso", self._sso_redirect, methods=["GET"]),
            Route("/sso", self._sso_post, methods=["POST"]),
            Route("/", self._portal, methods=["GET"]),
            Route("/portal", self._portal, methods=["GET"]),
            Route("/portal", self._launch, methods=["POST"]),
            Route("/slo", self._slo, methods=["GET", "POST"]),
            Route("/portal/logout", self._log_out, methods=["POST"]),
            Route("/send/{token}", self._send, methods=["GET"]),
            Route("/metadata", self._metadata, methods=["GET"]),
            Route("/healthz", _healthz, methods=["GET"]),
            *DirectoryPages(idp, self._has_key).routes,
        ]
        app = Starlette(routes=routes, exception_handlers={SimulatorError: self._sorry, 404: _not_found})
        self.asgi: ASGIApp = Guard(self._by_vendor(app))

    def _by_vendor(self, app: ASGIApp) -> ASGIApp:
        """The application under the vendor's own paths too; letter case does not count in them."""

        async def routed(scope: Scope, receive: Receive, send: Send) -> None:
            tenant, path = self.idp.tenant, scope["path"].lower()
            for page in () if scope["path"] in _PLAIN else ("sso", "slo", "metadata"):
                if path == tenant.path_of(page).lower():
                    scope = {**scope, "path": f"/{page}", "raw_path": f"/{page}".encode()}
                    break
            await app(scope, receive, send)

        return routed

    def portal_path(self) -> str:
        """Path and query of the portal with this run's link secret."""
        return f"/portal?key={self.consent.key}"

    def park(self, issued: Issued, request: AuthnRequest | None = None) -> str:
        """A path, not to be guessed, under which a browser gets a ready message and posts it; the last 50 are kept."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._parked[token] = (issued, request)
            while len(self._parked) > _PARKED:
                self._parked.popitem(last=False)
        return f"/send/{token}"

    # Pages --------------------------------------------------------------------------------------------------------

    async def _send(self, request: Request) -> Response:
        """A message that was made ready in the program goes on its way."""
        with self._lock:
            parked = self._parked.get(request.path_params["token"])
        if parked is None:
            raise RequestRefused("This message is not kept any more. Make it again in the program.")
        self.record(*parked)
        self.sessions.began(parked[0])
        return self._deliver(parked[0])

    async def _portal(self, request: Request) -> Response:
        """The people, and the chosen person's applications. Changes nothing."""
        entitled = self._entitled(request)
        username = request.query_params.get("user")
        tenant = self.idp.tenant
        person = tenant.user(username) if username else None
        tiles = [] if person is None else [a for a in tenant.applications if person.assigned(a.id)]
        names = {a.id: a.name for a in tenant.applications}
        sessions = self.sessions.of(person.username) if person is not None else ()
        signed_in = [names[s.application] for s in sessions if s.application in names]
        response = self._page(
            "portal.html",
            form_action=" ".join(["'self'", *(self._logout_origins() if signed_in else ())]),
            people=tenant.users[:_SHOWN],
            hidden=max(0, len(tenant.users) - _SHOWN),
            person=person,
            tiles=tiles,
            sessions=signed_in,
            token=self._token(None, entitled) if person is not None and (tiles or signed_in) else None,
            entitled=entitled or self.consent.ask is not None,
            key=request.query_params.get("key"),
        )
        if entitled and not self.consent.auto_approve:
            response.set_cookie(_COOKIE, self._cookie, httponly=True, samesite="lax", path="/")
        return response

    async def _launch(self, request: Request) -> Response:
        """A tile was pressed: a login that starts at the identity provider."""
        fields = await self._own_form(request)
        pending = self._redeem(fields)
        return await self._login(fields, pending, _text(fields, "application"))

    async def _sso_redirect(self, request: Request) -> Response:
        query = request.scope["query_string"].decode("latin-1")
        if self._is_logout(query, post=False):
            return await self._slo(request)
        found = await run_in_threadpool(lambda: self.idp.read_request(query=query))
        return self._choose(request, found)

    def _is_logout(self, raw: str, *, post: bool) -> bool:
        """Whether this is for the logout page, where the vendor has one address for both."""
        tenant = self.idp.tenant
        return tenant.path_of("sso") == tenant.path_of("slo") and is_logout(fields_of(raw), post=post)

    async def _sso_post(self, request: Request) -> Response:
        """Either a request of a service provider (from anywhere), or the person chosen on our own page."""
        body = await _body(request)
        if self._is_logout(body, post=True):
            return await self._slo(request)
        fields = fields_of(body)
        if "SAMLRequest" in fields or "token" not in fields:
            found = await run_in_threadpool(lambda: self.idp.read_request(form=body))
            return self._choose(request, found)
        own = {n: v[0] for n, v in fields.items()}
        _same_origin(request)
        pending = self._redeem(own)
        if pending.request is None:
            raise RequestRefused("This page is not an answer to a request. Open the portal again.")
        return await self._login(own, pending, pending.request.application)

    def _choose(self, request: Request, found: AuthnRequest) -> Response:
        """The page that asks who logs in, or the refusal that the protocol has for what was asked."""
        objection = self.idp.objection(found)
        if objection is not None:
            codes, message = objection
            issued = self.idp.refuse(found.application, codes, message, request=found)
            self.record(issued, found)
            return self._deliver(issued)
        application = self.idp.tenant.application(found.application)
        assert application is not None
        entitled = self._entitled(request)
        people = [u for u in self.idp.tenant.users if u.enabled and u.assigned(application.id)]
        return self._page(
            "choose.html",
            people=people[:_SHOWN],
            hidden=max(0, len(people) - _SHOWN),
            application=application,
            request=found,
            token=self._token(found, entitled),
        )

    async def _login(self, fields: dict[str, str], pending: _Pending, application: str) -> Response:
        username = _text(fields, "user")
        if not (pending.entitled or self.consent.auto_approve):
            ask = self.consent.ask
            if ask is None or not await run_in_threadpool(ask, username, application):
                raise RequestRefused(
                    "This login was not approved. Open the portal by the link that the program shows, then try again."
                )
        faults, idp = self.faults, self.idp
        if faults:
            issued = await run_in_threadpool(idp.issue, username, application, request=pending.request, faults=faults)
        else:
            # Signing takes about a millisecond, less than it costs to hand it to another thread and back. A fault may
            # build something large.
            issued = idp.issue(username, application, request=pending.request)
        self.record(issued, pending.request)
        self.sessions.began(issued)
        return self._deliver(issued)

    def _deliver(self, issued: Issued, onward: Sequence[str] = ()) -> Response:
        """The page that posts the message by itself, or by its button. `onward` is where redirects may lead then."""
        if issued.method == "GET":
            return RedirectResponse(issued.url, status_code=303, headers=security_headers("default-src 'none'"))
        fields = issued.form
        if not issued.exact_form:
            fields = tuple(parse_qsl(issued.body.decode("latin-1"), keep_blank_values=True)) or issued.form
        origins = {_origin(issued.url), _origin(issued.relay_state or "")} - {None}
        return self._page(
            "post.html",
            form_action=" ".join(sorted({o for o in origins if o} | set(onward))),
            script=True,
            action=issued.url,
            fields=fields,
            issued=issued,
        )

    # Single logout ------------------------------------------------------------------------------------------------

    async def _log_out(self, request: Request) -> Response:
        """The button of the portal: a logout that starts at the identity provider."""
        fields = await self._own_form(request)
        if not self._redeem(fields).entitled:
            raise RequestRefused("Open the portal by the link that the program shows, then try again.")
        username = _text(fields, "user")
        return await self._next(Logout(username, deque(self.sessions.of(username))))

    async def _slo(self, request: Request) -> Response:
        """What service providers send: a LogoutRequest of theirs, or the answer to one of ours."""
        post = request.method == "POST"
        raw = await _body(request) if post else request.scope["query_string"].decode("latin-1")
        if "SAMLResponse" in fields_of(raw):
            return await self._answered(raw, post)
        found = await run_in_threadpool(
            lambda: self.idp.read_logout(form=raw) if post else self.idp.read_logout(query=raw)
        )
        own = self.sessions.named(found.application, found.name_id)
        others: tuple[SpSession, ...] = ()
        if own is not None:
            self.sessions.ended(own)
            others = self.sessions.of(own.user)
        return await self._next(Logout(own.user if own else "", deque(others), found))

    async def _answered(self, raw: str, post: bool) -> Response:
        answer = await run_in_threadpool(
            lambda: self.idp.read_logout_answer(form=raw) if post else self.idp.read_logout_answer(query=raw)
        )
        with self._lock:
            logout = self._logouts.get(answer.relay_state or "")
        step = logout.answered(answer) if logout is not None else None
        if logout is None or step is None:
            raise RequestRefused("This LogoutResponse answers no request that waits for one.", "request-present")
        if step.state == "ended":
            self.sessions.ended(step.session)
        return await self._next(logout, answer.relay_state)

    async def _next(self, logout: Logout, token: str | None = None) -> Response:
        """Ask the next application; when all were asked, answer the one that wanted it, or say how it went."""
        while logout.todo:
            session = logout.todo.popleft()
            app = self.idp.tenant.application(session.application)
            if app is None:
                self.sessions.ended(session)
                continue
            if app.logout_url is None:
                logout.asked(session, app.name, "")
                continue
            token = token or self._remember(logout)
            issued = await run_in_threadpool(self.idp.logout_request, session, token)
            logout.asked(session, app.name, issued.response_id or "")
            self.record(issued, None)
            return self._deliver(issued, self._logout_origins())
        if token is not None:
            with self._lock:
                self._logouts.pop(token, None)
        if logout.asked_by is None:
            return self._page("signed_out.html", logout=logout, person=self.idp.tenant.user(logout.user))
        partial = not logout.complete
        issued = await run_in_threadpool(lambda: self.idp.logout_response(logout.asked_by, partial=partial))  # type: ignore[arg-type]  # it is not None here
        self.record(issued, None)
        return self._deliver(issued, self._logout_origins())

    def _logout_origins(self) -> tuple[str, ...]:
        """Where a logout leads: browsers hold the redirects after a form against the form's page as well (CSP level 3).

        Each service provider sends the browser back here, and from here it goes on to the next.
        """
        known = (_origin(a.logout_to or "") for a in self.idp.tenant.applications)
        return ("'self'", *sorted({o for o in known if o}))

    def _remember(self, logout: Logout) -> str:
        """The RelayState of the messages of a logout, not to be guessed; of those under way the last 50 are kept."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._logouts[token] = logout
            while len(self._logouts) > _PARKED:
                self._logouts.popitem(last=False)
        return token

    async def _metadata(self, _request: Request) -> Response:
        data, reply = await run_in_threadpool(self.idp.serve_metadata, self.faults)
        headers = {**security_headers("default-src 'none'"), **dict(reply.headers)}
        if reply.stalls:
            return _Stalling(data, media_type="application/samlmetadata+xml", headers=headers)
        return Response(data, reply.status, media_type="application/samlmetadata+xml", headers=headers)

    def _has_key(self, request: Request) -> bool:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        key = request.query_params.get("key") or bearer
        return hmac.compare_digest(key.encode(), self.consent.key.encode())

    async def _sorry(self, request: Request, error: Exception) -> Response:
        """A local page with the sentence: nothing is posted anywhere."""
        now = self.idp.now()
        refused = Exchange(
            at=now,
            user="",
            application="",
            xml=b"",
            faults=(),
            in_response_to=None,
            refused=str(error),
            rule=error.rule if isinstance(error, RequestRefused) else "",
        )
        self._keep(refused)
        return self._page("error.html", status=403 if isinstance(error, _Forbidden) else 400, text=str(error))

    def _page(
        self, template: str, *, status: int = 200, form_action: str = "'self'", script: bool = False, **values: Any
    ) -> Response:
        text, policy = self._pages.render(
            template,
            form_action,
            script,
            tenant=self.idp.tenant,
            faults=self.faults,
            auto=self.consent.auto_approve,
            **values,
        )
        return Response(text, status_code=status, media_type="text/html", headers=security_headers(policy))

    # Who may ------------------------------------------------------------------------------------------------------

    def _entitled(self, request: Request) -> bool:
        key = request.query_params.get("key") or ""
        cookie = request.cookies.get(_COOKIE) or ""
        return (
            self.consent.auto_approve
            or hmac.compare_digest(key.encode(), self.consent.key.encode())
            or hmac.compare_digest(cookie.encode(), self._cookie.encode())
        )

    def _token(self, request: AuthnRequest | None, entitled: bool) -> str:
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[token] = pending = _Pending(request, entitled)
            self._token_octets += pending.octets
            while len(self._tokens) > _TOKENS or self._token_octets > _TOKEN_OCTETS:
                self._token_octets -= self._tokens.popitem(last=False)[1].octets
        return token

    def _redeem(self, fields: dict[str, str]) -> _Pending:
        """What the token stands for. It is not used up: the back button is part of testing."""
        with self._lock:
            pending = self._tokens.get(fields.get("token", ""))
        if pending is None:
            raise _Forbidden("The page is too old or was not ours. Open the portal again.")
        return pending

    async def _own_form(self, request: Request) -> dict[str, str]:
        _same_origin(request)
        fields = fields_of(await _body(request))
        return {n: v[0] for n, v in fields.items()}

    # Recording ----------------------------------------------------------------------------------------------------

    def record(self, issued: Issued, request: AuthnRequest | None) -> None:
        """Keeps an answer among the exchanges and tells of it."""
        self._keep(
            Exchange(
                at=issued.at,
                user=issued.user,
                application=issued.application,
                xml=issued.xml,
                faults=issued.faults,
                in_response_to=issued.in_response_to,
                issued=issued,
                request=request,
            )
        )

    def _keep(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        if self._on_exchange is not None:
            self._on_exchange(exchange)


class _Forbidden(RequestRefused):
    """A state-changing request that did not come from our own page."""


class _Stalling(Response):
    """Sends the first half of its body and then nothing until the other side hangs up, or for half a minute."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(_gone(receive), _STALL_SECONDS)
        await send({"type": "http.response.body", "body": bytes(self.body)[len(half) :]})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Pages:
    """The templates, and the content security policy that fits each page."""

    def __init__(self) -> None:
        folder = importlib.resources.files("resources") / "pages" / "idp"
        files = {f.name: f.read_text("utf-8") for f in folder.iterdir() if f.name.endswith((".html", ".css"))}
        self._environment = jinja2.Environment(
            loader=jinja2.DictLoader(files), autoescape=True, undefined=jinja2.StrictUndefined, auto_reload=False
        )
        self._style = files["style.css"]

    def render(self, template: str, form_action: str, script: bool, **values: Any) -> tuple[str, str]:
        """The page and its policy: no resource but our own style and script, by their digests (CSP level 3)."""
        style, code = Markup(self._style), Markup(_SCRIPT)  # noqa: S704  files and text of this program
        text = self._environment.get_template(template).render(style=style, script=code, **values)
        policy = [
            "default-src 'none'",
            f"style-src 'sha256-{_sha256(self._style)}'",
            "form-action " + (form_action or "'none'"),
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
        if script:
            policy.append(f"script-src 'sha256-{_sha256(_SCRIPT)}'")
        return text, "; ".join(policy)


async def _body(request: Request) -> str:
    kind = (request.headers.get("content-type") or "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise RequestRefused("Send a form: application/x-www-form-urlencoded.")
    try:
        return (await request.body()).decode("latin-1")
    except ClientDisconnect as error:
        raise RequestRefused("The body came too slowly or was too long.") from error


def _same_origin(request: Request) -> None:
    """Raises _Forbidden where a browser says that the form stood on another site's page.

    Our pages forbid referrers, for which a browser sends "Origin: null" with their own forms too; it then counts only
    together with the browser's own word that the form is ours (Sec-Fetch-Site: same-origin).
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    if origin is None and site in (None, "same-origin", "none"):
        return
    own = f"{request.url.scheme}://{request.headers['host']}"
    allowed = (None, own, "null") if site == "same-origin" else (None, own)
    if origin not in allowed or site not in (None, "same-origin", "none"):
        raise _Forbidden("The form stood on another site's page. Open the portal and use its own buttons.")


def _text(fields: dict[str, str], name: str) -> str:
    value = fields.get(name, "")
    if not value:
        raise RequestRefused(f'The field "{name}" is missing.')
    return value


def _origin(url: str) -> str | None:
    """scheme://host[:port] of a web address that can stand in a policy; None for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or not host.isascii() or set(host) - _HOST_CHARACTERS:
        return None
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


_HOST_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")


@functools.cache  # of our own style and script
def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok", headers=security_headers("default-src 'none'"))


async def _not_found(_request: Request, _error: Exception) -> Response:
    return PlainTextResponse("There is no such page.", status_code=404, headers=security_headers("default-src 'none'"))
