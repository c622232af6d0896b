"""app.saml.redact: what a message says of people is in no part of the outcome, in no encoding; the rest still is."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from app.saml import Expectation, TrustedKey, inspect
from app.saml.expectation import AccountFacts
from app.saml.metadata import read_metadata
from app.saml.names import SAML, SAMLP, q
from app.saml.redact import Redaction, redact
from app.saml.report import ProvisioningSummary, Report
from simulator import Idp, KeyRing, all_faults, default_tenant
from tests.saml.signing_samples import ACS, IDP, NOW, SP, build, rsa_signer, sign, text, the, xml

KEY = b"k" * 32
AT = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
#: Each stands once or more in the message below, and must be nowhere in what is handed out.
CANARIES = (
    "Quixotelle", "Brandywicke", "zanzibarian", "_canaryid8842", "_session5519", "Marmaladeers", "commentarius",
    "procinstr", "Fjordlandia", "statusblabla", "198.51.100.77", "requestid7731", "prefixian", "elementarium",
)  # fmt: skip


def expectation() -> Expectation:
    return Expectation(
        idp_entity_id=IDP,
        trusted_keys=(TrustedKey(rsa_signer().certificate),),
        sp_entity_id=SP,
        acs_url=ACS,
        account=AccountFacts("ik_7x2k", "paid", ("zanzibarian.test",)),
    )


def canaries() -> etree._Element:
    root = build("Quixotelle.Brandywicke@zanzibarian.test")
    root.set("ID", "_canaryid8842")
    root.set("InResponseTo", "requestid7731")
    status = the(root, "samlp:Status")
    text(status, SAMLP, "StatusMessage", "statusblabla for Quixotelle")
    assertion = the(root, "saml:Assertion")
    the(root, "saml:Assertion", "saml:AuthnStatement").set("SessionIndex", "_session5519")
    data = the(root, "saml:Assertion", "saml:Subject", "saml:SubjectConfirmation", "saml:SubjectConfirmationData")
    data.set("Address", "198.51.100.77")
    data.set("InResponseTo", "requestid7731")
    statement = the(root, "saml:Assertion", "saml:AttributeStatement")
    statement[1][0].text = "Quixotelle Brandywicke"
    group = text(statement, SAML, "Attribute", Name="https://Fjordlandia.test/claims/group")
    text(group, SAML, "AttributeValue", "Marmaladeers")
    coded = text(statement, SAML, "Attribute", Name="objectGUID")
    text(coded, SAML, "AttributeValue", base64.b64encode(b"Brandywicke").decode())
    foreign = etree.SubElement(
        group[0], "{https://prefixian.test/x}elementarium", nsmap={"px": "https://prefixian.test/x"}
    )
    foreign.text = "Marmaladeers"
    assertion.append(etree.Comment("commentarius"))
    assertion.append(etree.ProcessingInstruction("procinstr", "Quixotelle"))
    return root


def judged(source: str | bytes, expected: Expectation | None = None, name: str = "pasted") -> Report:
    return inspect(source, expected or expectation(), now=NOW, name=name)


def redacted(report: Report, key: bytes = KEY) -> Redaction:
    return redact(report, key=key, tool="SSO Workbench 0.0", at=AT)


def everything(done: Redaction) -> str:
    return "\n".join((done.text, done.decrypted, json.dumps(done.report, ensure_ascii=False), repr(done.receipt)))


def forms(word: str) -> set[str]:
    """A word under the encodings in which it could slip through, without the characters its neighbours decide."""
    data = word.encode()
    found = {word, word[::-1], data.hex(), "".join(f"%{b:02x}" for b in data), ".".join(reversed(word.split(".")))}
    for variant in (data, data.lower(), word.encode("utf-16-le")):
        for shift in range(3):
            found.add(base64.b64encode(b"\0" * shift + variant).decode()[2 if shift else 0 :].rstrip("=")[2:-2])
    return {f.lower() for f in found}


def assert_clean(outcome: str, words: tuple[str, ...] = CANARIES) -> None:
    folded = outcome.lower()
    assert [f for w in words for f in forms(w) if f in folded] == []


def test_no_canary_is_left() -> None:
    report = judged(xml(canaries()), name="Brandywicke-Fjordlandia.xml")
    assert "Quixotelle" in json.dumps(report.as_dict())
    done = redacted(report)
    assert done.leaks == ()
    assert_clean(everything(done))
    assert done.report["source"].endswith(".xml")


@pytest.mark.parametrize("name", ["Brandywicke", "Brandywicke.xml", "Brandywicke/mail.har#1", "a.Brandywicke"])
def test_the_name_of_the_file_is_masked(name: str) -> None:
    done = redacted(judged(xml(build()), name=name))
    assert_clean(everything(done))
    assert len(done.report["source"]) == len(name)


def test_the_original_may_hold_anything() -> None:
    original = b"Cookie: session=Marmaladeers\r\nAuthorization: Basic Quixotelle\r\n\r\n" + xml(canaries())
    report = judged(original)
    done = redact(report, key=KEY, tool="x", at=AT, original=original)
    assert done.leaks == ()
    assert_clean(everything(done))


@pytest.mark.parametrize(
    "source",
    [
        b"Hello Quixotelle Brandywicke, your mail is q@zanzibarian.test",
        b"<samlp:Response ID='_canaryid8842'><NameID>Quixotelle</Nam",
        b"\xff\xfeQ\x00u\x00i\x00x\x00o\x00t\x00e\x00l\x00l\x00e\x00",
        b"<!DOCTYPE r [<!ENTITY e 'Quixotelle'>]><r>&e;</r>",
        b"<EntityDescriptor xmlns='urn:oasis:names:tc:SAML:2.0:metadata' entityID='https://Fjordlandia.test/x'/>",
        b"",
    ],
)
def test_other_input_is_masked_too(source: bytes) -> None:
    done = redact(judged(source), key=KEY, tool="x", at=AT, original=source)
    assert done.leaks == ()
    assert_clean(everything(done))


def test_the_structure_stays() -> None:
    root = canaries()
    sign(the(root, "saml:Assertion"))
    data = xml(root)
    done = redacted(judged(data))
    before = list(etree.fromstring(data).iter())
    after = list(etree.fromstring(done.text.encode()).iter())
    assert len(before) == len(after)
    for one, other in zip(before, after, strict=True):
        if isinstance(one.tag, str) and "elementarium" not in one.tag:
            assert one.tag == other.tag
            assert list(one.attrib) == list(other.attrib)
            if "X509Certificate" not in one.tag:
                assert [len(v) for v in one.attrib.values()] == [len(v) for v in other.attrib.values()]
                assert len(one.text or "") == len(other.text or "")


def test_relations_and_evidence_stay() -> None:
    root = canaries()
    sign(the(root, "saml:Assertion"))
    done = redacted(judged(xml(root)))
    after = etree.fromstring(done.text.encode())
    data = next(after.iter(q(SAML, "SubjectConfirmationData")))
    assert after.get("InResponseTo") == data.get("InResponseTo") != "requestid7731"
    assert data.get("NotOnOrAfter") == "2026-11-23T20:05:00Z"
    assertion = next(after.iter(q(SAML, "Assertion")))
    reference = next(after.iter("{http://www.w3.org/2000/09/xmldsig#}Reference"))
    assert reference.get("URI") == f"#{assertion.get('ID')}"
    assert done.report["message"]["id"] == after.get("ID")
    name_id = next(after.iter(q(SAML, "NameID"))).text or ""
    assert done.report["subject"]["name_id"] == name_id
    first, last = next(v for a in done.report["attributes"] if a["name"] == "full_name" for v in a["values"]).split()
    assert name_id.startswith(f"{first}.{last}@")
    role = next(a for a in done.report["attributes"] if a["name"] == "imagekit_role")
    assert role["values"] == ["developer"]


def test_the_judgement_travels_along() -> None:
    report = judged(xml(canaries()))
    done = redacted(report)
    assert done.report["verdict"] == report.verdict
    assert [c["id"] for c in done.report["checks"]] == [c.id for c in report.checks]
    assert [c["status"] for c in done.report["checks"]] == [str(c.status) for c in report.checks]
    assert [d["id"] for d in done.report["diagnosis"]] == [d.id for d in report.diagnosis]
    receipt = done.report["redaction"]
    assert receipt["verdict_before"] == report.verdict
    assert receipt["original_sha256"] == report.sha256
    assert receipt["redacted_at"] == "2026-11-24T08:00:00Z"
    assert receipt["tool"] == "SSO Workbench 0.0"
    assert receipt["masked"]["values about people"] >= 3


def test_messages_redacted_together_correspond() -> None:
    def name_id(report: Report, key: bytes) -> Any:
        return redacted(report, key).report["subject"]["name_id"]

    one, other = judged(xml(build("ada.king@corp.test"))), judged(xml(canaries()))
    again = judged(xml(build("ada.king@corp.test", role="finance")))
    assert name_id(one, KEY) == name_id(again, KEY) != name_id(other, KEY)
    assert name_id(one, KEY) != name_id(one, b"another key")


def test_provisioning_is_masked() -> None:
    summary = ProvisioningSummary(
        "updated", None, "Quixotelle Brandywicke changes.", (("full_name", "Quixotelle", "Marmaladeers", True),), 1, 5
    )
    report = judged(xml(canaries())).with_provisioning(summary, allowed=True)
    done = redacted(report)
    assert_clean(everything(done))
    assert done.report["provisioning"]["changes"][0]["field"] == "full_name"
    assert done.report["provisioning"]["seats"] == {"used": 1, "limit": 5}


def test_nothing_is_handed_out_that_would_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search is a second line: with the masking of claims switched off, it alone must hold the outcome back."""
    monkeypatch.setattr("app.saml.redact._Writer._text", lambda _self, _local, text, _claim: text)
    done = redacted(judged(xml(canaries())))
    assert done.leaks
    assert (done.text, done.decrypted, done.report) == ("", "", {})
    assert_clean(" ".join(done.leaks))


@pytest.mark.parametrize(
    "encode",
    [
        lambda w: w,
        lambda w: w.upper(),
        lambda w: base64.b64encode(f"x={w}".encode()).decode(),
        lambda w: base64.b64encode(w.encode("utf-16-le")).decode(),
        lambda w: w.encode().hex(),
        lambda w: "".join(f"%{b:02X}" for b in w.encode()),
        lambda w: "".join(f"&#{b};" for b in w.encode()),
    ],
)
def test_the_search_undoes_encodings(encode: Callable[[str], str]) -> None:
    from app.saml.pseudonyms import Pseudonyms
    from app.saml.redact import _leaks

    pseudonyms = Pseudonyms(KEY)
    pseudonyms.value("Quixotelle Brandywicke")
    assert _leaks(pseudonyms, {"report": f"see {encode('Brandywicke')} there"})
    assert not _leaks(pseudonyms, {"report": f"see {encode('something')} there"})


# Every fault of the simulator -----------------------------------------------------------------------------------------

MOMENT = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)
FAULTS = [f.id for f in all_faults() if f.acts_on != "request"]
ENTITY = "https://imagekit.io/saml/consume"


@cache
def idp() -> tuple[Idp, Expectation]:
    tenant = default_tenant(imagekit_id="ik_7x2k", entity_id=ENTITY, acs_url=ENTITY)
    made = Idp(tenant, KeyRing.in_memory(lambda: MOMENT), lambda: MOMENT)
    trusted = read_metadata(made.metadata()).idp
    assert trusted is not None
    return made, Expectation(
        idp_entity_id=trusted.entity_id,
        trusted_keys=tuple(trusted.signing_keys),
        sp_entity_id=ENTITY,
        acs_url=ENTITY,
        account=AccountFacts("ik_7x2k", "paid"),
    )


@given(fault=st.sampled_from(FAULTS), key=st.binary(min_size=16, max_size=32))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_fault_leaks(fault: str, key: bytes) -> None:
    made, expected = idp()
    issued = made.issue("grace", "imagekit", faults=[fault], victim="victim@acme-media.test")
    report = inspect(issued.xml, expected, now=MOMENT)
    done = redacted(report, key)
    assert done.leaks == ()
    assert done.report["verdict"] == report.verdict
    outcome = everything(done).lower()
    for word in ("grace", "hopper", "acme-media", "7x2k", "victim@"):
        assert word not in outcome
