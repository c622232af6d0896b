"""What several lists say of a user together."""

import json
import zlib
from dataclasses import replace
from datetime import timedelta

import pytest

from app.accounts.directory import Directory, Snapshot, Standing, pack_standings, unpack_standings
from tests.accounts.test_staleness import NOW, ago, row, user


def listed(number, days, *standings, kind="directory", complete=True, **changes):
    values = {
        "id": number, "account_id": 1, "kind": kind, "taken_at": ago(days), "imported_at": NOW, "operator": "op",
        "source": f"list{number}.csv", "format": "entra", "key_column": "mail", "complete": complete, "rows": 10,
        "matched": 1, "disabled": 0, "absent": 0, "sha256": "ab",
    }  # fmt: skip
    return Snapshot(**{**values, **changes}), tuple(standings)


def grace(kind, number=1, row_number=3):
    return Standing(number, "grace@acme.test", kind, row_number)


SILENT = user(last_login_at=ago(30))


def kinds(*lists, person=SILENT):
    return [(s.kind, s.source) for s in Directory(lists).signals(person)]


def test_the_newest_list_counts():
    assert kinds(listed(1, 9, grace("absent")), listed(2, 3, grace("present"))) == [("directory-present", "list2.csv")]
    assert kinds(listed(1, 3, grace("absent")), listed(2, 9, grace("present"))) == [("directory-absent", "list1.csv")]


def test_a_newer_part_confirms_presence_and_never_absence():
    whole = listed(1, 9, grace("absent"))
    assert kinds(whole, listed(2, 3, grace("present"), complete=False)) == [("directory-present", "list2.csv")]
    assert kinds(whole, listed(2, 3, complete=False)) == [("directory-absent", "list1.csv")]
    assert kinds(listed(2, 3, complete=False)) == []


def test_what_is_older_than_the_newest_complete_list_is_not_asked():
    lists = (listed(1, 9, grace("present")), listed(2, 3))
    assert kinds(*lists) == []
    assert Directory.needed(s for s, _ in lists) == {2}


@pytest.mark.parametrize("change", [{"held": "too few"}, {"discarded_at": NOW}])
def test_lists_that_are_held_back_or_taken_back_say_nothing(change):
    assert kinds(listed(1, 3, grace("absent"), **change)) == []


def test_a_confirmed_list_counts():
    assert kinds(listed(1, 3, grace("absent"), held="too few", confirmed_at=NOW)) == [("directory-absent", "list1.csv")]


def test_a_user_with_another_e_mail_since_is_not_judged_by_the_old_one():
    assert kinds(listed(1, 3, grace("absent")), person=replace(SILENT, email_key="g@acme.test")) == []


def test_the_assignment_list_tells_who_may_not_use_the_application():
    there = listed(1, 3, grace("present"))
    assigned = listed(2, 2, grace("absent"), kind="assignments")
    assert kinds(there, assigned)[1] == ("not-assigned", "list2.csv")
    gone = listed(1, 3, grace("absent"))
    assert kinds(gone, assigned) == [("directory-absent", "list1.csv")]
    found = row(SILENT, *Directory((there, assigned)).signals(SILENT))
    assert (found.state, found.evidence) == ("unassigned", "likely")


def test_the_states_follow_from_the_lists():
    for kind, state in (("absent", "deleted-at-idp"), ("disabled", "disabled-at-idp")):
        found = row(SILENT, *Directory([listed(1, 3, grace(kind))]).signals(SILENT))
        assert (found.state, found.evidence) == (state, "confirmed")
        assert "list1.csv, 2026-11-20" in found.why[0]
        back = user(last_login_at=ago(1))
        assert row(back, *Directory([listed(1, 3, grace(kind))]).signals(back)).state == "contradicted"


def test_contradictions_are_counted_by_list():
    from app.accounts.directory import Registered

    directory = Directory([listed(1, 3, grace("absent"), Standing(2, "b@acme.test", "absent", 0))])
    people = [
        Registered(1, "grace@acme.test", ago(100), ago(1), None),
        Registered(2, "b@acme.test", ago(100), ago(9), None),
    ]
    assert directory.contradictions(people) == {1: 1}
    assert [directory.missing_since(p) for p in people] == [None, ago(3)]


def test_standings_are_kept_whole():
    some = (grace("absent"), Standing(7, "ä@acme.test", "disabled", 500_000, "alias@acme.test"))
    assert unpack_standings(pack_standings(some)) == some
    assert pack_standings(some) != pack_standings(some[:1])


def test_a_list_taken_at_the_moment_of_a_login_is_contradicted():
    at = user(last_login_at=ago(3))
    assert row(at, *Directory([listed(1, 3, grace("absent"))]).signals(at)).state == "contradicted"
    before = user(last_login_at=ago(3) - timedelta(seconds=1))
    assert row(before, *Directory([listed(1, 3, grace("absent"))]).signals(before)).state == "deleted-at-idp"


def test_many_standings_are_kept_in_blocks_and_older_rows_of_one_block_stay_readable():
    many = tuple(Standing(n, f"u{n}@acme.test", "present", n) for n in range(12_001))
    packed = pack_standings(many)
    assert unpack_standings(packed) == many
    assert len(zlib.decompress(packed).splitlines()) == 3
    assert unpack_standings(pack_standings(())) == ()
    before = zlib.compress(json.dumps([[1, "a@acme.test", "a", 0, ""]]).encode())
    assert unpack_standings(before) == (Standing(1, "a@acme.test", "absent", 0),)


def test_only_those_are_accused_of_whom_a_list_says_more_than_that_they_are_there():
    there = listed(1, 3, grace("present"), grace("disabled", 2))
    assigned = listed(2, 2, grace("absent", 3), kind="assignments")
    held = listed(3, 1, grace("absent", 4), held="too few")
    accused = Directory((there, assigned, held))
    assert [accused.accuses(user(id=n)) for n in (1, 2, 3, 4)] == [False, True, True, False]
