"""One ACS process of several: consumes the bodies of a file as fast as it can, and prints what became of each.

python -m tests.sso.acs URL BODIES: waits for a line on standard input, so that all processes begin at one moment.
BODIES holds JSON: {"now": instant, "browser": text, "bodies": [base64, ...]}.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
import time
from datetime import datetime
from pathlib import Path

from app.sso import SSO
from app.store import Store


def main(url: str, file: str) -> None:
    work = json.loads(Path(file).read_text("utf-8"))
    now = datetime.fromisoformat(work["now"])
    bodies = [base64.b64decode(b) for b in work["bodies"]]
    with Store.open(url) as store:
        sso = SSO(store, clock=lambda: now, random_bytes=secrets.token_bytes)
        sso.accounts()
        print("ready", flush=True)
        sys.stdin.readline()
        begun = time.perf_counter()
        results = [sso.consume(b, browser=work["browser"]) for b in bodies]
        seconds = time.perf_counter() - begun
    rows = [(r.reference, r.allowed, r.decision.outcome, r.reason.code if r.reason else "") for r in results]
    print(json.dumps({"seconds": seconds, "rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
