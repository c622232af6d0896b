"""The panel about one application of the test IdP: where messages go, how they are signed and filled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QWidget

from app.gui import theme
from app.gui.simulator.applications_work import (
    ALGORITHMS,
    CIPHERS,
    DIGESTS,
    FORMATS,
    LOGOUT_BINDINGS,
    SIGNS,
    SOURCES,
    NotAnApplication,
    claims_text,
    parse_claims,
)
from app.gui.simulator.fields import OptionalField, combo, form, show_choice, show_text
from app.gui.widgets import button, column, label, line_edit, row, scrolled, visible

if TYPE_CHECKING:
    from simulator.tenant import Application

_CLAIMS_TIP: Final = (
    "Each claim with where its value comes from: username, email, full_name, role, imagekit_id, attribute:NAME, or "
    "=TEXT for the same text for everybody. What a person lacks is left out."
)


class ApplicationPanel(QWidget):
    """The fields of an application. What is typed is kept until it is saved or another one is chosen.

    Signals: save_asked(as typed) · delete_asked(as saved).
    """

    save_asked = Signal(object)
    delete_asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.shown: Application | None = None
        self._claims_shown = ""
        self._filling = False
        self.head = label("", bold=True, size=14)
        self.owner = label("", tone="muted", size=12, wrap=True)
        self._make_fields()
        self.problem = label("", tone="error", size=12, wrap=True)
        self.problem.hide()
        self.save_button = button("Save", self.save, hint="Save this application")
        self.delete_button = button(
            "Delete", self._delete, icon="delete", kind="danger", hint="The test IdP forgets this service provider"
        )
        self.nothing = label("Choose a service provider to change what is sent to it.", tone="muted")
        self.nothing.setWordWrap(True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        inner = QWidget()
        inner.setLayout(column(self._form(), 1, spacing=10, margins=(0, 2, 8, 4)))
        self._whole = QWidget()
        whole = column(
            self.head,
            self.owner,
            scrolled(inner),
            self.problem,
            row(self.save_button, 1, self.delete_button, spacing=6, margins=(0, 0, 8, 0)),
            margins=(0, 10, 0, 0),
        )
        whole.setStretch(2, 1)
        self._whole.setLayout(whole)
        self.setMinimumWidth(340)
        self.setLayout(column(self.nothing, self._whole))
        self.setAccessibleName("The selected application")
        self.show_application(None, "")

    def _make_fields(self) -> None:
        self.name = line_edit(name="Name on the portal's tile")
        self.entity_id = line_edit(name="Entity ID, sent as Audience")
        self.acs_url = line_edit(name="ACS address")
        self.destination = line_edit(name="Destination", placeholder="the ACS")
        self.recipient = line_edit(name="Recipient", placeholder="the ACS")
        self.deliver_to = line_edit(name="Where the browser really posts to", placeholder="the ACS")
        self.deliver_to.setToolTip("For a service provider that listens elsewhere than its messages say")
        self.logout_url = line_edit(name="Logout address", placeholder="none")
        self.logout_binding = combo("How logout messages reach it", LOGOUT_BINDINGS)
        self.relay_state = OptionalField("RelayState")
        self.sign = combo("What is signed", SIGNS)
        self.algorithm = combo("Signature algorithm", ALGORITHMS)
        self.algorithm.setToolTip("Where it does not fit the key that signs, the key's own default is used")
        self.digest = combo("Digest algorithm", DIGESTS)
        self.encrypt_to = _pem(
            "Certificate to encrypt assertions for", "Not encrypted. Paste a certificate to encrypt."
        )
        self.encryption = combo("Encryption algorithm", CIPHERS)
        self.signing_certificate = _pem(
            "Certificate of the service provider's requests", "Signatures of its requests are not checked."
        )
        self.format = combo("NameID format", FORMATS)
        self.source = combo("NameID value", SOURCES)
        self.claims = QPlainTextEdit()
        self.claims.setAccessibleName("Claims, one on each line: claim = source")
        self.claims.setToolTip(_CLAIMS_TIP)
        self.claims.setFont(theme.mono())
        self.claims.setTabChangesFocus(True)
        self.claims.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.claims.setFixedHeight(96)

    def _form(self) -> QWidget:
        fields: list[tuple[str, QWidget]] = [
            ("Name", self.name),
            ("Audience", self.entity_id),
            ("ACS", self.acs_url),
            ("Destination", self.destination),
            ("Recipient", self.recipient),
            ("Posts to", self.deliver_to),
            ("RelayState", self.relay_state),
            ("Logout", self.logout_url),
            ("Logout by", self.logout_binding),
            ("Signed", self.sign),
            ("Algorithm", self.algorithm),
            ("Digest", self.digest),
            ("Encrypt for", self.encrypt_to),
            ("Encryption", self.encryption),
            ("Requests", self.signing_certificate),
            ("NameID format", self.format),
            ("NameID value", self.source),
            ("Claims", self.claims),
        ]
        for _name, field in fields:
            if isinstance(field, QLineEdit):
                field.textEdited.connect(lambda _t: self._changed())
                field.returnPressed.connect(self.save)
            elif isinstance(field, QPlainTextEdit):
                field.textChanged.connect(self._changed)
        self.relay_state.edited.connect(self._changed)
        boxes = (self.sign, self.algorithm, self.digest, self.encryption, self.format, self.source)
        for box in (*boxes, self.logout_binding):
            box.activated.connect(lambda _n: self._changed())
        made = QWidget()
        made.setLayout(form(fields))
        return made

    # Showing ---------------------------------------------------------------------------------------------------

    def show_application(self, application: Application | None, account: str) -> None:
        """Show an application. `account`: the name of the account whose own it is, "" for any other."""
        self.shown = application
        self._whole.setVisible(application is not None)
        self.nothing.setVisible(application is None)
        if application is None:
            return
        self.owner.setText(
            f"This is {account}. Its audience and addresses follow the account: change them on the Settings page."
            if account
            else f"Known here as {visible(application.id)}."
        )
        for field in (self.entity_id, self.acs_url, self.deliver_to):
            field.setReadOnly(bool(account))
        self.fill(application)

    def fill(self, a: Application) -> None:
        """Write an application into the fields."""
        self._filling = True
        self.head.setText(visible(a.name or a.id))
        for field, text in (
            (self.name, a.name),
            (self.entity_id, a.entity_id),
            (self.acs_url, a.acs_url),
            (self.destination, a.destination or ""),
            (self.recipient, a.recipient or ""),
            (self.deliver_to, a.deliver_to or ""),
            (self.logout_url, a.logout_url or ""),
        ):
            show_text(field, text)
        self.relay_state.show_value(a.relay_state)
        for box, value in (
            (self.logout_binding, a.logout_by_redirect),
            (self.sign, a.sign),
            (self.algorithm, a.signature_algorithm),
            (self.digest, a.digest_algorithm),
            (self.encryption, a.encryption),
            (self.format, a.name_id_format),
            (self.source, a.name_id_source),
        ):
            show_choice(box, value)
        self.encrypt_to.setPlainText((a.encrypt_to or "").strip())
        self.signing_certificate.setPlainText((a.signing_certificate or "").strip())
        self._claims_shown = claims_text(a.claims)
        self.claims.setPlainText(self._claims_shown)
        self._filling = False
        self._changed()

    # The draft -------------------------------------------------------------------------------------------------

    def draft(self) -> Application:
        """The application as the panel says. NotAnApplication or TenantError where that is none."""
        assert self.shown is not None
        was = self.shown
        typed = self.claims.toPlainText()
        return replace(
            was,
            name=self.name.text(),
            entity_id=self.entity_id.text(),
            acs_url=self.acs_url.text().strip(),
            destination=self.destination.text() or None,
            recipient=self.recipient.text() or None,
            deliver_to=self.deliver_to.text().strip() or None,
            logout_url=self.logout_url.text().strip() or None,
            logout_by_redirect=self.logout_binding.currentData(),
            relay_state=self.relay_state.value,
            sign=self.sign.currentData(),
            signature_algorithm=self.algorithm.currentData(),
            digest_algorithm=self.digest.currentData(),
            encryption=self.encryption.currentData(),
            encrypt_to=_kept(self.encrypt_to, was.encrypt_to),
            signing_certificate=_kept(self.signing_certificate, was.signing_certificate),
            name_id_format=self.format.currentData(),
            name_id_source=self.source.currentData(),
            claims=dict(was.claims) if typed == self._claims_shown else parse_claims(typed),
        )

    @property
    def changed(self) -> bool:
        """Whether the panel differs from what is saved, or holds what cannot be."""
        return self.shown is not None and (bool(self.problem.text()) or self.save_button.isEnabled())

    def _changed(self) -> None:
        if self.shown is None or self._filling:
            return
        from simulator.errors import TenantError

        problem, different = "", False
        try:
            different = self.draft() != self.shown
        except (NotAnApplication, TenantError) as e:
            problem = str(e)
        self.problem.setText(visible(problem))
        self.problem.setVisible(bool(problem))
        self.save_button.setEnabled(different)

    # Intents ---------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Ask to save what was typed."""
        if self.shown is not None and self.save_button.isEnabled():
            self.save_asked.emit(self.draft())

    def _delete(self) -> None:
        if self.shown is not None:
            self.delete_asked.emit(self.shown)


def _pem(name: str, placeholder: str) -> QPlainTextEdit:
    made = QPlainTextEdit()
    made.setAccessibleName(name)
    made.setPlaceholderText(placeholder)
    made.setFont(theme.mono(11))
    made.setTabChangesFocus(True)
    made.setFixedHeight(58)
    return made


def _kept(field: QPlainTextEdit, was: str | None) -> str | None:
    """What a certificate's field says; white space around it is no change."""
    text = field.toPlainText().strip()
    if text == (was or "").strip():
        return was
    return f"{text}\n" if text else None
