"""Both login flows in a real headless Chromium (the system's), driven by Playwright."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.bootstrap import Workspace, open_workspace
from app.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
if CHROMIUM is None:
    pytest.skip("no Chromium on this machine", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-sandbox"]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with playwright.sync_playwright() as p:
        made = p.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield made
        made.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = open_workspace(f"sqlite:///{tmp_path / 'workspace.db'}")
    yield made
    made.close()


@pytest.fixture
def lab(workspace: Workspace) -> Iterator[Lab]:
    made = Lab(workspace.sso, None)
    made.start()
    made.connect("ik_7x2k")
    yield made
    made.stop()


def page_of(browser: object, *, scripts: bool) -> object:
    context = browser.new_context(java_script_enabled=scripts)  # type: ignore[attr-defined]
    page = context.new_page()
    page.set_default_timeout(20_000)
    return page


def from_portal(page: object, lab: Lab, name: str, *, scripts: bool) -> None:
    page.goto(lab.portal_url)  # type: ignore[attr-defined]
    page.get_by_role("link", name=name).click()  # type: ignore[attr-defined]
    page.locator("button.tile").first.click()  # type: ignore[attr-defined]
    if not scripts:
        page.get_by_role("button", name="Continue").click()  # type: ignore[attr-defined]
    page.wait_for_url("**/dashboard")  # type: ignore[attr-defined]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts-on", "scripts-off"])
def test_a_first_login_from_the_portal_creates_the_user(
    scripts: bool, browser: object, lab: Lab, workspace: Workspace
) -> None:
    page = page_of(browser, scripts=scripts)
    from_portal(page, lab, "Ada Lindqvist", scripts=scripts)
    text = page.inner_text("body")  # type: ignore[attr-defined]
    assert "ada@acme-media.test" in text
    assert "account_administrator" in text
    assert [u.email for u in workspace.sso.users("ik_7x2k")] == ["ada@acme-media.test"]
    assert workspace.sso.events()[0].outcome == "created"
    page.context.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts-on", "scripts-off"])
def test_a_registered_person_starts_at_our_login_page(
    scripts: bool, browser: object, lab: Lab, workspace: Workspace
) -> None:
    page = page_of(browser, scripts=scripts)
    from_portal(page, lab, "Ada Lindqvist", scripts=scripts)
    page.goto(f"{lab.sp_url}/logout")  # type: ignore[attr-defined]
    page.goto(lab.login_url)  # type: ignore[attr-defined]
    page.get_by_label("E-mail").fill("ada@acme-media.test")  # type: ignore[attr-defined]
    page.get_by_role("button", name="Continue").click()  # type: ignore[attr-defined]
    if "/dashboard" not in page.url:  # type: ignore[attr-defined]
        page.get_by_text("Ada Lindqvist").first.click()  # type: ignore[attr-defined]
        if not scripts:
            page.get_by_role("button", name="Continue").click()  # type: ignore[attr-defined]
        page.wait_for_url("**/dashboard")  # type: ignore[attr-defined]
    newest = workspace.sso.events()[0]
    assert (newest.outcome, newest.flow) == ("unchanged", "sp_initiated")
    page.context.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts-on", "scripts-off"])
def test_an_unknown_person_is_told_to_start_at_the_portal(
    scripts: bool, browser: object, lab: Lab, workspace: Workspace
) -> None:
    page = page_of(browser, scripts=scripts)
    page.goto(lab.login_url)  # type: ignore[attr-defined]
    page.get_by_label("E-mail").fill("nobody@acme-media.test")  # type: ignore[attr-defined]
    page.get_by_role("button", name="Continue").click()  # type: ignore[attr-defined]
    told = page.get_by_role("alert").inner_text()  # type: ignore[attr-defined]
    assert "portal" in told
    assert page.url.startswith(lab.sp_url)  # type: ignore[attr-defined]
    assert workspace.sso.users("ik_7x2k") == ()
    page.context.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts-on", "scripts-off"])
def test_a_fault_ends_on_the_failure_page_with_a_reference(
    scripts: bool, browser: object, lab: Lab, workspace: Workspace
) -> None:
    lab.set_faults(["route-audience-other"])
    page = page_of(browser, scripts=scripts)
    page.goto(lab.portal_url)  # type: ignore[attr-defined]
    page.get_by_role("link", name="Ada Lindqvist").click()  # type: ignore[attr-defined]
    assert "route-audience-other" in page.inner_text("body")  # type: ignore[attr-defined]
    page.locator("button.tile").first.click()  # type: ignore[attr-defined]
    if not scripts:
        page.get_by_role("button", name="Continue").click()  # type: ignore[attr-defined]
    page.wait_for_url("**/saml/consume")  # type: ignore[attr-defined]
    reference = page.locator("code.reference").inner_text()  # type: ignore[attr-defined]
    newest = workspace.sso.events()[0]
    assert newest.reference == reference
    assert "audience-match" in newest.failed_checks
    assert "imagekit_role" not in page.inner_text("body")  # type: ignore[attr-defined]
    page.context.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts-on", "scripts-off"])
@pytest.mark.parametrize("by_redirect", [False, True], ids=["post", "redirect"])
def test_logging_out_everywhere_ends_the_session_here(
    by_redirect: bool, scripts: bool, browser: object, lab: Lab, workspace: Workspace
) -> None:
    page = page_of(browser, scripts=scripts)
    from_portal(page, lab, "Ada Lindqvist", scripts=scripts)
    ours = replace(lab.application_for(workspace.sso.account("ik_7x2k")), logout_by_redirect=by_redirect)
    lab.change_tenant(lambda t: t.with_application(ours))
    page.goto(lab.portal_url)  # type: ignore[attr-defined]
    page.get_by_role("link", name="Ada Lindqvist").click()  # type: ignore[attr-defined]
    page.get_by_role("button", name="Log out everywhere").click()  # type: ignore[attr-defined]
    if not scripts and not by_redirect:
        page.get_by_role("button", name="Continue").click()  # type: ignore[attr-defined]
    page.get_by_role("heading", name="Signed out").wait_for()  # type: ignore[attr-defined]
    assert "signed out" in page.get_by_role("alert").inner_text()  # type: ignore[attr-defined]
    page.goto(f"{lab.sp_url}/dashboard")  # type: ignore[attr-defined]
    assert "not signed in" in page.inner_text("body")  # type: ignore[attr-defined]
    assert workspace.sso.events()[0].outcome == "logged-out"
    page.context.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts-on", "scripts-off"])
@pytest.mark.parametrize("answer", [True, False], ids=["approved", "refused"])
def test_a_login_that_nobody_linked_waits_for_the_window(
    answer: bool, scripts: bool, browser: object, lab: Lab, workspace: Workspace
) -> None:
    workspace.sso.add_user("ik_7x2k", "ada@acme-media.test", "Ada", "developer")
    lab.stop()
    lab.asks_for_consent = True
    lab.start()
    lab.connect("ik_7x2k")
    page = page_of(browser, scripts=scripts)
    page.goto(lab.login_url)  # type: ignore[attr-defined]
    page.get_by_label("E-mail").fill("ada@acme-media.test")  # type: ignore[attr-defined]
    page.get_by_role("button", name="Continue").click()  # type: ignore[attr-defined]
    given = threading.Event()

    def decide() -> None:
        while not given.wait(0.02):
            for login in lab.waiting_logins:
                lab.answer_login(login.number, answer)
                given.set()

    window = threading.Thread(target=decide)
    window.start()
    try:
        page.get_by_text("Ada Lindqvist").first.click()  # type: ignore[attr-defined]
        if answer and not scripts:
            page.get_by_role("button", name="Continue").click()  # type: ignore[attr-defined]
        if answer:
            page.wait_for_url("**/dashboard")  # type: ignore[attr-defined]
        else:
            told = page.get_by_role("alert").inner_text()  # type: ignore[attr-defined]
            assert "not approved" in told
    finally:
        given.set()
        window.join(10)
    page.context.close()  # type: ignore[attr-defined]
