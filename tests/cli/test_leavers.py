"""Directory lists and clean-ups on the command line, from files and from a running test IdP."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.fetching.directory import DirectoryUnreachable, fetch_directory
from simulator import Idp, KeyRing, Server, TestUser, WebIdp, default_tenant, directory_csv
from tests.cli.test_commands import Cli, cli  # noqa: F401  a fixture

PEOPLE = ("ada", "grace", "linus", "margaret", "zoe")
TENANT = default_tenant(imagekit_id="ik_7x2k")
NOW = datetime.now(UTC).isoformat()


@pytest.fixture
def crowd(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:  # noqa: F811
    """An account with five users who were added by hand."""
    monkeypatch.setenv("SSO_WORKBENCH_WORKSPACE", f"sqlite:///{tmp_path / 'w.db'}")
    assert cli("config", "set", "--account", "ik_7x2k", "--seats", "9").code == 0
    for n, name in enumerate(PEOPLE):
        role = "account_administrator" if n == 0 else "developer"
        assert cli("users", "add", f"{name}@acme-media.test", "--name", name, "--role", role).code == 0
    return cli


def write(name: str, text: str) -> str:
    Path(name).write_text(text, "utf-8", newline="")
    return name


def leaving(*names: str) -> str:
    tenant = TENANT
    for name in names:
        tenant = tenant.without_user(name)
    return directory_csv(tenant, vendor="entra")


def test_import_stale_clean_up_verify_undo(crowd: Cli) -> None:
    file = write("entra.csv", leaving("linus"))
    now = datetime.now(UTC).isoformat()
    looked = crowd("users", "import-directory", file, "--complete", "--taken-at", now, "--preview")
    assert (looked.code, "1 missing. Nothing was changed." in looked.out) == (0, True)
    done = crowd("users", "import-directory", file, "--complete", "--taken-at", now, "--format", "json")
    assert (done.code, done.objects[0]["absent"], done.objects[0]["format"]) == (0, 1, "entra")
    (row,) = crowd("users", "stale", "--format", "json").objects
    assert (row["email"], row["state"], row["evidence"]) == ("linus@acme-media.test", "deleted-at-idp", "confirmed")
    why = crowd("users", "stale", "--why", "LINUS@acme-media.test")
    assert "entra.csv" in why.out
    assert crowd("users", "clean-up").code == 2
    planned = crowd("users", "clean-up", "--export", "plan.csv")
    assert (planned.code, len(crowd("users", "list", "--format", "json").objects)) == (0, 5)
    with Path("plan.csv").open(newline="") as f:
        assert [r["evidence"] for r in csv.DictReader(f)] == ["confirmed"]
    applied = crowd("users", "clean-up", "--export", "plan.csv", "--apply", "--format", "json")
    reference = applied.objects[0]["reference"]
    assert applied.objects[0]["deleted"] == ["linus@acme-media.test"]
    assert crowd("users", "clean-up", "--verify", reference).code == 0
    assert crowd("users", "clean-up", "--undo", reference).code == 0
    assert crowd("users", "clean-up", "--verify", reference).code == 1
    assert len(crowd("users", "list", "--format", "json").objects) == 5


def test_a_list_with_problems_is_told_row_by_row_and_not_imported(crowd: Cli) -> None:
    file = write("bad.csv", "mail\nada@acme-media.test\nnobody\nada@acme-media.test\n")
    said = crowd("users", "import-directory", file, "--complete", "--taken-at", "2026-01-01")
    assert said.code == 1
    assert "2 rows have problems; nothing was imported." in said.out
    rows = crowd("users", "import-directory", file, "--part", "--taken-at", "2026-01-01", "--format", "json").objects
    assert [r["row"] for r in rows] == [3, 4]
    assert crowd("users", "lists", "--format", "json").out == ""


def test_a_list_that_is_held_back_is_confirmed_by_typing(crowd: Cli) -> None:
    file = write("short.csv", leaving("linus", "zoe"))
    held = crowd("users", "import-directory", file, "--complete", "--taken-at", datetime.now(UTC).isoformat())
    assert held.code == 1
    assert "held back: 2 of 5 users (40 %)" in held.out
    assert crowd("users", "stale", "--format", "json").out == ""
    assert crowd("users", "lists", "--confirm", "1", "--type", "yes").code == 1
    assert "counts" in crowd("users", "lists", "--confirm", "1", "--type", "ik_7x2k").out
    assert len(crowd("users", "stale", "--format", "json").objects) == 2
    assert crowd("users", "lists", "--discard", "7").code == 2
    assert "taken back" in crowd("users", "lists", "--discard", "1").out
    assert crowd("users", "stale", "--format", "json").out == ""


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("x.csv",), "--complete or --part"),
        (("x.csv", "--part"), "--taken-at"),
        (("missing.csv", "--part", "--taken-at", "2026-01-01"), "cannot be read"),
        (("x.csv", "--part", "--taken-at", "2026-01-01", "--key", "phone"), "no column"),
        (("x.csv", "--part", "--taken-at", "yesterday"), "is no time"),
        (("http://directory.test/users", "--part"), "https only"),
        (("http://127.0.0.1:9/scim/v2/Users", "--part"), "does not answer"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(crowd: Cli, arguments: tuple[str, ...], word: str) -> None:
    write("x.csv", "mail\nada@acme-media.test\n")
    said = crowd("users", "import-directory", *arguments)
    assert said.code == 2
    assert word in said.err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs here")
def test_a_pipe_is_no_file(crowd: Cli) -> None:
    os.mkfifo("pipe")
    assert crowd("users", "import-directory", "pipe", "--part", "--taken-at", "2026-01-01").code == 2


def test_restoring_one_person(crowd: Cli) -> None:
    assert crowd("users", "delete", "zoe@acme-media.test").code == 0
    assert crowd("users", "restore", "zoe@acme-media.test").code == 0
    assert crowd("users", "restore", "zoe@acme-media.test").code == 2


def test_changing_renaming_and_looking_back(crowd: Cli) -> None:
    said = crowd("users", "update", "grace@acme-media.test", "zoe@acme-media.test", "--role", "finance")
    assert (said.code, said.out.count("is finance")) == (0, 2)
    said = crowd("users", "update", "ada@acme-media.test", "zoe@acme-media.test", "--role", "developer")
    assert (said.code, "last account administrator" in said.err) == (1, True)
    assert crowd("users", "update", "zoe@acme-media.test", "linus@acme-media.test", "--name", "Both").code == 2
    assert crowd("users", "update", "zoe@acme-media.test").code == 2
    assert crowd("users", "update", "nobody@acme-media.test", "--role", "finance").code == 2
    assert crowd("users", "rename", "grace@acme-media.test", "zoe@acme-media.test").code == 0
    emails = [u["email"] for u in crowd("users", "list", "--format", "json").objects]
    assert len(emails) == 4
    assert "grace@acme-media.test" not in emails
    events = crowd("users", "history", "ZOE@acme-media.test", "--format", "json").objects
    assert [e["outcome"] for e in events] == ["user-renamed", "user-changed", "user-added"]
    assert events[1]["changes"] == [["role", "developer", "finance", True]]
    assert crowd("users", "rename", "zoe@acme-media.test", "zoe@acme-media.test").code == 1


# From the running simulator ------------------------------------------------------------------------------------------


@pytest.fixture
def web() -> Iterator[WebIdp]:
    """A test IdP with 1,208 people, so that there are several pages."""
    tenant = TENANT.without_user("linus")
    more = tuple(
        TestUser(
            username=f"p{n}", email=f"p{n}@acme-media.test", full_name=f"P {n}", role="developer", imagekit_id=None
        )
        for n in range(1201)
    )
    tenant = replace(tenant, users=(*tenant.users, *more))
    idp = Idp(tenant, KeyRing.in_memory(lambda: datetime.now(UTC)), lambda: datetime.now(UTC))
    web = WebIdp(idp)
    with Server(web.asgi) as server:
        idp.base_url = server.url
        yield web


@pytest.mark.parametrize("path", ["", "/scim/v2/Users", "/graph/v1.0/users"])
def test_all_pages_of_the_running_simulator(path: str, web: WebIdp) -> None:
    seen: list[tuple[int, int]] = []
    key = web.portal_path().partition("=")[2]
    address = f"{web.idp.base_url}{path}?key={key}" if path else web.idp.base_url + web.portal_path()
    fetched = fetch_directory(address, told=lambda done, total: seen.append((done, total)))
    assert fetched.people == 1208
    assert key not in fetched.source
    assert len(seen) >= 3
    document = json.loads(fetched.data)
    assert len(document["value" if "graph" in path else "Resources"]) == 1208


def test_the_key_is_needed_and_may_come_from_a_file(crowd: Cli, web: WebIdp) -> None:
    address = f"{web.idp.base_url}/scim/v2/Users"
    with pytest.raises(DirectoryUnreachable, match="right key"):
        fetch_directory(address)
    Path("token").write_text(web.portal_path().partition("=")[2] + "\n")
    done = crowd("users", "import-directory", address, "--complete", "--token-file", "token")
    assert done.code == 0, done.err
    (row,) = crowd("users", "stale", "--format", "json").objects
    assert row["email"] == "linus@acme-media.test"
    assigned = crowd(
        "users", "import-directory", address, "--complete", "--token-file", "token", "--list", "assignments"
    )
    assert assigned.code == 0, assigned.err


def test_something_else_than_a_directory_is_said(web: WebIdp) -> None:
    key = web.portal_path().partition("=")[2]
    for path in ("/nothing/users", "/portal/users"):
        with pytest.raises(DirectoryUnreachable):
            fetch_directory(f"{web.idp.base_url}{path}?key={key}")


def test_a_user_is_kept_off_clean_ups_with_a_reason_and_no_longer(crowd: Cli) -> None:
    write("people.csv", "mail\nada@acme-media.test\n")
    email = "zoe@acme-media.test"
    assert crowd("users", "keep", email).code == 2
    assert crowd("users", "keep", email, "--until", "2027-01-01", "--no-longer").code == 2
    past = crowd("users", "keep", email, "--until", "2001-01-01")
    assert (past.code, "is past" in past.err) == (2, True)
    assert crowd("users", "keep", "nobody@acme-media.test", "--until", "2099-01-01").code == 2
    done = crowd("users", "keep", email, "--until", "2099-06-30", "--why", "shared mailbox")
    assert done.code == 0, done.err
    assert "kept until 2099-06-30T00:00:00Z because shared mailbox" in done.out
    (told,) = crowd("users", "list", "--text", "zoe", "--format", "json").objects
    assert (told["keep_until"], told["keep_why"]) == ("2099-06-30T00:00:00Z", "shared mailbox")
    assert crowd("users", "history", email, "--format", "json").objects[0]["outcome"] == "user-protected"
    (freed,) = crowd("users", "keep", email, "--no-longer", "--format", "json").objects
    assert freed["keep_until"] is None
