"""A plugin for pytest: the test identity provider for the tests of any service provider.

In a conftest.py: `pytest_plugins = ["simulator.testing"]`. Then a test asks for `idp`:

    def test_login(idp, app):
        idp.add_application(metadata=app.metadata(), deliver_to=app.acs_url)
        app.trust(idp.metadata)
        answer = idp.post(idp.issue("ada"))
        assert answer.status_code == 303
        assert idp.post(idp.issue("ada", faults=["sig-tampered-content"])).status_code == 403

Override the fixture `idp_tenant` for other people, another vendor or another clock. Keys are made once per session.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from simulator.asking import ask
from simulator.delivery import deliver
from simulator.errors import LoginRefused
from simulator.idp import DEFAULT, Idp, Issued
from simulator.keys import KeyRing
from simulator.requests import AuthnRequest
from simulator.server import Server
from simulator.tenant import Application, Tenant, default_tenant
from simulator.web import ConsentPolicy, Exchange, WebIdp


class IdpUnderTest:
    """A running test identity provider, on a free port of 127.0.0.1. Made by running() or by the fixture `idp`."""

    def __init__(self, web: WebIdp, url: str) -> None:
        self.web = web
        self.url = url

    @property
    def core(self) -> Idp:
        """The identity provider itself, for everything that has no short-cut here."""
        return self.web.idp

    @property
    def entity_id(self) -> str:
        """The entity ID that messages name as their Issuer."""
        return self.core.tenant.entity_id

    @property
    def metadata(self) -> bytes:
        """The metadata, with the faults that are switched on."""
        return self.core.metadata(faults=self.web.faults)

    @property
    def metadata_url(self) -> str:
        """Where the metadata is served."""
        return f"{self.url}/metadata"

    @property
    def portal_url(self) -> str:
        """The page where people start, for a browser; anybody who opens it may log in as anybody."""
        return self.url + self.web.portal_path()

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """What browsers asked of the pages and got, oldest first."""
        return tuple(self.web.exchanges)

    def set_faults(self, *ids: str) -> None:
        """Every login and the metadata have exactly these faults from now on. Raises UnknownFault."""
        from simulator.faults.registry import switchable

        self.web.faults = tuple(f.id for f in switchable(ids))

    def add_application(
        self,
        application: Application | None = None,
        *,
        metadata: bytes | None = None,
        **values: Any,
    ) -> Application:
        """Makes a service provider known, by its metadata, or by `values` of Application.

        Raises:
            TenantError: it cannot be used.
        """
        if application is None and metadata is not None:
            application = Application.from_metadata(metadata, application_id=values.pop("id", None))
        if application is None:
            application = Application(**{"id": "sp", "name": "Service provider", **values})
        elif values:
            application = replace(application, **values)
        self.core.tenant = self.core.tenant.with_application(application)
        return application

    def issue(
        self,
        user: str,
        application: str | None = None,
        *,
        request: AuthnRequest | None = None,
        faults: Sequence[str] | None = None,
        relay_state: str | None = None,
    ) -> Issued:
        """One message, ready to post. `application` None: the one that the request is from, or the only one.

        `faults` None: those that are switched on.

        Raises:
            LoginRefused: the person may not log in there, or the application is not clear.
            UnknownFault: there is no such fault.
        """
        if application is None:
            application = request.application if request is not None else self._only().id
        return self.core.issue(
            user,
            application,
            request=request,
            faults=self.web.faults if faults is None else faults,
            relay_state=DEFAULT if relay_state is None else relay_state,
        )

    def request(self, query: str | None = None, *, application: str | None = None) -> AuthnRequest:
        """An AuthnRequest: the one in the query of a redirect that the service provider made, or a good one of ours.

        Raises:
            RequestRefused: the query holds none that is to be answered.
        """
        if query is None:
            asking = self._only() if application is None else self._named(application)
            query = ask(asking, self.core.keys, self.core.now(), self.core.sso_url, signed=False).query
        return self.core.read_request(query=query)

    def post(self, issued: Issued, client: httpx.Client | None = None) -> httpx.Response:
        """Sends a message as a browser does, and gives the answer; redirects are not followed.

        `client` is a browser with its cookies, such as the one that began the login. Status 0: the server hung up.
        """
        if issued.delivery is not None:
            status = deliver(issued.url, issued.body, issued.delivery)
            return httpx.Response(status, request=httpx.Request(issued.delivery.method, issued.url))
        if client is not None:
            return _send(client, issued)
        with httpx.Client(trust_env=False, timeout=30) as own:
            return _send(own, issued)

    def _only(self) -> Application:
        found = self.core.tenant.applications
        if len(found) != 1:
            raise LoginRefused(f"There are {len(found)} applications. Name one of them.")
        return found[0]

    def _named(self, application: str) -> Application:
        found = self.core.tenant.application(application)
        if found is None:
            raise LoginRefused(f'There is no application "{application[:100]}".')
        return found


def _send(client: httpx.Client, issued: Issued) -> httpx.Response:
    content = issued.body if issued.method == "POST" else None
    return client.request(
        issued.method, issued.url, content=content, headers=list(issued.headers), follow_redirects=False
    )


@contextmanager
def running(tenant: Tenant | None = None, keys: KeyRing | None = None, *, port: int = 0) -> Iterator[IdpUnderTest]:
    """A test identity provider that runs as long as the block, for those who do not use pytest.

    Its people need no approval in a browser: whatever runs on this computer can log in as anybody meanwhile.
    """
    core = Idp(tenant or _nobodys_product(), keys or KeyRing.in_memory(), lambda: datetime.now(UTC))
    web = WebIdp(core, consent=ConsentPolicy(auto_approve=True))
    with Server(web.asgi, port) as server:
        core.base_url = server.url
        yield IdpUnderTest(web, server.url)


def _nobodys_product() -> Tenant:
    """The invented people, and no application: nothing may be posted to a real product by accident."""
    return replace(default_tenant(), applications=())


@pytest.fixture(scope="session")
def idp_keys() -> KeyRing:
    """The keys of every `idp` of this session."""
    return KeyRing.in_memory()


@pytest.fixture
def idp_tenant() -> Tenant:
    """The organisation of `idp`: override it for another one."""
    return _nobodys_product()


@pytest.fixture
def idp(idp_tenant: Tenant, idp_keys: KeyRing) -> Iterator[IdpUnderTest]:
    """The test identity provider, running."""
    with running(idp_tenant, idp_keys) as under_test:
        yield under_test
