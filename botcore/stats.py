"""Figures over what is stored."""

from psycopg.rows import args_row

from botcore.executor import Executor
from botcore.rows import Totals


class Stats:
    """Queries of sql/stats/, one method a file."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def totals(self, *, bot_id: int) -> Totals:
        """People, chats, messages by role and characters of one bot, over live rows."""
        [totals] = await self._executor.all("stats/totals", args_row(Totals), bot_id=bot_id)
        return totals
