"""How the roles are made: by whom, in which database, again, at once, by psql; and their passwords."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from botcore import BotcoreError, Database, InvalidInput, NotPermitted, migrations
from botcore import roles as database_roles
from tests import roles
from tests.conftest import CreateDatabase
from tests.factories import said
from tests.test_migrations import Pour, pour

__all__ = ["pour"]

_numbers = count()


@pytest.fixture
def prefix(server: dict[str, Any]) -> Iterator[str]:
    """A prefix that no other test has; its roles go after the test's databases."""
    prefix = f"t{os.getpid()}_{next(_numbers)}"
    yield prefix
    with psycopg.connect(**server, dbname="postgres", autocommit=True) as connection:
        made = connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", [f"{prefix}\\_%"]).fetchall()
        # whoever was granted the membership of another goes last
        for [name] in sorted(made, key=lambda row: row[0].endswith("_admin")):
            connection.execute(f'DROP ROLE "{name}"'.encode())


@pytest.fixture
def own_database_url(prefix: str, create_database: CreateDatabase) -> Iterator[str]:  # noqa: ARG001 - made before it
    """The URL of an empty database, which goes before its roles do."""
    with create_database() as url:
        yield url


@pytest.fixture
def admin_url(prefix: str, own_database_url: str) -> str:
    """As a managed service gives it: who owns the database and may create roles, and is no superuser."""
    return _login(own_database_url, f"{prefix}_admin", "CREATEROLE")


def _login(url: str, name: str, *attributes: str) -> str:
    """The database's URL for a new role, which owns it where it has attributes."""
    with psycopg.connect(url, autocommit=True) as connection:
        password = f"PASSWORD '{roles.PASSWORD}'" if connection.info.password else ""
        connection.execute(f"CREATE ROLE {name} LOGIN {' '.join(attributes)} {password}".encode())
        if attributes:
            connection.execute(f"ALTER DATABASE {connection.info.dbname} OWNER TO {name}".encode())
    return _as(name, url)


def _as(name: str, url: str) -> str:
    login = {"user": name} | ({"password": roles.PASSWORD} if conninfo_to_dict(url).get("password") else {})
    return make_conninfo(url, **login)


def _admitted(name: str, url: str) -> str:
    """As `_as`, for a role that has no password yet."""
    if conninfo_to_dict(url).get("password"):
        asyncio.run(database_roles.set_password(url, name, roles.PASSWORD))
    return _as(name, url)


def test_create_gives_their_names(prefix: str, own_database_url: str) -> None:
    """There are five of them; only the owner does not log in, and none has a password."""
    names = asyncio.run(database_roles.create(own_database_url, prefix))

    assert names == [f"{prefix}_{name}" for name in ("owner", "migrator", "app", "eraser", "reader")]
    found = f"SELECT rolname, rolcanlogin, rolpassword FROM pg_authid WHERE rolname LIKE '{prefix}%'"
    assert sorted(roles.rows(own_database_url, found)) == sorted((name, name != names[0], None) for name in names)


def test_create_again_changes_nothing(database_url: str) -> None:
    """Run again, by itself or as a script, it leaves every right, setting and membership as it was."""
    before = roles.rows(database_url, roles.EVERYTHING)

    asyncio.run(database_roles.create(database_url))

    assert roles.rows(database_url, roles.EVERYTHING) == before


def test_create_takes_back_what_was_granted_besides(database_url: str) -> None:
    """A right that the files do not have does not outlive the next run."""
    before = roles.rows(database_url, roles.EVERYTHING)
    with psycopg.connect(database_url) as connection:
        connection.execute("GRANT DELETE, TRUNCATE ON messages TO botcore_app")
        connection.execute("GRANT UPDATE (id) ON messages TO botcore_eraser")
        connection.execute("GRANT SELECT ON refusals TO PUBLIC")

    asyncio.run(database_roles.create(database_url))

    assert roles.rows(database_url, roles.EVERYTHING) == before


def test_create_in_an_older_database(prefix: str, admin_url: str) -> None:
    """By who made its tables, no superuser, they become the owner's, and that role and its bot go on as before."""
    asyncio.run(migrations.upgrade(admin_url))

    asyncio.run(database_roles.create(admin_url, prefix))
    again = asyncio.run(database_roles.create(admin_url))

    assert {owner for _, owner in roles.rows(admin_url, roles.OBJECTS)} == {f"{prefix}_owner"}
    assert again[0] == f"{prefix}_owner"
    asyncio.run(_purge_and_record(admin_url))


def test_create_before_the_first_migration(prefix: str, admin_url: str) -> None:
    """What the migrator makes then is the owner's, and the app may work without anything granted since."""
    asyncio.run(database_roles.create(admin_url, prefix))
    migrator, app, eraser = (_admitted(f"{prefix}_{name}", admin_url) for name in ("migrator", "app", "eraser"))

    asyncio.run(migrations.upgrade(migrator))

    assert {owner for _, owner in roles.rows(admin_url, roles.OBJECTS)} == {f"{prefix}_owner"}
    asyncio.run(_purge_and_record(app, eraser))


async def _purge_and_record(url: str, eraser_url: str | None = None) -> None:
    async with Database.connect(url, eraser_url=eraser_url) as database:
        recorded = await said(database)
        await database.messages.purge(before=recorded.message.sent_at)
        assert (await database.users.erase(telegram_user_id=7)).messages == 1


def test_scripts_in_psql(prefix: str, own_database_url: str, pour: Pour) -> None:
    """Roles and schema by psql alone, a superuser's, are those that Python makes."""
    pour(database_roles.script(prefix), own_database_url)
    pour(migrations.script(), own_database_url)
    # the migrations by a superuser made tables before there was an owner to know
    pour(database_roles.script(prefix), own_database_url)

    assert {owner for _, owner in roles.rows(own_database_url, roles.OBJECTS)} == {f"{prefix}_owner"}
    app, eraser = (_admitted(f"{prefix}_{name}", own_database_url) for name in ("app", "eraser"))
    asyncio.run(_purge_and_record(app, eraser))


def test_files_in_psql(database_url: str, psql_binaries: Path) -> None:
    """The two files run as they are, twice, and leave the rights as they were."""
    before = roles.rows(database_url, roles.EVERYTHING)
    files = [f"--file={database_roles.path(name)}" for name in ("roles", "grants")]
    command = [str(psql_binaries / "psql"), "-X", "-1", "-v", "ON_ERROR_STOP=1", *files, *files, database_url]

    run = subprocess.run(command, check=False, capture_output=True, text=True)

    assert (run.returncode, run.stderr) == (0, "")
    assert roles.rows(database_url, roles.EVERYTHING) == before


def test_create_in_two_databases_at_once(prefix: str, create_database: CreateDatabase) -> None:
    """Roles are the server's: who comes second finds them made, and is not refused."""
    with create_database() as one, create_database() as other, ThreadPoolExecutor() as threads:
        made = list(threads.map(lambda url: asyncio.run(database_roles.create(url, prefix)), [one, other] * 3))

    assert len(made) == 6


def test_script_by_many_at_once(database_url: str) -> None:
    """In one database they take turns, also where nobody tries again: two that grant on one table would fail."""
    with ThreadPoolExecutor() as threads:
        list(threads.map(roles.create, [database_url] * 6))


@pytest.mark.parametrize("attributes", [(), ("CREATEROLE",)])
async def test_create_by_who_may_not(attributes: tuple[str, ...], prefix: str, own_database_url: str) -> None:
    """Who is not the database's owner, or may not create roles, is told so in a sentence; nothing is made."""
    url = _login(own_database_url, f"{prefix}_admin", *attributes)
    with psycopg.connect(own_database_url, autocommit=True) as connection:
        if attributes:
            connection.execute(f"ALTER ROLE {prefix}_admin NOCREATEROLE".encode())

    with pytest.raises(BotcoreError, match="may not create roles: connect" if attributes else "does not own the da"):
        await database_roles.create(url, prefix)

    assert len(roles.rows(own_database_url, f"SELECT FROM pg_roles WHERE rolname LIKE '{prefix}%'")) == 1


@pytest.mark.parametrize("name", ["Shop", "1shop", "shop'", "s" * 41, "shop-", "shöp"])
async def test_create_with_no_prefix(name: str, database_url: str) -> None:
    """What cannot be a prefix is refused before anything is asked."""
    with pytest.raises(InvalidInput, match="prefix: must be"):
        await database_roles.create(database_url, name)
    with pytest.raises(InvalidInput, match="prefix: must be"):
        database_roles.script(name)


async def test_create_with_another_prefix(database_url: str) -> None:
    """A database keeps the roles that it has: with others the old ones would keep their rights unseen."""
    with pytest.raises(InvalidInput, match="prefix: this database has the roles of the prefix botcore already"):
        await database_roles.create(database_url, "shop")


async def test_create_where_the_app_is_more_than_that(prefix: str, own_database_url: str) -> None:
    """A role of that name that may do more, or act for the owner, is not made use of."""
    _login(own_database_url, f"{prefix}_app", "CREATEDB")
    with pytest.raises(BotcoreError, match=f"role {prefix}_app is there and may do more"):
        await database_roles.create(own_database_url, prefix)
    with psycopg.connect(own_database_url, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {prefix}_app NOCREATEDB".encode())
    await database_roles.create(own_database_url, prefix)
    with psycopg.connect(own_database_url, autocommit=True) as connection:
        connection.execute(f"GRANT {prefix}_owner TO {prefix}_app".encode())

    with pytest.raises(BotcoreError, match="could drop every table"):
        await database_roles.create(own_database_url, prefix)


async def test_other_roles_stay_outside(prefix: str, own_database_url: str) -> None:
    """Who is none of the five does not come into the database any more."""
    await database_roles.create(own_database_url, prefix)
    url = _login(own_database_url, f"{prefix}_somebody")

    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(url)


async def test_set_password(prefix: str, own_database_url: str) -> None:
    """The server keeps a SCRAM verifier, whatever it hashes by otherwise, and the password is nowhere in it."""
    await database_roles.create(own_database_url, prefix)

    await database_roles.set_password(own_database_url, f"{prefix}_app", "canary'; DROP TABLE users; --")

    [(kept,)] = roles.rows(own_database_url, f"SELECT rolpassword FROM pg_authid WHERE rolname = '{prefix}_app'")
    assert kept.startswith("SCRAM-SHA-256$4096:")
    assert "canary" not in kept


async def test_set_password_of_nobody(own_database_url: str, database_url: str) -> None:
    """A role that is not there, an empty password and a right that is lacking are told apart, and show no password."""
    with pytest.raises(BotcoreError, match='role "nobody" does not exist'):
        await database_roles.set_password(own_database_url, "nobody", "canary")
    with pytest.raises(InvalidInput, match="password: must not be empty"):
        await database_roles.set_password(own_database_url, "nobody", "")
    with pytest.raises(BotcoreError, match="permission denied"):
        await database_roles.set_password(roles.url_of("app", database_url), "botcore_eraser", "canary")


@pytest.mark.role("superuser")
async def test_erase_without_the_right(database_url: str) -> None:
    """Where the app is alone, an erasure says so before it has refused, hidden or removed anything."""
    async with Database.connect(roles.url_of("app", database_url)) as database:
        await said(database)

        with pytest.raises(NotPermitted, match="users/erase: "):
            await database.users.erase(telegram_user_id=7)
        with pytest.raises(NotPermitted, match="messages/purge: "):
            await database.messages.purge(before=(await said(database)).message.sent_at)

        assert roles.rows(database_url, "SELECT FROM refusals") == []
        assert (await database.users.kept(telegram_user_id=7)).messages == 1
