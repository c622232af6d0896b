"""One message on its way: values, tree, signed tree, octets, form. Faults change it; it judges nothing."""

from __future__ import annotations

import base64
import copy
import string
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from cryptography import x509
from lxml import etree

from simulator import names
from simulator.delivery import Delivery
from simulator.encryption import Encryption, encrypt
from simulator.keys import KeyPair, KeyRing
from simulator.message import NameIdSpec, Spec, build, fresh_id, instant
from simulator.names import DS, SAML, SAMLP, q
from simulator.signing import Parts, Reference, Signing, fits, sign, without_signatures
from simulator.tenant import Application, Tenant, TestUser


class Draft:
    """A message being made. Each stage leaves its result here for the next; a fault changes whatever it likes.

    `victim` is the identity an attacking fault claims. `canary_url` and `canary_file` are what a service provider must
    never touch. `skew` is the clock skew that the boundary faults suppose at the service provider.
    """

    def __init__(
        self,
        *,
        now: datetime,
        keys: KeyRing,
        tenant: Tenant,
        user: TestUser,
        application: Application,
        spec: Spec,
        signing: tuple[Signing, ...],
        encryption: Encryption | None,
        request_id: str | None,
        relay_state: str | None,
        victim: str,
        canary_url: str,
        canary_file: str,
        skew: timedelta,
    ) -> None:
        self.now = now
        self.keys = keys
        self.tenant = tenant
        self.user = user
        self.application = application
        self.spec = spec
        self.signing = signing
        self.encryption = encryption
        self.encrypt_to: x509.Certificate | None = None
        self.request_id = request_id
        self.relay_state = relay_state
        self.victim = victim
        self.canary_url = canary_url
        self.canary_file = canary_file
        self.skew = skew
        self.tree: etree._Element | None = None
        self.rewrites: list[Callable[[bytes], bytes]] = []
        self.second: Callable[[bytes], bytes] | None = None
        self.xml = b""
        self.form: list[tuple[str, str]] = []
        self.body: bytes | None = None
        self.query: str | None = None
        self.method = "POST"
        self.delivery: Delivery | None = None

    # Values -------------------------------------------------------------------------------------------------------

    def change(self, **values: Any) -> None:
        """Replaces values of the spec."""
        self.spec = replace(self.spec, **values)

    def name_id(self, **values: Any) -> None:
        """Replaces values of the first NameID."""
        first = self.spec.name_ids[0] if self.spec.name_ids else NameIdSpec(value="")
        self.change(name_ids=(replace(first, **values),))

    def confirmation(self, **values: Any) -> None:
        """Replaces values of the first SubjectConfirmation."""
        self.change(confirmations=(replace(self.spec.confirmations[0], **values),))

    def seal(self, target: str = "assertion", **knobs: Any) -> None:
        """The message gets this one signature, with the knobs of Signing."""
        self.signing = (Signing(target=target, **knobs),)  # type: ignore[arg-type]  # the literal is checked by the tests

    def after(self, **offset: float) -> str:
        """An instant that lies the given timedelta after now."""
        return instant(self.now + timedelta(**offset))

    # Trees --------------------------------------------------------------------------------------------------------

    @property
    def response(self) -> etree._Element:
        """The root of the message."""
        assert self.tree is not None, "a fault of the stage SPEC has no tree yet"
        return self.tree

    @property
    def assertion(self) -> etree._Element:
        """The first Assertion directly under the root."""
        found = self.response.find(q(SAML, "Assertion"))
        assert found is not None, "the message has no assertion"
        return found

    @property
    def signature(self) -> etree._Element:
        """The first signature of the document."""
        found = self.response.find(f".//{q(DS, 'Signature')}")
        assert found is not None, "the message has no signature"
        return found

    def part(self, local: str, namespace: str = SAML) -> etree._Element:
        """The first element of that name under the root."""
        found = self.response.find(f".//{q(namespace, local)}")
        assert found is not None, f"the message has no {local}"
        return found

    def sign(self, element: etree._Element, *, references: tuple[Reference, ...] = (), **knobs: Any) -> etree._Element:
        """Signs an element now."""
        return self._sign(element, Signing(**knobs), references)

    def _sign(self, element: etree._Element, how: Signing, references: tuple[Reference, ...] = ()) -> etree._Element:
        algorithm: str | None = None
        if isinstance(how.key, bytes):
            key: Any = how.key
            pairs = how.certificates or ()
        else:
            pair = self.key(how.key)
            key, pairs = pair.key, (pair,) if how.certificates is None else how.certificates
            if fits(self.application.signature_algorithm, key):
                algorithm = self.application.signature_algorithm
        parts = Parts(key, [p.certificate for p in pairs], references, algorithm, self.application.digest_algorithm)
        return sign(element, parts, how, self.response if how.in_response else None)

    def key(self, name: str = "current") -> KeyPair:
        """A key of the ring. "current" is the one that the tenant signs with, with the certificate it has chosen."""
        if name == "current":
            return self.keys.pair(self.tenant.signing_key, self.tenant.certificate)
        return self.keys.pair(name)

    def forge(self, element: etree._Element) -> etree._Element:
        """Turns every assertion in the element into a fresh one about the victim, an administrator; in place."""
        assertions = [element] if element.tag == q(SAML, "Assertion") else list(element.iter(q(SAML, "Assertion")))
        for a in assertions:
            for name_id in a.iter(q(SAML, "NameID")):
                name_id.text = self.victim
            for attribute in a.iter(q(SAML, "Attribute")):
                if attribute.get("Name") == self.role_claim:
                    for value in attribute:
                        value.text = "account_administrator"
            for node in a.iter(q(SAML, "Conditions"), q(SAML, "SubjectConfirmationData")):
                if node.get("NotBefore") is not None and node.tag == q(SAML, "Conditions"):
                    node.set("NotBefore", self.after(seconds=-60))
                node.set("NotOnOrAfter", self.after(minutes=5))
        return element

    def evil(self, element: etree._Element, new_id: str | None = None) -> etree._Element:
        """A forged copy without signatures, under a fresh ID or the given one."""
        clone = self.forge(without_signatures(element))
        clone.set("ID", new_id or fresh_id())
        return clone

    def copy(self, element: etree._Element) -> etree._Element:
        """A copy without the text that follows the element."""
        clone = copy.deepcopy(element)
        clone.tail = None
        return clone

    @property
    def role_claim(self) -> str:
        """The name under which the application receives the role."""
        return next((n for n, source in self.application.claims.items() if source == "role"), "imagekit_role")

    @property
    def sp_certificate(self) -> x509.Certificate:
        """The certificate that encrypting faults use: the application's, or the test key "sp-encryption"."""
        if self.encrypt_to is not None:
            return self.encrypt_to
        if self.application.encrypt_to:
            return x509.load_pem_x509_certificate(self.application.encrypt_to.encode())
        return self.keys.pair("sp-encryption").certificate

    def encrypt_assertion(self, how: Encryption | None = None) -> etree._Element:
        """Puts an EncryptedAssertion in the assertion's place and returns it."""
        a = self.assertion
        parent = a.getparent()
        assert parent is not None
        plaintext = etree.tostring(a, encoding="UTF-8", with_tail=False)
        plaintext = plaintext.removeprefix(b"<?xml version='1.0' encoding='UTF-8'?>\n")
        outer = encrypt(plaintext, self.sp_certificate, how or self.encryption)
        parent.replace(a, outer)
        return outer

    # Octets -------------------------------------------------------------------------------------------------------

    def rewrite(self, how: Callable[[bytes], bytes]) -> None:
        """After signing, once the tree has become octets, they are passed through `how`."""
        self.rewrites.append(how)

    def set_field(self, name: str, value: str | None) -> None:
        """Puts a form field in place of the one of that name; None takes it away."""
        self.form = [(n, v) for n, v in self.form if n != name]
        if value is not None:
            self.form.append((name, value))

    @property
    def encoded(self) -> str:
        """The SAMLResponse field's value."""
        return dict(self.form).get("SAMLResponse", "")

    # The stages ---------------------------------------------------------------------------------------------------

    def make_tree(self) -> None:
        """SPEC to TREE."""
        self.tree = build(self.spec)

    def make_signed(self) -> None:
        """TREE to SIGNED: assertion signatures, encryption, response signatures."""
        for how in self.signing:
            assertion = next(self.response.iterchildren(q(SAML, "Assertion")), None)
            if how.target == "assertion" and assertion is not None:
                self._sign(assertion, how)
        if self.encryption is not None and self.response.find(q(SAML, "Assertion")) is not None:
            self.encrypt_assertion()
        for how in self.signing:
            if how.target == "response":
                self._sign(self.response, how)

    def make_octets(self) -> None:
        """The signed tree becomes UTF-8 octets, never re-indented, and the rewrites run."""
        self.xml = etree.tostring(self.response, encoding="UTF-8", xml_declaration=False, with_tail=False)
        for how in self.rewrites:
            self.xml = how(self.xml)

    def make_form(self) -> None:
        """Octets to the fields of the HTTP-POST binding (saml-bindings §3.5.4)."""
        self.form = [("SAMLResponse", base64.b64encode(self.xml).decode())]
        if self.relay_state is not None:
            self.form.append(("RelayState", self.relay_state))

    def make_second_body(self) -> bytes | None:
        """The octets of the second post, where a fault wants another one than the first."""
        if self.second is None:
            return None
        again = base64.b64encode(self.second(self.xml)).decode()
        return urlencode([(n, again if n == "SAMLResponse" else v) for n, v in self.form]).encode()

    def make_body(self) -> bytes | None:
        """The octets to send where they are not the form urlencoded: what a fault put there, or nothing by GET."""
        return b"" if self.body is None and self.method == "GET" else self.body


def form_octets(form: Sequence[tuple[str, str]]) -> bytes:
    """The fields as application/x-www-form-urlencoded, exactly as urlencode() writes them.

    A message in base64 needs three characters escaped; asking for each of its thousands whether it is one of them took
    longer than signing it.
    """
    return "&".join(f"{quote_plus(n)}={_quoted(v)}" for n, v in form).encode()


def _quoted(value: str) -> str:
    if value.isascii() and not value.encode().translate(None, _BASE64):
        return value.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    return quote_plus(value)


_BASE64: Final = (string.ascii_letters + string.digits + "+/=").encode()


def insert_after_issuer(root: etree._Element, element: etree._Element) -> None:
    """Puts an element at the schema position of samlp:Extensions: after Issuer and Signature."""
    index = 0
    for n, child in enumerate(root):
        if child.tag in (q(SAML, "Issuer"), q(DS, "Signature")):
            index = n + 1
    root.insert(index, element)


def extensions(*content: etree._Element) -> etree._Element:
    """A samlp:Extensions around the content."""
    element = etree.Element(q(SAMLP, "Extensions"), nsmap={"samlp": SAMLP})
    element.extend(content)
    return element


def foreign(local: str = "Note", text: str | None = None) -> etree._Element:
    """An element of a namespace that SAML does not know."""
    element = etree.Element(q(names.FOREIGN, local), nsmap={"x": names.FOREIGN})
    element.text = text
    return element
