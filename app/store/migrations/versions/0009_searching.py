"""What the log is searched by, on PostgreSQL: in the order of code points, and with numbers that need no row read."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_COLUMNS = ("reference", "reference_turned", "assertion_id", "email_key")


def _change(collation: str, include: str) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    changes = ", ".join(f'ALTER COLUMN {c} TYPE TEXT COLLATE "{collation}"' for c in _COLUMNS)
    op.execute(f"ALTER TABLE events DROP CONSTRAINT uq_events_reference, {changes}")
    op.execute(f"ALTER TABLE events ADD CONSTRAINT uq_events_reference UNIQUE (reference) {include}")
    op.execute("DROP INDEX ix_events_reference_turned")
    op.execute(f"CREATE INDEX ix_events_reference_turned ON events (reference_turned) {include}")
    op.execute("ANALYZE events")  # what was known of these columns is forgotten, and every search would be guessed


def upgrade() -> None:
    """Make it so. SQLite has no other order, and its indexes hold the numbers."""
    _change("C", "INCLUDE (id)")


def downgrade() -> None:
    """Leave it to the database's own language again."""
    _change("default", "")
