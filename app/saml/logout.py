"""LogoutRequests read and LogoutResponses written (saml-core §3.7). It judges nothing and draws no ids."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from lxml import etree

from app.saml.errors import Place
from app.saml.names import SAML, SAMLP, STATUS, STATUS_SUCCESS, q
from app.saml.xml import parse, text_of


@dataclass(frozen=True, slots=True)
class LogoutAsked:
    """Whose session a LogoutRequest ends. Without `session_indexes` it is all of the person's."""

    id: str
    name_id: str
    session_indexes: tuple[str, ...]


def read_logout_request(data: bytes) -> LogoutAsked | None:
    """What a LogoutRequest asks; None where it names nobody in plain text. Judge it first: this believes every word."""
    document = parse(data).document
    root = None if document is None else document.root
    names = [] if root is None else root.findall(q(SAML, "NameID"))
    if root is None or len(names) != 1:
        return None
    nowhere = Place("", 0)
    name = text_of(names[0], nowhere)
    indexes = [text_of(e, nowhere) for e in root.findall(q(SAMLP, "SessionIndex"))]
    if not (name.simple and name.value) or not all(i.simple for i in indexes):
        return None
    return LogoutAsked(root.get("ID") or "", name.value, tuple(i.value.strip() for i in indexes if i.value.strip()))


def build_logout_response(
    *,
    id: str,  # the attribute's own name
    issue_instant: datetime,
    issuer: str,
    destination: str,
    in_response_to: str,
    status: Literal["Success", "UnknownPrincipal"] = "Success",
) -> bytes:
    """The XML of a LogoutResponse, unsigned (saml-core §3.7.2). "UnknownPrincipal": nobody so called is signed in."""
    root = etree.Element(q(SAMLP, "LogoutResponse"), nsmap={"samlp": SAMLP, "saml": SAML})
    root.set("ID", id)
    root.set("Version", "2.0")
    root.set("IssueInstant", issue_instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    root.set("Destination", destination)
    root.set("InResponseTo", in_response_to)
    etree.SubElement(root, q(SAML, "Issuer")).text = issuer
    top = STATUS_SUCCESS if status == "Success" else STATUS + "Requester"
    code = etree.SubElement(etree.SubElement(root, q(SAMLP, "Status")), q(SAMLP, "StatusCode"), Value=top)
    if status != "Success":
        etree.SubElement(code, q(SAMLP, "StatusCode"), Value=STATUS + status)
    return etree.tostring(root)
