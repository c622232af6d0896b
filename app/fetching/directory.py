"""Fetches a directory's whole list over HTTP, page by page: SCIM 2.0 or Microsoft Graph. It reads no person.

Only what was typed is asked, by the rules for metadata (app.fetching.address): the next page must be on the same
server, and nothing else is followed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

if TYPE_CHECKING:
    from app.fetching.address import Resolve, Session

#: Seconds for one page, and for all of them.
_PATIENCE_S: Final = 10.0
_WHOLE_S: Final = 900.0
_SCIM_PATH: Final = "/scim/v2/Users"
_GRAPH_PATH: Final = "/graph/v1.0/users"
_PAGE: Final = 500
_MAX_PAGES: Final = 2_000
_MAX_PAGE_BYTES: Final = 16 * 1024 * 1024
_MAX_BYTES: Final = 128 * 1024 * 1024
_MAX_PEOPLE: Final = 500_000


class DirectoryUnreachable(Exception):  # noqa: N818  a condition of the world, not a bug
    """A list that could not be fetched; the text says why and what to do."""


class DirectoryInside(DirectoryUnreachable):
    """The address leads into a private network or to this computer, which somebody must confirm."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The whole list as one document, and where it came from (without the key)."""

    data: bytes
    source: str
    people: int


def _nobody(_done: int, _total: int) -> None:
    return None


def fetch_directory(
    address: str,
    *,
    key: str = "",
    application: str = "",
    intranet: bool = False,
    told: Callable[[int, int], None] = _nobody,
    patience_s: float = _PATIENCE_S,
    resolve: Resolve | None = None,
) -> Fetched:
    """Fetch all pages of a list of people.

    `address` is that of the simulator's portal (with its key), of a SCIM endpoint (.../Users), or of a Graph-shaped
    list (.../users); https, or this computer. `application` asks the simulator for those assigned to it only.
    `intranet` says that somebody confirmed private addresses; without it they raise DirectoryInside. Raising from
    `told` stops it. DirectoryUnreachable otherwise where there is no list to have.
    """
    from app.fetching.address import FetchRefused, Intranet, Session, is_here

    try:
        parts = urlsplit(address.strip())
        here = is_here(address.strip())
    except ValueError:
        parts, here = urlsplit(""), False
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DirectoryUnreachable(
            "Give an address that begins with https://, or the address of the test IdP's portal."
        )
    if parts.username is not None or parts.password is not None:
        raise DirectoryUnreachable("The address holds a user name or a password. Leave them out, and name a token.")
    if parts.scheme == "http" and not here:
        raise DirectoryUnreachable("A directory elsewhere is asked over https only, because the key would be read.")
    key = key or parse_qs(parts.query).get("key", [""])[0]
    if not key.isascii() or not key.isprintable():
        raise DirectoryUnreachable("The key holds characters that no key has. Copy it again.")
    base = f"{parts.scheme}://{parts.netloc}"
    path = parts.path if parts.path.rstrip("/").lower().endswith("/users") else _SCIM_PATH
    graph = "scim" not in path.lower()
    try:
        with Session(base, intranet=intranet, patience_s=patience_s, resolve=resolve) as session:
            people = (_graph if graph else _scim)(_Pages(session, parts, key), path, application, told)
    except Intranet as e:
        raise DirectoryInside(str(e)) from e
    except FetchRefused as e:
        raise DirectoryUnreachable(str(e)) from e
    whole = {"value": people} if graph else {"Resources": people, "totalResults": len(people)}
    return Fetched(json.dumps(whole).encode(), f"{base}{path}", len(people))


class _Pages:
    """The pages of one list: counts what was fetched, over all of them."""

    def __init__(self, session: Session, base: SplitResult, key: str) -> None:
        self._session = session
        self._base = base
        self._headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._until = time.monotonic() + _WHOLE_S
        self.pages = 0
        self.octets = 0

    def are_at(self, there: SplitResult, path: str) -> bool:
        """Whether an address is that of these very pages."""
        return (there.scheme, there.netloc, there.path) == (self._base.scheme, self._base.netloc, path)

    def get(self, path: str, query: dict[str, str]) -> Any:
        """One page as JSON."""
        self.pages += 1
        status, data = self._session.get(path, urlencode(query), self._headers, most=_MAX_PAGE_BYTES)
        self.octets += len(data)
        if self.pages > _MAX_PAGES or self.octets > _MAX_BYTES or time.monotonic() > self._until:
            raise DirectoryUnreachable("The list does not end, or is too large. Export it as a file.")
        if status in (401, 403):
            raise DirectoryUnreachable(
                "The directory does not show its people without the right key. Copy the portal's address again, or "
                "name the file with the token."
            )
        if status != 200:
            raise DirectoryUnreachable(f"The directory answered with HTTP {status}. Compare the address.")
        try:
            page = json.loads(data)
        except (ValueError, RecursionError) as e:
            raise DirectoryUnreachable("What the directory answered is no list of people. Compare the address.") from e
        if not isinstance(page, dict):
            raise DirectoryUnreachable("What the directory answered is no list of people. Compare the address.")
        return page


def _link(link: Any) -> SplitResult:
    try:
        return urlsplit(str(link))
    except ValueError as e:
        raise DirectoryUnreachable("What the directory answered is no list of people. Compare the address.") from e


def _listed(page: Any, name: str) -> list[Any]:
    people = page.get(name)
    if not isinstance(people, list):
        raise DirectoryUnreachable("What the directory answered is no list of people. Compare the address.")
    return people


def _scim(pages: _Pages, path: str, application: str, told: Callable[[int, int], None]) -> list[Any]:
    """Pages by startIndex (RFC 7644 §3.4.2.4)."""
    people = list[Any]()
    while True:
        query = {"startIndex": str(len(people) + 1), "count": str(_PAGE)}
        page = pages.get(path, query | ({"application": application} if application else {}))
        found, total = _listed(page, "Resources") if "Resources" in page else [], page.get("totalResults")
        people += found
        if not isinstance(total, int) or total > _MAX_PEOPLE:
            raise DirectoryUnreachable("The directory does not say how many people it has, or has too many.")
        told(len(people), total)
        if len(people) >= total:
            return people
        if not found:
            raise DirectoryUnreachable(f"The directory names {total} people and shows {len(people)}. Fetch it again.")


def _graph(pages: _Pages, path: str, application: str, told: Callable[[int, int], None]) -> list[Any]:
    """Pages by @odata.nextLink, on this very server only."""
    people = list[Any]()
    query = {"$top": str(_PAGE)} | ({"application": application} if application else {})
    while True:
        page = pages.get(path, query)
        people += _listed(page, "value")
        link = page.get("@odata.nextLink")
        told(len(people), len(people) + (_PAGE if link else 0))
        if not link:
            return people
        if len(people) > _MAX_PEOPLE:
            raise DirectoryUnreachable("The directory has too many people. Export the list as a file.")
        there = _link(link)
        if not pages.are_at(there, path):
            raise DirectoryUnreachable("The next page of the list is on another server, which is not asked.")
        query = {k: v[0] for k, v in parse_qs(there.query).items()}  # more of one name is nothing we have asked for
        if application:
            query["application"] = application
