"""app.saml.decoding.captures.jsontext: it finds in JSON what json.loads() finds, and never holds the lock for long."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.saml.decoding.captures.jsontext import BrokenText, JsonText
from app.saml.decoding.captures.registry import WINDOW

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(VALUES, st.sampled_from([None, 2]))
def test_a_value_ends_where_it_ends(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent).encode()
    assert JsonText(text + b" ,x").skip(0) == len(text)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=6), st.booleans())
def test_members_are_those_of_the_object(value: dict[str, Any], ascii_only: bool) -> None:
    text = JsonText(json.dumps(value, indent=1, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))
    assert {n: text.value(*span, 1_000_000) for n, span in text.spans(0).items()} == value
    for name in value:
        assert text.find(0, name) is not None
    assert text.find(0, "no such member") is None


@settings(max_examples=200, deadline=None)
@given(st.lists(VALUES, max_size=6))
def test_items_are_those_of_the_array(value: list[Any]) -> None:
    text = JsonText(json.dumps(value).encode())
    assert [text.value(*span, 1_000_000) for span in text.items(0)] == value


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_nonsense_ends_in_one_kind_of_error(data: bytes) -> None:
    for begin in (b"", b"{", b"[", b'{"a":', b'["'):
        text = JsonText(begin + data)
        with contextlib.suppress(BrokenText):
            text.skip(0)
        with contextlib.suppress(BrokenText):
            list(text.items(0))
        with contextlib.suppress(BrokenText):
            text.spans(0)


@pytest.mark.parametrize("length", [WINDOW - 2, WINDOW - 1, WINDOW, WINDOW + 1, 3 * WINDOW])
@pytest.mark.parametrize("filler", ['"', "\\", "x", "\n", "ü"])
def test_strings_longer_than_a_window_are_passed_over(length: int, filler: str) -> None:
    value = {"before": "a" * (length - 20), "long": filler * length, "after": [1, {"x": "y"}]}
    text = JsonText(json.dumps(value, ensure_ascii=False).encode())
    assert text.skip(0) == len(text.data)
    begin = text.find(0, "after")
    assert begin is not None
    assert text.value(begin, text.skip(begin), 1_000) == [1, {"x": "y"}]


def test_bounds_of_a_value() -> None:
    text = JsonText(b'["' + b"x" * 100 + b'"]')
    assert text.value(0, len(text.data), 50) is None
    many = JsonText(b"[" + b"1," * 100_000 + b"1]")
    assert many.value(0, len(many.data), 10_000_000) is None
    assert JsonText(b"9" * 5_000).value(0, 5_000, 10_000) is None


@pytest.mark.parametrize(
    "text", [b"[" * 3_000_000, b'{"a":' * 1_000_000, b"[" + b"[]," * 3_000_000, b'"' + b"\\" * 9_000_000]
)
def test_bombs_are_given_up(text: bytes) -> None:
    start = time.process_time()
    with pytest.raises(BrokenText):
        JsonText(text).skip(0)
    assert time.process_time() - start < 6
