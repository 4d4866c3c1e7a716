"""What a message of Telegram is in botcore's terms."""

from typing import Any, Final, TypedDict, cast

from aiogram.enums import ContentType
from aiogram.types import Message
from aiogram.types import User as Person

from botcli import rich_text
from botcli.decoding import RAW_BLOCKS
from botcore import Message as Stored

GROUPS: Final = frozenset({"group", "supergroup"})
_ANONYMOUS_ADMIN: Final = 1087968824
# https://core.telegram.org/bots/api#message: `from` holds these where a chat speaks
_STAND_INS: Final = {
    _ANONYMOUS_ADMIN,  # @GroupAnonymousBot, an admin who speaks as the group
    136817688,  # @Channel_Bot, somebody who speaks as a channel
    777000,  # a linked channel's post
}

# What somebody said or sent; all others are service messages. A newer kind is UNKNOWN to aiogram: better kept than lost
_CONTENT: Final = {
    ContentType.TEXT,
    ContentType.RICH_MESSAGE,
    ContentType.ANIMATION,
    ContentType.AUDIO,
    ContentType.DOCUMENT,
    ContentType.LIVE_PHOTO,
    ContentType.PAID_MEDIA,
    ContentType.PHOTO,
    ContentType.STICKER,
    ContentType.STORY,
    ContentType.VIDEO,
    ContentType.VIDEO_NOTE,
    ContentType.VOICE,
    ContentType.CHECKLIST,
    ContentType.CONTACT,
    ContentType.DICE,
    ContentType.GAME,
    ContentType.POLL,
    ContentType.VENUE,
    ContentType.LOCATION,
    ContentType.INVOICE,
    ContentType.GIVEAWAY,
    ContentType.GIVEAWAY_WINNERS,
    ContentType.UNKNOWN,
}


class Names(TypedDict):
    """What a person is called; '' where Telegram says nothing."""

    first_name: str
    last_name: str
    username: str
    language_code: str


def sender(message: Message) -> Person | None:
    """The person who wrote the message; None where a chat speaks, through a stand-in or without any `from`."""
    person = message.from_user
    return None if message.sender_chat or (person and person.id in _STAND_INS) else person


def content(message: Message) -> str:
    """The message's text or caption, '' where it has none, as PostgreSQL can store it."""
    if rich := message.rich_message:
        return clean(rich_text.plain((rich.model_extra or {}).get(RAW_BLOCKS) or rich.model_dump()["blocks"]))
    return clean(message.text or message.caption)


def clean(text: str | None) -> str:
    """The text without NUL, which PostgreSQL refuses, and with U+FFFD for lone surrogates, which UTF-8 cannot carry."""
    return (text or "").replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def is_service(message: Message) -> bool:
    """Whether the message only tells what happened to its chat: members, titles, pins, topics, calls, payments."""
    return message.content_type not in _CONTENT


def incoming(bot_id: int, message: Message) -> dict[str, Any]:
    """What botcore's `record` and `edit` take of a message."""
    person, answered = sender(message), replied_to(message)
    return {
        "bot_id": bot_id,
        "telegram_user_id": person.id if person else None,
        **_names(person),
        "telegram_chat_id": message.chat.id,
        "chat_type": message.chat.type,
        "chat_title": clean(message.chat.title),
        # an ephemeral message has 0, which must not be taken for a redelivery of another
        "telegram_message_id": message.message_id or None,
        "role": "user",
        "kind": _kind(message),
        "content": content(message),
        "reply_to_message_id": answered.message_id or None if answered else None,
        "media_group_id": clean(message.media_group_id),
        "sender_chat_id": None if person else _speaking_chat(message),
        "forward_date": message.forward_origin.date if message.forward_origin else None,
        "sent_at": message.date,
        "message_thread_id": _topic(message),
        "business_connection_id": clean(message.business_connection_id),
    }


def unstored(message: Message) -> Stored:
    """The message as a window has it, for somebody of whom nothing is stored: botcore's own ids are 0."""
    said = content(message)
    return Stored(
        chat_id=0,
        id=0,
        user_id=None,
        message_thread_id=_topic(message),
        role="user",
        kind=_kind(message),
        content=said,
        length=len(said),
        telegram_message_id=message.message_id,
        reply_to_id=None,
        media_group_id=message.media_group_id,
        sender_chat_id=None,
        forward_date=message.forward_origin.date if message.forward_origin else None,
        delivery=None,
        sent_at=message.date,
        edited_at=None,
        created_at=message.date,
        deleted_at=None,
    )


def _kind(message: Message) -> str:
    return ContentType(message.content_type).value


def _names(person: Person | None) -> Names:
    names = ("first_name", "last_name", "username", "language_code")
    return cast("Names", {name: clean(getattr(person, name, None)) for name in names})


def _topic(message: Message) -> int:
    # plain replies carry a thread id too
    return message.message_thread_id or 0 if message.is_topic_message else 0


def replied_to(message: Message) -> Message | None:
    """The message of this chat that this one answers."""
    answered = message.reply_to_message
    # each message of a topic answers its root, the service message that made the topic
    if answered is None or answered.chat.id != message.chat.id or answered.message_id == _topic(message):
        return None
    return answered


def is_reply(message: Message) -> bool:
    """Whether it answers a message, of whatever chat and whether that one is known or not."""
    answered = message.reply_to_message
    return bool(message.external_reply or (answered and answered.message_id != _topic(message)))


def _speaking_chat(message: Message) -> int | None:
    if message.sender_chat:
        return message.sender_chat.id
    speaks_itself = message.chat.type == "channel" or (message.from_user and message.from_user.id == _ANONYMOUS_ADMIN)
    return message.chat.id if speaks_itself else None
