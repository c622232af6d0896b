"""Work for test_workers.py, to be found by name in other processes."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def doubling(factor: int) -> Iterator[Callable[[int], tuple[int, int]]]:
    """(product, process id); what is divisible by 7 breaks."""
    if factor < 0:
        raise ValueError("no such factor")

    def work(n: int) -> tuple[int, int]:
        if n % 7 == 3:
            raise KeyError("secret value")
        return n * factor, os.getpid()

    yield work


@contextmanager
def uneven() -> Iterator[Callable[[int], int]]:
    """The first items take longest, so that later ones are ready before."""

    def work(n: int) -> int:
        time.sleep(0.02 if n < 16 else 0)
        return n

    yield work


@contextmanager
def dying() -> Iterator[Callable[[int], int]]:
    """A process that is killed by one item, as for want of memory."""

    def work(n: int) -> int:
        if n == 40:
            os._exit(9)
        return n

    yield work


@contextmanager
def noting(folder: str) -> Iterator[Callable[[int], int]]:
    """Leaves a file for every item that was worked on."""

    def work(n: int) -> int:
        with open(os.path.join(folder, str(n)), "w"):
            pass
        return n

    yield work


@contextmanager
def wordy() -> Iterator[Callable[[int], bytes]]:
    """Results that take longer to hand over than to make."""
    yield lambda n: bytes(0 if n < 32 else 4_000_000)


@contextmanager
def slow_to_begin() -> Iterator[Callable[[int], int]]:
    """Takes a minute to begin, in another process."""
    if multiprocessing.parent_process() is not None:
        time.sleep(60)
    yield lambda n: n
