"""Messages of whole chats, in and out, in flat memory."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from datetime import datetime
from typing import Final, Literal

from botcore import copying
from botcore.copying import Incoming
from botcore.errors import InvalidInput
from botcore.executor import Executor
from botcore.rows import Copied, Message, row_of
from botcore.streaming import Said

_ALL_BOTS: Final = 2**63 - 1
_STREAMS: Final = {"chat": "messages/stream", "dialogue": "messages/stream_dialogues"}


class Bulk:
    """Those queries of sql/messages/ that import and export go through."""

    _executor: Executor

    async def copy_in(
        self, messages: AsyncIterable[Incoming] | Iterable[Incoming], *, batch_size: int = copying.BATCH
    ) -> AsyncIterator[Copied]:
        """Stores many messages, each once: gives what became of batch after batch, each a transaction of its own.

        Nothing is read or stored but by iterating. What its chat has already, by `telegram_message_id`, deleted or
        not, stays as it is; a message without one is always new. So after a crash the same messages can be given again,
        from the start or from where the batches that came out end, by the sum of their `given`. Ids follow the order
        in which messages come; a reply finds its message where that is stored before, or comes in the same batch.
        Of who opted out or was erased after `sent_at` nothing is stored, as `record` does not: it counts as refused.
        An error ends it with nothing stored of its batch, of 1..50000 messages, and those before stay; of a connection
        lost on COMMIT it says that the outcome is unknown.
        Raises InvalidInput with field and position, and NotFound for a chat or a person that is unknown or deleted.
        """
        async for copied in copying.copy_in(self._executor, messages, batch_size):
            yield copied

    async def stream(
        self,
        *,
        bot_id: int | None = None,
        chat_id: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        order: Literal["chat", "dialogue"] = "chat",
    ) -> AsyncGenerator[Said, None]:
        """All live messages, or those of one bot or chat, by chat or by dialogue and oldest first, in flat memory.

        `chat_id` is botcore's, 0 for all; what has no person is in no dialogue. They are as they were when it began. It
        holds a connection in a transaction until its end: close it where it is left before, by `contextlib.aclosing`.
        """
        if order not in _STREAMS:
            raise InvalidInput("order", f"must be one of {', '.join(_STREAMS)}")
        asked = {"bot_id": _ALL_BOTS if bot_id is None else bot_id, "chat_id": chat_id, "since": since, "until": until}
        async with aclosing(self._executor.stream(_STREAMS[order], row_of(Said), **asked)) as batches:
            async for batch in batches:
                for said in batch:
                    yield said

    async def unnumbered(self, *, chat_id: int, page_size: int = 1_000, after_id: int = 0) -> list[Message]:
        """The chat's messages that have no Telegram id, hidden ones too, oldest first; `page_size` is 1..1000."""
        return await self._executor.all(
            "messages/unnumbered", row_of(Message), chat_id=chat_id, page_size=page_size, after_id=after_id
        )
