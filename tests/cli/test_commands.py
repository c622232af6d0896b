"""The command line as programs use it: exit codes, what goes to which stream, JSON Lines, errors in one sentence."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from app.bootstrap import open_workspace
from app.cli import COMMANDS, run
from app.cli.output import visible
from simulator import Idp, KeyRing, default_tenant
from tests.saml.recordings import CANARY, COOKIE, SSO_URL, archive, entry, har, quoted

ROOT = Path(__file__).parents[2]


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Cli = Callable[..., Said]


@pytest.fixture
def cli(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Run one command line in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, stdin: bytes | None = None) -> Said:
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capfdbinary.readouterr()
        code = run(arguments)
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return Said(code, out.decode(), err.decode())

    return call


@pytest.fixture
def message(cli: Cli) -> bytes:
    """A good response of the built-in identity provider, in base64; its metadata is in idp.xml."""
    Path("idp.xml").write_text(cli("idp", "metadata").out)
    return cli("idp", "issue", "--user", "grace").out.encode()


def process(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """The program as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "app", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


# The door -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        *COMMANDS,
        *("idp serve", "idp issue", "idp logout", "idp list-faults", "idp metadata", "sp serve"),
        *(
            "config show",
            "config set",
            "config history",
            "config restore",
            "config test",
            "config diff",
            "config export",
            "config apply",
            "config guide",
            "config sp-keys",
            "config accounts",
        ),
        *("users list", "users add", "users delete", "users stale", "db upgrade", "db check", "db backup"),
        "db copy",
    ],
)
def test_every_command_has_help(command: str, cli: Cli) -> None:
    said = cli(*command.split(), "--help")
    assert said.code == 0
    assert said.err == ""
    assert said.out.startswith("Usage: sso-workbench")
    if command in COMMANDS:
        assert "Examples:" in said.out


def test_help_lists_every_command_without_loading_one() -> None:
    code = (
        "import sys; from app.cli import run; run(['--help']); "
        "print(sorted(m for m in sys.modules if m.startswith(('app.', 'simulator'))))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(f"\n  {name} " in out for name in COMMANDS)
    assert out.splitlines()[-1] == "['app.cli', 'app.cli.output']"


def test_a_mistyped_command_is_guessed(cli: Cli) -> None:
    said = cli("inspct", "x")
    assert said.code == 2
    assert 'Did you mean "inspect"?' in said.err
    assert said.out == ""


def test_the_version(cli: Cli) -> None:
    assert cli("--version").out.startswith("SSO Workbench, version ")


def test_without_a_display_the_window_says_what_to_do(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for arguments in ((), ("gui",), ("gui", "--demo")):
        said = cli(*arguments)
        assert said.code == 3
        assert "xvfb-run" in said.err
        assert said.err.count("\n") == 1


def test_a_reader_that_goes_away_is_no_error() -> None:
    p = process("idp", "list-faults", "--format", "json")
    assert p.stdout is not None
    p.stdout.readline()
    p.stdout.close()
    assert p.stderr is not None
    assert p.stderr.read() == ""
    p.stderr.close()
    assert p.wait(20) == 0


# inspect --------------------------------------------------------------------------------------------------------------


def test_a_good_message(cli: Cli, message: bytes) -> None:
    said = cli("inspect", "-", "--idp-metadata", "idp.xml", "--test-idp", stdin=message)
    assert said.code == 0
    assert said.out.startswith("-: ACCEPT\n")
    assert "grace@acme-media.test (signed-by-assertion)" in said.out


def test_the_json_of_the_contract(cli: Cli, message: bytes) -> None:
    arguments = ("inspect", "--idp-metadata", "idp.xml", "--test-idp", "--format", "json")
    (report,) = cli(*arguments, stdin=message).objects
    assert report["schema"] == "sso-workbench/report/1"
    assert set(report) >= {
        *("source", "message", "verdict", "evaluated_at", "clock_skew_s", "policy", "subject", "attributes"),
        *("signatures", "checks", "diagnosis", "provisioning"),
    }
    assert report["verdict"] == "accept"
    assert report["subject"] == {
        "name_id": "grace@acme-media.test",
        "format": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
        "provenance": "signed-by-assertion",
    }


def test_judged_by_nothing_is_never_good(cli: Cli, message: bytes) -> None:
    said = cli("inspect", "-", stdin=message)
    assert said.code == 1
    assert "UNKNOWN" in said.out
    assert "--idp-metadata" in said.err


def test_a_broken_message_names_the_check(cli: Cli, message: bytes) -> None:
    broken = cli("idp", "issue", "--user", "grace", "--fault", "route-audience-slash").out.encode()
    said = cli("inspect", "-", "--idp-metadata", "idp.xml", "--test-idp", stdin=broken)
    assert said.code == 1
    assert "FAIL  audience-match: " in said.out
    assert "expected: https://imagekit.io/saml/consume" in said.out


def test_files_and_folders_are_judged_one_by_one(cli: Cli, message: bytes) -> None:
    folder = Path("many")
    folder.mkdir()
    (folder / "a.txt").write_bytes(message)
    (folder / "b.txt").write_bytes(b"no message at all")
    said = cli("inspect", "many", "--idp-metadata", "idp.xml", "--test-idp", "--format", "json")
    assert said.code == 1
    assert [(o["source"], o["verdict"]) for o in said.objects] == [("many/a.txt", "accept"), ("many/b.txt", "reject")]
    said = cli("inspect", "many", "missing.txt", "--idp-metadata", "idp.xml", "--format", "json")
    assert said.code == 2
    assert len(said.objects) == 2
    assert "missing.txt cannot be read: No such file or directory." in said.err


def test_a_certificate_alone_will_do(cli: Cli, message: bytes) -> None:
    found = re.search(r"<ds:X509Certificate>([^<]+)<", Path("idp.xml").read_text())
    assert found is not None
    Path("idp.pem").write_text(f"-----BEGIN CERTIFICATE-----\n{found.group(1).strip()}\n-----END CERTIFICATE-----\n")
    issuer = re.search(r'entityID="([^"]+)"', Path("idp.xml").read_text())
    assert issuer is not None
    arguments = ("inspect", "-", "--idp-cert", "idp.pem", "--test-idp", "--idp-entity-id", issuer.group(1))
    assert cli(*arguments, stdin=message).code == 0
    arguments = ("inspect", "-", "--idp-cert", "idp.pem", "--test-idp", "--idp-entity-id", "https://other.example/")
    said = cli(*arguments, stdin=message)
    assert said.code == 1
    assert "issuer-match" in said.out


def test_the_clock_of_the_judgement(cli: Cli, message: bytes) -> None:
    late = ("inspect", "-", "--idp-metadata", "idp.xml", "--test-idp", "--at")
    assert cli(*late, "2199-01-01T00:00:00Z", stdin=message).code == 1
    assert cli(*late, "issue", stdin=message).code == 0
    said = cli(*late, "yesterday", stdin=message)
    assert said.code == 2
    assert "2026-11-23T20:36:00Z" in said.err


def test_the_product_rules_can_be_left_out(cli: Cli, message: bytes) -> None:
    wrong = cli("idp", "issue", "--user", "grace", "--fault", "id-imagekit-id-missing").out.encode()
    assert cli("inspect", "-", "--idp-metadata", "idp.xml", "--test-idp", stdin=wrong).code == 1
    assert cli("inspect", "-", "--idp-metadata", "idp.xml", "--test-idp", "--profile", "saml", stdin=wrong).code == 0


def test_against_an_account_with_what_it_would_do(cli: Cli, message: bytes) -> None:
    assert cli("config", "set", "--idp-metadata", "idp.xml", "--test-idp").code == 0
    Path("m.txt").write_bytes(message)
    (report,) = cli("inspect", "m.txt", "--account", "ik_7x2k", "--format", "json").objects
    assert report["verdict"] == "accept"
    assert report["provisioning"]["outcome"] == "would_create"
    assert cli("users", "list", "--format", "json").out == ""
    assert cli("inspect", "m.txt", "--account", "ik_none").code == 2


def recorded(message: bytes, *entries: dict[str, Any]) -> bytes:
    form = f"SAMLResponse={quoted(message.decode().strip())}&RelayState=https%3A%2F%2Fimagekit.io%2Fdashboard"
    acs = "https://imagekit.io/saml/consume"
    posted = entry(acs, method="POST", text=form, status=302, sent=[COOKIE])
    posted["startedDateTime"] = datetime.now(UTC).isoformat()
    return har(*entries, posted)


def test_a_recording_is_judged_message_by_message(cli: Cli, message: bytes) -> None:
    Path("mail-4711.har").write_bytes(recorded(message, entry(SSO_URL, page="<html>Sign in</html>")))
    arguments = ("inspect", "mail-4711.har", "--idp-metadata", "idp.xml", "--test-idp")
    said = cli(*arguments, "--format", "json")
    trace, asked, answered = said.objects
    assert trace["schema"] == "sso-workbench/trace/1"
    assert [s["messages"] for s in trace["steps"]] == [["mail-4711.har#1"], ["mail-4711.har#2"]]
    assert [r["source"] for r in (asked, answered)] == ["mail-4711.har#1", "mail-4711.har#2"]
    assert answered["message"]["layers"] == ["har", "form-field:SAMLResponse", "base64"]
    assert answered["verdict"] == "accept"
    assert asked["message"]["kind"] == "AuthnRequest"
    assert CANARY not in said.out + said.err
    assert "Left out" in said.err
    text = cli(*arguments).out
    assert "The login as HAR recorded it" in text
    assert "posts the SAMLResponse (mail-4711.har#2)" in text
    assert "mail-4711.har#2: ACCEPT" in text
    assert CANARY not in text


def test_a_recorded_message_is_judged_as_of_when_it_was_sent(cli: Cli, message: bytes) -> None:
    late = json.loads(recorded(message))
    late["log"]["entries"][0]["startedDateTime"] = "2020-01-01T00:00:00.000Z"
    Path("old.har").write_text(json.dumps(late))
    arguments = ("inspect", "old.har", "--idp-metadata", "idp.xml", "--test-idp", "--format", "json")
    assert cli(*arguments).objects[-1]["evaluated_at"] == "2020-01-01T00:00:00Z"
    assert cli(*arguments, "--at", "issue").objects[-1]["verdict"] == "accept"
    assert cli(*arguments, "--at", "2021-01-01").objects[-1]["evaluated_at"] == "2021-01-01T00:00:00Z"


def test_several_messages_give_several_reports(cli: Cli, message: bytes) -> None:
    both = message + b"\n\n" + cli("idp", "issue", "--user", "ada").out.encode()
    said = cli("inspect", "-", "--idp-metadata", "idp.xml", "--test-idp", "--format", "json", stdin=both)
    assert [(r["source"], r["verdict"]) for r in said.objects] == [("-#1", "accept"), ("-#2", "accept")]
    assert said.code == 0


def test_error_texts_are_explained(cli: Cli) -> None:
    said = cli("inspect", "-", stdin=b"AADSTS50105: Your administrator has configured the application")
    assert said.code == 1
    assert "AADSTS50105 (Microsoft Entra ID): The person is not assigned to the application (idp-admin)" in said.out
    assert "entra: Enterprise applications" in said.out
    (found,) = cli("inspect", "-", "--format", "json", stdin=b"Error details: MSIS7042: The same client").objects
    assert (found["schema"], found["source"], found["code"]) == ("sso-workbench/error-text/1", "-", "MSIS7042")


def test_an_archive_that_cannot_be_read_is_an_input_that_cannot_be_read(cli: Cli) -> None:
    Path("a.zip").write_bytes(archive(("a.xml", b"x"))[:-20])
    said = cli("inspect", "a.zip")
    assert said.code == 2
    assert "The archive breaks off" in said.out
    Path("b.zip").write_bytes(archive(("a.txt", b"nothing in it")))
    assert cli("inspect", "b.zip").code == 1
    assert "No SAML message and no known error text" in cli("inspect", "b.zip").out


def test_terminals_are_not_obeyed(cli: Cli) -> None:
    said = cli("inspect", "-", stdin="<a>\u202e\u009b31m</a>".encode())
    assert said.code == 1
    assert not any(c in said.out for c in "\u202e\u009b\x1b")
    assert visible("a\x1b[31m\u202eb") == "a⟨U+001B⟩[31m⟨U+202E⟩b"


def test_input_is_bounded(cli: Cli) -> None:
    with Path("big.txt").open("wb") as file:
        file.truncate(70_000_000)
    said = cli("inspect", "big.txt")
    assert said.code == 2
    assert "the most that is read" in said.err
    os.mkfifo("pipe")
    assert "not an ordinary file" in cli("inspect", "pipe").err


@pytest.mark.parametrize("few", [1, 1_000])
def test_a_folder_is_judged_by_one_process_or_several(
    few: int, cli: Cli, message: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.bulk.workers.FEW", few)
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0, 1}, raising=False)
    Path("many").mkdir()
    for number in range(40):
        Path(f"many/{number:02}.txt").write_bytes(message)
    Path("many/07.txt").write_text("nothing of the kind")
    Path("many/11.zip").write_bytes(b"PK\x03\x04broken")
    options = ("--idp-metadata", "idp.xml", "--test-idp")
    said = cli("inspect", "many", *options)
    assert said.code == 2
    heads = [line.partition(":")[0] for line in said.out.splitlines() if line.endswith((": ACCEPT", ": REJECT"))]
    assert heads == [f"many/{n:02}.txt" for n in range(40)], "in the order of the files"
    assert "\n\n41 messages in 41 files: 39 accepted, 1 rejected, 1 unreadable.\n" in said.out
    assert all(re.fullmatch(r"\d+ of 41 files", line) for line in said.err.splitlines()), "nothing but progress"
    said = cli("inspect", "many", *options, "--format", "json")
    assert [o["source"] for o in said.objects] == [f"many/{n:02}.txt" for n in range(40)]
    assert "41 messages in 41 files: 39 accepted" in said.err
    said = cli("inspect", "many", *options, "--redact", "--format", "markdown")
    assert said.out.count("\n---\n") == 39
    assert "grace@" not in said.out
    assert "41 messages in 41 files: 39 accepted" in said.err


def test_ctrl_c_in_a_folder_is_one_line(cli: Cli, message: bytes, tmp_path: Path) -> None:
    Path("many").mkdir()
    for number in range(2_000):  # so many that a busy machine has not judged all before it is stopped
        Path(f"many/{number:04}.txt").write_bytes(message)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    p = process("inspect", str(tmp_path / "many"), "--format", "json", env=environment, start_new_session=True)
    assert p.stdout is not None
    p.stdout.readline()
    os.killpg(p.pid, signal.SIGINT)
    _out, err = p.communicate(timeout=60)
    assert p.returncode == 130
    assert err.splitlines()[-1] == "Stopped."
    assert "Traceback" not in err


def test_inspect_is_light() -> None:
    """Neither the database nor Qt nor a server is loaded, and it starts fast."""
    code = (
        "import sys, resource; from app.cli import run; code = run(['inspect', 'README.md']);"
        "u = resource.getrusage(resource.RUSAGE_SELF); print(code, u.ru_utime + u.ru_stime,"
        "[m for m in ('sqlalchemy', 'alembic', 'PySide6', 'starlette', 'uvicorn', 'httpx', 'jinja2') "
        "if m in sys.modules])"
    )
    used = []
    # As it starts for people: from its second start on, what Python compiled is kept. The best of several, because
    # other tests run beside this one.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    while len(used) < 3 or (min(used) >= 0.6 and len(used) < 10):
        p = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, env=environment
        )
        exit_code, seconds, heavy = p.stdout.splitlines()[-1].split(" ", 2)
        assert (exit_code, heavy) == ("1", "[]")
        used.append(float(seconds))
    assert min(used) < 0.6


# The rest -------------------------------------------------------------------------------------------------------------


def test_metadata_is_read_and_printed(cli: Cli, message: bytes) -> None:
    (found,) = cli("metadata", "idp.xml", "--format", "json").objects
    assert found["usable"] is True
    assert found["idp"]["signing"][0]["days_left"] in (28, 29)
    Path("sp.xml").write_text(cli("metadata", "sp").out)
    (ours,) = cli("metadata", "sp.xml", "--format", "json").objects
    assert ours["sp"]["acs"][0]["location"] == "https://imagekit.io/saml/consume"
    assert cli("metadata", "-", stdin=b"<a/>").code == 1
    assert cli("metadata", "http://idp.example/metadata").code == 2


def test_diff(cli: Cli, message: bytes) -> None:
    Path("a.txt").write_bytes(message)
    Path("b.txt").write_text(cli("idp", "issue", "--user", "grace").out)
    said = cli("diff", "a.txt", "b.txt")
    assert said.code == 0
    assert said.out.splitlines()[0].startswith("A: Response, for grace@acme-media.test, from https://")
    assert said.out.splitlines()[-1].startswith("0 differences that matter, ")
    Path("c.txt").write_text(cli("idp", "issue", "--user", "zoe").out)
    rows = cli("diff", "a.txt", "c.txt", "--format", "json").objects
    assert any(r["second"] == "zoe@acme-media.test" and r["label"] == "Assertion › NameID" for r in rows)
    assert not any(r["expected"] for r in rows)
    said = cli("diff", "a.txt", "c.txt")
    assert said.code == 1
    assert "Assertion › NameID (changed)\n  A  grace@acme-media.test\n  B  zoe@acme-media.test\n" in said.out
    everything = cli("diff", "a.txt", "c.txt", "--all", "--format", "json").objects
    assert {r["about"] for r in everything} == {None, "id", "signature"} | {r["about"] for r in everything}
    Path("d.txt").write_text("nothing")
    said = cli("diff", "a.txt", "d.txt")
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert cli("diff", "-", "-").code == 2


def test_diff_takes_what_inspect_takes(cli: Cli, message: bytes) -> None:
    other = cli("idp", "issue", "--user", "zoe").out.encode()
    sent = [entry("https://sp.test/acs", method="POST", text=f"SAMLResponse={quoted(m.decode())}")
            for m in (message, other)]  # fmt: skip
    Path("one.har").write_bytes(har(sent[0]))
    Path("two.har").write_bytes(har(*sent))
    assert cli("diff", "one.har", "-", stdin=message).code == 0
    said = cli("diff", "one.har", "two.har")
    assert said.code == 2
    assert "two.har#1 (Response), two.har#2 (Response)" in said.err
    assert cli("diff", "one.har", "two.har#1").code == 0
    said = cli("diff", "one.har", "two.har#2")
    assert said.code == 1
    assert said.err == "Of the 2 messages in the second, two.har#2 (Response) was compared.\n"
    assert cli("diff", "one.har", "two.har#3").code == 2


def test_diff_opens_what_is_encrypted(cli: Cli, message: bytes) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from tests.saml.encryption_samples import OUR_KEY, encrypted, replace_assertion

    pem = OUR_KEY.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    Path("sp.key").write_bytes(pem)
    for name, who in (("one.xml", "ada"), ("two.xml", "zoe")):
        response = etree.fromstring(cli("idp", "issue", "--user", who, "--encode", "xml").out.encode())
        assertion = response.find("{urn:oasis:names:tc:SAML:2.0:assertion}Assertion")
        replace_assertion(response, encrypted(etree.tostring(assertion, with_tail=False)))
        Path(name).write_bytes(etree.tostring(response))
    said = cli("diff", "one.xml", "two.xml")
    assert "What is encrypted was not compared" in said.err
    assert "zoe@" not in said.out
    said = cli("diff", "one.xml", "two.xml", "--decryption-key", "sp.key")
    assert said.err == ""
    assert "  B  zoe@acme-media.test" in said.out


def test_diff_with_the_last_good_login(cli: Cli) -> None:
    with open_workspace() as workspace:
        idp = Idp(default_tenant(imagekit_id="ik_7x2k"), KeyRing.in_memory(), lambda: datetime.now(UTC))
        workspace.sso.save_metadata("ik_7x2k", idp.metadata(), test_idp=True)
        good = workspace.sso.consume(idp.issue("ada", "imagekit").body or b"").reference
        wrong = workspace.sso.consume(idp.issue("ada", "imagekit", faults=["sig-tampered-role"]).body or b"").reference
        Path("ada.xml").write_bytes(idp.issue("ada", "imagekit").xml)
    said = cli("diff", "--event", wrong)
    assert said.code == 1
    assert said.err.startswith(f"A is {good}, accepted at 20")
    assert "Assertion › Attribute imagekit_role (changed)" in said.out
    assert cli("diff", "ada.xml", "--last-good", "ada@acme-media.test", "--account", "ik_7x2k").code == 0
    said = cli("diff", "ada.xml", "--last-good", "zoe@acme-media.test")
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert "no accepted login of zoe@acme-media.test" in said.err
    for wrongly in ((), ("ada.xml",), ("ada.xml", "--event", wrong), ("a", "b", "--account", "ik_7x2k")):
        assert cli("diff", *wrongly).code == 2


def test_issuing(cli: Cli) -> None:
    assert cli("idp", "issue", "--user", "grace", "--encode", "xml").out.startswith("<samlp:Response ")
    assert cli("idp", "issue", "--user", "grace", "--encode", "redirect").out.startswith("SAMLResponse=")
    form = cli("idp", "issue", "--user", "grace", "--encode", "form", "--relay-state", "a b").out
    assert form.endswith("&RelayState=a+b")
    to = ("--sp-entity-id", "https://sp.example/", "--acs-url", "https://sp.example/acs")
    xml = cli("idp", "issue", "--user", "grace", "--encode", "xml", *to).out
    assert 'Destination="https://sp.example/acs"' in xml
    assert "<saml:Audience>https://sp.example/</saml:Audience>" in xml
    assert cli("idp", "issue", "--user", "nobody").code == 2
    said = cli("idp", "issue", "--user", "grace", "--fault", "xsw-1")
    assert said.code == 2
    assert "Did you mean xsw1" in said.err


def test_answering_a_request(cli: Cli, message: bytes) -> None:
    request = (
        '<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_asked" Version="2.0" '
        f'IssueInstant="{_now()}"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">'
        "https://imagekit.io/saml/consume</saml:Issuer></samlp:AuthnRequest>"
    )
    answer = cli("idp", "issue", "--user", "grace", "--request", "-", stdin=request.encode()).out.encode()
    expecting = ("inspect", "-", "--idp-metadata", "idp.xml", "--test-idp", "--in-response-to")
    assert cli(*expecting, "_asked", stdin=answer).code == 0
    assert cli(*expecting, "_other", stdin=answer).code == 1


def test_a_federation_is_searched_and_one_entity_read(cli: Cli, message: bytes) -> None:
    ours, theirs = cli("metadata", "sp").out, Path("idp.xml").read_text()
    parts = [re.sub(r"<\?xml[^>]*\?>", "", text) for text in (ours, theirs)]
    opening = '<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">'
    filling = f"<!--{'x' * 100_000}-->" * 110
    Path("federation.xml").write_text(f"{opening}{''.join(parts)}{filling}</md:EntitiesDescriptor>")
    idp = re.search(r'entityID="([^"]+)"', theirs)
    assert idp is not None
    (found,) = cli("metadata", "federation.xml", "--search", "IMAGEKIT consume", "--format", "json").objects
    assert (found["entity_id"], found["roles"]) == ("https://imagekit.io/saml/consume", ["sp"])
    listed = cli("metadata", "federation.xml", "--search", "http")
    assert (listed.code, idp[1] in listed.out) == (0, True)
    assert cli("metadata", "federation.xml", "--search", "nowhere").code == 1
    (read,) = cli("metadata", "federation.xml", "--entity", idp[1], "--format", "json").objects
    assert (read["usable"], read["idp"]["entity_id"]) == (True, idp[1])
    piped = cli("metadata", "-", "--entity", idp[1], stdin=Path("federation.xml").read_bytes())
    assert piped.code == 0
    said = cli("metadata", "federation.xml")
    assert (said.code, "--search WORDS" in said.err) == (2, True)
    missing = cli("metadata", "federation.xml", "--entity", "https://no.example/")
    assert (missing.code, "none is called" in missing.err) == (2, True)
    assert cli("metadata", "federation.xml", "--entity", "x", "--search", "y").code == 2


def test_what_is_odd_about_a_short_document_is_told_for_a_chosen_entity_too(cli: Cli, message: bytes) -> None:
    text = Path("idp.xml").read_text()
    idp = re.search(r'entityID="([^"]+)"', text)
    assert idp is not None
    Path("wide.xml").write_bytes(re.sub(r"<\?xml[^>]*\?>", "", text).encode("utf-16"))
    assert cli("metadata", "wide.xml", "--entity", idp[1]).code == 0
    Path("page.html").write_text("<html><body>Sign in</body></html>")
    said = cli("metadata", "page.html", "--entity", idp[1])
    assert (said.code, "HTML page" in said.out) == (1, True)
    assert cli("metadata", "page.html", "--search", "x").code == 2


def test_a_request_of_any_service_provider_is_judged(cli: Cli, message: bytes) -> None:
    Path("sp.xml").write_text(cli("metadata", "sp").out)
    idp = json.loads(cli("metadata", "idp.xml", "--format", "json").out)["idp"]
    request = (
        '<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_asked" Version="2.0" '
        f'IssueInstant="2026-01-31T12:00:00Z" Destination="{idp["sso"][0]["location"]}" '
        'AssertionConsumerServiceURL="https://imagekit.io/saml/consume">'
        '<saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">'
        "https://imagekit.io/saml/consume</saml:Issuer></samlp:AuthnRequest>"
    ).encode()
    both = ("inspect", "-", "--idp-metadata", "idp.xml", "--sp-metadata", "sp.xml", "--format", "json", "--at", "issue")
    (good,) = cli(*both, stdin=request).objects
    assert (good["message"]["kind"], good["verdict"]) == ("AuthnRequest", "accept")
    said = cli(*both, stdin=request.replace(b"imagekit.io", b"other.example"))
    assert said.code == 1
    failed = {c["id"] for c in said.objects[0]["checks"] if c["status"] == "fail"}
    assert failed == {"request-issuer", "request-acs"}
    assert cli("inspect", "-", "--sp-metadata", "idp.xml", stdin=request).code == 2
    assert cli("inspect", "-", "--sp-metadata", "sp.xml", "--account", "x", stdin=request).code == 2


def _now() -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_faults_are_listed(cli: Cli) -> None:
    rows = cli("idp", "list-faults", "--format", "json").objects
    assert len(rows) > 400
    assert {"id", "family", "summary", "expects", "checks", "reference"} <= set(rows[0])
    assert {r["family"] for r in cli("idp", "list-faults", "timing", "--format", "json").objects} == {"timing"}
    assert cli("idp", "list-faults", "zzz").code == 2


def test_an_account_from_beginning_to_end(cli: Cli, message: bytes) -> None:
    assert cli("config", "test").code == 1
    (view,) = cli(
        "config", "set", "--idp-metadata", "idp.xml", "--test-idp", "--seats", "2", "--format", "json"
    ).objects
    assert (view["sso_on"], view["seats"]) == (True, {"used": 0, "limit": 2})
    assert cli("config", "test").code == 0
    assert cli("config", "set", "--delete-metadata").code == 0
    assert cli("config", "show", "--vendor", "entra").code == 0
    assert cli("config", "show", "--vendor", "none").code == 2
    assert [r["revision"] for r in cli("config", "history", "--format", "json").objects] == [2, 1]
    (view,) = cli("config", "restore", "1", "--format", "json").objects
    assert (view["sso_on"], view["revision"]) == (True, 3)
    assert cli("config", "set").code == 2
    assert cli("config", "set", "--idp-metadata", "sp-does-not-exist.xml").code == 2
    (child,) = cli(
        *("config", "set", "--account", "ik_child", "--create", "Child", "--entity-id", "suggested", "--format", "json")
    ).objects
    assert child["sp"]["entity_id"] == "https://imagekit.io/saml/consume#ik_child"
    said = cli("users", "list")
    assert said.code == 2
    assert "Name the account with --account" in said.err


def test_users(cli: Cli) -> None:
    boss = ("ada@acme-media.test", "--name", "Ada Example", "--role", "account_administrator")
    assert cli("users", "add", *boss).code == 0
    assert cli("users", "add", *boss).code == 1
    (user,) = cli("users", "list", "--format", "json").objects
    assert (user["email"], user["role"], user["created_by"]) == ("ada@acme-media.test", "account_administrator", "hand")
    said = cli("users", "delete", "ada@acme-media.test")
    assert said.code == 1
    assert "last account administrator" in said.err
    assert cli("users", "add", "bob@acme-media.test", "--name", "Bob", "--role", "finance").code == 0
    assert cli("users", "delete", "bob@acme-media.test", "nobody@acme-media.test").code == 2
    assert len(cli("users", "list", "--format", "json").objects) == 2
    assert cli("users", "delete", "BOB@acme-media.test").code == 0
    assert cli("users", "stale").code == 0


def test_the_log(cli: Cli) -> None:
    cli("users", "add", "ada@acme-media.test", "--name", "Ada Example", "--role", "developer")
    rows = cli("log", "--kind", "user", "--format", "json").objects
    assert [(r["outcome"], r["operator"]) for r in rows] == [("user-added", "command line")]
    said = cli("log", rows[0]["reference"], "--format", "json")
    assert said.objects[0]["sentence"] == rows[0]["sentence"]
    assert cli("log", rows[0]["reference"]).code == 0
    assert "No event fits." in cli("log", "--status", "failure", "--since", "24h").err
    assert cli("log", "--since", "soon").code == 2
    everything = cli("log", "--format", "json", "--limit", "1000").objects
    said = cli("log", "--export", "all.jsonl")
    assert said.code == 0
    assert f"{len(everything)} events written to all.jsonl." in said.out
    exported = [json.loads(line) for line in Path("all.jsonl").read_text("utf-8").splitlines()]
    assert [e["reference"] for e in exported] == [e["reference"] for e in everything]
    assert cli("log", "--kind", "user", "--export", "people.csv", "--level", "anonymous").code == 0
    assert {p.name for p in Path().glob("people*")} == {"people.csv", "people-checks.csv", "people-changes.csv"}
    assert "@" not in "".join(p.read_text("utf-8") for p in Path().glob("people*"))
    assert cli("log", "--export", "log.txt").code == 2
    assert cli("log", "--export", "missing/log.csv").code == 2
    counted = cli("log", "--reasons", "--format", "json").objects
    assert sum(c["events"] for c in counted) == sum(e["reason"] is not None for e in everything)
    since = cli("log", "--since", "change", "--format", "json").objects
    assert len(since) <= len(everything)
    assert cli("log", "--issuer", "https://nobody.test", "--format", "json").objects == []
    assert cli("log", "--revision", "99", "--certificate", "AB:CD", "--format", "json").objects == []
    assert "raw messages" in cli("db", "purge", "--days", "0").out
    assert cli("log", "--kind", "upkeep", "--format", "json").objects[0]["outcome"] == "purged"
    assert cli("log", "no-such-event-00").code == 2


def test_the_database(cli: Cli) -> None:
    assert "is in order" in cli("db", "check").out
    assert cli("db", "backup", "copy.db").code == 0
    assert cli("db", "backup", "copy.db").code == 3
    assert "is in order" in cli("--workspace", "copy.db", "db", "check").out
    assert cli("--workspace", "copy.db", "db", "upgrade").code == 0
    said = cli("db", "copy", "--from", "copy.db", "--to", "moved.db")
    assert said.code == 0
    assert "compared one by one" in said.out
    assert "is in order" in cli("--workspace", "moved.db", "db", "check").out
    for target, words in (("moved.db", "not empty"), ("mysql://u@host/x", "Only SQLite and PostgreSQL")):
        said = cli("db", "copy", "--from", "copy.db", "--to", target)
        assert said.code == 3
        assert words in said.err
    said = cli("db", "copy", "--from", "no.db", "--to", "new.db")
    assert (said.code, Path("no.db").exists(), Path("new.db").exists()) == (3, False, False)
    Path("other.txt").write_text("This is no database, but a text that is long enough to be looked at. " * 20)
    said = cli("--workspace", "other.txt", "log")
    assert said.code == 3
    assert said.err.count("\n") == 1
    assert "not a database" in said.err


def test_a_trial_with_its_reports(cli: Cli) -> None:
    said = cli("trial", "--fault", "ok-advice", "--fault", "xsw1*", "--junit", "t.xml", "--html", "t.html")
    assert said.code == 0, said.out
    assert "faults are as expected" in said.out
    assert Path("t.xml").read_text().startswith("<?xml")
    assert Path("t.html").read_text().startswith("<!doctype html>")
    rows = cli("trial", "--fault", "ok-advice", "--format", "json").objects
    assert rows[0]["as_expected"] is True
    assert cli("trial", "--fault", "zzz").code == 2
    assert cli("trial", "--fault", "xsw1", "--all").code == 2
    assert cli("trial", "--fault", "ok-advice", "--vendor", "nobody").code == 2


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("what", ["idp", "sp"])
def test_serving_until_it_is_stopped(what: str, how: signal.Signals, own_home: Path) -> None:
    import httpx

    p = process(what, "serve", "--format", "json")
    assert p.stdout is not None
    try:
        addresses = json.loads(p.stdout.readline())
        answer = httpx.get(addresses["metadata"], trust_env=False)
        assert answer.status_code == 200
        assert "EntityDescriptor" in answer.text
        assert addresses["metadata"].startswith("http://127.0.0.1:")
        p.send_signal(how)
        assert p.wait(20) == 0
    finally:
        p.kill()
        p.communicate()


def test_a_taken_port_is_exit_code_3(own_home: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as other:
        p = process("sp", "serve", "--port", str(other.getsockname()[1]))
        out, err = p.communicate(timeout=20)
    assert (p.returncode, out) == (3, "")
    assert "is taken by another program" in err
    assert err.count("\n") == 1


# probe ---------------------------------------------------------------------------------------------------------------


def test_probe_names_what_is_missing_and_what_is_not_confirmed(cli: Cli) -> None:
    nothing = cli("probe", "--user", "ada")
    assert nothing.code == 2
    assert "--sp-metadata" in nothing.err
    stranger = cli("probe", "--acs-url", "https://sp.example/acs", "--sp-entity-id", "sp")
    assert stranger.code == 2
    assert "--confirm-target sp.example" in stranger.err
    pattern = cli("probe", "--acs-url", "http://127.0.0.1:9/acs", "--sp-entity-id", "sp", "--accept-body", "(")
    assert pattern.code == 2
    assert "no regular expression" in pattern.err


# The simulated organisation -------------------------------------------------------------------------------------------


def test_people_come_go_and_move(cli: Cli) -> None:
    def person(name: str) -> dict[str, Any] | None:
        return next((p for p in cli("idp", "people", "list", name, "--format", "json").objects), None)

    assert cli("idp", "people", "list").err.strip() == "8 people."
    assert cli("idp", "people", "add", "mary", "--email", "mary@acme-media.test", "--role", "finance").code == 0
    mary = person("mary")
    assert mary is not None
    assert (mary["role"], mary["full_name"], mary["enabled"]) == ("finance", None, True)
    assert cli("idp", "people", "disable", "mary").out == "mary is disabled.\n"
    assert "disabled" in cli("idp", "people", "list", "mary").out
    assert cli("idp", "people", "enable", "mary").code == 0
    assert cli("idp", "people", "rename", "mary", "--username", "mj", "--name", "Mary J").code == 0
    moved = person("mary@")
    assert moved is not None
    assert (moved["username"], moved["full_name"]) == ("mj", "Mary J")
    assert cli("idp", "people", "delete", "mj").code == 0
    assert person("mj") is None
    for command in (("delete", "mj"), ("disable", "mj"), ("rename", "mj"), ("assign", "ada", "none")):
        said = cli("idp", "people", *command)
        assert (said.code, said.out) == (2, "")
        assert said.err.count("\n") == 1


def test_applications_come_from_metadata(cli: Cli) -> None:
    Path("sp.xml").write_text(cli("metadata", "sp").out)
    assert cli("idp", "apps", "add", "sp.xml", "--id", "mine", "--deliver-to", "http://127.0.0.1:8800/acs").code == 0
    (app,) = cli("idp", "apps", "list", "--format", "json").objects
    assert (app["id"], app["entity_id"]) == ("mine", "https://imagekit.io/saml/consume")
    assert app["sign"] == "assertion"
    assert "http://127.0.0.1:8800/acs" in cli("idp", "apps", "list").out
    assert cli("idp", "people", "unassign", "grace", "mine").code == 0
    refused = cli("idp", "issue", "--user", "grace")
    assert (refused.code, "not assigned" in refused.err) == (2, True)
    assert cli("idp", "people", "assign", "grace", "mine").code == 0
    assert cli("idp", "issue", "--user", "grace").code == 0
    assert cli("idp", "apps", "remove", "mine").code == 0
    assert cli("idp", "apps", "remove", "mine").code == 2
    assert cli("idp", "apps", "list", "--format", "json").objects == []
    assert cli("idp", "apps", "add", "sp.xml", "--encrypt").code == 2


def test_a_message_as_the_options_say(cli: Cli) -> None:
    def issued(*options: str) -> str:
        said = cli("idp", "issue", "--user", "grace", "--encode", "xml", *options)
        assert said.code == 0, said.err
        return said.out

    assert 'IssueInstant="2026-11-23T20:36:00Z"' in issued("--clock-at", "2026-11-23T20:36:00Z")
    assert "ecdsa-sha256" in issued("--signing-key", "ec-p256")
    assert issued("--sign", "both").count("<ds:SignatureValue>") == 2
    assert "rsa-sha512" in issued("--algorithm", "rsa-sha512")
    assert "nameid-format:persistent" in issued(
        "--name-id-format", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
    )
    claims = issued("--claim", "plan==gold", "--claim", "who=username", "--acs-url", "https://app.example/acs")
    assert ">gold<" in claims
    assert ">grace<" in claims
    assert "imagekit_role" not in claims
    assert 'Destination="https://app.example/acs"' in claims
    for wrong in (
        ("--signing-key", "mine"),
        ("--claim", "plan"),
        ("--claim", "a=b"),
        ("--clock-at", "noon"),
        ("--encrypt",),
    ):
        said = cli("idp", "issue", "--user", "grace", *wrong)
        assert (said.code, said.out) == (2, "")
    listed = cli("idp", "metadata", "--publish-key", "current", "--publish-key", "next").out
    assert listed.count("<md:KeyDescriptor") == 2


def test_a_broken_tenant_file_is_told_and_the_last_good_one_used(cli: Cli, own_home: Path) -> None:
    cli("idp", "people", "disable", "grace")
    file = own_home / "simulator" / "tenant.toml"
    file.write_text("[idp\n", "utf-8")
    said = cli("idp", "people", "list", "grace")
    assert "disabled" in said.out
    said = cli("idp", "issue", "--user", "ada")
    assert said.code == 0
    assert f"{file}, line 1: This is not valid TOML" in said.err
    assert "last good version is used" in said.err
    said = cli("idp", "people", "enable", "grace")
    assert "the broken file is kept beside it" in said.err
    assert (file.parent / "tenant.broken.toml").read_text("utf-8") == "[idp\n"
    assert cli("idp", "issue", "--user", "grace").err == ""


def test_a_message_is_edited_at_three_places(cli: Cli) -> None:
    spec = cli("idp", "issue", "--user", "grace", "--encode", "spec").out
    Path("spec.json").write_text(spec.replace("Grace Holloway", "Edited First"))
    said = cli(
        "idp", "issue", "--user", "grace", "--spec", "spec.json", "--replace", "Edited", "Twice", "--field", "more=1",
        "--encode", "form", "--diff",
    )  # fmt: skip
    assert said.code == 0
    assert said.out.endswith("&more=1")
    for line in ("--- values before signing, as made", "--- document after signing, as made", '+"more" = "1"'):
        assert line in said.err
    assert (
        "Twice First"
        in cli(
            "idp", "issue", "--user", "grace", "--spec", "spec.json", "--replace", "Edited", "Twice", "--encode", "xml"
        ).out
    )
    for wrong in (("--replace", "none of this", "x"), ("--field", "more"), ("--spec", "idp.xml")):
        Path("idp.xml").write_text("<a/>")
        said = cli("idp", "issue", "--user", "grace", *wrong)
        assert (said.code, said.out) == (2, "")


def test_serving_with_an_interface_for_programs_and_a_recording(tmp_path: Path) -> None:
    import httpx

    done = subprocess.Popen(
        [sys.executable, "-m", "app", "idp", "serve", "--acs-url", "https://app.example/acs", "--format", "json",
         "--api-port", "0", "--api-token-file", str(tmp_path / "token"), "--har", str(tmp_path / "login.har"),
         "--tests", str(tmp_path / "test_recorded.py"), "--scenario", str(tmp_path / "recorded.toml")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "SSO_WORKBENCH_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    try:
        assert done.stdout is not None
        told = json.loads(done.stdout.readline())
        token = (tmp_path / "token").read_text().strip()
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(base_url=told["api"], headers=headers, trust_env=False) as api:
            assert api.get("/v1/users").json()["total"] == 8
            assert api.post("/v1/issue", json={"user": "ada", "application": "sp"}).status_code == 200
        assert httpx.get(f"{told['api']}/v1/users", trust_env=False).status_code == 401
        assert httpx.get(told["portal"], trust_env=False).status_code == 200
    finally:
        done.send_signal(signal.SIGINT)
        done.communicate(timeout=20)
    assert done.returncode == 0
    (entry,) = json.loads((tmp_path / "login.har").read_text("utf-8"))["log"]["entries"]
    assert entry["request"]["url"] == "https://app.example/acs"
    assert "idp.post(idp.issue('ada', 'sp'))" in (tmp_path / "test_recorded.py").read_text("utf-8")
    assert run(["trial", "--scenario", str(tmp_path / "recorded.toml")]) == 0


def test_the_interface_is_off_unless_asked_for_whole(cli: Cli) -> None:
    for half in (("--api-port", "0"), ("--api-token-file", "token")):
        said = cli("idp", "serve", *half)
        assert (said.code, "belong together" in said.err) == (2, True)
    Path("token").write_text("short")
    Path("token").chmod(0o600)
    said = cli("idp", "serve", "--api-port", "0", "--api-token-file", "token")
    assert (said.code, "16 or more" in said.err) == (2, True)


def test_the_directory_as_vendors_export_it(cli: Cli) -> None:
    assert cli("idp", "directory").out.splitlines()[0] == "userPrincipalName,mail,displayName,accountEnabled,id"
    assert cli("idp", "directory", "--vendor", "okta").out.startswith('"User Id","Login"')
    assert cli("idp", "directory", "--vendor", "ad").out.startswith("#TYPE Microsoft")
    (page,) = cli("idp", "directory", "--scim").objects
    assert page["totalResults"] == 8
    (graph,) = cli("idp", "directory", "--graph").objects
    assert len(graph["value"]) == 8
    for wrong in (("--vendor", "ldap"), ("--app", "none"), ("--scim", "--graph")):
        said = cli("idp", "directory", *wrong)
        assert (said.code, said.out) == (2, "")


def test_skipped_checks_are_folded_by_their_reason(cli: Cli) -> None:
    said = cli("inspect", "-", stdin=b"garbage")
    assert said.code == 1
    assert "checks: The message could not be read as XML." in said.out
    assert len(said.out.splitlines()) < 40
    assert len(cli("inspect", "-", "--all-checks", stdin=b"garbage").out.splitlines()) > 150


def test_a_signature_that_fails_is_explained(cli: Cli) -> None:
    Path("idp.xml").write_text(cli("idp", "metadata").out)
    xml = cli("idp", "issue", "--user", "grace", "--encode", "xml").out
    pretty = xml.replace("><saml:Subject", ">\n  <saml:Subject")
    assert pretty != xml
    said = cli("inspect", "-", "--idp-metadata", "idp.xml", "--profile", "saml", stdin=pretty.encode())
    assert said.code == 1
    assert "fails at: digest" in said.out
    assert "re-formatted" in said.out
    assert "fails at" not in cli("inspect", "-", "--idp-metadata", "idp.xml", stdin=xml.encode()).out


@pytest.mark.parametrize("encode", ["url", "form", "base64", "xml"])
def test_a_logout_request_is_written_in_every_way(cli: Cli, encode: str) -> None:
    Path("idp.xml").write_text(cli("idp", "metadata").out)
    made = cli("idp", "logout", "--user", "grace", "--session-index", "_s1", "--encode", encode)
    assert made.code == 0
    Path("message.txt").write_text(made.out)
    found = cli("inspect", "message.txt", "--idp-metadata", "idp.xml", "--test-idp", "--format", "json")
    report = json.loads(found.out)
    assert report["message"]["kind"] == "LogoutRequest"
    assert report["verdict"] == "accept", report["headline"]
    nobody = cli("idp", "logout", "--user", "nobody")
    assert nobody.code == 2
    assert "knows nobody" in nobody.err
