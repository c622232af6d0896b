"""Revisions compared by meaning, and two people who save the same configuration at one moment."""

import threading

import pytest

from app.sso import Moved, NotFound
from simulator import Idp, KeyRing, default_tenant


def other_idp(bench, domain="other.test"):
    """Another identity provider with keys of its own."""
    ring = KeyRing.in_memory(lambda: bench.time)
    return Idp(default_tenant(imagekit_id="ik_7x2k", domain=domain), ring, lambda: bench.time)


def test_what_differs_between_revisions_is_told_by_meaning(bench):
    bench.sso.set_entity_id("ik_7x2k", "urn:example:sp")
    other = other_idp(bench)
    bench.sso.save_metadata("ik_7x2k", other.metadata())
    found = {d.what: (d.old, d.new) for d in bench.sso.compare_revisions("ik_7x2k", 1, 3)}
    assert found["Identifier"] == (bench.sso.sp.entity_id, "urn:example:sp")
    assert found["Identity provider"] == (bench.idp.tenant.entity_id, other.tenant.entity_id)
    certificates = [w for w in found if w.startswith("Signing certificate")]
    assert sorted(found[w][0] is None for w in certificates) == [False, True]
    first = {d.what: d.new for d in bench.sso.compare_revisions("ik_7x2k", 0, 1)}
    assert first["Single sign-on"] == "on"
    assert bench.sso.compare_revisions("ik_7x2k", 2, 2) == ()
    with pytest.raises(NotFound):
        bench.sso.compare_revisions("ik_7x2k", 1, 9)


def test_the_same_meaning_in_other_bytes_is_told_as_that(bench):
    document = bench.sso.configuration("ik_7x2k").revision.document
    bench.sso.save_metadata("ik_7x2k", document.replace(b"</md:EntityDescriptor>", b" </md:EntityDescriptor>"))
    (only,) = bench.sso.compare_revisions("ik_7x2k", 1, 2)
    assert only.what == "The document"
    assert "same meaning" in only.new


def test_the_second_to_save_is_told_what_differs_and_changes_nothing(bench):
    bench.sso.set_entity_id("ik_7x2k", "urn:example:theirs", operator="olga", based_on=1)
    before = bench.rows()
    with pytest.raises(Moved) as caught:
        bench.sso.save_metadata("ik_7x2k", other_idp(bench).metadata(), operator="otto", based_on=1)
    moved = caught.value
    assert (moved.base, moved.current.number, moved.current.operator) == (1, 2, "olga")
    assert [(d.what, d.new) for d in moved.theirs] == [("Identifier", "urn:example:theirs")]
    assert "Identity provider" in {d.what for d in moved.mine}
    assert "Identifier" not in {d.what for d in moved.mine}
    assert "olga saved revision 2" in str(moved)
    assert bench.rows() == before
    view = bench.sso.save_metadata("ik_7x2k", other_idp(bench).metadata(), operator="otto", based_on=2)
    assert (view.account.revision, view.account.entity_id) == (3, "urn:example:theirs")


@pytest.mark.parametrize("verb", ["delete", "restore", "identifier"])
def test_every_verb_that_saves_a_revision_asks_what_it_is_based_on(bench, verb):
    bench.sso.set_entity_id("ik_7x2k", "urn:example:1")
    act = {
        "delete": lambda n: bench.sso.delete_metadata("ik_7x2k", based_on=n),
        "restore": lambda n: bench.sso.restore_revision("ik_7x2k", 1, based_on=n),
        "identifier": lambda n: bench.sso.set_entity_id("ik_7x2k", "urn:example:2", based_on=n),
    }[verb]
    with pytest.raises(Moved):
        act(1)
    assert bench.sso.account("ik_7x2k").revision == 2
    assert act(2).account.revision == 3


def test_what_somebody_else_saved_to_the_letter_is_no_conflict(bench):
    bench.sso.set_entity_id("ik_7x2k", "urn:example:1")
    assert bench.sso.set_entity_id("ik_7x2k", "urn:example:1", based_on=1).account.revision == 2
    document = bench.sso.configuration("ik_7x2k").revision.document
    assert bench.sso.save_metadata("ik_7x2k", document, based_on=1).account.revision == 2


def test_of_ten_people_who_save_at_one_moment_one_is_first_and_nothing_is_lost(bench):
    gate, outcomes = threading.Barrier(10), []

    def save(n):
        gate.wait()
        try:
            outcomes.append(bench.sso.set_entity_id("ik_7x2k", f"urn:example:{n}", operator=f"p{n}", based_on=1))
        except Moved as e:
            outcomes.append(e)

    people = [threading.Thread(target=save, args=(n,)) for n in range(10)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    told = [o for o in outcomes if isinstance(o, Moved)]
    assert len(outcomes) == 10
    assert len(told) == 9
    history = bench.sso.configuration_history("ik_7x2k")
    assert [r.number for r in history] == [2, 1]
    assert {(e.base, e.current.operator) for e in told} == {(1, history[0].operator)}
