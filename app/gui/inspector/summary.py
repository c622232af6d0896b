"""The verdict on top, and what stands behind it: the causes, what was pasted, and what it was judged by."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.gui.examine import Examined, clock, form_of, state_of
from app.gui.findings import WHO, Causes, VerdictHeader
from app.gui.widgets import CopyRow, Figure, clear, column, label, line, row, tip, visible
from app.gui.wording import exact, plural
from app.saml.instants import stamp

_CAPTION = 108


class VerdictBar(VerdictHeader):
    """The verdict in one sentence, who acts, and what was pasted."""

    def show_examined(self, examined: Examined) -> None:
        """Show a verdict."""
        report = examined.report
        who = WHO.get(report.diagnosis[0].who, "") if report.diagnosis else ""
        self.show_verdict(state_of(report), report.headline, " ".join(filter(None, (who, form_of(report)))))
        told = [f"Judged as of\n{exact(report.evaluated_at)}", *(f"Repaired: {r}" for r in report.repairs)]
        self.detail.setToolTip(tip("\n".join(told)))

    def clear(self) -> None:
        """Show none."""
        self.show_verdict("", "")


def counts_of(examined: Examined) -> str:
    """The figures in one line, for where there is no room for cards."""
    fails, warns, passes = (_count(examined, s) for s in ("fail", "warn", "pass"))
    words = [plural(fails, "error"), plural(warns, "warning"), f"{passes} passed", _time(examined)[1]]
    return " · ".join(words)


def _count(examined: Examined, status: str) -> int:
    return sum(str(c.status) == status for c in examined.report.checks)


def _time(examined: Examined) -> tuple[str, str, bool]:
    """(figure, the same as a phrase, whether the time is over)."""
    if examined.expires_at is None:
        return "none", "no end named", False
    left = examined.expires_at - examined.report.evaluated_at
    over = left.total_seconds() <= 0
    return clock(left), f"{clock(left)} {'since it expired' if over else 'until it expires'}", over


class Figures(QWidget):
    """Errors, warnings, checks passed, and the time until the message expires, in cards."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = {
            "fail": Figure("errors"),
            "warn": Figure("warnings"),
            "pass": Figure("checks passed"),
            "time": Figure("until it expires"),
        }
        self.setLayout(row(*self.parts.values(), spacing=12))

    def show_examined(self, examined: Examined) -> None:
        """Count."""
        fails, warns, passes = (_count(examined, s) for s in ("fail", "warn", "pass"))
        self.parts["fail"].show_value(str(fails), "error" if fails == 1 else "errors", "error" if fails else "muted")
        warning = "warning" if warns == 1 else "warnings"
        self.parts["warn"].show_value(str(warns), warning, "warning" if warns else "muted")
        self.parts["pass"].show_value(str(passes), "checks passed", "ok" if passes else "muted")
        figure, _words, over = _time(examined)
        if examined.expires_at is None:
            self.parts["time"].show_value("none", "end named", "muted")
        else:
            self.parts["time"].show_value(
                figure, "since it expired" if over else "until it expires", "error" if over else ""
            )


class Summary(QWidget):
    """Causes first, then the facts of the message. `asked` is emitted with a check's id."""

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.causes = Causes()
        self.causes.asked.connect(self.asked.emit)
        facts = QWidget()
        self._facts = QVBoxLayout(facts)
        self._facts.setContentsMargins(2, 0, 10, 8)
        self._facts.setSpacing(6)
        self.setLayout(column(self.causes, line(), facts, 1, spacing=10))
        self._shown: tuple[object, ...] = ()
        self._causes_shown: tuple[object, ...] = ()

    def clear(self) -> None:
        """Show nothing."""
        self._shown = self._causes_shown = ()
        self.causes.clear()
        clear(self._facts)

    def show_examined(self, examined: Examined) -> None:
        """Show why, and what was judged by what."""
        causes = (examined.report.verdict, examined.report.headline, examined.report.diagnosis)
        if causes != self._causes_shown:
            self._causes_shown = causes
            self.causes.show_report(examined.report)
        rows = tuple((name, value) for name, value in _facts(examined) if value)
        if rows == self._shown:
            return
        self._shown = rows
        clear(self._facts)
        self._facts.addWidget(label("The message", bold=True))
        for name, value in rows:
            self._facts.addWidget(CopyRow(name, visible(value), _CAPTION))


def _facts(examined: Examined) -> list[tuple[str, str | None]]:
    report = examined.report
    response, expectation = report.response, report.expectation
    layers = ", ".join((*report.layers, *report.repairs))
    account = expectation.account.imagekit_id if expectation.account else None
    judged = f"{account or 'no account'}, {report.policy}, {report.clock_skew_s} s of clock skew"
    return [
        ("Kind", report.kind if report.kind != "other" else "No SAML message"),
        ("NameID", report.name_id),
        ("Issuer", report.issuer),
        ("ID", report.message_id),
        ("InResponseTo", report.in_response_to),
        ("Destination", response.destination if response else None),
        ("Binding", report.binding),
        ("RelayState", report.relay_state),
        ("Taken off", layers),
        ("Judged by", judged),
        ("Trusted IdP", expectation.idp_entity_id or "none"),
        ("As of", stamp(report.evaluated_at)),
        ("SHA-256", report.sha256),
    ]
