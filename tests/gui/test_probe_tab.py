from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from app.gui.jobs import Jobs
from app.gui.probe_work import NotProbed, by_addresses, fitting, kind_of
from app.probe import ProbeRow
from app.saml.decoding import decode
from simulator import Application, Server
from tests.gui.bench import Bench, column, flush, press, texts
from tests.weak_sps.sps import ENTITY, CarelessSp


@pytest.fixture
def lab(bench: Bench) -> Bench:
    """The simulator's clock is the computer's, as that of the service providers under test."""
    bench.workspace.sso.now = lambda: datetime.now(UTC)  # type: ignore[method-assign]
    bench.lab._clock = lambda: datetime.now(UTC)
    return bench


@contextmanager
def serving(bench: Bench, sp: CarelessSp) -> Iterator[Any]:
    """The tab with the service provider among the simulator's applications."""
    with Server(sp.asgi()) as server:
        sp.acs_url = f"{server.url}/acs"
        bench.lab.change_tenant(
            lambda t: t.with_application(Application(id="sp", name="Weak", entity_id=ENTITY, acs_url=sp.acs_url))
        )
        page = bench.page("trials", ("probe", ""))
        assert page.tabs.currentWidget() is page.probe
        tab = page.probe
        tab.target.setCurrentIndex(tab.target.findData("sp"))
        tab._target_changed()
        yield tab


def strict(bench: Bench) -> CarelessSp:
    return CarelessSp(bench.lab.metadata())


def test_a_weakness_is_shown_with_what_it_gives_and_the_report_is_saved(lab: Bench, tmp_path: Path) -> None:
    weak = strict(lab)
    weak.believes_unsigned = True
    with serving(lab, weak) as tab:
        tab.faults.setText("sig-none sig-value-zeros ok-both-signed")
        assert tab.empty.isVisible()
        press(tab.empty, "Probe it")
        rows = {r.id: kind_of(r) for r in tab.table.model_.rows}
        assert rows == {"ok-both-signed": "good", "sig-none": "weak", "sig-value-zeros": "good"}
        assert "Score" in tab.banner.text
        assert tab.count.text() == "3 messages sent, 1 weakness"
        tab.table.select_where(lambda r: r.id == "sig-none")
        flush()
        assert "Anybody can log in as anybody" in texts(tab)
        assert "CVE-2025-40934" in texts(tab)
        tab.result.setCurrentIndex(tab.result.findData("weak"))
        tab._fill()
        assert column(tab.table, 0) == ["sig-none"]
        tab.save("jsonl", tmp_path / "probe.jsonl")
        last = json.loads((tmp_path / "probe.jsonl").read_text("utf-8").splitlines()[-1])
        assert last["accepted_wrongly"] == ["sig-none"]
        tab.save("html", tmp_path / "probe.html")
        assert "sig-none" in (tmp_path / "probe.html").read_text("utf-8")


def test_one_that_rejects_everything_stops_the_probe(lab: Bench) -> None:
    with serving(lab, CarelessSp(lab.idp.metadata())) as tab:
        tab.faults.setText("sig-none")
        press(tab.buttons, "Probe")
        assert "its refusals would prove nothing" in tab.banner.text
        assert tab.table.model_.rowCount() == 0
        assert not tab.export_button.isEnabled()


def test_another_computer_is_probed_only_when_its_host_was_typed(lab: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    page = lab.page("trials", ("probe", ""))
    tab = page.probe
    tab.target.setCurrentIndex(tab.target.findData("other"))
    tab._target_changed()
    for field, text in ((tab.entity_id, "https://sp.example/metadata"), (tab.acs_url, "https://sp.example/acs")):
        field.setText(text)
        field.textEdited.emit(text)
    assert tab.host.isVisible()
    assert "sent to sp.example" in tab.host_text.text()
    for typed in ("", "sp.example.com", "127.0.0.1"):
        tab.host.setText(typed)
        press(tab.buttons, "Probe")
        assert "type its host once more" in tab.banner.text
    tab.acs_url.setText("http://127.0.0.1:9/acs")
    tab.acs_url.textEdited.emit("")
    assert not tab.host.isVisible()
    press(tab.buttons, "Probe")
    assert "127.0.0.1" in tab.banner.text
    assert tab.report is None


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("entity_id", " ", "Type the entity ID"),
        ("acs_url", "javascript:alert(1)", "expected an http or https address"),
        ("user", "nobody", 'knows nobody called "nobody"'),
        ("statuses", "yes", "number from 100 to 599"),
        ("location", "(", "no regular expression"),
        ("faults", "no-such-fault", "no-such-fault"),
    ],
)
def test_what_cannot_be_probed_is_said(lab: Bench, field: str, text: str, said: str) -> None:
    with serving(lab, strict(lab)) as tab:
        url = tab.application.acs_url
        tab.target.setCurrentIndex(tab.target.findData("other"))
        tab.entity_id.setText(ENTITY)
        tab.acs_url.setText(url)
        if field in ("statuses", "location"):
            tab.how.setCurrentIndex(2)
        getattr(tab, field).setText(text)
        tab._target_changed()
        press(tab.buttons, "Probe")
        assert said in tab.banner.text
        assert tab.report is None


def test_metadata_names_the_service_provider(lab: Bench, tmp_path: Path) -> None:
    tab = lab.page("trials", ("probe", "")).probe
    file = tmp_path / "sp.xml"
    file.write_text(
        f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ENTITY}"><md:SPSSODescriptor'
        ' protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:AssertionConsumerService index="0"'
        ' Location="http://127.0.0.1:9/acs" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"/>'
        "</md:SPSSODescriptor></md:EntityDescriptor>",
        "utf-8",
    )
    tab.take_metadata(file)
    assert (tab.application.entity_id, tab.application.acs_url) == (ENTITY, "http://127.0.0.1:9/acs")
    assert tab.application is tab._described
    tab.save_idp_metadata(tmp_path / "idp.xml")
    written = (tmp_path / "idp.xml").read_text("utf-8")  # its validity moves with the clock, the rest does not
    assert f'entityID="{lab.lab.tenant.entity_id}"' in written
    assert "IDPSSODescriptor" in written
    file.write_text("<a/>", "utf-8")
    tab.take_metadata(file)
    assert "no metadata of SAML" in tab.banner.text


class Slow(CarelessSp):
    """Tells a test of every message, so that it can stop the run at a certain one."""

    on_message: Callable[[], None] = staticmethod(lambda: None)

    async def _acs(self, request: Request) -> Response:
        self.on_message()
        return await super()._acs(request)

    def asgi(self) -> Any:
        made = super().asgi()
        made.router.routes.insert(0, Route("/acs", self._acs, methods=["POST"]))
        return made


def test_a_stopped_probe_goes_on_where_it_was(lab: Bench, qtbot: QtBot) -> None:
    lab.desk.jobs = Jobs()
    lab.lab.tenant  # noqa: B018  it is made before the threads ask for it
    sp = Slow(lab.lab.metadata())
    with serving(lab, sp) as tab:
        qtbot.waitUntil(lambda: tab.target.findData("sp") >= 0)
        tab.target.setCurrentIndex(tab.target.findData("sp"))
        tab._target_changed()
        tab.faults.setText("sig-*")
        tab.run_button.click()
        qtbot.waitUntil(lambda: len(tab._rows) > 3, timeout=20_000)  # the matrix lives while the probe runs
        assert tab._running.isVisible()
        assert not tab.run_button.isEnabled()
        tab._running.cancel()
        qtbot.waitUntil(lambda: tab.report is not None, timeout=20_000)
        assert tab.report.cancelled
        first = {r.id for r in tab.report.rows}
        qtbot.waitUntil(tab.continue_button.isEnabled)
        seen: list[int] = []
        sp.on_message = lambda: seen.append(1)
        tab.continue_button.click()
        qtbot.waitUntil(lambda: tab.report is not None, timeout=60_000)
        assert not tab.report.cancelled
        assert first < {r.id for r in tab.report.rows}
        assert tab.report.as_expected, tab.report.headline
        qtbot.waitUntil(lambda: not tab.continue_button.isEnabled())


class Undecided(CarelessSp):
    """Refuses what is not signed in a way that looks half like letting in."""

    async def _acs(self, request: Request) -> Response:
        body = await request.body()
        if self.decide(body, ""):
            self.seen.clear()
            return await super()._acs(request)
        if b"SignatureValue>" in decode(body, channel="post-form").data or len(body) < 60:
            return HTMLResponse("<title>Sorry</title>", status_code=403)
        answer = RedirectResponse("/other", status_code=303)
        answer.set_cookie("session", "0")
        return answer

    def asgi(self) -> Any:
        made = super().asgi()
        made.router.routes.insert(0, Route("/acs", self._acs, methods=["POST"]))
        made.router.routes.insert(0, Route("/other", lambda _r: HTMLResponse("<title>Other</title>")))
        return made


def test_the_tester_is_asked_in_the_window(lab: Bench, qtbot: QtBot) -> None:
    lab.desk.jobs = Jobs()
    with serving(lab, Undecided(lab.lab.metadata())) as tab:
        qtbot.waitUntil(lambda: tab.target.findData("sp") >= 0)
        tab.target.setCurrentIndex(tab.target.findData("sp"))
        tab.how.setCurrentIndex(1)
        tab.faults.setText("sig-none")
        tab._target_changed()
        tab.run_button.click()
        qtbot.waitUntil(tab._question_row.isVisible, timeout=20_000)
        assert "sig-none: HTTP 303 to /other" in tab.question.text
        tab.no_button.click()
        qtbot.waitUntil(lambda: tab.report is not None, timeout=20_000)
        assert [(r.id, r.got) for r in tab.report.rows] == [("sig-none", "refused")]
        tab.run_button.click()
        qtbot.waitUntil(tab._question_row.isVisible, timeout=20_000)
        tab._running.cancel()  # instead of an answer
        qtbot.waitUntil(lambda: tab.report is not None, timeout=20_000)
        assert tab.report.cancelled
        assert tab.report.rows == ()
        assert not tab._question_row.isVisible()


def test_rows_are_found_by_words_and_by_result() -> None:
    def made(row_id: str, got: Any, must: Any = "refuse", why: str = "") -> ProbeRow:
        return ProbeRow(
            id=row_id, family="wrapping", summary="Two assertions", reference="CVE-2012-0001", must=must, got=got,
            why=why, flow="", look=None,
        )  # fmt: skip

    rows = [made("xsw1", "accepted"), made("ok", "refused", "accept"), made("xsw2", "unclear"), made("m", "not-tried")]
    assert [r.id for r in fitting(rows, "", "weak")] == ["xsw1"]
    assert [r.id for r in fitting(rows, "", "odd")] == ["ok"]
    assert [r.id for r in fitting(rows, "xsw 2012", "")] == ["xsw1", "xsw2"]
    assert [r.id for r in fitting(rows, "", "untried")] == ["m"]
    with pytest.raises(NotProbed):
        by_addresses("", "http://127.0.0.1/")
