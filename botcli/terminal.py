"""Telegram without Telegram: the bot's dispatcher for one person in one terminal."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, cast

from aiogram import Bot
from aiogram.client.session.base import BaseSession
from aiogram.exceptions import TelegramAPIError
from aiogram.methods import GetMe, SendChatAction, SendDocument, SendMessage, SendMessageDraft, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import BufferedInputFile, Chat, ErrorEvent, Message, MessageEntity, User
from aiogram.utils.i18n import gettext as _

from botcli.bot import build_dispatcher
from botcli.conversations import BOT_ID, MAIN, PERSON_ID, Conversation
from botcli.languages import speaking_to
from botcli.menus import offered
from botcli.rendering import Part
from botcli.replies import Replier, ignore
from botcli.showing import Showing
from botcli.stops import Draft, Stops
from botcli.windows import DEFAULT, Windows
from botcore import Database

_PERSON: Final[dict[str, Any]] = {"id": PERSON_ID, "first_name": "You", "is_bot": False}
_MESSAGE_ID: Final = 0  # for "none": a new process would count from 1 again, and each message look like an old one
_DRAFT_ID: Final = 1  # of the answer to a message without an id
_HISTORY_MESSAGES: Final = 200
_INTERVAL_SECONDS: Final = 0.05


Drawn = Callable[[str], None]
"""Is told each draft of an answer in Markdown: all of it so far."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the bot said: an answer in Markdown, or a text as it is."""

    text: str = field(repr=False)
    is_answer: bool = False


class Terminal:
    """A private chat between the terminal's person and the bot, whose answers can be Markdown."""

    def __init__(
        self,
        database: Database,
        replier: Replier,
        windows: Windows = DEFAULT,
        daily_tokens: int | None = None,
        conversation: Conversation = MAIN,
        *,
        is_markdown: bool = False,
    ) -> None:
        self._database = database
        self._dispatcher = build_dispatcher(
            database,
            replier,
            windows=windows,
            daily_tokens=daily_tokens,
            showing=Showing(_INTERVAL_SECONDS, _marked if is_markdown else _plain, is_whole=True),
            on_error=self._remember,
        )
        self.conversation = conversation
        self._error: Exception | None = None
        self._session = LocalSession()
        self._bot = Bot(f"{BOT_ID}:terminal", session=self._session)
        self._update_ids = count(1)

    async def say(self, text: str, heard: Drawn = ignore) -> list[Said]:
        """What the bot answers, of which `heard` is told while it comes; nothing to a blank line.

        Raises what went wrong in between.
        """
        # what an interrupted one left
        self._error, self._session.sent, self._session.heard = None, [], heard
        # Telegram trims a text as well, and delivers no blank one
        if line := text.strip():
            await self._dispatcher.feed_raw_update(self._bot, self._update(line))
        if self._error:
            raise self._error
        return self._session.sent

    def stop(self) -> bool:
        """Ends the answer that is being made, which `say` then has as far as it came; False where none is."""
        stops: Stops = self._dispatcher["stops"]
        return stops.stop(Draft(self.conversation.telegram_chat_id, _DRAFT_ID))

    async def _remember(self, event: ErrorEvent) -> None:
        self._error = event.exception

    async def said(self) -> list[str]:
        """What the person said in the conversation, oldest first."""
        chat = await self._database.chats.find(bot_id=BOT_ID, telegram_chat_id=self.conversation.telegram_chat_id)
        person = await self._database.users.find(telegram_user_id=PERSON_ID)
        if chat is None or person is None:
            return []
        messages = await self._database.messages.recent(chat_id=chat.id, user_id=person.id, page_size=_HISTORY_MESSAGES)
        return [message.content for message in reversed(messages) if message.role == "user"]

    async def commands(self) -> dict[str, str]:
        """The commands and what each does, in the language that the bot answers in."""
        async with speaking_to(self._database, User(**_PERSON)):
            return {name: _(description) for name, description in offered().items()}

    def _update(self, text: str) -> dict[str, Any]:
        chat = {"id": self.conversation.telegram_chat_id, "type": "private", "title": self.conversation.title}
        return {
            "update_id": next(self._update_ids),
            "message": {
                "message_id": _MESSAGE_ID,
                "date": datetime.now(UTC),
                "chat": chat,
                "from": _PERSON,
                "text": text,
            },
        }


class LocalSession(BaseSession):
    """A Bot API server in the process, with the methods that the bot calls.

    `sent` has the texts that it was given, and `heard` is told each draft of an answer in Markdown.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Said] = []
        self.heard: Drawn = ignore

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[TelegramType],
        timeout: int | None = None,  # noqa: ARG002, ASYNC109 - aiogram's signature
    ) -> TelegramType:
        """The method's result; raises TelegramAPIError for a method that a terminal has no use for."""
        match method:
            case SendMessage():
                self.sent.append(Said(method.text, is_answer=bool(method.entities)))
                return cast("TelegramType", _sent(bot, method.text))
            case SendDocument(document=BufferedInputFile(data=data)):
                # a terminal has no files: it shows the lines
                self.sent.append(Said(data.decode().removesuffix("\n")))
                return cast("TelegramType", _sent(bot, ""))
            case SendChatAction() | SendMessageDraft():
                if isinstance(method, SendMessageDraft) and method.entities:
                    self.heard(method.text or "")
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


def _plain(text: str) -> list[Part]:
    """The text as it is: a terminal takes any."""
    return [Part(text)]


def _marked(text: str) -> list[Part]:
    """The text as it is, which is Markdown: the terminal draws that itself."""
    return [Part(text, [MessageEntity(type="markdown", offset=0, length=0)])]


def _sent(bot: Bot, text: str) -> Message:
    chat = Chat(id=PERSON_ID, type="private")
    message = Message(message_id=_MESSAGE_ID, date=datetime.now(UTC), chat=chat, text=text)
    return message.as_(bot)
