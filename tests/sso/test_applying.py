"""Taking a diagnosis up: what a message comes to under the proposed change, saved as a revision, taken back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.sso import Moved, NotFound, Refused

CHILD = "https://imagekit.io/saml/consume#ik_7x2k"


def latest(bench):
    return bench.sso.configuration("ik_7x2k").account.revision


def test_a_wrong_part_that_is_signed_is_previewed_saved_and_taken_back(bench):
    bench.sso.set_choices("ik_7x2k", {"signed_part": "response"})
    body = bench.issue("ada").body
    rows = bench.rows()
    preview = bench.sso.preview_change(body, "ik_7x2k", "signed_part")
    assert (preview.before.verdict, preview.after.verdict, preview.refused) == ("reject", "accept", "")
    assert [str(d) for d in preview.differences] == ["What must be signed: response before, either now"]
    assert "signing option" in preview.cost
    assert bench.rows() == rows
    view = bench.sso.apply_change(preview, operator="olga")
    assert (view.account.revision, view.revision.operator) == (3, "olga")
    assert preview.before.sha256[:16] in view.revision.what
    assert bench.sso.events()[0].outcome == "configuration-changed"
    assert bench.log_in("ada").allowed
    bench.sso.restore_revision("ik_7x2k", preview.based_on)
    assert not bench.log_in("linus").allowed


def test_an_identifier_of_the_wrong_side_is_cured_only_where_the_account_id_is_signed_too(bench):
    bench.application(entity_id=CHILD)
    preview = bench.sso.preview_change(bench.issue("ada").body, "ik_7x2k", "entity_id")
    assert "audience-mismatch" in {d.id for d in preview.before.diagnosis}
    assert "audience-match" not in {c.id for c in preview.after.failures}
    forged = bench.issue("ada", faults=["sig-tampered-content"]).body
    with pytest.raises(Refused, match="wrong side"):
        bench.sso.preview_change(forged, "ik_7x2k", "entity_id")
    bench.application(claims={"imagekit_id": "=ik_other", "full_name": "full_name", "imagekit_role": "role"})
    with pytest.raises(Refused, match="wrong side"):
        bench.sso.preview_change(bench.issue("ada").body, "ik_7x2k", "entity_id")


def test_a_pasted_message_that_is_late_proves_nothing_of_any_clock(bench):
    body = bench.issue("ada").body
    bench.later(minutes=9)
    preview = bench.sso.preview_change(body, "ik_7x2k", "clock_skew_s")
    assert "when it was received" in preview.refused
    with pytest.raises(Refused, match="when it was received"):
        bench.sso.apply_change(preview)
    assert latest(bench) == 1


def test_an_attempt_of_the_log_is_judged_as_of_its_receipt(bench):
    body = bench.issue("ada").body
    bench.later(minutes=9)
    reference = bench.sso.consume(body).reference
    bench.later(hours=5)
    preview = bench.sso.preview_change(b"something else", None, "clock_skew_s", of_event=reference)
    assert preview.refused == ""
    assert preview.after.verdict == "accept"
    view = bench.sso.apply_change(preview)
    assert 180 < view.revision.choices["clock_skew_s"] <= 600
    with pytest.raises(NotFound):
        bench.sso.preview_change(body, None, "clock_skew_s", of_event="amber-otter-quilt-42")


def test_a_message_from_the_future_shows_a_clock_that_is_ahead_even_when_pasted(bench):
    bench.idp.tenant = replace(bench.idp.tenant, clock_offset=timedelta(minutes=5))
    body = bench.issue("ada").body
    assert bench.sso.preview_change(body, "ik_7x2k", "clock_skew_s").refused == ""
    at = bench.time - timedelta(minutes=3)
    assert "when it was received" in bench.sso.preview_change(body, "ik_7x2k", "clock_skew_s", at=at).refused


def test_logins_that_start_at_the_portal_are_allowed_again(bench):
    bench.sso.set_choices("ik_7x2k", {"allow_idp_initiated": False})
    preview = bench.sso.preview_change(bench.issue("ada").body, "ik_7x2k", "allow_idp_initiated", channel="post-form")
    assert (preview.refused, preview.after.verdict) == ("", "accept")
    bench.sso.apply_change(preview)
    assert bench.log_in("ada").allowed


def test_what_no_diagnosis_proposes_is_not_changed(bench):
    body = bench.issue("ada").body
    for setting in ("allow_sha1", "signed_part", "entity_id", "retention_days", "nonsense"):
        with pytest.raises(Refused, match="wrong side"):
            bench.sso.preview_change(body, "ik_7x2k", setting)
    assert latest(bench) == 1


def test_somebody_who_saved_in_between_is_told(bench):
    bench.sso.set_choices("ik_7x2k", {"signed_part": "response"})
    preview = bench.sso.preview_change(bench.issue("ada").body, "ik_7x2k", "signed_part")
    bench.sso.set_choices("ik_7x2k", {"allow_cbc": False}, operator="paul")
    with pytest.raises(Moved, match="paul saved revision 3"):
        bench.sso.apply_change(preview)
    assert latest(bench) == 3


def rolled_over(bench):
    """A message signed by a key that the saved metadata does not have, and the metadata that has it."""
    bench.idp.tenant = replace(bench.idp.tenant, signing_key="next", published_keys=("current", "next"))
    return bench.issue("ada").body, bench.idp.metadata()


def test_newer_metadata_cures_a_rollover(bench):
    body, newer = rolled_over(bench)
    preview = bench.sso.preview_change(body, "ik_7x2k", "metadata", metadata=newer)
    assert preview.refused == ""
    assert preview.before.login is None
    assert any(d.what.startswith("Signing certificate") and d.old is None for d in preview.differences)
    bench.sso.apply_change(preview)
    assert bench.log_in("ada").allowed


def test_metadata_of_somebody_else_or_that_fits_nothing_is_refused(bench):
    body, newer = rolled_over(bench)
    other = newer.replace(bench.idp.tenant.entity_id.encode(), b"https://idp.evil.test/metadata")
    assert "another identity provider" in bench.sso.preview_change(body, "ik_7x2k", "metadata", metadata=other).refused
    saved = bench.sso.configuration("ik_7x2k").revision.document
    assert "No key" in bench.sso.preview_change(body, "ik_7x2k", "metadata", metadata=saved).refused
    moved = newer.replace(b"/sso", b"/elsewhere")
    assert moved != newer
    assert "where people log in" in bench.sso.preview_change(body, "ik_7x2k", "metadata", metadata=moved).refused
    with pytest.raises(Refused, match="newer metadata"):
        bench.sso.preview_change(body, "ik_7x2k", "metadata")
    assert latest(bench) == 1
