"""Judges messages of tests.saml.signing_samples end to end, for the checks that rest on real signatures."""

from __future__ import annotations

from typing import Any

from lxml import etree

from app.saml.checks import CheckResult
from app.saml.expectation import Expectation, Policy, TrustedKey
from app.saml.report import Report, inspect
from tests.saml.encryption_samples import OUR_KEY
from tests.saml.signing_samples import ACS, IDP, NOW, SP, Signer, rsa_signer, xml

DIAGNOSE = Policy(name="diagnose")


def judge(message: etree._Element, *signers: Signer, policy: Policy | None = None, **changes: Any) -> Report:
    """The report on a message from an IdP with these signing certificates (default: one)."""
    values: dict[str, Any] = {
        "idp_entity_id": IDP,
        "sp_entity_id": SP,
        "acs_url": ACS,
        "profile": "saml",
        "trusted_keys": tuple(TrustedKey(s.certificate) for s in signers or (rsa_signer(),)),
        "decryption_keys": (OUR_KEY.key,),
        "policy": policy or Policy(),
    }
    return inspect(xml(message), Expectation(**values | changes), now=NOW)


def status(report: Report, check_id: str) -> str:
    return str(report.check(check_id).status)


def failed(report: Report) -> set[str]:
    return {c.id for c in report.failures}


def said(report: Report, check_id: str) -> CheckResult:
    return report.check(check_id)
