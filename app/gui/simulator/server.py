"""The strip on top of the simulator page: running or not, addresses, ports, trust, vendor. It starts nothing itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QSpinBox, QWidget

from app.gui.lab_work import Shown, Trust
from app.gui.widgets import Card, CopyRow, Pill, button, label, number_field, row, tip

if TYPE_CHECKING:
    from simulator.tenant import Tenant

#: How far an account trusts the test IdP: a state and a word.
_TRUST: Final[dict[Trust, tuple[str, str]]] = {
    "this": ("pass", "Trusted by the account"),
    "outdated": ("warn", "Account has earlier metadata"),
    "other": ("warn", "Trusts another IdP"),
    "off": ("skipped", "SSO is off"),
    "none": ("skipped", "No account"),
}
_CONNECT: Final[dict[Trust, str]] = {"outdated": "Update account"}


class ServerCard(Card):
    """connect_asked() · vendor_chosen(id) · page_asked(url): what the page shall do."""

    connect_asked = Signal()
    vendor_chosen = Signal(str)
    page_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.state = Pill("skipped", "Stopped")
        self.trust = Pill("skipped", "")
        self.connect_button = button(
            "Connect account",
            self.connect_asked.emit,
            icon="link",
            hint="Make the account in hand trust the test IdP, with the metadata that it publishes now",
        )
        self.idp_row = CopyRow("IdP", "", 24)
        self.idp_row.value.setToolTip("Where the test IdP publishes its metadata")
        self.login_row = CopyRow("SP", "", 24)
        self.login_row.value.setToolTip("The login page of the service provider, where an SP-initiated login starts")
        self.login_open = button(
            "",
            lambda: self.page_asked.emit(self.login_row.value.text()),
            icon="external",
            kind="flat",
            hint="Open login page",
        )
        self.addresses = QWidget()
        addresses = row(self.idp_row, self.login_row, self.login_open, spacing=4)
        addresses.setStretch(0, 1)
        addresses.setStretch(1, 1)
        addresses.insertSpacing(1, 8)
        self.addresses.setLayout(addresses)
        self.idp_port = _port_field("Port of the test IdP")
        self.sp_port = _port_field("Port of the service provider")
        for field in (self.idp_port, self.sp_port):
            field.setToolTip("Any: the port of last time if it is free. Both servers listen on 127.0.0.1 only.")
        self.ports = QWidget()
        self.ports.setLayout(
            row(label("IdP port", tone="muted"), self.idp_port, label("SP port", tone="muted"), self.sp_port, 1)
        )
        self.vendor = QComboBox()
        self.vendor.setAccessibleName("Vendor that the test IdP speaks like")
        self.vendor.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.vendor.setMinimumContentsLength(21)
        self.vendor.view().setMinimumWidth(240)
        self.vendor.activated.connect(lambda n: self.vendor_chosen.emit(self.vendor.itemData(n)))
        first = row(self.state, self.addresses, self.ports, spacing=14)
        first.setStretch(1, 1)
        first.setStretch(2, 1)
        self.add(first)
        self.add(row(self.trust, self.connect_button, 1, label("Speaks like", tone="muted"), self.vendor, spacing=8))
        self.body.setContentsMargins(16, 12, 16, 12)

    def show_lab(self, shown: Shown) -> None:
        """Show what was read."""
        self.state.show_state("pass" if shown.running else "skipped", "Running" if shown.running else "Stopped")
        self.addresses.setVisible(shown.running)
        self.ports.setVisible(not shown.running)
        self.idp_row.show_value(shown.metadata_url)
        self.login_row.show_value(shown.login_url)
        state, word = _TRUST[shown.trust]
        self.trust.show_state(state, word)
        self.connect_button.setText(_CONNECT.get(shown.trust, "Connect account"))
        self.connect_button.setAccessibleName(self.connect_button.text())
        self.connect_button.setVisible(shown.trust in ("off", "other", "outdated"))
        self._fill_vendors(shown.tenant)

    def _fill_vendors(self, tenant: Tenant) -> None:
        from simulator.profiles import PROFILES

        if not self.vendor.count():
            for known in PROFILES:
                self.vendor.addItem(known.title, known.id)
        self.vendor.setCurrentIndex(self.vendor.findData(tenant.vendor))
        unsure = tenant.profile.doubts
        self.vendor.setToolTip(tip(f"Messages and metadata as this vendor writes them. {unsure}".strip()))


def _port_field(name: str) -> QSpinBox:
    made = number_field(name, 0, 65_535)
    made.setSpecialValueText("Any")
    made.setGroupSeparatorShown(False)
    made.setFixedWidth(86)
    return made
