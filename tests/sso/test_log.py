"""The log's verbs, settings and policies."""

import pytest

from app.sso import NotFound, Refused
from app.store import EventFilter
from app.store.events import page_key


def test_events_page_by_page(bench):
    for _ in range(3):
        bench.log_in("ada")
        bench.later(minutes=1)
    first = bench.sso.events(EventFilter(kind="login"), limit=2)
    rest = bench.sso.events(EventFilter(kind="login"), limit=2, after=page_key(first[-1]))
    assert [e.outcome for e in (*first, *rest)] == ["unchanged", "unchanged", "created"]
    assert bench.sso.count_events(EventFilter(kind="login")) == 3


def test_an_event_by_its_reference_as_it_is_read_out(bench):
    reference = bench.log_in("ada").reference
    assert bench.sso.event(f" {reference.upper()} ").reference == reference
    with pytest.raises(NotFound, match="amber-otter"):
        bench.sso.event("no-such-event-00")


def test_reasons_and_activity(bench):
    bench.log_in("ada")
    bench.log_in("ada", faults=["sig-none"])
    assert [(c, n) for c, _, n, _ in bench.sso.reasons(EventFilter(kind="login"))] == [("sig", 1)]
    assert sorted((s, n) for _, s, n in bench.sso.activity(EventFilter(kind="login"))) == [
        ("failure", 1),
        ("success", 1),
    ]


def test_purging_is_an_event(bench):
    old = bench.log_in("ada").reference
    bench.later(days=29)
    new = bench.log_in("ada").reference
    bench.later(days=2)
    purged = bench.sso.purge(operator="otto")
    assert (purged.messages, purged.expired) == (1, 1)  # the older replay entry went with a login
    assert (bench.sso.event(old).has_raw, bench.sso.event(new).has_raw) == (False, True)
    audit = bench.sso.event(purged.reference)
    assert (audit.kind, audit.operator, audit.details["messages"]) == ("upkeep", "otto", 1)
    assert bench.sso.purge(days=0).messages == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("clock_skew_s", -1),
        ("clock_skew_s", 601),
        ("clock_skew_s", "180"),
        ("clock_skew_s", True),
        ("signed_part", "all"),
        ("allow_cbc", 1),
        ("break_glass", "ada@acme-media.test"),
        ("break_glass", [" "]),
        ("nothing", 1),
    ],
)
def test_settings_that_do_not_fit(bench, name, value):
    with pytest.raises(Refused):
        bench.sso.set_setting(name, value)


def test_settings_are_kept_and_default_again(bench):
    bench.sso.set_setting("clock_skew_s", 60)
    bench.reopen()
    assert bench.sso.settings()["clock_skew_s"] == 60
    bench.sso.set_setting("clock_skew_s", 180)
    assert bench.sso.settings()["clock_skew_s"] == 180


def test_policies_are_kept_and_checked(bench):
    bench.sso.set_policies(email_changed="refuse")
    bench.reopen()
    assert bench.sso.policies().email_changed == "refuse"
    with pytest.raises(Refused):
        bench.sso.set_policies(email_changed="maybe")
    with pytest.raises(Refused):
        bench.sso.set_policies(unknown="x")


def test_preferences_of_pages(bench):
    bench.sso.set_preference("log/filters", [{"name": "failures", "status": "failure"}])
    assert bench.sso.preference("log/filters") == [{"name": "failures", "status": "failure"}]
    assert bench.sso.preference("none") is None
    assert "log/filters" not in bench.sso.settings()
