"""What Telegram delivers: a message is stored once, with each edit the newest text wins, a deletion hides."""

from datetime import datetime
from typing import Any, Final

from psycopg.rows import scalar_row

from botcore.errors import Conflict, NotRecorded
from botcore.executor import Executor, repeatable
from botcore.rows import Chat, Message, Recorded, Role, row_of, row_with_message

# A run that comes up empty lost against a concurrent call, whose row the next run sees.
ATTEMPTS: Final = 3

_message = row_of(Message)
_recorded = row_with_message(Recorded)


class Recording:
    """Those queries of sql/messages/ that take what Telegram says of a message, its person and its chat."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    @repeatable("telegram_message_id")
    async def record(
        self,
        *,
        bot_id: int,
        telegram_user_id: int | None,
        first_name: str | None,
        last_name: str | None,
        username: str | None,
        language_code: str | None,
        telegram_chat_id: int,
        chat_type: str,
        chat_title: str | None,
        telegram_message_id: int | None,
        role: Role,
        content: str,
        sent_at: datetime,
        kind: str = "text",
        reply_to_id: int | None = None,
        reply_to_message_id: int | None = None,
        media_group_id: str | None = None,
        sender_chat_id: int | None = None,
        forward_date: datetime | None = None,
        message_thread_id: int = 0,
        business_connection_id: str = "",
    ) -> Recorded:
        """Stores what Telegram delivered, once, with its person and chat as they are now, in one statement.

        A redelivery gives the stored message, deleted or not, and changes nothing; where an edit was first, its text
        is kept as the version before that, by a second statement. Without a sender `telegram_user_id` is None; a
        `telegram_message_id` of 0 or None is always new. The message that this one answers is named by botcore's id or
        by Telegram's, `reply_to_message_id`. What comes by the id of a group that became a supergroup is stored there.
        Raises NotRecorded for a person who opted out or was erased after `sent_at`, and in a private chat with one.
        """
        values = {
            "bot_id": bot_id,
            "telegram_user_id": telegram_user_id,
            "first_name": first_name,
            "last_name": last_name,
            "username": username,
            "language_code": language_code,
            "telegram_chat_id": telegram_chat_id,
            "chat_type": chat_type,
            "chat_title": chat_title,
            "telegram_message_id": telegram_message_id,
            "role": role,
            "kind": kind,
            "content": content,
            "sent_at": sent_at,
            "edited_at": None,
            "reply_to_id": reply_to_id,
            "reply_to_message_id": reply_to_message_id,
            "media_group_id": media_group_id,
            "sender_chat_id": sender_chat_id,
            "forward_date": forward_date,
            "message_thread_id": message_thread_id,
            "business_connection_id": business_connection_id,
        }
        for _ in range(ATTEMPTS):
            if recorded := await self._executor.one("messages/record", _recorded, **values):
                break
            values |= await self._detour(values)
        else:
            raise Conflict("messages/record", "uq_messages_chat_id_telegram_message_id")
        if not recorded.is_new and recorded.message.edited_at:
            await self._executor.one(
                "messages/record_original",
                scalar_row,
                chat_id=recorded.message.chat_id,
                message_id=recorded.message.id,
                content=content,
                telegram_user_id=telegram_user_id,
                telegram_chat_id=telegram_chat_id,
                sent_at=sent_at,
            )
        return recorded

    async def record_refused(self, *, telegram_user_id: int, telegram_chat_id: int, sent_at: datetime) -> bool:
        """Whether `record` would refuse what this person, or anybody in this private chat, said then; 0 for neither."""
        key = {"telegram_user_id": telegram_user_id, "telegram_chat_id": telegram_chat_id}
        return bool(await self._executor.one("messages/record_refused", scalar_row, **key, sent_at=sent_at))

    @repeatable()
    async def edit(
        self,
        *,
        bot_id: int,
        telegram_user_id: int | None,
        first_name: str | None,
        last_name: str | None,
        username: str | None,
        language_code: str | None,
        telegram_chat_id: int,
        chat_type: str,
        chat_title: str | None,
        telegram_message_id: int,
        role: Role,
        content: str,
        sent_at: datetime,
        edited_at: datetime,
        kind: str | None = None,
        reply_to_id: int | None = None,
        reply_to_message_id: int | None = None,
        media_group_id: str | None = None,
        sender_chat_id: int | None = None,
        forward_date: datetime | None = None,
        message_thread_id: int = 0,
        business_connection_id: str = "",
    ) -> Recorded | None:
        """Gives a message the text and kind of an edit; the newest `edited_at` wins, in whatever order edits arrive.

        Every text stays in `versions`. A deleted message takes the edit and stays deleted, with its person and chat.
        Of a stored message nothing else changes. One that was never stored is stored as new, which revives person
        and chat; but where one of them was deleted after the edit, nothing is stored and the result is None.
        Two statements in a transaction, and a third for what was never stored.
        Raises NotRecorded for a person who opted out or was erased after `sent_at`, and in a private chat with one.
        """
        asked = {
            "bot_id": bot_id,
            "telegram_chat_id": telegram_chat_id,
            "business_connection_id": business_connection_id,
            "telegram_message_id": telegram_message_id,
            "telegram_user_id": telegram_user_id,
            "sent_at": sent_at,
        }
        edit = {"kind": kind, "content": content, "edited_at": edited_at}
        values = (
            asked
            | edit
            | {
                "first_name": first_name,
                "last_name": last_name,
                "username": username,
                "language_code": language_code,
                "chat_type": chat_type,
                "chat_title": chat_title,
                "role": role,
                "reply_to_id": reply_to_id,
                "reply_to_message_id": reply_to_message_id,
                "media_group_id": media_group_id,
                "sender_chat_id": sender_chat_id,
                "forward_date": forward_date,
                "message_thread_id": message_thread_id,
            }
        )
        for _ in range(ATTEMPTS):
            if edited := await self._edited(asked, edit):
                return Recorded(edited, is_new=False)
            recorded = await self._executor.one("messages/record", _recorded, **values | {"kind": kind or "text"})
            # one that is not new was stored by a concurrent call, and has not this edit yet
            if recorded and recorded.is_new:
                return recorded
            values |= await self._detour(values)
        return None

    @repeatable()
    async def delete_many(
        self, *, bot_id: int, telegram_chat_id: int, telegram_message_ids: list[int], business_connection_id: str = ""
    ) -> int:
        """Hides what Telegram says was deleted, at most 1,000 messages; gives how many of them were live.

        A redelivery or an edit brings none of them back. One that was never stored is not known as deleted.
        """
        deleted = await self._executor.one(
            "messages/delete_many",
            scalar_row,
            bot_id=bot_id,
            telegram_chat_id=telegram_chat_id,
            business_connection_id=business_connection_id,
            telegram_message_ids=telegram_message_ids,
        )
        return int(deleted or 0)

    async def _edited(self, asked: dict[str, Any], edit: dict[str, Any]) -> Message | None:
        async with self._executor.transaction() as executor:
            stored = await executor.one("messages/edit_lock", _message, **asked)
            if stored is None:
                return None
            key = {"chat_id": stored.chat_id, "message_id": stored.id}
            return await executor.one("messages/edit", _message, **key, **edit) or stored

    async def _detour(self, values: dict[str, Any]) -> dict[str, Any]:
        """What to record a message with that was refused: as one of the chat that its own became."""
        # first, for what is stored there is given even of a person who is not to be recorded
        key = {name: values[name] for name in ("bot_id", "telegram_chat_id", "business_connection_id")}
        chat = await self._executor.one("chats/successor", row_of(Chat), **key)
        if chat is None:
            asked = {name: values[name] for name in ("telegram_user_id", "telegram_chat_id", "sent_at")}
            if await self._executor.one("messages/record_refused", scalar_row, **asked):
                raise NotRecorded
            return {}
        ids = {name: -(values[name] or 0) for name in ("telegram_message_id", "reply_to_message_id")}
        return ids | {"telegram_chat_id": chat.telegram_chat_id, "chat_type": chat.type, "chat_title": chat.title}
