from __future__ import annotations

import json
from typing import Any

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from pytestqt.qtbot import QtBot

from app.gui.simulator.message_work import (
    NotReadable,
    claims_of,
    document_of,
    document_text,
    form_lines,
    parse_form,
    with_claim,
    with_claims,
)
from tests.gui.bench import ACCOUNT, Bench, flush, press


@pytest.fixture
def running(bench: Bench) -> Bench:
    bench.lab.start()
    bench.lab.connect(ACCOUNT)
    return bench


@pytest.fixture
def page(running: Bench) -> Any:
    """The page with a message of Ada's made."""
    made = running.page("simulator", ("person", "ada"))
    made.people.panel.edit_button.click()
    flush()
    assert made.tabs.currentWidget() is made.message
    return made


def typed(editor: Any, old: str, new: str) -> None:
    """Somebody types; the pause after it is over."""
    text = editor.value
    assert old in text
    editor.text.setPlainText(text.replace(old, new))
    flush()


def test_a_message_is_made_of_what_was_typed_about_a_person_and_not_saved(running: Bench) -> None:
    page = running.page("simulator", ("person", "ada"))
    page.people.panel.role.text.setText("finance")
    page.people.panel.role.edited.emit()
    page.people.panel.edit_button.click()
    flush()
    assert '"finance"' in page.message.values.value
    press(page.message, "Send")
    assert [u.role for u in running.sso.users(ACCOUNT)] == ["finance"]
    kept = running.lab.tenant.user("ada")
    assert kept is not None
    assert kept.role == "account_administrator"
    assert page.result.verdict.pill.word == "Created"


def test_claims_are_changed_and_left_out_for_one_login(running: Bench, page: Any) -> None:
    fields = {f.text.accessibleName(): f for f in page.message.claims.fields.values()}
    assert {"NameID", "imagekit_role", "full_name"} <= set(fields)
    fields["imagekit_role"].text.setText("developer")
    fields["imagekit_role"].edited.emit()
    fields["full_name"].omit.click()
    page.message.apply()
    flush()
    spec = json.loads(page.message.values.value)
    assert [a["name"] for a in spec["attribute_statements"][0]] == ["imagekit_id", "imagekit_role"]
    assert '"developer"' in page.message.values.value
    assert page.message.claims.fields[(0, 1, 0)] is fields["full_name"]  # whoever types in it keeps the field
    fields["full_name"].omit.click()
    page.message.apply()
    assert page.message.diff.toPlainText().count("developer") == 1
    assert "full_name" in page.message.document.value
    fields["full_name"].omit.click()
    page.message.apply()
    assert "Changes (1)" in [page.message.stages.tabText(n) for n in range(5)]
    page.message.claims.name.setText("groups")
    page.message.claims.value.setText("admins")
    press(page.message.claims, "Add claim")
    assert "groups" in page.message.document.value
    press(page.message, "Send")
    (user,) = running.sso.users(ACCOUNT)
    assert user.role == "developer"
    assert user.full_name != "Ada Lindqvist"
    assert "edited by hand" in page.result.verdict.detail.text()


def test_the_three_editors_follow_each_other_and_say_what_changed(running: Bench, page: Any) -> None:
    message = page.message
    typed(message.values, "https://imagekit.io/saml/consume", "https://other.example/acs")
    message.apply()
    assert 'Destination="https://other.example/acs"' in message.document.value
    assert '+  "destination": "https://other.example/acs",' in message.diff.toPlainText()
    typed(message.document, "account_administrator", "developer")
    message.apply()
    assert message.values.text.isReadOnly()
    assert "Throw that away" in message.values.problem.text
    assert "document after signing, as edited" in message.diff.toPlainText()
    before = message.form.value
    typed(message.form, '"RelayState" = ', '"RelayState" = "twice"\n"RelayState" = ')
    message.apply()
    assert message.document.text.isReadOnly()
    assert message.form.value != before
    message.form.back_button.click()
    flush()
    assert message.form.value == before
    message.document.back_button.click()
    flush()
    assert "account_administrator" in message.document.value
    assert not message.values.text.isReadOnly()
    message.values.back_button.click()
    flush()
    assert message.diff.toPlainText() == ""
    press(message, "Send")
    assert page.result.verdict.pill.word == "Created"


def test_an_edited_document_is_refused_for_its_signature_and_recorded_with_its_diff(running: Bench, page: Any) -> None:
    typed(page.message.document, "account_administrator", "developer")
    press(page.message, "Send")
    assert page.result.verdict.pill.state == "reject"
    assert running.sso.users(ACCOUNT) == ()
    page.show_tab("recording")
    page.recording.table.selectRow(0)
    flush()
    assert "document after signing, as edited" in page.recording.detail.toPlainText()


@pytest.mark.parametrize(
    ("editor", "text", "said"),
    [
        ("values", "{", "not valid JSON"),
        ("values", '{"colour": 1}', "unknown name"),
        ("form", "SAMLResponse", "Line 1 of the form"),
        ("form", '"a" = 3', "Line 1 of the form"),
    ],
)
def test_what_cannot_be_read_is_said_and_not_sent(running: Bench, page: Any, editor: str, text: str, said: str) -> None:
    shown = getattr(page.message, editor)
    shown.text.setPlainText(text)
    press(page.message, "Send")
    assert said in shown.problem.text
    assert running.lab.exchanges == ()
    assert page.message.stages.currentWidget() is shown
    shown.back_button.click()
    flush()
    press(page.message, "Send")
    assert len(running.lab.exchanges) == 1


def test_typing_is_taken_up_after_a_pause(running: Bench, page: Any, qtbot: QtBot) -> None:
    typed(page.message.values, "imagekit.io/saml/consume", "other.example/acs")
    qtbot.waitUntil(lambda: "other.example/acs" in page.message.document.value)


def test_a_recorded_login_is_edited_and_sent_anew(running: Bench) -> None:
    page = running.page("simulator")
    linus = running.lab.tenant.user("linus")
    assert linus is not None
    page.log_in(linus, linus, "idp_initiated")
    page.show_tab("recording")
    page.recording.table.selectRow(0)
    flush()
    page.recording.edit_button.click()
    flush()
    assert page.tabs.currentWidget() is page.message
    typed(page.message.values, '"finance"', '"developer"')
    press(page.message, "Send")
    assert page.result.verdict.pill.word == "Updated"


def test_nobody_and_another_provider_are_told(bench: Bench) -> None:
    bench.connect()
    page = bench.page("simulator", ("tab", "message"))
    page.message.person.setText("nobody")
    page.message._forget_person()
    press(page.message, "Make a message")
    assert "trusts another identity provider" in page.banner.text
    bench.lab.connect(ACCOUNT)
    press(page.message, "Make")
    assert 'knows nobody called "nobody"' in page.banner.text


def test_the_browser_sends_it_where_this_program_does_not(running: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: bool(opened.append(QUrl(url).toString())) or True)
    page = running.page("simulator", ("tab", "applications"))
    page.applications.add()
    flush()
    page.applications.panel.acs_url.setText("https://sp.example.com/acs")
    page.applications.panel.acs_url.textEdited.emit("")
    press(page.applications, "Save")
    page.show_tab("message")
    page.message.application.setCurrentIndex(page.message.application.findData("sp"))
    press(page.message, "Make")
    press(page.message, "Send")
    assert "sp.example.com, which is not this computer" in page.banner.text
    press(page.message, "Send by browser")
    assert len(opened) == 1
    assert "/send/" in opened[0]


def test_a_document_that_is_no_text_cannot_be_typed_in(running: Bench) -> None:
    page = running.page("simulator", ("person", "ada"))
    page.message.document.show_text(None, "no text")
    assert page.message.document.text.isReadOnly()
    page.message.document.show_text("a\u202eb")
    assert page.message.document.text.isReadOnly()
    assert page.message.document.text.toPlainText() == "a⟨U+202E⟩b"
    page.message.document.show_text("a\rb")
    assert page.message.document.text.isReadOnly()
    page.message.document.show_text("a\u00a0b")
    assert not page.message.document.text.isReadOnly()
    assert page.message.document.value == "a\u00a0b"


# The texts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", [b"<a><b/></a>", b"<a>\n<b/></a>", b"", b"<a>\n\n<b>\xc3\xa9</b></a>", b"no xml"])
def test_a_document_as_text_is_the_same_document(document: bytes) -> None:
    text = document_text(document)
    assert text is None or document_of(text) == document


def test_octets_that_are_no_text_are_not_shown_as_one() -> None:
    assert document_text(b"\xff\xfe<\x00a\x00") is None
    assert document_text(b"<a>\n<b/></a>") is None  # the line break would be lost


def test_a_form_as_text_is_the_same_form() -> None:
    form = (("SAMLResponse", "PHNh="), ("RelayState", 'a "b" = c\n\u202e'), ("RelayState", ""), ("", "x"))
    assert parse_form(form_lines(form)) == form
    assert parse_form("\n") == ()
    with pytest.raises(NotReadable, match="Line 2"):
        parse_form('"a" = "b"\nc')


def test_claims_come_out_of_the_values_and_go_back() -> None:
    spec = json.dumps(
        {
            "name_ids": [{"value": "ada"}],
            "attribute_statements": [
                [{"name": "groups", "values": ["a", "b"]}, {"name": "x", "values": [{"nil": True}]}]
            ],
        }
    )
    assert [(c.name, c.value) for c in claims_of(spec)] == [
        ("NameID", "ada"), ("groups [1]", "a"), ("groups [2]", "b"), ("x", None)
    ]  # fmt: skip
    changed = json.loads(with_claims(spec, {(-1, 0, 0): None, (0, 0, 0): None, (0, 0, 1): "c"}))
    assert changed["name_ids"] == []
    assert changed["attribute_statements"][0] == [
        {"name": "groups", "values": ["c"]},
        {"name": "x", "values": [{"nil": True}]},
    ]
    assert json.loads(with_claim(spec, "new", "v"))["attribute_statements"][0][-1] == {"name": "new", "values": ["v"]}
    for broken in ("{", "[]"):
        with pytest.raises(NotReadable):
            claims_of(broken)
