"""Messages: how a dialogue (chat, person, topic) is read, added to and forgotten."""

from datetime import datetime
from typing import Final, Literal

from psycopg.rows import scalar_row

from botcore import purging
from botcore.arrivals import Arrivals
from botcore.bulk import Bulk
from botcore.errors import InvalidInput
from botcore.executor import repeatable
from botcore.rows import (
    ChatType,
    Cleared,
    Found,
    Message,
    Purged,
    Role,
    Scope,
    Spoken,
    Version,
    row_of,
    row_with_message,
)
from botcore.sending import Sending

NEWEST: Final = 2**63 - 1
"""As `before_id`: start at the newest message."""

# Clearing 5,000 messages took at most 0.09 s: no statement near a timeout, no reader kept waiting.
_CLEAR_BATCH: Final = 5_000
_WINDOWS: Final = {"newest": "messages/window", "original": "messages/window_original"}

_message = row_of(Message)
_found = row_with_message(Found)
_spoken = row_with_message(Spoken)


class Messages(Sending, Arrivals, Bulk):
    """Queries of sql/messages/, one method a file; some are those of Sending, Recording, Arrivals and Bulk."""

    async def get(self, *, chat_id: int, message_id: int) -> Message | None:
        """The live message of this chat with botcore's id."""
        return await self._executor.one("messages/get", _message, chat_id=chat_id, message_id=message_id)

    async def versions(self, *, chat_id: int, message_id: int) -> list[Version]:
        """What a live message said, oldest first; nothing for one that is unknown or deleted.

        `edited_at` is since when: None for the text that was sent. An edit that left the text as it was is none.
        """
        return await self._executor.all("messages/versions", row_of(Version), chat_id=chat_id, message_id=message_id)

    async def recent(
        self,
        *,
        chat_id: int,
        user_id: int | None,
        message_thread_id: int = 0,
        page_size: int = 20,
        before_id: int = NEWEST,
    ) -> list[Message]:
        """The dialogue's live messages, newest first; page back with the last id as `before_id`.

        `page_size` is 1..1000. What has no person, as in a channel, is in no dialogue: see `recent_in_chat`.
        """
        return await self._executor.all(
            "messages/recent",
            _message,
            chat_id=chat_id,
            user_id=user_id,
            message_thread_id=message_thread_id,
            page_size=page_size,
            before_id=before_id,
        )

    async def recent_in_chat(self, *, chat_id: int, page_size: int = 20, before_id: int = NEWEST) -> list[Message]:
        """Everybody's live messages of a chat in all topics, newest first; `page_size` is 1..1000."""
        return await self._executor.all(
            "messages/recent_in_chat", _message, chat_id=chat_id, page_size=page_size, before_id=before_id
        )

    async def window(
        self,
        *,
        chat_id: int,
        user_id: int | None,
        message_thread_id: int = 0,
        before_id: int = NEWEST,
        max_messages: int = 100,
        max_characters: int = 16_000,
        versions: Literal["newest", "original"] = "newest",
    ) -> list[Message]:
        """What a model gets: the newest system message, then the newest others that fit, oldest first.

        The system message counts in `max_characters`, not in `max_messages` (1..1000). No message is skipped, and
        the contents together never pass `max_characters`: where the system message alone does, nothing is
        returned. With `versions="original"` each message says what it said before any edit. With `before_id` it is the
        window as far as the message before that id; the system message is the newest all the same.
        """
        _check_versions(versions)
        return await self._executor.all(
            _WINDOWS[versions],
            _message,
            chat_id=chat_id,
            user_id=user_id,
            message_thread_id=message_thread_id,
            before_id=before_id,
            max_messages=max_messages,
            max_characters=max_characters,
        )

    async def window_in_chat(
        self,
        *,
        chat_id: int,
        message_thread_id: int = 0,
        before_id: int = NEWEST,
        max_messages: int = 100,
        max_characters: int = 16_000,
        versions: Literal["newest", "original"] = "newest",
    ) -> list[Spoken]:
        """What a model gets of a topic of a chat: as `window`, but of everybody, each message with who spoke.

        The system message is the chat's own, added without a person; those of people are left out, as they belong to
        one dialogue each. In `max_characters` every speaker counts with the ": " that goes between name and content.
        """
        _check_versions(versions)
        return await self._executor.all(
            "messages/window_in_chat",
            _spoken,
            chat_id=chat_id,
            message_thread_id=message_thread_id,
            before_id=before_id,
            max_messages=max_messages,
            max_characters=max_characters,
            versions=versions,
        )

    async def search(
        self,
        *,
        query: str,
        order: Literal["rank", "newest"] = "rank",
        chat_id: int = 0,
        user_id: int = 0,
        role: Role | Literal[""] = "",
        since: datetime | None = None,
        until: datetime | None = None,
        page_size: int = 20,
        after: Found | None = None,
    ) -> list[Found]:
        """Live messages with these words, "a phrase", OR, -without; page on with the last one as `after`.

        Best first among the newest 500 matches, or all of them newest first. 0 is every chat or person, '' every
        role. A query without a word finds nothing; it may have 4,096 characters, a page 1..1000 messages.
        Raises InvalidInput for None as chat or person too, lest a missing id search everywhere.
        """
        if order not in {"rank", "newest"}:
            raise InvalidInput("order", "must be rank or newest")
        return await self._executor.all(
            "messages/search",
            _found,
            query=query,
            order=order,
            chat_id=chat_id,
            user_id=user_id,
            role=role,
            since=since,
            until=until,
            below_rank=after.rank if after else NEWEST,
            before_id=after.message.id if after else NEWEST,
            page_size=page_size,
        )

    @repeatable()
    async def delete(self, *, chat_id: int, message_id: int) -> bool:
        """Hides one message; False when there was nothing to delete."""
        deleted = await self._executor.one("messages/delete", scalar_row, chat_id=chat_id, message_id=message_id)
        return deleted is not None

    @repeatable()
    async def restore(self, *, chat_id: int, message_id: int) -> bool:
        """Brings back one message where its chat and person are live; False when nothing was restored."""
        restored = await self._executor.one("messages/restore", scalar_row, chat_id=chat_id, message_id=message_id)
        return restored is not None

    async def clear(self, *, chat_id: int, user_id: int | None, message_thread_id: int = 0) -> int:
        """Hides the dialogue as it is now, but for system messages, and gives how many messages that were.

        One transaction of small statements: readers see all of it or nothing, and new messages stay.
        """
        async with self._executor.transaction() as executor:
            if await executor.one("messages/clear_lock", scalar_row, chat_id=chat_id, user_id=user_id) is None:
                return 0
            total, before_id = 0, NEWEST
            while True:
                [batch] = await executor.all(
                    "messages/clear",
                    row_of(Cleared),
                    chat_id=chat_id,
                    user_id=user_id,
                    message_thread_id=message_thread_id,
                    before_id=before_id,
                    batch_size=_CLEAR_BATCH,
                )
                total += batch.cleared
                if batch.cleared < _CLEAR_BATCH or batch.lowest_id is None:
                    return total
                before_id = batch.lowest_id

    async def purge(
        self,
        *,
        before: datetime,
        scope: Scope = "all",
        chat_type: ChatType | Literal[""] = "",
        keep_newest: bool = True,
        dry_run: bool = False,
        after: Purged | None = None,
        batch_size: int = purging.BATCH,
    ) -> Purged:
        """Removes old messages for good, with their versions: one batch; go on with it as `after`.

        Old is what was sent before that time, live or hidden; with `scope="hidden"`, what was hidden before it. '' is
        every type of chat. A dialogue keeps its newest live message and its newest live system message, unless
        `keep_newest` is False. What is locked at the moment stays for the next purge, so this one waits for nobody.
        A batch looks at `batch_size` messages, 1..5000, and one that was cancelled has removed nothing. `dry_run` only
        counts.
        """
        return await purging.batch(
            self._executor.eraser,
            "messages/purge",
            before=before,
            scope=scope,
            chat_type=chat_type,
            keep_newest=keep_newest,
            dry_run=dry_run,
            after=after,
            batch_size=batch_size,
        )


def _check_versions(versions: str) -> None:
    if versions not in _WINDOWS:
        raise InvalidInput("versions", f"must be one of {', '.join(_WINDOWS)}")
