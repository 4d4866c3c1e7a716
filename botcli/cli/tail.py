"""`botcli tail`: new messages as they are committed, a line each."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from time import monotonic
from typing import Annotated, Final

from cyclopts import Parameter

from botcli.cli import output, signals
from botcli.cli.environment import read_settings
from botcli.database import open_database
from botcore import Database, InvalidInput, Message, NotFound, Role

_LINES: Final = range(1_001)
_OPTIONS: Final = {"after_id": "--since-id", "bot_id": "--bot", "chat_id": "--chat"}
_WORRY_SECONDS: Final = 1.0
_STYLES: Final[dict[Role, str]] = {"user": "cyan", "assistant": "green", "system": "magenta"}
# names are looked up anew now and then: they change
_NAMES: Final = 1_000
_NAMES_SECONDS: Final = 60.0


async def tail(
    *,
    chat: Annotated[int | None, Parameter(help="botcore's id of a chat; by default all chats.")] = None,
    bot: Annotated[int | None, Parameter(help="Telegram's id of a bot: only its chats; 0 is the terminal.")] = None,
    lines: Annotated[
        int, Parameter(name=["--lines", "-n"], show_default=True, help="How many of the newest come first.")
    ] = 10,
    since_id: Annotated[int | None, Parameter(help="Begin behind this id instead, with all that came since.")] = None,
    json: Annotated[bool, Parameter(name="--json", help="Print a line of JSON for each, with all its fields.")] = False,
) -> None:
    """Print messages as they are stored, by whichever process, until Ctrl-C: each once, in the order of their ids."""
    if lines not in _LINES:
        raise InvalidInput("--lines", f"must be {_LINES.start}..{_LINES.stop - 1}, not {lines}")
    if chat is not None and bot is not None:
        raise InvalidInput("--bot", "goes without --chat: a chat is one bot's")
    settings = read_settings()
    task = asyncio.current_task()
    with signals.stops(lambda: task and task.cancel()) as stops, _troubles_said():
        try:
            async with open_database(settings) as database:
                if chat is not None and await database.chats.get(chat_id=chat) is None:
                    raise NotFound("chat", chat_id=chat)
                printer = _Printer(database, json=json)
                async for message in _messages(database, chat, bot, lines, since_id):
                    await printer.write(message)
        except InvalidInput as error:
            raise InvalidInput(_OPTIONS.get(error.field, error.field), error.reason) from None
        except asyncio.CancelledError:
            # its only end
            if not stops:
                raise
            if sys.stderr.isatty():
                output.say("")


async def _messages(
    database: Database, chat: int | None, bot: int | None, lines: int, since_id: int | None
) -> AsyncIterator[Message]:
    """The newest so many, or none where it begins behind an id, and then what is new; without end."""
    if since_id is None:
        since_id = await _position(database)
        for message in reversed(await _newest(database, chat, bot, lines, since_id) if lines else []):
            yield message
    async for message in database.messages.listen(after_id=since_id, chat_id=chat, bot_id=bot):
        yield message


async def _newest(database: Database, chat: int | None, bot: int | None, lines: int, upto_id: int) -> list[Message]:
    page = {"before_id": upto_id + 1, "page_size": lines}
    if chat is None:
        return await database.messages.newest(bot_id=bot, **page)
    return await database.messages.recent_in_chat(chat_id=chat, **page)


async def _position(database: Database) -> int:
    hint = "waiting for a transaction that has stored messages and does not end"
    worry = asyncio.get_running_loop().call_later(_WORRY_SECONDS, output.say, hint)
    try:
        return await database.messages.position()
    finally:
        worry.cancel()


class _Printer:
    """Prints messages: cut to the terminal's width there, whole and with tabs between what is told elsewhere."""

    def __init__(self, database: Database, *, json: bool) -> None:
        self._database = database
        self._json = json
        self._names: dict[tuple[str, int], str | None] = {}
        self._forget_at = 0.0

    async def write(self, message: Message) -> None:
        """Prints it at once, whoever reads."""
        if self._json:
            output.write(output.json_text(asdict(message), indent=None))
        else:
            chat, who = await self._who(message)
            text = " ".join(message.content.split()) or f"({message.kind})"
            if sys.stdout.isatty():
                _show(message, chat, who, text)
            else:
                fields = (str(message.id), message.sent_at.isoformat(), chat, who, text)
                output.write("\t".join(" ".join(output.printable(field).split()) for field in fields))
        sys.stdout.flush()

    async def _who(self, message: Message) -> tuple[str, str]:
        """What to call the chat and who spoke there: in a private chat, which has its person's name, the role."""
        if monotonic() > self._forget_at or len(self._names) > _NAMES:
            self._names.clear()
            self._forget_at = monotonic() + _NAMES_SECONDS
        person = await self._person(message.user_id) if message.user_id else None
        title = await self._title(message.chat_id)
        name = title or person or f"chat {message.chat_id}"
        return name, person if title and person and message.role == "user" else message.role

    async def _title(self, chat_id: int) -> str | None:
        key = ("chat", chat_id)
        if key not in self._names:
            chat = await self._database.cached.chats.get(chat_id=chat_id)
            self._names[key] = chat.title if chat else None
        return self._names[key]

    async def _person(self, user_id: int) -> str | None:
        key = ("user", user_id)
        if key not in self._names:
            user = await self._database.cached.users.get(user_id=user_id)
            self._names[key] = " ".join(filter(None, (user.first_name, user.last_name))) if user else None
        return self._names[key]


def _show(message: Message, chat: str, who: str, text: str) -> None:
    from rich.console import Console
    from rich.text import Text

    sent, today = message.sent_at.astimezone(), datetime.now().astimezone().date()
    at = f"{sent:%H:%M:%S}" if sent.date() == today else f"{sent:%Y-%m-%d}"
    line = Text().append(f"{at} ", "dim").append(f"[{output.printable(chat)}] ", "bold")
    line.append(f"{output.printable(who)}: ", _STYLES[message.role]).append(output.printable(text))
    Console(highlight=False).print(line, no_wrap=True, overflow="ellipsis")


class _Said(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        output.say(": ".join(filter(None, (record.getMessage(), getattr(record, "reason", None)))))


@contextmanager
def _troubles_said() -> Iterator[None]:
    """What listening logs, that the database is away and that it is back, is said whatever LOG_LEVEL is, and once."""
    log, handler = logging.getLogger("botcore.arrivals"), _Said(logging.WARNING)
    log.addHandler(handler)
    log.setLevel(logging.WARNING)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)
        log.propagate = True
