"""Forms of a bot on both storages: a real dispatcher, and the storage alone where handlers would hide it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.base import BaseStorage, StorageKey
from aiogram.fsm.strategy import FSMStrategy
from aiogram.types import Message, Update

from botcli.fsm import PostgresStorage
from botcli.redis_storage import RedisStorage
from botcore import Database, InvalidInput
from tests import redises
from tests.botcli.bot_api import BotApi
from tests.botcli.updates import GROUP, message

KEY = StorageKey(bot_id=42, chat_id=7, user_id=7)


class Form(StatesGroup):
    """Two questions."""

    name = State()
    age = State()


async def begin(message: Message, state: FSMContext) -> None:
    """Asks the first."""
    await state.set_state(Form.name)
    await message.answer("Your name?")


async def named(message: Message, state: FSMContext) -> None:
    """Asks the second."""
    await state.update_data(name=message.text)
    await state.set_state(Form.age)
    await message.answer("Your age?")


async def aged(message: Message, state: FSMContext) -> None:
    """Says what was entered."""
    entered = await state.update_data(age=int(message.text or 0))
    await state.clear()
    await message.answer(f"{entered['name']}, {entered['age']}")


@pytest.fixture(params=["postgres", pytest.param("redis", marks=redises.needs_redis)])
async def opened(
    request: pytest.FixtureRequest, database: Database, database_url: str
) -> AsyncIterator[Callable[..., BaseStorage]]:
    """Gives a storage as another process has it, on what is the same for all of them, and empty."""
    if request.param == "postgres":
        async with Database.connect(database_url) as other:
            databases = [database, other]
            yield lambda **settings: PostgresStorage(databases.pop(), **settings)
        return
    server: redises.Redis = request.getfixturevalue("redis_server")
    server.cli("FLUSHALL")
    storages: list[RedisStorage] = []

    def another(**settings: Any) -> RedisStorage:
        storages.append(RedisStorage(server.url, **settings))
        return storages[-1]

    yield another
    for storage in storages:
        await storage.close()


def restarted(storage: BaseStorage) -> Dispatcher:
    """The bot as it is after a start."""
    dispatcher = Dispatcher(storage=storage, fsm_strategy=FSMStrategy.USER_IN_TOPIC)
    dispatcher.message.register(begin, F.text == "/form")
    dispatcher.message.register(named, Form.name)
    dispatcher.message.register(aged, Form.age)
    return dispatcher


async def test_form_goes_on_after_each_restart(opened: Callable[..., BaseStorage], bot: Bot, bot_api: BotApi) -> None:
    """Each answer meets a bot that has just started, and forms in two topics do not mix."""
    storage = opened()

    async def say(text: str, **where: Any) -> None:
        update = Update.model_validate({"update_id": 1, "message": message(text, **where)})
        await restarted(storage).feed_update(bot, update)

    topic: dict[str, Any] = {"chat": {**GROUP, "is_forum": True}, "message_thread_id": 3, "is_topic_message": True}
    for text, where in [("/form", {}), ("/form", topic), ("Ada", {}), ("Zoe", topic), ("36", {}), ("9", topic)]:
        await say(text, **where)

    questions = ["Your name?"] * 2 + ["Your age?"] * 2
    assert [sent["text"] for sent in bot_api.sent] == [*questions, "Ada, 36", "Zoe, 9"]
    assert await storage.get_state(StorageKey(bot.id, 7, 7)) is None


async def test_storage_of_several_forms_at_once(opened: Callable[..., BaseStorage]) -> None:
    """Topic, business connection and destiny are each a form of its own; None and 0 are the same topic."""
    storage = opened()
    keys = [
        KEY,
        StorageKey(42, 7, 7, thread_id=3),
        StorageKey(42, 7, 7, business_connection_id="3"),
        StorageKey(42, 7, 7, business_connection_id="b", destiny="c:other"),
        StorageKey(42, 7, 7, business_connection_id="b:c", destiny="other"),
        StorageKey(42, 7, 3),
        StorageKey(42, 3, 7),
    ]
    for number, key in enumerate(keys):
        await storage.set_state(key, str(number))

    assert [await storage.get_state(key) for key in keys] == [str(number) for number in range(len(keys))]
    assert await storage.get_state(StorageKey(42, 7, 7, thread_id=0)) == "0"


async def test_update_data_in_two_processes_at_once(opened: Callable[..., BaseStorage]) -> None:
    """What two bots enter at the same moment is all there."""
    storages = [opened(), opened()]
    await asyncio.gather(*(storages[n % 2].update_data(KEY, {str(n): n}) for n in range(50)))

    assert await storages[0].get_data(KEY) == {str(n): n for n in range(50)}


async def test_storage_of_what_is_no_json(opened: Callable[..., BaseStorage]) -> None:
    """It is refused and changes nothing; of the rest tuples become lists and names texts, as in any JSON."""
    storage = opened()
    await storage.set_data(KEY, {1: (None, {"deep": [1.5, "\u00e4"]})})  # type: ignore[dict-item]

    for wrong in ({"a": float("nan")}, {"a": object()}):
        with pytest.raises(InvalidInput, match="data"):
            await storage.update_data(KEY, wrong)

    assert await storage.update_data(KEY, {}) == {"1": [None, {"deep": [1.5, "\u00e4"]}]}


@pytest.mark.parametrize("bad", ["\0", "\ud800"])
async def test_storage_of_bad_text(opened: Callable[..., BaseStorage], bad: str) -> None:
    """Wherever it stands, be it deep in what is entered, it is refused before anything of it is stored."""
    storage = opened()
    keys = [replace(KEY, destiny=bad), replace(KEY, business_connection_id=bad)]
    calls: list[Callable[[], Awaitable[object]]] = [
        partial(storage.set_state, KEY, bad),
        *(partial(storage.set_state, key, "a") for key in keys),
    ]
    for data in ({"a": bad}, {bad: 1}, {"a": [{"b": bad}]}, {"a": {bad: 1}}):
        calls += [partial(storage.set_data, KEY, data), partial(storage.update_data, KEY, data)]

    for call in calls:
        with pytest.raises(InvalidInput):
            await call()

    # the same in text: a backslash, a u and four digits
    assert await storage.update_data(KEY, {"a": "\\u0000"}) == {"a": "\\u0000"}
    assert await storage.get_state(KEY) is None


async def test_storage_with_a_ttl(database: Database, connection: psycopg.Connection) -> None:
    """A form is over so long after its last change; a part of a second is a second, not for ever."""
    await PostgresStorage(database, ttl=timedelta(days=1)).set_state(KEY, Form.name)
    await PostgresStorage(database, ttl=timedelta(milliseconds=1)).set_state(StorageKey(42, 8, 8), Form.name)

    times = "SELECT extract(epoch FROM expires_at - updated_at)::int FROM states ORDER BY telegram_chat_id"
    assert [seconds for (seconds,) in connection.execute(times)] == [86_400, 1]


@redises.needs_redis
async def test_redis_storage_with_a_ttl(redis_server: redises.Redis) -> None:
    """State and data are over together, so long after the last change of either; without a ttl never."""
    redis_server.cli("FLUSHALL")
    for seconds in (500, 86_400):
        storage = RedisStorage(redis_server.url, ttl=timedelta(seconds=seconds))
        await (storage.set_state(KEY, Form.name) if seconds == 500 else storage.update_data(KEY, {"name": "Ada"}))
        await storage.close()
    keys = redis_server.cli("KEYS", "*").splitlines()

    assert [int(redis_server.cli("TTL", key)) > 86_000 for key in keys] == [True, True]
    storage = RedisStorage(redis_server.url)
    await storage.set_data(KEY, {"name": "Zoe"})
    await storage.close()
    assert [redis_server.cli("TTL", key) for key in keys] == ["-1", "-1"]
