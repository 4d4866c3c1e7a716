"""The bot and its server killed again and again: every update is stored, and answered once, in its chat's order."""

import asyncio
import random
from pathlib import Path

import psycopg
import pytest

from tests.botcli.bot_api import TOKEN
from tests.conftest import Measured
from tests.faults.bots import CANARY, Bots, Repeating
from tests.faults.servers import Server

FIRST_UPDATE = 101


@pytest.mark.fault("kill -9 of the bot, and of the server: 5,000 updates, delivered up to five times each, 50 chats")
@pytest.mark.parametrize(
    ("processes", "updates", "kills", "server_kills"),
    [
        pytest.param(1, 300, 3, 1),
        pytest.param(1, 5_000, 50, 5, marks=pytest.mark.slow),
        pytest.param(3, 5_000, 50, 5, marks=pytest.mark.slow),
    ],
)
async def test_kills_of_the_bot_and_the_server(
    faulty: Server,
    url: str,
    tmp_path: Path,
    measured: Measured,
    processes: int,
    updates: int,
    kills: int,
    server_kills: int,
) -> None:
    """Each update is confirmed and stored once, each message answered once or listed as unconfirmed, in order."""
    deaths = random.sample(["bot"] * kills + ["server"] * server_kills, kills + server_kills)
    numbers = iter(range(1, updates + 1))
    async with Repeating.serve() as api, Bots.of(url, api, tmp_path, WAIT_FOR_DATABASE="true") as bots:
        for _ in range(processes):
            await bots.start()
        for death in deaths:
            for _ in range(updates // len(deaths)):
                api.say(next(numbers), chats=50)
            await _more_answers(api, random.randrange(1, updates // len(deaths)))  # noqa: S311 - no secret
            if death == "bot":
                await bots.kill()
                await bots.start()
            else:
                await asyncio.to_thread(faulty.kill)
                await asyncio.to_thread(faulty.start)
        for number in numbers:
            api.say(number, chats=50)
        unconfirmed = await _all_answered(api, bots, updates)
        stored = await _stored(url)

    answers, orders = api.answers(), api.orders()
    measured("processes", processes)
    measured("unconfirmed", len(unconfirmed))
    assert len(api.confirmed_ids) == updates
    assert stored == (updates, 0, updates)
    assert set(answers) | unconfirmed == set(range(1, updates + 1))
    # what a process has in work when it dies, and no more
    assert len(unconfirmed) <= 16 * kills
    assert {number for number, times in answers.items() if times > 1} == set()
    assert all(order == sorted(order) for order in orders)
    log = bots.log()
    assert [word for word in (CANARY, TOKEN, TOKEN.partition(":")[2]) if word in log] == []


async def _more_answers(api: Repeating, number: int) -> None:
    """Returns after so many more answers; a process takes a while to start."""
    wanted = len(api.sent) + number
    await api.until(lambda: len(api.sent) >= wanted, timeout_seconds=60)


async def _all_answered(api: Repeating, bots: Bots, updates: int) -> set[int]:
    """The numbers of the messages whose answer is unconfirmed, once every other one is answered."""
    async with asyncio.timeout(300):
        while True:
            unconfirmed = {number - FIRST_UPDATE + 1 for number in bots.unconfirmed()}
            if len(set(api.answers()) | unconfirmed) >= updates and len(api.confirmed_ids) >= updates:
                return unconfirmed
            await asyncio.sleep(0.5)


async def _stored(url: str) -> tuple[int, ...]:
    """How many updates are done, how many were set aside, and how many messages of people are stored."""
    with psycopg.connect(url, autocommit=True) as connection:
        counts = "SELECT count(*) FILTER (WHERE state = 'done'), count(*) FILTER (WHERE state = 'failed') FROM updates"
        unfinished = "SELECT FROM updates WHERE state IN ('pending', 'running')"
        async with asyncio.timeout(60):
            while connection.execute(unfinished).fetchone():  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.2)
        messages = "SELECT count(*) FROM messages WHERE role = 'user'"
        rows = [connection.execute(query.encode()).fetchone() or () for query in (counts, messages)]
        return tuple(int(number) for row in rows for number in row)
