"""Scenario files: what is wrong is told with file and line, whatever it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.scenarios import ScenarioError, chosen, parse_scenario, read_scenario, shipped

GOOD = 'title = "Good"\n[[steps]]\ndo = "look"\n'


def wrong(text: str) -> ScenarioError:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, scenario_id="x", file="x.toml")
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('title = "x"\n[[steps]\n', 2, "This is not valid TOML"),
        ('title = "x"\n', None, "There is no step"),
        ('[[steps]]\ndo = "look"\n', None, 'The key "title" is missing'),
        (f'{GOOD}\n[[steps]]\ndo = "look"\nwhom = 1\n', 7, 'Unknown key "whom". Known here: who.'),
        (f'{GOOD}\n[[steps]]\ndo = "lok"\n', 6, 'There is no action "lok". Did you mean "look"?'),
        (f'{GOOD}\n[[steps]]\ndo = "zzzzzz"\n', 6, "Known: log-in, "),
        (f'{GOOD}\n[[steps]]\nnote = "x"\n', 5, 'The key "do" is missing'),
        (f'{GOOD}\n[[steps]]\ndo = "log-in"\n', 5, 'The key "who" is missing: The person'),
        (f'{GOOD}\n[[steps]]\ndo = "log-in"\nwho = 3\n', 7, "who must be a text."),
        (f'{GOOD}\n[[steps]]\ndo = "log-in"\nwho = "a"\n\nflow = "up"\n', 9, 'flow is "up". Choose one of: idp, sp.'),
        (f'{GOOD}\n[[steps]]\ndo = "log-in"\nwho = "a"\nfaults = ["zzz"]\n', 8, "zzz"),
        (f'{GOOD}\n[[steps]]\ndo = "log-in"\nwho = "a"\nfaults = [1]\n', 8, "faults must be a list of texts."),
        (f'{GOOD}\n[[steps]]\ndo = "log-in"\nwho = "a"\nmode = "x"\n', 8, "mode is"),
        (f'{GOOD}\n[[steps]]\ndo = "look"\nexpect = {{ verdikt = "x" }}\n', None, 'Unknown key "verdikt"'),
        (f'{GOOD}\n[[steps]]\ndo = "look"\n[steps.expect]\nseats = "many"\n', 8, "seats must be a whole number."),
        (f'{GOOD}\n[[steps]]\ndo = "look"\n[steps.expect]\nseats = true\n', 8, "seats must be a whole number."),
        (f'{GOOD}\n[[steps]]\ndo = "look"\n[steps.expect]\noutcomes = ["good"]\n', 8, 'outcomes is "good"'),
        (f'{GOOD}\n[[steps]]\ndo = "look"\nexpect = 3\n', 7, "expect must be a table."),
        (f'{GOOD}\n[[steps]]\ndo = "move-clock"\ndays = 99999999\n', 7, "at most 1,000,000"),
        (f'colour = "red"\n{GOOD}', 1, 'Unknown key "colour"'),
        (f"decision = 99\n{GOOD}", 1, "There is no decision 99"),
        ('title = "x"\nsteps = 3\n', 2, "Write each of the steps as a table that begins with [[steps]]"),
        ('title = "x"\n[start]\nplan = 3\n[[steps]]\ndo = "look"\n', 3, "plan must be a text."),
        ('title = "x"\n[start]\nvendor = "nobody"\n[[steps]]\ndo = "look"\n', 3, "nobody"),
        ('title = "x"\n[start]\nclaims = { a = 1 }\n[[steps]]\ndo = "look"\n', 3, "claims must be a table of texts."),
        ('title = "x"\n[start]\nusers = 3\n[[steps]]\ndo = "look"\n', 3, "users must be a list of tables"),
        ('title = "x"\n[start]\nusers = [{ who = "a" }]\n[[steps]]\ndo = "look"\n', 2, 'The key "role" is missing'),
        ('title = "x"\n[[people]]\nwho = "a"\nage = 3\n[[steps]]\ndo = "look"\n', 4, 'Unknown key "age"'),
        ('title = "x"\n[[people]]\nwho = "a"\nattributes = { m = 1 }\n[[steps]]\ndo = "look"\n', 3, "list of texts"),
        (f'title = "{"x" * 3000}"\n[[steps]]\ndo = "look"\n', 1, "longer than"),
        ('title = "x"\n' + '[[steps]]\ndo = "look"\n' * 501, 2, "More than 500 steps"),
        ("title = " + "[" * 5000, None, "This is not valid TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int | None, says: str) -> None:
    error = wrong(text)
    assert says in error.message
    assert error.line == line or line is None
    assert str(error).startswith("x.toml, line " if error.line else "x.toml: ")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_scenario(tmp_path / "missing.toml")
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_scenario(tmp_path)
    for name, data, says in (
        ("latin.toml", 'title = "ä"'.encode("latin-1"), "not UTF-8"),
        ("long.toml", b"#" * 300_000, "larger than 256 KiB"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ScenarioError, match=says):
            read_scenario(tmp_path / name)


def test_scenarios_are_chosen_by_id_pattern_and_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(GOOD, "utf-8")
    found = chosen(["d09-*", str(file), "d09-replay", "promoted"])
    assert [s.id for s in found] == ["d09-replay-after-restart", "d09-replay-at-once", "d09-replay", "mine", "promoted"]
    assert len(chosen(["*"])) == len(shipped())
    with pytest.raises(ScenarioError, match=r'no scenario "promoed"\. Did you mean "promoted"'):
        chosen(["promoed"])


def test_a_step_knows_where_it_stands() -> None:
    found = parse_scenario(f"{GOOD}\n\n[[steps]]\n# why\ndo = 'look'\nnote = 'x'\n", scenario_id="x")
    assert [(s.number, s.line, s.note) for s in found.steps] == [(1, 3, ""), (2, 8, "x")]
