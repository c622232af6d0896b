"""Our own keys: what we sign requests with and what identity providers encrypt to, and how one rolls over."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QWidget

from app.gui.pages.settings.section import Loaded
from app.gui.widgets import Banner, CopyRow, Pill, button, clear, column, confirm, label, line, row, visible
from app.gui.wording import exact, plural

if TYPE_CHECKING:
    from app.gui.pages.settings.section import Section
    from app.sso import SpKey

_CAPTION = 130
_WORDS = {"current": ("pass", "In force"), "next": ("info", "Next"), "previous": ("skipped", "Previous")}
_HEADS = {
    "signing": (
        "Signing requests",
        "With a key, every login request that starts here is signed, and our metadata says so.",
    ),
    "encryption": (
        "Decrypting assertions",
        "With a key, identity providers can encrypt assertions to us; its private half opens them here.",
    ),
}
_NEXT = (
    "The next key is published beside the current one. Let every identity provider take our metadata up, then put it "
    "in force."
)


class SpKeysView(QWidget):
    """Both kinds of keys with their states."""

    def __init__(self, section: Section) -> None:
        super().__init__()
        self.setObjectName("plain")
        self._section = section
        self.banner = Banner()
        self._parts = column(spacing=10)
        words = label(
            "One set of keys serves every account. Certificates are shared with every desk; a private key stays on the "
            "computer that made it, in a file that only its owner may read.",
            tone="muted",
            wrap=True,
        )
        self.setLayout(column(words, self.banner, self._parts, 1, spacing=10, margins=(0, 8, 8, 8)))

    def show_loaded(self, loaded: Loaded) -> None:
        """Show the keys as they are now."""
        clear(self._parts)
        for purpose, (title, sentence) in _HEADS.items():
            mine = [k for k in loaded.sp_keys if k.purpose == purpose]
            self._parts.addWidget(line())
            self._parts.addLayout(row(label(title, bold=True), 1, *self._actions(purpose, mine)))
            told = label(sentence, tone="muted", wrap=True)
            self._parts.addWidget(told)
            for key in mine:
                self._parts.addWidget(self._one(key, loaded))
            if any(k.state == "next" for k in mine):
                self._parts.addWidget(label(_NEXT, wrap=True))

    def _actions(self, purpose: str, keys: list[SpKey]) -> list[QWidget]:
        if any(k.state == "next" for k in keys):
            return [
                button(
                    "Put the next key in force",
                    partial(self._do, "promote_sp_key", purpose, f"The next {purpose} key is in force."),
                    kind="primary",
                    hint=f"The next {purpose} key is used from now on",
                )
            ]
        word = "Make the next key" if keys else "Make a key"
        hint = f"Make {'the next' if keys else 'a'} key for {purpose}"
        done = f"A {purpose} key was made. Export our metadata and give it to the identity providers."
        return [button(word, partial(self._do, "make_sp_key", purpose, done), icon="key", hint=hint)]

    def _one(self, key: SpKey, loaded: Loaded) -> QWidget:
        days = (key.expires_at - loaded.now).days
        until = label(f"{plural(days, 'day')} left" if days >= 0 else "expired", tone="muted" if days > 30 else "error")
        until.setToolTip(exact(key.expires_at))
        forget = button("Forget", partial(self._forget, key), icon="delete", hint=f"Delete this {key.state} key")
        head = row(Pill(*_WORDS[key.state]), until, 1, forget)
        parts: list[Any] = [head, CopyRow("SHA-256", key.fingerprint, _CAPTION)]
        if key.problem:
            parts.append(row(Pill("warn"), label(visible(key.problem), wrap=True), 1))
        made = QWidget()
        made.setLayout(column(*parts, spacing=6, margins=(0, 4, 0, 4)))
        return made

    def _do(self, verb: str, argument: str, sentence: str) -> None:
        self._section.work(
            getattr(self._section.desk.sso, verb),
            argument,
            then=lambda _done: self._done(sentence),
            failed=self._failed,
            channel="sp-keys",
        )

    def _forget(self, key: SpKey) -> None:
        what = (
            "What is encrypted to it cannot be opened any more."
            if key.purpose == "encryption"
            else "Identity providers that know only this key refuse our requests then."
        )
        if confirm(
            self,
            f"Forget this {key.state} {key.purpose} key?",
            f"{what} It cannot be brought back.",
            "Forget it",
        ):
            self._do("forget_sp_key", key.fingerprint, "The key was forgotten.")

    def _done(self, sentence: str) -> None:
        self.banner.say("success", sentence, "Dismiss", self.banner.hide)
        self._section.page.refresh()

    def _failed(self, error: Exception) -> None:
        self.banner.say("error", str(error) or type(error).__name__)
