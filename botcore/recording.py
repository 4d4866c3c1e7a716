"""What Telegram delivers: a message is stored once, and with each edit the newest text wins."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from psycopg.rows import AsyncRowFactory, args_row, scalar_row

from botcore.errors import Conflict
from botcore.executor import Executor, Row
from botcore.rows import Message, Recorded, Role

# A run that comes up empty lost against a concurrent call, whose row the next run sees.
_ATTEMPTS: Final = 3


def _recorded_row(*values: Any) -> Recorded:
    return Recorded(Message(*values[:-1]), values[-1])


_message = args_row(Message)
_recorded = args_row(_recorded_row)


def _key(message: Message) -> dict[str, int]:
    return {"chat_id": message.chat_id, "message_id": message.id}


class Recording:
    """Those queries of sql/messages/ that take what Telegram says of a message, its person and its chat."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

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
        reply_to_id: int | None = None,
        message_thread_id: int = 0,
        business_connection_id: str = "",
    ) -> Recorded:
        """Stores what Telegram delivered, once, with its person and chat as they are now, in one statement.

        A redelivery gives the stored message, deleted or not, and changes nothing; where an edit was first, its text
        is kept as the version before that, by a second statement. Without a sender `telegram_user_id` is None; a
        `telegram_message_id` of 0 or None is always new.
        """
        recorded = await self._stored(
            "messages/record",
            _recorded,
            bot_id=bot_id,
            telegram_user_id=telegram_user_id,
            first_name=first_name,
            last_name=last_name,
            username=username,
            language_code=language_code,
            telegram_chat_id=telegram_chat_id,
            chat_type=chat_type,
            chat_title=chat_title,
            telegram_message_id=telegram_message_id,
            role=role,
            content=content,
            sent_at=sent_at,
            edited_at=None,
            reply_to_id=reply_to_id,
            message_thread_id=message_thread_id,
            business_connection_id=business_connection_id,
        )
        if recorded is None:
            raise Conflict("messages/record", "uq_messages_chat_id_telegram_message_id")
        if not recorded.is_new and recorded.message.edited_at:
            await self._executor.one("messages/record_original", scalar_row, **_key(recorded.message), content=content)
        return recorded

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
        reply_to_id: int | None = None,
        message_thread_id: int = 0,
        business_connection_id: str = "",
    ) -> Recorded | None:
        """Gives a message the text of an edit; the newest `edited_at` wins, whatever order edits arrive in.

        Every text stays in `versions`. A deleted message takes the edit and stays deleted, with its person and chat.
        Of a stored message only the text changes. One that was never stored is stored as new, which revives person
        and chat; but where one of them was deleted after the edit, nothing is stored and the result is None.
        Two statements in a transaction, and a third for what was never stored.
        """
        key = {
            "bot_id": bot_id,
            "telegram_chat_id": telegram_chat_id,
            "business_connection_id": business_connection_id,
            "telegram_message_id": telegram_message_id,
        }
        edit = {"content": content, "edited_at": edited_at}
        rest = {
            "telegram_user_id": telegram_user_id,
            "first_name": first_name,
            "last_name": last_name,
            "username": username,
            "language_code": language_code,
            "chat_type": chat_type,
            "chat_title": chat_title,
            "role": role,
            "sent_at": sent_at,
            "reply_to_id": reply_to_id,
            "message_thread_id": message_thread_id,
        }
        for _ in range(_ATTEMPTS):
            if edited := await self._edited(key, edit):
                return Recorded(edited, is_new=False)
            recorded = await self._executor.one("messages/record", _recorded, **key, **edit, **rest)
            # one that is not new was stored by a concurrent call, and has not this edit yet
            if recorded and recorded.is_new:
                return recorded
        return None

    async def _edited(self, key: Mapping[str, Any], edit: Mapping[str, Any]) -> Message | None:
        async with self._executor.transaction() as executor:
            stored = await executor.one("messages/edit_lock", _message, **key)
            return stored and (await executor.one("messages/edit", _message, **_key(stored), **edit) or stored)

    async def _stored(self, name: str, row: AsyncRowFactory[Row], **values: Any) -> Row | None:
        for _ in range(_ATTEMPTS):
            if (stored := await self._executor.one(name, row, **values)) is not None:
                return stored
        return None
