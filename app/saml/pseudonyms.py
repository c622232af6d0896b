"""Stand-ins for what must not leave the house: every run of letters and digits becomes another of the same shape.

A run is replaced alike wherever it stands, so a domain in an e-mail address, a URL and a sentence stays the same
domain. What is kept is listed here: the words of the specifications, the product's own values, nothing a customer
chose. It knows no XML and no report.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from functools import cache
from typing import Final, Literal

from app.product import IMAGEKIT, ROLE_IDS, ROLES
from app.saml import names
from app.saml.likeness import claim_name_hint, role_hint

Kind = Literal["person", "address", "id", "secret", "certificate", "other"]


def words_of(text: str) -> frozenset[str]:
    """The words of a list that is written as text."""
    return frozenset(text.split())


_RUN: Final = re.compile(r"[^\W_]+")
_STANDARD: Final = re.compile(
    r"(?:urn:oasis:names:tc:|urn:oid:[0-9.]*\Z|urn:mace:|urn:ietf:|http://www\.w3\.org/|http://schemas\.xmlsoap\.org/"
    r"|http://schemas\.microsoft\.com/|http://docs\.oasis-open\.org/)"
)
_URL: Final = re.compile(r"(\s*)([A-Za-z][A-Za-z0-9+.\-]*)(://)([^/?#\s]*)([^?#]*)(.*)", re.DOTALL)
_INSTANT: Final = re.compile(
    r"\s*-?[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})?\s*\Z"
)
_PLAIN: Final = re.compile(r"\s*(?:[0-9]{1,4}|[0-9]\.[0-9]|-?P[0-9.YMDTHS]{2,20})?\s*\Z")
_ERROR_CODE: Final = re.compile(r"(?:AADSTS|MSIS|SAML|ID)[0-9]{3,7}\Z")
_DN_KEY: Final = frozenset({"cn", "ou", "o", "c", "l", "st", "dc", "e", "uid", "emailaddress", "serialnumber"})
_TOP_DOMAINS: Final = words_of(
    "com net org edu gov io co uk de fr eu at ch us ca au in jp nl info biz dev app cloud example test invalid "
    "localhost local"
)
_HOST_WORDS: Final = words_of(
    "www sts login windows microsoftonline okta oktapreview google accounts onelogin pingone auth0 jumpcloud"
)
_PATH_WORDS: Final = words_of(
    "http https urn spn mailto saml saml2 sso slo acs idp sp adfs ls trust metadata xml federationmetadata consume "
    "login logout services endpoint realms protocol app exk simplesaml module php post redirect v2 oid mace ietf"
)
_CLAIM_WORDS: Final = words_of(
    "ws 2005 2008 05 06 identity claims claim emailaddress email mail name givenname surname upn displayname "
    "objectidentifier tenantid groups group role identityprovider authnmethodsreferences nameidentifier "
    "authenticationmethod authenticationinstant firstname lastname user username full friendlyname xs xsd xsi string "
    "anytype datetime boolean base64binary attrname format nameid unspecified basic uri admin administrator viewer "
    "owner full access"
)
_XML_WORDS: Final = words_of("""
    xml xmlns version encoding utf standalone lang base space id type nil schemalocation nonamespaceschemalocation
    saml samlp saml2 saml2p md ds dsig dsig11 xenc xenc11 ec xsi xs xsd soap soapenv env wst alg mdui mdattr idpdisc
    response assertion authnrequest logoutrequest logoutresponse entitydescriptor entitiesdescriptor issuer subject
    subjectconfirmation subjectconfirmationdata conditions audiencerestriction audience authnstatement authncontext
    authncontextclassref authncontextdecl authncontextdeclref authenticatingauthority subjectlocality attributestatement
    attribute attributevalue encryptedassertion encryptedattribute encryptedid newencryptedid baseid nameid onetimeuse
    proxyrestriction condition advice evidence status statuscode statusmessage statusdetail extensions scoping idplist
    idpentry requesterid nameidpolicy requestedauthncontext sessionindex assertionidref assertionuriref statement
    signature signedinfo canonicalizationmethod signaturemethod signaturevalue reference transforms transform
    digestmethod digestvalue keyinfo keyname keyvalue rsakeyvalue dsakeyvalue eckeyvalue namedcurve publickey modulus
    exponent x509data x509certificate x509subjectname x509issuerserial x509issuername x509serialnumber x509ski x509crl
    x509digest retrievalmethod object manifest signatureproperties signatureproperty inclusivenamespaces prefixlist
    hmacoutputlength pgpdata spkidata mgmtdata p q g y j seed encrypteddata encryptedkey encryptionmethod cipherdata
    ciphervalue cipherreference encryptionproperties keysize oaepparams mgf referencelist datareference carriedkeyname
    derencodedkeyvalue idpssodescriptor spssodescriptor roledescriptor keydescriptor
    singlesignonservice singlelogoutservice artifactresolutionservice assertionconsumerservice nameidformat
    managenameidservice attributeconsumingservice servicename servicedescription requestedattribute organization
    organizationname organizationdisplayname organizationurl contactperson company givenname surname emailaddress
    telephonenumber attributeauthoritydescriptor authnauthoritydescriptor pdpdescriptor attributeservice
    assertionidrequestservice nameidmappingservice affiliationdescriptor affiliatemember attributeprofile
    additionalmetadatalocation envelope body header fault entityattributes uiinfo displayname description logo keywords
    informationurl privacystatementurl discoveryresponse digestmethod signingmethod requestsecuritytokenresponse
    requestedsecuritytoken lifetime created expires appliesto tokentype requesttype keytype
    issueinstant destination consent inresponseto notbefore notonorafter recipient address method nameformat
    friendlyname namequalifier spnamequalifier spprovidedid authninstant sessionnotonorafter dnsname value algorithm uri
    count reason forceauthn ispassive protocolbinding assertionconsumerserviceurl assertionconsumerserviceindex
    attributeconsumingserviceindex providername allowcreate comparison entityid validuntil cacheduration
    protocolsupportenumeration wantauthnrequestssigned authnrequestssigned wantassertionssigned binding location
    responselocation index isdefault isrequired contacttype use errorurl name proxycount mimetype target minorversion
    majorversion assertionid responseid cdata doctype entity
""")
#: Attribute values that a schema lists.
_LISTED: Final = words_of(
    "true false technical support administrative billing other signing encryption exact minimum maximum better"
)
_PIECES: Final = re.compile(
    r"(?P<escape>\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|\\[nrt])"
    r"|(?P<url>\b(?:[A-Za-z][A-Za-z0-9+.\-]{1,12}://|urn:|spn:|mailto:)[^\s\"“”<>,;()']+)"
    r"|(?P<mail>[^\s\"'“”<>(),;:]+@[^\s\"'“”<>(),;:]+)"
    r"|(?P<instant>\b[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?)"
    r"|(?P<guid>\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b)"
    r"|(?P<id>(?<![^\W])_[0-9A-Za-z][0-9A-Za-z\-]{7,})"
    r"|(?P<host>\b(?:[A-Za-z0-9\-]+\.)+(?:com|net|org|edu|gov|io|example|test|invalid|local)\b)"
    r"|(?P<cut>[^\W_]{3,}(?=…))|(?P<run>[^\W_]+)",
)
_CAMEL: Final = re.compile(r"[A-Z]?[^\W\d_A-Z]+|[A-Z]+(?![^\W\d_A-Z])|[0-9]+|[^\W\d_]+")
_LATIN: Final = "àáâãäåæçèéêëìíîïñòóôõöùúûü"
_LEAST: Final = 6
_MOST_WHOLE: Final = 1000
_CUT_AT: Final = 24


def runs(text: str) -> list[str]:
    """The runs of letters and digits of a text."""
    return _RUN.findall(text)


@cache
def vocabulary() -> frozenset[str]:
    """The words, in lower case, that belong to the specifications or to the product and tell nothing of anybody."""
    found = {*_XML_WORDS, *_PATH_WORDS, *_CLAIM_WORDS, *_LISTED, *_HOST_WORDS, *_TOP_DOMAINS, "ik", "aqab"}
    ours = [IMAGEKIT.entity_id, IMAGEKIT.acs_url, IMAGEKIT.relay_state, IMAGEKIT.logout_url, IMAGEKIT.login_url]
    ours += [IMAGEKIT.claim_imagekit_id, IMAGEKIT.claim_full_name, IMAGEKIT.claim_role]
    ours += [*ROLE_IDS, *(role.title for role in ROLES)]
    fixed = [v for n, v in vars(names).items() if n.isupper() and isinstance(v, str)]
    fixed += [*names.DIGESTS, *names.SIGNATURES, *names.STATUS_TOP_LEVEL, *names.DIGESTS.values()]
    fixed += [short for short, *_ in names.SIGNATURES.values()]
    fixed += [names.STATUS + s for s in _STATUS_CODES]
    found.update(w.lower() for text in ours + fixed for w in runs(text))
    return frozenset(found)


_STATUS_CODES: Final = words_of(
    "AuthnFailed InvalidAttrNameOrValue InvalidNameIDPolicy NoAuthnContext NoAvailableIDP NoPassive NoSupportedIDP "
    "PartialLogout ProxyCountExceeded RequestDenied RequestUnsupported RequestVersionDeprecated RequestVersionTooHigh "
    "RequestVersionTooLow ResourceNotRecognized TooManyResponses UnknownAttrProfile UnknownPrincipal UnsupportedBinding"
)


@cache
def _kept_whole() -> frozenset[str]:
    return frozenset(
        {
            *ROLE_IDS,
            IMAGEKIT.entity_id,
            IMAGEKIT.acs_url,
            IMAGEKIT.relay_state,
            *IMAGEKIT.relay_states,
            IMAGEKIT.logout_url,
            IMAGEKIT.login_url,
            IMAGEKIT.claim_imagekit_id,
            IMAGEKIT.claim_full_name,
            IMAGEKIT.claim_role,
        }
    )


@cache
def _vocabulary_text() -> str:
    return "\n".join(sorted(vocabulary()))


def is_telling_nothing(piece: str) -> bool:
    """Whether a piece of text (in lower case) stands in any message at all, so that finding it tells nothing."""
    return piece in _vocabulary_text()


class Pseudonyms:
    """Gives stand-ins and remembers what they stand for, so that the outcome can be searched for it.

    The same `key` gives the same stand-ins; without it nobody can tell whether a guess is right. Stand-ins of runs of
    one to three characters may coincide.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._runs: set[str] = set()  # in lower case
        self._spelt: set[str] = set()  # as received
        self._unusable: set[str] = set()  # runs of the input, in lower case, which no stand-in may look like
        self._values: dict[str, str] = {}
        self._taken: dict[str, str] = {}
        self._stand_ins: dict[str, str] = {}
        self._of_kind: dict[Kind, set[str]] = {}
        self._values_rule: re.Pattern[str] | None = None
        self._beginnings: set[str] = set()
        self._index: dict[str, list[str]] | None = None

    @property
    def counts(self) -> tuple[tuple[Kind, int], ...]:
        """How many different values of each kind were replaced."""
        return tuple((kind, len(values)) for kind, values in sorted(self._of_kind.items()))

    def avoid(self, text: str) -> None:
        """Let no stand-in be equal to a run of this text, which is everything that will be masked."""
        self._unusable.update(r.lower() for r in runs(text) if len(r) > 2)

    # One run ----------------------------------------------------------------------------------------------------------

    def run(self, text: str) -> str:
        """The stand-in of one run of letters and digits, and the run is remembered."""
        known = self._stand_ins.get(text)
        if known is not None:
            return known
        folded = text.lower()
        self._runs.add(folded)
        self._spelt.add(text)
        self._index = None
        made = text
        for attempt in range(16):
            made = self._shaped(text, folded, attempt)
            plain = made.lower()
            if plain != folded and plain not in self._unusable and self._taken.get(plain, folded) == folded:
                break
        self._taken[made.lower()] = folded
        self._stand_ins[text] = made
        return made

    def _shaped(self, text: str, folded: str, attempt: int) -> str:
        in_hex = all(c in "0123456789abcdef" for c in folded)
        stream = self._stream(f"{attempt}:{folded}", len(text))
        return "".join(_like(c, n, in_hex) for c, n in zip(text, stream, strict=True))

    def _stream(self, seed: str, length: int) -> bytes:
        start = hmac.digest(self._key, seed.encode("utf-8", "surrogatepass"), "sha256")
        return hashlib.shake_256(start).digest(length)

    def _note(self, kind: Kind, value: str) -> None:
        self._of_kind.setdefault(kind, set()).add(value)

    # A value ----------------------------------------------------------------------------------------------------------

    def value(self, text: str, kind: Kind = "other") -> str:
        """A value with every run replaced but those of the specifications and of the product, and remembered whole."""
        if not text or text.isspace():
            return text
        known = self._values.get(text)
        if known is not None:
            return known
        masked = self._masked(text)
        if masked != text:
            shaped = "address" if "://" in text and kind == "other" else "person" if "@" in text else kind
            self._note(shaped, text)
            self._keep(text, masked)
        return masked

    def _keep(self, text: str, masked: str) -> None:
        """Remember a whole value, so that a sentence that quotes it quotes its stand-in."""
        self._values[text] = masked
        self._values[text.strip()] = masked.strip()
        self._index = None

    def _masked(self, text: str) -> str:
        bare = text.strip()
        if bare in _kept_whole() or bare.lower() in ROLE_IDS:
            return text
        if _STANDARD.match(bare):
            return self._words(text, digits=True)
        url = _URL.fullmatch(text)
        if url is not None:
            return self._url(url)
        if "@" in text:
            pieces = re.split(r"(\s+)", text)
            return "".join(self._mail(p) if "@" in p else self._all(p) for p in pieces)
        return self._all(text)

    def _all(self, text: str) -> str:
        def replaced(match: re.Match[str]) -> str:
            found = match[0]
            if found.lower() in _DN_KEY and text[match.end() : match.end() + 1] == "=":
                return found
            if found == "ik" and text[match.end() : match.end() + 1] == "_":
                return found
            return found if _ERROR_CODE.match(found) else self.run(found)

        return _RUN.sub(replaced, text)

    def _mail(self, text: str) -> str:
        local, _, domain = text.rpartition("@")
        scheme = "mailto:" if local.startswith("mailto:") else ""
        return f"{scheme}{self._all(local.removeprefix(scheme))}@{self._host(domain)}"

    def _host(self, text: str) -> str:
        if text.lower().split(":")[0] in ("imagekit.io", "www.imagekit.io", "localhost"):
            return text
        last = max((m.start() for m in _RUN.finditer(text) if m[0].isalpha()), default=-1)

        def replaced(match: re.Match[str]) -> str:
            word = match[0].lower()
            if word in _HOST_WORDS or (word in _TOP_DOMAINS and 0 < match.start() >= last - 4):
                return match[0]
            return self.run(match[0])

        masked = _RUN.sub(replaced, text)
        if masked != text:
            self._keep(text, masked)
        return masked

    def _url(self, url: re.Match[str]) -> str:
        blank, scheme, slashes, host, path, rest = url.groups()
        scheme = scheme if scheme.lower() in _PATH_WORDS else self._all(scheme)
        user, at, host = host.rpartition("@")
        return f"{blank}{scheme}{slashes}{self._all(user)}{at}{self._host(host)}{self._words(path)}{self._all(rest)}"

    def _words(self, text: str, *, digits: bool = False) -> str:
        def replaced(match: re.Match[str]) -> str:
            found = match[0]
            if found.lower() in vocabulary() or (digits and found.isdecimal() and len(found) <= 8):
                return found
            return self.run(found)

        return _RUN.sub(replaced, text)

    def name(self, text: str) -> str:
        """The name of a claim, an element or a namespace: the words of the specifications and of the product stay.

        So does a near miss of one of the product's claims, because it is what is wrong with the message.
        """
        if not text or text.isspace() or text in self._values:
            return self._values.get(text, text)
        claims = (IMAGEKIT.claim_imagekit_id, IMAGEKIT.claim_full_name, IMAGEKIT.claim_role)
        hints = [h.kind for c in claims if len(text) <= 100 and (h := claim_name_hint(c, text, None))]
        if any(kind in ("blank", "case", "spelling", "punctuation", "expression") for kind in hints):
            return text
        url = None if _STANDARD.match(text.strip()) else _URL.fullmatch(text)
        masked = self._url(url) if url else self._words(text, digits=bool(_STANDARD.match(text.strip())))
        if masked != text:
            self._note("other", text)
            self._keep(text, masked)
        return masked

    def role(self, text: str) -> str:
        """The value of the role claim: the product's roles and their words stay, whatever else is sent does not."""
        if len(text) <= 100 and role_hint(text).kind in ("blank", "case", "display-name"):
            return text
        if text.strip() in ROLE_IDS:
            return text
        masked = self._words(text)
        if masked != text:
            self._note("other", text)
            self._keep(text, masked)
        return masked

    def fact(self, text: str, kind: Kind = "other") -> str:
        """The value of an XML attribute: times, numbers and what a schema lists stay, everything else is a value."""
        if _INSTANT.match(text) or _PLAIN.match(text) or text.strip() in _LISTED:
            return text
        prefix, colon, local = text.strip().partition(":")
        if colon and prefix in ("xs", "xsd") and local.lower() in vocabulary():
            return text
        return self.value(text, kind)

    def secret(self, text: str) -> str:
        """A key, digest, signature or ciphertext: a placeholder of the same length, blank space and padding kept."""
        compact = "".join(text.split())
        if not compact or compact == "AQAB":
            return text
        self._note("secret", compact)
        self.remember(text)
        letters = iter(_placeholder(len(text)))
        return "".join(c if c.isspace() or c == "=" else next(letters) for c in text)

    def remember(self, text: str) -> None:
        """Remember the runs of a text that is left out altogether."""
        for found in runs(text):
            if len(found) >= _LEAST:
                self._runs.add(found.lower())
                self._spelt.add(found)
        self._index = None

    def free(self, text: str) -> str:
        """Text of no known form: every run is replaced but the words of the specifications."""
        masked = self._words(text)
        if masked != text:
            self._note("other", text)
        return masked

    def note(self, kind: Kind, value: str) -> None:
        """Count a value that the caller replaced itself."""
        self._note(kind, value)

    # Sentences --------------------------------------------------------------------------------------------------------

    def sentence(self, text: str, *, strict: bool = False) -> str:
        """A sentence of this program with the values in it replaced. `strict`: it may be nothing but a value."""
        if strict and text.strip() in self._values:
            return text.replace(text.strip(), self._values[text.strip()])
        rule = self._values_rule or self._learn()
        done: list[str] = []
        at = 0
        for match in rule.finditer(text):
            done += [self._pieces(text[at : match.start()], strict), self._values[match[0]]]
            at = match.end()
        done.append(self._pieces(text[at:], strict))
        return "".join(done)

    def _learn(self) -> re.Pattern[str]:
        """What sentences can quote, as known before the first of them is masked; the message has been masked by then.

        Of very many values the longest are looked for as a whole, and all of them by their runs.
        """
        long = sorted((v for v in self._values if _is_composite(v)), key=len, reverse=True)[:_MOST_WHOLE]
        alternatives = "|".join(map(re.escape, long))
        self._values_rule = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)" if long else r"(?!)")
        self._beginnings = {r[:n] for r in self._runs for n in range(3, min(len(r), _CUT_AT) + 1)}
        return self._values_rule

    def _pieces(self, text: str, strict: bool) -> str:
        if not text:
            return text
        quoted = [(m.start(), m.end()) for m in re.finditer(r"“[^”]*”|\"[^\"]*\"|'[^']*'", text)]

        def replaced(match: re.Match[str]) -> str:
            found = match[0]
            kind = match.lastgroup
            if kind == "escape":
                return found
            if kind == "instant":
                return self._values.get(found, found)
            if kind in ("url", "mail", "guid", "id"):
                tail = found[len(found.rstrip(".:!?…")) :]
                return self.value(found.removesuffix(tail) if tail else found, _KINDS[kind]) + tail
            if kind == "host":
                return self._host(found)
            inside = strict or any(a <= match.start() < b for a, b in quoted)
            if kind == "cut" and self._begins_one(found.lower()):
                return self.run(found)
            return self.run(found) if self._gives_away(found, inside) else found

        return _PIECES.sub(replaced, text)

    def _begins_one(self, folded: str) -> bool:
        return folded[:_CUT_AT] in self._beginnings and folded not in vocabulary()

    def _gives_away(self, found: str, inside: bool) -> bool:
        """Whether a run of a sentence is one that was replaced elsewhere and not merely a word of this program."""
        folded = found.lower()
        if folded not in self._runs or folded in vocabulary():
            return False
        if found.isdecimal():
            return len(found) >= _LEAST
        if len(found) >= _LEAST or inside:
            return True
        return len(found) >= 3 and found in self._spelt

    # Searching --------------------------------------------------------------------------------------------------------

    def search(self, texts: Iterable[str]) -> set[str]:
        """Everything replaced that stands in one of these texts, in lower case; letter case does not count.

        One pass over each text. What stands inside a stand-in is there by chance and does not count either.
        """
        if self._index is None:
            self._index = self._needles()
        needles = self._index
        hits: set[str] = set()
        for text in texts:
            folded = text.lower()
            for at in range(len(folded) - _LEAST + 1):
                for needle in needles.get(folded[at : at + _LEAST], ()):
                    if folded.startswith(needle, at) and not self._is_chance(folded, at, needle):
                        hits.add(needle)
        return hits

    def _is_chance(self, text: str, at: int, needle: str) -> bool:
        first, last = at, at + len(needle)
        while first > 0 and text[first - 1].isalnum():
            first -= 1
        while last < len(text) and text[last].isalnum():
            last += 1
        around = text[first:last]
        return around != needle and (needle.isdecimal() or around in self._taken)

    def _needles(self) -> dict[str, list[str]]:
        """Everything that must not be found, in lower case, by its first six characters."""
        wanted: set[str] = set()
        for folded in self._runs:
            wanted.add(folded)
        for spelt in self._spelt:
            if not spelt.isalpha() or not spelt.islower():
                wanted.update(p.lower() for p in _CAMEL.findall(spelt) if not p.isdecimal())
        for value in self._values:
            if len(value) > 400:
                continue
            folded = value.strip().lower()
            # What is made of the vocabulary but for the short runs is found by those.
            if any(r in self._runs and r not in vocabulary() and not r.isdecimal() for r in runs(folded)):
                wanted.add(folded)
                wanted.add("".join(runs(folded)))
                local, at, domain = folded.rpartition("@")
                labels = (domain if at else folded).split(".")
                if 2 <= len(labels) <= 6 and all(runs(label) == [label] for label in labels):
                    wanted.add(".".join(reversed(labels)))
                if at:
                    wanted.add(local)
        index: dict[str, list[str]] = {}
        for needle in wanted:
            if len(needle) >= _LEAST and not is_telling_nothing(needle):
                index.setdefault(needle[:_LEAST], []).append(needle)
        return index


_KINDS: Final[dict[str, Kind]] = {"url": "address", "mail": "person", "guid": "id", "id": "id"}


def _is_composite(value: str) -> bool:
    return 3 <= len(value) <= 400 and len(runs(value)) > 1


def _placeholder(length: int) -> str:
    return ("MASKED" * (length // 6 + 1))[:length]


def _like(c: str, n: int, in_hex: bool) -> str:
    """Another character of the same sort."""
    if "0" <= c <= "9":
        return chr(48 + n % 10)
    if "a" <= c <= "z":
        return chr(97 + n % (6 if in_hex else 26))
    if "A" <= c <= "Z":
        return chr(65 + n % (6 if in_hex else 26))
    code = ord(c)
    if c.isdigit():
        return chr(0xFF10 + n % 10) if 0xFF10 <= code <= 0xFF19 else chr(48 + n % 10)
    if 0xFF21 <= code <= 0xFF5A:
        return chr((0xFF21 if code <= 0xFF3A else 0xFF41) + n % 26)
    if 0x370 <= code <= 0x3FF:
        return chr((0x391 if c.isupper() else 0x3B1) + n % 16)
    if 0x400 <= code <= 0x4FF:
        return chr((0x410 if c.isupper() else 0x430) + n % 32)
    if 0x4E00 <= code <= 0x9FFF:
        return chr(0x4E00 + n * 8)
    if code < 0x250:
        other = _LATIN[n % len(_LATIN)]
        return other.upper() if c.isupper() else other
    return "x"
