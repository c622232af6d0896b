"""Our service provider over HTTP on loopback: login page, ACS, metadata, dashboard, logout; each handler is one verb.

It listens nowhere itself: sp_app() gives an ASGI application. What a failing person reads is one public sentence and
the reference of the attempt; everything else is in the log.
"""

from __future__ import annotations

import contextlib
import hmac
import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import resources
from typing import Final, Literal
from urllib.parse import parse_qsl

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.accounts.reasons import public_sentence
from app.sso import SSO, FirstLoginAtIdp, LoginResult, NotFound

log = logging.getLogger(__name__)

BODY_LIMIT: Final = 1_572_864
_FORM_LIMIT: Final = 16_384
_SAML_FORM_LIMIT: Final = 131_072
_SESSIONS: Final = 1_000
_FORM: Final = "application/x-www-form-urlencoded"
_METHODS: Final = frozenset({"GET", "HEAD", "POST"})
_CSP: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    # The answer to the login form is a redirect to the identity provider, and browsers hold it against form-action.
    "form-action 'self' http: https:"
)
_HEADERS: Final = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in, as the dashboard shows it."""

    full_name: str
    email: str
    role: str
    account: str
    imagekit_id: str
    sentence: str
    reference: str
    landing: str | None
    claims: tuple[tuple[str, tuple[str, ...]], ...]
    #: By what a logout of the identity provider names the session: issuer, NameID, SessionIndex ("" for none).
    named: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One browser: its secret id, the token of its forms, and who is signed in."""

    id: str = field(repr=False)
    token: str = field(repr=False)
    person: Person | None = None


class Sessions:
    """The browsers that were here, in memory and bounded; the oldest goes first. Safe to share by threads."""

    def __init__(self, random_token: Callable[[], str], limit: int = _SESSIONS) -> None:
        self._random_token = random_token
        self._limit = limit
        self._known: OrderedDict[str, Session] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, session_id: str | None) -> Session | None:
        """The session with this id, if there is one."""
        with self._lock:
            return self._known.get(session_id) if session_id else None

    def new(self, person: Person | None = None, instead_of: str | None = None) -> Session:
        """A fresh session; the one it replaces is gone."""
        session = Session(self._random_token(), self._random_token(), person)
        with self._lock:
            if instead_of is not None:
                self._known.pop(instead_of, None)
            self._known[session.id] = session
            while len(self._known) > self._limit:
                self._known.popitem(last=False)
        return session

    def end(self, issuer: str, name_id: str, indexes: tuple[str, ...]) -> int:
        """End the sessions that an identity provider names, all of the person's without an index; how many they were.

        A login that stated no SessionIndex is ended by any.
        """
        with self._lock:
            gone = [
                s.id
                for s in self._known.values()
                if s.person is not None
                and s.person.named is not None
                and s.person.named[:2] == (issuer, name_id)
                and (not indexes or s.person.named[2] in ("", *indexes))
            ]
            for session_id in gone:
                del self._known[session_id]
        return len(gone)

    def forget(self, session_id: str) -> None:
        """End a session."""
        with self._lock:
            self._known.pop(session_id, None)


class Guard:
    """Refuses before routing what no page should ever see, and puts the security headers on every answer.

    Host must be one of loopback's names with our port (DNS rebinding); only GET, HEAD and POST; a POST needs a
    Content-Length within BODY_LIMIT, and its body is not read beyond that.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                ours = {name for name, _ in _HEADERS}
                headers = [(k, v) for k, v in message.get("headers", ()) if k.lower() not in ours and k != b"server"]
                message = {**message, "headers": [*headers, *_HEADERS]}
            await send(message)

        refused = _refusal(scope)
        if refused is not None:
            status, sentence = refused
            # The connection is closed, because the rest of the body is not read.
            answer = PlainTextResponse(sentence + "\n", status, headers={"connection": "close"})
            await answer(scope, receive, guarded)
            return
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > BODY_LIMIT:
                    return {"type": "http.disconnect"}
            return message

        await self._app(scope, bounded, guarded)


def _refusal(scope: Scope) -> tuple[int, str] | None:
    """(status, sentence) for a request that is not even routed."""
    headers: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.lower(), []).append(value)
    port = scope["server"][1] if scope.get("server") else None
    names = (b"127.0.0.1", b"localhost", b"[::1]")
    allowed = {n + b":" + str(port).encode() for n in names} | (set(names) if port == 80 else set())
    hosts = headers.get(b"host", [])
    if len(hosts) != 1 or hosts[0] not in allowed or not scope["path"].startswith("/"):
        return 421, "This address is not served here."
    if scope["method"] not in _METHODS:
        return 405, "Only GET and POST are answered."
    if b"transfer-encoding" in headers:
        return 411, "A Content-Length is needed."
    lengths = headers.get(b"content-length", [])
    if len(lengths) > 1 or (lengths and not (lengths[0].isdigit() and len(lengths[0]) < 12)):
        return 400, "The Content-Length is not a number."
    if scope["method"] == "POST" and not lengths:
        return 411, "A Content-Length is needed."
    if lengths and int(lengths[0]) > BODY_LIMIT:
        return 413, "The message is larger than 1.5 MiB."
    return None


class _Pages:
    """The handlers with what they share."""

    def __init__(self, sso: SSO, random_token: Callable[[], str]) -> None:
        self.sso = sso
        self.sessions = Sessions(random_token)
        # Another run, another name: a browser never sends one run's cookie to the next.
        self.cookie = f"sp-{random_token()[:12]}"
        self.templates = Environment(
            loader=PackageLoader("resources", "pages/sp"), autoescape=select_autoescape(), undefined=StrictUndefined
        )
        self.style = resources.files("resources").joinpath("pages/sp/style.css").read_bytes()

    # Handlers

    async def login_page(self, request: Request) -> Response:
        """GET /single-sign-on."""
        session = self._session(request) or self.sessions.new()
        return self._with_cookie(self._page("login.html", token=session.token, message="", reference=""), session)

    async def start(self, request: Request) -> Response:
        """POST /single-sign-on: redirect to the identity provider, or the same sentence for everybody else.

        With a recovery code beside the e-mail it lets an administrator in without the identity provider.
        """
        form = await self._form(request)
        if isinstance(form, Response):
            return form
        session = self._session(request)
        if session is None or not self._is_ours(request, session, form):
            return self._refused(403, "This form was not sent from our own page. Open the page again.")
        if form.get("code", "").strip():
            return await self._recover(session, form.get("email", ""), form["code"])
        try:
            begun = await run_in_threadpool(self.sso.start_login, form.get("email", ""), browser=session.id)
        except FirstLoginAtIdp as e:
            return self._page("login.html", 403, token=session.token, message=str(e), reference=e.reference)
        return RedirectResponse(begun.redirect_url, 303)

    async def _recover(self, session: Session, email: str, code: str) -> Response:
        done = await run_in_threadpool(self.sso.use_recovery_code, email, code)
        if done.user is None or done.account is None:
            return self._page("login.html", 403, token=session.token, message=done.public, reference=done.reference)
        left = f"{done.left} recovery codes are left." if done.left != 1 else "One recovery code is left."
        person = Person(
            full_name=done.user.full_name,
            email=done.user.email,
            role=done.user.role,
            account=done.account.name,
            imagekit_id=done.account.imagekit_id,
            sentence=f"Let in with a recovery code. {left} Mend single sign-on, then make new codes.",
            reference=done.reference,
            landing=None,
            claims=(),
        )
        fresh = self.sessions.new(person, instead_of=session.id)
        return self._with_cookie(RedirectResponse("/dashboard", 303), fresh)

    async def consume(self, request: Request) -> Response:
        """POST /saml/consume, the ACS."""
        if _media_type(request) != _FORM:
            return self._refused(415, f"A form ({_FORM}) is expected here.")
        try:
            body = await request.body()
        except ClientDisconnect:
            return self._refused(413, "The message is larger than 1.5 MiB, or was not sent to its end.")
        session = self._session(request)
        # A browser without our cookie is somebody, but not the one that a request of ours was sent from.
        browser = session.id if session else "no session"
        result = await run_in_threadpool(self.sso.consume, body, browser=browser)
        if not result.allowed:
            return self._page("refused.html", 403, message=result.public, reference=result.reference)
        fresh = self.sessions.new(_person(result), instead_of=session.id if session else None)
        return self._with_cookie(RedirectResponse("/dashboard", 303), fresh)

    async def metadata(self, request: Request) -> Response:
        """GET /saml/metadata?account=IMAGEKIT_ID."""
        account = request.query_params.get("account")
        try:
            document = await run_in_threadpool(self.sso.sp_metadata, account)
        except NotFound:
            return PlainTextResponse("There is no such account.\n", 404)
        return Response(document, media_type="application/samlmetadata+xml")

    async def dashboard(self, request: Request) -> Response:
        """GET /dashboard: who is signed in, with which claims."""
        session = self._session(request)
        return self._page(
            "dashboard.html", person=session.person if session else None, token=session.token if session else ""
        )

    async def logout_page(self, request: Request) -> Response:
        """GET /logout: asks, and changes nothing; but a signed LogoutRequest of the identity provider is obeyed."""
        query: bytes = request.scope["query_string"]
        if b"SAMLRequest=" in query:
            return await self._obey(query, "redirect")
        session = self._session(request)
        if session is None or session.person is None:
            return self._page("logout.html", done=True, token="")
        return self._page("logout.html", done=False, token=session.token)

    async def logout(self, request: Request) -> Response:
        """POST /logout: the button of our own page, or a LogoutRequest of the identity provider."""
        form = await self._form(request, limit=_SAML_FORM_LIMIT)
        if isinstance(form, Response):
            return form
        if "SAMLRequest" in form:
            return await self._obey(await request.body(), "post")
        session = self._session(request)
        if session is not None:
            if not self._is_ours(request, session, form):
                return self._refused(403, "This form was not sent from our own page. Open the page again.")
            self.sessions.forget(session.id)
        answer = self._page("logout.html", done=True, token="")
        answer.delete_cookie(self.cookie, path="/")
        return answer

    async def _obey(self, octets: bytes, by: Literal["post", "redirect"]) -> Response:
        """What the identity provider asks for is done where it is believed, and answered at its logout address."""
        done = await run_in_threadpool(self.sso.log_out, octets, by=by, end=self.sessions.end)
        if done.refused:
            return self._page("refused.html", 403, message=done.public, reference=done.reference)
        if done.reply is None:
            return self._page("logout.html", done=True, token="")
        if done.reply.method == "GET":
            return RedirectResponse(done.reply.url, 303)
        return self._page("answer.html", action=done.reply.url, fields=done.reply.fields)

    async def stylesheet(self, _request: Request) -> Response:
        """GET /style.css."""
        return Response(self.style, media_type="text/css")

    async def health(self, _request: Request) -> Response:
        """GET /healthz."""
        return PlainTextResponse("ok\n")

    async def home(self, _request: Request) -> Response:
        """GET /: the dashboard."""
        return RedirectResponse("/dashboard", 303)

    async def crashed(self, request: Request, error: Exception) -> Response:
        """A bug, made visible: logged, recorded, and told with a reference."""
        log.error("handler of %s failed", request.url.path, exc_info=error)
        reference = ""
        try:
            reference = await run_in_threadpool(
                self.sso.record_error, f"The page {request.url.path} failed ({type(error).__name__})."
            )
        except Exception:  # noqa: BLE001  the store itself may be what failed; the person still gets a page
            log.error("the failure could not be recorded")
        return self._page("refused.html", 500, message=public_sentence("internal.error"), reference=reference)

    # Steps

    def _session(self, request: Request) -> Session | None:
        return self.sessions.get(request.cookies.get(self.cookie))

    def _with_cookie(self, answer: Response, session: Session) -> Response:
        answer.set_cookie(self.cookie, session.id, httponly=True, samesite="lax", path="/")
        return answer

    def _page(self, name: str, status: int = 200, **values: object) -> Response:
        return HTMLResponse(self.templates.get_template(name).render(values), status)

    def _refused(self, status: int, message: str) -> Response:
        return self._page("refused.html", status, message=message, reference="")

    async def _form(self, request: Request, limit: int = _FORM_LIMIT) -> dict[str, str] | Response:
        """The fields of a small form, or the answer that refuses it."""
        if _media_type(request) != _FORM:
            return self._refused(415, f"A form ({_FORM}) is expected here.")
        if int(request.headers.get("content-length", "0")) > limit:
            return self._refused(413, "This form is too large.")
        try:
            body = await request.body()
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=20)
        except (ClientDisconnect, UnicodeDecodeError, ValueError):
            return self._refused(400, "This form cannot be read.")
        return dict(pairs)

    @staticmethod
    def _is_ours(request: Request, session: Session, form: dict[str, str]) -> bool:
        """Whether a form came from our own page in this very browser (C9).

        Our pages forbid referrers, for which a browser sends "Origin: null" with their own forms too; it counts only
        together with the browser's own word that the form is ours (Sec-Fetch-Site: same-origin).
        """
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        own = f"http://{request.headers['host']}"
        if site not in (None, "same-origin") or origin not in ((None, own, "null") if site else (None, own)):
            return False
        return hmac.compare_digest(form.get("token", "").encode(), session.token.encode())


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _person(result: LoginResult) -> Person:
    assert result.user is not None
    assert result.account is not None
    login = result.report.login
    return Person(
        full_name=result.user.full_name,
        email=result.user.email,
        role=result.user.role,
        account=result.account.name,
        imagekit_id=result.account.imagekit_id,
        sentence=result.decision.sentence if result.decision else "",
        reference=result.reference,
        landing=result.landing,
        claims=tuple((name[:200], tuple(v[:500] for v in values[:20])) for name, values in result.claims.items())[:100],
        named=(login.issuer, login.name_id, login.session_index or "") if login is not None else None,
    )


def sp_app(sso: SSO, *, random_token: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> ASGIApp:
    """The service provider as an ASGI application, to be served on 127.0.0.1 only."""
    pages = _Pages(sso, random_token)
    app = Starlette(
        routes=[
            Route("/", pages.home),
            Route("/single-sign-on", pages.login_page, methods=["GET"]),
            Route("/single-sign-on", pages.start, methods=["POST"]),
            Route("/saml/consume", pages.consume, methods=["POST"]),
            Route("/saml/metadata", pages.metadata, methods=["GET"]),
            Route("/dashboard", pages.dashboard, methods=["GET"]),
            Route("/logout", pages.logout_page, methods=["GET"]),
            Route("/logout", pages.logout, methods=["POST"]),
            Route("/style.css", pages.stylesheet, methods=["GET"]),
            Route("/healthz", pages.health, methods=["GET"]),
        ],
        exception_handlers={Exception: pages.crashed},
    )
    return Guard(_Seam(app))


class _Seam:
    """One of the seams where bugs are caught: Starlette has called crashed() and answered, and raises once more."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        with contextlib.suppress(Exception):
            await self._app(scope, receive, send)


__all__ = ["BODY_LIMIT", "Person", "Session", "Sessions", "sp_app"]
