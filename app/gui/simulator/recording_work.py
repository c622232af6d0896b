"""The recording tab's work off the GUI thread: decoding, replaying, exporting. No Qt, no rule of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from app.gui.files import FileRefused, write_file
from app.gui.lab_work import Login, is_loopback
from app.gui.widgets import STATES

if TYPE_CHECKING:
    from app.lab import Lab
    from simulator.web import Exchange

Form = Literal["har", "tests", "scenario"]
#: How a recording is saved: the menu's words, the file's name, the dialog's filter.
FORMS: Final[dict[Form, tuple[str, str, str]]] = {
    "har": ("HTTP archive (HAR)", "recording.har", "HAR (*.har)"),
    "tests": ("Tests for pytest", "test_recording.py", "Python (*.py)"),
    "scenario": ("Scenario", "recording.toml", "Scenarios (*.toml)"),
}
_MOST_SHOWN: Final = 200_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """An exchange, and what our service provider decided of it: (state as in STATES, word); "" where nothing came."""

    exchange: Exchange
    state: str
    word: str


def recorded(lab: Lab) -> tuple[Recorded, ...]:
    """The recording, newest first."""
    return tuple(_recorded(lab, e) for e in reversed(lab.exchanges))


def _recorded(lab: Lab, exchange: Exchange) -> Recorded:
    if exchange.refused is not None:
        return Recorded(exchange, "refused-by-idp", STATES["refused-by-idp"][0])
    results = lab.decisions(exchange)
    if not results:
        return Recorded(exchange, "not-applicable", "Sent")
    outcome = results[-1]
    if outcome.allowed:
        return Recorded(exchange, "accept", "Let in")
    verdict = outcome.report.verdict
    return Recorded(exchange, verdict, STATES.get(verdict, (verdict, "", ""))[0])


def decoded(exchange: Exchange) -> str:
    """The exchange for people; a very long one is cut and says so."""
    from simulator.recording import decoded as told

    text = told(exchange)
    rest = len(text) - _MOST_SHOWN
    return text if rest <= 0 else f"{text[:_MOST_SHOWN]}\n... {rest:,} more characters; open it in the inspector."


def replay(lab: Lab, exchange: Exchange) -> Login:
    """Send a message once more, octet for octet, to a service provider of this computer. LabError for any other."""
    from app.lab import LabError, LoginOutcome, sentence_of
    from simulator.recording import replayed

    issued = replayed(exchange)
    if not is_loopback(issued.url):
        raise LabError(
            f"This message is for {urlsplit(issued.url).hostname}, which is not this computer. Send it by the browser."
        )
    page, result = lab.replay(exchange)
    outcome = LoginOutcome(
        reference=result.reference if result is not None else "",
        allowed=result is not None and result.allowed,
        status_code=page.status_code,
        sentence=sentence_of(result) if result is not None else f"The service provider answered {page.status_code}.",
        flow="sp_initiated" if issued.in_response_to else "idp_initiated",
        faults=issued.faults,
        result=result,
    )
    return Login(None, outcome)


def save(lab: Lab, exchanges: Sequence[Exchange], form: Form, path: Path) -> Path:
    """Write a recording to a file. FileRefused where that is impossible, or nothing is in it."""
    from app.scenarios.recording import recorded as as_scenario
    from simulator.recording import as_har, as_tests

    if form == "scenario":
        text = as_scenario(lab, exchanges)
    else:
        text = as_har(exchanges) if form == "har" else as_tests(exchanges)
    if not text:
        raise FileRefused("Nothing was sent in what is chosen, so there is nothing to save. Choose another exchange.")
    return write_file(path, text.encode("utf-8", "backslashreplace"))
