"""What several desks and servers share: counted seats, numbered settings."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the counts, taken from the users, and the numbers of settings."""
    op.add_column("accounts", sa.Column("active_users", sa.Integer(), server_default="0", nullable=False))
    op.add_column("accounts", sa.Column("administrators", sa.Integer(), server_default="0", nullable=False))
    op.add_column("settings", sa.Column("number", sa.BigInteger(), server_default="0", nullable=False))
    if op.get_bind().dialect.name != "sqlite":
        # The first version created it with 32 bits, and migrated it with 64.
        op.alter_column("events", "previous_user_id", type_=sa.BigInteger())
    op.execute(
        "UPDATE accounts SET active_users = (SELECT count(*) FROM users WHERE users.account_id = accounts.id "
        "AND users.deleted_at IS NULL), administrators = (SELECT count(*) FROM users WHERE users.account_id = "
        "accounts.id AND users.deleted_at IS NULL AND users.role = 'account_administrator')"
    )


def downgrade() -> None:
    """Remove them; settings that were removed meanwhile go for good."""
    op.execute("DELETE FROM settings WHERE value = 'null'")
    op.drop_column("settings", "number")
    op.drop_column("accounts", "administrators")
    op.drop_column("accounts", "active_users")
