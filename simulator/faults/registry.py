"""What a fault is, and the list of them. It applies none.

A fault is a function on a Draft at one stage. It states only the difference from the good message, and names the check
that a service provider must report. Adding one touches one module and nothing else.
"""

from __future__ import annotations

import fnmatch
import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Literal

from simulator.draft import Draft
from simulator.errors import UnknownFault

Kind = Literal["H", "A", "U"]
Expects = Literal["accept", "reject", "refused-by-idp", "not-provisioned"]
Signs = Literal["profile", "assertion", "response", "both", "nothing"]
Apply = Callable[[Draft], None]

FAMILIES: Final = (
    "controls",
    "signature",
    "wrapping",
    "c14n",
    "timing",
    "routing",
    "identity",
    "crypto",
    "encryption",
    "status",
    "transport",
    "malformed",
)


class Stage(IntEnum):
    """When a fault acts; faults compose in this order."""

    SPEC = 1
    TREE = 2
    SIGNED = 3
    WIRE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a trial arranges before the message is sent. The defaults are an ordinary first login at the portal.

    `posts` counts how often the body is posted (Issued.second_body the second time, where there is one;
    `parallel`: at once; `restart`: the service provider is started
    anew in between). `metadata` is the variant of Idp.metadata() that the service provider is given. `registered_as`
    is the role the user already has there (None: unknown to it). `request` tells what became of the AuthnRequest.
    `policy` holds fields of the service provider's policy.
    """

    flow: Literal["idp_initiated", "sp_initiated"] = "idp_initiated"
    posts: int = 1
    parallel: bool = False
    restart: bool = False
    metadata: str = "default"
    registered_as: str | None = None
    registered_name_id: str | None = None  # who is registered, where it is not the user who logs in
    child_account: bool = False
    decryption_key: bool = False
    second_idp: bool = False
    plan: Literal["paid", "enterprise"] = "enterprise"
    allowed_domains: tuple[str, ...] = ()
    request: Literal["open", "expired", "answered", "other-browser", "other-idp"] = "open"
    force_authn: bool = False
    frozen_clock: bool = False
    test_idp_trusted: bool = True
    policy: tuple[tuple[str, object], ...] = ()
    https: bool = False  # the fault exists only where the service provider's address is https
    canary: bool = False  # a listener and a file that must stay untouched


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    `kind`: H an honest signer says something wrong; A an attacker edits a captured message; U needs no signing key.
    `breaks` is the check that must fire (None: a control), `accepts` others that are as good. `signs` is what the
    message must have signed for the construction to exist. `alters` False: the message is good, and the circumstances
    in `setup` are the fault.
    """

    id: str
    family: str
    stage: Stage
    kind: Kind
    summary: str
    breaks: str | None
    expects: Expects
    accepts: tuple[str, ...] = ()
    reference: str = ""
    setup: Setup = field(default_factory=Setup)
    signs: Signs = "profile"
    alters: bool = True
    apply: Apply = field(repr=False)

    @property
    def checks(self) -> tuple[str, ...]:
        """Every check whose firing counts as the stated reason."""
        return () if self.breaks is None else (self.breaks, *self.accepts)


_FAULTS: dict[str, Fault] = {}


def add(
    fault_id: str,
    apply: Apply,
    summary: str,
    *,
    family: str,
    stage: Stage = Stage.SPEC,
    kind: Kind = "H",
    breaks: str | None = None,
    accepts: tuple[str, ...] = (),
    expects: Expects = "reject",
    reference: str = "",
    setup: Setup | None = None,
    signs: Signs | None = None,
    alters: bool = True,
) -> None:
    """Registers one fault; for rows that are generated."""
    if fault_id in _FAULTS:
        raise ValueError(f"two faults are called {fault_id}")
    if signs is None:
        signs = "assertion" if kind == "A" else "profile"
    _FAULTS[fault_id] = Fault(
        id=fault_id,
        family=family,
        stage=stage,
        kind=kind,
        summary=" ".join(summary.split()),
        breaks=breaks,
        accepts=accepts,
        expects=expects,
        reference=reference,
        setup=setup or Setup(),
        signs=signs,
        alters=alters,
        apply=apply,
    )


class Family:
    """The decorators of one module: `@family.fault("id", ...)` on a function whose docstring explains it to QA."""

    def __init__(self, name: str, *, stage: Stage = Stage.SPEC, kind: Kind = "H") -> None:
        self.name = name
        self._stage = stage
        self._kind = kind

    def fault(
        self,
        fault_id: str,
        breaks: str | None,
        *accepts: str,
        stage: Stage | None = None,
        kind: Kind | None = None,
        expects: Expects = "reject",
        reference: str = "",
        setup: Setup | None = None,
        signs: Signs | None = None,
    ) -> Callable[[Apply], Apply]:
        """Registers the decorated function."""

        def register(apply: Apply) -> Apply:
            self.row(
                fault_id,
                apply,
                apply.__doc__ or "",
                breaks,
                *accepts,
                stage=stage,
                kind=kind,
                expects=expects,
                reference=reference,
                setup=setup,
                signs=signs,
            )
            return apply

        return register

    def row(
        self,
        fault_id: str,
        apply: Apply,
        summary: str,
        breaks: str | None,
        *accepts: str,
        stage: Stage | None = None,
        kind: Kind | None = None,
        expects: Expects = "reject",
        reference: str = "",
        setup: Setup | None = None,
        signs: Signs | None = None,
        alters: bool = True,
    ) -> None:
        """Registers one generated row."""
        add(
            fault_id,
            apply,
            summary,
            family=self.name,
            stage=self._stage if stage is None else stage,
            kind=self._kind if kind is None else kind,
            breaks=breaks,
            accepts=accepts,
            expects=expects,
            reference=reference,
            setup=setup,
            signs=signs,
            alters=alters,
        )


def nothing(_draft: Draft) -> None:
    """For faults whose circumstances are the fault."""


@functools.cache
def _load() -> None:
    for module in (*FAMILIES, "references"):  # the second half of the signature family
        importlib.import_module(f"simulator.faults.{module}")


def all_faults() -> tuple[Fault, ...]:
    """Every fault, by family in the order of FAMILIES and then as written."""
    _load()
    return tuple(sorted(_FAULTS.values(), key=lambda f: FAMILIES.index(f.family)))


def find(fault_id: str) -> Fault:
    """The fault with that id.

    Raises:
        UnknownFault: there is none; the sentence names near ones.
    """
    _load()
    fault = _FAULTS.get(fault_id)
    if fault is None:
        import difflib  # only where a name was mistyped

        near = difflib.get_close_matches(fault_id, _FAULTS, 3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ' "idp list-faults" lists them.'
        raise UnknownFault(f'There is no fault "{fault_id[:100]}".{hint}')
    return fault


def matching(patterns: tuple[str, ...] | list[str]) -> tuple[Fault, ...]:
    """The faults whose id matches one of the shell patterns, or whose family is named by one.

    Raises:
        UnknownFault: a pattern fits nothing.
    """
    chosen: dict[str, Fault] = {}
    for pattern in patterns:
        found = [f for f in all_faults() if fnmatch.fnmatchcase(f.id, pattern) or f.family == pattern]
        if not found:
            find(pattern)
        chosen.update((f.id, f) for f in found)
    return tuple(chosen.values())
