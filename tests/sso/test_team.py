"""Several servers over one database: nothing is let in twice, counted twice, or given away twice."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.store import EventFilter
from simulator import Idp, TestUser, default_tenant
from tests.sso.test_login import at_once

ROOT = Path(__file__).parents[2]
SEATS = 10


def acs_processes(bench, folder, shares):
    """What every process made of its share of bodies, all begun at one moment: the results of each."""
    processes = []
    for number, bodies in enumerate(shares):
        file = folder / f"bodies-{number}.json"
        work = {
            "now": bench.time.isoformat(),
            "browser": "browser-1",
            "bodies": [base64.b64encode(b).decode() for b in bodies],
        }
        file.write_text(json.dumps(work), "utf-8")
        processes.append(
            subprocess.Popen(
                [sys.executable, "-m", "tests.sso.acs", bench.url, str(file)],
                cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
        )  # fmt: skip
    try:
        for p in processes:
            assert p.stdout.readline() == "ready\n", p.stderr.read()
        for p in processes:
            p.stdin.write("go\n")
            p.stdin.flush()
        done = [p.communicate(timeout=100) for p in processes]
    finally:
        for p in processes:
            p.kill()
            p.wait()
            for pipe in (p.stdin, p.stdout, p.stderr):
                pipe.close()
    assert [e for _, e in done] == [""] * len(done)
    return [json.loads(out) for out, _ in done]


@pytest.fixture
def crowd(bench):
    """Thirty people at the identity provider, and ten seats here."""
    for n in range(30):
        bench.idp.tenant = bench.idp.tenant.with_user(
            TestUser(
                username=f"p{n}", email=f"p{n}@acme-media.test", full_name=f"Person {n}", role="developer",
                imagekit_id="ik_7x2k",
            )
        )  # fmt: skip
    bench.sso.update_account("ik_7x2k", seat_limit=SEATS)
    return bench


@pytest.mark.timeout(180)
def test_servers_under_load_lose_double_and_over_seat_nothing(crowd, url, tmp_path):
    """Every process is posted the same responses in its own order, so that each meets all the others' work."""
    servers = 4 if url.startswith("postgresql") else 2
    crowd.log_in("p0")
    begun = crowd.sso.start_login("p0@acme-media.test", browser="browser-1")
    request = crowd.idp.read_request(query=begun.redirect_url.partition("?")[2])
    answers = [crowd.issue("p0", request=request).body for _ in range(4)]
    bodies = [crowd.issue(f"p{n}").body for n in range(30) for _ in range(2)]
    before = crowd.sso.count_events(EventFilter(kind="login"))
    shares = [[answers[n], *bodies[n * 11 :], *bodies[: n * 11]] for n in range(servers)]
    results = acs_processes(crowd, tmp_path, shares)

    rows = [row for r in results for row in r["rows"]]
    assert len({row[0] for row in rows}) == len(rows) == servers * 61
    assert crowd.sso.count_events(EventFilter(kind="login")) == before + len(rows)
    let_in = [row for row in rows if row[1]]
    # Ten people have a seat, each of their two responses is good once, and one answer of the request is.
    assert len(let_in) == SEATS * 2 + 1
    assert sorted(row[2] for row in let_in).count("created") == SEATS - 1
    refused = {row[3] for row in rows if not row[1]}
    assert refused == {"replay.assertion", "seat.limit-reached", "bind.in-response-to"}
    assert sum(row[3] == "bind.in-response-to" for row in rows) == servers - 1
    users = crowd.sso.users("ik_7x2k")
    assert len({u.email_key for u in users}) == len(users) == SEATS
    assert sum(u.logins for u in users) == len(let_in) + 1
    assert crowd.sso.seats("ik_7x2k").seats.used == SEATS
    assert crowd.rows()["replays"] == len(let_in) + 1
    assert crowd.store.check() == ()
    numbers = [e.seats_after for e in crowd.sso.events(EventFilter(outcome="created"), limit=100)]
    assert sorted(numbers) == list(range(1, SEATS + 1))


def test_one_email_at_one_moment_in_two_accounts_is_registered_once(bench, keys):
    bench.sso.create_account("ik_2", "Second", plan="paid", seat_limit=20)
    bench.sso.update_account("ik_7x2k", seat_limit=20)
    second = Idp(default_tenant(imagekit_id="ik_2", domain="second.test"), keys, lambda: bench.time)
    bench.sso.save_metadata("ik_2", second.metadata(), test_idp=True)
    for n in range(8):
        person = TestUser(
            username=f"p{n}", email=f"p{n}@shared.test", full_name="Both", role="developer", imagekit_id="ik_7x2k"
        )
        bench.idp.tenant = bench.idp.tenant.with_user(person)
        second.tenant = second.tenant.with_user(replace(person, imagekit_id="ik_2"))
        bodies = [bench.issue(f"p{n}").body, second.issue(f"p{n}", "imagekit").body]
        results = at_once(lambda bodies=bodies: bench.sso.consume(bodies.pop()), 2)
        assert sorted(r.decision.outcome for r in results) == ["created", "rejected"]
        assert next(r.reason.code for r in results if not r.allowed) == "org.user-elsewhere"
    assert bench.store.check() == ()


def test_a_configuration_changed_between_judgement_and_decision_counts(bench, keys):
    """What the first look trusted is not trusted any more when the decision is made."""
    body = bench.issue("ada").body
    write = bench.store.write

    def write_after_the_other_desk():
        bench.store.write = write
        other = Idp(default_tenant(imagekit_id="ik_7x2k", domain="other.test"), keys, lambda: bench.time)
        bench.sso.save_metadata("ik_7x2k", other.metadata(), test_idp=True)
        return write()

    bench.store.write = write_after_the_other_desk
    result = bench.sso.consume(body)
    assert not result.allowed
    assert result.reason.category == "issuer" or "issuer" in result.reason.code
    assert bench.sso.users("ik_7x2k") == ()


def test_a_clock_that_jumps_back_lets_nothing_in_twice(bench):
    bench.log_in("ada")
    issued = bench.issue("ada")
    assert bench.sso.consume(issued.body).allowed
    bench.later(days=3)
    bench.log_in("grace")
    bench.time -= timedelta(days=3)
    again = bench.sso.consume(issued.body)
    assert (again.allowed, again.reason.code) == (False, "replay.assertion")
