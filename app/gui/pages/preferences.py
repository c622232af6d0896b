"""How this workspace behaves: theme, provisioning policies, judging, keeping, and where the data is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QSettings, QSignalBlocker, QTimer
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QComboBox, QRadioButton, QSpinBox, QVBoxLayout, QWidget

from app.accounts.policies import CHOICES
from app.gui.desk import Desk, Page
from app.gui.files import ask_save
from app.gui.widgets import (
    Banner,
    Card,
    CopyRow,
    button,
    column,
    confirm,
    label,
    line,
    line_edit,
    number_field,
    retint,
    row,
    scrolled,
)
from app.gui.wording import plural
from app.sso.base import UNSEEN
from app.sso.choices import SIGNED_PARTS
from app.sso.settings import BY_NAME, Setting

if TYPE_CHECKING:
    from app.accounts.policies import Policies, PolicyChoice
    from app.sso import SSO, Operator, Purged

THEMES: Final = (("system", "As the system"), ("light", "Light"), ("dark", "Dark"))
_JUDGING: Final = (
    "clock_skew_s",
    "signed_part",
    "allow_idp_initiated",
    "reject_expired_certificate",
    "allow_cbc",
    "allow_sha1",
    "request_minutes",
    "email_domains",
)
_STALE: Final = ("dormant_days", "dormant_days_by_role", "grace_days", "break_glass")
_SUFFIX: Final = {
    "clock_skew_s": " s",
    "retention_days": " days",
    "request_minutes": " min",
    "dormant_days": " days",
    "grace_days": " days",
}


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that can be preferred, read in one go."""

    settings: dict[str, Any]
    policies: Policies


def load(sso: SSO) -> Loaded:
    """Read settings and policies."""
    return Loaded(sso.settings(), sso.policies())


class SettingRow(QWidget):
    """One setting: its title and explanation, and the control that fits its kind.

    `change(name, value, seen)` is told, with the value that was stored when the person began.
    """

    def __init__(self, setting: Setting, change: Any) -> None:
        super().__init__()
        self.setting = setting
        self._seen: Any = UNSEEN
        self._tell = change
        self.banner = Banner()
        self.control = self._control()
        self.control.setEnabled(False)  # until it is known what is stored
        self.control.setAccessibleName(setting.title)
        self.control.setAccessibleDescription(setting.explanation)
        words = column(label(setting.title), label(setting.explanation, tone="muted", size=12, wrap=True), spacing=2)
        self.control.setFixedWidth(230)
        main = row(words, self.control, spacing=16)
        main.setStretch(0, 1)
        cost = label(f"What it costs: {setting.cost}" if setting.cost else "", tone="muted", size=12, wrap=True)
        self.setLayout(column(main, cost, self.banner, spacing=4, margins=(0, 4, 0, 4)))
        cost.setVisible(bool(setting.cost))  # once it has a parent: before, it would be a window of its own

    def _control(self) -> QWidget:
        s = self.setting
        if s.kind == "yes or no":
            box = QCheckBox("On")
            box.toggled.connect(lambda on: self._change(s.name, on))
            return box
        if s.kind == "whole number":
            number = number_field(s.title, s.low, s.high, suffix=_SUFFIX.get(s.name, ""))
            number.setKeyboardTracking(False)
            pause = QTimer(number)
            pause.setSingleShot(True)
            pause.setInterval(400)
            pause.timeout.connect(lambda: self._change(s.name, number.value()))
            number.valueChanged.connect(lambda _v: pause.start())
            return number
        if s.choices:
            choice = QComboBox()
            for value in s.choices:
                choice.addItem(SIGNED_PARTS.get(value, value), value)
            choice.activated.connect(lambda i: self._change(s.name, choice.itemData(i)))
            return choice
        field = line_edit(placeholder="none; separate by commas", name=s.title)
        field.editingFinished.connect(lambda: self._change(s.name, _split(field.text())))
        return field

    def _change(self, name: str, value: Any) -> None:
        if value != self._seen:
            self._tell(name, value, self._seen)

    def _draft(self) -> Any:
        control = self.control
        if isinstance(control, QCheckBox):
            return control.isChecked()
        if isinstance(control, QSpinBox):
            return control.value()
        if isinstance(control, QComboBox):
            return control.currentData()
        return _split(str(control.property("text")))

    def show_value(self, value: Any) -> None:
        """Show what is stored, without telling it as a change. What is being typed stays; where somebody else changed
        the stored value meanwhile, that is said."""
        if value == self._seen:
            return
        if self._seen is not UNSEEN and self.control.hasFocus() and self._draft() not in (self._seen, value):
            self.banner.say("warning", "Somebody else changed this meanwhile. Yours is kept and not saved yet.")
            return
        self._take(value)
        self.banner.hide()

    def _take(self, value: Any) -> None:
        control, self._seen = self.control, value
        control.setEnabled(True)
        with QSignalBlocker(control):
            if isinstance(control, QCheckBox):
                control.setChecked(bool(value))
            elif isinstance(control, QSpinBox):
                control.setValue(int(value))
            elif isinstance(control, QComboBox):
                control.setCurrentIndex(control.findData(value))
            elif not control.hasFocus() or self._draft() != list(value):
                control.setProperty("text", ", ".join(value))

    def saved(self, value: Any) -> None:
        """The value is stored."""
        self._seen = value
        self.banner.hide()

    def refused(self, error: Exception, wanted: Any) -> None:
        """Say why it was not stored; where somebody else was faster, show theirs and offer to save one's own on top."""
        from app.sso import Overtaken

        if isinstance(error, Overtaken):
            self._take(error.current)
            mine = partial(self._tell, self.setting.name, wanted, error.current)
            self.banner.say("warning", str(error), "Save mine", mine)
        else:
            self.banner.say("error", str(error) or type(error).__name__)


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]


class PolicyRow(QWidget):
    """One provisioning decision that is ours to make: its choices as radio buttons, the default marked.

    `change(name, value)` is told. Each has two choices, so that two people can only agree or leave it as it is.
    """

    def __init__(self, choice: PolicyChoice, change: Any) -> None:
        super().__init__()
        self.choice = choice
        self.group = QButtonGroup(self)
        self.options: dict[str, QRadioButton] = {}
        options = QVBoxLayout()
        options.setSpacing(6)
        for value, sentence in choice.options.items():
            made = QRadioButton(sentence + (" (default)" if value == choice.default else ""))
            made.setAccessibleName(f"{choice.title}: {sentence}")
            made.clicked.connect(partial(change, choice.name, value))
            self.group.addButton(made)
            self.options[value] = made
            options.addWidget(made)
        cost = label(f"What it costs: {choice.cost}", tone="muted", size=12, wrap=True)
        self.setLayout(column(label(choice.title), options, cost, spacing=6, margins=(0, 4, 0, 4)))
        self.setAccessibleName(choice.title)

    def show_value(self, value: str) -> None:
        """Show which choice is in force."""
        self.options[value].setChecked(True)


class PreferencesPage(Page):
    name = "preferences"
    title = "Preferences"
    sentence = "How logins are judged, people provisioned and data kept. Changes apply at once."
    icon = "preferences"
    depends_on = frozenset({"settings"})

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.backup_button = button(
            "Back up workspace", self.backup, icon="export", kind="primary", hint="Copy the whole workspace to a file"
        )
        self.header(self.backup_button)
        self.banner = Banner()
        self.body.addWidget(self.banner)
        self.rows: dict[str, SettingRow] = {}
        self.policies: dict[str, PolicyRow] = {}
        inner = QWidget()
        inner.setLayout(
            column(
                self._you(),
                self._appearance(),
                self._policies(),
                self._settings("Judging a login", _JUDGING),
                self._settings("Stale users", _STALE),
                self._keeping(),
                self._workspace(),
                1,
                spacing=14,
                margins=(0, 0, 8, 0),
            )
        )
        self.body.addWidget(scrolled(inner), 1)

    # Parts -----------------------------------------------------------------------------------------------------

    def _you(self) -> Card:
        self.name_field = line_edit(placeholder="Olga Berg", name="Your name")
        self.email_field = line_edit(placeholder="olga@company.example", name="Your e-mail")
        self.you_banner = Banner(slim=True)
        fields = row(
            column(label("Name", tone="muted", size=12), self.name_field, spacing=4),
            column(label("E-mail", tone="muted", size=12), self.email_field, spacing=4),
            spacing=12,
        )
        for field in (self.name_field, self.email_field):
            field.editingFinished.connect(self._set_operator)
        given = self.desk.workspace.operator_is_given
        sentence = (
            "The variable SSO_WORKBENCH_OPERATOR says who you are."
            if given
            else "The log writes your name beside what you do, and the user of your e-mail is never on a clean-up "
            "list. It is kept on this computer and is no password: it only tells colleagues who did what."
        )
        for field in (self.name_field, self.email_field):
            field.setReadOnly(given)
        return Card("You", label(sentence, tone="muted", wrap=True), fields, self.you_banner)

    def _appearance(self) -> Card:
        self.themes: dict[str, QRadioButton] = {}
        group = QButtonGroup(self)
        kept = str(QSettings().value("theme", "system"))
        for name, title in THEMES:
            made = QRadioButton(title)
            made.setAccessibleName(f"Theme: {title}")
            made.setChecked(name == kept)
            made.clicked.connect(partial(self._theme, name))
            group.addButton(made)
            self.themes[name] = made
        return Card("Appearance", row(label("Theme"), 1, *self.themes.values(), spacing=18))

    def _policies(self) -> Card:
        card = Card(
            "Provisioning",
            label(
                "Where the service's own rules leave a case open, this decides what happens to the person. An account "
                "may decide otherwise under Settings, Rules.",
                tone="muted",
                wrap=True,
            ),
        )
        for choice in CHOICES:
            made = PolicyRow(choice, self._set_policy)
            self.policies[choice.name] = made
            card.add(line())
            card.add(made)
        return card

    def _settings(self, title: str, names: tuple[str, ...]) -> Card:
        card = Card(title)
        for number, name in enumerate(names):
            made = SettingRow(BY_NAME[name], self._set)
            self.rows[name] = made
            if number:
                card.add(line())
            card.add(made)
        return card

    def _keeping(self) -> Card:
        card = self._settings("What is kept", ("retention_days",))
        self.purge_button = button(
            "Purge now", self.purge, icon="delete", kind="danger", hint="Delete raw messages older than that"
        )
        self.purge_text = label("", tone="muted", wrap=True)
        foot = row(self.purge_text, self.purge_button)
        foot.setStretch(0, 1)
        card.add(foot)
        return card

    def _workspace(self) -> Card:
        self.location = CopyRow("Data", self.desk.workspace.location, 120)
        self.folder = CopyRow("Folder", str(self.desk.workspace.folder), 120)
        return Card(
            "Workspace",
            self.location,
            self.folder,
            label(
                "Open another workspace with --workspace or SSO_WORKBENCH_WORKSPACE. A backup is a whole workspace "
                "that can be opened the same way.",
                tone="muted",
                size=12,
                wrap=True,
            ),
        )

    # Loading ---------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        self.work(load, self.desk.sso, then=self._show, failed=self._failed, channel="load")

    def _failed(self, error: Exception) -> None:
        self.banner.say("error", str(error) or type(error).__name__, "Try again", self.refresh)

    def _show(self, loaded: Loaded) -> None:
        self._show_operator(self.desk.sso.operator)
        for name, made in self.rows.items():
            made.show_value(loaded.settings[name])
        in_force = loaded.policies.as_dict()
        for name, policy in self.policies.items():
            policy.show_value(in_force[name])
        days = loaded.settings["retention_days"]
        self.purge_text.setText(
            f"Raw messages older than {plural(days, 'day')} are deleted by a purge; the rows of the log stay for ever."
            if days
            else "No raw message is stored. A purge deletes those that are left; the rows of the log stay for ever."
        )

    def _show_operator(self, who: Operator) -> None:
        for field, text in ((self.name_field, who.name), (self.email_field, who.email)):
            if not field.hasFocus():
                field.setText(text)
                field.setCursorPosition(0)

    # Intents ---------------------------------------------------------------------------------------------------

    def _set_operator(self) -> None:
        typed = self.name_field.text().strip(), self.email_field.text().strip()
        now = self.desk.sso.operator
        if typed == (now.name, now.email) or self.desk.workspace.operator_is_given:
            self.you_banner.hide()
            return
        self.work(
            self.desk.workspace.set_operator,
            *typed,
            then=self._is_operator,
            failed=lambda e: self.you_banner.say("error", str(e) or type(e).__name__),
            channel="operator",
        )

    def _is_operator(self, who: Operator) -> None:
        said = f"The log names you {who.shown} from now on." if who.shown else "The log says “operator” from now on."
        self.you_banner.say("success", said)
        self._show_operator(who)

    def _theme(self, name: str, _on: bool = True) -> None:
        from app.gui.application import restyle

        restyle(self.desk, name)

    def _set(self, name: str, value: Any, seen: Any) -> None:
        made = self.rows[name]
        self.work(
            _set,
            self.desk.sso,
            name,
            value,
            seen,
            then=lambda _none: made.saved(value),
            failed=lambda e: made.refused(e, value),
            channel=f"set/{name}",
        )

    def _set_policy(self, name: str, value: str, _on: bool = True) -> None:
        self.work(
            _set_policy,
            self.desk.sso,
            name,
            value,
            then=lambda _policies: self.banner.hide(),
            failed=self._failed,
            channel=f"policy/{name}",
        )

    def purge(self) -> None:
        """Delete raw messages that are past their time, after a question."""
        if confirm(
            self,
            "Delete old raw messages?",
            "They cannot be brought back, and those attempts cannot be opened in the inspector any more. The rows of "
            "the log stay.",
            "Delete them",
        ):
            self.purge_button.setEnabled(False)
            self.work(self.desk.sso.purge, then=self._purged, failed=self._not_purged, channel="purge")

    def _not_purged(self, error: Exception) -> None:
        self.purge_button.setEnabled(True)
        self._failed(error)

    def _purged(self, done: Purged) -> None:
        self.purge_button.setEnabled(True)
        self.banner.say(
            "success",
            f"{plural(done.messages, 'raw message')} and {plural(done.expired, 'expired entry', 'expired entries')} "
            "were deleted.",
            "Show in the log",
            partial(self.desk.open, "log", done.reference),
        )

    def backup(self) -> None:
        """Let the person say where the copy goes."""
        ask_save(self, "Back up workspace", "sso-workbench-backup.db", "Workspace (*.db)", self.backup_to)

    def backup_to(self, path: Path) -> None:
        """Copy the whole workspace to this file."""
        self.backup_button.setEnabled(False)
        self.work(
            self.desk.workspace.store.backup, path, then=self._backed_up, failed=self._not_backed_up, channel="backup"
        )

    def _backed_up(self, path: Path) -> None:
        self.backup_button.setEnabled(True)
        self.banner.say("success", f"The workspace was copied to {path}.", "Dismiss", self.banner.hide)

    def _not_backed_up(self, error: Exception) -> None:
        self.backup_button.setEnabled(True)
        self.banner.say("error", str(error) or type(error).__name__)

    def restyle(self) -> None:
        super().restyle()
        kept = str(QSettings().value("theme", "system"))
        if kept in self.themes:
            self.themes[kept].setChecked(True)
        self.banner.restyle()
        self.you_banner.restyle()
        for made in self.rows.values():
            made.banner.restyle()
        for made_button in (self.backup_button, self.purge_button):
            retint(made_button)


def _set(sso: SSO, name: str, value: Any, seen: Any) -> None:
    sso.set_setting(name, value, seen=seen)


def _set_policy(sso: SSO, name: str, value: str) -> Policies:
    return sso.set_policies(**{name: value})
