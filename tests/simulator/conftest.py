"""Keys are made once for each session; everything else is made for each test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from simulator import Idp, KeyRing, Tenant, default_tenant
from simulator.requests import AuthnRequest

NOW = datetime(2026, 11, 23, 20, 36, tzinfo=UTC)


@pytest.fixture(scope="session")
def keys() -> KeyRing:
    return KeyRing.in_memory(lambda: NOW)


@pytest.fixture
def tenant() -> Tenant:
    return default_tenant(uid="0" * 32)


@pytest.fixture
def idp(tenant: Tenant, keys: KeyRing) -> Idp:
    return Idp(tenant, keys, lambda: NOW)


@pytest.fixture
def idp_of(keys: KeyRing) -> Callable[[str], Idp]:
    """An identity provider of a vendor."""
    return lambda vendor: Idp(default_tenant(vendor=vendor, uid="0" * 32), keys, lambda: NOW)


@pytest.fixture
def asked() -> AuthnRequest:
    """An AuthnRequest as the identity provider has read it."""
    return AuthnRequest(
        id="_request",
        application="imagekit",
        issuer="https://imagekit.io/saml/consume",
        acs_url="https://imagekit.io/saml/consume",
        relay_state="https://imagekit.io/dashboard",
    )
