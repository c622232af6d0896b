"""What elements and attributes are called for people, and which of them need special reading. Data only."""

from __future__ import annotations

from typing import Final

from app.saml.names import DS, MD, SAML, SAMLP, XENC, XSI, q

#: Elements by their word; "" for those that people need not hear of, because what is in them says it all.
ELEMENTS: Final[dict[str, str]] = {
    q(SAMLP, "Response"): "Response",
    q(SAMLP, "AuthnRequest"): "AuthnRequest",
    q(SAMLP, "LogoutRequest"): "LogoutRequest",
    q(SAMLP, "LogoutResponse"): "LogoutResponse",
    q(SAMLP, "Status"): "",
    q(SAMLP, "StatusCode"): "Status",
    q(SAMLP, "StatusMessage"): "Status message",
    q(SAMLP, "StatusDetail"): "Status detail",
    q(SAMLP, "NameIDPolicy"): "NameID policy",
    q(SAMLP, "RequestedAuthnContext"): "Requested context",
    q(SAMLP, "SessionIndex"): "Session index",
    q(SAML, "Assertion"): "Assertion",
    q(SAML, "EncryptedAssertion"): "Encrypted assertion",
    q(SAML, "Subject"): "",
    q(SAML, "NameID"): "NameID",
    q(SAML, "SubjectConfirmation"): "Subject confirmation",
    q(SAML, "SubjectConfirmationData"): "",
    q(SAML, "Conditions"): "Conditions",
    q(SAML, "AudienceRestriction"): "",
    q(SAML, "AuthnStatement"): "Sign-in",
    q(SAML, "AuthnContext"): "",
    q(SAML, "AuthnContextClassRef"): "Context class",
    q(SAML, "AttributeStatement"): "",
    q(SAML, "OneTimeUse"): "One-time use",
    q(SAML, "ProxyRestriction"): "Proxy restriction",
    q(DS, "Signature"): "Signature",
    q(DS, "SignedInfo"): "",
    q(DS, "CanonicalizationMethod"): "Canonicalization",
    q(DS, "SignatureMethod"): "Signature method",
    q(DS, "SignatureValue"): "Signature value",
    q(DS, "Reference"): "",
    q(DS, "Transforms"): "",
    q(DS, "DigestMethod"): "Digest method",
    q(DS, "DigestValue"): "Digest value",
    q(DS, "KeyInfo"): "",
    q(DS, "X509Data"): "",
    q(DS, "KeyName"): "Key name",
    q(XENC, "EncryptedData"): "Encrypted data",
    q(XENC, "EncryptedKey"): "Encrypted key",
    q(XENC, "EncryptionMethod"): "Encryption method",
    q(XENC, "CipherData"): "",
    q(XENC, "CipherValue"): "Encrypted bytes",
    q(MD, "EntitiesDescriptor"): "Aggregate",
    q(MD, "EntityDescriptor"): "Entity",
    q(MD, "IDPSSODescriptor"): "Identity provider",
    q(MD, "SPSSODescriptor"): "Service provider",
    q(MD, "AttributeAuthorityDescriptor"): "Attribute authority",
    q(MD, "RoleDescriptor"): "Role of another protocol",
    q(MD, "SingleSignOnService"): "Login address",
    q(MD, "SingleLogoutService"): "Logout address",
    q(MD, "AssertionConsumerService"): "ACS address",
    q(MD, "ArtifactResolutionService"): "Artifact address",
    q(MD, "ManageNameIDService"): "NameID management address",
    q(MD, "AttributeConsumingService"): "Requested attributes",
    q(MD, "RequestedAttribute"): "Requested attribute",
    q(MD, "EncryptionMethod"): "Encryption method",
    q(MD, "Extensions"): "",
    q(SAMLP, "Extensions"): "",
    q(MD, "ContactPerson"): "Contact",
    q(MD, "Organization"): "Organization",
}

#: Elements below which the words begin anew: "Assertion › Issuer" rather than "Response › Assertion › Issuer".
LANDMARKS: Final = frozenset(
    {
        *(q(SAMLP, n) for n in ("Response", "AuthnRequest", "LogoutRequest", "LogoutResponse")),
        q(SAML, "Assertion"),
    }
)

#: Attributes by their word, where their own name is not the best.
ATTRIBUTES: Final[dict[str, str]] = {
    "Algorithm": "",
    "Value": "",
    "Method": "Method",
    "Format": "Format",
    "SPNameQualifier": "SP name qualifier",
    "NameQualifier": "Name qualifier",
    "entityID": "Entity ID",
    "protocolSupportEnumeration": "Protocols",
    "WantAuthnRequestsSigned": "Wants signed requests",
    "WantAssertionsSigned": "Wants signed assertions",
    "AuthnRequestsSigned": "Signs its requests",
    "ResponseLocation": "Address for answers",
    "Location": "",
    "index": "Index",
    "isDefault": "Default",
    "isRequired": "Required",
    "cacheDuration": "Cache duration",
    "validUntil": "Valid until",
}

#: Values that are new in every login.
IDS: Final = frozenset(
    {"ID", "Id", "InResponseTo", "SessionIndex", "AssertionID", q(SAMLP, "SessionIndex"), q(SAML, "AssertionIDRef")}
)
SIGNATURE_VALUES: Final = frozenset({q(DS, "DigestValue"), q(DS, "SignatureValue"), q(XENC, "CipherValue")})
REFERENCES: Final = frozenset({q(DS, "Reference"), q(DS, "RetrievalMethod"), q(XENC, "DataReference")})

#: Instants that are compared by their distance from IssueInstant, and those that are new in every login.
OFFSETS: Final = {
    "NotBefore": "Not before",
    "NotOnOrAfter": "Not on or after",
    "SessionNotOnOrAfter": "Session ends",
}
TIMES: Final = {"IssueInstant": "Issued", "AuthnInstant": "Signed in", "validUntil": "Valid until"}

#: Attributes that say "false" by being absent (saml-core §3.4.1, saml-metadata §2.4).
FALSE_BY_DEFAULT: Final = frozenset(
    {
        *("ForceAuthn", "IsPassive", "AllowCreate", "isRequired"),
        *("WantAuthnRequestsSigned", "WantAssertionsSigned", "AuthnRequestsSigned", q(XSI, "nil")),
    }
)

#: Children that are values of their parent, in no order: what they are called together.
SEVERAL: Final = {
    q(SAML, "Audience"): "Audience",
    q(SAML, "AttributeValue"): "",
    q(MD, "NameIDFormat"): "NameID formats",
    q(MD, "AttributeProfile"): "Attribute profiles",
    q(DS, "X509Certificate"): "Certificate",
    "{urn:mace:shibboleth:metadata:1.0}Scope": "Scopes",
}

#: Repeated elements whose order means something.
ORDERED: Final = frozenset({q(DS, "Transform"), q(SAML, "AuthnContextClassRef"), q(SAMLP, "IDPEntry")})

#: Attributes that are told apart by one of these, the first that is there.
NAMED_BY: Final[dict[str, tuple[str, ...]]] = {
    q(SAML, "Attribute"): ("Name", "FriendlyName"),
    q(MD, "RequestedAttribute"): ("Name",),
    q(MD, "EntityDescriptor"): ("entityID",),
    q(MD, "EntitiesDescriptor"): ("Name",),
    q(MD, "AttributeConsumingService"): ("index",),
}

#: Attributes that say nothing of their own.
SILENT: Final = frozenset({q(XSI, "schemaLocation"), q(XSI, "noNamespaceSchemaLocation"), q(XSI, "type")})
