"""Golden screenshots: every page as a stranger first meets it, light and dark, and some with people in them.

Compared to the letter first, then by the share of pixels that differ. They are practical only with the pinned PySide6
and our own fonts, so elsewhere they are skipped with the reason. `UPDATE_GOLDEN=1` writes them anew: look at each.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import PySide6
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QComboBox

from app.accounts.directory import read_directory
from app.bootstrap import open_workspace
from app.gui import application, theme
from app.gui.desk import Desk
from app.gui.jobs import InlineExecutor, Jobs
from app.gui.main_window import PAGES, MainWindow
from app.gui.pages.inspector import InspectorPage
from app.gui.pages.settings.page import KINDS
from app.lab import Lab
from simulator import TestUser

GOLDEN = Path(__file__).parents[1] / "golden"
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
NOW = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)
PINNED = "6.11.3"

pytestmark = [
    pytest.mark.skipif(PySide6.__version__ != PINNED, reason=f"the screenshots were made with PySide6 {PINNED}"),
    pytest.mark.skipif(os.environ.get("QT_QPA_PLATFORM") != "offscreen", reason="the screenshots were made offscreen"),
]


@pytest.fixture
def window(tmp_path: Path, qapp: QApplication) -> Iterator[tuple[MainWindow, Desk]]:
    workspace = open_workspace(f"sqlite:///{tmp_path / 'golden.db'}", clock=lambda: NOW)
    lab = Lab(workspace.sso, None, clock=lambda: NOW)
    # Names in scripts that our fonts lack would be drawn with whatever the machine has.
    people = [
        TestUser(
            username=n.lower(), email=f"{n.lower()}@acme-media.test", full_name=f"{n} Sample", role="developer",
            imagekit_id="ik_7x2k", about=f"{n} is invented.",
        )
        for n in ("Ada", "Grace", "Linus")
    ]  # fmt: skip
    tenant = lab.tenant
    for old in tenant.users:
        tenant = tenant.without_user(old.username)
    for person in people:
        tenant = tenant.with_user(person)
    lab.save_tenant(tenant)
    made, desk = application.build(workspace, lab, Jobs(InlineExecutor()))
    made.load_accounts()
    made._where.setText("golden.db")
    made.resize(1280, 800)
    yield made, desk
    made.close()
    lab.stop()
    desk.jobs.shutdown()
    workspace.close()
    theme.apply(qapp, "light")


def shot(window: MainWindow, desk: Desk, page: str, mode: str) -> QImage:
    application.restyle(desk, mode)
    window.open_page(page)
    return grabbed(window)


def grabbed(window: MainWindow) -> QImage:
    """What the window shows now, without a focus. Putting the theme on again takes seconds on a page of many parts."""
    window.show()
    for _ in range(5):
        QApplication.processEvents()
    focused = QApplication.focusWidget()
    if focused is not None:
        focused.clearFocus()
    for combo in window.findChildren(QComboBox):
        combo.clearFocus()
    window._where.setText("golden.db")
    QApplication.processEvents()
    return window.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)


def compare(made: QImage, name: str) -> None:
    path = GOLDEN / f"{name}.png"
    if UPDATE:
        GOLDEN.mkdir(exist_ok=True)
        assert made.save(str(path))
        return
    kept = QImage(str(path)).convertToFormat(QImage.Format.Format_RGB32)
    assert not kept.isNull(), f"{path.name} is missing: UPDATE_GOLDEN=1 makes it"
    assert made.size() == kept.size()
    if made == kept:
        return
    one, two = bytes(made.constBits()), bytes(kept.constBits())
    differing = sum(one[i : i + 4] != two[i : i + 4] for i in range(0, len(one), 4))
    share = differing / (len(one) / 4)
    if share > 0.002:
        output = Path(__file__).parents[1] / "output"
        output.mkdir(exist_ok=True)
        made.save(str(output / f"{name}.png"))
    assert share <= 0.002, f"{share:.2%} of the pixels of {name} differ; see tests/output"


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("page", [name for name, *_ in PAGES])
def test_a_fresh_page(page: str, mode: str, window: tuple[MainWindow, Desk]) -> None:
    compare(shot(*window, page, mode), f"fresh-{page}-{mode}")


PEOPLE = (("ada", "account_administrator"), ("grace", "developer"), ("linus", "finance"))


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_users_with_people(mode: str, window: tuple[MainWindow, Desk]) -> None:
    main, desk = window
    for name, role in PEOPLE:
        desk.sso.add_user("ik_7x2k", f"{name}@acme-media.test", f"{name.title()} Sample", role, operator="golden")
    compare(shot(main, desk, "users", mode), f"people-users-{mode}")


#: Responses of 2026-11-23 20:36 and the metadata of who signed them, with a key that was thrown away.
MESSAGES = GOLDEN / "messages"


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("message", ["good", "misspelt-role", "tampered"])
def test_the_inspector_with_a_message(message: str, mode: str, window: tuple[MainWindow, Desk]) -> None:
    main, desk = window
    desk.sso.save_metadata("ik_7x2k", (MESSAGES / "idp.xml").read_bytes(), test_idp=True)
    main.open_page("inspector")
    page = main.findChild(InspectorPage)
    assert page is not None
    page.open((MESSAGES / f"{message}.xml").read_bytes())
    compare(shot(main, desk, "inspector", mode), f"{message}-inspector-{mode}")


def test_the_inspector_in_a_small_window(window: tuple[MainWindow, Desk]) -> None:
    main, desk = window
    main.resize(1000, 700)
    desk.sso.save_metadata("ik_7x2k", (MESSAGES / "idp.xml").read_bytes(), test_idp=True)
    main.open_page("inspector")
    page = main.findChild(InspectorPage)
    assert page is not None
    page.open((MESSAGES / "misspelt-role.xml").read_bytes())
    compare(shot(main, desk, "inspector", "light"), "small-inspector-light")


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_stale_users_with_a_list_of_the_directory(mode: str, window: tuple[MainWindow, Desk]) -> None:
    main, desk = window
    for name, role in PEOPLE:
        desk.sso.add_user("ik_7x2k", f"{name}@acme-media.test", f"{name.title()} Sample", role, operator="golden")
    listed = "mail,accountEnabled\nada@acme-media.test,True\ngrace@acme-media.test,False\nlinus@acme-media.test,True\n"
    desk.sso.import_directory(
        "ik_7x2k", read_directory(listed.encode()), complete=True, taken_at=NOW, source="directory.csv"
    )
    page = main.page("stale")
    shot(main, desk, "stale", mode)
    page.table.selectRow(0)  # type: ignore[attr-defined]
    compare(shot(main, desk, "stale", mode), f"people-stale-{mode}")


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_scenarios_with_one_chosen(mode: str, window: tuple[MainWindow, Desk]) -> None:
    main, desk = window
    main.open_page("trials", ("scenario", "d04-seats-full"))
    compare(shot(main, desk, "trials", mode), f"chosen-scenarios-{mode}")


class Sequence:
    """Chance that comes out the same every time, for references that are drawn."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self, length: int) -> bytes:
        self._number += 1
        return sha256(str(self._number).encode()).digest()[:length]


@pytest.fixture
def lived(window: tuple[MainWindow, Desk]) -> tuple[MainWindow, Desk]:
    """An account with three people by hand, a login that was let in, its replay, and two that were refused."""
    main, desk = window
    sso = desk.sso
    sso._random_bytes = Sequence()
    sso.update_account("ik_7x2k", seat_price="12.00 EUR per month")
    sso.save_metadata("ik_7x2k", (MESSAGES / "idp.xml").read_bytes(), test_idp=True)
    sso.set_entity_id("ik_7x2k", "urn:example:ik_7x2k")
    sso.set_entity_id("ik_7x2k", None)
    for name, role in PEOPLE[1:]:
        sso.add_user("ik_7x2k", f"{name}@acme-media.test", f"{name.title()} Sample", role, operator="golden")
    for name in ("good", "good", "misspelt-role", "tampered"):
        sso.consume(b"SAMLResponse=" + quote_plus(b64encode((MESSAGES / f"{name}.xml").read_bytes())).encode())
    return main, desk


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_overview_and_the_log_of_an_account_that_is_used(mode: str, lived: tuple[MainWindow, Desk]) -> None:
    main, desk = lived
    compare(shot(main, desk, "overview", mode), f"lived-overview-{mode}")
    page = main.page("log")
    shot(main, desk, "log", mode)
    page.table.selectRow(0)  # type: ignore[attr-defined]
    compare(grabbed(main), f"lived-log-{mode}")


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_parts_of_the_settings(mode: str, lived: tuple[MainWindow, Desk]) -> None:
    main, desk = lived
    page = main.page("settings")
    shot(main, desk, "settings", mode)
    page.claims._pause.stop()  # type: ignore[attr-defined]
    page.claims._try()  # type: ignore[attr-defined]
    for kind in KINDS:
        page.open(kind.name)
        if kind.name == "history":
            page.history.table.selectRow(1)  # type: ignore[attr-defined]
        compare(grabbed(main), f"lived-settings-{kind.name}-{mode}")


LISTED = (
    "mail,displayName,accountEnabled\nada@acme-media.test,Ada Sample,True\n"
    "grace@acme-media.test,Grace Sample,False\nlinus@acme-media.test,Linus Sample,True\n"
)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_panels_of_the_stale_page(mode: str, lived: tuple[MainWindow, Desk], tmp_path: Path) -> None:
    main, desk = lived
    path = tmp_path / "directory.csv"
    path.write_text(LISTED)
    page: Any = main.page("stale")
    shot(main, desk, "stale", mode)
    page.drop(path)
    page.importing.whole.click()
    page.importing.now_button.click()
    compare(grabbed(main), f"import-stale-{mode}")
    page.importing.import_now()
    grabbed(main)
    page.banner.hide()
    page.select_evident()
    page.review()
    compare(grabbed(main), f"review-stale-{mode}")
    page.cancel()
    desk.sso.apply_cleanup(desk.sso.plan_cleanup("ik_7x2k"))
    page.show_kept()
    compare(grabbed(main), f"kept-stale-{mode}")
