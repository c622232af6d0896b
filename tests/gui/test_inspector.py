"""The inspector as a person uses it: paste, read the verdict, go to the place, send the report."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives import serialization
from PySide6.QtCore import QEvent, QMimeData, QModelIndex, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.gui import theme
from app.gui.desk import Desk
from app.gui.examine import NOTHING, PASTED, WHOEVER_FITS, Subject
from app.gui.files import FileRefused
from app.gui.inspector.recording import ErrorView
from app.gui.jobs import Jobs
from app.gui.pages.inspector import InspectorPage
from app.gui.widgets import Pill
from app.gui.xml_tree import Nodes
from app.lab.sample import MISSPELT, make_sample
from app.saml.outline import outline
from app.sso import Overrides
from simulator import KeyRing
from tests.gui.bench import column
from tests.gui.desks import ACCOUNT, real_desk
from tests.pdf_text import Pdf
from tests.saml import recordings


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
    assert page.first.paste.isVisible()
    assert page.first.sample.isVisible()
    assert page.box.isVisible()
    assert not page.export.isVisible()
    assert "whatever the customer sent" in texts(page)


def test_the_sample_shows_its_cause_and_who_acts(qtbot: QtBot, page: InspectorPage) -> None:
    qtbot.mouseClick(page.first.sample, Qt.MouseButton.LeftButton)
    assert page.verdict.pill.state == "not-provisioned"
    assert MISSPELT in page.verdict.headline.text()
    assert page.verdict.detail.text().startswith("The identity provider's administrator has to act. Response (base64)")
    assert page.views.figures.parts["fail"].value.text() == "1"
    assert page.views.findings.table.model_.rows[0].id == "claim-role-known"
    assert page.views.tabs.currentIndex() == 0
    assert page.desk.sso.count_events() == 1, "the account's creation only: inspecting records nothing"


def test_an_empty_clipboard_is_told_in_one_sentence(qtbot: QtBot, page: InspectorPage) -> None:
    clipboard("")
    qtbot.mouseClick(page.first.paste, Qt.MouseButton.LeftButton)
    assert page.banner.text == "The clipboard holds no text. Copy the SAMLResponse value first, then paste it here."
    assert page.first.paste.isVisible()
    QGuiApplication.clipboard().clear()  # holds nothing at all then, not even an empty text
    page.banner.hide()
    page.paste_now()
    assert "holds no text" in page.banner.text


# Pasting ---------------------------------------------------------------------------------------


def test_ctrl_v_anywhere_pastes_and_inspects(qtbot: QtBot, page: InspectorPage, desk: Desk) -> None:
    clipboard(message(desk))
    page.activateWindow()
    page.setFocus()
    qtbot.waitUntil(page.hasFocus)
    qtbot.keyClick(page, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert page.verdict.pill.state == "unknown", "no identity provider is configured: never valid"
    assert "samlp:Response" in page.views.documents.source.text.toPlainText()


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
    assert page.views.findings.table.model_.rows[0].status == "fail"
    assert page.views.figures.parts["time"].value.text() == "none"


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
        f.truncate(64 * 1024 * 1024 + 1)
    assert page.drop(path)
    assert page.banner.text == "large.xml is larger than 64 MB. Choose a smaller file."


# Reading ---------------------------------------------------------------------------------------


@pytest.fixture
def sampled(page: InspectorPage) -> InspectorPage:
    page.open("sample")
    return page


def test_enter_on_a_finding_goes_to_its_place(qtbot: QtBot, sampled: InspectorPage) -> None:
    sampled.views.findings.table.selectRow(0)
    assert "claim-role-known" in texts(sampled)
    qtbot.keyClick(sampled.views.findings.table, Qt.Key.Key_Return)
    line = sampled.views.documents.source.text.marked_line
    assert 'Name="imagekit_role"' in sampled.views.documents.source.text.toPlainText().splitlines()[line - 1]
    assert sampled.views.tree.tree.current is not None
    assert sampled.views.tree.tree.current.path.endswith("saml:Attribute[3]")


def test_a_node_of_the_tree_marks_its_line(sampled: InspectorPage) -> None:
    sampled.views.tabs.setCurrentWidget(sampled.views.tree)
    sampled.views.tree.tree.go_to("/samlp:Response/saml:Assertion/saml:Subject/saml:NameID")
    sampled.views.tree.tree.clicked.emit(sampled.views.tree.tree.currentIndex())
    line = sampled.views.documents.source.text.toPlainText().splitlines()[
        sampled.views.documents.source.text.marked_line - 1
    ]
    assert "margaret@acme-media.test" in line
    sampled.views.tree.tree.copy_path()
    assert QGuiApplication.clipboard().text() == "/samlp:Response/saml:Assertion/saml:Subject/saml:NameID"
    sampled.views.tree.tree.copy_value()
    assert QGuiApplication.clipboard().text() == "margaret@acme-media.test"


def look_at(page: InspectorPage, title: str) -> None:
    """Go to a tab of the decoded message."""
    tabs = page.views.tabs
    tabs.setCurrentIndex(next(i for i in range(tabs.count()) if tabs.tabText(i) == title))


def test_only_what_a_trusted_signature_covers_is_marked(sampled: InspectorPage, page: InspectorPage) -> None:
    (first, before), (after, last) = sampled.views.documents.source.text.signed_lines
    lines = sampled.views.documents.source.text.toPlainText().splitlines()
    assert lines[first - 1].lstrip().startswith("<saml:Assertion")
    assert lines[last - 1].strip() == "</saml:Assertion>"
    assert lines[before].lstrip().startswith("<ds:Signature "), "no signature covers its own element"
    assert lines[after - 2].strip() == "</ds:Signature>"
    assert sampled.views.documents.source.legend.words.text() == "Signed and trusted"
    look_at(sampled, "Signatures")
    assert sampled.views.signatures.table.model_.rows[0].trusted
    sampled.bar.against.setCurrentIndex(sampled.bar.against.findData(NOTHING))
    sampled.bar.against.activated.emit(sampled.bar.against.currentIndex())
    assert page.views.documents.source.text.signed_lines == ()
    assert page.verdict.pill.state == "unknown"


def test_claims_say_who_signed_them(sampled: InspectorPage) -> None:
    look_at(sampled, "Claims")
    rows = {r.name: r for r in sampled.views.claims.table.model_.rows}
    assert rows["NameID"].value == "margaret@acme-media.test"
    assert rows["imagekit_role"].value == MISSPELT
    assert {r.provenance for r in rows.values()} == {"signed-by-assertion"}


def test_the_cause_links_to_its_finding_and_names_the_vendors_steps(qtbot: QtBot, sampled: InspectorPage) -> None:
    sampled.views.summary.causes.vendor.setCurrentIndex(sampled.views.summary.causes.vendor.findData("entra"))
    assert "App roles" in texts(sampled)
    qtbot.mouseClick(sampled.views.summary.causes.copy, Qt.MouseButton.LeftButton)
    mail = QGuiApplication.clipboard().text()
    assert "What is wrong: The role is not accepted" in mail
    assert "App roles" in mail
    sampled.views.findings.choice.setCurrentIndex(4)
    assert all(f.status == "pass" for f in sampled.views.findings.table.model_.rows)
    sampled.views.summary.causes.asked.emit("claim-role-known")
    assert sampled.views.findings.table.current is not None
    assert sampled.views.findings.table.current.id == "claim-role-known"


def test_searching_narrows_findings_and_steps_through_every_hit(qtbot: QtBot, sampled: InspectorPage) -> None:
    qtbot.keyClicks(sampled.search.field, "audience")
    qtbot.waitUntil(lambda: 0 < len(sampled.views.findings.table.model_.rows) < 20)
    many = int(sampled.search.count.text())
    assert sampled.views.findings.counted.text().startswith(f"{len(sampled.views.findings.table.model_.rows)} of ")
    qtbot.keyClick(sampled.search.field, Qt.Key.Key_Return)
    assert sampled.search.count.text() == f"1 of {many} · finding"
    found = sampled.views.findings.table.current
    assert found is not None
    assert "audience" in found.id
    while not sampled.search.count.text().endswith("element"):
        qtbot.keyClick(sampled.search.field, Qt.Key.Key_F3)
    source = sampled.views.documents.source.text
    assert "Audience" in source.toPlainText().splitlines()[source.marked_line - 1]
    assert sampled.views.tree.tree.current is not None
    assert "Audience" in sampled.views.tree.tree.current.name
    qtbot.keyClick(sampled.search.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert sampled.search.count.text().endswith("finding")


def test_a_text_that_only_the_message_holds_leaves_the_findings_as_they_are(
    qtbot: QtBot, sampled: InspectorPage
) -> None:
    before = len(sampled.views.findings.table.model_.rows)
    qtbot.keyClicks(sampled.search.field, "@Algorithm")
    qtbot.waitUntil(lambda: sampled.search.count.text() == "5")
    assert len(sampled.views.findings.table.model_.rows) == before
    qtbot.keyClick(sampled.search.field, Qt.Key.Key_Return)
    assert sampled.search.count.text() == "1 of 5 · attribute"
    sampled.search.field.clear()
    qtbot.keyClicks(sampled.search.field, "Margaret Hale")
    qtbot.waitUntil(lambda: sampled.search.count.text().isdigit())
    while not sampled.search.count.text().endswith("claim"):
        sampled.search.step(1)
    claim = sampled.views.claims.table.current
    assert claim is not None
    assert claim.name == "full_name"
    qtbot.keyClick(sampled.search.field, Qt.Key.Key_Escape)
    assert sampled.search.field.text() == ""
    qtbot.keyClicks(sampled.search.field, "no such thing")
    qtbot.waitUntil(lambda: sampled.search.count.text() == "Not found")


def test_counts_in_the_choice_are_those_of_the_report(sampled: InspectorPage) -> None:
    shown = sampled.views.findings.choice.itemText(1)
    wrong = [f for f in sampled.views.findings.table.model_.rows if f.status in ("fail", "warn")]
    assert shown == f"Errors and warnings ({len(wrong)})"
    sampled.views.findings.choice.setCurrentIndex(5)
    assert {f.status for f in sampled.views.findings.table.model_.rows} == {"not-applicable"}


def test_a_finding_is_copied_with_control_characters_visible(sampled: InspectorPage) -> None:
    copy = dict(sampled.views.findings.table.extra_actions)["Copy finding"]
    copy(sampled.views.findings.table.model_.rows[0])
    text = QGuiApplication.clipboard().text()
    assert text.startswith("Error: claim-role-known: ")
    assert "Where: /samlp:Response/saml:Assertion" in text


# Time ---------------------------------------------------------------------------------------


def test_a_message_that_is_still_valid_is_called_a_live_credential(sampled: InspectorPage) -> None:
    assert sampled.views.live.text.startswith("Live credential: for another 4 min")


def test_judged_at_another_time_it_has_expired(qtbot: QtBot, sampled: InspectorPage) -> None:
    later = sampled.bar.instant.dateTime().addSecs(3600)
    sampled.bar.instant.setDateTime(later)
    qtbot.keyClick(sampled.bar.instant, Qt.Key.Key_Return)
    assert sampled.bar.when.currentData() == "at"
    assert sampled.verdict.pill.state == "reject"
    assert sampled.views.figures.parts["time"].caption.text() == "since it expired"
    assert sampled.views.live.text.startswith("Live credential"), "the present decides over that"
    sampled.bar.when.setCurrentIndex(1)
    sampled.bar.when.activated.emit(1)
    assert sampled.verdict.pill.state == "not-provisioned"


def test_the_slider_judges_anew_as_it_is_moved(qtbot: QtBot, sampled: InspectorPage) -> None:
    slider = sampled.bar.slider
    slider.setFocus()
    sampled.views.documents.source.text.jump(7)
    qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    assert sampled.bar.when.currentData() == "at"
    assert sampled.verdict.pill.state == "not-provisioned", "within the skew of its end"
    qtbot.keyClick(slider, Qt.Key.Key_End)
    assert sampled.verdict.pill.state == "reject"
    assert sampled.views.documents.source.text.marked_line == 7, "the text was not laid out again"
    qtbot.keyClick(slider, Qt.Key.Key_Home)
    assert "was issued in the future" in sampled.verdict.headline.text()
    assert sampled._examined is not None
    assert sampled._examined.report.evaluated_at == slider.instant


def test_a_message_that_counts_for_a_hundred_years_is_shown_with_its_slider(qtbot: QtBot, page: InspectorPage) -> None:
    xml = base64.b64decode(message(page.desk))
    lasting = re.sub(rb'NotOnOrAfter="2\d\d\d', b'NotOnOrAfter="2190', xml)
    assert lasting != xml
    page.inspect(Subject(lasting.decode()))
    slider = page.bar.slider
    assert slider.isEnabled()
    qtbot.keyClick(slider, Qt.Key.Key_End)
    assert slider.instant is not None
    assert slider.instant.year == 2190
    before = slider.instant
    qtbot.keyClick(slider, Qt.Key.Key_Left)
    assert timedelta(0) < before - slider.instant < timedelta(minutes=1)
    assert page._examined is not None
    assert page._examined.report.evaluated_at == slider.instant


def test_an_instant_at_the_end_of_all_time_is_judged(qtbot: QtBot, sampled: InspectorPage) -> None:
    slider = sampled.bar.slider
    slider.show_instant(datetime(9999, 12, 31, tzinfo=UTC))
    assert slider.value() == slider.maximum()
    slider.show_instant(datetime(1, 1, 1, tzinfo=UTC))
    assert slider.value() == slider.minimum()


def test_while_the_time_is_moved_only_the_newest_instant_is_judged(qtbot: QtBot, desk: Desk) -> None:
    executor = Held()
    desk.jobs = Jobs(executor)
    page = InspectorPage(desk)
    qtbot.addWidget(page)
    page.inspect(Subject(message(desk)))
    executor.run(0)
    executor.run(1)
    for _ in range(30):
        qtbot.keyClick(page.bar.slider, Qt.Key.Key_Right)
    assert len(executor.held) == 3, "one at work, the newest waiting"
    wanted = page.bar.slider.instant
    executor.run(2)
    assert len(executor.held) == 4
    assert page.bar.slider.instant == wanted, "an older answer does not move it back"
    executor.run(3)
    assert page._examined is not None
    assert page._examined.report.evaluated_at == wanted
    assert len(executor.held) == 4


def test_diagnosing_is_milder_than_judging_strictly(sampled: InspectorPage) -> None:
    sampled.bar.policy.setCurrentIndex(1)
    sampled.bar.policy.activated.emit(1)
    assert sampled._examined is not None
    assert sampled._examined.report.policy == "diagnose"


# From one view to another ----------------------------------------------------------------------


def test_a_line_of_the_source_leads_to_the_findings_there(qtbot: QtBot, sampled: InspectorPage) -> None:
    source = sampled.views.documents.source
    where = sampled.views.findings.table.model_.rows[0].where
    assert where is not None
    source.go_to(where)
    assert source.path == where
    assert source.here.text() == "1 finding here"
    qtbot.mouseClick(source.here, Qt.MouseButton.LeftButton)
    assert [f.id for f in sampled.views.findings.table.model_.rows] == ["claim-role-known"]
    assert sampled.views.findings.counted.text().startswith("1 of ")
    assert "claim-role-known" in texts(sampled)
    qtbot.mouseClick(sampled.views.findings.place, Qt.MouseButton.LeftButton)
    assert len(sampled.views.findings.table.model_.rows) > 20


def test_the_mark_beside_a_line_leads_to_its_finding(sampled: InspectorPage) -> None:
    text = sampled.views.documents.source.text
    where = sampled.views.findings.table.model_.rows[0].where
    line = sampled.views.documents.source._laid.outline.line_of(where)  # type: ignore[union-attr]
    text.jump(line)
    QApplication.processEvents()
    y = text.cursorRect().center().y()
    assert text.gutter_text(y).splitlines()[0].startswith("Error: ")
    assert text.gutter_text(y).splitlines()[-1] == "A valid, trusted signature covers this line."
    text.press_gutter(y)
    assert [f.id for f in sampled.views.findings.table.model_.rows] == ["claim-role-known"]


def test_a_node_of_the_tree_leads_to_the_findings_there(sampled: InspectorPage) -> None:
    look_at(sampled, "Tree")
    tree = sampled.views.tree.tree
    tree.go_to("/samlp:Response/saml:Assertion/saml:Conditions")
    act = dict(tree.node_actions)["Show findings here"]
    assert tree.current is not None
    act(tree.current)
    shown = sampled.views.findings.table.model_.rows
    assert shown
    assert all(f.where is not None and "saml:Conditions" in f.where for f in shown)


def test_a_finding_says_who_signed_the_value_it_is_about(sampled: InspectorPage) -> None:
    sampled.views.show_finding("claim-role-known")
    pills = {p.word for p in sampled.views.findings.detail.findChildren(Pill)}
    assert "Signed by Assertion" in pills
    sampled.bar.against.setCurrentIndex(sampled.bar.against.findData(NOTHING))
    sampled.bar.against.activated.emit(sampled.bar.against.currentIndex())
    sampled.views.show_finding("claim-role-known")
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    pills = {p.word for p in sampled.views.findings.detail.findChildren(Pill)}
    assert "Unsigned" in pills


def test_an_instant_of_the_time_view_can_be_judged_as_of(sampled: InspectorPage) -> None:
    look_at(sampled, "Time")
    view = sampled.views.instants
    assert [m.attribute for m in view.table.model_.rows].count("NotOnOrAfter") == 2
    assert "judged as of" in view.chart.accessibleDescription()
    judge = dict(view.table.extra_actions)["Judge as of this instant"]
    end = next(m for m in view.table.model_.rows if m.owner == "Conditions" and m.role == "not-on-or-after")
    judge(end)
    assert sampled.bar.when.currentData() == "at"
    assert sampled._examined is not None
    assert sampled._examined.report.evaluated_at == end.instant.at
    view.table.opened.emit(end)
    source = sampled.views.documents.source.text
    assert "<saml:Conditions" in source.toPlainText().splitlines()[source.marked_line - 1]


def test_the_certificate_that_verified_is_told_with_its_days(qtbot: QtBot, sampled: InspectorPage) -> None:
    look_at(sampled, "Certificates")
    (listed,) = sampled.views.certificates.table.model_.rows
    assert listed.verified == ("Assertion",)
    assert column(sampled.views.certificates.table, 1) == ["Verified the Assertion"]
    assert column(sampled.views.certificates.table, 2) == ["Ends in 29 days"]
    dict(sampled.views.certificates.table.extra_actions)["Copy certificate (PEM)"](listed)
    assert QGuiApplication.clipboard().text().startswith("-----BEGIN CERTIFICATE-----")
    dict(sampled.views.certificates.table.extra_actions)["Copy SHA-256 fingerprint"](listed)
    assert QGuiApplication.clipboard().text().replace(" ", "").lower() == listed.facts.sha256
    sampled.views.certificates.table.opened.emit(listed)
    source = sampled.views.documents.source.text
    assert "X509Certificate" in source.toPlainText().splitlines()[source.marked_line - 1]


def test_the_bytes_are_told_exactly(qtbot: QtBot, sampled: InspectorPage, tmp_path: Path) -> None:
    raw = sampled.views.documents.raw
    sampled.views.documents.tabs.setCurrentWidget(raw)
    assert sampled._examined is not None
    received = sampled._examined.received
    assert raw.length.text() == f"{len(received):,} bytes"
    assert raw.hash.value.text() == hashlib.sha256(received).hexdigest()
    raw.which.setCurrentText("Decoded document")
    assert raw.content == sampled._examined.report.xml == base64.b64decode(received)
    assert raw.text.toPlainText().replace("\n", "").encode() == raw.content
    qtbot.mouseClick(raw.as_hex, Qt.MouseButton.LeftButton)
    assert raw.hex.isVisible()
    assert raw.hex.content == raw.content
    qtbot.mouseClick(raw.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text().encode() == raw.content
    sampled._write(tmp_path / "m.xml", raw.content, "The message")
    assert (tmp_path / "m.xml").read_bytes() == raw.content


def test_what_is_not_text_is_shown_as_hex(page: InspectorPage) -> None:
    page.inspect(Subject(b"\x00\x01\xff" * 40, "noise.bin"))
    raw = page.views.documents.raw
    page.views.documents.tabs.setCurrentWidget(raw)
    assert raw.length.text() == "120 bytes, not text"
    assert raw.as_hex.isChecked()
    assert not raw.copy.isEnabled()


# Metadata and keys -----------------------------------------------------------------------------


def test_pasted_metadata_is_judged_by_and_not_saved(qtbot: QtBot, page: InspectorPage, desk: Desk) -> None:
    values = desk.sso.sp_values(ACCOUNT)
    made = make_sample(desk.sso.now, imagekit_id=ACCOUNT, entity_id=values.entity_id, acs_url=values.acs_url)
    page.inspect(Subject(made.message))
    assert page.verdict.pill.state == "unknown"
    page.bar.against.setCurrentIndex(page.bar.against.count() - 1)
    page.bar.against.activated.emit(page.bar.against.currentIndex())
    dialog = page._metadata
    assert dialog is not None
    dialog.box.show_source("<no/>")
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    assert dialog.banner.text.startswith("The metadata cannot be used.")
    mime = QMimeData()
    mime.setText(made.metadata.decode())
    dialog.box.insertFromMimeData(mime)
    assert not dialog.isVisible()
    assert page.bar.judging().against == PASTED
    assert page.bar.against.currentText().startswith("Pasted metadata: ")
    assert page.verdict.pill.state == "reject"
    assert "belongs to a test identity provider" in page.verdict.headline.text()
    assert page.views.documents.source.text.signed_lines, "its key is trusted now"
    assert desk.sso.configuration(ACCOUNT).idp is None


def test_a_decryption_key_opens_the_message_that_is_on_show(qtbot: QtBot, served: Desk, tmp_path: Path) -> None:
    keys = KeyRing.in_memory()
    pair = keys.pair("sp-encryption")
    application = replace(served.lab.applications[0], encrypt_to=pair.pem.decode())
    issued = served.lab.idp.issue("grace", application)
    path = tmp_path / "sp.pem"
    secret = serialization.BestAvailableEncryption(b"s3cret")
    path.write_bytes(pair.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret))
    page = InspectorPage(served)
    qtbot.addWidget(page)
    page.show()
    page.inspect(Subject(issued.xml))
    assert page.verdict.pill.state == "reject"
    assert "no decryption key is configured" in page.views.findings.table.model_.rows[0].message
    qtbot.mouseClick(page.bar.keys, Qt.MouseButton.LeftButton)
    dialog = page._keys
    assert dialog is not None
    dialog.take_file(path)
    qtbot.mouseClick(dialog.load, Qt.MouseButton.LeftButton)
    assert dialog.banner.text == "The private key is protected by a password; give it."
    qtbot.keyClicks(dialog.passphrase, "s3cret")
    qtbot.mouseClick(dialog.load, Qt.MouseButton.LeftButton)
    assert page.verdict.pill.state == "accept", page.verdict.headline.text()
    assert page.bar.keys.text() == "1"
    assert dialog.passphrase.text() == ""
    assert page.views.documents.tabs.isTabVisible(1)
    page.views.documents.tabs.setCurrentIndex(1)
    assert "<saml:Assertion" in page.views.documents.inner.text.toPlainText()
    assert page.views.documents.inner.text.signed_lines
    dialog.table.selectRow(0)
    qtbot.mouseClick(dialog.forget, Qt.MouseButton.LeftButton)
    assert page.verdict.pill.state == "reject"
    assert served.sso.held_keys() == ()
    assert not page.views.documents.tabs.isTabVisible(1)


# Events ---------------------------------------------------------------------------------------


def test_an_event_is_inspected_as_of_its_receipt(qtbot: QtBot, served: Desk) -> None:
    outcome = served.lab.log_in("ada", ACCOUNT)
    page = InspectorPage(served)
    qtbot.addWidget(page)
    page.show()
    page.open(outcome.reference)
    event = served.sso.event(outcome.reference)
    assert page.verdict.pill.state == "accept", page.verdict.headline.text()
    assert page.bar.when.currentData() == "at"
    assert abs(page.bar.instant.dateTime().toSecsSinceEpoch() - event.at.timestamp()) <= 1
    assert page.bar.against.currentData() == ACCOUNT
    page.open(served.sso.event(outcome.reference).raw)
    assert page.bar.when.currentData() == "now", "the next message is judged now again"


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
    look_at(page, "Claims")
    assert "would create" in page.views.claims.would.text()
    assert {r.name: r.use for r in page.views.claims.table.model_.rows}["full_name"] == "Stored (new)"
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


# Recordings and several messages ---------------------------------------------------------------


def test_a_recorded_login_is_shown_step_by_step_and_its_messages_as_tabs(
    qtbot: QtBot, page: InspectorPage, tmp_path: Path
) -> None:
    path = tmp_path / "login.har"
    path.write_bytes(recordings.har(*recordings.whole_login()[:-1]))
    assert page.drop(path)
    assert page.recording.isVisible()
    assert page.recording.what.text().startswith("This is a HAR recording of 5 requests")
    assert page.tabs.tabText(0) == "Recorded login"
    assert page.tabs.count() == 3
    rows = page.recording.steps.model_.rows
    carries = next(r for r in rows if r.step.kind == "post")
    assert carries.messages.startswith("Response: ")
    assert recordings.CANARY not in texts(page)
    page.recording.steps.opened.emit(carries)
    assert page.views.isVisible()
    assert page.verdict.isVisible()
    assert page._examined is not None
    assert page._examined.report.kind == "Response"
    assert page.bar.when.currentData() == "at", "judged as of the recording"
    assert page._examined.report.layers[0] == "har"
    page.tabs.setCurrentIndex(0)
    assert page.recording.isVisible()
    assert not page.search.isVisible()


def test_what_a_recording_lacks_is_said(page: InspectorPage) -> None:
    page.inspect(Subject(recordings.har(*recordings.whole_login()[:2]), "half.har"))
    assert page.recording.isVisible()
    words = {p.word for p in page.recording.findChildren(Pill)}
    assert "Missing" in words


def test_several_messages_in_one_paste_are_tabs_with_their_verdicts(page: InspectorPage, desk: Desk) -> None:
    page.inspect(Subject(f"first:\n{message(desk)}\n\nsecond:\n{message(desk)}\n"))
    assert page.views.isVisible()
    titles = [page.tabs.tabText(i) for i in range(page.tabs.count())]
    assert titles == ["What was found", "1  Response: Not judged", "2  Response: Not judged"]
    assert page._examined is not None
    first = page._examined.report.message_id
    page.show_message(1)
    assert page._examined.report.message_id != first
    page.inspect(Subject(message(desk)))
    assert not page.tabs.isVisible()
    assert page.views.isVisible()


def test_an_error_text_is_explained_with_the_steps_of_a_vendor(qtbot: QtBot, page: InspectorPage) -> None:
    page.inspect(Subject("AADSTS50105: The signed in user 'ada@corp.test' is not assigned to a role."))
    assert page.recording.isVisible()
    (shown,) = page.recording.findChildren(ErrorView)
    said = "\n".join(w.text() for w in shown.findChildren(QLabel))
    assert "is not assigned" in said
    assert "What to change: " in said
    copy = next(b for b in shown.findChildren(QPushButton))
    qtbot.mouseClick(copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text().startswith("AADSTS50105 (")
    page.clear()
    assert page.first.isVisible()
    assert not page.recording.findChildren(ErrorView) or all(
        e.isHidden() for e in page.recording.findChildren(ErrorView)
    )


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
    for f in page.views.findings.table.model_.rows:
        page.views.findings.detail.show_finding(f)
    for shown in page.findChildren(QLabel):
        assert shown.textFormat() == Qt.TextFormat.PlainText or not shown.text()
        assert "\u202e" not in shown.text()
        assert "\u200b" not in shown.text()
    look_at(page, "Claims")
    claim = page.views.claims.table.model_
    text = claim.data(claim.index(0, 1), Qt.ItemDataRole.DisplayRole)
    assert "\u202e" not in text
    tip = claim.data(claim.index(0, 1), Qt.ItemDataRole.ToolTipRole)
    assert "<img" not in tip
    assert "<a" not in tip
    assert "\u202e" not in page.views.documents.source.text.toPlainText()
    assert "\u202e" not in page.views.documents.raw.text.toPlainText()


def test_a_large_message_on_one_line_is_shown_in_bounds(page: InspectorPage) -> None:
    page.inspect(Subject("<a>" + "<b>x</b>" * 18_000 + "y" * 100_000 + "</a>"))
    longest = max(len(t) for t in page.views.documents.raw.text.toPlainText().split("\n"))
    assert longest <= 200
    assert max(len(t) for t in page.views.documents.source.text.toPlainText().split("\n")) <= 2_100


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
    text = page.views.documents.source.text
    page.inspect(Subject("<first/>", "one"))
    page.inspect(Subject("<second/>", "two"))
    executor.run(1)
    executor.run(2)
    assert "second" in text.toPlainText()
    executor.run(0)
    assert len(executor.held) == 3, "what was pasted before is not even judged"
    page.inspect(Subject("<third/>", "three"))
    executor.run(3)
    page.bar.asked.emit()
    executor.run(5)
    executor.run(4)
    assert "third" in text.toPlainText()
    assert page.verdict.isEnabled()


def test_the_page_follows_the_theme(qapp: QApplication, sampled: InspectorPage) -> None:
    light = sampled.grab().toImage().pixelColor(2, 2)
    theme.apply(qapp, "dark")
    try:
        sampled.desk.restyled.emit()
        assert sampled.grab().toImage().pixelColor(2, 2) != light
        assert sampled.views.documents.source.text.signed_lines
    finally:
        theme.apply(qapp, "light")


def test_clearing_leaves_nothing_of_the_message(sampled: InspectorPage) -> None:
    sampled.clear()
    assert sampled.views.documents.source.text.toPlainText() == ""
    assert sampled.views.documents.raw.text.toPlainText() == ""
    assert sampled.views.findings.table.model_.total == 0
    assert sampled.views.tree.tree.nodes.rowCount() == 0
    assert sampled.first.paste.isVisible()


def test_comparing_hands_the_message_on(sampled: InspectorPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(sampled.desk.opened) as opened:
        sampled._compare()
    page, (side, source) = opened.args
    assert (page, side) == ("compare", "first")
    assert sampled._examined is not None
    assert source.encode() == sampled._examined.received


def test_another_account_in_hand_is_judged_against(qtbot: QtBot, page: InspectorPage, desk: Desk) -> None:
    desk.sso.create_account("ik_other", "Other Media")
    page.inspect(Subject(message(desk)))
    desk.choose_account("ik_other")
    assert page.bar.against.currentData() == "ik_other"
    page.bar.against.setCurrentIndex(page.bar.against.findData(WHOEVER_FITS))
    page.bar.against.activated.emit(page.bar.against.currentIndex())
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


# Sharing -----------------------------------------------------------------------------------------------------------


def test_a_redacted_report_names_nobody(sampled: InspectorPage, tmp_path: Path) -> None:
    person = "margaret"
    for form, redacted in (("html", True), ("markdown", True), ("html", False)):
        path = tmp_path / f"{form}-{redacted}"
        sampled.share_report(path, form, redacted=redacted)  # type: ignore[arg-type]
        told = path.read_text("utf-8")
        assert "claim-role-known" in told
        assert (person in told.lower()) is not redacted
        assert "<script" not in told
    for redacted in (True, False):
        path = tmp_path / f"{redacted}.pdf"
        sampled.share_report(path, "pdf", redacted=redacted)
        made = Pdf(path.read_bytes())
        assert "claim-role-known" in made.flat
        assert (person in made.text.lower()) is not redacted
    sampled.copy_redacted()
    copied = QGuiApplication.clipboard().text()
    assert "claim-role-known" in copied
    assert person not in copied.lower()


def test_the_menu_offers_redacted_reports_first(sampled: InspectorPage) -> None:
    names = [a.text() for a in sampled.export.menu().actions() if a.text()]
    assert names[0] == "Save redacted report as HTML..."
    assert {"Save redacted report as PDF...", "Save report as PDF..."} <= set(names)
    assert {"Copy redacted report", "Save report as Markdown...", "Save report as JSON..."} <= set(names)


# Why a signature fails ---------------------------------------------------------------------------------------------


def test_a_pretty_printed_copy_is_found_out_and_stays_refused(qtbot: QtBot, page: InspectorPage) -> None:
    page.open("sample")
    assert page._examined is not None
    subject = page._examined.subject
    data = base64.b64decode(subject.source)
    pretty = data
    for tag in (b"><saml:Subject", b"><saml:Conditions"):
        pretty = pretty.replace(tag, b">\n  " + tag[1:])
    assert pretty != data
    page.inspect(replace(subject, source=pretty))
    view = page.views.signatures
    look_at(page, "Signatures")
    assert not view.why.isHidden()
    qtbot.mouseClick(view.why, Qt.MouseButton.LeftButton)
    told = texts(view)
    assert "Declared digest" in told
    assert "Computed digest" in told
    shows = next(b for b in view.findChildren(QPushButton) if b.text() == "Show what was changed")
    qtbot.mouseClick(shows, Qt.MouseButton.LeftButton)
    assert not view.difference.isHidden()
    assert "+" in view.difference.toPlainText()
    assert page._examined.report.verdict == "reject"
    page.open("sample")
    look_at(page, "Signatures")
    assert view.why.isHidden()
    assert view.difference.isHidden()


# The last good login ---------------------------------------------------------------------------------------


def test_a_message_is_compared_with_the_last_good_login_of_its_person(qtbot: QtBot, served: Desk) -> None:
    good = served.lab.log_in("grace", ACCOUNT).reference
    refused = served.lab.log_in("grace", ACCOUNT, faults=["sig-tampered-role"]).reference
    asked: list[tuple[str, Any]] = []
    served.opened.connect(lambda name, what: asked.append((name, what)))
    page = InspectorPage(served)
    qtbot.addWidget(page)
    page.open(refused)
    page.compare_with_last_good()
    page.open(served.sso.event(refused).raw)
    page.compare_with_last_good()
    assert [(name, [s.name for s in pair]) for name, pair in asked] == [
        ("compare", [good, refused]),
        ("compare", [good, "pasted"]),
    ]
    page.open("<a/>")
    page.compare_with_last_good()
    assert page.banner.text == "This message names nobody, so there is no login of theirs to compare with."
    assert len(asked) == 2
