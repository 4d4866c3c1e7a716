"""Runs the migrations for Alembic, whoever asks: `botcli db upgrade`, botcore.migrations or `alembic upgrade`."""

import os

from sqlalchemy import NullPool, create_engine

from alembic import context
from botcore import migrations, pool

url = context.config.attributes.get("url") or os.environ.get("DATABASE_DIRECT_URL") or os.environ.get("DATABASE_URL")

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True, dialect_opts={"paramstyle": "named"})
    with context.begin_transaction():
        context.run_migrations()
elif not url:
    raise SystemExit("set DATABASE_URL, or run `botcli db upgrade` for the embedded server")
else:
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: pool.connect_sync(url, autocommit=False, options=f"-c lock_timeout={migrations.LOCK_TIMEOUT}"),
        # closes the connection with its block, also when a migration fails
        poolclass=NullPool,
    )
    with migrations.lock(url), engine.connect() as connection:
        # each migration is committed on its own: one that fails leaves what came before it
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
