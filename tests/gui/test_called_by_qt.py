"""An error in a method that Qt calls is told, and the window lives on."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import app.gui

ROOT = Path(__file__).parents[2]

#: A page whose loading breaks as the interpreter itself breaks it: no Python code has raised or caught the error.
SCRIPT = """
from app.gui import application
from app.gui.pages.users import UsersPage
from tests.gui.bench import Bench
from simulator import KeyRing

application.make_application()
UsersPage.refresh = lambda page: 1 / 0
bench = Bench(KeyRing.in_memory())
application._install_hooks(bench.desk)
said = []
bench.desk.said.connect(lambda kind, text: said.append(text))
bench.window.show()
bench.window._nav["users"].click()
bench.window.resize(1000, 700)
application.make_application().processEvents()
print(*said, sep="\\n")
bench.close()
"""


def overrides() -> list[tuple[str, object]]:
    """(module, class and name, method) of everything in app.gui that takes the place of a method of Qt's."""
    found = []
    for info in pkgutil.walk_packages(app.gui.__path__, "app.gui."):
        for kind in vars(importlib.import_module(info.name)).values():
            if not isinstance(kind, type) or kind.__module__ != info.name:
                continue
            for name, method in vars(kind).items():
                of_qt = any(name in vars(b) for b in kind.__mro__ if b.__module__.startswith("PySide6"))
                if callable(method) and not name.startswith("__") and of_qt:
                    found.append((f"{info.name}.{kind.__name__}.{name}", method))
    return found


def test_every_method_that_qt_calls_is_marked() -> None:
    found = overrides()
    assert len(found) > 50
    assert [name for name, method in found if not getattr(method, "called_by_qt", False)] == []


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_a_page_that_cannot_be_shown_is_an_error_and_not_the_end() -> None:
    done = run(SCRIPT)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "ZeroDivisionError" in done.stdout


@pytest.mark.parametrize("method", ["resizeEvent", "keyPressEvent", "sizeHint", "event"])
def test_any_method_that_qt_calls(method: str) -> None:
    """The mark itself, on methods of every kind."""
    script = (
        "import sys\nfrom PySide6.QtCore import Qt\nfrom PySide6.QtTest import QTest\n"
        "from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget\n"
        "from app.gui.called_by_qt import called_by_qt\n"
        "application = QApplication([])\nseen = []\n"
        "sys.excepthook = lambda kind, error, trace: seen.append(kind)\n"
        f"made = type('Made', (QWidget,), {{'{method}': called_by_qt(lambda *_: 1 / 0)}})()\n"
        "outer = QWidget()\nlayout = QVBoxLayout(outer)\n"
        "for act in (lambda: layout.addWidget(made), outer.show, lambda: outer.resize(90, 90),\n"
        "            application.processEvents, lambda: QTest.keyClick(made, Qt.Key.Key_A)):\n"
        "    try:\n        act()\n"
        "    except ZeroDivisionError as e:\n        seen.append(type(e))\n"
        "print(ZeroDivisionError in seen, flush=True)\n"
        "import os; os._exit(0)\n"
    )
    done = run(script)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr[-2000:]
