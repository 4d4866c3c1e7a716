"""Chats as each bot sees them."""

from datetime import datetime
from operator import attrgetter
from typing import Any, Final, Literal

from psycopg.rows import scalar_row

from botcore import purging
from botcore.errors import Conflict, InvalidInput
from botcore.executor import Executor, repeatable
from botcore.rows import Chat, ChatType, Purged, Scope, row_of

# A run that comes up short lost against a concurrent call, whose row the next run sees.
_ATTEMPTS: Final = 3
_MIGRATE_BATCH: Final = 5_000
_UNIQUE: Final = "uq_chats_bot_id_telegram_chat_id_business_connection_id"

_chat = row_of(Chat)


class Chats:
    """Queries of sql/chats/, one method a file."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    @repeatable()
    async def get_or_create(
        self,
        *,
        bot_id: int,
        telegram_chat_id: int,
        type: str,  # noqa: A002 - Telegram's name of the field
        title: str | None = None,
        business_connection_id: str = "",
    ) -> Chat:
        """The chat as this bot sees it: stored when new, updated when changed, revived when deleted or blocked.

        By the id of a group that became a supergroup it is the supergroup's, which keeps its type and title.
        """
        key: dict[str, Any] = {"bot_id": bot_id, "business_connection_id": business_connection_id}
        values = {"telegram_chat_id": telegram_chat_id, "type": type, "title": title}
        for _ in range(_ATTEMPTS):
            if chat := await self._executor.one("chats/get_or_create", _chat, **key, **values):
                return chat
            if successor := await self.successor(**key, telegram_chat_id=telegram_chat_id):
                values = {name: getattr(successor, name) for name in values}
        raise Conflict("chats/get_or_create", _UNIQUE)

    async def get(self, *, chat_id: int) -> Chat | None:
        """The live chat with botcore's id."""
        return await self._executor.kept("chats/get", _chat, chat_id=chat_id)

    async def find(self, *, bot_id: int, telegram_chat_id: int, business_connection_id: str = "") -> Chat | None:
        """The live chat with Telegram's id, as this bot sees it."""
        return await self._executor.kept(
            "chats/find",
            _chat,
            bot_id=bot_id,
            telegram_chat_id=telegram_chat_id,
            business_connection_id=business_connection_id,
        )

    async def successor(self, *, bot_id: int, telegram_chat_id: int, business_connection_id: str = "") -> Chat | None:
        """The chat that a group became by migration, deleted or not; None where it became no other."""
        return await self._executor.one(
            "chats/successor",
            _chat,
            bot_id=bot_id,
            telegram_chat_id=telegram_chat_id,
            business_connection_id=business_connection_id,
        )

    async def is_hidden(self, *, bot_id: int, telegram_chat_id: int, business_connection_id: str = "") -> bool:
        """Whether the chat, or the one that it became by migration, is stored, but hidden."""
        [is_hidden] = await self._executor.all(
            "chats/is_hidden",
            scalar_row,
            bot_id=bot_id,
            telegram_chat_id=telegram_chat_id,
            business_connection_id=business_connection_id,
        )
        return bool(is_hidden)

    @repeatable()
    async def migrate(self, *, bot_id: int, telegram_chat_id: int, migrate_to_chat_id: int) -> Chat:
        """Makes one chat of a group and the supergroup that it became, whatever is known of either, and gives it.

        The row known first stays, and has the supergroup's id and all messages; those of the group keep their Telegram
        ids negated, since a supergroup counts anew. By the group's id everything finds the same chat. By botcore's id
        of the row that ended, `get`, `messages.add` and `messages.copy_in` find it, nothing else does. Told again it
        changes nothing. One transaction of small statements, for which writers in these chats wait: 0.3 ms a message
        of the group.
        Raises Conflict for what Telegram never does: a migration on to a chat that ended in one itself, or of two
        groups with the same message ids into one chat.
        """
        if telegram_chat_id == migrate_to_chat_id:
            raise InvalidInput("migrate_to_chat_id", "is the group's own id")
        key = {"telegram_chat_id": telegram_chat_id, "migrate_to_chat_id": migrate_to_chat_id}
        async with self._executor.transaction() as executor:
            await executor.one("chats/migrate_turn", scalar_row, bot_id=bot_id, telegram_chat_id=telegram_chat_id)
            if chat := await Chats(executor).successor(bot_id=bot_id, telegram_chat_id=telegram_chat_id):
                return chat
            for _ in range(_ATTEMPTS):
                chats = await executor.all("chats/migrate_lock", _chat, bot_id=bot_id, **key)
                if len(chats) == len(key):
                    return await _join(executor, sorted(chats, key=attrgetter("id")), **key)
        raise Conflict("chats/migrate", _UNIQUE)

    @repeatable()
    async def block(self, *, bot_id: int, telegram_chat_id: int, business_connection_id: str = "") -> bool:
        """Notes that the bot cannot write in a chat from now on; False where that was known, or the chat is not.

        `messages.record` and `get_or_create` end it: who writes can be written to.
        """
        key = {"bot_id": bot_id, "telegram_chat_id": telegram_chat_id, "business_connection_id": business_connection_id}
        return await self._executor.one("chats/block", scalar_row, **key) is not None

    @repeatable()
    async def unblock(self, *, bot_id: int, telegram_chat_id: int, business_connection_id: str = "") -> bool:
        """Notes that the bot can write in a chat again; False where nothing else was noted."""
        key = {"bot_id": bot_id, "telegram_chat_id": telegram_chat_id, "business_connection_id": business_connection_id}
        return await self._executor.one("chats/unblock", scalar_row, **key) is not None

    async def page(self, *, after_id: int = 0, page_size: int = 100) -> list[Chat]:
        """Live chats by id; page on with the last id as `after_id`. `page_size` is 1..1000."""
        return await self._executor.all("chats/page", _chat, after_id=after_id, page_size=page_size)

    @repeatable()
    async def delete(self, *, chat_id: int) -> bool:
        """Hides the chat and its messages at one instant; False when there was nothing to delete."""
        async with self._executor.transaction() as executor:
            if await executor.one("chats/delete_lock", scalar_row, chat_id=chat_id) is None:
                return False
            return await executor.one("chats/delete", scalar_row, chat_id=chat_id) is not None

    @repeatable()
    async def restore(self, *, chat_id: int) -> bool:
        """Brings back the chat with the messages that fell with it; False when it is not deleted.

        A message whose person is deleted by now comes back with that person instead.
        """
        async with self._executor.transaction() as executor:
            if await executor.one("chats/restore_lock", scalar_row, chat_id=chat_id) is None:
                return False
            return await executor.one("chats/restore", scalar_row, chat_id=chat_id) is not None

    async def purge(
        self,
        *,
        before: datetime,
        scope: Scope = "all",
        chat_type: ChatType | Literal[""] = "",
        dry_run: bool = False,
        after: Purged | None = None,
        batch_size: int = purging.BATCH,
    ) -> Purged:
        """Removes for good those chats, deleted before that time, that have no message left: one batch.

        Go on with it as `after`. A new message wins over this: its chat stays, or is stored anew. In a dry run the
        messages do not count that a dry run of `messages.purge` with the same words counted.
        """
        return await purging.batch(
            self._executor.eraser,
            "chats/purge",
            before=before,
            scope=scope,
            chat_type=chat_type,
            dry_run=dry_run,
            after=after,
            batch_size=batch_size,
        )


async def _join(executor: Executor, chats: list[Chat], *, telegram_chat_id: int, migrate_to_chat_id: int) -> Chat:
    stays, ends = chats
    group = next(chat for chat in chats if chat.telegram_chat_id == telegram_chat_id)
    await executor.one("chats/migrate_people", scalar_row, from_chat_id=ends.id, chat_id=stays.id)
    await _in_batches(executor, "chats/migrate_negate", chat_id=group.id)
    await _in_batches(executor, "chats/migrate_move", from_chat_id=ends.id, chat_id=stays.id)
    await executor.one("chats/migrate_aside", scalar_row, from_chat_id=ends.id)
    [chat] = await executor.all(
        "chats/migrate",
        _chat,
        from_chat_id=ends.id,
        chat_id=stays.id,
        telegram_chat_id=telegram_chat_id,
        migrate_to_chat_id=migrate_to_chat_id,
    )
    return chat


async def _in_batches(executor: Executor, name: str, **values: int) -> None:
    while len(await executor.all(name, scalar_row, **values, batch_size=_MIGRATE_BATCH)) == _MIGRATE_BATCH:
        pass
