"""A person decides for an account: rules with their costs, claims with the last response under what is typed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gui.bench import ACCOUNT, Bench, column, flush, press, texts


@pytest.fixture(autouse=True)
def connected(bench: Bench) -> None:
    bench.connect()


def settings(bench: Bench, name: str) -> Any:
    page = bench.page("settings", name)
    flush()
    return getattr(page, name)


def decided(bench: Bench) -> dict[str, Any]:
    return {v.choice.name: v.value for v in bench.sso.choices(ACCOUNT) if v.decided}


def tried(section: Any) -> str:
    section._pause.stop()
    section._try()
    flush()
    return texts(section)


def test_rules_are_changed_together_saved_and_left_to_the_default_again(bench: Bench) -> None:
    section = settings(bench, "rules")
    assert not section.save_rules.isEnabled()
    assert "SHA-1 collisions can be bought" in texts(section)
    section.rows["clock_skew_s"].control.setValue(240)
    section.rows["allow_sha1"].control.setChecked(True)
    box = section.rows["deleted_user_returns"].control
    box.setCurrentIndex(box.findData("block"))
    box.activated.emit(box.currentIndex())
    assert section.told.text() == "3 changes not saved yet."
    assert decided(bench) == {}
    press(section, "Save rules")
    assert decided(bench) == {"clock_skew_s": 240, "allow_sha1": True, "deleted_user_returns": "block"}
    assert section.page.banner.text == "Saved as revision 2 of Acme Media."
    assert section.rows["clock_skew_s"].state.text() == "Decided for this account"
    assert section.rows["clock_skew_s"].control.value() == 240
    press(section.rows["clock_skew_s"], "Use the default")
    assert section.rows["clock_skew_s"].control.value() == 180
    assert section.rows["clock_skew_s"].state.text() == "The default"
    press(section, "Save rules")
    assert decided(bench) == {"allow_sha1": True, "deleted_user_returns": "block"}


def test_what_was_changed_is_discarded(bench: Bench) -> None:
    section = settings(bench, "rules")
    section.rows["clock_skew_s"].control.setValue(10)
    press(section, "Discard changes")
    assert section.rows["clock_skew_s"].control.value() == 180
    assert not section.save_rules.isEnabled()


def test_claims_are_tried_on_the_last_response_while_typing(bench: Bench) -> None:
    section = settings(bench, "claims")
    assert "No response of this account is kept yet" in tried(section)
    assert bench.log_in("grace").allowed
    shown = tried(section)
    assert "Accepted" in section.preview_state.word
    assert "Full name, from full_name" in shown
    section.rows["claim_full_name"].control.setText("displayName")
    section.rows["claim_full_name"].control.textEdited.emit("displayName")
    shown = tried(section)
    assert "Full name, from displayName" in shown
    assert "Sent and not used: full_name" in shown
    field = section.rows["role_values"].control.fields["finance"]
    section.rows["role_values"].control.fields["developer"].setText("")
    field.setText("finance; developer")
    field.textEdited.emit("finance; developer")
    assert "Role that it gives: Finance" in tried(section)
    assert decided(bench) == {}
    press(section, "Save rules")
    assert decided(bench)["role_values"]["developer"] == "finance"
    assert decided(bench)["claim_full_name"] == "displayName"
    assert bench.log_in("grace").user.role == "finance"  # type: ignore[union-attr]


def test_what_does_not_fit_is_marked_where_it_stands_and_not_saved(bench: Bench) -> None:
    section = settings(bench, "claims")
    text = section.rows["relay_states"].control
    text.setPlainText("javascript:alert(1)")
    assert section.save_rules.isEnabled()
    press(section, "Save rules")
    assert "cannot be a place where a login lands" in section.rows["relay_states"].banner.text
    assert decided(bench) == {}
    assert "Correct what is marked" in tried(section)
    text.setPlainText("https://media.example/home\nhttps://media.example/")
    press(section, "Save rules")
    assert decided(bench) == {"relay_states": ["https://media.example/home", "https://media.example/"]}


def test_what_somebody_else_saved_meanwhile_is_shown_and_nothing_is_lost(bench: Bench) -> None:
    section = settings(bench, "rules")
    section.rows["clock_skew_s"].control.setValue(240)
    bench.sso.set_choices(ACCOUNT, {"signed_part": "both"}, operator="paul")
    press(section, "Save rules")
    assert decided(bench) == {"signed_part": "both"}
    assert not section.page.conflict.isHidden()
    assert section.rows["clock_skew_s"].control.value() == 240


def test_rules_are_tried_on_the_last_logins_before_they_are_saved(bench: Bench) -> None:
    assert bench.log_in("ada").allowed
    section = settings(bench, "rules")
    assert not section.what_if.isVisible()
    box = section.rows["signed_part"].control
    box.setCurrentIndex(box.findData("response"))
    box.activated.emit(box.currentIndex())
    press(section, "What if?")
    assert "The last login would stop working." in section.what_if.banner.text
    assert column(section.what_if.table, 0) == ["Stop"]
    assert decided(bench) == {}
    box.setCurrentIndex(box.findData("assertion"))
    box.activated.emit(box.currentIndex())
    assert section.what_if.banner.text == "", "what was found is not about another draft"
    press(section, "What if?")
    assert "The last login would come out as now." in section.what_if.banner.text


def test_claims_are_tried_on_the_last_logins_too(bench: Bench) -> None:
    assert bench.log_in("ada").allowed
    section = settings(bench, "claims")
    section.rows["claim_imagekit_id"].control.setText("tenant")
    section.rows["claim_imagekit_id"].control.textEdited.emit("tenant")
    press(section, "What if?")
    assert "The last login would stop working." in section.what_if.banner.text
    section.rows["claim_imagekit_id"].control.setText("a b")
    section.rows["claim_imagekit_id"].control.textEdited.emit("a b")
    press(section, "What if?")
    assert section.what_if.banner.text == ""
    assert section.rows["claim_imagekit_id"].banner.text != ""
