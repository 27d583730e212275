"""Alembic's entry: the connection comes from the store's own engine, so that pragmas and locks are the same."""

from alembic import context
from sqlalchemy import Connection

from gameserver.store.engine import open_engine
from gameserver.store.tables import metadata


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata(), render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


engine = open_engine(context.config.attributes["url"])
with engine.begin() as open_connection:
    run(open_connection)
engine.dispose()
