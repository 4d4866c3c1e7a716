"""What a model's answers cost: tokens by person, bot and day, days by UTC."""

from datetime import datetime

from psycopg.rows import scalar_row

from botcore.costs import Cost, Spent
from botcore.executor import Executor
from botcore.rows import row_of


class Usages:
    """Queries of sql/usage/, one method a file."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def add(
        self,
        *,
        user_id: int,
        bot_id: int,
        input_tokens: int,
        output_tokens: int,
        input_characters: int = 0,
        at: datetime | None = None,
    ) -> bool:
        """Adds one answer to the person's day, and is exact however many do so at once; `at` is now if not given.

        False where nothing was added: the person is unknown, deleted, opted out, or was erased after `at`. Each number
        is 0..1000000000. In the transaction that stores the answer it is counted once, as that is stored once.
        """
        added = await self._executor.one(
            "usage/add",
            scalar_row,
            user_id=user_id,
            bot_id=bot_id,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            input_characters=input_characters,
            at=at,
        )
        return added is not None

    async def totals(self, *, user_id: int, bot_id: int, at: datetime | None = None) -> Spent:
        """What the person's answers by that bot came to, on the day of `at`, by default today, and in all."""
        [spent] = await self._executor.all("usage/totals", row_of(Spent), user_id=user_id, bot_id=bot_id, at=at)
        return spent

    async def of_bot(self, *, bot_id: int, at: datetime | None = None) -> Cost:
        """What the bot's answers to everybody came to, on the day of `at`, by default today; it reads all usage."""
        [cost] = await self._executor.all("usage/of_bot", row_of(Cost), bot_id=bot_id, at=at)
        return cost
