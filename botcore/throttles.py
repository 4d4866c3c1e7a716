"""How fast people ask: places in each minute, over all processes of a bot."""

from botcore.costs import Throttled
from botcore.executor import Executor
from botcore.rows import row_of


class Throttles:
    """Queries of sql/throttles/, one method a file."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def take(
        self, *, user_id: int, bot_id: int, chat_id: int, message_id: int, per_minute: int
    ) -> Throttled | None:
        """Takes one of the person's `per_minute` places, 1..1000, or counts the refusal; exact, however many ask.

        A place is free again a minute after it was taken. A message that has one of the newest places keeps it, so that
        it can be tried again. None where the person is unknown or deleted.
        """
        return await self._executor.one(
            "throttles/take",
            row_of(Throttled),
            user_id=user_id,
            bot_id=bot_id,
            chat_id=chat_id,
            message_id=message_id,
            per_minute=per_minute,
        )
