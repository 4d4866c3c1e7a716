"""What Telegram tells about chats and messages rather than what somebody says: nothing of it is stored or answered."""

from typing import Final

from aiogram import Bot, F, Router
from aiogram.enums import ChatMemberStatus
from aiogram.types import (
    BusinessMessagesDeleted,
    ChatMemberRestricted,
    ChatMemberUpdated,
    Message,
    MessageGenerationStopped,
)

from botcli.incoming import is_service
from botcli.stops import Draft, Stops
from botcore import Database

_DELETIONS: Final = 1_000  # of one statement


def build_router() -> Router:
    """The handlers, on a router of their own; it takes every service message."""
    router = Router(name="changes")
    router.message.register(migrate, F.migrate_to_chat_id | F.migrate_from_chat_id)
    for observer in (
        *(router.message, router.channel_post, router.business_message),
        *(router.edited_message, router.edited_channel_post, router.edited_business_message),
    ):
        observer.register(ignore, is_service)
    router.deleted_business_messages.register(delete)
    router.my_chat_member.register(note_membership)
    router.stopped_message_generation.register(stop)
    return router


async def migrate(message: Message, bot: Bot, database: Database) -> None:
    """Makes one conversation of a group and its supergroup; each of the two says so, in any order."""
    await database.chats.migrate(
        bot_id=bot.id,
        telegram_chat_id=message.migrate_from_chat_id or message.chat.id,
        migrate_to_chat_id=message.migrate_to_chat_id or message.chat.id,
    )


async def delete(deleted: BusinessMessagesDeleted, bot: Bot, database: Database) -> None:
    """Hides what somebody deleted in a business chat."""
    for start in range(0, len(deleted.message_ids), _DELETIONS):
        await database.messages.delete_many(
            bot_id=bot.id,
            telegram_chat_id=deleted.chat.id,
            business_connection_id=deleted.business_connection_id,
            telegram_message_ids=deleted.message_ids[start : start + _DELETIONS],
        )


async def note_membership(changed: ChatMemberUpdated, bot: Bot, database: Database) -> None:
    """Notes whether the bot can write in a chat that is known: it was blocked, removed or muted, or let in again."""
    member = changed.new_chat_member
    if isinstance(member, ChatMemberRestricted):
        can_write = member.is_member and member.can_send_messages
    else:
        can_write = member.status not in {ChatMemberStatus.LEFT, ChatMemberStatus.KICKED}
    note = database.chats.unblock if can_write else database.chats.block
    await note(bot_id=bot.id, telegram_chat_id=changed.chat.id)


async def stop(stopped: MessageGenerationStopped, stops: Stops) -> None:
    """Ends the answer where it is still made; of what the delivery took in it did that at once."""
    stops.stop(Draft(stopped.chat.id, stopped.draft_id))


async def ignore(message: Message) -> None:
    """Does nothing."""
