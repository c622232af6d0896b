"""`config` as scripts use it: revisions, and what somebody else saved meanwhile."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from app.bootstrap import open_workspace
from simulator import Idp, KeyRing, Server, WebIdp, default_tenant
from tests.cli.test_commands import Cli, cli, message  # noqa: F401  fixtures


def test_revisions_are_compared_and_exported_byte_by_byte(cli: Cli, message: bytes) -> None:  # noqa: F811
    assert cli("config", "set", "--idp-metadata", "idp.xml", "--test-idp").code == 0
    assert cli("config", "set", "--entity-id", "suggested").code == 0
    said = cli("config", "diff", "1", "2", "--format", "json")
    assert said.code == 1
    assert [(d["what"], d["new"]) for d in said.objects] == [("Identifier", "https://imagekit.io/saml/consume#ik_7x2k")]
    assert "REVISION 1" in cli("config", "diff", "1", "2").out
    assert cli("config", "diff", "2", "2").code == 0
    assert cli("config", "diff", "2", "9").code == 2
    assert cli("config", "export", "2").out == Path("idp.xml").read_text()
    assert cli("config", "export", "9").code == 2
    cli("config", "set", "--delete-metadata")
    assert "single sign-on was off" in cli("config", "export", "3").err


def test_a_change_based_on_an_old_revision_is_refused_and_explained(cli: Cli, message: bytes) -> None:  # noqa: F811
    cli("config", "set", "--idp-metadata", "idp.xml", "--test-idp", "--based-on", "0")
    cli("config", "set", "--entity-id", "suggested", "--based-on", "1")
    said = cli("config", "set", "--delete-metadata", "--based-on", "1")
    assert said.code == 1
    assert "command line saved revision 2 after you began with revision 1" in said.err
    assert "Theirs" in said.out
    assert "Yours" in said.out
    (told,) = cli("config", "restore", "1", "--based-on", "1", "--format", "json").objects
    assert (told["moved"]["base"], told["moved"]["current"]) == (1, 2)
    assert [d["what"] for d in told["moved"]["theirs"]] == ["Identifier"]
    assert cli("config", "set", "--delete-metadata", "--based-on", "2").code == 0


def test_settings_are_tested_and_enforced(cli: Cli) -> None:  # noqa: F811
    assert cli("config", "test", "--login").code == 2
    Path("idp.xml").write_text(cli("idp", "metadata").out)
    assert cli("config", "set", "--idp-metadata", "idp.xml", "--test-idp").code == 0
    assert cli("users", "add", "ada@acme-media.test", "--name", "Ada", "--role", "account_administrator").code == 0
    refused = cli("config", "set", "--enforce", "on")
    assert refused.code == 1
    assert "cannot be enforced yet" in refused.err
    said = cli("config", "test", "--login", "--format", "json")
    assert said.code == 0, said.err
    (told,) = said.objects
    assert (told["test"]["passed"], told["test"]["administrator"], told["test"]["how"]) == (True, True, "simulator")
    assert [c["met"] for c in told["conditions"]] == [True, True, True, False]
    codes = cli("config", "recovery-codes")
    assert len(codes.out.split()) == 8
    (view,) = cli("config", "set", "--enforce", "on", "--format", "json").objects
    assert view["enforced"] is True
    assert "on and enforced" in cli("config", "show").out
    newest, tested = cli("config", "history", "--format", "json").objects[:2]
    assert (newest["enforced"], newest["test"]) == (True, None)
    assert tested["test"]["reference"] == told["test"]["reference"]
    assert cli("config", "test", "--reference", told["test"]["reference"]).code == 0
    assert cli("config", "test", "--reference", "no-such-thing-00").code == 2
    assert cli("config", "test", "--user", "ada").code == 2
    assert cli("config", "set", "--enforce", "off").code == 0


def test_a_test_idp_that_runs_elsewhere_is_not_disturbed(cli: Cli) -> None:  # noqa: F811
    import socket

    text = cli("idp", "metadata").out
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        Path("idp.xml").write_text(re.sub(r'Location="https?://[^/"]+', f'Location="http://127.0.0.1:{port}', text))
        assert cli("config", "set", "--idp-metadata", "idp.xml", "--test-idp").code == 0
        said = cli("config", "test", "--login")
    assert said.code == 3
    assert f"running on port {port} already" in said.err


def test_metadata_comes_from_an_address_and_a_change_is_told(cli: Cli) -> None:  # noqa: F811
    idp = Idp(default_tenant(), KeyRing.in_memory(), lambda: datetime.now(UTC))
    web = WebIdp(idp)
    with Server(web.asgi) as server:
        idp.base_url = server.url
        url = f"{server.url}/metadata"
        assert cli("config", "source").out.startswith("No metadata")
        assert cli("config", "source", "--every", "3").code == 2
        said = cli("config", "source", "--url", url, "--every", "24", "--look", "--format", "json")
        assert said.code == 1
        (told,) = said.objects
        assert (told["url"], told["every_hours"], told["problem"]) == (url, 24, None)
        assert {d["what"] for d in told["differences"]} >= {"Single sign-on", "Identity provider"}
        Path("found.xml").write_text(told["document"])
        assert cli("config", "set", "--idp-metadata", "found.xml", "--test-idp").code == 0
        assert cli("config", "source", "--look").code == 0
        assert cli("config", "source", "--due").code == 0
    assert cli("config", "source", "--look").code == 1
    assert "PROBLEM" in cli("config", "source").out
    assert cli("config", "source", "--forget").code == 0
    assert cli("config", "source", "--url", "file:///etc/hostname").code == 1
    assert cli("config", "source", "--url", "https://x.test/", "--forget").code == 2


def test_settings_are_tried_on_stored_logins_before_they_are_saved(cli: Cli) -> None:  # noqa: F811
    Path("idp.xml").write_text(cli("idp", "metadata").out)
    assert cli("config", "set", "--idp-metadata", "idp.xml", "--test-idp").code == 0
    assert cli("config", "what-if").code == 2
    assert cli("config", "what-if", "--revision", "1", "--entity-id", "default").code == 2
    said = cli("config", "what-if", "--revision", "1")
    assert said.code == 0
    assert "nothing to try the settings on" in said.out
    with open_workspace(logs=False) as workspace:
        body = b"SAMLResponse=" + quote_plus(cli("idp", "issue", "--user", "grace").out.strip()).encode()
        assert workspace.sso.consume(body).allowed
    assert cli("config", "what-if", "--idp-metadata", "idp.xml").code == 0
    said = cli("config", "what-if", "--entity-id", "urn:example:other", "--format", "json")
    assert said.code == 1
    (row,) = said.objects
    assert (row["now"], row["then"]) == (True, False)
    assert "The last login would stop working." in said.err
    rules = cli("config", "what-if", "--choose", "signed_part=response")
    assert (rules.code, "The last login would stop working." in rules.out) == (1, True)
    assert cli("config", "what-if", "--unchoose", "signed_part").code == 0
    assert cli("config", "what-if", "--choose", "signed_part=nothing").code == 2
    assert cli("config", "what-if", "--choose", "clock_skew_s=10", "--revision", "1").code == 2
    assert cli("config", "history", "--format", "json").objects[0]["revision"] == 1


def test_a_scheduled_task_learns_of_certificates_that_end(cli: Cli) -> None:  # noqa: F811
    assert cli("config", "certificates").code == 0
    Path("idp.xml").write_text(cli("idp", "metadata").out)
    cli("config", "set", "--idp-metadata", "idp.xml", "--test-idp")
    said = cli("config", "certificates", "--format", "json")
    assert said.code == 1
    assert {r["kind"] for r in said.objects} == {"metadata", "signing"}
    assert cli("config", "certificates", "--within", "0").code == 0
    assert cli("config", "certificates", "--within", "0", "--ics", "-").out.startswith("BEGIN:VCALENDAR")
    assert cli("config", "certificates", "--within", "0", "--ics", "c.ics").code == 0
    assert b"END:VCALENDAR" in Path("c.ics").read_bytes()
    assert cli("config", "certificates", "--account", "ik_none").code == 2


def test_who_works_here_is_said_once(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    assert "Say who you are" in cli("config", "operator").out
    said = cli("config", "operator", "--name", "Olga Berg", "--email", "olga@acme-media.test")
    assert (said.code, said.out.strip()) == (0, "Olga Berg <olga@acme-media.test>")
    assert cli("config", "operator", "--email", "nobody").code == 2
    assert cli("config", "operator", "--forget", "--name", "X").code == 2
    assert cli("users", "add", "x@acme-media.test", "--name", "X", "--role", "developer").code == 0
    assert cli("users", "history", "x@acme-media.test", "--format", "json").objects[0]["operator"] == "Olga Berg"
    monkeypatch.setenv("SSO_WORKBENCH_OPERATOR", "Nightly job")
    assert cli("config", "operator", "--name", "Y").code == 2
    assert cli("config", "operator", "--format", "json").objects[0]["name"] == "Nightly job"
    monkeypatch.delenv("SSO_WORKBENCH_OPERATOR")
    assert cli("config", "operator", "--forget").code == 0
    assert cli("config", "operator", "--format", "json").objects[0]["name"] == ""
