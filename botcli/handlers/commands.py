"""The commands: stored hidden, so that none becomes part of the dialogue, and none runs twice."""

import logging
import re
from typing import Any, Final, cast

from aiogram import Bot, F, Router
from aiogram.dispatcher.flags import get_flag
from aiogram.enums import ChatType
from aiogram.exceptions import TelegramBadRequest, TelegramEntityTooLarge
from aiogram.filters import Command, CommandObject
from aiogram.types import BufferedInputFile, Message, TelegramObject
from aiogram.utils.i18n import gettext as _
from aiogram.utils.i18n import ngettext

from botcli import figures
from botcli.exchanges import NOT_THERE
from botcli.incoming import clean, is_reply, sender
from botcli.journal import Handling
from botcli.languages import Speak
from botcli.menus import offered
from botcli.middleware import Dialogue, Handler, Store
from botcli.pictures import Pictures
from botcli.refusals import is_about_the_chat
from botcli.sentences import later
from botcli.taking_back import take_back
from botcli.throttle import Throttle
from botcli.transcripts import cut, said, transcript
from botcli.turns import Turns
from botcli.windows import Windows
from botcore import Database, Recorded
from botcore import Message as Stored

_log = logging.getLogger(__name__)

_OPTED_OUT: Final = later("Nothing is recorded since you opted out; /privacy on changes that.")
_NOBODY: Final = later("Only a person has a dialogue with me, not a chat or an anonymous admin.")
_HISTORY_MESSAGES: Final = 20
_QUOTED_UNITS: Final = 200
COMMAND: Final = re.compile(r"[a-z0-9_]{1,32}$", re.IGNORECASE | re.ASCII)


def build_router(database: Database) -> Router:
    """The commands' handlers, on a router of their own."""
    router = Router(name="commands")
    router.message.middleware(Store(database, hidden=True))
    router.message.middleware(Speak(database))
    router.message.middleware(need_dialogue)
    router.message.register(start, Command("start", ignore_case=True))
    router.message.register(help_, Command("help", ignore_case=True))
    router.message.register(stats, Command("stats", ignore_case=True))
    of_dialogue = {"dialogue": True}
    router.message.register(new, Command("new", ignore_case=True), flags=of_dialogue)
    router.message.register(retry, Command("retry", ignore_case=True), flags=of_dialogue)
    router.message.register(undo, Command("undo", ignore_case=True), flags=of_dialogue | {"along": take_back})
    router.message.register(history, Command("history", ignore_case=True), flags=of_dialogue)
    router.message.register(search, Command("search", ignore_case=True), flags=of_dialogue)
    return router


def build_last_router(database: Database) -> Router:
    """What answers the commands that no router before has."""
    router = Router(name="unknown commands")
    router.message.middleware(Store(database, hidden=True))
    router.message.middleware(Speak(database))
    # in a group it may be another bot's, or a joke
    router.message.register(unknown, F.chat.type == ChatType.PRIVATE, Command(COMMAND))
    return router


async def need_dialogue(handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
    """Ends a command about the dialogue where there is none, and says why."""
    if "dialogue" in data or not get_flag(data, "dialogue"):
        return await handler(event, data)
    message = cast("Message", event)
    return await message.answer(_(_OPTED_OUT if sender(message) else _NOBODY))


async def start(message: Message) -> None:
    """Greets."""
    await message.answer(_("Hello! Write to me, and I answer. /help lists what else I can do."))


async def help_(message: Message, admin_ids: frozenset[int]) -> None:
    """Lists the commands that the person may give, and to an admin theirs where they work."""
    person = sender(message)
    is_private = message.chat.type == ChatType.PRIVATE
    commands = offered(is_admin=is_private and person is not None and person.id in admin_ids)
    await message.answer("\n".join(f"/{name} - {_(description)}" for name, description in commands.items()))


async def new(message: Message, dialogue: Dialogue, database: Database, windows: Windows) -> None:
    """Soft-clears the person's dialogue, even where the window is everybody's, and says how much that was."""
    cleared = await database.messages.clear(**dialogue)
    count = ngettext(
        "A new dialogue. The one before had {count} message.",
        "A new dialogue. The one before had {count} messages.",
        cleared,
    ).format(count=cleared)
    others = " " + _("What others said here stays.") if windows.is_shared(message) else ""
    await message.answer(f"{count}{others}")


async def retry(
    message: Message,
    *,
    recorded: Recorded,
    dialogue: Dialogue,
    turns: Turns,
    throttle: Throttle,
    handling: Handling | None = None,
) -> None:
    """Has the newest that the person said answered anew, in place of the answer that it has, if any."""
    if await throttle.admits(message, dialogue, recorded.message):
        await turns.retry(message, recorded.message, dialogue, handling)


async def undo(message: Message, along: list[Stored] | None) -> None:
    """Says what was taken back of the dialogue; an earlier attempt at the command knew it, and may not have said it."""
    if along is None:
        await message.answer(_("If there was something to take back, that is done."))
    elif not along:
        await message.answer(_(NOT_THERE) if is_reply(message) else _("There is nothing to take back."))
    else:
        await message.answer(_taken_back(along))


async def history(message: Message, dialogue: Dialogue, database: Database) -> None:
    """Shows the dialogue's newest messages, oldest first, a line each."""
    messages = await database.messages.recent(**dialogue, page_size=_HISTORY_MESSAGES)
    await message.answer(transcript(messages[::-1]) or _("Nothing was said yet."))


async def search(message: Message, command: CommandObject, dialogue: Dialogue, database: Database) -> None:
    """Shows the person's newest messages of this chat with the given words, newest first, a line each."""
    if not (query := clean(command.args)):
        await message.answer(_("Say what to look for: /search words"))
        return
    found = await database.messages.search(
        query=query, order="newest", chat_id=dialogue["chat_id"], user_id=dialogue["user_id"]
    )
    await message.answer(transcript([each.message for each in found], dated=True) or _("Nothing was found."))


async def stats(
    message: Message,
    bot: Bot,
    database: Database,
    dialogue: Dialogue | None = None,
    pictures: Pictures | None = None,
) -> None:
    """Shows what this bot has stored, first the person's dialogue in this topic, and a picture of the chat's last days.

    The picture is left out where there is none, or Telegram does not take it.
    """
    everything = figures.everything(await database.stats.totals(bot_id=bot.id))
    if dialogue is None:
        await message.answer(everything)
        return
    ours = figures.dialogue(await database.stats.dialogue(**dialogue))
    spent = figures.usage(await database.usage.totals(user_id=dialogue["user_id"], bot_id=bot.id))
    text = _("Our dialogue\n{ours}{spent}\n\nAll dialogues\n{everything}")
    text = text.format(ours=ours, spent=spent, everything=everything)
    is_private = message.chat.type == ChatType.PRIVATE
    picture = await pictures.of_chat(database, dialogue["chat_id"], is_private=is_private) if pictures else None
    if picture is None or not await _photo(message, picture, text):
        await message.answer(text)


async def unknown(message: Message, command: CommandObject) -> None:
    """Says that there is no such command, and where they stand."""
    await message.answer(_("I do not know /{command}. /help lists what I know.").format(command=command.command))


async def _photo(message: Message, picture: bytes, caption: str) -> bool:
    """Whether it was sent; a group may take texts and no photos."""
    try:
        await message.answer_photo(BufferedInputFile(picture, "stats.png"), caption=caption)
    except (TelegramBadRequest, TelegramEntityTooLarge) as refusal:
        if is_about_the_chat(refusal):
            raise
        _log.warning("sent without the picture, which Telegram refused")
        return False
    return True


def _taken_back(taken: list[Stored]) -> str:
    question = _("Taken back: {question}").format(question=cut(said(taken[0]), _QUOTED_UNITS))
    count = sum(each.role == "assistant" for each in taken)
    if not count:
        return question
    answers = ngettext("With it goes {count} answer of mine.", "With it go {count} answers of mine.", count)
    return f"{question}\n{answers.format(count=count)}"
