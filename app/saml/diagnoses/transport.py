"""Why a message did not survive its way here: cut, repaired, encoded twice, or no SAML Response at all."""

from __future__ import annotations

from functools import partial

from app.saml.checks.registry import CheckResult, Status
from app.saml.diagnoses.registry import Diagnosis, Evidence, row, said
from app.saml.likeness import show

_Row = partial(Diagnosis, stage="transport")
#: What else fails where the input could not be decoded.
_NOTHING_READ = ("group:encoding", "group:xml", "group:structure")
_CUT = ("breaks off", "cut", "ends in the middle", "truncated", "about ", "not closed before")
_DECODED = "The damage shows in the text as it was received."


def _cut_short(evidence: Evidence, result: CheckResult) -> str | None:
    if _percent_encoded_again(evidence):
        return None  # It has another length then, and only looks cut.
    text = result.message.lower()
    return result.message if any(word in text for word in _CUT) else None


def _percent_encoded_again(evidence: Evidence) -> bool:
    found = evidence.results.get("encoding-url-once")
    return found is not None and found.status in (Status.FAIL, Status.WARN) and "twice" in found.message


def _too_large(_: Evidence, result: CheckResult) -> str | None:
    """What is compressed can also be cut, or be followed by something: neither is a matter of size."""
    return result.message if result.id != "encoding-inflate-limit" or "more than" in result.message else None


def _of_the_field(_: Evidence, result: CheckResult) -> str | None:
    """Where there is no base64 at all, it is the form that lacks something."""
    return result.message if result.id == "encoding-param-single" or "is empty" in result.message else None


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
    if doubled or _percent_encoded_again(evidence) or "twice" in result.message or "double" in result.message:
        return "The message is encoded twice: percent-encoding or base64 was applied to text that was encoded already."
    return None


row(
    _Row(
        id="dtd-refused",
        number="D14",
        title="The message contains a DOCTYPE or entities",
        who="idp-admin",
        checks=("xml-no-dtd", "xml-no-entity"),
        cause=(
            "The message contains a document type declaration, which no SAML message needs and attacks are made of. "
            "Nothing in it was expanded or fetched."
        ),
        consequences=_NOTHING_READ,
        fault="xml-doctype-empty",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="suspicious-xml",
        number="D14",
        title="The XML is built to be read in two ways",
        who="sp-admin",
        checks=("xml-relative-namespace", "xml-attribute-pollution", "xml-no-external-ref"),
        cause=said,
        consequences=("group:signature", "group:encryption", "schema-valid", "xml-id-unique"),
        fault="c14n-void-relative-ns",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="message-too-large",
        number="D14",
        title="The message is too large or too deep",
        who="idp-admin",
        checks=(
            "encoding-size-limit",
            "encoding-inflate-limit",
            "xml-depth-limit",
            "xml-node-limit",
            "xml-namespace-limit",
            "signature-prefixlist",
        ),
        cause=_too_large,
        consequences=_NOTHING_READ,
        fault="id-claims-10000",
    )
)
row(
    _Row(
        id="base64-cut-short",
        number="D08",
        title="The message is cut short",
        who="user",
        checks=("encoding-base64-strict", "xml-wellformed", "encoding-inflate-limit"),
        cause=_cut_short,
        consequences=("group:encoding", "group:xml", "group:structure"),
        because=_DECODED,
        fault="xml-truncated",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="plus-became-space",
        number="D09",
        title="Plus signs turned into blanks",
        who="sp-admin",
        checks=("encoding-base64-strict", "encoding-url-once"),
        cause=_plus,
        consequences=_NOTHING_READ,
        warnings=True,
        because=_DECODED,
        fault="tr-b64-plus-as-space",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="encoded-twice",
        number="D11",
        title="The message is encoded twice",
        who="sp-admin",
        checks=("encoding-base64-strict", "encoding-url-once", "encoding-param-single"),
        cause=_twice,
        consequences=_NOTHING_READ,
        warnings=True,
        because=_DECODED,
        fault="tr-b64-double",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="wrong-compression",
        number="D12",
        title="The encoding does not fit the binding",
        who="idp-admin",
        checks=("encoding-binding-match", "encoding-inflate-limit"),
        cause=said,
        consequences=("encoding-redirect-signature", *_NOTHING_READ),
        warnings=True,
        because=_DECODED,
        fault="tr-post-deflated",
    )
)
row(
    _Row(
        id="parameter-duplicated",
        title="The form does not carry one message",
        who="sp-admin",
        checks=("encoding-param-single", "encoding-base64-strict"),
        cause=_of_the_field,
        consequences=_NOTHING_READ,
        because=_DECODED,
        fault="tr-param-duplicate",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="base64-untidy",
        number="D10",
        title="The base64 text is not clean",
        who="idp-admin",
        checks=("encoding-base64-strict",),
        cause=said,
        consequences=_NOTHING_READ,
        because=_DECODED,
        fault="tr-b64-urlsafe",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="base64-wrapped",
        number="D10",
        title="The base64 text is broken into lines",
        who="idp-admin",
        checks=(),
        notes=("encoding-base64-strict",),
        cause=(
            "The base64 is broken into lines or holds blanks. It does no harm here, but strict service providers "
            "refuse it."
        ),
        because=_DECODED,
        fault="tr-b64-lines",
        is_vendor_neutral=True,
    )
)
row(
    _Row(
        id="wrong-charset",
        title="The message is not UTF-8",
        who="idp-admin",
        checks=("encoding-charset",),
        cause=said,
        consequences=_NOTHING_READ,
        because=_DECODED,
        fault="xml-utf16",
        is_vendor_neutral=True,
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
    _Row(
        id="not-a-saml-response",
        number="D13",
        title="This is not a SAML 2.0 Response",
        who="user",
        checks=("structure-response-root", "encoding-input-kind"),
        cause=_other_kind,
        consequences=("group:structure", "group:encoding", "group:xml", "signature-present"),
        because="The outermost element, or the lack of one, shows it.",
        fault="xml-html",
    )
)
row(
    _Row(
        id="not-well-formed",
        number="D37",
        title="The message is not well-formed XML",
        who="idp-admin",
        checks=("xml-wellformed",),
        cause=said,
        consequences=_NOTHING_READ,
        fault="xml-ampersand",
        is_vendor_neutral=True,
    )
)
