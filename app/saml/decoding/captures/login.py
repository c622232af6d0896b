"""From recorded requests to the steps of a login: its messages, what was left out, and what a whole login would have.

Where the requests come from (HAR, SAML-tracer) is not its business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from urllib.parse import unquote_to_bytes, urljoin, urlsplit

from app.saml.decoding.captures.pages import form_of_page, text_of_page
from app.saml.decoding.captures.registry import Capture, Piece, Step, StepKind, Trace
from app.saml.decoding.captures.secrets import Removed, carried_pairs, pairs_of, public_url
from app.saml.errors import Problem
from app.saml.xmlbytes import is_html

_MOST_STEPS: Final = 300
_MOST_PIECES: Final = 200
_MOST_TEXTS: Final = 60
_MESSAGE_NAMES: Final = ("SAMLResponse", "SAMLRequest", "wresult", "SAMLart")
_CARRIES: Final = frozenset(_MESSAGE_NAMES)
#: How well a place tells how a message was sent; the request that carries it tells best.
_ON_PAGE, _IN_REDIRECT, _SENT = range(3)
_MASKED: Final = ("{hash:", "{obf:", "{overwritten}")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded request and its answer. It holds secrets still: nothing of it may leave this package as it is.

    `body` is the posted form as sent, None where none was recorded; `posts_form` whether one was sent at all.
    `declared` is the Content-Length of the posted form. `decoded` is XML that the recorder decoded itself. `location`
    is where a redirect leads. `page` is the text of the answer where it is one a person reads.
    """

    method: str
    url: str
    at: datetime | None = None
    status: int | None = None
    body: bytes | None = None
    posts_form: bool = False
    declared: int | None = None
    decoded: bytes | None = None
    location: str = ""
    page: bytes | None = None
    cookies_sent: bool = False
    cookies_set: bool = False


@dataclass(slots=True)
class _Seen:
    """A message of the recording, and how well its place tells how it was sent (higher is better)."""

    piece: Piece
    rank: int


@dataclass(slots=True)
class _Login:
    """What is known while the requests are gone through."""

    layer: str
    removed: Removed
    messages: dict[tuple[str, bytes], int] = field(default_factory=dict)
    seen: list[_Seen] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    facts: list[_Fact] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    left_out: int = 0
    masked: int = 0
    records_cookies: bool = False
    hosts_with_cookies: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Fact:
    """What a step did, for the sentences about what is missing. `carries` are the names of its message fields."""

    step: Step
    host: str
    carries: frozenset[str]
    posted: frozenset[str]
    offered: frozenset[str]  # on the page or in the redirect of its answer
    blank_post: bool  # a form was posted and its body was not recorded
    without_cookies: bool


def read_login(exchanges: Iterable[Exchange], kind: str, layer: str, removed: Removed) -> Capture:
    """The capture that the exchanges of one recording amount to; `what` counts its requests."""
    login = _Login(layer, removed)
    count = 0
    for exchange in exchanges:
        count += 1
        _take(login, exchange)
    trace = Trace(kind, tuple(login.steps), _missing(login), login.left_out)
    notes = removed.note()
    if login.masked:
        masked = (
            f"{login.masked:,} posted values were replaced when the recording was exported (hashes or “alternative”). "
            "What was posted cannot be checked; export again without masking."
        )
        notes = (*notes, masked)
    return Capture(
        what=f"a {kind} recording of {count:,} request{'s' if count != 1 else ''}",
        layer=layer,
        pieces=tuple(s.piece for s in login.seen),
        trace=trace,
        texts=tuple(login.texts),
        notes=notes,
        problems=tuple(login.problems),
    )


def _take(login: _Login, exchange: Exchange) -> None:
    """Go through one exchange: its messages, and its step where it belongs to the login."""
    number = len(login.steps) + 1 if len(login.steps) < _MOST_STEPS else None
    host = _host(exchange.url)
    in_url = carried_pairs(_query(exchange.url), login.removed)
    in_body = carried_pairs(exchange.body, login.removed) if exchange.body else b""
    target = _joined(exchange.url, exchange.location)
    in_redirect = carried_pairs(_query(target), login.removed)
    has_message = exchange.page is not None and (b"SAML" in exchange.page or b"wresult" in exchange.page)
    on_page = form_of_page(exchange.page) if exchange.page is not None and has_message else b""
    pieces: list[int] = []
    carried, posted, on_offer = _names(in_url) | _names(in_body), _names(in_body), _names(in_redirect) | _names(on_page)
    places = (
        (in_url, _at(exchange.url, in_url), _SENT),
        (in_body, in_body, _SENT),
        (in_redirect, _at(target, in_redirect), _IN_REDIRECT),
        (on_page, on_page, _ON_PAGE),
    )
    for pairs, source, rank in places:
        index = _add(login, pairs, source, rank, number, exchange) if pairs else None
        if index is not None and index not in pieces:
            pieces.append(index)
    if exchange.decoded and not (pieces and not _is_masked(in_body)):
        index = _add_decoded(login, exchange, number)
        if index is not None:
            carried |= {"SAMLResponse" if b"Response" in exchange.decoded[:300] else "SAMLRequest"}
            pieces.append(index)
    blank_post = exchange.method == "POST" and exchange.posts_form and not exchange.body
    _share(login, exchange)
    step_kind = _kind(exchange, carried)
    tells = bool(pieces) or step_kind in ("redirect", "post", "page") or (exchange.status or 0) >= 400
    if not tells or number is None:
        login.left_out += 1
        return
    if exchange.page is not None and len(login.texts) < _MOST_TEXTS:
        login.texts.append(text_of_page(exchange.page))
    shown = public_url(exchange.url)
    # Messages about errors stand in addresses too, and those are secret-free once they may be shown.
    login.texts += [unquote_to_bytes(u).decode("utf-8", "replace") for u in {shown, public_url(target)} if "error" in u]
    without_cookies = exchange.method == "POST" and not exchange.cookies_sent and host in login.hosts_with_cookies
    if exchange.cookies_set:
        login.hosts_with_cookies.add(host)
    login.records_cookies |= exchange.cookies_sent
    note = _note(exchange, carried, on_offer, blank_post)
    step = Step(number, exchange.at, exchange.method, shown, exchange.status, step_kind, tuple(pieces), note)
    login.steps.append(step)
    login.facts.append(_Fact(step, host, carried, posted, on_offer, blank_post, without_cookies))


def _host(url: str) -> str:
    try:
        return urlsplit(url[:16_384]).hostname or ""
    except ValueError:
        return ""


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location) if location else ""
    except ValueError:
        return ""


def _query(url: str) -> bytes:
    return url.partition("?")[2].partition("#")[0].encode("utf-8", "surrogatepass")


def _at(url: str, pairs: bytes) -> bytes:
    """An address with nothing in its query but a message."""
    return public_url(url.partition("?")[0].partition("#")[0]).encode() + b"?" + pairs


def _names(pairs: bytes) -> frozenset[str]:
    return frozenset(n for n, _, _ in pairs_of(pairs)) & _CARRIES


def _is_masked(pairs: bytes) -> bool:
    return any(unquote_to_bytes(v).decode("utf-8", "replace").startswith(_MASKED) for _, v, _ in pairs_of(pairs))


def _key(pairs: bytes) -> tuple[str, bytes]:
    """The message itself, so that one seen on a page, in a redirect and in a request counts once."""
    for name, value, _ in pairs_of(pairs):
        if name in _MESSAGE_NAMES:
            return name, unquote_to_bytes(value.replace(b"+", b"%2B") if b"%" not in value else value)
    return "", b""


def _add(login: _Login, pairs: bytes, source: bytes, rank: int, number: int | None, exchange: Exchange) -> int | None:
    """The index of the piece for a message, a new one or the one it was seen as before; None where it is masked."""
    if _is_masked(pairs):
        login.masked += 1
        return None
    key = _key(pairs)
    layers = (login.layer, "html-form") if rank == _ON_PAGE else (login.layer,)
    known = login.messages.get(key)
    if known is not None:
        if rank > login.seen[known].rank:
            old = login.seen[known].piece
            login.seen[known] = _Seen(
                replace(old, source=source, layers=layers, captured_at=exchange.at or old.captured_at, step=number),
                rank,
            )
        return known
    if len(login.seen) >= _MOST_PIECES:
        return None
    index = login.messages[key] = len(login.seen)
    login.seen.append(_Seen(Piece(source, "", captured_at=exchange.at, step=number, layers=layers), rank))
    return index


def _add_decoded(login: _Login, exchange: Exchange, number: int | None) -> int | None:
    """A piece for the copy that the recorder decoded: the posted value itself was masked or not recorded."""
    assert exchange.decoded is not None
    if len(login.seen) >= _MOST_PIECES or not exchange.decoded.lstrip().startswith(b"<"):
        return None
    repair = "the copy that the recorder decoded, because the posted value is not in the recording"
    piece = Piece(exchange.decoded, "", captured_at=exchange.at, step=number, layers=(login.layer,), repairs=(repair,))
    login.seen.append(_Seen(piece, _SENT))
    return len(login.seen) - 1


def _share(login: _Login, exchange: Exchange) -> None:
    """File how much of a posted form is in the recording, where its Content-Length tells."""
    if exchange.body and exchange.declared and b"SAML" in exchange.body:
        where = f"The form posted in step {len(login.steps) + 1}"
        login.problems += share_problem(where, exchange.declared, len(exchange.body))


def share_problem(what: str, whole: int, there: int) -> tuple[Problem, ...]:
    """The problem that something of `whole` bytes is there only in part, or nothing."""
    if whole - there <= 2:  # a line break at its end is no loss
        return ()
    message = f"{what} had {whole:,} bytes, and {there:,} of them are here: about {there * 100 // whole} % is present."
    return (Problem("encoding-input-kind", message, f"{whole:,} bytes", f"{there:,} bytes"),)


def _kind(exchange: Exchange, carried: frozenset[str]) -> StepKind:
    if "SAMLRequest" in carried:
        return "request"
    if exchange.method == "POST" and (exchange.posts_form or exchange.body or carried):
        return "post"
    if exchange.status is not None and 300 <= exchange.status < 400 and exchange.status != 304:
        return "redirect"
    if exchange.page is not None and is_html(exchange.page):
        return "page"
    return "other"


def _note(exchange: Exchange, carried: frozenset[str], on_offer: frozenset[str], blank_post: bool) -> str:
    how = "posts" if exchange.method == "POST" else "sends"
    said = [f"{how} {_NAMED[n]}" for n in _MESSAGE_NAMES if n in carried]
    if blank_post:
        said.append("posts a form whose content was not recorded")
    where = "the redirect leads on with" if exchange.location else "the page holds"
    said += [f"{where} {_NAMED[n]}" for n in _MESSAGE_NAMES if n in on_offer]
    if exchange.status is not None and exchange.status >= 400:
        said.append(f"is answered with status {exchange.status}")
    elif exchange.status == 0:
        said.append("got no answer")
    return ", ".join(said)


_NAMED: Final = {
    "SAMLResponse": "the SAMLResponse",
    "SAMLRequest": "a SAMLRequest",
    "wresult": "a WS-Federation answer (wresult)",
    "SAMLart": "an artifact (SAMLart)",
}


# What is missing ------------------------------------------------------------------------------------------------------


def _nothing(login: _Login) -> str | None:
    if not login.facts:
        return "No request of the recording belongs to a login."
    if not any(f.carries or f.offered or f.blank_post for f in login.facts) and not login.masked:
        return (
            "No SAML message is in the recording. Start recording before the login begins, and keep the log over page "
            "changes (Preserve log)."
        )
    return None


def _no_request(login: _Login) -> str | None:
    asked = any("SAMLRequest" in f.carries | f.offered for f in login.facts)
    answered = any("SAMLResponse" in f.carries | f.offered for f in login.facts)
    if answered and not asked:
        return (
            "No AuthnRequest was recorded: the login began at the IdP's portal, or the recording started after the "
            "request was sent."
        )
    return None


def _no_answer(login: _Login) -> str | None:
    asked = [f for f in login.facts if "SAMLRequest" in f.carries | f.offered]
    if not asked or login.masked or any("SAMLResponse" in f.carries | f.offered or f.blank_post for f in login.facts):
        return None
    last = login.facts[-1]
    if last.step.status is not None and last.step.status >= 400:
        return (
            f"The IdP never answered: the login ended in step {last.step.number} at an error page of {last.host} "
            f"(status {last.step.status})."
        )
    return (
        f"The IdP never answered the SAMLRequest of step {asked[0].step.number}: the login ended at {last.host}, on a "
        "login or error page, or the recording stopped too early."
    )


def _not_posted(login: _Login) -> str | None:
    if any("SAMLResponse" in f.posted or f.blank_post for f in login.facts) or login.masked:
        return None
    offered = next((f for f in login.facts if "SAMLResponse" in f.offered), None)
    if offered is None:
        return None
    return (
        f"The SAMLResponse on the page of step {offered.step.number} was never posted to the service provider: the "
        "recording stopped too early, or the page could not post itself."
    )


def _blank_post(login: _Login) -> str | None:
    blank = next((f for f in login.facts if f.blank_post), None)
    if blank is None or any("SAMLResponse" in f.posted for f in login.facts):
        return None
    return (
        f"Step {blank.step.number} posts a form to {blank.host}, but its content was not recorded. Record again with "
        "the content of requests, or use another browser."
    )


def _refused(login: _Login) -> str | None:
    for f in login.facts:
        if "SAMLResponse" in f.posted and (f.step.status or 0) >= 400:
            return (
                f"The service provider did not finish the login: it answered the SAMLResponse of step {f.step.number} "
                f"with status {f.step.status}."
            )
    return None


def _cookies_lost(login: _Login) -> str | None:
    if not login.records_cookies:
        return None
    for f in login.facts:
        if f.without_cookies and "SAMLResponse" in f.posted:
            return (
                f"The POST of step {f.step.number} came without the cookies that {f.host} had set before. The service "
                "provider must set them with SameSite=None and Secure, or it cannot know the request that is answered."
            )
    return None


def _loop(login: _Login) -> str | None:
    posts = [f.step.number for f in login.facts if "SAMLResponse" in f.posted]
    again = [f.step.number for f in login.facts if posts and "SAMLRequest" in f.carries and f.step.number > posts[0]]
    if not again:
        return None
    return (
        f"After the SAMLResponse of step {posts[0]} the service provider asked again in step {again[0]}: it did not "
        "accept the answer, or its session cookie was lost."
    )


_RULES: Final[tuple[Callable[[_Login], str | None], ...]] = (
    _nothing,
    _no_request,
    _no_answer,
    _not_posted,
    _blank_post,
    _refused,
    _cookies_lost,
    _loop,
)


def _missing(login: _Login) -> tuple[str, ...]:
    return tuple(sentence for rule in _RULES if (sentence := rule(login)))
