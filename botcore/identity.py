"""Where a connection leads to: which database that is, and whether a pooler is in between."""

import psycopg

from botcore import queries
from botcore.connection import Connection
from botcore.errors import InvalidInput


async def of(connection: Connection) -> str | None:
    """The server's identifier and the database's oid, and None where the server does not tell.

    Raises what the driver raises.
    """
    try:
        cursor = await connection.execute(queries.load("database/connect_identity").statement, prepare=False)
        [found] = await cursor.fetchone() or [None]
    except psycopg.Error as error:
        # some hosts keep the function to themselves, and what only speaks like PostgreSQL has none
        if error.sqlstate not in {"42501", "42883", "0A000"}:
            raise
        return None
    return str(found)


async def refuse_pooler(connection: Connection) -> None:
    """Raises InvalidInput where another process answers than the one that the connection was made with."""
    cursor = await connection.execute(queries.load("database/connect_backend").statement, prepare=False)
    if await cursor.fetchone() != (connection.info.backend_pid,):
        raise InvalidInput("DATABASE_URL", "leads to a pooler: set DATABASE_DIRECT_URL to the server itself")
