"""The message tab's work off the GUI thread: making, editing, sending; claims out of the values. No Qt, no rule."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from app.gui.lab_work import Login, login_outcome, made_ready

if TYPE_CHECKING:
    from app.lab import Flow, Lab
    from app.lab.edited_login import MadeLogin
    from app.sso import SSO
    from simulator.tenant import TestUser
    from simulator.web import Exchange

_TAGS: Final = "><"
_LINES: Final = ">\n<"


class NotReadable(Exception):  # noqa: N818  what was typed, not a bug
    """What cannot be sent as it was typed; the text says where."""


# Making and sending ---------------------------------------------------------------------------------------------------


def make(lab: Lab, sso: SSO, person: TestUser | str, application: str, flow: Flow) -> MadeLogin:
    """Make a login of somebody, by name or as typed, at an application. NotTrusted, LabError, LoginRefused."""
    from app.lab.edited_login import make

    if any(a.imagekit_id == application for a in sso.accounts()):
        made_ready(lab, sso, application)
        application = lab.ready_application(application).id
    elif not lab.running:
        lab.start()
    return make(lab, _known(lab, person), application, flow)


def make_of(lab: Lab, exchange: Exchange) -> MadeLogin:
    """Make the login of an exchange anew, as the answer to the same request. NotReadable where there was none."""
    from app.lab.edited_login import make

    if exchange.issued is None or not exchange.user:
        raise NotReadable("Nothing about a person was sent in this exchange, so there is no login to edit.")
    return make(lab, _known(lab, exchange.user), exchange.application, request=exchange.request)


def _known(lab: Lab, person: TestUser | str) -> TestUser:
    if not isinstance(person, str):
        return person
    found = lab.tenant.user(person.strip())
    if found is None:
        raise NotReadable(f'The directory knows nobody called "{person[:80]}". Type a user name or an e-mail address.')
    return found


def sign_again(lab: Lab, made: MadeLogin, spec: str) -> MadeLogin:
    """The login of other values."""
    from app.lab.edited_login import with_spec

    return with_spec(lab, made, spec)


def put_document(lab: Lab, made: MadeLogin, text: str | None) -> MadeLogin:
    """The login with the document as typed; None: as it was signed."""
    from app.lab.edited_login import with_document

    return with_document(lab, made, None if text is None else document_of(text))


def put_form(lab: Lab, made: MadeLogin, text: str | None) -> MadeLogin:
    """The login with the form as typed; None: as it was made."""
    from app.lab.edited_login import with_form

    return with_form(lab, made, None if text is None else parse_form(text))


def send(lab: Lab, sso: SSO, made: MadeLogin) -> Login:
    """Send it, and say what came of it."""
    from app.lab.edited_login import send

    return login_outcome(sso, made.person, send(lab, made), edited=bool(made.changes))


def page_of(lab: Lab, made: MadeLogin) -> str:
    """The address of a page that sends it by the browser."""
    from app.lab.edited_login import page_of

    return page_of(lab, made)


# Texts ----------------------------------------------------------------------------------------------------------------


def spec_text(spec: str) -> str:
    """The values to be typed in: what cannot be seen, or turns the direction of writing, is written as its number."""
    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in spec)


def document_text(document: bytes) -> str | None:
    """A document with a line for each tag, to be typed in; None where the octets could not be had back from a text."""
    try:
        text = document.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if _LINES in text:
        return text if document_of(text) == document else None
    shown = text.replace(_TAGS, _LINES)
    return shown if document_of(shown) == document else None


def document_of(text: str) -> bytes:
    """The document that a text stands for: the line breaks between two tags are only for reading."""
    return text.replace(_LINES, _TAGS).encode("utf-8", "replace")


def form_lines(form: Sequence[tuple[str, str]]) -> str:
    """The fields of a form, one a line: "name" = "value", both as JSON writes texts."""
    return "\n".join(f"{json.dumps(n)} = {json.dumps(v)}" for n, v in form)


def parse_form(text: str) -> tuple[tuple[str, str], ...]:
    """What form_lines() or a person wrote. NotReadable with the line that is wrong."""
    found: list[tuple[str, str]] = []
    decoder = json.JSONDecoder()
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            name, end = decoder.raw_decode(line.strip())
            rest = line.strip()[end:].lstrip()
            value = json.loads(rest[1:]) if rest.startswith("=") else None
        except (ValueError, RecursionError):
            name = value = None
        if not isinstance(name, str) or not isinstance(value, str):
            raise NotReadable(f'Line {number} of the form: write "NAME" = "VALUE", both in double quotes.')
        found.append((name, value))
    return tuple(found)


# Claims ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """One value among the values before signing: where it stands, what it is called, what it says (None: no text)."""

    place: tuple[int, int, int]  # statement, attribute, value; the NameID is (-1, n, 0)
    name: str
    value: str | None


def claims_of(spec: str) -> list[Claim]:
    """The NameID and every value of every attribute. NotReadable where the values are no JSON."""
    data = _loaded(spec)
    found = [
        Claim((-1, n, 0), "NameID", name_id.get("value") if isinstance(name_id.get("value"), str) else None)
        for n, name_id in enumerate(_dicts(data.get("name_ids")))
    ]
    for s, statement in enumerate(_lists(data.get("attribute_statements"))):
        for a, attribute in enumerate(_dicts(statement)):
            values = attribute.get("values") if isinstance(attribute.get("values"), list) else []
            name = attribute.get("name") if isinstance(attribute.get("name"), str) else "(no name)"
            for v, value in enumerate(values or []):
                several = f" [{v + 1}]" if len(values or []) > 1 else ""
                found.append(Claim((s, a, v), f"{name}{several}", value if isinstance(value, str) else None))
    return found


def with_claims(spec: str, values: dict[tuple[int, int, int], str | None]) -> str:
    """The values with these claims changed; None leaves one out, and with the last value the whole attribute."""
    data = _loaded(spec)
    name_ids = data.get("name_ids")
    if isinstance(name_ids, list):
        for n, name_id in enumerate(name_ids):
            if values.get((-1, n, 0)) is not None:
                name_id["value"] = values[(-1, n, 0)]
        data["name_ids"] = [x for n, x in enumerate(name_ids) if values.get((-1, n, 0), "") is not None]
    for s, statement in enumerate(_lists(data.get("attribute_statements"))):
        for a, attribute in enumerate(statement):
            old = attribute.get("values") or []
            new = [values.get((s, a, v), value) for v, value in enumerate(old)]
            attribute["values"] = [v for v in new if v is not None]
            attribute["gone"] = bool(old) and not attribute["values"]
        statement[:] = [x for x in statement if not x.pop("gone")]
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def with_claim(spec: str, name: str, value: str) -> str:
    """The values with one more attribute, written as the first one is."""
    data = _loaded(spec)
    statements = data.setdefault("attribute_statements", [])
    if not statements:
        statements.append([])
    like: dict[str, Any] = next(iter(_dicts(statements[0])), {})
    kept = {k: v for k, v in like.items() if k in ("name_format", "value_type")}
    statements[0].append({"name": name, "values": [value], **kept})
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def _loaded(spec: str) -> dict[str, Any]:
    try:
        data = json.loads(spec)
    except (ValueError, RecursionError) as e:
        raise NotReadable(f"The values are not valid JSON: {e}. Mend them first.") from e
    if not isinstance(data, dict):
        raise NotReadable("The values must be an object. Mend them first.")
    return data


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _lists(value: Any) -> list[list[Any]]:
    return [v for v in value if isinstance(v, list)] if isinstance(value, list) else []
