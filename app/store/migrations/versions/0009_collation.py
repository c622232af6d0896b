"""What the log is searched by stands in the order of its code points, on PostgreSQL too."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_COLUMNS = ("reference", "reference_turned", "assertion_id", "email_key")


def _collate(name: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        changes = ", ".join(f'ALTER COLUMN {c} TYPE TEXT COLLATE "{name}"' for c in _COLUMNS)
        op.execute(f"ALTER TABLE events {changes}")
        op.execute("ANALYZE events")  # what was known of these columns is forgotten, and every search would be guessed


def upgrade() -> None:
    """Make it so; the indexes on them are made anew. SQLite has no other order."""
    _collate("C")


def downgrade() -> None:
    """Leave it to the database's own language again."""
    _collate("default")
