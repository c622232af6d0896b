"""What Qt calls: methods of ours that take the place of one of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def called_by_qt(method: Callable[P, R]) -> Callable[P, R]:
    """Mark a method that Qt calls, and let an error in it be an error and not the end of the program.

    Up to Python 3.11 an error that the interpreter itself raises, such as a division by zero or a list that is too
    short, is no object until somebody catches it. PySide reads it as one all the same where a method of ours lets it
    out, and the process ends. Here it is caught, and goes on as an object.
    """

    @functools.wraps(method)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except BaseException:
            raise

    run.__dict__["called_by_qt"] = True
    return run
