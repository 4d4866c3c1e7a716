"""What is said and done where Redis refuses, where others have keys there, and where the bot may not erase."""

from pathlib import Path
from typing import Any

import pytest
from aiogram import Bot
from aiogram.fsm.storage.base import StorageKey

from botcli.bot import build_dispatcher
from botcli.cli import privacy
from botcli.redis_storage import RedisStorage
from botcli.replies.echo import Echo
from botcore import Database, NotPermitted, Unavailable, health
from tests import redises, roles
from tests.botcli.bot_api import BotApi
from tests.botcli.test_redis import enter, redis
from tests.botcli.updates import message

__all__ = ["redis"]

pytestmark = redises.needs_redis

KEY = StorageKey(42, 7, 7)


@pytest.mark.usefixtures("settings")
async def test_forget_where_nobody_may_be_erased(
    redis: RedisStorage,
    redis_server: redises.Redis,
    database_url: str,
    bot: Bot,
    bot_api: BotApi,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is removed on Redis either, by the bot or by the command."""
    await enter(redis)
    before = redis_server.cli("DBSIZE")
    monkeypatch.setenv("DATABASE_URL", roles.url_of("app", database_url))
    monkeypatch.setenv("REDIS_URL", redis_server.url)

    async with Database.connect(roles.url_of("app", database_url)) as database:
        update = {"update_id": 1, "message": message("/forget yes")}
        await build_dispatcher(database, Echo(), redis=redis).feed_raw_update(bot, update)
    with pytest.raises(NotPermitted):
        await privacy.erase(user=7, yes=True)

    assert [sent["text"] for sent in bot_api.sent] == [
        "I cannot do that by myself, and nothing is forgotten yet: ask my operator."
    ]
    assert redis_server.cli("DBSIZE") == before


@pytest.mark.usefixtures("settings")
async def test_export_while_redis_is_gone(database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file that would be overwritten stays as it was."""
    await database.ping()
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    file = tmp_path / "person.jsonl"
    file.write_text("as it was")

    with pytest.raises(Unavailable):
        await privacy.export(user=7, output_file=file, force=True)

    assert file.read_text() == "as it was"


async def test_keys_of_others(redis: RedisStorage, redis_server: redises.Redis) -> None:
    """What has not all the parts of a form below the prefix is neither exported nor removed."""
    foreign = ["botcore:fsm:a:7:b", "botcore:fsm:42:7:7:0:state", "botcore:fsm:42:7:x:0::default:state"]
    for key in foreign:
        redis_server.cli("SET", key, "x")
    await redis.set_state(StorageKey(42, 7, 7, destiny="a:7\nb"), "Form:age")

    found = await redis.entered(telegram_user_id=7)
    await redis.erase(telegram_user_id=7)

    assert [(each["destiny"], each["state"]) for each in found] == [("a:7\nb", "Form:age")]
    assert sorted(redis_server.cli("KEYS", "*").splitlines()) == sorted(foreign)


async def test_storage_after_a_failover(tmp_path: Path) -> None:
    """A server that became a replica is left: the next call goes to where the URL leads by now."""
    with redises.server() as old, redises.server() as new:
        door = tmp_path / "socket"
        door.symlink_to(old.url.removeprefix("unix://"))
        storage = RedisStorage(f"unix://{door}")
        await storage.set_state(KEY, "Form:age")
        old.cli("REPLICAOF", "127.0.0.1", "1")
        door.unlink()
        door.symlink_to(new.url.removeprefix("unix://"))

        with pytest.raises(Unavailable, match="only a replica answers"):
            await storage.set_state(KEY, "Form:name")
        await storage.set_state(KEY, "Form:name")

        assert new.cli("GET", "botcore:fsm:42:7:7:0::default:state") == "Form:name"
        await storage.close()


REFUSALS: dict[str, tuple[str, dict[str, str]]] = {
    "it refuses the user or the password": ("?username=nobody&password=canary", {}),
    "it answers ERR": ("?db=99", {}),
    "it answers NOREPLICAS": ("", {"min-replicas-to-write": "3"}),
}


@pytest.mark.parametrize("reason", REFUSALS)
async def test_refusal_in_the_servers_word(redis_server: redises.Redis, reason: str) -> None:
    """Who looks and who calls is told what the server says, over a socket, too, and nothing of what was entered."""
    query, config = REFUSALS[reason]
    found: dict[str, health.Check] = {}
    storage = RedisStorage(redis_server.url + query)
    for name, value in config.items():
        redis_server.cli("CONFIG", "SET", name, value)

    try:
        await storage.look(found)
        with pytest.raises(Unavailable) as refused:
            await storage.set_data(KEY, {"a": "canary caused error: CANARY"})
    finally:
        for name in config:
            redis_server.cli("CONFIG", "SET", name, "0")
        await storage.close()

    assert (found["redis"].reason, refused.value.reason) == (reason, f"Redis: {reason}")


async def test_storage_by_a_user_of_its_own(redis: RedisStorage, redis_server: redises.Redis) -> None:
    """What operations.md gives that user is enough for all that is asked of Redis."""
    rights = ["~botcore:fsm:*", "+@read", "+@write", "+@transaction", "+@connection", "+info"]
    redis_server.cli("ACL", "SETUSER", "bot", "on", ">canary", *rights)
    storage, found = RedisStorage(f"{redis_server.url}?username=bot&password=canary"), dict[str, Any]()

    await enter(storage)
    await storage.look(found)
    about = await storage.about()
    entered = await storage.entered(telegram_user_id=7)
    await storage.erase(telegram_user_id=7)
    await storage.close()
    redis_server.cli("ACL", "DELUSER", "bot")

    assert found["redis"].reason is None
    assert (bool(about), len(entered), await redis.entered(telegram_user_id=7)) == (True, 2, [])
