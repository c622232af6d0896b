"""Every cause is shown by something: a fault over real HTTP, or a sample made here; alone, but for its companions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from app.saml import Expectation, TrustedKey, inspect
from app.saml.checks import registered as checks
from app.saml.diagnoses import knowledge_of, registered
from app.saml.diagnoses.knowledge import VENDORS, ids_in, sources
from app.saml.diagnoses.registry import Diagnosis
from app.saml.names import DS, MD, SAMLP, q
from app.trial import TrialRow, run_trial
from tests.saml.diagnoses.test_others import SHOWN as OTHERS
from tests.saml.signing_samples import ACS, IDP, NOW, SP, build, rsa_signer, sign, the, xml

STAGES = ("transport", "status", "signature", "protocol", "identity", "metadata", "provisioning")
#: The test identity provider's own certificates are short-lived, which is told of every message signed with them.
ALWAYS = "certificate-expiring"


def metadata(**attributes: str) -> bytes:
    """Metadata of an identity provider without any certificate, or with whatever attributes it is given."""
    given = "".join(f' {k}="{v}"' for k, v in {"entityID": IDP, **attributes}.items())
    return (
        f'<md:EntityDescriptor xmlns:md="{MD}"{given}>'
        f'<md:IDPSSODescriptor protocolSupportEnumeration="{SAMLP}"><md:SingleSignOnService '
        'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso"/>'
        "</md:IDPSSODescriptor></md:EntityDescriptor>"
    ).encode()


def aggregate() -> bytes:
    return f'<md:EntitiesDescriptor xmlns:md="{MD}"/>'.encode()


def unreadable_certificate() -> bytes:
    root = build()
    sign(the(root, "saml:Assertion"))
    next(root.iter(q(DS, "X509Certificate"))).text = "TUlJ"
    return xml(root)


#: Causes that no fault of the simulator shows, and a message that does.
SAMPLES: dict[str, Callable[[], bytes]] = {
    "metadata-unusable": metadata,
    "metadata-wrong-kind": aggregate,
    "certificate-damaged": unreadable_certificate,
}

#: Causes that no single message shows, and why; what shows them instead.
SHOWN_ELSEWHERE = {
    "certificate-expiring": "every message of the test identity provider has it, see ALWAYS",
    "metadata-odd": "test_metadata_that_only_wants_a_look",
    "leaver-holds-seat": "no message comes from somebody who left; the list of stale users shows it",
    **dict.fromkeys(OTHERS, "tests/saml/diagnoses/test_others.py shows each of them"),
    "assertion-not-covered": "a net under the rows before it; test_diagnoses shows that it holds",
}


@pytest.fixture(scope="module")
def rows() -> dict[str, TrialRow]:
    wanted = sorted({d.fault for d in registered().values() if d.fault} | {"ok-assertion-signed"})
    return {r.id: r for r in run_trial(wanted).rows}


@pytest.fixture(scope="module")
def expectation() -> Expectation:
    return Expectation(
        idp_entity_id=IDP,
        trusted_keys=(TrustedKey(rsa_signer().certificate),),
        sp_entity_id=SP,
        acs_url=ACS,
        profile="saml",
    )


@pytest.mark.parametrize("d", registered().values(), ids=lambda d: d.id)
def test_each_cause_is_shown_and_comes_alone(d: Diagnosis, rows: dict[str, TrialRow], expectation: Expectation) -> None:
    if d.id in SHOWN_ELSEWHERE:
        assert d.fault is None
        return
    if d.fault is None:
        found = [x.id for x in inspect(SAMPLES[d.id](), expectation, now=NOW).diagnosis]
    else:
        report = rows[d.fault].report
        assert report is not None
        found = [x.id for x in report.diagnosis if x.id != ALWAYS]
        assert all(x.fault == registered()[x.id].fault for x in report.diagnosis)
    assert sorted(found) == sorted((d.id, *d.companions))


def test_what_is_whole_has_no_cause(rows: dict[str, TrialRow]) -> None:
    report = rows["ok-assertion-signed"].report
    assert report is not None
    assert [x.id for x in report.diagnosis] == [ALWAYS]
    assert report.diagnosis[0].severity == "info"


def test_metadata_that_only_wants_a_look(expectation: Expectation) -> None:
    found = inspect(metadata(cacheDuration="soon"), expectation, now=NOW).diagnosis
    odd = next(d for d in found if d.id == "metadata-odd")
    assert odd.severity == "warning"


# The data -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", registered().values(), ids=lambda d: d.id)
def test_each_cause_is_complete(d: Diagnosis) -> None:
    known = knowledge_of(d.stage, d.id)
    assert set(known.steps) == ({"generic"} if d.is_vendor_neutral else set(VENDORS))
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", d.id)
    assert d.number == "" or re.fullmatch(r"D[0-5]\d", d.number)
    assert d.because.endswith(".")
    assert not d.title.endswith(".")
    assert known.sources, "where is it from?"
    assert set(known.sources) <= set(sources())
    assert re.fullmatch(r"20\d\d-\d\d", known.last_checked)
    assert set(known.unconfirmed) <= set(known.steps)
    for vendor, steps in known.steps.items():
        assert steps
        for step in steps:
            assert step.endswith((".", ";")), step
            assert step[0].isupper(), step
        if vendor in known.unconfirmed:
            assert not any(re.match(r"Enter|Tick", step) for step in steps), "worded as if it were certain"
    assert all(step.endswith(".") for step in known.sp_steps)
    assert set(d.companions) <= set(registered())


def test_every_cause_of_the_data_is_registered_and_no_fault_is_unknown() -> None:
    from simulator import all_faults

    ids = {(d.stage, d.id) for d in registered().values()}
    assert {(stage, i) for stage in STAGES for i in ids_in(stage)} == ids
    assert {d.fault for d in registered().values() if d.fault} <= {f.id for f in all_faults()}


def test_the_whole_catalogue_is_there() -> None:
    numbers = {d.number for d in registered().values()} - {""}
    assert numbers == {f"D{n:02}" for n in range(1, 55)}


def test_codes_of_other_programs_lead_to_a_cause() -> None:
    codes = {c for d in registered().values() for c in knowledge_of(d.stage, d.id).codes}
    assert {f"python3-saml {n}" for n in range(48)} <= codes
    assert {f"Okta {n}" for n in (1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)} <= codes


def test_checks_and_notes_exist() -> None:
    for d in registered().values():
        assert {*d.checks, *d.notes} <= set(checks()), d.id


def test_the_json_object_grows_additively(expectation: Expectation) -> None:
    root = build()
    sign(the(root, "saml:Assertion"))
    data = xml(root).replace(b"Ada", b"Eve")
    (row,) = inspect(data, replace(expectation, verifiers="ours"), now=NOW).as_dict()["diagnosis"]
    assert row["id"] == "changed-after-signing"
    assert (row["severity"], row["stage"]) == ("blocker", "signature")
    assert row["confidence"] in ("certain", "likely", "possible")
    assert row["expected"].startswith("sha256 ")
    assert row["evidence"][0]["where"].endswith("/ds:Signature")
    assert row["steps"]["generic"]
    assert row["fix"]["generic"] == " ".join(row["steps"]["generic"])
