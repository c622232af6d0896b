"""`config` as scripts use it: revisions, and what somebody else saved meanwhile."""

from __future__ import annotations

from pathlib import Path

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
