"""Checks of encrypted assertions. app.saml.encryption decrypts; encryption alone says nothing about the sender."""

from __future__ import annotations

from app.saml.certificates import short
from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, note, ok, problem, skipped
from app.saml.encryption import PUBLIC_SENTENCE


def _read(case: Case, check_id: str, fine: str) -> Outcome:
    """The outcome of a step of the decryption: skipped where an earlier step ended it."""
    if case.found(check_id) is None and (case.decryption is None or case.decryption.document is None):
        return skipped("The assertion was not decrypted.")
    return case.outcome(check_id, fine)


@check(
    "enc-structure",
    "the encrypted assertion is built as it must be",
    cites="saml-core §6.1 (E30)",
    needs="encryption",
)
def enc_structure(case: Case) -> Outcome:
    """One EncryptedData of the type Element, with one to four EncryptedKeys in it or beside it. Each key costs an RSA
    operation, so their number is bounded."""
    count = case.decryption.encrypted_keys if case.decryption else 0
    return case.outcome("enc-structure", f"One EncryptedData, {count} EncryptedKey.")


@check("enc-no-external", "nothing encrypted is fetched from elsewhere", cites="xmlenc-core1 §3.3", needs="encryption")
def enc_no_external(case: Case) -> Outcome:
    """CipherReference and RetrievalMethod can name addresses and files. They are never followed."""
    return case.outcome("enc-no-external", "Everything needed is in the message.")


@check("enc-key-available", "one of our keys opens the assertion", cites="fedinterop IIP-SP08", needs="encryption")
def enc_key_available(case: Case) -> Outcome:
    """Usual cause: the IdP encrypts to an older certificate of ours. Give it the current SP metadata, or load the key
    it uses. Every configured key is tried."""
    if case.found("enc-key-available") is not None:
        return case.outcome("enc-key-available", "")
    mark = case.decryption.key_fingerprint if case.decryption else None
    if mark is None:
        return skipped("Decryption was refused before any key was tried.")
    return ok(f"Opened with our key {short(mark)}.", actual=mark)


@check(
    "enc-key-transport",
    "the key is transported with RSA-OAEP",
    cites="xmlenc-core1 §5.5; fedinterop IIP-ALG06",
    diagnose=Severity.WARNING,
    needs="encryption",
)
def enc_key_transport(case: Case) -> Outcome:
    """RSA PKCS#1 v1.5 lets an attacker decrypt a captured message by sending altered copies of it and watching the
    answers."""
    name = case.decryption.key_transport if case.decryption else None
    if name is None and case.found("enc-key-transport") is None:
        return skipped("Decryption was refused before the key was looked at.")
    return case.outcome("enc-key-transport", f"{name}.")


@check(
    "enc-oaep-params",
    "the parameters of RSA-OAEP are known",
    cites="xmlenc-core1 §5.5.2; saml2int SDP-ALG01",
    severity=Severity.INFO,
    needs="encryption",
)
def enc_oaep_params(case: Case) -> Outcome | None:
    """SHA-1 is allowed here: OAEP does not rest on what is broken in SHA-1."""
    if case.found("enc-oaep-params") is not None:
        return case.outcome("enc-oaep-params", "")
    if case.decryption is None or case.decryption.oaep_digest is None:
        return not_applicable("RSA-OAEP was not used.")
    return note(f"Digest {case.decryption.oaep_digest}, MGF1 with {case.decryption.oaep_mgf}.")


@check(
    "enc-block-alg",
    "the assertion is encrypted with AES-GCM",
    cites="saml-core E93; fedinterop IIP-ALG04",
    diagnose=Severity.WARNING,
    needs="encryption",
)
def enc_block_alg(case: Case) -> Outcome:
    """AES-CBC does not notice when it is altered. Many IdPs still use it by default, so the policy may allow it in a
    signed message; triple DES is refused always."""
    name = case.decryption.block_algorithm if case.decryption else None
    if name is None and case.found("enc-block-alg") is None:
        return skipped("Decryption was refused before the algorithm was looked at.")
    return case.outcome("enc-block-alg", f"{name}.")


@check(
    "enc-gcm-length",
    "the encrypted data has its whole tag, and the tag fits",
    cites="xmlenc-core1 §5.2.4",
    needs="encryption",
)
def enc_gcm_length(case: Case) -> Outcome | None:
    """AES-GCM notices every change, provided that the full tag of 16 bytes is there and verified."""
    if case.found("enc-gcm-length") is not None:
        return case.outcome("enc-gcm-length", "")
    name = (case.decryption.block_algorithm if case.decryption else None) or ""
    if not name.endswith("gcm"):
        return not_applicable("AES-GCM was not used.")
    return _read(case, "enc-gcm-length", "The tag is complete and fits.")


@check(
    "enc-plaintext-type",
    "what was encrypted is exactly one Assertion",
    cites="saml-core §2.3.4",
    needs="encryption",
)
def enc_plaintext_type(case: Case) -> Outcome:
    """Anything else, a second element or a piece of text without its namespaces, is refused."""
    return _read(case, "enc-plaintext-type", "One saml:Assertion.")


@check(
    "enc-plaintext-hardening",
    "what was encrypted is checked like any untrusted document",
    cites="CVE-2016-5697",
    needs="encryption",
)
def enc_plaintext_hardening(case: Case) -> Outcome:
    """A DOCTYPE, an entity or an ID that the outer message has too can hide inside the encryption."""
    return _read(case, "enc-plaintext-hardening", "It keeps the same limits, and its IDs are its own.")


@check(
    "enc-signature-required",
    "the encrypted assertion is signed as well",
    cites="CVE-2026-18108; CVE-2024-4985",
    needs="encryption",
)
def enc_signature_required(case: Case) -> Outcome:
    """Our encryption certificate is public, so anybody can encrypt an assertion for us. Only a signature inside of it,
    or of the Response around it, shows who wrote it."""
    if not case.expectation.configured:
        return skipped("No identity provider is configured to judge this by.")
    valid = {f.covers for f in case.signatures if f.in_place and f.status == "valid"}
    if "Assertion" in valid:
        return ok("The decrypted assertion carries a valid signature of its own.")
    if "Response" in valid:
        return ok("The signature of the Response covers the encrypted data.")
    if case.decryption is None or case.decryption.document is None:
        return skipped("The assertion was not decrypted, and the Response has no valid signature.")
    return problem(
        "The assertion could be decrypted, but neither it nor the Response carries a valid signature. Anybody can "
        "encrypt for us, so this proves nothing.",
        expected="a valid signature of the Assertion or of the Response",
        actual="none",
        at=case.decryption.at,
    )


@check(
    "enc-not-mixed",
    "there is no plain assertion beside an encrypted one",
    cites="CVE-2026-2092",
    needs="encryption",
)
def enc_not_mixed(case: Case) -> Outcome:
    """With one of each, a program may verify the plain one and read the encrypted one."""
    return case.outcome("enc-not-mixed", "Only the encrypted assertion is there.")


@check(
    "enc-error-uniform",
    "the network side cannot tell why a decryption failed",
    cites="xmlenc-core1 §6.1.2",
    needs="encryption",
)
def enc_error_uniform(case: Case) -> Outcome:
    """Different answers to different failures let an attacker decrypt by asking. The details are shown here only; over
    HTTP every failure is one and the same sentence."""
    told = case.decryption.public_message if case.decryption else None
    if told not in (None, PUBLIC_SENTENCE):
        return problem("A decryption failure would be told in words of its own.", expected=PUBLIC_SENTENCE, actual=told)
    return ok(f"Over the network a failure is always: “{PUBLIC_SENTENCE}”")


@check(
    "enc-nameid",
    "it is known whether identifiers or attributes are encrypted",
    cites="saml-core §2.2.4",
    severity=Severity.INFO,
)
def enc_nameid(case: Case) -> Outcome | None:
    """EncryptedID and EncryptedAttribute are rare and not supported: encrypt the whole assertion instead."""
    if case.assertion is None:
        return not_applicable("There is no assertion.")
    subject = case.assertion.subject
    encrypted_id = subject is not None and "EncryptedID" in subject.other_ids
    number = case.assertion.encrypted_attributes
    if encrypted_id or number:
        what = "The NameID is encrypted" if encrypted_id else f"{number} attributes are encrypted"
        return note(f"{what}, which is not supported. Encrypt the whole assertion instead.", at=case.assertion.at)
    return ok("Neither the NameID nor an attribute is encrypted by itself.")
