# Two commands matter: `make run` starts the program, `make test` runs every check. Both do all set-up themselves.

PY := .venv/bin/python
# What Qt loads at start (Debian's names). The second row is for a real window; xvfb lets the tests open one unseen.
SYSTEM_PACKAGES := python3-venv libgl1 libegl1 libxkbcommon0 libglib2.0-0 libfontconfig1 libdbus-1-3 \
	libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-image0 libxcb-render-util0
TEST_PACKAGES := xvfb xauth
PYTEST := QT_QPA_PLATFORM=offscreen $(PY) -m pytest

.PHONY: run test lint types borders unit benchmark interop slow fuzz browser format setup clean lock

run: .venv/.runtime
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ]; then exec $(PY) -m app gui; else \
	echo "No display here, so this runs the end-to-end trial instead of the window."; \
	echo "For a window: run it in a desktop session, over 'ssh -X', or with 'xvfb-run -a make run'."; \
	exec $(PY) -m app trial; fi

test: lint types borders unit

lint: .venv/.dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: .venv/.dev
	$(PY) -m mypy

borders: .venv/.dev
	.venv/bin/lint-imports --no-cache

unit: .venv/.dev
	$(PYTEST) -n 2 --dist loadfile -m "not slow and not benchmark_ratio"

slow: .venv/.dev
	$(PYTEST) -m slow

benchmark: .venv/.dev
	$(PYTEST) -m benchmark_ratio -s tests/benchmarks

# The peers from npm are installed where there is npm; without them their tests are skipped and say so.
interop: .venv/.dev
	@if command -v npm >/dev/null 2>&1; then cd tests/interop/node && \
	{ npm ls --silent >/dev/null 2>&1 || npm ci --silent || echo "The npm peers could not be installed."; }; fi
	$(PYTEST) -m interop tests/interop

# For an hour, or FUZZ_SECONDS. Needs atheris, which is not in the lock: it has no wheel for every system.
FUZZ_SECONDS ?= 3600
fuzz: .venv/.dev
	@if $(PY) -c 'import atheris' 2>/dev/null; then exec $(PY) -m tests.fuzz.target $(FUZZ_SECONDS) tests/output/fuzz; \
	else echo "Skipped: atheris is not installed. Install it with: $(PY) -m pip install atheris"; fi

browser: .venv/.dev
	$(PYTEST) -m browser tests/e2e

format: .venv/.dev
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

setup: .venv/.dev

clean:
	rm -rf .venv build dist *.egg-info

# Set-up -------------------------------------------------------------------------------------------------------------

define install_system_packages
	@missing=""; \
	if command -v dpkg-query >/dev/null 2>&1; then \
		for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$p"; done; \
		if [ -n "$$missing" ]; then \
			echo "Installing system libraries:$$missing"; \
			sudo=""; [ "$$(id -u)" = 0 ] || sudo="sudo"; \
			$$sudo apt-get update -q && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -q --no-install-recommends $$missing || \
			{ echo "Could not install$$missing. Install them by hand, then run make again."; exit 1; }; \
		fi; \
	fi
endef

.venv/bin/python:
	$(call install_system_packages,$(SYSTEM_PACKAGES))
	python3 -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	python3 -m venv .venv

# The lock is complete, hence --no-deps: where pip resolves extras itself, a release newer than the lock makes it refuse.
.venv/.runtime: .venv/bin/python requirements.txt pyproject.toml
	$(PY) -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements.txt
	$(PY) -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.txt
	$(call install_system_packages,$(TEST_PACKAGES))
	$(PY) -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.txt
	@touch $@

# Needs `uv`; writes hash-locked files without the address of any index in them.
lock:
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --extra build pyproject.toml -o requirements.txt
	uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --extra build --extra dev --extra peers pyproject.toml -o requirements-dev.txt
