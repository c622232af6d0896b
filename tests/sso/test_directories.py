"""Lists of people: importing whole or not at all, the brake, taking back, and what they do to the stale list."""

import gc
import threading
from datetime import timedelta

import pytest

from app.accounts.directory import read_directory
from app.sso import NotFound, Refused
from app.sso.uncollected import uncollected
from simulator import directory_csv

ACCOUNT = "ik_7x2k"


def reading(text):
    return read_directory(text.encode())


def listed(*emails, disabled=()):
    rows = [f"{e},{'no' if e in disabled else 'yes'}" for e in emails]
    return reading("mail,enabled\n" + "\n".join(rows) + "\n")


def imported(bench, *emails, disabled=(), complete=True, source="people.csv", ago=0, **more):
    at = bench.time - timedelta(hours=ago)
    return bench.sso.import_directory(
        ACCOUNT, listed(*emails, disabled=disabled), complete=complete, taken_at=at, source=source, **more
    )


def code_of(action, *args, **more):
    with pytest.raises(Refused) as caught:
        action(*args, **more)
    assert str(caught.value).endswith(".")
    return caught.value.code


def states(bench):
    return {r.user.email.partition("@")[0]: (r.state, r.evidence) for r in bench.sso.stale_users(ACCOUNT)}


EVERYBODY = tuple(f"u{n}@acme-media.test" for n in range(10))


@pytest.fixture
def crowd(bench):
    """An administrator and nine others, all of whom logged in or were added some days ago."""
    bench.sso.update_account(ACCOUNT, seat_limit=50)
    for n, email in enumerate(EVERYBODY):
        bench.sso.add_user(ACCOUNT, email, f"U{n}", "account_administrator" if n == 0 else "developer")
    bench.later(days=5)
    return bench


def test_who_is_missing_and_who_is_disabled_is_confirmed(crowd):
    snapshot = imported(crowd, *EVERYBODY[:9], "stranger@acme-media.test", disabled=EVERYBODY[3:4])
    assert (snapshot.held, snapshot.matched, snapshot.disabled, snapshot.absent) == ("", 9, 1, 1)
    assert states(crowd) == {"u9": ("deleted-at-idp", "confirmed"), "u3": ("disabled-at-idp", "confirmed")}
    (row,) = (r for r in crowd.sso.stale_users(ACCOUNT) if r.user.email == EVERYBODY[9])
    assert "people.csv" in row.why[0]
    assert crowd.sso.user(row.user.id).missing_since == crowd.time
    panel = crowd.sso.seats(ACCOUNT)
    assert (panel.confirmed, panel.likely, panel.possible) == (2, 2, 2)
    event = crowd.sso.events()[0]
    assert (event.kind, event.outcome) == ("user", "directory-imported")
    assert crowd.told[-1].kind == "users"


def test_a_login_after_the_list_contradicts_it_and_clears_the_mark(bench):
    bench.log_in("ada")
    for name in ("grace", "linus", "margaret", "wei"):
        bench.log_in(name)
    users = bench.sso.users(ACCOUNT)
    bench.later(hours=1)
    snapshot = imported(bench, *(u.email for u in users if not u.email.startswith("linus")))
    assert snapshot.held == ""
    assert states(bench)["linus"] == ("deleted-at-idp", "confirmed")
    bench.later(minutes=5)
    result = bench.log_in("linus")
    assert "stale.contradicted" in {r.code for r in result.decision.reasons}
    assert states(bench)["linus"] == ("contradicted", "none")
    assert next(u for u in bench.sso.users(ACCOUNT) if u.email.startswith("linus")).missing_since is None
    (view,) = bench.sso.directory_lists(ACCOUNT)
    assert (view.outdated, view.contradicted, view.asked) == (True, 1, True)
    assert bench.sso.seats(ACCOUNT).possible == 0


def test_a_part_confirms_presence_only(crowd):
    snapshot = imported(crowd, EVERYBODY[1], EVERYBODY[2], disabled=EVERYBODY[2:3], complete=False)
    assert snapshot.absent == 0
    assert states(crowd) == {"u2": ("disabled-at-idp", "confirmed")}


def test_the_brake_holds_a_list_until_it_is_confirmed_by_typing(crowd):
    snapshot = imported(crowd, *EVERYBODY[:7])
    assert "3 of 10 users (30 %) are missing" in snapshot.held
    assert states(crowd) == {}
    assert crowd.sso.events()[0].outcome == "directory-held"
    assert code_of(crowd.sso.confirm_directory, snapshot.id, "yes") == "directory.type"
    assert states(crowd) == {}
    confirmed = crowd.sso.confirm_directory(snapshot.id, " ik_7x2k ", operator="otto")
    assert (confirmed.counts, confirmed.confirmed_by) == (True, "otto")
    assert set(states(crowd)) == {"u7", "u8", "u9"}


def test_far_fewer_rows_than_before_are_held_and_the_older_list_goes_on_counting(crowd):
    strangers = [f"s{n}@acme-media.test" for n in range(40)]
    assert imported(crowd, *EVERYBODY, *strangers, ago=24).held == ""
    held = imported(crowd, *EVERYBODY[:9], source="short.csv")
    assert "9 rows where the complete list before it had 50" in held.held
    assert states(crowd) == {}
    assert [v.asked for v in crowd.sso.directory_lists(ACCOUNT)] == [False, True]


def test_taking_a_list_back_undoes_what_it_said(crowd):
    first = imported(crowd, *EVERYBODY, ago=24)
    second = imported(crowd, *EVERYBODY[:9], source="later.csv")
    assert set(states(crowd)) == {"u9"}
    crowd.sso.discard_directory(second.id)
    assert states(crowd) == {}
    assert {u.missing_since for u in crowd.sso.users(ACCOUNT)} == {None}
    assert code_of(crowd.sso.confirm_directory, second.id, ACCOUNT) == "directory.discarded"
    crowd.sso.discard_directory(first.id)
    assert imported(crowd, *EVERYBODY[:9], source="later.csv").id > second.id
    with pytest.raises(NotFound):
        crowd.sso.discard_directory(4711)


def test_a_later_list_brings_somebody_back(crowd):
    imported(crowd, *EVERYBODY[:9], ago=24)
    assert set(states(crowd)) == {"u9"}
    imported(crowd, *EVERYBODY, source="later.csv")
    assert states(crowd) == {}
    assert {u.missing_since for u in crowd.sso.users(ACCOUNT)} == {None}


def test_the_assignment_list_of_the_application(crowd):
    imported(crowd, *EVERYBODY)
    imported(crowd, *EVERYBODY[:8], kind="assignments", source="assigned.csv")
    assert states(crowd) == {"u8": ("unassigned", "likely"), "u9": ("unassigned", "likely")}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"taken_at": timedelta(days=-1)}, "directory.date"),
        ({"taken_at": timedelta(days=4000)}, "directory.date"),
        ({"kind": "groups"}, "directory.kind"),
        ({"text": "mail\na@x.test\na@x.test\n"}, "directory.problems"),
        ({"text": "mail,x\n,1\n"}, "directory.empty"),
        ({"text": '{"Resources": [{"userName": "a@x.test"}], "totalResults": 2}'}, "directory.partial"),
    ],
)
def test_what_cannot_be_imported_changes_nothing(crowd, values, code):
    given = {"taken_at": timedelta(0), "kind": "directory", "text": "mail\na@x.test\n", **values}
    before = crowd.rows()
    read = reading(given["text"])
    at = crowd.time - given["taken_at"]
    for act in (crowd.sso.preview_directory, lambda *a, **k: crowd.sso.import_directory(*a, source="x", **k)):
        assert code_of(act, ACCOUNT, read, complete=True, taken_at=at, kind=given["kind"]) == code
    assert crowd.rows() == before
    assert code_of(
        crowd.sso.import_directory, ACCOUNT, listed("a@x.test"), complete=True, source="x",
        taken_at=crowd.time.replace(tzinfo=None),
    ) == "directory.date"  # fmt: skip


def test_the_same_list_twice_is_refused_and_a_preview_changes_nothing(crowd):
    before = crowd.rows()
    preview = crowd.sso.preview_directory(ACCOUNT, listed(*EVERYBODY[:9]), complete=True, taken_at=crowd.time)
    assert (preview.comparison.absent, preview.held) == (1, "")
    assert crowd.rows() == before
    imported(crowd, *EVERYBODY[:9])
    assert code_of(imported, crowd, *EVERYBODY[:9]) == "directory.known"


def test_hostile_names_of_files_stay_short_text(crowd):
    snapshot = imported(crowd, *EVERYBODY, source="\x1b[31m\udcff<b>" + "x" * 900)
    assert "\x1b" not in snapshot.source
    assert len(snapshot.source) <= 200
    assert crowd.sso.directory_lists(ACCOUNT)[0].snapshot == snapshot


def test_nothing_of_strangers_is_kept(crowd):
    imported(crowd, *EVERYBODY, "private.person@elsewhere.test")
    with crowd.store.read() as tx:
        kept = tx.standings({s.id for s in tx.snapshots(1)})
    assert "private" not in repr(kept)


def test_another_accounts_users_are_not_touched(crowd):
    crowd.sso.create_account("ik_2", "Second", plan="paid")
    other = crowd.sso.add_user("ik_2", "x@acme-labs.test", "X", "developer")
    imported(crowd, *EVERYBODY)
    assert crowd.sso.user(other.id).missing_since is None
    assert crowd.sso.directory_lists("ik_2") == ()


def test_two_imports_of_one_list_at_once_keep_one(crowd):
    start, refused = threading.Barrier(2), []

    def go():
        start.wait()
        try:
            imported(crowd, *EVERYBODY[:9])
        except Refused as e:
            refused.append(e.code)

    threads = [threading.Thread(target=go) for _ in range(2)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert refused == ["directory.known"]
    assert len(crowd.sso.directory_lists(ACCOUNT)) == 1


def test_the_simulators_directory_follows_a_leaver(bench):
    for name in ("ada", "grace", "linus", "margaret", "wei"):
        bench.log_in(name)
    bench.later(hours=1)
    tenant = bench.idp.tenant.without_user("linus")
    read = read_directory(directory_csv(tenant, vendor="entra").encode())
    bench.sso.import_directory(ACCOUNT, read, complete=True, taken_at=bench.time, source="entra.csv")
    assert states(bench) == {"linus": ("deleted-at-idp", "confirmed")}


def test_thresholds_may_depend_on_the_role(bench):
    bench.log_in("ada")
    bench.log_in("grace")
    bench.later(days=100)
    assert "grace" in states(bench)
    bench.sso.set_setting("dormant_days_by_role", ["developer:365"])
    roles = {u.role for u in bench.sso.users(ACCOUNT) if u.email.startswith("grace")}
    assert ("grace" in states(bench)) is (roles != {"developer"})
    assert code_of(bench.sso.set_setting, "dormant_days_by_role", ["chief:3"]) == "setting.value"
    assert code_of(bench.sso.set_setting, "dormant_days_by_role", ["finance:0"]) == "setting.value"


@pytest.mark.parametrize("step", range(5))
def test_an_import_tells_its_steps_and_stops_at_any_of_them_with_nothing_kept(crowd, step):
    steps = []

    class EnoughError(Exception):
        pass

    def told(done, total):
        steps.append((done, total))
        if done == step:
            raise EnoughError

    before = crowd.rows()
    with pytest.raises(EnoughError):
        imported(crowd, *EVERYBODY[:9], told=told)
    assert steps == [(n, 4) for n in range(step + 1)]
    assert crowd.rows() == before
    assert imported(crowd, *EVERYBODY[:9]).absent == 1


def test_what_the_page_reads_at_once_is_what_each_verb_says(crowd):
    imported(crowd, *EVERYBODY[:8], disabled=EVERYBODY[3:4], ago=1)
    taken_back = imported(crowd, *EVERYBODY[:9], source="wrong.csv")
    crowd.sso.discard_directory(taken_back.id)
    found = crowd.sso.leavers(ACCOUNT)
    assert found.rows == crowd.sso.stale_users(ACCOUNT)
    assert [r.state for r in found.rows].count("deleted-at-idp") == 2
    assert found.seats == crowd.sso.seats(ACCOUNT)
    assert found.newest == crowd.sso.directory_lists(ACCOUNT)[1]
    assert found.newest.snapshot.source == "people.csv"


def test_garbage_is_collected_again_after_the_last_who_held_it_off():
    with uncollected():
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
    with pytest.raises(Refused), uncollected():
        raise Refused("a", "b")
    assert gc.isenabled()
