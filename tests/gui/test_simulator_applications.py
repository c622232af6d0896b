from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.gui.simulator.applications_work import NotAnApplication, claims_text, parse_claims
from app.lab import Lab
from simulator import Application
from tests.gui.bench import ACCOUNT, HOSTILE, Bench, column, flush, press

METADATA = """<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://wiki.example/sp">
<md:SPSSODescriptor WantAssertionsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</md:NameIDFormat>
<md:AssertionConsumerService index="0" Location="https://wiki.example/acs"
 Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"/>
</md:SPSSODescriptor></md:EntityDescriptor>"""


@pytest.fixture
def running(bench: Bench) -> Bench:
    bench.lab.start()
    bench.lab.connect(ACCOUNT)
    return bench


def type_in(field: object, text: str) -> None:
    field.setText(text)  # type: ignore[attr-defined]
    field.textEdited.emit(text)  # type: ignore[attr-defined]


def application(bench: Bench, name: str) -> Application:
    found = bench.lab.tenant.application(name)
    assert found is not None
    return found


def test_a_service_provider_comes_from_metadata_on_the_clipboard(running: Bench) -> None:
    page = running.page("simulator", ("tab", "applications"))
    QGuiApplication.clipboard().setText(METADATA)
    page.applications.paste()
    flush()
    wiki = running.lab.tenant.applications[-1]
    assert (wiki.entity_id, wiki.acs_url, wiki.sign) == (
        "https://wiki.example/sp",
        "https://wiki.example/acs",
        "assertion",
    )
    assert page.applications.panel.shown == wiki
    assert "is known" in page.banner.text
    assert column(page.applications.table, 2)[-1] == "The assertion"
    page.undo()
    assert running.lab.tenant.application(wiki.id) is None


def test_what_is_no_metadata_is_said_and_adds_nothing(running: Bench, tmp_path: Path) -> None:
    page = running.page("simulator", ("tab", "applications"))
    before = running.lab.tenant.applications
    for text, said in (("", "no text on the clipboard"), ("<a>", "well-formed"), ("<a/>", "no metadata of SAML")):
        QGuiApplication.clipboard().setText(text)
        page.applications.paste()
        flush()
        assert said in page.banner.text
    bomb = METADATA.replace("<md:EntityDescriptor", '<!DOCTYPE a [<!ENTITY b "c">]><md:EntityDescriptor', 1)
    QGuiApplication.clipboard().setText(bomb)
    page.applications.paste()
    assert "DTD" in page.banner.text
    assert running.lab.tenant.applications == before


def test_every_field_of_an_application_reaches_the_message(running: Bench) -> None:
    page = running.page("simulator", ("tab", "applications"))
    page.applications.add()
    flush()
    panel = page.applications.panel
    assert panel.head.text() == "New service provider"
    type_in(panel.entity_id, "https://wiki.example/audience")
    type_in(panel.acs_url, "https://wiki.example/acs")
    type_in(panel.destination, "https://wiki.example/destination")
    type_in(panel.recipient, "https://wiki.example/recipient")
    type_in(panel.deliver_to, "http://127.0.0.1:3000/post")
    panel.relay_state.show_value("")
    panel.relay_state.edited.emit()
    for box, words in ((panel.sign, "Both"), (panel.digest, "SHA-512"), (panel.algorithm, "RSA-SHA384")):
        box.setCurrentIndex(box.findText(words))
        box.activated.emit(box.currentIndex())
    panel.format.setCurrentIndex(panel.format.findText("Persistent"))
    panel.source.setCurrentIndex(panel.source.findText("User name"))
    panel.claims.setPlainText("mail = email\nteam = attribute:department\ntenant = =acme")
    pem = running.lab.keys.pair("sp-encryption").pem.decode()
    press(page.applications, "Save")
    ada = running.lab.tenant.user("ada")
    assert ada is not None
    ada = replace(ada, attributes={"department": ("Finance",)})
    issued = running.lab.idp.issue(ada, application(running, "sp"))
    text = issued.xml.decode()
    for part in (
        'Destination="https://wiki.example/destination"',
        'Recipient="https://wiki.example/recipient"',
        ">https://wiki.example/audience</saml:Audience>",
        "rsa-sha384",
        "xmlenc#sha512",
        "nameid-format:persistent",
        ">ada</saml:NameID>",
        'Name="team"',
        ">Finance</saml:AttributeValue>",
        ">acme</saml:AttributeValue>",
    ):
        assert part in text
    assert text.count("<ds:Signature ") == 2
    assert (issued.url, issued.relay_state) == ("http://127.0.0.1:3000/post", "")
    panel.encrypt_to.setPlainText(pem)
    press(page.applications, "Save")
    assert "EncryptedAssertion" in running.lab.idp.issue(ada, application(running, "sp")).xml.decode()
    assert column(page.applications.table, 3)[-1] == "Yes"


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("acs_url", "javascript:alert(1)", "expected an http or https address"),
        ("deliver_to", "ftp://sp.example/acs", "expected an http or https address"),
        ("claims", "mail", "Line 1 of the claims"),
        ("claims", "mail = phone", 'comes from "phone"'),
        ("claims", "mail = email\nmail = role", "stands there twice"),
    ],
)
def test_what_cannot_be_an_application_is_said_while_typing(running: Bench, field: str, text: str, said: str) -> None:
    page = running.page("simulator", ("tab", "applications"))
    page.applications.add()
    flush()
    panel = page.applications.panel
    before = application(running, "sp")
    widget = getattr(panel, field)
    if field == "claims":
        widget.setPlainText(text)
    else:
        type_in(widget, text)
    assert said in panel.problem.text()
    assert not panel.save_button.isEnabled()
    panel.save()
    assert application(running, "sp") == before


@pytest.mark.parametrize(
    ("pem", "said"),
    [
        ("MIIB", "must be PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "cannot be read"),
        ("ec", "no RSA key"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told_before_the_login(running: Bench, pem: str, said: str) -> None:
    page = running.page("simulator", ("tab", "applications"))
    page.applications.add()
    flush()
    text = running.lab.keys.pair("ec-p256").pem.decode() if pem == "ec" else pem
    page.applications.panel.encrypt_to.setPlainText(text)
    press(page.applications, "Save")
    assert said in page.banner.text
    assert application(running, "sp").encrypt_to is None


def test_the_application_of_an_account_keeps_the_addresses_of_the_account(running: Bench) -> None:
    page = running.page("simulator", ("tab", "applications"))
    panel = page.applications.panel
    assert panel.shown == application(running, ACCOUNT)
    assert "Settings page" in panel.owner.text()
    assert panel.entity_id.isReadOnly()
    panel.claims.setPlainText(panel.claims.toPlainText().replace("imagekit_role = role", "imagekit_role = =finance"))
    press(page.applications, "Save")
    ada = running.lab.tenant.user("ada")
    assert ada is not None
    page.log_in(ada, ada, "idp_initiated")
    assert [u.role for u in running.sso.users(ACCOUNT)] == ["finance"]


def test_an_application_is_deleted_and_put_back(running: Bench, qtbot: QtBot) -> None:
    page = running.page("simulator", ("tab", "applications"))
    before = running.lab.tenant.applications
    page.applications.table.setFocus()
    qtbot.keyClick(page.applications.table, Qt.Key.Key_Delete)
    flush()
    assert running.lab.tenant.applications == ()
    assert "No service provider yet" in page.applications.text.text()
    press(page.banner, "Undo")
    assert running.lab.tenant.applications == before


def test_unsigned_requests_can_be_refused(running: Bench) -> None:
    page = running.page("simulator", ("tab", "applications"))
    page.applications.signed.click()
    flush()
    assert running.lab.tenant.want_authn_requests_signed
    assert b'WantAuthnRequestsSigned="true"' in running.lab.metadata()
    page.undo()
    assert not running.lab.tenant.want_authn_requests_signed


def test_claims_as_text_lose_nothing_and_hostile_names_stay_text(running: Bench) -> None:
    claims = {"urn:oid:1.2": "attribute:a=b", "constant": "==x", "role": "role"}
    assert parse_claims(claims_text(claims)) == claims
    with pytest.raises(NotAnApplication):
        parse_claims(" = role")
    running.lab.change_tenant(
        lambda t: t.with_application(
            Application(id="evil", name=HOSTILE, entity_id=HOSTILE, acs_url="http://127.0.0.1:1/", claims={})
        )
    )
    page = running.page("simulator", ("tab", "applications"))
    assert page.applications.table.select_where(lambda a: a.id == "evil")
    flush()
    assert page.applications.panel.head.text() == HOSTILE
    assert page.applications.panel.head.textFormat() == Qt.TextFormat.PlainText


# The file -------------------------------------------------------------------------------------------------------------


def test_the_text_of_the_organisation_is_edited_used_and_taken_back(running: Bench) -> None:
    page = running.page("simulator", ("tab", "file"))
    editor = page.file.editor
    assert 'username = "ada"' in editor.toPlainText()
    assert not page.file.use_button.isEnabled()
    editor.setPlainText(editor.toPlainText().replace('full_name = "Ada Lindqvist"', 'full_name = "Ada King"'))
    press(page.file, "Use this")
    ada = running.lab.tenant.user("ada")
    assert ada is not None
    assert ada.full_name == "Ada King"
    assert "Ada King" in column(page.people.table, 0)
    page.undo()
    assert 'full_name = "Ada Lindqvist"' in editor.toPlainText()
    assert not page.file.typed


@pytest.mark.parametrize(
    ("old", "new", "line_has", "said"),
    [
        ('vendor = "generic"', "vendor = 3", "vendor = 3", "vendor must be a text"),
        ('username = "grace"', 'username = "grace"\ncolour = "red"', "colour", 'Unknown key "colour"'),
        ("[idp]", "[idp", "[idp", "not valid TOML"),
    ],
)
def test_a_wrong_text_changes_nothing_and_the_line_is_shown(
    running: Bench, old: str, new: str, line_has: str, said: str
) -> None:
    page = running.page("simulator", ("tab", "file"))
    before = running.lab.tenant
    editor = page.file.editor
    editor.setPlainText(editor.toPlainText().replace(old, new, 1))
    press(page.file, "Use this")
    assert said in page.file.problem.text
    assert "Line " in page.file.problem.text
    assert line_has in editor.textCursor().block().text()
    assert len(editor.extraSelections()) == 1
    assert running.lab.tenant == before
    press(page.file, "Revert")
    assert not page.file.typed
    assert page.file.problem.text == ""


def test_a_broken_file_is_shown_mended_and_the_last_good_one_serves_meanwhile(bench: Bench, tmp_path: Path) -> None:
    bench.desk.lab = Lab(bench.sso, tmp_path)
    page = bench.page("simulator", ("tab", "file"))
    file = tmp_path / "tenant.toml"
    good = file.read_text("utf-8")
    file.write_text(good.replace('vendor = "generic"', "vendor = 3"), "utf-8")
    press(page.file, "Read again")
    page.refresh()
    assert "line" in page.problem_banner.text
    assert "last good version" in page.problem_banner.text
    assert bench.desk.lab.tenant.vendor == "generic"
    assert "vendor = 3" in page.file.editor.toPlainText()
    page.file.editor.setPlainText(good)
    press(page.file, "Use this")
    page.refresh()
    assert page.problem_banner.text == ""
    assert file.read_text("utf-8") == good
    assert "vendor = 3" in (tmp_path / "tenant.broken.toml").read_text("utf-8")


def test_another_file_is_looked_at_before_it_is_used(running: Bench, tmp_path: Path) -> None:
    page = running.page("simulator", ("tab", "file"))
    page.file.save_copy(tmp_path / "copy.toml")
    other = tmp_path / "other.toml"
    other.write_text((tmp_path / "copy.toml").read_text("utf-8").replace("Acme Media (test", "Other (test"), "utf-8")
    page.file.open_file(other)
    flush()
    assert "Other (test" in page.file.editor.toPlainText()
    assert running.lab.tenant.name == "Acme Media (test organisation)"
    press(page.file, "Use this")
    assert running.lab.tenant.name == "Other (test organisation)"
    page.file.open_file(tmp_path / "missing.toml")
    assert "cannot be read" in page.banner.text


def test_what_is_typed_survives_a_change_elsewhere(running: Bench) -> None:
    page = running.page("simulator", ("tab", "file"))
    editor = page.file.editor
    editor.setPlainText("# mine\n" + editor.toPlainText())
    running.lab.change_tenant(lambda t: t.with_enabled("grace", False))
    flush()
    assert editor.toPlainText().startswith("# mine")
    assert "changed since" in page.file.problem.text


def test_invisible_characters_are_numbers_in_the_text(running: Bench) -> None:
    ada = running.lab.tenant.user("ada")
    assert ada is not None
    odd = replace(ada, full_name="a\u202eb\u00a0c\u200d\U000e0001")
    running.lab.change_tenant(lambda t: t.with_user(odd))
    page = running.page("simulator", ("tab", "file"))
    text = page.file.editor.toPlainText()
    assert r"a\u202Eb\u00A0c\u200D\U000E0001" in text
    page.file.editor.setPlainText(text.replace("Acme Media (test", "Acme (test"))
    press(page.file, "Use this")
    assert running.lab.tenant.user("ada") == odd
