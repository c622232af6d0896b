"""References turned round, so that a piece out of the middle of one is found at once among a million."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, fill it from the references (third word, digits, second word), and index it."""
    op.add_column("events", sa.Column("reference_turned", sa.Text(), server_default="", nullable=False))
    find = sa.func.instr if op.get_bind().dialect.name == "sqlite" else sa.func.strpos
    events = sa.table("events", sa.column("reference", sa.Text()), sa.column("reference_turned", sa.Text()))
    tail = sa.func.substr(events.c.reference, find(events.c.reference, "-") + 1, type_=sa.Text())
    rest = sa.func.substr(tail, find(tail, "-") + 1, type_=sa.Text())
    turned = rest + "-" + sa.func.substr(tail, 1, find(tail, "-") - 1, type_=sa.Text())
    op.execute(events.update().values(reference_turned=turned).where(events.c.reference.like("%-%-%-%")))
    op.create_index("ix_events_reference_turned", "events", ["reference_turned"])


def downgrade() -> None:
    """Remove it."""
    op.drop_index("ix_events_reference_turned", "events")
    op.drop_column("events", "reference_turned")
