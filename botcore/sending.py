"""What the bot says: stored before it is sent, and then how far that came."""

from contextlib import suppress
from datetime import UTC, datetime

from psycopg.rows import scalar_row, tuple_row

from botcore.errors import ClaimLost, Conflict, NotFound, NotRecorded
from botcore.executor import repeatable
from botcore.recording import ATTEMPTS, Recording
from botcore.rows import Delivery, Message, Role, Update, User, row_of

_message = row_of(Message)


class Sending(Recording):
    """Those queries of sql/messages/ that store what was not delivered by Telegram, but may be delivered to it."""

    @repeatable("telegram_message_id")
    async def add(
        self,
        *,
        chat_id: int,
        user_id: int | None,
        role: Role,
        content: str,
        telegram_chat_id: int | None = None,
        telegram_message_id: int | None = None,
        reply_to_id: int | None = None,
        message_thread_id: int = 0,
        delivery: Delivery | None = None,
        update: Update | None = None,
        sent_at: datetime | None = None,
    ) -> Message:
        """Stores a message of a known chat and person; `sent_at` is now when it is not given.

        With a `delivery` it is one that is to be sent: `deliver` tells how far that came. What answers an `update` is
        stored only while its worker has it.
        A known `telegram_message_id` gives the stored message, deleted or not. What was sent to a group that
        became a supergroup since is stored there: `telegram_chat_id`, where it was sent to, tells whose its Telegram id
        is.
        Raises NotFound when the chat or the person is unknown or deleted, NotRecorded when the person opted out, or
        was erased after `sent_at`, ClaimLost when another worker has the update.
        """
        claim = {
            "bot_id": update.bot_id if update else 0,
            "update_id": update.update_id if update else 0,
            "claimed_by": update.worker if update else None,
        }
        for _ in range(ATTEMPTS):
            message = await self._executor.one(
                "messages/add",
                _message,
                chat_id=chat_id,
                user_id=user_id,
                role=role,
                content=content,
                telegram_chat_id=telegram_chat_id,
                telegram_message_id=telegram_message_id,
                reply_to_id=reply_to_id,
                message_thread_id=message_thread_id,
                delivery=delivery,
                sent_at=sent_at,
                **claim,
            )
            if message:
                return message
            await self._check_claim(update)
            await self._check_parents(chat_id, user_id, sent_at)
        raise Conflict("messages/add", "uq_messages_chat_id_telegram_message_id")

    @repeatable()
    async def deliver(
        self,
        *,
        chat_id: int,
        message_id: int,
        delivery: Delivery | None,
        telegram_chat_id: int | None = None,
        telegram_message_id: int | None = None,
        sent_at: datetime | None = None,
    ) -> Message | None:
        """Notes how far the sending of a message came, None for arrived, with Telegram's id and date once it has them.

        None where there is no such message. A deleted one takes it and stays deleted. In a group that became a
        supergroup since it is found as `add` finds the chat, and `telegram_chat_id` says the same. Where that Telegram
        id is another message's already, as when Telegram delivered it to us first, this one arrives without it.
        Told again it changes nothing.
        """
        for _ in range(ATTEMPTS):
            # another message got that id a moment ago, which the next run sees
            with suppress(Conflict):
                message = await self._executor.one(
                    "messages/deliver",
                    _message,
                    chat_id=chat_id,
                    message_id=message_id,
                    delivery=delivery,
                    telegram_chat_id=telegram_chat_id,
                    telegram_message_id=telegram_message_id,
                    sent_at=sent_at,
                )
                if message:
                    return message
        return None

    async def reply_to(self, *, chat_id: int, message_id: int) -> Message | None:
        """The bot's newest live reply to a message, sent or not: who is to answer it once more looks here first."""
        return await self._executor.one("messages/reply_to", _message, chat_id=chat_id, message_id=message_id)

    async def _check_claim(self, update: Update | None) -> None:
        if update is None:
            return
        key = {"bot_id": update.bot_id, "update_id": update.update_id}
        known = await self._executor.one("updates/get", row_of(Update), **key)
        if known is None or (known.state, known.worker) != ("running", update.worker):
            raise ClaimLost(**key)

    async def _check_parents(self, chat_id: int, user_id: int | None, sent_at: datetime | None) -> None:
        if await self._executor.one("chats/get", tuple_row, chat_id=chat_id) is None:
            raise NotFound("chat", chat_id=chat_id)
        if not user_id:
            return
        user = await self._executor.one("users/get", row_of(User), user_id=user_id)
        if user is None:
            raise NotFound("user", user_id=user_id)
        asked = {
            "telegram_user_id": user.telegram_user_id,
            "telegram_chat_id": 0,
            "sent_at": sent_at or datetime.now(UTC),
        }
        if await self._executor.one("messages/record_refused", scalar_row, **asked):
            raise NotRecorded
