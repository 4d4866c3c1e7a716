"""`botcli import`: each message of a file once, whatever it is run again over, and nothing of who is not recorded."""

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
import pytest

from botcli.cli.importing import import_
from botcore import BotcoreError, Database, InvalidInput
from tests import roles
from tests.archives import account, chat, contents, message, write
from tests.botcli.conftest import Start
from tests.factories import said

# the app makes no temporary table, which each batch goes through
pytestmark = [pytest.mark.usefixtures("settings"), pytest.mark.role("migrator")]

Captured = pytest.CaptureFixture[str]


async def imported(path: Path, captured: Captured, **options: Any) -> dict[str, int]:
    """What an import counts."""
    captured.readouterr()
    assert await import_(path, json=True, **options) == 0
    counts: dict[str, int] = json.loads(captured.readouterr().out)
    return counts


def rows(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    """Every row of what an import writes to, to the last column."""
    tables = ("users", "chats", "messages", "message_versions")
    return [row for table in tables for row in connection.execute(f"TABLE {table}".encode()).fetchall()]


async def test_import_twice(tmp_path: Path, connection: psycopg.Connection, capsys: Captured) -> None:
    """The second time everything is known, and not a column of a row is another."""
    group = chat(
        message(1), message(2, reply_to_message_id=1, text=["a ", {"type": "bold", "text": "b"}]),
        name="Engines", type="private_supergroup", id=5,
    )  # fmt: skip
    path = write(tmp_path, account(chat(message(1, photo="x", edited_unixtime="1767268900")), left=(group,)))

    first = await imported(path, capsys)
    stored = rows(connection)
    second = await imported(path, capsys)

    assert first == {"messages": 3, "stored": 3, "known": 0, "refused": 0, "chats": 2, "bad": 0, "left_out": 0}
    assert second == first | {"stored": 0, "known": 3}
    assert rows(connection) == stored
    assert [(row[1], row[3], row[5], row[9], row[-1]) for row in contents(connection)] == [
        (-1000000000005, "Engines", "Ada Lovelace", "Message 1", None),
        (-1000000000005, "Engines", "Ada Lovelace", "a b", "Message 1"),
        (7, None, "Ada Lovelace", "Message 1", None),
    ]


async def test_import_knows_who_the_bot_knows(
    tmp_path: Path, database: Database, connection: psycopg.Connection, capsys: Captured
) -> None:
    """An old export does not rename anybody, nor touches what a bot has of them: its chats are the archive's."""
    known = (await said(database)).message

    await imported(write(tmp_path, chat(message(1))), capsys)

    [user] = await database.users.page()
    assert (user.id, user.first_name, user.last_name) == (known.user_id, "Ada", "Lovelace")
    assert [row[:2] for row in contents(connection)] == [(-1, 7), (1, 7)]


async def test_import_dry_run(tmp_path: Path, connection: psycopg.Connection, capsys: Captured) -> None:
    """It needs no database, and counts what is bad too."""
    path = write(tmp_path, chat(message(1), message(2, text="\0"), {"id": 3, "type": "unsupported"}))
    before = rows(connection)

    counts = await imported(path, capsys, dry_run=True, skip_bad=True)

    assert counts == {"messages": 3, "chats": 1, "bad": 1, "left_out": 1}
    assert rows(connection) == before


async def test_import_dry_run_finds_all_that_is_bad(tmp_path: Path, capsys: Captured) -> None:
    """It reads on behind what an import would stop at, and fails as that would."""
    bad = [message(number, text="\0") for number in (2, 6_000)]
    path = write(tmp_path, chat(message(1), bad[0], *map(message, range(3, 6_000)), bad[1]))

    with pytest.raises(BotcoreError, match="there is what cannot be stored"):
        await import_(path, dry_run=True)

    out, err = capsys.readouterr()
    assert "messages\t6000\n" in out
    assert err.count("content holds a NUL") == 2


async def test_import_stops_at_what_is_bad(tmp_path: Path, connection: psycopg.Connection, capsys: Captured) -> None:
    """What stands before it is stored; it is told where it is and not what it says; on request it is left out."""
    path = write(tmp_path, chat(message(1), message(2, text="canary\0"), message(3), message(4, text="\0")))

    with pytest.raises(BotcoreError, match="--skip-bad"):
        await import_(path)
    out, err = capsys.readouterr()
    assert "stored\t1\n" in out
    assert err.startswith("message 2 of the file, 2 in chat 7: content holds a NUL")
    assert "canary" not in err

    counts = await imported(path, capsys, skip_bad=True)

    assert (counts["stored"], counts["known"], counts["bad"]) == (1, 1, 2)
    assert [row[10] for row in contents(connection)] == [1, 3]


async def test_import_of_a_cut_off_file(tmp_path: Path, connection: psycopg.Connection, capsys: Captured) -> None:
    """All that came before the cut is stored; whole, the same file adds the rest."""
    path = write(tmp_path, chat(*map(message, range(1, 6))))
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b'"id": 4')])

    with pytest.raises(BotcoreError, match="after message 3: what came before is sound"):
        await import_(path)
    path.write_bytes(whole)
    counts = await imported(path, capsys)

    assert (counts["stored"], counts["known"]) == (2, 3)
    assert [row[10] for row in contents(connection)] == [1, 2, 3, 4, 5]


async def test_import_of_who_is_not_recorded(
    tmp_path: Path, database: Database, connection: psycopg.Connection, capsys: Captured
) -> None:
    """Of who opted out or was erased no row comes back, nor a private chat with them; others' messages do."""
    await database.users.opt_out(telegram_user_id=8)
    async with Database.connect(roles.url_of("eraser", os.environ["DATABASE_URL"])) as eraser:
        await eraser.users.erase(telegram_user_id=9)
    group = chat(
        message(1), *(message(person, from_id=f"user{person}", **{"from": "Bob"}) for person in (8, 9, 8)),
        name="Engines", type="private_group", id=5,
    )  # fmt: skip
    path = write(tmp_path, account(group, chat(message(1), id=8), chat(message(2), id=9)))

    counts = await imported(path, capsys)

    assert (counts["stored"], counts["refused"]) == (1, 5)
    assert [user.telegram_user_id for user in await database.users.page()] == [7]
    assert [row[1] for row in contents(connection)] == [-5]
    assert [each.telegram_chat_id for each in await database.chats.page()] == [-5]


async def test_import_of_lines_into_a_conversation_that_goes_on(
    tmp_path: Path, database: Database, connection: psycopg.Connection, capsys: Captured
) -> None:
    """What an answering bot has in a chat is added to on request alone: what is new would be the newest."""
    await said(database, telegram_message_id=2, content="two")
    path = tmp_path / "export.jsonl"
    line = {"bot_id": 1, "telegram_chat_id": 7, "chat_type": "private", "telegram_user_id": 7, "role": "user"}
    lines = [
        line | {"telegram_message_id": number, "content": str(number), "sent_at": "2026-01-01T12:00:00+00:00"}
        for number in (1, 2)
    ]
    path.write_text("".join(f"{json.dumps(each)}\n" for each in lines))

    with pytest.raises(InvalidInput, match="--append: is needed: bot 1 has messages in chat 7"):
        await import_(path)
    counts = await imported(path, capsys, append=True)

    assert (counts["stored"], counts["known"]) == (1, 1)
    assert [row[9] for row in contents(connection)] == ["two", "1"]


async def test_import_of_lines_without_an_id(tmp_path: Path, connection: psycopg.Connection, capsys: Captured) -> None:
    """What was said twice in a second is there twice, as often as the file is imported, after a part of it too."""
    path = tmp_path / "export.jsonl"
    line = {"bot_id": 0, "telegram_chat_id": 1, "chat_type": "private", "telegram_user_id": 1, "role": "user"}
    text = f"{json.dumps(line | {'content': 'Hello?', 'sent_at': '2026-01-01T12:00:00+00:00'})}\n"
    path.write_text(text)
    await imported(path, capsys)
    path.write_text(text * 2)

    second = await imported(path, capsys, append=True)
    third = await imported(path, capsys, append=True)

    assert [(each["stored"], each["known"]) for each in (second, third)] == [(1, 1), (0, 2)]
    assert [row[9] for row in contents(connection)] == ["Hello?"] * 2


async def test_import_from_a_pipe_is_stopped(
    start: Start, tmp_path: Path, connection: psycopg.Connection, database_url: str
) -> None:
    """From stdin too; Ctrl-C ends it, also where nothing comes any more, and what came before is stored."""
    whole = write(tmp_path, chat(*map(message, range(1, 5_002)))).read_bytes()
    process = await start("import", "-", DATABASE_URL=roles.url_of("migrator", database_url))
    assert process.stdin
    process.stdin.write(whole[:-20])
    await process.stdin.drain()
    deadline = monotonic() + 30
    while len(contents(connection)) < 5_000 and monotonic() < deadline:
        time.sleep(0.1)  # noqa: ASYNC251 - nothing else is to go on here

    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(10):
        code = await process.wait()

    assert code == 128 + signal.SIGINT
    assert len(contents(connection)) == 5_000


@pytest.mark.role("app")
@pytest.mark.usefixtures("database_url")
async def test_import_as_the_app_is_told_what_to_do(tmp_path: Path) -> None:
    """The app makes no temporary table: the error names the role that does."""
    with pytest.raises(BotcoreError, match="botcore_migrator"):
        await import_(write(tmp_path, chat(message(1))))
