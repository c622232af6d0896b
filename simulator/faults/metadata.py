"""Metadata that cannot be used, must not be trusted, or is odd and to be used all the same; and how it is served."""

from __future__ import annotations

import copy
import gzip
from collections.abc import Callable
from datetime import timedelta

from lxml import etree

from simulator import names
from simulator.faults.registry import Expects, Family, Setup, Stage, nothing
from simulator.message import instant
from simulator.metadata import MetadataDraft, Reply
from simulator.names import DS, MD, XSI, q
from simulator.signing import key_value

family = Family("metadata", stage=Stage.METADATA)
_FAULT = family.fault
_FED = "http://docs.oasis-open.org/wsfed/federation/200706"
#: What must not have become possible by loading the metadata.
_CHECKED = Setup(refuses=("sig-none", "sig-tampered-content"))
_FETCHED = Setup(fetched=True)


def _whole(fault_id: str, text: Callable[[MetadataDraft], bytes], summary: str, *checks: str, kind: str = "H") -> None:
    """Another document in place of the metadata."""

    def apply(d: MetadataDraft) -> None:
        d.rewrite(lambda _data: text(d))

    first, *rest = checks
    family.row(fault_id, apply, summary, first, *rest, kind=kind)  # type: ignore[arg-type]  # one of the letters


# The wrong document -----------------------------------------------------------------------------------------------


@_FAULT("md-sp-metadata", "md-idp-role", reference="saml-metadata §2.4.4")
def _(d: MetadataDraft) -> None:
    """The service provider's own metadata comes back to it."""
    role = d.role
    role.tag = q(MD, "SPSSODescriptor")
    role.attrib.pop("WantAuthnRequestsSigned", None)
    for endpoint in role.findall(q(MD, "SingleSignOnService")):
        endpoint.tag = q(MD, "AssertionConsumerService")
        endpoint.set("index", str(role.index(endpoint)))


_whole(
    "md-html-page",
    lambda _d: b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form></form></body></html>",
    "The address of the metadata leads to a login page.",
    "md-root",
)
_whole("md-json", lambda _d: b'{"issuer": "https://idp.example"}', "JSON, as OpenID Connect has it.", "md-root")
_whole("md-empty", lambda _d: b"", "Nothing at all.", "md-root", "xml-wellformed")
_whole(
    "md-xxe",
    lambda d: b'<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + etree.tostring(d.tree),
    "A DTD with an external entity.",
    "xml-no-dtd",
    kind="U",
)
_whole(
    "md-ns-bomb",
    lambda d: etree.tostring(d.tree).replace(
        b" entityID=", b"".join(b' xmlns:n%d="urn:n:%d"' % (n, n) for n in range(5000)) + b" entityID=", 1
    ),
    "Five thousand namespace declarations on the root.",
    "xml-namespace-limit",
    kind="U",
)
_whole(
    "md-10mb",
    lambda d: etree.tostring(d.tree) + b" " * 10_485_760,
    "More than ten mebibytes.",
    "encoding-size-limit",
    kind="U",
)
_whole(
    "md-truncated", lambda d: etree.tostring(d.tree)[:-40], "The end is missing, as after a broken download.",
    "xml-wellformed",
)  # fmt: skip


def _accepted(
    fault_id: str,
    apply: Callable[[MetadataDraft], None],
    summary: str,
    *checks: str,
    setup: Setup | None = None,
    reference: str = "",
    kind: str = "H",
    expects: Expects = "accept",
    alters: bool = True,
) -> None:
    """Odd metadata; a good service provider uses it, and logins work."""
    family.row(
        fault_id,
        apply,
        summary,
        checks[0] if checks else None,
        *checks[1:],
        expects=expects,
        setup=setup,
        reference=reference,
        kind=kind,  # type: ignore[arg-type]  # one of the letters
        alters=alters,
    )


_accepted(
    "md-utf16",
    lambda d: d.rewrite(lambda data: data.replace(b"UTF-8", b"UTF-16", 1).decode().encode("utf-16")),
    "Saved as UTF-16 with a byte order mark.",
)
_accepted("md-bom", lambda d: d.rewrite(lambda data: b"\xef\xbb\xbf" + data), "A byte order mark before the XML.")


# Roles and entities -----------------------------------------------------------------------------------------------


@_FAULT("md-no-idp-role", "md-idp-role", reference="saml-metadata §2.4.3")
def _(d: MetadataDraft) -> None:
    """The entity describes an attribute authority only."""
    d.role.tag = q(MD, "AttributeAuthorityDescriptor")


@_FAULT("md-other-protocol", "md-protocol", reference="saml-metadata §2.4.1")
def _(d: MetadataDraft) -> None:
    """The identity provider's role speaks SAML 1.1 only."""
    d.role.set("protocolSupportEnumeration", "urn:oasis:names:tc:SAML:1.1:protocol")


@_FAULT("md-wsfed-role-first", "md-protocol", expects="accept", setup=Setup(refuses=("crypto-rollover-old-key",)))
def _(d: MetadataDraft) -> None:
    """A WS-Federation role stands first, with another key: that key must not be trusted for SAML."""
    role = etree.Element(q(MD, "RoleDescriptor"), nsmap={"fed": _FED, "xsi": XSI})
    role.set(q(XSI, "type"), "fed:SecurityTokenServiceType")
    role.set("protocolSupportEnumeration", _FED)
    d.tree.insert(0, role)
    d.add_key(d.keys.pair("old"), "signing", role)


def _aggregate(*children: etree._Element) -> etree._Element:
    root = etree.Element(q(MD, "EntitiesDescriptor"), nsmap={"md": MD})
    root.extend(children)
    return root


@_FAULT("md-two-idps", "md-root", reference="saml-metadata §2.3.1")
def _(d: MetadataDraft) -> None:
    """An aggregate with two identity providers: one has to be chosen."""
    other = copy.deepcopy(d.tree)
    other.set("entityID", "https://second-idp.example/")
    d.tree = _aggregate(d.tree, other)


@_FAULT("md-nested-entities", "md-root", expects="accept", reference="saml-metadata §2.3.1")
def _(d: MetadataDraft) -> None:
    """An aggregate in an aggregate, with one identity provider inside."""
    d.tree = _aggregate(_aggregate(d.tree))


@_FAULT("md-entityid-missing", "md-entityid", reference="saml-metadata §2.3.2")
def _(d: MetadataDraft) -> None:
    """The entity has no entityID."""
    del d.tree.attrib["entityID"]


_accepted(
    "md-entityid-blank",
    lambda d: d.tree.set("entityID", (d.tree.get("entityID") or "") + "\u00a0"),
    "A non-breaking space after the entityID, as copied from a web page.",
    "md-entityid",
)


@_FAULT("md-entityid-changed", "md-change-review", "issuer-match", "issuer-expected", reference="NIST SP 800-63C §3.2")
def _(d: MetadataDraft) -> None:
    """The entityID is another one than before: logins of the old one are refused from then on."""
    d.tree.set("entityID", "https://renamed-idp.example/")


@_FAULT("md-entityid-taken", "md-unique-org", setup=Setup(entity_id_taken=True), reference="CVE-2023-41890")
def _(d: MetadataDraft) -> None:
    """Another account already trusts an identity provider of this entityID for the same Identifier."""
    d.tree.set("entityID", TAKEN)


#: The entity ID that another account has, where a trial arranges `entity_id_taken`.
TAKEN = "https://taken-idp.example/"


# Keys -------------------------------------------------------------------------------------------------------------


@_FAULT("md-no-use-key", None, expects="accept", setup=_CHECKED, reference="CVE-2026-16443")
def _(d: MetadataDraft) -> None:
    """The key has no use: it serves for signing, and signatures go on being checked."""
    for descriptor in d.role.findall(q(MD, "KeyDescriptor")):
        descriptor.attrib.pop("use", None)


@_FAULT("md-encryption-only", "md-signing-key")
def _(d: MetadataDraft) -> None:
    """There is a key for encryption and none for signing."""
    for descriptor in d.role.findall(q(MD, "KeyDescriptor")):
        descriptor.set("use", "encryption")


@_FAULT("md-no-key", "md-signing-key")
def _(d: MetadataDraft) -> None:
    """There is no KeyDescriptor."""
    d.drop("KeyDescriptor")


@_FAULT("md-two-signing-keys", "md-keys-many", expects="accept", setup=_CHECKED, reference="fedinterop IIP-MD07")
def _(d: MetadataDraft) -> None:
    """Two signing keys, as before a change of keys: both have to be kept."""
    d.add_key(d.keys.pair("next"))


@_FAULT("md-keyvalue-only", "md-signing-key", "md-keyinfo-kind", reference="saml2int SDP-MD05")
def _(d: MetadataDraft) -> None:
    """The key is given as a KeyValue without a certificate."""
    d.drop("KeyDescriptor")
    info = d.add_key(d.keys.pair(d.tenant.signing_key))
    for child in list(info):
        info.remove(child)
    info.append(key_value(d.keys.pair(d.tenant.signing_key).key.public_key()))


@_FAULT("md-keyvalue-beside", "md-keyinfo-kind", expects="accept", reference="saml2int SDP-MD05")
def _(d: MetadataDraft) -> None:
    """Beside the certificate a second key is given as a KeyValue only, which is told and not used."""
    info = d.add_key(d.keys.pair("old"))
    for child in list(info):
        info.remove(child)
    info.append(key_value(d.keys.pair("old").key.public_key()))


def _certificate(fault_id: str, change: Callable[[str], str], summary: str, *checks: str, expects: Expects) -> None:
    def apply(d: MetadataDraft) -> None:
        for element in d.role.iter(q(DS, "X509Certificate")):
            element.text = change(element.text or "")

    first = checks[0] if checks else None
    family.row(fault_id, apply, summary, first, *checks[1:], expects=expects, reference="saml2int SDP-MD05")


_certificate(
    "md-bad-base64-cert",
    lambda t: "*" + t[1:-8],
    "The certificate is no base64.",
    "md-signing-key",
    "md-keyinfo-kind",
    expects="reject",
)
_certificate(
    "md-pem-armour",
    lambda t: f"-----BEGIN CERTIFICATE-----\n{t}\n-----END CERTIFICATE-----",
    "The certificate has its PEM armour around it.",
    expects="accept",
)
_certificate(
    "md-cert-blanks",
    lambda t: "\n\t" + "\r\n\t ".join(t[n : n + 64] for n in range(0, len(t), 64)) + "\n",
    "Blanks, tabs and carriage returns inside the certificate.",
    expects="accept",
)


@_FAULT("md-weak-key", "md-key-quality", expects="accept", reference="saml2int SDP-MD06")
def _(d: MetadataDraft) -> None:
    """Beside the good key there is one of 1024 bits: worth a warning."""
    d.add_key(d.keys.pair("rsa-1024"))


@_FAULT("md-expired-cert", "md-key-quality", expects="accept", setup=_CHECKED, reference="fedinterop IIP-MD12")
def _(d: MetadataDraft) -> None:
    """The certificate expired yesterday; its key still counts."""
    d.drop("KeyDescriptor")
    d.add_key(d.keys.pair(d.tenant.signing_key, "expired"))


@_FAULT("md-key-swapped", "md-change-review", "signature-key-trusted", kind="U", reference="NIST SP 800-63C §3.2")
def _(d: MetadataDraft) -> None:
    """The same entityID with another key: whoever slips it in decides who may log in."""
    d.drop("KeyDescriptor")
    d.add_key(d.keys.pair("attacker"))


_accepted(
    "md-test-idp",
    nothing,
    "The metadata of a test identity provider, whose key everybody with the program has.",
    "md-key-quality",
    reference="Golden SAML",
    alters=False,
)


# Endpoints --------------------------------------------------------------------------------------------------------

_accepted(
    "md-http-endpoint",
    lambda d: d.locate("http://idp.corp.example/sso"),
    "The login address is not encrypted.",
    "md-endpoint-scheme",
    reference="saml-bindings §3.1.1",
)


@_FAULT("md-javascript-endpoint", "md-endpoint-scheme", kind="U", reference="GHSA-267v-3v32-g6q5")
def _(d: MetadataDraft) -> None:
    """The login address is a script."""
    d.locate("javascript:alert(document.domain)")


_accepted(
    "md-userinfo-endpoint",
    lambda d: d.locate("https://imagekit.io@evil.example/sso"),
    "A user name that looks like a host stands before the real host.",
    "md-endpoint-host",
    kind="U",
    reference="RFC 3986 §7.6",
)


@_FAULT("md-no-redirect-or-post", "md-sso-endpoint", reference="fedinterop IIP-SSO02")
def _(d: MetadataDraft) -> None:
    """Logins can begin by SOAP only."""
    for element in d.role.findall(q(MD, "SingleSignOnService")):
        element.set("Binding", "urn:oasis:names:tc:SAML:2.0:bindings:SOAP")


@_FAULT("md-no-endpoint", "md-sso-endpoint", reference="saml-metadata §2.4.3")
def _(d: MetadataDraft) -> None:
    """There is no SingleSignOnService, as in metadata of a PingFederate that was exported too early."""
    d.drop("SingleSignOnService")


@_FAULT("md-duplicate-index", None, expects="accept", reference="saml-metadata §2.2.3")
def _(d: MetadataDraft) -> None:
    """Two artifact services have the same index, which concerns no login by POST."""
    at = len(d.role.findall(q(MD, "KeyDescriptor")))
    for n in range(2):
        service = etree.Element(q(MD, "ArtifactResolutionService"), index="0", Location=f"{d.base_url}/artifact{n}")
        service.set("Binding", "urn:oasis:names:tc:SAML:2.0:bindings:SOAP")
        d.role.insert(at, service)


# Validity, signature, wishes --------------------------------------------------------------------------------------


@_FAULT("md-expired-validuntil", "md-valid-until", reference="saml-metadata §2.3.2")
def _(d: MetadataDraft) -> None:
    """The metadata was valid until yesterday."""
    d.tree.set("validUntil", instant(d.now - timedelta(days=1)))


@_FAULT("md-validuntil-words", "md-valid-until", reference="saml-metadata §2.3.2")
def _(d: MetadataDraft) -> None:
    """validUntil is no date."""
    d.tree.set("validUntil", "next spring")


_accepted(
    "md-no-validuntil",
    lambda d: etree.strip_attributes(d.tree, "validUntil"),
    "No end of validity.",
    "md-valid-until",
    reference="saml2int SDP-MD03",
)
_accepted(
    "md-cacheduration-zero",
    lambda d: d.tree.set("cacheDuration", "PT0S"),
    "It asks never to be kept.",
    "md-cache-duration",
    reference="saml-metadata §2.3.2",
)


@_FAULT(
    "md-signed-tampered",
    "md-signature",
    "md-cache-duration",
    expects="accept",
    setup=_CHECKED,
    reference="saml-metadata §3",
)
def _(d: MetadataDraft) -> None:
    """The metadata is signed and was changed afterwards. A signature whose key is inside proves nothing either way."""
    d.sign()
    d.tree.set("cacheDuration", "PT6H")


@_FAULT(
    "md-signed-embedded-key",
    "md-change-review",
    "signature-key-trusted",
    kind="U",
    reference="saml2int SDP-MD02",
)
def _(d: MetadataDraft) -> None:
    """Somebody else's key, in metadata that this very key has signed."""
    d.drop("KeyDescriptor")
    d.add_key(d.keys.pair("attacker"))
    d.sign("attacker")


_accepted(
    "md-wants-signed-requests",
    lambda d: d.role.set("WantAuthnRequestsSigned", "true"),
    "The identity provider wants signed requests.",
    "md-want-authnrequests-signed",
    reference="saml-metadata §2.4.3",
)


@_FAULT("md-no-email-format", "md-nameid-formats", expects="accept", reference="saml-metadata §2.4.3")
def _(d: MetadataDraft) -> None:
    """E-mail addresses are not among the NameID formats."""
    d.drop("NameIDFormat")
    first = d.role.find(q(MD, "SingleSignOnService"))
    assert first is not None
    persistent = etree.Element(q(MD, "NameIDFormat"))
    persistent.text = names.FORMAT_PERSISTENT
    first.addprevious(persistent)


# Served wrongly ---------------------------------------------------------------------------------------------------


def _served(fault_id: str, summary: str, check: str, reply: Callable[[MetadataDraft], Reply], reference: str) -> None:
    def apply(d: MetadataDraft) -> None:
        d.reply = reply(d)

    family.row(fault_id, apply, summary, check, setup=_FETCHED, reference=reference, kind="U")


_served(
    "md-redirect-loop",
    "The address of the metadata redirects to itself for ever.",
    "http-timeout",
    lambda d: Reply(status=302, headers=(("location", f"{d.base_url}/metadata"),)),
    "RFC 9110 §15.4",
)
_served(
    "md-http-downgrade",
    "The address of the metadata redirects to one that is not encrypted, on another host.",
    "http-host",
    lambda d: Reply(status=302, headers=(("location", "http://idp.corp.example/metadata"),)),
    "RFC 9110 §15.4",
)
_served(
    "md-slow",
    "The server begins to answer and never ends.",
    "http-timeout",
    lambda d: Reply(stalls=True),
    "slowloris",
)


@_FAULT("md-gzip-bomb", "http-size", setup=_FETCHED, kind="U", reference="CWE-409")
def _(d: MetadataDraft) -> None:
    """Compressed on the way, and sixty-four mebibytes long."""
    d.rewrite(lambda data: gzip.compress(data + b" " * (64 << 20), 1, mtime=0))
    d.reply = Reply(headers=(("content-encoding", "gzip"),))
