"""Figures over what is stored."""

from botcore.costs import ChatUse
from botcore.executor import Executor
from botcore.rows import Totals, row_of


class Stats:
    """Queries of sql/stats/, one method a file."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def totals(self, *, bot_id: int) -> Totals:
        """People, chats, messages by role and characters of one bot, over live rows."""
        [totals] = await self._executor.all("stats/totals", row_of(Totals), bot_id=bot_id)
        return totals

    async def dialogue(self, *, chat_id: int, user_id: int | None, message_thread_id: int = 0) -> Totals:
        """The same of one dialogue, other topics of its chat left out; `people` and `chats` are 1, or 0 without any."""
        [totals] = await self._executor.all(
            "stats/dialogue",
            row_of(Totals),
            chat_id=chat_id,
            user_id=user_id,
            message_thread_id=message_thread_id,
        )
        return totals

    async def chats(self, *, bot_id: int, page_size: int = 100) -> list[ChatUse]:
        """The live chats of one bot, the one used last first; it looks at each of them. `page_size` is 1..1000."""
        return await self._executor.all("stats/chats", row_of(ChatUse), bot_id=bot_id, page_size=page_size)
