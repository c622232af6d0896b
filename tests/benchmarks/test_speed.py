"""Speed as ratios, each against its peer or its limit in the same run: `make benchmark`.

CPU seconds, the best of several rounds taken in turns, because the machines are shared and noisy.
"""

from __future__ import annotations

import base64
import gc
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.saml import Expectation, inspect
from app.saml.expectation import AccountFacts
from app.saml.metadata import read_metadata
from simulator import Application, Idp, KeyRing, TestUser, default_tenant
from tests.interop import peers
from tests.interop.peers import Parties

pytestmark = [pytest.mark.benchmark_ratio, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
SP = "https://imagekit.io/saml/consume"


class Bench:
    """A signed response of 6 KB and everything needed to judge it, here and with the peers."""

    def __init__(self) -> None:
        groups = tuple(f"cn=group-{n},ou=departments,dc=acme-media,dc=test" for n in range(16))
        ada = TestUser(
            username="ada", email="ada@acme-media.test", full_name="Ada Lindqvist", role="developer",
            imagekit_id="ik_7x2k", attributes={"groups": groups},
        )  # fmt: skip
        self.idp = Idp(default_tenant().with_user(ada), KeyRing.in_memory(), lambda: datetime.now(UTC))
        claims = {
            "imagekit_id": "imagekit_id",
            "full_name": "full_name",
            "imagekit_role": "role",
            "groups": "attribute:groups",
        }
        self.application = Application(id="sp", name="SP", entity_id=SP, acs_url=SP, sign="assertion", claims=claims)
        self.xml = self.idp.issue(ada, self.application).xml
        self.base64 = base64.b64encode(self.xml).decode()
        reading = read_metadata(self.idp.metadata())
        assert reading.idp is not None
        self.both = Expectation(
            idp_entity_id=reading.idp.entity_id,
            trusted_keys=reading.idp.signing_keys,
            sp_entity_id=SP,
            acs_url=SP,
            relay_states=("https://imagekit.io/",),
            account=AccountFacts("ik_7x2k", "enterprise"),
            judges_correlation=False,
            trusted_test_idp=True,
        )
        self.ours = replace(self.both, verifiers="ours")
        self.parties = Parties(reading.idp.entity_id, SP, SP, self.idp.keys.pair().pem.decode())

    def inspect(self, expectation: Expectation) -> None:
        report = inspect(self.base64, expectation, now=datetime.now(UTC))
        assert report.verdict == "accept", report.headline

    def python3_saml(self) -> Callable[[], None]:
        from onelogin.saml2.response import OneLogin_Saml2_Response
        from onelogin.saml2.settings import OneLogin_Saml2_Settings

        settings = OneLogin_Saml2_Settings(
            peers.python3_saml_settings(self.parties, assertions_signed=True, messages_signed=False),
            sp_validation_only=False,
        )
        request = {
            "https": "on", "http_host": "imagekit.io", "script_name": "/saml/consume", "get_data": {}, "post_data": {},
        }  # fmt: skip

        def judge() -> None:
            response = OneLogin_Saml2_Response(settings, self.base64)
            assert response.is_valid(request), response.get_error()

        return judge

    def minisaml(self) -> Callable[[], None]:
        from minisaml.response import validate_response

        certificate = self.both.trusted_keys[0].certificate

        def judge() -> None:
            validate_response(
                data=self.base64,
                certificate=certificate,
                expected_audience=SP,
                idp_issuer=self.both.idp_entity_id or "",
            )

        return judge


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench()


def best(works: dict[str, Callable[[], None]], *, rounds: int = 9, times: int = 20) -> dict[str, float]:
    """CPU seconds of one call of each, the best of `rounds`, taken in turns."""
    least = dict.fromkeys(works, float("inf"))
    for work in works.values():
        work()
    # What pytest and the peers have loaded is not collected again and again inside somebody's time.
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        for name, work in works.items():
            start = time.process_time()
            for _ in range(times):
                work()
            least[name] = min(least[name], (time.process_time() - start) / times)
    return least


def told(least: dict[str, float]) -> str:
    return ", ".join(f"{name} {seconds * 1000:.2f} ms" for name, seconds in least.items())


def test_validation_beside_python3_saml(bench: Bench) -> None:
    """Full validation with both verifiers and all checks at least 2 times its rate, with our verifier alone 5 times."""
    if why := peers.missing("python3-saml"):
        pytest.skip(why)
    from app.saml.signature import verify_signatures
    from app.saml.xml import parse

    assert 5_500 < len(bench.xml) < 7_000
    now = datetime.now(UTC)

    def our_verifier() -> None:
        document = parse(bench.xml).document
        assert document is not None
        assert verify_signatures(document, bench.ours, now).signed_assertion is not None

    least = best(
        {
            "python3-saml": bench.python3_saml(),
            "all checks, both verifiers": lambda: bench.inspect(bench.both),
            "all checks, our verifier": lambda: bench.inspect(bench.ours),
            "our verifier alone": our_verifier,
        }
    )
    both = least["python3-saml"] / least["all checks, both verifiers"]
    alone = least["python3-saml"] / least["our verifier alone"]
    print(f"\n{len(bench.xml)} bytes: {told(least)}; ratios {both:.2f} (limit 2), {alone:.2f} (limit 5)")
    assert both >= 2
    assert alone >= 5


@pytest.mark.filterwarnings("ignore:defusedxml.lxml:DeprecationWarning")  # minisaml imports it
def test_validation_beside_the_quickest(bench: Bench) -> None:
    """With all checks: both verifiers at least 3 times python3-saml's rate, our own alone faster than minisaml."""
    if why := peers.missing("python3-saml") or peers.missing("minisaml"):
        pytest.skip(why)
    least = best(
        {
            "python3-saml": bench.python3_saml(),
            "minisaml": bench.minisaml(),
            "all checks, both verifiers": lambda: bench.inspect(bench.both),
            "all checks, our verifier": lambda: bench.inspect(bench.ours),
        }
    )
    both = least["python3-saml"] / least["all checks, both verifiers"]
    small = least["minisaml"] / least["all checks, our verifier"]
    print(f"\n{told(least)}; ratios {both:.2f} (limit 3), {small:.2f} (limit 1)")
    assert both >= 3
    assert small > 1


def cpu_of(*arguments: str, environment: dict[str, str] | None = None, stdin: bytes = b"") -> float:
    """CPU seconds of one whole process, the best of three after a first that fills the caches."""
    least = float("inf")
    for turn in range(4):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **(environment or {})}, input=stdin,
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode in (0, 1), done.stderr.decode()
        if turn:
            least = min(least, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return least


def test_inspect_as_a_process(bench: Bench, tmp_path: Path) -> None:
    """`sso-workbench inspect FILE` costs less than 0.6 s of CPU as a whole process."""
    message, metadata = tmp_path / "response.txt", tmp_path / "idp.xml"
    message.write_text(bench.base64)
    metadata.write_bytes(bench.idp.metadata())
    seconds = cpu_of("-m", "app", "inspect", str(message), "--idp-metadata", str(metadata))
    bare = cpu_of("-c", "pass")
    print(f"\ninspect FILE: {seconds:.2f} s CPU (limit 0.6); an empty Python: {bare:.2f} s")
    assert seconds < 0.6


def test_the_window_is_shown(tmp_path: Path) -> None:
    """From process start to the first painted frame of the window: less than 1.0 s of CPU."""
    script = (
        "import time\n"
        "from PySide6.QtCore import QTimer\n"
        "from app.bootstrap import open_workspace\n"
        "from app.gui import application, main_window\n"
        "from app.lab import Lab\n"
        "paint = main_window.MainWindow.paintEvent\n"
        "def shown(self, event):\n"
        "    paint(self, event)\n"
        "    print(time.process_time())\n"
        "    QTimer.singleShot(0, application.make_application().quit)\n"
        "main_window.MainWindow.paintEvent = shown\n"
        "workspace = open_workspace()\n"
        "application.run(workspace, Lab(workspace.sso, workspace.simulator_folder))\n"
        "workspace.close()\n"
    )
    # Settings of the window's own too: what somebody left open here last is not what starts.
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "SSO_WORKBENCH_HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    least = float("inf")
    for turn in range(6):
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        if turn:  # the first makes the workspace and fills the caches
            least = min(least, float(done.stdout.split()[0]))
    print(f"\nwindow shown: {least:.2f} s CPU (limit 1.0)")
    assert least < 1.0


def test_the_whole_matrix(tmp_path: Path) -> None:
    """`sso-workbench trial --all` ends in less than 30 s."""
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "app", "trial", "--all"], cwd=ROOT, capture_output=True, timeout=300, check=False,
        env={**os.environ, "SSO_WORKBENCH_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    seconds = time.monotonic() - start
    assert done.returncode == 0, done.stdout.decode()[-2000:] + done.stderr.decode()[-2000:]
    print(f"\ntrial --all: {seconds:.1f} s (limit 30)")
    assert seconds < 30


# A federation ---------------------------------------------------------------------------------------------------------


def federation(path: Path, *, entities: int = 5_000, size: int = 10_000) -> None:
    """An aggregate as federations publish them: certificates, names in four languages, endpoints, contacts."""
    certificate = base64.encodebytes(bytes(range(256)) * 4).decode()
    namespaces = (
        'xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:mdui="urn:oasis:names:tc:SAML:metadata:ui" '
        'xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:shibmd="urn:mace:shibboleth:metadata:1.0"'
    )
    key = (
        "<md:KeyDescriptor>\n<ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n"
        f"{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\n</md:KeyDescriptor>\n"
    )
    with path.open("w", encoding="utf-8") as file:
        file.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<md:EntitiesDescriptor {namespaces}>\n')
        for n in range(entities):
            names = "".join(
                f'<mdui:DisplayName xml:lang="{x}">Universität {n} ({x})</mdui:DisplayName>\n'
                f'<mdui:Description xml:lang="{x}">Login of university {n} &amp; friends.</mdui:Description>\n'
                for x in ("en", "de", "fr", "it")
            )
            endpoints = "".join(
                '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:'
                f'{x}" Location="https://idp{n}.example/{x}"/>\n'
                for x in ("HTTP-POST", "HTTP-Redirect", "SOAP")
            )
            text = (
                f'<md:EntityDescriptor entityID="https://idp{n}.example/shibboleth">\n<md:IDPSSODescriptor '
                'protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">\n<md:Extensions>\n'
                f"<shibmd:Scope>uni{n}.example</shibmd:Scope>\n<mdui:UIInfo>\n{names}</mdui:UIInfo>\n"
                f"</md:Extensions>\n{key}{key}{endpoints}</md:IDPSSODescriptor>\n<md:Organization>\n"
                f'<md:OrganizationName xml:lang="en">University {n}</md:OrganizationName>\n</md:Organization>\n'
            )
            contact = (
                f'<md:ContactPerson contactType="technical"><md:GivenName>N</md:GivenName>'
                f"<md:EmailAddress>mailto:a@uni{n}.example</md:EmailAddress></md:ContactPerson>\n"
            )
            file.write(text + contact * max(0, (size - len(text)) // len(contact)) + "</md:EntityDescriptor>\n")
        file.write("</md:EntitiesDescriptor>\n")


def test_a_federation_of_50_megabytes(tmp_path: Path) -> None:
    """Searched in less than 1.5 times what the parser alone needs for it, in 60 MB, one entity taken out likewise."""
    from lxml import etree

    from app.saml.aggregate import extract, search_aggregate

    path = tmp_path / "federation.xml"
    federation(path)
    assert path.stat().st_size > 48_000_000
    tag = "{urn:oasis:names:tc:SAML:2.0:metadata}EntityDescriptor"

    def bare() -> None:
        with path.open("rb") as file:
            for _, el in etree.iterparse(file, tag=tag, events=("end",)):
                el.clear()
                while el.getprevious() is not None:
                    del el.getparent()[0]  # type: ignore[union-attr]

    def look_for(words: str, expected: int) -> Callable[[], None]:
        def work() -> None:
            with path.open("rb") as file:
                assert len(list(search_aggregate(file, words))) == expected

        return work

    def take_out() -> None:
        with path.open("rb") as file:
            assert read_metadata(extract(file, "https://idp4999.example/shibboleth")).idp is not None

    works = {
        "iterparse alone": bare,
        "one of 5,000": look_for("university 4711", 1),
        "in every entity": look_for("universität it", 5_000),
        "taken out": take_out,
    }
    least = best(works, rounds=3, times=1)
    print(f"\n50 MB: {told(least)}")
    for name in ("one of 5,000", "taken out"):
        assert least[name] / least["iterparse alone"] < 1.5, told(least)
    assert least["in every entity"] / least["iterparse alone"] < 3, told(least)

    # The high-water mark of the new process alone: ru_maxrss would carry this one's over.
    script = (
        "import re, sys\nfrom app.saml.aggregate import search_aggregate\n"
        "found = sum(1 for _ in search_aggregate(open(sys.argv[1], 'rb'), 'universität'))\n"
        "print(found, re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1])"
    )
    command = [sys.executable, "-c", script, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found, kilobytes = (int(n) for n in done.stdout.split())
    print(f"{found:,} found, the whole process in {kilobytes // 1024} MB")
    assert found == 5_000
    assert kilobytes < 60 * 1024


def test_a_search_lets_others_work(tmp_path: Path) -> None:
    """No slice of a search keeps another thread from running for more than 50 ms."""
    import threading

    from app.saml.aggregate import search_aggregate

    path = tmp_path / "federation.xml"
    federation(path, entities=2_000)
    done = threading.Event()

    def work() -> None:
        with path.open("rb") as file:
            assert not list(search_aggregate(file, "nowhere to be found"))
        with path.open("rb") as file:
            assert len(list(search_aggregate(file, "universität"))) == 2_000
        done.set()

    waits = []
    for _ in range(5):
        done.clear()
        thread = threading.Thread(target=work)
        longest, last = 0.0, time.perf_counter()
        thread.start()
        while not done.is_set():
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
            time.sleep(0)
        thread.join()
        waits.append(longest)
    print(f"\nlongest wait: {min(waits) * 1000:.1f} ms")
    assert min(waits) < 0.05
