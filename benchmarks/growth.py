"""How latency, sizes and the cost of writing change as `messages` grows, in one database from size to size."""

import asyncio
import json as formats
import logging
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Annotated, Any, Final

import psycopg
from cyclopts import Parameter
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from benchmarks import filling, growth_report, plans
from benchmarks.server import server
from botcore import Database, Purged, migrations

SIZES: Final = (10_000, 1_000_000, 10_000_000)
CONTROL_ROWS: Final = 10_000
ROUNDS: Final = 30
EACH: Final = 10
"""Messages of a dialogue."""
HOT: Final = range(1, 201)
HOT_EACH: Final = 50
LONG: Final = 201
LONG_EACH: Final = 100_000
LONG_LEFT: Final = 1_000
WRITES: Final = 100

Figures = dict[str, Any]

_numbers = count(10 * LONG_EACH)
_chance = random.Random(1)  # noqa: S311 - no secret


def growth(
    *,
    rows: Annotated[
        list[int] | None,
        Parameter(
            consume_multiple=True,
            help="Messages in dialogues of 10: 10000 1000000 10000000 by default; the last takes 7 GB of disk.",
        ),
    ] = None,
    json: Annotated[Path | None, Parameter(help="A file for all figures, written after each size.")] = None,
    picture: Annotated[Path | None, Parameter(help="A file for the plot, as PNG.")] = None,
) -> None:
    """Measures at each size, and in turn with each a control database of 10,000 rows on the same server.

    Beside the rows are 200 hot dialogues of 50 messages, and for a while one of 100,000.
    """
    sizes = sorted(set(rows or SIZES))
    steps: list[Figures] = []
    with server() as url, _control(url) as control, psycopg.connect(url, autocommit=True) as connection:
        for before, size in pairwise([0, *sizes]):
            _grow(connection, before, size)
            steps.append({"rows": size} | asyncio.run(_measure(url, control, connection, size)))
            if json:
                json.write_text(formats.dumps(steps, indent=1))
    sys.stdout.write(growth_report.table(steps))
    if picture:
        growth_report.draw(steps, picture)


@contextmanager
def _control(url: str) -> Iterator[str]:
    """A database of 10,000 rows, which the machine's moods meet as they meet the large one; it goes afterwards."""
    name = Identifier(f"{conninfo_to_dict(url)['dbname']}_control")
    control = make_conninfo(url, dbname=name.as_string().strip('"'))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(name))
        try:
            asyncio.run(migrations.upgrade(control))
            with psycopg.connect(control, autocommit=True) as small:
                _grow(small, 0, CONTROL_ROWS)
            yield control
        finally:
            connection.execute(SQL("DROP DATABASE {}").format(name))


def _grow(connection: psycopg.Connection, before: int, size: int) -> None:
    """Loads what is missing to so many rows, in the order in which it would have come."""
    began = perf_counter()
    if not before:
        if connection.execute("SELECT FROM chats LIMIT 1").fetchone():
            sys.exit("the database must be empty")
        filling.insert_parents(connection, range(1, LONG + 1))
    chats = range(LONG + 1 + before // EACH, LONG + 1 + size // EACH)
    with filling.without_indexes(connection):
        filling.insert_parents(connection, chats)
        for number in range(1, EACH + 1):
            if not before:
                for hot in range(number, HOT_EACH + 1, EACH):
                    filling.copy_messages(connection, HOT, range(hot, hot + 1))
            filling.copy_messages(connection, chats, range(number, number + 1))
            loaded = number * len(chats)
            _say(f"{before + loaded:,} rows, {loaded / (perf_counter() - began):,.0f} a second")
        _say(f"building the indexes, at {perf_counter() - began:.0f} s")
    connection.execute("VACUUM ANALYZE")
    _say(f"vacuumed, at {perf_counter() - began:.0f} s")


async def _measure(url: str, control: str, connection: psycopg.Connection, size: int) -> Figures:
    """All figures of one size, the reads first."""
    async with Database.connect(url, max_size=1) as large, Database.connect(control, max_size=1) as small:
        _say(f"measuring at {size:,} rows")
        return {
            **await _reads(large, small, range(LONG + 1, LONG + 1 + size // EACH)),
            **_pages(connection, range(LONG + 1, LONG + 1 + size // EACH)),
            **_sizes(connection),
            **await _writes(large, small),
            **await _long(large, connection),
        }


async def _reads(large: Database, small: Database, cold: range) -> Figures:
    """Newest 20 in milliseconds, of the hot dialogues in turn with the control's, and of any dialogue."""
    for _ in range(3):
        await _newest(large, HOT)
        await _newest(small, HOT)
    hot, uniform, ratios = [], [], []
    for _ in range(ROUNDS):
        hot.append(await _newest(large, _shuffled(HOT)))
        control = await _newest(small, _shuffled(HOT))
        uniform.append(await _newest(large, _chance.sample(cold, min(len(cold), len(HOT)))))
        ratios.append(median(hot[-1]) / median(control))
    return {"hot": _spread(hot), "uniform": _spread(uniform), "hot_to_control": quantiles(ratios, n=4)}


def _pages(connection: psycopg.Connection, cold: range) -> Figures:
    """The pages that newest 20 reads by the generic plan, least and most, and the indexes by which it does."""
    read = {
        kind: [_explain(connection, chat) for chat in _chance.sample(chats, 50)]
        for kind, chats in (("hot", HOT), ("uniform", cold))
    }
    pages = {f"{kind}_pages": [each(map(plans.pages, found)) for each in (min, max)] for kind, found in read.items()}
    return {
        **pages,
        "indexes": sorted({index for found in read.values() for plan in found for index in plans.indexes(plan)}),
    }


def _explain(connection: psycopg.Connection, chat: int) -> str:
    dialogue = {"chat_id": chat, "user_id": chat, "message_thread_id": 0, "before_id": 2**63 - 1, "page_size": 20}
    return plans.explain(connection, "messages/recent", "force_generic_plan", dialogue, analyze=True)


def _sizes(connection: psycopg.Connection) -> Figures:
    """Bytes of the table and of each of its indexes."""
    indexes = connection.execute(
        "SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index"
        " WHERE indrelid = 'messages'::regclass ORDER BY 2 DESC"
    ).fetchall()
    [table] = connection.execute("SELECT pg_table_size('messages')").fetchone() or [0]
    return {"table_bytes": table, "index_bytes": dict(indexes)}


async def _writes(large: Database, small: Database) -> Figures:
    """Messages recorded a second, one after the other, in turn with the control's."""
    rounds = [(await _record(large), await _record(small)) for _ in range(ROUNDS // 3)]
    return {
        "record_per_second": quantiles([first for first, _ in rounds], n=4),
        "record_to_control": quantiles([first / second for first, second in rounds], n=4),
    }


async def _long(database: Database, connection: psycopg.Connection) -> Figures:
    """What 100,000 messages of one dialogue cost: read, deleted, purged; cleared; they are gone afterwards."""
    _fill_long(connection)
    figures: Figures = {"long_before": await _first_and_next(database)}
    connection.execute(
        "UPDATE messages SET deleted_at = now() WHERE chat_id = %s AND telegram_message_id > %s", (LONG, LONG_LEFT)
    )
    figures["long_deleted"] = await _first_and_next(database)
    # as autovacuum does it: where less than 2% of the pages have dead rows, the indexes keep theirs
    connection.execute("VACUUM ANALYZE messages")
    figures["long_vacuumed"] = await _first_and_next(database)
    connection.execute("VACUUM (INDEX_CLEANUP ON) messages")
    figures["long_cleaned"] = await _first_and_next(database)
    figures["purge"] = await _purge(database)
    connection.execute("DELETE FROM messages WHERE chat_id = %s", (LONG,))
    _fill_long(connection)
    with _milliseconds("messages/clear") as statements:
        await database.messages.clear(chat_id=LONG, user_id=LONG)
    figures["clear"] = _cost(statements)
    figures["long_cleared"] = await _first_and_next(database)
    connection.execute("DELETE FROM messages WHERE chat_id = %s", (LONG,))
    # so that the next size does not count their room
    connection.execute("VACUUM (INDEX_CLEANUP ON) messages")
    return figures


def _fill_long(connection: psycopg.Connection) -> None:
    filling.copy_messages(connection, range(LONG, LONG + 1), range(1, LONG_EACH + 1))
    connection.execute("ANALYZE messages")


async def _purge(database: Database) -> Figures:
    """Of the long dialogue's hidden messages: milliseconds of the longest batch and of all."""
    step: Purged | None = Purged(0, 0, LONG - 1, 2**63 - 1)
    with _milliseconds("messages/purge") as statements:
        while step and step.last_chat_id is not None and step.last_chat_id <= LONG:
            step = await database.messages.purge(
                before=datetime.now(UTC) + timedelta(days=1), scope="hidden", after=step
            )
    return _cost(statements)


async def _newest(database: Database, chats: Any) -> list[float]:
    """Milliseconds of newest 20 in each dialogue, one after the other."""
    times = []
    for chat in chats:
        began = perf_counter()
        await database.messages.recent(chat_id=chat, user_id=chat)
        times.append((perf_counter() - began) * 1e3)
    return times


async def _first_and_next(database: Database) -> list[float]:
    """Milliseconds of newest 20 in the long dialogue: the first time, and the median of what follows."""
    # the statistics are new, and with them the plan
    await _newest(database, HOT[:1])
    first, *following = await _newest(database, [LONG] * 30)
    return [first, median(following[9:])]


async def _record(database: Database) -> float:
    began = perf_counter()
    for chat in _chance.choices(HOT, k=WRITES):
        await database.messages.record(
            bot_id=filling.BOT,
            telegram_user_id=chat,
            first_name="Ada",
            last_name=None,
            username=None,
            language_code="en",
            telegram_chat_id=chat,
            chat_type="private",
            chat_title=None,
            telegram_message_id=next(_numbers),
            role="user",
            content="What do you remember of last week?",
            sent_at=datetime.now(UTC),
        )
    return WRITES / (perf_counter() - began)


@contextmanager
def _milliseconds(query: str) -> Iterator[list[float]]:
    """What botcore's own log says of each run of a query."""
    found: list[float] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said = vars(record)
            if said.get("query") == query:
                found.append(said["milliseconds"])

    log, handler = logging.getLogger("botcore.queries"), Collect()
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield found
    finally:
        log.setLevel(logging.NOTSET)
        log.removeHandler(handler)


def _cost(statements: list[float]) -> Figures:
    return {"statements": len(statements), "longest": max(statements), "total": sum(statements)}


def _spread(rounds: list[list[float]]) -> Figures:
    """Of all calls p50 and p99; of the rounds' medians the quartiles."""
    hundredths = quantiles([each for times in rounds for each in times], n=100)
    return {
        "p50": hundredths[49],
        "p99": hundredths[98],
        "quartiles": quantiles([median(each) for each in rounds], n=4),
    }


def _shuffled(chats: range) -> list[int]:
    return _chance.sample(chats, len(chats))


def _say(what: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {what}\n")
