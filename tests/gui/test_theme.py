from __future__ import annotations

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QApplication

from app.gui import theme
from app.gui.theme import DARK, LIGHT, Tokens


def luminance(colour: str) -> float:
    c = QColor(colour)
    parts = [(v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4) for v in (c.redF(), c.greenF(), c.blueF())]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("t", [LIGHT, DARK], ids=lambda t: t.name)
@pytest.mark.parametrize("ink", ["text", "muted", "ok", "warning", "error", "accent"])
@pytest.mark.parametrize("paper", ["surface", "background", "sidebar"])
def test_text_can_be_read(t: Tokens, ink: str, paper: str) -> None:
    assert contrast(getattr(t, ink), getattr(t, paper)) >= 4.5


@pytest.mark.parametrize("t", [LIGHT, DARK], ids=lambda t: t.name)
def test_the_primary_button_can_be_read(t: Tokens) -> None:
    assert contrast(t.on_accent, t.accent) >= 4.5


@pytest.mark.parametrize("choice", ["dark", "light"])
def test_pills_can_be_read(qapp: QApplication, choice: str) -> None:
    t = theme.apply(qapp, choice)
    try:
        for token in ("ok", "warning", "error", "accent"):
            assert contrast(getattr(t, token), theme.tint(getattr(t, token), 0.12)) >= 4.5
    finally:
        theme.apply(qapp, "light")


def test_identifiers_are_shown_letter_by_letter() -> None:
    """Inter's ligatures would draw ik_7x2k with a multiplication sign."""
    assert theme.font().featureValue(theme.QFont.Tag("calt")) == 0
    assert theme.mono().family() == "JetBrains Mono"
    assert theme.font().family() == "Inter"
