"""Two desks over one workspace: what one does, the other shows."""

from __future__ import annotations

import secrets

from pytestqt.qtbot import QtBot

from app.sso import SSO
from app.store import Store
from tests.gui.bench import ACCOUNT, Bench


def test_what_another_desk_does_appears_by_itself(bench: Bench, qtbot: QtBot) -> None:
    bench.connect()
    bench.log_in("ada")
    page = bench.page("log")
    users = bench.page("users")
    assert (len(page.table.model_.rows), len(users.table.model_.rows)) == (1, 1)
    bench.workspace.watch(bench.desk.hub.tell)
    with Store.open(f"sqlite:///{bench.workspace.store.path}") as store:
        other = SSO(store, clock=lambda: bench.time, random_bytes=secrets.token_bytes)
        body = bench.idp.issue("grace", "imagekit").body
        assert body is not None
        assert other.consume(body).allowed
    qtbot.waitUntil(lambda: len(users.table.model_.rows) == 2, timeout=5000)
    bench.page("log")
    qtbot.waitUntil(lambda: len(page.table.model_.rows) == 2, timeout=5000)
    assert bench.sso.seats(ACCOUNT).seats.used == 2
