"""app.saml.tail: how much of a broken-off document there is."""

from __future__ import annotations

import time

import pytest

from app.saml.decoding import decode
from app.saml.tail import how_far, tail_of, usual_limit
from app.saml.xml import parse
from tests.saml.recordings import XML, b64


@pytest.mark.parametrize("data", [XML, b"", b"no markup", b"<a/>", b"<a><b/></a>", b"<?xml version='1.0'?><a>x</a>"])
def test_a_whole_document_has_no_tail(data: bytes) -> None:
    assert tail_of(data) is None
    assert how_far(data) == ""


def test_the_last_complete_element_is_named_with_its_end() -> None:
    end = XML.index(b"</saml:Subject>") + len(b"</saml:Subject>")
    tail = tail_of(XML[: end + 9])
    assert tail is not None
    assert (tail.last, tail.end) == ("Subject", end)
    assert tail.still_open == ("Response", "Assertion")
    assert tail.absent == ("Conditions", "AuthnStatement", "AttributeStatement")


def test_every_cut_of_a_message_is_told_truly() -> None:
    for length in range(0, len(XML) - 1, 7):
        tail = tail_of(XML[:length])
        if tail is None:
            assert b">" not in XML[:length]
            continue
        assert tail.end <= length
        if tail.last:
            closed = XML[: tail.end]
            assert closed.endswith((f"{tail.last}>".encode(), b"/>"))


def test_an_encrypted_response_lacks_nothing_that_it_hides() -> None:
    tail = tail_of(b"<p:Response><p:Status/><a:EncryptedAssertion><x>")
    assert tail is not None
    assert tail.absent == ()


def test_quotation_marks_may_hold_what_looks_like_a_tag_end() -> None:
    tail = tail_of(b"<a><b c='>'/><d")
    assert tail is not None
    assert (tail.last, tail.end) == ("b", 13)


def test_the_parser_and_the_decoder_tell_it() -> None:
    cut = XML[: XML.index(b"</saml:Conditions>") + 3]
    (problem,) = parse(cut).problems
    assert "breaks off" in problem.message
    assert "the last complete element is AudienceRestriction, which ends at byte" in problem.message
    assert "nothing came of AuthnStatement and AttributeStatement" in problem.message
    text = b64(XML)[:1023]
    (found,) = decode(text).problems
    assert "ends in the middle" in found.message
    assert "the last complete element is" in found.message


def test_usual_limits_are_recognised() -> None:
    assert "4,096 characters" in usual_limit(4096)
    assert usual_limit(4097) == ""
    # 255 characters is no whole number of groups of four, so that this cut shows in the base64 itself.
    assert "255 characters is a length at which" in decode(b64(XML)[:255]).problems[0].message


@pytest.mark.parametrize("data", [b"<a>" * 350_000, b"<" * 1_000_000, b"<a '" * 250_000, b"<a b='" + b"x" * 1_000_000])
def test_it_is_quick(data: bytes) -> None:
    start = time.process_time()
    tail_of(data)
    assert time.process_time() - start < 0.4
