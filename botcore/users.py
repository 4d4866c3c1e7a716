"""The people behind the messages."""

from datetime import datetime
from typing import Literal

from psycopg.rows import scalar_row

from botcore import purging
from botcore.executor import repeatable
from botcore.privacy import Privacy
from botcore.rows import ChatType, Purged, Scope, User, row_of

_user = row_of(User)


class Users(Privacy):
    """Queries of sql/users/, one method a file; what people may ask for is in Privacy."""

    @repeatable()
    async def get_or_create(
        self,
        *,
        telegram_user_id: int,
        first_name: str,
        last_name: str | None = None,
        username: str | None = None,
        language_code: str | None = None,
    ) -> User:
        """The person with this Telegram id: stored when new, updated when changed, revived when deleted."""
        [user] = await self._executor.all(
            "users/get_or_create",
            _user,
            telegram_user_id=telegram_user_id,
            first_name=first_name,
            last_name=last_name,
            username=username,
            language_code=language_code,
        )
        return user

    async def get(self, *, user_id: int) -> User | None:
        """The live person with botcore's id."""
        return await self._executor.kept("users/get", _user, user_id=user_id)

    async def find(self, *, telegram_user_id: int) -> User | None:
        """The live person with Telegram's id."""
        return await self._executor.kept("users/find", _user, telegram_user_id=telegram_user_id)

    async def is_hidden(self, *, telegram_user_id: int) -> bool:
        """Whether the person is stored, but hidden."""
        [is_hidden] = await self._executor.all("users/is_hidden", scalar_row, telegram_user_id=telegram_user_id)
        return bool(is_hidden)

    async def page(self, *, after_id: int = 0, page_size: int = 100) -> list[User]:
        """Live people by id; page on with the last id as `after_id`. `page_size` is 1..1000."""
        return await self._executor.all("users/page", _user, after_id=after_id, page_size=page_size)

    @repeatable()
    async def delete(self, *, user_id: int) -> bool:
        """Hides the person and their messages at one instant; False when there was nothing to delete."""
        async with self._executor.transaction() as executor:
            if await executor.one("users/delete_lock", scalar_row, user_id=user_id) is None:
                return False
            return await executor.one("users/delete", scalar_row, user_id=user_id) is not None

    @repeatable()
    async def restore(self, *, user_id: int) -> bool:
        """Brings back the person with the messages that fell with them; False when they are not deleted.

        A message whose chat is deleted by now comes back with that chat instead.
        """
        async with self._executor.transaction() as executor:
            if await executor.one("users/restore_lock", scalar_row, user_id=user_id) is None:
                return False
            return await executor.one("users/restore", scalar_row, user_id=user_id) is not None

    async def purge(
        self,
        *,
        before: datetime,
        scope: Scope = "all",
        chat_type: ChatType | Literal[""] = "",
        dry_run: bool = False,
        after: Purged | None = None,
        batch_size: int = purging.BATCH,
    ) -> Purged:
        """Removes for good those people, deleted before that time, of whom no message is left: one batch.

        Go on with it as `after`. A new message wins over this: its person stays, or is stored anew. In a dry run the
        messages do not count that a dry run of `messages.purge` with the same words counted.
        """
        return await purging.batch(
            self._executor.eraser,
            "users/purge",
            before=before,
            scope=scope,
            chat_type=chat_type,
            dry_run=dry_run,
            after=after,
            batch_size=batch_size,
        )
