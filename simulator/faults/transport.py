"""Good messages in wrong wrappings: base64, DEFLATE, form fields, query strings, RelayState."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from urllib.parse import quote, urlencode

from simulator import names
from simulator.draft import Draft
from simulator.faults.registry import Expects, Family, Setup, Stage, nothing
from simulator.signing import raw_sign

transport = Family("transport", stage=Stage.WIRE)
_FAULT = transport.fault


def _base64(
    fault_id: str, change: Callable[[str], str], summary: str, *checks: str, expects: Expects = "reject"
) -> None:
    def apply(d: Draft) -> None:
        d.set_field("SAMLResponse", change(d.encoded))

    first: str | None = checks[0] if checks else None
    transport.row(fault_id, apply, summary, first, *checks[1:], expects=expects, reference="saml-bindings §3.5.4")


def _lines(text: str, width: int, end: str) -> str:
    return end.join(text[n : n + width] for n in range(0, len(text), width))


_STRICT = "encoding-base64-strict"
_base64(
    "tr-b64-lines",
    lambda t: _lines(t, 76, "\r\n"),
    "Line breaks every 76 characters, as MIME writes them.",
    expects="accept",
)
_base64("tr-b64-whitespace", lambda t: _lines(t, 64, " \n"), "Spaces and line feeds inside.", expects="accept")


def _with_plus(d: Draft) -> str:
    """The encoded message, with a plus sign in it: where it has none, a comment after the document brings one."""
    text = base64.b64encode(d.xml).decode()
    return text if "+" in text else base64.b64encode(d.xml + b"<!--x>>>>-->").decode()


def _urlsafe(d: Draft) -> None:
    d.set_field("SAMLResponse", _with_plus(d).replace("+", "-").replace("/", "_"))


transport.row("tr-b64-urlsafe", _urlsafe, "The URL-safe alphabet of base64.", _STRICT, reference="RFC 4648 §5")
_base64("tr-b64-badchars", lambda t: t[:40] + "*?" + t[40:], "Characters that base64 does not have.", _STRICT)
_base64(
    "tr-b64-double",
    lambda t: base64.b64encode(t.encode()).decode(),
    "base64 twice.",
    _STRICT,
    "encoding-binding-match",
    "xml-wellformed",
)


def _missing_padding(d: Draft) -> None:
    xml = d.xml
    while len(xml) % 3 == 0:
        xml += b"\n"
    d.set_field("SAMLResponse", base64.b64encode(xml).decode().rstrip("="))


transport.row(
    "tr-b64-missing-padding", _missing_padding, "The padding = is missing.", _STRICT, reference="RFC 4648 §3.2"
)


def _plus_as_space(d: Draft) -> None:
    rest = urlencode([(n, v) for n, v in d.form if n != "SAMLResponse"]).encode()
    d.body = b"SAMLResponse=" + quote(_with_plus(d), safe="+").encode() + (b"&" + rest if rest else b"")


transport.row(
    "tr-b64-plus-as-space",
    _plus_as_space,
    "The plus signs were not escaped, so they arrive as spaces.",
    _STRICT,
    "xml-wellformed",
    "signature-digest",
)
_base64("tr-b64-trailing", lambda t: t + "====AAAA", "Something follows the padding.", _STRICT)
_base64(
    "tr-b64-empty",
    lambda t: "",
    "The field is empty.",
    "encoding-param-single",
    _STRICT,
    "xml-wellformed",
    "encoding-input-kind",
)
_base64("tr-url-twice", lambda t: quote(t, safe=""), "Percent-encoded twice.", "encoding-url-once", _STRICT)


def deflate(data: bytes) -> bytes:
    """Raw DEFLATE as the redirect binding has it (saml-bindings §3.4.4.1)."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush()


@_FAULT("tr-post-deflated", "encoding-binding-match", reference="saml-bindings §3.5.4")
def _(d: Draft) -> None:
    """Deflated before base64, although sent by POST."""
    d.set_field("SAMLResponse", base64.b64encode(deflate(d.xml)).decode())


def _redirect(fault_id: str, wrap: Callable[[bytes], bytes], summary: str, *checks: str) -> None:
    def apply(d: Draft) -> None:
        d.method = "GET"
        fields = [("SAMLResponse", base64.b64encode(wrap(d.xml)).decode())]
        if d.relay_state is not None:
            fields.append(("RelayState", d.relay_state))
        d.query = urlencode(fields)

    first, *rest = (*checks, "encoding-binding-match")
    transport.row(fault_id, apply, summary, first, *rest, reference="saml-profiles §4.1.2")


def _gzip(data: bytes) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    return compressor.compress(data) + compressor.flush()


_redirect("tr-redirect-response", deflate, "A response in a query string, which the profile forbids.")
_INFLATE = "encoding-inflate-limit"
_redirect("tr-redirect-zlib-header", zlib.compress, "The same with a zlib header.", _INFLATE)
_redirect("tr-redirect-gzip", _gzip, "The same as gzip.", _INFLATE)
_redirect("tr-redirect-trailing-junk", lambda x: deflate(x) + b"junk", "Octets follow the end of the stream.", _INFLATE)
_redirect("tr-redirect-truncated", lambda x: deflate(x)[:-20], "The stream ends too early.", _INFLATE)


@_FAULT(
    "tr-deflate-bomb",
    _INFLATE,
    "encoding-size-limit",
    "encoding-binding-match",
    kind="U",
    reference="CVE-2023-28119, CVE-2025-25293",
)
def _(d: Draft) -> None:
    """A stream of 200 KB that inflates to 200 MiB of zeros."""
    # A block after a full flush refers to nothing before it, so one that was compressed once can stand there 200 times.
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = compressor.compress(bytes(1 << 20)) + compressor.flush(zlib.Z_FULL_FLUSH)
    data = block * 200 + compressor.flush()
    d.set_field("SAMLResponse", base64.b64encode(data).decode())


# Parameters -------------------------------------------------------------------------------------------------------


def _parameters(fault_id: str, make: Callable[[Draft], list[tuple[str, str]]], summary: str) -> None:
    def apply(d: Draft) -> None:
        d.body = urlencode(make(d)).encode()

    transport.row(
        fault_id,
        apply,
        summary,
        "encoding-param-single",
        kind="A",
        reference="CVE-2025-27773, CVE-2026-117691",
    )


def _evil_field(d: Draft) -> str:
    """The message with the victim's identity, unsigned in effect: its digest no longer fits."""
    text = (d.spec.name_ids[0].value if d.spec.name_ids else "").encode()
    return base64.b64encode(d.xml.replace(text, d.victim.encode())).decode()


_parameters(
    "tr-param-duplicate",
    lambda d: [("SAMLResponse", d.encoded), ("SAMLResponse", _evil_field(d))],
    "SAMLResponse twice: one is verified, the other read.",
)
_parameters(
    "tr-param-array-name",
    lambda d: [("SAMLResponse", d.encoded), ("SAMLResponse[]", _evil_field(d))],
    "A second one under SAMLResponse[], which PHP takes for the same name.",
)
_parameters(
    "tr-param-both-request-response",
    lambda d: [("SAMLResponse", d.encoded), ("SAMLRequest", _evil_field(d))],
    "SAMLResponse and SAMLRequest together.",
)
_parameters(
    "tr-param-relaystate-twice",
    lambda d: [("SAMLResponse", d.encoded), ("RelayState", "/a"), ("RelayState", "https://evil.example/")],
    "RelayState twice.",
)


@_FAULT("tr-param-percent-name", "encoding-param-single", kind="A", reference="CVE-2026-117691")
def _(d: Draft) -> None:
    """A second SAMLResponse whose name is percent-encoded."""
    d.body = (
        urlencode([("SAMLResponse", d.encoded)]).encode()
        + b"&%53AMLResponse="
        + quote(_evil_field(d), safe="").encode()
    )


# Signed query strings ---------------------------------------------------------------------------------------------


def _query_signature(
    fault_id: str,
    summary: str,
    *,
    algorithm: str | None = names.RSA_SHA256,
    hash_name: str = "sha256",
    signed: Callable[[list[str]], str] = "&".join,
    sent: Callable[[list[str]], list[str]] = lambda parts: parts,
) -> None:
    """A response by redirect with a query signature: `signed` joins what is signed, `sent` changes what is sent."""

    def apply(d: Draft) -> None:
        parts = ["SAMLResponse=" + quote(base64.b64encode(deflate(d.xml)).decode(), safe="")]
        parts.append("RelayState=" + quote(d.relay_state or "/", safe=""))
        if algorithm is not None:
            parts.append("SigAlg=" + quote(algorithm, safe=""))
        value = raw_sign(signed(parts).encode(), d.key().key, hash_name)
        d.method = "GET"
        d.query = "&".join([*sent(parts), "Signature=" + quote(base64.b64encode(value).decode(), safe="")])

    transport.row(
        fault_id,
        apply,
        summary,
        "encoding-redirect-signature",
        "encoding-binding-match",
        reference="saml-bindings §3.4.4.1",
    )


_query_signature(
    "tr-redirect-sig-order",
    "The signature covers the parameters in another order.",
    signed=lambda p: "&".join(reversed(p)),
)
_query_signature(
    "tr-redirect-reencoded",
    "The query was re-encoded after signing.",
    sent=lambda p: [s.replace("%2F", "/") for s in p],
)
_query_signature("tr-redirect-missing-sigalg", "A signature without SigAlg.", algorithm=None)
_query_signature("tr-redirect-sha1", "The query is signed with SHA-1.", algorithm=names.RSA_SHA1, hash_name="sha1")
_query_signature(
    "tr-redirect-relaystate-added", "RelayState was added after signing.", signed=lambda p: "&".join([p[0], *p[2:]])
)
_query_signature(
    "tr-redirect-lowercase-escapes",
    "Escapes in lower case, signed in upper case: only the octets received count.",
    sent=lambda p: [
        s.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d").replace("%3A", "%3a") for s in p
    ],
)


# RelayState -------------------------------------------------------------------------------------------------------


def _relay(fault_id: str, value: str, summary: str, *checks: str, expects: Expects = "reject") -> None:
    first, *rest = checks or ("relaystate-allowlist", "relaystate-scheme")
    transport.row(
        fault_id,
        lambda d: d.set_field("RelayState", value),
        summary,
        first,
        *rest,
        expects=expects,
        reference="open redirect",
    )


@_FAULT("tr-relaystate-81", "relaystate-length", expects="accept", reference="saml-bindings §3.5.3")
def _(d: Draft) -> None:
    """One byte more than the binding allows: worth a warning."""
    base = (d.application.relay_state or d.application.acs_url).split("?")[0] + "?x="
    d.set_field("RelayState", base + "a" * (81 - len(base.encode())))


_relay("tr-relaystate-url-evil", "https://imagekit.io.evil.example/", "The allowed host is only the beginning.")
_relay("tr-relaystate-userinfo", "https://imagekit.io@evil.example/", "The allowed host is a user name.")
_relay("tr-relaystate-backslash", "/\\evil.example/", "A backslash that browsers take for a slash.")
_relay("tr-relaystate-scheme-relative", "//evil.example/", "An address without a scheme.")
_relay(
    "tr-relaystate-encoded-slashes",
    "/%2f%2fevil.example/",
    "Encoded slashes.",
    "relaystate-allowlist",
    "relaystate-scheme",
)
_relay("tr-relaystate-idn", "https://imag\u0435kit.io/", "A look-alike host.")
_relay("tr-relaystate-html", '"><script>alert(1)</script>', "HTML, to be shown as text.")
_relay(
    "tr-relaystate-javascript",
    "javascript:alert(document.domain)",
    "A script as address.",
    "relaystate-scheme",
    "relaystate-allowlist",
)
_relay(
    "tr-relaystate-data",
    "data:text/html,<script>alert(1)</script>",
    "A document as address.",
    "relaystate-scheme",
    "relaystate-allowlist",
)
_relay(
    "tr-relaystate-crlf",
    "/dashboard\r\nSet-Cookie: x=y",
    "A line break that would forge a header.",
    "relaystate-no-crlf",
    "relaystate-allowlist",
)
_relay("tr-relaystate-null", "/dashboard\x00.evil", "A NUL character.", "relaystate-no-crlf", "relaystate-allowlist")

transport.row(
    "tr-relaystate-changed",
    lambda d: d.set_field("RelayState", (d.application.relay_state or d.application.acs_url) + "/other"),
    "The request sent one RelayState, the answer brings another: worth a warning.",
    "relaystate-echo",
    expects="accept",
    setup=Setup(flow="sp_initiated", registered_as="developer"),
)


@_FAULT("tr-relaystate-none", None, expects="accept")
def _(d: Draft) -> None:
    """No RelayState: the login lands on the default page."""
    d.set_field("RelayState", None)


transport.row(
    "tr-double-post",
    nothing,
    "The same form is submitted twice in a row, as by an impatient double click.",
    "replay-assertion-id",
    setup=Setup(posts=2),
    reference="double submit",
    alters=False,
)
transport.row(
    "tr-parallel-post",
    nothing,
    "The same form arrives eight times at once: exactly one may win.",
    "replay-assertion-id",
    setup=Setup(posts=8, parallel=True),
    reference="race",
    alters=False,
)


@_FAULT("tr-huge-body", "encoding-size-limit", kind="U", reference="CVE-2025-54572")
def _(d: Draft) -> None:
    """A field of two mebibytes."""
    d.set_field("SAMLResponse", base64.b64encode(d.xml + b" " * (1_600_000 - len(d.xml))).decode())
