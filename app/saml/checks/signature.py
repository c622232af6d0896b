"""Checks of signatures: where they stand, what they cover, whose they are. The computing is app.saml.signature's."""

from __future__ import annotations

from app.saml.certificates import fingerprint, short
from app.saml.checks.header import is_from_sp
from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, note, ok, problem, skipped
from app.saml.signature import SignatureFinding

_POLICY_WORDS = {
    "either": "the Response or the Assertion",
    "assertion": "the Assertion",
    "response": "the Response",
    "both": "the Response and the Assertion",
}
_WANTED_PARTS = {
    "either": frozenset[str](),
    "assertion": frozenset({"Assertion"}),
    "response": frozenset({"Response"}),
    "both": frozenset({"Assertion", "Response"}),
}


def in_place(case: Case) -> tuple[SignatureFinding, ...]:
    """The signatures that stand directly in the Response or in its Assertion."""
    return tuple([f for f in case.signatures if f.in_place])


def _unconfigured(case: Case) -> str:
    if case.is_other_kind and case.document is not None and is_from_sp(case.document.root, case.expectation):
        return "No certificate of the service provider is configured to judge this by."
    return "No identity provider is configured to judge this by."


def _computed(case: Case, check_id: str, fine: str) -> Outcome:
    """The outcome of a computation: skipped where the structure of a signature forbade it."""
    if case.found(check_id) is not None:
        return case.outcome(check_id, fine)
    if [f for f in case.signatures if f.digest_ok is None]:
        return skipped("The structure of a signature is refused, so it was not computed.")
    return ok(fine)


@check("signature-present", "something signs the Assertion", cites="saml-profiles §4.1.4.5 (E26)", needs="document")
def signature_present(case: Case) -> Outcome:
    """Without a signature anybody can write a Response with any name in it. Usual cause: "sign assertion" is switched
    off at the IdP, or somebody removed the signature."""
    found = in_place(case)
    if case.kind not in ("Response", "Assertion"):
        return not_applicable("This is neither a Response nor an Assertion.")
    status = case.response.status if case.response else None
    if case.assertion is None and status and status.codes and not (status.codes[0] or ":Success").endswith(":Success"):
        return not_applicable("The IdP refused, so there is no assertion.")
    if not found and case.assertion is None and case.decryption is not None:
        return skipped("The encrypted assertion could not be opened, so it is not known whether it is signed.")
    if found:
        return ok(f"Signed: {' and '.join([f.covers for f in found])}.")
    expected = "a ds:Signature in the Response or in the Assertion"
    if case.signatures:
        where = case.signatures[0].at
        return problem(
            "There is a signature, but neither in the Response nor in its Assertion, so it says nothing about this "
            "login.",
            expected=expected,
            actual=where.path,
            at=where,
        )
    at = case.assertion.at if case.assertion else None
    return problem(
        "Neither the Response nor the Assertion is signed, so anybody could have written this message. Switch signing "
        "on at the IdP.",
        expected=expected,
        actual="no signature",
        at=at,
    )


@check(
    "signature-policy",
    "the part that our policy wants signed is signed",
    cites="saml-metadata §2.4.4 (WantAssertionsSigned); saml2int SDP-IDP09",
    diagnose=Severity.WARNING,
)
def signature_policy(case: Case) -> Outcome | None:
    """IdPs can sign the Response, the Assertion or both, and service providers may insist on one of them. Entra, for
    instance, signs the Assertion alone unless told otherwise."""
    signed = {f.covers for f in in_place(case)}
    if not signed:
        return not_applicable("Nothing is signed; see signature-present.")
    wanted = case.expectation.policy.signed_part
    actual = " and ".join(sorted(signed))
    if not signed.issuperset(_WANTED_PARTS[wanted]):
        return problem(
            f"The policy wants {_POLICY_WORDS[wanted]} signed; only the {actual} is. Change what the IdP signs, or the "
            "policy.",
            expected=_POLICY_WORDS[wanted],
            actual=actual,
        )
    return ok(f"Signed is the {actual}; the policy wants {_POLICY_WORDS[wanted]}.", actual=actual)


@check(
    "signature-all-verified",
    "every signature in the message verifies, not just one",
    cites="saml-profiles §4.1.4.3",
    needs="signature",
)
def signature_all_verified(case: Case) -> Outcome:
    """A bad signature inside a good one means that somebody changed a part before the whole was signed. Libraries that
    look at the first signature only do not notice."""
    if not case.expectation.configured:
        return skipped(_unconfigured(case))
    bad = [f for f in case.signatures if f.status != "valid"]
    if bad:
        first = bad[0]
        return problem(
            f"The signature of the {first.covers} is not valid: {first.message}",
            expected=f"{len(case.signatures)} valid",
            actual=f"{len(case.signatures) - len(bad)} valid",
            at=first.at,
        )
    return ok("; ".join([f"{f.covers}: {f.message}" for f in case.signatures]), actual=f"{len(case.signatures)} valid")


@check(
    "signature-position",
    "signatures stand only in the Response or in its Assertion",
    cites="saml-core §5.4",
    needs="signature",
)
def signature_position(case: Case) -> Outcome:
    """A signature anywhere else is how wrapping attacks (XSW) carry a genuine signed element along beside a forged
    one."""
    paths = ", ".join([f.at.path for f in case.signatures[:3]])
    return case.outcome("signature-position", f"Found at {paths}.")


@check(
    "signature-single",
    "no element has two signatures",
    cites="xmldsig-core §4.2; SAML schema",
    needs="signature",
    fine="Each signed element has one signature.",
)
def signature_single(_case: Case) -> None:
    """With two signatures in one element, one library verifies the first and another the last."""


@check(
    "signature-structure",
    "a signature has one SignedInfo, one SignatureValue and nothing surplus",
    cites="xmldsig-core §4.2; CVE-2025-29774",
    needs="signature",
    fine="SignedInfo, SignatureValue and KeyInfo are as they must be.",
)
def signature_structure(_case: Case) -> None:
    """A second SignedInfo or a stray element lets one part be verified and another be read. Never seen from a healthy
    IdP."""


@check(
    "signature-no-object",
    "a signature carries no ds:Object",
    cites="saml-core E91",
    needs="signature",
    fine="There is no ds:Object and no Manifest.",
)
def signature_no_object(_case: Case) -> None:
    """Objects and Manifests inside a signature can hold a whole genuine message, which XSW8 uses."""


@check(
    "signature-reference-count",
    "a signature has exactly one Reference",
    cites="saml-core §5.4.2",
    needs="signature",
    fine="Exactly one reference.",
)
def signature_reference_count(_case: Case) -> None:
    """Counted before any crypto: a thousand references cost a thousand digests, and a second one can cover a forged
    element."""


@check(
    "signature-reference-uri",
    "a signature names the ID of the element it stands in",
    cites="saml-core §5.4.2",
    needs="signature",
)
def signature_reference_uri(case: Case) -> Outcome:
    """If the reference names another element, what surrounds the signature is not signed by it. External addresses and
    XPointer expressions are never followed."""
    named = ", ".join([f"#{f.id}" for f in case.signatures])
    return case.outcome("signature-reference-uri", f"The reference names the element it stands in: {named[:200]}.")


@check(
    "signature-reference-target",
    "the ID that is signed belongs to one element only",
    cites="saml-core §5.4.2; CVE-2026-63182",
    needs="signature",
    fine="Exactly one element answers to it.",
)
def signature_reference_target(_case: Case) -> None:
    """Where two elements share an ID, one library verifies the first and another reads the second."""


@check(
    "signature-transforms",
    "only enveloped-signature and exclusive canonicalisation are applied",
    cites="saml-core §5.4.4",
    needs="signature",
    fine="Enveloped-signature, then canonicalisation.",
)
def signature_transforms(_case: Case) -> None:
    """Other transforms can cut parts of the message out of the signature, run programs or fetch files; some libraries
    skip the ones they do not know without a word."""


@check(
    "signature-c14n",
    "SignedInfo is canonicalised by the exclusive method",
    cites="saml-core §5.4.3",
    diagnose=Severity.WARNING,
    needs="signature",
    fine="Exclusive canonicalisation.",
)
def signature_c14n(_case: Case) -> None:
    """Inclusive canonicalisation makes a signature break as soon as the element is put into another envelope. Old
    stacks still use it."""


@check(
    "signature-prefixlist",
    "the list of inclusive namespace prefixes is short and valid",
    cites="xml-exc-c14n §3",
    needs="signature",
    fine="No prefix list, or one within bounds.",
)
def signature_prefixlist(_case: Case) -> None:
    """A long list makes canonicalisation so expensive that one message can keep a server busy for seconds."""


@check(
    "signature-no-comments",
    "there is no comment or processing instruction inside a signature",
    cites="CVE-2025-29775",
    needs="signature",
    fine="None.",
)
def signature_no_comments(_case: Case) -> None:
    """A comment inside DigestValue once let one library compare the digest with the part before it."""


@check("signature-digest", "the signed content is unchanged", cites="xmldsig-core §3.2.1", needs="signature")
def signature_digest(case: Case) -> Outcome:
    """The digest of the signed element is computed again and compared. It differs after any edit, also after
    pretty-printing, a change of line ends or a proxy that writes the XML anew."""
    digests = ", ".join(sorted({f.digest or "?" for f in case.signatures}))
    return _computed(case, "signature-digest", f"The {digests} digest is the one that the signature states.")


@check("signature-value", "the signature value fits a key", cites="xmldsig-core §3.2.2", needs="signature")
def signature_value(case: Case) -> Outcome:
    """The value is verified over the canonical SignedInfo with every configured key. It fails when SignedInfo was
    altered, when the value was damaged, or when another key signed."""
    if case.found("signature-value") is None:
        if [f for f in case.signatures if f.value_ok is False]:
            return skipped("The key is not known or not of the right kind, so the value cannot be judged.")
        if [f for f in case.signatures if f.value_ok is None and f.digest_ok is not None]:
            return skipped("There is no key to verify it with, neither configured nor in the message.")
    untrusted = [f for f in case.signatures if not f.trusted]
    fits = "the key inside the message" if untrusted else "a trusted key"
    return _computed(case, "signature-value", f"The SignatureValue fits {fits}.")


@check(
    "signature-c14n-failure",
    "canonicalisation and verification run through without a failure",
    cites="CVE-2025-66568; GHSA-wx95",
    needs="document",
)
def signature_c14n_failure(case: Case) -> Outcome | None:
    """A document that cannot be canonicalised must be refused. Libraries that took the failure for an empty text
    accepted forged messages."""
    if not case.signatures and case.found("signature-c14n-failure") is None:
        return not_applicable("Nothing is signed.")
    return _computed(case, "signature-c14n-failure", "Nothing failed.")


@check(
    "signature-binding",
    "what is read is what was signed",
    cites="XML Signature Best Practices §2.1.2",
    needs="signature",
)
def signature_binding(case: Case) -> Outcome:
    """Names, roles and times are read from an element built from the signed bytes and never from the document around
    it. This check makes sure that the element is the one that the signature stands in, byte for byte."""
    if case.found("signature-binding") is None and not [f for f in case.signatures if f.status == "valid"]:
        return skipped("No signature is valid, so nothing could be bound to it.")
    return case.outcome("signature-binding", "The values shown are parsed from the bytes that were signed.")


@check(
    "signature-agreement",
    "the two implementations of signature verification agree",
    cites="house rule: two verifiers",
    needs="signature",
)
def signature_agreement(case: Case) -> Outcome:
    """Every signature that our own verifier accepts is verified again by signxml, an independent implementation. Where
    they differ, the message is refused until somebody understands why."""
    if case.found("signature-agreement") is not None:
        return case.outcome("signature-agreement", "")
    asked = [f for f in case.signatures if f.agreed is not None]
    if asked:
        return ok("Both verifiers accept and mean the same bytes.")
    if any(f.status == "valid" for f in case.signatures):
        return note("Only our own verifier was asked, because this is bulk work.")
    return not_applicable("Our verifier accepted no signature, so the second one was not asked.")


@check(
    "signature-key-trusted",
    "the signing key is one that is configured, not one that the message brings along",
    cites="saml-core §5.4.5",
    needs="signature",
)
def signature_key_trusted(case: Case) -> Outcome:
    """Anybody can sign with a key of their own and put its certificate into the message. Only the certificates from
    the IdP's configured metadata count. The usual innocent cause is a certificate rollover."""
    if case.found("signature-key-trusted") is not None:
        return case.outcome("signature-key-trusted", "")
    if not case.expectation.configured:
        return skipped(_unconfigured(case))
    untrusted = [f for f in case.signatures if not f.trusted]
    if untrusted:
        return skipped("A signature could not be verified with any key, so it is not known whose it is.")
    marks = [f.key or "" for f in case.signatures]
    keys = ", ".join(dict.fromkeys([short(mark) for mark in marks]))
    return ok(f"Signed with the configured key {keys}.", actual=", ".join(marks))


@check(
    "signature-key-match",
    "it is known which of the configured keys signed",
    cites="fedinterop IIP-MD07",
    severity=Severity.INFO,
    needs="signature",
)
def signature_key_match(case: Case) -> Outcome:
    """During a rollover an IdP publishes two signing certificates. All of them are tried; this tells which one is in
    use."""
    total = len(case.expectation.trusted_keys)
    matched = [f for f in case.signatures if f.trusted]
    if not matched:
        return note(f"None of the {total} configured keys made a signature of this message.")
    said = "; ".join(
        [
            f"{f.covers}: key {f.trusted_number} of {total} ({short(f.key or '')}"
            f"{', ' + f.trusted_key.source if f.trusted_key else ''})"
            for f in matched
        ]
    )
    return ok(f"{said}.", actual=matched[0].key)


@check(
    "signature-keyinfo-children",
    "KeyInfo holds only X509Data, KeyName and KeyValue",
    cites="xmldsig-core §4.5; CVE-2023-36661",
    needs="signature",
    fine="Nothing in KeyInfo points elsewhere.",
)
def signature_keyinfo_children(_case: Case) -> None:
    """References to keys elsewhere make a server fetch addresses that an attacker chose, and several ways to name a
    key can name several keys. Empty elements break schema validation in other products."""


@check(
    "signature-keyinfo-consistent",
    "KeyInfo names one key only",
    cites="CVE-2019-1006",
    needs="signature",
    fine="KeyInfo names one key or none.",
)
def signature_keyinfo_consistent(_case: Case) -> None:
    """With a KeyValue and a certificate of different keys, one part of a program may verify with the first and another
    trust the second ("dupe key confusion")."""


@check(
    "signature-keyinfo-mismatch",
    "the embedded certificate is the configured one",
    cites="fedinterop IIP-MD12",
    severity=Severity.WARNING,
    needs="signature",
)
def signature_keyinfo_mismatch(case: Case) -> Outcome:
    """The signature is right, but the certificate beside it is another than the one configured: it was renewed with the
    same key. Some products refuse that, so load the IdP's current metadata."""
    for f in case.signatures:
        marks = f.embedded_fingerprints
        if f.trusted and f.key and marks and f.key not in marks:
            return problem(
                "The signature is made with a configured key, but the message embeds another certificate: probably a "
                "renewed one for the same key. Load the IdP's current metadata.",
                expected=f.key,
                actual=marks[0],
                at=f.at,
            )
    if not [f for f in case.signatures if f.trusted]:
        return not_applicable("No configured key made a signature of this message.")
    embedded = [f for f in case.signatures if f.embedded]
    return ok("The embedded certificate is the configured one." if embedded else "No certificate is embedded.")


@check(
    "signature-same-key",
    "Response and Assertion are signed by the same IdP's key",
    cites="saml-profiles §4.1.4.2",
    severity=Severity.WARNING,
    needs="signature",
)
def signature_same_key(case: Case) -> Outcome | None:
    """Two different keys in one message happen where a proxy signs the Response and leaves the Assertion of the IdP
    behind it alone. Make sure that this is meant."""
    keys = {f.covers: f.certificate for f in in_place(case) if f.certificate is not None}
    if len(keys) < 2:
        return not_applicable("There is only one verified signature.")
    one, other = keys["Response"], keys["Assertion"]
    if fingerprint(one) != fingerprint(other):
        return problem(
            "The Response and the Assertion are signed with different keys. A proxy between the IdP and us may be the "
            "reason; make sure that it is meant.",
            expected=fingerprint(one),
            actual=fingerprint(other),
        )
    return ok(f"Both are signed with {short(fingerprint(one))}.")


@check(
    "signature-envelope-unsigned",
    "it is known which values around the Assertion nobody signed",
    cites="saml-core §5.3",
    severity=Severity.INFO,
    needs="signature",
)
def signature_envelope_unsigned(case: Case) -> Outcome | None:
    """Where only the Assertion is signed, anybody can change Destination, Status and InResponseTo of the Response and
    the RelayState. That is the default of Entra and Google; nothing is decided by those values alone."""
    if case.kind != "Response":
        return not_applicable("A bare assertion has no Response around it.")
    valid = {f.covers for f in in_place(case) if f.status == "valid"}
    if "Response" in valid:
        return ok("The Response is signed, with Destination, Status and InResponseTo. RelayState never is.")
    if "Assertion" in valid:
        return note("Only the Assertion is signed: Destination, Status, InResponseTo and RelayState are not.")
    return not_applicable("No signature is valid.")
