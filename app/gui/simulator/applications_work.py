"""The applications tab's work off the GUI thread: from metadata, saving, claims as text. No Qt, no rule of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.gui.files import read_file

if TYPE_CHECKING:
    from app.lab import Lab
    from simulator.tenant import Application

_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
_DS: Final = "http://www.w3.org/2000/09/xmldsig#"
_XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
_XENC11: Final = "http://www.w3.org/2009/xmlenc11#"
_FORMAT11: Final = "urn:oasis:names:tc:SAML:1.1:nameid-format:"
_FORMAT20: Final = "urn:oasis:names:tc:SAML:2.0:nameid-format:"

#: What can be chosen: (words, value). None: as the vendor does.
#: How an application takes logout messages: whether by redirect.
LOGOUT_BINDINGS: Final = (("HTTP-POST", False), ("HTTP-Redirect", True))
SIGNS: Final = (
    ("As the vendor does", None),
    ("The assertion", "assertion"),
    ("The response", "response"),
    ("Both", "both"),
    ("Nothing", "none"),
)
ALGORITHMS: Final = (
    ("RSA-SHA256", f"{_MORE}rsa-sha256"),
    ("RSA-SHA384", f"{_MORE}rsa-sha384"),
    ("RSA-SHA512", f"{_MORE}rsa-sha512"),
    ("RSA-SHA1 (outdated)", f"{_DS}rsa-sha1"),
    ("RSA-PSS with SHA-256", "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"),
    ("ECDSA-SHA256 (elliptic key)", f"{_MORE}ecdsa-sha256"),
    ("ECDSA-SHA384 (elliptic key)", f"{_MORE}ecdsa-sha384"),
    ("ECDSA-SHA512 (elliptic key)", f"{_MORE}ecdsa-sha512"),
)
DIGESTS: Final = (
    ("SHA-256", f"{_XENC}sha256"),
    ("SHA-384", f"{_MORE}sha384"),
    ("SHA-512", f"{_XENC}sha512"),
    ("SHA-1 (outdated)", f"{_DS}sha1"),
)
CIPHERS: Final = (
    ("AES-256-GCM", f"{_XENC11}aes256-gcm"),
    ("AES-128-GCM", f"{_XENC11}aes128-gcm"),
    ("AES-256-CBC (outdated)", f"{_XENC}aes256-cbc"),
    ("AES-128-CBC (outdated)", f"{_XENC}aes128-cbc"),
    ("Triple DES (outdated)", f"{_XENC}tripledes-cbc"),
)
FORMATS: Final = (
    ("As the vendor does", None),
    ("E-mail address", f"{_FORMAT11}emailAddress"),
    ("Unspecified", f"{_FORMAT11}unspecified"),
    ("Persistent", f"{_FORMAT20}persistent"),
    ("Transient", f"{_FORMAT20}transient"),
    ("Windows domain name", f"{_FORMAT11}WindowsDomainQualifiedName"),
    ("X.509 subject name", f"{_FORMAT11}X509SubjectName"),
)
SOURCES: Final = (("E-mail", "email"), ("User name", "username"), ("Full name", "full_name"), ("Role", "role"))


class NotAnApplication(Exception):  # noqa: N818  what was typed, not a bug
    """What cannot be saved as an application; the text says what to do."""


def put(lab: Lab, application: Application) -> tuple[Application | None, Application]:
    """Save an application, new or in place of the one of its id. (as it was, as it is)."""
    _check(application)
    was = lab.tenant.application(application.id)
    lab.change_tenant(lambda t: t.with_application(application))
    return was, application


def put_back(lab: Lab, application: Application, place: int) -> None:
    """A deleted application again, where it stood."""
    lab.change_tenant(
        lambda t: replace(t, applications=(*t.applications[:place], application, *t.applications[place:]))
    )


def remove(lab: Lab, application_id: str) -> int:
    """Take an application away; where it stood."""
    ids = [a.id for a in lab.tenant.applications]
    lab.change_tenant(lambda t: t.without_application(application_id))
    return ids.index(application_id) if application_id in ids else 0


def from_metadata(lab: Lab, data: bytes) -> Application:
    """Add the application that a service provider's metadata describes; encrypted for it where it names a key."""
    from simulator.errors import TenantError
    from simulator.tenant import Application

    try:
        found = Application.from_metadata(data)
    except TenantError as e:
        raise NotAnApplication(str(e)) from e
    _check(found)
    known = {a.id for a in lab.tenant.applications}
    made = replace(found, id=_free(found.id, known))
    lab.change_tenant(lambda t: t.with_application(made))
    return made


def from_file(lab: Lab, path: Path) -> Application:
    """As from_metadata, of a file. FileRefused where it cannot be read."""
    return from_metadata(lab, read_file(path))


def by_hand(lab: Lab) -> Application:
    """Add an application to be filled in; its addresses are of this computer."""
    from simulator.tenant import Application

    made = Application(
        id=_free("sp", {a.id for a in lab.tenant.applications}),
        name="New service provider",
        entity_id="https://sp.example/metadata",
        acs_url="http://127.0.0.1:3000/acs",
    )
    lab.change_tenant(lambda t: t.with_application(made))
    return made


def demand_signed_requests(lab: Lab, on: bool) -> None:
    """Refuse requests that are not signed, and say so in the metadata; or take them as they come."""
    lab.change_tenant(lambda t: replace(t, want_authn_requests_signed=on))


def _free(stem: str, known: set[str]) -> str:
    return stem if stem not in known else next(n for i in range(2, len(known) + 3) if (n := f"{stem}-{i}") not in known)


def _check(application: Application) -> None:
    """What would only be found out at a login is told now."""
    if not application.entity_id.strip():
        raise NotAnApplication("An application needs an entity ID: it is the audience of what is sent. Type one.")
    for what, pem in (("encryption", application.encrypt_to), ("signing", application.signing_certificate)):
        if pem is None:
            continue
        key = _public_key(pem, what)
        if what == "encryption" and not hasattr(key, "encrypt"):
            raise NotAnApplication("The encryption certificate has no RSA key, so nothing can be encrypted for it.")


def _public_key(pem: str, what: str) -> object:
    from app.saml.errors import KeyFileError
    from app.saml.keyfiles import load_certificates

    if "-----BEGIN CERTIFICATE-----" not in pem:
        raise NotAnApplication(
            f"The {what} certificate must be PEM: paste it with its lines -----BEGIN CERTIFICATE----- and END."
        )
    try:
        return load_certificates(pem.encode("utf-8", "replace"))[0].public_key()
    except (KeyFileError, ValueError) as e:
        raise NotAnApplication(f"The {what} certificate cannot be read. {e}") from e


# Claims as text -------------------------------------------------------------------------------------------------------


def claims_text(claims: Mapping[str, str]) -> str:
    """One claim a line: name = source."""
    return "\n".join(f"{name} = {source}" for name, source in claims.items())


def parse_claims(text: str) -> dict[str, str]:
    """What claims_text() or a person wrote; the name ends at the first " = ". NotAnApplication for another line."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        name, sign, source = line.partition(" = ") if " = " in line else line.partition("=")
        name = name.strip()
        if not sign or not name:
            raise NotAnApplication(f"Line {number} of the claims: write CLAIM = SOURCE, such as imagekit_role = role.")
        if name in found:
            raise NotAnApplication(f'Line {number} of the claims: "{name}" stands there twice. Leave one out.')
        found[name] = source.strip() if not source.strip().startswith("=") else source.lstrip()
    return found
