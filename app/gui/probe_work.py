"""The probe tab's work off the GUI thread: whom to probe, how to tell acceptance, running it, asking back. No Qt."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from app.gui.files import read_file, write_file
from app.gui.trial_work import ReportForm, Stoppable

if TYPE_CHECKING:
    from app.lab import Lab
    from app.probe import ProbeReport, ProbeRow
    from app.probe.answers import Look, Patterns
    from simulator.tenant import Application

How = Literal["learn", "ask", "patterns"]
HOWS: Final[tuple[tuple[How, str], ...]] = (
    ("learn", "Learn it from good logins"),
    ("ask", "Learn it, and ask me where it is unclear"),
    ("patterns", "By patterns that I know"),
)
RESULTS: Final = (
    ("", "Any result"),
    ("weak", "Weaknesses"),
    ("odd", "Refused but good"),
    ("unclear", "Unclear"),
    ("untried", "Not tried"),
)
_WAIT_S: Final = 0.1
_STATUS: Final = re.compile(r"[1-5][0-9]{2}", re.ASCII)


class NotProbed(Exception):  # noqa: N818  what was typed, not a bug
    """What cannot be probed as it was typed; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the form says."""

    application: Application
    login_url: str
    user: str
    victim: str
    faults: str
    how: How
    statuses: str
    location: str
    body: str
    host: str
    pace_ms: int
    product_rules: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What the tester is asked: of which fault, and what can be seen of the answer."""

    what: str
    look: str


class _Stopped(Exception):  # noqa: N818  somebody asked for the end
    """The run ends while a question is open."""


class Session:
    """What a run tells the window while it goes on, and asks it. Used by both threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: list[ProbeRow] = []
        self._question: Question | None = None
        self._answered = threading.Event()
        self._answer = False

    def tell(self, row: ProbeRow) -> None:
        """A row is known."""
        with self._lock:
            self._rows.append(row)

    def rows(self) -> list[ProbeRow]:
        """Every row so far."""
        with self._lock:
            return list(self._rows)

    @property
    def question(self) -> Question | None:
        """What is asked now."""
        with self._lock:
            return self._question

    def ask(self, what: str, look: str, progress: Stoppable) -> bool:
        """Wait for the tester's answer. _Stopped where somebody ends the run instead."""
        self._answered.clear()
        with self._lock:
            self._question = Question(what, look)
        while not self._answered.wait(_WAIT_S):
            if progress.cancelled:
                with self._lock:
                    self._question = None
                raise _Stopped
        with self._lock:
            return self._answer

    def answer(self, accepted: bool) -> None:
        """What the tester says: whether somebody was logged in."""
        with self._lock:
            self._question, self._answer = None, accepted
        self._answered.set()


def described(data: bytes) -> Application:
    """The service provider of a metadata document. NotProbed where it describes none."""
    from simulator.errors import TenantError
    from simulator.tenant import Application

    try:
        return Application.from_metadata(data, application_id="sp")
    except TenantError as e:
        raise NotProbed(str(e)) from e


def described_by_file(path: Path) -> Application:
    """As described, of a file. FileRefused where it cannot be read."""
    return described(read_file(path))


def by_addresses(entity_id: str, acs_url: str) -> Application:
    """A service provider of which only its names are known. NotProbed where they are none."""
    from simulator.errors import TenantError
    from simulator.tenant import Application

    if not entity_id.strip():
        raise NotProbed("Type the entity ID of the service provider: it is the audience of what is sent.")
    try:
        return Application(id="sp", name=entity_id, entity_id=entity_id.strip(), acs_url=acs_url.strip())
    except TenantError as e:
        raise NotProbed(str(e)) from e


def stranger(application: Application, login_url: str) -> str:
    """The host that must be typed once more; "" where everything stays on this computer."""
    from app.probe import Target

    return " and ".join(Target(application=application, login_url=login_url.strip() or None).strangers)


def file_of(folder: Path, application: Application) -> Path:
    """Where the rows of a probe of this target are kept, so that a stopped one can go on."""
    name = hashlib.sha256(application.post_to.encode()).hexdigest()[:16]
    return folder / f"probe-{name}.jsonl"


def kept(folder: Path, application: Application) -> bool:
    """Whether an earlier probe of this target can go on."""
    return file_of(folder, application).exists()


def run(progress: Stoppable, lab: Lab, wanted: Wanted, session: Session, folder: Path, go_on: bool) -> ProbeReport:
    """Probe; `go_on`: with the rows of a stopped run. NotProbed, ProbeError, UnknownFault."""
    from app.probe import Target, check_target, probe
    from app.probe.answers import Patterns

    login_url = wanted.login_url.strip() or None
    target = Target(application=wanted.application, login_url=login_url)
    if target.strangers and wanted.host.strip().lower() != target.strangers[0] and len(target.strangers) == 1:
        raise NotProbed(
            f"Messages would be sent to {target.strangers[0]}, which is not this computer. Probe only what is yours or "
            "what you may test, and type its host once more to confirm it."
        )
    check_target(target, wanted.host)
    patterns = _patterns(wanted) if wanted.how == "patterns" else Patterns()
    idp = lab.idp_for(wanted.application)
    if idp.tenant.user(wanted.user.strip()) is None:
        raise NotProbed(f'The directory knows nobody called "{wanted.user[:80]}". Type a user name of the simulator.')
    file = file_of(folder, wanted.application)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not go_on:
        file.unlink(missing_ok=True)

    def ask(what: str, look: Look) -> bool:
        return session.ask(what, str(look), progress)

    try:
        report = probe(
            idp,
            target,
            user=wanted.user.strip(),
            victim=wanted.victim.strip() or None,
            faults=tuple(wanted.faults.split()) or None,
            patterns=patterns,
            ask=ask if wanted.how == "ask" else None,
            confirmed=wanted.host,
            pace_s=wanted.pace_ms / 1000,
            product_rules=wanted.product_rules,
            resume=file,
            progress=progress.report,
            told=session.tell,
            cancelled=lambda: progress.cancelled,
        )
    except _Stopped:
        return _stopped(lab, target.application.post_to, session)
    if not report.cancelled:
        file.unlink(missing_ok=True)
    return report


def _stopped(lab: Lab, target: str, session: Session) -> ProbeReport:
    from app.probe import ProbeReport

    return ProbeReport(
        target=target,
        vendor=lab.tenant.vendor,
        rows=tuple(session.rows()),
        learnt="",
        started_at=lab.sso.now(),
        duration_s=0.0,
        cancelled=True,
    )


def _patterns(wanted: Wanted) -> Patterns:
    from app.probe.answers import Patterns

    statuses = wanted.statuses.replace(",", " ").split()
    if not all(_STATUS.fullmatch(s) for s in statuses):
        raise NotProbed("A status is a number from 100 to 599, such as 303. Separate several by spaces.")
    for text in (wanted.location, wanted.body):
        try:
            re.compile(text)
        except re.error as e:
            raise NotProbed(f"“{text[:60]}” is no regular expression: {e}.") from e
    made = Patterns(status=tuple(int(s) for s in statuses), location=wanted.location or None, body=wanted.body or None)
    if not made:
        raise NotProbed("Type at least one pattern: a status, words of the redirect, or words of the page.")
    return made


# The matrix -----------------------------------------------------------------------------------------------------------


def kind_of(row: ProbeRow) -> str:
    """As in RESULTS; "good" where it is as it must be."""
    if row.got == "not-tried":
        return "untried"
    if row.got == "unclear":
        return "unclear"
    if row.as_expected:
        return "good"
    return "weak" if row.got == "accepted" else "odd"


def state_of(row: ProbeRow) -> tuple[str, str]:
    """(state as in STATES, word) of a row."""
    words = {"accepted": "Accepted", "refused": "Refused", "unclear": "Unclear", "not-tried": "Not tried"}
    states = {"good": "pass", "weak": "fail", "odd": "warn", "unclear": "warn", "untried": "not-applicable"}
    return states[kind_of(row)], words[row.got]


def fitting(rows: Sequence[ProbeRow], text: str, result: str) -> list[ProbeRow]:
    """The rows in which every word occurs, of this result ("": any)."""
    words = text.lower().split()
    found = []
    for row in rows:
        hay = f"{row.id} {row.family} {row.summary} {row.reference} {row.sentence} {row.cve}".lower()
        if (not result or kind_of(row) == result) and all(w in hay for w in words):
            found.append(row)
    return found


def save(report: ProbeReport, form: ReportForm, path: Path) -> Path:
    """Write a report to a file. FileRefused where that is impossible."""
    text = {
        "junit": report.as_junit,
        "jsonl": report.as_json_lines,
        "html": report.as_html,
        "text": report.as_text,
    }[form]()
    return write_file(path, text.encode("utf-8", "backslashreplace"))
