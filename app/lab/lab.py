"""The simulator and our service provider wired on loopback, in this process; a browser-less client that logs in.

It judges nothing and issues nothing itself: messages come from the simulator, verdicts from the verbs of app.sso.
Servers listen on 127.0.0.1 only. Faults are forgotten when the program ends.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from app.accounts.account import Account
from app.lab.consent import WaitingLogin, WaitingRoom
from app.lab.visiting import Flow as Flow
from app.lab.visiting import LabError as LabError
from app.lab.visiting import LoginOutcome as LoginOutcome
from app.lab.visiting import asked, everywhere, from_login_page, from_portal
from app.lab.witness import Stamp, Witness, key_of
from app.sso import SSO, LoginResult
from simulator.kept_tenant import KeptTenant
from simulator.tenant import (
    DEFAULT_CLAIMS,
    Application,
    Tenant,
    TestUser,
    default_tenant,
)
from simulator.tenant_file import dump_tenant, parse_tenant

if TYPE_CHECKING:
    import httpx

    from app.accounts.provisioning import Mode
    from simulator.faults import Fault
    from simulator.idp import Idp, Issued
    from simulator.keys import KeyRing
    from simulator.requests import AuthnRequest
    from simulator.server import Server
    from simulator.web import Exchange, WebIdp

#: Where our service provider takes responses, and where it lets a login start.
ACS_PATH: Final = "/saml/consume"
LOGIN_PATH: Final = "/single-sign-on"


class Lab:
    """The test identity provider and our service provider, started and stopped together.

    `folder` holds tenant.toml, the keys and the ports of last time; None keeps everything in memory. `clock` gives
    aware datetimes and is the service provider's clock; the identity provider's runs `clock_offset_s` apart from it.
    `keys` may be given instead of made; `patience_s` is how long the service provider waits for a stalled sender.
    Every method may be called from any thread; `on_change` is called by whichever thread made the change.
    """

    def __init__(
        self,
        sso: SSO,
        folder: Path | None,
        *,
        clock: Callable[[], datetime] | None = None,
        keys: KeyRing | None = None,
        patience_s: float = 10.0,
    ) -> None:
        self.sso = sso
        self._patience_s = patience_s
        self.on_change: Callable[[], None] | None = None
        self.witness = Witness(sso)
        self._clock = clock or sso.now
        self._folder = folder
        self._kept = None if folder is None else KeptTenant(folder / "tenant.toml")
        self._lock = threading.RLock()
        self._login = threading.RLock()
        self._tenant: Tenant | None = None
        self._keys: KeyRing | None = keys
        self._idp: Idp | None = None
        self._web: WebIdp | None = None
        self._idp_server: Server | None = None
        self._sp_server: Server | None = None
        self._faults: tuple[str, ...] = ()
        self._auto_approve = False
        self._recorded: tuple[Exchange, ...] = ()
        #: Whether somebody looks at `waiting_logins` and answers; otherwise a login without the link is refused.
        self.asks_for_consent = False
        self._room = WaitingRoom(self._own_clock, self._changed)

    # Servers ----------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """Whether both servers answer."""
        return self._sp_server is not None and self._sp_server.running

    @property
    def idp_url(self) -> str:
        """The identity provider's address without a trailing slash; "" while stopped."""
        server = self._idp_server
        return server.url if server is not None and server.port is not None else ""

    @property
    def sp_url(self) -> str:
        """Our service provider's address without a trailing slash; "" while stopped."""
        server = self._sp_server
        return server.url if server is not None and server.port is not None else ""

    @property
    def portal_url(self) -> str:
        """The portal with this run's secret in it: whoever has the link may log in as anybody. "" while stopped."""
        return f"{self.idp_url}{self._web.portal_path()}" if self.running and self._web is not None else ""

    @property
    def login_url(self) -> str:
        """Our login page, where an SP-initiated login starts; "" while stopped."""
        return f"{self.sp_url}{LOGIN_PATH}" if self.running else ""

    @property
    def metadata_url(self) -> str:
        """Where the identity provider publishes its metadata; "" while stopped."""
        return f"{self.idp_url}/metadata" if self.running else ""

    def start(self, idp_port: int = 0, sp_port: int = 0) -> None:
        """Start both servers; does nothing where they run. Port 0: the port of last time if it is free, or any other.

        Raises simulator's PortTaken for a port that was asked for and is taken, KeyRingError or TenantError for files
        that cannot be used.
        """
        from app.web import sp_app
        from simulator.server import Server
        from simulator.web import ConsentPolicy, WebIdp

        with self._lock:
            if self.running:
                return
            idp = self.idp
            kept = self._ports()
            try:
                web = WebIdp(
                    idp,
                    consent=ConsentPolicy(
                        auto_approve=self._auto_approve, ask=self._room.ask if self.asks_for_consent else None
                    ),
                    faults=self._faults,
                    on_exchange=self._on_exchange,
                )
                web.exchanges.extend(self._recorded)
                self._web = web
                self._idp_server = _listening(Server, web.asgi, idp_port, kept.get("idp", 0))
                idp.base_url = self._idp_server.url
                patient = functools.partial(Server, patience_s=self._patience_s)
                self._sp_server = _listening(patient, sp_app(self.witness.verbs), sp_port, kept.get("sp", 0))
                self._deliver_here()
                self._keep_ports()
                self._refresh_connections()
            except BaseException:
                self._stop()
                raise
        self._changed()

    def stop(self) -> None:
        """Stop both servers; does nothing where they do not run."""
        with self._lock:
            was = self.running
            self._stop()
        if was:
            self._changed()

    def restart_sp(self, sso: SSO) -> None:
        """Start our service provider anew on the same port, with other verbs (of a database that was opened again)."""
        from app.web import sp_app
        from simulator.server import Server

        with self._lock:
            if self._sp_server is None or self._sp_server.port is None:
                raise LabError("The service provider is stopped. Start it first.")
            port = self._sp_server.port
            self._sp_server.stop()
            self.sso = sso
            self.witness.replace_sso(sso)
            self._sp_server = Server(sp_app(self.witness.verbs), port, patience_s=self._patience_s)
            self._sp_server.start()

    def _stop(self) -> None:
        self._room.refuse_all()
        for server in (self._sp_server, self._idp_server):
            if server is not None:
                server.stop()
        self._sp_server = self._idp_server = None
        if self._web is not None:
            self._recorded = tuple(self._web.exchanges)
        self._web = None

    def __enter__(self) -> Lab:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # The organisation -------------------------------------------------------------------------------------------------

    @property
    def tenant(self) -> Tenant:
        """The simulated organisation: vendor, people, applications.

        Where its file is broken, the last one that was good; `tenant_problem` then says what is wrong. TenantError
        where there was none.
        """
        with self._lock:
            if self._tenant is None:
                kept = self._kept
                if kept is not None and kept.file.exists():
                    self._tenant = kept.load()
                else:
                    # Without an application until an account is connected: nothing may be posted to the real product.
                    made = replace(default_tenant(), applications=())
                    self._tenant = made if kept is None else kept.save(made)
            return self._tenant

    @property
    def tenant_problem(self) -> str:
        """What is wrong with the organisation's file, with file and line; "" where nothing is."""
        return self._kept.problem if self._kept is not None else ""

    def reload_tenant(self) -> bool:
        """Read the organisation's file again, for somebody may have edited it; whether it could be used.

        A broken one changes nothing but `tenant_problem`.
        """
        with self._lock:
            if self._kept is None or not self._kept.file.exists():
                return False
            self._tenant = self._kept.load()
            if self._idp is not None:
                self._idp.tenant = self._tenant
        self._changed()
        return not self.tenant_problem

    @property
    def tenant_file(self) -> Path | None:
        """The TOML file of the organisation; None where it is kept in memory."""
        return None if self._kept is None else self._kept.file

    def save_tenant(self, tenant: Tenant) -> None:
        """Use another organisation from now on, and write it down. Raises TenantError where it cannot be written."""
        with self._lock:
            self._tenant = tenant if self._kept is None else self._kept.save(tenant)
            if self._idp is not None:
                self._idp.tenant = self._tenant
        self._changed()

    def change_tenant(self, change: Callable[[Tenant], Tenant]) -> Tenant:
        """Apply a change to the organisation as it is now, also in its file, and write it down.

        Raises TenantError where the change cannot be made or written; then nothing has changed.
        """
        with self._lock:
            self.notice_edits()
            self.save_tenant(change(self.tenant))
            return self.tenant

    def notice_edits(self) -> bool:
        """Read the organisation's file again where another program has written it; whether one has."""
        with self._lock:
            if self._kept is None or self._tenant is None or not self._kept.changed_outside:
                return False
            self.reload_tenant()
            return True

    def tenant_text(self) -> str:
        """The organisation as TOML."""
        return dump_tenant(self.tenant)

    def save_tenant_text(self, text: str) -> None:
        """Read and use an edited TOML text. Raises TenantError with the line that is wrong."""
        self.save_tenant(parse_tenant(text, folder=self._folder))

    def users(self) -> tuple[TestUser, ...]:
        """The people of the organisation."""
        return self.tenant.users

    @property
    def applications(self) -> tuple[Application, ...]:
        """The service providers that people can log in to: one for each connected account."""
        return self.tenant.applications

    @property
    def keys(self) -> KeyRing:
        """The test keys. Raises KeyRingError where their folder must not be used."""
        with self._lock:
            if self._keys is None:
                from simulator.keys import KeyRing

                own = self._own_clock
                self._keys = (
                    KeyRing.in_memory(own) if self._folder is None else KeyRing.open(self._folder / "keys", own)
                )
            return self._keys

    def rotate_keys(self) -> None:
        """The next key becomes the current one, signs and is published alone; the one called old is lost."""
        with self._lock:
            self.keys.rotate()
            self.change_tenant(lambda t: replace(t, signing_key="current", published_keys=("current",)))

    @property
    def idp(self) -> Idp:
        """The identity provider itself, for callers that need a message and no server."""
        with self._lock:
            if self._idp is None:
                from simulator.idp import Idp

                skew = timedelta(seconds=self.sso.settings()["clock_skew_s"])
                self._idp = Idp(self.tenant, self.keys, self._own_clock, clock_skew=skew)
            return self._idp

    def idp_for(self, application: Application) -> Idp:
        """The identity provider with this application alone, for a probe: what changes here meanwhile is not in it."""
        from simulator.idp import Idp

        own = self.idp
        tenant = replace(self.tenant, applications=(application,))
        return Idp(tenant, self.keys, self._own_clock, base_url=own.base_url, clock_skew=own.clock_skew)

    def metadata(self) -> bytes:
        """The identity provider's metadata, with the addresses of the running server."""
        return self.idp.metadata()

    # Faults, clock, consent -------------------------------------------------------------------------------------------

    def faults(self) -> tuple[Fault, ...]:
        """Every fault that can be switched on, by family: those of requests are not ours to send."""
        from simulator.faults import all_faults

        return tuple(f for f in all_faults() if f.acts_on != "request")

    def fault_ids(self) -> tuple[str, ...]:
        """The id of every fault."""
        return tuple(f.id for f in self.faults())

    @property
    def active_faults(self) -> tuple[str, ...]:
        """The faults that every login has now."""
        return self._faults

    def set_faults(self, ids: Sequence[str]) -> None:
        """Switch on exactly these faults. Raises UnknownFault, also for a fault of requests, which we only receive."""
        from simulator.faults.registry import switchable

        chosen = tuple(dict.fromkeys(f.id for f in switchable(ids)))
        with self._login, self._lock:
            self._faults = chosen
            if self._web is not None:
                self._web.faults = chosen
        self._changed()

    @property
    def clock_offset_s(self) -> int:
        """Seconds by which the identity provider's clock is ahead of the service provider's."""
        return round(self.tenant.clock_offset.total_seconds())

    @property
    def clock_stands_at(self) -> datetime | None:
        """The time at which the identity provider's clock stands still; None while it runs."""
        return self.tenant.clock_stands_at

    def set_clock_offset(self, seconds: int) -> None:
        """Let the identity provider's clock run, ahead or behind by this."""
        self.set_clock(seconds)

    def set_clock(self, offset_s: int = 0, stands_at: datetime | None = None) -> None:
        """Let the identity provider's clock run ahead (or, with a negative number, behind), or stand still."""
        offset = timedelta(seconds=offset_s)
        self.change_tenant(lambda t: replace(t, clock_offset=offset, clock_stands_at=stands_at))

    @property
    def auto_approve(self) -> bool:
        """Whether any program on this computer may log in as anybody, without the portal's secret link."""
        return self._auto_approve

    def set_auto_approve(self, approve: bool) -> None:
        """Do without the secret link, or demand it again. Reset at start-up."""
        with self._lock:
            self._auto_approve = approve
            if self._web is not None:
                self._web.consent = replace(self._web.consent, auto_approve=approve)
        self._changed()

    @property
    def waiting_logins(self) -> tuple[WaitingLogin, ...]:
        """Logins of browsers without the secret link, which wait for answer_login()."""
        return self._room.waiting

    def answer_login(self, number: int, approve: bool) -> bool:
        """Approve a waiting login or refuse it. False where it does not wait any more."""
        return self._room.answer(number, approve)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The last 200 answers of the identity provider, oldest first; kept while it is stopped."""
        web = self._web
        return self._recorded if web is None else tuple(web.exchanges)

    def forget_exchanges(self) -> None:
        """Begin a new recording."""
        with self._lock:
            self._recorded = ()
            if self._web is not None:
                self._web.exchanges.clear()
        self._changed()

    # Accounts ---------------------------------------------------------------------------------------------------------

    def connect(self, imagekit_id: str, operator: str = "operator", *, based_on: int | None = None) -> Application:
        """Make an account and the test identity provider know each other.

        The account gets this provider's metadata, which turns SSO on; the provider gets an application that names the
        account's Identifier and delivers to our loopback ACS. `based_on` is the revision that the person saw. Raises
        LabError while stopped, and what SSO.save_metadata raises.
        """
        with self._lock:
            if not self.running:
                raise LabError("Start the test identity provider first: its metadata names its address.")
            account = self.sso.account(imagekit_id)
            self.sso.save_metadata(imagekit_id, self.metadata(), operator=operator, test_idp=True, based_on=based_on)
            application = self._register(account)
        self._changed()
        return application

    def is_connected(self, imagekit_id: str) -> bool:
        """Whether the account trusts this identity provider, with the key that it signs with."""
        return self.trust(imagekit_id) == "this"

    def trust(self, imagekit_id: str) -> Literal["this", "outdated", "other"]:
        """Whether the account trusts this identity provider; "outdated": without the key that it signs with now."""
        idp = self.sso.configuration(imagekit_id).idp
        if idp is None or idp.entity_id != self.tenant.entity_id:
            return "other"
        from app.saml.certificates import fingerprint

        signing = self.keys.pair(self.tenant.signing_key, self.tenant.certificate).fingerprint
        known = any(fingerprint(k.certificate) == signing for k in idp.signing_keys)
        return "this" if known else "outdated"

    def application_for(self, account: Account) -> Application:
        """The application of an account: the saved one, with the account's names and our address put right."""
        tenant = self.tenant
        sp = self.sso.service_provider(account.id)
        known = tenant.application(account.imagekit_id)
        if known is None:
            own = any(u.imagekit_id == account.imagekit_id for u in tenant.users)
            claims = {sp.claim_imagekit_id: "imagekit_id", sp.claim_full_name: "full_name", sp.claim_role: "role"}
            if not own:
                # The directory's people belong to another account; real organisations send the id as a constant.
                claims[sp.claim_imagekit_id] = f"={account.imagekit_id}"
            known = Application(
                id=account.imagekit_id,
                name=f"ImageKit ({account.name})" if account.name else "ImageKit",
                entity_id=sp.entity_id,
                acs_url=sp.acs_url,
                relay_state=sp.relay_state,
                logout_url=sp.logout_url,
                claims=claims if claims != dict(DEFAULT_CLAIMS) else dict(DEFAULT_CLAIMS),
            )
        here = f"{self.sp_url}{ACS_PATH}" if self.sp_url else known.deliver_to
        return replace(known, entity_id=account.sp_entity_id(sp), acs_url=account.acs_url(sp), deliver_to=here)

    def _register(self, account: Account) -> Application:
        """The application as it must be now, written down where it is not yet so."""
        wanted = self.application_for(account)
        if self.tenant.application(wanted.id) != wanted:
            self.save_tenant(self.tenant.with_application(wanted))
        return wanted

    # Logging in -------------------------------------------------------------------------------------------------------

    def log_in(
        self,
        username: str,
        imagekit_id: str,
        *,
        flow: Flow = "idp_initiated",
        faults: Sequence[str] | None = None,
        mode: Mode = "live",
        email: str | None = None,
    ) -> LoginOutcome:
        """Log somebody in as a browser does: pages, forms and redirects over real HTTP, one login at a time.

        `faults` None: those that are switched on. `email` is what is typed on the login page in the SP-initiated flow;
        default the person's own. Raises LabError while stopped or where the account is not connected, UnknownFault.
        """
        from app.lab.browserless import browser, words
        from simulator.faults import find

        chosen = self._faults if faults is None else tuple(find(f).id for f in faults)
        with self._login:
            web = self._web
            if not self.running or web is None:
                raise LabError("The test identity provider is stopped. Start it first.")
            account = self.sso.account(imagekit_id)
            application = self._register(account)
            with browser() as client:
                web.faults = chosen
                before = len(web.exchanges), web.exchanges[-1] if web.exchanges else None
                try:
                    if flow == "idp_initiated":
                        page = from_portal(self, client, username, application.id)
                    else:
                        person = self.tenant.user(username)
                        typed = email or (person.email if person else username)
                        started = from_login_page(self, client, typed, username)
                        if isinstance(started, LoginOutcome):
                            return started
                        page = started
                finally:
                    web.faults = self._faults
                last = web.exchanges[-1] if web.exchanges else None
                issued = last.issued if last is not None and (len(web.exchanges), last) != before else None
                if issued is None:
                    return LoginOutcome("", False, page.status_code, words(page.text), flow=flow, faults=chosen)
                return self._deliver(client, issued, mode, flow, chosen)

    def log_out(self, username: str) -> str:
        """Log somebody out everywhere as a browser does, from the portal through every application; what was said.

        Raises LabError while stopped, where they are signed in nowhere, or where a message would leave this computer.
        """
        from app.lab.browserless import browser, words

        with self._login:
            if not self.running:
                raise LabError("The test identity provider is stopped. Start it first.")
            with browser() as client:
                page = everywhere(self, client, username)
            return words(page.text)

    def send(
        self, issued: Issued, *, mode: Mode = "live", client: httpx.Client | None = None
    ) -> tuple[httpx.Response, LoginResult | None]:
        """Send a message exactly as it was made, to our ACS. Returns the page and what was decided."""
        from app.lab.browserless import browser, post

        key = self.stamp(issued, mode)
        if issued.delivery is not None:
            page = _sent_oddly(issued)
            return page, next(iter(self.witness.results(key)[-1:]), None)
        with contextlib.ExitStack() as stack:
            sender = client or stack.enter_context(browser())
            content = None if issued.method == "GET" else issued.body
            page = post(sender, issued.method, issued.url, content, list(issued.headers))
        results = self.witness.results(key)
        return page, results[-1] if results else None

    def replay(self, exchange: Exchange, *, mode: Mode = "live") -> tuple[httpx.Response, LoginResult | None]:
        """Send what was sent in an exchange once more, octet for octet. SimulatorError where nothing was sent."""
        from simulator.recording import replayed

        return self.send(replayed(exchange), mode=mode)

    def park(self, issued: Issued, request: AuthnRequest | None = None) -> str:
        """The address of a page that sends a message by the browser that opens it. LabError while stopped."""
        web = self._web
        if not self.running or web is None:
            raise LabError("The test identity provider is stopped. Start it first.")
        return f"{self.idp_url}{web.park(issued, request)}"

    def decisions(self, exchange: Exchange) -> tuple[LoginResult, ...]:
        """What our service provider decided of the message of an exchange, once for each time that it arrived."""
        issued = exchange.issued
        return () if issued is None else self.witness.results(self._key(issued))

    def stamp(self, issued: Issued, mode: Mode = "live") -> str:
        """Announce a message before it is sent; the key under which the witness keeps what is decided of it."""
        body = issued.body or _octets(issued)
        return self.witness.stamp(body, Stamp(mode, issued.faults, issued.expected.verdict))

    @staticmethod
    def _key(issued: Issued) -> str:
        return key_of(issued.body or _octets(issued))

    def _deliver(
        self, client: httpx.Client, issued: Issued, mode: Mode, flow: Flow, faults: tuple[str, ...]
    ) -> LoginOutcome:
        from app.lab.browserless import follow, words

        page, result = self.send(issued, mode=mode, client=client)
        landed = follow(client, page)
        if result is None:
            return LoginOutcome("", False, page.status_code, words(page.text), flow=flow, faults=faults)
        return LoginOutcome(
            reference=result.reference,
            allowed=result.allowed,
            status_code=landed.status_code,
            sentence=sentence_of(result),
            claims=result.claims,
            flow=flow,
            faults=faults,
            page=landed.text,
            result=result,
        )

    def ready_application(self, imagekit_id: str) -> Application:
        """The application of an account, written down as it must be now."""
        return self._register(self.sso.account(imagekit_id))

    def begin_login(self, email: str) -> tuple[AuthnRequest, Mapping[str, str]]:
        """Ask our service provider for a login, as a browser does: its request, and the cookies that belong to it.

        Raises LabError while stopped, and where the service provider refuses.
        """
        from app.lab.browserless import browser

        if not self.running:
            raise LabError("The test identity provider is stopped. Start it first.")
        with browser() as client:
            location = asked(self, client, email)
            if isinstance(location, LoginOutcome):
                raise LabError(location.sentence)
            return self.idp.read_request(query=urlsplit(location).query), dict(client.cookies)

    def send_made(
        self, issued: Issued, request: AuthnRequest | None, flow: Flow, cookies: Mapping[str, str]
    ) -> LoginOutcome:
        """Send a message that was made before, by a browser with these cookies. LabError while stopped."""
        from app.lab.browserless import browser

        web = self._web
        if not self.running or web is None:
            raise LabError("The test identity provider is stopped. Start it first.")
        with self._login, browser() as client:
            client.cookies.update(dict(cookies))
            web.record(issued, request)
            return self._deliver(client, issued, "live", flow, issued.faults)

    # Steps ------------------------------------------------------------------------------------------------------------

    def _own_clock(self) -> datetime:
        return self._clock().astimezone(UTC)

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()

    def _on_exchange(self, exchange: Exchange) -> None:
        """A message leaves for a browser: when it arrives at our ACS, the log shall know its faults."""
        issued = exchange.issued
        if issued is not None:
            self.stamp(issued)
        self._changed()

    def _deliver_here(self) -> None:
        """Applications of earlier runs deliver to the port of this one."""
        tenant = self.tenant
        here = f"{self.sp_url}{ACS_PATH}"
        moved = tuple(
            replace(a, deliver_to=here) if _is_ours(a.deliver_to) and a.deliver_to != here else a
            for a in tenant.applications
        )
        if moved != tenant.applications:
            self.save_tenant(replace(tenant, applications=moved))
        self.idp.tenant = self.tenant

    def _refresh_connections(self) -> None:
        """Accounts that trust this provider get its metadata anew where its address, key or validity has changed."""
        entity_id = self.tenant.entity_id
        soon = self._own_clock() + timedelta(days=1)
        for account in self.sso.accounts():
            if not account.sso_on:
                continue
            idp = self.sso.configuration(account.imagekit_id).idp
            if idp is None or idp.entity_id != entity_id:
                continue
            here = any(urlsplit(e.location).netloc == urlsplit(self.idp_url).netloc for e in idp.sso_endpoints)
            valid = idp.valid_until is None or idp.valid_until > soon
            if not (here and valid and self.is_connected(account.imagekit_id)):
                self.sso.save_metadata(
                    account.imagekit_id, self.metadata(), operator="test identity provider", test_idp=True
                )

    def _ports(self) -> dict[str, int]:
        if self._folder is None:
            return {}
        with contextlib.suppress(OSError, ValueError):
            found = json.loads((self._folder / "ports.json").read_text("utf-8"))
            if isinstance(found, dict):
                return {k: v for k, v in found.items() if isinstance(v, int) and 1023 < v < 65_536}
        return {}

    def _keep_ports(self) -> None:
        if self._folder is None or self._idp_server is None or self._sp_server is None:
            return
        with contextlib.suppress(OSError):
            path = self._folder / "ports.json"
            path.write_text(json.dumps({"idp": self._idp_server.port, "sp": self._sp_server.port}), "utf-8")
            os.chmod(path, 0o600)


def sentence_of(result: LoginResult) -> str:
    """What happened, for operators: the decision's sentence, or why there was none."""
    if result.decision is not None:
        return result.decision.sentence
    return result.reason.sentence if result.reason is not None else result.report.headline


def _listening(kind: Callable[[Any, int], Server], app: Any, wanted: int, remembered: int) -> Server:
    """A started server. A port that was asked for is used or refused; one merely remembered is given up if taken."""
    from simulator.errors import PortTaken

    if wanted == 0 and remembered:
        server = kind(app, remembered)
        try:
            server.start()
        except PortTaken:
            pass
        else:
            return server
    server = kind(app, wanted)
    server.start()
    return server


def _sent_oddly(issued: Issued) -> httpx.Response:
    """The status of a message that no ordinary client sends, as a page without text; 0 where the server hung up."""
    import httpx

    from simulator.delivery import deliver

    assert issued.delivery is not None
    status = deliver(issued.url, issued.body, issued.delivery)
    return httpx.Response(status, request=httpx.Request(issued.delivery.method, issued.url))


def _is_ours(url: str | None) -> bool:
    if url is None:
        return False
    parts = urlsplit(url)
    return parts.hostname == "127.0.0.1" and parts.path == ACS_PATH


def _octets(issued: Issued) -> bytes:
    """What a message that goes by GET is recognised by."""
    return urlsplit(issued.url).query.encode() or urlencode(parse_qsl(urlencode(issued.form))).encode()
