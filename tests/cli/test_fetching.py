"""Metadata fetched by its address, from a server that gets it wrong in every way that only a fetching program meets."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from app.cli import metadata as command
from app.cli import run
from simulator import Idp, KeyRing, Server, WebIdp, default_tenant


@pytest.fixture
def web() -> Iterator[WebIdp]:
    idp = Idp(default_tenant(), KeyRing.in_memory(), lambda: datetime.now(UTC))
    web = WebIdp(idp)
    with Server(web.asgi) as server:
        idp.base_url = server.url
        yield web


def test_good_metadata_is_read(web: WebIdp, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(("metadata", f"{web.idp.base_url}/metadata")) == 0
    assert web.idp.tenant.entity_id in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("md-redirect-loop", "redirects more than 3 times"),
        ("md-http-downgrade", "not https"),
        ("md-slow", "did not answer within 1 seconds"),
        ("md-gzip-bomb", "is the most that is read"),
    ],
)
def test_what_is_served_wrongly_is_refused_in_one_sentence(
    fault: str, says: str, web: WebIdp, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_PATIENCE_S", 1.0 if fault == "md-slow" else 20.0)
    web.faults = (fault,)
    start = time.monotonic()
    assert run(("metadata", f"{web.idp.base_url}/metadata")) == 2
    assert time.monotonic() - start < 20
    said = capsys.readouterr()
    assert says in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


def test_a_fault_of_the_document_is_in_what_is_served(web: WebIdp, capsys: pytest.CaptureFixture[str]) -> None:
    web.faults = ("md-no-key", "xsw1")
    assert run(("metadata", f"{web.idp.base_url}/metadata")) == 1
    assert "no signing certificate" in capsys.readouterr().out
