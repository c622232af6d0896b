"""app.saml.aggregate: a federation searched as a stream, one entity taken out byte by byte, hostile streams refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.saml import aggregate as module
from app.saml.aggregate import Entry, extract, search_aggregate
from app.saml.errors import MetadataError
from app.saml.expectation import Limits
from app.saml.metadata import read_metadata
from tests.saml.test_metadata import SP_ROLE, entity, role

MD = "urn:oasis:names:tc:SAML:2.0:metadata"
OPENING = (
    f'<md:EntitiesDescriptor xmlns:md="{MD}" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" '
    'xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui" xmlns:shibmd="urn:mace:shibboleth:metadata:1.0" '
    'validUntil="2027-01-01T00:00:00Z">'
)
CLOSING = "</md:EntitiesDescriptor>"


def named(name: str, number: int, scope: str = "", organisation: str = "") -> str:
    """An entity without namespace declarations of its own, as federations write them."""
    shown = f"<mdui:UIInfo><mdui:DisplayName>{name}</mdui:DisplayName></mdui:UIInfo>"
    scoped = f"<shibmd:Scope>{scope}</shibmd:Scope>" if scope else ""
    owner = f"<md:Organization><md:OrganizationName>{organisation}</md:OrganizationName></md:Organization>"
    roles = role().replace("<md:KeyDescriptor", f"<md:Extensions>{scoped}{shown}</md:Extensions><md:KeyDescriptor", 1)
    return (
        f'<md:EntityDescriptor entityID="https://idp{number}.test/">{roles}{owner if organisation else ""}'
        "</md:EntityDescriptor>"
    )


FEDERATION = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!-- an <md:EntityDescriptor entityID="https://decoy.test/"> -->\n'
    + OPENING
    + "<md:Extensions><x:y xmlns:x='urn:x' about=\"a > b\"/></md:Extensions>"
    + named("University of Berlin", 1, "berlin.test", "Freie Universität")
    + named("Lycée &amp; École", 2, "lycee.test")
    + "\n<?target <md:EntityDescriptor?>\n"
    + OPENING.replace("md:Ent", "m:Ent").replace("xmlns:md=", "xmlns:m=").replace("2027", "2026")
    + named("Straße &#x41;BC", 3).replace("md:", "m:")
    + CLOSING.replace("md:", "m:")
    + entity(SP_ROLE, entity_id="https://sp.test/")
    + CLOSING
    + "\n"
).encode()


class Dripping(io.RawIOBase):
    """A stream that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self._left, self._step = data, step

    def read(self, size: int = -1) -> bytes:
        part, self._left = self._left[: self._step], self._left[self._step :]
        return part


def stream(data: bytes | str, step: int = 0) -> BinaryIO:
    raw = data.encode() if isinstance(data, str) else data
    return Dripping(raw, step) if step else io.BytesIO(raw)  # type: ignore[return-value]


def search(words: str = "", data: bytes | str = FEDERATION, **options: object) -> list[Entry]:
    return list(search_aggregate(stream(data), words, **options))  # type: ignore[arg-type]


def ids(found: list[Entry]) -> list[str]:
    return [e.entity_id.removeprefix("https://").removesuffix(".test/") for e in found]


def test_every_entity_is_listed_and_nothing_that_only_looks_like_one() -> None:
    found = search()
    assert ids(found) == ["idp1", "idp2", "idp3", "sp"]
    assert found[0].names == ("University of Berlin", "Freie Universität")
    assert found[0].scopes == ("berlin.test",)
    assert [e.roles for e in found] == [("idp",), ("idp",), ("idp",), ("sp",)]
    for e in found:
        part = FEDERATION[e.offset : e.offset + e.size]
        assert part.startswith((b"<md:EntityDescriptor ", b"<m:EntityDescriptor "))
        assert part.endswith((b"</md:EntityDescriptor>", b"</m:EntityDescriptor>"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("berlin", ["idp1"]),
        ("BERLIN university", ["idp1"]),
        ("university paris", []),
        ("freie", ["idp1"]),
        ("berlin.test", ["idp1"]),
        ("idp2", ["idp2"]),
        ("école", ["idp2"]),
        ("&", ["idp2"]),
        ("strasse", ["idp3"]),
        ("abc", ["idp3"]),
        ("sp.test", ["sp"]),
        ("EntityDescriptor", []),
        ("decoy", []),
        ("  ", ["idp1", "idp2", "idp3", "sp"]),
    ],
)
def test_all_words_must_be_contained(words: str, expected: list[str]) -> None:
    assert ids(search(words)) == expected


def test_only_one_role() -> None:
    assert ids(search(role="sp")) == ["sp"]
    assert ids(search("test", role="idp")) == ["idp1", "idp2", "idp3"]


def test_letters_that_fold_to_ascii_are_all_known() -> None:
    fold = {chr(n) for n in range(128, 0x110000) if any(c.isascii() for c in chr(n).casefold())}
    assert fold == set(module._FOLD_TO_ASCII)


@pytest.mark.parametrize("name", ["&#83;t. K", "St<![CDATA[. ]]>K", "St. \u212a", "ST. k"])
def test_text_is_found_however_it_is_written(name: str) -> None:
    assert len(search("st. k", OPENING + named(name, 1) + CLOSING)) == 1


def test_the_bytes_taken_out_are_those_of_the_stream() -> None:
    for entry in search():
        document = extract(stream(FEDERATION), entry.entity_id)
        assert FEDERATION[entry.offset : entry.offset + entry.size] in document
        reading = read_metadata(document, entity=entry.entity_id, expect="any")
        assert reading.problems == ()
        assert (reading.idp or reading.sp).entity_id == entry.entity_id  # type: ignore[union-attr]


def test_what_stands_around_an_entity_counts_for_it() -> None:
    idp = read_metadata(extract(stream(FEDERATION), "https://idp3.test/")).usable_idp()
    assert idp.valid_until is not None
    assert idp.valid_until.year == 2026
    assert idp.display_name == "Straße ABC"


def test_an_escaped_or_padded_entity_id_is_found() -> None:
    data = OPENING + named("x", 1).replace("https://idp1.test/", " https://idp.test/?a=1&amp;b=2 ") + CLOSING
    assert b"?a=1&amp;b=2" in extract(stream(data), "https://idp.test/?a=1&b=2")


def test_an_entity_that_is_not_there() -> None:
    with pytest.raises(MetadataError, match=r"holds 4 entities, and none is called “https://no\.test/”"):
        extract(stream(FEDERATION), "https://no.test/")


def test_a_single_entity_is_an_aggregate_of_one() -> None:
    alone = entity(entity_id="https://one.test/")
    assert [e.entity_id for e in search(data="\ufeff" + alone)] == ["https://one.test/"]
    assert extract(stream(alone), "https://one.test/") == alone.encode()


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 1000])
def test_it_does_not_matter_how_the_bytes_come(step: int) -> None:
    assert list(search_aggregate(stream(FEDERATION, step))) == search()


PIECES = (
    "<md:EntityDescriptor>",
    "</md:EntityDescriptor>",
    '<md:EntityDescriptor entityID="x"/>',
    "<md:EntitiesDescriptor a='>'>",
    "</md:EntitiesDescriptor>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?p",
    "?>",
    "<a>",
    "Entity",
    "<",
    '"',
    "'",
    "é",
    "<!D",
)


def outcome(data: str, step: int) -> object:
    try:
        return list(search_aggregate(stream(data, step)))
    except MetadataError as e:
        return e.problems[0].check, str(e)[-1:]


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.sampled_from([1, 5, 4096]))
def test_any_sequence_of_markup_is_read_or_refused_in_a_sentence(parts: list[str], step: int) -> None:
    whole = outcome("".join(parts), 0)
    assert isinstance(whole, list) or whole[1] == "."  # type: ignore[index]
    assert outcome("".join(parts), step) == whole


# Hostile streams ------------------------------------------------------------------------------------------------------


def endless(opening: str, part: str) -> BinaryIO:
    """A stream that never ends and counts what was taken of it."""

    class Endless(io.RawIOBase):
        taken = 0

        def read(self, size: int = -1) -> bytes:
            data = (opening if not self.taken else "") + part * (size // len(part) + 1)
            Endless.taken += len(data)
            assert Endless.taken < 8_000_000, "it must give up"
            return data.encode()

    return Endless()  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("data", "check", "says"),
    [
        ("<!DOCTYPE md:EntitiesDescriptor []>" + OPENING + CLOSING, "xml-no-dtd", "document type declaration"),
        (OPENING + "<!ENTITY a 'b'>" + CLOSING, "xml-no-dtd", "document type declaration"),
        (OPENING + "<!nonsense and more>" + CLOSING, "xml-wellformed", "neither a comment"),
        (OPENING + named("x", 1), "xml-wellformed", "breaks off"),
        (OPENING + named("x", 1)[:-20], "xml-wellformed", "breaks off"),
        (OPENING + "<!-- never closed", "xml-wellformed", "breaks off"),
        (CLOSING, "xml-wellformed", "closes nothing"),
        (OPENING + "</md:EntityDescriptor>" + CLOSING, "xml-wellformed", "closes nothing"),
        (OPENING + "</m:EntitiesDescriptor>", "xml-wellformed", "closes nothing"),
        (OPENING + "<md:EntityDescriptor entityID='x'><a></md:EntityDescriptor>" + CLOSING, "xml-wellformed", "byte"),
        (OPENING + "<md:EntityDescriptor entityID='&x;'/>" + CLOSING, "xml-wellformed", "not well-formed"),
        (OPENING * 9, "xml-depth-limit", "nested too deep"),
        (f"<md:EntitiesDescriptor a='{'x' * 20_000}'>", "xml-depth-limit", "too long"),
        ((OPENING + CLOSING).encode("utf-16"), "encoding-charset", "UTF-16"),
        ('<?xml version="1.0" encoding="ISO-8859-1"?>' + OPENING + CLOSING, "encoding-charset", "ISO-8859-1"),
        (OPENING.encode() + b"<md:EntityDescriptor entityID='\xff'/>", "xml-wellformed", "not well-formed"),
        ("<html><body>Sign in</body></html>", "md-root", "HTML page"),
        ("", "md-root", "nothing in it"),
        ("<a/>", "md-root", "begins with md:EntityDescriptor"),
    ],
)
def test_what_is_refused(data: str | bytes, check: str, says: str) -> None:
    with pytest.raises(MetadataError) as caught:
        search(data=data)
    assert caught.value.problems[0].check == check
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("opening", "part"),
    [
        (OPENING + "<md:EntityDescriptor>", "<a/>"),
        (OPENING + "<md:EntityDescriptor a='", "x"),
        (OPENING + "<!--", "x"),
        (OPENING + "<md:EntityDescriptor ", "a='b' "),
    ],
)
def test_an_entity_without_end_is_given_up(opening: str, part: str) -> None:
    with pytest.raises(MetadataError, match=r"One (entity|comment or tag) is"):
        list(search_aggregate(endless(opening, part)))


def test_an_entity_of_too_many_nodes_is_refused() -> None:
    many = OPENING + "<md:EntityDescriptor entityID='x'>" + "<a/>" * 30_000 + "</md:EntityDescriptor>" + CLOSING
    with pytest.raises(MetadataError, match="The entity at byte") as caught:
        search(data=many)
    assert caught.value.problems[0].check == "xml-node-limit"
    assert len(search(data=many, limits=Limits(nodes=100_000))) == 1


def test_what_was_found_before_a_break_has_been_given() -> None:
    found: Iterator[Entry] = search_aggregate(stream(OPENING + named("x", 1) + "<md:EntityDescriptor>"))
    assert next(found).entity_id == "https://idp1.test/"
    with pytest.raises(MetadataError):
        next(found)


def test_elements_of_another_namespace_are_no_entities() -> None:
    foreign = OPENING + '<x:EntityDescriptor xmlns:x="urn:x" entityID="https://x.test/"/>' + named("y", 1) + CLOSING
    assert ids(search(data=foreign)) == ["idp1"]


def test_an_entity_inside_another_belongs_to_it() -> None:
    inner = named("inner", 2)
    outer = named("outer", 1).replace(
        "</md:EntityDescriptor>", f"<md:Extensions>{inner}</md:Extensions></md:EntityDescriptor>"
    )
    assert ids(search(data=OPENING + outer + CLOSING)) == ["idp1"]
