"""What the fuzzer holds every input to, held for damaged seeds; and the fuzzer itself, for a moment."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import judge, seeds

ROOT = Path(__file__).parents[2]


@cache
def sown() -> dict[str, bytes]:
    return seeds()


def test_every_seed_holds() -> None:
    assert len(sown()) > 30
    for data in sown().values():
        judge(data)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_damaged_seeds_hold(data: st.DataObject) -> None:
    seed = sown()[data.draw(st.sampled_from(sorted(sown())))]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(seed)))
        width = data.draw(st.integers(0, 40))
        seed = seed[:at] + data.draw(st.binary(max_size=20)) + seed[at + width :]
    judge(seed)


@pytest.mark.slow
def test_the_fuzzer_runs(tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        pytest.skip("atheris is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.target", "5", str(tmp_path / "corpus")], cwd=ROOT, capture_output=True,
        text=True, timeout=110, check=False, env={**os.environ, "SSO_WORKBENCH_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done " in done.stderr
