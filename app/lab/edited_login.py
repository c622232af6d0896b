"""A login whose message a person edits before it is sent: made, edited at three places, sent. It judges nothing.

The values are edited before signing (a broken message with a valid signature), the document after it, then the form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.lab.lab import LabError, LoginOutcome
from simulator.editing import Change, Edit, changed, dump_spec, form_text, parse_spec

if TYPE_CHECKING:
    from app.lab.lab import Flow, Lab
    from simulator.idp import Issued
    from simulator.requests import AuthnRequest
    from simulator.tenant import TestUser

Form = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeLogin:
    """A message that is ready to be sent, with what was edited so far.

    `issued` is what would be sent now. `spec` holds the values as JSON, `document` and `form` what a person put in the
    place of what was made (None: nothing). `first_spec`, `made_document` and `made_form` are as the identity provider
    made them. `cookies` are those of the browser that asked the service provider for a login.
    """

    person: TestUser
    flow: Flow
    request: AuthnRequest | None
    cookies: Mapping[str, str]
    faults: tuple[str, ...]
    issued: Issued
    first_spec: str
    spec: str
    made_document: bytes
    made_form: Form
    document: bytes | None = None
    form: Form | None = field(default=None)

    @property
    def changes(self) -> tuple[Change, ...]:
        """What was edited, place by place."""
        document = () if self.document is None else _document_change(self.made_document, self.document)
        form = () if self.form is None else changed("form fields", form_text(self.made_form), form_text(self.form))
        return (*changed("values before signing", self.first_spec, self.spec), *document, *form)


def make(
    lab: Lab, person: TestUser, application: str, flow: Flow = "idp_initiated", request: AuthnRequest | None = None
) -> MadeLogin:
    """Make a login of somebody, saved or not, with the active faults; nothing is sent yet.

    With the flow "sp_initiated" and no `request`, our own service provider is asked for one first. Raises LabError
    where it refuses, and what Idp.issue raises.
    """
    cookies: Mapping[str, str] = {}
    if flow == "sp_initiated" and request is None:
        request, cookies = lab.begin_login(person.email)
    faults = lab.active_faults
    issued = lab.idp.issue(person, application, request=request, faults=faults)
    spec = dump_spec(issued.spec)
    return MadeLogin(
        person=person,
        flow="sp_initiated" if request is not None else "idp_initiated",
        request=request,
        cookies=cookies,
        faults=faults,
        issued=issued,
        first_spec=spec,
        spec=spec,
        made_document=issued.xml,
        made_form=issued.form,
    )


def with_spec(lab: Lab, made: MadeLogin, spec: str) -> MadeLogin:
    """The same login made of other values and signed again; document and form are made anew.

    Raises SimulatorError where the values cannot be read.
    """
    values = parse_spec(spec)
    issued = _issue(lab, made, Edit(spec=lambda _made: values))
    return replace(
        made, issued=issued, spec=spec, made_document=issued.xml, made_form=issued.form, document=None, form=None
    )


def with_document(lab: Lab, made: MadeLogin, document: bytes | None) -> MadeLogin:
    """The same login with another document in the place of the signed one (None: that again); the form is made anew."""
    if document is None or document == made.made_document:
        return with_spec(lab, made, made.spec)
    values = parse_spec(made.spec)
    issued = _issue(lab, made, Edit(spec=lambda _made: values, document=lambda _made: document))
    return replace(made, issued=issued, made_form=issued.form, document=document, form=None)


def with_form(lab: Lab, made: MadeLogin, form: Form | None) -> MadeLogin:
    """The same login with other form fields in the place of those that were made (None: those again)."""
    if form is None or form == made.made_form:
        return with_document(lab, made, made.document)
    values = parse_spec(made.spec)
    document = made.document or made.made_document
    edit = Edit(spec=lambda _made: values, document=lambda _made: document, form=lambda _made: list(form))
    return replace(made, issued=_issue(lab, made, edit), form=form)


def send(lab: Lab, made: MadeLogin) -> LoginOutcome:
    """Send the message to a service provider of this computer. LabError for any other one, and while stopped."""
    from app.lab.browserless import is_loopback

    host = urlsplit(made.issued.url).hostname or ""
    if not is_loopback(host):
        raise LabError(f"This message is for {host}, which is not this computer. Send it by the browser.")
    return lab.send_made(_ready(made), made.request, made.flow, made.cookies)


def page_of(lab: Lab, made: MadeLogin) -> str:
    """The address of a page that sends the message by the browser that opens it. LabError while stopped."""
    return lab.park(_ready(made), made.request)


def _issue(lab: Lab, made: MadeLogin, edit: Edit) -> Issued:
    application = made.issued.application
    return lab.idp.issue(made.person, application, request=made.request, faults=made.faults, edit=edit)


def _ready(made: MadeLogin) -> Issued:
    """With the changes that the person made, not those that a second issuing brings about by itself."""
    return replace(made.issued, changes=made.changes)


def _document_change(before: bytes, after: bytes) -> tuple[Change, ...]:
    one, other = (b.decode("utf-8", "replace").replace("><", ">\n<") for b in (before, after))
    return changed("document after signing", one, other)
