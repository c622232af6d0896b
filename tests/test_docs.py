"""Every check, fault, command and setting is documented, and the README names what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.cli import COMMANDS, reference
from app.gui.main_window import PAGES
from app.product import ROLE_IDS

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", reference.PAGES)
def test_reference_pages_are_current(name: str) -> None:
    kept = (ROOT / "resources" / "help" / name).read_text("utf-8")
    assert kept == reference.PAGES[name](), "run: python -m app.cli.reference"


def test_every_check_explains_itself() -> None:
    from app.saml.checks import registered

    silent = [c.id for c in registered().values() if len(c.explanation) < 20 or not c.cites or not c.title]
    assert silent == []


def test_the_readme_names_only_what_exists() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"`make (\w+)", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for command in re.findall(r"sso-workbench (\w+)", text):
        assert command in COMMANDS, command
    for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
        assert (ROOT / path).is_file(), path


def test_every_page_of_the_window_has_an_icon() -> None:
    missing = [icon for *_rest, icon in PAGES if not (ROOT / "resources" / "icons" / f"{icon}.svg").is_file()]
    assert missing == []


def test_the_six_roles_are_the_product_s() -> None:
    assert len(ROLE_IDS) == 6
