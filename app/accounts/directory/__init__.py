"""A directory's list of people, as its vendor exports it: read, compared with our users, and what that proves.

Pure: bytes and users in, values out. It fetches nothing, stores nothing and marks nobody.
"""

from app.accounts.directory.comparing import Comparison, ListKind, Standing, compare, why_quarantined
from app.accounts.directory.formats import FORMATS, Format
from app.accounts.directory.reading import read_directory
from app.accounts.directory.standing import Directory, Snapshot, pack_standings, unpack_standings
from app.accounts.directory.values import DirectoryRefused, KeyChoice, Person, Reading, Registered, RowProblem, Told

__all__ = [
    "FORMATS",
    "Comparison",
    "Directory",
    "DirectoryRefused",
    "Format",
    "KeyChoice",
    "ListKind",
    "Person",
    "Reading",
    "Registered",
    "RowProblem",
    "Snapshot",
    "Standing",
    "Told",
    "compare",
    "pack_standings",
    "read_directory",
    "unpack_standings",
    "why_quarantined",
]
