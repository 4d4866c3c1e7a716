"""Chats as each bot sees them."""

from psycopg.rows import args_row, scalar_row

from botcore.executor import Executor
from botcore.rows import Chat

_chat = args_row(Chat)


class Chats:
    """Queries of sql/chats/, one method a file."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def get_or_create(
        self,
        *,
        bot_id: int,
        telegram_chat_id: int,
        type: str,  # noqa: A002 - Telegram's name of the field
        title: str | None = None,
        business_connection_id: str = "",
    ) -> Chat:
        """The chat as this bot sees it: stored when new, updated when changed, revived when deleted."""
        [chat] = await self._executor.all(
            "chats/get_or_create",
            _chat,
            bot_id=bot_id,
            telegram_chat_id=telegram_chat_id,
            type=type,
            title=title,
            business_connection_id=business_connection_id,
        )
        return chat

    async def get(self, *, chat_id: int) -> Chat | None:
        """The live chat with botcore's id."""
        return await self._executor.one("chats/get", _chat, chat_id=chat_id)

    async def find(self, *, bot_id: int, telegram_chat_id: int, business_connection_id: str = "") -> Chat | None:
        """The live chat with Telegram's id, as this bot sees it."""
        return await self._executor.one(
            "chats/find",
            _chat,
            bot_id=bot_id,
            telegram_chat_id=telegram_chat_id,
            business_connection_id=business_connection_id,
        )

    async def page(self, *, after_id: int = 0, page_size: int = 100) -> list[Chat]:
        """Live chats by id; page on with the last id as `after_id`. `page_size` is 1..1000."""
        return await self._executor.all("chats/page", _chat, after_id=after_id, page_size=page_size)

    async def delete(self, *, chat_id: int) -> bool:
        """Hides the chat and its messages at one instant; False when there was nothing to delete."""
        async with self._executor.transaction() as executor:
            if await executor.one("chats/delete_lock", scalar_row, chat_id=chat_id) is None:
                return False
            return await executor.one("chats/delete", scalar_row, chat_id=chat_id) is not None

    async def restore(self, *, chat_id: int) -> bool:
        """Brings back the chat with the messages that fell with it; False when it is not deleted.

        A message whose person is deleted by now comes back with that person instead.
        """
        async with self._executor.transaction() as executor:
            if await executor.one("chats/restore_lock", scalar_row, chat_id=chat_id) is None:
                return False
            return await executor.one("chats/restore", scalar_row, chat_id=chat_id) is not None
