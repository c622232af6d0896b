"""Why a message did not survive its way here: cut, repaired, encoded twice, or no SAML Response at all."""

from __future__ import annotations

from app.saml.checks.registry import CheckResult
from app.saml.diagnoses.registry import Diagnosis, Evidence, row, said
from app.saml.likeness import show

_RAW = (
    "Take the message from the browser's developer tools: Network, the POST to the ACS URL, Payload, view source, "
    "the value of SAMLResponse. Do not take it from the address bar, a mail or a screenshot."
)
#: What else fails where the input could not be decoded.
_NOTHING_READ = ("group:encoding", "group:xml", "group:structure")
_CUT = ("breaks off", "cut", "ends in the middle", "truncated", "about ", "not closed before")


def _cut_short(_: Evidence, result: CheckResult) -> str | None:
    text = result.message.lower()
    return result.message if any(word in text for word in _CUT) else None


def _plus(evidence: Evidence, result: CheckResult) -> str | None:
    told = " ".join((result.message, *evidence.case.decoded.repairs))
    if "become a blank" in told or "becomes a blank" in told:
        return (
            "The plus signs of the base64 text became blanks: something decoded the form field twice, or read it raw."
        )
    return None


def _twice(evidence: Evidence, result: CheckResult) -> str | None:
    layers = evidence.case.decoded.layers
    doubled = any(layers.count(one) > 1 for one in ("base64", "percent-encoding"))
    if doubled or "twice" in result.message or "double" in result.message:
        return "The message is encoded twice: percent-encoding or base64 was applied to text that was encoded already."
    return None


row(
    Diagnosis(
        "dtd-refused",
        "The message contains a DOCTYPE or entities",
        "idp-admin",
        ("xml-no-dtd", "xml-no-entity"),
        "The message contains a document type declaration, which no SAML message needs and attacks are made of. "
        "Nothing in it was expanded or fetched.",
        {
            "generic": (
                "Treat it as an attack unless you wrote it yourself. If a proxy or a template adds the "
                "DOCTYPE, remove it there."
            )
        },
        _NOTHING_READ,
    )
)
row(
    Diagnosis(
        "suspicious-xml",
        "The XML is built to be read in two ways",
        "sp-admin",
        ("xml-relative-namespace", "xml-attribute-pollution", "xml-no-external-ref"),
        said,
        {
            "generic": "Do not let anybody in with this message. No identity provider writes such XML; somebody has "
            "made it."
        },
        ("group:signature", "group:encryption", "schema-valid", "xml-id-unique"),
    )
)
row(
    Diagnosis(
        "message-too-large",
        "The message is too large or too deep",
        "idp-admin",
        (
            "encoding-size-limit",
            "encoding-inflate-limit",
            "xml-depth-limit",
            "xml-node-limit",
            "xml-namespace-limit",
            "signature-prefixlist",
        ),
        said,
        {
            "generic": (
                "Send fewer attributes: the three claims and the NameID are enough. Thousands of group values "
                "are the usual reason."
            ),
            "entra": "Attributes & Claims: remove the group claim, or limit it to groups assigned to the application.",
            "okta": "Group Attribute Statements: narrow the filter, or remove the statement.",
        },
        _NOTHING_READ,
    )
)
row(
    Diagnosis(
        "base64-cut-short",
        "The message is cut short",
        "user",
        ("encoding-base64-strict", "xml-wellformed", "encoding-inflate-limit"),
        _cut_short,
        {"generic": f"Copy it again, whole. {_RAW}"},
        ("group:encoding", "group:xml", "group:structure"),
    )
)
row(
    Diagnosis(
        "plus-became-space",
        "Plus signs turned into blanks",
        "sp-admin",
        ("encoding-base64-strict", "encoding-url-once"),
        _plus,
        {"generic": f"Decode the form exactly once at the ACS. For a paste: {_RAW}"},
        _NOTHING_READ,
        warnings=True,
    )
)
row(
    Diagnosis(
        "encoded-twice",
        "The message is encoded twice",
        "sp-admin",
        ("encoding-base64-strict", "encoding-url-once", "encoding-param-single"),
        _twice,
        {
            "generic": (
                "Encode once: base64 for POST; DEFLATE, base64 and percent-encoding for Redirect. Look for a "
                "proxy that encodes again."
            )
        },
        _NOTHING_READ,
        warnings=True,
    )
)
row(
    Diagnosis(
        "wrong-compression",
        "The encoding does not fit the binding",
        "idp-admin",
        ("encoding-binding-match",),
        said,
        {
            "generic": (
                "A Response travels by HTTP-POST as plain base64, without DEFLATE. Compression belongs to "
                "Redirect, which is for requests."
            )
        },
        ("encoding-inflate-limit", "encoding-redirect-signature", *_NOTHING_READ),
        warnings=True,
    )
)
row(
    Diagnosis(
        "parameter-duplicated",
        "The form holds the message more than once",
        "sp-admin",
        ("encoding-param-single",),
        said,
        {
            "generic": (
                "Exactly one SAMLResponse may be posted. A proxy may be doubling it; otherwise treat it as an attack."
            )
        },
        _NOTHING_READ,
    )
)
row(
    Diagnosis(
        "base64-untidy",
        "The base64 text is not clean",
        "idp-admin",
        ("encoding-base64-strict",),
        said,
        {"generic": f"Plain base64 with + and /, padded, and nothing after it. If it was damaged by copying: {_RAW}"},
        _NOTHING_READ,
    )
)
row(
    Diagnosis(
        "wrong-charset",
        "The message is not UTF-8",
        "idp-admin",
        ("encoding-charset",),
        said,
        {"generic": "Send UTF-8. If the text was saved by an editor or a script on the way, take the original bytes."},
        _NOTHING_READ,
    )
)


def _other_kind(evidence: Evidence, result: CheckResult) -> str:
    kind = evidence.case.kind
    return (
        result.message
        if kind == "other"
        else f"This is not a Response but {_KINDS.get(kind, show(kind))}. {result.message}"
    )


_KINDS = {
    "Assertion": "a bare Assertion, taken out of its Response",
    "AuthnRequest": "an AuthnRequest, which goes the other way, from the service provider to the IdP",
    "LogoutRequest": "a LogoutRequest",
    "LogoutResponse": "a LogoutResponse",
    "EntityDescriptor": "metadata, which belongs in Settings",
    "EntitiesDescriptor": "an aggregate of metadata, which belongs in Settings",
}

row(
    Diagnosis(
        "not-a-saml-response",
        "This is not a SAML 2.0 Response",
        "user",
        ("structure-response-root", "encoding-input-kind"),
        _other_kind,
        {
            "generic": f"Paste the value of the form field SAMLResponse. {_RAW}",
            "entra": (
                "If it is WS-Federation, the application was set up for another protocol: choose SAML under "
                "Single sign-on."
            ),
            "adfs": (
                "If it is WS-Federation, the relying party has a WS-Federation endpoint: add a SAML assertion "
                "consumer endpoint."
            ),
        },
        ("group:structure", "group:encoding", "group:xml", "signature-present"),
    )
)
row(
    Diagnosis(
        "not-well-formed",
        "The message is not well-formed XML",
        "idp-admin",
        ("xml-wellformed",),
        said,
        {
            "generic": (
                f"If the IdP writes XML from a text template, escape & and < in every value. If it was copied: {_RAW}"
            )
        },
        _NOTHING_READ,
    )
)
