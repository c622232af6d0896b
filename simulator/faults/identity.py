"""Identities and claims that are honestly signed and still wrong: missing, doubled, look-alike, in the wrong format."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lxml import etree

from simulator import names
from simulator.draft import Draft, foreign
from simulator.encryption import encrypt
from simulator.faults.registry import Apply, Expects, Family, Setup, Stage
from simulator.message import NIL, OMIT, AttributeSpec, NameIdSpec, Value
from simulator.names import SAML, q

identity = Family("identity")
_FAULT = identity.fault
_REGISTERED = Setup(registered_as="developer")


# NameID -----------------------------------------------------------------------------------------------------------


def _name_id(
    fault_id: str,
    summary: str,
    breaks: str,
    *accepts: str,
    value: Callable[[str], str] | None = None,
    expects: Expects = "reject",
    reference: str = "",
    setup: Setup | None = None,
    **fields: Any,
) -> None:
    def apply(d: Draft) -> None:
        old = d.spec.name_ids[0].value if d.spec.name_ids else d.user.email
        values = dict(fields)
        if value is not None:
            values["value"] = value(old)
        d.name_id(**values)

    identity.row(fault_id, apply, summary, breaks, *accepts, expects=expects, reference=reference, setup=setup)


def _local(change: Callable[[str], str]) -> Callable[[str], str]:
    """Changes the part before the @ only."""

    def apply(address: str) -> str:
        local, at, domain = address.partition("@")
        return change(local) + at + domain

    return apply


@_FAULT("id-nameid-missing", "nameid-present", reference="saml-core §2.2.3")
def _(d: Draft) -> None:
    """The Subject has no NameID: attributes only."""
    d.change(name_ids=())


_name_id("id-nameid-empty", "The NameID is empty.", "nameid-nonempty", "nameid-email-syntax", value=lambda v: "")
_name_id("id-nameid-blank", "The NameID is two spaces.", "nameid-nonempty", "nameid-email-syntax", value=lambda v: "  ")


@_FAULT("id-nameid-two", "nameid-present")
def _(d: Draft) -> None:
    """Two NameIDs; the second is the victim's."""
    d.change(name_ids=(*d.spec.name_ids, NameIdSpec(value=d.victim, format=names.FORMAT_EMAIL)))


@_FAULT("id-nameid-baseid", "nameid-present", stage=Stage.TREE, signs="assertion")
def _(d: Draft) -> None:
    """A BaseID of a foreign type instead of a NameID."""
    name_id = d.part("NameID")
    base = etree.Element(q(SAML, "BaseID"), nsmap={"xsi": names.XSI, "x": names.FOREIGN})
    base.set(q(names.XSI, "type"), "x:BadgeNumberType")
    parent = name_id.getparent()
    assert parent is not None
    parent.replace(name_id, base)


@_FAULT(
    "id-nameid-encryptedid",
    "enc-nameid",
    "nameid-present",
    stage=Stage.TREE,
    signs="assertion",
    setup=Setup(decryption_key=True),
)
def _(d: Draft) -> None:
    """An EncryptedID instead of a NameID: supported, or clearly reported as not."""
    name_id = d.part("NameID")
    parent = name_id.getparent()
    assert parent is not None
    outer = encrypt(etree.tostring(name_id, with_tail=False), d.sp_certificate, wrapper="EncryptedID")
    parent.replace(name_id, outer)


_name_id(
    "id-nameid-transient",
    "A transient NameID: another person at every login, and a seat lost each time.",
    "nameid-transient",
    "nameid-format",
    value=lambda v: "_" + secrets.token_hex(16),
    format=names.FORMAT_TRANSIENT,
    reference="saml-core §8.3.8",
)
_name_id(
    "id-nameid-persistent",
    "A persistent pseudonym instead of an address.",
    "nameid-format",
    "nameid-email-syntax",
    value=lambda v: secrets.token_urlsafe(24),
    format=names.FORMAT_PERSISTENT,
    reference="saml-core §8.3.7",
)
_name_id(
    "id-nameid-x509",
    "An X.509 subject name instead of an address.",
    "nameid-format",
    "nameid-email-syntax",
    value=lambda v: "CN=Ada Lindqvist,O=Acme Media",
    format=names.FORMAT_X509,
)
_name_id(
    "id-nameid-windows",
    "A Windows account name instead of an address.",
    "nameid-format",
    "nameid-email-syntax",
    value=lambda v: "CORP\\" + v.split("@")[0],
    format=names.FORMAT_WINDOWS,
)
_name_id(
    "id-nameid-unspecified",
    "The address under the format unspecified: accepted with a warning.",
    "nameid-format",
    format=names.FORMAT_UNSPECIFIED,
    expects="accept",
)
_name_id("id-nameid-format-missing", "The address without a Format.", "nameid-format", format=OMIT, expects="accept")
_EMAIL = "nameid-email-syntax"
_name_id("id-nameid-display-name", "A display name around the address.", _EMAIL, value=lambda v: f"Ada <{v}>")
_name_id("id-nameid-comment", "A comment in the address.", _EMAIL, value=_local(lambda u: u + "(ada)"))
_name_id(
    "id-nameid-spaces", "A space inside the address.", _EMAIL, "xml-value-whitespace", value=_local(lambda u: u + " x")
)
_name_id("id-nameid-two-at", "Two @ in the address.", _EMAIL, value=lambda v: v + "@evil.test")
_name_id("id-nameid-no-domain", "The address has no domain.", _EMAIL, value=lambda v: v.split("@")[0])
_name_id(
    "id-nameid-ip-literal", "An address literal as domain.", _EMAIL, value=lambda v: v.split("@")[0] + "@[203.0.113.9]"
)
_name_id(
    "id-nameid-idn",
    "A domain in letters outside ASCII, not in its A-label form: worth a warning.",
    "nameid-unicode",
    _EMAIL,
    expects="accept",
    value=lambda v: v.split("@")[0] + "@b\u00fccher.test",
)
_name_id(
    "id-nameid-case",
    "The same address in capitals, after the person was registered: the same user, no second seat.",
    "nameid-case",
    value=lambda v: v.upper(),
    expects="accept",
    setup=_REGISTERED,
)
_UNICODE = "nameid-unicode"
for _suffix, _what, _change in (
    ("nfd", "a decomposed é", lambda u: "e\u0301" + u),
    ("confusable", "a Cyrillic а", lambda u: "\u0430" + u[1:]),
    ("dotless-i", "a dotless ı", lambda u: u + "\u0131"),
    ("long-s", "a long ſ", lambda u: u + "\u017f"),
    ("kelvin", "a Kelvin sign", lambda u: u + "\u212a"),
    ("fullwidth", "a full-width a", lambda u: "\uff41" + u[1:]),
    ("zero-width", "a zero-width space", lambda u: u + "\u200b"),
    ("bidi", "a right-to-left override", lambda u: "\u202e" + u),
    ("combining-only", "a combining mark at the start", lambda u: "\u0301" + u),
):
    _name_id(
        f"id-nameid-{_suffix}",
        f"The address holds {_what}: it must never be taken for the plain one.",
        _UNICODE,
        _EMAIL,
        value=_local(_change),
        reference="UTS #39",
    )
_name_id(
    "id-nameid-300", "An address of 300 characters.", "nameid-length", _EMAIL, value=lambda v: "a" * (300 - len(v)) + v
)
_name_id("id-nameid-64k", "An address of 64 KiB.", "nameid-length", _EMAIL, value=lambda v: "a" * 65_536 + v)
_name_id(
    "id-nameid-tab",
    "A tab inside the address.",
    _UNICODE,
    _EMAIL,
    "xml-value-whitespace",
    value=_local(lambda u: u + "\t"),
)
_name_id(
    "id-nameid-del", "A control character inside the address.", _UNICODE, _EMAIL, value=_local(lambda u: u + "\x7f")
)
_name_id(
    "id-nameid-foreign-domain",
    "An address of a domain that the organisation has not proven.",
    "nameid-domain",
    value=lambda v: "ceo@other-customer.test",
    setup=Setup(allowed_domains=("acme-media.test",)),
    reference="cross-tenant takeover",
)
_name_id(
    "id-spnq-other",
    "SPNameQualifier names another service provider.",
    "nameid-spnamequalifier",
    sp_name_qualifier="https://other-sp.example/metadata",
    reference="saml-core §8.3.7",
)
_name_id(
    "id-nq-other",
    "NameQualifier names another identity provider: worth a warning.",
    "nameid-namequalifier",
    name_qualifier="https://other-idp.example/",
    expects="accept",
)


@_FAULT("id-subject-missing", "structure-subject", "nameid-present")
def _(d: Draft) -> None:
    """The assertion has no Subject."""
    d.change(subject=False)


@_FAULT("id-authnstatement-missing", "structure-authnstatement", reference="saml-profiles §4.1.4.2")
def _(d: Draft) -> None:
    """No AuthnStatement: an attribute assertion is no login."""
    d.change(authn_statements=())


# Claims -----------------------------------------------------------------------------------------------------------


def _claim(d: Draft, source: str) -> str:
    return next((n for n, s in d.application.claims.items() if s == source), source)


def _edit(d: Draft, source: str, change: Callable[[AttributeSpec], tuple[AttributeSpec, ...]]) -> None:
    """Replaces the attribute that carries this source by what `change` makes of it."""
    name = _claim(d, source)
    statements = tuple(
        tuple(new for a in statement for new in (change(a) if a.name == name else (a,)))
        for statement in d.spec.attribute_statements
    )
    d.change(attribute_statements=statements)


def _values(source: str, *values: Value) -> Apply:
    return lambda d: _edit(d, source, lambda a: (replace(a, values=values),))


def _drop(source: str) -> Apply:
    return lambda d: _edit(d, source, lambda a: ())


def _role(fault_id: str, apply: Apply, summary: str, breaks: str, *accepts: str, setup: Setup | None = None) -> None:
    identity.row(
        fault_id,
        apply,
        summary,
        breaks,
        *accepts,
        expects="not-provisioned",
        setup=setup,
        reference="provisioning decision 5",
    )


_KNOWN = "claim-role-known"
_role("id-role-missing", _drop("role"), "No role claim.", _KNOWN, "claim-role-single", "claim-name-exact")
_role("id-role-unknown", _values("role", "owner"), "A role that does not exist.", _KNOWN)
_role("id-role-case", _values("role", "Developer"), "The role with a capital letter.", _KNOWN)
_role("id-role-spaces", _values("role", " developer"), "A space before the role.", _KNOWN)
_role(
    "id-role-guid",
    _values("role", "5f0c2a52-7d3e-4a6b-9d8f-0e1f2a3b4c5d"),
    "The id of an Entra group instead of a role.",
    _KNOWN,
)
_role(
    "id-role-two",
    _values("role", "developer", "account_administrator"),
    "Two role values, as for a person in two groups.",
    "claim-role-single",
)
_role("id-role-empty", _values("role", ""), "An empty role.", _KNOWN)
_role("id-role-nil", _values("role", NIL), "A role that is xsi:nil.", _KNOWN, "claim-simple-content")
_role("id-role-no-value", _values("role"), "A role attribute without any value.", _KNOWN, "claim-role-single")
_role("id-role-title", _values("role", "Media library: full access"), "The role's title instead of its id.", _KNOWN)
_role(
    "id-role-restricted-on-standard",
    _values("role", "media_library_restricted_access"),
    "A role of the enterprise plan on an account with the paid plan.",
    "claim-role-enterprise",
    setup=Setup(plan="paid"),
)


@_FAULT("id-role-two-attributes", "claim-role-single", "claim-duplicate-name", expects="not-provisioned")
def _(d: Draft) -> None:
    """The role attribute stands twice, with different values."""
    _edit(d, "role", lambda a: (a, replace(a, values=("account_administrator",))))


@_FAULT("id-role-escalation", "claim-privilege-change", expects="accept", setup=_REGISTERED)
def _(d: Draft) -> None:
    """A registered developer comes back as an administrator: applied, and said loudly."""
    _values("role", "account_administrator")(d)


@_FAULT("id-imagekit-id-missing", "claim-imagekit-id", "claim-name-exact", reference="provisioning decision 6")
def _(d: Draft) -> None:
    """No claim names the account."""
    _drop("imagekit_id")(d)


def _account(fault_id: str, summary: str, *values: Value) -> None:
    identity.row(
        fault_id, _values("imagekit_id", *values), summary, "claim-imagekit-id", reference="provisioning decision 6"
    )


_account("id-imagekit-id-other", "The claim names another account.", "ik_other")
_account("id-imagekit-id-two", "The claim names two accounts.", "ik_7x2k", "ik_other")
_account("id-imagekit-id-child", "The claim names a child account.", "ik_child")
_account("id-imagekit-id-empty", "The claim is empty.", "")
_account("id-imagekit-id-case", "The account's id in capitals.", "IK_7X2K")


def _full_name(fault_id: str, summary: str, apply: Apply) -> None:
    identity.row(
        fault_id,
        apply,
        summary,
        "claim-full-name",
        "claim-name-exact",
        expects="accept",
        reference="provisioning decision 15",
    )


_full_name("id-full-name-missing", "No full_name: the login goes on, with a warning.", _drop("full_name"))
_full_name("id-full-name-blank", "A blank full_name.", _values("full_name", "  "))
_full_name("id-full-name-rtl", "A right-to-left override in the name.", _values("full_name", "Ada \u202eecalevoL"))
_full_name("id-full-name-10k", "A name of ten thousand characters.", _values("full_name", "A" * 10_000))
_full_name("id-full-name-newline", "A line break in the name.", _values("full_name", "Ada\r\nLindqvist"))
_full_name("id-full-name-two", "full_name has two values.", _values("full_name", "Ada Lindqvist", "Augusta King"))


def _hostile_name(fault_id: str, summary: str, text: str) -> None:
    identity.row(
        fault_id,
        _values("full_name", text),
        summary,
        None,
        expects="accept",
        reference="escaping in pages, reports and spreadsheets",
    )


_hostile_name("id-full-name-html", "A name that is HTML, to be shown as text.", "<img src=x onerror=alert(1)>")
_hostile_name("id-full-name-formula", "A name that a spreadsheet would run.", '=HYPERLINK("https://evil.example","x")')
_hostile_name("id-full-name-at", "A name that begins like a formula.", "@SUM(1)")
_hostile_name("id-full-name-quote", "A name with quotes and an apostrophe.", 'Ada "the" O\'Lindqvist; DROP TABLE users')


_ADFS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"


@_FAULT("id-claims-namespaced", "claim-name-exact", expects="not-provisioned")
def _(d: Draft) -> None:
    """The role claim got a namespace before its name, as Entra and AD FS add it."""
    _edit(d, "role", lambda a: (replace(a, name=_ADFS + str(a.name)),))


@_FAULT("id-claims-all-namespaced", "claim-imagekit-id", "claim-name-exact")
def _(d: Draft) -> None:
    """Every claim got a namespace before its name."""
    for source in ("imagekit_id", "full_name", "role"):
        _edit(d, source, lambda a: (replace(a, name=_ADFS + str(a.name)),))


@_FAULT("id-claims-friendlyname-only", "claim-name-exact", "claim-role-known", expects="not-provisioned")
def _(d: Draft) -> None:
    """The claim's name stands in FriendlyName, and Name is an object identifier."""
    _edit(d, "role", lambda a: (replace(a, name="urn:oid:1.3.6.1.4.1.99999.1", friendly_name=str(a.name)),))


@_FAULT("id-claims-duplicate", "claim-duplicate-name")
def _(d: Draft) -> None:
    """The same claim stands again in a second AttributeStatement, with another value."""
    name = _claim(d, "imagekit_id")
    second = (AttributeSpec(name=name, values=("ik_other",), name_format=names.NAME_BASIC),)
    d.change(attribute_statements=(*d.spec.attribute_statements, second))


_role(
    "id-claims-delimited",
    _values("role", "developer;finance"),
    "Two roles joined by a semicolon in one value.",
    "claim-delimited",
    "claim-role-known",
)


@_FAULT(
    "id-claims-nested",
    "claim-simple-content",
    "claim-role-known",
    "xml-mixed-content",
    stage=Stage.TREE,
    signs="assertion",
    expects="not-provisioned",
)
def _(d: Draft) -> None:
    """The role's value is an element instead of text."""
    for attribute in d.assertion.iter(q(SAML, "Attribute")):
        if attribute.get("Name") == d.role_claim:
            value = attribute[0]
            inner = foreign("role", value.text)
            value.text = None
            value.append(inner)


@_FAULT("id-claims-10000", "xml-node-limit", "encoding-size-limit")
def _(d: Draft) -> None:
    """Ten thousand group values: refused by a limit or judged, and never a freeze."""
    groups = AttributeSpec(name="groups", values=tuple(f"g{n}" for n in range(10_000)))
    d.change(attribute_statements=(*d.spec.attribute_statements, (groups,)))


@_FAULT("id-claims-none", "claim-imagekit-id", "claim-name-exact")
def _(d: Draft) -> None:
    """No AttributeStatement at all."""
    d.change(attribute_statements=())


@_FAULT("id-email-claim-differs", "claim-email-conflict", expects="accept")
def _(d: Draft) -> None:
    """An e-mail claim names another address than the NameID: worth a note."""
    extra = AttributeSpec(name="email", values=("other.address@acme-media.test",), name_format=names.NAME_BASIC)
    d.change(attribute_statements=(*d.spec.attribute_statements[:-1], (*d.spec.attribute_statements[-1], extra)))


@_FAULT("id-claims-personal", "claim-unknown", expects="accept")
def _(d: Draft) -> None:
    """Attributes that no login needs are sent along: a birthday, a home address, a telephone number."""
    extra = tuple(
        AttributeSpec(name=name, values=(value,), name_format=names.NAME_BASIC)
        for name, value in (
            ("birthDate", "1999-12-31"),
            ("homePostalAddress", "1 Example Street"),
            ("telephoneNumber", "+00 000 000"),
        )
    )
    d.change(attribute_statements=(*d.spec.attribute_statements[:-1], (*d.spec.attribute_statements[-1], *extra)))


@_FAULT("id-groups-overage", "claim-role-known", expects="not-provisioned")
def _(d: Draft) -> None:
    """The person is in more than 150 groups: Entra sends a link instead of them, and no role comes out of it."""
    link = "http://schemas.microsoft.com/claims/groups.link"
    value = "https://directory.example/users/0/getMemberObjects"
    _edit(d, "role", lambda a: (AttributeSpec(name=link, values=(value,)),))


# People -----------------------------------------------------------------------------------------------------------


@_FAULT("id-user-deleted-at-idp", "status-success", expects="refused-by-idp", setup=_REGISTERED)
def _(d: Draft) -> None:
    """The person was deleted at the identity provider, which answers with an error; the seat is still held."""
    d.change(
        assertion=False,
        status_codes=(names.STATUS + "Responder", names.STATUS + "UnknownPrincipal"),
        status_message="The account is disabled.",
    )
    d.seal("response")


def _renamed(d: Draft) -> None:
    d.name_id(value=_local(lambda u: u + ".married")(d.spec.name_ids[0].value))


identity.row(
    "id-user-renamed",
    _renamed,
    "The same person with a new address: a second user appears, and the stale list shows the first.",
    None,
    expects="accept",
    setup=_REGISTERED,
    reference="provisioning decision 1",
)
