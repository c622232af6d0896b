"""The vendors' guides: complete data, values filled in, every step checked by what is saved and the last response."""

from urllib.parse import unquote

import pytest

from app.product import IMAGEKIT
from app.saml.checks import registered
from app.setup_guides import METADATA, RESPONSE, VENDORS, guides
from app.sso import NotFound


def results(bench, vendor="entra"):
    return [s.result for s in bench.sso.check_guide("ik_7x2k", vendor)]


def test_every_step_of_every_guide_says_what_to_do_and_what_is_seen_then():
    assert [g.id for g in guides()] == list(VENDORS)
    for guide in guides():
        assert len(guide.steps) >= 5
        for step in guide.steps:
            assert step.do.endswith(".")
            assert step.expect.endswith(".")
            assert set(step.proof) <= {*registered(), METADATA, RESPONSE}
        proved = {p for s in guide.steps for p in s.proof}
        assert {METADATA, RESPONSE, "audience-match", "claim-imagekit-id", "nameid-format"} <= proved, guide.id


def test_nothing_is_known_before_the_first_response(empty):
    assert set(results(empty)) == {"by-eye", "waiting"}
    assert "No metadata is saved" in empty.sso.check_guide("ik_7x2k", "entra")[-1].sentence
    empty.sso.save_metadata("ik_7x2k", empty.idp.metadata(), test_idp=True)
    assert "No response has come yet" in empty.sso.check_guide("ik_7x2k", "entra")[-1].sentence


def test_a_good_login_proves_every_step_that_can_be_proved(bench):
    bench.log_in("ada")
    for vendor in VENDORS:
        assert set(results(bench, vendor)) <= {"pass", "by-eye"}, vendor


@pytest.mark.parametrize(
    ("changes", "step", "check"),
    [
        ({"entity_id": "https://imagekit.io/saml/consume/"}, 1, "audience-match"),
        ({"name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"}, 2, "nameid-transient"),
        ({"claims": {"imagekit_id": "imagekit_id", "Full_Name": "full_name", "imagekit_role": "role"}}, 3,
         "claim-name-exact"),
    ],
)  # fmt: skip
def test_the_step_that_was_done_wrong_is_named(bench, changes, step, check):
    bench.application(**changes)
    reference = bench.log_in("ada").reference
    states = bench.sso.check_guide("ik_7x2k", "entra")
    assert states[step].result == "fail"
    assert check in states[step].checks
    assert states[step].reference == reference
    assert states[step].sentence


def test_an_unknown_vendor(bench):
    with pytest.raises(NotFound, match="entra, okta"):
        bench.sso.check_guide("ik_7x2k", "ping")


def test_the_relay_state_of_ad_fs_is_encoded_twice(bench):
    bench.sso.set_entity_id("ik_7x2k", IMAGEKIT.child_entity_id("ik_7x2k"))
    guide = next(g for g in bench.sso.sp_values("ik_7x2k").guides if g.id == "adfs")
    path = next(f.value for f in guide.fields if f.label.startswith("Path"))
    once = unquote(path.partition("RelayState=")[2])
    parts = dict(p.split("=") for p in once.split("&"))
    assert unquote(parts["RPID"]) == IMAGEKIT.child_entity_id("ik_7x2k")
    assert unquote(parts["RelayState"]) == IMAGEKIT.relay_state
