"""What a file says, message by message, and what in it cannot be stored."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import Any, Final

from botcore import BotcoreError, InvalidInput, Said, inputs, queries

SIZE: Final = 5_000
"""Messages of a batch: what `copy_in` stores in one transaction."""

_REQUIRED: Final = {
    "bot_id", "telegram_chat_id", "business_connection_id", "chat_type", "message_thread_id", "id", "role", "kind",
    "content", "sent_at",
}  # fmt: skip
_KINDS: Final = {
    "bigint": (
        "bot_id", "telegram_chat_id", "telegram_user_id", "telegram_message_id", "message_thread_id", "id",
        "reply_to_id", "reply_to_message_id", "sender_chat_id",
    ),
    "timestamptz": ("sent_at", "edited_at", "forward_date"),
    "text": (
        "business_connection_id", "chat_type", "chat_title", "first_name", "last_name", "username", "language_code",
        "role", "kind", "content", "media_group_id", "delivery",
    ),
}  # fmt: skip
FIELDS: Final = {name: queries.Parameter(kind) for kind, names in _KINDS.items() for name in names}
"""Said's fields with PostgreSQL's types."""
_VALUES: Final = attrgetter(*FIELDS)
_WORD: Final = re.compile(r"[a-z0-9_]{1,64}")
_ODD: Final = "kind must be a word of a-z, 0-9 and _, of at most 64"
_MOST: Final = 2**64


class Broken(BotcoreError):
    """The file ends too early or cannot be read on; what came before is sound."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A message that cannot be stored: its place in the file, and why; never what it says."""

    place: str
    reason: str


@dataclass(slots=True)
class Batch:
    """Some of a file's messages in their order, what of them cannot be stored, and why it ends there, if it broke off.

    `left_out` is how many say nothing that could be stored: Telegram Desktop writes no more than an id of what it does
    not know. `position` is how many bytes were read, `before_bad` how much of what is said stands before the first bad.
    """

    said: list[Said] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    before_bad: int = 0
    left_out: int = 0
    position: int = 0
    broken: Broken | None = None


Message = Said | Bad | None
"""What a reader gives for each message of the file: None for one that says nothing."""


def batches(messages: Iterator[Message], position: Callable[[], int], size: int = SIZE) -> Iterator[Batch]:
    """The file in batches; up to the one that is broken."""
    number, batch = 0, Batch()
    while batch.broken is None:
        batch, numbers = Batch(), list[int]()
        try:
            for message in islice(messages, size):
                number += 1
                if isinstance(message, Said):
                    batch.said.append(message)
                    numbers.append(number)
                elif message:
                    batch.before_bad = batch.before_bad if batch.bad else len(batch.said)
                    batch.bad.append(Bad(f"message {number:,} of the file, {message.place}", message.reason))
                else:
                    batch.left_out += 1
        except Broken as broken:
            batch.broken = broken
        batch.position = position()
        _sort_out(batch, numbers)
        if not (batch.said or batch.bad or batch.left_out or batch.broken):
            return
        yield batch


def place(message_id: object, chat_id: object) -> str:
    """Where to look for a message, by numbers alone: a file has anything for an id, and a terminal may obey it."""
    return f"{_number(message_id)} in chat {_number(chat_id)}"


def _number(value: object) -> str:
    return str(value) if value and isinstance(value, int) and abs(value) < _MOST else "without an id"


def _sort_out(batch: Batch, numbers: list[int]) -> None:
    """Moves what PostgreSQL would refuse from what is said to what is bad."""
    reasons: dict[int, str] = {}
    columns = zip(*map(_VALUES, batch.said), strict=True)
    for (name, kind), column in zip(FIELDS.items(), columns, strict=False):
        # of many fields each message has the same
        is_constant = column.count(column[0]) == len(column) and len(set(map(type, column))) == 1
        for at, reason in _refused(name, kind, column[:1] if is_constant else column):
            for each in range(len(column)) if is_constant else (at,):
                reasons.setdefault(each, reason)
    if reasons:
        batch.before_bad = min(reasons) if not batch.bad else min(*reasons, batch.before_bad)
        batch.bad += [
            Bad(
                f"message {numbers[at]:,} of the file, {place(said.telegram_message_id, said.telegram_chat_id)}", reason
            )
            for at, reason in sorted(reasons.items())
            for said in [batch.said[at]]
        ]
        batch.said = [said for at, said in enumerate(batch.said) if at not in reasons]


def _refused(name: str, kind: queries.Parameter, column: tuple[Any, ...]) -> Iterator[tuple[int, str]]:
    values = list(column)
    if name in _REQUIRED and None in column:
        yield from ((at, f"{name} is missing") for at, value in enumerate(column) if value is None)
    if name == "kind":
        words = {value for value in column if isinstance(value, str)}
        odd = {word for word in words if not _WORD.fullmatch(word)}
        yield from ((at, _ODD) for at, value in enumerate(column) if isinstance(value, str) and value in odd)
    while True:
        try:
            return inputs.check_column(name, values, kind, 0)
        except InvalidInput as error:
            if error.position is None:
                raise
            # a lone surrogate comes as one, too, see Mended
            reason = error.reason.replace("holds a NUL character", "holds a NUL character or half a surrogate pair")
            yield error.position, f"{name} {reason}"
            values[error.position] = None
