"""Our own keys: requests signed, assertions opened, both published in a rollover, private keys in private files."""

import base64
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from app.computer.key_files import KeyFolder
from app.saml import read_metadata
from app.saml.request import verify_redirect_signature
from app.saml.spkeys import certificate_of
from app.sso import FirstLoginAtIdp, NotFound, Refused
from simulator.tenant import Application

FOLDER = "sp-keys"


@pytest.fixture
def keyed(bench, tmp_path):
    bench.folder = tmp_path / FOLDER
    bench.sso._key_files = KeyFolder(bench.folder)
    return bench


def ours(bench):
    return read_metadata(bench.sso.sp_metadata("ik_7x2k"), expect="sp").sp


def query(bench):
    return urlsplit(bench.sso.start_login(bench.idp.tenant.user("ada").email).redirect_url).query.encode()


def encrypted_login(bench):
    """A login that is encrypted to what our metadata lists now."""
    made = Application.from_metadata(bench.sso.sp_metadata("ik_7x2k"), application_id="imagekit", encrypt=True)
    old = bench.idp.tenant.applications[0]
    bench.idp.tenant = bench.idp.tenant.with_application(replace(old, encrypt_to=made.encrypt_to))
    return bench.issue("ada").body


def test_without_keys_nothing_is_signed(keyed):
    keyed.log_in("ada")
    assert keyed.sso.sp_keys() == ()
    assert not ours(keyed).authn_requests_signed
    assert b"Signature=" not in query(keyed)


def test_requests_are_signed_with_the_current_key_through_a_rollover(keyed):
    keyed.log_in("ada")
    first = keyed.sso.make_sp_key("signing", operator="olga")
    assert (first.state, keyed.sso.events()[0].operator) == ("current", "olga")
    assert ours(keyed).authn_requests_signed
    second = keyed.sso.make_sp_key("signing")
    assert second.state == "next"
    assert [k.state for k in keyed.sso.sp_keys()] == ["current", "next"]
    assert len(ours(keyed).signing_certificates) == 2
    assert verify_redirect_signature(query(keyed), [certificate_of(first.certificate)]) is None
    with pytest.raises(Refused, match="a next signing key already"):
        keyed.sso.make_sp_key("signing")
    with pytest.raises(Refused, match="next key in force first"):
        keyed.sso.forget_sp_key(first.fingerprint)
    keyed.sso.promote_sp_key("signing")
    assert verify_redirect_signature(query(keyed), [certificate_of(second.certificate)]) is None
    assert [k.state for k in keyed.sso.sp_keys()] == ["current", "previous"]
    assert len(ours(keyed).signing_certificates) == 1
    keyed.sso.forget_sp_key(first.fingerprint)
    assert [k.fingerprint for k in keyed.sso.sp_keys()] == [second.fingerprint]
    with pytest.raises(NotFound):
        keyed.sso.promote_sp_key("signing")
    with pytest.raises(NotFound):
        keyed.sso.forget_sp_key(first.fingerprint)


def test_assertions_are_opened_with_every_key_of_a_rollover(keyed):
    first = keyed.sso.make_sp_key("encryption")
    old = encrypted_login(keyed)
    keyed.sso.make_sp_key("encryption")
    keyed.sso.promote_sp_key("encryption")
    new = encrypted_login(keyed)
    assert keyed.sso.consume(old).allowed
    assert keyed.sso.consume(new).allowed
    keyed.sso.forget_sp_key(first.fingerprint)
    later = keyed.sso.consume(old)
    assert not later.allowed
    assert "enc-key-available" in {c.id for c in later.report.failures}


def test_the_private_key_is_a_private_file_and_nowhere_else(keyed):
    key = keyed.sso.make_sp_key("encryption")
    (file,) = keyed.folder.iterdir()
    assert file.name == f"{key.fingerprint}.pem"
    assert file.stat().st_mode & 0o777 == 0o600
    assert keyed.folder.stat().st_mode & 0o777 == 0o700
    secret = b"".join(file.read_bytes().splitlines()[1:-1])
    with keyed.store.read() as tx:
        kept = repr(tx.settings()).encode()
    assert secret[:64] not in kept
    assert b"PRIVATE KEY" not in kept
    assert base64.b64decode(secret)[40:80] not in kept
    keyed.sso.forget_sp_key(key.fingerprint)
    assert list(keyed.folder.iterdir()) == []


def test_another_computer_is_told_that_the_private_key_is_not_there(keyed, tmp_path):
    keyed.log_in("ada")
    keyed.sso.make_sp_key("signing")
    keyed.sso._sp_private.clear()
    keyed.sso._key_files = KeyFolder(tmp_path / "another")
    (key,) = keyed.sso.sp_keys()
    assert "not on this computer" in key.problem
    assert len(ours(keyed).signing_certificates) == 1
    with pytest.raises(FirstLoginAtIdp):
        query(keyed)
    assert keyed.sso.events()[0].reason == "internal.sp-key"


def test_a_file_that_others_can_read_a_link_or_another_key_is_not_used(keyed):
    keyed.sso.make_sp_key("encryption")
    (file,) = keyed.folder.iterdir()
    data = file.read_bytes()
    keyed.sso._sp_private.clear()
    file.chmod(0o644)
    assert "set its permissions to 0600" in keyed.sso.sp_keys()[0].problem
    file.rename(keyed.folder / "elsewhere")
    file.symlink_to(keyed.folder / "elsewhere")
    assert "cannot be read" in keyed.sso.sp_keys()[0].problem
    file.unlink()
    other = keyed.sso.make_sp_key("signing")
    file.write_bytes((keyed.folder / f"{other.fingerprint}.pem").read_bytes())
    file.chmod(0o600)
    assert "not on this computer" in next(k for k in keyed.sso.sp_keys() if k.purpose == "encryption").problem
    file.write_bytes(data)
    assert next(k for k in keyed.sso.sp_keys() if k.purpose == "encryption").problem == ""


def test_a_key_that_cannot_be_kept_is_not_published(keyed, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    keyed.sso._key_files = KeyFolder(blocked)
    with pytest.raises(Refused, match="could not be kept"):
        keyed.sso.make_sp_key("signing")
    keyed.sso._key_files = None
    with pytest.raises(Refused, match="no folder on this computer"):
        keyed.sso.make_sp_key("signing")
    with pytest.raises(Refused, match="signing or encryption"):
        keyed.sso.make_sp_key("both")
    assert keyed.sso.sp_keys() == ()


def test_an_expired_key_is_told(keyed):
    keyed.sso.make_sp_key("signing")
    keyed.later(days=3 * 365 + 1)
    assert keyed.sso.sp_keys()[0].problem == "Its certificate has expired."
