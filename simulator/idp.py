"""The test identity provider: turns a person, an application and faults into what is posted to the service provider.

It opens no socket; time comes from the clock it is given.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from urllib.parse import quote, urlencode

from lxml import etree

from simulator import names
from simulator.asking import deflate
from simulator.delivery import Delivery
from simulator.draft import Draft, form_octets
from simulator.editing import Change, Edit, changed, dump_spec, form_text
from simulator.encryption import Encryption
from simulator.errors import LoginRefused
from simulator.faults.registry import Expects, Fault, Stage, find, hardest, signed_by, switchable
from simulator.keys import KeyRing
from simulator.logout import SpSession, logout_request
from simulator.message import (
    OMIT,
    AttributeSpec,
    AuthnSpec,
    ConfirmationSpec,
    IssuerSpec,
    NameIdSpec,
    Spec,
    fresh_id,
    instant,
)
from simulator.metadata import Reply, faulty_metadata, metadata
from simulator.names import SAML, SAMLP, q
from simulator.profiles import Profile
from simulator.requests import (
    AuthnRequest,
    LogoutAnswer,
    LogoutRequest,
    fields_of,
    read_authn_request,
    read_logout_answer,
    read_logout_request,
)
from simulator.signing import Signing, default_algorithm, fits, hash_of_algorithm, raw_sign
from simulator.tenant import Application, Tenant, TestUser


@dataclass(frozen=True, slots=True)
class Expected:
    """What a sound service provider makes of the message, and the checks of which one must say so."""

    verdict: Expects = "accept"
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """One answer, ready to send: `body` holds the exact octets to POST to `url` (or, by GET, `url` has its query).

    `second_body` is what a second post sends where it is not `body` again (see Setup.posts).
    """

    xml: bytes
    form: tuple[tuple[str, str], ...]
    own_body: bytes | None  # None: the form urlencoded
    second_body: bytes | None
    method: Literal["POST", "GET"]
    url: str
    headers: tuple[tuple[str, str], ...]
    relay_state: str | None
    response_id: str | None
    assertion_id: str | None
    name_id: str | None
    in_response_to: str | None
    faults: tuple[str, ...]
    expected: Expected
    application: str
    user: str
    at: datetime
    spec: Spec
    exact_form: bool  # False: a browser's form cannot send these very octets
    delivery: Delivery | None = None  # None: as an ordinary client sends; else with simulator.delivery.deliver
    changes: tuple[Change, ...] = ()  # what a person edited

    @property
    def body(self) -> bytes:
        """The exact octets to POST. A browser makes them of the form itself, so they are made only where asked for."""
        return form_octets(self.form) if self.own_body is None else self.own_body


class _Default:
    """The type of DEFAULT: "the application's RelayState"."""


DEFAULT: Final = _Default()


class Idp:
    """The identity provider of one tenant. `tenant` may be replaced at any time; each answer uses one as it was.

    `clock` gives aware datetimes; the tenant's clock offset is added to it. `base_url` is where its pages are served.
    """

    def __init__(
        self,
        tenant: Tenant,
        keys: KeyRing,
        clock: Callable[[], datetime],
        *,
        base_url: str = "https://localhost",
        canary_url: str = "http://127.0.0.1:9/",
        canary_file: str = "/nonexistent/canary",
        clock_skew: timedelta = timedelta(seconds=180),
    ) -> None:
        self.tenant = tenant
        self.keys = keys
        self.base_url = base_url
        self.canary_url = canary_url
        self.canary_file = canary_file
        self.clock_skew = clock_skew
        self._clock = clock

    def now(self) -> datetime:
        """The identity provider's time: where its clock stands still, or the clock's with the tenant's offset."""
        stands = self.tenant.clock_stands_at
        return (
            stands.astimezone(UTC) if stands is not None else self._clock().astimezone(UTC) + self.tenant.clock_offset
        )

    def metadata(self, variant: str | None = None, *, faults: Sequence[str] = ()) -> bytes:
        """The metadata document. `variant` chooses the keys in it, see simulator.metadata.VARIANTS.

        `faults` may be of any kind; those that act on metadata are in it. Raises UnknownFault, KeyRingError.
        """
        return self.serve_metadata(faults, variant)[0]

    def serve_metadata(self, faults: Sequence[str] = (), variant: str | None = None) -> tuple[bytes, Reply]:
        """The metadata document, and how a web server answers with it: some faults are in the answer alone."""
        chosen = [f for f in map(find, faults) if f.acts_on == "metadata"]
        if not chosen:
            return metadata(self.tenant, self.keys, self.base_url, self.now(), variant), Reply()
        return faulty_metadata(self.tenant, self.keys, self.base_url, self.now(), chosen, variant)

    # Requests -----------------------------------------------------------------------------------------------------

    @property
    def sso_urls(self) -> tuple[str, ...]:
        """The addresses an AuthnRequest may name as its Destination."""
        alias = self.base_url.replace("//127.0.0.1:", "//localhost:")
        paths = (self.tenant.path_of("sso"), "/sso")
        return tuple(dict.fromkeys(base + path for path in paths for base in (self.base_url, alias)))

    @property
    def sso_url(self) -> str:
        """The address that the metadata names for logins."""
        return self.sso_urls[0]

    def read_request(self, *, query: str | None = None, form: str | Mapping[str, str] | None = None) -> AuthnRequest:
        """Reads an AuthnRequest from a raw query string (redirect) or from a form (POST, deflated or not).

        Raises:
            RequestRefused: it gets no answer anywhere.
        """
        post = form is not None
        fields = _fields(form if post else query)
        # Requests are judged by real time: the offset is this provider's own pretence.
        now = self._clock().astimezone(UTC)
        return read_authn_request(fields, post=post, tenant=self.tenant, now=now, sso_urls=self.sso_urls)

    def read_logout(self, *, query: str | None = None, form: str | Mapping[str, str] | None = None) -> LogoutRequest:
        """Reads a LogoutRequest. Raises RequestRefused."""
        post = form is not None
        return read_logout_request(_fields(form if post else query), post=post, tenant=self.tenant)

    def read_logout_answer(
        self, *, query: str | None = None, form: str | Mapping[str, str] | None = None
    ) -> LogoutAnswer:
        """Reads a LogoutResponse. Raises RequestRefused."""
        post = form is not None
        return read_logout_answer(_fields(form if post else query), post=post, tenant=self.tenant)

    def objection(self, request: AuthnRequest, *, signed_in: bool = False) -> tuple[tuple[str, ...], str] | None:
        """Why the request cannot be met: status codes from the top level inwards and a sentence; None where it can.

        `signed_in`: somebody is known already, so that a passive request can be answered.
        """
        if request.response_binding not in (None, names.BINDING_POST):
            return (
                names.STATUS + "Requester",
                names.STATUS + "UnsupportedBinding",
            ), "Only HTTP-POST answers are given."
        application = self._application(request.application)
        known = (None, names.FORMAT_EMAIL, names.FORMAT_UNSPECIFIED, application.name_id_format)
        if request.name_id_format not in known:
            return (
                (names.STATUS + "Requester", names.STATUS + "InvalidNameIDPolicy"),
                f"The NameID format {request.name_id_format} is not offered.",
            )
        offered = (self.tenant.profile.context_class, names.AC_PROTECTED, names.AC_PASSWORD, names.AC_UNSPECIFIED)
        if request.contexts and request.comparison == "exact" and not set(request.contexts) & set(offered):
            return (
                (names.STATUS + "Responder", names.STATUS + "NoAuthnContext"),
                "None of the requested authentication contexts is offered.",
            )
        if request.is_passive and not signed_in:
            return (names.STATUS + "Responder", names.STATUS + "NoPassive"), "Nobody is signed in."
        return None

    # Answers ------------------------------------------------------------------------------------------------------

    def issue(
        self,
        user: TestUser | str,
        application: Application | str,
        *,
        request: AuthnRequest | None = None,
        relay_state: str | _Default | None = DEFAULT,
        faults: Sequence[str] = (),
        edit: Edit | None = None,
        victim: str | None = None,
    ) -> Issued:
        """A login of the user at the application, with faults applied in stage order.

        `request` makes it an answer (InResponseTo, RelayState echoed). `victim` is whom attacking faults impersonate.

        Raises:
            LoginRefused: nobody of that name, disabled, or not assigned to the application.
            UnknownFault: a fault's id is wrong.
        """
        app = self._application(application)
        person = self._user(user)
        chosen = _of_message(faults)
        if not person.enabled:
            raise LoginRefused(f"{person.username} is disabled in the directory, so there is no login.")
        if not person.assigned(app.id):
            raise LoginRefused(f"{person.username} is not assigned to {app.name}. Assign the application first.")
        now = self.now()
        if isinstance(relay_state, _Default):
            relay_state = request.relay_state if request is not None else app.relay_state
        draft = Draft(
            now=now,
            keys=self.keys,
            tenant=self.tenant,
            user=person,
            application=app,
            spec=self.spec(person, app, now, request),
            signing=signing_of(self.tenant.profile, app),
            encryption=Encryption(block=app.encryption) if app.encrypt_to else None,
            request_id=request.id if request else None,
            relay_state=relay_state,
            # Whom to attack is looked for among everybody, who may be tens of thousands.
            victim=victim or (self._victim(person) if chosen else ""),
            canary_url=self.canary_url,
            canary_file=self.canary_file,
            skew=self.clock_skew,
        )
        signs = signed_by(chosen)
        if signs != "profile":
            draft.signing = _signing_for(signs)
        return self._finish(draft, chosen, edit)

    def refuse(
        self,
        application: Application | str,
        codes: tuple[str, ...],
        message: str | None = None,
        *,
        request: AuthnRequest | None = None,
    ) -> Issued:
        """A signed error Response for an application (saml-core §3.2.2)."""
        app = self._application(application)
        now = self.now()
        nobody = TestUser(username="", email="", full_name=None, role=None, imagekit_id=None)
        spec = replace(
            self.spec(nobody, app, now, request),
            assertion=False,
            status_codes=codes,
            status_message=OMIT if message is None else message,
        )
        draft = Draft(
            now=now,
            keys=self.keys,
            tenant=self.tenant,
            user=nobody,
            application=app,
            spec=spec,
            signing=(Signing(target="response"),),
            encryption=None,
            request_id=request.id if request else None,
            relay_state=request.relay_state if request else None,
            victim="",
            canary_url=self.canary_url,
            canary_file=self.canary_file,
            skew=self.clock_skew,
        )
        issued = self._finish(draft, (), None)
        return replace(issued, expected=Expected("refused-by-idp", ("status-success",)))

    def logout_response(self, request: LogoutRequest, *, partial: bool = False) -> Issued:
        """The signed LogoutResponse to a LogoutRequest, for the application's logout address (saml-core §3.7.2).

        `partial`: some application that the person was signed in at did not confirm the end.

        Raises:
            LoginRefused: the application has no logout address.
        """
        app = self._application(request.application)
        draft = self._about_logout(app, "", request.relay_state, answers=request.id)
        if partial:
            draft.change(status_codes=(names.SUCCESS, names.PARTIAL_LOGOUT))
        draft.make_tree()
        draft.response.tag = q(SAMLP, "LogoutResponse")
        return self._send_logout(draft, "SAMLResponse")

    def logout_request(
        self, session: SpSession, relay_state: str | None = None, *, application: Application | None = None
    ) -> Issued:
        """The signed LogoutRequest that ends a session at its application (saml-core §3.7.1). It counts five minutes.

        `application` goes before the tenant's of that id.

        Raises:
            LoginRefused: the application is gone, or has no logout address.
        """
        app = application or self._application(session.application)
        draft = self._about_logout(app, session.user, relay_state)
        draft.tree = logout_request(
            session,
            request_id=fresh_id(),
            issuer=self.tenant.entity_id,
            destination=app.logout_url or "",
            now=draft.now,
            lasts=draft.now + timedelta(minutes=5),
        )
        return self._send_logout(draft, "SAMLRequest")

    def _about_logout(
        self, app: Application, username: str, relay_state: str | None, *, answers: str | None = None
    ) -> Draft:
        if app.logout_url is None:
            raise LoginRefused(f"{app.name} has no logout address, so there is nowhere to send the message.")
        now = self.now()
        nobody = TestUser(username=username, email="", full_name=None, role=None, imagekit_id=None)
        spec = replace(self.spec(nobody, app, now, None), assertion=False, destination=app.logout_url)
        return Draft(
            now=now,
            keys=self.keys,
            tenant=self.tenant,
            user=nobody,
            application=app,
            spec=spec if answers is None else replace(spec, in_response_to=answers),
            signing=() if app.logout_by_redirect else (Signing(target="response"),),
            encryption=None,
            request_id=answers,
            relay_state=relay_state,
            victim="",
            canary_url=self.canary_url,
            canary_file=self.canary_file,
            skew=self.clock_skew,
        )

    def _send_logout(self, draft: Draft, field: str) -> Issued:
        """The message on its way: by POST signed in itself, by redirect beside itself (saml-bindings §3.4.4.1)."""
        app = draft.application
        made = self._send(draft, (), None)
        fields = [(field, v) if n == "SAMLResponse" else (n, v) for n, v in made.form]
        to = app.logout_to or ""
        if not app.logout_by_redirect:
            return replace(made, form=tuple(fields), own_body=None, url=to)
        key = draft.key().key
        algorithm = app.signature_algorithm if fits(app.signature_algorithm, key) else default_algorithm(key)
        fields[0] = field, base64.b64encode(deflate(made.xml)).decode()
        query = "&".join(f"{n}={quote(v, safe='')}" for n, v in (*fields, ("SigAlg", algorithm)))
        value = base64.b64encode(raw_sign(query.encode(), key, hash_of_algorithm(algorithm))).decode()
        url = f"{to}{'&' if '?' in to else '?'}{query}&Signature={quote(value, safe='')}"
        return replace(made, form=tuple(fields), own_body=b"", method="GET", headers=(), url=url)

    def spec(self, user: TestUser, application: Application, now: datetime, request: AuthnRequest | None) -> Spec:
        """The values of a good Response in the words of the tenant's vendor."""
        p = self.tenant.profile
        issuer = IssuerSpec(value=self.tenant.entity_id, format=p.issuer_format or OMIT)
        issued_at = instant(now, p.precision)
        until = instant(now + timedelta(seconds=p.valid_for_s), p.precision)
        confirmed = p.confirmation_for_s
        response_id, assertion_id = fresh_id(p.id_prefix), fresh_id(p.id_prefix)
        indexes = {"response-id": response_id, "assertion-id": assertion_id}
        in_response_to = request.id if request else OMIT
        source = {"email": user.email, "username": user.username, "role": user.role, "full_name": user.full_name}
        name_id = NameIdSpec(
            value=source.get(application.name_id_source) or user.email,
            format=application.name_id_format or p.name_id_format,
            name_qualifier=self.tenant.entity_id if p.name_qualifiers else OMIT,
            sp_name_qualifier=application.entity_id if p.name_qualifiers else OMIT,
        )
        session = OMIT if p.session_for_s is None else instant(now + timedelta(seconds=p.session_for_s), p.precision)
        requested = next((c for c in request.contexts if c.startswith(names.AC)), None) if request else None
        return Spec(
            prefixes=(p.saml_prefix, p.samlp_prefix),
            response_id=response_id,
            response_issue_instant=issued_at,
            destination=application.destination or application.acs_url,
            in_response_to=in_response_to,
            response_issuer=issuer if p.response_issuer else None,
            assertion_id=assertion_id,
            assertion_issue_instant=issued_at,
            assertion_issuer=issuer,
            name_ids=(name_id,),
            confirmations=(
                ConfirmationSpec(
                    recipient=application.recipient or application.acs_url,
                    in_response_to=in_response_to,
                    not_on_or_after=until
                    if confirmed is None
                    else instant(now + timedelta(seconds=confirmed), p.precision),
                ),
            ),
            not_before=instant(now - timedelta(seconds=p.valid_before_s), p.precision),
            not_on_or_after=until,
            audience_restrictions=((application.entity_id,),),
            authn_statements=(
                AuthnSpec(
                    authn_instant=issued_at,
                    session_index=indexes.get(p.session_index) or fresh_id(),
                    session_not_on_or_after=session,
                    context_class=requested or p.context_class,
                ),
            ),
            attribute_statements=(self._attributes(user, application, p),),
        )

    def _attributes(self, user: TestUser, application: Application, p: Profile) -> tuple[AttributeSpec, ...]:
        rows: list[AttributeSpec] = []
        name_format = p.name_format or OMIT
        value_type = p.value_type or OMIT
        for name, source in application.claims.items():
            values: tuple[str, ...]
            if source.startswith("="):
                values = (source[1:],)
            elif source.startswith("attribute:"):
                values = tuple(user.attributes.get(source.removeprefix("attribute:"), ()))
            else:
                value = getattr(user, source)
                values = () if value is None else (value,)
            if values:
                rows.append(AttributeSpec(name=name, values=values, name_format=name_format, value_type=value_type))
        here = {"tenant": self.tenant.uid, "object": user.object_id, "email": user.email, "username": user.username}
        rows += [
            AttributeSpec(
                name=e.name,
                values=(e.value.format(**here),),
                name_format=e.name_format or name_format,
                value_type=value_type,
            )
            for e in p.extra
        ]
        return tuple(rows)

    def _finish(self, draft: Draft, faults: tuple[Fault, ...], edit: Edit | None) -> Issued:
        _apply(faults, Stage.SPEC, draft)
        changes: tuple[Change, ...] = ()
        if edit is not None and edit.spec is not None:
            before, draft.spec = draft.spec, edit.spec(draft.spec)
            changes = changed("values before signing", dump_spec(before), dump_spec(draft.spec))
        draft.make_tree()
        return self._send(draft, faults, edit, changes)

    def _send(
        self, draft: Draft, faults: tuple[Fault, ...], edit: Edit | None, changes: tuple[Change, ...] = ()
    ) -> Issued:
        _apply(faults, Stage.TREE, draft)
        draft.make_signed()
        _apply(faults, Stage.SIGNED, draft)
        draft.make_octets()
        if edit is not None and edit.document is not None:
            octets, draft.xml = draft.xml, edit.document(draft.xml)
            changes += changed("document after signing", _lines(octets), _lines(draft.xml))
        draft.make_form()
        _apply(faults, Stage.WIRE, draft)
        _apply(faults, Stage.HTTP, draft)
        if edit is not None and edit.form is not None:
            made, draft.form = draft.form, edit.form(list(draft.form))
            # What a fault wrote in the form's place gives way to what a person wrote.
            draft.body = None
            draft.query = urlencode(draft.form) if draft.query is not None else None
            changes += changed("form fields", form_text(made), form_text(draft.form))
        app = draft.application
        url = app.post_to
        if draft.query is not None:
            url += ("&" if "?" in url else "?") + draft.query
        root = draft.response
        assertion = root if root.tag == q(SAML, "Assertion") else next(root.iterchildren(q(SAML, "Assertion")), None)
        return Issued(
            xml=draft.xml,
            form=tuple(draft.form),
            own_body=draft.make_body(),
            second_body=draft.make_second_body(),
            method="GET" if draft.method == "GET" else "POST",
            url=url,
            headers=() if draft.method == "GET" else (("content-type", "application/x-www-form-urlencoded"),),
            relay_state=dict(draft.form).get("RelayState"),
            response_id=root.get("ID"),
            assertion_id=None if assertion is None else assertion.get("ID"),
            name_id=_text(next(root.iter(q(SAML, "NameID")), None)),
            in_response_to=root.get("InResponseTo"),
            faults=tuple(f.id for f in faults),
            expected=expected_of(faults),
            application=app.id,
            user=draft.user.username,
            at=draft.now,
            spec=draft.spec,
            exact_form=draft.body is None and draft.delivery is None,
            delivery=draft.delivery,
            changes=changes,
        )

    def _victim(self, person: TestUser) -> str:
        others = [u for u in self.tenant.users if u.username != person.username and u.enabled]
        boss = next((u for u in others if u.role == "account_administrator"), others[0] if others else None)
        return boss.email if boss else "admin@corp.test"

    def _application(self, application: Application | str) -> Application:
        if isinstance(application, Application):
            return application
        found = self.tenant.application(application)
        if found is None:
            raise LoginRefused(f'There is no application "{application[:100]}".')
        return found

    def _user(self, user: TestUser | str) -> TestUser:
        if isinstance(user, TestUser):
            return user
        found = self.tenant.user(user)
        if found is None:
            raise LoginRefused(f'The directory knows nobody called "{user[:100]}".')
        return found


def expected_of(faults: Sequence[Fault]) -> Expected:
    """What the faults together should lead to: the hardest verdict, and the checks of the faults that demand it."""
    if not faults:
        return Expected()
    return Expected(*hardest(faults))


def _of_message(ids: Sequence[str]) -> tuple[Fault, ...]:
    """The single faults that act on a message, in stage order. Those of metadata act elsewhere and are left out."""
    found = [part for f in switchable(ids) for part in f.parts or (f,)]
    return tuple(sorted((f for f in found if f.acts_on == "message"), key=lambda f: f.stage))


def signing_of(profile: Profile, application: Application) -> tuple[Signing, ...]:
    """How the vendor signs for the application."""
    return _signing(
        application.sign or profile.sign,
        application.digest_algorithm,
        profile.keyinfo,
        profile.ds_prefix,
        profile.inclusive_prefixes,
        profile.response_issuer,
    )


@functools.lru_cache(maxsize=64)
def _signing(
    part: str,
    digest_algorithm: str,
    keyinfo: Literal["x509", "none", "keyname", "keyvalue+x509"],
    prefix: str | None,
    prefix_list: str | None,
    response_issuer: bool,
) -> tuple[Signing, ...]:
    targets = {"assertion": ("assertion",), "response": ("response",), "both": ("assertion", "response"), "none": ()}
    return tuple(
        Signing(
            target="assertion" if target == "assertion" else "response",
            digest_algorithm=digest_algorithm,
            keyinfo=keyinfo,
            prefix=prefix,
            prefix_list=prefix_list,
            position=1 if target == "assertion" or response_issuer else 0,
        )
        for target in targets[part]
    )


def _signing_for(signs: str) -> tuple[Signing, ...]:
    assertion, response = Signing(target="assertion"), Signing(target="response")
    return {"assertion": (assertion,), "response": (response,), "both": (assertion, response)}.get(signs, ())


def _apply(faults: Sequence[Fault], stage: Stage, draft: Draft) -> None:
    for fault in faults:
        if fault.stage == stage:
            fault.apply(draft)


def _fields(source: str | Mapping[str, str] | None) -> Mapping[str, tuple[str, str]]:
    if source is None:
        return {}
    return fields_of(source) if isinstance(source, str) else {n: (v, v) for n, v in source.items()}


def _lines(octets: bytes) -> str:
    """The document with a line for each tag, only to be compared."""
    return octets.decode("utf-8", "replace").replace("><", ">\n<")


def _text(element: etree._Element | None) -> str | None:
    if element is None:
        return None
    return "".join(str(t) for t in element.itertext()) if len(element) else element.text or ""
