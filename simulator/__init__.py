"""A test identity provider that can be anybody and get anything wrong. It shares no code with the validator.

Public names, loaded when first asked for:

    Tenant, TestUser, Application, default_tenant                     people and applications
    load_tenant, parse_tenant, save_tenant, dump_tenant               their file
    read_people, dump_people                                          many people as CSV
    PROFILES, Profile, profile                                        the vendors
    directory_csv, directory_scim, directory_graph                    the directory as vendors export it
    KeyRing, KeyPair                                                  test keys
    Idp, Issued, Expected, DEFAULT                                    issuing
    Edit, Change, edit_of, dump_spec, parse_spec                      editing by hand
    AuthnRequest, LogoutRequest                                       what service providers ask
    Fault, Setup, Stage, FAMILIES, all_faults, find, matching         the faults ("find" is exported as find_fault)
    wrapping_variants                                                 signature wrapping by the thousand
    Spec, OMIT, NIL                                                   the values of a message
    METADATA_VARIANTS                                                 keys that metadata can list
    WebIdp, ConsentPolicy, Exchange                                   the pages
    Server                                                            any ASGI application on 127.0.0.1
    SimulatorError, TenantError, KeyRingError, RequestRefused, LoginRefused, UnknownFault, PortTaken
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.directory import directory_csv, directory_graph, directory_scim
    from simulator.editing import Change, Edit, dump_spec, edit_of, parse_spec
    from simulator.errors import (
        KeyRingError,
        LoginRefused,
        PortTaken,
        RequestRefused,
        SimulatorError,
        TenantError,
        UnknownFault,
    )
    from simulator.faults import FAMILIES, Fault, Setup, Stage, all_faults, matching, wrapping_variants
    from simulator.faults import find as find_fault
    from simulator.idp import DEFAULT, Expected, Idp, Issued
    from simulator.keys import KeyPair, KeyRing
    from simulator.message import NIL, OMIT, Spec
    from simulator.metadata import VARIANTS as METADATA_VARIANTS
    from simulator.profiles import PROFILES, Profile, profile
    from simulator.requests import AuthnRequest, LogoutRequest
    from simulator.server import Server
    from simulator.tenant import Application, Tenant, TestUser, default_tenant
    from simulator.tenant_file import dump_people, dump_tenant, load_tenant, parse_tenant, read_people, save_tenant
    from simulator.web import ConsentPolicy, Exchange, WebIdp

_HOMES = {
    "directory": ("directory_csv", "directory_graph", "directory_scim"),
    "errors": (
        "KeyRingError",
        "LoginRefused",
        "PortTaken",
        "RequestRefused",
        "SimulatorError",
        "TenantError",
        "UnknownFault",
    ),
    "faults": ("FAMILIES", "Fault", "Setup", "Stage", "all_faults", "matching", "wrapping_variants"),
    "editing": ("Change", "Edit", "dump_spec", "edit_of", "parse_spec"),
    "idp": ("DEFAULT", "Expected", "Idp", "Issued"),
    "keys": ("KeyPair", "KeyRing"),
    "message": ("NIL", "OMIT", "Spec"),
    "profiles": ("PROFILES", "Profile", "profile"),
    "requests": ("AuthnRequest", "LogoutRequest"),
    "server": ("Server",),
    "tenant": ("Application", "Tenant", "TestUser", "default_tenant"),
    "tenant_file": ("dump_people", "dump_tenant", "load_tenant", "parse_tenant", "read_people", "save_tenant"),
    "web": ("ConsentPolicy", "Exchange", "WebIdp"),
}
_PLACES = {name: (home, name) for home, names in _HOMES.items() for name in names}
_PLACES["find_fault"] = ("faults", "find")
_PLACES["METADATA_VARIANTS"] = ("metadata", "VARIANTS")

__all__ = [
    "DEFAULT",
    "FAMILIES",
    "METADATA_VARIANTS",
    "NIL",
    "OMIT",
    "PROFILES",
    "Application",
    "AuthnRequest",
    "Change",
    "ConsentPolicy",
    "Edit",
    "Exchange",
    "Expected",
    "Fault",
    "Idp",
    "Issued",
    "KeyPair",
    "KeyRing",
    "KeyRingError",
    "LoginRefused",
    "LogoutRequest",
    "PortTaken",
    "Profile",
    "RequestRefused",
    "Server",
    "Setup",
    "SimulatorError",
    "Spec",
    "Stage",
    "Tenant",
    "TenantError",
    "TestUser",
    "UnknownFault",
    "WebIdp",
    "all_faults",
    "default_tenant",
    "directory_csv",
    "directory_graph",
    "directory_scim",
    "dump_people",
    "dump_spec",
    "dump_tenant",
    "edit_of",
    "find_fault",
    "load_tenant",
    "matching",
    "parse_spec",
    "parse_tenant",
    "profile",
    "read_people",
    "save_tenant",
    "wrapping_variants",
]


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"simulator.{place[0]}"), place[1])
    globals()[name] = value
    return value
