"""Who works at this computer: kept in a private file, named by the environment, and written wherever somebody acts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.accounts.directory import read_directory
from app.bootstrap import open_workspace
from app.cli.workspace import OPERATOR
from app.computer.operator import VARIABLE, keep_operator, operator_of
from app.sso import Operator, Refused
from app.store import EventFilter

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OLGA = Operator("Olga Berg", "olga@acme-media.test")


def test_it_is_kept_in_a_private_file_and_forgotten(tmp_path: Path) -> None:
    assert operator_of(tmp_path) == Operator()
    assert keep_operator(tmp_path, "  Olga   Berg ", " olga@acme-media.test") == OLGA
    assert operator_of(tmp_path) == OLGA
    assert (tmp_path / "operator.json").stat().st_mode & 0o077 == 0
    keep_operator(tmp_path, "", "")
    assert operator_of(tmp_path) == Operator()
    assert [p.name for p in tmp_path.iterdir()] == ["operator.json"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"name": 1}', b"\xff\xfe", b'{"name": "x\\u202ey", "email": ""}', b"[" * 4096]
)
def test_a_file_that_somebody_broke_names_nobody(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "operator.json").write_bytes(content)
    assert operator_of(tmp_path) == Operator()


@pytest.mark.parametrize(("name", "email"), [("x" * 101, ""), ("a\x07b", ""), ("Olga", "olga"), ("Olga", "a@b@c.test")])
def test_what_is_no_name_or_e_mail_is_refused(tmp_path: Path, name: str, email: str) -> None:
    keep_operator(tmp_path, "Olga", "")
    with pytest.raises(Refused) as caught:
        keep_operator(tmp_path, name, email)
    assert str(caught.value).endswith(".")
    assert operator_of(tmp_path).name == "Olga"


@pytest.mark.parametrize(
    ("given", "who"),
    [
        ("Olga Berg <olga@acme-media.test>", OLGA),
        ("Nightly job", Operator("Nightly job")),
        ("olga@acme-media.test", Operator("", "olga@acme-media.test")),
        ("Olga <nothing>", Operator()),
        ("a <b> <c@d.test>", Operator()),
    ],
)
def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, who: Operator
) -> None:
    keep_operator(tmp_path, "Somebody Else", "")
    monkeypatch.setenv(VARIABLE, given)
    assert operator_of(tmp_path) == who


def test_everything_that_is_done_by_hand_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_workspace(logs=False, clock=lambda: NOW) as workspace:
        workspace.set_operator(*_words(OLGA))
    with open_workspace(logs=False, clock=lambda: NOW) as workspace:
        sso = workspace.sso
        account = sso.accounts()[0].id
        sso.add_user(account, "boss@acme-media.test", "Boss", "account_administrator")
        user = sso.add_user(account, "gone@acme-media.test", "Gone", "developer", operator=OPERATOR)
        entity = sso.set_entity_id(account, "urn:example:1").revision
        codes = sso.make_recovery_codes(account)
        reading = read_directory(b"mail\nboss@acme-media.test\n")
        listed = sso.import_directory(account, reading, complete=True, taken_at=NOW, source="x.csv")
        assert sso.discard_directory(listed.id).discarded_by == "Olga Berg"
        assert sso.delete_user(user.id).deleted_by == "Olga Berg"
        assert entity is not None
        assert entity.operator == listed.operator == sso.safety(account).codes_made_by == "Olga Berg"
        assert codes
        sso.add_user(account, "x@acme-media.test", "X", "developer", operator="directory sync")
        events = sso.events(EventFilter(account=account), limit=100)
        assert {e.operator for e in events} == {"first run", "Olga Berg", "directory sync"}


def test_nobody_plans_to_delete_themselves() -> None:
    now = [NOW]
    with open_workspace(logs=False, clock=lambda: now[0]) as workspace:
        sso = workspace.sso
        account = sso.accounts()[0].id
        sso.add_user(account, "boss@acme-media.test", "Boss", "account_administrator")
        sso.add_user(account, "olga@acme-media.test", "Olga", "developer")
        now[0] += timedelta(days=40)
        assert sso.seats(account).possible == 1
        workspace.set_operator("", "OLGA@acme-media.test")
        rows = {r.user.email: r for r in sso.stale_users(account)}
        assert rows["olga@acme-media.test"].evidence == "excluded"
        assert sso.seats(account).possible == 0
        plan = sso.plan_cleanup(account, frozenset({rows["olga@acme-media.test"].user.id}))
        assert not plan.applicable


def _words(who: Operator) -> tuple[str, str]:
    return who.name, who.email


def test_the_file_is_json_for_other_programs(tmp_path: Path) -> None:
    keep_operator(tmp_path, *_words(OLGA))
    assert json.loads((tmp_path / "operator.json").read_text()) == {"name": OLGA.name, "email": OLGA.email}
