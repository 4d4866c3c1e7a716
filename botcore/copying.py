"""Many messages at once: each batch is copied into a table of its own, and from there stored by one statement."""

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, Final, NamedTuple, get_args

from psycopg.rows import scalar_row

from botcore import inputs, queries
from botcore.errors import BotcoreError, InvalidInput, NotFound
from botcore.executor import Executor, repeatable
from botcore.queries import Parameter
from botcore.rows import Copied, Delivery, Missing, Role, row_of

BATCH: Final = 5_000
"""Messages of one transaction, which took 0.35 s at most; of 20,000 it is no faster, of 1,000 a fifth slower."""

_SIZES: Final = range(1, 50_001)
_COLUMN: Final = re.compile(r"^ +(\w+) (bigint|text|timestamptz)( NOT NULL)?,?$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message for `messages.copy_in`; `chat_id`, `user_id`, `reply_to_id` are botcore's ids, all others Telegram's.

    `telegram_chat_id` is where it was sent to, if the chat may have become another one since: it tells whose
    `telegram_message_id` is. With an `edited_at` the content is what the newest edit says, `delivery` is Message's.
    `reply_to_id` is botcore's id of the message that it answers, for one that no `reply_to_message_id` finds.
    """

    chat_id: int
    user_id: int | None
    role: Role
    content: str = field(repr=False)
    sent_at: datetime
    kind: str = "text"
    message_thread_id: int = 0
    telegram_chat_id: int | None = None
    telegram_message_id: int | None = None
    reply_to_message_id: int | None = None
    reply_to_id: int | None = None
    media_group_id: str | None = None
    sender_chat_id: int | None = None
    forward_date: datetime | None = None
    edited_at: datetime | None = None
    delivery: Delivery | None = None


class _Column(NamedTuple):
    name: str
    parameter: Parameter
    is_required: bool


async def copy_in(
    executor: Executor, messages: AsyncIterable[Incoming] | Iterable[Incoming], batch_size: int
) -> AsyncIterator[Copied]:
    """Stores batch after batch, each in a transaction, which has ended when its counts come out."""
    if batch_size not in _SIZES:
        raise InvalidInput("batch_size", f"must be {_SIZES.start}..{_SIZES.stop - 1}, not {batch_size}")
    first = 0
    async for batch in _batches(messages, batch_size):
        try:
            rows = _rows(batch, first)
            copied = await _store(executor, rows, is_known_again=all(each.telegram_message_id for each in batch))
        except BotcoreError as error:
            error.add_note(f"messages/copy_in: in the batch from row {first} on, counted from 0")
            raise
        yield copied
        first += len(batch)


@repeatable("is_known_again")
async def _store(
    executor: Executor,
    rows: Sequence[Sequence[Any]],
    *,
    is_known_again: bool,  # noqa: ARG001 - for repeatable
) -> Copied:
    async with executor.transaction() as transaction:
        await transaction.all("messages/copy_in_stage", scalar_row)
        names = ", ".join(column.name for column in _columns())
        copy = f"COPY copy_in_stage ({names}) FROM STDIN (FORMAT binary)".encode()
        await transaction.copy("messages/copy_in", copy, [column.parameter.type for column in _columns()], rows)
        await _lock(transaction)
        [copied] = await transaction.all("messages/copy_in", row_of(Copied))
        # what is known may have been stored while this waited for it: then replies do not have its id yet
        if copied.stored and copied.known:
            await transaction.all("messages/copy_in_replies", scalar_row)
        await transaction.all("messages/copy_in_drop", scalar_row)
    return copied


async def _lock(executor: Executor) -> None:
    """Locks the batch's chats and people; raises NotFound for the first that is not live."""
    missing: list[Missing] = []
    # a chat that became another one while this waited is found the second time
    for _ in range(2):
        missing = await executor.all("messages/copy_in_lock", row_of(Missing))
        if not missing:
            return
    raise NotFound(missing[0].kind, **{f"{missing[0].kind}_id": missing[0].id})


def _rows(batch: Sequence[Incoming], first: int) -> list[tuple[Any, ...]]:
    """The batch as the staging table has it; raises InvalidInput with the position of what cannot be stored."""
    for position, message in enumerate(batch, first):
        if not isinstance(message, Incoming):
            raise InvalidInput("messages", f"must be Incoming, not {type(message).__name__}", position=position)
    rows = list(map(attrgetter(*(column.name for column in _columns())), batch))
    for column, values in zip(_columns(), zip(*rows, strict=True), strict=True):
        inputs.check_column(column.name, values, column.parameter, first)
        if column.is_required and None in values:
            raise InvalidInput(column.name, "must not be None", position=first + values.index(None))
    roles = [message.role for message in batch]
    if unknown := set(roles).difference(get_args(Role)):
        position = first + min(map(roles.index, unknown))
        raise InvalidInput("role", f"must be one of {', '.join(get_args(Role))}", position=position)
    return rows


@cache
def _columns() -> tuple[_Column, ...]:
    """What is copied into the staging table, in its order: Incoming's fields, each with whether None is refused."""
    text = queries.load("messages/copy_in_stage").text
    return tuple(_Column(name, Parameter(kind), bool(required)) for name, kind, required in _COLUMN.findall(text))


async def _batches(
    messages: AsyncIterable[Incoming] | Iterable[Incoming], batch_size: int
) -> AsyncIterator[list[Incoming]]:
    batch: list[Incoming] = []
    async for message in messages if isinstance(messages, AsyncIterable) else _each(messages):
        batch.append(message)
        if len(batch) == batch_size:
            yield batch
            batch = []
    if batch:
        yield batch


async def _each(messages: Iterable[Incoming]) -> AsyncIterator[Incoming]:
    for message in messages:
        yield message
