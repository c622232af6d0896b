"""The words of an event of the log: what it did, who it was about, and every fact by name. No Qt, no look-ups."""

from __future__ import annotations

from typing import Final

from app.gui.wording import OUTCOMES, exact, role_title
from app.store import EventRecord

FLOWS: Final = {"idp_initiated": "From the IdP", "sp_initiated": "From the SP", "unknown": "Unknown"}
MODES: Final = {"live": "Live", "test": "Test", "dry_run": "Dry run"}
_KINDS: Final = {"user": "User changed", "configuration": "Settings changed", "account": "Account changed"}


def outcome_word(event: EventRecord) -> str:
    """What an event did, in a word or two."""
    if event.kind != "login":
        return _KINDS.get(event.kind, "Upkeep")
    return OUTCOMES.get(event.outcome, event.outcome.replace("_", " ").capitalize())


def person(event: EventRecord) -> str:
    """Who it was about."""
    mail = event.email_key or event.name_id or ""
    return f"{event.full_name} · {mail}" if event.full_name and mail else event.full_name or mail


def facts(event: EventRecord, account: str) -> list[tuple[str, str]]:
    """Everything that is known of an event, as named values for people; what is not known is left out."""
    d = event.details
    seats = (
        f"{event.seats_before} before, {event.seats_after} after, of {event.seats_limit}"
        if event.seats_after is not None
        else ""
    )
    named: list[tuple[str, object]] = [
        ("Time", exact(event.at).replace("\n", " · ")),
        ("Account", account or "none"),
        ("Account claimed", event.account_claimed),
        ("Person", person(event)),
        ("NameID", event.name_id),
        ("NameID format", event.name_id_format),
        ("Role before", role_title(event.role_before)),
        ("Role asserted", event.role_asserted),
        ("Role after", role_title(event.role_after)),
        ("Seats", seats),
        ("Flow", FLOWS.get(event.flow, event.flow)),
        ("Origin", event.origin),
        ("Mode", MODES.get(event.mode, event.mode)),
        ("By", event.operator),
        ("Reason", event.reason),
        ("Also", ", ".join(event.notes)),
        ("Configuration revision", event.revision),
        ("Issuer", event.issuer),
        ("Destination", d.get("destination")),
        ("Recipients", d.get("recipients")),
        ("Audiences", d.get("audiences")),
        ("Response ID", event.response_id),
        ("Assertion ID", event.assertion_id),
        ("InResponseTo", event.in_response_to),
        ("Session index", d.get("session_index")),
        ("Valid from", d.get("not_before")),
        ("Valid until", d.get("not_on_or_after")),
        ("RelayState", d.get("relay_state")),
        ("Status codes", d.get("status_codes")),
        ("Status message", d.get("status_message")),
        ("Signed", d.get("signed_parts")),
        ("Signature algorithm", d.get("signature_algorithms")),
        ("Key that verified (SHA-256)", event.certificate),
        ("Claims", d.get("claims")),
        ("Active faults", ", ".join(event.faults)),
        ("Expected verdict", event.expected),
        ("As expected", None if event.as_expected is None else "yes" if event.as_expected else "no"),
        ("Judged as of", exact(event.judged_at).partition("\n")[0]),
        ("Duration", f"{event.duration_us / 1000:.1f} ms" if event.duration_us else ""),
        ("SHA-256 of the message", event.sha256),
        ("Raw message", "kept" if event.has_raw else "not kept"),
    ]
    return [(name, in_words(value)) for name, value in named if value not in (None, "", [], {})]


def in_words(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{k} = {in_words(v)}" for k, v in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
