"""A recording as a scenario: the same people log in again, step by step, in the TOML that scenarios are written in.

It knows the form of such a file and nothing of who runs it. What the service provider knew before, and what was edited
by hand, is not in a recording and is not repeated.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from simulator.faults.registry import Setup, find
from simulator.tenant import DEFAULT_CLAIMS, Application, Tenant, TestUser
from simulator.toml_lines import toml_text

if TYPE_CHECKING:
    from simulator.web import Exchange

_ACCOUNT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LEAST_ROLE: Final = "media_library_view_only_access"
#: A pause that is shorter is nobody's intention.
_PAUSE: Final = timedelta(minutes=1)


def _verdict_of_faults(exchange: Exchange) -> str | None:
    """The verdict that the catalogue expects; None where that hangs on more than the message."""
    assert exchange.issued is not None
    if exchange.issued.changes or any(find(f).setup != Setup() for f in exchange.faults):
        return None
    return exchange.issued.expected.verdict


def as_scenario(
    exchanges: Iterable[Exchange],
    tenant: Tenant,
    *,
    verdict_of: Callable[[Exchange], str | None] = _verdict_of_faults,
) -> str:
    """The logins of a recording as a scenario; "" where nothing was sent.

    People and applications are taken from `tenant` as they are now. `verdict_of` gives the verdict that each login must
    meet again, None for no expectation; where it is not known better, what a sound service provider makes of the
    faults.
    """
    sent = [e for e in exchanges if e.issued is not None and e.user]
    if not sent:
        return ""
    application = tenant.application(Counter(e.application for e in sent).most_common(1)[0][0])
    people = [u for name in dict.fromkeys(e.user for e in sent) if (u := tenant.user(name)) is not None]
    lines = [
        "# Recorded from a test identity provider. Its people are invented.",
        f"title = {toml_text(_title(sent))}",
        'about = "The logins of a recording, one after the other, on an account of their own."',
        "",
        *_start(sent, tenant, application, people),
    ]
    for person in people:
        lines += ["", "[[people]]", *_person(person)]
    lines += _keys(tenant)
    before = None
    for exchange in sent:
        if before is not None and tenant.clock_stands_at is None and exchange.at - before >= _PAUSE:
            seconds = round((exchange.at - before).total_seconds())
            lines += ["", "[[steps]]", 'do = "move-clock"', f"seconds = {seconds}"]
        before = exchange.at
        lines += ["", *_login(exchange, verdict_of(exchange))]
    return "\n".join(lines) + "\n"


def _title(sent: Sequence[Exchange]) -> str:
    count = f"{len(sent)} logins" if len(sent) > 1 else "a login"
    return f"Recorded {sent[0].at:%Y-%m-%d %H:%M} UTC: {count}"


def _start(
    sent: Sequence[Exchange], tenant: Tenant, application: Application | None, people: Sequence[TestUser]
) -> list[str]:
    lines = ["[start]"]
    account = _account(application, people)
    if account:
        lines.append(f"account = {toml_text(account)}")
    lines.append(f"vendor = {toml_text(tenant.vendor)}")
    extra = _extra_claims(application.claims) if application is not None else {}
    if extra:
        lines.append(f"claims = {{ {', '.join(f'{toml_text(k)} = {toml_text(v)}' for k, v in extra.items())} }}")
    # Who logs in from the service provider's own page first must be known there already.
    first = {name: next(e for e in sent if e.user == name) for name in dict.fromkeys(e.user for e in sent)}
    known = [u for u in people if u.username in first and first[u.username].request is not None]
    if known:
        lines += ["users = [", *(f"  {{ {_known(u)} }}," for u in known), "]"]
    return lines


def _known(person: TestUser) -> str:
    values = {"who": person.email, "role": person.role or _LEAST_ROLE}
    if person.full_name and person.full_name.strip():
        values["name"] = person.full_name
    return ", ".join(f"{k} = {toml_text(v)}" for k, v in values.items())


def _account(application: Application | None, people: Sequence[TestUser]) -> str:
    """The account that the logins were for: what the claim says for everybody, or what most people have."""
    source = application.claims.get("imagekit_id", "") if application is not None else ""
    counted = Counter(u.imagekit_id for u in people if u.imagekit_id).most_common(1)
    found = source[1:] if source.startswith("=") else counted[0][0] if counted else ""
    return found if found and _ACCOUNT.fullmatch(found) else ""


def _extra_claims(claims: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in claims.items() if k not in DEFAULT_CLAIMS}


def _person(person: TestUser) -> list[str]:
    lines = [f"who = {toml_text(person.username)}", f"email = {toml_text(person.email)}"]
    omitted = []
    for name in ("full_name", "role", "imagekit_id"):
        value = getattr(person, name)
        if value is None:
            omitted.append(name)
        else:
            lines.append(f"{name} = {toml_text(value)}")
    if omitted:
        lines.append(f"omit = [{', '.join(map(toml_text, omitted))}]")
    if person.object_id:
        lines.append(f"object_id = {toml_text(person.object_id)}")
    if person.attributes:
        pairs = (f"{toml_text(k)} = [{', '.join(map(toml_text, v))}]" for k, v in person.attributes.items())
        lines.append(f"attributes = {{ {', '.join(pairs)} }}")
    return lines


def _keys(tenant: Tenant) -> list[str]:
    """Steps for a clock that runs apart, and for other keys than the ordinary one."""
    lines: list[str] = []
    seconds = round(tenant.clock_offset.total_seconds())
    if seconds:
        lines += ["", "[[steps]]", 'do = "set-idp-clock"', f"seconds = {seconds}"]
    if (tenant.signing_key, tenant.published_keys, tenant.certificate) != ("current", ("current",), "current"):
        published = ", ".join(map(toml_text, tenant.published_keys))
        lines += ["", "[[steps]]", 'do = "set-keys"', f"sign_with = {toml_text(tenant.signing_key)}"]
        lines += [f"publish = [{published}]", f"certificate = {toml_text(tenant.certificate)}"]
        lines += ["", "[[steps]]", 'do = "save-metadata"']
    return lines


def _login(exchange: Exchange, verdict: str | None) -> list[str]:
    lines = ["[[steps]]", 'do = "log-in"', f"who = {toml_text(exchange.user)}"]
    if exchange.request is not None:
        lines.append('flow = "sp"')
    if exchange.faults:
        lines.append(f"faults = [{', '.join(map(toml_text, exchange.faults))}]")
    assert exchange.issued is not None
    edited = " What was edited by hand in it is not repeated." if exchange.issued.changes else ""
    note = f"Recorded {exchange.at:%Y-%m-%d %H:%M:%S} UTC.{edited}"
    lines.append(f"note = {toml_text(note)}")
    if verdict is not None:
        lines.append(f"expect = {{ verdict = {toml_text(verdict)} }}")
    return lines
