"""The plugin for pytest, against a real service provider, and as a project of somebody else would use it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from app.bootstrap import Workspace, demo_workspace
from app.web import sp_app
from simulator import LoginRefused, Server, Tenant, UnknownFault, default_tenant
from simulator.recording import as_tests
from simulator.testing import IdpUnderTest, idp, idp_keys, running
from tests.simulator.test_sp_metadata import metadata

__all__ = ["idp", "idp_keys"]
ROOT = Path(__file__).parents[2]
ACCOUNT = "ik_7x2k"


@pytest.fixture
def idp_tenant() -> Tenant:
    return replace(default_tenant(vendor="okta"), applications=())


@pytest.fixture
def sp() -> Iterator[tuple[Workspace, str]]:
    """Our service provider, which knows nothing of the simulator."""
    with demo_workspace() as workspace, Server(sp_app(workspace.sso)) as server:
        yield workspace, server.url


@pytest.fixture
def trusting(sp: tuple[Workspace, str], idp: IdpUnderTest) -> IdpUnderTest:
    workspace, url = sp
    workspace.sso.save_metadata(ACCOUNT, idp.metadata, test_idp=True)
    idp.add_application(metadata=workspace.sso.sp_metadata(ACCOUNT), id="mine", deliver_to=f"{url}/saml/consume")
    return idp


def test_logins_good_and_bad(trusting: IdpUnderTest) -> None:
    answer = trusting.post(trusting.issue("ada"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard")
    assert trusting.post(trusting.issue("grace", faults=["sig-tampered-content"])).status_code == 403
    trusting.set_faults("route-audience-other")
    assert trusting.post(trusting.issue("grace")).status_code == 403
    assert trusting.post(trusting.issue("grace", faults=[])).status_code == 303
    assert trusting.post(trusting.issue("grace", faults=["tr-no-length"])).status_code == 411
    with pytest.raises(UnknownFault):
        trusting.set_faults("req-none")


def test_a_login_that_the_service_provider_began(trusting: IdpUnderTest, sp: tuple[Workspace, str]) -> None:
    _workspace, url = sp
    trusting.post(trusting.issue("ada"))  # registered at the portal first
    with httpx.Client(base_url=url, trust_env=False) as browser:
        token = browser.get("/single-sign-on").text.partition('name="token" value="')[2].partition('"')[0]
        begun = browser.post("/single-sign-on", data={"email": "ada@acme-media.test", "token": token})
        assert begun.status_code == 303, begun.text
        request = trusting.request(urlsplit(begun.headers["location"]).query)
        assert request.application == "mine"
        issued = trusting.issue("ada", request=request)
        assert issued.in_response_to == request.id
        assert trusting.post(issued, browser).status_code == 303
        assert "Ada Lindqvist" in browser.get("/dashboard").text
        assert trusting.post(trusting.issue("ada", request=request), browser).status_code == 403


def test_what_a_browser_sees(trusting: IdpUnderTest) -> None:
    with httpx.Client(trust_env=False) as browser:
        assert browser.get(trusting.metadata_url).text.count("EntityDescriptor") >= 2
        assert "Ada Lindqvist" in browser.get(trusting.portal_url).text
    assert trusting.entity_id == "http://www.okta.example/" + trusting.core.tenant.uid
    assert trusting.exchanges == ()


def test_what_is_not_clear_is_a_sentence(idp: IdpUnderTest, idp_keys: object) -> None:
    with pytest.raises(LoginRefused, match="There are 0 applications"):
        idp.issue("ada")
    made = idp.add_application(entity_id="https://a.example/", acs_url="https://a.example/acs")
    assert made.id == "sp"
    assert idp.add_application(made, sign="both").sign == "both"
    assert idp.request().issuer == "https://a.example/"
    idp.add_application(metadata=None, id="other", entity_id="https://b.example/", acs_url="https://b.example/acs")
    with pytest.raises(LoginRefused, match="There are 2 applications"):
        idp.request()
    assert idp.request(application="other").issuer == "https://b.example/"
    with pytest.raises(LoginRefused, match="no application"):
        idp.request(application="none")


def test_without_pytest() -> None:
    with running() as under_test:
        assert httpx.get(f"{under_test.url}/healthz", trust_env=False).text == "ok"
        assert under_test.core.tenant.applications == ()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{under_test.url}/healthz", trust_env=False)


CONFTEST = """
import pytest
from app.bootstrap import demo_workspace
from app.web import sp_app
from simulator import Server

pytest_plugins = ["simulator.testing"]


@pytest.fixture(autouse=True)
def trusted(idp):
    with demo_workspace() as workspace, Server(sp_app(workspace.sso)) as server:
        workspace.sso.save_metadata("ik_7x2k", idp.metadata, test_idp=True)
        idp.add_application(
            metadata=workspace.sso.sp_metadata("ik_7x2k"), id="imagekit", deliver_to=server.url + "/saml/consume"
        )
        yield
"""


def test_recorded_logins_are_tests_of_another_project(tmp_path: Path, keys: object) -> None:
    from simulator import Exchange, Idp
    from tests.simulator.conftest import NOW

    core = Idp(default_tenant(), keys, lambda: NOW)  # type: ignore[arg-type]  # the session's key ring
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for n, faults in enumerate(([], ["xsw1", "id-role-unknown"], ["tr-chunked"])):
        issued = core.issue("grace", "imagekit", faults=faults)
        recorded = Exchange(
            at=NOW,
            user="grace",
            application="imagekit",
            xml=issued.xml,
            faults=issued.faults,
            in_response_to=None,
            issued=issued,
        )
        (tmp_path / f"test_recorded_{n}.py").write_text(as_tests([recorded]))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(tmp_path)],
        cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "SSO_WORKBENCH_HOME": str(tmp_path)},
    )  # fmt: skip
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_metadata_of_any_service_provider_will_do(idp: IdpUnderTest, idp_keys: object) -> None:
    from lxml import etree

    found = idp.add_application(metadata=etree.tostring(metadata(idp.core.keys)))
    assert idp.issue("ada").url == "https://app.example/acs/2"
    assert found.id == "app.example-saml-metadata"
