"""Private keys as files that only their owner may read (0600 in a folder of 0700); it knows nothing of SAML."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"[0-9a-f]{64}")
_MOST: Final = 65_536


class KeyFolder:
    """One folder of keys, each under the SHA-256 fingerprint of its certificate. Nothing follows a link."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, data: bytes) -> None:
        """Write a key that is not there yet. OSError where that is not possible."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._folder.is_symlink():
            raise OSError(f"{self._folder} is a link")
        os.chmod(self._folder, 0o700)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
        handle = os.open(self._path(name), flags, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def read(self, name: str) -> bytes | None:
        """A key; None where there is none. OSError for anything that is not an ordinary, private file."""
        try:
            handle = os.open(self._path(name), os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            return None
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError("it is not an ordinary file")
            if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
                raise OSError("other people of this computer may read it; set its permissions to 0600")
            return file.read(_MOST)

    def forget(self, name: str) -> None:
        """Delete a key; one that is not there is fine. The blocks of the disk may still hold it for a while."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise OSError("that is no name of a key")
        return self._folder / f"{name}.pem"
