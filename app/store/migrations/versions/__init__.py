"""The revisions, loaded by Alembic by file."""
