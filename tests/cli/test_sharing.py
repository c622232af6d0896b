"""`inspect --redact` and `--format html|markdown` as a person uses them: one output, nothing personal in it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from app.cli import run
from tests.cli.test_commands import Cli, cli, message
from tests.pdf_text import Pdf
from tests.saml.recordings import CANARY, har, whole_login
from tests.saml.signing_samples import xml
from tests.saml.test_redact import assert_clean, canaries

__all__ = ["cli", "message"]

FORMS = ("text", "json", "html", "markdown")


@pytest.mark.parametrize("form", FORMS)
def test_no_canary_is_written(form: str, cli: Cli) -> None:
    Path("Brandywicke.txt").write_bytes(b"Cookie: session=Marmaladeers\n\n" + xml(canaries()))
    said = cli("inspect", "Brandywicke.txt", "--redact", "--format", form)
    assert said.code == 1
    assert "SAML" in said.out or "saml" in said.out
    assert_clean(said.out)
    assert "Traceback" not in said.err


@pytest.mark.parametrize("form", FORMS)
def test_a_recorded_login_is_redacted_too(form: str, cli: Cli) -> None:
    Path("login.har").write_bytes(har(*whole_login()))
    said = cli("inspect", "login.har", "--redact", "--format", form)
    assert CANARY not in said.out
    assert "idp.corp.test" not in said.out
    assert "left out" in said.err


def test_error_texts_are_left_out_and_told(cli: Cli) -> None:
    said = cli("inspect", "-", "--redact", stdin=b"AADSTS50105: The user Quixotelle is not assigned to a role.")
    assert said.code == 1
    assert "Quixotelle" not in said.out
    assert "AADSTS50105" in said.err


def test_messages_of_one_output_correspond_and_of_two_do_not(cli: Cli, message: bytes) -> None:
    Path("one.txt").write_bytes(message)
    Path("two.txt").write_bytes(cli("idp", "issue", "--user", "grace").out.encode())

    def people() -> list[str]:
        said = cli("inspect", "one.txt", "two.txt", "--idp-metadata", "idp.xml", "--redact", "--format", "json")
        return [o["subject"]["name_id"] for o in said.objects]

    first, again = people(), people()
    assert first[0] == first[1]
    assert first[0] != again[0]


def test_the_verdict_and_the_exit_code_are_those_of_the_message(cli: Cli, message: bytes) -> None:
    Path("good.txt").write_bytes(message)
    options = ("good.txt", "--idp-metadata", "idp.xml", "--test-idp")
    plain = cli("inspect", *options, "--format", "json")
    masked = cli("inspect", *options, "--redact", "--format", "json")
    assert plain.code == masked.code == 0
    assert masked.objects[0]["verdict"] == plain.objects[0]["verdict"] == "accept"
    statuses = [[(c["id"], c["status"]) for c in said.objects[0]["checks"]] for said in (plain, masked)]
    assert statuses[0] == statuses[1]


def test_plain_html_and_markdown(cli: Cli, message: bytes) -> None:
    Path("good.txt").write_bytes(message)
    html = cli("inspect", "good.txt", "good.txt", "--idp-metadata", "idp.xml", "--format", "html")
    assert html.out.startswith("<!doctype html>")
    assert html.out.count("<article>") == 2
    assert "grace" in html.out
    written = cli("inspect", "good.txt", "good.txt", "--idp-metadata", "idp.xml", "--format", "markdown")
    assert written.out.count("\n# ") + written.out.startswith("# ") == 2
    assert "\n---\n" in written.out


def test_all_checks_are_listed_on_request(cli: Cli, message: bytes) -> None:
    Path("good.txt").write_bytes(message)
    few = cli("inspect", "good.txt", "--redact")
    every = cli("inspect", "good.txt", "--redact", "--all-checks")
    assert "xml-wellformed" not in few.out
    assert "xml-wellformed" in every.out


def test_what_cannot_be_read_is_told(cli: Cli, message: bytes) -> None:
    Path("good.txt").write_bytes(message)
    said = cli("inspect", "gone.txt", "good.txt", "--redact", "--format", "json")
    assert said.code == 2
    assert "gone.txt" in said.err
    assert len(said.objects) == 1


def test_what_would_leak_is_not_written(cli: Cli, message: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.saml.redact._Writer._text", lambda _self, _local, text, _claim: text)
    Path("m.txt").write_bytes(message)
    said = cli("inspect", "m.txt", "--redact", "--format", "json")
    assert said.code == 2
    assert said.out == ""
    assert "would still be found" in said.err


def test_json_carries_the_receipt(cli: Cli, message: bytes) -> None:
    Path("m.txt").write_bytes(message)
    report = json.loads(cli("inspect", "m.txt", "--redact", "--format", "json").out)
    assert set(report["redaction"]) == {"tool", "redacted_at", "original_sha256", "verdict_before", "masked"}


def test_where_there_is_no_message_there_is_no_page(cli: Cli) -> None:
    """An error text alone gives no report: an empty HTML file would look like a good answer."""
    said = cli("inspect", "-", "--format", "html", stdin=b"AADSTS50105: the user is blocked")
    assert (said.code, said.out) == (1, "")
    assert "AADSTS50105" in said.err


def test_a_pdf_is_written_to_a_file_or_to_standard_output(
    cli: Cli, message: bytes, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    Path("Brandywicke.txt").write_bytes(xml(canaries()))
    said = cli("inspect", "Brandywicke.txt", "--redact", "--format", "pdf", "--output", "report.pdf")
    assert (said.code, said.out) == (1, "")
    made = Pdf(Path("report.pdf").read_bytes())
    assert made.lines[0][0] in ("Rejected", "Not judged")
    assert_clean(made.text)
    assert_clean(made.flat)
    Path("good.txt").write_bytes(message)
    options = ("--idp-metadata", "idp.xml", "--test-idp", "--format", "pdf")
    assert run(["inspect", "good.txt", *options]) == 0
    sys.stdout.flush()
    assert Pdf(capfdbinary.readouterr().out).lines[0][0] == "Accepted"
    assert cli("inspect", "good.txt", "--output", "report.txt").code == 2
    said = cli("inspect", "good.txt", *options, "--output", "nowhere/report.pdf")
    assert (said.code, said.err.count("\n")) == (2, 1)
    Path("empty.har").write_text('{"log": {"entries": []}}')
    assert cli("inspect", "empty.har", "--format", "pdf", "--output", "none.pdf").code != 0
    assert not Path("none.pdf").exists()
