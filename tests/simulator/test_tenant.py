"""Tenant files: round trip, and errors that name file and line."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator import PROFILES, Application, Tenant, TenantError, TestUser, default_tenant, dump_tenant, load_tenant
from simulator.kept_tenant import KeptTenant
from simulator.tenant_file import dump_people, parse_tenant, read_people, save_tenant


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


# Many people ----------------------------------------------------------------------------------------------------------


def crowd(count: int) -> Tenant:
    users = tuple(
        TestUser(
            username=f"user{n}",
            email=f"user{n}@acme-media.test",
            full_name=None if n == 7 else f"Úser Number {n}, “the {n}th”",
            role="developer",
            imagekit_id="" if n == 8 else "ik_7x2k",
            enabled=n % 5 > 0,
            object_id=f"{n:032x}",
            applications=None if n % 2 else ("imagekit", "other"),
            attributes={"groups": ("staff", f"group {n % 7}")} if n % 3 else {},
        )
        for n in range(count)
    )
    return replace(default_tenant(uid="0" * 32), users=users)


def test_many_people_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    tenant = crowd(1_500)
    file = tmp_path / "tenant.toml"
    assert save_tenant(tenant, file) == replace(tenant, people_file="people.csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["people.csv", "tenant.toml"]
    assert "user7" not in file.read_text("utf-8")
    again = load_tenant(file)
    assert again == replace(tenant, people_file="people.csv")
    fewer = replace(again, users=again.users[:3])
    save_tenant(fewer, file)
    assert load_tenant(file) == fewer


def test_a_crowd_is_found_by_any_part_of_a_name() -> None:
    tenant = crowd(200)
    assert [u.username for u in tenant.people("NUMBER 19")] == ["user19", *(f"user{n}" for n in range(190, 200))]
    assert tenant.people("úSER number 7,") == ()
    assert [u.username for u in tenant.people("user7@")] == ["user7"]
    assert len(tenant.people(enabled=False)) == 40
    assert len(tenant.people(application_id="other")) == 200
    assert len(tenant.people(application_id="third", enabled=True)) == 80


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=30), st.booleans())
def test_any_text_survives_the_people_file(text: str, omitted: bool) -> None:
    user = TestUser(
        username=text or "x",
        email="x@x.test",
        full_name=None if omitted else text,
        role=text,
        imagekit_id=None if omitted else "",
        about=text,
        attributes={"a": (text, "b")},
    )
    assert read_people(dump_people((user,))) == (user,)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, '"username" is missing'),
        ("username,email,shoe\n", 1, 'Unknown column "shoe"'),
        ("username,email,email\n", 1, "same name"),
        ("username,email\na,a@x.test\nb\n", 3, "has 1 cells; the header has 2"),
        ("username,email\na,\n", 2, "needs a username and an email"),
        ("username,email,enabled\na,a@x.test,yes\n", 2, 'enabled is "yes"'),
        ("username,email,omit\na,a@x.test,email\n", 2, "can be omitted"),
        ('username,email\n"a,a@x.test\n', 2, "not valid CSV"),
    ],
)
def test_a_broken_people_file_is_told_by_line(text: str, line: int, says: str, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(text, "utf-8")
    (tmp_path / "tenant.toml").write_text('[idp]\npeople_file = "people.csv"\n', "utf-8")
    with pytest.raises(TenantError) as caught:
        load_tenant(tmp_path / "tenant.toml")
    assert caught.value.line == line
    assert says in str(caught.value)
    assert "people.csv" in str(caught.value)


def test_a_people_file_is_one_beside_the_tenants(tmp_path: Path) -> None:
    for name in ("../people.csv", "people.txt", "C:people.csv"):
        (tmp_path / "tenant.toml").write_text(f'[idp]\npeople_file = "{name}"\n', "utf-8")
        with pytest.raises(TenantError, match="in the same folder"):
            load_tenant(tmp_path / "tenant.toml")
    with pytest.raises(TenantError, match="stands in no folder"):
        parse_tenant('[idp]\npeople_file = "people.csv"\n')
    text = (
        '[idp]\npeople_file = "people.csv"\n' + dump_tenant(default_tenant()).partition("\n\n")[2].partition("\n\n")[2]
    )
    with pytest.raises(TenantError, match="not in both"):
        parse_tenant(text, folder=tmp_path)
    with pytest.raises(TenantError, match='Two users are called "a"'):
        read_people("username,email\na,a@x.test\na,b@x.test\n")


def test_a_spreadsheets_file_is_read() -> None:
    (user,) = read_people("\ufeffusername,email,full_name\r\nada,ada@x.test,Ada\r\n\r\n")
    assert user == TestUser(username="ada", email="ada@x.test", full_name="Ada", role=None, imagekit_id=None)


# Clock, keys, people who change ---------------------------------------------------------------------------------------


def test_clock_and_keys_are_in_the_file(tmp_path: Path) -> None:
    tenant = replace(
        default_tenant(),
        clock_stands_at=datetime(2026, 11, 23, 20, 36, tzinfo=UTC),
        signing_key="next",
        published_keys=("current", "next", "ec-p256"),
        certificate="expired",
    )
    save_tenant(tenant, tmp_path / "tenant.toml")
    assert load_tenant(tmp_path / "tenant.toml") == tenant
    assert "clock_stands_at = 2026-11-23T20:36:00Z\n" in (tmp_path / "tenant.toml").read_text("utf-8")
    written = parse_tenant('[idp]\nclock_stands_at = "2026-11-23T22:36:00+02:00"\n')
    assert written.clock_stands_at == tenant.clock_stands_at


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('signing_key = "mine"', '"mine" is no key'),
        ('published_keys = ["current", "attacker"]', '"attacker" is no key'),
        ('published_keys = "current"', "must be a list of texts"),
        ('certificate = "good"', "certificate must be one of"),
        ("clock_offset_seconds = 999999999999", "ten years"),
        ('clock_stands_at = "noon"', "must be a time"),
        ("clock_stands_at = 2026-11-23T20:36:00", "must be a time"),
        ("clock_stands_at = 1970-01-01T00:00:00Z", "between 1990 and 2200"),
    ],
)
def test_wrong_clocks_and_keys_are_told_by_line(line: str, says: str) -> None:
    with pytest.raises(TenantError, match=says) as caught:
        parse_tenant(f'[idp]\nname = "x"\n{line}\n', file="t.toml")
    assert caught.value.line == 3


def test_leavers_and_movers() -> None:
    tenant = default_tenant()
    away = tenant.with_enabled("grace", False)
    grace = away.user("grace")
    assert grace is not None
    assert not grace.enabled
    assert away.with_enabled("grace", True) == tenant
    renamed = tenant.with_renamed("grace", new_username="gh", email="gh@acme-media.test", full_name="Grace H.")
    assert renamed.user("grace") is None
    new, old = renamed.user("gh"), tenant.user("grace")
    assert new is not None
    assert old is not None
    assert (new.object_id, new.email, new.full_name) == (old.object_id, "gh@acme-media.test", "Grace H.")
    assert [u.username for u in renamed.users].index("gh") == [u.username for u in tenant.users].index("grace")
    lost = tenant.with_assignment("grace", "imagekit", False).user("grace")
    assert lost is not None
    assert lost.applications == ()
    back = tenant.with_assignment("grace", "imagekit", False).with_assignment("grace", "imagekit", True).user("grace")
    assert back is not None
    assert back.assigned("imagekit")
    assert tenant.without_application("imagekit").applications == ()
    for change in (
        lambda: tenant.with_enabled("nobody", True),
        lambda: tenant.with_renamed("nobody"),
        lambda: tenant.with_renamed("grace", new_username="ada"),
        lambda: tenant.with_assignment("grace", "nothing", True),
    ):
        with pytest.raises(TenantError):
            change()


# The last good one ----------------------------------------------------------------------------------------------------


def test_a_broken_file_leaves_the_last_good_one_in_use(tmp_path: Path) -> None:
    file = tmp_path / "tenant.toml"
    kept = KeptTenant(file)
    tenant = crowd(1_200)
    kept.save(tenant)
    good = kept.load()
    assert (good.users, kept.problem) == (tenant.users, "")
    (tmp_path / "people.csv").write_text("username,email\nbroken\n", "utf-8")
    assert kept.load() == good
    assert kept.problem.startswith(str(tmp_path / "people.csv") + ", line 2: ")
    file.write_text("[idp\n", "utf-8")
    assert kept.load() == good
    fresh = KeptTenant(file)  # another run of the program
    assert fresh.load() == good
    assert "line 1: This is not valid TOML" in fresh.problem
    fresh.save(good)
    assert fresh.problem == ""
    assert (tmp_path / "tenant.broken.toml").read_text("utf-8") == "[idp\n"
    assert fresh.load().users == good.users


def test_without_a_good_one_a_broken_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "tenant.toml").write_text("[idp\n", "utf-8")
    with pytest.raises(TenantError, match="line 1"):
        KeptTenant(tmp_path / "tenant.toml").load()
