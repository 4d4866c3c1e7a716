"""`botcli purge`: asks, counts, shows how far it is, stops between two batches and goes on."""

import asyncio
import json
import shlex
import signal
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pexpect
import psycopg
import pytest

from botcli.cli import progress
from botcli.cli.purge import purge
from botcore import Database, InvalidInput
from tests.botcli.conftest import Start
from tests.conftest import until_waiting
from tests.factories import person, said
from tests.purges import contents, count, fill

OLD = datetime.now(UTC) - timedelta(days=100)
OTHERS = """
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE '%DELETE%'
"""


pytestmark = pytest.mark.usefixtures("settings")


@pytest.fixture
async def stored(database: Database, connection: psycopg.Connection) -> None:
    """Two old messages of Ada, two of a group, and one of somebody who is hidden for as long."""
    for content in ("a", "b"):
        await said(database, telegram_message_id=None, content=content, sent_at=OLD)
    for content in ("c", "d"):
        group = {"telegram_chat_id": -5, "chat_type": "group"}
        await said(database, telegram_message_id=None, content=content, sent_at=OLD, **group)
    hidden = (await said(database, telegram_user_id=8, telegram_message_id=None, content="e", sent_at=OLD)).message
    await database.users.delete(user_id=person(hidden))
    await database.chats.delete(chat_id=hidden.chat_id)
    for table in ("users", "chats", "messages"):
        connection.execute(f"UPDATE {table} SET deleted_at = %s WHERE deleted_at IS NOT NULL", (OLD,))


@pytest.mark.usefixtures("stored")
async def test_purge_in_a_script(start: Start, connection: psycopg.Connection) -> None:
    """The numbers go to stdout, one a line; a short run says nothing else; forms that are not over stay."""
    columns = "bot_id, telegram_chat_id, telegram_user_id, updated_at, state"
    connection.execute(
        f"INSERT INTO states ({columns}) VALUES (42, 7, 7, %s, NULL), (42, 7, 8, %s, 'name')".encode(), (OLD, OLD)
    )
    process = await start("purge", "--older-than", "90d", "--yes")
    out, err = await process.communicate()

    assert (process.returncode, out, err) == (0, b"messages\t3\nchats\t1\npeople\t1\nstates\t1\n", b"")
    assert contents(connection) == ["b", "d"]
    assert count(connection, "states") == 1


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [3, 1, 1]),
        ({"older_than": "101d"}, [0, 0, 0]),
        ({"chat_type": "group"}, [1, 0, 0]),
        ({"chat_type": "private"}, [2, 1, 1]),
        ({"hidden_only": True}, [1, 1, 1]),
        ({"newest_too": True}, [5, 1, 1]),
    ],
)
async def test_purge_dry_run(
    capsys: pytest.CaptureFixture[str], connection: psycopg.Connection, options: dict[str, Any], expected: list[int]
) -> None:
    """It counts what the same command then takes, and changes nothing; the limit is that long ago."""
    values: dict[str, Any] = {"older_than": "90d", "json": True} | options
    stored = [count(connection, table) for table in ("messages", "chats", "users")]

    dry_code = await purge(**values, dry_run=True)
    dry = json.loads(capsys.readouterr().out)
    unchanged = [count(connection, table) for table in ("messages", "chats", "users")]
    code = await purge(**values, yes=True)
    real = json.loads(capsys.readouterr().out)

    assert (dry_code, code, dry["dry_run"], real["dry_run"]) == (0, 0, True, False)
    assert [dry[name] for name in ("messages", "chats", "people")] == expected
    assert [real[name] for name in ("messages", "chats", "people")] == expected
    assert unchanged == stored
    age = datetime.now(UTC) - datetime.fromisoformat(real["before"])
    assert round(age / timedelta(days=1)) == int(values["older_than"].removesuffix("d"))


@pytest.mark.usefixtures("database_url")
@pytest.mark.parametrize(("older_than", "hours"), [("12h", 12), ("90d", 90 * 24), ("2w", 14 * 24), ("1y", 365 * 24)])
async def test_purge_by_age(capsys: pytest.CaptureFixture[str], older_than: str, hours: int) -> None:
    """Hours, days, weeks and years."""
    await purge(older_than=older_than, dry_run=True, json=True)

    age = datetime.now(UTC) - datetime.fromisoformat(json.loads(capsys.readouterr().out)["before"])
    assert round(age / timedelta(hours=1)) == hours


@pytest.mark.parametrize("older_than", ["", "90", "5m", "6months", "0d", "-5d", "1.5d", " 5d", "1d12h", "\u0661d", "d"])
async def test_purge_by_no_age(older_than: str) -> None:
    """What is no age, or could be minutes as well as months, is refused with the units that there are."""
    with pytest.raises(InvalidInput, match=r"h \(hours\), d \(days\), w \(weeks\) or y \(years") as refused:
        await purge(older_than=older_than, yes=True)

    assert refused.value.field == "--older-than"


@pytest.mark.parametrize("older_than", ["9000y", "999999y"])
async def test_purge_of_what_is_older_than_the_calendar(older_than: str) -> None:
    """A number that is too large is wrong usage, and no fault."""
    with pytest.raises(InvalidInput, match="beyond the calendar"):
        await purge(older_than=older_than, yes=True)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("age", ["-5d", "90d"])
async def test_purge_off_a_terminal(start: Start, connection: psycopg.Connection, age: str) -> None:
    """Where nobody can be asked it wants --yes or --dry-run, and changes nothing without; nor by a wrong age."""
    process = await start("purge", "--older-than", age)
    out, err = await process.communicate(b"y\n")

    assert (process.returncode, out, err.count(b"\n")) == (2, b"", 1)
    assert (b"--older-than" in err) == (age == "-5d")
    assert (b"--yes" in err and b"--dry-run" in err) == (age == "90d")
    assert count(connection, "messages") == 5


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(("answer", "code", "left"), [("y", 0, 2), ("", 1, 5), ("no", 1, 5)])
def test_purge_in_a_terminal(
    environment: dict[str, str], connection: psycopg.Connection, answer: str, code: int, left: int
) -> None:
    """It asks, with the time in question; after a yes it shows a bar, and then the numbers."""
    child = pexpect.spawn(
        shlex.join([sys.executable, "-m", "botcli", "purge", "--older-than", "90d"]),
        env={**environment, "TERM": "xterm"},
        encoding="utf-8",
    )
    child.expect(r"what was sent before \d{4}-\d\d-\d\d \d\d:\d\d UTC goes for good. Go on\? \[y/N\] ")
    child.sendline(answer)
    shown = child.read()
    child.close()

    assert (child.exitstatus, count(connection, "messages")) == (code, left)
    assert ("rows examined" in shown) == (code == 0)
    assert ("people" in shown) == (code == 0)


@pytest.mark.usefixtures("stored")
async def test_purge_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], connection: psycopg.Connection
) -> None:
    """Off a terminal a long run has a line now and then, on stderr."""
    monkeypatch.setattr(progress, "_INTERVAL_SECONDS", 0)

    await purge(older_than="90d", yes=True)

    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(" rows a")[0].rpartition(", ")[0] for line in lines] == [
        "messages: 5 rows examined, 3 purged",
        "chats: 8 rows examined, 4 purged",
        "people: 10 rows examined, 5 purged",
        "states: 10 rows examined, 5 purged",
    ]
    assert count(connection, "messages") == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_purge_stops_between_two_batches(
    start: Start, database: Database, connection: psycopg.Connection, database_url: str, number: int, code: int
) -> None:
    """Told to stop it ends the batch in work and says how far it came; run again, it goes on."""
    await fill(database, connection, 12_000, OLD)
    command = ("purge", "--older-than", "90d", "--yes")

    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE messages IN SHARE MODE")
        process = await start(*command)
        await until_waiting(connection)
        process.send_signal(number)
        await asyncio.sleep(0.2)
    out, err = await process.communicate()
    left = count(connection, "messages")
    again = await start(*command)
    rest, _ = await again.communicate()

    assert (process.returncode, out, left) == (code, b"", 7_000)
    assert err == b"stopped after 5,000 messages, 0 chats, 0 people, 0 states; run it again to go on\n"
    assert (again.returncode, rest) == (0, b"messages\t6999\nchats\t0\npeople\t0\nstates\t0\n")


@pytest.mark.usefixtures("stored")
async def test_purge_interrupted_twice(start: Start, connection: psycopg.Connection, database_url: str) -> None:
    """The second Ctrl-C does not wait for the batch, which then changes nothing."""
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE messages IN SHARE MODE")
        process = await start("purge", "--older-than", "90d", "--yes")
        await until_waiting(connection)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            await asyncio.sleep(0.2)
        out, err = await asyncio.wait_for(process.communicate(), 5)

    assert (process.returncode, out, err) == (130, b"", b"")
    assert count(connection, "messages") == 5


@pytest.mark.slow
async def test_purge_after_it_was_killed(
    start: Start, database: Database, connection: psycopg.Connection, database_url: str
) -> None:
    """Each batch is whole or was never there, and the next run ends the work."""
    await fill(database, connection, 12_000, OLD)
    command = ("purge", "--older-than", "90d", "--yes", "--json")

    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE messages IN SHARE MODE")
        process = await start(*command)
        await until_waiting(connection)
        process.kill()
        await process.wait()
    while connection.execute(OTHERS).fetchone():  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.05)
    left = count(connection, "messages")
    again = await start(*command)
    out, _ = await again.communicate()

    assert left in {7_000, 12_000}
    assert (json.loads(out)["messages"], count(connection, "messages")) == (left - 1, 1)
