"""What can be wrong, as values and as errors.

    SamlError
    ├─ LoginRejected       Report.accept(): no claims for an unacceptable message
    ├─ MetadataError       metadata that cannot be used
    ├─ RequestError        an AuthnRequest that cannot be read or built
    └─ KeyFileError        a key or certificate file that cannot be read

str(error) is a sentence for the user; fields hold the values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple


class Place(NamedTuple):
    """Where in the document: an XPath in the prefixes of names.PREFIXES, and a 1-based line (0: not known).

    A tuple, because every element that is read has one, and a frozen dataclass costs thrice that to make.
    """

    path: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong that a stage before the checks came upon, filed under the check that reports it.

    `severity` is given only where it differs from the check's own (a comment outside any value only warns).
    """

    check: str
    message: str
    expected: str | None = None
    actual: str | None = None
    at: Place | None = None
    severity: Literal["error", "warning", "info"] | None = None


class SamlError(Exception):
    """Base of everything this package raises on purpose."""


class LoginRejected(SamlError):  # noqa: N818  a login is rejected; "LoginRejectedError" says it worse
    """The message does not let anybody in. `checks` are the ids of the checks that decided."""

    def __init__(self, message: str, checks: tuple[str, ...]) -> None:
        super().__init__(message)
        self.checks = checks


class MetadataError(SamlError):
    """Metadata that cannot be used; `problems` name every reason found."""

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class RequestError(SamlError):
    """An AuthnRequest that cannot be read or built."""


class KeyFileError(SamlError):
    """A key or certificate that cannot be read."""
