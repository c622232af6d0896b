"""The composition root: folders, first run, logging without persons or secrets."""

import logging
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from app.bootstrap import RedactingFormatter, data_folder, demo_workspace, open_workspace, workspace_url
from app.sso import Change
from app.store import NotAStore, UnreadableStore


def test_the_first_run_makes_one_account_in_a_private_folder(own_home):
    with open_workspace() as workspace:
        (account,) = workspace.sso.accounts()
        assert (account.imagekit_id, account.name, account.plan, account.seat_limit) == (
            "ik_7x2k",
            "Acme Media",
            "enterprise",
            5,
        )
        assert not account.sso_on
        assert workspace.location == str(own_home / "workspace.db")
    with open_workspace() as workspace:
        assert len(workspace.sso.accounts()) == 1
    assert stat.S_IMODE((own_home / "logs").stat().st_mode) == 0o700
    assert stat.S_IMODE((own_home / "logs" / "sso-workbench.log").stat().st_mode) == 0o600
    assert stat.S_IMODE((own_home / "log-salt").stat().st_mode) == 0o600


def test_the_workspace_is_named_by_argument_or_environment(own_home, tmp_path, monkeypatch):
    assert data_folder() == own_home
    monkeypatch.setenv("SSO_WORKBENCH_WORKSPACE", f"sqlite:///{tmp_path / 'env.db'}")
    with open_workspace(logs=False) as workspace:
        assert workspace.store.path == tmp_path / "env.db"
    with open_workspace(str(tmp_path / "arg.db"), logs=False) as workspace:
        assert workspace.store.path == tmp_path / "arg.db"
    assert workspace_url("postgresql+psycopg://db/x") == "postgresql+psycopg://db/x"


def test_a_workspace_that_cannot_be_used_leaves_no_handler(tmp_path):
    before = list(logging.getLogger().handlers)
    (tmp_path / "w.db").write_text("not a database" * 100)
    with pytest.raises(NotAStore):
        open_workspace(str(tmp_path / "w.db"))
    assert logging.getLogger().handlers == before


def test_a_data_folder_that_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("SSO_WORKBENCH_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(UnreadableStore, match="SSO_WORKBENCH_HOME"):
        open_workspace()


def test_a_demo_leaves_nothing_behind(own_home):
    with demo_workspace() as workspace:
        folder = workspace.folder
        assert workspace.demo
        assert len(workspace.sso.accounts()) == 1
        assert (folder / "workspace.db").exists()
    assert not folder.exists()
    assert list(own_home.iterdir()) == []


CANARIES = {
    "e-mail": "canary.person@acme-media.test",
    "message": "SAMLResponse=PHNhbWxwOlJlc3BvbnNl",
    "relay state": "RelayState=https://imagekit.io/canary",
    "cookie": "Cookie: sp-canary=hush",
    "value": "<saml:AttributeValue>canary value</saml:AttributeValue>",
    "key": "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCanary",
}


@pytest.mark.parametrize("name", CANARIES)
@pytest.mark.parametrize("level", [logging.INFO, logging.ERROR])
@pytest.mark.expects_log
def test_no_person_and_no_secret_reaches_the_log(own_home, name, level):
    canary = CANARIES[name]
    with open_workspace():
        logging.getLogger("app.test").log(level, "about %s", canary)
        try:
            raise ValueError(canary)
        except ValueError:
            logging.getLogger("app.test").exception("failed with %s", canary)
    text = (own_home / "logs" / "sso-workbench.log").read_text("utf-8")
    assert text.count("app.test") == 2
    assert "ValueError" in text
    for part in ("canary.person", "acme-media", "PHNhbWxwOlJlc3BvbnNl", "imagekit.io/canary", "hush", "canary value"):
        assert part not in text
    assert "MIIEvQIBADAN" not in text


def test_two_lines_about_one_person_can_be_told_to_be_so():
    formatter = RedactingFormatter(b"salt")
    one = formatter.redact("ada@acme-media.test and Ada@acme-media.test")
    first, _, second = one.partition(" and ")
    assert first.startswith("a***@a*** [")
    assert first[1:] == second[1:]
    assert RedactingFormatter(b"other").redact("ada@acme-media.test") != first


def test_foreign_text_cannot_forge_a_line():
    text = RedactingFormatter(b"salt").redact("x\r\n2026-11-23T12:00:00Z INFO app \x1b[31mforged\u202e")
    assert "\n" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text


def another_desk(url, *arguments):
    """Run a command on the same workspace in another process."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "--workspace", url, *arguments],
        cwd=Path(__file__).parents[1], capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return time.monotonic()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_another_desk_changes_is_told_within_two_seconds(database, request, tmp_path):
    url = str(tmp_path / "team.db") if database == "sqlite" else request.getfixturevalue("postgres_url")
    told, came = [], threading.Event()

    def tell(change):
        told.append((time.monotonic(), change))
        came.set()

    def wait_for(*kinds):
        deadline = time.monotonic() + 10
        while not set(kinds) <= {c.kind for _, c in told} and time.monotonic() < deadline:
            came.wait(0.05)
            came.clear()
        return {c.kind: at for at, c in told}

    with open_workspace(url, logs=False) as workspace:
        workspace.watch(tell)
        account = workspace.sso.accounts()[0]
        for command, kinds in (
            (("users", "add", "ada@acme.test", "--name", "Ada", "--role", "developer"), ("event", "users")),
            (("config", "set", "--entity-id", "suggested"), ("event", "configuration")),
            (("config", "set", "--seats", "9"), ("event", "accounts")),
        ):
            told.clear()
            done_at = another_desk(url, *command)
            at = wait_for(*kinds)
            assert set(at) == set(kinds)
            assert max(at.values()) - done_at < 2
        told.clear()
        user = workspace.sso.add_user(account.id, "grace@acme.test", "Grace", "developer")
        wait_for("event")
        time.sleep(1.2)
        assert [c for _, c in told].count(Change("users", account.id, user.id)) == 1
        told.clear()
        another_desk(url, "users", "delete", "grace@acme.test")
        wait_for("users")
        assert Change("users", account.id, user.id) in [c for _, c in told], "the same person, changed by another desk"


def test_two_desks_open_an_empty_database_at_once(postgres_url):
    script = "import sys; from app.bootstrap import open_workspace; open_workspace(sys.argv[1], logs=False).close()"
    desks = [
        subprocess.Popen([sys.executable, "-c", script, postgres_url], cwd=Path(__file__).parents[1]) for _ in range(4)
    ]
    assert [d.wait(60) for d in desks] == [0] * 4
    with open_workspace(postgres_url, logs=False) as workspace:
        assert len(workspace.sso.accounts()) == 1
