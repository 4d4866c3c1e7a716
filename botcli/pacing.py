"""Keeps what the bot sends within Telegram's limits, and waits where Telegram says so."""

import asyncio
import logging
from collections.abc import Hashable
from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import Any, Final

from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods import SendMessage, TelegramMethod
from aiogram.methods.base import Response, TelegramType

LONGEST_WAIT_SECONDS: Final = 30.0
"""In place, for one request: a floods' usual seconds pass here, an hour must not hold the worker and its update."""

BURST: Final = 3
"""Messages at once in a chat: an answer in parts. Telegram allows "short bursts", and names no number."""

_FORGET_SECONDS: Final = 60.0

# They make no message, but show many times that and how an answer is written; a bot of ours edits nothing else
_UNPACED: Final = {"sendChatAction", "sendMessageDraft", "sendRichMessageDraft", "editMessageText"}

_log = logging.getLogger(__name__)


class SendAside(SendMessage):
    """sendMessage at once, with another place left for the answer; raises TelegramRetryAfter where it would wait."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Messages at most, of this process alone: in a second over all chats, in a minute in one chat, in one group.

    https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
    """

    per_second: int = 30
    per_chat_per_minute: int = 60
    per_group_per_minute: int = 20


class Pacing(BaseRequestMiddleware):
    """Sends messages no faster than `pace`, and again after a 429; a chat that is told to wait holds up no other.

    Drafts, edits and chat actions neither wait nor make anything wait.

    Raises TelegramRetryAfter, with the seconds that are left, when the wait is longer than LONGEST_WAIT_SECONDS.
    """

    def __init__(self, pace: Pace | None = None) -> None:
        self._held = dict[Hashable, float]()
        # one at a time over all chats: in any second there are no more, and nobody sees a wait of 33 ms
        self._all = Slots(pace.per_second, 1.0, burst=1) if pace else None
        self._chats = Slots(pace.per_chat_per_minute, 60.0, BURST) if pace else None
        self._groups = Slots(pace.per_group_per_minute, 60.0, BURST) if pace else None

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Response[TelegramType]:
        """The answer that is no 429."""
        # what is shown while an answer is made is no use later, and must not hold that up
        is_aside = method.__api_method__ in _UNPACED or isinstance(method, SendAside)
        deadline = monotonic() + (0.0 if is_aside else LONGEST_WAIT_SECONDS)
        while True:
            await self._turn(method, deadline)
            try:
                return await make_request(bot, method)
            except TelegramRetryAfter as refusal:
                self._hold(_flow(method), refusal.retry_after)
                name = type(method).__name__
                _log.warning("told to wait", extra={"method": name, "seconds": refusal.retry_after})

    async def _turn(self, method: TelegramMethod[Any], deadline: float) -> None:
        await self._release(method, deadline)
        await self._slot(method)
        # told to wait while this one waited for its slot; then one after the other again
        while self._held.get(_flow(method), 0.0) > monotonic():
            await self._release(method, deadline)
            await self._slot(method)

    async def _release(self, method: TelegramMethod[Any], deadline: float) -> None:
        while (until := self._held.get(_flow(method), 0.0)) > (now := monotonic()):
            if until > deadline:
                raise TelegramRetryAfter(method, "told to wait", retry_after=ceil(until - now))
            await asyncio.sleep(until - now)

    async def _slot(self, method: TelegramMethod[Any]) -> None:
        if not (self._all and self._chats and self._groups) or not makes_a_message(method):
            return
        chat_id = getattr(method, "chat_id", None)
        if chat_id is not None:
            is_private = isinstance(chat_id, int) and chat_id > 0
            slots = self._chats if is_private else self._groups
            if isinstance(method, SendAside) and not (slots.has(2, chat_id) and self._all.has(1)):
                raise TelegramRetryAfter(method, "the next place is the answer's", retry_after=1)
            await asyncio.sleep(slots.take(chat_id))
        await asyncio.sleep(self._all.take())

    def _hold(self, flow: Hashable, seconds: float) -> None:
        now = monotonic()
        self._held = {each: until for each, until in self._held.items() if until > now}
        self._held[flow] = max(now + seconds, self._held.get(flow, 0.0))


class Slots:
    """Places in time: for each key never more than `number` in any `period_seconds`, up to `burst` of them at once."""

    def __init__(self, number: int, period_seconds: float, burst: int) -> None:
        burst = min(burst, number)
        # a burst counts: what follows it within the period makes up the number
        self._interval = period_seconds / (number - burst + 1)
        self._lead = self._interval * (burst - 1)
        self._next = dict[Hashable, float]()
        self._forget_at = 0.0

    def take(self, key: Hashable = None) -> float:
        """The seconds to wait for the place that is now taken."""
        now = monotonic()
        self._forget(now)
        # what was left unused counts for a burst and no more
        place = max(self._next.get(key, 0.0), now - self._lead)
        self._next[key] = place + self._interval
        return max(0.0, place - now)

    def has(self, places: int, key: Hashable = None) -> bool:
        """Whether so many places could be taken without a wait."""
        now = monotonic()
        return max(self._next.get(key, 0.0), now - self._lead) + (places - 1) * self._interval <= now

    def _forget(self, now: float) -> None:
        """Leaves only keys that are not as good as new, so that memory is bounded by what was sent of late."""
        if now >= self._forget_at:
            self._next = {key: place for key, place in self._next.items() if place > now - self._lead}
            self._forget_at = now + _FORGET_SECONDS


def _flow(method: TelegramMethod[Any]) -> Hashable:
    """What a 429 holds: the chat, where there is none the method, and of what makes no message both."""
    name, chat_id = method.__api_method__, getattr(method, "chat_id", None)
    return (name, chat_id) if name in _UNPACED else chat_id or name


def makes_a_message(method: TelegramMethod[Any]) -> bool:
    """Whether somebody sees one more message when it is made twice."""
    name = method.__api_method__
    return name.startswith(("send", "copy", "forward")) and name not in _UNPACED
