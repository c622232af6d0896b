"""A tenant file with the last good copy of it: whoever breaks the file goes on with the copy. It edits no tenant."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import Final

from simulator.errors import TenantError
from simulator.tenant import Tenant
from simulator.tenant_file import load_tenant, save_tenant

_GOOD_PEOPLE: Final = ".good.csv"


class KeptTenant:
    """The tenant in `file`. `problem` says what was wrong with it when it was last read, "" where nothing was.

    Beside tenant.toml stand tenant.good.toml (with people.good.csv), and, once a broken file was saved over,
    tenant.broken.toml: nobody's edits are thrown away.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.problem = ""
        self._last: Tenant | None = None
        self._seen: tuple[tuple[int, int, int] | None, ...] = ()

    @property
    def changed_outside(self) -> bool:
        """Whether somebody else has written the file, or that of its people, since it was last read or written here."""
        return bool(self._seen) and self._seen != self._marks()

    def load(self) -> Tenant:
        """The tenant of the file, or the last good one.

        Raises:
            TenantError: the file is broken and there never was a good one.
        """
        before = _mark(self.file)  # before it is read: what is written meanwhile is noticed later
        self._seen = (before, *self._marks()[1:])
        try:
            tenant = load_tenant(self.file)
        except TenantError as error:
            last = self._last or self._good()
            if last is None:
                raise
            self.problem = str(error)
            return last
        self.problem = ""
        self._last = tenant
        self._seen = (before, *self._marks()[1:])
        self._copy(tenant)
        return tenant

    def save(self, tenant: Tenant) -> Tenant:
        """Writes the tenant; a broken file is kept under another name first. Returns it as it was written.

        Raises:
            TenantError: it cannot be written.
        """
        if self.problem:
            with contextlib.suppress(OSError):
                os.replace(self.file, self.file.with_suffix(".broken.toml"))
        written = save_tenant(tenant, self.file)
        self.problem = ""
        self._last = written
        self._seen = self._marks()
        self._copy(written)
        return written

    def _marks(self) -> tuple[tuple[int, int, int] | None, ...]:
        """What changes when the file, or that of its people, is written."""
        people = self._last.people_file if self._last is not None else None
        files = [self.file] + ([self.file.with_name(people)] if people is not None else [])
        return tuple(_mark(f) for f in files)

    def _copy(self, tenant: Tenant) -> None:
        """The copy is a comfort: where it cannot be written, the file itself is still good."""
        with contextlib.suppress(OSError):
            if tenant.people_file is not None:
                people = self.file.with_name(tenant.people_file)
                shutil.copyfile(people, people.with_suffix(_GOOD_PEOPLE))
            shutil.copyfile(self.file, self._copied)

    def _good(self) -> Tenant | None:
        try:
            return load_tenant(self._copied, people_suffix=_GOOD_PEOPLE)
        except TenantError:
            return None

    @property
    def _copied(self) -> Path:
        return self.file.with_suffix(".good.toml")


def _mark(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
