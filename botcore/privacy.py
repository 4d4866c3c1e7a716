"""What people may ask for: to have all that is kept about them, to have it gone, and not to be recorded."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, TypeVar

from psycopg.rows import AsyncRowFactory, scalar_row

from botcore.costs import Kept, Preferences, Usage
from botcore.errors import NotPermitted
from botcore.executor import Executor, repeatable
from botcore.rows import Chat, Erased, Message, Person, Receipt, State, Update, User, Version, row_of

# 2 s together: a message is stored in milliseconds, and who writes for longer is not waited for
_WAITS: Final = 200
_WAIT_SECONDS: Final = 0.01
_ERASE_BATCH: Final = 5_000
_PAGE: Final = 1_000

_Row = TypeVar("_Row", Chat, Message)

_receipt = row_of(Receipt)


class Privacy:
    """Those queries of sql/users/ that know a person by Telegram's id alone, be they stored or not."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    @repeatable()
    async def opt_out(self, *, telegram_user_id: int) -> bool:
        """Has nothing of the person recorded from now on; False when that was so already. What is stored stays."""
        return await self._executor.one("users/opt_out", scalar_row, telegram_user_id=telegram_user_id) is not None

    @repeatable()
    async def opt_in(self, *, telegram_user_id: int) -> bool:
        """Has the person recorded again; False when they had not opted out. What was erased is not stored again."""
        return await self._executor.one("users/opt_in", scalar_row, telegram_user_id=telegram_user_id) is not None

    async def opted_out(self, *, telegram_user_id: int) -> bool:
        """Whether nothing of the person is recorded because they opted out."""
        return bool(await self._executor.one("users/opted_out", scalar_row, telegram_user_id=telegram_user_id))

    async def kept(self, *, telegram_user_id: int) -> Kept:
        """How much is kept about the person across chats and bots, hidden rows too: what `erase` would remove."""
        [kept] = await self._executor.all("users/kept", row_of(Kept), telegram_user_id=telegram_user_id)
        return kept

    async def export(
        self, *, telegram_user_id: int
    ) -> AsyncIterator[User | Chat | Message | Version | State | Preferences | Usage | Update]:
        """Everything live that is kept about the person, across chats and bots: they, then chat by chat.

        A chat's messages are those of their dialogues, by topic, oldest first; an edited one is followed by its
        versions. At the end come where they stand in forms, what they chose, what a model's answers cost by day, and
        their updates that are not handled yet. Read in pages, each as it is then: what changes meanwhile may or may not
        be in.
        """
        user = await self._executor.one("users/find", row_of(User), telegram_user_id=telegram_user_id)
        if user:
            yield user
        key = {"user_id": user.id if user else 0, "telegram_user_id": telegram_user_id}
        async for chat in self._pages("users/export_chats", row_of(Chat), **key):
            yield chat
            async for each in self._dialogues(chat.id, key["user_id"]):
                yield each
        for state in await self._executor.all("users/export_states", row_of(State), telegram_user_id=telegram_user_id):
            yield state
        chosen = await self._executor.one("preferences/get", row_of(Preferences), telegram_user_id=telegram_user_id)
        if chosen:
            yield chosen
        for usage in await self._executor.all("users/export_usage", row_of(Usage), telegram_user_id=telegram_user_id):
            yield usage
        for update in await self._executor.all(
            "users/export_updates", row_of(Update), telegram_user_id=telegram_user_id
        ):
            yield update

    async def erase(self, *, telegram_user_id: int) -> Receipt:
        """Removes for good all that is kept about the person across chats and bots, hidden rows too.

        That is the person, their messages and the bot's to them with every version, their private chats with all
        that anybody said there, where they stand in forms, what they chose and what they used of a model. What they
        sent before is refused from now on, be it delivered again. Of somebody unknown there is a receipt of nothing.
        First it refuses, then waits for what is being stored, at most 2 s; the rest is one transaction of small
        statements. In a transaction of yours a new person, whom another call is storing for the first time at that
        moment, can be missed.
        Raises NotPermitted, before anything is changed, where the role may not remove rows.
        """
        eraser = self._executor.eraser
        if not await self.may_erase():
            raise NotPermitted("users/erase")
        await eraser.one("users/erase_refuse", scalar_row, telegram_user_id=telegram_user_id)
        await self._writers_end()
        await eraser.all("users/erase_updates", scalar_row, telegram_user_id=telegram_user_id)
        async with eraser.transaction() as executor:
            await executor.one("users/erase_refuse", scalar_row, telegram_user_id=telegram_user_id)
            [receipt] = await executor.all(
                "users/erase", _receipt, telegram_user_id=telegram_user_id, **await _erase(executor, telegram_user_id)
            )
            return receipt

    async def may_erase(self) -> bool:
        """Whether the role may remove rows; where not, `erase` raises NotPermitted."""
        return bool(await self._executor.eraser.one("users/may_erase", scalar_row))

    async def erasures(self, *, after: Receipt | None = None, page_size: int = 100) -> list[Receipt]:
        """The receipts of all erasures by digest; page on with the last one as `after`. `page_size` is 1..1000."""
        return await self._executor.all(
            "users/erasures",
            _receipt,
            after_person=after.person if after else "",
            after_erased_at=after.erased_at if after else None,
            page_size=page_size,
        )

    async def erase_again(self, *, receipts: Sequence[Receipt]) -> int:
        """Enters receipts that the ledger lacks, erasing their people again; gives how many those were.

        For a restored backup, before anything is recorded: it lacks the receipts of what was erased after it was
        made, and has those people back. A receipt that the ledger has changes nothing: who came back since stays.
        A transaction for each receipt; what was interrupted is finished by calling it again.
        """
        entered = 0
        for start in range(0, len(receipts), _PAGE):
            page = receipts[start : start + _PAGE]
            people = await self._executor.eraser.all(
                "users/erase_again_find", row_of(Person), persons=",".join(receipt.person for receipt in page)
            )
            ids = {each.person: each.telegram_user_id for each in people}
            for receipt in page:
                entered += await self._enter(receipt, ids.get(receipt.person))
        return entered

    async def _writers_end(self) -> None:
        """Returns when what is being written now is written: a person just being stored cannot be locked, nor seen."""
        writers: list[str] = []
        for _ in range(_WAITS):
            writers = await self._executor.all("users/erase_writers", scalar_row, writers=",".join(writers))
            if not writers:
                return
            await asyncio.sleep(_WAIT_SECONDS)

    async def _enter(self, receipt: Receipt, telegram_user_id: int | None) -> bool:
        async with self._executor.eraser.transaction() as executor:
            entered = await executor.one(
                "users/erase_again",
                scalar_row,
                person=receipt.person,
                erased_at=receipt.erased_at,
                users=receipt.users,
                chats=receipt.chats,
                messages=receipt.messages,
                message_versions=receipt.versions,
            )
            if entered and telegram_user_id is not None:
                await _erase(executor, telegram_user_id)
                await executor.all("users/erase_updates", scalar_row, telegram_user_id=telegram_user_id)
            return bool(entered)

    async def _dialogues(self, chat_id: int, user_id: int) -> AsyncIterator[Message | Version]:
        key = {"chat_id": chat_id, "user_id": user_id}
        for topic in await self._executor.all("users/export_topics", scalar_row, **key):
            dialogue = {**key, "message_thread_id": topic}
            async for message in self._pages("users/export_messages", row_of(Message), **dialogue):
                yield message
                if message.edited_at:  # otherwise it says what it always said
                    for version in await self._executor.all(
                        "messages/versions", row_of(Version), chat_id=chat_id, message_id=message.id
                    ):
                        yield version

    async def _pages(self, name: str, row: AsyncRowFactory[_Row], **values: int) -> AsyncIterator[_Row]:
        after_id: int | None = 0
        while after_id is not None:
            page = await self._executor.all(name, row, **values, after_id=after_id, page_size=_PAGE)
            for each in page:
                yield each
            after_id = page[-1].id if len(page) == _PAGE else None


async def _erase(executor: Executor, telegram_user_id: int) -> dict[str, int]:
    """Removes the person, and gives what a receipt counts."""
    user_id = await _lock(executor, telegram_user_id)
    key = {"user_id": user_id or 0, "telegram_user_id": telegram_user_id}
    messages = versions = 0
    while True:
        [batch] = await executor.all("users/erase_messages", row_of(Erased), **key, batch_size=_ERASE_BATCH)
        # not merely a short one: a row that somebody else removed meanwhile shortens a batch
        if not batch.messages:
            break
        messages, versions = messages + batch.messages, versions + batch.versions
    chats = await executor.all("users/erase_person", scalar_row, **key)
    await executor.all("users/erase_states", scalar_row, telegram_user_id=telegram_user_id)
    return {"users": int(user_id is not None), "chats": len(chats), "messages": messages, "message_versions": versions}


async def _lock(executor: Executor, telegram_user_id: int) -> int | None:
    """Locks the chats, then the person, and gives botcore's id; None for somebody unknown."""
    key = {"telegram_user_id": telegram_user_id}
    await executor.all("users/erase_hold", scalar_row, **key)
    await executor.all("users/erase_lock_chats", scalar_row, **key)
    return await executor.one("users/erase_lock", scalar_row, **key)
