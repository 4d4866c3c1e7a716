"""What the purges of messages, chats and people share: the words they take, and how batch follows batch."""

from typing import Any, Final, get_args

from botcore.errors import InvalidInput
from botcore.executor import Executor
from botcore.rows import ChatType, Purged, Scope, row_of

BATCH: Final = 5_000
"""Rows that one statement looks at; where all of them were messages that went, it took 0.2 s at most."""

_END: Final = 2**63 - 1


async def batch(
    executor: Executor,
    name: str,
    *,
    scope: str,
    chat_type: str,
    dry_run: bool,
    after: Purged | None,
    keep_newest: bool = True,
    **values: Any,
) -> Purged:
    """One batch of the query; raises InvalidInput for an unknown scope or type of chat."""
    _require("scope", scope, get_args(Scope))
    _require("chat_type", chat_type, ("", *get_args(ChatType)))
    last_chat_id, last_id = _place(after)
    [purged] = await executor.all(
        name,
        row_of(Purged),
        scope=scope,
        chat_type=chat_type,
        dry_run=_word(dry_run),
        keep_newest=_word(keep_newest),
        after_chat_id=last_chat_id,
        after_message_id=last_id,
        after_id=last_id,
        **values,
    )
    return purged


def _place(after: Purged | None) -> tuple[int, int]:
    if after is None:
        return 0, 0
    # after the last batch comes nothing, and not the first one again
    return (_END, _END) if after.last_id is None else (after.last_chat_id or 0, after.last_id)


def _word(value: object) -> str:
    return "yes" if value else "no"


def _require(field: str, value: str, words: tuple[str, ...]) -> None:
    if value not in words:
        raise InvalidInput(field, f"must be one of {', '.join(filter(None, words))}")
