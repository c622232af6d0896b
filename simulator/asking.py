"""Writes AuthnRequests as a service provider sends them, good ones and broken ones. It reads and answers none."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode

from lxml import etree

from simulator import names
from simulator.errors import UnknownFault
from simulator.faults.registry import Fault, find
from simulator.keys import KeyRing
from simulator.message import OMIT, Maybe, Omit, fresh_id, instant
from simulator.names import SAML, SAMLP, q
from simulator.signing import Parts, Signing, raw_sign, sign
from simulator.tenant import Application

Binding = Literal["HTTP-Redirect", "HTTP-POST"]
#: The key that a service provider signs requests with; its certificate is the application's signing_certificate.
SIGNER: Final = "other-sp"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSpec:
    """The values of one AuthnRequest (saml-core §3.4.1). OMIT writes nothing, "" an empty attribute or element."""

    id: Maybe = OMIT
    version: Maybe = "2.0"
    issue_instant: Maybe = OMIT
    destination: Maybe = OMIT
    acs_url: Maybe = OMIT
    protocol_binding: Maybe = names.BINDING_POST
    force_authn: Maybe = OMIT
    is_passive: Maybe = OMIT
    issuer: Maybe = OMIT
    name_id_format: Maybe = OMIT
    contexts: tuple[str, ...] = ()
    comparison: Maybe = OMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request, ready to send: by GET with `query`, or by POST with `body`."""

    xml: bytes
    binding: Binding
    query: str
    body: bytes
    relay_state: str | None


class RequestDraft:
    """A request being made. Faults change the spec, the tree, the octets, the fields or the query, in that order."""

    def __init__(self, application: Application, keys: KeyRing, now: datetime, sso_url: str) -> None:
        self.application = application
        self.keys = keys
        self.now = now
        self.binding: Binding = "HTTP-Redirect"
        self.relay_state: str | None = application.relay_state
        self.signed_by: str | None = None
        self.signature_algorithm = names.RSA_SHA256
        self.spec = RequestSpec(
            id=fresh_id(),
            issue_instant=instant(now),
            destination=sso_url,
            acs_url=application.acs_url,
            issuer=application.entity_id,
        )
        self.on_tree: list[Callable[[etree._Element], None]] = []
        self.on_octets: list[Callable[[bytes], bytes]] = []
        self.escape: Callable[[str], str] = lambda text: quote(text, safe="")
        self.pack: Callable[[bytes], bytes] | None = None
        self.on_fields: list[Callable[[list[tuple[str, str]]], list[tuple[str, str]]]] = []
        self.on_query: list[Callable[[str], str]] = []

    def change(self, **values: Any) -> None:
        """Replaces values of the spec."""
        self.spec = replace(self.spec, **values)

    def after(self, **offset: float) -> str:
        """An instant that lies the given timedelta after now."""
        return instant(self.now + timedelta(**offset))

    def made(self) -> Asked:
        """The request as it is sent."""
        root = _build(self.spec)
        if self.signed_by is not None and self.binding == "HTTP-POST":
            pair = self.keys.pair(self.signed_by)
            how = Signing(signature_algorithm=self.signature_algorithm, position=1)
            sign(root, Parts(pair.key, [pair.certificate]), how)
        for edit in self.on_tree:
            edit(root)
        xml = etree.tostring(root, encoding="UTF-8", xml_declaration=False)
        for change in self.on_octets:
            xml = change(xml)
        redirect = self.binding == "HTTP-Redirect"
        pack = self.pack or (deflate if redirect else bytes)
        fields = [("SAMLRequest", base64.b64encode(pack(xml)).decode())]
        if self.relay_state is not None:
            fields.append(("RelayState", self.relay_state))
        if redirect and self.signed_by is not None:
            fields.append(("SigAlg", self.signature_algorithm))
        for rearrange in self.on_fields:
            fields = rearrange(fields)
        query = "&".join(f"{quote(n, safe='')}={self.escape(v)}" for n, v in fields) if redirect else ""
        if redirect and self.signed_by is not None:
            value = raw_sign(query.encode(), self.keys.pair(self.signed_by).key, "sha256")
            query += "&Signature=" + quote(base64.b64encode(value).decode(), safe="")
        for alter in self.on_query:
            query = alter(query)
        body = b"" if redirect else urlencode(fields).encode()
        return Asked(xml=xml, binding=self.binding, query=query, body=body, relay_state=self.relay_state)


def ask(
    application: Application, keys: KeyRing, now: datetime, sso_url: str, *, faults: Sequence[str] = (), signed: bool
) -> Asked:
    """An AuthnRequest of the application for the identity provider at `sso_url`, with faults of requests in it.

    Raises:
        UnknownFault: an id is wrong, or names a fault of something else.
    """
    draft = RequestDraft(application, keys, now, sso_url)
    draft.signed_by = SIGNER if signed else None
    for fault in map(find, faults):
        for part in fault.parts or (fault,):
            _of_request(part).apply(draft)
    return draft.made()


def deflate(data: bytes) -> bytes:
    """Raw DEFLATE as the redirect binding has it (saml-bindings §3.4.4.1)."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


def _of_request(fault: Fault) -> Fault:
    if fault.acts_on != "request":
        raise UnknownFault(f"{fault.id} is a fault of a {fault.acts_on}, not of a request.")
    return fault


def _build(spec: RequestSpec) -> etree._Element:
    root = etree.Element(q(SAMLP, "AuthnRequest"), nsmap={"samlp": SAMLP, "saml": SAML})
    attributes = {
        "ID": spec.id,
        "Version": spec.version,
        "IssueInstant": spec.issue_instant,
        "Destination": spec.destination,
        "ForceAuthn": spec.force_authn,
        "IsPassive": spec.is_passive,
        "ProtocolBinding": spec.protocol_binding,
        "AssertionConsumerServiceURL": spec.acs_url,
    }
    for name, value in attributes.items():
        if not isinstance(value, Omit):
            root.set(name, value)
    if not isinstance(spec.issuer, Omit):
        etree.SubElement(root, q(SAML, "Issuer")).text = spec.issuer
    if not isinstance(spec.name_id_format, Omit):
        etree.SubElement(root, q(SAMLP, "NameIDPolicy"), Format=spec.name_id_format)
    if spec.contexts:
        requested = etree.SubElement(root, q(SAMLP, "RequestedAuthnContext"))
        if not isinstance(spec.comparison, Omit):
            requested.set("Comparison", spec.comparison)
        for context in spec.contexts:
            etree.SubElement(requested, q(SAML, "AuthnContextClassRef")).text = context
    return root
