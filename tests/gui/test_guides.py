"""A person follows a vendor's guide: values to copy, and a check after each step."""

from __future__ import annotations

from tests.gui.bench import Bench, answer, flush, press, texts


def test_the_steps_are_checked_by_the_last_response(bench: Bench) -> None:
    section = bench.page("settings", "values").values
    press(section, "Check steps")
    view = section.views[0]
    assert "No metadata is saved for this account yet." in texts(view)
    bench.connect()
    bench.log_in("ada")
    press(section, "Check steps")
    view = section.views[section.vendors.currentIndex()]
    assert [s.pill.word for s in view.steps] == ["Look there", "Done", "Done", "Done", "Done", "Done"]


def test_a_wrong_step_is_told_where_it_stands(bench: Bench) -> None:
    bench.connect()
    reference = bench.log_in("ada", faults=["route-audience-slash"]).reference
    section = bench.page("settings", "values").values
    section.vendors.setCurrentIndex(1)
    press(section, "Check steps")
    view = section.views[1]
    assert view.steps[1].pill.word == "Not right"
    assert reference in view.steps[1].told.text()
    flush()


def test_our_keys_are_made_rolled_over_and_forgotten(bench: Bench) -> None:
    section = bench.page("settings", "values").values
    section.vendors.setCurrentIndex(section.vendors.count() - 1)
    flush()
    assert not section.check_button.isVisible()
    press(section.keys, "Make a key")
    assert "A signing key was made." in section.keys.banner.text
    press(section.keys, "Make the next key")
    assert [k.state for k in bench.sso.sp_keys()] == ["current", "next"]
    assert "published beside the current one" in texts(section.keys)
    press(section.keys, "Put the next key in force")
    assert [k.state for k in bench.sso.sp_keys()] == ["current", "previous"]
    asked = answer("Forget it")
    press(section.keys, "Forget")
    assert "cannot be brought back" in asked[0]
    assert [k.state for k in bench.sso.sp_keys()] == ["previous"]
