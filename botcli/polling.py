"""Takes updates from the Bot API by long polling: what is stored is confirmed, nothing else."""

import asyncio
import json
import logging
from contextlib import suppress
from typing import Any, Final

from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramConflictError
from aiogram.methods import TelegramMethod

from botcli import decoding, requests
from botcli.bot import update_types
from botcli.delivery import Delivery
from botcore import BotcoreError, Database, InvalidInput

# seconds that the server holds an empty answer back
_POLL_SECONDS: Final = 20
_LONGEST_SECONDS: Final = 30.0
_END_SECONDS: Final = 1.0
_NO_NUMBER: Final = 2**63
_FAILED: Final = "no updates from Telegram"
_CONFLICT: Final = "another program polls with this token, or a webhook is set: see botcli webhook info"

_log = logging.getLogger(__name__)


class GetRawUpdates(TelegramMethod[list[dict[str, Any]]]):
    """getUpdates, with the updates as they came: what aiogram does not know yet would be lost in its models."""

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int | None = None
    timeout: int = 0
    allowed_updates: list[str]


class Session(requests.Session):
    """aiogram's, which leaves raw updates as they are and can read all else that is newer than itself."""

    def check_response(self, bot: Bot, method: TelegramMethod[Any], status_code: int, content: str) -> Any:
        """The method's response; raises as aiogram does."""
        self.json_loads = json.loads if isinstance(method, GetRawUpdates) else decoding.loads
        return super().check_response(bot, method, status_code, content)


async def poll(bot: Bot, database: Database, delivery: Delivery) -> None:
    """Polls until it is cancelled, but while another process does; that one takes over when this one ends."""
    beat, is_told = delivery.lease_seconds / 3, False
    try:
        while True:
            is_ours = await _is_ours(bot, database, delivery)
            if is_ours:
                is_told = False
                _log.info("polling")
                fetching = asyncio.create_task(_fetch(bot, delivery))
                try:
                    while not fetching.done() and await _is_ours(bot, database, delivery):
                        await asyncio.wait({fetching}, timeout=beat)
                finally:
                    fetching.cancel()
                    await asyncio.wait({fetching})
                if not fetching.cancelled():
                    fetching.result()
            elif is_ours is False and not is_told:
                is_told = True
                _log.info("another process polls; this one answers, and polls when that one ends")
            await asyncio.sleep(beat)
    finally:
        # a frozen server must not hold up the end
        with suppress(BotcoreError, TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await database.updates.end_polling(bot_id=bot.id, worker=delivery.worker)


async def _is_ours(bot: Bot, database: Database, delivery: Delivery) -> bool | None:
    """Whether this process may poll; None where nobody can say."""
    try:
        return await database.updates.lease_polling(
            bot_id=bot.id, worker=delivery.worker, lease_seconds=delivery.lease_seconds
        )
    except BotcoreError as error:
        _log.warning("no polling without the database", exc_info=error)
        return None


async def _fetch(bot: Bot, delivery: Delivery) -> None:
    offset, failures, allowed_updates = None, 0, update_types()
    while True:
        request = GetRawUpdates(offset=offset, timeout=_POLL_SECONDS, allowed_updates=allowed_updates)
        try:
            updates = await bot(request, request_timeout=2 * _POLL_SECONDS)
            newest = await _store(delivery, updates)
        except (AiogramError, BotcoreError) as error:
            _log.warning(_CONFLICT if isinstance(error, TelegramConflictError) else _FAILED, exc_info=error)
            await asyncio.sleep(min(_LONGEST_SECONDS, 2**failures / 2))
            failures = min(failures + 1, 10)
        else:
            # Without an offset when all is confirmed: after a week of silence the next number can be a lower one
            offset, failures = None if newest is None else newest + 1, 0


async def _store(delivery: Delivery, updates: list[dict[str, Any]]) -> int | None:
    """Commits them, and gives the highest number, which confirms them all when it is asked for what comes after."""
    try:
        await delivery.store(updates)
    except InvalidInput:
        # one that is no update must not hold up the others
        for update in updates:
            try:
                await delivery.store([update])
            except InvalidInput as error:
                _log.error("dropped what is no update", exc_info=error)
    numbers = (update.get("update_id") for update in updates)
    # one that is forged would confirm all that is to come
    return max((number for number in numbers if isinstance(number, int) and number < _NO_NUMBER), default=None)
