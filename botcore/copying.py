"""Many messages at once: each batch is copied into a table of its own, and from there stored by one statement."""

import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from functools import cache
from typing import Final, get_args

from psycopg.rows import args_row, scalar_row

from botcore import inputs, queries
from botcore.errors import BotcoreError, InvalidInput, NotFound
from botcore.executor import Executor, repeatable
from botcore.queries import Parameter
from botcore.rows import Copied, Incoming, Missing, Role

BATCH: Final = 5_000
_BATCHES: Final = range(1, 50_001)
_COLUMN: Final = re.compile(r"^ +(\w+) (bigint|text|timestamptz)( NOT NULL)?,?$", re.MULTILINE)


async def copy_in(
    executor: Executor, messages: AsyncIterable[Incoming] | Iterable[Incoming], batch_size: int
) -> AsyncIterator[Copied]:
    """Stores batch after batch, each in a transaction, which has ended when its counts come out."""
    if batch_size not in _BATCHES:
        raise InvalidInput("batch_size", f"must be {_BATCHES.start}..{_BATCHES.stop - 1}, not {batch_size}")
    first = 0
    async for batch in _batches(messages, batch_size):
        try:
            _check(batch, first)
            copied = await _store(executor, batch, is_known_again=all(each.telegram_message_id for each in batch))
        except BotcoreError as error:
            error.add_note(f"messages/copy_in: stored up to row {first}, and nothing from there on")
            raise
        yield copied
        first += len(batch)


@repeatable("is_known_again")
async def _store(executor: Executor, batch: Sequence[Incoming], *, is_known_again: bool) -> Copied:  # noqa: ARG001 - repeatable's
    columns = _columns()
    names = ", ".join(columns)
    rows = ([getattr(message, name) for name in columns] for message in batch)
    async with executor.transaction() as transaction:
        await transaction.all("messages/copy_in_stage", scalar_row)
        await transaction.copy(
            "messages/copy_in",
            f"COPY copy_in_stage ({names}) FROM STDIN (FORMAT binary)".encode(),
            [parameter.type for parameter, _ in columns.values()],
            rows,
        )
        await _lock(transaction)
        [copied] = await transaction.all("messages/copy_in", args_row(Copied))
        if copied.stored and copied.known:
            await transaction.all("messages/copy_in_replies", scalar_row)
        await transaction.all("messages/copy_in_drop", scalar_row)
    return copied


async def _lock(executor: Executor) -> None:
    """Locks the batch's chats and people; raises NotFound for the first that is not live."""
    missing: list[Missing] = []
    # the second time a chat is found that the first became a moment ago
    for _ in range(2):
        missing = await executor.all("messages/copy_in_lock", args_row(Missing))
        if not missing:
            return
    raise NotFound(missing[0].kind, **{f"{missing[0].kind}_id": missing[0].id})


def _check(batch: Sequence[Incoming], first: int) -> None:
    for position, message in enumerate(batch, first):
        if not isinstance(message, Incoming):
            raise InvalidInput("messages", f"must be Incoming, not {type(message).__name__}", position=position)
    for name, (parameter, is_required) in _columns().items():
        values = [getattr(message, name) for message in batch]
        inputs.check_column(name, values, parameter, first)
        if is_required and None in values:
            raise InvalidInput(name, "must not be None", position=first + values.index(None))
    for position, message in enumerate(batch, first):
        if message.role not in get_args(Role):
            raise InvalidInput("role", f"must be one of {', '.join(get_args(Role))}", position=position)


@cache
def _columns() -> dict[str, tuple[Parameter, bool]]:
    """The fields of Incoming in the staging table: each with its type, and whether it must not be None."""
    text = queries.load("messages/copy_in_stage").text
    return {name: (Parameter(kind), bool(not_null)) for name, kind, not_null in _COLUMN.findall(text)}


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
