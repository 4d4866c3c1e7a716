"""A message of Telegram Desktop's export in botcore's terms."""

from datetime import UTC, datetime
from functools import lru_cache
from operator import index
from typing import Any, Final, NamedTuple

from botcli.transfer.reading import Bad, Message, place
from botcore import ChatType, Said

ARCHIVE: Final = -1
"""The bot that an archive is of: none that answers."""

# https://core.telegram.org/api/bots/ids: what the Bot API makes of a channel's or a supergroup's id
_CHANNELS: Final = -1_000_000_000_000
# what Telegram Desktop adds to the ids of the group that a supergroup was
_MIGRATED: Final = -1_000_000_000
# before ids had 64 bits an author was a number, with the kind above the 32 of the id
_OLD_KINDS: Final = {0: "user", 1: "chat", 2: "channel"}
_CHAT_TYPES: Final[dict[str, ChatType]] = {
    "personal_chat": "private",
    "bot_chat": "private",
    "saved_messages": "private",
    "replies": "private",
    "private_group": "group",
    "private_supergroup": "supergroup",
    "public_supergroup": "supergroup",
    "private_channel": "channel",
    "public_channel": "channel",
}
_MEDIA: Final = {
    "sticker": "sticker",
    "video_message": "video_note",
    "voice_message": "voice",
    "animation": "animation",
    "video_file": "video",
    "audio_file": "audio",
}
_HOLDERS: Final = {
    "photo": "photo",
    "contact_information": "contact",
    "place_name": "venue",
    "location_information": "location",
    "game_title": "game",
    "invoice_information": "invoice",
    "poll": "poll",
    "file": "document",
}
_ACTIONS: Final = {
    "create_group": "group_chat_created",
    "create_channel": "channel_chat_created",
    "edit_group_title": "new_chat_title",
    "edit_group_photo": "new_chat_photo",
    "delete_group_photo": "delete_chat_photo",
    "invite_members": "new_chat_members",
    "join_group_by_link": "new_chat_members",
    "join_group_by_request": "new_chat_members",
    "remove_members": "left_chat_member",
    "migrate_to_supergroup": "migrate_to_chat_id",
    "migrate_from_group": "migrate_from_chat_id",
    "pin_message": "pinned_message",
    "topic_created": "forum_topic_created",
    "topic_edit": "forum_topic_edited",
    "set_messages_ttl": "message_auto_delete_timer_changed",
}
_TELEGRAM_BEGAN: Final = datetime(2013, 1, 1, tzinfo=UTC)


class Chat(NamedTuple):
    """A chat as the Bot API names it."""

    telegram_chat_id: int
    type: ChatType
    title: str | None


def chat(known: dict[str, Any]) -> Chat | None:
    """The chat that these fields of an export describe; None where they do not."""
    chat_type, number = _CHAT_TYPES.get(str(known.get("type"))), known.get("id")
    if chat_type is None or not isinstance(number, int):
        return None
    kind = {"private": "user", "group": "chat"}.get(chat_type, "channel")
    return Chat(_telegram_id(kind, number), chat_type, None if chat_type == "private" else known.get("name"))


def _telegram_id(kind: str, number: int) -> int:
    """As the Bot API has it: a person as they are, a group negative, channels and supergroups below -10^12."""
    return {"user": number, "chat": -number}.get(kind, _CHANNELS - number)


def read(message: dict[str, Any], chat: Chat) -> Message:
    """What a message says, or why it cannot be read; None where there is no more than an id."""
    try:
        if "date_unixtime" not in message and "date" not in message:
            return None
        return _said(message, chat)
    except (ValueError, TypeError, KeyError, OverflowError, OSError) as error:
        return Bad(place(message.get("id"), chat.telegram_chat_id), f"cannot be read: {type(error).__name__}")


def _said(message: dict[str, Any], chat: Chat) -> Said:
    name, author = ("actor", "actor_id") if message["type"] == "service" else ("from", "from_id")
    kind, number = _author(message.get(author))
    # who deleted their account has an id and no name
    is_person = kind == "user" and message.get(name) is not None
    return Said.of(
        (
            ARCHIVE,
            chat.telegram_chat_id,
            "",  # business_connection_id
            chat.type,
            chat.title,
            number if is_person else None,
            message.get(name) if is_person else None,
            None,  # last_name
            None,  # username
            None,  # language_code
            0,  # id
            _message_id(message["id"]),
            0,  # message_thread_id
            "user",
            _kind(message),
            _text(message.get("text", "")),
            _moment(message, "date"),
            _edited(message),
            None,  # reply_to_id
            _answered(message),
            None,  # media_group_id
            None if kind in {"user", ""} else _telegram_id(kind, number),
            None,  # forward_date
            None,  # delivery
        )
    )


@lru_cache(maxsize=10_000)
def _author(author: object) -> tuple[str, int]:
    """Whether a user, a chat or a channel, '' for nobody, and its number."""
    if author is None:
        return "", 0
    if isinstance(author, int):
        kind, number = _OLD_KINDS.get(author >> 32, ""), author & 0xFFFFFFFF
    else:
        kind = str(author).rstrip("0123456789")
        number = int(str(author)[len(kind) :])
    if kind not in _OLD_KINDS.values():
        raise ValueError
    return kind, number


def _message_id(number: int) -> int:
    """The number in the chat; negated where it is of the group that the supergroup was, as botcore has it."""
    number = index(number)
    return -(number - _MIGRATED) if _MIGRATED < number < 0 else number


def _answered(message: dict[str, Any]) -> int | None:
    answered = message.get("reply_to_message_id")
    return None if answered is None or "reply_to_peer_id" in message else _message_id(answered)


def _kind(message: dict[str, Any]) -> str:
    if message["type"] == "service":
        action = str(message.get("action") or "service")
        return _ACTIONS.get(action, action)
    if media := message.get("media_type"):
        return _MEDIA.get(media, str(media))
    if message.keys().isdisjoint(_HOLDERS):
        return "text"
    return next(kind for holder, kind in _HOLDERS.items() if holder in message)


def _text(text: Any) -> str:
    """The words alone: a text is one, or pieces of which some are objects with what is special about them."""
    pieces = text if isinstance(text, list) else [text]
    return "".join(piece if isinstance(piece, str) else piece["text"] for piece in pieces)


def _moment(message: dict[str, Any], name: str) -> datetime:
    """The time; before 2022 exports had only the clock's of the machine that made them, taken for this one's."""
    if seconds := message.get(f"{name}_unixtime"):
        return datetime.fromtimestamp(int(seconds), UTC)
    return datetime.fromisoformat(message[name]).astimezone(UTC)


def _edited(message: dict[str, Any]) -> datetime | None:
    if "edited" not in message and "edited_unixtime" not in message:
        return None
    edited = _moment(message, "edited")
    # the oldest exports have 1970 for what was never edited
    return edited if edited > _TELEGRAM_BEGAN else None
