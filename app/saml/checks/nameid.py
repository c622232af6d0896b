"""Who the person is: the NameID. It may refuse a message by itself (provisioning decision 14)."""

from __future__ import annotations

from typing import Final

from app.saml.checks.common import assertion_of, exact, the_issuer, the_name_id
from app.saml.checks.registry import Case, Outcome, Severity, check, not_applicable, ok, problem
from app.saml.identifiers import confusable, normalise_email, read_email
from app.saml.likeness import difference, show
from app.saml.message import NameID
from app.saml.names import (
    NAMEID_EMAIL,
    NAMEID_PERSISTENT,
    NAMEID_TRANSIENT,
    NAMEID_UNSPECIFIED,
    NAMEID_WINDOWS,
    NAMEID_X509,
)

MAX_LENGTH: Final = 256
_FORMATS: Final = {
    NAMEID_PERSISTENT: "a persistent identifier, which is opaque and not an e-mail address",
    NAMEID_TRANSIENT: "a transient identifier, which changes at every login",
    NAMEID_X509: "the subject name of a certificate",
    NAMEID_WINDOWS: "a Windows account name",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos": "a Kerberos principal name",
    "urn:oasis:names:tc:SAML:2.0:nameid-format:entity": "the identifier of a system, not of a person",
}
_NONE = not_applicable("There is not exactly one NameID; see nameid-present.")
_EMPTY = not_applicable("The NameID is empty; see nameid-nonempty.")


def _name_id(case: Case) -> NameID | None:
    return the_name_id(assertion_of(case))


@check("nameid-present", "the assertion names exactly one person", cites="saml-core §2.2.3, §2.4.1")
def nameid_present(case: Case) -> Outcome:
    """The Subject must hold one saml:NameID; an element of that name in another namespace is something else."""
    a = assertion_of(case)
    if a.subject is None:
        return problem(
            "The assertion has no Subject, so it names nobody.", expected="one NameID", actual="none", at=a.at
        )
    count = len(a.subject.name_ids)
    if count == 1:
        return ok("The assertion names one person.", at=a.subject.name_ids[0].text.at)
    if count > 1:
        return problem(
            f"The Subject has {count} NameIDs; it is not clear who is meant.",
            expected="one NameID",
            actual=str(count),
            at=a.subject.name_ids[1].text.at,
        )
    others = a.subject.other_ids
    if "EncryptedID" in others:
        why = (
            "The NameID is encrypted by itself, which is not supported. Encrypt the whole assertion, or send "
            "the NameID in the clear inside it."
        )
    elif "BaseID" in others:
        why = "The Subject has a BaseID instead of a NameID."
    elif others:
        why = "The Subject has an identifier that is not a NameID of SAML 2.0; its namespace is another one."
    else:
        why = "The Subject has no NameID, so it names nobody. At the IdP no attribute is chosen for it."
    return problem(why, expected="one NameID", actual=show(", ".join(others)) or "none", at=a.subject.at)


@check("nameid-nonempty", "the NameID is not empty", cites="saml-core §1.3.1")
def nameid_nonempty(case: Case) -> Outcome:
    """An empty NameID means that the attribute it is taken from is empty for this person, often the mail attribute."""
    n = _name_id(case)
    if n is None:
        return _NONE
    if n.text.value.strip():
        return ok("The NameID is not empty.", actual=show(n.text.value), at=n.text.at)
    return problem(
        "The NameID is empty: the IdP has no value for this person in the attribute that it is taken from.",
        expected="the e-mail address of the person",
        actual=show(n.text.value),
        at=n.text.at,
    )


@check("nameid-format", "the NameID is declared to be an e-mail address", cites="saml-core §8.3.2", profile="imagekit")
def nameid_format(case: Case) -> Outcome:
    """People are known by their e-mail address, so the Format should be emailAddress.

    Where the format is left open and the value is an e-mail address all the same, it is accepted with a warning.
    """
    n = _name_id(case)
    if n is None:
        return _NONE
    if n.format == NAMEID_EMAIL:
        return ok(
            "The NameID is declared to be an e-mail address.", expected=NAMEID_EMAIL, actual=NAMEID_EMAIL, at=n.text.at
        )
    if n.format in (None, "", NAMEID_UNSPECIFIED):
        is_email = normalise_email(n.text.value) is not None
        return problem(
            "The format of the NameID is left open, though the value is an e-mail address."
            if is_email
            else "The format of the NameID is left open, and the value is not an e-mail address.",
            expected=NAMEID_EMAIL,
            actual=n.format or "none",
            at=n.text.at,
            severity=Severity.WARNING if is_email else Severity.ERROR,
        )
    what = _FORMATS.get(n.format)
    why = (
        f"The NameID is {what}."
        if what
        else f"The NameID has another format than emailAddress. {difference(NAMEID_EMAIL, n.format)}"
    )
    return problem(why, expected=NAMEID_EMAIL, actual=show(n.format), at=n.text.at)


@check(
    "nameid-email-syntax",
    "the NameID is one e-mail address",
    cites="saml-core §8.3.2; RFC 5321 §4.1.2",
    profile="imagekit",
)
def nameid_email_syntax(case: Case) -> Outcome:
    """One plain address and nothing else: no display name, no account name, no list."""
    n = _name_id(case)
    if n is None:
        return _NONE
    if not n.text.value.strip():
        return _EMPTY
    email = read_email(n.text.value)
    if email.normal is None:
        return problem(
            f"The NameID is not an e-mail address. {email.problem}",
            expected="an address like ada@example.com",
            actual=show(n.text.value),
            at=n.text.at,
        )
    if n.text.value != n.text.value.strip():
        return problem(
            "There is blank space around the e-mail address; it is left aside.",
            expected=n.text.value.strip(),
            actual=show(n.text.value),
            at=n.text.at,
            severity=Severity.WARNING,
        )
    return ok("The NameID is one e-mail address.", actual=n.text.value, at=n.text.at)


@check(
    "nameid-unicode",
    "the NameID cannot be taken for another one",
    cites="UTS #39; CVE-2019-19844",
    diagnose=Severity.WARNING,
    profile="imagekit",
)
def nameid_unicode(case: Case) -> Outcome:
    """Letters that look alike, and invisible ones, let somebody pass for somebody else in a list or after a change
    of case.
    """
    n = _name_id(case)
    if n is None:
        return _NONE
    if not n.text.value.strip():
        return _EMPTY
    why = confusable(n.text.value.strip(" \t\r\n"))
    if why is not None:
        return problem(
            f"The NameID could be taken for another one. {why}",
            expected="an address in plain letters",
            actual=show(n.text.value),
            at=n.text.at,
        )
    domain = n.text.value.rpartition("@")[2]
    if not domain.isascii():
        normal = normalise_email(n.text.value)
        return problem(
            "The domain of the NameID is written in letters beyond ASCII."
            + (f" It is compared as {normal.rpartition('@')[2]}." if normal else ""),
            expected=normal,
            actual=show(n.text.value),
            at=n.text.at,
            severity=Severity.WARNING,
        )
    return ok("The NameID cannot be taken for another one.", at=n.text.at)


@check(
    "nameid-case",
    "the NameID is written in small letters",
    cites="saml-core §1.3.1; provisioning decision 2",
    severity=Severity.WARNING,
    profile="imagekit",
)
def nameid_case(case: Case) -> Outcome:
    """Addresses are compared without regard to the case of A to Z, so capital letters never make a second user here.

    Other service providers do compare them exactly, which is why it is worth tidying up at the IdP.
    """
    n = _name_id(case)
    if n is None:
        return _NONE
    normal = normalise_email(n.text.value)
    if normal is None:
        return not_applicable("The NameID is not an e-mail address.")
    if n.text.value.strip() == normal:
        return ok("The NameID is written as it is stored.", at=n.text.at)
    if n.text.value.strip().lower() == normal:
        return problem(
            "The NameID has capital letters. It is the same person as in small letters.",
            expected=normal,
            actual=show(n.text.value),
            at=n.text.at,
        )
    return not_applicable("It differs from its stored form in other ways than the letter case; see nameid-unicode.")


@check("nameid-length", "the NameID is not too long", cites="saml-core §8.3.7, §8.3.8", severity=Severity.WARNING)
def nameid_length(case: Case) -> Outcome:
    """Identifiers beyond 256 characters get cut off in databases, and two people become one."""
    n = _name_id(case)
    if n is None:
        return _NONE
    length = len(n.text.value)
    if length > MAX_LENGTH:
        return problem(
            f"The NameID has {length} characters.", expected=f"at most {MAX_LENGTH}", actual=str(length), at=n.text.at
        )
    return ok("The NameID is not too long.")


@check("nameid-transient", "the NameID stays the same at every login", cites="saml-core §8.3.8", profile="imagekit")
def nameid_transient(case: Case) -> Outcome:
    """A transient identifier is a new one at every login: every login would make a new user and take a seat."""
    n = _name_id(case)
    if n is None:
        return _NONE
    if n.format == NAMEID_TRANSIENT:
        return problem(
            "The NameID is transient: it changes at every login, so nobody could be recognised by it.",
            expected=NAMEID_EMAIL,
            actual=NAMEID_TRANSIENT,
            at=n.text.at,
        )
    return ok("The NameID is not transient.")


@check("nameid-spnamequalifier", "the NameID was issued for us", cites="saml-core §2.2.2, §8.3.7")
def nameid_spnamequalifier(case: Case) -> Outcome:
    """SPNameQualifier, where given, names the service provider for which the identifier was made."""
    n = _name_id(case)
    if n is None:
        return _NONE
    us = case.expectation.sp_entity_id
    if not n.sp_name_qualifier or us is None:
        return not_applicable(
            "The NameID has no SPNameQualifier." if not n.sp_name_qualifier else "Our own entity ID is not configured."
        )
    if n.sp_name_qualifier == us:
        return ok("The NameID was issued for us.", expected=us, actual=us, at=n.text.at)
    return problem(
        f"The NameID was issued for another service provider. {difference(us, n.sp_name_qualifier)}",
        expected=us,
        actual=show(n.sp_name_qualifier),
        at=n.text.at,
    )


@check(
    "nameid-namequalifier",
    "the NameID belongs to this identity provider",
    cites="saml-core §8.3.7",
    severity=Severity.WARNING,
)
def nameid_namequalifier(case: Case) -> Outcome:
    """NameQualifier, where given, names the identity provider in whose name space the identifier was made."""
    n = _name_id(case)
    if n is None:
        return _NONE
    issuer = the_issuer(assertion_of(case))
    wanted = case.expectation.idp_entity_id or (issuer.text.value if issuer else None)
    if not n.name_qualifier or wanted is None:
        return not_applicable(
            "The NameID has no NameQualifier." if not n.name_qualifier else "There is nothing to compare it with."
        )
    if n.name_qualifier == wanted:
        return ok("The NameID belongs to this identity provider.", expected=wanted, actual=wanted, at=n.text.at)
    return problem(
        "The NameID comes from the name space of another identity provider.",
        expected=wanted,
        actual=show(n.name_qualifier),
        at=n.text.at,
    )


@check("nameid-domain", "the address belongs to a domain of the organisation", cites="SDP-SP17", profile="imagekit")
def nameid_domain(case: Case) -> Outcome:
    """An identity provider may speak for the people of its own organisation only.

    Otherwise it could assert anybody's address and take over accounts elsewhere. Guest users are the harmless case.
    """
    n = _name_id(case)
    if n is None:
        return _NONE
    account = case.expectation.account
    allowed = account.allowed_email_domains if account else ()
    if not allowed:
        return not_applicable("The account does not limit the e-mail domains.")
    normal = normalise_email(n.text.value) if exact(n.text) is not None else None
    if normal is None:
        return not_applicable("The NameID is not an e-mail address.")
    domain = normal.rpartition("@")[2]
    if domain in {d.lower().lstrip("@") for d in allowed}:
        return ok("The address belongs to a domain of the organisation.", actual=domain, at=n.text.at)
    return problem(
        "The address does not belong to a domain of the organisation.",
        expected=" or ".join(allowed[:10]),
        actual=domain,
        at=n.text.at,
    )
