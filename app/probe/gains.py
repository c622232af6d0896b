"""What an attacker gains where a service provider accepts what it must refuse: one row for each kind of weakness.

It judges nothing. Rows are chosen by the check that should have refused the message; the first that fits is taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Gravity = Literal["critical", "high", "medium", "low"]

#: What one accepted fault costs of the score, and the order in which they are told.
WEIGHTS: Final[dict[Gravity, int]] = {"critical": 20, "high": 8, "medium": 3, "low": 1}

_CVE: Final = re.compile(r"CVE-\d{4}-\d{4,7}")


@dataclass(frozen=True, slots=True)
class Gain:
    """A weakness. `checks` are ids, or beginnings of ids that end with a dash; `resembles` is a known case of it."""

    id: str
    gravity: Gravity
    checks: tuple[str, ...]
    sentence: str
    resembles: str

    def fits(self, check_id: str) -> bool:
        """Whether a message that this check should refuse shows the weakness."""
        return any(check_id == c or (c.endswith("-") and check_id.startswith(c)) for c in self.checks)


GAINS: Final = (
    Gain(
        "unsigned",
        "critical",
        ("signature-present", "signature-policy", "signature-envelope-unsigned", "enc-signature-required"),
        "Anybody can log in as anybody: what is not signed is believed.",
        "CVE-2025-40934",
    ),
    Gain(
        "foreign-key",
        "critical",
        ("signature-key-", "signature-keyinfo-", "issuer-key-binding", "crypto-no-hmac", "crypto-hmac-length"),
        "Anybody can log in as anybody by signing with a key of their own.",
        "CVE-2021-21239",
    ),
    Gain(
        "edited",
        "critical",
        ("signature-digest", "signature-value", "signature-agreement", "signature-c14n-failure", "crypto-alg-key-type"),
        "Whoever has a valid message can change it, and log in as anybody with any role.",
        "CVE-2025-66568",
    ),
    Gain(
        "wrapping",
        "critical",
        (
            "structure-single-assertion",
            "structure-assertion-position",
            "structure-no-nested-message",
            "structure-response-root",
            "structure-conditions-single",
            "signature-",
            "structure-signature-order",
            "xml-id-unique",
            "xml-attribute-pollution",
            "xml-prefix-rebinding",
            "xml-relative-namespace",
            "enc-not-mixed",
            "enc-plaintext-",
            "enc-structure",
        ),
        "Whoever has one valid message can put another person's assertion beside it and log in as them (XSW).",
        "CVE-2024-45409",
    ),
    Gain(
        "truncation",
        "critical",
        ("xml-comments", "xml-mixed-content", "xml-no-pi", "claim-simple-content"),
        "Whoever may choose part of an address can be taken for somebody else: the value is cut at markup inside it.",
        "CVE-2017-11427",
    ),
    Gain(
        "entities",
        "high",
        ("xml-no-dtd", "xml-no-entity", "xml-no-external-ref", "enc-no-external"),
        "A message can make the server read its files or call addresses of its network, or exhaust its memory.",
        "CVE-2025-66567",
    ),
    Gain(
        "other-audience",
        "high",
        ("audience-",),
        "A login at another application of the same identity provider is good here too: its operator can log in here.",
        "",
    ),
    Gain(
        "other-address",
        "high",
        ("destination-", "sc-recipient"),
        "A message that was sent to another address, and may have been caught there, is good here too.",
        "",
    ),
    Gain(
        "expired",
        "high",
        ("time-", "sc-notonorafter"),
        "A message that was caught once is good for longer than the identity provider meant, or for ever.",
        "",
    ),
    Gain(
        "no-confirmation",
        "high",
        ("sc-", "structure-subject", "structure-authnstatement", "structure-condition-unknown"),
        "Statements that were never meant as a login are accepted as one.",
        "CVE-2020-5268",
    ),
    Gain(
        "other-issuer",
        "high",
        ("issuer-",),
        "Another identity provider, or another tenant of the same one, can log in people of this one.",
        "CVE-2023-41890",
    ),
    Gain(
        "replay",
        "high",
        ("replay-", "irt-single-use"),
        "Whoever reads one message, in a log or on a shared computer, can log in with it again.",
        "CVE-2026-53424",
    ),
    Gain(
        "unasked",
        "medium",
        ("irt-", "jit-"),
        "Somebody can be logged in to an account that is not theirs without having asked (login CSRF).",
        "CVE-2026-53425",
    ),
    Gain(
        "refusal",
        "critical",
        ("status-",),
        "A refusal of the identity provider is taken for a login.",
        "",
    ),
    Gain(
        "outdated",
        "medium",
        ("crypto-", "cert-", "enc-"),
        "Outdated or weak cryptography is accepted, which a determined attacker can break.",
        "CVE-2011-1096",
    ),
    Gain(
        "identity",
        "high",
        ("nameid-", "claim-"),
        "Two people can be taken for one, or a person for another: names are not read exactly.",
        "CVE-2017-11428",
    ),
    Gain(
        "redirect",
        "medium",
        ("relaystate-",),
        "After the login the browser can be sent to an address of the attacker's choice.",
        "CVE-2018-6520",
    ),
    Gain(
        "ambiguous",
        "medium",
        ("encoding-",),
        "Two readers of the same request can see two messages: one is verified, the other one is used.",
        "CVE-2025-27773",
    ),
    Gain(
        "malformed",
        "low",
        ("structure-", "schema-", "xml-"),
        "A message that the specification forbids is accepted; alone that gives nothing away.",
        "",
    ),
)


def gain_of(check_id: str, reference: str = "") -> tuple[Gain, str]:
    """The weakness that an accepted message shows, and the CVE it resembles: one the fault names, or the row's."""
    gain = next((g for g in GAINS if g.fits(check_id)), GAINS[-1])
    named = _CVE.search(reference)
    return gain, named[0] if named else gain.resembles
