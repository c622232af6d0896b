from __future__ import annotations

from datetime import timedelta

import pytest
from PySide6.QtWidgets import QLabel

from app.gui.overview_data import DAY
from app.gui.pages.overview import AttentionRow
from tests.gui.bench import ACCOUNT, HOSTILE, Bench, column, flush, press, texts


def sentences(page: object) -> list[str]:
    """What needs attention, as it is shown."""
    return [texts(row) for row in page.findChildren(AttentionRow) if row.isVisible()]  # type: ignore[attr-defined]


def test_the_first_run_has_three_doors(bench: Bench) -> None:
    page = bench.page("overview")
    assert page.welcome.isVisible()
    assert not page.try_button.isVisible()
    bench.catch_opened()
    press(page.welcome, "Set up SSO")
    press(page.welcome, "Inspect a sample")
    assert bench.opened == [("settings", "metadata"), ("inspector", "sample")]


def test_one_click_starts_connects_logs_in_and_opens_the_log(bench: Bench) -> None:
    page = bench.page("overview")
    bench.catch_opened()
    press(page.welcome, "Log in as Ada")
    assert bench.lab.running
    assert bench.lab.is_connected(ACCOUNT)
    (event,) = [e for e in bench.sso.events() if e.kind == "login"]
    assert (event.outcome, event.email_key) == ("created", "ada@acme-media.test")
    assert bench.opened == [("log", event.reference)]
    assert page.dashboard.isVisible()
    assert page.state_figure.value.text() == "On"
    assert column(page.recent, 2) == ["ada@acme-media.test"]
    page.recent.selectRow(0)
    page.recent.opened.emit(page.recent.current)
    assert bench.opened[-1] == ("log", event.reference)


def test_one_click_never_replaces_another_identity_provider(bench: Bench) -> None:
    bench.connect()
    page = bench.page("overview")
    before = bench.sso.configuration(ACCOUNT).revision
    press(page, "Try a login")
    assert "trusts another identity provider" in page.banner.text
    assert bench.sso.configuration(ACCOUNT).revision == before


def test_the_dashboard_counts_seats_logins_and_days(bench: Bench) -> None:
    bench.connect()
    bench.log_in("ada")
    bench.log_in("grace")
    page = bench.page("overview")
    assert page.seat_figure.value.text() == "2 / 5"
    assert page.login_figure.value.text() == "2"
    assert page.chart_text.text() == "In the last 24 hours: 2 ok, 0 with a warning, 0 failed"
    assert page.certificate_figure.value.text().endswith("days")
    assert sum(b.success for b in page._shown.day) == 2
    assert len(page._shown.day) == DAY.columns
    press(page, "7 days")
    assert page.chart_text.text().startswith("In the last 7 days: 2 ok")


def test_it_follows_logins_as_they_happen(bench: Bench) -> None:
    bench.connect()
    bench.log_in("ada")
    page = bench.page("overview")
    bench.log_in("grace")
    flush()
    assert column(page.recent, 2) == ["grace@acme-media.test", "ada@acme-media.test"]


def test_a_replay_shows_as_failed_and_needs_attention(bench: Bench) -> None:
    bench.connect()
    issued = bench.idp.issue("ada", "imagekit")
    assert issued.body is not None
    bench.sso.consume(issued.body)
    bench.sso.consume(issued.body)
    page = bench.page("overview")
    assert column(page.recent, 1)[0] == "Rejected"
    assert any("1 login failed" in s for s in sentences(page))
    bench.catch_opened()
    press(page, "Open the log")
    assert bench.opened[0][0] == "log"


def test_nothing_needs_attention(bench: Bench) -> None:
    bench.connect()
    bench.log_in("ada")
    page = bench.page("overview")
    assert sentences(page) == [s for s in sentences(page) if "certificate" in s]


def test_sso_off_leads_to_settings(bench: Bench) -> None:
    bench.connect()
    bench.log_in("ada")
    bench.sso.delete_metadata(ACCOUNT)
    page = bench.page("overview")
    assert page.state_figure.value.text() == "Off"
    assert any("turned off by revision 2" in s for s in sentences(page))
    bench.catch_opened()
    press(page, "Set up SSO")
    assert bench.opened == [("settings", "metadata")]


@pytest.mark.parametrize(("limit", "said"), [(2, "All 2 seats are taken"), (3, "Only 1 seat of 3 left")])
def test_seats_running_out_needs_attention(bench: Bench, limit: int, said: str) -> None:
    bench.connect()
    bench.log_in("ada")
    bench.log_in("grace")
    bench.sso.update_account(ACCOUNT, seat_limit=limit)
    assert any(said in s for s in sentences(bench.page("overview")))


def test_a_plan_without_sso_needs_attention_first(bench: Bench) -> None:
    bench.connect()
    bench.log_in("ada")
    bench.sso.update_account(ACCOUNT, plan="free")
    assert "free plan has no single sign-on" in sentences(bench.page("overview"))[0]


def test_stale_people_and_an_ending_certificate_need_attention(bench: Bench) -> None:
    bench.connect()
    bench.log_in("ada")
    bench.sso.add_user(ACCOUNT, "x@acme-media.test", "X", "developer")
    bench.later(days=25)
    bench.log_in("ada")
    page = bench.page("overview")
    told = sentences(page)
    assert any("certificate expires in" in s for s in told)
    assert any("1 seat may be held" in s for s in told)
    assert page.legend["stale"]._text.text().startswith("1 no longer log in")
    bench.later(days=25)
    page.refresh()
    flush()
    assert any("certificate expired" in s for s in sentences(page))
    assert page.certificate_figure.caption.text() == "the certificate is expired"


def test_hostile_claims_stay_text(bench: Bench) -> None:
    bench.connect()
    bench.person("ada", full_name=HOSTILE)
    bench.log_in("ada")
    page = bench.page("overview")
    for made in page.findChildren(QLabel):
        assert "<b>" not in made.text() or made.textFormat().name == "PlainText"
    assert page._shown.recent[0].at <= bench.time + timedelta(seconds=1)


def test_what_could_lock_people_out_needs_attention(bench: Bench) -> None:
    bench.connect()
    first = bench.log_in("ada")
    bench.sso.record_test(ACCOUNT, first.reference)
    codes = bench.sso.make_recovery_codes(ACCOUNT)
    bench.sso.enforce(ACCOUNT)
    page = bench.page("overview")
    assert page.state_figure.value.text() == "Enforced"
    assert not any("recovery code" in s for s in sentences(page))
    assert first.user is not None
    for code in codes[:7]:
        assert bench.sso.use_recovery_code(first.user.email, code).user is not None
    page.refresh()
    flush()
    assert any("Only 1 recovery code left" in s for s in sentences(page))
    bench.sso.set_metadata_source(ACCOUNT, "https://idp.test/metadata", every_hours=24)
    bench.sso.record_fetch(ACCOUNT, "https://idp.test/metadata", problem="idp.test did not answer.")
    flush()
    assert any("could not be fetched" in s for s in sentences(page))
    bench.catch_opened()
    press(page, "Recovery codes")
    assert bench.opened == [("settings", "safety")]


def test_the_last_test_and_the_top_reasons_are_told(bench: Bench) -> None:
    bench.connect()
    page = bench.page("overview")
    assert page.state_figure.caption.text().endswith("not tested")
    issued = bench.idp.issue("ada", "imagekit")
    bench.sso.consume(issued.body, mode="test")
    for username in ("ada", "grace"):
        body = bench.idp.issue(username, "imagekit").body
        bench.sso.consume(body)
        bench.sso.consume(body)
    late = bench.idp.issue("grace", "imagekit", faults=["route-audience-other"])
    bench.sso.consume(late.body)
    flush()
    assert [b.text() for b in page.reason_buttons] == ["2 × Used before", "1 × Meant for somebody else"]
    assert "replay.assertion: 2 logins of 2 people" in page.reason_buttons[0].toolTip()
    bench.catch_opened()
    page.reason_buttons[0].click()
    assert bench.opened == [("log", ("reason", "replay.assertion"))]
    log = bench.page("log")
    log.open(("reason", "replay.assertion"))
    flush()
    assert {e.reason for e in log.table.model_.rows} == {"replay.assertion"}
    assert len(log.table.model_.rows) == 2


def test_a_test_that_failed_needs_attention(bench: Bench) -> None:
    bench.connect()
    bad = bench.idp.issue("grace", "imagekit", faults=["route-audience-other"])
    reference = bench.sso.consume(bad.body, mode="test", account=ACCOUNT).reference
    bench.sso.record_test(ACCOUNT, reference, how="simulator")
    page = bench.page("overview")
    assert page.state_figure.caption.text().endswith("test failed")
    assert any("The last test of revision 1 failed" in s for s in sentences(page))
    bench.catch_opened()
    press(page, "Test again")
    assert bench.opened == [("settings", "safety")]
