"""Directories' lists: every vendor's export is read, what is wrong is told row by row, and nothing is guessed."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.accounts.directory import DirectoryRefused, compare, read_directory, why_quarantined
from app.accounts.directory.formats import state_of
from app.accounts.directory.sources import MAX_COLUMNS
from app.accounts.directory.values import Registered
from app.saml.identifiers import _read_slowly, read_email
from simulator import default_tenant, directory_csv, directory_graph, directory_scim

TENANT = default_tenant(imagekit_id="ik_7x2k")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def read(text, **options):
    return read_directory(text.encode() if isinstance(text, str) else text, **options)


def addresses(reading):
    return [p.addresses[0] for p in reading.people]


def refused(text, **options):
    with pytest.raises(DirectoryRefused) as caught:
        read(text, **options)
    assert str(caught.value).endswith(".")
    return str(caught.value)


@pytest.mark.parametrize("vendor", ["generic", "entra", "okta", "onelogin", "ad", "google"])
def test_every_vendors_export_is_recognised_with_who_is_disabled(vendor):
    reading = read(directory_csv(TENANT, vendor=vendor))
    assert reading.format == vendor
    assert reading.usable
    assert addresses(reading) == [u.email for u in TENANT.users]
    assert [p.addresses[0] for p in reading.people if p.enabled is False] == ["alan@acme-media.test"]
    assert all(p.enabled is not None for p in reading.people)
    assert reading.rows == len(TENANT.users)


@pytest.mark.parametrize(("document", "form"), [(directory_graph(TENANT), "graph"), (directory_scim(TENANT), "scim")])
def test_graph_and_scim_are_read_as_their_users(document, form):
    reading = read(json.dumps(document))
    assert (reading.format, reading.partial_because, reading.problem_count) == (form, "", 0)
    assert addresses(reading) == [u.email for u in TENANT.users]
    assert [p.addresses[0] for p in reading.people if p.enabled is False] == ["alan@acme-media.test"]


def test_one_page_of_several_says_so_and_all_pages_together_do_not():
    first = directory_scim(TENANT, start=1, count=5)
    rest = directory_scim(TENANT, start=6, count=5)
    assert "5 of 8 people" in read(json.dumps(first)).partial_because
    assert "@odata.nextLink" in read(json.dumps(directory_graph(TENANT, top=2, next_link="http://x"))).partial_because
    graph = [directory_graph(TENANT, skip=0, top=5, next_link="http://x"), directory_graph(TENANT, skip=5, top=5)]
    whole = read(json.dumps(graph))
    assert (whole.rows, whole.partial_because) == (8, "")
    assert rest["Resources"]


@pytest.mark.parametrize(
    ("codec", "mark", "named"),
    [
        ("utf-8", b"", "UTF-8"),
        ("utf-8", b"\xef\xbb\xbf", "UTF-8 with byte order mark"),
        ("utf-16-le", b"\xff\xfe", "UTF-16"),
        ("utf-16-be", b"\xfe\xff", "UTF-16"),
        ("utf-16-le", b"", "UTF-16"),
    ],
)
def test_encodings_are_detected(codec, mark, named):
    text = "mail;displayName\r\nzoe@acme.test;Zoë Kovačević 陳偉\r\n"
    reading = read(mark + text.encode(codec))
    assert (reading.encoding, reading.delimiter, addresses(reading)) == (named, ";", ["zoe@acme.test"])
    assert reading.preview[0][1] == "Zoë Kovačević 陳偉"


def test_an_old_code_page_is_told_with_its_line_and_can_be_named():
    data = "mail,name\na@acme.test,Ada\nz@acme.test,Zoë\n".encode("cp1252")
    said = refused(data)
    assert said.startswith("Line 3 is not written in UTF-8")
    reading = read(data, encoding="Windows-1252")
    assert reading.preview[1][1] == "Zoë"
    assert "must be one of" in refused(data, encoding="EBCDIC")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_detected_even_with_others_inside_cells(delimiter):
    text = f'mail{delimiter}"displayName"\na@acme.test{delimiter}"x,y;z|w\tv"\n'
    reading = read(text)
    assert (reading.delimiter, reading.preview[0][1]) == (delimiter, "x,y;z|w\tv")


def test_lines_before_the_header_are_known():
    assert addresses(read('#TYPE Microsoft.ActiveDirectory.Management.ADUser\r\n"mail"\r\n"a@x.test"\r\n')) == [
        "a@x.test"
    ]
    assert addresses(read("sep=;\r\nmail;n,m\r\na@x.test;1\r\n")) == ["a@x.test"]


def test_the_key_can_be_chosen_and_the_other_address_is_an_alias():
    text = "userPrincipalName,mail,userType\nada@corp.test,Ada.L@acme.test,Member\n"
    by_mail, by_name = read(text), read(text, key="userprincipalname")
    assert by_mail.people[0].addresses == ("ada.l@acme.test", "ada@corp.test")
    assert by_name.people[0].addresses == ("ada@corp.test", "ada.l@acme.test")
    assert [k.column for k in by_mail.keys] == ["mail", "userPrincipalName"]
    assert "has no column" in refused(text, key="phone")


def test_proxy_addresses_and_guests_are_aliases():
    text = (
        "userPrincipalName,mail,userType,proxyAddresses\n"
        "ada@acme.test,ada@acme.test,Member,SMTP:ada@acme.test;smtp:a.l@old.test;X500:/o=x/cn=a@b.test;sip:s@acme.test\n"
        "bob_partner.test#EXT#@acme.onmicrosoft.test,,Guest,\n"
    )
    ada, bob = read(text).people
    assert ada.addresses == ("ada@acme.test", "a.l@old.test")
    assert "bob@partner.test" in bob.addresses


def test_powershells_unjoined_list_is_told():
    text = "SamAccountName,DistinguishedName,mail,proxyAddresses\na,CN=a,a@x.test,"
    text += "Microsoft.ActiveDirectory.Management.ADPropertyValueCollection\n"
    assert "-join" in read(text).notes[-1]


def test_account_control_bits_and_unknown_words():
    assert (state_of("514", bits=True), state_of("512", bits=True)) == (False, True)
    assert (state_of(" Suspended "), state_of("Wahr"), state_of("perhaps")) == (False, True, None)
    reading = read("mail,enabled\na@x.test,perhaps\nb@x.test,no\n")
    assert [p.enabled for p in reading.people] == [None, False]
    assert "perhaps" in reading.notes[0]
    assert "does not say who is disabled" in read("mail\na@x.test\n").notes[0]


def test_problems_are_told_row_by_row_and_forbid_the_import():
    text = 'mail,name\na@x.test,A\nno address,B\n\nA@X.test,C\nd@x.test\ne@x.test,"E\nE",extra\n,nobody\nf@x.test,F\n'
    reading = read(text)
    assert [(p.row, p.sentence.split(" ")[0]) for p in reading.problems] == [
        (3, "“no"),
        (5, "a@x.test"),
        (6, "It"),
        (7, "It"),
    ]
    assert "stands in row 2 already" in reading.problems[1].sentence
    assert not reading.usable
    assert reading.skipped == 1


def test_a_missing_quotation_mark_is_told_with_its_row():
    reading = read('mail,name\na@x.test,"A\nb@x.test,B\n')
    assert (reading.problem_count, reading.problems[0].row) == (1, 2)
    assert "quotation mark" in reading.problems[0].sentence


def test_the_wrong_column_is_said_first():
    reading = read("mail,displayName\na@x.test,Ada\nb@x.test,Bob\n", key="displayName")
    assert "Choose another column" in reading.problems[0].sentence
    assert reading.problem_count == 2


def test_only_the_first_problems_are_listed_and_all_are_counted():
    reading = read("mail,b\na@x.test,1\n" + "x,y,z\n" * 1000)
    assert (len(reading.problems), reading.problem_count) == (200, 1000)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        (b"\xef\xbb\xbf\r\n", "empty"),
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"%PDF-1.7", "PDF"),
        ("<!DOCTYPE html><html>", "web page"),
        (b"\x00\x01\x02\x03binary", "not text"),
        ("name,phone\nAda,1\n", "No column holds e-mail addresses"),
        ("mail,MAIL\na@x.test,b@x.test\n", "twice"),
        ("mail," + ",".join(f"c{n}" for n in range(MAX_COLUMNS + 1)) + "\n", "columns"),
        ('{"value": [', "broken in line 1"),
        ('{"a": 1}', "no list of people"),
        ("[1, 2]", "does not hold people"),
        ("[" * 100_000, "nested too deeply"),
        ('{"value": [{"id": ' + "9" * 5000 + "}]}", "broken"),
    ],
)  # fmt: skip
def test_what_is_no_list_is_refused_in_a_sentence(text, word):
    assert word in refused(text)


def test_formulas_stay_text():
    reading = read('mail,displayName\na@x.test,"=HYPERLINK(""http://x.test"",""y"")"\n=1+1,x\n')
    assert reading.preview[0][1].startswith("=HYPERLINK")
    assert [p.row for p in reading.problems] == [3]


def test_progress_is_told_and_can_stop_it():
    class StopError(Exception):
        pass

    seen = []

    def told(done, total):
        seen.append((done, total))
        if done >= 4000:
            raise StopError

    with pytest.raises(StopError):
        read("mail\n" + "".join(f"u{n}@x.test\n" for n in range(9000)), told=told)
    assert [d for d, _ in seen] == [2000, 4000]


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(lambda t: f"mail,x\n{t}".encode(errors="replace"))))
def test_no_bytes_make_reading_fail_otherwise(data):
    with contextlib.suppress(DirectoryRefused):
        reading = read(data)
        assert reading.rows >= len(reading.people)


@given(st.from_regex(r"[A-Za-z0-9._+@-]{1,40}", fullmatch=True) | st.emails())
def test_the_quick_way_to_read_an_address_says_what_the_slow_way_says(text):
    assert read_email(text) == _read_slowly(text)


# Comparing ------------------------------------------------------------------------------------------------------------


def user(number, email, *, days=100, last=None):
    return Registered(number, email, NOW - timedelta(days=days), last, None)


def test_users_are_found_by_key_and_alias_and_absence_needs_a_complete_list():
    people = read(
        "mail,userPrincipalName,accountEnabled,userType\na@x.test,,True,m\nb@x.test,bob@y.test,False,m\n"
    ).people
    users = [user(1, "a@x.test"), user(2, "bob@y.test"), user(3, "c@x.test"), user(4, "new@x.test", days=0)]
    whole = compare(people, users, taken_at=NOW - timedelta(days=1), complete=True)
    assert {s.user_id: (s.kind, s.row, s.found_as) for s in whole.standings} == {
        1: ("present", 2, ""),
        2: ("disabled", 3, "b@x.test"),
        3: ("absent", 0, ""),
    }
    assert (whole.judged, whole.matched, whole.disabled, whole.absent, whole.strangers) == (3, 2, 1, 1, 0)
    part = compare(people, users, taken_at=NOW - timedelta(days=1), complete=False)
    assert {s.kind for s in part.standings} == {"present", "disabled"}


def test_somebody_listed_twice_is_present_if_either_is():
    people = read("mail,proxyAddresses,accountEnabled\nold@x.test,a@x.test,no\na2@x.test,smtp:a@x.test,yes\n").people
    (standing,) = compare(people, [user(1, "a@x.test")], taken_at=NOW, complete=True).standings
    assert standing.kind == "present"


@pytest.mark.parametrize(
    ("present", "absent", "rows", "before", "complete", "held"),
    [
        (80, 20, 100, 100, True, ""),
        (79, 21, 100, 100, True, "21 of 100 users (21 %) are missing"),
        (100, 0, 80, 100, True, ""),
        (100, 0, 79, 100, True, "79 rows where the complete list before it had 100"),
        (100, 0, 79, None, True, ""),
        (0, 5, 50, None, True, "nobody in it is a user"),
        (0, 0, 50, None, False, ""),
        (10, 0, 1, 100, False, ""),
    ],
)
def test_the_brake(present, absent, rows, before, complete, held):
    people = read("mail\n" + "".join(f"u{n}@x.test\n" for n in range(max(present, 1)))).people
    users = [user(n, f"u{n}@x.test") for n in range(present)]
    users += [user(1000 + n, f"gone{n}@x.test") for n in range(absent)]
    comparison = compare(people, users, taken_at=NOW, complete=complete)
    said = why_quarantined(comparison, rows=rows, complete=complete, previous_rows=before)
    assert (held in said) if held else said == ""


def test_a_part_without_a_single_user_is_held_back_too():
    people = read("mail\nx@x.test\n").people
    comparison = compare(people, [user(1, "a@x.test")], taken_at=NOW, complete=False)
    assert "nobody in it" in why_quarantined(comparison, rows=1, complete=False, previous_rows=None)
