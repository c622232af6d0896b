"""Who works at this computer, as the log names them: kept in the data folder, or named by the environment.

It is nobody's login and proves nothing: several people on one workspace tell each other who did what.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Final

from app.saml.identifiers import read_email
from app.sso import Operator, Refused

VARIABLE: Final = "SSO_WORKBENCH_OPERATOR"
_FILE: Final = "operator.json"
_LONGEST: Final = 100
_MOST: Final = 4096
_NAMED: Final = re.compile(r"\s*(?P<name>[^<>]*?)\s*(?:<(?P<email>[^<>]*)>)?\s*")


def operator_of(folder: Path) -> Operator:
    """Who is named by the environment, else by the file in the data folder; nobody where neither says who.

    A file that cannot be read names nobody: it must not keep the program from starting.
    """
    given = os.environ.get(VARIABLE, "").strip()
    try:
        if given:
            found = _NAMED.fullmatch(given)
            if found is None:
                return Operator()
            name, email = found["name"], found["email"] or ""
            return checked("", name) if not email and "@" in name else checked(name, email)
        with (folder / _FILE).open("rb") as file:
            kept = json.loads(file.read(_MOST))
        return checked(str(kept["name"]), str(kept["email"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, Refused):
        return Operator()


def keep_operator(folder: Path, name: str, email: str) -> Operator:
    """Write down who works here; empty texts forget it. Refused for what is no name or e-mail, or cannot be written."""
    who = checked(name, email)
    path = folder / _FILE
    part = path.with_suffix(".part")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        part.touch(0o600)
        part.write_text(json.dumps({"name": who.name, "email": who.email}), "utf-8")
        part.replace(path)
    except OSError as e:
        raise Refused("operator.file", f"{path} cannot be written: {e.strerror or e}. Correct its permissions.") from e
    return who


def checked(name: str, email: str) -> Operator:
    """The operator of this name and e-mail. Refused with a sentence for what is neither."""
    name, email = " ".join(name.split()), email.strip()
    if len(name) > _LONGEST or not name.isprintable():
        raise Refused("operator.name", f"A name has at most {_LONGEST} printable characters.")
    if email:
        read = read_email(email)
        if read.normal is None:
            raise Refused("operator.email", f"This is not an e-mail address. {read.problem}")
    return Operator(name, email)
