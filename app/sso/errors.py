"""What the verbs refuse, as errors that a person can read.

SsoError
├─ NotFound            no account, user, revision or event of that name
├─ Refused             a rule forbids it; `code` is the reason code
│  ├─ Moved            somebody else saved a newer revision than the one that the change was based on
│  └─ Overtaken        somebody else changed the very thing meanwhile; `current` is what it is now
├─ MetadataRefused     metadata that cannot be saved; `problems` are all the sentences
└─ FirstLoginAtIdp     a login that cannot be started here (decision 12)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.sso.revisions import Difference
    from app.store import Revision


class SsoError(Exception):
    """Base of everything this package raises on purpose."""


class NotFound(SsoError):  # noqa: N818  the noun is the error
    """There is no such thing."""


class Refused(SsoError):  # noqa: N818  the noun is the error
    """A rule forbids what was asked. `code` is stable, the text says which rule and what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Moved(Refused):
    """A change was based on revision `base`, and `current` has been saved since. Nothing of the change was saved.

    `theirs` is what the newer revision changed, `mine` what the refused change would make different from it now.
    """

    def __init__(self, base: int, current: Revision, theirs: Sequence[Difference], mine: Sequence[Difference]) -> None:
        super().__init__(
            "configuration.moved",
            f"{current.operator} saved revision {current.number} after you began with revision {base}: {current.what} "
            "Nothing of yours was saved; look at what differs, then save it on top or leave it.",
        )
        self.base = base
        self.current = current
        self.theirs = tuple(theirs)
        self.mine = tuple(mine)


class Overtaken(Refused):
    """Somebody else changed the very same thing since the person saw it. Nothing was saved; `current` is what holds."""

    def __init__(self, code: str, message: str, current: object) -> None:
        super().__init__(code, message)
        self.current = current


class MetadataRefused(SsoError):  # noqa: N818  the noun is the error
    """Metadata that cannot be saved."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class FirstLoginAtIdp(SsoError):  # noqa: N818  the noun is the error
    """The login cannot be started here. The text is the same whatever the reason: nobody learns who is registered."""

    def __init__(self, reference: str) -> None:
        super().__init__("Start your first sign-in at your company's sign-in portal, not here.")
        self.reference = reference
