"""What a person may know and decide about what is kept; each command knows them by Telegram's id alone."""

import logging
from typing import Final

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import BufferedInputFile, Message
from aiogram.utils.i18n import gettext as _

from botcli import export
from botcli.incoming import sender
from botcli.languages import Speak
from botcli.middleware import Store
from botcli.redis_storage import RedisStorage
from botcli.sentences import later
from botcore import Database, NotPermitted, Receipt

_log = logging.getLogger(__name__)

PRIVACY: Final = later("""\
What I keep about you, in every chat with me and my sister bots: your Telegram id, your names, your username, your \
language and the one that you chose; what you write where I am and every edit of it, and my answers; when that was, \
what it replied to, and whether my answers reach you. Of pictures, voice and files I keep that they were there and \
their caption, not themselves. What Telegram tells me waits as it came until I have handled it, or my operator has. \
Where a model makes my answers it is sent our dialogue, in a group perhaps what all of you said there, and I keep how \
much it read and wrote for you each day, and when and by which messages you asked last.

What is deleted, by /new for one, is hidden at once and stays hidden until my operator purges it.

/export sends you all that is not hidden, but for when you asked last, as a file.
/forget removes all of it for good, hidden or not, everywhere. What stays is a receipt: a time, numbers, and a digest \
of your id, by which a message that comes again is known as forgotten.
/privacy off stops the recording: I still answer, but remember nothing. /privacy on resumes it.""")

_SWITCHED: Final = {
    ("off", True): later(
        "From now on I record nothing of you, and still answer. What I have stays: /forget removes it."
    ),
    ("off", False): later("I record nothing of you already."),
    ("on", True): later("From now on I record again what you write."),
    ("on", False): later("I record what you write already."),
}
_NOBODY: Final = later("I keep nothing about who is no person: a channel, or an anonymous admin. Ask me as yourself.")
_MEGABYTE: Final = 10**6
# https://core.telegram.org/bots/api#senddocument
_DOCUMENT_MEGABYTES: Final = 50


def build_router(database: Database) -> Router:
    """The handlers, on a router of their own; the commands are stored hidden, the answers not at all."""
    router = Router(name="privacy")
    router.message.middleware(Store(database, hidden=True))
    router.message.middleware(Speak(database))
    router.message.register(privacy, Command("privacy", ignore_case=True), who)
    router.message.register(export_, Command("export", ignore_case=True), who)
    router.message.register(forget, Command("forget", ignore_case=True), who)
    router.message.register(nobody, Command("privacy", "export", "forget", ignore_case=True))
    return router


async def privacy(message: Message, command: CommandObject, telegram_user_id: int, database: Database) -> None:
    """Says what is kept, or switches the recording off or on."""
    match wanted := (command.args or "").strip().lower():
        case "off":
            changed = await database.users.opt_out(telegram_user_id=telegram_user_id)
        case "on":
            changed = await database.users.opt_in(telegram_user_id=telegram_user_id)
        case _:
            is_off = await database.users.opted_out(telegram_user_id=telegram_user_id)
            state = _("The recording is off.") if is_off else _("The recording is on.")
            await message.answer(f"{_(PRIVACY)}\n\n{state}")
            return
    await message.answer(_(_SWITCHED[wanted, changed]))


async def export_(message: Message, telegram_user_id: int, database: Database, redis: RedisStorage | None) -> None:
    """Sends everything live that is kept about the person, where nobody else reads it."""
    if message.chat.type != "private":
        await message.answer(_("Others read along here: ask me for it in our private chat."))
        return
    document = await _document(database, redis, telegram_user_id)
    if document is None:
        text = _("That is more than the {megabytes} MB of a file here: ask my operator for it.")
        await message.answer(text.format(megabytes=_DOCUMENT_MEGABYTES))
        return
    await message.answer_document(BufferedInputFile(document, f"{export.FORMAT}.jsonl"))


async def forget(
    message: Message, command: CommandObject, telegram_user_id: int, database: Database, redis: RedisStorage | None
) -> None:
    """Asks for the command once more, as `/forget yes`; then erases the person and shows the receipt."""
    if (command.args or "").strip().lower() != "yes":
        await message.answer(
            _(
                "This removes all that I keep about you, in all chats and with all bots here, for good. Nobody can "
                "bring it back; /export gives you a copy first. To go on, write /forget yes"
            )
        )
        return
    if redis and await database.users.may_erase():
        # before the database: after that there is no update any more that would be tried again
        await redis.erase(telegram_user_id=telegram_user_id)
    try:
        receipt = await database.users.erase(telegram_user_id=telegram_user_id)
    except NotPermitted:
        _log.exception("nobody can be erased: DATABASE_URL's role may not, and DATABASE_ERASER_URL is not set")
        await message.answer(_("I cannot do that by myself, and nothing is forgotten yet: ask my operator."))
        return
    await message.answer(_summary(receipt))


async def nobody(message: Message) -> None:
    """Answers a chat or an anonymous admin, about whom there is nothing to say."""
    await message.answer(_(_NOBODY))


def who(message: Message) -> dict[str, int] | bool:
    """A filter that hands on Telegram's id of the person; there is no `dialogue` of who opted out."""
    person = sender(message)
    return {"telegram_user_id": person.id} if person else False


async def _document(database: Database, redis: RedisStorage | None, telegram_user_id: int) -> bytes | None:
    """The export as one file; None where Telegram takes no file of its size."""
    document = bytearray()
    forms = await redis.entered(telegram_user_id=telegram_user_id) if redis else ()
    async for line in export.lines(database, telegram_user_id, forms):
        document += line
        if len(document) > _DOCUMENT_MEGABYTES * _MEGABYTE:
            return None
    return bytes(document)


def _summary(receipt: Receipt) -> str:
    return "\n".join(
        (
            _("Forgotten at {moment:%Y-%m-%d %H:%M:%S %Z}:").format(moment=receipt.erased_at),
            _("People: {count:,}").format(count=receipt.users),
            _("Private chats: {count:,}").format(count=receipt.chats),
            _("Messages: {count:,}").format(count=receipt.messages),
            _("Versions of edited messages: {count:,}").format(count=receipt.versions),
            _("Receipt: {digest}").format(digest=receipt.person),
        )
    )
