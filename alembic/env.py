"""Runs the migrations for Alembic, whoever asks: `botcli db upgrade`, botcore.migrations or `alembic upgrade`."""

import os

import psycopg
from sqlalchemy import NullPool, create_engine

from alembic import context
from botcore import migrations, pool, roles

url = context.config.attributes.get("url") or os.environ.get("DATABASE_DIRECT_URL") or os.environ.get("DATABASE_URL")
grants = context.config.attributes.get("grants", True)


def connect(url: str) -> psycopg.Connection:
    """A connection of the schema's owner, which gives up soon where it waits for a lock."""
    opened = pool.connect_sync(url, autocommit=False, options=f"-c lock_timeout={migrations.LOCK_TIMEOUT}")
    opened.execute(migrations.act_as_owner().encode())
    opened.commit()
    return opened


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True, dialect_opts={"paramstyle": "named"})
    with context.begin_transaction():
        context.static_output(migrations.act_as_owner())
        context.run_migrations()
        context.static_output(roles.grants())
elif not url:
    raise SystemExit("set DATABASE_URL, or run `botcli db upgrade` for the embedded server")
else:
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: connect(url),
        # closes the connection with its block, also when a migration fails
        poolclass=NullPool,
    )
    with migrations.lock(url), engine.connect() as connection:
        # each migration is committed on its own: one that fails leaves what came before it
        context.configure(
            connection=connection,
            transaction_per_migration=True,
            # with the migration, or not at all: the next upgrade would find nothing to do
            on_version_apply=lambda **_: migrations.execute(roles.grants()) if grants else None,
        )
        with context.begin_transaction():
            context.run_migrations()
