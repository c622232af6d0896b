"""What an account decides for itself, kept in each revision of its configuration."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty: every account is as the workspace's preferences say."""
    op.add_column("configurations", sa.Column("choices", sa.Text()))


def downgrade() -> None:
    """Remove it, with what it holds."""
    op.drop_column("configurations", "choices")
