"""Comparing with the last good login of the same person, on SQLite and PostgreSQL."""

from dataclasses import replace

import pytest

from app.saml.compare_sources import Source
from app.sso import NotFound


def told(bench, pair):
    good, message = pair
    made = bench.sso.compare(good.source, message, "ik_7x2k").comparison
    assert made.error is None
    return [(d.label, d.first, d.second) for d in made.meaningful]


def test_a_refused_login_beside_the_last_good_one_of_the_same_person(bench):
    bench.log_in("ada")
    bench.later(hours=1)
    good = bench.log_in("ada").reference
    bench.log_in("grace")
    bench.later(hours=1)
    bench.person("ada", role="developr")
    refused = bench.log_in("ada").reference
    bench.later(hours=1)
    bench.person("ada", role="developer")
    bench.log_in("ada")
    found = bench.sso.beside_last_good(f" {refused.upper()} ")
    assert (found[0].reference, found[0].account) == (good, "ik_7x2k")
    assert found[1].name == refused
    assert told(bench, found) == [("Assertion › Attribute imagekit_role", "account_administrator", "developr")]


def test_a_good_login_is_compared_with_the_one_before(bench):
    first = bench.log_in("ada").reference
    second = bench.log_in("ada").reference
    good, _ = bench.sso.beside_last_good(second)
    assert good.reference == first
    with pytest.raises(NotFound, match=f"no accepted login of ada@acme-media.test before {first}"):
        bench.sso.beside_last_good(first)


def test_tests_and_refusals_are_no_good_logins(bench):
    bench.log_in("ada", mode="test")
    bench.log_in("ada", faults=["sig-tampered-role"])
    with pytest.raises(NotFound, match=r"no accepted login of Ada@acme-media\.test"):
        bench.sso.last_good_login("Ada@acme-media.test", "ik_7x2k")
    reference = bench.log_in("ada").reference
    assert bench.sso.last_good_login("Ada@ACME-media.test", "ik_7x2k").reference == reference


def test_it_is_said_when_the_message_was_deleted(bench):
    good = bench.log_in("ada").reference
    bench.later(days=31)
    refused = bench.log_in("ada", faults=["sig-tampered-role"]).reference
    bench.sso.purge()
    with pytest.raises(NotFound) as raised:
        bench.sso.beside_last_good(refused)
    assert good in str(raised.value)
    assert "31 days ago), and its message is not kept any more: raw messages are deleted after 30 days" in str(
        raised.value
    )
    bench.later(minutes=1)
    bench.sso.purge(days=0)
    with pytest.raises(NotFound, match=f"The message of {refused} is not kept any more"):
        bench.sso.beside_last_good(refused)


def test_where_messages_are_not_kept_at_all_it_is_said(bench):
    bench.sso.set_setting("retention_days", 0)
    reference = bench.log_in("ada").reference
    with pytest.raises(NotFound, match="retention_days is 0"):
        bench.sso.beside_last_good(reference)
    with pytest.raises(NotFound, match="retention_days is 0"):
        bench.sso.last_good_login("ada@acme-media.test", "ik_7x2k")


def test_an_older_message_that_is_kept_is_taken_where_the_newest_is_not(bench):
    kept = bench.log_in("ada").reference
    bench.later(hours=1)
    bench.sso.set_setting("retention_days", 0)
    bench.log_in("ada")
    assert bench.sso.last_good_login("ada@acme-media.test", "ik_7x2k").reference == kept


def test_who_names_nobody_has_no_good_login(bench):
    reference = bench.sso.consume(b"SAMLResponse=bm90aGluZw==").reference
    with pytest.raises(NotFound, match="names no person of an account"):
        bench.sso.beside_last_good(reference)
    with pytest.raises(NotFound, match="There is no attempt no-such-event-00"):
        bench.sso.beside_last_good("no-such-event-00")
    with pytest.raises(NotFound, match="no accepted login of nobody at all"):
        bench.sso.last_good_login("nobody at all", "ik_7x2k")


def test_a_person_of_another_account_is_somebody_else(bench):
    bench.sso.create_account("ik_other", "Other", plan="enterprise", seat_limit=5)
    bench.log_in("ada")
    with pytest.raises(NotFound, match="The log of ik_other has no accepted login"):
        bench.sso.last_good_login("ada@acme-media.test", "ik_other")


def test_held_keys_open_what_is_encrypted(bench):
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from tests.saml.encryption_samples import OUR_KEY

    application = replace(bench.idp.tenant.applications[0], encrypt_to=OUR_KEY.pem)
    one, two = (Source(bench.idp.issue(who, application).xml) for who in ("ada", "grace"))
    assert "What is encrypted was not compared" in bench.sso.compare(one, two).comparison.notes[0]
    bench.sso.hold_key(OUR_KEY.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    made = bench.sso.compare(one, two).comparison
    assert made.notes == ()
    assert "Assertion › NameID" in [d.label for d in made.meaningful]
