"""app.saml.decoding.captures.mail: messages in e-mails, whatever their encoding, and in their attachments."""

from __future__ import annotations

import time

import pytest

from app.saml.decoding import decode
from app.saml.intake import Intake, take_in
from tests.saml.recordings import RESPONSE_FORM, XML, b64, har, mail, other, whole_login


def messages(intake: Intake) -> list[bytes]:
    return [decode(p.source).data for p in intake.pieces]


@pytest.mark.parametrize("encoding", ["quoted-printable", "base64", "7bit"])
def test_a_message_in_the_text_is_found(encoding: str) -> None:
    lines = "\n".join(b64(XML)[i : i + 76] for i in range(0, len(b64(XML)), 76))
    intake = take_in(mail(f"Hello,\n\nthe login fails:\n\n{lines}\n\nRegards\nAda", encoding=encoding))
    assert messages(intake) == [XML]
    assert intake.pieces[0].layers == ("mail",)


def test_the_html_twin_of_a_text_counts_once() -> None:
    intake = take_in(mail(RESPONSE_FORM, html=f"<html><body><b>Hi</b><p>{RESPONSE_FORM}</p></body></html>"))
    assert messages(intake) == [XML]


def test_letters_outside_ascii_survive() -> None:
    xml = XML.replace(b"ada@", "müller@".encode())
    assert messages(take_in(mail(f"Hi,\n{xml.decode()}\nBye"))) == [xml]
    latin = mail("x").replace(b"utf-8", b"iso-8859-1").rstrip(b"x\n") + b"\n\n" + xml.decode().encode("latin-1")
    assert messages(take_in(latin.replace(b"quoted-printable", b"8bit"))) == [xml]


def test_attachments_are_taken_in() -> None:
    intake = take_in(
        mail("see the files", ("a.har", har(*whole_login())), ("b.xml", other(1)), ("c.txt", b"AADSTS50105: x")),
        name="ticket.eml",
    )
    assert [p.name for p in intake.pieces] == ["ticket.eml/a.har#1", "ticket.eml/a.har#2", "ticket.eml/b.xml"]
    assert [p.layers for p in intake.pieces] == [("mail", "har"), ("mail", "har"), ("mail",)]
    assert intake.trace is not None
    assert [e.code for e in intake.errors] == ["AADSTS50105"]
    assert intake.what == "This is an e-mail with 3 attachments, with 3 messages and 1 known error in it."


def test_a_forwarded_mail_is_read_as_well() -> None:
    inner = mail("Hi\n\n" + b64(XML))
    outer = (
        b"From: a@b.example\r\nTo: c@d.example\r\nSubject: Fwd\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="=_x"\r\n\r\npreamble\r\n--=_x\r\n\r\nsee below\r\n--=_x\r\n'
        b"Content-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--=_x--\r\n"
    )
    assert messages(take_in(outer)) == [XML]


@pytest.mark.parametrize(
    "text",
    [
        "From the log: SAMLResponse=",
        "Host: sp.example\nAccept: */*\n\nx",
        "Subject: only one\n\nx",
        "GET / HTTP/1.1\nFrom: a@b.example\nTo: c@d.example\nSubject: x\n\n",
        "Subject: x",
        "Date: x\nContent-Type: text/html\nFrom: y\n\n<html></html>",
    ],
)
def test_other_texts_are_no_mail(text: str) -> None:
    assert "e-mail" not in take_in(text).what


def test_damage_is_told() -> None:
    broken = mail("x", ("a.har", har())).replace(b"base64\n", b"base64\n\n=A=A=A\n", 1)
    assert isinstance(take_in(broken).what, str)
    deep = b"From: a@b.example\nTo: c@d.example\nSubject: x\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(40)
    )
    assert "too deep" in " ".join(take_in(deep).notes)


@pytest.mark.parametrize("parts", [500, 501, 100_000])
def test_parts_are_bounded(parts: int) -> None:
    head = b"From: a@b.example\nTo: c@d.example\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n"
    data = head + b"--b\nContent-Type: text/plain\n\nx\n" * parts + b"--b--\n"
    start = time.process_time()
    intake = take_in(data)
    assert time.process_time() - start < 1
    assert [p.check for p in intake.problems] == (["encoding-size-limit"] if parts > 500 else [])
