"""The people and the applications of one simulated organisation. It issues nothing and reads no file.

Values are frozen: whoever leaves, is renamed or loses an application makes another Tenant.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlsplit, urlunsplit

from simulator import names
from simulator.errors import TenantError
from simulator.keys import VARIANTS, Variant
from simulator.profiles import Profile, profile

Signs = Literal["assertion", "response", "both", "none"]
SIGNS: Final = ("assertion", "response", "both", "none")

#: Where a claim's value comes from: a field of the user, "attribute:<name>", or "=<text>" for a constant.
DEFAULT_CLAIMS: Final[Mapping[str, str]] = {
    "imagekit_id": "imagekit_id",
    "full_name": "full_name",
    "imagekit_role": "role",
}
_SOURCES = ("username", "email", "full_name", "role", "imagekit_id")
_MAX_OFFSET: Final = timedelta(days=3660)
#: Keys that a tenant may sign with or publish: the others belong to faults.
KEYS: Final = ("current", "next", "old", "ec-p256", "ec-p384")


@dataclass(frozen=True, slots=True, kw_only=True)
class TestUser:
    """A person of the directory. `about` is one sentence for the portal.

    A field that is None is omitted from the message; "" is sent empty. `applications` None: assigned to all of them.
    """

    __test__ = False  # pytest would take the name for a test class

    username: str
    email: str
    full_name: str | None
    role: str | None
    imagekit_id: str | None
    about: str = ""
    enabled: bool = True
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    applications: tuple[str, ...] | None = None
    object_id: str = ""

    def assigned(self, application_id: str) -> bool:
        """Whether the person may use the application."""
        return self.applications is None or application_id in self.applications


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One service provider that logins are sent to.

    `entity_id` is the audience. `destination` and `recipient` default to `acs_url`, and so does `deliver_to`, the
    address the browser really posts to: a service provider under test may listen on loopback while its messages name
    its public address. `logout_by_redirect` is for one that takes logout messages by HTTP-Redirect only. `sign`,
    `name_id_format` None: as the vendor does. `encrypt_to` is a certificate in PEM. `claims` maps a claim name to its
    source (see DEFAULT_CLAIMS).
    """

    id: str
    name: str
    entity_id: str
    acs_url: str
    destination: str | None = None
    recipient: str | None = None
    deliver_to: str | None = None
    relay_state: str | None = None
    logout_url: str | None = None
    logout_by_redirect: bool = False
    name_id_format: str | None = None
    name_id_source: str = "email"
    sign: Signs | None = None
    signature_algorithm: str = names.RSA_SHA256
    digest_algorithm: str = names.SHA256
    encrypt_to: str | None = None
    encryption: str = names.AES256_GCM
    signing_certificate: str | None = None
    claims: Mapping[str, str] = field(default_factory=lambda: dict(DEFAULT_CLAIMS))

    def __post_init__(self) -> None:
        for label, url in (("acs_url", self.acs_url), ("deliver_to", self.deliver_to), ("logout_url", self.logout_url)):
            if url is not None:
                check_web_address(url, f"{label} of application {self.id}", key=label)
        if self.sign is not None and self.sign not in SIGNS:
            raise TenantError(
                f"Application {self.id}: sign is {self.sign!r}, expected one of {', '.join(SIGNS)}.", key="sign"
            )
        for claim, source in self.claims.items():
            if source not in _SOURCES and not source.startswith(("=", "attribute:")):
                raise TenantError(
                    f'Application {self.id}: claim {claim} comes from "{source}". Use one of {", ".join(_SOURCES)}, '
                    '"attribute:NAME" or "=TEXT".',
                    key="claims",
                )

    @classmethod
    def from_metadata(
        cls, data: bytes, *, application_id: str | None = None, entity: str | None = None, encrypt: bool = False
    ) -> Application:
        """The application that a service provider's metadata describes; see simulator.sp_metadata.

        Raises:
            TenantError: it describes none that can be used.
        """
        from simulator.sp_metadata import application_from_metadata  # it needs this class

        return application_from_metadata(data, application_id=application_id, entity=entity, encrypt=encrypt)

    @property
    def post_to(self) -> str:
        """The address the browser posts to."""
        return self.deliver_to or self.acs_url

    @property
    def logout_to(self) -> str | None:
        """The address the browser really brings logout messages to, where there is one: see `deliver_to`."""
        if self.logout_url is None or self.deliver_to is None:
            return self.logout_url
        here, there = urlsplit(self.deliver_to), urlsplit(self.logout_url)
        if urlsplit(self.acs_url).netloc != there.netloc:
            return self.logout_url  # it is somewhere else altogether
        return urlunsplit((here.scheme, here.netloc, there.path, there.query, ""))

    @property
    def acs_addresses(self) -> tuple[str, ...]:
        """Every address a request may name as its ACS."""
        return tuple(dict.fromkeys(u for u in (self.acs_url, self.deliver_to) if u))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One organisation: its vendor's habits, its people, its applications.

    `uid` is random for each tenant and stands in the default entity ID, so that no two installations share one.
    `clock_offset` is how far its clock is ahead of real time; `clock_stands_at` is the time at which it stands still.
    `signing_key` signs, `published_keys` stand in the metadata (see KEYS), each with the `certificate` of its key that
    is meant: the ordinary one, an expired or a future one, or another one of the same key. `people_file` names the CSV
    file beside the tenant's own in which the people are kept; None: they stand in the tenant's file.
    """

    uid: str
    name: str = "Test organisation"
    vendor: str = "generic"
    entity_id_override: str | None = None
    users: tuple[TestUser, ...] = ()
    applications: tuple[Application, ...] = ()
    clock_offset: timedelta = timedelta(0)
    clock_stands_at: datetime | None = None
    want_authn_requests_signed: bool = False
    signing_key: str = "current"
    published_keys: tuple[str, ...] = ("current",)
    certificate: Variant = "current"
    people_file: str | None = None

    def __post_init__(self) -> None:
        # An alias is kept as the id that it stands for.
        object.__setattr__(self, "vendor", profile(self.vendor).id)
        if abs(self.clock_offset) > _MAX_OFFSET:
            raise TenantError("The clock is more than ten years off.", key="clock_offset_seconds")
        stands = self.clock_stands_at
        if stands is not None and (stands.tzinfo is None or not 1990 <= stands.astimezone(UTC).year <= 2200):
            raise TenantError("clock_stands_at is no time with a zone between 1990 and 2200.", key="clock_stands_at")
        for key, names_of in (("signing_key", (self.signing_key,)), ("published_keys", self.published_keys)):
            wrong = next((k for k in names_of if k not in KEYS), None)
            if wrong is not None:
                raise TenantError(f'{key}: "{wrong[:60]}" is no key. Known: {", ".join(KEYS)}.', key=key)
        if self.certificate not in VARIANTS:
            raise TenantError(f"certificate must be one of {', '.join(VARIANTS)}.", key="certificate")
        if self.people_file is not None and (
            not self.people_file.endswith(".csv") or set(self.people_file) & set("/\\:")
        ):
            raise TenantError("people_file must be the name of a .csv file in the same folder.", key="people_file")
        for what, keys in (
            ("user", [u.username for u in self.users]),
            ("application", [a.id for a in self.applications]),
        ):
            twice = next((k for k in keys if keys.count(k) > 1), None) if len(keys) < 2_000 else _first_twice(keys)
            if twice is not None:
                raise TenantError(f'Two {what}s are called "{twice}". Give one of them another name.')

    @property
    def profile(self) -> Profile:
        """The vendor's habits."""
        return profile(self.vendor)

    @property
    def entity_id(self) -> str:
        """The IdP's entity ID: the given one, or the vendor's shape with this tenant's random id."""
        return self.entity_id_override or self.profile.metadata.entity_id.format(tenant=self.uid)

    def path_of(self, page: Literal["sso", "slo", "metadata"]) -> str:
        """The path under which the vendor serves a page."""
        shape = self.profile.metadata
        path = {"sso": shape.sso_path, "slo": shape.slo_path, "metadata": shape.path}[page]
        return path.format(tenant=self.uid)

    def user(self, username: str) -> TestUser | None:
        """The user with this username or e-mail address, or None."""
        return next((u for u in self.users if username in (u.username, u.email)), None)

    def application(self, application_id: str) -> Application | None:
        """The application with this id, or None."""
        return next((a for a in self.applications if a.id == application_id), None)

    def with_user(self, user: TestUser) -> Tenant:
        """The tenant with this user added, or put in place of the one with the same username."""
        if any(u.username == user.username for u in self.users):
            return replace(self, users=tuple(user if u.username == user.username else u for u in self.users))
        return replace(self, users=(*self.users, user))

    def with_application(self, application: Application) -> Tenant:
        """The tenant with this application added, or put in place of the one with the same id."""
        if any(a.id == application.id for a in self.applications):
            rows = tuple(application if a.id == application.id else a for a in self.applications)
            return replace(self, applications=rows)
        return replace(self, applications=(*self.applications, application))

    def without_user(self, username: str) -> Tenant:
        """The tenant after the user was deleted from its directory."""
        return replace(self, users=tuple(u for u in self.users if u.username != username))

    def without_application(self, application_id: str) -> Tenant:
        """The tenant after the application was taken away."""
        return replace(self, applications=tuple(a for a in self.applications if a.id != application_id))

    def with_enabled(self, username: str, enabled: bool) -> Tenant:
        """The tenant after somebody was disabled or enabled. Raises TenantError for an unknown name."""
        return self.with_user(replace(self._known(username), enabled=enabled))

    def with_renamed(
        self, username: str, *, new_username: str | None = None, email: str | None = None, full_name: str | None = None
    ) -> Tenant:
        """The tenant after somebody got another user name, address or name; the person stays the same object.

        Raises:
            TenantError: nobody has the old name, or somebody has the new one.
        """
        old = self._known(username)
        new = replace(
            old,
            username=new_username or old.username,
            email=email or old.email,
            full_name=old.full_name if full_name is None else full_name,
        )
        return replace(self, users=tuple(new if u is old else u for u in self.users))

    def with_assignment(self, username: str, application_id: str, assigned: bool) -> Tenant:
        """The tenant after somebody got or lost an application. Raises TenantError for an unknown name."""
        person = self._known(username)
        if self.application(application_id) is None:
            raise TenantError(f'There is no application "{application_id[:100]}".')
        have = tuple(a.id for a in self.applications) if person.applications is None else person.applications
        wanted = [a for a in have if a != application_id] + ([application_id] if assigned else [])
        return self.with_user(replace(person, applications=tuple(wanted)))

    def people(
        self, text: str = "", *, application_id: str | None = None, enabled: bool | None = None
    ) -> tuple[TestUser, ...]:
        """The people whose user name, address or name holds the text, whatever its letter case; in their order."""
        wanted = text.casefold()
        return tuple(
            u
            for u in self.users
            if (enabled is None or u.enabled == enabled)
            and (application_id is None or u.assigned(application_id))
            and (not wanted or wanted in f"{u.username}\n{u.email}\n{u.full_name or ''}".casefold())
        )

    def _known(self, username: str) -> TestUser:
        found = self.user(username)
        if found is None:
            raise TenantError(f'The directory knows nobody called "{username[:100]}".')
        return found


def _first_twice(keys: list[str]) -> str | None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return None


def check_web_address(url: str, what: str, *, key: str | None = None) -> None:
    """Refuses whatever is not an http or https address with a host: nothing else is ever put in a form's action.

    Raises:
        TenantError: with a sentence that names `what`.
    """
    try:
        parts = urlsplit(url)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_ok = urlsplit(""), False
    plain = all(0x21 <= ord(c) < 0x7F and c not in "\\\"'<>" for c in url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or not port_ok or not plain:
        raise TenantError(f"The {what} is {url[:200]!r}; expected an http or https address.", key=key)


def default_tenant(
    *,
    imagekit_id: str = "ik_7x2k",
    entity_id: str = "https://imagekit.io/saml/consume",
    acs_url: str = "https://imagekit.io/saml/consume",
    relay_state: str | None = "https://imagekit.io/dashboard",
    logout_url: str | None = "https://imagekit.io/logout",
    deliver_to: str | None = None,
    vendor: str = "generic",
    domain: str = "acme-media.test",
    uid: str | None = None,
) -> Tenant:
    """An invented organisation with eight people and one application, ImageKit."""

    def person(username: str, full_name: str, role: str, about: str, **more: Any) -> TestUser:
        return TestUser(
            username=username,
            email=more.pop("email", f"{username}@{domain}"),
            full_name=full_name,
            role=role,
            imagekit_id=imagekit_id,
            about=about,
            object_id=f"00000000-0000-4000-8000-{abs(hash_of(username)):012x}",
            **more,
        )

    users = (
        person("ada", "Ada Lindqvist", "account_administrator", "Set the account up; manages its users."),
        person("grace", "Grace Holloway", "developer", "Builds the upload pipeline."),
        person("linus", "Linus Okonkwo", "finance", "Pays the bills; moved here from engineering last spring."),
        person("margaret", "Margaret Hale", "media_library_full_access", "Curates the whole media library."),
        person("zoe", "Zoë Kovačević", "media_library_view_only_access", "Her name needs more than ASCII."),
        person("wei", "陳偉", "media_library_restricted_access", "An agency partner who sees one folder only."),
        person(
            "alan",
            "Alan Tarrant",
            "developer",
            "Left the company; the directory disabled him on Friday.",
            enabled=False,
        ),
        person(
            "katherine",
            "Katherine Jonsdal",
            "developer",
            "In the directory, but nobody assigned ImageKit to her.",
            applications=(),
        ),
    )
    application = Application(
        id="imagekit",
        name="ImageKit",
        entity_id=entity_id,
        acs_url=acs_url,
        deliver_to=deliver_to,
        relay_state=relay_state,
        logout_url=logout_url,
    )
    return Tenant(
        uid=uid or secrets.token_hex(16),
        name="Acme Media (test organisation)",
        vendor=vendor,
        users=users,
        applications=(application,),
    )


def hash_of(text: str) -> int:
    """A stable 40-bit number of a text, for invented object identifiers."""
    value = 0
    for byte in text.encode():
        value = (value * 131 + byte) % (1 << 40)
    return value
