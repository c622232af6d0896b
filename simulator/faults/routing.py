"""Messages for somebody else: Destination, Recipient, Audience, InResponseTo, Issuer and the confirmation method."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lxml import etree

from simulator import names
from simulator.draft import Draft
from simulator.faults.registry import Family, Setup, Stage, nothing
from simulator.message import OMIT, ConfirmationSpec, IssuerSpec, fresh_id
from simulator.names import SAML, q

routing = Family("routing")
_FAULT = routing.fault
_SP = Setup(flow="sp_initiated", registered_as="developer")
_OTHER = "https://other-sp.example/saml/acs"


# Destination ------------------------------------------------------------------------------------------------------


def _destination(
    fault_id: str, change: Callable[[str], Any], summary: str, *checks: str, setup: Setup | None = None
) -> None:
    def apply(d: Draft) -> None:
        d.change(destination=change(d.application.destination or d.application.acs_url))

    first, *rest = checks or ("destination-match",)
    routing.row(fault_id, apply, summary, first, *rest, signs="both", reference="saml-bindings §3.5.5.2", setup=setup)


def _host(url: str) -> str:
    return url.split("/")[2]


_destination(
    "route-destination-missing", lambda u: OMIT, "A signed response without Destination.", "destination-present"
)
_destination(
    "route-destination-empty", lambda u: "", "An empty Destination.", "destination-match", "destination-present"
)
_destination("route-destination-other-host", lambda u: u.replace(_host(u), "evil.example"), "Another host.")
_destination(
    "route-destination-http",
    lambda u: u.replace("https:", "http:"),
    "http instead of https.",
    setup=Setup(https=True),
)
_destination("route-destination-trailing-slash", lambda u: u + "/", "A slash too many.")
_destination("route-destination-prefix", lambda u: u + ".evil.test", "Our address is only the beginning of it.")
_destination("route-destination-query", lambda u: u + "?x", "A query behind it.")
_destination(
    "route-destination-case-path",
    lambda u: u.replace(u.split("/", 3)[3], u.split("/", 3)[3].upper()),
    "The path in capitals.",
)
_destination("route-destination-port", lambda u: u.replace(_host(u), _host(u) + ":8443"), "Another port.")
_destination(
    "route-destination-whitespace", lambda u: f" {u} ", "Spaces around it.", "destination-match", "xml-value-whitespace"
)


@_FAULT("route-destination-edited-unsigned", "destination-match", kind="A", stage=Stage.SIGNED)
def _(d: Draft) -> None:
    """Only the assertion is signed, and the Destination of the envelope was edited."""
    d.response.set("Destination", _OTHER)


# Recipient and audience -------------------------------------------------------------------------------------------


def _recipient(fault_id: str, change: Callable[[str], Any], summary: str) -> None:
    def apply(d: Draft) -> None:
        d.confirmation(recipient=change(d.application.recipient or d.application.acs_url))

    routing.row(fault_id, apply, summary, "sc-recipient", "sc-bearer", reference="saml-profiles §4.1.4.3")


_recipient("route-recipient-missing", lambda u: OMIT, "SubjectConfirmationData without Recipient.")
_recipient("route-recipient-other", lambda u: _OTHER, "The Recipient is another service provider.")
_recipient("route-recipient-superstring", lambda u: u + "x", "The Recipient is our address with a letter more.")
_recipient("route-recipient-substring", lambda u: "/".join(u.split("/")[:3]), "The Recipient is the host only.")
_recipient("route-recipient-empty", lambda u: "", "The Recipient is empty.")


@_FAULT("route-other-sp", "audience-match", reference="token recipient confusion")
def _(d: Draft) -> None:
    """A good message that was issued for another service provider and is posted to us."""
    d.change(destination=_OTHER, audience_restrictions=(("https://other-sp.example/metadata",),))
    d.confirmation(recipient=_OTHER)


def _audience(fault_id: str, change: Callable[[str], tuple[tuple[str, ...], ...]], summary: str, *checks: str) -> None:
    def apply(d: Draft) -> None:
        d.change(audience_restrictions=change(d.application.entity_id))

    first, *rest = checks or ("audience-match",)
    routing.row(fault_id, apply, summary, first, *rest, reference="saml-core §2.5.1.4")


_audience("route-audience-missing", lambda a: (), "No AudienceRestriction at all.", "audience-present")
_audience("route-audience-empty", lambda a: (("",),), "An empty Audience.", "audience-nonempty", "audience-match")
_audience(
    "route-audience-none-inside",
    lambda a: ((),),
    "A restriction without Audience.",
    "audience-nonempty",
    "audience-match",
)
_audience(
    "route-audience-other",
    lambda a: (("https://other-sp.example/metadata",),),
    "The audience is another service provider.",
)
_audience("route-audience-case", lambda a: ((a.upper(),),), "The audience in capitals.")
_audience("route-audience-slash", lambda a: ((a + "/",),), "A slash behind the audience.")
_audience("route-audience-prefix", lambda a: ((a + ".evil.test",),), "Our name is only the beginning of it.")
_audience(
    "route-audience-whitespace",
    lambda a: ((f" {a}\n",),),
    "White space around the audience.",
    "audience-match",
    "xml-value-whitespace",
)
_audience("route-audience-spn", lambda a: ((f"spn:{a}",),), "The prefix spn: that Entra puts before an application id.")
_audience(
    "route-audience-two-restrictions",
    lambda a: ((a,), ("https://other-sp.example/metadata",)),
    "Two restrictions, of which the second names another service provider only: all of them must hold.",
    "audience-all-restrictions",
    "audience-match",
)


@_FAULT("route-audience-parent-for-child", "audience-child-account", "audience-match", setup=Setup(child_account=True))
def _(d: Draft) -> None:
    """The account uses a child's Identifier, and the message names the parent's."""
    d.change(audience_restrictions=((d.application.entity_id.split("#")[0],),))


@_FAULT("route-audience-child-for-parent", "audience-child-account", "audience-match")
def _(d: Draft) -> None:
    """The account uses the default Identifier, and the message names a child's."""
    d.change(audience_restrictions=((d.application.entity_id.split("#")[0] + "#ik_child",),))


# Correlation ------------------------------------------------------------------------------------------------------


def _irt(d: Draft, value: Any) -> None:
    d.change(in_response_to=value)
    d.confirmation(in_response_to=value)


@_FAULT("route-irt-unknown", "irt-response", "sc-inresponseto", setup=_SP, reference="saml-core §3.2.2")
def _(d: Draft) -> None:
    """InResponseTo names a request that was never sent."""
    _irt(d, fresh_id())


@_FAULT("route-irt-unsolicited-present", "irt-unsolicited", "irt-response", reference="saml-profiles §4.1.5")
def _(d: Draft) -> None:
    """A login that started at the portal carries a made-up InResponseTo."""
    _irt(d, fresh_id())


@_FAULT("route-irt-missing-scd", "sc-inresponseto", "irt-consistent", setup=_SP)
def _(d: Draft) -> None:
    """InResponseTo stands on the response only, not in the SubjectConfirmationData."""
    d.confirmation(in_response_to=OMIT)


@_FAULT("route-irt-missing-response", "irt-response", "irt-consistent", setup=_SP)
def _(d: Draft) -> None:
    """InResponseTo stands in the SubjectConfirmationData only, not on the response."""
    d.change(in_response_to=OMIT)


@_FAULT("route-irt-response-vs-scd", "irt-consistent", "sc-inresponseto", setup=_SP)
def _(d: Draft) -> None:
    """Response and SubjectConfirmationData name different requests."""
    d.confirmation(in_response_to=fresh_id())


def _circumstance(fault_id: str, setup: Setup, summary: str, *checks: str, **more: Any) -> None:
    first, *rest = checks
    routing.row(fault_id, nothing, summary, first, *rest, setup=setup, alters=False, **more)


_circumstance(
    "route-irt-stale",
    replace(_SP, request="expired"),
    "The answer comes after the request has expired.",
    "irt-response",
    "irt-single-use",
)
_circumstance(
    "route-irt-replayed",
    replace(_SP, request="answered"),
    "A second answer to a request that was answered already.",
    "irt-single-use",
    "irt-response",
)
_circumstance(
    "route-irt-other-session",
    replace(_SP, request="other-browser"),
    "The request was sent from another browser.",
    "irt-response",
)


@_FAULT(
    "route-irt-unsigned-rebind",
    "irt-consistent",
    "irt-response",
    "sc-inresponseto",
    kind="A",
    stage=Stage.SIGNED,
    setup=_SP,
    reference="CVE-2026-49284",
)
def _(d: Draft) -> None:
    """A portal login whose unsigned envelope got the InResponseTo of a victim's request."""
    request = d.response.get("InResponseTo") or fresh_id()
    name = "InResponseTo"
    for data in d.assertion.iter(q(SAML, "SubjectConfirmationData")):
        data.attrib.pop(name, None)
    signature = d.signature
    parent = signature.getparent()
    assert parent is not None
    parent.remove(signature)
    d.sign(d.assertion)
    d.response.set(name, request)


# Subject confirmation ---------------------------------------------------------------------------------------------


@_FAULT("route-sc-none", "sc-bearer")
def _(d: Draft) -> None:
    """The Subject has no SubjectConfirmation."""
    d.change(confirmations=())


def _method(fault_id: str, method: Any, summary: str, reference: str = "saml-profiles §3") -> None:
    routing.row(
        fault_id, lambda d: d.confirmation(method=method), summary, "sc-method", "sc-bearer", reference=reference
    )


_method("route-sc-no-method", OMIT, "The confirmation has no Method.", "CVE-2020-5268")
_method("route-sc-hok", names.HOLDER_OF_KEY, "Holder-of-key without proof of the key.", "CVE-2026-92855, CVE-2020-5268")
_method("route-sc-sender-vouches", names.SENDER_VOUCHES, "Sender-vouches is no bearer.")
_method("route-sc-unknown", "urn:example:cm:unknown", "A method nobody knows.")
_method("route-sc-bearer-case", names.BEARER.replace("bearer", "Bearer"), "The bearer method in another case.")


@_FAULT("route-sc-no-data", "sc-data", "sc-bearer")
def _(d: Draft) -> None:
    """The bearer confirmation has no SubjectConfirmationData."""
    d.confirmation(data=False)


@_FAULT("route-sc-split", "sc-bearer", "sc-recipient", "sc-notonorafter", reference="saml-profiles §4.1.4.3")
def _(d: Draft) -> None:
    """One confirmation has our Recipient but has expired; the other is fresh but for somebody else."""
    good = d.spec.confirmations[0]
    expired = replace(good, not_on_or_after=d.after(seconds=-d.skew.total_seconds() - 60))
    d.change(confirmations=(expired, replace(good, recipient=_OTHER)))


@_FAULT("route-sc-address", "sc-address", expects="accept")
def _(d: Draft) -> None:
    """The confirmation names the address of a network client: shown, not compared."""
    d.confirmation(address="203.0.113.9")


@_FAULT("route-sc-two-bad", "sc-recipient", "sc-bearer", "sc-method")
def _(d: Draft) -> None:
    """Two confirmations, neither of them good."""
    good = d.spec.confirmations[0]
    d.change(confirmations=(ConfirmationSpec(method=names.SENDER_VOUCHES), replace(good, recipient=_OTHER)))


# Issuer -----------------------------------------------------------------------------------------------------------


def _issuer(fault_id: str, change: Callable[[str], Any], summary: str, *checks: str, accept: bool = False) -> None:
    def apply(d: Draft) -> None:
        spec = change(d.tenant.entity_id)
        d.change(assertion_issuer=spec, response_issuer=spec)

    first, *rest = checks or ("issuer-match",)
    expects = "accept" if accept else "reject"
    routing.row(fault_id, apply, summary, first, *rest, expects=expects, reference="saml-core §1.3.1")  # type: ignore[arg-type]  # one of the two literals


def _named(change: Callable[[str], str]) -> Callable[[str], IssuerSpec]:
    return lambda issuer: IssuerSpec(value=change(issuer))


_issuer(
    "route-issuer-missing", lambda i: None, "Neither response nor assertion has an Issuer.", "issuer-assertion-present"
)
_issuer("route-issuer-empty", _named(lambda i: ""), "An empty Issuer.", "issuer-assertion-present", "issuer-match")
_issuer("route-issuer-other", _named(lambda i: "https://other-idp.example/"), "Another identity provider's name.")
_issuer("route-issuer-slash", _named(lambda i: i[:-1] if i.endswith("/") else i + "/"), "A slash too many or too few.")
_issuer("route-issuer-case", _named(lambda i: i.upper()), "The Issuer in capitals.")
_issuer(
    "route-issuer-whitespace",
    _named(lambda i: f" {i} "),
    "White space around the Issuer.",
    "issuer-match",
    "xml-value-whitespace",
)
_issuer(
    "route-issuer-format",
    lambda i: IssuerSpec(value=i, format=names.FORMAT_PERSISTENT),
    "The Issuer has a Format that is not entity: worth a warning.",
    "issuer-format",
    accept=True,
)


@_FAULT("route-issuer-response-differs", "issuer-response-match", reference="saml-profiles §4.1.4.2")
def _(d: Draft) -> None:
    """Response and assertion name different issuers."""
    d.change(response_issuer=IssuerSpec(value="https://other-idp.example/"))


@_FAULT(
    "route-issuer-response-missing-signed", "issuer-response-match", signs="both", reference="saml-profiles §4.1.4.2"
)
def _(d: Draft) -> None:
    """A signed response without Issuer."""
    d.change(response_issuer=None)
    d.signing = tuple(s if s.target == "assertion" else replace(s, position=0) for s in d.signing)


@_FAULT(
    "route-mixup-other-idp",
    "issuer-key-binding",
    "signature-key-trusted",
    setup=Setup(second_idp=True),
    reference="CVE-2023-41890, CVE-2026-49283",
)
def _(d: Draft) -> None:
    """Another identity provider, trusted for another account, asserts this one's Issuer with its own key."""
    d.seal(key="other-idp")


_circumstance(
    "route-mixup-wrong-idp",
    replace(_SP, second_idp=True, request="other-idp"),
    "The answer comes from this identity provider, and the request went to another.",
    "issuer-expected",
    "irt-response",
    reference="CVE-2026-49284",
)


# Replay -----------------------------------------------------------------------------------------------------------

_circumstance(
    "route-replay",
    Setup(posts=2),
    "The same body is posted twice: the first is accepted, the second refused.",
    "replay-assertion-id",
    kind="A",
    reference="CVE-2020-5261, CVE-2022-37011, CVE-2026-53424",
)
_circumstance(
    "route-replay-after-restart",
    Setup(posts=2, restart=True),
    "The same body is posted again after the service provider was restarted.",
    "replay-assertion-id",
    kind="A",
    reference="saml-profiles §4.1.4.5",
)


def _fresh_envelope(d: Draft) -> None:
    old, new = (d.response.get("ID") or "").encode(), fresh_id().encode()
    d.second = lambda xml: xml.replace(old, new, 1)


routing.row(
    "route-replay-fresh-envelope",
    _fresh_envelope,
    "The same signed assertion is posted twice, the second time in a response with another ID.",
    "replay-assertion-id",
    kind="A",
    stage=Stage.SIGNED,
    setup=Setup(posts=2),
    reference="CVE-2020-5261",
)
_circumstance(
    "route-login-csrf",
    Setup(policy=(("allow_idp_initiated", False),)),
    "An attacker's own good response is posted from a victim's browser; logins from the portal are switched off.",
    "irt-unsolicited",
    kind="A",
    reference="login CSRF",
)
_circumstance(
    "route-sp-initiated-first-login",
    Setup(flow="sp_initiated", registered_as=None, registered_name_id="somebody.else@acme-media.test"),
    "A person who is not registered answers a request that another address started: first logins begin at the portal.",
    "jit-first-login-idp-initiated",
    expects="not-provisioned",
    reference="product rule",
)


# Structure and conditions -----------------------------------------------------------------------------------------


@_FAULT(
    "route-condition-unknown",
    "structure-condition-unknown",
    stage=Stage.TREE,
    signs="assertion",
    reference="saml-core §2.5.1.1",
)
def _(d: Draft) -> None:
    """Conditions hold one of a type nobody defined: the assertion's validity cannot be decided."""
    nsmap = {"xsi": names.XSI, "x": names.FOREIGN}
    condition = etree.SubElement(d.part("Conditions"), q(SAML, "Condition"), nsmap=nsmap)
    condition.set(q(names.XSI, "type"), "x:DelegationRestrictionType")


@_FAULT("route-two-conditions", "structure-conditions-single", stage=Stage.TREE, signs="assertion")
def _(d: Draft) -> None:
    """Two Conditions, the second for another audience."""
    second = d.copy(d.part("Conditions"))
    for audience in second.iter(q(SAML, "Audience")):
        audience.text = "https://other-sp.example/metadata"
    d.part("Conditions").addnext(second)


@_FAULT("route-onetimeuse-twice", "structure-onetimeuse-proxy", stage=Stage.TREE, signs="assertion", expects="accept")
def _(d: Draft) -> None:
    """OneTimeUse stands twice: worth a warning."""
    for _n in range(2):
        etree.SubElement(d.part("Conditions"), q(SAML, "OneTimeUse"))


def _drop(fault_id: str, field: str, value: Any, summary: str, check: str) -> None:
    routing.row(fault_id, lambda d: d.change(**{field: value}), summary, check, reference="saml-core §2.3.3, §3.2.2")


_drop("route-version-1", "assertion_version", "1.1", "The assertion says Version 1.1.", "structure-version")
_drop("route-version-response", "response_version", "1.1", "The response says Version 1.1.", "structure-version")
_drop("route-version-missing", "assertion_version", OMIT, "The assertion has no Version.", "structure-version")
_drop("route-response-id-missing", "response_id", OMIT, "The response has no ID.", "structure-id-present")


@_FAULT("route-assertion-id-missing", "structure-id-present", stage=Stage.TREE, signs="response")
def _(d: Draft) -> None:
    """The assertion has no ID; the response is signed."""
    d.assertion.attrib.pop("ID")


@_FAULT("route-id-number", "xml-id-ncname", expects="accept")
def _(d: Draft) -> None:
    """The assertion's ID begins with a digit, so it is no NCName: worth a warning."""
    d.change(assertion_id="4" + str(d.spec.assertion_id)[1:])
