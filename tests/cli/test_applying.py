"""What an account decides, and taking up a diagnosis, on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_commands import Cli, cli, message

__all__ = ["cli", "message"]


def test_an_account_decides_and_undecides(cli: Cli, message: bytes) -> None:
    assert cli("config", "set", "--idp-metadata", "idp.xml", "--test-idp").code == 0
    chosen = ("--choose", "clock_skew_s=240", "--choose", "role_values=Devs=developer; finance")
    (view,) = cli("config", "set", *chosen, "--format", "json").objects
    assert view["choices"]["clock_skew_s"] == {"value": 240, "decided": True, "otherwise": 180}
    assert view["choices"]["role_values"]["value"] == {"Devs": "developer", "finance": "finance"}
    said = cli("config", "show", "--choices").out
    assert "+ clock_skew_s = 240" in said
    assert "- allow_sha1 = no" in said
    assert "What it costs: SHA-1 collisions" in said
    (view,) = cli("config", "set", "--unchoose", "clock_skew_s", "--format", "json").objects
    assert view["choices"]["clock_skew_s"]["decided"] is False
    assert view["revision"] == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--choose", "clock_skew_s"), "NAME=VALUE"),
        (("--choose", "clock_skew_s=soon"), "whole number"),
        (("--choose", "allow_sha1=maybe"), "yes or no"),
        (("--choose", "nonsense=1"), "nothing called"),
        (("--choose", "role_values=a=developer;a=finance"), "twice"),
        (("--choose", "clock_skew_s=1", "--unchoose", "clock_skew_s"), "twice"),
    ],
)
def test_what_cannot_be_decided_is_said_in_a_sentence(cli: Cli, options: tuple[str, ...], words: str) -> None:
    said = cli("config", "set", *options)
    assert said.code == 2
    assert words in said.err


def test_a_proposal_is_shown_then_saved_then_restored(cli: Cli, message: bytes) -> None:
    assert cli("config", "set", "--idp-metadata", "idp.xml", "--test-idp", "--choose", "signed_part=response").code == 0
    Path("m.txt").write_bytes(message)
    before = cli("config", "history", "--format", "json").objects
    (shown,) = cli("config", "apply", "m.txt", "--format", "json").objects
    assert (shown["setting"], shown["before"]["verdict"], shown["after"]["verdict"]) == (
        "signed_part", "reject", "accept"
    )  # fmt: skip
    assert (shown["saved"], shown["refused"]) == (None, None)
    assert cli("config", "history", "--format", "json").objects == before
    said = cli("config", "apply", "m.txt", "--save")
    assert said.code == 0
    assert "Saved as revision 3. config restore 2 takes it back." in said.out
    assert cli("inspect", "m.txt", "--account", "ik_7x2k").code == 0
    assert cli("config", "restore", "2").code == 0
    assert cli("inspect", "m.txt", "--account", "ik_7x2k").code == 1


def test_a_good_message_proposes_nothing(cli: Cli, message: bytes) -> None:
    assert cli("config", "set", "--idp-metadata", "idp.xml", "--test-idp").code == 0
    said = cli("config", "apply", "-", stdin=message)
    assert said.code == 2
    assert "Nothing about this message" in said.err
    assert cli("config", "apply").code == 2
    assert cli("config", "apply", "-", "--event", "amber-otter-quilt-42", stdin=message).code == 2
    assert cli("config", "apply", "--event", "amber-otter-quilt-42").code != 0


def test_metadata_that_cures_nothing_is_refused(cli: Cli, message: bytes) -> None:
    assert cli("config", "set", "--idp-metadata", "idp.xml", "--test-idp").code == 0
    said = cli("config", "apply", "-", "--idp-metadata", "idp.xml", "--save", stdin=message)
    assert said.code == 1
    assert "Not to be made: The message would be judged as now" in said.out
    assert len(cli("config", "history", "--format", "json").objects) == 1


def test_the_steps_of_a_guide_are_checked(cli: Cli, message: bytes) -> None:
    assert cli("config", "set", "--idp-metadata", "idp.xml", "--test-idp").code == 0
    said = cli("config", "guide", "entra")
    assert said.code == 0
    assert "Identifier (Entity ID): https://imagekit.io/saml/consume" in said.out
    assert "not known yet: No response has come yet." in said.out
    rows = cli("config", "guide", "generic", "--format", "json").objects
    assert {r["result"] for r in rows} == {"waiting"}
    assert cli("config", "guide", "none").code == 2
    assert "First login: From My Apps" in cli("config", "show", "--vendor", "entra").out


def test_our_own_keys_are_made_promoted_and_forgotten(cli: Cli, message: bytes) -> None:
    assert "no key yet" in cli("config", "sp-keys").out
    (first,) = cli("config", "sp-keys", "--make", "encryption", "--format", "json").objects
    assert (first["purpose"], first["state"], first["problem"]) == ("encryption", "current", None)
    assert cli("metadata", "sp", "--account", "ik_7x2k").out.count('use="encryption"') == 1
    assert cli("config", "sp-keys", "--make", "encryption").code == 0
    assert cli("metadata", "sp", "--account", "ik_7x2k").out.count('use="encryption"') == 2
    rows = cli("config", "sp-keys", "--promote", "encryption", "--format", "json").objects
    assert [r["state"] for r in rows] == ["current", "previous"]
    assert cli("config", "sp-keys", "--forget", first["sha256"][:10]).code == 0
    assert len(cli("config", "sp-keys", "--format", "json").objects) == 1
    assert cli("config", "sp-keys", "--forget", "zz").code == 2
    assert cli("config", "sp-keys", "--make", "signing", "--promote", "signing").code == 2
    assert cli("config", "sp-keys", "--promote", "signing").code != 0


def test_several_accounts_are_made_and_changed(cli: Cli) -> None:
    made = cli("config", "accounts", "--add", "-", "--format", "json", stdin=b"ik_a,Agency A,paid,20\nik_b,Agency B\n")
    assert made.code == 0
    assert {r["account"]: r["seats"]["limit"] for r in made.objects}["ik_a"] == 20
    assert "2 accounts were made." in made.err
    rows = cli("config", "accounts", "--change-all", "--seat-price", "9 EUR", "--format", "json").objects
    assert {r["seat_price"] for r in rows} == {"9 EUR"}
    assert cli("config", "accounts", "--change", "ik_a", "--plan", "free").code == 0
    wrong = cli("config", "accounts", "--add", "-", stdin=b"ik_c,C\nik_a,Taken\n")
    assert wrong.code != 0
    assert "Row 2: There is an account ik_a already." in wrong.err
    assert len(cli("config", "accounts", "--format", "json").objects) == 3
    assert cli("config", "accounts", "--plan", "paid").code == 2
    assert cli("config", "accounts", "--change", "ik_a").code == 2
    (view,) = cli("config", "set", "--account", "ik_b", "--seat-price", "7 EUR", "--format", "json").objects
    assert view["account"] == "ik_b"
