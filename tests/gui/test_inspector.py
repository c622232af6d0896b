"""The inspector as a person uses it: paste, read the verdict, go to the place, send the report."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from PySide6.QtCore import QMimeData, QModelIndex, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel
from pytestqt.qtbot import QtBot

from app.gui import theme
from app.gui.desk import Desk
from app.gui.examine import NOTHING, WHOEVER_FITS, Subject
from app.gui.files import FileRefused
from app.gui.jobs import Jobs
from app.gui.pages.inspector import InspectorPage
from app.gui.xml_tree import Nodes
from app.saml.outline import outline
from app.sample import MISSPELT, make_sample
from app.sso import Overrides
from tests.gui.desks import ACCOUNT, real_desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    with real_desk() as made:
        yield made


@pytest.fixture
def page(qtbot: QtBot, desk: Desk) -> InspectorPage:
    made = InspectorPage(desk)
    qtbot.addWidget(made)
    made.resize(1064, 776)
    made.show()
    return made


@pytest.fixture
def served() -> Iterator[Desk]:
    with real_desk(running=True) as made:
        yield made


def message(desk: Desk) -> str:
    """A fresh sample, as base64."""
    values = desk.sso.sp_values(ACCOUNT)
    made = make_sample(desk.sso.now, imagekit_id=ACCOUNT, entity_id=values.entity_id, acs_url=values.acs_url)
    return made.message


def clipboard(text: str) -> None:
    QGuiApplication.clipboard().setText(text)


def texts(page: InspectorPage) -> str:
    return "\n".join(w.text() for w in page.findChildren(QLabel))


# First sight ---------------------------------------------------------------------------------------


def test_the_empty_page_teaches_and_offers_the_first_steps(page: InspectorPage) -> None:
    assert page.first_paste.isVisible()
    assert page.first_sample.isVisible()
    assert page.box.isVisible()
    assert not page.export.isVisible()
    assert "Paste what the browser posted" in texts(page)


def test_the_sample_shows_its_cause_and_who_acts(qtbot: QtBot, page: InspectorPage) -> None:
    qtbot.mouseClick(page.first_sample, Qt.MouseButton.LeftButton)
    assert page.verdict.pill.state == "not-provisioned"
    assert MISSPELT in page.verdict.headline.text()
    assert page.verdict.detail.text().startswith("The identity provider's administrator has to act. Response (base64)")
    assert page.figures["fail"].value.text() == "1"
    assert page.table.model_.rows[0].id == "claim-role-known"
    assert page.tabs.currentIndex() == 0
    assert page.desk.sso.count_events() == 1, "the account's creation only: inspecting records nothing"


def test_an_empty_clipboard_is_told_in_one_sentence(qtbot: QtBot, page: InspectorPage) -> None:
    clipboard("")
    qtbot.mouseClick(page.first_paste, Qt.MouseButton.LeftButton)
    assert page.banner.text == "The clipboard holds no text. Copy the SAMLResponse value first, then paste it here."
    assert page.first_paste.isVisible()


# Pasting ---------------------------------------------------------------------------------------


def test_ctrl_v_anywhere_pastes_and_inspects(qtbot: QtBot, page: InspectorPage, desk: Desk) -> None:
    clipboard(message(desk))
    page.activateWindow()
    page.setFocus()
    qtbot.waitUntil(page.hasFocus)
    qtbot.keyClick(page, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert page.verdict.pill.state == "unknown", "no identity provider is configured: never valid"
    assert "samlp:Response" in page.source.toPlainText()


def test_pasting_into_the_box_inspects_a_form_body(page: InspectorPage, desk: Desk) -> None:
    mime = QMimeData()
    mime.setText(urlencode({"SAMLResponse": message(desk), "RelayState": "https://imagekit.io/dashboard"}))
    page.box.insertFromMimeData(mime)
    assert "form-field:SAMLResponse, base64" in page.verdict.detail.text()


def test_typed_text_is_inspected_with_ctrl_enter(qtbot: QtBot, page: InspectorPage) -> None:
    page.box.setFocus()
    qtbot.keyClicks(page.box, "no message at all")
    qtbot.keyClick(page.box, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert page.verdict.pill.state == "reject"
    assert page.table.model_.rows[0].status == "fail"
    assert page.figures["time"].value.text() == "none"


def test_a_file_is_opened_and_a_report_saved(page: InspectorPage, desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "response.xml"
    path.write_bytes(base64.b64decode(message(desk)))
    assert page.drop(path)
    assert page.verdict.pill.state == "unknown"
    page.save_report(tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert report["schema"] == "sso-workbench/report/1"
    assert report["source"] == "response.xml"
    page.copy_json()
    assert json.loads(QGuiApplication.clipboard().text()) == report


def test_metadata_is_left_to_settings(page: InspectorPage, tmp_path: Path) -> None:
    path = tmp_path / "idp.xml"
    path.write_text('<?xml version="1.0"?>\n<!-- x -->\n<md:EntityDescriptor entityID="https://idp.test"/>')
    assert not page.drop(path)
    wide = tmp_path / "wide.xml"
    wide.write_bytes('<EntityDescriptor entityID="https://idp.test"/>'.encode("utf-16"))
    assert not page.drop(wide)


def test_what_is_no_regular_file_is_refused_without_reading_it(page: InspectorPage, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert page.drop(pipe)
    assert page.banner.text.startswith("pipe is not a regular file.")
    assert page.drop(tmp_path / "missing.xml")
    assert "cannot be read" in page.banner.text


def test_a_file_that_is_too_large_is_refused(page: InspectorPage, tmp_path: Path) -> None:
    path = tmp_path / "large.xml"
    with path.open("wb") as f:
        f.truncate(5 * 1024 * 1024)
    assert page.drop(path)
    assert page.banner.text == "large.xml is larger than 4 MB. Choose a smaller file."


# Reading ---------------------------------------------------------------------------------------


@pytest.fixture
def sampled(page: InspectorPage) -> InspectorPage:
    page.open("sample")
    return page


def test_enter_on_a_finding_goes_to_its_place(qtbot: QtBot, sampled: InspectorPage) -> None:
    sampled.table.selectRow(0)
    assert sampled.tabs.tabText(sampled.tabs.currentIndex()) == "Finding"
    assert "claim-role-known" in texts(sampled)
    qtbot.keyClick(sampled.table, Qt.Key.Key_Return)
    line = sampled.source.marked_line
    assert 'Name="imagekit_role"' in sampled.source.toPlainText().splitlines()[line - 1]
    assert sampled.tree.current is not None
    assert sampled.tree.current.path.endswith("saml:Attribute[3]")


def test_a_node_of_the_tree_marks_its_line(sampled: InspectorPage) -> None:
    sampled.tabs.setCurrentWidget(sampled.tree)
    sampled.tree.go_to("/samlp:Response/saml:Assertion/saml:Subject/saml:NameID")
    sampled.tree.clicked.emit(sampled.tree.currentIndex())
    line = sampled.source.toPlainText().splitlines()[sampled.source.marked_line - 1]
    assert "margaret@acme-media.test" in line
    sampled.tree.copy_path()
    assert QGuiApplication.clipboard().text() == "/samlp:Response/saml:Assertion/saml:Subject/saml:NameID"
    sampled.tree.copy_value()
    assert QGuiApplication.clipboard().text() == "margaret@acme-media.test"


def test_only_what_a_trusted_signature_covers_is_marked(sampled: InspectorPage, page: InspectorPage) -> None:
    ((first, last),) = sampled.source.signed_lines
    lines = sampled.source.toPlainText().splitlines()
    assert lines[first - 1].lstrip().startswith("<saml:Assertion")
    assert lines[last - 1].strip() == "</saml:Assertion>"
    assert sampled.signatures.model_.rows[0].trusted
    sampled.against.setCurrentIndex(sampled.against.findData(NOTHING))
    sampled.against.activated.emit(sampled.against.currentIndex())
    assert page.source.signed_lines == ()
    assert page.verdict.pill.state == "unknown"


def test_claims_say_who_signed_them(sampled: InspectorPage) -> None:
    rows = {r.name: r for r in sampled.claims.model_.rows}
    assert rows["NameID"].value == "margaret@acme-media.test"
    assert rows["imagekit_role"].value == MISSPELT
    assert {r.provenance for r in rows.values()} == {"signed-by-assertion"}


def test_the_cause_links_to_its_finding_and_names_the_vendors_steps(qtbot: QtBot, sampled: InspectorPage) -> None:
    sampled.causes.vendor.setCurrentIndex(sampled.causes.vendor.findData("entra"))
    assert "App roles" in texts(sampled)
    qtbot.mouseClick(sampled.causes.copy, Qt.MouseButton.LeftButton)
    mail = QGuiApplication.clipboard().text()
    assert "What is wrong: The role is not accepted" in mail
    assert "App roles" in mail
    sampled.choice.setCurrentIndex(4)
    assert all(f.status == "pass" for f in sampled.table.model_.rows)
    sampled.causes.asked.emit("claim-role-known")
    assert sampled.table.current is not None
    assert sampled.table.current.id == "claim-role-known"


def test_searching_narrows_findings_and_finds_in_the_source(qtbot: QtBot, sampled: InspectorPage) -> None:
    qtbot.keyClicks(sampled.search, "audience")
    qtbot.waitUntil(lambda: 0 < len(sampled.table.model_.rows) < 20)
    assert sampled.counted.text() == f"{len(sampled.table.model_.rows)} of {sampled.table.model_.total}"
    qtbot.keyClick(sampled.search, Qt.Key.Key_Return)
    assert sampled.source.textCursor().selectedText().lower() == "audience"
    first = sampled.source.textCursor().position()
    for _ in range(20):
        sampled.find_next()
    assert sampled.source.textCursor().position() <= first or sampled.source.textCursor().hasSelection()


def test_counts_in_the_choice_are_those_of_the_report(sampled: InspectorPage) -> None:
    shown = sampled.choice.itemText(1)
    wrong = [f for f in sampled.table.model_.rows if f.status in ("fail", "warn")]
    assert shown == f"Errors and warnings ({len(wrong)})"
    sampled.choice.setCurrentIndex(5)
    assert {f.status for f in sampled.table.model_.rows} == {"not-applicable"}


def test_a_finding_is_copied_with_control_characters_visible(sampled: InspectorPage) -> None:
    copy = dict(sampled.table.extra_actions)["Copy finding"]
    copy(sampled.table.model_.rows[0])
    text = QGuiApplication.clipboard().text()
    assert text.startswith("Error: claim-role-known: ")
    assert "Where: /samlp:Response/saml:Assertion" in text


# Time ---------------------------------------------------------------------------------------


def test_a_message_that_is_still_valid_is_called_a_live_credential(sampled: InspectorPage) -> None:
    assert sampled.live.text.startswith("Live credential: for another 4 min")


def test_judged_at_another_time_it_has_expired(qtbot: QtBot, sampled: InspectorPage) -> None:
    sampled.when.setCurrentIndex(2)
    sampled.when.activated.emit(2)
    assert sampled.instant.isVisible()
    later = sampled.instant.dateTime().addSecs(3600)
    sampled.instant.setDateTime(later)
    qtbot.keyClick(sampled.instant, Qt.Key.Key_Return)
    assert sampled.verdict.pill.state == "reject"
    assert sampled.figures["time"].caption.text() == "since it expired"
    assert sampled.live.text.startswith("Live credential"), "the present decides over that"
    sampled.when.setCurrentIndex(1)
    sampled.when.activated.emit(1)
    assert sampled.verdict.pill.state == "not-provisioned"
    assert not sampled.instant.isVisible()


# Events ---------------------------------------------------------------------------------------


def test_an_event_is_inspected_as_of_its_receipt(qtbot: QtBot, served: Desk) -> None:
    outcome = served.lab.log_in("ada", ACCOUNT)
    page = InspectorPage(served)
    qtbot.addWidget(page)
    page.show()
    page.open(outcome.reference)
    event = served.sso.event(outcome.reference)
    assert page.verdict.pill.state == "accept", page.verdict.headline.text()
    assert page.when.currentData() == "at"
    assert abs(page.instant.dateTime().toSecsSinceEpoch() - event.at.timestamp()) <= 1
    assert page.against.currentData() == ACCOUNT
    page.open(served.sso.event(outcome.reference).raw)
    assert page.when.currentData() == "now", "the next message is judged now again"


def test_an_event_without_its_message_says_so(qtbot: QtBot, served: Desk) -> None:
    reference = served.lab.log_in("ada", ACCOUNT).reference
    assert served.sso.purge(days=0).messages == 1
    page = InspectorPage(served)
    qtbot.addWidget(page)
    page.show()
    page.open(reference)
    assert "is not kept any more" in page.banner.text
    page.open("acorn-acorn-acorn-00")
    assert page.banner.text.startswith("There is no attempt acorn-acorn-acorn-00.")


def test_a_configured_account_accepts_and_shows_what_a_login_would_do(qtbot: QtBot, served: Desk) -> None:
    issued = served.lab.idp.issue("grace", served.lab.applications[0])
    page = InspectorPage(served)
    qtbot.addWidget(page)
    page.show()
    page.open(base64.b64encode(issued.xml).decode())
    assert page.verdict.pill.state == "accept", page.verdict.headline.text()
    assert page.tabs.tabText(page.tabs.currentIndex()) in ("Cause", "Claims")
    assert "would create" in page.would.text()
    assert {r.name: r.use for r in page.claims.model_.rows}["full_name"] == "Stored (new)"
    assert served.sso.users(ACCOUNT) == ()


def test_a_changed_configuration_is_judged_by_at_once(qtbot: QtBot, served: Desk) -> None:
    issued = served.lab.idp.issue("grace", served.lab.applications[0])
    page = InspectorPage(served)
    qtbot.addWidget(page)
    page.show()
    page.open(issued.xml)
    assert page.verdict.pill.state == "accept"
    served.sso.delete_metadata(ACCOUNT)
    qtbot.waitUntil(lambda: page.verdict.pill.state == "unknown")


# Hostile ---------------------------------------------------------------------------------------

HOSTILE = (
    "<img src='file:///etc/passwd'>",
    "<b>bold</b>",
    "\u202egro.live\u202c@idp.test",
    "a\u200bb@idp.test",
    '<a href="https://evil.test">x</a>',
)


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_strings_stay_text(page: InspectorPage, value: str) -> None:
    escaped = value.replace("&", "&amp;").replace("<", "&lt;")
    page.inspect(
        Subject(
            '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" '
            'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" Version="2.0">'
            f"<saml:Assertion ID='_2'><saml:Subject><saml:NameID>{escaped}</saml:NameID></saml:Subject>"
            f"<saml:AttributeStatement><saml:Attribute Name='full_name'><saml:AttributeValue>{escaped}"
            "</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion></samlp:Response>"
        )
    )
    for f in page.table.model_.rows:
        page.detail.show_finding(f)
    for shown in page.findChildren(QLabel):
        assert shown.textFormat() == Qt.TextFormat.PlainText or not shown.text()
        assert "\u202e" not in shown.text()
        assert "\u200b" not in shown.text()
    claim = page.claims.model_
    text = claim.data(claim.index(0, 1), Qt.ItemDataRole.DisplayRole)
    assert "\u202e" not in text
    tip = claim.data(claim.index(0, 1), Qt.ItemDataRole.ToolTipRole)
    assert "<img" not in tip
    assert "<a" not in tip
    assert "\u202e" not in page.source.toPlainText()
    assert "\u202e" not in page.raw.toPlainText()


def test_a_large_message_on_one_line_is_shown_in_bounds(page: InspectorPage) -> None:
    page.inspect(Subject("<a>" + "<b>x</b>" * 18_000 + "y" * 100_000 + "</a>"))
    longest = max(len(t) for t in page.raw.toPlainText().split("\n"))
    assert longest <= 200
    assert max(len(t) for t in page.source.toPlainText().split("\n")) <= 2_100


class Held(Executor):
    """Keeps the work until the test lets it run, in whatever order."""

    def __init__(self) -> None:
        self.held: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.held.append((future, fn, args))
        return future

    def run(self, number: int) -> None:
        future, fn, args = self.held[number]
        future.set_result(fn(*args))


def test_a_slow_answer_never_replaces_a_newer_one(qtbot: QtBot, desk: Desk) -> None:
    executor = Held()
    desk.jobs = Jobs(executor)
    page = InspectorPage(desk)
    qtbot.addWidget(page)
    page.inspect(Subject("<first/>", "one"))
    page.inspect(Subject("<second/>", "two"))
    executor.run(1)
    assert "second" in page.source.toPlainText()
    executor.run(0)
    assert "second" in page.source.toPlainText()
    assert page.verdict.isEnabled()


def test_the_page_follows_the_theme(qapp: QApplication, sampled: InspectorPage) -> None:
    light = sampled.grab().toImage().pixelColor(2, 2)
    theme.apply(qapp, "dark")
    try:
        sampled.desk.restyled.emit()
        assert sampled.grab().toImage().pixelColor(2, 2) != light
        assert sampled.source.signed_lines
    finally:
        theme.apply(qapp, "light")


def test_clearing_leaves_nothing_of_the_message(sampled: InspectorPage) -> None:
    sampled.clear()
    assert sampled.source.toPlainText() == ""
    assert sampled.raw.toPlainText() == ""
    assert sampled.table.model_.total == 0
    assert sampled.tree.nodes.rowCount() == 0
    assert sampled.first_paste.isVisible()


def test_comparing_hands_the_message_on(sampled: InspectorPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(sampled.desk.opened) as opened:
        sampled._compare()
    page, (side, source) = opened.args
    assert (page, side) == ("compare", "first")
    assert source == sampled.raw.toPlainText().replace("\n", "")


def test_another_account_in_hand_is_judged_against(qtbot: QtBot, page: InspectorPage, desk: Desk) -> None:
    desk.sso.create_account("ik_other", "Other Media")
    page.inspect(Subject(message(desk)))
    desk.choose_account("ik_other")
    assert page.against.currentData() == "ik_other"
    page.against.setCurrentIndex(page.against.findData(WHOEVER_FITS))
    page.against.activated.emit(page.against.currentIndex())
    assert page.verdict.pill.state == "unknown"


def test_overrides_that_cannot_be_read_are_refused_in_one_sentence(page: InspectorPage, desk: Desk) -> None:
    page.inspect(Subject(message(desk), overrides=Overrides(idp_metadata=b"<no/>")))
    assert page.banner.text.startswith("The metadata cannot be used.")


# The tree ---------------------------------------------------------------------------------------


def test_the_tree_makes_children_when_they_are_asked_for() -> None:
    found = outline(b"<a x='1'><b><c>deep</c></b><b/></a>")
    assert found.root is not None
    nodes = Nodes()
    nodes.replace([found.root])
    top = nodes.index(0, 0)
    assert (nodes.rowCount(), nodes.rowCount(top)) == (1, 3)
    assert len(nodes._nodes) == 4
    at = nodes.find("/a/b[1]/c")
    assert nodes.data(at) == "c"
    assert nodes.data(nodes.index_of(int(at.internalId()), 1)) == "deep"
    assert nodes.data(nodes.parent(at)) == "b"
    assert nodes.parent(top) == QModelIndex()
    assert nodes.data(nodes.find("/a/nowhere")) == "a"
    assert not nodes.find("/other").isValid()


def test_a_refused_file_says_why(tmp_path: Path) -> None:
    from app.gui.examine import is_metadata

    with pytest.raises(FileRefused, match="not a regular file"):
        is_metadata(tmp_path)
