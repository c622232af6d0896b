"""The window survives somebody who does anything anywhere: `make slow`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[2]
SECONDS = 60


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_random_walk_ends_no_program(seed: int) -> None:
    """No crash, no error that nobody caught, no step that hangs; the last steps are told where there is one."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-m", "tests.gui.walk", str(seed), str(SECONDS)], cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"}, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    steps = done.stdout.splitlines()
    assert done.returncode == 0, "\n".join([*steps[-15:], done.stderr[-4000:]])
    assert steps[-1].startswith("walked ")
    assert int(steps[-1].split()[1]) > 100
