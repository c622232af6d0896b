"""The program's door: `python -m app` and the installed command. It does nothing but hand over to the command line."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    if getattr(sys, "frozen", False):  # a packaged program is its own interpreter for the processes that share work
        from multiprocessing import freeze_support

        freeze_support()
    from app.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
