"""References: readable, and as many as promised."""

import re

from app.accounts.reference import SPACE, reference


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
