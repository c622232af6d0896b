"""End to end over real loopback HTTP: every fault is arranged, sent to our ACS, and what came of it is compared.

One row for each fault: what was expected, what the service provider decided and by which checks, and what that did to
the user, the role and the seats. It works on a workspace of its own that is thrown away; it shows nothing.
"""

from __future__ import annotations

import base64
import contextlib
import re
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

from app.accounts.users import User
from app.lab import LabError, sentence_of
from app.lab.browserless import FORM_HEADERS, browser, form_with
from app.product import ADMINISTRATOR
from app.saml.checks.registry import Status
from app.saml.identifiers import normalise_email
from app.sso import SSO, LoginResult
from app.trial.documents import take_entity_id, try_metadata, try_request
from app.trial.ground import Ground, post_at_once
from app.trial.kept import kept_rows
from app.trial.report import as_html, as_json_lines, as_junit, as_text

if TYPE_CHECKING:
    import httpx

    from app.saml.report import Report
    from simulator.faults import Fault, Setup
    from simulator.idp import Idp, Issued
    from simulator.keys import KeyRing
    from simulator.requests import AuthnRequest
    from simulator.tenant import TestUser

ACCOUNT: Final = "ik_7x2k"
_SEATS: Final = 100_000
_VICTIM: Final = "victim@acme-media.test"
_KEEPER: Final = "keeper@acme-media.test"  # a second administrator, so that nobody is the last one
_CANARY: Final = "canary-text-that-must-not-be-read"
#: The settings that a setup's policy may change, with the values of the default profile.
_POLICY: Final[dict[str, Any]] = {"allow_idp_initiated": True, "signed_part": "either", "allow_cbc": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """One fault: expected and got.

    `got` is a verdict. `decided_by` are the checks that failed (for an accepted message: that warned or informed).
    `role_before`/`role_after` and `seats_before`/`seats_after` are the person's and the account's. `why` says what is
    not as expected, "" where all is. `sent` are the octets of the last message, `report` its judgement, for looking at
    it in the inspector. `door` is the HTTP status where the message was refused before it was judged, else None.
    """

    id: str
    family: str
    kind: str
    summary: str
    reference: str
    expected: str
    expected_checks: tuple[str, ...]
    got: str
    decided_by: tuple[str, ...]
    outcome: str
    sentence: str
    role_before: str | None
    role_after: str | None
    seats_before: int
    seats_after: int
    status_code: int
    door: int | None
    as_expected: bool
    why: str
    duration_ms: float
    event: str = ""
    sent: bytes = b""
    report: Report | None = None

    def as_dict(self) -> dict[str, Any]:
        """The row as a JSON object, without the message itself."""
        return {
            "schema": "sso-workbench/trial/1",
            "fault": self.id,
            "family": self.family,
            "kind": self.kind,
            "summary": self.summary,
            "reference": self.reference,
            "expected": {"verdict": self.expected, "checks": list(self.expected_checks)},
            "got": {
                "verdict": self.got,
                "checks": list(self.decided_by),
                "outcome": self.outcome,
                "sentence": self.sentence,
                "status_code": self.status_code,
                "refused_at_the_door": self.door,
            },
            "role": {"before": self.role_before, "after": self.role_after},
            "seats": {"before": self.seats_before, "after": self.seats_after},
            "as_expected": self.as_expected,
            "why": self.why or None,
            "duration_ms": round(self.duration_ms, 1),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReport:
    """A whole trial. `cancelled` says that rows are missing because somebody stopped it."""

    rows: tuple[TrialRow, ...]
    vendor: str
    started_at: datetime
    duration_s: float
    cancelled: bool = False

    def as_text(self) -> str:
        """For people."""
        return as_text(self)

    def as_json_lines(self) -> str:
        """For programs: one object for each row, and one for the whole."""
        return as_json_lines(self)

    def as_junit(self) -> str:
        """For CI."""
        return as_junit(self)

    def as_html(self) -> str:
        """For a mail: one file that loads nothing."""
        return as_html(self)

    @property
    def failed(self) -> tuple[TrialRow, ...]:
        """The rows that are not as expected."""
        return tuple(r for r in self.rows if not r.as_expected)

    @property
    def as_expected(self) -> bool:
        """Whether every fault was tried and every verdict is as expected."""
        return not self.cancelled and not self.failed

    @property
    def families(self) -> tuple[tuple[str, int, int], ...]:
        """(family, rows, rows as expected), in the order of the rows."""
        names = dict.fromkeys(r.family for r in self.rows)
        return tuple(
            (n, sum(r.family == n for r in self.rows), sum(r.family == n and r.as_expected for r in self.rows))
            for n in names
        )

    @property
    def headline(self) -> str:
        """The result in one sentence."""
        good = len(self.rows) - len(self.failed)
        end = " The trial was stopped before its end." if self.cancelled else ""
        return f"{good} of {len(self.rows)} faults are as expected, in {self.duration_s:.1f} s.{end}"


def run_trial(
    faults: Sequence[str] | None = None,
    *,
    vendor: str = "generic",
    progress: Callable[[int, int, str], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    keys: KeyRing | None = None,
    resume: Path | None = None,
    again: bool = False,
) -> TrialReport:
    """Try faults by id, shell pattern or family; None tries all of them.

    `progress(done, total, id)` is called after each, `cancelled()` is asked before each. `keys` may be kept from one
    trial to the next, because making them takes a second or two. `resume` is a file of finished rows: what stands there
    is not tried once more (with `again` it is), and each new row is added. Raises UnknownFault for a pattern that fits
    nothing, TrialError for a file that cannot be used.
    """
    from simulator.faults import all_faults, matching

    chosen = all_faults() if faults is None else matching(tuple(faults))
    # Our service provider is given metadata and does not fetch it, so what only a fetching one meets is left out.
    chosen = tuple(f for f in chosen if not f.setup.fetched)
    started_at, start = datetime.now(UTC), time.perf_counter()
    kept = kept_rows(resume, vendor)
    rows = {} if again else {f.id: kept.rows[f.id] for f in chosen if f.id in kept.rows}
    missing = [f for f in chosen if f.id not in rows]
    stopped = False
    with Bench(vendor=vendor, keys=keys) if missing else contextlib.nullcontext() as bench:
        # Faults that need the same arrangement follow each other: arranging saves metadata and settings.
        for fault in sorted(missing, key=lambda f: Bench.arrangement(f.setup)):
            if cancelled():
                stopped = True
                break
            assert bench is not None, "there is something to try"
            rows[fault.id] = bench.run(fault)
            kept.add(rows[fault.id])
            if progress is not None:
                progress(len(rows), len(chosen), fault.id)
    return TrialReport(
        rows=tuple(rows[f.id] for f in chosen if f.id in rows),
        vendor=vendor,
        started_at=started_at,
        duration_s=time.perf_counter() - start,
        cancelled=stopped,
    )


class _Canary:
    """A listener and a file that a service provider must never touch."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "canary.txt"
        self.file.write_text(_CANARY, "utf-8")
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"

    def touched(self) -> bool:
        """Whether anybody has connected since the last question."""
        try:
            self._socket.accept()[0].close()
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()


@dataclass(frozen=True, slots=True)
class _Sent:
    """What came of one message."""

    issued: Issued
    status_code: int
    result: LoginResult | None


class Bench:
    """A throw-away workspace with the lab running, on which one fault after the other is tried.

    Used by run_trial() and by the tests; open it as a context manager. Each fault gets a person of its own.
    """

    def __init__(self, *, vendor: str = "generic", keys: KeyRing | None = None) -> None:
        self._ground = Ground(vendor=vendor, keys=keys)
        self.clock, self.lab = self._ground.clock, self._ground.lab
        self._canary = _Canary(self._ground.folder)
        self._count = 0
        self._arranged: tuple[Any, ...] | None = None

    def __enter__(self) -> Bench:
        try:
            self._ground.start()
            self._prepare()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the servers and throw the workspace away."""
        self._canary.close()
        self._ground.close()

    @property
    def sso(self) -> SSO:
        """The verbs of the workspace, which are others after a restart."""
        return self._ground.sso

    def _prepare(self) -> None:
        sso = self.sso
        sso.update_account(ACCOUNT, seat_limit=_SEATS, operator="trial")
        for email, name in ((_VICTIM, "Victoria Timms"), (_KEEPER, "Karl Eeper")):
            sso.add_user(ACCOUNT, email, name, ADMINISTRATOR, operator="trial")
        idp = self.lab.idp
        idp.canary_url, idp.canary_file = self._canary.url, str(self._canary.file)

    # Arranging --------------------------------------------------------------------------------------------------------

    @staticmethod
    def arrangement(setup: Setup) -> tuple[Any, ...]:
        """What of a setup lasts longer than one message; faults with the same value can share it."""
        return (
            setup.entity_id_taken,
            setup.metadata,
            setup.plan,
            setup.child_account,
            setup.decryption_key,
            setup.second_idp,
            setup.allowed_domains,
            setup.test_idp_trusted,
            tuple((k, str(v)) for k, v in setup.policy),
        )

    def _arrange(self, setup: Setup) -> None:
        """Make the account, its metadata and its settings what the setup says, if they are not already."""
        wanted = self.arrangement(setup)
        if wanted == self._arranged:
            return
        sso, lab = self.sso, self.lab
        self._arranged = None
        sso.update_account(ACCOUNT, plan=setup.plan, operator="trial")
        own = sso.sp.child_entity_id(ACCOUNT) if setup.child_account else None
        sso.set_entity_id(ACCOUNT, own, operator="trial")
        lab.idp.keys = lab.keys
        lab.connect(ACCOUNT, "trial")
        if not setup.test_idp_trusted:
            # A key that nobody ever said was for tests, as if another installation's metadata had been saved.
            lab.idp.keys = type(lab.keys).in_memory(self.clock)
            # What trusts a test identity provider on purpose trusts its newer metadata, too: this account never did.
            sso.delete_metadata(ACCOUNT, operator="trial")
        if setup.metadata != "default" or not setup.test_idp_trusted:
            document = lab.idp.metadata(setup.metadata)
            sso.save_metadata(ACCOUNT, document, operator="trial", test_idp=setup.test_idp_trusted)
        sso.decryption_keys = (lab.keys.pair("sp-encryption").key,) if setup.decryption_key else ()
        if setup.second_idp:
            self._second_account()
        else:
            with contextlib.suppress(Exception):
                sso.delete_metadata("ik_other", operator="trial")
        take_entity_id(sso, lab, ACCOUNT, taken=setup.entity_id_taken)
        sso.set_setting("email_domains", [f"{ACCOUNT}:{d}" for d in setup.allowed_domains])
        policy = dict(setup.policy)
        for name, default in _POLICY.items():
            sso.set_setting(name, policy.pop(name, default))
        if policy:
            raise LabError(f"A trial cannot arrange the policy {', '.join(policy)}.")
        self._arranged = wanted

    def _second_account(self) -> None:
        """Another account that trusts another identity provider."""
        if not any(a.imagekit_id == "ik_other" for a in self.sso.accounts()):
            self.sso.create_account("ik_other", "Other Media", operator="trial")
            self.sso.set_entity_id("ik_other", self.sso.sp.child_entity_id("ik_other"), operator="trial")
        self.sso.save_metadata("ik_other", self._other_metadata(), operator="trial")

    def _other_idp(self) -> Idp:
        """Another identity provider, with the same applications."""
        from simulator.idp import Idp

        tenant = replace(self.lab.tenant, entity_id_override="https://other-idp.example/")
        return Idp(tenant, self.lab.keys, self.clock, base_url="https://other-idp.example")

    def _other_metadata(self) -> bytes:
        return self._other_idp().metadata("other-idp")

    # One fault --------------------------------------------------------------------------------------------------------

    def run(self, fault: Fault) -> TrialRow:
        """Arrange, send and compare one fault."""
        self._arrange(fault.setup)
        self._count += 1
        start = time.perf_counter()
        with contextlib.ExitStack() as stack:
            if fault.setup.frozen_clock:
                stack.enter_context(self.clock.held())
            if fault.acts_on != "message":
                return self._try_document(fault, start)
            client = stack.enter_context(browser())
            return self._try(fault, client, start)

    def _try_document(self, fault: Fault, start: float) -> TrialRow:
        """A fault of metadata or of a request: nobody logs in with it, so the row has no person."""
        person, before = self._person(), self._people()
        if fault.acts_on == "metadata":
            done = try_metadata(self.sso, self.lab, ACCOUNT, fault, person)
            self._arranged = None  # the account has other metadata now
        else:
            done = try_request(self.sso, self.lab, ACCOUNT, fault)
        after = self._people()
        mine = _of(after, person.email)
        row = TrialRow(
            **_told_of(fault),
            got=done.got,
            decided_by=done.decided,
            outcome="created" if mine is not None else "none",
            sentence=done.sentence,
            role_before=None,
            role_after=mine.role if mine is not None else None,
            seats_before=len(before),
            seats_after=len(after),
            status_code=done.status_code,
            door=None,
            as_expected=True,
            why="",
            duration_ms=(time.perf_counter() - start) * 1000,
            event=done.event,
            sent=done.sent,
            report=done.report,
        )
        why = done.why or _objection(fault, done.got, done.decided, ())
        return replace(row, why=why, as_expected=not why)

    def _try(self, fault: Fault, client: httpx.Client, start: float) -> TrialRow:
        setup = fault.setup
        person = self._person()
        name_id = setup.registered_name_id or person.email
        if setup.registered_as is not None or setup.registered_name_id is not None:
            self._register(name_id, person.full_name or "", setup.registered_as or "developer")
        request = self._request(client, name_id, person.username, setup) if setup.flow == "sp_initiated" else None
        before = self._people()
        sent = self._send(fault, client, person.username, request)
        after = self._people()
        last = sent[-1]
        report, door = self._judgement(last)
        got = _verdict(last)
        decided = _at_the_door(last) if last.issued.delivery is not None else decided_by(report, got)
        why = _objection(fault, got, decided, sent)
        why = why or self._side_effect(fault, before, after, person.email, sent)
        if last.issued.delivery is not None and not why and client.get(f"{self.lab.sp_url}/healthz").status_code != 200:
            why = "The service provider no longer answers."
        if setup.canary and not why:
            why = self._canary_objection(report)
        mine_before, mine_after = _of(before, name_id), _of(after, name_id)
        result = last.result
        if result is not None and result.user is not None:
            mine_after = result.user  # under another address, where the message names another
        return TrialRow(
            **_told_of(fault),
            got=got,
            decided_by=decided,
            outcome=result.decision.outcome if result is not None and result.decision is not None else "rejected",
            sentence=sentence_of(result)
            if result is not None
            else f"Refused at the door with HTTP {last.status_code}.",
            role_before=mine_before.role if mine_before else None,
            role_after=mine_after.role if mine_after else None,
            seats_before=len(before),
            seats_after=len(after),
            status_code=last.status_code,
            door=door,
            as_expected=not why,
            why=why,
            duration_ms=(time.perf_counter() - start) * 1000,
            event=result.reference if result is not None else "",
            sent=last.issued.body or urlsplit(last.issued.url).query.encode(),
            report=report,
        )

    def _person(self) -> TestUser:
        """Somebody new in the directory, assigned to the account's application."""
        from simulator.tenant import TestUser

        n = self._count
        person = TestUser(
            username=f"ada{n}",
            email=f"ada{n}@acme-media.test",
            full_name=f"Ada Lindqvist {n}",
            role="developer",
            imagekit_id=ACCOUNT,
            object_id=f"00000000-0000-4000-8000-{n:012x}",
        )
        tenant = self.lab.tenant
        kept = tuple(u for u in tenant.users if not re.fullmatch(r"ada\d+", u.username))
        self.lab.save_tenant(replace(tenant, users=(*kept, person)))
        return person

    def _register(self, email: str, name: str, role: str) -> None:
        if not any(u.email == email for u in self.sso.users(ACCOUNT, text=email)):
            self.sso.add_user(ACCOUNT, email, name, role, operator="trial")

    def _request(self, client: httpx.Client, email: str, username: str, setup: Setup) -> AuthnRequest:
        """Start a login at our own login page, and read the request as the identity provider receives it."""
        if setup.request == "other-idp":
            self.sso.save_metadata(ACCOUNT, self._other_metadata(), operator="trial")
        page = client.get(self.lab.login_url)
        form = form_with(page, email=None)
        if form is None:
            raise LabError("The login page has no form for an e-mail address.")
        typed = [(n, email if n == "email" else v) for n, v in form.fields]
        answer = client.post(form.action, content=urlencode(typed), headers=FORM_HEADERS)
        if answer.status_code != 303:
            raise LabError(f"The login of {email} could not be started: HTTP {answer.status_code}.")
        location = urljoin(str(answer.url), answer.headers["location"])
        if setup.request == "other-idp":
            # The account goes back to its own identity provider, which is now asked to answer the other one's request.
            self.sso.save_metadata(ACCOUNT, self.lab.metadata(), operator="trial")
            request = self._other_idp().read_request(query=urlsplit(location).query)
        else:
            request = self.lab.idp.read_request(query=urlsplit(location).query)
        if setup.request == "expired":
            self.clock.advance(timedelta(minutes=self.sso.settings()["request_minutes"] + 1))
        elif setup.request == "answered":
            good = self.lab.idp.issue(username, ACCOUNT, request=request)
            page, _result = self.lab.send(good, client=client)
        elif setup.request == "other-browser":
            client.cookies.clear()
        return request

    def _send(
        self, fault: Fault, client: httpx.Client, username: str, request: AuthnRequest | None
    ) -> tuple[_Sent, ...]:
        """Send the message as often as the setup says; one result for each time, an accepted one before the others."""
        setup = fault.setup
        issued = self.lab.idp.issue(username, ACCOUNT, request=request, faults=(fault.id,), victim=_VICTIM)
        if setup.parallel:
            return self._send_at_once(issued, setup.posts)
        sent = []
        for n in range(setup.posts):
            if n == 1 and setup.restart:
                self._ground.restart_sp()
            # Where the envelope is the fault, the earlier message comes in an envelope of its own.
            message = _in_other_envelope(issued) if fault.alters and n + 1 < setup.posts else issued
            page, result = self.lab.send(message, client=client)
            sent.append(_Sent(message, page.status_code, result))
        return tuple(sent)

    def _send_at_once(self, issued: Issued, posts: int) -> tuple[_Sent, ...]:
        key = self.lab.stamp(issued)
        pages = post_at_once([issued] * posts)
        results = sorted(self.lab.witness.results(key), key=lambda r: not r.allowed)
        refusal = next((p for p in pages if p >= 400), pages[-1])
        return tuple(_Sent(issued, 303 if r.allowed else refusal, r) for r in results) or (
            _Sent(issued, pages[0], None),
        )

    # Comparing --------------------------------------------------------------------------------------------------------

    def _judgement(self, sent: _Sent) -> tuple[Report, int | None]:
        """The report on a message; one that was refused at the door is judged here, to see what was wrong with it."""
        if sent.result is not None:
            return sent.result.report, None
        issued = sent.issued
        if issued.method == "GET":
            query = urlsplit(issued.url).query.encode()
            return self.sso.inspect(query, ACCOUNT, channel="redirect-query"), sent.status_code
        return self.sso.inspect(issued.body, ACCOUNT, channel="post-form"), sent.status_code

    def _people(self) -> dict[str, User]:
        return {u.email_key: u for u in self.sso.users(ACCOUNT)}

    def _side_effect(
        self, fault: Fault, before: dict[str, User], after: dict[str, User], email: str, sent: tuple[_Sent, ...]
    ) -> str:
        """What happened to somebody to whom nothing may happen, as a sentence; "" where all is well."""
        may_change: set[str] = set()
        for one in sent:
            if one.result is not None and one.result.allowed:
                may_change.add(email)
                named = normalise_email(one.issued.name_id or "")
                if fault.kind == "H" and named is not None:
                    may_change.add(named)
        for key in {**before, **after}:
            old, new = before.get(key), after.get(key)
            if key in may_change or (old is not None and new is not None and _same(old, new)):
                continue
            return f"{key} was {'created' if old is None else 'deleted' if new is None else 'changed'} by it."
        return ""

    def _canary_objection(self, report: Report) -> str:
        if self._canary.touched():
            return "The service provider connected to an address that the message named."
        if _CANARY in repr(report.as_dict()):
            return "The service provider read a file that the message named."
        return ""


def _told_of(fault: Fault) -> dict[str, Any]:
    """The fields of a row that the catalogue fills."""
    return {
        "id": fault.id,
        "family": fault.family,
        "kind": fault.kind,
        "summary": fault.summary,
        "reference": fault.reference,
        "expected": fault.expects,
        "expected_checks": fault.checks,
    }


def _verdict(sent: _Sent) -> str:
    if sent.result is None:
        return "reject" if sent.status_code >= 400 or sent.status_code == 0 else "unknown"
    return verdict_of(sent.result)


def verdict_of(result: LoginResult) -> str:
    """The verdict on a message that was judged; a good one whose person is not let in is "not-provisioned"."""
    if result.allowed:
        return "accept"
    return "not-provisioned" if result.report.verdict == "accept" else result.report.verdict


def decided_by(report: Report, got: str) -> tuple[str, ...]:
    """The checks behind a verdict: those that failed; of what was accepted, those that have something to tell."""
    if got == "accept":
        return tuple(c.id for c in report.checks if c.status in (Status.WARN, Status.INFO))
    return tuple(c.id for c in report.failures) or tuple(c.id for c in report.blocking)


def _at_the_door(sent: _Sent) -> tuple[str, ...]:
    """What a web server refused before it looked at the message, from the status of its answer."""
    from simulator.faults import DOOR

    return tuple(name for name, statuses in DOOR.items() if sent.status_code in statuses)


def _objection(fault: Fault, got: str, decided: tuple[str, ...], sent: tuple[_Sent, ...]) -> str:
    """What is not as expected in the decision itself, as a sentence; "" where all is well."""
    if got != fault.expects:
        return f"Expected {fault.expects}, got {got}."
    if fault.checks and not set(fault.checks) & set(decided):
        return f"Expected the check {' or '.join(fault.checks)}, got {', '.join(decided) or 'none'}."
    accepted = sum(1 for s in sent if s.result is not None and s.result.allowed)
    if fault.acts_on == "message" and fault.setup.posts > 1 and accepted != 1:
        return f"Of {len(sent)} messages exactly one must be accepted; {accepted} were."
    return ""


def _same(old: User, new: User) -> bool:
    """Whether nothing that matters changed about somebody."""
    return (old.id, old.role, old.full_name, old.email, old.logins) == (
        new.id,
        new.role,
        new.full_name,
        new.email,
        new.logins,
    )


def _of(people: dict[str, User], email: str) -> User | None:
    return people.get(email.strip().lower())


def _in_other_envelope(issued: Issued) -> Issued:
    """The same assertion in a response with another ID; only for messages whose response is not signed."""
    if issued.response_id is None:
        return issued
    xml = issued.xml.replace(issued.response_id.encode(), b"_" + secrets.token_hex(16).encode(), 1)
    form = tuple((n, base64.b64encode(xml).decode() if n == "SAMLResponse" else v) for n, v in issued.form)
    return replace(issued, xml=xml, form=form, own_body=None)
