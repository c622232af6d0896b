"""Rules of the house that no linter knows. Each names the reason when it fails."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PYTHON = sorted(p for folder in ("app", "simulator") for p in (ROOT / folder).rglob("*.py"))


def tracked() -> list[Path]:
    """Every file of the repository that git knows; every file below it where there is no git."""
    try:
        out = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT, capture_output=True, check=True, timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        skip = {".venv", ".git", "node_modules", "__pycache__"}
        return [p for p in ROOT.rglob("*") if p.is_file() and not skip.intersection(p.parts)]
    return [ROOT / name for name in out.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


TEXTS = [p for p in tracked() if p.suffix not in (".otf", ".ttf", ".png", ".ico", ".db")]


def offenders(pattern: str, files: list[Path], *, except_in: tuple[str, ...] = ()) -> list[str]:
    """file:line of every match outside the allowed files."""
    rule = re.compile(pattern)
    found = []
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        if any(name == e or name.startswith(e) for e in except_in):
            continue
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            if rule.search(line):
                found.append(f"{name}:{number}: {line.strip()[:100]}")
    return found


#: Where the outside world may be asked for the time.
CLOCKS = ("app/bootstrap.py", "app/lab/", "app/trial/", "app/probe/", "app/gui/", "app/cli/", "simulator/")

AMBIGUOUS_IDS = ("app/saml/encryption.py", "simulator/faults/")


@pytest.mark.parametrize(
    ("pattern", "allowed", "why"),
    [
        (r"\bXMLParser\(", ("app/saml/xml.py", "simulator/"), "one hardened parser per package"),
        (r"xml\.etree|minidom|xml\.sax|expat", (), "one XML stack from end to end"),
        (r"\biterparse\(|recover=True|huge_tree=True|resolve_entities=True", ("simulator/",), "hostile documents"),
        # It asks which elements carry an ID under any name, in order to refuse an ambiguous one.
        (r"local-name\(", AMBIGUOUS_IDS, "look-ups are by namespace"),
        (r"\bpickle\b|yaml\.load|\beval\(|\bexec\(", ("app/gui/",), "nothing imported may run"),
        (r"QLabel\([^)]", ("app/gui/widgets.py",), "labels come from the factory, as plain text"),
        (r"setHtml|RichText|insertHtml|QTextBrowser", (), "nothing in the window is markup"),
        (r"urllib\.request|urlopen", (), "nothing is fetched behind the back"),
        (r"text\(f[\"']", ("app/gui/",), "SQL has bound parameters"),
        (r"0\.0\.0\.0|\"::\"", (), "servers listen on loopback"),
        (r"datetime\.now\(|time\.time\(|utcnow", CLOCKS, "the clock is a parameter"),
    ],
)  # fmt: skip
def test_forbidden_in_the_program(pattern: str, allowed: tuple[str, ...], why: str) -> None:
    assert offenders(pattern, PYTHON, except_in=allowed) == [], why


def test_no_private_key_is_kept() -> None:
    assert (
        offenders(r"BEGIN [A-Z ]*PRIVATE KEY-----\s*$|BEGIN [A-Z ]*PRIVATE KEY-----\\n[A-Za-z0-9+/]{20}", TEXTS) == []
    )


def test_no_machine_path_or_index_address() -> None:
    pattern = r"/root/|/home/[a-z]+/|/work/main|pypi\.org|pythonhosted|registry\.npmjs|deb\.debian"
    assert offenders(pattern, TEXTS, except_in=("tests/test_architecture.py",)) == []


def test_addresses_use_reserved_domains() -> None:
    """E-mail addresses in the repository belong to nobody."""
    reserved = re.compile(r"(\.|@)(test|example|invalid|localhost)\b|@example\.(com|org|net)\b")
    address = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b")
    found = []
    for path in TEXTS:
        if path.name.startswith("requirements") or "LICENSE" in path.name or path.name == "package-lock.json":
            continue
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
            found += [
                f"{path.relative_to(ROOT)}:{number}: {a}" for a in address.findall(line) if not reserved.search(a)
            ]
    assert found == []


def test_modules_can_be_held_in_the_head() -> None:
    long = [f"{p.relative_to(ROOT)}: {n}" for p in PYTHON if (n := len(p.read_text("utf-8").splitlines())) > 800]
    assert long == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(p.relative_to(ROOT))
        for p in PYTHON
        if (t := p.read_text("utf-8").strip()) and not t.startswith(('"""', "#"))
    ]
    assert silent == []
