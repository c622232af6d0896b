"""References that can be read over the phone: three words and two digits from random bits given by the caller."""

from __future__ import annotations

from typing import Final

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
    parts = text.split("-")
    if len(parts) > 4 or not text:
        return False
    first, last, inner = parts[0], parts[-1], parts[1:-1]
    if any(p not in _KNOWN for p in inner):
        return False
    if len(parts) == 1:
        return any(text in w for w in _WORDS) or (text.isdecimal() and len(text) <= 2)
    starts = last == "" or any(w.startswith(last) for w in _WORDS) or (last.isdecimal() and len(last) <= 2)
    return starts and (first == "" or any(w.endswith(first) for w in _WORDS))
