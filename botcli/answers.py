"""From an answer's text to Telegram: what belongs to the dialogue is stored before it is sent."""

from aiogram.exceptions import TelegramAPIError
from aiogram.types import Message

from botcli.journal import Unconfirmed
from botcli.refusals import is_about_the_chat
from botcli.splitting import split
from botcore import Database
from botcore import Message as Stored


async def say(message: Message, text: str) -> list[Message]:
    """Answers with the text, in as many messages as Telegram needs for it; what came of each."""
    return [await message.answer(part) for part in split(text)]


async def deliver(database: Database, message: Message, reply: Stored) -> None:
    """Sends a stored reply and notes what came of it; where its first part is refused for good, it was never said."""
    key = {"chat_id": reply.chat_id, "message_id": reply.id}
    sent: list[Message] = []
    try:
        for part in split(reply.content):
            sent.append(await message.answer(part))  # noqa: PERF401 - what was sent when one is refused
    except TelegramAPIError as error:
        if is_about_the_chat(error) and not sent:
            await database.messages.delete(**key)
        raise
    in_doubt = reply.delivery == "unconfirmed" or any(isinstance(part, Unconfirmed) for part in sent)
    # of what an earlier attempt sent nobody knows the id
    named = next((part for part in sent if part.message_id), None)
    await database.messages.deliver(
        **key,
        delivery="unconfirmed" if in_doubt else None,
        telegram_chat_id=named.chat.id if named else None,
        telegram_message_id=named.message_id if named else None,
        sent_at=named.date if named else None,
    )
