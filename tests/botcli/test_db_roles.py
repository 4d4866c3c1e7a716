"""`botcli db roles` and `db password`, and a bot whose own role removes nothing."""

import os

import psycopg
from aiogram import Bot

from botcli.bot import build_dispatcher
from botcli.replies.echo import Echo
from botcore import Database
from botcore import roles as database_roles
from tests import roles
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Start
from tests.botcli.updates import ADA, message


async def test_roles_prints_their_names(start: Start, database_url: str) -> None:
    """The names are data, one a line; how to set a password is talk."""
    process = await start("db", "roles", DATABASE_URL=database_url)
    out, err = await process.communicate()

    assert (process.returncode, out.decode().split()) == (0, [f"botcore_{name}" for name in database_roles.NAMES])
    assert err.decode() == "a password for those that have none: `botcli db password ROLE`\n"


async def test_roles_as_sql(start: Start) -> None:
    """The script is printed as it is run, with the prefix in it; no server is asked."""
    process = await start("db", "roles", "--sql", "--prefix", "shop", DATABASE_URL="postgresql://127.0.0.1:1/x")
    out, err = await process.communicate()

    assert (process.returncode, out.decode(), err) == (0, database_roles.script("shop"), b"")


async def test_roles_by_the_app(start: Start) -> None:
    """Who may not make roles is told in one line what to connect as."""
    process = await start("db", "roles")
    out, err = await process.communicate()

    assert (process.returncode, out, err.count(b"\n")) == (1, b"", 1)
    assert err.decode().startswith("botcli: roles: botcore_app does not own the database: connect as its owner, ")


async def test_password_from_stdin(start: Start, database_url: str) -> None:
    """The first line of stdin becomes the password, of which nothing is shown or kept but a verifier."""
    role = f"t{os.getpid()}_password"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN".encode())
        process = await start("db", "password", role, DATABASE_URL=database_url, LOG_LEVEL="DEBUG")
        out, err = await process.communicate(b"canary-password\n")

        kept = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [role]).fetchone()
        connection.execute(f"DROP ROLE {role}".encode())

    assert (process.returncode, out) == (0, b"")
    assert err.decode() == f"{role} has a new password\n"
    assert kept[0].startswith("SCRAM-SHA-256$")  # type: ignore[index]


async def test_commands_that_remove_go_by_the_eraser(start: Start, database: Database) -> None:
    """With the eraser's URL beside the app's, erase and purge work; without it they change nothing and say so."""
    await database.users.get_or_create(telegram_user_id=7, first_name="Ada")

    alone = await start("erase", "--user", "7", "--yes", DATABASE_ERASER_URL=None)
    _, refused = await alone.communicate()
    together = await start("erase", "--user", "7", "--yes")
    receipt, _ = await together.communicate()
    purge = await start("purge", "--older-than", "1h", "--yes")
    await purge.communicate()

    assert (alone.returncode, refused.decode()) == (
        1,
        "botcli: users/erase: the role of the database's URL may not do this\n",
    )
    assert (together.returncode, purge.returncode) == (0, 0)
    assert b"users\t1\n" in receipt


async def test_eraser_without_a_database(start: Start) -> None:
    """An eraser of another database than the bot's own, the embedded one, would erase elsewhere: it is refused."""
    process = await start("erase", "--user", "7", "--yes", DATABASE_URL=None)
    _, err = await process.communicate()

    assert process.returncode == 2
    assert err.decode().startswith("botcli: DATABASE_ERASER_URL: ")


async def test_forget_where_the_bot_may_not(bot: Bot, bot_api: BotApi, database_url: str) -> None:
    """A bot that has no eraser says that it cannot, and nothing is removed or refused."""
    async with Database.connect(roles.url_of("app", database_url)) as database:
        dispatcher = build_dispatcher(database, Echo())
        await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message("Hello")})
        await dispatcher.feed_raw_update(bot, {"update_id": 2, "message": message("/forget yes")})
        await dispatcher.feed_raw_update(bot, {"update_id": 3, "message": message("Hello?")})

        kept = await database.users.kept(telegram_user_id=ADA["id"])

    answers = [sent["text"] for sent in bot_api.sent]
    assert answers[1] == "I cannot do that by myself, and nothing is forgotten yet: ask my operator."
    assert answers[2] == "Hello?"
    assert (kept.users, kept.hidden_users) == (1, 0)
