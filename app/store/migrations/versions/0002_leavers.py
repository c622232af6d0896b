"""What the stale-user list keeps of a user: protection until a date, and the directory's "missing" mark."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the three columns, empty."""
    op.add_column("users", sa.Column("keep_until", sa.BigInteger()))
    op.add_column("users", sa.Column("keep_why", sa.Text()))
    op.add_column("users", sa.Column("missing_since", sa.BigInteger()))


def downgrade() -> None:
    """Remove them, with what they hold."""
    op.drop_column("users", "missing_since")
    op.drop_column("users", "keep_why")
    op.drop_column("users", "keep_until")
