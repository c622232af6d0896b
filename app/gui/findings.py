"""What inspector and log share: findings as rows, the verdict as a header, a cause as a card, and their wording.

It shows what was judged; it judges nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from app.gui.examine import state_of
from app.gui.tables import Column, Table
from app.gui.widgets import (
    STATES,
    Banner,
    CopyRow,
    Pill,
    Tone,
    button,
    clear,
    column,
    copy_text,
    label,
    line,
    mono_label,
    row,
    tip,
    visible,
)
from app.gui.wording import utc
from app.saml.checks import registered

if TYPE_CHECKING:
    from app.saml.checks.registry import CheckResult
    from app.saml.report import DiagnosisRow, Report
    from app.store.records import JudgedCheck

#: The order of importance of a check's status.
ORDER: Final = {"fail": 0, "warn": 1, "skipped": 2, "info": 3, "pass": 4, "not-applicable": 5}
WHO: Final = {
    "idp-admin": "The identity provider's administrator has to act.",
    "sp-admin": "The administrator of this service has to act, in Settings.",
    "user": "The person can solve it.",
}
VENDORS: Final = (
    ("generic", "Any IdP"),
    ("entra", "Entra ID"),
    ("okta", "Okta"),
    ("onelogin", "OneLogin"),
    ("adfs", "AD FS"),
)
#: Who vouches for the value a finding is about.
VOUCHED: Final = {
    "signed-by-assertion": (
        "pass",
        "Signed by Assertion",
        "The Assertion's signature covers the value.",
    ),
    "signed-by-response": ("pass", "Signed by Response", "The Response's signature covers the value."),
    "unsigned": ("warn", "Unsigned", "No valid, trusted signature covers the value: anybody could have written it."),
}
PROVENANCE: Final = {
    "signed-by-assertion": "Assertion",
    "signed-by-response": "Response",
    "unsigned": "Nobody",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check as it is shown. `explanation` and `cites` come from the catalogue, "" for a check it no longer has."""

    id: str
    status: str
    message: str
    expected: str | None
    actual: str | None
    where: str | None
    title: str
    explanation: str
    cites: str

    @property
    def word(self) -> str:
        """The status in a word."""
        return STATES.get(self.status, (self.status, "", ""))[0]


def finding(check: CheckResult | JudgedCheck) -> Finding:
    """A check of a report or of a stored event as a row."""
    known = registered().get(check.id)
    title = known.title if known else ""
    return Finding(
        id=check.id,
        status=str(check.status),
        message=check.message or (title[:1].upper() + title[1:]),
        expected=check.expected,
        actual=check.actual,
        where=check.where,
        title=title,
        explanation=known.explanation if known else "",
        cites=known.cites if known else "",
    )


def findings(checks: Iterable[CheckResult | JudgedCheck]) -> list[Finding]:
    """Checks as rows, what failed first; within one status in the order of the catalogue."""
    return sorted(map(finding, checks), key=lambda f: ORDER.get(f.status, 9))


def finding_text(f: Finding) -> str:
    """A finding as a few plain lines, for a ticket or a mail."""
    lines = [f"{f.word}: {f.id}: {f.message}"]
    for name, value in (("Expected", f.expected), ("Actual", f.actual), ("Where", f.where)):
        if value is not None:
            lines.append(f"  {name}: {value}")
    return visible("\n".join(lines))


def _tip(f: Finding) -> str:
    parts = [f.message]
    parts += [f"{n}: {v}" for n, v in (("Expected", f.expected), ("Actual", f.actual), ("Where", f.where)) if v]
    if f.explanation:
        parts.append(f"\n{f.explanation}")
    if f.cites:
        parts.append(f"({f.cites})")
    return "\n".join(parts)


class FindingsTable(Table[Finding]):
    """Checks in a table: result, check, message; expected, actual and place in columns that can be shown."""

    def __init__(self, name: str, *, message_width: int = 300) -> None:
        super().__init__(
            name,
            [
                Column(
                    "Result", lambda f: f.word, 116, tip=_tip, state=lambda f: f.status, sort=lambda f: ORDER[f.status]
                ),
                Column("Check", lambda f: f.id, 210, tip=_tip, mono=True),
                Column("Message", lambda f: f.message, message_width, tip=_tip),
                Column("Expected", lambda f: f.expected or "", 200, mono=True, hidden=True),
                Column("Actual", lambda f: f.actual or "", 200, mono=True, hidden=True),
                Column("Where", lambda f: f.where or "", 260, mono=True, hidden=True),
            ],
        )
        self.setAccessibleName("Findings")
        self.extra_actions = [
            ("Copy finding", lambda f: copy_text(finding_text(f), self)),
            ("Copy XPath", lambda f: copy_text(visible(f.where or ""), self)),
        ]


class StatusChoice(QComboBox):
    """Which findings to show, with counts. `narrowed` is emitted with the statuses to show."""

    narrowed = Signal(frozenset)
    _CHOICES: Final = (
        ("All that apply", frozenset({"fail", "warn", "skipped", "info", "pass"})),
        ("Errors and warnings", frozenset({"fail", "warn"})),
        ("Skipped", frozenset({"skipped"})),
        ("Info", frozenset({"info"})),
        ("Passed", frozenset({"pass"})),
        ("Not applicable", frozenset({"not-applicable"})),
    )

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Which findings")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for text, statuses in self._CHOICES:
            self.addItem(text, statuses)
        self.currentIndexChanged.connect(lambda _i: self.narrowed.emit(self.statuses))

    @property
    def statuses(self) -> frozenset[str]:
        """The statuses that are shown."""
        return frozenset(self.currentData() or ())

    def count_in(self, rows: Sequence[Finding]) -> None:
        """Put the counts into the choices."""
        for number, (text, statuses) in enumerate(self._CHOICES):
            self.setItemText(number, f"{text} ({sum(f.status in statuses for f in rows)})")


class VerdictHeader(QWidget):
    """A pill, the verdict in one sentence, and a muted line under it."""

    def __init__(self, size: float = 15) -> None:
        super().__init__()
        self.pill = Pill()
        self.headline = selectable("", bold=True, size=size)
        self.detail = selectable("", tone="muted")
        words = column(self.headline, self.detail, spacing=3)
        bar = row(column(self.pill, 1), words, spacing=12)
        bar.setStretch(1, 1)
        self.setLayout(bar)

    def show_verdict(self, state: str, headline: str, detail: str = "") -> None:
        """`state` as in STATES."""
        self.pill.show_state(state)
        self.headline.setText(visible(headline))
        self.detail.setText(visible(detail))
        self.detail.setVisible(bool(detail))
        self.setAccessibleName(visible(f"{self.pill.word}: {headline}"))


class FindingDetail(QWidget):
    """One finding whole: message, expected and actual, where, and what the rule is for. `asked` wants its place."""

    asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._parts = column(spacing=8)
        self.setLayout(column(self._parts, 1, margins=(2, 8, 10, 8)))
        self.show_finding(None)

    def show_finding(self, f: Finding | None, provenance: str = "") -> None:
        """Show a finding, or how to choose one. `provenance` says who signed the value it is about (VOUCHED)."""
        clear(self._parts)
        if f is None:
            self._parts.addWidget(label("Choose a finding to read what it means.", tone="muted", wrap=True))
            return
        copy = button("", lambda: copy_text(finding_text(f), copy), icon="copy", kind="flat", hint="Copy finding")
        place = button("Show in source", lambda: self.asked.emit(f), kind="flat", hint="Go to its place (Enter)")
        place.setVisible(bool(f.where))
        self._parts.addLayout(row(Pill(f.status), 1, place, copy))
        self._parts.addWidget(mono_label(f.id, tone="muted"))
        self._parts.addWidget(selectable(f.message))
        for name, value in (("Expected", f.expected), ("Actual", f.actual), ("Where", f.where)):
            if value is not None:
                self._parts.addWidget(CopyRow(name, visible(value), 70))
        if provenance in VOUCHED:
            state, word, meaning = VOUCHED[provenance]
            pill = Pill(state, word)
            pill.setToolTip(tip(meaning))
            self._parts.addLayout(row(label("Judged value", tone="muted"), pill, 1))
        if f.explanation:
            self._parts.addWidget(label(f.explanation, tone="muted", wrap=True))
        if f.cites:
            self._parts.addWidget(label(f.cites, tone="muted", size=12, wrap=True))


class Causes(QWidget):
    """The diagnoses of a report: title, cause, who acts, what to change at which vendor, the findings it explains.

    `asked` is emitted with a check's id, to show that finding; `apply_asked` with the setting of ours that is the wrong
    side, or "metadata". offer() says what may be taken up.
    """

    asked = Signal(str)
    apply_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._offered = False
        self.metadata = Banner(slim=True)
        self.vendor = QComboBox()
        self.vendor.setAccessibleName("Steps for")
        for key, name in VENDORS:
            self.vendor.addItem(name, key)
        self.vendor.currentIndexChanged.connect(lambda _i: self._fill())
        self.copy = button("Copy message", self._copy, icon="copy", hint="Copy a message for the IdP admin")
        self._report: Report | None = None
        self._parts = column(spacing=10)
        bar = row(label("Steps for", tone="muted"), self.vendor, 1, self.copy)
        self._bar = QWidget()
        self._bar.setLayout(bar)
        self.setLayout(column(self.metadata, self._bar, self._parts, 1, spacing=12, margins=(2, 8, 10, 8)))

    def offer(self, proposals: bool, metadata: bool) -> None:
        """Whether proposals of a cause, and the metadata that it was judged by, may be applied to the settings."""
        if proposals != self._offered:
            self._offered = proposals
            self._fill()
        if metadata:
            self.metadata.say(
                "info",
                "Judged as if the account trusted the pasted metadata, which is not saved.",
                "Apply to settings...",
                lambda: self.apply_asked.emit("metadata"),
            )
        else:
            self.metadata.hide()

    def show_report(self, report: Report) -> None:
        """Show the causes of a report, or that there is nothing to explain."""
        self._report = report
        self._bar.setVisible(bool(report.diagnosis))
        self._fill()

    def clear(self) -> None:
        """Show no causes."""
        self._report = None
        self._fill()

    def message(self) -> str:
        """The text for the administrator of the identity provider."""
        return admin_message(self._report, self.vendor.currentData()) if self._report is not None else ""

    def _copy(self) -> None:
        copy_text(self.message(), self.copy)

    def _fill(self) -> None:
        clear(self._parts)
        if self._report is None:
            return
        if not self._report.diagnosis:
            self._parts.addWidget(label(_nothing_wrong(self._report), wrap=True))
        for number, cause in enumerate(self._report.diagnosis):
            if number:
                self._parts.addWidget(line())
            for part in self._one(cause):
                self._parts.addWidget(part)

    def _one(self, d: DiagnosisRow) -> list[QWidget]:
        steps = d.fix.get(self.vendor.currentData()) or d.fix.get("generic", "")
        links = QWidget()
        shown = [button(c, _later(self.asked.emit, c), kind="flat", hint=f"Show the finding {c}") for c in d.checks[:4]]
        more = label(f"and {len(d.checks) - 4} more", tone="muted") if len(d.checks) > 4 else None
        links.setLayout(row(label("Explains", tone="muted"), *shown, more, 1, spacing=4))
        return [
            selectable(d.title, bold=True, size=14),
            selectable(d.cause),
            label(WHO.get(d.who, d.who), tone="muted", wrap=True),
            selectable(f"What to change: {steps}") if steps else label(""),
            *self._proposal(d),
            links,
        ]

    def _proposal(self, d: DiagnosisRow) -> list[QWidget]:
        """The change of our own settings that would cure it, where our side is the wrong one."""
        if d.settings is None or not self._offered:
            return []
        made = QWidget()
        apply = button(
            "Apply to settings...",
            _later(self.apply_asked.emit, d.settings.field),
            hint="Show what the message would come to under this change, before it is saved",
        )
        bar = row(selectable(f"Or here: {d.settings.sentence}"), apply, spacing=12)
        bar.setStretch(0, 1)
        made.setLayout(bar)
        return [made]


def _later(act: Callable[[str], object], value: str) -> Callable[[], object]:
    return lambda: act(value)


def selectable(text: str, *, bold: bool = False, size: float = 13, tone: Tone = "") -> QLabel:
    """A wrapping label whose text can be selected with the mouse."""
    made = label(text, bold=bold, size=size, tone=tone, wrap=True)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return made


def _nothing_wrong(report: Report) -> str:
    if report.verdict == "accept" and report.kind == "Response":
        return "Nothing is wrong. The claims, and what a login would do, are on the Claims tab."
    return f"{report.headline} The findings below say what was looked at."


def admin_message(report: Report, vendor: str = "generic") -> str:
    """A plain text for the administrator of the identity provider: what is wrong, what to change, the facts."""
    from app.saml.diagnoses.letter import messages_for_admin

    return visible(messages_for_admin(report.diagnosis, report, vendor))


def report_text(report: Report) -> str:
    """A report as plain text for a ticket: verdict, causes, and every finding that is not a pass."""
    lines = [f"{STATES[state_of(report)][0]}: {report.headline}", f"Judged as of {utc(report.evaluated_at)}."]
    for d in report.diagnosis:
        lines += ["", d.title, d.cause, WHO.get(d.who, d.who), d.fix.get("generic", "")]
    shown = [f for f in findings(report.checks) if f.status in ("fail", "warn", "skipped")]
    if shown:
        lines += ["", "Findings", *map(finding_text, shown)]
    return visible("\n".join(lines))
