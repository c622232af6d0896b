"""Settings tried on stored logins before they are saved."""

import pytest

from app.bulk.whatif import forecast
from app.sso import MetadataRefused, NotFound
from tests.sso.test_revisions import other_idp

PEOPLE = ("ada", "grace")


@pytest.fixture
def past(bench):
    """Two people logged in, one response was refused, and all of it was days ago."""
    for person in PEOPLE:
        assert bench.log_in(person).allowed
    bench.sso.consume(bench.issue("ada", faults=["sig-tampered-role"]).body)
    bench.later(days=3)
    assert bench.log_in("ada").allowed
    return bench


def test_settings_that_change_nothing_change_no_login(past):
    found = forecast(past.sso, past.sso.candidate("ik_7x2k"), 100)
    assert (found.asked, found.judged, found.stop, found.start) == (4, 4, (), ())
    assert "every one would come out as now" in found.sentence


def test_another_identity_provider_would_stop_every_login(past):
    before = past.rows()
    candidate = past.sso.candidate("ik_7x2k", document=other_idp(past).metadata())
    assert "Identity provider" in {d.what for d in candidate.differences}
    found = forecast(past.sso, candidate, 100)
    assert len(found.stop) == 3
    assert found.start == ()
    assert all(s.why and s.email and s.now and not s.then for s in found.stop)
    assert "3 would stop working and 0 would start working" in found.sentence
    assert past.rows() == before


def test_what_was_refused_would_start_to_work(past):
    """The newer metadata is on its way: its key has signed already, and was refused."""
    other = other_idp(past)
    past.sso.save_metadata("ik_7x2k", other.metadata(), test_idp=True)
    past.sso.restore_revision("ik_7x2k", 1)
    refused = past.sso.consume(other.issue("ada", "imagekit").body, account="ik_7x2k")
    assert not refused.allowed
    found = forecast(past.sso, past.sso.candidate("ik_7x2k", document=other.metadata()), 100)
    assert [s.reference for s in found.start] == [refused.reference]
    assert found.start[0].why


def test_a_login_of_earlier_settings_is_compared_with_those_of_now(past):
    past.sso.set_entity_id("ik_7x2k", "urn:example:sp")
    assert forecast(past.sso, past.sso.candidate("ik_7x2k"), 100).stop == ()
    back = past.sso.earlier_candidate("ik_7x2k", 1)
    found = forecast(past.sso, back, 100)
    assert (len(found.start), found.stop) == (3, ())


def test_turning_sso_off_would_stop_everybody(past):
    past.sso.delete_metadata("ik_7x2k")
    past.sso.restore_revision("ik_7x2k", 1)
    off = past.sso.earlier_candidate("ik_7x2k", 2)
    assert len(forecast(past.sso, off, 100).stop) == 3
    with pytest.raises(NotFound):
        past.sso.earlier_candidate("ik_7x2k", 9)


def test_what_could_not_be_saved_cannot_be_tried(past):
    with pytest.raises(MetadataRefused):
        past.sso.candidate("ik_7x2k", document=b"<html/>")


def test_the_newest_are_asked_first_and_the_work_can_be_stopped(past):
    candidate = past.sso.candidate("ik_7x2k", document=other_idp(past).metadata())
    newest = forecast(past.sso, candidate, 1)
    assert [s.at for s in newest.stop] == [past.time]
    told = []

    def two(done, of):
        told.append((done, of))
        return done < 2

    found = forecast(past.sso, candidate, 100, two)
    assert (found.judged, found.cancelled) == (2, True)
    assert told == [(0, 4), (1, 4), (2, 4)]
    assert found.sentence.startswith("Stopped early.")


def test_messages_that_are_kept_no_more_are_left_out(past):
    candidate = past.sso.candidate("ik_7x2k", document=other_idp(past).metadata())
    past.sso.purge(days=1)
    assert forecast(past.sso, candidate, 100).asked == 1
    past.later(days=2)
    past.sso.purge(days=1)
    assert "no login with its message" in forecast(past.sso, candidate, 100).sentence.lower()


def test_several_processes_find_the_same(past):
    candidate = past.sso.candidate("ik_7x2k", document=other_idp(past).metadata())
    alone = forecast(past.sso, candidate, 100, processes=1)
    assert forecast(past.sso, candidate, 100, processes=2) == alone
