"""What can be done to several selected users at once. It sends intents, and decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox

from app.gui.widgets import Banner, Card, button, copy_text, label, retint, row, visible
from app.gui.wording import plural

if TYPE_CHECKING:
    from app.accounts.users import User


class BulkPanel(Card):
    """Signals: role_asked(role id) · delete_asked() · restore_asked() · rename_asked(older user, newer user)."""

    role_asked = Signal(str)
    delete_asked = Signal()
    restore_asked = Signal()
    rename_asked = Signal(object, object)

    def __init__(self, roles: QComboBox) -> None:
        super().__init__()
        self._users: tuple[User, ...] = ()
        self.head = label("", bold=True)
        self.role_box = roles
        self.role_box.setMinimumWidth(190)
        self.role_button = button(
            "Set role", lambda: self.role_asked.emit(self.role_box.currentData()), hint="Give all of them this role"
        )
        self.rename_button = button(
            "Treat as rename",
            self._rename,
            icon="link",
            hint="Both are one person: the newer e-mail moves to the older",
        )
        self.copy_button = button("Copy e-mails", self._copy, icon="copy", kind="flat")
        self.restore_button = button(
            "Restore", self.restore_asked.emit, icon="undo", hint="The same users, roles and history again"
        )
        self.delete_button = button(
            "Delete", self.delete_asked.emit, icon="delete", kind="danger", hint="Delete and free the seats"
        )
        self.banner = Banner(slim=True)
        self.add(
            row(
                self.head, 1, self.copy_button, self.rename_button, self.role_box, self.role_button,
                self.restore_button, self.delete_button,
            )
        )  # fmt: skip
        self.add(self.banner)
        self.setAccessibleName("The selected users")

    def show_users(self, users: Sequence[User]) -> None:
        """Offer what fits these users."""
        self._users = tuple(users)
        self.banner.hide()
        active = [u for u in users if u.active]
        self.head.setText(f"{plural(len(users), 'user')} selected")
        for part in (self.role_box, self.role_button, self.delete_button):
            part.setVisible(bool(active))
        self.restore_button.setVisible(len(active) < len(users))
        self.rename_button.setVisible(len(users) == 2 and len(active) == 2)

    def _copy(self) -> None:
        copy_text("\n".join(sorted(visible(u.email) for u in self._users)), self.copy_button)

    def _rename(self) -> None:
        older, newer = sorted(self._users, key=lambda u: (u.created_at, u.id))
        self.rename_asked.emit(older, newer)

    def restyle(self) -> None:
        """Follow the theme."""
        self.banner.restyle()
        for made in (self.rename_button, self.copy_button, self.restore_button, self.delete_button):
            retint(made)
