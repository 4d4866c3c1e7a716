"""A bot whose forms are on a Redis that is killed, frozen or full."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.base import StorageKey
from aiogram.types import CallbackQuery

from botcli import requests
from botcli.bot import build_dispatcher
from botcli.delivery import Delivery, Terms
from botcli.journal import Journal
from botcli.metrics import BotMetrics
from botcli.redis_storage import RedisStorage
from botcli.replies.echo import Echo
from botcore import Database
from tests import redises
from tests.botcli.bot_api import BotApi
from tests.botcli.conftest import all_done, bot, bot_api
from tests.botcli.deliveries import put_off, said
from tests.botcli.updates import ADA, message
from tests.conftest import Measured

__all__ = ["bot", "bot_api"]

FAULTS = {
    "gone": (redises.Redis.kill, redises.Redis.start),
    "frozen": (redises.Redis.freeze, redises.Redis.thaw),
    "full": (redises.Redis.fill, redises.Redis.widen),
}


class Form(StatesGroup):
    """Buttons that are counted."""

    pressing = State()


async def pressed(query: CallbackQuery, state: FSMContext, bot: Bot) -> None:
    """Counts one more, in a form that was begun."""
    data = await state.update_data({str(query.id): True})
    await bot.send_message(query.from_user.id, f"pressed {len(data)}")


def press(number: int) -> dict[str, Any]:
    """Ada presses a button in her private chat."""
    query = {"id": str(number), "from": ADA, "chat_instance": "1", "data": "x", "message": message("Press")}
    return {"update_id": number, "callback_query": query}


def with_forms(database: Database, redis: RedisStorage) -> Dispatcher:
    """The bot, with a form of buttons; who writes is not asked where they stand."""
    dispatcher = build_dispatcher(database, Echo(), redis=redis)
    dispatcher.callback_query.outer_middleware(dispatcher.fsm)
    dispatcher.callback_query.register(pressed, F.data, Form.pressing)
    return dispatcher


@asynccontextmanager
async def working(bot: Bot, database: Database, redis: RedisStorage) -> AsyncIterator[Delivery]:
    """Its delivery, for as long as the block runs."""
    requests.use(bot.session, database=database, journal=Journal())
    delivery = Delivery(bot, database, with_forms(database, redis), Terms(), BotMetrics())
    working = asyncio.create_task(delivery.run())
    yield delivery
    delivery.stop()
    await working


@redises.needs_redis
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.fault("Redis is killed and restarted, frozen (SIGSTOP), full (maxmemory)")
async def test_bot_without_redis(
    bot: Bot, bot_api: BotApi, database: Database, redis_server: redises.Redis, measured: Measured, fault: str
) -> None:
    """Who has no form is answered as ever; one in a form waits, and goes on where they stood once Redis is back."""
    redis_server.cli("FLUSHALL")
    storage, (breaks, heals) = RedisStorage(redis_server.url), FAULTS[fault]
    await storage.set_state(StorageKey(bot.id, ADA["id"], ADA["id"]), Form.pressing)
    async with working(bot, database, storage) as delivery:
        await delivery.store([press(1)])
        assert await bot_api.replies(1) == ["pressed 1"]
        breaks(redis_server)
        try:
            await delivery.store([press(2), press(3)])
            [waiting] = await put_off(database)
            started = time.monotonic()
            await delivery.store([{"update_id": 4, "message": said("Hello", chat=8)}])
            assert await bot_api.replies(2) == ["pressed 1", "Hello"]
            measured("answered meanwhile after", time.monotonic() - started)
        finally:
            heals(redis_server)
        started = time.monotonic()
        replies = await bot_api.replies(4)
        measured("goes on after", time.monotonic() - started)
        await all_done(database)
    await storage.close()

    assert (waiting.update_id, waiting.failures) == (2, 0)
    assert replies == ["pressed 1", "Hello", "pressed 2", "pressed 3"]
    assert await database.updates.page(state="failed") == []
