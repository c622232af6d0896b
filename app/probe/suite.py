"""The fault catalogue against somebody else's service provider, over HTTP: what it accepts that it must refuse.

How acceptance looks is learnt from a good login, or given as patterns, or asked of the tester. It talks to one server
only, at a pace, and judges no message itself: of a stranger's service provider only its answers can be seen.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlencode, urljoin, urlsplit

import httpx

from app.bulk.kept_rows import KeptRows
from app.lab.browserless import form_with, is_loopback
from app.probe.answers import Asker, Look, Patterns, ProbeError, is_same_server
from app.probe.gains import WEIGHTS, Gain, gain_of
from app.probe.report import as_html, as_json_lines, as_junit, as_text
from app.saml.checks.registry import Severity, registered

if TYPE_CHECKING:
    from simulator.faults import Fault, Setup
    from simulator.idp import Idp, Issued
    from simulator.requests import AuthnRequest
    from simulator.tenant import Application

Got = Literal["accepted", "refused", "unclear", "not-tried"]

_MAX_HOPS: Final = 3
_RECHECK: Final = 40  # after so many faults the good login is tried again
#: Ways of signing a good login, tried in turn until one is accepted.
_CONTROLS: Final = ("ok-both-signed", "ok-assertion-signed", "ok-response-signed")
#: No service provider can take this for a login: what it answers to it is how refusal looks.
_NONSENSE: Final = urlencode({"SAMLResponse": "bm8gbWVzc2FnZQ=="}).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The service provider under test. `login_url` is where a login starts there (None: only from the portal)."""

    application: Application
    login_url: str | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every address that is asked."""
        return tuple(a for a in (self.application.post_to, self.login_url) if a is not None)

    @property
    def strangers(self) -> tuple[str, ...]:
        """The hosts among them that are not this computer, in lower case."""
        hosts = ((urlsplit(a).hostname or "").lower() for a in self.addresses)
        return tuple(dict.fromkeys(h for h in hosts if not is_loopback(h)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRow:
    """One fault: what must become of it, what did. `gain` and `cve` are told of what was wrongly accepted."""

    id: str
    family: str
    summary: str
    reference: str
    must: Literal["accept", "refuse"]
    got: Got
    why: str
    flow: str
    look: dict[str, Any] | None
    gain: str = ""
    gravity: str = ""
    sentence: str = ""
    cve: str = ""
    duration_ms: float = 0.0

    @property
    def as_expected(self) -> bool:
        """Whether the service provider did what it must; what was not tried or is unclear counts against nobody."""
        return self.got in ("not-tried", "unclear") or (self.got == "accepted") == (self.must == "accept")

    def as_dict(self) -> dict[str, Any]:
        """The row as a JSON object."""
        return {
            "schema": "sso-workbench/probe/1",
            "fault": self.id,
            "family": self.family,
            "summary": self.summary,
            "reference": self.reference,
            "must": self.must,
            "got": self.got,
            "as_expected": self.as_expected,
            "why": self.why or None,
            "flow": self.flow,
            "look": self.look,
            "weakness": {
                "id": self.gain,
                "gravity": self.gravity,
                "gives": self.sentence,
                "resembles": self.cve or None,
            }
            if self.gain
            else None,
            "duration_ms": round(self.duration_ms, 1),
        }

    def _weakness(self) -> dict[str, str | None] | None:
        if not self.gain:
            return None
        return {"id": self.gain, "gravity": self.gravity, "gives": self.sentence, "resembles": self.cve or None}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReport:
    """A whole probe. `learnt` says in a sentence how acceptance was told from refusal."""

    target: str
    vendor: str
    rows: tuple[ProbeRow, ...]
    learnt: str
    started_at: datetime
    duration_s: float
    cancelled: bool = False

    @property
    def weaknesses(self) -> tuple[ProbeRow, ...]:
        """What was accepted and must not be, the gravest first."""
        found = [r for r in self.rows if r.got == "accepted" and r.must == "refuse"]
        grave = list(WEIGHTS)
        return tuple(sorted(found, key=lambda r: grave.index(r.gravity) if r.gravity in grave else len(grave)))

    @property
    def refused_controls(self) -> tuple[ProbeRow, ...]:
        """Good messages that were refused: not dangerous, but somebody's logins will fail."""
        return tuple(r for r in self.rows if r.got == "refused" and r.must == "accept")

    @property
    def unclear(self) -> tuple[ProbeRow, ...]:
        """Answers that look like neither."""
        return tuple(r for r in self.rows if r.got == "unclear")

    @property
    def tried(self) -> int:
        """How many messages were sent and answered."""
        return sum(r.got != "not-tried" for r in self.rows)

    @property
    def score(self) -> int:
        """100 less what each kind of weakness costs, once for each kind; never below 0."""
        kinds = {r.gain: r.gravity for r in self.weaknesses}
        return max(0, 100 - sum(w for g, w in WEIGHTS.items() for k in kinds.values() if k == g))

    @property
    def as_expected(self) -> bool:
        """Whether all was tried that can be, and nothing was accepted or refused wrongly."""
        return not self.cancelled and all(r.as_expected for r in self.rows)

    @property
    def headline(self) -> str:
        """The result in one sentence."""
        weak, kinds = len(self.weaknesses), len({r.gain for r in self.weaknesses})
        found = (
            "nothing was accepted that must be refused"
            if not weak
            else f"{weak} were accepted that must be refused, which shows {kinds} kind{'s' if kinds > 1 else ''} of "
            "weakness"
        )
        end = " The probe was stopped before its end." if self.cancelled else ""
        return f"Score {self.score} of 100: of {self.tried} messages {found}.{end}"

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


def check_target(target: Target, confirmed: str | None) -> None:
    """Refuse to probe anything but this computer, unless its one host was typed once more. Raises ProbeError."""
    strangers = target.strangers
    if len(strangers) > 1:
        raise ProbeError(
            f"The ACS and the login page are on different hosts ({' and '.join(strangers)}); one host is probed at a "
            "time. Leave --login-url out, or name a page of the same host."
        )
    if strangers and (confirmed or "").strip().lower() != strangers[0]:
        raise ProbeError(
            f"Messages would be sent to {strangers[0]}, which is not this computer. Probe only what is yours or what "
            f"you may test, and confirm it by naming the host again: --confirm-target {strangers[0]}"
        )


def probe(
    idp: Idp,
    target: Target,
    *,
    user: str,
    victim: str | None = None,
    faults: Sequence[str] | None = None,
    patterns: Patterns | None = None,
    ask: Callable[[str, Look], bool] | None = None,
    confirmed: str | None = None,
    pace_s: float = 0.0,
    product_rules: bool = False,
    resume: Path | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    told: Callable[[ProbeRow], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> ProbeReport:
    """Try faults (by id, pattern or family; None: all) on a service provider that trusts `idp`.

    `user` must be able to log in there; attacks impersonate `victim`. `ask(fault, look)` is called where an answer
    looks like neither acceptance nor refusal. `pace_s` lies between two messages. `product_rules` tries rules of this
    product (its claims and roles) too. `resume` is a file of finished rows, read first and continued. `told` gets
    each row as soon as it is known.

    Raises:
        ProbeError: the target is not confirmed, cannot be reached, or does not accept a good login.
        UnknownFault: a pattern fits nothing.
    """
    from simulator.faults import all_faults, matching

    check_target(target, confirmed)
    chosen = all_faults() if faults is None else matching(tuple(faults))
    started_at, start = datetime.now(UTC), time.perf_counter()
    kept = _kept_rows(resume, target)
    run = _Probe(idp, target, user, victim, patterns or Patterns(), ask, pace_s)
    run.learn()
    rows: dict[str, ProbeRow] = {i: r for i, r in kept.rows.items() if any(f.id == i for f in chosen)}
    if told is not None:
        for known in rows.values():
            told(known)
    stopped, since = False, 0
    for fault in chosen:
        if fault.id in rows:
            continue
        if cancelled():
            stopped = True
            break
        row = run.row(fault, product_rules=product_rules)
        rows[fault.id] = row
        kept.add(row)
        if told is not None:
            told(row)
        since += row.got != "not-tried"
        if since >= _RECHECK:
            since = 0
            run.recheck()
        if progress is not None:
            progress(len(rows), len(chosen), fault.id)
    return ProbeReport(
        target=target.application.post_to,
        vendor=idp.tenant.vendor,
        rows=tuple(rows[f.id] for f in chosen if f.id in rows),
        learnt=run.learnt,
        started_at=started_at,
        duration_s=time.perf_counter() - start,
        cancelled=stopped,
    )


class _Probe:
    """One run against one service provider."""

    def __init__(
        self,
        idp: Idp,
        target: Target,
        user: str,
        victim: str | None,
        patterns: Patterns,
        ask: Callable[[str, Look], bool] | None,
        pace_s: float,
    ) -> None:
        self.idp = idp
        self.target = target
        self.user = user
        self.victim = victim
        self.patterns = patterns
        self.ask = ask
        self._asker = Asker(target.addresses, pace_s)
        self.learnt = ""
        self._control = _CONTROLS[0]
        self._flow: Literal["idp_initiated", "sp_initiated"] = "idp_initiated"
        self._accepted: Look | None = None
        self._refusals: list[Look] = []
        self._signals: tuple[str, ...] = ()

    # Learning ---------------------------------------------------------------------------------------------------------

    def learn(self) -> None:
        """Find out how acceptance looks, from a good login and from nonsense. Raises ProbeError."""
        with self._asker.browser() as client:
            nonsense = self._asker.look(client, "POST", self.target.application.post_to, _NONSENSE)
        self._refusals = [nonsense]
        flows: list[Literal["idp_initiated", "sp_initiated"]] = ["idp_initiated"]
        if self.target.login_url is not None:
            flows.append("sp_initiated")
        seen: list[Look] = []
        for flow in flows:
            for control in _CONTROLS:
                look = self._good(control, flow)
                seen.append(look)
                if self._looks_accepted(look, nonsense):
                    self._control, self._flow, self._accepted = control, flow, look
                    self._signals = look.differs_in(nonsense)
                    self.learnt = self._say_learnt(look)
                    self._learn_refusal()
                    return
        raise ProbeError(
            f"The service provider answers a good login like nonsense ({seen[0]}), so its refusals would prove "
            "nothing. Make it trust this identity provider's metadata, and make sure that the person "
            f"“{self.user}” may log in there; then try again."
        )

    def _good(self, control: str, flow: Literal["idp_initiated", "sp_initiated"]) -> Look:
        with self._asker.browser() as client:
            request = self._ask_for_login(client) if flow == "sp_initiated" else None
            return self._deliver(client, self._issue((control,), request))

    def _looks_accepted(self, look: Look, nonsense: Look) -> bool:
        if self.patterns:
            return self.patterns.fit(look)
        if look.status >= 400 or look.end >= 400 or look.status == 0:
            return False
        if look.differs_in(nonsense):
            return self.ask is None or self._strong(look, nonsense) or self.ask("a good login", look)
        return self.ask is not None and self.ask("a good login", look)

    @staticmethod
    def _strong(look: Look, other: Look) -> bool:
        return bool({"location", "cookies", "status"} & set(look.differs_in(other)))

    def _learn_refusal(self) -> None:
        """A second sample of refusal: a good message whose signature is broken, if that is refused."""
        with self._asker.browser() as client:
            request = self._ask_for_login(client) if self._flow == "sp_initiated" else None
            look = self._deliver(client, self._issue((self._control, "sig-value-zeros"), request))
        if self._accepted is not None and look.differs_in(self._accepted):
            self._refusals.append(look)

    def recheck(self) -> None:
        """A good login must still be accepted; otherwise refusals mean nothing any more. Raises ProbeError."""
        if self._judge("a good login", self._good(self._control, self._flow)) != "accepted":
            raise ProbeError(
                "A good login is not accepted any more, so the service provider has locked the person or this computer "
                "out, or limits the rate. Wait or unlock it, choose a slower --pace, and go on with --resume."
            )

    def _say_learnt(self, look: Look) -> str:
        if self.patterns:
            return "Acceptance was recognised by the given patterns."
        return f"Acceptance was learnt from a good login: {look}, unlike nonsense ({self._refusals[0]})."

    # One fault --------------------------------------------------------------------------------------------------------

    def row(self, fault: Fault, *, product_rules: bool) -> ProbeRow:
        """Try one fault."""
        must: Literal["accept", "refuse"] = "accept" if fault.expects == "accept" else "refuse"
        row = ProbeRow(
            id=fault.id,
            family=fault.family,
            summary=fault.summary,
            reference=fault.reference,
            must=must,
            got="not-tried",
            why=self._why_not(fault, product_rules=product_rules),
            flow="",
            look=None,
        )
        if row.why:
            return row
        start = time.perf_counter()
        flow = "sp_initiated" if fault.setup.flow == "sp_initiated" else self._flow
        try:
            got, look = self._try(fault, flow)
        except ProbeError as e:
            return replace(row, why=str(e), flow=flow)
        row = replace(row, got=got, flow=flow, look=look.as_dict(), duration_ms=(time.perf_counter() - start) * 1000)
        if got == "accepted" and must == "refuse":
            gain, cve = gain_of(fault.breaks or "", fault.reference)
            return _with_gain(row, gain, cve)
        if got == "refused" and must == "accept":
            return replace(row, why=f"A good message was refused: {look}.")
        if got == "unclear":
            return replace(row, why=f"The answer looks neither like acceptance nor like refusal: {look}.")
        return row

    def _why_not(self, fault: Fault, *, product_rules: bool) -> str:
        """Why a fault cannot be tried on a stranger's service provider; "" where it can."""
        from simulator.faults import Stage

        setup = fault.setup
        if fault.stage in (Stage.METADATA, Stage.REQUEST):
            return "It is about another document than a login: metadata, or a request to the identity provider."
        if fault.stage is Stage.HTTP:
            return "It is about how the message is delivered, which only a trial against our own service provider does."
        if not product_rules and _is_product_rule(fault):
            return "It is a rule of this product, not of SAML; --product-rules tries it."
        if setup.https and not self.target.application.acs_url.startswith("https:"):
            return "It needs a service provider whose address is https."
        if setup.flow == "sp_initiated" and self.target.login_url is None:
            return "It needs a login that starts at the service provider; name its page with --login-url."
        if setup.decryption_key and self.target.application.encrypt_to is None:
            return "It needs the service provider's encryption certificate, which its metadata does not name."
        return _unarranged(setup)

    def _try(self, fault: Fault, flow: str) -> tuple[Got, Look]:
        setup = fault.setup
        with self._asker.browser() as client:
            request = self._ask_for_login(client) if flow == "sp_initiated" else None
            if setup.request == "answered":
                self._deliver(client, self._issue((self._control,), request))
            elif setup.request == "other-browser":
                client.cookies.clear()
            # How the message is signed is the fault's business where it says so, else as the good login was.
            base = (self._control,) if fault.signs == "profile" else ()
            issued = self._issue((*base, fault.id), request)
            looks = [self._deliver(client, issued)]
            for _ in range(setup.posts - 1):
                # A later use of the same message is somebody else's: a browser of its own, unless the login is bound.
                with self._asker.browser() as other:
                    if request is not None:
                        other.cookies.update(client.cookies)
                    looks.append(self._deliver(other, issued, again=True))
        got = self._judge(fault.id, looks[-1])
        if setup.posts > 1 and self._judge(fault.id, looks[0]) != "accepted":
            raise ProbeError("The first use of the message was not accepted, so its second use proves nothing.")
        return got, looks[-1]

    def _judge(self, what: str, look: Look) -> Got:
        """Acceptance, refusal or neither; an answer that the tester has named is known from then on."""
        if self.patterns:
            return "accepted" if self.patterns.fit(look) else "refused"
        good = self._accepted
        assert good is not None
        off = set(look.differs_in(good)) & set(self._signals)
        if not off:
            return "accepted"
        if look.status >= 400 or look.end >= 400 or look.status == 0:
            return "refused"
        if any(not look.differs_in(r) for r in self._refusals):
            return "refused"
        strong = {"location", "cookies"} & set(self._signals)
        if strong and strong <= off:
            return "refused"
        if self.ask is None:
            return "unclear"
        if self.ask(what, look):
            return "accepted"
        self._refusals.append(look)
        return "refused"

    # HTTP -------------------------------------------------------------------------------------------------------------

    def _issue(self, faults: tuple[str, ...], request: AuthnRequest | None) -> Issued:
        return self.idp.issue(self.user, self.target.application, request=request, faults=faults, victim=self.victim)

    def _ask_for_login(self, client: httpx.Client) -> AuthnRequest:
        """Start a login at the service provider, and read the request it sends. Raises ProbeError."""
        from simulator.errors import RequestRefused

        url = self.target.login_url
        assert url is not None
        page, typed = self._asker.fetch(client, "GET", url), False
        try:
            for _ in range(_MAX_HOPS + 2):
                location = urljoin(str(page.url), page.headers.get("location", ""))
                query = urlsplit(location).query
                if page.is_redirect and "SAMLRequest=" in query:
                    return self.idp.read_request(query=query)
                form = form_with(page, SAMLRequest=None)
                if form is not None:
                    return self.idp.read_request(form=urlencode(form.fields))
                if page.is_redirect and is_same_server(location, url):
                    page = self._asker.fetch(client, "GET", location)
                    continue
                named = self._typed(page)
                if named is None or typed:
                    break
                page, typed = self._asker.fetch(client, "POST", named[0], named[1]), True
        except RequestRefused as e:
            raise ProbeError(f"The login page at {url} sends a request that cannot be answered. {e}") from e
        raise ProbeError(f"The login page at {url} leads to no AuthnRequest (HTTP {page.status_code}).")

    def _typed(self, page: httpx.Response) -> tuple[str, bytes] | None:
        """The login page's form with the person's address filled in, on the same server only."""
        email = self.idp.tenant.user(self.user)
        for name in ("email", "username", "user", "login"):
            form = form_with(page, **{name: None})
            if form is not None and form.method == "post" and is_same_server(form.action, str(page.url)):
                fields = [(n, (email.email if email else self.user) if n == name else v) for n, v in form.fields]
                return form.action, urlencode(fields).encode()
        return None

    def _deliver(self, client: httpx.Client, issued: Issued, *, again: bool = False) -> Look:
        body = issued.second_body if again and issued.second_body is not None else issued.body
        return self._asker.look(client, issued.method, issued.url, body, list(issued.headers))


def _kept_rows(path: Path | None, target: Target) -> KeptRows[ProbeRow]:
    """The rows that an earlier, stopped run has finished. ProbeError."""
    return KeptRows(
        path,
        head={"schema": "sso-workbench/probe-file/1", "target": target.application.post_to},
        id_of=lambda row: row.id,
        read=_row_of,
        write=ProbeRow.as_dict,
        error=ProbeError,
        what="probe",
        other="another target",
        hint="Name another file with --resume.",
    )


def _row_of(told: dict[str, Any]) -> ProbeRow:
    weakness = told["weakness"] or {}
    return ProbeRow(
        id=str(told["fault"]),
        family=str(told["family"]),
        summary=str(told["summary"]),
        reference=str(told["reference"]),
        must="accept" if told["must"] == "accept" else "refuse",
        got=told["got"],
        why=str(told["why"] or ""),
        flow=str(told["flow"]),
        look=told["look"],
        gain=str(weakness.get("id", "")),
        gravity=str(weakness.get("gravity", "")),
        sentence=str(weakness.get("gives", "")),
        cve=str(weakness.get("resembles") or ""),
        duration_ms=float(told["duration_ms"]),
    )


def _with_gain(row: ProbeRow, gain: Gain, cve: str) -> ProbeRow:
    return replace(row, gain=gain.id, gravity=gain.gravity, sentence=gain.sentence, cve=cve)


def _is_product_rule(fault: Fault) -> bool:
    """Whether only rules of this product, and none of SAML, refuse it."""
    if fault.expects == "not-provisioned":
        return True
    rules = [registered()[c] for c in fault.checks if c in registered()]
    refusing = [r for r in rules if r.severity is Severity.ERROR] or rules
    return bool(refusing) and all(r.profile == "imagekit" or r.decides == "provisioning" for r in refusing)


def _unarranged(setup: Setup) -> str:
    """What of a setup only the owner of a service provider can arrange."""
    needs = {
        "other metadata at the service provider": setup.metadata != "default",
        "an account of its own": setup.child_account or bool(setup.allowed_domains) or setup.plan != "enterprise",
        "a second identity provider": setup.second_idp or setup.request == "other-idp",
        "another policy of the service provider": bool(setup.policy) or not setup.test_idp_trusted,
        "a restart of the service provider": setup.restart,
        "the service provider's clock": setup.frozen_clock or setup.request == "expired",
        "messages at the same instant": setup.parallel,
    }
    missing = next((what for what, needed in needs.items() if needed), None)
    return f"It needs {missing}, which cannot be arranged from outside." if missing else ""
