"""What becomes of faults that are in no login: of the identity provider's metadata, and of requests sent to it.

It arranges nothing that lasts beyond one fault, and compares nothing: app.trial.matrix does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from app.lab.browserless import FORM_HEADERS, Form, browser, forms_of, words
from app.saml.errors import Problem
from app.saml.metadata import MetadataReading, metadata_changes, read_metadata
from app.sso import MetadataRefused, NotFound, Refused

if TYPE_CHECKING:
    import httpx

    from app.lab import Lab
    from app.saml.decoding.registry import Channel
    from app.saml.report import Report
    from app.sso import SSO
    from simulator.asking import Asked
    from simulator.faults import Fault
    from simulator.tenant import Tenant, TestUser

_OTHER: Final = "ik_taken"


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one document. `why` says what must not have happened and did, "" where nothing did."""

    got: str
    decided: tuple[str, ...]
    sentence: str
    status_code: int
    sent: bytes
    report: Report
    event: str = ""
    why: str = ""


# Metadata -------------------------------------------------------------------------------------------------------------


def try_metadata(sso: SSO, lab: Lab, account: str, fault: Fault, person: TestUser) -> Judged:
    """Save the faulty metadata for the account; where that is allowed, log the person in.

    Refused metadata must leave the configuration as it was. Metadata that was saved must not have made possible what
    the fault's setup says must go on being refused.
    """
    document = lab.idp.metadata(fault.setup.metadata, faults=(fault.id,))
    report = sso.inspect(document, account, channel="paste")
    told = _told(sso, lab, account, document, fault)
    before = sso.configuration(account)
    try:
        sso.save_metadata(account, document, operator="trial", test_idp=True)
    except MetadataRefused as e:
        return _refused(sso, account, before, Judged("reject", told, str(e), 0, document, report))
    except Refused as e:
        unique = ("md-unique-org",) if e.code == "configuration.not-unique" else ()
        return _refused(sso, account, before, Judged("reject", unique, str(e), 0, document, report))
    for must_fail in fault.setup.refuses:
        page, result = lab.send(lab.idp.issue(person, account, faults=(must_fail,)), mode="dry_run")
        if result is None or result.allowed or result.report.verdict == "accept":
            why = f"With this metadata the fault {must_fail} was accepted."
            return Judged("accept", told, why, page.status_code, document, report, why=why)
    page, result = lab.send(lab.idp.issue(person, account))
    if result is None:
        return Judged("reject", told, "The login did not arrive.", page.status_code, document, report)
    decided = told if result.allowed else (*told, *(c.id for c in result.report.failures))
    got = "accept" if result.allowed else "reject"
    return Judged(got, decided, "", page.status_code, document, report, result.reference)


def _told(sso: SSO, lab: Lab, account: str, document: bytes, fault: Fault) -> tuple[str, ...]:
    """The checks that say something of this document which they do not say of the good one."""
    now, keys = sso.now(), lab.keys.fingerprints()

    def read(data: bytes) -> MetadataReading:
        return read_metadata(data, now=now, known_test_keys=keys)

    found = read(document)
    usual: set[tuple[str, str]] = set()
    if fault.alters:
        good = read(lab.idp.metadata())
        usual = {(p.check, p.message) for p in (*good.problems, *good.warnings, *good.notes)}
    changes: Iterable[Problem] = ()
    current = sso.configuration(account).idp
    if found.idp is not None and current is not None and not found.problems:
        changes = metadata_changes(current, found.idp)
    told = found.problems or (*found.warnings, *found.notes, *changes)
    return tuple(dict.fromkeys(p.check for p in told if (p.check, p.message) not in usual))


def _refused(sso: SSO, account: str, before: object, judged: Judged) -> Judged:
    if sso.configuration(account) != before:
        return replace(judged, why="Refused metadata changed the configuration.")
    return judged


def take_entity_id(sso: SSO, lab: Lab, account: str, *, taken: bool) -> None:
    """Let another account trust an identity provider of the claimed entity ID for the same Identifier, or not."""
    if not taken:
        with contextlib.suppress(NotFound):
            sso.delete_metadata(_OTHER, operator="trial")
        return
    from simulator.faults.metadata import TAKEN

    if not any(a.imagekit_id == _OTHER for a in sso.accounts()):
        sso.create_account(_OTHER, "Taken Media", operator="trial")
        sso.set_entity_id(_OTHER, sso.account(account).entity_id, operator="trial")
    namesake = replace(lab.tenant, entity_id_override=TAKEN)
    sso.save_metadata(_OTHER, _metadata_of(lab, namesake), operator="trial", test_idp=True)


def _metadata_of(lab: Lab, tenant: Tenant) -> bytes:
    from simulator.idp import Idp

    return Idp(tenant, lab.keys, lab.idp.now, base_url=lab.idp_url).metadata()


# Requests -------------------------------------------------------------------------------------------------------------


def try_request(sso: SSO, lab: Lab, account: str, fault: Fault) -> Judged:
    """Send the faulty request to the identity provider, and look where its page would post to."""
    from simulator.asking import SIGNER, ask

    application = lab.tenant.application(account)
    assert application is not None, "the account is connected"
    kept = lab.tenant
    if fault.setup.signed_requests:
        application = replace(application, signing_certificate=lab.keys.pair(SIGNER).pem.decode())
        lab.save_tenant(replace(kept.with_application(application), want_authn_requests_signed=True))
    try:
        signed = fault.setup.signed_requests
        asked = ask(application, lab.keys, lab.idp.now(), f"{lab.idp_url}/sso", faults=(fault.id,), signed=signed)
        seen = len(lab.exchanges)
        with browser() as client:
            for _ in range(fault.setup.posts):
                answer = _send(client, lab, asked)
    finally:
        lab.save_tenant(kept)
    octets = asked.query.encode() if asked.binding == "HTTP-Redirect" else asked.body
    channel: Channel = "redirect-query" if asked.binding == "HTTP-Redirect" else "post-form"
    report = sso.inspect(octets, account, channel=channel)
    forms = forms_of(answer)
    got, decided = _answer(lab, answer, forms, seen)
    own = {f"{lab.idp_url}/sso", f"{lab.idp_url}/portal"}
    why = _stranger(forms, {*application.acs_addresses, *own})
    return Judged(got, decided, words(answer.text), answer.status_code, octets, report, why=why)


def _send(client: httpx.Client, lab: Lab, asked: Asked) -> httpx.Response:
    if asked.binding == "HTTP-Redirect":
        return client.get(f"{lab.idp_url}/sso?{asked.query}")
    return client.post(f"{lab.idp_url}/sso", content=asked.body, headers=FORM_HEADERS)


def _answer(lab: Lab, answer: httpx.Response, forms: tuple[Form, ...], seen: int) -> tuple[str, tuple[str, ...]]:
    """What the identity provider made of it: a page of its own, a refusal in SAML, or the question who logs in."""
    from simulator.requests import STATUS_RULES

    last = lab.exchanges[-1] if len(lab.exchanges) > seen else None
    if answer.status_code >= 400:
        return "reject", (last.rule,) if last is not None and last.rule else ()
    if last is not None and last.issued is not None and last.issued.expected.verdict == "refused-by-idp":
        codes = last.issued.spec.status_codes
        assert isinstance(codes, tuple), "a refusal has a status"
        return "refused-by-idp", tuple(r for c, r in STATUS_RULES.items() if str(codes[-1]).endswith(f":{c}"))
    return ("accept" if forms else "unknown"), ()


def _stranger(forms: tuple[Form, ...], known: set[str]) -> str:
    """The page must not post to an address that nobody registered."""
    for form in forms:
        if form.action not in known:
            parts = urlsplit(form.action)
            return f"The page would post to {parts.scheme}://{parts.netloc}, which is not registered."
    return ""
