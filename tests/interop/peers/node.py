"""The peers from npm: each call runs node once, with as many jobs as there are."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.interop.peers.parties import EMAIL, Opinion, Parties, Question, Refused, Sent

NODE = Path(__file__).parents[1] / "node"


def run(peer: str, jobs: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The answer to each job, or the Refused with the package's own words."""
    done = subprocess.run(
        ["node", "run.js"], cwd=NODE, input=json.dumps({"peer": peer, "jobs": list(jobs)}), text=True,
        capture_output=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return [Refused(a["error"][:500]) if "error" in a else a["ok"] for a in json.loads(done.stdout)]


def _one(peer: str, job: Mapping[str, Any]) -> Any:
    answer = run(peer, [job])[0]
    if isinstance(answer, Refused):
        raise answer
    return answer


def _sides(p: Parties) -> dict[str, Any]:
    return {
        "idp": p.idp,
        "sp": p.sp,
        "acs": p.acs,
        "slo": p.slo,
        "idpSso": p.idp_sso,
        "idpSlo": p.idp_slo,
        "certificates": p.certificates,
        "metadata": p.metadata,
        "key": p.key,
        "spKey": p.sp_key or None,
        "spCertificate": p.sp_certificate or None,
    }


def judge_all(peer: str, p: Parties, questions: Sequence[Question]) -> list[Opinion | Refused]:
    jobs = [
        {
            **_sides(p),
            "op": "judge",
            "response": base64.b64encode(q.xml).decode(),
            "signed": q.signed,
            "inResponseTo": q.in_response_to,
            "encrypted": q.encrypted,
        }
        for q in questions
    ]
    return [a if isinstance(a, Refused) else _opinion(a) for a in run(peer, jobs)]


def _opinion(answer: Mapping[str, Any]) -> Opinion:
    claims = {n: v if isinstance(v, list) else [v] for n, v in answer["claims"].items()}
    return Opinion(answer["nameId"], claims, answer["sessionIndex"])


def request(peer: str, p: Parties, *, binding: str, signs: bool, relay_state: str) -> Sent:
    job = {"op": "request", "binding": binding, "signs": signs, "relayState": relay_state}
    return _sent(_one(peer, {**_sides(p), **job, "id": (own_id := "_" + secrets.token_hex(16))}), own_id)


def logout(peer: str, p: Parties, opinion: Opinion, *, binding: str) -> Sent:
    job = {
        "op": "logout",
        "binding": binding,
        "signs": True,
        "relayState": "bye",
        "nameId": opinion.name_id,
        "format": EMAIL,
        "sessionIndex": opinion.session_index,
    }
    return _sent(_one(peer, {**_sides(p), **job, "id": (own_id := "_" + secrets.token_hex(16))}), own_id)


def logged_out(peer: str, p: Parties, xml: bytes, *, in_response_to: str) -> None:
    response = base64.b64encode(xml).decode()
    _one(peer, {**_sides(p), "op": "loggedOut", "response": response, "inResponseTo": in_response_to})


def _sent(answer: Mapping[str, Any], own_id: str) -> Sent:
    return Sent(answer["url"], answer["fields"], answer.get("id") or own_id)


def issue_all(peer: str, p: Parties, name_id: str, claims: Mapping[str, str], variants: Sequence[Any]) -> list[Any]:
    """A response (bytes) of samlp or samlify for each variant: options of its script, or a Refused."""
    certificate = x509.load_pem_x509_certificate(p.sp_certificate.encode()) if p.sp_certificate else None
    public = None
    if certificate is not None:
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        public = certificate.public_key().public_bytes(encoding, form).decode()
    jobs = [
        {
            **_sides(p),
            "op": "issue",
            "id": secrets.token_hex(16),
            "nameId": name_id,
            "claims": claims,
            "spPublicKey": public,
            **variant,
        }
        for variant in variants
    ]
    return [a if isinstance(a, Refused) else a.encode() for a in run(peer, jobs)]
