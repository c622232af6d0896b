"""What a message is judged by, and as of when: the choices above the verdict. It judges nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QSizePolicy, QWidget

from app.gui.called_by_qt import called_by_qt
from app.gui.examine import NOTHING, PASTED, WHOEVER_FITS, Examined, Judging, When
from app.gui.inspector.summary import counts_of
from app.gui.instant_field import InstantField
from app.gui.time_slider import TimeSlider
from app.gui.widgets import button, label, row, tip, visible
from app.gui.wording import exact, plural

if TYPE_CHECKING:
    from app.accounts.account import Account

_WHEN: Final = (("now", "now"), ("issue", "when issued"), ("at", "a chosen time"))
_POLICIES: Final = (
    ("strict", "strictly", "Strictly: as the service provider judges a login."),
    (
        "diagnose",
        "Diagnose",
        "Diagnose: what older identity providers get wrong only warns.",
    ),
)
_PASTE: Final = "#paste"
_ONE_LINE: Final = 1_080
_ROOM_FOR_COUNTS: Final = 860


class JudgingBar(QWidget):
    """`asked` is emitted when a choice changed, `slid` while the time is moved, `metadata_asked` and `keys_asked` when
    the person wants to give metadata or decryption keys."""

    asked = Signal()
    slid = Signal()
    metadata_asked = Signal()
    keys_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._against = WHOEVER_FITS
        self._metadata: tuple[bytes, str] | None = None
        self._account = ""
        self._accounts: Sequence[Account] = ()
        self.against = _combo("Judged against", 16)
        self.against.activated.connect(lambda _i: self._choose_against())
        self.policy = _combo("Policy", 8)
        for key, text, meaning in _POLICIES:
            self.policy.addItem(text, key)
            self.policy.setItemData(self.policy.count() - 1, tip(meaning), Qt.ItemDataRole.ToolTipRole)
        self.policy.setToolTip(tip("\n".join(meaning for *_, meaning in _POLICIES)))
        self.policy.activated.connect(lambda _i: self.asked.emit())
        self.keys = button(
            "", self.keys_asked.emit, icon="key", hint="Keys that open encrypted assertions, on this computer only"
        )
        self.when = _combo("Judged as of", 9)
        for key, text in _WHEN:
            self.when.addItem(text, key)
        self.when.activated.connect(lambda _i: self._choose_when())
        self.slider = TimeSlider()
        self.slider.slid.connect(self._slide)
        self.instant = InstantField("Time in UTC", "yyyy-MM-dd HH:mm:ss")
        self.instant.setFixedWidth(176)
        self.instant.lineEdit().setTextMargins(8, 0, 0, 0)
        self.instant.setToolTip(tip("The instant the message is judged as of, in UTC"))
        self.instant.editingFinished.connect(self._typed)
        self._shown: datetime | None = None
        self.counts = label("", tone="muted")
        self.counts.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._words = [label(w, tone="muted") for w in ("Judged", "against", "as of")]
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        self.setLayout(self._grid)
        self._wide: bool | None = None
        self._arrange(wide=False)
        order = (self.policy, self.against, self.keys, self.when, self.slider, self.instant)
        for one, other in pairwise(order):
            QWidget.setTabOrder(one, other)

    def _arrange(self, *, wide: bool) -> None:
        """All in one line where there is room, otherwise the time in a line of its own."""
        if wide == self._wide:
            return
        self._wide = wide
        while self._grid.count():
            self._grid.takeAt(0)
        judged, against, as_of = self._words
        first: list[QWidget] = [judged, self.policy, against, self.against]
        second: list[QWidget] = [as_of, self.when, self.slider, self.instant]
        lines = [[*first, *second, self.keys]] if wide else [[*first, self.keys], second]
        for number, parts in enumerate(lines):
            line = row(*parts)
            if self.slider in parts:
                line.setStretch(parts.index(self.slider), 1)
            else:
                line.addStretch(1)  # keeps the controls together where there is no room for the counts
                line.addWidget(self.counts)
            self._grid.addLayout(line, number, 0)

    @called_by_qt
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange(wide=self.width() >= _ONE_LINE)
        self.counts.setVisible(_ROOM_FOR_COUNTS <= self.width() < _ONE_LINE)

    # What is chosen --------------------------------------------------------------------------------------------

    def judging(self) -> Judging:
        """Everything as it is chosen now."""
        return Judging(
            against=self._against,
            at=self._at(),
            policy=self.policy.currentData(),
            metadata=self._metadata[0] if self._metadata is not None else None,
            account=self._account,
        )

    def _at(self) -> When:
        chosen = self.when.currentData()
        if chosen == "at":
            return self.instant.instant
        return "issue" if chosen == "issue" else None

    def judge_against(self, against: str) -> None:
        """Choose, without telling anybody."""
        self._against = against
        self.against.setCurrentIndex(max(0, self.against.findData(against)))

    def judge_at(self, key: str, instant: datetime | None = None) -> None:
        """Choose when, without telling anybody: "now", "issue", or "at" with the instant."""
        self.when.setCurrentIndex(self.when.findData(key))
        if instant is not None:
            self._show_instant(instant)

    # What is shown ---------------------------------------------------------------------------------------------

    def show_accounts(self, accounts: Sequence[Account]) -> None:
        """Offer these accounts."""
        self._accounts = accounts
        self._fill()

    def take_account(self, imagekit_id: str) -> None:
        """The account in hand: pasted metadata is judged by as if it trusted it."""
        self._account = imagekit_id
        self._fill()

    def take_metadata(self, document: bytes, entity_id: str) -> None:
        """Judge by this metadata from now on."""
        self._metadata = document, entity_id
        self._against = PASTED
        self._fill()

    def show_examined(self, examined: Examined) -> None:
        """Show the instant a message was judged as of, on its own axis."""
        self.counts.setText(visible(counts_of(examined)))
        self.slider.show_axis(examined.axis, examined.good, examined.now)
        self._show_instant(examined.report.evaluated_at)

    def show_keys(self, count: int) -> None:
        """Say how many decryption keys there are."""
        self.keys.setText(str(count) if count else "")
        self.keys.setAccessibleName(f"Decryption keys: {plural(count, 'key')}")

    def _show_instant(self, at: datetime) -> None:
        self._shown = at.replace(microsecond=0)
        self.instant.show_instant(at)
        self.instant.setToolTip(tip(f"The instant the message is judged as of\n{exact(at)}"))
        self.slider.show_instant(at)

    def _fill(self) -> None:
        self.against.clear()
        names = {a.imagekit_id: a.name for a in self._accounts}
        for account in self._accounts:
            self.against.addItem(visible(f"{account.name} · {account.imagekit_id}"), account.imagekit_id)
        self.against.addItem("The account it names", WHOEVER_FITS)
        self.against.addItem("Nothing, only read it", NOTHING)
        if self._metadata is not None:
            self.against.addItem(visible(f"Pasted metadata: {self._metadata[1]}"), PASTED)
            owner = names.get(self._account, "no account")
            said = f"As if {owner} trusted this metadata. Nothing is stored."
            self.against.setItemData(self.against.count() - 1, tip(said), Qt.ItemDataRole.ToolTipRole)
        self.against.addItem("Paste metadata...", _PASTE)
        self.judge_against(self._against)

    # What the person does --------------------------------------------------------------------------------------

    def _choose_against(self) -> None:
        chosen = str(self.against.currentData())
        if chosen == _PASTE:
            self.judge_against(self._against)
            self.metadata_asked.emit()
        else:
            self._against = chosen
            self.asked.emit()

    def _choose_when(self) -> None:
        self.asked.emit()

    def _typed(self) -> None:
        at = self.instant.instant
        if at != self._shown:
            self.judge_at("at", at)
            self.asked.emit()

    def _slide(self, at: datetime) -> None:
        self.judge_at("at", at)
        self.slid.emit()


def _combo(name: str, characters: int) -> QComboBox:
    made = QComboBox()
    made.setAccessibleName(name)
    made.setMinimumContentsLength(characters)
    made.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    made.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
    return made
