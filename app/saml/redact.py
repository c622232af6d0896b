"""A report and its message without what they say of people and of the customer: redact() and its receipt.

What is not known to be harmless is replaced (app.saml.pseudonyms), and the outcome is searched for everything that was
replaced. If anything is found, nothing is handed out. It reads no clock, makes no key and writes no file.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final
from urllib.parse import unquote

from lxml import etree

from app.product import IMAGEKIT
from app.saml.certificates import fingerprint, read_embedded, subject_text
from app.saml.diagnoses import registered
from app.saml.expectation import Expectation
from app.saml.instants import iso
from app.saml.likeness import claim_name_hint
from app.saml.names import PREFIXES, SAML, q
from app.saml.pseudonyms import Kind, Pseudonyms, vocabulary, words_of
from app.saml.report import Report, Verdict
from app.saml.xml import parse

_WHAT: Final[dict[Kind, str]] = {
    "person": "values about people",
    "address": "addresses of servers",
    "id": "identifiers",
    "secret": "digests, signatures, keys and ciphertext",
    "certificate": "certificates",
    "other": "other values",
}
_SECRET_ELEMENTS: Final = words_of(
    "SignatureValue DigestValue CipherValue X509CRL X509SKI X509Digest Modulus Exponent P Q G Y J PublicKey "
    "DEREncodedKeyValue PGPKeyID PGPKeyPacket SPKISexp OAEPparams KA-Nonce Seed PgenCounter"
)
_ID_ATTRIBUTES: Final = words_of(
    "ID Id id InResponseTo AssertionID ResponseID RequestID SessionIndex URI NameQualifier SPNameQualifier"
)
_PERSONAL: Final = frozenset({"NameID", "AttributeValue", "SubjectLocality", "EmailAddress", "GivenName", "SurName"})
_NAMED: Final = frozenset({"Name", "FriendlyName", "NameFormat"})
_BASE64: Final = re.compile(r"[A-Za-z0-9+/=_-]{16,}")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}){6,}")
_ATTRIBUTE: Final = q(SAML, "Attribute")
#: Fields of report/1 that only ever hold words of this program.
_FIXED: Final = words_of(
    "schema kind verdict evaluated_at policy verifiers sha256 status severity group binding provenance "
    "algorithm digest key who outcome reason confidence stage fault"
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was done: `masked` are (kind in words, how many different values); `sha256` is of the original octets."""

    tool: str
    at: datetime
    sha256: str
    verdict: Verdict
    masked: tuple[tuple[str, int], ...]

    def as_dict(self) -> dict[str, Any]:
        """The object that a redacted report carries as `redaction`."""
        return {
            "tool": self.tool,
            "redacted_at": iso(self.at),
            "original_sha256": self.sha256,
            "verdict_before": self.verdict,
            "masked": dict(self.masked),
        }


@dataclass(frozen=True, slots=True)
class Redaction:
    """`text` is the masked XML (or text, where it was no XML), `decrypted` the masked plaintext of what was encrypted.

    `leaks` are sentences on what was still found. Where there are any, `text`, `decrypted` and `report` are empty.
    """

    text: str
    decrypted: str
    report: dict[str, Any]
    receipt: Receipt
    leaks: tuple[str, ...] = ()


def redact(report: Report, *, key: bytes, tool: str, at: datetime, original: str | bytes | None = None) -> Redaction:
    """Mask one report and its message. Never raises.

    Values that are equal stay equal, in every message that is redacted with the same `key` (keep it secret, forget it).
    `tool` is the name and version of this program, `at` the time for the receipt, `original` what was pasted (its
    digest is recorded; by default that of the decoded document).
    """
    source = report.xml if original is None else original
    data = source.encode("utf-8", "surrogatepass") if isinstance(source, str) else source
    pseudonyms = Pseudonyms(key)
    for received in (report.xml, report.decrypted_xml or b"", b"" if report.xml else data):
        pseudonyms.avoid(received.decode("utf-8", "replace"))
    _expected(pseudonyms, report)
    text = _document(pseudonyms, report.xml or (b"" if original is None else data))
    decrypted = _document(pseudonyms, report.decrypted_xml or b"")
    masked = _report(pseudonyms, report)
    masked = _healed(pseudonyms, masked)
    counts = tuple((_WHAT[kind], count) for kind, count in pseudonyms.counts)
    receipt = Receipt(tool, at, hashlib.sha256(data).hexdigest(), report.verdict, counts)
    leaks = _leaks(pseudonyms, {"message": text, "decrypted message": decrypted, "report": "\n".join(_strings(masked))})
    if leaks:
        return Redaction("", "", {}, receipt, leaks)
    return Redaction(text, decrypted, {**masked, "redaction": receipt.as_dict()}, receipt)


def _expected(pseudonyms: Pseudonyms, report: Report) -> None:
    """Learn what the configuration says, because sentences compare the message with it."""
    e: Expectation = report.expectation
    for text in (e.idp_entity_id, e.sp_entity_id, e.acs_url, e.default_sp_entity_id, *e.relay_states):
        pseudonyms.value(text or "", "address")
    for text in (e.idp_display_name, e.expected_request, report.relay_state):
        pseudonyms.value(text or "")
    for issuer, keys in e.other_idps:
        pseudonyms.value(issuer, "address")
        for trusted in keys:
            pseudonyms.value(subject_text(trusted.certificate))
    for trusted in e.trusted_keys:
        pseudonyms.value(subject_text(trusted.certificate))
        pseudonyms.value(trusted.source) if trusted.source not in _SOURCES else None
    if e.account is not None:
        for text in (e.account.imagekit_id, *e.account.allowed_email_domains):
            pseudonyms.value(text)


_SOURCES: Final = frozenset({"metadata", "given certificate", "certificate", "settings", "message"})


# The document ---------------------------------------------------------------------------------------------------------


def _document(pseudonyms: Pseudonyms, data: bytes) -> str:
    if not data:
        return ""
    document = parse(data).document
    if document is None:
        return _unread(pseudonyms, data)
    root = document.root
    before = list(root.itersiblings(preceding=True))[::-1]
    parts: list[str] = []
    writer = _Writer(pseudonyms, parts)
    for node in before:
        writer.stray(node)
    writer.element(root, {}, "")
    for node in root.itersiblings():
        writer.stray(node)
    return "".join(parts)


def _unread(pseudonyms: Pseudonyms, data: bytes) -> str:
    """What is no readable XML: every run that the specifications do not know is replaced."""
    for codec in ("utf-8", "utf-16") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8",):
        try:
            return pseudonyms.free(data.decode(codec))
        except UnicodeDecodeError:
            continue
    return pseudonyms.free(data.decode("latin-1"))


class _Writer:
    """Writes the masked document, white space and prefixes as they were."""

    def __init__(self, pseudonyms: Pseudonyms, parts: list[str]) -> None:
        self._p = pseudonyms
        self._out = parts.append

    def element(self, el: etree._Element, scope: dict[str | None, str], claim: str) -> None:
        nsmap = el.nsmap
        name = etree.QName(el)
        tag = self._qname(el.prefix, name.localname)
        self._out(f"<{tag}")
        for prefix, uri in nsmap.items():
            if scope.get(prefix) != uri:
                declared = "xmlns" if prefix is None else f"xmlns:{self._p.name(prefix)}"
                self._out(f' {declared}="{_quoted(self._p.name(uri))}"')
        if None in scope and None not in nsmap:
            self._out(' xmlns=""')
        prefixes = {uri: prefix for prefix, uri in nsmap.items() if prefix is not None}
        for key, value in el.attrib.items():
            of = etree.QName(str(key))
            prefix = (
                None
                if of.namespace is None
                else "xml"
                if of.namespace == PREFIXES["xml"]
                else prefixes.get(of.namespace)
            )
            self._out(f' {self._qname(prefix, of.localname)}="{_quoted(self._attribute(of.localname, str(value)))}"')
        if el.tag == _ATTRIBUTE:
            claim = el.get("Name") or ""
        if el.text is None and len(el) == 0:
            self._out("/>")
            return
        self._out(">")
        self._out(_content(self._text(name.localname, el.text or "", claim)))
        for child in el:
            if isinstance(child.tag, str):
                self.element(child, nsmap, claim)
            else:
                self.stray(child)
            self._out(_content(self._text(name.localname, child.tail or "", claim)))
        self._out(f"</{tag}>")

    def stray(self, node: Any) -> None:
        """A comment or processing instruction: it stays in its place, its words do not."""
        text = self._p.value(node.text or "")
        if node.tag is etree.Comment:
            self._out(f"<!--{text}-->")
        elif node.tag is etree.PI:
            self._out(f"<?{self._p.name(node.target)}{' ' if text else ''}{text}?>")
        else:  # an entity reference, which a document that was parsed cannot hold
            self._out(_content(self._p.value(str(node.text or ""))))

    def _qname(self, prefix: str | None, local: str) -> str:
        shown = local if local.lower() in vocabulary() else self._p.name(local)
        return shown if prefix is None else f"{self._p.name(prefix)}:{shown}"

    def _attribute(self, local: str, value: str) -> str:
        if local in _NAMED:
            return self._p.name(value)
        if local == "PrefixList":
            return " ".join(self._p.name(word) for word in value.split(" "))
        if local == "schemaLocation":
            return " ".join(self._p.name(word) for word in value.split(" "))
        return self._p.fact(value, "id" if local in _ID_ATTRIBUTES else "other")

    def _text(self, local: str, text: str, claim: str) -> str:
        if not text or text.isspace():
            return text
        if local == "X509Certificate":
            return self._certificate(text)
        if local in _SECRET_ELEMENTS:
            return self._p.secret(text)
        if claim and _is_role(claim):
            return self._p.role(text)
        return self._p.value(text, "person" if local in _PERSONAL else "other")

    def _certificate(self, text: str) -> str:
        read = read_embedded(text)
        self._p.remember(text)
        if not read.certificates:
            return self._p.secret(text)
        for certificate in read.certificates:
            self._p.value(subject_text(certificate))
            try:
                self._p.value(certificate.issuer.rfc4514_string())
            except ValueError:  # a name that cannot be decoded is not shown anywhere either
                continue
            self._p.remember(f"{certificate.serial_number} {certificate.serial_number:x}")
        shown = ", ".join(fingerprint(c) for c in read.certificates)
        self._p.note("certificate", shown)
        return f"[certificate, SHA-256 {shown}]"


def _is_role(name: str) -> bool:
    if name == IMAGEKIT.claim_role:
        return True
    hint = claim_name_hint(IMAGEKIT.claim_role, name[:200], None)
    return hint is not None and hint.kind != "friendly-name"


def _quoted(value: str) -> str:
    return _content(value).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")


def _content(value: str) -> str:
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


# The report -----------------------------------------------------------------------------------------------------------


def _report(p: Pseudonyms, report: Report) -> dict[str, Any]:
    """report/1 with its values replaced first, then the sentences that quote them."""
    found = report.as_dict()
    found["source"] = _source(p, report.source)
    message = found["message"]
    for field in ("id", "issuer", "in_response_to"):
        if message[field] is not None:
            message[field] = p.value(message[field], "address" if field == "issuer" else "id")
    subject = found["subject"]
    if subject is not None:
        subject["name_id"] = p.value(subject["name_id"], "person")
        subject["format"] = None if subject["format"] is None else p.fact(subject["format"])
    for attribute in found["attributes"]:
        replace: Callable[[str], str] = p.role if _is_role(attribute["name"]) else lambda v: p.value(v, "person")
        attribute["values"] = [replace(v) for v in attribute["values"]]
        attribute["name"] = p.name(attribute["name"])
        attribute["name_format"] = None if attribute["name_format"] is None else p.name(attribute["name_format"])
    for signature in found["signatures"]:
        signature["id"] = None if signature["id"] is None else p.value(signature["id"], "id")
        for field in ("covers", "algorithm", "digest"):
            signature[field] = None if signature[field] is None else p.name(signature[field])
    decided = found["provisioning"]
    if decided is not None:
        for change in decided["changes"]:
            for field in ("old", "new"):
                if change[field] is not None:
                    change[field] = (
                        p.role(change[field]) if change["field"] == "role" else p.fact(change[field], "person")
                    )
    done = {"source", "subject", "attributes", "signatures"}
    masked = {k: v if k in done else _sentences(p, v, k) for k, v in found.items() if k != "message"}
    rest = ("id", "issuer", "in_response_to")
    return {
        "schema": masked.pop("schema"),
        "source": masked.pop("source"),
        "message": {k: v if k in rest else _sentences(p, v, k) for k, v in message.items()},
        **masked,
    }


def _source(p: Pseudonyms, source: str) -> str:
    """What the input was called: a file name says who it is of, its ending does not."""
    if source in ("pasted", "-"):
        return source
    name, dot, ending = source.rpartition(".")
    return f"{p.value(name)}.{ending}" if dot and ending.lower() in _ENDINGS else p.value(source)


_ENDINGS: Final = frozenset({"xml", "txt", "har", "json", "zip", "eml", "log", "html", "htm", "b64"})


def _sentences(p: Pseudonyms, value: Any, field: str, parent: str = "") -> Any:
    """Whatever holds text, with its sentences masked. Ids of checks and causes are words of this program."""
    if isinstance(value, str):
        return (
            value if _is_ours(field, parent) or value in _fixed_texts() else p.sentence(value, strict=field in _STRICT)
        )
    if isinstance(value, dict):
        return {k: v if k in ("old", "new") else _sentences(p, v, k, field) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_sentences(p, v, field, parent) for v in value]
    return value


_STRICT: Final = frozenset({"expected", "actual", "where", "text", "current", "proposed"})


def _is_ours(field: str, parent: str) -> bool:
    """Whether a field only ever holds words of this program."""
    return field in _FIXED or field in ("checks", "field") or (field == "id" and parent in ("checks", "diagnosis"))


@cache
def _fixed_texts() -> frozenset[str]:
    """The titles and steps of the causes, which are the same for every message."""
    return frozenset(text for d in registered().values() for text in (d.title, *d.fix.values()))


def _strings(value: Any, field: str = "", parent: str = "") -> Iterator[str]:
    """Every text of a report that could hold a value."""
    if isinstance(value, str):
        if not _is_ours(field, parent) and value not in _fixed_texts():
            yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(inner, key, field)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, field, parent)


def _healed(p: Pseudonyms, value: Any, field: str = "", parent: str = "") -> Any:
    """The report with every run replaced in which something is found: rather a word too many than one too few."""
    if isinstance(value, str) and not _is_ours(field, parent) and value not in _fixed_texts():
        for needle in p.search([value]):
            value = re.sub(rf"\w*{re.escape(needle)}\w*", lambda m: p.value(m[0]), value, flags=re.IGNORECASE)
        return value
    if isinstance(value, dict):
        return {k: _healed(p, v, k, field) for k, v in value.items()}
    return [_healed(p, v, field, parent) for v in value] if isinstance(value, list) else value


# The search -----------------------------------------------------------------------------------------------------------


def _leaks(p: Pseudonyms, outcome: dict[str, str]) -> tuple[str, ...]:
    """One sentence for each part of the outcome in which something replaced is still found, under whatever encoding."""
    found: list[str] = []
    for part, text in outcome.items():
        hits = p.search(_views(text))
        if hits:
            found.append(f"Not redacted: {len(hits)} of the masked values would still be found in the {part}.")
    return tuple(found)


def _views(text: str) -> list[str]:
    """A text as it stands, and as it reads once percent, entity, base64 and hexadecimal encoding are undone."""
    views = [text, *(undone for undone in (unquote(text), html.unescape(text)) if undone != text)]
    for run in _BASE64.findall(text):
        plain = run.replace("-", "+").replace("_", "/").rstrip("=")
        for start in range(4):
            piece = plain[start:]
            piece = piece[:-1] if len(piece) % 4 == 1 else piece
            piece += "=" * (-len(piece) % 4)
            try:
                data = base64.b64decode(piece)
            except (binascii.Error, ValueError):
                continue
            views += [data.decode("latin-1"), data.replace(b"\0", b"").decode("latin-1")]
    views += [bytes.fromhex(run).decode("latin-1") for run in _HEX.findall(text)]
    return views
