"""Which database a connection leads to, by whatever address and through whatever pooler."""

import psycopg

from botcore import queries
from botcore.connection import Connection


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
