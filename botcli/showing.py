"""Shows an answer while it is made: as a draft in private chats, in groups as a message, elsewhere as typing."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, Self, cast

from aiogram import Bot
from aiogram.exceptions import (
    AiogramError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNotFound,
    TelegramRetryAfter,
)
from aiogram.types import Message

from botcli.journal import unnoted
from botcli.previews import Preview
from botcli.rendering import Part, markdown, plain, tail
from botcli.replies.hearing import told
from botcli.settings import BotSettings
from botcli.stops import Draft

# an answer that takes no longer is not announced
_FIRST_SECONDS: Final = 0.5
# a draft is shown for 30 s: https://core.telegram.org/bots/api#sendmessagedraft
_DRAFT_SECONDS: Final = 20.0
# one that came after its answer would be shown beside it
_LAST_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Showing:
    """How often a draft is renewed, how an answer's text becomes messages, and how often the bot is typing."""

    # what Telegram allows in a chat: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
    interval_seconds: float = 1.0
    render: Callable[[str], list[Part]] = plain
    # that the bot is typing is shown for 5 s; and as many edits in a group leave 8 of 20 messages a minute to answers
    typing_seconds: float = 5.0
    # a message has no more than the end of a long answer
    is_whole: bool = False

    @classmethod
    def of(cls, settings: BotSettings) -> Self:
        """Models write Markdown; what the echo repeats is shown as it is."""
        return cls(render=markdown if settings.llm_base_url or settings.llm_api_key else plain)


DEFAULT: Final = Showing()


@asynccontextmanager
async def shown(
    message: Message, showing: Showing, preview: Preview | None, heard: list[str]
) -> AsyncIterator[Callable[[str], None]]:
    """Shows the answer to the message while the block makes it, and gives what is to be told each part.

    What was told stands in `heard`. Nothing that Telegram says to it is an error of the block.
    """
    view = _View(message, showing, preview, heard)
    task = asyncio.create_task(view.show(), context=unnoted())
    try:
        yield view.hear
    finally:
        # at a stop of the process there is no time for that
        if not cast("asyncio.Task[None]", asyncio.current_task()).cancelling():
            await view.end(task)
        task.cancel()
        await asyncio.wait({task})


def draft_of(message: Message) -> Draft | None:
    """What names the answer to the message, where Telegram has drafts; it is not 0, which an ephemeral message has."""
    # a business chat has the id of the private one, and counts its messages on its own
    if message.chat.type != "private" or message.business_connection_id:
        return None
    return Draft(message.chat.id, message.message_id or 1)


class _View:
    def __init__(self, message: Message, showing: Showing, preview: Preview | None, heard: list[str]) -> None:
        self._message = message
        self._preview = preview
        self._showing = showing
        self._render = showing.render
        self._heard = heard
        self._came = asyncio.Event()
        self._ends = asyncio.Event()

    def hear(self, part: str) -> None:
        self._heard.append(part)
        self._came.set()

    async def end(self, task: asyncio.Task[None]) -> None:
        """Shows nothing more; what is on its way arrives first, or is given up."""
        self._ends.set()
        self._came.set()
        await asyncio.wait({task}, timeout=_LAST_SECONDS)

    async def show(self) -> None:
        if await self._pause(min(_FIRST_SECONDS, self._showing.interval_seconds)):
            return
        try:
            if draft := draft_of(self._message):
                await self._drafts(draft)
            if not self._ends.is_set():
                await self._beside()
        except Exception as error:  # noqa: BLE001 - the answer comes all the same
            _log.warning("not shown while it is made", extra={"error": type(error).__name__})

    async def _drafts(self, draft: Draft) -> None:
        """Until the end, or until Telegram takes none: some servers know no drafts."""
        while not self._ends.is_set():
            self._came.clear()
            try:
                await self._draft(draft, self._newest() or Part(""))
            except TelegramRetryAfter as refusal:
                await self._pause(refusal.retry_after)
            except TelegramBadRequest:
                if self._render is plain:
                    return
                self._render = plain
            except (TelegramForbiddenError, TelegramNotFound):
                return
            except AiogramError as error:
                # the next one says more anyway
                _log.info("a draft was lost", extra={"error": type(error).__name__})
            await self._pause(self._showing.interval_seconds)
            with suppress(TimeoutError):
                async with asyncio.timeout(_DRAFT_SECONDS):
                    await self._came.wait()

    async def _draft(self, draft: Draft, part: Part) -> None:
        await cast("Bot", self._message.bot).send_message_draft(
            chat_id=draft.telegram_chat_id,
            draft_id=draft.draft_id,
            message_thread_id=self._message.message_thread_id if self._message.is_topic_message else None,
            text=part.text,
            entities=part.entities or None,
            can_stop=True,
            keep_on_stop=True,
        )

    async def _beside(self) -> None:
        """The bot is typing; in a group what it said so far is shown from the second time on.

        What Telegram says to that ends nothing. Raises what botcore does where the message could not be noted.
        """
        await self._typing()
        while not await self._pause(self._showing.typing_seconds):
            await self._typing()
            if self._preview and (newest := self._newest()) and not self._ends.is_set():
                try:
                    await self._preview.show(newest)
                except TelegramRetryAfter as refusal:
                    await self._pause(refusal.retry_after)
                except TelegramBadRequest:
                    self._render = plain
                except AiogramError as error:
                    _log.info("an edit was lost", extra={"error": type(error).__name__})

    def _newest(self) -> Part | None:
        """The end of what was said so far, which alone can change."""
        text = told(self._heard)
        parts = self._render(text if self._showing.is_whole else tail(text))
        return parts[-1] if parts else None

    async def _typing(self) -> None:
        with suppress(AiogramError):
            await cast("Bot", self._message.bot).send_chat_action(
                chat_id=self._message.chat.id,
                action="typing",
                message_thread_id=self._message.message_thread_id if self._message.is_topic_message else None,
                business_connection_id=self._message.business_connection_id,
            )

    async def _pause(self, seconds: float) -> bool:
        """Whether the end came before so many seconds were over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ends.wait()
        return self._ends.is_set()
