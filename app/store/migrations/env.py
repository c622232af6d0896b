"""Alembic's entry: runs the revisions on the connection that app.store hands over, inside its transaction."""

from alembic import context

config = context.config
context.configure(
    connection=config.attributes["connection"],
    target_metadata=config.attributes.get("target_metadata"),
    transactional_ddl=True,
)
context.run_migrations()
