"""What the fuzzer starts from, and what must hold for every input. It knows no fuzzer, so that tests can use it too."""

from __future__ import annotations

import base64
import json
import logging
import zlib
from datetime import UTC, datetime
from urllib.parse import urlencode

from app.saml import Expectation, inspect, of_piece, take_in
from app.saml.metadata import read_metadata
from simulator import Idp, KeyRing, all_faults, default_tenant

NOW = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)
VERDICTS = ("accept", "reject", "refused-by-idp", "not-provisioned", "unknown")
_IDP = Idp(default_tenant(uid="0" * 32), KeyRing.in_memory(lambda: NOW), lambda: NOW)


def _expectation() -> Expectation:
    described = read_metadata(_IDP.metadata()).idp
    assert described is not None
    return Expectation(
        idp_entity_id=described.entity_id,
        trusted_keys=described.signing_keys,
        sp_entity_id="https://imagekit.io/saml/consume",
        acs_url="https://imagekit.io/saml/consume",
        judges_correlation=False,
        trusted_test_idp=True,
    )


EXPECTATION = _expectation()
#: Whom the seeds are about, letter by letter: a change of a signed name must never be accepted.
KNOWN = {"grace@acme-media.test"}


def seeds() -> dict[str, bytes]:
    """One message of each family of faults in each encoding, metadata, and a recording."""
    found: dict[str, bytes] = {"metadata.xml": _IDP.metadata()}
    for fault in all_faults():
        if fault.acts_on != "message" or f"{fault.family}.xml" in found or fault.setup.flow != "idp_initiated":
            continue
        issued = _IDP.issue("grace", "imagekit", faults=[fault.id], victim="victim@acme-media.test")
        if len(issued.xml) > 20_000:
            continue
        found[f"{fault.family}.xml"] = issued.xml
        found[f"{fault.family}.b64"] = base64.b64encode(issued.xml)
        found[f"{fault.family}.form"] = issued.body[:60_000]
    good = _IDP.issue("grace", "imagekit").xml
    deflated = base64.b64encode(zlib.compress(good)[2:-4]).decode()
    found["redirect.url"] = b"https://imagekit.io/saml/consume?" + urlencode({"SAMLResponse": deflated}).encode()
    found["recording.har"] = (
        b'{"log": {"entries": [{"request": {"method": "POST", "url": "https://imagekit.io/saml/consume", "postData": '
        b'{"mimeType": "application/x-www-form-urlencoded", "text": "SAMLResponse='
        + base64.b64encode(good).replace(b"+", b"%2B")
        + b'"}}, "response": {"status": 302}}]}}'
    )
    found["mail.eml"] = b"From: a@acme.test\r\nSubject: login\r\n\r\nIt says:\r\n" + base64.b64encode(good) + b"\r\n"
    return found


class _Crashes(logging.Handler):
    """What the program caught of its own mistakes: it refuses the message then, and says so in the log."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def judge(data: bytes) -> None:
    """Takes octets in and judges every message in them; raises AssertionError where something does not hold."""
    crashes = _Crashes()
    log = logging.getLogger("app")
    log.addHandler(crashes)
    try:
        for piece in take_in(data).pieces[:8]:
            report = of_piece(inspect(piece.source, EXPECTATION, now=NOW), piece)
            assert report.verdict in VERDICTS
            told = json.dumps(report.as_dict(), ensure_ascii=False)
            told.encode()  # nothing that cannot be written down
            if report.login is not None and not report.blocking:
                assert report.accept().name_id in KNOWN, "somebody was let in whom nobody has signed for"
    finally:
        log.removeHandler(crashes)
    assert not crashes.records, logging.Formatter().format(crashes.records[0])
