"""What was understood of identity provider metadata: as plain values, and as a list a person can compare by phone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from app.gui.widgets import (
    CopyRow,
    Tone,
    button,
    clear,
    column,
    copy_text,
    label,
    line,
    mark,
    mono_label,
    row,
    tip,
    visible,
)
from app.gui.wording import day, days_left, exact, in_days, thumbprint

if TYPE_CHECKING:
    from app.saml.metadata import CertificateFacts, IdpMetadata
    from app.sso import SSO, ConfigurationView

_BINDINGS: Final = {"HTTP-Redirect": "redirect", "HTTP-POST": "POST", "SOAP": "SOAP", "HTTP-Artifact": "artifact"}
_CAPTION: Final = 108
_MOST_SHOWN: Final = 12
#: What a sentence about the change of metadata says already, or what every document renews.
_TOLD: Final = ("Identity provider", "Signing certificate", "Login address", "Logout address", "Metadata valid until")


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What is shown of a document. `changes` are what a person should confirm against the saved one."""

    now: datetime
    entity_id: str = ""
    display_name: str = ""
    endpoints: tuple[tuple[str, str], ...] = ()
    certificates: tuple[CertificateFacts, ...] = ()
    encryption: tuple[CertificateFacts, ...] = ()
    nameid_formats: tuple[str, ...] = ()
    valid_until: datetime | None = None
    signed: bool = False
    wants_signed_requests: bool = False
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    usable: bool = False


def understand(sso: SSO, document: str | bytes, entity: str | None, imagekit_id: str) -> Understood:
    """Read a document without saving it, and compare it with what the account has now."""
    from app.saml.metadata import metadata_changes
    from app.sso.revisions import differences_of_idps as differences

    summary = sso.read_metadata(document, entity=entity, account=imagekit_id or None)
    changes: tuple[str, ...] = ()
    saved = sso.configuration(imagekit_id).idp if imagekit_id else None
    if saved is not None and summary.idp is not None:
        changes = tuple(_grouped(p.message) for p in metadata_changes(saved, summary.idp))
        changes += tuple(_grouped(f"{d}.") for d in differences(saved, summary.idp) if not d.what.startswith(_TOLD))
    return _facts(
        summary.idp,
        sso.now(),
        problems=tuple(map(str, summary.problems)),
        warnings=tuple(map(str, summary.warnings)),
        changes=changes,
        entities=summary.entities,
        usable=summary.usable,
    )


def _grouped(sentence: str) -> str:
    """The sentence with its fingerprints as they are read over the phone, so that they can be wrapped too."""
    return re.sub(r"\b[0-9a-f]{64}\b", lambda m: thumbprint(m[0]), sentence)


def as_saved(view: ConfigurationView, now: datetime) -> Understood | None:
    """What the saved configuration says; None while SSO is off."""
    if view.idp is None:
        return None
    return _facts(view.idp, now, warnings=tuple(map(str, view.warnings)), usable=True)


def _facts(
    idp: IdpMetadata | None,
    now: datetime,
    *,
    problems: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
    changes: tuple[str, ...] = (),
    entities: tuple[str, ...] = (),
    usable: bool,
) -> Understood:
    from app.saml.metadata import certificate_facts

    if idp is None:
        return Understood(now=now, problems=problems, warnings=warnings, entities=entities)
    endpoints = [(f"Login ({_binding(e.binding)})", e.location) for e in idp.sso_endpoints]
    endpoints += [(f"Logout ({_binding(e.binding)})", e.location) for e in idp.slo_endpoints]
    return Understood(
        now=now,
        entity_id=idp.entity_id,
        display_name=idp.display_name or "",
        endpoints=tuple(endpoints),
        certificates=tuple(certificate_facts(k.certificate) for k in idp.signing_keys),
        encryption=tuple(certificate_facts(c) for c in idp.encryption_certificates),
        nameid_formats=idp.nameid_formats,
        valid_until=idp.valid_until,
        signed=idp.signed,
        wants_signed_requests=idp.want_authn_requests_signed,
        problems=problems,
        warnings=warnings,
        changes=changes,
        entities=entities,
        usable=usable and not problems,
    )


def _binding(urn: str) -> str:
    last = urn.rpartition(":")[2]
    return _BINDINGS.get(last, last)


def certificate_tone(until: datetime, now: datetime) -> Tone:
    """Red once it has ended, amber in its last 30 days."""
    days = days_left(until, now)
    return "error" if days < 0 else "warning" if days < 30 else "ok"


class UnderstoodView(QWidget):
    """Shows an Understood: problems first, then the facts, each to be copied."""

    #: The entity that was chosen from a document that holds several.
    entity_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("plain")
        self._shown: Understood | None = None
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self.entity_box = QComboBox()
        self.entity_box.setAccessibleName("Identity provider in this document")
        self.entity_box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.entity_box.setMinimumContentsLength(12)
        self.entity_box.activated.connect(lambda i: self.entity_chosen.emit(self.entity_box.itemData(i)))
        self._entity_text = label("", tone="muted", wrap=True)
        self.setLayout(column(self._entity_text, self.entity_box, self._list, 1, margins=(0, 0, 8, 0)))
        self.show_entities((), "")

    def show_entities(self, entities: Sequence[str], chosen: str) -> None:
        """Offer a choice where the document describes several entities."""
        several = len(entities) > 1
        self._entity_text.setVisible(several)
        self.entity_box.setVisible(several)
        self.entity_box.clear()
        for entity in entities if several else ():
            self.entity_box.addItem(visible(entity), entity)
        if several:
            self._entity_text.setText(f"The document describes {len(entities):,} entities. Choose the one to save:")
            self.entity_box.setCurrentIndex(self.entity_box.findData(chosen))

    def show_facts(self, facts: Understood | None, nothing: str) -> None:
        """Show what was understood, or the sentence `nothing`."""
        self._shown = facts
        clear(self._list)
        if facts is None:
            self.show_entities((), "")
            self._list.addWidget(label(nothing, tone="muted", wrap=True))
            return
        self.show_entities(facts.entities, facts.entity_id)
        for state, sentences in (("error", facts.problems), ("warning", facts.warnings), ("info", facts.changes)):
            sentences = tuple(dict.fromkeys(sentences))
            for sentence in sentences[:_MOST_SHOWN]:
                self._list.addLayout(_told(state, sentence))
            if len(sentences) > _MOST_SHOWN:
                self._list.addWidget(label(f"... and {len(sentences) - _MOST_SHOWN} more like these.", tone="muted"))
        if not facts.entity_id:
            return
        if facts.problems or facts.warnings or facts.changes:
            self._list.addWidget(line())
        if facts.display_name:
            self._list.addWidget(CopyRow("Name", facts.display_name, _CAPTION))
        self._list.addWidget(CopyRow("Entity ID", facts.entity_id, _CAPTION))
        for number, certificate in enumerate(facts.certificates[:_MOST_SHOWN], 1):
            self._certificate("Signing", number, len(facts.certificates), certificate, facts.now)
        for number, certificate in enumerate(facts.encryption[:_MOST_SHOWN], 1):
            self._certificate("Encryption", number, len(facts.encryption), certificate, facts.now)
        self._list.addWidget(line())
        for caption, location in facts.endpoints[:_MOST_SHOWN]:
            self._list.addWidget(CopyRow(caption, location, _CAPTION))
        formats = ", ".join(f.rpartition(":")[2] for f in facts.nameid_formats) or "not stated"
        self._fact("NameID formats", formats, hint="\n".join(facts.nameid_formats))
        if facts.wants_signed_requests:
            self._fact("Requests", "The IdP wants signed AuthnRequests")
        if facts.valid_until is not None:
            word = "Valid until" if facts.valid_until > facts.now else "Was valid until"
            when = f"{word} {day(facts.valid_until)}, {in_days(facts.valid_until, facts.now)}"
            self._fact("Document", when, hint=exact(facts.valid_until))
        if facts.signed:
            self._fact("Signature", "Present; shown, not trusted: its key is in the same document")

    def _fact(self, caption: str, text: str, hint: str = "") -> None:
        name = label(caption, tone="muted")
        name.setFixedWidth(_CAPTION)
        value = label(text, wrap=True)
        value.setToolTip(tip(hint))
        made = row(name, value)
        made.setStretch(1, 1)
        self._list.addLayout(made)

    def _certificate(self, use: str, number: int, of: int, facts: CertificateFacts, now: datetime) -> None:
        self._list.addWidget(line())
        title = f"{use} certificate" if of == 1 else f"{use} certificate {number} of {of}"
        until = (
            f"Expires {in_days(facts.not_after, now)}"
            if days_left(facts.not_after, now) >= 0
            else f"Expired {in_days(facts.not_after, now)}"
        )
        ends = label(f"{until}, on {day(facts.not_after)}", tone=certificate_tone(facts.not_after, now))
        ends.setToolTip(tip(exact(facts.not_after)))
        if facts.not_before > now:
            ends.setText(f"Not valid before {day(facts.not_before)}")
        self._list.addWidget(label(title, bold=True))
        self._list.addWidget(ends)
        self._list.addWidget(label(f"{facts.subject or 'No subject'}, {facts.key}", tone="muted", wrap=True))
        shown = mono_label(thumbprint(facts.sha256), wrap=True)
        shown.setAccessibleName(f"SHA-256 thumbprint, {title}")
        copy = button("", partial(_copy, facts.sha256), icon="copy", kind="flat", hint="Copy the SHA-256 thumbprint")
        made = row(
            column(label("SHA-256 thumbprint, to compare by phone", tone="muted", size=12), shown, spacing=2), copy
        )
        made.setStretch(0, 1)
        made.setAlignment(copy, Qt.AlignmentFlag.AlignTop)
        self._list.addLayout(made)


def _copy(text: str) -> None:
    copy_text(text)


def _told(state: str, sentence: str) -> QVBoxLayout:
    sign = mark(state)
    text = label(sentence, wrap=True)
    text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    inner = row(sign, text)
    inner.setStretch(1, 1)
    inner.setAlignment(sign, Qt.AlignmentFlag.AlignTop)
    return column(inner)
