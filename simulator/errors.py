"""What the simulator refuses. Every str(error) is a sentence for a person.

SimulatorError
├── TenantError      the tenant file cannot be read or contradicts itself
├── KeyRingError     the key folder is unsafe or a key file cannot be read
├── RequestRefused   an AuthnRequest that is not answered with a form
├── LoginRefused     the person may not log in to the application
├── UnknownFault     no fault has that id
└── PortTaken        another program listens on the port
"""

from __future__ import annotations


class SimulatorError(Exception):
    """Base of everything the simulator refuses on purpose."""


class TenantError(SimulatorError):
    """The tenant file is unusable. `file`, `line` and `key` tell where, as far as that is known."""

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, key: str | None = None
    ) -> None:
        where = "" if file is None else f"{file}: " if line is None else f"{file}, line {line}: "
        super().__init__(where + message)
        self.file = file
        self.line = line
        self.key = key


class KeyRingError(SimulatorError):
    """A key folder or file that must not or cannot be used."""


class RequestRefused(SimulatorError):  # noqa: N818  a refusal is no error of ours
    """A request that gets a local error page and no form: sender or ACS not registered, or broken.

    `rule` is the one of simulator.requests.RULES that was broken.
    """

    def __init__(self, message: str, rule: str = "request-fields") -> None:
        super().__init__(message)
        self.rule = rule


class LoginRefused(SimulatorError):  # noqa: N818  as above
    """This person cannot log in to this application: disabled, unassigned or unknown."""


class UnknownFault(SimulatorError):  # noqa: N818  as above
    """No fault has that id."""


class PortTaken(SimulatorError):  # noqa: N818  as above
    """Another program listens on the port."""
