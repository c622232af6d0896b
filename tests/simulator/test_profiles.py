"""The vendors' data files: read strictly; and what each makes of one login and of its metadata, kept in golden/.

The keys are new each time, so that what depends on them, and every random id, is replaced by what it is. Where a change
is wanted: `UPDATE_GOLDEN=1 pytest tests/simulator/test_profiles.py`, and look at each difference.
"""

from __future__ import annotations

import importlib.resources
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lxml import etree

from simulator import PROFILES, Idp, TenantError, default_tenant, profile
from simulator.names import DS, q
from simulator.profiles import Profile, read_profile
from simulator.requests import AuthnRequest

GOLDEN = Path(__file__).parent / "golden"
VENDORS = [p.id for p in PROFILES]


def normalised(xml: bytes) -> str:
    """The document, one element a line, with words in the place of key material and of random ids."""
    root = etree.fromstring(xml)
    for local in ("SignatureValue", "DigestValue", "X509Certificate", "Modulus", "KeyName"):
        for element in root.iter(q(DS, local)):
            element.text = f"[{local}]"
    etree.indent(root)
    text = etree.tostring(root, encoding="unicode") + "\n"
    found = dict.fromkeys(re.findall(r"(?:_|id|ID_)[0-9a-f]{32}", text))
    for n, random in enumerate(found, 1):
        text = text.replace(random, f"[id {n}]")
    return text


def compare(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_response(vendor: str, idp_of: Callable[[str], Idp], asked: AuthnRequest) -> None:
    compare(f"{vendor}-response.xml", normalised(idp_of(vendor).issue("zoe", "imagekit", request=asked).xml))


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_metadata(vendor: str, idp_of: Callable[[str], Idp]) -> None:
    compare(f"{vendor}-metadata.xml", normalised(idp_of(vendor).metadata()))


def test_every_golden_file_belongs_to_a_vendor() -> None:
    wanted = {f"{v}-{what}.xml" for v in VENDORS for what in ("response", "metadata")}
    assert {p.name for p in GOLDEN.iterdir()} == wanted


def test_there_is_one_file_for_each_vendor_and_it_is_shipped() -> None:
    folder = importlib.resources.files("simulator.profiles")
    files = {f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")}
    assert files == set(VENDORS)
    assert VENDORS[0] == "generic"
    assert set(VENDORS) >= {"entra", "okta", "onelogin", "adfs", "google", "keycloak", "shibboleth", "simplesamlphp"}
    assert len({p.rank for p in PROFILES}) == len(PROFILES)


def test_what_is_unsure_is_said_and_names_a_place_of_the_file() -> None:
    for p in PROFILES:
        assert bool(p.unsure) == (p.id != "generic"), p.id
        assert all(sentence.endswith(".") for sentence in p.unsure.values())
        assert p.doubts == " ".join(p.unsure.values())


def test_no_file_names_a_real_host() -> None:
    for p in PROFILES:
        hosts = re.findall(r"https?://([^/{]+)", p.metadata.entity_id)
        assert all(h.endswith((".example", "localhost")) for h in hosts), p.id


def test_an_alias_is_kept_as_the_id() -> None:
    assert profile("ping").id == "pingfederate"
    assert default_tenant(vendor="ping").vendor == "pingfederate"


def test_a_minimal_file_is_the_generic_vendor_under_another_name() -> None:
    assert read_profile("x", 'title = "X"') == Profile(id="x", title="X")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = ", r"x\.toml is not valid TOML"),
        ("rank = 1", r"x\.toml: title is missing"),
        ('title = "X"\ncolour = "red"', "colour is no key that is known here"),
        ('title = "X"\n[colours]\na = 1', "colours is unknown"),
        ('title = "X"\n[response]\nsign = "everything"', r"response\.sign must be one of assertion"),
        ('title = "X"\n[response]\nsign = 1', r"response\.sign is 1, which is of the wrong kind"),
        ('title = "X"\n[response]\nsings = "both"', r"response\.sings is no key"),
        ('title = "X"\n[times]\nvalid_for_s = "long"', r"times\.valid_for_s is 'long'"),
        ('title = "X"\n[times]\nvalid_for_s = -1', "wrong kind"),
        ('title = "X"\n[times]\nvalid_for_s = true', "wrong kind"),
        ('title = "X"\n[metadata]\nsso_path = "sso"', "begin with a slash"),
        ('title = "X"\n[metadata]\nsso_path = "/{user}"', r"may hold \{tenant\}"),
        ('title = "X"\n[metadata]\nentity_id = "{"', r"metadata\.entity_id may hold"),
        ('title = "X"\n[metadata]\nsso_bindings = ["SOAP"]', "may hold HTTP-Redirect"),
        ('title = "X"\n[metadata]\nfed_roles = "one"', "must be a list of texts"),
        ('title = "X"\n[metadata]\nfed_roles = ["other"]', "may hold ApplicationServiceType"),
        ('title = "X"\n[metadata]\nsecret = true', r"metadata\.secret is no key"),
        ('title = "X"\n[[claims]]\nname = "a"\nvalue = "{0}"', r"claims\.value may hold"),
        ('title = "X"\n[[claims]]\nname = "a"', "claims lacks a key"),
        ('title = "X"\n[[claims]]\nname = 1', "claims has rows of"),
        ('title = "X"\n[unsure]\n"response.sign" = "Perhaps."', r"unsure\.response\.sign names nothing"),
        ('title = "X"\n[response]\nsign = "both"\n[unsure]\n"response.sign" = "perhaps"', "must be a sentence"),
    ],
)
def test_a_broken_file_is_told_by_key(text: str, says: str) -> None:
    with pytest.raises(TenantError, match=says):
        read_profile("x", text)
