"""Metadata that is fetched from an address: what is news, what is said once, and that nothing is taken over."""

import pytest

from app.fetching.address import FetchRefused
from app.fetching.metadata import look, look_at_due
from app.sso import Refused
from app.store import EventFilter
from tests.sso.test_revisions import other_idp

URL = "https://idp.test/metadata"


@pytest.fixture
def watched(bench):
    bench.sso.set_metadata_source("ik_7x2k", URL, every_hours=24, operator="olga")
    bench.told.clear()
    return bench


def find(bench, document):
    """As if this document had been found at the address."""
    return look(bench.sso, bench.sso.metadata_source("ik_7x2k").source, fetch=lambda _url, **_how: document)


def audited(bench):
    return [e.outcome for e in bench.sso.events(EventFilter(kind="configuration"))]


def test_a_change_is_proposed_once_and_not_taken(watched):
    before = watched.sso.configuration("ik_7x2k")
    new = other_idp(watched).metadata()
    assert find(watched, new) == "changed"
    watched.later(hours=1)
    assert find(watched, new) == "changed"
    view = watched.sso.metadata_source("ik_7x2k")
    assert view.proposal == new
    assert "Identity provider" in {d.what for d in view.differences}
    assert audited(watched).count("metadata-source-changed") == 1
    assert watched.sso.configuration("ik_7x2k").revision == before.revision
    watched.sso.save_metadata("ik_7x2k", view.proposal, based_on=1)
    assert watched.sso.metadata_source("ik_7x2k").proposal is None
    assert find(watched, new) == "same"


def test_what_was_dismissed_is_not_proposed_again_but_another_is(watched):
    new = other_idp(watched).metadata()
    find(watched, new)
    watched.sso.dismiss_proposal("ik_7x2k", operator="otto")
    assert watched.sso.metadata_source("ik_7x2k").proposal is None
    assert find(watched, new) == "same"
    assert find(watched, other_idp(watched, "third.test").metadata()) == "changed"


def test_a_renewed_validity_is_news_only_when_the_saved_one_is_about_to_end(watched):
    watched.later(days=1)
    renewed = watched.idp.metadata()
    assert renewed != watched.sso.configuration("ik_7x2k").revision.document
    assert find(watched, renewed) == "same"
    watched.later(days=5)
    assert find(watched, watched.idp.metadata()) == "changed"
    (only,) = watched.sso.metadata_source("ik_7x2k").differences
    assert only.what == "Metadata valid until"


@pytest.mark.parametrize("document", [b"", b"<html>login</html>", b"<!DOCTYPE x><x/>", b"\xff\xfe nonsense"])
def test_what_cannot_be_used_is_a_problem_and_not_a_proposal(watched, document):
    assert find(watched, document) == "failed"
    assert find(watched, document) == "failed"
    view = watched.sso.metadata_source("ik_7x2k")
    assert view.proposal is None
    assert "cannot be used" in view.source.problem
    assert audited(watched).count("metadata-source-failed") == 1
    assert find(watched, watched.idp.metadata()) == "same"
    assert watched.sso.metadata_source("ik_7x2k").source.problem is None


def test_a_fetch_that_fails_keeps_what_was_found_before(watched):
    new = other_idp(watched).metadata()
    find(watched, new)

    def refuse(_url, **_how):
        raise FetchRefused("idp.test did not answer.")

    assert look(watched.sso, watched.sso.metadata_source("ik_7x2k").source, fetch=refuse) == "failed"
    view = watched.sso.metadata_source("ik_7x2k")
    assert (view.proposal, view.source.problem) == (new, "idp.test did not answer.")


def test_each_source_is_due_once_for_all_desks(watched):
    assert [s.url for s in watched.sso.claim_due_sources()] == [URL]
    assert watched.sso.claim_due_sources() == ()
    watched.later(hours=23)
    assert watched.sso.claim_due_sources() == ()
    watched.later(hours=1)
    assert len(watched.sso.claim_due_sources()) == 1
    watched.sso.set_metadata_source("ik_7x2k", URL, every_hours=0)
    watched.later(days=9)
    assert look_at_due(watched.sso) == 0


def test_a_source_is_changed_and_forgotten(watched):
    find(watched, other_idp(watched).metadata())
    slower = watched.sso.set_metadata_source("ik_7x2k", URL, every_hours=168)
    assert slower.proposal is not None
    elsewhere = watched.sso.set_metadata_source("ik_7x2k", "https://other.test/metadata")
    assert (elsewhere.proposal, elsewhere.source.checked_at) == (None, None)
    assert watched.sso.record_fetch("ik_7x2k", URL, document=other_idp(watched).metadata()) == "same"
    assert watched.sso.metadata_source("ik_7x2k").source.checked_at is None
    assert watched.sso.set_metadata_source("ik_7x2k", "") is None
    assert watched.sso.metadata_source("ik_7x2k") is None
    assert watched.sso.set_metadata_source("ik_7x2k", None) is None


@pytest.mark.parametrize(
    "values", [("idp.test",), ("file:///etc/hostname",), ("https://a\nb",), ("https://" + "x" * 3000,)]
)
def test_what_is_no_address_is_refused(bench, values):
    with pytest.raises(Refused):
        bench.sso.set_metadata_source("ik_7x2k", *values)
    with pytest.raises(Refused):
        bench.sso.set_metadata_source("ik_7x2k", URL, every_hours=10_000)
    assert bench.sso.metadata_source("ik_7x2k") is None


def test_before_anything_is_saved_everything_is_a_proposal(empty):
    empty.sso.set_metadata_source("ik_7x2k", URL)
    assert find(empty, empty.idp.metadata()) == "changed"
    view = empty.sso.metadata_source("ik_7x2k")
    assert {d.what for d in view.differences} >= {"Single sign-on", "Identity provider"}
