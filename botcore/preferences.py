"""What people chose, the same for every bot."""

from botcore.costs import Preferences
from botcore.executor import Executor, repeatable
from botcore.rows import row_of


class Choices:
    """Queries of sql/preferences/, one method a file."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def get(self, *, telegram_user_id: int) -> Preferences | None:
        """What the person chose; None for who never did, or is hidden."""
        return await self._executor.one("preferences/get", row_of(Preferences), telegram_user_id=telegram_user_id)

    @repeatable()
    async def set_language(self, *, telegram_user_id: int, language: str | None) -> Preferences | None:
        """Keeps the language, None for the one that Telegram tells; gives all that the person chose.

        None where nothing was kept: the person is unknown, deleted or opted out.
        """
        return await self._executor.one(
            "preferences/set_language", row_of(Preferences), telegram_user_id=telegram_user_id, language=language or ""
        )
