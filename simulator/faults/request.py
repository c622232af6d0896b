"""Requests that an identity provider must refuse, answer with a status, or survive: it never posts to a stranger."""

from __future__ import annotations

import copy
import re
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from lxml import etree

from simulator import names
from simulator.asking import RequestDraft, deflate
from simulator.faults.registry import Expects, Family, Setup, Stage
from simulator.message import OMIT
from simulator.names import SAML, SAMLP, q

family = Family("request", stage=Stage.REQUEST, kind="U")
_FAULT = family.fault
_SIGNED = Setup(signed_requests=True)


def _values(
    fault_id: str,
    summary: str,
    check: str | None,
    *accepts: str,
    expects: Expects = "reject",
    reference: str = "saml-core §3.4.1",
    **values: Any,
) -> None:
    """A request with these values."""
    family.row(
        fault_id,
        lambda d: d.change(**values),
        summary,
        check,
        *accepts,
        expects=expects,
        reference=reference,
    )


# Where the answer would go ----------------------------------------------------------------------------------------

_OPEN = "open redirect; GHSA-267v-3v32-g6q5"
_values(
    "req-acs-unregistered",
    "The answer is wanted at another path of the registered host.",
    "request-acs",
    acs_url="https://imagekit.io/other",
    reference=_OPEN,
)
_values(
    "req-acs-other-host",
    "The answer is wanted at another host.",
    "request-acs",
    acs_url="https://evil.example/acs",
    reference=_OPEN,
)
_values(
    "req-acs-javascript", "The answer is wanted by a script.", "request-acs", acs_url="javascript:alert(1)",
    reference=_OPEN,
)  # fmt: skip
_values(
    "req-acs-data", "The answer is wanted by a data address.", "request-acs", acs_url="data:text/html,x",
    reference=_OPEN,
)  # fmt: skip


@_FAULT("req-acs-prefix", "request-acs", reference=_OPEN)
def _(d: RequestDraft) -> None:
    """The registered address is only the beginning of the one that is asked for."""
    d.change(acs_url=d.application.acs_url + ".evil.example")


@_FAULT("req-acs-userinfo", "request-acs", reference=_OPEN)
def _(d: RequestDraft) -> None:
    """The registered host is a user name at another host."""
    d.change(acs_url=d.application.acs_url.replace("://", "://imagekit.io@evil.example/", 1))


_values("req-acs-empty", "The wanted address is empty.", "request-acs", acs_url="")
_values("req-acs-missing", "No address is named: the registered one counts.", None, expects="accept", acs_url=OMIT)

# Who asks, and whom -----------------------------------------------------------------------------------------------

_values(
    "req-issuer-unknown",
    "The sender is not registered.",
    "request-issuer",
    issuer="https://unknown.example/sp",
)
_values("req-issuer-missing", "The request does not say who sends it.", "request-issuer", issuer=OMIT)
_values("req-issuer-empty", "The sender is an empty text.", "request-issuer", issuer="")


@_FAULT("req-issuer-comment", "request-values", reference="CVE-2017-11427")
def _(d: RequestDraft) -> None:
    """A comment stands inside the sender's name."""
    d.on_octets.append(lambda data: data.replace(b"</saml:Issuer>", b"<!-- -->x</saml:Issuer>"))


_values(
    "req-destination-other",
    "The request is addressed to another identity provider.",
    "request-destination",
    destination="https://other-idp.example/sso",
    reference="saml-bindings §3.5.5.2",
)
_values("req-destination-missing", "No destination: allowed unless signed.", None, expects="accept", destination=OMIT)

# Form -------------------------------------------------------------------------------------------------------------

_values("req-id-missing", "The request has no ID.", "request-id", id=OMIT)
_values("req-id-html", "The ID holds HTML, to break out of the answer's attribute.", "request-id", id='"><script>x')
_values("req-version-1", "The request is of SAML 1.1.", "request-version", version="1.1")
_values("req-issueinstant-missing", "The request has no IssueInstant.", "request-issueinstant", issue_instant=OMIT)
_values("req-issueinstant-words", "IssueInstant is no date.", "request-issueinstant", issue_instant="yesterday")


@_FAULT("req-issueinstant-old", "request-issueinstant", reference="saml-core §1.3.3")
def _(d: RequestDraft) -> None:
    """The request was made two hours ago."""
    d.change(issue_instant=d.after(hours=-2))


@_FAULT("req-issueinstant-future", "request-issueinstant", reference="saml-core §1.3.3")
def _(d: RequestDraft) -> None:
    """The request will be made in two hours."""
    d.change(issue_instant=d.after(hours=2))


@_FAULT("req-duplicate-id", "request-id", reference="saml-core §1.3.4")
def _(d: RequestDraft) -> None:
    """A copy of the request, with the same ID, is hidden in its Extensions."""

    def hide(root: etree._Element) -> None:
        inner = copy.deepcopy(root)
        holder = etree.Element(q(SAMLP, "Extensions"))
        holder.append(inner)
        root.insert(1, holder)

    d.on_tree.append(hide)


@_FAULT("req-logout", "request-kind", "request-subject")
def _(d: RequestDraft) -> None:
    """A LogoutRequest is sent to the login address."""
    d.on_tree.append(lambda root: setattr(root, "tag", q(SAMLP, "LogoutRequest")))


@_FAULT("req-response", "request-kind")
def _(d: RequestDraft) -> None:
    """A Response is sent under the name of a request."""
    d.on_tree.append(lambda root: setattr(root, "tag", q(SAMLP, "Response")))


def _octets(
    fault_id: str, summary: str, check: str, change: Callable[[bytes], bytes], *accepts: str, reference: str = ""
) -> None:
    family.row(fault_id, lambda d: d.on_octets.append(change), summary, check, *accepts, reference=reference)


_octets(
    "req-xxe",
    "A DTD with an external entity.",
    "request-dtd",
    lambda data: b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + data,
    reference="CWE-611",
)
_octets(
    "req-billion-laughs",
    "Entities that multiply.",
    "request-dtd",
    lambda data: b'<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>' + data,
    reference="CWE-776",
)
_octets("req-truncated", "The end of the XML is missing.", "request-xml", lambda data: data[:-20])
_octets("req-html", "An HTML page.", "request-kind", lambda _data: b"<html/>", "request-xml")
_octets(
    "req-utf16",
    "UTF-16, which hides a DTD from those who look for one in ASCII.",
    "request-charset",
    lambda data: data.decode().encode("utf-16"),
    "request-xml",
)
_octets("req-empty", "Nothing at all.", "request-xml", lambda _data: b"", "request-kind")
_octets("req-huge", "Half a mebibyte.", "request-size", lambda data: data + b" " * 524_288)
_octets(
    "req-namespaces",
    "Two hundred namespace declarations.",
    "request-size",
    lambda data: data.replace(b" ID=", b"".join(b' xmlns:n%d="urn:n:%d"' % (n, n) for n in range(200)) + b" ID=", 1),
)


def _packed(fault_id: str, summary: str, check: str, pack: Callable[[bytes], bytes], reference: str) -> None:
    family.row(fault_id, lambda d: setattr(d, "pack", pack), summary, check, reference=reference)


_packed(
    "req-deflate-bomb",
    "A stream of 50 KB that inflates to 50 MB.",
    "request-size",
    lambda _data: deflate(bytes(50_000_000)),
    "CVE-2023-28119",
)
_packed("req-zlib-header", "A zlib header before the stream.", "request-deflate", zlib.compress, "RFC 1950")
_packed("req-deflate-cut", "The stream ends too early.", "request-deflate", lambda data: deflate(data)[:-8], "RFC 1951")
_packed("req-deflate-junk", "Something follows the stream.", "request-deflate", lambda d: deflate(d) + b"x", "RFC 1951")

# Fields -----------------------------------------------------------------------------------------------------------


@_FAULT("req-not-base64", "request-base64", reference="saml-bindings §3.4.4.1")
def _(d: RequestDraft) -> None:
    """The field holds characters that base64 does not have."""
    d.on_fields.append(lambda fields: [("SAMLRequest", "***"), *fields[1:]])


@_FAULT("req-field-twice", "request-fields", reference="CVE-2025-27773")
def _(d: RequestDraft) -> None:
    """SAMLRequest is there twice: one is verified, the other read."""
    d.on_fields.append(lambda fields: [fields[0], *fields])


@_FAULT("req-field-percent-name", "request-fields", reference="CVE-2026-117691")
def _(d: RequestDraft) -> None:
    """A second SAMLRequest whose name is percent-encoded."""
    d.on_query.append(lambda query: query + "&%53AMLRequest=x")


@_FAULT("req-with-response", "request-present", reference="CVE-2025-27773")
def _(d: RequestDraft) -> None:
    """A SAMLResponse comes beside the SAMLRequest."""
    d.on_fields.append(lambda fields: [*fields, ("SAMLResponse", fields[0][1])])


@_FAULT("req-none", "request-present")
def _(d: RequestDraft) -> None:
    """No SAMLRequest at all."""
    d.on_fields.append(lambda fields: fields[1:])


@_FAULT("req-relaystate-html", None, expects="accept", reference="CWE-79")
def _(d: RequestDraft) -> None:
    """RelayState holds HTML: it is echoed as text and runs nowhere."""
    d.relay_state = '"><script>alert(1)</script>'


@_FAULT("req-post-deflated", None, expects="accept", reference="node-saml")
def _(d: RequestDraft) -> None:
    """Deflated although sent by POST, as node-saml does."""
    d.binding = "HTTP-POST"
    d.pack = deflate


@_FAULT("req-replayed", None, expects="accept", setup=Setup(posts=2))
def _(d: RequestDraft) -> None:
    """The same request a second time, as the browser's back button sends it."""
    d.relay_state = None


# Wishes -----------------------------------------------------------------------------------------------------------

_values(
    "req-binding-artifact",
    "The answer is wanted by artifact.",
    "request-binding",
    expects="refused-by-idp",
    protocol_binding=names.BINDING_ARTIFACT,
    reference="saml-core §3.2.2.2",
)
_values(
    "req-ispassive",
    "A passive login, and nobody is signed in.",
    "request-passive",
    expects="refused-by-idp",
    is_passive="true",
)
_values("req-forceauthn", "A fresh login is asked for, and is what there always is.", None, expects="accept",
    force_authn="true",
)  # fmt: skip
_values(
    "req-nameidpolicy-persistent",
    "A persistent NameID is asked for and not offered.",
    "request-nameid-policy",
    expects="refused-by-idp",
    name_id_format=names.FORMAT_PERSISTENT,
    reference="saml-core §3.4.1.1",
)
_values(
    "req-nameidpolicy-html",
    "The NameID format that is asked for is HTML.",
    "request-nameid-policy",
    expects="refused-by-idp",
    name_id_format="<script>alert(1)</script>",
    reference="CWE-79",
)
_values(
    "req-authncontext-exact",
    "Exactly a smart card is asked for.",
    "request-authn-context",
    expects="refused-by-idp",
    contexts=(names.AC + "SmartcardPKI",),
    comparison="exact",
    reference="saml-core §3.3.2.2.1",
)
_values(
    "req-authncontext-minimum",
    "At least a password is asked for.",
    None,
    expects="accept",
    contexts=(names.AC_PASSWORD,),
    comparison="minimum",
    reference="saml-core §3.3.2.2.1",
)

# Signatures -------------------------------------------------------------------------------------------------------


@_FAULT("req-unsigned-when-required", "request-signed", setup=_SIGNED, reference="saml-metadata §2.4.3")
def _(d: RequestDraft) -> None:
    """The request is not signed although that is demanded."""
    d.signed_by = None


@_FAULT("req-signed", None, expects="accept", setup=_SIGNED)
def _(d: RequestDraft) -> None:
    """A request signed by redirect, as demanded."""
    d.binding = "HTTP-Redirect"


@_FAULT("req-signed-post", None, expects="accept", setup=_SIGNED)
def _(d: RequestDraft) -> None:
    """A request signed by POST, as demanded."""
    d.binding = "HTTP-POST"


@_FAULT("req-signed-lowercase-escapes", None, expects="accept", setup=_SIGNED, reference="AD FS")
def _(d: RequestDraft) -> None:
    """Percent-escapes in lower case, signed as sent: the octets received count."""
    d.relay_state = "a/b"
    d.escape = lambda text: re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), quote(text, safe=""))


@_FAULT("req-bad-signature", "request-signature", setup=_SIGNED, reference="saml-bindings §3.4.4.1")
def _(d: RequestDraft) -> None:
    """The signature is somebody else's."""
    d.signed_by = "attacker"


@_FAULT("req-bad-signature-post", "request-signature", setup=_SIGNED, kind="A", reference="saml-bindings §3.5.4")
def _(d: RequestDraft) -> None:
    """A signed request by POST was changed afterwards."""
    d.binding = "HTTP-POST"
    d.on_tree.append(lambda root: root.set("ForceAuthn", "true"))


@_FAULT("req-signature-relaystate-changed", "request-signature", setup=_SIGNED, kind="A")
def _(d: RequestDraft) -> None:
    """RelayState was changed after signing."""
    d.relay_state = "one"
    d.on_query.append(lambda query: query.replace("RelayState=one", "RelayState=two"))


@_FAULT("req-signature-sha1", "request-signature-algorithm", setup=_SIGNED, reference="saml2int SDP-ALG01")
def _(d: RequestDraft) -> None:
    """The query is signed with SHA-1."""
    d.signature_algorithm = names.RSA_SHA1


@_FAULT("req-signature-inner", "request-signature", "request-id", setup=_SIGNED, kind="A", reference="XSW")
def _(d: RequestDraft) -> None:
    """A forged request carries the genuine, signed one inside itself, and its signature."""
    d.binding = "HTTP-POST"

    def wrap(root: etree._Element) -> None:
        genuine = copy.deepcopy(root)
        root.set("ID", "_forged")
        root.set("ForceAuthn", "false")
        issuer = root.find(q(SAML, "Issuer"))
        assert issuer is not None
        holder = etree.Element(q(SAMLP, "Extensions"))
        holder.append(genuine)
        root.append(holder)

    d.on_tree.append(wrap)
