"""What the overview says of an account, read in one go: figures, columns of the chart, and what needs attention."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from app.gui.charts import Bucket
from app.gui.wording import ago, day, days_left, in_days, plural

if TYPE_CHECKING:
    from app.accounts.account import Account
    from app.lab import Lab
    from app.sso import SSO, ConfigurationView, Safety, SeatPanel, SourceView
    from app.store import ConfigurationTest, EventRecord

#: A certificate that ends within so many days needs attention.
CERTIFICATE_DAYS = 30
_RECENT = 50
#: So few recovery codes are a reason to make new ones.
FEW_CODES = 2
_TOP_REASONS = 3


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing to do: a state as in STATES, a sentence, and where its button leads."""

    state: str
    sentence: str
    action: str
    page: str
    what: object = None


@dataclass(frozen=True, slots=True)
class Span:
    """A span of the chart: its name, its length, and the width of a column."""

    name: str
    title: str
    columns: int
    width: timedelta


DAY = Span("24 hours", "in the last 24 hours", 24, timedelta(hours=1))
WEEK = Span("7 days", "in the last 7 days", 28, timedelta(hours=6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything the page shows, read in one go."""

    now: datetime
    configuration: ConfigurationView
    seats: SeatPanel
    certificate_until: datetime | None
    day: tuple[Bucket, ...]
    week: tuple[Bucket, ...]
    recent: tuple[EventRecord, ...]
    reasons: tuple[tuple[str, str, int, int], ...]
    test: ConfigurationTest | None
    attention: tuple[Attention, ...]

    @property
    def account(self) -> Account:
        """The account it is about."""
        return self.configuration.account

    @property
    def untouched(self) -> bool:
        """Whether nothing has been configured or tried yet."""
        return not self.account.sso_on and self.account.revision == 0 and not self.recent


def load(sso: SSO, imagekit_id: str) -> Snapshot:
    """Read everything the page shows about an account."""
    from app.store import EventFilter

    now = sso.now()
    safety = sso.safety(imagekit_id)
    configuration = sso.configuration(imagekit_id)
    account, seats = configuration.account, sso.seats(imagekit_id)
    which = EventFilter(account=account.id, kind="login", mode="live")
    until = _certificate_until(configuration)
    stale = seats.possible
    day = _buckets(sso, account.id, DAY, now)
    return Snapshot(
        now=now,
        configuration=configuration,
        seats=seats,
        certificate_until=until,
        day=day,
        week=_buckets(sso, account.id, WEEK, now),
        recent=tuple(sso.events(which, limit=_RECENT)),
        reasons=sso.reasons(replace(which, status="failure", since=now - timedelta(days=7)))[:_TOP_REASONS],
        test=safety.test,
        attention=(
            *needs_attention(configuration, seats, stale, until, sum(b.failure for b in day), now, safety.test),
            *safety_attention(safety, sso.metadata_source(account.id)),
        ),
    )


def _certificate_until(configuration: ConfigurationView) -> datetime | None:
    """When the last of the signing certificates ends; None without configuration."""
    from app.saml.metadata import certificate_facts

    if configuration.idp is None:
        return None
    return max((certificate_facts(k.certificate).not_after for k in configuration.idp.signing_keys), default=None)


def _buckets(sso: SSO, account: int, span: Span, now: datetime) -> tuple[Bucket, ...]:
    """The columns of the chart, oldest first; the last one is the running one."""
    from app.store import EventFilter

    width = int(span.width.total_seconds())
    last = int(now.timestamp()) // width * width
    starts = [last - width * i for i in reversed(range(span.columns))]
    since = datetime.fromtimestamp(starts[0], tz=now.tzinfo)
    counts: dict[int, dict[str, int]] = {}
    for start, status, events in sso.activity(
        EventFilter(account=account, kind="login", mode="live", since=since), bucket_s=width
    ):
        counts.setdefault(start, {})[status] = events
    made = []
    for start in starts:
        of = counts.get(start, {})
        begin = datetime.fromtimestamp(start, tz=now.tzinfo)
        title = f"{begin:%a %d %b, %H:%M} to {begin + span.width:%H:%M} UTC"
        made.append(Bucket(title, of.get("success", 0), of.get("warning", 0), of.get("failure", 0)))
    return tuple(made)


def needs_attention(
    configuration: ConfigurationView,
    seats: SeatPanel,
    stale: int,
    certificate_until: datetime | None,
    failed_today: int,
    now: datetime,
    test: ConfigurationTest | None = None,
) -> list[Attention]:
    """What somebody should look at, the most urgent first."""
    account, found = configuration.account, []
    if not account.plan_has_sso:
        sentence = f"The {account.plan} plan has no single sign-on: every login is refused. Change the plan first."
        found.append(Attention("error", sentence, "Change plan", "settings", "account"))
    if not account.sso_on:
        off = "SSO is off: no identity provider metadata is saved, so nobody can log in."
        if account.off_since_revision is not None:
            off = f"SSO was turned off by revision {account.off_since_revision}: nobody can log in."
        found.append(Attention("warning", off, "Set up SSO", "settings", "metadata"))
    if test is not None and not test.passed and account.sso_on:
        sentence = f"The last test of revision {test.revision} failed {ago(test.at, now)}: {test.sentence}"
        found.append(Attention("warning", sentence, "Test again", "settings", "safety"))
    if certificate_until is not None and days_left(certificate_until, now) < CERTIFICATE_DAYS:
        ended = certificate_until <= now
        when = in_days(certificate_until, now)
        sentence = (
            f"The signing certificate expired {when}. Ask the identity provider for newer metadata."
            if ended
            else f"The signing certificate expires {when}. Save newer metadata before then."
        )
        found.append(Attention("error" if ended else "warning", sentence, "Update metadata", "settings", "metadata"))
    ends = configuration.idp.valid_until if configuration.idp is not None else None
    if ends is not None and ends <= now:
        sentence = f"The saved metadata was valid until {day(ends)}. Ask the identity provider for newer metadata."
        found.append(Attention("warning", sentence, "Update metadata", "settings", "metadata"))
    used, limit = seats.seats.used, seats.seats.limit
    if seats.seats.full:
        sentence = f"All {plural(limit, 'seat')} are taken: nobody new can be registered."
        found.append(
            Attention("error", sentence, "Free seats", "stale")
            if stale
            else Attention("error", sentence, "Raise the limit", "settings", "account")
        )
    elif seats.seats.free == 1 or used >= 0.9 * limit:
        sentence = f"Only {plural(seats.seats.free, 'seat')} of {limit} left."
        found.append(Attention("warning", sentence, "Manage users", "users"))
    if stale:
        sentence = f"{plural(stale, 'seat')} may be held by people who no longer log in."
        found.append(Attention("warning", sentence, "Review", "stale"))
    if failed_today:
        sentence = f"{plural(failed_today, 'login')} failed in the last 24 hours."
        found.append(Attention("warning", sentence, "Open the log", "log", None))
    return sorted(found, key=lambda item: item.state != "error")


def safety_attention(safety: Safety, source: SourceView | None) -> list[Attention]:
    """What could lock people out, or waits for somebody to decide."""
    found = []
    if safety.test is not None and not safety.test.passed:
        sentence = "The last test of the saved settings failed. Mend them, then test again."
        found.append(Attention("warning", sentence, "Test", "settings", "safety"))
    if safety.enforced and safety.codes_left <= FEW_CODES:
        sentence = f"Only {plural(safety.codes_left, 'recovery code')} left while SSO is enforced. Make new ones."
        found.append(Attention("warning", sentence, "Recovery codes", "settings", "safety"))
    if source is not None and source.proposal is not None:
        sentence = "The identity provider's metadata has changed at its address. Nothing was taken over."
        found.append(Attention("warning", sentence, "Review", "settings", "metadata"))
    if source is not None and source.source.problem is not None and source.source.every_hours:
        sentence = "The identity provider's metadata could not be fetched from its address."
        found.append(Attention("warning", sentence, "Look at it", "settings", "metadata"))
    return found


@dataclass(frozen=True, slots=True)
class Tried:
    """What the one-click login came to. `problem` is a sentence where it could not even be tried."""

    reference: str = ""
    problem: str = ""


def try_a_login(sso: SSO, lab: Lab, imagekit_id: str) -> Tried:
    """Start the built-in IdP, make the account trust it if it trusts nobody yet, and log its first user in."""
    if not lab.running:
        lab.start()
    account = sso.account(imagekit_id)
    if not account.sso_on:
        lab.connect(imagekit_id, based_on=account.revision)
    elif not lab.is_connected(imagekit_id):
        return Tried(
            problem="This account trusts another identity provider, so the test IdP cannot log anybody in. "
            "Choose or create a test account on the Settings page, or use the test IdP there."
        )
    people = lab.users()
    username = next((u.username for u in people if u.enabled), "")
    if not username:
        return Tried(problem="The test IdP has nobody who can log in. Add a person on the Simulator page.")
    outcome = lab.log_in(username, imagekit_id)
    if not outcome.reference:
        return Tried(problem=f"The test IdP did not log {username} in: {outcome.sentence}")
    return Tried(outcome.reference)
