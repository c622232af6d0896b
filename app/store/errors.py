"""What can be wrong with a database, as errors whose text names the file and the way out.

StoreError
├─ UnreadableStore   cannot be opened or created: missing folder, permissions, a link, not a plain file, no server
├─ NotAStore         not a database at all
├─ ForeignStore      a database of another program, or one with things in it that we did not write
├─ NewerStore        written by a newer version of this program
├─ DamagedStore      ours, but its content is broken
├─ StoreBusy         somebody else has been writing for too long
├─ FullStore         there is no room left for it
└─ LostStore         the connection to the server broke while it was used
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of everything this package raises on purpose. `location` is the file or server that is meant."""

    def __init__(self, message: str, location: str = "") -> None:
        super().__init__(message)
        self.location = location


class UnreadableStore(StoreError):  # noqa: N818  the noun is the error
    """The database cannot be opened or created."""


class NotAStore(StoreError):  # noqa: N818  the noun is the error
    """The file is not a database."""


class ForeignStore(StoreError):  # noqa: N818  the noun is the error
    """The database belongs to something else."""


class NewerStore(StoreError):  # noqa: N818  the noun is the error
    """The database was written by a newer version."""


class DamagedStore(StoreError):  # noqa: N818  the noun is the error
    """The database is ours, but broken."""


class StoreBusy(StoreError):  # noqa: N818  the noun is the error
    """The database stayed locked for longer than we wait."""


class FullStore(StoreError):  # noqa: N818  the noun is the error
    """The disk is full."""


class LostStore(StoreError):  # noqa: N818  the noun is the error
    """The connection broke."""
