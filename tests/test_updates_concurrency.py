"""Several processes on one bot's updates: nothing lost, nothing doubled, each chat in order."""

import asyncio
from collections import Counter, defaultdict
from random import Random

import psycopg
import pytest

from botcore import Database, Update
from tests.factories import update

BOT = 42
CHATS, EACH = 20, 20


class Workers:
    """Four workers that finish, fail, give back or forget what they are given, and what they saw."""

    def __init__(self, database: Database, seed: int) -> None:
        self._database = database
        self._random = Random(seed)  # noqa: S311 - an order, no secret
        self.in_work: set[int] = set()
        self.begun = defaultdict[int, list[int]](list)
        self.finished = defaultdict[int, list[int]](list)

    async def work(self, name: str) -> None:
        """Claims until everything is done."""
        while sum(map(len, self.finished.values())) < CHATS * EACH:
            given = await self._database.updates.claim(bot_id=BOT, worker=name, capacity=3, max_failures=1_000)
            await asyncio.gather(*(self._handle(name, each) for each in given))
            await asyncio.sleep(0)

    async def _handle(self, name: str, given: Update) -> None:
        chat = given.telegram_chat_id
        assert chat not in self.in_work
        self.in_work.add(chat)
        self.begun[chat].append(given.update_id)
        await asyncio.sleep(self._random.random() / 1_000)
        self.in_work.remove(chat)
        match self._random.randrange(10):
            case 0:
                await self._database.updates.fail(
                    bot_id=BOT, update_id=given.update_id, worker=name, error="x", max_failures=1_000
                )
            case 1:
                await self._database.updates.release(bot_id=BOT, update_ids=[given.update_id], worker=name)
            case _:
                self.finished[chat].append(given.update_id)
                assert await self._database.updates.finish(bot_id=BOT, update_ids=[given.update_id], worker=name)


async def test_claim_by_workers_while_two_add(database: Database) -> None:
    """Each update is finished once, in its chat's order, though it is delivered up to five times, and some fail."""
    random = Random(4)  # noqa: S311 - an order, no secret
    delivered = [update(number, chat=number % CHATS + 1) for number in range(CHATS * EACH)]
    workers = Workers(database, 4)

    async def deliver() -> None:
        for start in range(0, len(delivered), 25):
            again = random.choices(delivered[: start + 25], k=25 * random.randrange(5))
            batch = delivered[start : start + 25] + again
            random.shuffle(batch)
            await database.updates.add(bot_id=BOT, updates=batch)

    async with asyncio.timeout(60):
        await asyncio.gather(deliver(), deliver(), *(workers.work(name) for name in "abcd"))

    assert workers.finished == {chat + 1: list(range(chat, CHATS * EACH, CHATS)) for chat in range(CHATS)}
    assert all(begun == sorted(begun) for begun in workers.begun.values())


@pytest.mark.fault("a storm of duplicates, shuffled")
async def test_add_of_the_same_updates_at_once(database: Database) -> None:
    """100 updates, delivered 50 times at once in any order to processes that take work, are 100 rows, given once."""
    random = Random(1)  # noqa: S311 - an order, no secret
    given = [update(number, chat=number % 10 + 1) for number in range(1, 101)]

    async def deliver(name: str) -> list[Update]:
        shuffled = random.sample(given, len(given))
        return await database.updates.add(bot_id=BOT, updates=shuffled, worker=name, capacity=100)

    taken = await asyncio.gather(*(deliver(str(number)) for number in range(50)))

    stored = [await database.updates.get(bot_id=BOT, update_id=number) for number in range(1, 101)]
    assert Counter(each.state for each in stored if each)["pending"] >= 90
    assert len([each for each in stored if each]) == 100
    numbers = [each.update_id for some in taken for each in some]
    assert len(numbers) == len(set(numbers)) <= 10


async def test_claim_of_late_lower_number(database: Database) -> None:
    """An update that comes late waits while a later one of its chat is in work, and then is the next."""
    await database.updates.add(bot_id=BOT, updates=[update(5)], worker="a", capacity=1)
    await database.updates.add(bot_id=BOT, updates=[update(4), update(6)])

    assert await database.updates.claim(bot_id=BOT, worker="b", capacity=9) == []
    await database.updates.finish(bot_id=BOT, update_ids=[5], worker="a")
    [given] = await database.updates.claim(bot_id=BOT, worker="b", capacity=9)
    assert given.update_id == 4


async def test_claim_while_one_of_the_chat_is_being_taken(
    database: Database, connection: psycopg.Connection, database_url: str
) -> None:
    """Of two that are taken at the same moment the second worker gets none, rather than an error."""
    await database.updates.add(bot_id=BOT, updates=[update(5)])
    with psycopg.connect(database_url) as other:
        other.execute("UPDATE updates SET state = 'running', worker = 'a', due_at = now() + '1 minute'")
        await database.updates.add(bot_id=BOT, updates=[update(4)])
        claiming = asyncio.create_task(database.updates.claim(bot_id=BOT, worker="b", capacity=9))
        adding = asyncio.create_task(
            database.updates.add(bot_id=BOT, updates=[update(3)], worker="b", capacity=9),
        )
        await asyncio.sleep(0.2)
        other.commit()

    assert (await claiming, await adding) == ([], [])
    assert connection.execute("SELECT count(*) FROM updates WHERE state = 'running'").fetchone() == (1,)


async def test_lease_polling_of_many(database: Database) -> None:
    """Of twenty workers that ask at once one may poll."""
    leased = await asyncio.gather(
        *(database.updates.lease_polling(bot_id=BOT, worker=str(number)) for number in range(20))
    )

    assert sum(leased) == 1
