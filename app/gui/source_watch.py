"""The clock that looks at watched metadata addresses while the window is open; the work is done elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer

from app.gui.desk import Desk

if TYPE_CHECKING:
    from app.sso import SSO

_EVERY_MS: Final = 5 * 60 * 1000
_FIRST_MS: Final = 10_000


class SourceWatch(QObject):
    """Asks every five minutes whether a source is due. Several desks on one workspace share the work."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._timer = QTimer(self)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.look)
        QTimer.singleShot(_FIRST_MS, self, self.look)
        self._timer.start()

    def look(self) -> None:
        """Look now. What cannot be done now is tried again the next time; the source itself tells of a failure."""
        self._desk.jobs.run(
            self, _look_at_due, self._desk.sso, then=lambda _n: None, failed=lambda _e: None, channel="sources"
        )


def _look_at_due(sso: SSO) -> int:
    from app.fetching.metadata import look_at_due  # what speaks TLS is not needed before the first look

    return look_at_due(sso)
