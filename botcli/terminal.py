"""Telegram without Telegram: the bot's dispatcher for one person in one terminal."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, cast

from aiogram import Bot
from aiogram.client.session.base import BaseSession
from aiogram.exceptions import TelegramAPIError
from aiogram.methods import GetMe, SendChatAction, SendDocument, SendMessage, SendMessageDraft, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import BufferedInputFile, Chat, ErrorEvent, Message, User

from botcli.bot import build_dispatcher
from botcli.replies import Replier
from botcli.windows import DEFAULT, Windows
from botcore import Database

_BOT_ID: Final = 0
_PERSON_ID: Final = 1  # of the chat as well, as in every private chat
_MESSAGE_ID: Final = 0  # for "none": a new process would count from 1 again, and each message look like an old one
_HISTORY_MESSAGES: Final = 200


class Terminal:
    """A private chat between the terminal's person and the bot."""

    def __init__(
        self, database: Database, replier: Replier, windows: Windows = DEFAULT, daily_tokens: int | None = None
    ) -> None:
        self._database = database
        self._dispatcher = build_dispatcher(
            database, replier, windows=windows, daily_tokens=daily_tokens, on_error=self._remember
        )
        self._error: Exception | None = None
        self._session = LocalSession()
        self._bot = Bot(f"{_BOT_ID}:terminal", session=self._session)
        self._update_ids = count(1)

    async def say(self, text: str) -> list[str]:
        """What the bot answers; nothing to a blank line. Raises what went wrong in between."""
        # what an interrupted one left
        self._error, self._session.sent = None, []
        # Telegram trims a text as well, and delivers no blank one
        if line := text.strip():
            await self._dispatcher.feed_raw_update(self._bot, _update(next(self._update_ids), line))
        if self._error:
            raise self._error
        return self._session.sent

    async def _remember(self, event: ErrorEvent) -> None:
        self._error = event.exception

    async def said(self) -> list[str]:
        """What the person said in the dialogue, oldest first."""
        chat = await self._database.chats.find(bot_id=_BOT_ID, telegram_chat_id=_PERSON_ID)
        person = await self._database.users.find(telegram_user_id=_PERSON_ID)
        if chat is None or person is None:
            return []
        messages = await self._database.messages.recent(chat_id=chat.id, user_id=person.id, page_size=_HISTORY_MESSAGES)
        return [message.content for message in reversed(messages) if message.role == "user"]


class LocalSession(BaseSession):
    """A Bot API server in the process, with the methods that the bot calls; `sent` has the texts it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[TelegramType],
        timeout: int | None = None,  # noqa: ARG002, ASYNC109 - aiogram's signature
    ) -> TelegramType:
        """The method's result; raises TelegramAPIError for a method that a terminal has no use for."""
        match method:
            case SendMessage():
                self.sent.append(method.text)
                return cast("TelegramType", _sent(bot, method.text))
            case SendDocument(document=BufferedInputFile(data=data)):
                # a terminal has no files: it shows the lines
                self.sent.append(data.decode().removesuffix("\n"))
                return cast("TelegramType", _sent(bot, ""))
            case SendChatAction() | SendMessageDraft():
                return cast("TelegramType", True)
            case GetMe():
                return cast("TelegramType", User(id=bot.id, is_bot=True, first_name="botcore"))
        raise TelegramAPIError(method=method, message="the terminal does not know this method")

    async def close(self) -> None:
        """Nothing is open."""

    async def stream_content(self, *_: Any, **__: Any) -> AsyncGenerator[bytes, None]:
        """Nothing: the terminal has no files."""
        return
        yield b""


def _update(update_id: int, text: str) -> dict[str, Any]:
    person = {"id": _PERSON_ID, "first_name": "You"}
    return {
        "update_id": update_id,
        "message": {
            "message_id": _MESSAGE_ID,
            "date": datetime.now(UTC),
            "chat": {**person, "type": "private"},
            "from": {**person, "is_bot": False},
            "text": text,
        },
    }


def _sent(bot: Bot, text: str) -> Message:
    chat = Chat(id=_PERSON_ID, type="private")
    message = Message(message_id=_MESSAGE_ID, date=datetime.now(UTC), chat=chat, text=text)
    return message.as_(bot)
