"""What a refusal tells about a chat: that it became another one, or is closed to the bot."""

import logging
from typing import Final

from aiogram import Bot
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError, TelegramMigrateToChat
from aiogram.methods import TelegramMethod
from aiogram.methods.base import Response, TelegramType

from botcore import BotcoreError, Database

# What is said of a whole chat though it is a 400: can_send_message in https://github.com/tdlib/td has most of them.
# For the rest of the reasons Client.cpp in https://github.com/tdlib/telegram-bot-api has a 403.
_REFUSED_CHATS: Final = (
    "chat not found",
    "group chat was deactivated",
    "have no rights to send a message",
    "not enough rights to send text messages",
    "need administrator rights in the channel chat",
    "chat_write_forbidden",
)

_log = logging.getLogger(__name__)


class FollowMigration(BaseRequestMiddleware):
    """Sends what a group refuses because it became a supergroup to that one, and joins the two chats in the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Response[TelegramType]:
        """The supergroup's answer, where the group refused."""
        try:
            return await make_request(bot, method)
        except TelegramMigrateToChat as refusal:
            chat_id, moved_to = getattr(method, "chat_id", None), refusal.migrate_to_chat_id
            if not isinstance(chat_id, int):
                raise
            await self._database.chats.migrate(bot_id=bot.id, telegram_chat_id=chat_id, migrate_to_chat_id=moved_to)
            # a message id of the group is another message's in the supergroup
            fields = type(method).model_fields.keys()
            if fields & {"message_id", "message_ids"} and "from_chat_id" not in fields:
                raise
            gone = dict.fromkeys(fields & {"reply_parameters", "reply_to_message_id"})
            return await make_request(bot, method.model_copy(update={"chat_id": moved_to, **gone}))


class NoteBlocked(BaseRequestMiddleware):
    """Notes on a chat that Telegram refuses every message there; the refusal is still the caller's."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(
        self, make_request: NextRequestMiddlewareType[TelegramType], bot: Bot, method: TelegramMethod[TelegramType]
    ) -> Response[TelegramType]:
        """The server's answer."""
        try:
            return await make_request(bot, method)
        except (TelegramForbiddenError, TelegramBadRequest) as refusal:
            if is_about_the_chat(refusal):
                await self._note(bot, method)
            raise

    async def _note(self, bot: Bot, method: TelegramMethod[TelegramType]) -> None:
        chat_id = getattr(method, "chat_id", None)
        # where it names another chat or a person as well, the refusal may be about these
        if not isinstance(chat_id, int) or type(method).model_fields.keys() & {"from_chat_id", "user_id"}:
            return
        try:
            await self._database.chats.block(
                bot_id=bot.id,
                telegram_chat_id=chat_id,
                business_connection_id=getattr(method, "business_connection_id", None) or "",
            )
        except BotcoreError as error:
            # the caller needs to know of the refusal, and the next one is noted
            _log.warning("refusal not noted", extra={"error": type(error).__name__})


def is_about_the_chat(refusal: Exception) -> bool:
    """Whether Telegram refuses every message there, not only this one."""
    if isinstance(refusal, TelegramBadRequest):
        return any(words in refusal.message.lower() for words in _REFUSED_CHATS)
    return isinstance(refusal, TelegramForbiddenError)
