"""Feeds hostile octets to everything that reads octets, for as long as it is told: `make fuzz`.

Whatever comes in, take_in() and inspect() answer with values, within their limits, and what is redacted of it is clean.
A failure prints the octets and leaves them in a file; it becomes a test before it is mended. This is no test by itself:
tests/fuzz/test_target.py runs it for a moment where atheris is installed.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["app"]):
    from tests.fuzz.seeds import judge, seeds

#: Longest that one input may take, in seconds of CPU. Instrumented code is several times slower than ours.
SLOWEST = 5.0


def one_input(data: bytes) -> None:
    start = time.process_time()
    judge(data)
    seconds = time.process_time() - start
    if seconds > SLOWEST:
        raise RuntimeError(f"{len(data)} octets took {seconds:.1f} s")


def main() -> None:
    """Arguments: the seconds, a folder for the corpus, then what libFuzzer understands."""
    seconds, corpus = sys.argv[1], Path(sys.argv[2])
    corpus.mkdir(parents=True, exist_ok=True)
    for name, data in seeds().items():
        corpus.joinpath(name).write_bytes(data)
    options = [f"-max_total_time={seconds}", "-max_len=65536", "-timeout=60", "-rss_limit_mb=4096"]
    prefix = f"-artifact_prefix={corpus}{os.sep}"
    atheris.Setup([sys.argv[0], *options, prefix, *sys.argv[3:], str(corpus)], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
