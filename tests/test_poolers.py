"""Behind PgBouncer: each kind of pooling works by its name, and no other name does."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC
from pathlib import Path
from typing import Any

import psycopg
import pytest

from botcore import Database, InvalidInput, Unavailable, migrations
from botcore.pool import Pooler
from tests.factories import SENT_AT, archived, dialogue, said
from tests.poolers import BINARY, MODES, PgBouncer, keeps_prepared, pgbouncer

pytestmark = pytest.mark.skipif(BINARY is None, reason="there is no pgbouncer here")

Start = Callable[..., PgBouncer]
needs_new = pytest.mark.skipif(BINARY is not None and not keeps_prepared(), reason="needs PgBouncer 1.22")
KINDS = ["session", pytest.param("transaction", marks=needs_new), "transaction-unprepared"]
SHARING = KINDS[1:]


@pytest.fixture
def start(server: dict[str, Any]) -> Iterator[Start]:
    """Starts a PgBouncer with these settings, and no more connections than make its clients share them."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(pgbouncer(server, **{"default_pool_size": 4} | settings))


@pytest.mark.parametrize("kind", KINDS)
async def test_connect_through_each_kind_serves_many_at_once(kind: Pooler, start: Start, database_url: str) -> None:
    """Four of the server's connections serve three programs, and each call gets its own answer."""
    url = start(**MODES[kind]).url(database_url)

    async def use(program: int) -> list[str]:
        # in session pooling each keeps those that it has
        async with Database.connect(url, pooler=kind, max_size=1 if kind == "session" else 8) as database:
            people = await asyncio.gather(*(turn(database, 1_000 * program + number) for number in range(40)))
            page = await database.users.page(page_size=1_000)
        assert {user.telegram_user_id for user in page} >= set(range(1_000 * program, 1_000 * program + 40))
        return people

    async def turn(database: Database, number: int) -> str:
        message = (await said(database, telegram_user_id=number, content=f"I am {number}")).message
        async with database.transaction() as transaction:
            await transaction.messages.add(**dialogue(message), role="assistant", content="You are")
            answer, question = await transaction.messages.recent(**dialogue(message))
        assert (answer.content, question.sent_at, question.sent_at.tzinfo) == ("You are", SENT_AT, UTC)
        return question.content

    answers = await asyncio.gather(*(use(program) for program in (1, 2, 3)))

    expected = [[f"I am {1_000 * program + number}" for number in range(40)] for program in (1, 2, 3)]
    assert answers == expected


def test_image_is_stopped_beside_a_client_that_stays(start: Start, database_url: str) -> None:
    """By the signal that stops the image PgBouncer ends, though a client is connected that has nothing in work."""
    dockerfile = (Path(__file__).parents[1] / "deploy/pgbouncer/Dockerfile").read_text(encoding="utf-8")
    [name] = re.findall(r"^STOPSIGNAL (\w+)$", dockerfile, re.MULTILINE)
    opened = start(**MODES["transaction-unprepared"])

    with psycopg.connect(opened.url(database_url), autocommit=True, prepare_threshold=None) as client:
        client.execute("SELECT 1")
        opened.stop(name)


@pytest.mark.parametrize("kind", SHARING)
async def test_times_are_equal_whatever_zone_the_server_has(
    kind: Pooler, start: Start, database_url: str, connection: psycopg.Connection
) -> None:
    """They come in UTC from a server elsewhere, also when another client of its connection asked for a third zone."""
    connection.execute(f"ALTER DATABASE {connection.info.dbname} SET TimeZone = 'Asia/Tokyo'".encode())
    url = start(**MODES[kind] | {"default_pool_size": 1}).url(database_url)

    async with Database.connect(url, pooler=kind) as database:
        message = (await said(database)).message
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as other:
            other.execute("SET TimeZone = 'America/Lima'")
        [found] = await database.messages.recent(**dialogue(message))

    assert found.sent_at == SENT_AT
    assert found.sent_at.tzinfo is UTC or found.sent_at.utcoffset() == SENT_AT.utcoffset()


@pytest.mark.parametrize("kind", SHARING)
async def test_cancelled_call_leaves_the_connection_to_the_next(
    kind: Pooler, start: Start, database_url: str, connection: psycopg.Connection
) -> None:
    """A deadline ends what waits on the server, and of the pooler's only connection nothing is held up."""
    url = start(**MODES[kind] | {"default_pool_size": 1}).url(database_url)
    async with Database.connect(url, pooler=kind, max_size=1) as database:
        message = (await said(database)).message
        with connection.transaction():
            connection.execute("LOCK messages")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await database.messages.recent(**dialogue(message))

        async with asyncio.timeout(2):
            assert await database.messages.recent(**dialogue(message)) == [message]


@pytest.mark.parametrize("kind", SHARING)
async def test_copy_in_shares_its_connection_between_batches(kind: Pooler, start: Start, database_url: str) -> None:
    """The staging table lives as long as a batch's transaction, so that two archives go over one connection."""
    url = start(**MODES[kind] | {"default_pool_size": 1}).url(database_url)
    async with Database.connect(url, pooler=kind) as database:
        message = (await said(database)).message
        key = {"chat_id": message.chat_id, "user_id": message.user_id}

        async def copy(first: int) -> int:
            archive = [archived(number, **key) for number in range(first, first + 30)]
            return sum([batch.stored async for batch in database.messages.copy_in(archive, batch_size=10)])

        stored = await asyncio.gather(copy(1_000), copy(2_000))

    assert sum(stored) == 60


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("session", "none"),
        ("transaction-unprepared", "none"),
        ("transaction-unprepared", "transaction"),
        pytest.param("transaction", "none", marks=needs_new),
    ],
)
async def test_connect_refuses_a_pooler_that_it_was_not_told_of(
    mode: str, told: Pooler, start: Start, database_url: str
) -> None:
    """Both at once and by each call where no server was required: statements of others would be run otherwise."""
    url = start(**MODES[mode]).url(database_url)

    with pytest.raises(Unavailable, match="DATABASE_POOLER"):
        await Database.connect(url, pooler=told).__aenter__()
    async with Database.connect(url, pooler=told, require_server=False, timeout_seconds=0.5) as database:
        with pytest.raises(Unavailable, match="DATABASE_POOLER"):
            await database.ping()


async def test_connect_says_which_url_the_word_does_not_fit(start: Start, database_url: str) -> None:
    """The word holds for every URL: of an eraser through a pooler, where none was told of, the eraser's is named."""
    url = start(**MODES["session"]).url(database_url)

    with pytest.raises(Unavailable, match="DATABASE_POOLER, for DATABASE_ERASER_URL: a pooler stands in front"):
        await Database.connect(database_url, eraser_url=url).__aenter__()


async def test_connect_refuses_a_pooler_that_is_not_there(database_url: str) -> None:
    """Where the server itself answers the word to say is none; transactions without prepared statements work there."""
    with pytest.raises(Unavailable, match=r"DATABASE_POOLER, for DATABASE_URL: no pooler .* say none"):
        await Database.connect(database_url, pooler="transaction").__aenter__()
    async with Database.connect(database_url, pooler="transaction-unprepared") as database:
        await database.ping()


async def test_connect_refuses_an_unknown_word(database_url: str) -> None:
    """One that is mistyped is not taken for none."""
    with pytest.raises(InvalidInput, match="transaction-unprepared"):
        await Database.connect(database_url, pooler="statement").__aenter__()  # type: ignore[arg-type]


async def test_pooling_of_transactions_told_as_sessions_names_the_setting(start: Start, database_url: str) -> None:
    """What cannot be seen at the start is told by the first statement that meets another's name."""
    url = start(pool_mode="transaction", default_pool_size=1).url(database_url)
    async with Database.connect(url, pooler="session") as one, Database.connect(url, pooler="session") as other:
        await one.ping()

        with pytest.raises(Unavailable, match=r"DATABASE_POOLER.*transaction-unprepared") as refused:
            await other.ping()

    assert not refused.value.retry_is_safe


@pytest.mark.parametrize("kind", SHARING)
async def test_listen_hears_past_the_pooler_only(
    kind: Pooler, start: Start, database_url: str, connection: psycopg.Connection
) -> None:
    """Without the direct URL comes the first '' and no more, and nothing listens in the pooler's name."""
    url = start(**MODES[kind]).url(database_url)
    async with (
        Database.connect(url, pooler=kind) as deaf,
        Database.connect(url, pooler=kind, direct_url=database_url) as hearing,
    ):
        silence, payloads = deaf.listen("updates"), hearing.listen("updates")
        assert (await anext(silence), await anext(payloads)) == ("", "")

        connection.execute("NOTIFY updates, 'one'")

        assert await asyncio.wait_for(anext(payloads), 10) == "one"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(silence), 0.1)
        listeners = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        assert len(connection.execute(listeners).fetchall()) == 1
        await payloads.aclose()


async def test_listen_through_session_pooling(start: Start, database_url: str, connection: psycopg.Connection) -> None:
    """There a client keeps its connection, and hears."""
    async with Database.connect(start(**MODES["session"]).url(database_url), pooler="session") as database:
        payloads = database.listen("updates")
        await anext(payloads)

        connection.execute("NOTIFY updates, 'one'")

        assert await asyncio.wait_for(anext(payloads), 10) == "one"
        await payloads.aclose()


@pytest.mark.parametrize("ignored", ["options", "extra_float_digits"])
async def test_upgrade_refuses_a_pooler(ignored: str, start: Start, empty_database_url: str) -> None:
    """Its lock is a session's, and would stay behind in the pooler: it names the setting, and changes nothing."""
    url = start(pool_mode="transaction", ignore_startup_parameters=ignored).url(empty_database_url)

    with pytest.raises((InvalidInput, Unavailable), match="DATABASE_DIRECT_URL"):
        await migrations.upgrade(url)

    assert await migrations.current(empty_database_url) is None


async def test_check_and_upgrade_of_a_current_schema_go_through_a_pooler(start: Start, database_url: str) -> None:
    """A bot that starts asks for the revision only, as often as it likes."""
    url = start(pool_mode="transaction", default_pool_size=1).url(database_url)

    await asyncio.gather(*(migrations.check(url) for _ in range(10)))
    await migrations.upgrade(url)
