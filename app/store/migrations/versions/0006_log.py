"""What a million events need so that every filter and order of the log answers at once."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

_ALONG = ("account_id", "reason", "status", "outcome", "email_key")
_ALSO = ("account_id", "kind", "status", "outcome", "mode", "reason")
_FULL = ("issuer", "certificate", "revision", "role_after")
_PARTIAL = {
    "category": "category <> ''",
    "mode": "mode <> 'live'",
    "origin": "origin <> 'acs'",
    "kind": "kind <> 'login'",
    "flow": "flow <> 'idp_initiated'",
    "role_asserted": "role_asserted <> role_after OR role_after IS NULL",
    "role_before": "role_before <> role_after OR role_after IS NULL",
}


def upgrade() -> None:
    """Add the indexes, and the people of the log taken from its events."""
    op.create_table(
        "persons",
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("email_key", "full_name", name="pk_persons"),
    )
    op.execute(
        "INSERT INTO persons (email_key, full_name) SELECT DISTINCT email_key, full_name FROM events "
        "WHERE email_key <> '' OR full_name <> ''"
    )
    op.drop_index("ix_events_email_key_id", "events")
    op.drop_index("ix_events_account_id_at_id", "events")
    op.drop_index("ix_events_reason_at_id", "events")
    for column in _ALONG:
        also = [c for c in _ALSO if c != column]
        op.create_index(f"ix_events_{column}_at_id", "events", [column, "at", "id", *also])
    for column in _FULL:
        op.create_index(f"ix_events_{column}_at_id", "events", [column, "at", "id"])
    op.create_index("ix_events_assertion_id", "events", ["assertion_id"])
    for column, where in _PARTIAL.items():
        more = _ALSO if column == "category" else ()
        _partial(f"ix_events_{column}_at_id", [column, "at", "id", *more], where)
    _partial("ix_events_failed_checks", ["at", "id", "failed_checks"], "failed_checks <> ''")


def _partial(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "events", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    """Remove them; the events stay."""
    op.drop_index("ix_events_failed_checks", "events")
    op.drop_index("ix_events_assertion_id", "events")
    for column in (*_PARTIAL, *_FULL, *_ALONG):
        op.drop_index(f"ix_events_{column}_at_id", "events")
    op.create_index("ix_events_reason_at_id", "events", ["reason", "at", "id"])
    op.create_index("ix_events_account_id_at_id", "events", ["account_id", "at", "id"])
    op.create_index("ix_events_email_key_id", "events", ["email_key", "id"])
    op.drop_table("persons")
