"""Accounts, configurations, users, events with changes and raw messages, replays, requests, settings."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_instant = sa.BigInteger


def upgrade() -> None:
    """Create every table of the first version."""
    op.create_table(
        "accounts",
        sa.Column("id", _id, nullable=False),
        sa.Column("imagekit_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("seat_limit", sa.Integer(), nullable=False),
        sa.Column("seat_price", sa.Text()),
        sa.Column("created_at", _instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("imagekit_id", name="uq_accounts_imagekit_id"),
    )
    op.create_table(
        "configurations",
        sa.Column("id", _id, nullable=False),
        sa.Column("account_id", _id, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary()),
        sa.Column("sha256", sa.Text()),
        sa.Column("idp_entity_id", sa.Text()),
        sa.Column("entity_id", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_configurations"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_configurations_account_id"),
        sa.UniqueConstraint("account_id", "number", name="uq_configurations_account_id_number"),
    )
    op.create_table(
        "users",
        sa.Column("id", _id, nullable=False),
        sa.Column("account_id", _id, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("changed_at", _instant()),
        sa.Column("last_login_at", _instant()),
        sa.Column("logins", sa.Integer(), nullable=False),
        sa.Column("last_issuer", sa.Text()),
        sa.Column("stable_id", sa.Text()),
        sa.Column("previous_id", _id),
        sa.Column("deleted_at", _instant()),
        sa.Column("deleted_by", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_users_account_id"),
        sa.ForeignKeyConstraint(["previous_id"], ["users.id"], name="fk_users_previous_id"),
    )
    op.create_index(
        "uq_users_active_email",
        "users",
        ["account_id", "email_key"],
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_index("ix_users_email_key", "users", ["email_key"])
    op.create_index("ix_users_account_id_full_name", "users", ["account_id", "full_name"])
    op.create_table(
        "events",
        sa.Column("id", _id, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("at", _instant(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "origin", "mode", "flow")),
        sa.Column("operator", sa.Text()),
        sa.Column("account_id", _id),
        sa.Column("account_claimed", sa.Text()),
        sa.Column("revision", sa.Integer()),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text()),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("reason", "category", "sentence", "action")),
        sa.Column("notes", sa.Text()),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("user_id", _id),
        sa.Column("previous_user_id", _id),
        *(sa.Column(name, sa.Text()) for name in ("role_before", "role_asserted", "role_after")),
        *(sa.Column(name, sa.Integer()) for name in ("seats_before", "seats_after", "seats_limit")),
        *(
            sa.Column(name, sa.Text())
            for name in (
                "issuer",
                "response_id",
                "assertion_id",
                "in_response_to",
                "name_id",
                "name_id_format",
                "certificate",
            )
        ),
        sa.Column("failed_checks", sa.Text(), nullable=False),
        sa.Column("judged_at", _instant()),
        sa.Column("duration_us", sa.Integer()),
        sa.Column("sha256", sa.Text()),
        sa.Column("faults", sa.Text()),
        sa.Column("expected", sa.Text()),
        sa.Column("as_expected", sa.Boolean()),
        sa.Column("details", sa.LargeBinary()),
        sa.Column("checks", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("reference", name="uq_events_reference"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_events_account_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_events_user_id"),
    )
    op.create_index("ix_events_at_id", "events", ["at", "id"])
    op.create_index("ix_events_account_id_at_id", "events", ["account_id", "at", "id"])
    op.create_index("ix_events_reason_at_id", "events", ["reason", "at", "id"])
    op.create_index("ix_events_email_key_id", "events", ["email_key", "id"])
    op.create_index("ix_events_user_id_at", "events", ["user_id", "at"])
    op.create_table(
        "changes",
        sa.Column("event_id", _id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("old", sa.Text()),
        sa.Column("new", sa.Text()),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", "position", name="pk_changes"),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_changes_event_id"),
    )
    op.create_table(
        "messages",
        sa.Column("event_id", _id, nullable=False),
        sa.Column("at", _instant(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_messages"),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name="fk_messages_event_id"),
    )
    op.create_index("ix_messages_at", "messages", ["at"])
    op.create_table(
        "replays",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("first_used_at", _instant(), nullable=False),
        sa.Column("expires_at", _instant(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_replays"),
    )
    op.create_index("ix_replays_expires_at", "replays", ["expires_at"])
    op.create_table(
        "requests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", _id, nullable=False),
        sa.Column("idp_entity_id", sa.Text(), nullable=False),
        sa.Column("sent_at", _instant(), nullable=False),
        sa.Column("expires_at", _instant(), nullable=False),
        sa.Column("relay_state", sa.Text()),
        sa.Column("email", sa.Text()),
        sa.Column("browser", sa.Text()),
        sa.Column("answered_at", _instant()),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_requests_account_id"),
    )
    op.create_index("ix_requests_expires_at", "requests", ["expires_at"])
    op.create_table(
        "settings",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_settings"),
    )


def downgrade() -> None:
    """Remove every table."""
    for table in (
        "settings",
        "requests",
        "replays",
        "messages",
        "changes",
        "events",
        "users",
        "configurations",
        "accounts",
    ):
        op.drop_table(table)
