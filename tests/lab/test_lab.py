"""The lab: servers, ports, faults, clock, connections; what the window relies on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from app.bootstrap import Workspace, demo_workspace
from app.lab import Lab, LabError
from app.lab.browserless import FORM_HEADERS, browser, form_with
from app.lab.visiting import from_portal
from app.lab.witness import key_of
from app.sso import Refused
from simulator import KeyRing, PortTaken, TenantError, UnknownFault

ACCOUNT = "ik_7x2k"


@cache
def keys() -> KeyRing:
    return KeyRing.in_memory()


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with demo_workspace() as made:
        yield made


@pytest.fixture
def lab(workspace: Workspace) -> Iterator[Lab]:
    made = Lab(workspace.sso, workspace.simulator_folder, keys=keys())
    yield made
    made.stop()


def test_it_starts_and_stops_and_says_so(lab: Lab) -> None:
    told: list[bool] = []
    lab.on_change = lambda: told.append(lab.running)
    assert (lab.idp_url, lab.sp_url, lab.portal_url, lab.login_url) == ("", "", "", "")
    lab.start()
    lab.start()
    assert told[-1] is True
    assert httpx.get(f"{lab.idp_url}/healthz", trust_env=False).status_code == 200
    assert httpx.get(f"{lab.sp_url}/healthz", trust_env=False).status_code == 200
    assert lab.idp_url.encode() in httpx.get(lab.metadata_url, trust_env=False).content
    lab.stop()
    lab.stop()
    assert told[-1] is False
    assert not lab.running
    assert lab.exchanges == ()


def test_it_may_be_started_by_many_threads_at_once(lab: Lab) -> None:
    threads = [threading.Thread(target=lab.start) for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert lab.running
    assert httpx.get(lab.login_url, trust_env=False).status_code == 200


def test_a_taken_port_is_named(lab: Lab) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"Port {port} on 127.0.0.1 is taken"):
            lab.start(sp_port=port)
    assert not lab.running
    assert lab.idp_url == ""
    lab.start()
    assert lab.running


def test_the_ports_of_last_time_are_taken_again(workspace: Workspace) -> None:
    addresses = []
    for _ in range(2):
        with Lab(workspace.sso, workspace.simulator_folder, keys=keys()) as lab:
            addresses.append((lab.idp_url, lab.sp_url))
    assert addresses[0] == addresses[1]


def test_a_remembered_port_that_is_taken_is_given_up_and_the_account_told(workspace: Workspace) -> None:
    with Lab(workspace.sso, workspace.simulator_folder, keys=keys()) as lab:
        lab.connect(ACCOUNT)
        port = int(lab.idp_url.rpartition(":")[2])
    with (
        socket.create_server(("127.0.0.1", port)),
        Lab(workspace.sso, workspace.simulator_folder, keys=keys()) as lab,
    ):
        assert not lab.idp_url.endswith(f":{port}")
        assert lab.log_in("ada", ACCOUNT).allowed
        outcome = lab.log_in("ada", ACCOUNT, flow="sp_initiated")
        assert outcome.allowed, outcome.sentence
        assert workspace.sso.configuration_history(ACCOUNT)[0].operator == "test identity provider"


def test_it_can_be_used_again_on_the_same_folder(workspace: Workspace) -> None:
    with Lab(workspace.sso, workspace.simulator_folder) as lab:
        lab.connect(ACCOUNT)
        revision = workspace.sso.account(ACCOUNT).revision
    with Lab(workspace.sso, workspace.simulator_folder) as lab:
        assert lab.is_connected(ACCOUNT)
        assert lab.log_in("ada", ACCOUNT).allowed
    assert workspace.sso.account(ACCOUNT).revision == revision
    assert workspace.simulator_folder.joinpath("keys").stat().st_mode & 0o077 == 0


def test_nothing_is_posted_to_the_real_product(lab: Lab) -> None:
    assert lab.applications == ()
    lab.start()
    lab.connect(ACCOUNT)
    (application,) = lab.applications
    assert application.acs_url == "https://imagekit.io/saml/consume"
    assert application.post_to == f"{lab.sp_url}/saml/consume"


def test_connecting_needs_the_server(lab: Lab) -> None:
    with pytest.raises(LabError, match="Start the test identity provider first"):
        lab.connect(ACCOUNT)
    with pytest.raises(LabError, match="stopped"):
        lab.log_in("ada", ACCOUNT)


def test_connecting_trusts_the_test_provider_on_purpose(lab: Lab) -> None:
    lab.start()
    assert not lab.is_connected(ACCOUNT)
    lab.connect(ACCOUNT, "me")
    assert lab.is_connected(ACCOUNT)
    assert lab.sso.account(ACCOUNT).sso_on
    assert lab.sso.configuration_history(ACCOUNT)[0].operator == "me"
    lab.sso.delete_metadata(ACCOUNT)
    assert not lab.is_connected(ACCOUNT)


def test_two_accounts_with_the_same_identifier_are_refused_with_the_way_out(lab: Lab) -> None:
    lab.start()
    lab.connect(ACCOUNT)
    lab.sso.create_account("ik_two", "Two")
    with pytest.raises(Refused, match="ik_two"):
        lab.connect("ik_two")


def test_an_override_made_later_is_the_audience_of_the_next_login(lab: Lab) -> None:
    lab.start()
    lab.connect(ACCOUNT)
    lab.sso.set_entity_id(ACCOUNT, "https://sso.acme-media.test/sp")
    assert lab.log_in("ada", ACCOUNT).allowed


def test_a_new_application_sends_the_claims_under_the_accounts_own_names(lab: Lab) -> None:
    lab.sso.set_choices(ACCOUNT, {"claim_role": "groups", "claim_full_name": "displayName"})
    lab.start()
    lab.connect(ACCOUNT)
    outcome = lab.log_in("ada", ACCOUNT)
    assert outcome.allowed
    assert {"groups", "displayName"} <= set(outcome.claims)


def test_a_login_that_starts_here_with_a_signed_request_goes_through(lab: Lab) -> None:
    lab.sso.make_sp_key("signing")
    lab.start()
    lab.connect(ACCOUNT)
    assert lab.log_in("ada", ACCOUNT).allowed
    assert lab.log_in("ada", ACCOUNT, flow="sp_initiated").allowed


def test_faults_are_switched_and_forgotten_at_the_next_start(workspace: Workspace, lab: Lab) -> None:
    assert "xsw1" in lab.fault_ids()
    assert len(lab.fault_ids()) == len(lab.faults()) == len(set(lab.fault_ids()))
    lab.set_faults(["xsw1", "xsw1"])
    assert lab.active_faults == ("xsw1",)
    with pytest.raises(UnknownFault):
        lab.set_faults(["no-such-fault"])
    assert lab.active_faults == ("xsw1",)
    lab.start()
    assert "xsw1" in httpx.get(lab.portal_url, trust_env=False).text
    assert Lab(workspace.sso, workspace.simulator_folder).active_faults == ()


def test_the_faults_of_one_login_are_not_those_of_the_next(lab: Lab) -> None:
    lab.start()
    lab.connect(ACCOUNT)
    lab.set_faults(["route-audience-other"])
    assert lab.log_in("ada", ACCOUNT, faults=()).allowed
    assert lab.active_faults == ("route-audience-other",)
    assert not lab.log_in("ada", ACCOUNT).allowed
    with pytest.raises(UnknownFault):
        lab.log_in("ada", ACCOUNT, faults=["no-such-fault"])


def test_the_clock_of_the_identity_provider_runs_apart(lab: Lab, workspace: Workspace) -> None:
    lab.start()
    lab.connect(ACCOUNT)
    lab.set_clock_offset(3600)
    assert lab.clock_offset_s == 3600
    outcome = lab.log_in("ada", ACCOUNT)
    assert not outcome.allowed
    assert outcome.result is not None
    assert any(c.group == "timing" for c in outcome.result.report.failures)
    assert Lab(workspace.sso, workspace.simulator_folder).clock_offset_s == 3600
    lab.set_clock_offset(0)
    assert lab.log_in("ada", ACCOUNT).allowed


def test_without_the_link_nobody_logs_in(lab: Lab) -> None:
    lab.start()
    lab.connect(ACCOUNT)
    bare = f"{lab.idp_url}/portal?user=ada"
    assert "would not be approved" in httpx.get(bare, trust_env=False).text
    lab.set_auto_approve(True)
    assert lab.auto_approve
    assert "would not be approved" not in httpx.get(bare, trust_env=False).text


def test_the_organisation_is_edited_and_kept(lab: Lab, workspace: Workspace) -> None:
    ada = lab.tenant.user("ada")
    assert ada is not None
    lab.save_tenant(lab.tenant.with_user(replace(ada, role="finance")))
    text = lab.tenant_text()
    assert ada.full_name is not None
    with pytest.raises(TenantError):
        lab.save_tenant_text(text.replace("[[users]]", "[[user]]"))
    lab.save_tenant_text(text.replace(ada.full_name, "Ada Renamed"))
    again = Lab(workspace.sso, workspace.simulator_folder).tenant.user("ada")
    assert again is not None
    assert (again.full_name, again.role) == ("Ada Renamed", "finance")
    assert lab.tenant_file is not None
    assert lab.tenant_file.stat().st_mode & 0o077 == 0


def test_what_is_sent_is_kept_for_looking_at(lab: Lab) -> None:
    lab.start()
    lab.connect(ACCOUNT)
    lab.log_in("ada", ACCOUNT)
    lab.log_in("grace", ACCOUNT, faults=["ok-two-audiences"])
    assert [(e.user, e.faults) for e in lab.exchanges] == [("ada", ()), ("grace", ("ok-two-audiences",))]


def test_a_fault_that_no_form_can_send_is_sent_exactly(lab: Lab) -> None:
    lab.start()
    lab.connect(ACCOUNT)
    outcome = lab.log_in("ada", ACCOUNT, faults=["tr-param-percent-name"])
    assert not outcome.allowed
    assert outcome.result is not None
    assert "encoding-param-single" in {c.id for c in outcome.result.report.failures}


def test_in_memory_nothing_is_written(workspace: Workspace, tmp_path: Path) -> None:
    with Lab(workspace.sso, None, keys=keys()) as lab:
        lab.connect(ACCOUNT)
        assert lab.log_in("ada", ACCOUNT).allowed
    assert lab.tenant_file is None
    assert not workspace.simulator_folder.exists()


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (b"SAMLResponse=QUJD%2B&RelayState=a", b"RelayState=b&SAMLResponse=QUJD%2b", True),
        (b"SAMLResponse=QUJD%0D%0AREVG", b"SAMLResponse=QUJDREVG", True),
        (b"SAMLResponse=QUJD", b"SAMLResponse=QUJE", False),
        (b"nothing", b"else", False),
        (b"\xff\xfe", b"\xff\xfe", True),
        (b"&" * 500, b"&" * 501, False),
    ],
)
def test_a_message_is_recognised_however_its_form_is_written(first: bytes, second: bytes, same: bool) -> None:
    assert (key_of(first) == key_of(second)) is same


def test_a_broken_tenant_file_is_told_and_the_last_good_one_kept(lab: Lab, workspace: Workspace) -> None:
    file, good = lab.tenant_file, lab.tenant
    assert file is not None
    assert (lab.reload_tenant(), lab.tenant_problem) == (True, "")
    text = file.read_text("utf-8")
    file.write_text(text.replace('username = "ada"', "username = "), "utf-8")
    assert not lab.reload_tenant()
    assert lab.tenant == good
    assert lab.tenant_problem.startswith(f"{file}, line ")
    again = Lab(workspace.sso, workspace.simulator_folder, keys=keys())
    assert (again.tenant, again.tenant_problem) == (good, lab.tenant_problem)
    file.write_text(text.replace("Ada Lindqvist", "Ada Outside"), "utf-8")
    assert lab.reload_tenant()
    ada = lab.idp.tenant.user("ada")
    assert ada is not None
    assert (ada.full_name, lab.tenant_problem) == ("Ada Outside", "")


def test_an_exchange_is_replayed_and_refused_as_a_replay(lab: Lab) -> None:
    lab.start()
    lab.connect(ACCOUNT)
    assert lab.log_in("ada", ACCOUNT).allowed
    page, result = lab.replay(lab.exchanges[-1])
    assert page.status_code == 403
    assert result is not None
    assert "replay-assertion-id" in {c.id for c in result.report.failures}


@pytest.mark.parametrize("by_redirect", [False, True])
def test_a_logout_from_the_portal_ends_the_session_at_our_service_provider(lab: Lab, by_redirect: bool) -> None:
    lab.start()
    lab.connect(ACCOUNT)
    with browser() as client:
        lab.log_in("grace", ACCOUNT)
        ours = replace(lab.application_for(lab.sso.account(ACCOUNT)), logout_by_redirect=by_redirect)
        lab.change_tenant(lambda t: t.with_application(ours))
        form = form_with(from_portal(lab, client, "ada", ACCOUNT), SAMLResponse=None)
        assert form is not None
        client.post(form.action, content=urlencode(form.fields), headers=FORM_HEADERS)
        signed_in = client.get(f"{lab.sp_url}/dashboard").text
        assert "ada@acme-media.test" in signed_in
        said = lab.log_out("ada")
        assert said == "Signed out. ImageKit (Acme Media): signed out."
        assert "ada@acme-media.test" not in client.get(f"{lab.sp_url}/dashboard").text
    event = lab.sso.events(limit=1)[0]
    assert (event.outcome, event.email_key) == ("logged-out", "ada@acme-media.test")
    assert "1 session ended" in event.sentence
    with pytest.raises(LabError, match="signed in nowhere"):
        lab.log_out("ada")
    assert lab.log_out("grace")  # she is somebody else, and was signed in all the time


def test_a_logout_never_leaves_this_computer(lab: Lab) -> None:
    lab.start()
    lab.connect(ACCOUNT)
    lab.log_in("ada", ACCOUNT)
    away = replace(lab.application_for(lab.sso.account(ACCOUNT)), logout_url="https://elsewhere.test/slo")
    lab.change_tenant(lambda t: t.with_application(away))
    with pytest.raises(LabError, match="not this computer"):
        lab.log_out("ada")
    lab.stop()
    with pytest.raises(LabError, match="stopped"):
        lab.log_out("ada")
