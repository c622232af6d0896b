"""Controls: good messages that must be accepted. Whoever rejects everything is not secure but broken."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from lxml import etree

from simulator import names
from simulator.draft import Draft, extensions, foreign, insert_after_issuer
from simulator.encryption import Encryption
from simulator.faults.registry import Family, Setup, Stage, nothing
from simulator.message import AttributeSpec, ConfirmationSpec, instant
from simulator.names import SAML, q
from simulator.signing import Signing

controls = Family("controls")
_SP_INITIATED = Setup(flow="sp_initiated", registered_as="developer")


def _signed(target: str, **knobs: object) -> Signing:
    return Signing(target=target, engine="signxml", **knobs)  # type: ignore[arg-type]  # knobs are checked by the tests


@controls.fault("ok-assertion-signed", None, expects="accept", reference="IIP-SSO04")
def _(d: Draft) -> None:
    """Only the assertion is signed, by the independent signer."""
    d.signing = (_signed("assertion"),)


@controls.fault("ok-response-signed", None, expects="accept", reference="IIP-SSO04")
def _(d: Draft) -> None:
    """Only the response is signed, by the independent signer."""
    d.signing = (_signed("response"),)


@controls.fault("ok-both-signed", None, expects="accept", reference="IIP-SSO04")
def _(d: Draft) -> None:
    """The assertion is signed, then the response around it."""
    d.signing = (_signed("assertion"), _signed("response"))


controls.row(
    "ok-unsolicited",
    nothing,
    "A login that starts at the portal: no InResponseTo anywhere.",
    None,
    expects="accept",
    reference="saml-profiles §4.1.5",
    alters=False,
)
controls.row(
    "ok-solicited",
    nothing,
    "A login that starts at the service provider: InResponseTo equals the AuthnRequest's ID in both places.",
    None,
    expects="accept",
    reference="saml-profiles §4.1.5",
    setup=_SP_INITIATED,
    alters=False,
)


@controls.fault("ok-no-keyinfo", None, expects="accept", reference="saml-core §5.4.5")
def _(d: Draft) -> None:
    """The signature has no KeyInfo: the key is known from the metadata."""
    d.signing = (_signed("assertion", keyinfo="none"),)


@controls.fault(
    "ok-keyinfo-other-cert-same-key", "signature-keyinfo-mismatch", expects="accept", reference="certificate renewal"
)
def _(d: Draft) -> None:
    """KeyInfo holds a re-issued certificate of the very key that is trusted: a warning, not a refusal."""
    d.seal(certificates=(d.keys.pair("current", "reissued"),))


def _algorithm(fault_id: str, key: str, algorithm: str, digest: str, metadata: str, summary: str) -> None:
    def apply(d: Draft) -> None:
        d.signing = (_signed("assertion", key=key, signature_algorithm=algorithm, digest_algorithm=digest),)

    controls.row(
        fault_id,
        apply,
        summary,
        None,
        expects="accept",
        reference="IIP-ALG02, IIP-ALG03",
        setup=Setup(metadata=metadata),
    )


_algorithm("ok-rsa-sha384", "current", names.RSA_SHA384, names.SHA384, "default", "RSA with SHA-384.")
_algorithm("ok-rsa-sha512", "current", names.RSA_SHA512, names.SHA512, "default", "RSA with SHA-512.")
_algorithm("ok-rsa-pss", "current", names.PSS_SHA256, names.SHA256, "default", "RSASSA-PSS with SHA-256 (RFC 9231).")
_algorithm("ok-ecdsa-p256", "ec-p256", names.ECDSA_SHA256, names.SHA256, "ec-p256", "ECDSA on P-256.")
_algorithm("ok-ecdsa-p384", "ec-p384", names.ECDSA_SHA384, names.SHA384, "ec-p384", "ECDSA on P-384.")


@controls.fault(
    "ok-second-signing-key", None, expects="accept", reference="IIP-MD07", setup=Setup(metadata="both-keys")
)
def _(d: Draft) -> None:
    """The metadata lists two signing keys, and the second one signs."""
    d.signing = (_signed("assertion", key="next"),)


@controls.fault(
    "ok-expired-idp-cert",
    "cert-validity",
    expects="accept",
    reference="IIP-MD12",
    setup=Setup(metadata="expired-certificate"),
)
def _(d: Draft) -> None:
    """The certificate in the metadata expired yesterday; its key still signs: warn, do not refuse."""
    d.seal(certificates=(d.keys.pair("current", "expired"),))


@controls.fault("ok-default-ns-prefix", None, expects="accept", reference="Namespaces in XML")
def _(d: Draft) -> None:
    """Assertion and Signature use default namespaces instead of prefixes."""
    d.change(prefixes=(None, "samlp"))
    d.seal(prefix=None)


@controls.fault("ok-odd-prefixes", None, expects="accept", reference="Namespaces in XML")
def _(d: Draft) -> None:
    """The prefixes are a, b and c: only the namespaces behind them count."""
    d.change(prefixes=("a", "b"))
    d.seal(prefix="c")


@controls.fault("ok-inclusive-prefixlist", None, expects="accept", reference="xml-exc-c14n §3")
def _(d: Draft) -> None:
    """Attribute values carry xsi:type="xs:string", and the transform lists the prefix xs, as Shibboleth does."""
    statements = tuple(
        tuple(replace(a, value_type="xs:string") for a in statement) for statement in d.spec.attribute_statements
    )
    d.change(attribute_statements=statements)
    d.seal(prefix_list="xs")


@controls.fault("ok-two-confirmations", None, expects="accept", reference="saml-profiles §4.1.4.3")
def _(d: Draft) -> None:
    """Two SubjectConfirmations, the first for another Recipient, the second a good bearer: one good one is enough."""
    good = d.spec.confirmations[0]
    d.change(confirmations=(replace(good, recipient="https://other-sp.example/acs"), good))


@controls.fault("ok-holder-of-key-first", None, expects="accept", reference="saml-profiles §4.1.4.3")
def _(d: Draft) -> None:
    """A holder-of-key confirmation stands before the good bearer."""
    first = ConfirmationSpec(method=names.HOLDER_OF_KEY, data=False)
    d.change(confirmations=(first, *d.spec.confirmations))


@controls.fault("ok-two-audiences", None, expects="accept", reference="saml-core §2.5.1.4")
def _(d: Draft) -> None:
    """One AudienceRestriction with two audiences, ours second: inside a restriction they are alternatives."""
    d.change(audience_restrictions=(("https://other-sp.example/metadata", d.application.entity_id),))


@controls.fault("ok-extra-attributes", None, expects="accept", reference="IIP-SP10")
def _(d: Draft) -> None:
    """Attributes nobody asked for are listed and otherwise ignored."""
    extra = (
        AttributeSpec(name="department", values=("Media",), name_format=names.NAME_BASIC),
        AttributeSpec(name="urn:oid:2.5.4.20", values=("+49 30 5550100",), friendly_name="telephoneNumber"),
    )
    d.change(attribute_statements=(*d.spec.attribute_statements[:-1], d.spec.attribute_statements[-1] + extra))


@controls.fault("ok-advice", None, stage=Stage.TREE, expects="accept", reference="IIP-EXT01")
def _(d: Draft) -> None:
    """Advice with foreign content and no assertion in it."""
    advice = etree.Element(q(SAML, "Advice"))
    advice.append(foreign("Note", "for your information"))
    conditions = d.part("Conditions")
    conditions.addnext(advice)


@controls.fault("ok-extensions", None, stage=Stage.TREE, expects="accept", reference="IIP-EXT01")
def _(d: Draft) -> None:
    """Extensions with foreign content."""
    insert_after_issuer(d.response, extensions(foreign("Trace", "42")))


@controls.fault("ok-skew-119s", "time-skew-used", expects="accept", reference="SDP-G01")
def _(d: Draft) -> None:
    """NotBefore lies 119 seconds ahead; with three minutes of tolerance that is accepted, and said."""
    d.change(not_before=d.after(seconds=119), not_on_or_after=d.after(seconds=600))


@controls.fault("ok-cdata", None, kind="A", stage=Stage.SIGNED, expects="accept", reference="XML information set")
def _(d: Draft) -> None:
    """Half of the NameID's text stands in a CDATA section, put there after signing: the text is the same."""
    text = d.part("NameID").text or ""
    half = len(text) // 2

    def rewrite(xml: bytes) -> bytes:
        old = f">{text}<".encode()
        return xml.replace(old, f">{text[:half]}<![CDATA[{text[half:]}]]><".encode(), 1)

    d.rewrite(rewrite)


@controls.fault("ok-comment-outside", "xml-comments", kind="A", stage=Stage.SIGNED, expects="accept")
def _(d: Draft) -> None:
    """A comment between Status and Assertion, put there after signing: outside every value, so only a warning."""
    d.assertion.addprevious(etree.Comment(" passed through a logging proxy "))


@controls.fault("ok-crlf", None, stage=Stage.TREE, signs="assertion", expects="accept", reference="XML 1.0 §2.11")
def _(d: Draft) -> None:
    """The line ends between elements become CRLF after signing; every parser turns them back."""
    etree.indent(d.response, "  ")
    d.rewrite(lambda xml: xml.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def _encrypted(fault_id: str, breaks: str | None, how: Encryption, sign: str, summary: str) -> None:
    def apply(d: Draft) -> None:
        d.signing = (Signing(target="assertion"), Signing(target="response"))[: 2 if sign == "both" else 1]
        d.encryption = how

    controls.row(
        fault_id,
        apply,
        summary,
        breaks,
        expects="accept",
        reference="IIP-SP08",
        setup=Setup(decryption_key=True),
    )


_encrypted(
    "ok-encrypted-gcm",
    None,
    Encryption(),
    "assertion",
    "A signed assertion encrypted with AES-256-GCM, the key with RSA-OAEP.",
)
_encrypted(
    "ok-encrypted-gcm-both",
    None,
    Encryption(block=names.AES128_GCM),
    "both",
    "A signed assertion, encrypted, inside a signed response.",
)
_encrypted(
    "ok-encrypted-key-sibling",
    None,
    Encryption(key_place="sibling"),
    "assertion",
    "The EncryptedKey stands beside the EncryptedData, reached by a RetrievalMethod to its Id.",
)
_encrypted(
    "ok-encrypted-cbc",
    "enc-block-alg",
    Encryption(block=names.AES128_CBC),
    "both",
    "AES-128-CBC, which most identity providers still send: accepted with a warning where the policy allows it.",
)


@controls.fault("ok-relaystate-80", None, stage=Stage.WIRE, expects="accept", reference="saml-bindings §3.5.3")
def _(d: Draft) -> None:
    """A RelayState of exactly 80 bytes, the most the binding allows."""
    base = (d.application.relay_state or d.application.acs_url).split("?")[0] + "?x="
    d.set_field("RelayState", base + "a" * (80 - len(base.encode())))


@controls.fault("ok-large", None, expects="accept", reference="performance floor")
def _(d: Draft) -> None:
    """Two thousand group names, about 100 KiB: to be judged in well under 200 ms."""
    groups = AttributeSpec(name="groups", values=tuple(f"group-{n:04d}" for n in range(2000)))
    d.change(attribute_statements=(*d.spec.attribute_statements[:-1], (*d.spec.attribute_statements[-1], groups)))


@controls.fault("ok-milliseconds", None, expects="accept", reference="saml-core §1.3.3")
def _(d: Draft) -> None:
    """Every instant carries milliseconds."""
    d.change(
        response_issue_instant=instant(d.now, "milliseconds"),
        assertion_issue_instant=instant(d.now, "milliseconds"),
        not_before=instant(d.now - timedelta(seconds=60), "milliseconds"),
        not_on_or_after=instant(d.now + timedelta(seconds=300), "milliseconds"),
    )
