"""`trial` on the command line: scenarios, and going on where it was stopped."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.cli.test_commands import Cli, cli, process

__all__ = ["cli"]


def home(tmp_path: Path) -> dict[str, str]:
    """The environment of a process of its own."""
    return {**os.environ, "SSO_WORKBENCH_HOME": str(tmp_path / "home")}


MINE = """
title = "Mine"
[[steps]]
do = "log-in"
who = "grace"
expect = { verdict = "accept", seats = 1 }
"""


def test_scenarios_are_listed(cli: Cli) -> None:
    said = cli("trial", "--list-scenarios")
    assert said.code == 0
    assert "d09-replay-after-restart" in said.out
    rows = cli("trial", "--list-scenarios", "--format", "json").objects
    assert {"id", "title", "decision", "steps", "about"} == set(rows[0])


def test_a_scenario_of_ones_own_with_its_reports(cli: Cli) -> None:
    Path("mine.toml").write_text(MINE, "utf-8")
    said = cli("trial", "--scenario", "mine.toml", "--junit", "s.xml", "--html", "s.html")
    assert said.code == 0
    assert "1 of 1 scenarios are as expected, 1 steps in" in said.out
    assert 'tests="1" failures="0"' in Path("s.xml").read_text("utf-8")
    assert "grace logs in from the portal" in Path("s.html").read_text("utf-8")


def test_a_scenario_leaves_a_workspace_to_look_at(cli: Cli) -> None:
    Path("mine.toml").write_text(MINE, "utf-8")
    assert cli("trial", "--scenario", "mine.toml", "--keep", "mine.db").code == 0
    assert "grace@acme-media.test" in cli("--workspace", "mine.db", "users", "list").out
    again = cli("trial", "--scenario", "mine.toml", "--keep", "mine.db")
    assert again.code == 2
    assert "holds something already" in again.err


def test_a_trial_that_is_interrupted_reports_and_goes_on(tmp_path: Path, cli: Cli) -> None:
    """Ctrl-C ends it in order after the fault under way; what was finished is not tried again."""
    kept = tmp_path / "kept.jsonl"
    done = process("trial", "--fault", "identity", "--resume", str(kept), "--format", "json", env=home(tmp_path))
    try:
        deadline = time.monotonic() + 60
        while not kept.exists() or kept.read_text("utf-8").count("\n") < 4:
            assert time.monotonic() < deadline, "no row in a minute"
            assert done.poll() is None, done.stderr.read() if done.stderr else ""
            time.sleep(0.05)
        done.send_signal(signal.SIGINT)
        out, _err = done.communicate(timeout=60)
    finally:
        done.kill()
        done.wait()
    assert done.returncode == 1
    *rows, total = [json.loads(line) for line in out.splitlines()]
    assert total["cancelled"] is True
    assert len(rows) >= 3
    ids = [f"--fault={row['fault']}" for row in rows]
    again = cli("trial", *ids, "--resume", str(kept), "--format", "json")
    assert [r["duration_ms"] for r in again.objects[:-1]] == [r["duration_ms"] for r in rows]


def test_a_wrong_expectation_ends_with_one(cli: Cli) -> None:
    Path("mine.toml").write_text(MINE.replace("seats = 1", "seats = 4"), "utf-8")
    said = cli("trial", "--scenario", "mine.toml", "--format", "json")
    assert said.code == 1
    assert said.objects[0]["why"] == "Step 1: seats: expected 4, got 1."
    assert said.objects[1]["not_as_expected"] == ["mine"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--scenario", "zzz"), "There is no scenario"),
        (("--scenario", "broken.toml"), "broken.toml, line 4: There is no action"),
        (("--scenario", "promoted", "--all"), "Choose one of"),
        (("--scenario", "promoted", "--fault", "xsw1"), "Choose one of"),
        (("--scenario", "promoted", "--vendor", "okta"), "neither --resume nor --vendor"),
        (("--scenario", "promoted", "--resume", "x.jsonl"), "neither --resume nor --vendor"),
        (("--scenario", "d09-*", "--keep", "x.db"), "One database can keep one scenario"),
        (("--all", "--keep", "x.db"), "--keep belongs to a --scenario"),
        (("--fault", "ok-advice", "--resume", "broken.toml"), "no file of an earlier trial"),
        (("--fault", "ok-advice", "--resume", "no/such/folder.jsonl"), "cannot be written"),
    ],
)
def test_what_cannot_be_used_ends_with_two(arguments: tuple[str, ...], says: str, cli: Cli) -> None:
    Path("broken.toml").write_text('title = "x"\n\n[[steps]]\ndo = "dance"\n', "utf-8")
    said = cli("trial", *arguments)
    assert said.code == 2
    assert says in said.err


def test_a_trial_goes_on_where_it_was_stopped(cli: Cli) -> None:
    first = cli("trial", "--fault", "ok-advice", "--resume", "t.jsonl")
    assert first.code == 0
    kept = Path("t.jsonl").read_text("utf-8").splitlines()
    # The mark shows below that the row was not made anew; a line that was cut off is not believed.
    row = json.loads(kept[-1])
    row["got"]["sentence"] = "kept from before"
    Path("t.jsonl").write_text(f"{kept[0]}\n{json.dumps(row)}\n" + kept[-1][:40], "utf-8")
    said = cli("trial", "--fault", "ok-advice", "--fault", "xsw1", "--resume", "t.jsonl", "--format", "json")
    assert said.code == 0
    rows = {r["fault"]: r for r in said.objects[:-1]}
    assert rows["ok-advice"]["got"]["sentence"] == "kept from before"
    assert rows["xsw1"]["got"]["verdict"] == "reject"
    again = cli("trial", "--fault", "ok-advice", "--fault", "xsw1", "--resume", "t.jsonl", "--format", "json")
    assert again.objects[:-1] == said.objects[:-1]


def test_rows_of_another_vendor_or_of_an_older_catalogue_do_not_count(cli: Cli) -> None:
    cli("trial", "--fault", "ok-advice", "--resume", "t.jsonl")
    other = cli("trial", "--fault", "ok-advice", "--vendor", "okta", "--resume", "t.jsonl")
    assert other.code == 2
    assert "belongs to a trial of another vendor or version" in other.err
    head, row = [json.loads(line) for line in Path("t.jsonl").read_text("utf-8").splitlines() if line]
    row["expected"]["verdict"] = "reject"
    Path("t.jsonl").write_text(f"{json.dumps(head)}\n{json.dumps(row)}\n", "utf-8")
    said = cli("trial", "--fault", "ok-advice", "--resume", "t.jsonl", "--format", "json")
    assert (said.code, said.objects[0]["expected"]["verdict"]) == (0, "accept")
