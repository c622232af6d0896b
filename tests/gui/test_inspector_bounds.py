"""However large the input, the window answers: no turn of its event loop takes longer than 50 ms."""

from __future__ import annotations

import base64
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from PySide6.QtCore import Qt, QTimer
from pytestqt.qtbot import QtBot

from app.gui import application
from app.gui.desk import Desk
from app.gui.examine import Subject
from app.gui.jobs import Jobs
from app.gui.pages.inspector import InspectorPage
from app.lab.sample import make_sample
from tests.gui.desks import ACCOUNT, real_desk
from tests.saml import recordings

BOUND_MS = 50
ROUNDS = 4


@pytest.fixture
def desk() -> Iterator[Desk]:
    with real_desk() as made:
        made.jobs = Jobs()
        gc.collect()
        application.spare_collector()
        yield made
        gc.unfreeze()
        made.jobs.shutdown()


class Heart:
    """Beats every 5 ms; `longest` is the longest pause between two beats beyond that.

    A pause is as long as the clock says, but no longer than the time this process computed in it: what other programs
    on the machine take is not the window's.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = self._now()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._beat)

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()

    def _beat(self) -> None:
        now = self._now()
        self.longest = max(self.longest, min(n - b for n, b in zip(now, self._last, strict=True)) - 0.005)
        self._last = now

    @contextmanager
    def beating(self) -> Iterator[None]:
        self.longest, self._last = 0.0, self._now()
        self._timer.start()
        yield
        self._timer.stop()


def large_response(desk: Desk) -> bytes:
    """A response of almost 1 MB: thousands of attribute values, and no signature that fits."""
    values = desk.sso.sp_values(ACCOUNT)
    made = make_sample(desk.sso.now, imagekit_id=ACCOUNT, entity_id=values.entity_id, acs_url=values.acs_url)
    xml = base64.b64decode(made.message)
    value = b"<saml:AttributeValue>" + b"group-" * 24 + b"</saml:AttributeValue>"
    many = b'<saml:Attribute Name="groups">' + value * ((1_000_000 - len(xml)) // len(value)) + b"</saml:Attribute>"
    return xml.replace(b"</saml:AttributeStatement>", many + b"</saml:AttributeStatement>")


def settled(page: InspectorPage) -> bool:
    return not page.desk.jobs.busy and page._examined is not None


def judged(qtbot: QtBot, page: InspectorPage) -> None:
    qtbot.waitUntil(lambda: settled(page), timeout=60_000)
    qtbot.wait(150)  # what is laid out and painted afterwards counts, too


def shown_page(qtbot: QtBot, desk: Desk) -> InspectorPage:
    page = InspectorPage(desk)
    qtbot.addWidget(page)
    page.resize(1280, 800)
    page.show()
    page.load_sample()
    judged(qtbot, page)
    return page


def best(rounds: list[dict[str, float]]) -> dict[str, int]:
    """The shortest stall of each phase over all rounds, in ms: what our own code costs comes back in every round, what
    other programs on the machine cost does not."""
    return {phase: round(min(r[phase] for r in rounds) * 1000) for phase in rounds[0]}


@pytest.mark.slow
def test_a_response_of_1_mb_is_inspected_and_looked_at_without_a_stall(qtbot: QtBot, desk: Desk) -> None:
    page = shown_page(qtbot, desk)
    heart = Heart()
    rounds = []
    large = large_response(desk)
    for _ in range(ROUNDS):
        stalls: dict[str, float] = {}
        with heart.beating():
            page.inspect(Subject(large, "large.xml"))
            page._examined = None
            judged(qtbot, page)
        stalls["judged"] = heart.longest
        for number in range(page.views.tabs.count()):
            with heart.beating():
                page.views.tabs.setCurrentIndex(number)
                qtbot.wait(100)
            stalls[page.views.tabs.tabText(number)] = heart.longest
        with heart.beating():
            page.views.documents.tabs.setCurrentIndex(2)
            qtbot.wait(100)
        stalls["As received"] = heart.longest
        with heart.beating():
            for _ in range(5):
                qtbot.keyClick(page.bar.slider, Qt.Key.Key_Right)
            qtbot.wait(20)
            judged(qtbot, page)
        stalls["moved"] = heart.longest
        page.views.documents.tabs.setCurrentIndex(0)
        rounds.append(stalls)
        if max(best(rounds).values()) <= BOUND_MS:
            break
    assert {phase: ms for phase, ms in best(rounds).items() if ms > BOUND_MS} == {}


@pytest.mark.slow
def test_a_har_of_50_mb_is_taken_in_without_a_stall(qtbot: QtBot, desk: Desk) -> None:
    page = shown_page(qtbot, desk)
    picture = {"mimeType": "image/png", "size": 500_000, "encoding": "base64", "text": "iVBORw0KGgo" * 45_000}
    noise = [recordings.entry(f"https://cdn.example/{n}.png", content=picture) for n in range(100)]
    data = recordings.har(*noise, *recordings.whole_login())
    assert len(data) > 49_000_000
    heart = Heart()
    rounds = []
    for _ in range(ROUNDS):
        with heart.beating():
            page.inspect(Subject(data, "large.har"))
            page._examined = None
            judged(qtbot, page)
        rounds.append({"taken in": heart.longest})
        if max(best(rounds).values()) <= BOUND_MS:
            break
    assert page.recording.isVisible()
    assert page.recording.steps.model_.rows
    assert best(rounds)["taken in"] <= BOUND_MS
