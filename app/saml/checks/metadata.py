"""Checks of metadata, of an IdP or a service provider, pasted where messages are inspected.

The work is app.saml.metadata's; Settings shows the same findings by the same ids. In a message they do not arise.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Final

from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, note, ok, problem, skipped
from app.saml.metadata import METADATA_LIMITS, MetadataReading, read_metadata

_ELSEWHERE: Final = {
    "md-change-review": "Settings compares new metadata with the metadata in use before it is saved.",
    "md-unique-org": "Settings looks whether another account uses the same entity ID before it is saved.",
}


@lru_cache(maxsize=2)  # one reading serves all checks of one case
def _read(data: bytes, entity: str | None, now: datetime, known_test_keys: frozenset[str]) -> MetadataReading:
    return read_metadata(
        data, limits=METADATA_LIMITS, entity=entity, now=now, known_test_keys=known_test_keys, expect="any"
    )


def _reading(case: Case) -> MetadataReading:
    e = case.expectation
    entity = e.idp_entity_id if case.kind == "EntitiesDescriptor" else None
    return _read(case.decoded.data, entity, case.now, e.known_test_keys)


#: What is known of an entity that has no role, or no role that speaks SAML 2.0.
_OF_ANY_ENTITY: Final = frozenset({"md-root", "md-entityid", "md-idp-role", "md-protocol", "md-signature"})
_OF_AN_IDP: Final = frozenset({"md-idp-role", "md-nameid-formats", "md-want-authnrequests-signed"})


def _rule(check_id: str) -> Callable[[Case], Outcome | None]:
    def run(case: Case) -> Outcome | None:
        if check_id in _ELSEWHERE:
            return not_applicable(_ELSEWHERE[check_id])
        reading = _reading(case)
        chosen = _is_chosen(case, reading)
        if check_id == "md-root" and chosen is None:
            # Nothing is wrong with an aggregate, as long as nobody has said which of its entities is meant.
            p = reading.problems[0]
            return skipped(p.message)
        for p in reading.problems:
            if p.check == check_id:
                return problem(p.message, expected=p.expected, actual=p.actual, at=p.at, severity=Severity.ERROR)
        for p in reading.warnings:
            if p.check == check_id:
                return problem(p.message, expected=p.expected, actual=p.actual, at=p.at, severity=Severity.WARNING)
        for p in reading.notes:
            if p.check == check_id:
                return note(p.message, at=p.at)
        if not chosen:
            return skipped("It is not known which entity is meant, so none was looked at.")
        if reading.idp is None and reading.sp is None and check_id not in _OF_ANY_ENTITY:
            return skipped("There is no SAML 2.0 role to look at.")
        if reading.idp is None and reading.sp is not None and check_id in _OF_AN_IDP:
            return not_applicable("This is the metadata of a service provider, and is judged as such.")
        return ok("Nothing is wrong here.")

    return run


def _is_chosen(case: Case, reading: MetadataReading) -> bool | None:
    """Whether one entity was read: False where it could not be found, None where it was not said which."""
    if not any(p.check == "md-root" for p in reading.problems):
        return True
    return False if case.expectation.idp_entity_id is not None or case.kind == "EntityDescriptor" else None


#: id, title ("This check makes sure that ..."), citation, severity, explanation.
_RULES: Final = (
    (
        "md-root",
        "the document is metadata of one entity",
        "saml-metadata §2.3",
        Severity.ERROR,
        "An address of metadata often leads to a login page instead, and a federation's file holds thousands of "
        "entities. One has to be chosen by its entity ID.",
    ),
    (
        "md-entityid",
        "the entity ID is there and is an absolute URI",
        "saml-metadata §2.3.2; saml-core §8.3.6",
        Severity.ERROR,
        "Every message names its sender by the entity ID, letter for letter. A blank behind it, which nobody sees, "
        "makes every login fail.",
    ),
    (
        "md-idp-role",
        "the metadata describes an identity provider",
        "saml-metadata §2.4.3",
        Severity.ERROR,
        "Administrators often upload the metadata of the service provider to the service provider. The identity "
        "provider's own is wanted.",
    ),
    (
        "md-protocol",
        "the role speaks SAML 2.0",
        "saml-metadata §2.4.1",
        Severity.ERROR,
        "AD FS and Entra ID list roles of WS-Federation first. Their keys may be other ones and are not used.",
    ),
    (
        "md-signing-key",
        "there is a key to verify signatures with",
        "saml-metadata §2.4.1.1 (E62); CVE-2026-16443",
        Severity.ERROR,
        "A key without “use” serves for signing too. Software that drops it has no key left and may stop verifying.",
    ),
    (
        "md-keys-many",
        "all signing keys are kept",
        "fedinterop IIP-MD07",
        Severity.INFO,
        "Before an IdP changes its key it publishes both. Whoever keeps only the first fails on the day of the change.",
    ),
    (
        "md-key-quality",
        "the keys are strong, current and no test keys",
        "saml2int SDP-MD06",
        Severity.WARNING,
        "Short keys can be broken. An expired certificate does not make its key wrong, but nobody looks after it.",
    ),
    (
        "md-keyinfo-kind",
        "keys come as certificates that can be read",
        "saml2int SDP-MD05",
        Severity.WARNING,
        "Keys are taken from X509Certificate. Bare key values and names are legal, and not used by most software.",
    ),
    (
        "md-sso-endpoint",
        "there is an address for logins",
        "saml-metadata §2.4.3; fedinterop IIP-SSO02",
        Severity.ERROR,
        "A login that begins at the service provider sends the browser to the IdP by HTTP-Redirect or HTTP-POST.",
    ),
    (
        "md-endpoint-scheme",
        "addresses are https",
        "saml-bindings §3.1.1; GHSA-267v-3v32-g6q5",
        Severity.ERROR,
        "An address from metadata becomes a link or a form. With javascript: it runs code; with http anybody on the "
        "way can change it.",
    ),
    (
        "md-endpoint-host",
        "addresses lead where they seem to lead",
        "RFC 3986 §7.6",
        Severity.WARNING,
        "A user name before the host hides the host. An address of this machine is a test installation left behind.",
    ),
    (
        "md-valid-until",
        "the metadata has not expired",
        "saml-metadata §2.3.2; saml2int SDP-MD03",
        Severity.ERROR,
        "After validUntil metadata must not be used: its keys may have been withdrawn.",
    ),
    (
        "md-cache-duration",
        "it is told how often the metadata should be read again",
        "saml-metadata §2.3.2",
        Severity.INFO,
        "Whoever copies metadata once must look for new keys himself.",
    ),
    (
        "md-signature",
        "it is told whether the metadata is signed",
        "saml-metadata §3; saml2int SDP-MD02",
        Severity.WARNING,
        "A signature whose key is in the same document proves nothing. Compare the fingerprint by another way.",
    ),
    (
        "md-nameid-formats",
        "the IdP offers e-mail addresses as NameID",
        "saml-metadata §2.4.3",
        Severity.INFO,
        "Users are known here by their e-mail address. Many IdPs list no formats and send it all the same.",
    ),
    (
        "md-want-authnrequests-signed",
        "it is told when the IdP wants signed requests",
        "saml-metadata §2.4.3",
        Severity.WARNING,
        "An IdP that wants signed requests refuses logins that begin at a service provider without a signing key.",
    ),
    (
        "md-change-review",
        "a person confirms new keys and addresses",
        "NIST SP 800-63C §3.2",
        Severity.WARNING,
        "Whoever can slip in metadata decides who may log in. New keys are compared with the old before they count.",
    ),
    (
        "md-unique-org",
        "no other account uses the same IdP entity ID",
        "CVE-2023-41890",
        Severity.WARNING,
        "If two accounts trust the same entity ID with different keys, one IdP could log in users of the other.",
    ),
)

for _id, _title, _cites, _severity, _explanation in _RULES:
    _run = _rule(_id)
    _run.__doc__ = _explanation
    check(_id, _title, cites=_cites, severity=_severity, needs="metadata")(_run)
