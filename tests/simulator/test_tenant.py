"""Tenant files: round trip, and errors that name file and line."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import PROFILES, Application, Tenant, TenantError, TestUser, default_tenant, dump_tenant, load_tenant
from simulator.tenant import parse_tenant, save_tenant


def test_the_default_tenant_has_people_worth_trying() -> None:
    tenant = default_tenant()
    assert {u.role for u in tenant.users} >= {"account_administrator", "developer", "finance"}
    assert any(not u.enabled for u in tenant.users)
    assert any(not (u.full_name or "").isascii() for u in tenant.users)
    assert any(not u.assigned("imagekit") for u in tenant.users)
    assert all(u.about for u in tenant.users)
    assert all(u.email.endswith(".test") for u in tenant.users)


def test_two_tenants_never_share_an_entity_id() -> None:
    assert default_tenant().entity_id != default_tenant().entity_id


@pytest.mark.parametrize("vendor", [p.id for p in PROFILES])
def test_a_saved_tenant_reads_back_equal(vendor: str, tmp_path: Path) -> None:
    tenant = replace(default_tenant(vendor=vendor), clock_offset=timedelta(minutes=-7), want_authn_requests_signed=True)
    save_tenant(tenant, tmp_path / "tenant.toml")
    assert load_tenant(tmp_path / "tenant.toml") == tenant
    assert [p.name for p in tmp_path.iterdir()] == ["tenant.toml"]


def test_omitted_and_empty_claims_stay_apart(tmp_path: Path) -> None:
    users = (
        TestUser(username="a", email="a@x.test", full_name=None, role="", imagekit_id=None),
        TestUser(
            username="b", email="b@x.test", full_name="", role=None, imagekit_id="i", attributes={"g": ("1", "2")}
        ),
    )
    tenant = Tenant(uid="u", users=users)
    save_tenant(tenant, tmp_path / "t.toml")
    assert load_tenant(tmp_path / "t.toml").users == users


@given(st.text(st.characters(codec="utf-8"), max_size=40), st.text(st.characters(codec="utf-8"), max_size=20))
def test_any_text_survives_the_file(name: str, key: str) -> None:
    user = TestUser(
        username="x", email="x@x.test", full_name=name, role=name, imagekit_id=name, attributes={key: (name,)}
    )
    tenant = Tenant(uid="u", name=name or "n", users=(user,))
    assert parse_tenant(dump_tenant(tenant)) == tenant


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[idp]\nname = \n", 2, "not valid TOML"),
        ('[idp]\nvendor = "nobody"\n', 2, "no vendor profile"),
        ('[idp]\nuid = "x"\nnmae = "y"\n', 3, 'Unknown key "nmae"'),
        ('[idp]\nclock_offset_seconds = "soon"\n', 2, "whole number"),
        ('[[users]]\nusername = "a"\n', 1, '"email" is missing'),
        (
            '[[users]]\nusername = "a"\nemail = "a@x.test"\nfull_name = "A"\n'
            'role = "r"\nimagekit_id = "i"\nenabled = 1\n',
            7,
            "true or false",
        ),
        (
            '[[applications]]\nid = "a"\nname = "A"\nentity_id = "e"\nacs_url = "javascript:alert(1)"\n',
            5,
            "expected an http or https address",
        ),
        (
            '[[applications]]\nid = "a"\nname = "A"\nentity_id = "e"\nacs_url = "https://a.test/"\n'
            'claims = { r = "rank" }\n',
            6,
            'comes from "rank"',
        ),
        ("users = 3\n", 1, "[[users]]"),
    ],
)
def test_a_broken_file_is_told_by_line(text: str, line: int, says: str, tmp_path: Path) -> None:
    file = tmp_path / "tenant.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(TenantError) as caught:
        load_tenant(file)
    assert caught.value.line == line
    assert says in str(caught.value)
    assert str(file) in str(caught.value)


def test_missing_huge_and_binary_files_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(TenantError, match="cannot be read"):
        load_tenant(tmp_path / "none.toml")
    (tmp_path / "big.toml").write_bytes(b"#" * 1_048_577)
    with pytest.raises(TenantError, match="1048577 bytes"):
        load_tenant(tmp_path / "big.toml")
    (tmp_path / "latin.toml").write_bytes(b'[idp]\nname = "\xe9"\n')
    with pytest.raises(TenantError, match="not UTF-8"):
        load_tenant(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://a.test/",
        "https://",
        "//a.test/",
        "https://u@a.test/",
        'https://a.test/"x',
    ],
)
def test_no_application_posts_to_anything_but_the_web(url: str) -> None:
    with pytest.raises(TenantError, match="http or https"):
        Application(id="a", name="A", entity_id="e", acs_url=url)
    with pytest.raises(TenantError, match="http or https"):
        Application(id="a", name="A", entity_id="e", acs_url="https://a.test/", deliver_to=url)


def test_two_of_the_same_name_are_refused() -> None:
    ada = default_tenant().users[0]
    with pytest.raises(TenantError, match='called "ada"'):
        Tenant(uid="u", users=(ada, ada))


def test_changing_people() -> None:
    tenant = default_tenant()
    ada = tenant.user("ada")
    assert ada is not None
    promoted = tenant.with_user(replace(ada, role="finance"))
    assert len(promoted.users) == len(tenant.users)
    found = promoted.user("ada@acme-media.test")
    assert found is not None
    assert found.role == "finance"
    assert tenant.without_user("ada").user("ada") is None
