"""Checks of how the message was encoded on its way: base64, percent-encoding, compression, form fields, charset."""

from __future__ import annotations

from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, note, ok, problem, skipped
from app.saml.reading import what_is_this
from app.saml.request import verify_redirect_signature


def _outcome(case: Case, check_id: str, fine: Outcome) -> Outcome:
    return fine if check_id not in case.filed else case.outcome(check_id, "")


@check(
    "encoding-input-kind",
    "the kind of input is known, and each layer of encoding was taken off once",
    cites="saml-bindings §3.4.4.1, §3.5.4",
    severity=Severity.INFO,
    needs="input",
)
def input_kind(case: Case) -> Outcome | None:
    """A message may arrive as XML, base64, a form, an address or a page. Every layer that was taken off is listed, and
    every liberty that was taken, so that nobody has to guess what was judged."""
    decoded = case.decoded
    if not decoded.data:
        if decoded.problems:
            return note("No message could be taken out of the input; the other encoding checks say why.")
        what = what_is_this(decoded.rest)
        return problem(what, expected="a SAML message", actual="none", severity=Severity.ERROR)
    layers = " → ".join(decoded.layers)
    if decoded.repairs:
        return note(f"Read as {layers}. Repaired: {'; '.join(decoded.repairs)}.", actual=layers)
    return ok(f"Read as {layers}.", actual=layers)


@check(
    "encoding-param-single",
    "the message comes in exactly one form field, spelt as the binding says",
    cites="saml-bindings §3.5.4; CVE-2025-27773",
    needs="input",
)
def param_single(case: Case) -> Outcome | None:
    """Where a form carries SAMLResponse twice, or under a disguised name, one part of a program can verify one value
    and another part use the other. Exactly one field with exactly this name is accepted."""
    fine = (
        ok("The message comes in one field.", actual=case.decoded.param)
        if case.decoded.param
        else not_applicable("The message was not taken from a form or address.")
    )
    return _outcome(case, "encoding-param-single", fine)


@check(
    "encoding-base64-strict",
    "the base64 is complete and clean",
    cites="RFC 4648 §4; saml-bindings §3.5.4",
    diagnose=Severity.WARNING,
    needs="input",
)
def base64_strict(case: Case) -> Outcome | None:
    """Many decoders silently drop characters they do not know, so that two programs read two messages. Line breaks and
    blanks are common and harmless; a lost “+”, the URL alphabet, missing padding or a cut end are not."""
    decoded = case.decoded
    fine = ok("The base64 is clean.")
    if "base64" not in decoded.layers:
        fine = not_applicable("The message was not base64-encoded.")
    elif blanks := [r for r in decoded.repairs if r.endswith("inside base64")]:
        fine = note(f"There are {' and '.join(blanks)}, which is allowed.")
    return _outcome(case, "encoding-base64-strict", fine)


@check(
    "encoding-url-once",
    "the value is percent-encoded once",
    cites="saml-bindings §3.4.4.1",
    severity=Severity.WARNING,
    needs="input",
    fine="Nothing is percent-encoded twice.",
)
def url_once(_case: Case) -> None:
    """A value that is percent-encoded twice reaches the service provider still encoded, and is no base64 there. Logs
    and browsers often show such values; then the message itself may be well."""


@check(
    "encoding-binding-match",
    "the encoding is the one of the binding it came by",
    cites="saml-profiles §4.1.2; saml-bindings §3.4.4.1",
    needs="input",
)
def binding_match(case: Case) -> Outcome | None:
    """HTTP-POST carries plain base64, HTTP-Redirect base64 of raw DEFLATE, and a login Response must not come by
    HTTP-Redirect at all: addresses are logged, cut and kept in histories."""
    binding = case.binding or case.decoded.binding
    fine = ok("The encoding fits the binding.", actual=binding)
    if binding is None:
        fine = not_applicable("The input does not tell which binding it came by.")
    elif binding == "HTTP-Redirect" and case.kind == "Response":
        fine = problem(
            "A Response came in an address (HTTP-Redirect). Logins must use HTTP-POST; set the IdP's response binding "
            "to HTTP-POST.",
            expected="HTTP-POST",
            actual="HTTP-Redirect",
        )
    return _outcome(case, "encoding-binding-match", fine)


@check(
    "encoding-size-limit",
    "the message is not too long",
    cites="CVE-2025-54572; checks.md A.1",
    needs="input",
)
def size_limit(case: Case) -> Outcome | None:
    """Size is looked at before anything is decoded, so that a huge message costs nothing. Real messages become this
    long only when an IdP sends thousands of groups; let it send the assigned ones."""
    return _outcome(
        case, "encoding-size-limit", ok("The size is within the limits.", actual=f"{case.decoded.size:,} bytes")
    )


@check(
    "encoding-inflate-limit",
    "the compressed message unpacks within bounds, completely, and nothing follows it",
    cites="CVE-2023-28119, CVE-2025-25293",
    needs="input",
)
def inflate_limit(case: Case) -> Outcome | None:
    """A few kilobytes of DEFLATE can unpack to gigabytes. Unpacking stops at the limit, and a stream that breaks off or
    has something behind it is refused."""
    fine = (
        ok("The compressed message is complete.")
        if "deflate" in case.decoded.layers
        else not_applicable("Nothing is compressed.")
    )
    return _outcome(case, "encoding-inflate-limit", fine)


@check(
    "encoding-charset",
    "the XML is written in UTF-8",
    cites="XML 1.0 §4.3.3; saml2int SDP-G",
    needs="bytes",
)
def charset(case: Case) -> Outcome | None:
    """Other encodings, UTF-7 and UTF-16 among them, hide a document type declaration from programs that look for one
    in the bytes. SAML messages are UTF-8; a byte order mark is tolerated."""
    fine = ok("The XML is UTF-8.")
    if "byte order mark removed" in case.decoded.repairs:
        fine = note("The XML is UTF-8 and began with a byte order mark, which is not needed.")
    return _outcome(case, "encoding-charset", fine)


@check(
    "encoding-redirect-signature",
    "the signature of the redirect query covers exactly what was received",
    cites="saml-bindings §3.4.4.1",
    needs="input",
)
def redirect_signature(case: Case) -> Outcome | None:
    """A message in an address is signed over the query as it was sent, letter for letter. Decoding and encoding it
    again changes it; so does adding RelayState or changing the order."""
    decoded = case.decoded
    if found := case.found("encoding-redirect-signature"):
        return problem(found.message, expected=found.expected, actual=found.actual)
    if decoded.query is None or (decoded.signature is None and decoded.sig_alg is None):
        return not_applicable("There is no signed redirect query.")
    keys = case.expectation.trusted_keys
    if not keys:
        return skipped("No signing key is configured to verify the query with.")
    found = verify_redirect_signature(decoded.query, tuple(k.certificate for k in keys))
    if found is None:
        return ok("The query's signature is valid.")
    return problem(found.message, expected=found.expected, actual=found.actual)
