"""The log of a big organisation after a year: a million rows, fifty thousand users. `make benchmark`.

Making such a workspace takes minutes: SSO_WORKBENCH_BIG names one that `tests.benchmarks.big_workspace` made before,
SSO_WORKBENCH_BIG_SERVER the address of one on PostgreSQL.
Times are CPU seconds, the best of several, because the machines are shared; what nobody may wait for is also watched
from the window's own thread.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.sso import SSO
from app.store import EventFilter, Store
from app.store.records import EventSort
from tests.benchmarks.big_workspace import NOW, fill
from tests.postgres import NoServer, Server

pytestmark = [pytest.mark.benchmark_ratio, pytest.mark.timeout(3600)]

MIDDLE = 500_000
SORTS: tuple[EventSort, ...] = ("at", "email", "outcome", "reason", "status")


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The workspace, opened."""
    made = os.environ.get("SSO_WORKBENCH_BIG")
    path = Path(made) if made else tmp_path_factory.mktemp("big") / "workspace.db"
    if not path.exists():
        fill(f"sqlite:///{path}")
    with Store.open(f"sqlite:///{path}") as store:
        yield store


@pytest.fixture(scope="module")
def big_server() -> Iterator[Store]:
    """The same workspace on a PostgreSQL server."""
    if made := os.environ.get("SSO_WORKBENCH_BIG_SERVER"):
        with Store.open(made) as store:
            yield store
        return
    try:
        server = Server()
    except NoServer as e:
        pytest.skip(str(e))
    try:
        url = server.database()
        fill(url)
        server.statement("VACUUM ANALYZE", url.partition("?")[0].rpartition("/")[2])  # as the server itself does, later
        with Store.open(url) as store:
            yield store
    finally:
        server.close()


def filters(store: Store) -> dict[str, EventFilter]:
    """One of each kind, frequent and rare, found and not found."""
    with store.read() as tx:
        row = tx.connection.exec_driver_sql(
            f"SELECT reference, assertion_id, certificate, issuer, email_key FROM events WHERE id = {MIDDLE}"
        ).one()
    reference, assertion, certificate, issuer, email = row
    first, second, third, digits = reference.split("-")
    main = {"account": 1, "kind": "login"}
    return {
        "as it opens": EventFilter(account=1, kind="login"),
        "everything": EventFilter(),
        "a small account": EventFilter(account=2),
        "no account": EventFilter(unassigned=True),
        "one person": EventFilter(text=email),
        "a word in nearly all": EventFilter(text="acme-media"),
        "nobody": EventFilter(text="nobody-at-all"),
        "a name": EventFilter(text="Grace Okafor 1"),
        "a reference": EventFilter(text=reference),
        "the end of a reference": EventFilter(text=reference[4:]),
        "the last word of a reference": EventFilter(text=f"{third}-{digits}"),
        "the digits of a reference": EventFilter(text=f"-{digits}"),
        "the end of a word and the digits": EventFilter(text=f"{third[-2:]}-{digits}"),
        "the middle of a reference": EventFilter(text=f"{second[-2:]}-{third[:3]}"),
        "two letters of a reference": EventFilter(text=f"{second[-1]}-{third[0]}"),
        "two words of a reference": EventFilter(text=f"{first}-{second}"),
        "a word of a reference": EventFilter(text=second),
        "a word and a hyphen": EventFilter(text=f"{first}-"),
        "a hyphen and a word": EventFilter(text=f"-{second}"),
        "a word in a small account": EventFilter(text=second, account=2),
        "a word in failures": EventFilter(text=second, status="failure", **main),  # type: ignore[arg-type]
        "two letters in failures": EventFilter(text=f"{second[-1]}-{third[0]}", status="failure", **main),  # type: ignore[arg-type]
        "what no reference holds": EventFilter(text="otter-quilt-otter-ott"),
        "an assertion": EventFilter(text=assertion),
        "failures": EventFilter(status="failure", account=1, kind="login"),
        "a status nobody has": EventFilter(status="skipped"),
        "created": EventFilter(outcome="created", account=1),
        "errors": EventFilter(outcome="error", account=1, kind="login"),
        "tests": EventFilter(mode="test", account=1, kind="login"),
        "dry runs": EventFilter(mode="dry_run"),
        "from the SP": EventFilter(flow="sp_initiated"),
        "from the IdP": EventFilter(flow="idp_initiated"),
        "pasted": EventFilter(origin="pasted"),
        "settings": EventFilter(kind="configuration"),
        "the issuer": EventFilter(issuer=issuer),
        "another issuer": EventFilter(issuer="https://other.test"),
        "the certificate": EventFilter(certificate=certificate),
        "another certificate": EventFilter(certificate="ab"),
        "the revision": EventFilter(revision=1),
        "another revision": EventFilter(revision=9),
        "a role": EventFilter(role="developer", **main),  # type: ignore[arg-type]
        "a role nobody has": EventFilter(role="nobody"),
        "a failed check": EventFilter(check="signature-digest", **main),  # type: ignore[arg-type]
        "a check that never failed": EventFilter(check="nothing-there"),
        "a reason": EventFilter(reason="role.unknown"),
        "a category": EventFilter(category="sig"),
        "a category nobody has": EventFilter(category="seat"),
        "the last 15 minutes": EventFilter(since=NOW - timedelta(minutes=15), **main),  # type: ignore[arg-type]
        "the last week": EventFilter(since=NOW - timedelta(days=7), **main),  # type: ignore[arg-type]
        "a year ago": EventFilter(until=NOW - timedelta(days=364), **main),  # type: ignore[arg-type]
        "failures of a small account": EventFilter(account=2, status="failure", kind="login"),
        "failed tests": EventFilter(status="failure", mode="test"),
    }


def best(work: Callable[[], object], times: int = 3) -> float:
    """CPU seconds, the best of several."""
    least = float("inf")
    for _ in range(times):
        start = time.process_time()
        work()
        least = min(least, time.process_time() - start)
    return least


@pytest.mark.parametrize("sort", SORTS)
def test_any_filter_and_sort_gives_its_first_rows_at_once(big: Store, sort: EventSort) -> None:
    """Every filter in every order, up and down: first rows in less than 150 ms."""
    sso = SSO(big, clock=lambda: NOW, random_bytes=secrets.token_bytes)
    took = {}
    for descending in (True, False):
        for name, which in filters(big).items():

            def ask(which: EventFilter = which, descending: bool = descending) -> None:
                sso.events(which, sort=sort, descending=descending)

            took[f"{name}{'' if descending else ', ascending'}"] = best(ask)
    slowest = sorted(took.items(), key=lambda t: -t[1])[:4]
    print(f"\nby {sort}: " + ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in slowest) + " (limit 150)")
    for name, seconds in took.items():
        assert seconds < 0.15, name


def test_any_filter_and_sort_on_a_server(big_server: Store) -> None:
    """On PostgreSQL, by the clock since another process does the work: all under 500 ms, few over 150 ms."""
    sso = SSO(big_server, clock=lambda: NOW, random_bytes=secrets.token_bytes)
    took = {}
    for sort in SORTS:
        for descending in (True, False):
            for name, which in filters(big_server).items():
                least = float("inf")
                for _ in range(3):
                    start = time.perf_counter()
                    sso.events(which, sort=sort, descending=descending)
                    least = min(least, time.perf_counter() - start)
                took[f"{name}, by {sort}{'' if descending else ', ascending'}"] = least
    slowest = sorted(took.items(), key=lambda t: -t[1])[:4]
    over = sum(seconds > 0.15 for seconds in took.values())
    print("\non a server: " + ", ".join(f"{name} {seconds * 1000:.0f} ms" for name, seconds in slowest), end="")
    print(f" (limit 500); {over} of {len(took)} over 150 ms")
    assert slowest[0][1] < 0.5, slowest[0][0]
    assert over < len(took) / 5


def memory() -> int:
    """Resident kilobytes of this process now."""
    found = re.search(r"VmRSS:\s*(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1])


def test_the_log_opens_scrolls_and_stays_small(big: Store, qapp: object) -> None:
    """First rows in less than 100 ms; no stall over 50 ms while scrolling 30,000 rows down; the table under 30 MB."""
    import gc

    from PySide6.QtCore import QCoreApplication, QEventLoop

    from app.gui.log_export import load_part
    from app.gui.pages.log import LogPage
    from tests.gui.desks import desk_over

    sso = SSO(big, clock=lambda: NOW, random_bytes=secrets.token_bytes)
    opening = best(lambda: load_part(sso, EventFilter(account=1, kind="login"), "at", True))
    with desk_over(sso, big) as desk:
        page = LogPage(desk)
        page.resize(1064, 776)

        def pump(until: Callable[[], bool], stalls: list[float] | None = None) -> None:
            deadline = time.monotonic() + 60
            while not until() and time.monotonic() < deadline:
                start = time.thread_time()
                QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents)
                if stalls is not None:
                    stalls.append(time.thread_time() - start)
                time.sleep(0.001)
            assert until()

        model = page.table.model_
        start = time.process_time()
        page.show()
        pump(lambda: len(model.rows) > 0)
        shown = time.process_time() - start
        pump(lambda: not desk.jobs.busy)
        assert page.count.text().endswith("attempts")
        assert int(page.count.text().split()[0].replace(",", "")) > 900_000
        gc.collect()
        before = memory()
        stalls: list[float] = []
        while len(model.rows) < 30_000:
            now = len(model.rows)
            page.table.scrollToBottom()
            pump(lambda now=now: len(model.rows) > now, stalls)  # type: ignore[misc]
        page.table.scrollTo(model.index(12_000, 0))
        page.table.viewport().repaint()
        pump(lambda: model.rows[12_000] is not None, stalls)
        gc.collect()
        grown = memory() - before
        print(
            f"\nopened in {opening * 1000:.0f} ms for the rows, {shown * 1000:.0f} ms with the window (limit 100); "
            f"longest stall {max(stalls) * 1000:.0f} ms (limit 50); 30,000 rows scrolled in {grown / 1024:.1f} MB (30)"
        )
        page.close()
        page.deleteLater()
    assert shown < 0.1
    assert max(stalls) < 0.05
    assert grown < 30 * 1024


def test_a_filter_in_the_window_shows_its_first_rows_at_once(big: Store, qapp: object) -> None:
    """Typing, choosing and clicking a column's head until the table holds the rows: less than 150 ms."""
    from PySide6.QtCore import QCoreApplication, QEventLoop

    from app.gui.pages.log import LogPage
    from tests.gui.desks import desk_over

    with big.read() as tx:
        query = f"SELECT reference, email_key FROM events WHERE id = {MIDDLE}"
        reference, email = tx.connection.exec_driver_sql(query).one()
    sso = SSO(big, clock=lambda: NOW, random_bytes=secrets.token_bytes)
    took: dict[str, float] = {}
    with desk_over(sso, big) as desk:
        page = LogPage(desk)
        page.resize(1064, 776)
        shown: list[int] = []
        page.table.model_.modelReset.connect(lambda: shown.append(1))

        def until(done: Callable[[], object]) -> None:
            deadline = time.monotonic() + 60
            while not done() and time.monotonic() < deadline:
                QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents)
                time.sleep(0.0005)
            assert done()

        def timed(name: str, act: Callable[[], object], rows: bool = True) -> None:
            until(lambda: not desk.jobs.busy)
            shown.clear()
            start = time.process_time()
            act()
            until(lambda: shown)
            took[name] = min(took.get(name, 9), time.process_time() - start)
            assert bool(page.table.model_.rows) is rows

        page.show()
        until(lambda: shown)
        head = page.table.horizontalHeader()
        for _ in range(3):
            for name, section in (("status", 1), ("outcome", 2), ("e-mail", 3), ("reason", 9), ("time", 0)):
                timed(f"by {name}", lambda section=section: head.sectionClicked.emit(section))  # type: ignore[misc]
            for name, text in (
                ("a person", email),
                ("a reference", reference),
                ("its end", reference[5:]),
                ("its middle", reference[4:-4]),
                ("a word", reference.split("-")[1]),
            ):
                timed(name, lambda text=text: page.search.setText(text))  # type: ignore[misc]
                head.sectionClicked.emit(3)
                timed(f"{name}, by time again", lambda: head.sectionClicked.emit(0))
            timed("nobody", lambda: page.search.setText("nobody-at-all"), rows=False)
            timed("everything", page.clear_filters)
            for state in ({"status": "failure"}, {"outcome": "created"}, {"reason": "role.unknown"}, {"mode": "test"}):
                page.filters.take(state)
                timed(str(state), page.filters.changed.emit)
                timed(f"not {state}", page.clear_filters)
        until(lambda: not desk.jobs.busy)
        page.close()
        page.deleteLater()
    slowest = sorted(took.items(), key=lambda t: -t[1])[:4]
    print("\nin the window: " + ", ".join(f"{n} {s * 1000:.0f} ms" for n, s in slowest) + " (limit 150)")
    for name, seconds in took.items():
        assert seconds < 0.15, name


def test_a_million_logins_stay_under_four_gigabytes(big: Store) -> None:
    """As provisioning.md asks, with the messages of thirty days."""
    assert big.path is not None
    size = big.path.stat().st_size
    print(f"\n{size / 1e9:.2f} GB (limit 4)")
    assert size < 4_000_000_000
