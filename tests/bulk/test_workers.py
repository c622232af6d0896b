from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.bulk.workers import FEW, Crashed, Unlisted, WorkersLost, files_in, in_order, processes_for
from tests.bulk.work import doubling, dying, noting, slow_to_begin, uneven

ROOT = Path(__file__).parents[2]


def test_results_come_in_order_from_several_processes() -> None:
    made = list(in_order(range(200), doubling, (2,), processes=2))
    right = [m for m in made if not isinstance(m, Crashed)]
    assert [m[0] for m in right] == [n * 2 for n in range(200) if n % 7 != 3]
    assert os.getpid() not in {m[1] for m in right}
    assert list(in_order(range(40), uneven, processes=2)) == list(range(40))


def test_one_process_gives_the_same_and_starts_none() -> None:
    made = list(in_order(range(10), doubling, (3,), processes=1))
    assert made[1] == (3, os.getpid())
    assert made[3] == Crashed("KeyError"), "the type of the error, never its text"
    assert processes_for(FEW - 1) == 1


def test_one_broken_item_is_one_result() -> None:
    made = list(in_order(range(32), doubling, (1,), processes=2))
    assert [n for n, m in enumerate(made) if isinstance(m, Crashed)] == [3, 10, 17, 24, 31]


def test_what_cannot_begin_says_so_here() -> None:
    for processes in (1, 2):
        with pytest.raises(ValueError, match="no such factor"):
            next(in_order(range(9), doubling, (-1,), processes=processes))


def test_a_killed_process_is_told_in_a_sentence() -> None:
    with pytest.raises(WorkersLost, match="ended from outside"):
        list(in_order(range(200), dying, processes=2))


def test_only_a_few_items_are_worked_on_ahead(tmp_path: Path) -> None:
    found = in_order(range(5_000), noting, (str(tmp_path),), processes=2)
    assert [next(found) for _ in range(10)] == list(range(10))
    found.close()
    assert len(list(tmp_path.iterdir())) <= 7 * 16, "stopped, and no queue had grown"


def test_what_is_not_wanted_any_more_ends_while_its_processes_start() -> None:
    asked: list[float] = []

    def wanted() -> bool:
        asked.append(time.monotonic())
        return len(asked) < 2

    assert list(in_order(range(5_000), slow_to_begin, processes=2, wanted=wanted)) == []
    assert time.monotonic() - asked[-1] < 1, "nobody waits for a process that has only begun"
    assert multiprocessing.active_children() == []


def test_closing_ends_what_was_begun() -> None:
    found = in_order(range(5_000), doubling, (2,), processes=2)
    assert not isinstance(next(found), Crashed)
    begun = time.monotonic()
    found.close()
    assert time.monotonic() - begun < 1
    assert multiprocessing.active_children() == []


def test_closing_ends_while_a_result_is_on_its_way(tmp_path: Path) -> None:
    """A process that is ended in the middle of a result leaves half of it in the pipe: nobody may wait for the rest."""
    script = (
        "import time\nfrom app.bulk.workers import in_order\nfrom tests.bulk.work import wordy\n"
        "if __name__ == '__main__':\n"
        "    for n in range(6):\n"
        "        found = in_order(range(5_000), wordy, processes=2)\n"
        "        next(found)\n"
        "        time.sleep(0.02 * n)\n"
        "        found.close()\n"
        "        print('closed', flush=True)\n"
    )
    p = _begin(tmp_path, script)
    out, err = _last_words(p)
    assert (out, err, p.returncode) == ("closed\n" * 6, "", 0)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_it_in_one_line_and_leaves_no_process(tmp_path: Path) -> None:
    script = (
        "import sys, signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from app.bulk.workers import in_order\nfrom tests.bulk.work import noting\n"
        "if __name__ == '__main__':\n"
        "    try:\n"
        "        for n in in_order(range(10_000_000), noting, (sys.argv[1],), processes=2):\n"
        "            if n == 32:\n"
        "                print('begun', flush=True)\n"
        "    except KeyboardInterrupt:\n"
        "        print('stopped', flush=True)\n"
    )
    work = tmp_path / "work"
    work.mkdir()
    p = _begin(tmp_path, script, str(work))
    assert p.stdout is not None
    assert p.stdout.readline() == "begun\n"
    os.killpg(p.pid, 2)  # as a terminal does: every process of the group is told
    out, err = _last_words(p)
    assert (out, err, p.returncode) == ("stopped\n", "", 0)
    before = len(list(work.iterdir()))
    time.sleep(0.3)
    assert len(list(work.iterdir())) == before


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_in_the_moment_a_lock_is_taken_ends_it_too(tmp_path: Path) -> None:
    """Raised there, it would leave a lock of the pool taken for ever: the narrowest moment, made wide."""
    script = (
        "import signal, sys\nfrom concurrent.futures import _base\n"
        "from app.bulk.workers import in_order\nfrom tests.bulk.work import uneven\n"
        "takes = _base._AcquireFutures.__enter__\ntaken = 0\n"
        "def take(self):\n"
        "    global taken\n"
        "    takes(self)\n"
        "    taken += 1\n"
        "    if taken == int(sys.argv[1]):\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "_base._AcquireFutures.__enter__ = take\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "    try:\n"
        "        for n in in_order(range(10_000_000), uneven, processes=2):\n"
        "            pass\n"
        "    except KeyboardInterrupt:\n"
        "        print('stopped', flush=True)\n"
    )
    for nth in ("1", "9"):
        p = _begin(tmp_path, script, nth)
        out, err = _last_words(p)
        assert (out, err, p.returncode) == ("stopped\n", "", 0)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_the_processes_end_when_the_first_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom app.bulk.workers import in_order\nfrom tests.bulk.work import doubling\n"
        "if __name__ == '__main__':\n"
        "    seen = set()\n"
        "    for made in in_order([n * 7 for n in range(10_000_000)], doubling, (1,), processes=2):\n"
        "        if made[1] not in seen:\n"
        "            seen.add(made[1])\n"
        "            print(made[1], flush=True)\n"
    )
    p = _begin(tmp_path, script)
    assert p.stdout is not None
    children = [int(p.stdout.readline()) for _ in range(2)]
    p.kill()
    p.wait()
    for end in (p.stdout, p.stderr):  # what its children still write there is not waited for
        assert end is not None
        end.close()
    deadline = time.monotonic() + 20
    while any(_runs(c) for c in children):
        assert time.monotonic() < deadline, "a process without a parent works on"
        time.sleep(0.05)


def _begin(tmp_path: Path, script: str, *arguments: str) -> subprocess.Popen[str]:
    """A script as a process, in a group of its own; where it hangs it says where, before _last_words() gives it up."""
    path = tmp_path / "run.py"
    path.write_text(f"import faulthandler\nfaulthandler.dump_traceback_later(20)\n{script}")
    return subprocess.Popen(
        [sys.executable, str(path), *arguments], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def _last_words(p: subprocess.Popen[str]) -> tuple[str, str]:
    """Standard output and error of a process that ends by itself; after 30 s, what it says of where it hangs."""
    try:
        return p.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        p.kill()
        return p.communicate()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_files_of_a_folder_are_listed_in_order(tmp_path: Path) -> None:
    for name in ("b/2", "b/1", "a/9", "z"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert [f.relative_to(tmp_path).as_posix() for f in files_in(tmp_path, 10)] == ["z", "a/9", "b/1", "b/2"]
    with pytest.raises(Unlisted, match="holds more than 3 files"):
        files_in(tmp_path, 3)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unlisted, match="holds no file"):
        files_in(tmp_path / "empty", 3)
    with pytest.raises(Unlisted, match="cannot be read"):
        files_in(tmp_path / "nowhere", 3)
