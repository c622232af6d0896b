"""What the inspector shows before there is a message: what it is for, the first steps, and a box to paste into."""

from __future__ import annotations

from collections.abc import Callable

from app.gui.paste_box import PasteBox
from app.gui.widgets import Card, EmptyState, button, row


class FirstSteps(Card):
    """Buttons for the first steps, and `box` to paste or type into."""

    def __init__(
        self,
        paste: Callable[[], object],
        open_file: Callable[[], object],
        open_folder: Callable[[], object],
        sample: Callable[[], object],
    ) -> None:
        super().__init__()
        self.paste = button("Paste response", paste, icon="paste", kind="primary")
        self.open_file = button("Open file", open_file, icon="open")
        self.open_folder = button("Open folder", open_folder, icon="open", hint="Judge every file in it (Ctrl+Shift+O)")
        self.sample = button("Load a sample", sample, icon="play")
        text = (
            "Paste or drop whatever the customer sent: a SAMLResponse in any encoding, a HAR file or trace of the "
            "browser, a mail, an archive, a whole folder, or only an error text. Every rule is checked; nothing is "
            "sent anywhere or stored."
        )
        state = EmptyState(
            "inspector", "Why does this login fail?", text, self.paste, self.open_file, self.open_folder, self.sample
        )
        self.box = PasteBox(
            "Message", "Paste here, or type and press Ctrl+Enter.   SAMLResponse=PHNhbWxwOlJlc3BvbnNl..."
        )
        self.box.setFixedHeight(120)
        self.box.setMinimumWidth(420)
        self.box.setMaximumWidth(640)
        self.body.addStretch(1)
        self.body.addWidget(state)
        centred = row(1, self.box, 1)
        centred.setStretch(1, 6)
        self.body.addLayout(centred)
        self.body.addStretch(2)
