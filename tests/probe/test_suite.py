"""The probe, over real sockets: it finds each weakness of a careless service provider, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from app.bootstrap import demo_workspace
from app.lab import Lab
from app.lab.browserless import is_loopback
from app.probe import ProbeReport, Target, check_target, probe
from app.probe.answers import Look, Patterns, ProbeError
from app.probe.gains import GAINS, WEIGHTS, gain_of
from app.saml.checks.registry import registered
from app.saml.decoding import decode
from app.saml.expectation import Policy
from simulator import Application, Idp, KeyRing, Server, Stage, UnknownFault, all_faults, default_tenant, find_fault
from tests.weak_sps.sps import ENTITY, CarelessSp, FirstAssertionSp, always, contains_right, starts_right

#: Faults for the quick runs: every control, and a sample of each family.
SAMPLE = [
    f.id
    for n, f in enumerate(all_faults())
    if f.family == "controls" or n % 6 == 0 or f.id in ("sig-none", "xsw3", "route-replay", "c14n-comment-nameid")
]


@cache
def keys() -> KeyRing:
    return KeyRing.in_memory()


def idp() -> Idp:
    return Idp(default_tenant(uid="0" * 32), keys(), lambda: datetime.now(UTC))


@contextmanager
def serving(sp: CarelessSp) -> Iterator[Target]:
    with Server(sp.asgi()) as server:
        sp.acs_url = f"{server.url}/acs"
        sp.relay_states = [sp.acs_url + "?x=" + "a" * n for n in range(100)]
        application = Application(id="sp", name="SP", entity_id=ENTITY, acs_url=sp.acs_url)
        yield Target(application=application)


def run(sp: CarelessSp, **options: Any) -> ProbeReport:
    provider = idp()
    with serving(sp) as target:
        return probe(provider, target, user="ada", **options)


def strict() -> CarelessSp:
    return CarelessSp(idp().metadata())


@pytest.fixture(scope="module")
def of_strict() -> ProbeReport:
    return run(strict())


def test_a_strict_service_provider_scores_clean(of_strict: ProbeReport) -> None:
    assert [r.id for r in of_strict.weaknesses] == []
    assert [r.id for r in of_strict.refused_controls] == []
    assert [r.id for r in of_strict.unclear] == []
    assert of_strict.score == 100
    assert of_strict.as_expected
    assert of_strict.tried > 300
    assert "HTTP 303 to /home setting session" in of_strict.learnt
    assert all(r.why for r in of_strict.rows if r.got == "not-tried")


TIME = {"time-notonorafter": always, "sc-notonorafter": always}
WEAK: dict[str, tuple[CarelessSp, set[str], str]] = {
    "unsigned accepted": (
        CarelessSp(b"", believes_unsigned=True),
        {"unsigned"},
        "sig-none",
    ),
    "any embedded certificate": (CarelessSp(b"", trusts_embedded=True), {"foreign-key"}, "sig-wrong-key-own-cert"),
    "prefix of the Destination": (
        CarelessSp(b"", forgive={"destination-match": starts_right}),
        {"other-address"},
        "route-destination-prefix",
    ),
    "substring of the Recipient": (
        CarelessSp(b"", forgive={"sc-recipient": contains_right}, bearer_follows="sc-recipient"),
        {"other-address"},
        "route-recipient-superstring",
    ),
    "any audience": (
        CarelessSp(b"", ignorant_of=frozenset({"audience"})),
        {"other-audience"},
        "route-audience-other",
    ),
    "no memory": (CarelessSp(b"", remembers=False), {"replay"}, "route-replay"),
    "expired accepted": (
        CarelessSp(b"", forgive=TIME, bearer_follows="sc-notonorafter"),
        {"expired"},
        "time-conditions-expired",
    ),
    "cut at a comment": (
        CarelessSp(b"", ignorant_of=frozenset({"xml-comments", "xml-mixed-content"})),
        {"truncation"},
        "c14n-comment-nameid",
    ),
    "first assertion read": (FirstAssertionSp(b""), {"wrapping"}, "xsw3"),
    "SHA-1": (
        CarelessSp(b"", policy=Policy(name="diagnose"), warned_of=frozenset({"crypto"})),
        {"outdated"},
        "crypto-sha1-signature",
    ),
}


@pytest.mark.parametrize("name", WEAK)
def test_each_weakness_is_found_and_nothing_else(name: str) -> None:
    sp, gains, telling = WEAK[name]
    sp.metadata, sp.decisions, sp.seen = idp().metadata(), [], set()
    report = run(sp, faults=[*SAMPLE, telling])
    assert {r.gain for r in report.weaknesses} == gains
    assert telling in {r.id for r in report.weaknesses}
    assert report.score < 100
    assert all(r.sentence and r.gravity in WEIGHTS for r in report.weaknesses)
    for row in report.weaknesses:
        assert gain_of(find_fault(row.id).breaks or "")[0].id in gains


def test_what_it_says_is_what_the_service_provider_did() -> None:
    """Its reading of the answers agrees with the decisions of the service provider itself, message by message."""
    sp = strict()
    report = run(sp, faults=["controls", "timing"])
    tried = [r for r in report.rows if r.got != "not-tried"]
    assert {r.got for r in tried} == {"accepted", "refused"}
    # Learning takes nonsense, a good login and a broken one; good logins are tried again in between.
    assert sum(sp.decisions) >= sum(r.got == "accepted" for r in tried) + 1
    assert sp.decisions.count(False) == sum(r.got == "refused" for r in tried) + 2


def test_one_that_rejects_everything_proves_nothing() -> None:
    with pytest.raises(ProbeError, match="answers a good login like nonsense"):
        run(CarelessSp(idp().metadata(), rejects_all=True), faults=["sig-none"])


def test_one_that_locks_out_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.probe.suite._RECHECK", 2)
    sp = strict()

    def progress(done: int, _total: int, _fault: str) -> None:
        sp.rejects_all = done >= 1

    with pytest.raises(ProbeError, match="not accepted any more"):
        run(sp, faults=["sig-none", "xsw1", "xsw2", "xsw3"], progress=progress)


def test_patterns_say_how_acceptance_looks() -> None:
    for patterns in (Patterns(status=(303,)), Patterns(location="^/home$"), Patterns(body="Welcome")):
        report = run(strict(), faults=["ok-assertion-signed", "sig-none"], patterns=patterns)
        assert report.as_expected, report.as_text()
        assert "given patterns" in report.learnt
    with pytest.raises(ProbeError, match="answers a good login like nonsense"):
        run(strict(), faults=["sig-none"], patterns=Patterns(body="no such words"))


def test_the_tester_is_asked_where_an_answer_looks_like_neither() -> None:
    asked: list[str] = []

    def ask(what: str, look: Look) -> bool:
        asked.append(what)
        return False

    sp = Undecided(idp().metadata())
    unclear = run(sp, faults=["sig-none"])
    assert [r.id for r in unclear.unclear] == ["sig-none"]
    sp.seen.clear()
    report = run(sp, faults=["sig-none", "xsw1"], ask=ask)
    assert report.as_expected
    assert asked == ["sig-none"], "what was answered once is known"


class Undecided(CarelessSp):
    """Refuses what is not signed in a way that looks half like letting in."""

    async def _acs(self, request: Request) -> Response:
        body = await request.body()
        if self.decide(body, ""):
            return await super()._acs(request)
        if b"SignatureValue>" in decode(body, channel="post-form").data or len(body) < 60:
            return HTMLResponse("<title>Sorry</title>", status_code=403)
        answer = RedirectResponse("/other", status_code=303)
        answer.set_cookie("session", "0")
        return answer

    def asgi(self) -> Any:
        routes = [
            Route("/acs", self._acs, methods=["POST"]),
            Route("/home", self._home),
            Route("/other", lambda _r: HTMLResponse("<title>Other</title>")),
        ]
        return Starlette(routes=routes)

    def decide(self, body: bytes, browser: str) -> bool:
        accepted = super().decide(body, browser)
        if accepted:
            self.seen.clear()  # it is asked twice for each message
        return accepted


def test_only_this_computer_or_a_host_that_was_typed() -> None:
    def at(url: str) -> Target:
        return Target(application=Application(id="sp", name="SP", entity_id="sp", acs_url=url))

    for url in ("http://127.0.0.1:9/acs", "http://localhost:9/acs", "http://[::1]:9/acs"):
        check_target(at(url), None)
    for url in ("https://sp.example/acs", "http://127.0.0.1.evil.test/acs", "http://10.0.0.1/acs"):
        with pytest.raises(ProbeError, match="--confirm-target"):
            check_target(at(url), None)
        with pytest.raises(ProbeError):
            check_target(at(url), "other.example")
    check_target(at("https://SP.example/acs"), "sp.example")
    # A login page is asked as well, so it needs to be confirmed no less than the ACS.
    elsewhere = replace(at("http://127.0.0.1:9/acs"), login_url="https://sp.example/login")
    with pytest.raises(ProbeError, match="--confirm-target"):
        check_target(elsewhere, None)
    two = replace(at("https://sp.example/acs"), login_url="https://other.example/login")
    with pytest.raises(ProbeError, match="one host"):
        check_target(two, "sp.example")
    assert not is_loopback("0.0.0.0")
    with pytest.raises(ProbeError, match="--confirm-target"):
        probe(idp(), at("https://sp.example/acs"), user="ada")


def test_an_address_where_nobody_listens() -> None:
    with Server(strict().asgi()) as server:
        url = server.url
    application = Application(id="sp", name="SP", entity_id=ENTITY, acs_url=f"{url}/acs")
    with pytest.raises(ProbeError, match="cannot be reached"):
        probe(idp(), Target(application=application), user="ada")


def test_a_fault_that_is_not_there() -> None:
    with pytest.raises(UnknownFault):
        run(strict(), faults=["no-such-*"])


def test_it_can_be_stopped_and_goes_on_where_it_was(tmp_path: Path) -> None:
    file, sp, provider = tmp_path / "probe.jsonl", strict(), idp()
    chosen = ["ok-assertion-signed", "sig-none", "xsw1", "xsw2"]
    told: list[str] = []
    with serving(sp) as target:

        def go(**options: Any) -> ProbeReport:
            return probe(provider, target, user="ada", faults=chosen, resume=file, **options)

        first = go(progress=lambda _d, _t, fault: told.append(fault), cancelled=lambda: len(told) == 2)
        assert first.cancelled
        assert not first.as_expected
        with file.open("a") as f:
            f.write('\n{"fault": "xsw1", "cut off')
        again: list[str] = []
        second = go(progress=lambda _d, _t, fault: again.append(fault))
        assert again == [f for f in [r.id for r in second.rows] if f not in told]
        assert second.as_expected
        assert len(second.rows) == 4
        third = go(progress=lambda *_: pytest.fail("all is done"))
        assert [(r.id, r.got, r.look) for r in third.rows] == [(r.id, r.got, r.look) for r in second.rows]
        other = Target(application=replace(target.application, acs_url=f"{target.application.acs_url}2"))
        with pytest.raises(ProbeError, match="another target"):
            probe(provider, other, user="ada", faults=chosen, resume=file)
        file.write_text("no json")
        with pytest.raises(ProbeError, match="no file of an earlier probe"):
            go()


def test_our_own_service_provider_from_its_own_login_page_too() -> None:
    """SP-initiated over the real login page, with the person's address typed into its form."""
    with demo_workspace() as workspace, Lab(workspace.sso, None, keys=keys()) as lab:
        account = workspace.sso.accounts()[0]
        application = lab.connect(account.imagekit_id)
        workspace.sso.update_account(account.imagekit_id, seat_limit=1_000)
        target = Target(application=application, login_url=lab.login_url)
        faults = ["ok-solicited", "ok-unsolicited", "route-irt-unknown", "sig-none", "xsw3", "route-answered-request"]
        known = [f for f in faults if f in {x.id for x in all_faults()}]
        report = probe(lab.idp, target, user="ada", faults=known)
        assert report.as_expected, report.as_text()
        flows = {r.id: r.flow for r in report.rows}
        assert flows["ok-solicited"] == "sp_initiated"
        assert report.tried >= 5


def test_the_reports(of_strict: ProbeReport) -> None:
    sp = CarelessSp(idp().metadata(), believes_unsigned=True)
    report = run(sp, faults=["ok-assertion-signed", "sig-none"])
    text = report.as_text()
    assert "CRITICAL  unsigned: Anybody can log in as anybody" in text
    assert report.headline.startswith(f"Score {report.score} of 100")
    *rows, total = [json.loads(line) for line in report.as_json_lines().splitlines()]
    assert {r["schema"] for r in rows} == {"sso-workbench/probe/1"}
    assert total["accepted_wrongly"] == ["sig-none"]
    weak = next(r for r in rows if r["fault"] == "sig-none")
    assert weak["weakness"]["gravity"] == "critical"
    assert weak["weakness"]["resembles"].startswith("CVE-")
    junit = etree.fromstring(report.as_junit().encode())
    assert junit.get("failures") == "1"
    assert len(junit.findall(".//failure")) == 1
    whole = etree.fromstring(of_strict.as_junit().encode())
    assert int(whole.get("tests", "0")) == len(of_strict.rows) == len(whole.findall(".//testcase"))
    page = report.as_html()
    assert "default-src 'none'" in page
    assert "<script" not in page
    parser = HTMLParser()
    parser.feed(page)
    assert "Anybody can log in as anybody" in page


def test_every_check_that_can_refuse_has_a_gain_of_its_own() -> None:
    """No fault's check falls to the last row by accident: that one is for what gives nothing away."""
    elsewhere = (Stage.METADATA, Stage.REQUEST, Stage.HTTP)
    logins = [f for f in all_faults() if f.stage not in elsewhere and f.expects == "reject"]
    for check in {f.breaks for f in logins if f.breaks}:
        gain, cve = gain_of(check or "", "")
        assert check in registered()
        assert gain.gravity in WEIGHTS
        assert cve == gain.resembles
    assert len({g.id for g in GAINS}) == len(GAINS)
    assert gain_of("signature-present", "signature exclusion; CVE-2026-89042")[1] == "CVE-2026-89042"
    assert {g.id for g in GAINS} >= {"unsigned", "replay", "wrapping"}
