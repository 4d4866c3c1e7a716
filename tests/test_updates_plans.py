"""What a turn costs grows neither with what is done, nor with what waits in one chat, nor with how many chats wait."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from benchmarks.plans import Mode, pages
from tests.conftest import CreateDatabase
from tests.plans import MODES, explain

DONE = """
    INSERT INTO updates (bot_id, update_id, state, finished_at)
    SELECT 1, n, 'done', now() FROM generate_series(1, 100000) AS n
"""
# 2,000 of chat 7, of 2,000 chats one each, of which a worker has five in work and another one fifteen
WAITING = """
    INSERT INTO updates (bot_id, update_id, telegram_chat_id, telegram_user_id, payload, state, worker, due_at)
    SELECT
        1, 100000 + n, greatest(7, n - 2000), 7, json_build_object('text', repeat('x', 500)),
        CASE WHEN n > 3980 THEN 'running' ELSE 'pending' END,
        CASE WHEN n > 3995 THEN 'psql' WHEN n > 3980 THEN 'a' ELSE '' END,
        now() + CASE WHEN n > 3980 THEN '1 hour' ELSE '0' END::interval
    FROM generate_series(1, 4000) AS n
"""


@pytest.fixture(scope="module", params=["waiting", "done"])
def connection(
    request: pytest.FixtureRequest, create_database: CreateDatabase, template: str
) -> Iterator[psycopg.Connection]:
    """A connection to a database whose statistics know what waits, or are of when all was done."""
    steps = {"waiting": [DONE, WAITING, "VACUUM ANALYZE"], "done": [DONE, "VACUUM ANALYZE", WAITING]}
    with create_database(template) as url, psycopg.connect(url, autocommit=True) as opened:
        for step in steps[request.param]:
            opened.execute(step.encode())
        yield opened


def batch(size: int) -> dict[str, str]:
    """New updates, half of them of chats that wait already."""
    numbers = range(200_000, 200_000 + size)
    chats = [7 + number if number < size / 2 else 100_000 + number for number in range(size)]
    values = {
        "update_ids": numbers,
        "telegram_chat_ids": chats,
        "telegram_user_ids": chats,
        "payloads": ['"{}"'] * size,
    }
    return {name: f"{{{','.join(map(str, each))}}}" for name, each in values.items()}


FIRST = {"after_chat_id": str(-(2**63))}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("name", "changes", "rows"),
    [
        ("updates/claim", FIRST, 10),
        ("updates/claim", FIRST | {"capacity": "100"}, 100),
        ("updates/claim", {"after_chat_id": "1000"}, 10),
        ("updates/add", batch(1), 2),
        ("updates/add", batch(100), 100),
        ("updates/renew", {}, 15),
    ],
)
def test_turn_reads_what_it_gives(
    connection: psycopg.Connection, name: str, changes: dict[str, str], rows: int, mode: Mode
) -> None:
    """No step of the plan reads more rows than are given or stored or in work, and pages are no more than rows need."""
    with connection.transaction(force_rollback=True):
        plan = explain(connection, name, mode, analyze=True, bot_id="1", **changes)

    [pages, *_] = re.findall(r"Buffers: shared hit=(\d+)(?: read=(\d+))?", plan)
    assert "Seq Scan" not in plan
    assert max(int(number) for number in re.findall(r"(?:actual rows=|Rows Removed by .*: )(\d+)", plan)) <= rows
    # a row is found in two indexes, and changed in three
    assert sum(int(number or 0) for number in pages) <= 50 * rows


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("state", ["pending", "running", "failed"])
def test_page_reads_nothing_that_is_done(connection: psycopg.Connection, state: str, mode: Mode) -> None:
    """Of 100,000 updates that are done no page is looked at, though a prepared plan does not know the state."""
    plan = explain(connection, "updates/page", mode, analyze=True, state=state)

    assert "Seq Scan" not in plan
    assert "pk_updates" not in plan
    # those that wait, each on its page at worst
    assert pages(plan) <= 4_100


@pytest.mark.parametrize("mode", MODES)
def test_backlog_reads_nothing_that_is_done(connection: psycopg.Connection, mode: Mode) -> None:
    """Of 100,000 updates that are done no page is looked at; those that wait are each on a page at worst."""
    plan = explain(connection, "updates/backlog", mode, analyze=True, bot_id="1")

    assert "Seq Scan" not in plan
    assert "pk_updates" not in plan
    assert pages(plan) <= 4_100
