"""The file tab's work off the GUI thread: the organisation's text, reading it again, using another. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.gui.files import read_file, write_file
from app.gui.widgets import visible

if TYPE_CHECKING:
    from app.lab import Lab
    from simulator.tenant import Tenant

MOST_BYTES: Final = 1_048_576


@dataclass(frozen=True, slots=True)
class TenantText:
    """The organisation as TOML. `path` is its file ("" where there is none), `problem` what is wrong with that.

    Where the file is broken, `text` is what stands in it.
    """

    text: str
    path: str
    people_path: str
    problem: str


class NotUsed(Exception):  # noqa: N818  what was typed, not a bug
    """A text that is no organisation; `line` is where (None: unknown)."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


def text_of(lab: Lab) -> TenantText:
    """The text to be edited."""
    lab.notice_edits()
    tenant, file, problem = lab.tenant, lab.tenant_file, lab.tenant_problem
    people = str(file.with_name(tenant.people_file)) if file is not None and tenant.people_file else ""
    text = lab.tenant_text()
    if problem and file is not None and file.exists():
        text = visible(read_file(file, MOST_BYTES).decode("utf-8", "replace"))
    return TenantText(text, str(file or ""), people, problem)


def use(lab: Lab, text: str) -> Tenant:
    """Use an edited text from now on. The organisation as it was; NotUsed where the text is none, with its line."""
    from simulator.errors import TenantError

    before = lab.tenant
    try:
        lab.save_tenant_text(text)
    except TenantError as e:
        line = e.line if e.file is None else None  # else it is a line of the people's file
        raise NotUsed(f"Line {line}: {e}" if line is not None else str(e), line) from e
    return before


def read_again(lab: Lab) -> bool:
    """Read the file again, for somebody may have edited it; whether it could be used."""
    return lab.reload_tenant()


def opened(path: Path) -> str:
    """The text of another file, to be looked at and then used. FileRefused where it cannot be read."""
    return read_file(path, MOST_BYTES).decode("utf-8", "replace")


def save_copy(lab: Lab, path: Path) -> Path:
    """Write the organisation to another file."""
    return write_file(path, lab.tenant_text().encode())
