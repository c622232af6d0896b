"""The lists of people that directories gave, and the clean-ups that were made from them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the two tables, empty."""
    op.create_table(
        "snapshots",
        sa.Column("id", _ID, nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("imported_at", sa.BigInteger(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("key_column", sa.Text(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("disabled", sa.Integer(), nullable=False),
        sa.Column("absent", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger()),
        sa.Column("confirmed_by", sa.Text()),
        sa.Column("discarded_at", sa.BigInteger()),
        sa.Column("discarded_by", sa.Text()),
        sa.Column("standings", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_snapshots_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_snapshots"),
    )
    op.create_index("ix_snapshots_account_id_taken_at", "snapshots", ["account_id", "taken_at"])
    op.create_table(
        "cleanups",
        sa.Column("id", _ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("export", sa.LargeBinary(), nullable=False),
        sa.Column("export_sha256", sa.Text(), nullable=False),
        sa.Column("items", sa.LargeBinary(), nullable=False),
        sa.Column("ticked", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_cleanups_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_cleanups"),
        sa.UniqueConstraint("reference", name="uq_cleanups_reference"),
    )
    op.create_index("ix_cleanups_account_id_applied_at", "cleanups", ["account_id", "applied_at"])


def downgrade() -> None:
    """Remove them, with what they hold."""
    op.drop_table("cleanups")
    op.drop_table("snapshots")
