"""What a fault is, and the list of them. It applies none.

A fault is a function on a Draft (or on a MetadataDraft or RequestDraft) at one stage. It states only the difference
from the good message, and names the check that must fire. Adding one touches one module and nothing else.
"""

from __future__ import annotations

import fnmatch
import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from typing import Any, Final, Literal

from simulator.draft import Draft
from simulator.errors import UnknownFault

Kind = Literal["H", "A", "U"]
Expects = Literal["accept", "reject", "refused-by-idp", "not-provisioned"]
Signs = Literal["profile", "assertion", "response", "both", "nothing"]
ActsOn = Literal["message", "metadata", "request"]
Apply = Callable[[Draft], None]
AnyApply = Callable[[Any], None]  # a Draft, MetadataDraft or RequestDraft, as the stage says

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
    "metadata",
    "request",
    "grid",
)

#: Families whose rows fill more than one module.
_MORE: Final = ("references", "delivery")

#: What a service provider's web server may answer before it looks at the message; 0: it hangs up.
DOOR: Final[dict[str, tuple[int, ...]]] = {
    "http-method": (405, 404, 400, 501),
    "http-content-type": (415, 400),
    "http-length": (411, 400),
    "http-size": (413, 400, 0),
    "http-timeout": (408, 400, 0),
    "http-headers": (431, 400, 0),
    "http-host": (421, 400, 404),
}


class Stage(IntEnum):
    """When a fault acts; faults compose in this order. METADATA and REQUEST act on documents of their own."""

    METADATA = 0
    SPEC = 1
    TREE = 2
    SIGNED = 3
    WIRE = 4
    HTTP = 5
    REQUEST = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a trial arranges before the message is sent. The defaults are an ordinary first login at the portal.

    `posts` counts how often the body is posted (Issued.second_body the second time, where there is one;
    `parallel`: at once; `restart`: the service provider is started
    anew in between). `metadata` is the variant of Idp.metadata() that the service provider is given. `registered_as`
    is the role the user already has there (None: unknown to it). `request` tells what became of the AuthnRequest.
    `policy` holds fields of the service provider's policy. The last four are for faults of metadata and of requests:
    `refuses` are faults whose messages must still be refused once the metadata was loaded; `fetched`: only who fetches
    metadata by its address meets the fault; `entity_id_taken`: another account has the entity ID that the metadata
    claims; `signed_requests`: the identity provider demands signed requests and knows the sender's certificate.
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
    refuses: tuple[str, ...] = ()
    fetched: bool = False
    entity_id_taken: bool = False
    signed_requests: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    `kind`: H an honest signer says something wrong; A an attacker edits a captured message; U needs no signing key.
    `breaks` is the check that must fire (None: a control), `accepts` others that are as good. `signs` is what the
    message must have signed for the construction to exist. `alters` False: the message is good, and the circumstances
    in `setup` are the fault. `parts` are the faults that this one is made of, in stage order; () for a single one.
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
    apply: AnyApply = field(repr=False)
    parts: tuple[Fault, ...] = ()

    @property
    def checks(self) -> tuple[str, ...]:
        """Every check whose firing counts as the stated reason."""
        return () if self.breaks is None else (self.breaks, *self.accepts)

    @property
    def acts_on(self) -> ActsOn:
        """What the fault changes: a login's message, the identity provider's metadata, or a request to it."""
        if self.stage is Stage.METADATA:
            return "metadata"
        return "request" if self.stage is Stage.REQUEST else "message"


_FAULTS: dict[str, Fault] = {}


def add(
    fault_id: str,
    apply: AnyApply,
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
    ) -> Callable[[AnyApply], AnyApply]:
        """Registers the decorated function."""

        def register(apply: AnyApply) -> AnyApply:
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
        apply: AnyApply,
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


def nothing(_draft: object) -> None:
    """For faults whose circumstances are the fault."""


@functools.cache
def _load() -> None:
    for module in (*FAMILIES, *_MORE):
        importlib.import_module(f"simulator.faults.{module}")


def all_faults() -> tuple[Fault, ...]:
    """Every fault, by family in the order of FAMILIES and then as written."""
    _load()
    return tuple(sorted(_FAULTS.values(), key=lambda f: FAMILIES.index(f.family)))


def find(fault_id: str) -> Fault:
    """The fault with that id; "a+b" is the fault that is both at once.

    Raises:
        UnknownFault: there is none; the sentence names near ones. Or they cannot be had together.
    """
    if "+" in fault_id:
        return combined([find(part) for part in fault_id.split("+")])
    _load()
    fault = _FAULTS.get(fault_id)
    if fault is None:
        import difflib  # only where a name was mistyped

        near = difflib.get_close_matches(fault_id, _FAULTS, 3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ' "idp list-faults" lists them.'
        raise UnknownFault(f'There is no fault "{fault_id[:100]}".{hint}')
    return fault


def switchable(ids: Sequence[str]) -> tuple[Fault, ...]:
    """The faults, where the identity provider itself can have them switched on.

    Raises:
        UnknownFault: there is no such fault, or it is one of requests, which others send.
    """
    found = tuple(find(i) for i in ids)
    wrong = next((f.id for f in found if f.acts_on == "request"), None)
    if wrong is not None:
        raise UnknownFault(f"{wrong} is a fault of requests to the identity provider; it cannot be switched on there.")
    return found


_GRADE: Final[dict[Expects, int]] = {"accept": 0, "not-provisioned": 1, "refused-by-idp": 2, "reject": 3}
_MAX_PARTS: Final = 16


def hardest(faults: Sequence[Fault]) -> tuple[Expects, tuple[str, ...]]:
    """What several faults together should lead to: the hardest verdict, and the checks of those that demand it."""
    worst = max((f.expects for f in faults), key=_GRADE.__getitem__)
    return worst, tuple(dict.fromkeys(c for f in faults if f.expects == worst for c in f.checks))


def signed_by(faults: Sequence[Fault]) -> Signs:
    """What the message must have signed for all of them to exist."""
    wanted = {f.signs for f in faults} - {"profile"}
    if len(wanted) > 1:
        wanted.discard("nothing")
    return "both" if len(wanted) > 1 else next(iter(wanted), "profile")


def combined(faults: Sequence[Fault]) -> Fault:
    """One fault made of several, applied in stage order, with the circumstances of all of them.

    Raises:
        UnknownFault: they act on different documents, need contradicting circumstances, or are too many.
    """
    parts = tuple(sorted(dict.fromkeys(p for f in faults for p in f.parts or (f,)), key=lambda f: f.stage))
    names = "+".join(f.id for f in parts)
    if len(parts) == 1:
        return parts[0]
    if len(parts) > _MAX_PARTS:
        raise UnknownFault(f"At most {_MAX_PARTS} faults can be combined; these are {len(parts)}.")
    if len({f.acts_on for f in parts}) > 1:
        raise UnknownFault(f"{names} cannot be combined: they act on different documents.")
    signs = {f.signs for f in parts} - {"profile"}
    if "nothing" in signs and len(signs) > 1:
        raise UnknownFault(f"{names} cannot be combined: one needs a signature and another none.")
    expects, checks = hardest(parts)
    return Fault(
        id=names,
        family=parts[0].family,
        stage=parts[0].stage,
        kind=next(k for k in ("U", "A", "H") if any(f.kind == k for f in parts)),
        summary=" ".join(f.summary for f in parts),
        breaks=checks[0] if checks else None,
        accepts=checks[1:],
        expects=expects,
        reference=", ".join(dict.fromkeys(f.reference for f in parts if f.reference)),
        setup=_merged(parts, names),
        signs=signed_by(parts),
        alters=any(f.alters for f in parts),
        apply=nothing,
        parts=parts,
    )


def _merged(parts: Sequence[Fault], names: str) -> Setup:
    ordinary = Setup()
    merged = ordinary
    for part in parts:
        for f in fields(Setup):
            wanted, have, usual = (getattr(s, f.name) for s in (part.setup, merged, ordinary))
            if wanted in (usual, have):
                continue
            if have != usual:
                raise UnknownFault(f"{names} cannot be combined: they need different circumstances ({f.name}).")
            merged = replace(merged, **{f.name: wanted})
    return merged


def matching(patterns: tuple[str, ...] | list[str]) -> tuple[Fault, ...]:
    """The faults whose id matches one of the shell patterns, or whose family is named by one.

    Raises:
        UnknownFault: a pattern fits nothing.
    """
    chosen: dict[str, Fault] = {}
    for pattern in patterns:
        if "+" in pattern:
            both = find(pattern)
            chosen[both.id] = both
            continue
        found = [f for f in all_faults() if fnmatch.fnmatchcase(f.id, pattern) or f.family == pattern]
        if not found:
            find(pattern)
        chosen.update((f.id, f) for f in found)
    return tuple(chosen.values())
