"""Service providers that are careless on purpose, each in one way, and a strict one: what the probe is tested on."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lxml import etree
from signxml.verifier import XMLVerifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from app.saml import inspect
from app.saml.checks.registry import CheckResult, Severity, Status, registered
from app.saml.decoding import decode
from app.saml.expectation import Expectation, OpenRequest, Policy, PriorUse, TrustedKey
from app.saml.keyfiles import load_certificates
from app.saml.metadata import read_metadata
from app.saml.names import DS, SAML, q
from app.saml.report import Report

ENTITY = "https://sp.example/metadata"
Forgive = Mapping[str, Callable[[CheckResult], bool]]


def always(_: CheckResult) -> bool:
    return True


def starts_right(c: CheckResult) -> bool:
    """The mistake of startswith(): anything may follow the right address."""
    return c.expected is not None and c.actual is not None and c.actual.startswith(c.expected)


def contains_right(c: CheckResult) -> bool:
    """The mistake of `in`: the right address may stand anywhere."""
    return c.expected is not None and c.actual is not None and c.expected in c.actual


@dataclass
class CarelessSp:
    """Judges with the validator, and forgives what it is told to. `decisions` are what it really did, in order."""

    metadata: bytes
    acs_url: str = ""
    policy: Policy = field(default_factory=Policy)
    decryption_keys: tuple[Any, ...] = ()
    forgive: Forgive = field(default_factory=dict)
    #: Ids of whole groups of checks that it does not know.
    ignorant_of: frozenset[str] = frozenset()
    remembers: bool = True
    trusts_embedded: bool = False
    believes_unsigned: bool = False
    rejects_all: bool = False
    #: Checks that only warn under the policy `diagnose`, and that it takes for good (a group or an id).
    warned_of: frozenset[str] | None = None
    relay_states: list[str] = field(default_factory=list)
    decisions: list[bool] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    requests: dict[str, str] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def expectation(self, browser: str) -> Expectation:
        idp = read_metadata(self.metadata).idp
        assert idp is not None

        def find_request(request_id: str) -> OpenRequest | None:
            owner = self.requests.get(request_id)
            if owner is None:
                return None
            now = datetime.now(UTC)
            return OpenRequest(request_id, idp.entity_id, now, now + timedelta(hours=1), browser=owner)

        def find_use(_issuer: str, assertion_id: str) -> PriorUse | None:
            return PriorUse(datetime.now(UTC), "earlier") if self.remembers and assertion_id in self.seen else None

        return Expectation(
            idp_entity_id=idp.entity_id,
            trusted_keys=idp.signing_keys,
            sp_entity_id=ENTITY,
            acs_url=self.acs_url,
            # Its own pages; the controls with a long RelayState lengthen the ACS address.
            relay_states=tuple(self.relay_states),
            policy=self.policy,
            decryption_keys=self.decryption_keys,
            profile="saml",
            trusted_test_idp=True,
            browser=browser,
            find_request=find_request,
            find_use=find_use,
        )

    def decide(self, body: bytes, browser: str) -> bool:
        if self.rejects_all:
            return False
        expectation = self.expectation(browser)
        if self.trusts_embedded:
            expectation = replace(expectation, trusted_keys=(*expectation.trusted_keys, *embedded(body)))
        report = inspect(body, expectation, now=datetime.now(UTC), channel="post-form")
        if not all(self._forgives(c, report) for c in report.blocking):
            return False
        if self.warned_of is not None and any(self._is_strict(c) for c in report.checks):
            return False
        self._remember(report)
        return report.assertion is not None

    def _is_strict(self, c: CheckResult) -> bool:
        """Whether it holds a mere warning against the message, as the strict policy would."""
        assert self.warned_of is not None
        strict = registered()[c.id].severity is Severity.ERROR
        return c.status is Status.WARN and strict and not {c.id, c.group} & self.warned_of

    def _forgives(self, c: CheckResult, report: Report) -> bool:
        if self.believes_unsigned and not report.signatures and c.id in _ABOUT_SIGNING:
            return True
        if c.group in self.ignorant_of or c.id in self.ignorant_of:
            return True
        rule = self.forgive.get(c.id)
        return rule is not None and rule(c)

    def _remember(self, report: Report) -> None:
        if report.assertion is not None and report.assertion.id:
            self.seen.add(report.assertion.id)
        if report.in_response_to:
            self.requests.pop(report.in_response_to, None)

    # Pages

    def asgi(self) -> Any:
        return Starlette(routes=[Route("/acs", self._acs, methods=["POST"]), Route("/home", self._home)])

    async def _acs(self, request: Request) -> Response:
        body = await request.body()
        with self.lock:
            accepted = self.decide(body, request.cookies.get("browser", ""))
        self.decisions.append(accepted)
        if not accepted:
            return HTMLResponse("<title>Sorry</title>You were not logged in.", status_code=403)
        answer = RedirectResponse("/home", status_code=303)
        answer.set_cookie("session", secrets.token_hex(8))
        return answer

    async def _home(self, _request: Request) -> Response:
        return HTMLResponse("<title>Home</title>Welcome.")


def embedded(body: bytes) -> tuple[TrustedKey, ...]:
    """The certificates that a message brings along, as if that were a reason to trust them."""
    data = decode(body, channel="post-form").data
    try:
        root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return ()
    keys = []
    for text in root.iter(q(DS, "X509Certificate")):
        try:
            keys += [TrustedKey(c, "embedded") for c in load_certificates("".join((text.text or "").split()).encode())]
        except Exception:
            continue
    return tuple(keys)


@dataclass
class FirstAssertionSp(CarelessSp):
    """The everyday reader: any valid signature anywhere will do, and then the first NameID of the document is taken."""

    def decide(self, body: bytes, browser: str) -> bool:
        strict = inspect(body, self.expectation(browser), now=datetime.now(UTC), channel="post-form")
        if all(self._forgives(c, strict) for c in strict.blocking):
            self._remember(strict)
            return True
        if any(c.id not in _SHAPE for c in strict.blocking if c.status == "fail"):
            return False
        data = decode(body, channel="post-form").data
        idp = read_metadata(self.metadata).idp
        assert idp is not None
        try:
            XMLVerifier().verify(data, x509_cert=idp.signing_keys[0].certificate)
            root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
        except Exception:
            return False
        name_id = root.find(f".//{q(SAML, 'NameID')}")
        return name_id is not None and bool(name_id.text)


_ABOUT_SIGNING = frozenset(
    {"signature-present", "signature-policy", "signature-all-verified", "signature-binding", "enc-signature-required"}
)
#: What the everyday reader does not look at: where a signature stands, what it is about, and how many there are.
_SHAPE = frozenset(
    {
        "xml-id-unique",
        "structure-single-assertion",
        "structure-assertion-position",
        "structure-no-nested-message",
        "structure-signature-order",
        "structure-subject",
        "signature-present",
        "signature-policy",
        "signature-position",
        "signature-single",
        "signature-structure",
        "signature-no-object",
        "signature-reference-uri",
        "signature-reference-target",
        "signature-reference-count",
        "signature-binding",
        "signature-all-verified",
    }
)
