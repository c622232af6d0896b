from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.accounts.policies import CHOICES
from app.bootstrap import open_workspace
from app.gui import theme
from app.sso.settings import SETTINGS
from tests.gui.bench import ACCOUNT, Bench, answer, flush, press, texts


def test_every_setting_and_every_policy_is_on_the_page(bench: Bench) -> None:
    page = bench.page("preferences")
    assert set(page.rows) == {s.name for s in SETTINGS}
    assert set(page.policies) == {c.name for c in CHOICES}
    for choice in CHOICES:
        assert page.policies[choice.name].options[choice.default].isChecked()


def test_the_theme_changes_at_once_and_is_remembered(bench: Bench, qapp: QApplication) -> None:
    page = bench.page("preferences")
    try:
        page.themes["dark"].click()
        assert theme.tokens() is theme.DARK
        assert QSettings().value("theme") == "dark"
        page.themes["light"].click()
        assert theme.tokens() is theme.LIGHT
    finally:
        theme.apply(qapp, "light")


def test_a_policy_is_chosen_and_obeyed(bench: Bench) -> None:
    bench.connect()
    page = bench.page("preferences")
    page.policies["role_unusable_new"].options["least-role"].click()
    assert bench.sso.policies().role_unusable_new == "least-role"
    bench.person("ada", role="no-such-role")
    assert bench.log_in("ada").allowed
    page.policies["role_unusable_new"].options["reject"].click()
    bench.person("grace", role="no-such-role")
    assert not bench.log_in("grace").allowed


def test_numbers_choices_and_switches_are_stored(bench: Bench, qtbot: QtBot) -> None:
    page = bench.page("preferences")
    page.rows["clock_skew_s"].control.setValue(60)
    qtbot.waitUntil(lambda: bench.sso.settings()["clock_skew_s"] == 60)
    page.rows["allow_cbc"].control.click()
    assert bench.sso.settings()["allow_cbc"] is False
    choice = page.rows["signed_part"].control
    choice.setCurrentIndex(choice.findData("both"))
    choice.activated.emit(choice.currentIndex())
    assert bench.sso.settings()["signed_part"] == "both"
    field = page.rows["break_glass"].control
    field.setFocus()
    field.setText("root@acme-media.test, ; second@acme-media.test")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert bench.sso.settings()["break_glass"] == ["root@acme-media.test", "second@acme-media.test"]


def test_a_change_made_elsewhere_is_shown(bench: Bench) -> None:
    page = bench.page("preferences")
    bench.sso.set_setting("dormant_days", 45)
    flush()
    assert page.rows["dormant_days"].control.value() == 45


def test_purging_asks_and_tells_what_it_did(bench: Bench) -> None:
    bench.connect()
    reference = bench.log_in("ada").reference
    bench.later(days=31)
    page = bench.page("preferences")
    answer("Cancel")
    press(page, "Purge now")
    assert bench.sso.event(reference).has_raw
    asked = answer("Delete them")
    press(page, "Purge now")
    assert "cannot be brought back" in asked[0]
    assert not bench.sso.event(reference).has_raw
    assert page.banner.text.startswith("1 raw message")
    bench.catch_opened()
    press(page.banner, "Show in the log")
    assert bench.opened[0][0] == "log"
    assert bench.sso.event(bench.opened[0][1]).outcome == "purged"


def test_a_backup_is_a_workspace(bench: Bench, tmp_path: Path) -> None:
    bench.sso.add_user(ACCOUNT, "ada@acme-media.test", "Ada", "developer")
    page = bench.page("preferences")
    page.backup_to(tmp_path / "copy.db")
    assert "was copied to" in page.banner.text
    with open_workspace(f"sqlite:///{tmp_path / 'copy.db'}", logs=False) as copy:
        assert [u.email for u in copy.sso.users(ACCOUNT)] == ["ada@acme-media.test"]
    page.backup_to(tmp_path / "copy.db")
    assert "copy.db" in page.banner.text
    assert page.banner._state == "error"


@pytest.mark.parametrize("name", ["location", "folder"])
def test_where_the_data_is_can_be_copied(bench: Bench, name: str) -> None:
    page = bench.page("preferences")
    assert getattr(page, name).value.text()


def test_who_works_here_is_said_and_written_into_the_log(bench: Bench, qtbot: QtBot) -> None:
    page = bench.page("preferences")
    page.name_field.setFocus()
    qtbot.keyClicks(page.name_field, "Olga Berg")
    qtbot.keyClick(page.name_field, Qt.Key.Key_Return)
    assert "The log names you Olga Berg" in page.you_banner.text
    qtbot.keyClicks(page.email_field, "nobody")
    qtbot.keyClick(page.email_field, Qt.Key.Key_Return)
    assert "not an e-mail address" in page.you_banner.text
    assert bench.sso.operator.email == ""
    bench.sso.add_user(ACCOUNT, "x@acme-media.test", "X", "developer")
    assert bench.sso.events()[0].operator == "Olga Berg"
    page.name_field.clear()
    page.email_field.clear()
    page.name_field.editingFinished.emit()
    assert "says “operator” from now on" in page.you_banner.text


def test_who_the_environment_names_cannot_be_changed_here(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSO_WORKBENCH_OPERATOR", "Nightly job")
    page = bench.page("preferences")
    assert page.name_field.isReadOnly()
    assert "SSO_WORKBENCH_OPERATOR says who you are" in texts(page)
