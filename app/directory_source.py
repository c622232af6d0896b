"""Fetches a directory's whole list over HTTP, page by page: SCIM 2.0 or Microsoft Graph. It reads no person.

Only what was typed is asked: the next page must be on the same server, and nothing else is followed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    import httpx

_PATIENCE_S: Final = 20.0
_HERE: Final = ("127.0.0.1", "localhost", "::1")
_SCIM_PATH: Final = "/scim/v2/Users"
_GRAPH_PATH: Final = "/graph/v1.0/users"
_PAGE: Final = 500
_MAX_PAGES: Final = 2_000
_MAX_PAGE_BYTES: Final = 16 * 1024 * 1024
_MAX_BYTES: Final = 128 * 1024 * 1024
_MAX_PEOPLE: Final = 500_000


class DirectoryUnreachable(Exception):  # noqa: N818  a condition of the world, not a bug
    """A list that could not be fetched; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The whole list as one document, and where it came from (without the key)."""

    data: bytes
    source: str
    people: int


def _nobody(_done: int, _total: int) -> None:
    return None


def fetch_directory(
    address: str, *, key: str = "", application: str = "", told: Callable[[int, int], None] = _nobody
) -> Fetched:
    """Fetch all pages of a list of people.

    `address` is that of the simulator's portal (with its key), of a SCIM endpoint (.../Users), or of a Graph-shaped
    list (.../users); https, or this computer. `application` asks the simulator for those assigned to it only. Raising
    from `told` stops it. DirectoryUnreachable otherwise where there is no list to have.
    """
    parts = urlsplit(address.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise DirectoryUnreachable(
            "Give an address that begins with https://, or the address of the test IdP's portal."
        )
    if parts.scheme == "http" and parts.hostname not in _HERE:
        raise DirectoryUnreachable("A directory elsewhere is asked over https only, because the key would be read.")
    key = key or parse_qs(parts.query).get("key", [""])[0]
    base = f"{parts.scheme}://{parts.netloc}"
    path = parts.path if parts.path.rstrip("/").lower().endswith("/users") else _SCIM_PATH
    graph = "scim" not in path.lower()
    import httpx

    try:
        # What is on this computer must not be seen by a proxy of the environment.
        with httpx.Client(timeout=_PATIENCE_S, follow_redirects=False, trust_env=parts.hostname not in _HERE) as client:
            if key:
                client.headers["authorization"] = f"Bearer {key}"
            url = f"{base}{path}"
            people = (_graph if graph else _scim)(client, url, application, told)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as e:
        raise DirectoryUnreachable(
            f"{base} does not answer ({type(e).__name__}). Start it, or compare the address."
        ) from e
    whole = {"value": people} if graph else {"Resources": people, "totalResults": len(people)}
    return Fetched(json.dumps(whole).encode(), f"{base}{path}", len(people))


class _Bound:
    """Counts what was fetched, over all pages."""

    def __init__(self) -> None:
        self.pages = 0
        self.octets = 0

    def get(self, client: httpx.Client, url: str, query: dict[str, str]) -> Any:
        """One page as JSON."""
        self.pages += 1
        data = b""
        with client.stream("GET", url, params=query, headers={"accept": "application/json"}) as answer:
            for part in answer.iter_bytes():
                data += part
                if len(data) > _MAX_PAGE_BYTES:
                    raise DirectoryUnreachable("A page of the list is larger than 16 MB. Export the list as a file.")
        self.octets += len(data)
        if self.pages > _MAX_PAGES or self.octets > _MAX_BYTES:
            raise DirectoryUnreachable("The list does not end, or is too large. Export it as a file.")
        if answer.status_code in (401, 403):
            raise DirectoryUnreachable(
                "The directory does not show its people without the right key. Copy the portal's address again, or "
                "name the file with the token."
            )
        if answer.status_code != 200:
            raise DirectoryUnreachable(f"The directory answered with HTTP {answer.status_code}. Compare the address.")
        try:
            page = json.loads(data)
        except (ValueError, RecursionError) as e:
            raise DirectoryUnreachable("What the directory answered is no list of people. Compare the address.") from e
        if not isinstance(page, dict):
            raise DirectoryUnreachable("What the directory answered is no list of people. Compare the address.")
        return page


def _listed(page: Any, name: str) -> list[Any]:
    people = page.get(name)
    if not isinstance(people, list):
        raise DirectoryUnreachable("What the directory answered is no list of people. Compare the address.")
    return people


def _scim(client: httpx.Client, url: str, application: str, told: Callable[[int, int], None]) -> list[Any]:
    """Pages by startIndex (RFC 7644 §3.4.2.4)."""
    bound, people = _Bound(), list[Any]()
    while True:
        query = {"startIndex": str(len(people) + 1), "count": str(_PAGE)}
        page = bound.get(client, url, query | ({"application": application} if application else {}))
        found, total = _listed(page, "Resources") if "Resources" in page else [], page.get("totalResults")
        people += found
        if not isinstance(total, int) or total > _MAX_PEOPLE:
            raise DirectoryUnreachable("The directory does not say how many people it has, or has too many.")
        told(len(people), total)
        if len(people) >= total:
            return people
        if not found:
            raise DirectoryUnreachable(f"The directory names {total} people and shows {len(people)}. Fetch it again.")


def _graph(client: httpx.Client, url: str, application: str, told: Callable[[int, int], None]) -> list[Any]:
    """Pages by @odata.nextLink, on this very server only."""
    bound, people = _Bound(), list[Any]()
    query = {"$top": str(_PAGE)} | ({"application": application} if application else {})
    while True:
        page = bound.get(client, url, query)
        people += _listed(page, "value")
        link = page.get("@odata.nextLink")
        told(len(people), len(people) + (_PAGE if link else 0))
        if not link:
            return people
        if len(people) > _MAX_PEOPLE:
            raise DirectoryUnreachable("The directory has too many people. Export the list as a file.")
        there, here = urlsplit(str(link)), urlsplit(url)
        if (there.scheme, there.netloc, there.path) != (here.scheme, here.netloc, here.path):
            raise DirectoryUnreachable("The next page of the list is on another server, which is not asked.")
        query = {k: v[0] for k, v in parse_qs(there.query).items()}
        if application:
            query["application"] = application
