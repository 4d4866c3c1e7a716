"""The commands: stored hidden, so that none becomes part of the dialogue, and none runs twice."""

from datetime import datetime
from typing import Any, Final, cast

from aiogram import Bot, Router
from aiogram.dispatcher.flags import get_flag
from aiogram.filters import Command, CommandObject
from aiogram.types import Message, TelegramObject

from botcli.incoming import clean, sender
from botcli.journal import Handling
from botcli.middleware import Dialogue, Handler, Store
from botcli.splitting import MESSAGE_UNITS
from botcli.turns import Turns
from botcli.windows import Windows
from botcore import Database, Delivery, Recorded, Role, Spent, Totals
from botcore import Message as Stored

COMMANDS: Final = {
    "start": "say hello",
    "help": "list the commands",
    "new": "begin a new dialogue",
    "retry": "ask once more for an answer",
    "history": "show the dialogue's newest messages",
    "search": "find words in what we said",
    "stats": "count what is stored",
    "privacy": "read what I keep about you, or stop it",
    "export": "get all that I keep about you",
    "forget": "remove all that I keep about you",
}
_HISTORY_MESSAGES: Final = 20
_OPTED_OUT: Final = "Nothing is recorded since you opted out; /privacy changes that."
_NOBODY: Final = "Only a person has a dialogue with me, not a chat or an anonymous admin."
_SPEAKERS: Final[dict[Role, str]] = {"user": "You", "assistant": "Bot", "system": "System"}
_STATES: Final[dict[Delivery | None, str]] = {"pending": " (not sent yet)", "unconfirmed": " (unconfirmed)", None: ""}


def build_router(database: Database) -> Router:
    """The commands' handlers, on a router of their own."""
    router = Router(name="commands")
    router.message.middleware(Store(database, hidden=True))
    router.message.middleware(need_dialogue)
    router.message.register(start, Command("start", ignore_case=True))
    router.message.register(help_, Command("help", ignore_case=True))
    router.message.register(stats, Command("stats", ignore_case=True))
    of_dialogue = {"dialogue": True}
    router.message.register(new, Command("new", ignore_case=True), flags=of_dialogue)
    router.message.register(retry, Command("retry", ignore_case=True), flags=of_dialogue)
    router.message.register(history, Command("history", ignore_case=True), flags=of_dialogue)
    router.message.register(search, Command("search", ignore_case=True), flags=of_dialogue)
    return router


async def need_dialogue(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
    """Ends a command about the dialogue where there is none, and says why."""
    if "dialogue" in data or not get_flag(data, "dialogue"):
        return await handler(event, data)
    message = cast("Message", event)
    return await message.answer(_OPTED_OUT if sender(message) else _NOBODY)


async def start(message: Message) -> None:
    """Greets."""
    await message.answer("Hello! Write to me, and I answer. /help lists what else I can do.")


async def help_(message: Message) -> None:
    """Lists the commands."""
    await message.answer("\n".join(f"/{name} - {description}" for name, description in COMMANDS.items()))


async def new(message: Message, dialogue: Dialogue, database: Database, windows: Windows) -> None:
    """Soft-clears the person's dialogue, even where the window is everybody's, and says how much that was."""
    cleared = await database.messages.clear(**dialogue)
    others = " What others said here stays." if windows.is_shared(message) else ""
    await message.answer(f"A new dialogue. The one before had {cleared} message{'s' * (cleared != 1)}.{others}")


async def retry(
    message: Message, recorded: Recorded, dialogue: Dialogue, turns: Turns, handling: Handling | None = None
) -> None:
    """Has the newest that the person said answered anew, in place of the answer that it has, if any."""
    await turns.retry(message, recorded.message, dialogue, handling)


async def history(message: Message, dialogue: Dialogue, database: Database) -> None:
    """Shows the dialogue's newest messages, oldest first, a line each."""
    messages = await database.messages.recent(**dialogue, page_size=_HISTORY_MESSAGES)
    await message.answer(_transcript(messages[::-1]) or "Nothing was said yet.")


async def search(message: Message, command: CommandObject, dialogue: Dialogue, database: Database) -> None:
    """Shows the person's newest messages of this chat with the given words, newest first, a line each."""
    if not (query := clean(command.args)):
        await message.answer("Say what to look for: /search words")
        return
    found = await database.messages.search(
        query=query, order="newest", chat_id=dialogue["chat_id"], user_id=dialogue["user_id"]
    )
    await message.answer(_transcript([each.message for each in found], dated=True) or "Nothing was found.")


async def stats(message: Message, bot: Bot, database: Database, dialogue: Dialogue | None = None) -> None:
    """Shows what this bot has stored, and of that first the person's dialogue in this topic."""
    totals = await database.stats.totals(bot_id=bot.id)
    everything = f"People: {totals.people:,}\nChats: {totals.chats:,}\n{_summary(totals, 'people')}"
    if dialogue is None:
        await message.answer(everything)
        return
    ours = _summary(await database.stats.dialogue(**dialogue), "you")
    spent = await database.usage.totals(user_id=dialogue["user_id"], bot_id=bot.id)
    await message.answer(f"Our dialogue\n{ours}{_usage(spent)}\n\nAll dialogues\n{everything}")


def _transcript(messages: list[Stored], *, dated: bool = False) -> str:
    room = MESSAGE_UNITS // max(1, len(messages)) - 1
    speakers = (_SPEAKERS[m.role] + _STATES[m.delivery] for m in messages)
    texts = (" ".join(m.content.split()) or f"[{m.kind}]" for m in messages)
    dates = (f"{m.sent_at:%Y-%m-%d} " if dated else "" for m in messages)
    return "\n".join(_cut(f"{date}{who}: {text}", room) for date, who, text in zip(dates, speakers, texts, strict=True))


def _cut(line: str, units: int) -> str:
    encoded = line.encode("utf-16-le")
    if len(encoded) <= 2 * units:
        return line
    # the last kept unit may be half of a pair
    return encoded[: 2 * (units - 1)].decode("utf-16-le", "ignore") + "…"


def _summary(totals: Totals, speakers: str) -> str:
    messages = totals.system_messages + totals.user_messages + totals.assistant_messages
    return "\n".join(
        (
            f"Messages: {messages:,} ({totals.user_messages:,} from {speakers}, {totals.assistant_messages:,} from me)",
            f"Characters: {totals.characters:,}",
            f"First: {_minute(totals.first_at)}",
            f"Last: {_minute(totals.last_at)}",
        )
    )


def _usage(spent: Spent) -> str:
    """What the model cost for the person, wherever they asked this bot; nothing where none was asked."""
    if not spent.requests:
        return ""
    today = _tokens(spent.today_requests, spent.today_input_tokens, spent.today_output_tokens)
    in_all = _tokens(spent.requests, spent.input_tokens, spent.output_tokens)
    return f"\n\nThe model for you\nToday (UTC): {today}\nIn all: {in_all}"


def _tokens(requests: int, read: int, written: int) -> str:
    return f"{requests:,} answer{'s' * (requests != 1)}, {read:,} tokens read, {written:,} written"


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M %Z}" if moment else "none yet"
