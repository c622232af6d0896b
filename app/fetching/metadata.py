"""Looking at the addresses that metadata comes from, and telling the verbs what was found; it decides nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.fetching.address import FetchRefused, fetch, is_here

if TYPE_CHECKING:
    from app.sso import SSO
    from app.sso.sources import Fetched
    from app.store import MetadataSource


def look(
    sso: SSO, source: MetadataSource, *, fetch: Callable[..., bytes] = fetch
) -> Fetched:  # fmt: skip
    """Fetch from one source and record what came of it."""
    try:
        document = fetch(source.url, intranet=source.intranet or is_here(source.url))
    except FetchRefused as e:
        return sso.record_fetch(source.account_id, source.url, problem=str(e))
    return sso.record_fetch(source.account_id, source.url, document=document)


def look_at_due(sso: SSO) -> int:
    """Fetch from every watched source that is due; how many were."""
    due = sso.claim_due_sources()
    for source in due:
        look(sso, source)
    return len(due)
