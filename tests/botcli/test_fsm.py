"""Forms of a bot on PostgresStorage: a real dispatcher, and the storage alone where handlers would hide it."""

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
from aiogram import Bot, Dispatcher, F
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.base import StorageKey
from aiogram.fsm.strategy import FSMStrategy
from aiogram.types import Message, Update

from botcli.fsm import PostgresStorage
from botcore import Database
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


def restarted(database: Database) -> Dispatcher:
    """The bot as it is after a start."""
    dispatcher = Dispatcher(storage=PostgresStorage(database), fsm_strategy=FSMStrategy.USER_IN_TOPIC)
    dispatcher.message.register(begin, F.text == "/form")
    dispatcher.message.register(named, Form.name)
    dispatcher.message.register(aged, Form.age)
    return dispatcher


async def test_form_goes_on_after_each_restart(database: Database, bot: Bot, bot_api: BotApi) -> None:
    """Each answer meets a bot that has just started, and forms in two topics do not mix."""

    async def say(text: str, **where: Any) -> None:
        update = Update.model_validate({"update_id": 1, "message": message(text, **where)})
        await restarted(database).feed_update(bot, update)

    topic: dict[str, Any] = {"chat": {**GROUP, "is_forum": True}, "message_thread_id": 3, "is_topic_message": True}
    for text, where in [("/form", {}), ("/form", topic), ("Ada", {}), ("Zoe", topic), ("36", {}), ("9", topic)]:
        await say(text, **where)

    questions = ["Your name?"] * 2 + ["Your age?"] * 2
    assert [sent["text"] for sent in bot_api.sent] == [*questions, "Ada, 36", "Zoe, 9"]
    assert await PostgresStorage(database).get_state(StorageKey(bot.id, 7, 7)) is None


async def test_storage_of_several_forms_at_once(database: Database) -> None:
    """Topic, business connection and destiny are each a form of its own; None and 0 are the same topic."""
    storage = PostgresStorage(database)
    keys = [
        KEY,
        StorageKey(42, 7, 7, thread_id=3),
        StorageKey(42, 7, 7, business_connection_id="b"),
        StorageKey(42, 7, 7, destiny="other"),
    ]
    for number, key in enumerate(keys):
        await storage.set_state(key, str(number))

    assert [await storage.get_state(key) for key in keys] == ["0", "1", "2", "3"]
    assert await storage.get_state(StorageKey(42, 7, 7, thread_id=0)) == "0"


async def test_update_data_in_two_processes_at_once(database: Database, database_url: str) -> None:
    """What two bots on two pools enter at the same moment is all there."""
    async with Database.connect(database_url) as other:
        storages = [PostgresStorage(database), PostgresStorage(other)]
        await asyncio.gather(*(storages[n % 2].update_data(KEY, {str(n): n}) for n in range(50)))

    assert await storages[0].get_data(KEY) == {str(n): n for n in range(50)}


async def test_storage_with_a_ttl(database: Database, connection: psycopg.Connection) -> None:
    """A form is over so long after its last change; a part of a second is a second, not for ever."""
    await PostgresStorage(database, ttl=timedelta(days=1)).set_state(KEY, Form.name)
    await PostgresStorage(database, ttl=timedelta(milliseconds=1)).set_state(StorageKey(42, 8, 8), Form.name)

    times = "SELECT extract(epoch FROM expires_at - updated_at)::int FROM states ORDER BY telegram_chat_id"
    assert [seconds for (seconds,) in connection.execute(times)] == [86_400, 1]
