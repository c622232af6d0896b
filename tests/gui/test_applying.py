"""A person takes a diagnosis up in the inspector: sees what would come of it, saves it, takes it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.gui.examine import PASTED
from tests.gui.bench import ACCOUNT, HOSTILE, NOW, Bench, flush, press, texts

OFFER = "Apply to settings..."


@pytest.fixture(autouse=True)
def connected(bench: Bench) -> None:
    bench.connect()


def offered(page: Any) -> bool:
    return any(b.text() == OFFER and b.isVisible() for b in page.findChildren(type(page.paste)))


def revision(bench: Bench) -> int:
    return bench.sso.account(ACCOUNT).revision


def test_a_proposal_is_looked_at_saved_and_undone(bench: Bench) -> None:
    bench.sso.set_choices(ACCOUNT, {"signed_part": "response"})
    page = bench.page("inspector", bench.idp.issue("ada", "imagekit").body)
    assert page.verdict.pill.state == "reject"
    press(page, OFFER)
    dialog = page.applying.dialog
    assert dialog is not None
    shown = texts(dialog)
    assert "What must be signed" in shown
    assert "With “either” that is enough" in shown
    assert "signing option is changed" in shown
    press(dialog, "Cancel")
    assert revision(bench) == 2
    press(page, OFFER)
    press(page.applying.dialog, "Save as new revision")
    assert page.applying.dialog is None
    assert revision(bench) == 3
    assert page.verdict.pill.state == "accept"
    assert page.banner.text == "Saved as revision 3 of Acme Media."
    press(page.banner, "Undo")
    assert revision(bench) == 4
    assert page.verdict.pill.state == "reject"


def test_a_late_paste_is_told_why_it_changes_nothing(bench: Bench) -> None:
    body = bench.idp.issue("ada", "imagekit").body
    bench.later(minutes=9)
    page = bench.page("inspector", body)
    press(page, OFFER)
    dialog = page.applying.dialog
    assert not dialog.save.isEnabled()
    assert "does not tell when it was received" in dialog.banner.text
    press(dialog, "Cancel")


def test_an_attempt_of_the_log_is_taken_up_as_of_its_receipt(bench: Bench) -> None:
    body = bench.idp.issue("ada", "imagekit").body
    bench.later(minutes=9)
    assert body is not None
    reference = bench.sso.consume(body).reference
    bench.later(days=2)
    page = bench.page("inspector", reference)
    press(page, OFFER)
    press(page.applying.dialog, "Save as new revision")
    assert page.verdict.pill.state == "accept"


def test_somebody_who_was_faster_is_told_in_the_dialog(bench: Bench) -> None:
    bench.sso.set_choices(ACCOUNT, {"signed_part": "response"})
    page = bench.page("inspector", bench.idp.issue("ada", "imagekit").body)
    press(page, OFFER)
    dialog = page.applying.dialog
    bench.sso.set_choices(ACCOUNT, {"allow_cbc": False}, operator=HOSTILE)
    press(dialog, "Save as new revision")
    assert "saved revision 3 after you began" in dialog.banner.text
    assert revision(bench) == 3
    dialog.close()
    flush()


def test_nothing_is_offered_for_the_sample_or_without_an_account(bench: Bench) -> None:
    page = bench.page("inspector", "sample")
    assert not offered(page)
    bench.sso.set_choices(ACCOUNT, {"signed_part": "response"})
    page = bench.page("inspector", bench.idp.issue("ada", "imagekit").body)
    assert offered(page)
    page.bar.policy.setCurrentIndex(1)
    page.bar.policy.activated.emit(1)
    assert not offered(page)


def test_newer_metadata_is_taken_up_where_it_proves_a_rollover(bench: Bench) -> None:
    bench.idp.tenant = replace(bench.idp.tenant, signing_key="next", published_keys=("current", "next"))
    page = bench.page("inspector", bench.idp.issue("ada", "imagekit").body)
    assert page.verdict.pill.state == "reject"
    assert not offered(page)
    page._judge_by(bench.idp.metadata())
    assert page.bar.judging().against == PASTED
    press(page, OFFER)
    assert "Compare the thumbprint" in texts(page.applying.dialog)
    press(page.applying.dialog, "Save as new revision")
    page.bar.judge_against(ACCOUNT)
    page._rejudge()
    assert page.verdict.pill.state == "accept"
    assert bench.time - NOW < timedelta(seconds=1)
