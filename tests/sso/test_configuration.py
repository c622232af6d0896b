"""Accounts and configurations: saving, turning off, overriding, restoring, and what is refused."""

from dataclasses import replace

import pytest

from app.product import IMAGEKIT
from app.saml.request import build_authn_request
from app.sso import Change, MetadataRefused, NotFound, Refused
from simulator import Idp, KeyRing, default_tenant


def test_an_account_begins_without_sso(empty):
    view = empty.sso.configuration("ik_7x2k")
    assert (view.account.sso_on, view.account.revision, view.revision, view.idp) == (False, 0, None, None)
    assert (view.sp.entity_id, view.sp.acs_url) == (IMAGEKIT.entity_id, IMAGEKIT.acs_url)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        (("ik_7x2k", "Twice"), "account.exists"),
        (("", "No id"), "account.id"),
        (("a b", "Blank"), "account.id"),
        (("x" * 65, "Long"), "account.id"),
        (("ik_1", " "), "account.name"),
        (("ik_1", "Bell\x07"), "account.name"),
    ],
)
def test_accounts_that_are_refused(empty, values, code):
    with pytest.raises(Refused) as caught:
        empty.sso.create_account(*values)
    assert caught.value.code == code
    assert len(empty.sso.accounts()) == 1


def test_an_account_is_changed_with_an_audit_row(empty):
    changed = empty.sso.update_account("ik_7x2k", plan="paid", seat_limit=7, operator="olga")
    assert (changed.plan, changed.seat_limit) == ("paid", 7)
    event = empty.sso.events()[0]
    assert (event.kind, event.operator, event.outcome) == ("account", "olga", "account-changed")
    assert {(c.field, c.old, c.new) for c in empty.sso.event(event.reference).changes} == {
        ("plan", "enterprise", "paid"),
        ("seat_limit", "5", "7"),
    }
    with pytest.raises(Refused):
        empty.sso.update_account("ik_7x2k", plan="gold")
    with pytest.raises(Refused):
        empty.sso.update_account("ik_7x2k", seat_limit=-1)


def test_an_unchanged_account_leaves_no_trace(empty):
    before = empty.rows()
    empty.told.clear()
    empty.sso.update_account("ik_7x2k", name="Acme Media")
    assert empty.rows() == before
    assert empty.told == []


def test_no_such_account(empty):
    with pytest.raises(NotFound):
        empty.sso.configuration("ik_none")
    with pytest.raises(NotFound):
        empty.sso.account(4711)


def test_reading_metadata_saves_nothing(empty):
    before = empty.rows()
    summary = empty.sso.read_metadata(empty.idp.metadata())
    assert summary.usable
    assert summary.idp.entity_id == empty.idp.tenant.entity_id
    assert empty.rows() == before


def test_saving_metadata_turns_sso_on(empty):
    view = empty.sso.save_metadata("ik_7x2k", empty.idp.metadata(), operator="olga")
    assert (view.account.sso_on, view.account.revision, view.idp.entity_id) == (
        True,
        1,
        empty.idp.tenant.entity_id,
    )
    assert (view.revision.operator, view.revision.document) == ("olga", empty.idp.metadata())
    assert Change("configuration", view.account.id, 1) in empty.told


def test_saving_the_same_again_is_no_revision(bench):
    view = bench.sso.save_metadata("ik_7x2k", bench.sso.configuration("ik_7x2k").revision.document)
    assert view.account.revision == 1


@pytest.mark.parametrize("document", [b"", b"<html></html>", b"not xml", b"<a/>", b"<!DOCTYPE a><a/>"])
def test_metadata_that_cannot_be_used_changes_nothing(bench, document):
    before = bench.rows()
    with pytest.raises(MetadataRefused) as caught:
        bench.sso.save_metadata("ik_7x2k", document)
    assert str(caught.value)
    assert bench.rows() == before
    assert bench.sso.account("ik_7x2k").sso_on


def test_our_own_metadata_is_not_an_identity_providers(bench):
    with pytest.raises(MetadataRefused):
        bench.sso.save_metadata("ik_7x2k", bench.sso.sp_metadata("ik_7x2k"))


def test_deleting_metadata_turns_sso_off_and_names_the_revision(bench):
    bench.sso.set_entity_id("ik_7x2k", "urn:example:sp")
    view = bench.sso.delete_metadata("ik_7x2k")
    assert (view.account.sso_on, view.account.off_since_revision, view.idp) == (False, 3, None)
    assert view.account.entity_id == "urn:example:sp"
    bench.sso.set_entity_id("ik_7x2k", None)
    assert bench.sso.account("ik_7x2k").off_since_revision == 3
    assert bench.sso.delete_metadata("ik_7x2k").account.revision == 4


def test_the_override_and_back(bench):
    child = IMAGEKIT.child_entity_id("ik_7x2k")
    view = bench.sso.set_entity_id("ik_7x2k", f" {child} ")
    assert (view.sp.entity_id, view.sp.acs_url) == (child, child)
    assert bench.sso.set_entity_id("ik_7x2k", "").sp.entity_id == IMAGEKIT.entity_id
    assert bench.sso.set_entity_id("ik_7x2k", IMAGEKIT.entity_id).account.entity_id is None


@pytest.mark.parametrize("value", ["no uri", "https://a b", "://x", "x" * 2000, "urn:a\nb", "javascript"])
def test_overrides_that_are_refused(bench, value):
    with pytest.raises(Refused):
        bench.sso.set_entity_id("ik_7x2k", value)


def test_history_and_restoring(bench):
    bench.sso.set_entity_id("ik_7x2k", "urn:example:sp", operator="olga")
    bench.sso.delete_metadata("ik_7x2k", operator="otto")
    history = bench.sso.configuration_history("ik_7x2k")
    assert [(r.number, r.operator) for r in history] == [(3, "otto"), (2, "olga"), (1, "operator")]
    view = bench.sso.restore_revision("ik_7x2k", 1)
    assert (view.account.revision, view.account.sso_on, view.account.entity_id) == (4, True, None)
    assert view.revision.document == history[-1].document
    with pytest.raises(NotFound):
        bench.sso.restore_revision("ik_7x2k", 99)


def test_two_accounts_cannot_be_told_apart_by_nothing(bench):
    """The same identity provider and the same Identifier would leave only the claim to choose the tenant."""
    bench.sso.create_account("ik_child", "Child", plan="paid")
    with pytest.raises(Refused) as caught:
        bench.sso.save_metadata("ik_child", bench.idp.metadata())
    assert caught.value.code == "configuration.not-unique"
    assert IMAGEKIT.child_entity_id("ik_child") in str(caught.value)
    bench.sso.set_entity_id("ik_child", IMAGEKIT.child_entity_id("ik_child"))
    assert bench.sso.save_metadata("ik_child", bench.idp.metadata()).account.sso_on
    with pytest.raises(Refused):
        bench.sso.set_entity_id("ik_child", None)
    assert bench.sso.account("ik_child").entity_id == IMAGEKIT.child_entity_id("ik_child")


def test_a_test_key_is_trusted_only_on_purpose(empty):
    empty.sso.save_metadata("ik_7x2k", empty.idp.metadata())
    refused = empty.log_in("ada")
    assert not refused.allowed
    assert "cert-known-test-key" in {c.id for c in refused.report.failures}
    empty.sso.save_metadata("ik_7x2k", empty.idp.metadata(), test_idp=True)
    assert empty.log_in("ada").allowed


def test_values_to_copy_for_every_vendor(bench):
    bench.sso.set_entity_id("ik_7x2k", IMAGEKIT.child_entity_id("ik_7x2k"))
    values = bench.sso.sp_values("ik_7x2k")
    assert [g.id for g in values.guides] == ["entra", "okta", "onelogin", "adfs", "generic"]
    for guide in values.guides:
        text = " ".join(f"{f.label} {f.value} {f.note}" for f in guide.fields)
        assert IMAGEKIT.child_entity_id("ik_7x2k") in text
        assert IMAGEKIT.relay_state in text
        assert "ik_7x2k" in text
        assert "{" not in text.replace('"{', "")


def test_our_metadata_reads_back(bench):
    from app.saml.metadata import read_metadata

    bench.sso.set_entity_id("ik_7x2k", "urn:example:sp")
    sp = read_metadata(bench.sso.sp_metadata("ik_7x2k"), expect="sp").sp
    assert (sp.entity_id, sp.acs_endpoints[0].location) == ("urn:example:sp", IMAGEKIT.acs_url)


def test_a_child_account_gets_its_own_logins(bench, keys):
    """Issuer and audience choose the account; the account-id claim only confirms it."""
    child = IMAGEKIT.child_entity_id("ik_child")
    bench.sso.create_account("ik_child", "Child", plan="paid")
    bench.sso.set_entity_id("ik_child", child)
    bench.sso.save_metadata("ik_child", bench.idp.metadata(), test_idp=True)
    assert bench.log_in("grace").account.imagekit_id == "ik_7x2k"
    bench.application(entity_id=child, acs_url=child)
    crossed = bench.log_in("ada")
    assert (crossed.allowed, crossed.account.imagekit_id, crossed.reason.code) == (
        False,
        "ik_child",
        "org.id-mismatch",
    )
    bench.person("ada", imagekit_id="ik_child")
    assert bench.log_in("ada").account.imagekit_id == "ik_child"


def test_another_identity_provider_is_another_account(bench, keys):
    other = Idp(default_tenant(imagekit_id="ik_other", domain="other.test"), keys, lambda: bench.time)
    bench.sso.create_account("ik_other", "Other", plan="paid")
    bench.sso.save_metadata("ik_other", other.metadata(), test_idp=True)
    result = bench.sso.consume(other.issue("ada", "imagekit").body)
    assert (result.allowed, result.account.imagekit_id) == (True, "ik_other")
    # Nobody reaches an account through the other's identity provider.
    stolen = Idp(
        default_tenant(imagekit_id="ik_7x2k", domain="other.test", uid=other.tenant.uid), keys, lambda: bench.time
    )
    refused = bench.sso.consume(stolen.issue("grace", "imagekit").body)
    assert (refused.allowed, refused.account.imagekit_id, refused.reason.code) == (
        False,
        "ik_other",
        "org.id-mismatch",
    )


def test_a_request_is_judged_by_the_account_whose_identity_provider_it_goes_to(bench, keys):
    other = Idp(
        default_tenant(imagekit_id="ik_other", domain="other.test"),
        keys,
        lambda: bench.time,
        base_url="https://idp.other.test",
    )
    bench.sso.create_account("ik_other", "Other", plan="paid")
    bench.sso.save_metadata("ik_other", other.metadata(), test_idp=True)
    for idp in (bench.idp, other):
        request = build_authn_request(
            id="_q1",
            issue_instant=bench.time,
            issuer=IMAGEKIT.entity_id,
            acs_url=IMAGEKIT.acs_url,
            destination=idp.sso_urls[0],
        )
        report = bench.sso.inspect(request)
        assert (report.verdict, report.expectation.idp_entity_id) == ("accept", idp.tenant.entity_id)


def test_two_people_who_change_an_account_do_not_undo_each_other(bench):
    seen = bench.sso.account("ik_7x2k")
    bench.sso.update_account("ik_7x2k", seat_limit=9, operator="olga")
    both = bench.sso.update_account("ik_7x2k", name="Acme Group", seat_limit=seen.seat_limit, seen=seen)
    assert (both.name, both.seat_limit) == ("Acme Group", 9)
    before = bench.rows()
    with pytest.raises(Refused, match="changed the seat limit from 5 to 9") as caught:
        bench.sso.update_account("ik_7x2k", name="Acme Group", seat_limit=7, seen=seen)
    assert caught.value.code == "account.moved"
    assert bench.rows() == before
    assert bench.sso.update_account("ik_7x2k", seat_limit=9, seen=seen).seat_limit == 9


def test_a_test_idp_is_warned_of_before_it_is_saved_and_refused_unless_it_is_trusted_on_purpose(empty):
    sso, document = empty.sso, empty.idp.metadata()
    assert "test identity provider" in sso.read_metadata(document, account="ik_7x2k").warnings[0]
    view = sso.save_metadata("ik_7x2k", document)
    assert "test identity provider" in view.warnings[0]
    assert empty.log_in("ada").reason.code == "sig.cert-known-test-key"
    trusted = sso.save_metadata("ik_7x2k", document + b"\n", test_idp=True)
    assert not [w for w in trusted.warnings if "test identity provider" in w]
    assert empty.log_in("ada").allowed


def test_newer_metadata_of_a_test_idp_that_is_trusted_on_purpose_stays_trusted(bench):
    sso = bench.sso
    assert bench.log_in("ada").allowed
    bench.idp = Idp(bench.idp.tenant, KeyRing.in_memory(lambda: bench.time), lambda: bench.time)
    newer = bench.idp.metadata()
    assert not bench.log_in("ada").allowed
    told = sso.read_metadata(newer, account="ik_7x2k").warnings
    assert not [w for w in told if "test identity provider" in w]
    refused = sso.events()[0]
    judged = sso.rejudge(refused.reference, sso.candidate("ik_7x2k", document=newer))
    assert (judged.now, judged.then) == (False, True)
    sso.save_metadata("ik_7x2k", newer)
    assert bench.log_in("ada").allowed
    # Another provider's test key is not trusted by that.
    other = Idp(replace(bench.idp.tenant, uid="0" * 32), KeyRing.in_memory(lambda: bench.time), lambda: bench.time)
    sso.save_metadata("ik_7x2k", other.metadata())
    assert "test identity provider" in sso.configuration("ik_7x2k").warnings[0]
    assert not sso.consume(other.issue("ada", "imagekit").body).allowed
