"""Other people's SAML implementations behind one small face each, asked for a second opinion by tests and benchmarks.

Service providers: judge_all(peer, ...), request(peer, ...), logout(peer, ...), logged_out(peer, ...). Identity
providers: samlp, samlify, pysaml2 and xmlsec1 in modules of their own. What a machine lacks is a reason to skip, told
by missing().
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.interop.peers.node import NODE
from tests.interop.peers.parties import EMAIL, Opinion, Parties, Question, Refused, Sent, body_of, make_key, private_pem
from tests.interop.peers.python3_saml import python3_saml_settings

__all__ = [
    "EMAIL",
    "PROVIDERS",
    "Opinion",
    "Parties",
    "Question",
    "Refused",
    "Sent",
    "body_of",
    "judge_all",
    "logged_out",
    "logout",
    "make_key",
    "missing",
    "private_pem",
    "python3_saml_settings",
    "request",
]

#: Peers that are service providers.
PROVIDERS = ("python3-saml", "pysaml2", "minisaml", "node-saml", "samlify")
_NODE = {"samlp": "samlp", "samlify": "samlify", "node-saml": "@node-saml/node-saml"}
_MODULES = {"python3-saml": "onelogin.saml2", "pysaml2": "saml2", "minisaml": "minisaml"}


def missing(peer: str) -> str | None:
    """Why a peer cannot be asked on this machine, or None."""
    if peer in _NODE:
        if shutil.which("node") is None:
            return "node is not installed"
        return None if (NODE / "node_modules" / _NODE[peer]).is_dir() else "npm ci was not run in tests/interop/node"
    if peer in ("pysaml2", "xmlsec1") and shutil.which("xmlsec1") is None:
        return "the program xmlsec1 is not installed"
    if peer == "xmlsec1":
        return None
    try:
        found = importlib.util.find_spec(_MODULES[peer])
    except ModuleNotFoundError:
        found = None
    return None if found is not None else f"{peer} is not installed"


def judge_all(peer: str, p: Parties, questions: Sequence[Question], folder: Path) -> list[Opinion | Refused]:
    """What the peer, as a service provider, makes of each response. `folder` is for the files that some need."""
    if peer in _NODE:
        from tests.interop.peers import node

        return node.judge_all(peer, p, questions)
    return [_judged(peer, p, q, folder) for q in questions]


def _judged(peer: str, p: Parties, question: Question, folder: Path) -> Opinion | Refused:
    from tests.interop.peers import minisaml, pysaml2, python3_saml

    try:
        if peer == "python3-saml":
            return python3_saml.judge(p, question)
        if peer == "pysaml2":
            return pysaml2.judge(p, question, folder)
        return minisaml.judge(p, question)
    except Refused as e:
        return e


def request(peer: str, p: Parties, *, binding: str, signs: bool, relay_state: str, folder: Path) -> Sent:
    """An AuthnRequest of the peer's own making, by "redirect" or "post"."""
    from tests.interop.peers import minisaml, node, pysaml2, python3_saml

    if peer in _NODE:
        return node.request(peer, p, binding=binding, signs=signs, relay_state=relay_state)
    if peer == "pysaml2":
        return pysaml2.request(p, binding=binding, signs=signs, relay_state=relay_state, folder=folder)
    assert binding == "redirect", f"{peer} sends requests by redirect only"
    if peer == "python3-saml":
        return python3_saml.request(p, signs=signs, relay_state=relay_state)
    assert not signs, f"{peer} signs no requests"
    return minisaml.request(p, relay_state=relay_state)


def logout(peer: str, p: Parties, opinion: Opinion, *, binding: str, folder: Path) -> Sent:
    """A signed LogoutRequest of the peer for somebody whom it let in before."""
    from tests.interop.peers import node, pysaml2, python3_saml

    if peer in _NODE:
        return node.logout(peer, p, opinion, binding=binding)
    if peer == "pysaml2":
        return pysaml2.logout(p, opinion, binding=binding, folder=folder)
    assert binding == "redirect", f"{peer} sends requests by redirect only"
    return python3_saml.logout(p, opinion)


def logged_out(peer: str, p: Parties, xml: bytes, *, in_response_to: str, folder: Path) -> None:
    """The peer judges a LogoutResponse that was posted to it. Raises Refused."""
    from tests.interop.peers import node, pysaml2, python3_saml

    if peer in _NODE:
        node.logged_out(peer, p, xml, in_response_to=in_response_to)
    elif peer == "pysaml2":
        pysaml2.logged_out(p, xml, folder=folder)
    else:
        python3_saml.logged_out(p, xml, in_response_to=in_response_to)
