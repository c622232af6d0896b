"""The report as a PDF: the same words as in the other forms, drawn as characters that can be nothing else."""

from __future__ import annotations

import re
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.saml.report import Report
from app.sharing import gather, pdf
from app.sharing.pdf import _drawable, _wrapped
from app.sharing.truetype import bundled
from tests.pdf_text import Pdf
from tests.saml.signing_samples import build, sign, the, xml
from tests.saml.test_redact import AT, assert_clean, canaries, judged
from tests.sharing.test_sharing import HOSTILE, hostile


@pytest.fixture(scope="module")
def report() -> Report:
    root = canaries()
    sign(the(root, "saml:Assertion"))
    return judged(xml(root))


def test_a_redacted_pdf_holds_no_canary(report: Report) -> None:
    plain = Pdf(pdf([gather(report, redacted=False)]))
    assert "Quixotelle" in plain.text
    data = pdf([gather(report, redacted=True, at=AT)])
    masked = Pdf(data)
    for text in (masked.text, masked.flat, masked.text.replace("\n", ""), masked.text.replace("\n", " ")):
        assert_clean(text)
    for body, stream in masked.objects.values():
        assert_clean((body + stream).decode("latin-1"))
    assert_clean(data.decode("latin-1"))
    assert "2026-11-24T08:00:00Z" in masked.text
    assert report.sha256 in masked.flat


def test_it_says_what_the_other_forms_say(report: Report) -> None:
    made = Pdf(pdf([gather(report, redacted=False)]))
    for d in report.diagnosis:
        assert "".join(d.title.split()) in made.flat
        assert "".join(d.cause.split()) in made.flat
    for c in report.failures:
        assert c.id in made.flat
        assert "".join(c.message.split()) in made.flat
    assert made.lines[0][0] == "Rejected"
    assert made.lines[0][-1].endswith(f"page 1 of {len(made.lines)}")
    assert "<samlp:Response" not in made.flat, "the message itself leaves only masked"
    assert "<samlp:Response" in Pdf(pdf([gather(report, redacted=True)])).flat


@pytest.mark.parametrize("value", HOSTILE)
def test_nothing_that_was_pasted_can_act(value: str) -> None:
    data = pdf([gather(hostile(value), redacted=False)])
    made = Pdf(data)
    structure = b"".join(body for body, _ in made.objects.values())
    for active in (b"/JavaScript", b"/JS", b"/URI", b"/Action", b"/Annots", b"/AA", b"/OpenAction", b"/AcroForm",
                   b"/EmbeddedFile", b"/Launch", b"/XObject"):  # fmt: skip
        assert active not in structure
    assert "\u202e" not in made.text
    words = [w for w in value.split() if w.isascii() and w.isprintable() and len(w) < 60]
    assert all(w in made.flat for w in words)


def test_page_content_is_text_alone(report: Report) -> None:
    made = Pdf(pdf([gather(report, redacted=True)]))
    allowed = re.compile(
        rb"BT [\d.]+ [\d.]+ [\d.]+ rg /[RB] [\d.]+ Tf [\d.]+ [\d.]+ Td <[0-9a-f]+> Tj ET"
        rb"|[\d.]+ [\d.]+ [\d.]+ RG 0\.7 w [\d.]+ [\d.]+ m [\d.]+ [\d.]+ l S"
    )
    for body, _ in made.objects.values():
        if b"/Type /Page " in body:
            content = int(re.search(rb"/Contents (\d+)", body)[1])  # type: ignore[index]
            for line in made.objects[content][1].splitlines():
                assert allowed.fullmatch(line), line


def test_characters_that_the_font_lacks_are_written_as_code_points() -> None:
    root = build("ada@a.test")
    statement = the(root, "saml:Assertion", "saml:AttributeStatement")
    statement[1][0].text = "王芳 Ωмега \U0001f600"
    made = Pdf(pdf([gather(judged(xml(root)), redacted=False)]))
    assert "⟨U+738B⟩⟨U+82B3⟩Ωмега⟨U+1F600⟩" in made.flat


def test_the_same_report_gives_the_same_bytes(report: Report) -> None:
    content = gather(report, redacted=True, at=AT, key=b"k" * 32)
    assert pdf([content]) == pdf([content])
    assert len(pdf([content])) < 60_000, "only the glyphs that are used are in it"
    assert pdf([]) == b""


def test_every_report_begins_a_page(report: Report) -> None:
    content = gather(report, redacted=False)
    alone, both = Pdf(pdf([content])), Pdf(pdf([content, content]))
    assert len(both.lines) == 2 * len(alone.lines)
    assert both.lines[len(alone.lines)][0] == "Rejected"


def test_a_long_value_is_broken_and_costs_little(report: Report) -> None:
    root = build("ada@a.test")
    statement = the(root, "saml:Assertion", "saml:AttributeStatement")
    statement[1][0].text = "x" * 200_000
    start = time.process_time()
    made = Pdf(pdf([gather(judged(xml(root)), redacted=False)]))
    assert time.process_time() - start < 10
    assert "x" * 200_000 in made.flat


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300), st.integers(min_value=4, max_value=60))
def test_no_line_is_too_long_and_no_character_is_lost(text: str, columns: int) -> None:
    drawn = _drawable(text, bundled("JetBrainsMono-Regular"))
    lines = list(_wrapped(drawn, columns))
    assert all(len(line) <= columns for line in lines)
    assert "".join("".join(lines).split()) == "".join(drawn.split())


def test_the_font_inside_is_a_whole_font_with_few_outlines() -> None:
    font = bundled("JetBrainsMono-Regular")
    glyph = font.glyphs[ord("é")]
    data = font.subset([glyph])
    count = struct.unpack_from(">H", data, 4)[0]
    tables = {}
    for n in range(count):
        tag, checksum, offset, length = struct.unpack_from(">4sIII", data, 12 + 16 * n)
        body = data[offset : offset + length]
        padded = body + b"\0" * (-len(body) % 4)
        assert sum(struct.unpack(f">{len(padded) // 4}I", padded)) & 0xFFFFFFFF == checksum
        tables[tag] = body
    glyphs = struct.unpack_from(">H", tables[b"maxp"], 4)[0]
    offsets = struct.unpack(f">{glyphs + 1}I", tables[b"loca"])
    drawn = [n for n in range(glyphs) if offsets[n + 1] > offsets[n]]
    assert glyph in drawn
    assert len(drawn) <= 4, "itself, what it is put together from, and the one for what is missing"
    assert len(data) < len(b"".join(font.tables.values())) / 3
