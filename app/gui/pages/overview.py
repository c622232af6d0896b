"""The first page: how single sign-on is doing for the account in hand, and what needs attention. It changes nothing
itself but for the one-click login with the built-in IdP.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QButtonGroup,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.accounts.reasons import CATEGORIES
from app.gui import theme
from app.gui.called_by_qt import called_by_qt
from app.gui.charts import LoginChart, SeatBar
from app.gui.desk import Desk, Page
from app.gui.overview_data import CERTIFICATE_DAYS, DAY, WEEK, Attention, Snapshot, Span, Tried, load, try_a_login
from app.gui.tables import Column, Table
from app.gui.widgets import (
    Banner,
    Card,
    Figure,
    Tone,
    button,
    clear,
    column,
    label,
    line,
    retint,
    row,
    scrolled,
    tip,
    visible,
)
from app.gui.wording import OUTCOMES, ago, days_left, exact, plural

if TYPE_CHECKING:
    from app.accounts.account import Account

#: Below this width the recent logins leave out what happened; it is one double-click away.
_NARROW = 960


class Door(Card):
    """One way into the program: an icon, what it is, and a button."""

    def __init__(self, icon: str, title: str, text: str, go: QWidget) -> None:
        super().__init__()
        self._icon_name = icon
        self._icon = QLabel()
        self.body.setContentsMargins(20, 20, 20, 20)
        self.body.setSpacing(10)
        words = label(text, tone="muted", wrap=True)
        head = label(title, size=15, bold=True, wrap=True)
        words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.body.addWidget(self._icon)
        self.body.addWidget(head)
        self.body.addWidget(words, 1)
        self.body.addWidget(go)
        self.setAccessibleName(title)
        self.restyle()

    def restyle(self) -> None:
        """Follow the theme."""
        self._icon.setPixmap(theme.pixmap(self._icon_name, theme.tokens().accent, 28))


_LEGEND = {"used": "accent", "stale": "warning", "free": "border"}


class LegendRow(QWidget):
    """What a colour of the seat bar stands for, with its number."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self._token = token
        self._mark = QLabel()
        self._mark.setFixedSize(12, 12)
        self._text = label("", wrap=True)
        made = row(self._mark, self._text, spacing=8)
        made.setStretch(1, 1)
        self.setLayout(made)
        self.restyle()

    def show_count(self, count: int, what: str) -> None:
        """Say the number."""
        self._text.setText(f"{count:,} {what}")

    def restyle(self) -> None:
        """Follow the theme."""
        colour = getattr(theme.tokens(), self._token)
        self._mark.setStyleSheet(f"background: {colour}; border-radius: 3px;")


class AttentionRow(QWidget):
    """One sentence with its state as an icon and its action as a button."""

    def __init__(self, item: Attention, desk: Desk) -> None:
        super().__init__()
        colour = {"error": theme.tokens().error, "warning": theme.tokens().warning}.get(
            item.state, theme.tokens().accent
        )
        mark = QLabel()
        mark.setPixmap(theme.pixmap(item.state if item.state != "error" else "error", colour, 18))
        mark.setAccessibleName(item.state)
        mark.setFixedWidth(20)
        self.action = button(item.action, partial(desk.open, item.page, item.what))
        text = label(item.sentence, wrap=True)
        text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        words = row(mark, text, spacing=10)
        words.setStretch(1, 1)
        self._foot = row(self.action)
        self._box = row(words, self._foot, spacing=10, margins=(0, 6, 0, 6))
        self._box.setStretch(0, 1)
        self.setLayout(self._box)

    def set_narrow(self, narrow: bool) -> None:
        """Put the button under the sentence where there is no room beside it."""
        direction = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        self._box.setDirection(direction)
        self._box.setSpacing(4 if narrow else 10)
        self._foot.setContentsMargins(30 if narrow else 0, 0, 0, 0)
        self._box.setAlignment(self.action, Qt.AlignmentFlag.AlignLeft if narrow else Qt.AlignmentFlag.AlignVCenter)


class OverviewPage(Page):
    name = "overview"
    title = "Overview"
    sentence = "How single sign-on is doing for this account, and what needs attention."
    icon = "overview"
    depends_on = frozenset({"event", "users", "configuration", "accounts", "settings"})

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._shown: Snapshot | None = None
        self._span = DAY
        self.try_button = button(
            "Try a login", self.try_login, icon="login", kind="primary", hint="Log in with the built-in IdP"
        )
        self.header(self.try_button)
        self.banner = Banner()
        self.body.addWidget(self.banner)
        self._stack = QStackedWidget()
        self._stack.addWidget(QWidget())
        self.welcome = self._welcome()
        self._stack.addWidget(self.welcome)
        self.dashboard = self._dashboard()
        self._stack.addWidget(self.dashboard)
        self.body.addWidget(self._stack, 1)

    # Parts -----------------------------------------------------------------------------------------------------

    def _welcome(self) -> QWidget:
        made = QWidget()
        self.set_up_button = button("Set up SSO", partial(self.desk.open, "settings", "metadata"), kind="primary")
        self.one_click_button = button("Log in as Ada", self.try_login, icon="login")
        self.sample_button = button(
            "Inspect a sample", partial(self.desk.open, "inspector", "sample"), icon="inspector"
        )
        self._doors = (
            Door(
                "settings",
                "Set up SSO for an account",
                "Paste the identity provider's metadata, see what was understood before it is saved, and copy the "
                "values that Entra ID, Okta, OneLogin or AD FS ask for.",
                self.set_up_button,
            ),
            Door(
                "login",
                "Try a login with the built-in IdP",
                "One click: the test identity provider starts on this machine, the account trusts it, and Ada logs "
                "in. You land in the log, on that very login.",
                self.one_click_button,
            ),
            Door(
                "inspector",
                "Inspect a response",
                "Somebody cannot log in? Paste what the browser posted and read the cause in one sentence. A sample "
                "is ready to look at.",
                self.sample_button,
            ),
        )
        head = label("Welcome to SSO Workbench", size=16, bold=True)
        text = label(
            "Set up, try and explain SAML single sign-on. Nothing leaves this machine. Where would you like to start?",
            tone="muted",
            wrap=True,
        )
        doors = row(*self._doors, spacing=14)
        for number in range(len(self._doors)):
            doors.setStretch(number, 1)
        hint = label(
            "You can also drop a file on the window: metadata goes to Settings, a message to the Inspector. "
            "Ctrl+K finds pages, people and faults; F1 shows the keys.",
            tone="muted",
            wrap=True,
        )
        made.setLayout(column(head, text, doors, hint, 1, spacing=14, margins=(0, 8, 0, 0)))
        return made

    def _dashboard(self) -> QWidget:
        self.state_figure = Figure("single sign-on", "Off")
        self.seat_figure = Figure("seats used", "0")
        self.certificate_figure = Figure("until the certificate expires", "None")
        self.login_figure = Figure("logins in the last 24 hours", "0")
        figures = row(self.state_figure, self.seat_figure, self.certificate_figure, self.login_figure, spacing=14)
        for number, figure in enumerate(
            (self.state_figure, self.seat_figure, self.certificate_figure, self.login_figure)
        ):
            figure.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            figures.setStretch(number, 1)

        self.chart = LoginChart()
        self.chart_text = label("", tone="muted", size=12)
        self._spans = QButtonGroup(self)
        span_buttons = []
        for span in (DAY, WEEK):
            made = button(span.name, partial(self._show_span, span), kind="flat", hint=f"Logins {span.title}")
            made.setCheckable(True)
            made.setChecked(span is DAY)
            self._spans.addButton(made)
            span_buttons.append(made)
        self.day_button, self.week_button = span_buttons
        self._reasons = QHBoxLayout()
        self._reasons.setSpacing(0)
        self._reasons.setContentsMargins(0, 0, 0, 0)
        self.reason_buttons: list[QPushButton] = []
        reasons = QWidget()
        reasons.setLayout(self._reasons)
        chart_card = Card("Logins", self.chart, self.chart_text, reasons, actions=span_buttons)
        chart_card.body.setStretch(1, 1)

        self.seat_bar = SeatBar()
        self.seat_text = label("", wrap=True)
        self.seat_note = label("", tone="muted", size=12, wrap=True)
        manage = button("Users", partial(self.desk.open, "users"), kind="flat", icon="users", hint="Open the user list")
        self.legend = {name: LegendRow(token) for name, token in _LEGEND.items()}
        seat_card = Card(
            "Seats", self.seat_text, self.seat_bar, *self.legend.values(), 1, self.seat_note, actions=(manage,)
        )

        self.recent = Table[Any](
            "recent-logins",
            (
                Column("When", lambda e: ago(e.at, self._now), 88, tip=lambda e: exact(e.at), muted=True),
                Column("Result", lambda e: OUTCOMES.get(e.outcome, e.outcome), 132, state=lambda e: e.status),
                Column("Person", lambda e: e.email_key or e.name_id or "Unknown", 170),
                Column("What happened", lambda e: e.sentence, 100),
            ),
        )
        header = self.recent.horizontalHeader()
        header.setStretchLastSection(False)
        for number in (2, 3):
            header.setSectionResizeMode(number, QHeaderView.ResizeMode.Stretch)
        self.recent.opened.connect(lambda e: self.desk.open("log", e.reference))
        self.recent.setMinimumHeight(140)
        self.no_logins = label(
            "Nobody has tried to log in yet. Every attempt appears here, accepted or not.", tone="muted", wrap=True
        )
        log_button = button("Open the log", partial(self.desk.open, "log"), kind="flat", icon="log")
        recent_card = Card("Recent logins", self.no_logins, self.recent, actions=(log_button,))
        recent_card.body.setStretch(2, 1)

        self._attention = QVBoxLayout()
        self._attention.setSpacing(0)
        inner = Plain()
        inner.setLayout(column(self._attention, 1, spacing=0))
        attention_card = Card("Needs attention", scrolled(inner))
        attention_card.setAccessibleName("Needs attention")
        attention_card.title.setMinimumHeight(recent_card.title.sizeHint().height() + 16)

        top = _shares(chart_card, seat_card)
        bottom = _shares(recent_card, attention_card)
        whole = QWidget()
        layout = column(figures, top, bottom, spacing=14)
        layout.setStretch(2, 1)
        whole.setLayout(layout)
        return whole

    # Loading ---------------------------------------------------------------------------------------------------

    @property
    def _now(self) -> datetime:
        assert self._shown is not None
        return self._shown.now

    def refresh(self) -> None:
        if not self.desk.account:
            return  # the accounts are still being loaded
        self.work(load, self.desk.sso, self.desk.account, then=self._show, failed=self._failed, channel="load")

    def _failed(self, error: Exception) -> None:
        self.banner.say("error", str(error), "Try again", self.refresh)

    def _show(self, now_shown: Snapshot) -> None:
        self._shown = now_shown
        self.banner.hide()
        self.try_button.setVisible(not now_shown.untouched)
        if now_shown.untouched:
            self._stack.setCurrentWidget(self.welcome)
            return
        self._stack.setCurrentWidget(self.dashboard)
        self._show_figures(now_shown, now_shown.account)
        self._show_span(self._span)
        self.recent.show_rows(now_shown.recent)
        self.recent.setVisible(bool(now_shown.recent))
        self.no_logins.setVisible(not now_shown.recent)
        self._show_reasons(now_shown)
        clear(self._attention)
        for number, item in enumerate(now_shown.attention):
            if number:
                self._attention.addWidget(line())
            made = AttentionRow(item, self.desk)
            made.set_narrow(self.width() < _NARROW)
            self._attention.addWidget(made)
        if not now_shown.attention:
            self._attention.addWidget(label("Nothing needs attention.", tone="ok", wrap=True))

    def _show_reasons(self, shown: Snapshot) -> None:
        """Why logins failed most often in a week; each leads to its events."""
        clear(self._reasons)
        self.reason_buttons = []
        for category, reason, events, people in shown.reasons:
            text = f"{events:,} × {CATEGORIES.get(category, category)}"
            hint = f"{reason}: {plural(events, 'login')} of {plural(people, 'person', 'people')} failed in 7 days"
            made = button(text, partial(self.desk.open, "log", ("reason", reason)), kind="flat", hint=hint)
            made.setFont(theme.font(12))
            self.reason_buttons.append(made)
            self._reasons.addWidget(made)
        self._reasons.addStretch(1)
        self._fit_reasons()

    def _fit_reasons(self) -> None:
        """Two of them where there is no room for three."""
        for number, made in enumerate(self.reason_buttons):
            made.setVisible(number < 2 or self.width() >= _NARROW)

    def _show_figures(self, shown: Snapshot, account: Account) -> None:
        configuration, seats = shown.configuration, shown.seats
        provider = ""
        if configuration.idp is not None:
            provider = configuration.idp.display_name or configuration.idp.entity_id
        caption = "single sign-on"
        if configuration.revision:
            caption = f"revision {configuration.revision.number}, {_tested(shown)}"
        word = "Enforced" if account.enforced else "On" if account.sso_on else "Off"
        self.state_figure.show_value(word, caption, "ok" if account.sso_on else "warning")
        told = f"Identity provider: {provider}" if provider else "No identity provider metadata is saved."
        if configuration.revision is not None:
            if shown.test is not None:
                told += f"\nTested {ago(shown.test.at, shown.now)} by {shown.test.operator}: {shown.test.sentence}"
            told += f"\nSaved {ago(configuration.revision.at, shown.now)}\n{exact(configuration.revision.at)}"
        self.state_figure.setToolTip(tip(told))
        used, limit = seats.seats.used, seats.seats.limit
        tone: Tone = "error" if seats.seats.full else ""
        self.seat_figure.show_value(f"{used} / {limit}", "seats used", tone)
        self._show_certificate(shown)
        self.seat_bar.show_seats(used, limit, seats.possible)
        self.seat_text.setText(f"{used} of {plural(limit, 'seat')} used")
        stale = seats.possible
        self.legend["used"].show_count(used - stale, "in use")
        strong = f", {seats.likely} on good evidence" if seats.likely else ""
        self.legend["stale"].show_count(stale, f"no longer log in{strong}")
        self.legend["free"].show_count(seats.seats.free, "free")
        self.seat_note.setVisible(seats.price is not None)
        self.seat_note.setText(visible(f"A seat costs {seats.price}."))
        self.login_figure.show_value(
            f"{sum(b.success + b.warning + b.failure for b in shown.day):,}", "logins in 24 hours"
        )

    def _show_certificate(self, shown: Snapshot) -> None:
        until = shown.certificate_until
        if until is None:
            self.certificate_figure.show_value("None", "signing certificate", "muted")
            self.certificate_figure.setToolTip("")
            return
        days = days_left(until, shown.now)
        tone: Tone = "error" if days < 0 else "warning" if days < CERTIFICATE_DAYS else ""
        caption = "of the certificate left" if days >= 0 else "the certificate is expired"
        self.certificate_figure.show_value(plural(abs(days), "day"), caption, tone)
        self.certificate_figure.setToolTip(tip(exact(until)))

    def _show_span(self, span: Span) -> None:
        self._span = span
        if self._shown is None:
            return
        buckets = self._shown.day if span is DAY else self._shown.week
        self.chart.show_buckets(buckets)
        good, warned = sum(b.success for b in buckets), sum(b.warning for b in buckets)
        bad = sum(b.failure for b in buckets)
        self.chart_text.setText(f"{span.title.capitalize()}: {good:,} ok, {warned:,} with a warning, {bad:,} failed")

    # Intents ---------------------------------------------------------------------------------------------------

    def try_login(self) -> None:
        """Log in with the built-in IdP, then open the log on that login."""
        self._busy(True)
        self.banner.say("info", "Starting the test IdP and logging in ...")
        self.work(
            try_a_login,
            self.desk.sso,
            self.desk.lab,
            self.desk.account,
            then=self._tried,
            failed=self._not_tried,
            channel="try",
        )

    def _busy(self, on: bool) -> None:
        self.try_button.setEnabled(not on)
        self.one_click_button.setEnabled(not on)

    def _not_tried(self, error: Exception) -> None:
        self._busy(False)
        self.banner.say("error", str(error) or type(error).__name__)

    def _tried(self, tried: Tried) -> None:
        self._busy(False)
        if tried.problem:
            self.banner.say("warning", tried.problem, "Open settings", partial(self.desk.open, "settings", "metadata"))
            return
        self.banner.hide()
        self.desk.open("log", tried.reference)

    @called_by_qt
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < _NARROW
        self.recent.setColumnHidden(3, narrow)
        self._fit_reasons()
        for made in self.findChildren(AttentionRow):
            made.set_narrow(narrow)

    def restyle(self) -> None:
        super().restyle()
        for door in self._doors:
            door.restyle()
        for mark in self.legend.values():
            mark.restyle()
        self.banner.restyle()
        for made_button in (self.try_button, self.one_click_button, self.sample_button):
            retint(made_button)
        if self._shown is not None:
            self._show(self._shown)


def _tested(shown: Snapshot) -> str:
    if shown.test is None:
        return "not tested"
    return "tested" if shown.test.passed else "test failed"


class Plain(QWidget):
    """The inside of a scrolled list that stands on a card."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("plain")


def _shares(wide: QWidget, narrow: QWidget) -> QHBoxLayout:
    """Two cards side by side, three parts to two, whatever they hold."""
    for card in (wide, narrow):
        policy = card.sizePolicy()
        policy.setHorizontalPolicy(QSizePolicy.Policy.Ignored)
        card.setSizePolicy(policy)
    made = row(wide, narrow, spacing=14)
    made.setStretch(0, 3)
    made.setStretch(1, 2)
    return made
