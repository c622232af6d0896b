"""The composition root: data folder, logging, store, clock and the verbs put together; it has no rule of its own."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import logging.handlers
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import platformdirs

from app.computer.key_files import KeyFolder
from app.computer.operator import VARIABLE, keep_operator, operator_of
from app.computer.vault import open_vault
from app.product import DEFAULT_SEAT_LIMIT
from app.sso import SSO, Change, Operator, Refused, changes_of
from app.store import Store, UnreadableStore, Watch

log = logging.getLogger(__name__)

FIRST_ACCOUNT: Final = ("ik_7x2k", "Acme Media")
_LOG_BYTES: Final = 1_000_000
_LOG_FILES: Final = 3
_NOTICED_WITHIN_S: Final = 5.0
_EMAIL = re.compile(r"([^\s@<>\"'(),;:=/&?]{1,64})@([^\s@<>\"'(),;:/&?]{1,255})")
_LONG = re.compile(r"[A-Za-z0-9+/=_%-]{48,}")
_PARAMETER = re.compile(
    r"(?i)\b(SAMLResponse|SAMLRequest|RelayState|Signature|cookie|set-cookie|authorization)(\s*[=:]\s*)\S+"
)
_ELEMENT_TEXT = re.compile(r">[^<>]+<")


class Workspace:
    """Everything that belongs together: the verbs, their store, and the folder of the simulator's files.

    Closed by close() or as a context manager. `demo` is True for a throw-away one, `folder` holds data and logs, `url`
    is what another process opens it by.
    """

    def __init__(
        self,
        sso: SSO,
        store: Store,
        folder: Path,
        *,
        demo: bool = False,
        temporary: tempfile.TemporaryDirectory[str] | None = None,
        handler: logging.Handler | None = None,
        url: str = "",
    ) -> None:
        self.url = url
        self.sso = sso
        self.store = store
        self.folder = folder
        self.demo = demo
        self._temporary = temporary
        self._handler = handler
        self._stop_watching = threading.Event()
        self._watching: threading.Thread | None = None

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def operator_is_given(self) -> bool:
        """Whether the environment says who works here, so that it cannot be changed in the program."""
        return bool(os.environ.get(VARIABLE, "").strip())

    def set_operator(self, name: str, email: str) -> Operator:
        """Say who works here, from now on and at the next start. Refused for what is no name or e-mail."""
        self.sso.operator = who = keep_operator(self.folder, name, email)
        self.sso.tell(Change("settings", None, "operator"))  # nobody plans to delete themselves
        return who

    @property
    def location(self) -> str:
        """Where the data is, for people."""
        return "a throw-away workspace" if self.demo else self.store.location

    @property
    def simulator_folder(self) -> Path:
        """Where the simulator keeps its tenant file and keys."""
        return self.folder / "simulator"

    def now(self) -> datetime:
        """The workspace's clock."""
        return self.sso.now()

    def watch(self, tell: Callable[[Change], None]) -> None:
        """Call `tell`, from a thread, with what verbs change here and what other processes change in the same store.

        The verbs' own changes are told at once and not a second time; those of others within two seconds.
        """
        own = _Own()

        def tell_own(change: Change) -> None:
            own.add(change)
            tell(change)

        self.sso.tell = tell_own
        if not self.store.can_be_shared:
            return
        watch = Watch(self.store)

        def look() -> None:
            try:
                while not self._stop_watching.is_set():
                    noticed = watch.wait(self._stop_watching.wait)
                    # One by one: what another desk did to the same person must not go with what was done here.
                    others = [c for n in noticed for c in changes_of((n,)) if not own.take(c)]
                    for change in dict.fromkeys(others):
                        tell(change)
            finally:
                watch.close()

        self._watching = threading.Thread(target=look, name="watch", daemon=True)
        self._watching.start()

    def stop_watching(self) -> None:
        """Tell nobody any more."""
        self._stop_watching.set()
        if self._watching is not None:
            self._watching.join()
            self._watching = None

    def close(self) -> None:
        """Release the store, the log file and, of a demo, everything."""
        self.stop_watching()
        self.store.close()
        if self._handler is not None:
            logging.getLogger().removeHandler(self._handler)
            self._handler.close()
            self._handler = None
        if self._temporary is not None:
            self._temporary.cleanup()
            self._temporary = None


class _Own:
    """The changes that verbs told here, each to be noticed in the store once more; used by several threads."""

    def __init__(self) -> None:
        self._told: list[tuple[float, Change]] = []
        self._lock = threading.Lock()

    def add(self, change: Change) -> None:
        """Remember a change that was told."""
        with self._lock:
            self._told.append((time.monotonic(), change))

    def take(self, change: Change) -> bool:
        """Whether it was told here; it counts once. What was not noticed after a while has been noticed before."""
        since = time.monotonic() - _NOTICED_WITHIN_S
        with self._lock:
            self._told = [(at, c) for at, c in self._told if at > since]
            number = next((n for n, (_, c) in enumerate(self._told) if c == change), None)
            if number is not None:
                del self._told[number]
        return number is not None


def data_folder() -> Path:
    """The user's data folder: SSO_WORKBENCH_HOME, or the platform's place."""
    home = os.environ.get("SSO_WORKBENCH_HOME")
    return Path(home) if home else platformdirs.user_data_path("sso-workbench", appauthor=False)


def workspace_url(url: str | None = None) -> str:
    """The database address: the argument, SSO_WORKBENCH_WORKSPACE, or a file in the data folder. A path works too."""
    chosen = url or os.environ.get("SSO_WORKBENCH_WORKSPACE")
    if not chosen:
        return f"sqlite:///{data_folder() / 'workspace.db'}"
    return chosen if "://" in chosen else f"sqlite:///{Path(chosen).absolute()}"


def system_clock() -> datetime:
    """The computer's clock, in UTC."""
    return datetime.now(UTC)


def open_workspace(
    url: str | None = None,
    *,
    clock: Callable[[], datetime] | None = None,
    logs: bool = True,
    upgrade: bool = True,
) -> Workspace:
    """Open the workspace, creating it at the first run. Raises app.store's StoreError where that is impossible.

    `logs=False` writes no log file. `upgrade=False` refuses an older schema instead of upgrading it.
    """
    folder = data_folder()
    handler = _start_logging(folder) if logs else None
    try:
        store = Store.open(workspace_url(url), upgrade=upgrade)
    except BaseException:
        if handler is not None:
            logging.getLogger().removeHandler(handler)
            handler.close()
        raise
    workspace = Workspace(_sso(store, clock, folder), store, folder, handler=handler, url=workspace_url(url))
    _first_run(workspace.sso)
    return workspace


def demo_workspace(*, clock: Callable[[], datetime] | None = None) -> Workspace:
    """A throw-away workspace in a temporary folder, gone after close()."""
    temporary = tempfile.TemporaryDirectory(prefix="sso-workbench-")
    folder = Path(temporary.name)
    try:
        url = f"sqlite:///{folder / 'workspace.db'}"
        store = Store.open(url)
    except BaseException:
        temporary.cleanup()
        raise
    workspace = Workspace(_sso(store, clock, folder), store, folder, demo=True, temporary=temporary, url=url)
    _first_run(workspace.sso)
    return workspace


def _sso(store: Store, clock: Callable[[], datetime] | None, folder: Path) -> SSO:
    return SSO(
        store,
        clock=clock or system_clock,
        random_bytes=secrets.token_bytes,
        keyring=open_vault,
        key_files=KeyFolder(folder / "sp-keys"),
        operator=operator_of(folder),
    )


def _first_run(sso: SSO) -> None:
    """One account to begin with, so that everything works at once."""
    if not sso.accounts():
        imagekit_id, name = FIRST_ACCOUNT
        with contextlib.suppress(Refused):  # another desk has just done it
            sso.create_account(
                imagekit_id, name, plan="enterprise", seat_limit=DEFAULT_SEAT_LIMIT, operator="first run"
            )


# Logging --------------------------------------------------------------------------------------------------------------


class RedactingFormatter(logging.Formatter):
    """Writes records without persons or secrets, and without line breaks or escape codes of foreign origin.

    E-mails become u***@d*** and a keyed digest, by which two lines can be told to be about the same person. Messages,
    parameters of the protocol, cookies and long encoded values are dropped. Of an exception the type and the places in
    the code are kept, never its text or its values.
    """

    def __init__(self, salt: bytes) -> None:
        super().__init__("%(asctime)sZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self._salt = salt

    def format(self, record: logging.LogRecord) -> str:
        """One line per record; frames of an exception follow, indented."""
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        line = f"{moment}Z {record.levelname} {record.name} {self.redact(record.getMessage())}"
        if record.exc_info and record.exc_info[0] is not None:
            line += f"\n  {record.exc_info[0].__name__}"
            trace = record.exc_info[2]
            while trace is not None:
                code = trace.tb_frame.f_code
                line += f"\n  at {code.co_name} ({Path(code.co_filename).name}:{trace.tb_lineno})"
                trace = trace.tb_next
        return line

    def redact(self, text: str) -> str:
        """The text without what the log must not hold, on one line."""
        text = _PARAMETER.sub(r"\1\2[removed]", text)
        text = _ELEMENT_TEXT.sub(">[removed]<", text)
        text = _EMAIL.sub(self._person, text)
        text = _LONG.sub(lambda m: f"[{len(m.group())} characters removed]", text)
        return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)

    def _person(self, match: re.Match[str]) -> str:
        local, domain = match.groups()
        digest = hmac.new(self._salt, match.group().lower().encode(errors="replace"), hashlib.sha256).hexdigest()[:8]
        return f"{local[:1]}***@{domain[:1]}*** [{digest}]"


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A rotating file that only its owner can read."""

    def _open(self):  # type: ignore[no-untyped-def]  # the parent's own type is private to the standard library
        flags = os.O_CREAT | os.O_APPEND | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.baseFilename, flags, 0o600)
        os.fchmod(descriptor, 0o600) if hasattr(os, "fchmod") else None
        return os.fdopen(descriptor, "a", encoding="utf-8")


def _start_logging(folder: Path) -> logging.Handler:
    """Log to a private file in the data folder, redacted. UnreadableStore where the folder cannot be used."""
    logs = folder / "logs"
    try:
        for made in (folder, logs):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = _PrivateFile(
            logs / "sso-workbench.log", maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8"
        )
        handler.setFormatter(RedactingFormatter(_salt(folder / "log-salt")))
    except OSError as e:
        raise UnreadableStore(
            f"The data folder {folder} cannot be written ({e.strerror}). Correct its permissions, or name another "
            "one in SSO_WORKBENCH_HOME.",
            str(folder),
        ) from e
    handler.setLevel(logging.INFO)
    root = logging.getLogger()
    root.addHandler(handler)
    logging.getLogger("app").setLevel(logging.INFO)
    logging.getLogger("simulator").setLevel(logging.INFO)
    return handler


def _salt(path: Path) -> bytes:
    """This installation's salt, made at first use."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except FileExistsError:
        return path.read_bytes() or b"empty"
    with os.fdopen(descriptor, "wb") as file:
        salt = secrets.token_bytes(16)
        file.write(salt)
    return salt
