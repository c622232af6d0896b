"""References that can be read over the phone: three words and two digits from random bits given by the caller."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

_WORDS: Final = tuple(
    """
    acorn actor agent alarm album alley amber anchor angle ankle apple apron arbor arrow aspen atlas attic autumn
    bacon badge bagel baker balcony bamboo banjo barley barrel basil basin basket beacon beaver belt bench berry bicycle
    birch biscuit blanket blossom bonnet border bottle boulder bracket branch bread breeze brick bridge bronze brook
    bucket buffalo button cabin cactus camera candle canoe canvas canyon carbon cargo carpet carrot castle cedar cellar
    cement cherry chimney cinema circle citrus clover cobalt cocoa coffee comet compass copper coral corner cotton
    cousin coyote cradle crater crayon cricket crystal cushion cypress daisy dancer desert diamond dinner dolphin domino
    donkey dragon drawer drum eagle easel echo elbow ember emerald engine estate fabric falcon farmer feather fender
    ferry fiddle finger flame flannel flute forest fossil fountain fox freckle galaxy garden garlic garnet geyser ginger
    glacier glider globe goblet gopher granite grape gravel guitar hammer hamster harbor harvest hazel helmet heron
    hickory honey horizon hornet hotel iceberg igloo indigo island ivory jacket jaguar jasmine jersey jigsaw jungle
    juniper kayak kernel kettle kitchen kitten koala ladder lagoon lantern laurel lemon leopard library lilac linen
    lizard lobster locket lumber magnet mango maple marble market meadow melon meteor mirror mitten monkey mosaic
    mountain muffin mustard napkin nectar needle nickel noodle nutmeg oasis ocean olive onion orange orchard otter
    oyster paddle palace panda paper parrot pasture peanut pebble pelican pencil pepper piano picnic pigeon pillow
    pilot planet plaster pocket poplar porcelain potato prairie pumpkin puzzle quarry quartz quilt rabbit raccoon
    radish ranger raven ribbon river robin rocket rooster saddle saffron salad salmon sandal sapphire saturn scarlet
    """.split()  # noqa: SIM905  readable as one block
)
if len(set(_WORDS)) < 256:
    raise AssertionError("the word list must hold at least 256 different words")

_KNOWN: Final = frozenset(_WORDS)

#: How many different references there are.
SPACE: Final = len(_WORDS) ** 3 * 100


def reference(bits: int) -> str:
    """A reference such as "amber-otter-quilt-42" from at least 48 random bits.

    References are for people, not secrets, and not unique by themselves: the caller makes sure that none is used twice.
    """
    number, rest = bits % 100, bits // 100
    words = []
    for _ in range(3):
        rest, index = divmod(rest, len(_WORDS))
        words.append(_WORDS[index])
    return "-".join(words) + f"-{number:02d}"


def could_be_part(text: str) -> bool:
    """Whether a text in lower case could stand inside a reference."""
    first, *others = text.split("-")
    if not others:
        return text != "" and (any(text in w for w in _WORDS) or (text.isdecimal() and len(text) <= 2))
    if others == [""]:
        return any(w.endswith(first) for w in _WORDS)
    return bool(places(text))


def turned(reference: str) -> str:
    """A reference as third word, digits, second word: what a part that does not begin in its first word is found by."""
    second, _, rest = reference.partition("-")[2].partition("-")
    return f"{rest}-{second}"


class Place(NamedTuple):
    """Where a part stands: in references that begin like this, or in those whose turned() begins and ends like this."""

    turned: bool
    begins: str
    ends: str = ""


def places(part: str) -> tuple[Place, ...]:
    """Where a part in lower case may stand in a reference; together they are all of them.

    Nothing for what stands in more than one reference of fifty: a digit, a hyphen, letters of several words.
    """
    first, *others = part.split("-")
    if others in ([], [""]):
        return _of_one(first, "-" if others else "")
    return tuple(
        place
        for at in range(1, 5 - len(others))
        if _fit(others, at + 1)
        for place in _beginning_with(first, others, at)
    )


def _of_one(piece: str, hyphen: str) -> tuple[Place, ...]:
    """Where a piece of one word stands, or the digits."""
    if piece.isdecimal() and len(piece) == 2 and not hyphen:
        return tuple(Place(True, f"{word}-{piece}") for word in _WORDS)
    fitting = [w for w in _WORDS if (w.endswith(piece) if hyphen else piece in w)]
    if len(fitting) != 1:
        return ()
    (word,) = fitting
    second = (Place(False, f"{before}-{word}-") for before in _WORDS)
    return Place(False, f"{word}-"), Place(True, f"{word}-"), *second


def _fit(parts: list[str], at: int) -> bool:
    """Whether these stand in a reference from the place `at` on (4: the digits), the last of them perhaps cut off."""
    *whole, last = parts
    if any(p not in _KNOWN for p in whole):
        return False
    if at + len(whole) == 4:
        return last == "" or (last.isdecimal() and len(last) <= 2)
    return any(w.startswith(last) for w in _WORDS)


def _beginning_with(first: str, others: list[str], at: int) -> Iterator[Place]:
    rest = "-".join(others)
    words = [w for w in _WORDS if w.endswith(first)]
    if at != 2:
        yield from (Place(at == 3, f"{word}-{rest}") for word in words)
    elif words:
        yield Place(True, rest, first)
