"""The log in the database: what goes in comes out, filters, pages, and how little room it takes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.accounts.provisioning import Change
from app.accounts.reference import could_be_part
from app.store import CheckRecord, EventFilter, EventRecord, event_search
from app.store.events import pack_checks, page_key, unpack_checks
from tests.store.conftest import NOW


def event(number, **changes):
    values = {
        "reference": f"amber-otter-quilt-{number:02d}",
        "at": NOW + timedelta(minutes=number),
        "status": "success",
        "outcome": "unchanged",
        "email_key": f"u{number % 7}@acme.test",
    }
    return EventRecord(**{**values, **changes})


def put(store, *events):
    with store.write() as tx:
        for e in events:
            tx.insert_event(e)


EVERYTHING = EventFilter()


def references(store, which=EVERYTHING, **more):
    with store.read() as tx:
        return [e.reference for e in tx.events(which, **more)]


def test_an_event_comes_back_whole(store, account):
    whole = event(
        1,
        account_id=account,
        checks=(
            CheckRecord("audience-match", "fail", "error", "Wrong.", "a", "b", "/samlp:Response", 3),
            CheckRecord("xml-wellformed", "pass", "error", "", None, "UTF-8"),
            CheckRecord("sc-address", "not-applicable", "info", "No address."),
            CheckRecord("x", "skipped", "error", "Why."),
            CheckRecord("y", "warn", "warning", "Hm."),
            CheckRecord("z", "info", "info", "Note."),
        ),
        changes=(Change("role", "developer", "finance", False, "kept"), Change("email", None, "x", True, "new")),
        failed_checks=("audience-match",),
        notes=("nameid.email-claim-differs",),
        faults=("route-audience-wrong",),
        details={"claims": {"imagekit_id": ["ik_7x2k"]}, "skew_s": 180},
        raw=b"SAMLResponse=abc",
        expected="reject",
        as_expected=True,
        judged_at=NOW,
    )
    put(store, whole)
    with store.read() as tx:
        back = tx.event(whole.reference)
    assert replace(back, id=0) == replace(whole, has_raw=True)


def test_an_unknown_reference_is_nothing(store):
    with store.read() as tx:
        assert tx.event("no-such-thing-00") is None


def test_hostile_text_is_stored_and_bounded(store):
    put(store, event(1, name_id="a\x00b\ud800'\";--" + "x" * 5000, details={"claims": {"k" * 100: ["v" * 40_000]}}))
    with store.read() as tx:
        back = tx.event("amber-otter-quilt-01")
    assert back.name_id.startswith("a\ufffdb?'\";--")
    assert len(back.name_id) == 1024
    assert "claims_omitted" in back.details


def test_pages_follow_each_other_without_gap_or_double(store):
    put(store, *(event(n, at=NOW + timedelta(minutes=n // 3)) for n in range(50)))
    for sort in ("at", "email", "outcome", "reason", "status"):
        for descending in (True, False):
            seen, after = [], None
            while True:
                with store.read() as tx:
                    page = tx.events(EventFilter(), after=after, limit=7, sort=sort, descending=descending)
                if not page:
                    break
                seen += [e.reference for e in page]
                after = page_key(page[-1], sort)
            assert len(seen) == len(set(seen)) == 50
    assert references(store, limit=1) == ["amber-otter-quilt-49"]


def test_a_new_event_does_not_shift_the_next_page(store):
    put(store, *(event(n) for n in range(10)))
    with store.read() as tx:
        first = tx.events(EventFilter(), limit=4)
    put(store, event(11))
    with store.read() as tx:
        second = tx.events(EventFilter(), after=page_key(first[-1]), limit=4)
    assert [e.reference[-2:] for e in second] == ["05", "04", "03", "02"]


@pytest.mark.parametrize(
    ("which", "numbers"),
    [
        (EventFilter(text="ADA@"), [1]),
        (EventFilter(text="quilt-02"), [2]),
        (EventFilter(text="_assert"), [3]),
        (EventFilter(text="lindqvist"), [1]),
        (EventFilter(text="%"), []),
        (EventFilter(text="a_a@"), []),
        (EventFilter(text="' OR 1=1 --"), []),
        (EventFilter(status="failure"), [3, 2]),
        (EventFilter(outcome="created"), [1]),
        (EventFilter(reason="seat.limit-reached"), [2]),
        (EventFilter(category="sig"), [3]),
        (EventFilter(check="signature-value"), [3]),
        (EventFilter(check="signature"), []),
        (EventFilter(role="finance"), [1]),
        (EventFilter(flow="sp_initiated"), [2]),
        (EventFilter(mode="test"), [3]),
        (EventFilter(origin="simulator"), [2]),
        (EventFilter(issuer="https://idp.test"), [1]),
        (EventFilter(certificate="ab"), [1]),
        (EventFilter(revision=4), [2]),
        (EventFilter(kind="login"), [3, 2, 1]),
        (EventFilter(kind="upkeep"), []),
        (EventFilter(since=NOW + timedelta(minutes=2)), [3, 2]),
        (EventFilter(until=NOW + timedelta(minutes=2)), [1]),
        (EventFilter(unassigned=True), [3]),
        (EventFilter(status="failure", text="quilt"), [3, 2]),
    ],
)
def test_filters(store, account, which, numbers):
    put(
        store,
        event(
            1, account_id=account, outcome="created", email_key="ada@acme.test", full_name="Ada Lindqvist",
            role_after="finance", issuer="https://idp.test", certificate="ab",
        ),
        event(
            2, account_id=account, status="failure", outcome="rejected", reason="seat.limit-reached",
            category="seat", flow="sp_initiated", origin="simulator", revision=4,
        ),
        event(
            3, status="failure", outcome="rejected", reason="sig.signature-value", category="sig", mode="test",
            assertion_id="_assertion", failed_checks=("signature-digest", "signature-value"),
        ),
    )  # fmt: skip
    assert [int(r[-2:]) for r in references(store, which)] == numbers
    with store.read() as tx:
        assert tx.count_events(which) == len(numbers)


def test_reasons_tell_one_user_from_everybody(store):
    put(
        store,
        *(event(n, reason="sig.x", category="sig", email_key="ada@acme.test") for n in range(3)),
        *(event(n, reason="time.y", category="time", email_key=f"u{n}@acme.test") for n in range(10, 15)),
        event(20),
    )
    with store.read() as tx:
        assert tx.reasons(EventFilter()) == (("time", "time.y", 5, 5), ("sig", "sig.x", 3, 1))


def test_activity_by_hour(store):
    put(store, event(1), event(2, status="failure"), event(3), event(61))
    hour = int(NOW.timestamp())
    with store.read() as tx:
        assert tx.activity(EventFilter()) == ((hour, "failure", 1), (hour, "success", 2), (hour + 3600, "success", 1))


def test_purging_takes_raw_messages_and_leaves_the_rows(store, path):
    canary = b"SAMLResponse=" + b"canary" * 200
    put(store, event(1, raw=canary), event(60, raw=b"SAMLResponse=later"))
    with store.write() as tx:
        assert tx.purge_messages(NOW + timedelta(minutes=30)) == 1
    store.vacuum()
    with store.read() as tx:
        old, new = tx.event("amber-otter-quilt-01"), tx.event("amber-otter-quilt-60")
    assert (old.has_raw, old.raw, new.raw) == (False, None, b"SAMLResponse=later")


def test_purged_bytes_leave_the_file(store, path):
    # Incompressible, so that the canary would be found as it is.
    canary = bytes((i * 167 + i // 7 * 31) % 251 for i in range(3000))
    with store.write() as tx:
        key = tx.insert_event(event(1))
        tx.connection.exec_driver_sql("INSERT INTO messages VALUES (?, ?, ?)", (key, 0, canary))
    store.vacuum()
    assert canary[:200] in path.read_bytes()
    with store.write() as tx:
        tx.purge_messages(NOW)
    store.vacuum()
    assert canary[:200] not in path.read_bytes()
    assert canary[100:150] not in path.with_name(path.name + "-wal").read_bytes()


def test_checks_of_an_ordinary_login_take_little_room():
    from app.store.events import _words_of

    lines = _words_of(1).decode().split(",\n")
    assert len(lines) > 150
    checks = tuple(
        CheckRecord(f"some-rule-number-{n}", "pass", "error", expected=None, actual=None) for n in range(190)
    )
    packed = pack_checks(checks)
    assert len(packed) < 1500
    assert unpack_checks(packed) == checks


def test_every_road_gives_the_same_rows(store, account, monkeypatch):
    """Whether a value is rare or frequent decides how it is looked for, never what is found, or in which order."""
    outcomes = ("created", "unchanged", "rejected")
    put(
        store,
        *(
            event(
                n, at=NOW + timedelta(minutes=n // 2), account_id=account if n % 3 else None,
                outcome=outcomes[n % 3], status=("success", "failure")[n % 2], mode=("live", "test")[n % 5 == 0],
                flow=("idp_initiated", "sp_initiated")[n % 4 == 0], origin=("acs", "file")[n % 7 == 0],
                kind=("login", "user")[n % 11 == 0], revision=n % 3, issuer=f"https://idp{n % 2}.test",
                certificate="ab" if n % 2 else None, reason=("", "seat.limit-reached")[n % 6 == 0],
                category=("", "seat")[n % 6 == 0], email_key=f"p{n % 9}@acme.test", full_name=f"Person {n % 9}",
                role_before="finance" if n % 8 == 0 else None, role_asserted="admin" if n % 8 == 1 else "finance",
                role_after=None if n % 8 == 2 else "developer", assertion_id=f"_{n:02d}abc",
                failed_checks=("signature-value",) if n % 2 else (),
            )
            for n in range(60)
        ),
    )  # fmt: skip
    filters = [
        EventFilter(**{name: value})
        for name, value in {
            "status": "failure", "outcome": "created", "reason": "seat.limit-reached", "category": "seat",
            "flow": "sp_initiated", "mode": "test", "origin": "file", "kind": "user", "issuer": "https://idp1.test",
            "certificate": "ab", "revision": 2, "account": account, "unassigned": True, "check": "signature-value",
            "role": "finance", "text": "person 4", "since": NOW + timedelta(minutes=9),
        }.items()
    ]  # fmt: skip
    pieces = ("amber", "mber", "otter", "r-otter", "ter-quilt-1", "t-2", "quilt-", "-quilt-33", "-07", "4", "r-q")
    filters += [EventFilter(text=piece) for piece in pieces]
    filters += [replace(a, status="failure") for a in filters] + [replace(a, account=account) for a in filters]
    filters += [replace(a, role="finance", text="p") for a in filters[:12]] + [EventFilter(role="admin")]
    ways = {}
    for few in (0, 3, 10_000):
        monkeypatch.setattr(event_search, "_RARE", few)
        for bound in ("_FEW_PEOPLE", "_SEARCHED", "_GATHERED", "_HELD", "_READ"):
            monkeypatch.setattr(event_search, bound, few)
        for which in filters:
            for sort in ("at", "email", "status") if which in filters[:17] else ("at",):
                for descending in (True, False) if sort == "at" else (False,):
                    found, after = [], None
                    while True:
                        with store.read() as tx:
                            page = tx.events(which, after=after, limit=25, sort=sort, descending=descending)
                        found += [e.reference for e in page]
                        if len(page) < 25:
                            break
                        after = page_key(page[-1], sort)
                    assert ways.setdefault((which, sort, descending), found) == found
            with store.read() as tx:
                assert tx.count_events(which) == len(ways[which, "at", True])
    assert all(set(ways[w, "at", True]) == set(ways[w, "status", False]) for w in filters[:17])
    for piece in pieces:
        holds = [f"amber-otter-quilt-{n:02d}" for n in range(60) if piece in f"amber-otter-quilt-{n:02d}"]
        assert {*holds} <= {*ways[EventFilter(text=piece), "at", True]}
        assert "-" not in piece or len(holds) == len(ways[EventFilter(text=piece), "at", True])
    assert ways[EventFilter(role="admin"), "at", True] == [f"amber-otter-quilt-{n:02d}" for n in range(57, 0, -8)]


@pytest.mark.parametrize(
    ("part", "could"),
    [
        ("amber-otter-quilt-42", True), ("amber", True), ("mbe", True), ("r-otter", True), ("otter-", True),
        ("quilt-4", True), ("-42", True), ("42", True), ("-", True), ("lindqvist", False), ("amber-lindqvist", False),
        ("ada@acme.test", False), ("a b", False), ("", False), ("amber-otter-quilt-42-1", False), ("123", False),
    ],
)  # fmt: skip
def test_what_could_stand_in_a_reference(part, could):
    assert could_be_part(part) is could
