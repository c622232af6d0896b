"""What keeps a configuration from locking people out, in the database: its tests, recovery codes, metadata sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from app.store.models import ConfigurationTestRow, EventRow, MessageRow, MetadataSourceRow, RecoveryCodeRow, table
from app.store.records import ConfigurationTest, MetadataSource, RecoveryCode

_EVENT = table(EventRow)
_MESSAGE = table(MessageRow)
_TEST = table(ConfigurationTestRow)
_CODE = table(RecoveryCodeRow)
_SOURCE = table(MetadataSourceRow)


class SafetyQueries:
    """The part of a Transaction that concerns tests of revisions, recovery codes and metadata sources."""

    connection: Connection

    def insert_test(self, test: ConfigurationTest) -> None:
        """Attach a test to a revision."""
        values = asdict(test)
        del values["id"]
        self.connection.execute(insert(_TEST), values)

    def tests(self, account_id: int, *, limit: int = 200) -> tuple[ConfigurationTest, ...]:
        """The tests of an account, newest first."""
        query = select(_TEST).where(_TEST.c.account_id == account_id).order_by(_TEST.c.id.desc()).limit(limit)
        return tuple(ConfigurationTest(**r._mapping) for r in self.connection.execute(query).all())

    def test_of(self, reference: str) -> ConfigurationTest | None:
        """The test that an event was, if it was one."""
        row = self.connection.execute(select(_TEST).where(_TEST.c.reference == reference)).one_or_none()
        return None if row is None else ConfigurationTest(**row._mapping)

    def replace_recovery_codes(self, account_id: int, codes: Sequence[RecoveryCode]) -> None:
        """Keep these codes of an account and no others."""
        self.connection.execute(delete(_CODE).where(_CODE.c.account_id == account_id))
        for code in codes:
            values = asdict(code)
            del values["id"]
            self.connection.execute(insert(_CODE), values)

    def recovery_codes(self, account_id: int) -> tuple[RecoveryCode, ...]:
        """The codes of an account, used ones too."""
        query = select(_CODE).where(_CODE.c.account_id == account_id).order_by(_CODE.c.id)
        return tuple(RecoveryCode(**r._mapping) for r in self.connection.execute(query).all())

    def spend_recovery_code(self, account_id: int, digest: str, *, at: datetime, used_by: str) -> bool:
        """Use a code; False where the account has none of this digest, or it was used before."""
        fits = (_CODE.c.account_id == account_id) & (_CODE.c.digest == digest) & _CODE.c.used_at.is_(None)
        return self.connection.execute(update(_CODE).where(fits).values(used_at=at, used_by=used_by)).rowcount == 1

    def logins_with_message(self, account_id: int, limit: int) -> tuple[str, ...]:
        """The references of the newest live logins of an account whose raw message is kept, newest first."""
        query = (
            select(_EVENT.c.reference)
            .join(_MESSAGE, _MESSAGE.c.event_id == _EVENT.c.id)
            .where(_EVENT.c.account_id == account_id, _EVENT.c.kind == "login", _EVENT.c.mode == "live")
            .order_by(_EVENT.c.at.desc(), _EVENT.c.id.desc())
            .limit(limit)
        )
        return tuple(self.connection.execute(query).scalars())

    def metadata_source(self, account_id: int) -> MetadataSource | None:
        """Where the account's metadata comes from, if it is fetched."""
        row = self.connection.execute(select(_SOURCE).where(_SOURCE.c.account_id == account_id)).one_or_none()
        return None if row is None else MetadataSource(**row._mapping)

    def metadata_sources(self) -> tuple[MetadataSource, ...]:
        """Every source."""
        rows = self.connection.execute(select(_SOURCE).order_by(_SOURCE.c.account_id)).all()
        return tuple(MetadataSource(**r._mapping) for r in rows)

    def put_metadata_source(self, account_id: int, source: MetadataSource | None) -> None:
        """Remember a source instead of the one before; None forgets it."""
        self.connection.execute(delete(_SOURCE).where(_SOURCE.c.account_id == account_id))
        if source is not None:
            self.connection.execute(insert(_SOURCE), asdict(source))
