"""A bot with REDIS_URL: what is told of Redis, and that forms there are exported and erased like the rest."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiogram import Bot
from aiogram.fsm.storage.base import StorageKey
from aiogram.types import Update

from botcli.bot import build_dispatcher
from botcli.cli import privacy
from botcli.cli.doctor import doctor
from botcli.probes import Probes
from botcli.redis_storage import RedisStorage
from botcli.replies.echo import Echo
from botcli.settings import BotSettings
from botcore import Database, InvalidInput, Unavailable, health
from tests import redises
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import Start
from tests.botcli.updates import GROUP, message

pytestmark = redises.needs_redis

Captured = pytest.CaptureFixture[str]


@pytest.fixture
async def redis(redis_server: redises.Redis) -> AsyncIterator[RedisStorage]:
    """A storage on it, empty."""
    redis_server.cli("FLUSHALL")
    redis = RedisStorage(redis_server.url)
    yield redis
    await redis.close()


async def enter(redis: RedisStorage) -> list[StorageKey]:
    """Has Ada, 7, in two forms and Bob, 8, in her chat, and gives the others: two of Bob's, one in a topic 7."""
    others = [StorageKey(42, GROUP["id"], 8), StorageKey(42, GROUP["id"], 8, thread_id=7)]
    for key in (StorageKey(42, 7, 7), StorageKey(42, GROUP["id"], 7, thread_id=3), StorageKey(42, 7, 8), *others):
        await redis.set_state(key, "Form:age")
        await redis.update_data(key, {"name": f"of {key.user_id}"})
    return others


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("by", ["the bot", "the command"])
async def test_forget_with_redis(
    redis: RedisStorage,
    redis_server: redises.Redis,
    database: Database,
    bot: Bot,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
) -> None:
    """All of the person is gone, and what others entered in their private chat; other forms stay."""
    others = await enter(redis)

    if by == "the bot":
        update = Update.model_validate({"update_id": 1, "message": message("/forget yes")})
        await build_dispatcher(database, Echo(), redis=redis).feed_update(bot, update)
    else:
        monkeypatch.setenv("REDIS_URL", redis_server.url)
        await privacy.erase(user=7, yes=True)

    assert len(redis_server.cli("KEYS", "*").splitlines()) == 2 * len(others)
    assert [await redis.get_data(key) for key in others] == [{"name": "of 8"}] * 2
    assert len(await database.users.erasures()) == 1


async def test_forget_while_redis_is_gone(
    redis: RedisStorage, redis_server: redises.Redis, database: Database, bot: Bot, bot_api: BotApi
) -> None:
    """It is an outage: nothing is said and nothing erased, so that the update that is tried again does all of it."""
    dispatcher = build_dispatcher(database, Echo(), redis=redis)
    await dispatcher.feed_raw_update(bot, {"update_id": 1, "message": message("Hello")})
    redis_server.kill()

    try:
        with pytest.raises(Unavailable, match="Redis: no connection"):
            await dispatcher.feed_raw_update(bot, {"update_id": 2, "message": message("/forget yes")})
    finally:
        redis_server.start()

    assert (len(bot_api.sent), await database.users.erasures()) == (1, [])


@pytest.mark.usefixtures("settings")
async def test_export_with_redis(
    redis: RedisStorage,
    redis_server: redises.Redis,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: Any,
) -> None:
    """Each form of the person is a line with the fields that one in the database has, but for its times."""
    await enter(redis)
    await database.ping()
    monkeypatch.setenv("REDIS_URL", redis_server.url)

    await privacy.export(user=7)

    first, second, manifest = map(json.loads, capsysbinary.readouterr().out.splitlines())
    assert manifest["counts"]["state"] == 2
    assert {second["telegram_chat_id"], first["telegram_chat_id"]} == {7, GROUP["id"]}
    assert next(form for form in (first, second) if form["telegram_chat_id"] < 0) == {
        "type": "state",
        "bot_id": 42,
        "telegram_chat_id": GROUP["id"],
        "telegram_user_id": 7,
        "message_thread_id": 3,
        "business_connection_id": "",
        "destiny": "default",
        "state": "Form:age",
        "data": '{"name": "of 7"}',
    }


async def test_probe_of_redis(redis: RedisStorage, redis_server: redises.Redis, bot: Bot, database: Database) -> None:
    """A Redis that is full, frozen or gone is named and only degraded; each is told within 0.8 s, or 0.5 s more."""
    told: list[Any] = []
    probes = Probes(bot, asyncio.Event(), redis)
    with probes.of(database):

        async def look() -> None:
            assert probes._redis
            probes._redis._kept_until = 0.0
            async with asyncio.timeout(1.3):
                checks = await probes._checks()
            told.append((health.status(checks), {check.name: check.reason for check in checks}["redis"]))

        await look()
        redis_server.fill()
        await look()
        redis_server.widen()
        redis_server.freeze()
        await look()
        redis_server.thaw()
        redis_server.kill()
        # the look before this one ends by itself
        await asyncio.sleep(0.3)
        await look()
        redis_server.start()
        await look()
    await probes.close()

    assert told == [
        ("ok", None),
        ("degraded", "it is full (maxmemory)"),
        ("degraded", "no answer in 0.8 s"),
        ("degraded", "no connection"),
        ("ok", None),
    ]


@pytest.mark.usefixtures("settings", "database_url")
async def test_doctor_of_redis(redis_server: redises.Redis, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    """It is asked, and that it drops forms where it is full is a warning, as that it is gone is."""
    monkeypatch.delenv("BOT_TOKEN", raising=False)
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    found = []
    for policy in ("noeviction", "allkeys-lru"):
        redis_server.cli("CONFIG", "SET", "maxmemory-policy", policy)
        assert await doctor(json=True) == 0
        found += [each for each in json.loads(capsys.readouterr().out) if each["name"] == "redis"]
    redis_server.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")
    monkeypatch.setenv("REDIS_URL", "redis://:canary@127.0.0.1:1")
    assert await doctor(json=True) == 0
    out = capsys.readouterr().out

    assert [each["state"] for each in found] == ["ok", "ok", "ok", "warning"]
    assert found[-1]["to_do"] == "it drops forms when it is full (allkeys-lru): set noeviction"
    assert [each["found"] for each in json.loads(out) if each["name"] == "redis"] == ["no connection"]
    assert "canary" not in out


@pytest.mark.parametrize("url", ["canary", "http://canary", "redis://h:canary", "redis://h/0?canary=1"])
def test_redis_storage_of_a_malformed_url(url: str) -> None:
    """It is refused at once, and not quoted."""
    with pytest.raises(InvalidInput, match="REDIS_URL") as refused:
        RedisStorage(url)

    assert "canary" not in str(refused.value)


def test_redis_storage_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line says what to install."""
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)

    with pytest.raises(InvalidInput) as refused:
        RedisStorage("redis://h")

    assert str(refused.value) == "REDIS_URL: needs what is not installed: pip install 'botcore[redis]'"


async def test_run_with_redis_that_is_gone(start: Start, bot_api: BotApi) -> None:
    """The bot starts and answers without it, and neither says the password; SIGTERM ends it with 0."""
    process = await start("run", REDIS_URL="redis://:canary-redis@127.0.0.1:1", LOG_LEVEL="DEBUG")
    bot_api.deliver(message=message("Hello"))
    replies = await bot_api.replies(1)
    process.terminate()
    out, err = await process.communicate()

    assert (replies, process.returncode) == (["Hello"], 0)
    assert b"canary-redis" not in out + err


def test_settings_with_a_redis_password() -> None:
    """It is among what no log line may show, as written and as sent, and in no repr."""
    settings = BotSettings(_env_file=None, redis_url="redis://u:canary@h:6379/0")

    assert "canary" in settings.secrets()
    assert "canary" not in repr(settings)
    for url in ("redis://:can%61ry@h", "unix:///socket?db=1&password=can%61ry"):
        assert BotSettings(_env_file=None, redis_url=url).secrets() == ["can%61ry", "canary"]
    assert BotSettings(_env_file=None, redis_url="redis://[").secrets() == []
