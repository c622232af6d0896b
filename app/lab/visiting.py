"""What a browser does to log in here: the portal or the login page, forms and redirects. It sends no message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import urlencode, urljoin

if TYPE_CHECKING:
    import httpx

    from app.lab.witness import Witness
    from app.sso import SSO, LoginResult

Flow = Literal["idp_initiated", "sp_initiated"]


class LabError(Exception):
    """What the lab cannot do now; the text says what to do."""


@dataclass(frozen=True, slots=True)
class LoginOutcome:
    """What one login came to.

    `reference` names the event in the log ("" where the identity provider already refused). `status_code` is that of
    the last page the browser saw, `sentence` what happened, for operators; `claims` are those that were verified.
    `result` is everything the service provider decided, None where nothing reached it.
    """

    reference: str
    allowed: bool
    status_code: int
    sentence: str
    claims: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    flow: Flow = "idp_initiated"
    faults: tuple[str, ...] = ()
    page: str = ""
    result: LoginResult | None = None


class Visited(Protocol):
    """What is visited: the addresses of the lab, and who knows why a login could not begin."""

    sso: SSO
    witness: Witness

    @property
    def portal_url(self) -> str:
        """The portal, by its link."""

    @property
    def login_url(self) -> str:
        """The login page of the service provider."""


def from_portal(lab: Visited, client: httpx.Client, username: str, application: str) -> httpx.Response:
    """The portal by its link, the person, the tile; the page with the self-submitting form."""
    from app.lab.browserless import FORM_HEADERS, form_with

    person = client.get(f"{lab.portal_url}&{urlencode({'user': username})}")
    form = form_with(person, application=application)
    if form is None:
        return person
    return client.post(form.action, content=urlencode(form.fields), headers=FORM_HEADERS)


def from_login_page(lab: Visited, client: httpx.Client, email: str, username: str) -> httpx.Response | LoginOutcome:
    """Our login page, the e-mail, the redirect, the choice of person; the page with the self-submitting form."""
    from app.lab.browserless import FORM_HEADERS, form_with

    location = asked(lab, client, email)
    if isinstance(location, LoginOutcome):
        return location
    choice = client.get(location)
    chosen = form_with(choice, user=username)
    if chosen is None:
        return choice
    return client.post(chosen.action, content=urlencode(chosen.fields), headers=FORM_HEADERS)


def asked(lab: Visited, client: httpx.Client, email: str) -> str | LoginOutcome:
    """Our login page, the e-mail; where the identity provider is asked, or how that was refused."""
    from app.lab.browserless import FORM_HEADERS, form_with, words

    client.get(lab.portal_url)  # the link that makes this browser one that may log in
    page = client.get(lab.login_url)
    form = form_with(page, email=None)
    if form is None:
        raise LabError("The login page has no form for an e-mail address.")
    typed = [(n, email if n == "email" else v) for n, v in form.fields]
    answer = client.post(form.action, content=urlencode(typed), headers=FORM_HEADERS)
    if answer.status_code not in (302, 303):
        reference = lab.witness.refused_starts.get(email, "")
        sentence = lab.sso.event(reference).sentence if reference else words(answer.text)
        return LoginOutcome(reference, False, answer.status_code, sentence, flow="sp_initiated", page=answer.text)
    return urljoin(str(answer.url), answer.headers["location"])


#: Pages that one logout may lead through: a request, an answer and a page for each application.
_MOST_PAGES = 40


def everywhere(lab: Visited, client: httpx.Client, username: str) -> httpx.Response:
    """The portal, the person, "Log out everywhere", and every page between; the last one.

    Raises LabError where the person is signed in nowhere, or a message would leave this computer.
    """
    from app.lab.browserless import FORM_HEADERS, form_with, is_here

    person = client.get(f"{lab.portal_url}&{urlencode({'user': username})}")
    form = form_with(person, everywhere="yes")
    if form is None:
        raise LabError(f"{username} is signed in nowhere. Log in first.")
    page = client.post(form.action, content=urlencode(form.fields), headers=FORM_HEADERS)
    for _ in range(_MOST_PAGES):
        if page.status_code in (302, 303):
            to = urljoin(str(page.url), page.headers["location"])
            if not is_here(to):
                raise LabError(f"The logout leads to {to[:200]}, which is not this computer. Use a browser for it.")
            page = client.get(to)
            continue
        message = form_with(page, SAMLRequest=None) or form_with(page, SAMLResponse=None)
        if message is None:
            return page
        if not is_here(message.action):
            raise LabError(f"The logout leads to {message.action[:200]}, which is not this computer.")
        page = client.post(message.action, content=urlencode(message.fields), headers=FORM_HEADERS)
    raise LabError("The logout led through too many pages and was given up.")
