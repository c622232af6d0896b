"""References: readable, and as many as promised."""

import re

import pytest

from app.accounts.reference import SPACE, could_be_part, places, reference, turned


def test_three_words_and_two_digits():
    assert re.fullmatch(r"[a-z]+-[a-z]+-[a-z]+-\d\d", reference(123456789012345))


def test_every_part_follows_the_bits():
    one = reference(0)
    assert reference(1) != one
    assert reference(100) != one
    assert reference(0) == one


def test_the_space_is_large_enough_for_a_million_events():
    assert SPACE >= 256**3 * 100
    assert len({reference(n * 7919) for n in range(20_000)}) == 20_000


def test_any_number_of_bits_is_accepted():
    assert reference(2**64 - 1).count("-") == 3


def test_the_places_of_a_part_are_exactly_where_it_stands():
    some = [reference(n * 1_000_003 * 97 % SPACE) for n in range(80)]
    parts = {r[a:b] for r in some[:6] for a in range(len(r)) for b in range(a + 1, len(r) + 1)}
    nowhere = {"--", "x-y", "otter-42-", "otter-otter-otter-ott", "42-otter", "otter--42", "123", "x"}
    for part in parts | nowhere | {"-", "-4", "otter-otter-otter-42", "42", "otter", "otter-"}:
        found = places(part)
        assert could_be_part(part) or not found
        for whole in some if found else ():
            stands = [p for p in found if (turned(whole) if p.turned else whole).startswith(p.begins)]
            assert any(turned(whole).endswith(p.ends) for p in stands) is (part in whole), (part, whole)
    assert not any(could_be_part(part) for part in nowhere - {"x"})


@pytest.mark.parametrize("part", ["a", "4", "-", "r-", "an", "e", ""])
def test_what_stands_nearly_everywhere_has_no_places(part):
    assert places(part) == ()


def test_a_turned_reference_holds_its_end_and_its_middle():
    assert turned("amber-otter-quilt-42") == "quilt-42-otter"
    assert turned("") == turned("old") == "-"
