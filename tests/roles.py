"""The roles of the tests' server: each Database is opened as botcore_app, what arranges and looks is a superuser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from botcore import Database
from botcore import roles as database_roles

PASSWORD = "of-a-test"  # noqa: S105 - for a server of TEST_DATABASE_URL that asks for one

OBJECTS = """
    SELECT relname, pg_get_userbyid(relowner) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i'
    UNION ALL
    SELECT proname, pg_get_userbyid(proowner) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT stxname, pg_get_userbyid(stxowner) FROM pg_statistic_ext
"""
"""Each thing in the schema with its owner."""
EVERYTHING = r"""
    SELECT 'right', c.oid::regclass::text, array(SELECT unnest(relacl)::text ORDER BY 1)::text FROM pg_class AS c
    WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'column', attrelid::regclass::text, attname || attacl::text FROM pg_attribute WHERE attacl IS NOT NULL
    UNION ALL
    SELECT 'database', datname, array(SELECT unnest(datacl)::text ORDER BY 1)::text FROM pg_database
    WHERE datname = current_database()
    UNION ALL
    SELECT 'schema', nspname, array(SELECT unnest(nspacl)::text ORDER BY 1)::text FROM pg_namespace
    UNION ALL
    SELECT 'role', rolname, concat_ws(' ', rolsuper, rolcanlogin, rolcreaterole, rolinherit, rolcreatedb) FROM pg_roles
    WHERE rolname LIKE 'botcore\_%'
    UNION ALL
    SELECT 'setting', setrole::regrole::text, setconfig::text FROM pg_db_role_setting
    WHERE setrole::regrole::text LIKE 'botcore\_%'
    UNION ALL
    SELECT 'member', roleid::regrole::text, member::regrole::text FROM pg_auth_members
    WHERE roleid::regrole::text LIKE 'botcore\_%'
    ORDER BY 1, 2, 3
"""
"""All that roles.sql and grants.sql decide."""

current = "app"
"""What a Database is opened as, or `superuser` for what the URL says."""

_superusers: set[tuple[object, ...]] = set()


def create(url: str) -> None:
    """Makes the roles for the URL's database, by the file as psql gets it; any number of processes may at once."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(database_roles.script().encode())
        if connection.info.password:
            for name in database_roles.NAMES:
                _set_password(connection, f"botcore_{name}")
    _superusers.add(_login(url))


def admission(database: str) -> bytes:
    """The rights on the database itself, as roles.sql gives them: the whole file takes ten times as long."""
    return f"""
        REVOKE ALL ON DATABASE {database} FROM PUBLIC;
        GRANT CONNECT, TEMPORARY ON DATABASE {database} TO botcore_owner;
        GRANT CONNECT ON DATABASE {database} TO botcore_app, botcore_eraser, botcore_reader
    """.encode()


def url_of(role: str, url: str) -> str:
    """The same database for another role."""
    login = {"user": f"botcore_{role}"} | ({"password": PASSWORD} if conninfo_to_dict(url).get("password") else {})
    return make_conninfo(url, **login)


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What a query gives, in a transaction of its own."""
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def connect_as_app() -> None:
    """From now on each Database of a server that has the roles is opened as `current`, with the eraser beside it."""
    connect = Database.connect.__func__  # type: ignore[attr-defined]

    @asynccontextmanager
    async def connect_as(cls: type[Database], /, url: str, **settings: Any) -> AsyncIterator[Database]:
        if current != "superuser" and _is_superuser(url):
            settings["eraser_url"] = settings.get("eraser_url") or url_of("eraser", url)
            url = url_of(current, url)
        async with connect(cls, url, **settings) as database:
            yield database

    Database.connect = classmethod(connect_as)  # type: ignore[assignment, method-assign]


def _is_superuser(url: str) -> bool:
    try:
        return _login(url) in _superusers
    except psycopg.ProgrammingError:
        return False


def _login(url: str) -> tuple[object, ...]:
    given = conninfo_to_dict(url)
    return given.get("host"), given.get("port"), given.get("user")


def _set_password(connection: psycopg.Connection, role: str) -> None:
    """Unless it has one: two processes that change a role at once fail."""
    alter = f"""
        DO $$ BEGIN
            IF (SELECT rolpassword IS NULL FROM pg_authid WHERE rolname = '{role}') THEN
                ALTER ROLE {role} PASSWORD '{PASSWORD}';
            END IF;
        EXCEPTION WHEN internal_error THEN NULL;
        END $$
    """
    connection.execute(alter.encode())
