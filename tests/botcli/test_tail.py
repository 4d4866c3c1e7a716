"""`botcli tail`: what is stored by whichever process, a line each."""

import asyncio
import json
import re
import signal
import sys
from pathlib import Path
from typing import Any

import pexpect
import psycopg
import pytest

from botcli.cli.tail import tail
from botcore import Database, InvalidInput, Message, NotFound
from tests.botcli.conftest import Process, Start
from tests.factories import dialogue, said
from tests.test_arrivals_lasting import END_OTHERS

GROUP: dict[str, Any] = {
    "telegram_chat_id": -100,
    "chat_type": "supergroup",
    "chat_title": "Engines\tand\x1b more\u202e",
}


async def answer(database: Database, message: Message, content: str) -> Message:
    """Stores what the bot says to it."""
    return await database.messages.add(**dialogue(message), role="assistant", content=content)


async def lines(process: Process, count: int) -> list[list[str]]:
    """The fields of the next lines but for the id and the time."""
    assert process.stdout
    read = [(await asyncio.wait_for(process.stdout.readline(), 20)).decode() for _ in range(count)]
    return [line.rstrip("\n").split("\t")[2:] for line in read]


async def test_tail_piped(start: Start, database: Database) -> None:
    """The newest first, then what is stored, each line whole with tabs between; Ctrl-C ends it and nothing is wrong."""
    await said(database, content="left out")
    await said(database, telegram_message_id=2, content="Anybody?", **GROUP)
    private = (await said(database, telegram_message_id=101, content="Will it\nwork?")).message
    process = await start("tail", "-n", "2")
    newest = await lines(process, 2)

    await answer(database, private, f"\x1b[2J{'long ' * 40}")
    await said(database, telegram_message_id=1, content="It must.", **GROUP)
    new = await lines(process, 2)
    process.send_signal(signal.SIGINT)
    _, said_on_stderr = await process.communicate()

    assert newest == [
        ["Engines and\\x1b more\\u202e", "Ada Lovelace", "Anybody?"],
        ["Ada Lovelace", "user", "Will it work?"],
    ]
    assert new == [
        ["Ada Lovelace", "assistant", f"\\x1b[2J{'long ' * 40}".strip()],
        ["Engines and\\x1b more\\u202e", "Ada Lovelace", "It must."],
    ]
    assert (process.returncode, said_on_stderr) == (0, b"")


async def test_tail_of_a_chat_as_json_since_an_id(start: Start, database: Database) -> None:
    """All fields of what came behind the id, of that chat alone; whoever reads may leave."""
    first = (await said(database, content="before")).message
    await said(database, telegram_message_id=1, content="elsewhere", **GROUP)
    later = await answer(database, first, "later \u2066")

    process = await start("tail", "--json", "--chat", str(first.chat_id), "--since-id", str(first.id))
    assert process.stdout
    line = await asyncio.wait_for(process.stdout.readline(), 20)
    fields = json.loads(line)
    process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
    await answer(database, first, "for nobody")
    await asyncio.wait_for(process.wait(), 20)

    assert (fields["id"], fields["content"], fields["deleted_at"]) == (later.id, later.content, None)
    assert b"later \\u2066" in line
    assert process.stderr
    assert (process.returncode, await process.stderr.read()) == (128 + signal.SIGPIPE, b"")


async def test_tail_in_a_terminal(environment: dict[str, str], tmp_path: Path, database: Database) -> None:
    """A message takes one line of the width there is, who spoke in the colour of the role; Ctrl-C ends it."""
    await said(database, content="long " * 40)

    def run() -> tuple[str, int | None]:
        child = pexpect.spawn(
            *(sys.executable, ["-m", "botcli", "tail"]),
            env={**environment, "TERM": "xterm-256color"},
            cwd=str(tmp_path),
            encoding="utf-8",
            timeout=20,
            dimensions=(24, 60),
        )
        child.expect("\n")
        line = child.before
        child.sendintr()
        child.expect(pexpect.EOF)
        child.close()
        return line, child.exitstatus

    line, code = await asyncio.to_thread(run)

    shown = re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip("\r")
    assert code == 0
    assert "\x1b[36muser: " in line
    assert re.fullmatch(r"2026-01-01 \[Ada Lovelace\] user: (long )+.*…", shown)
    assert len(shown) == 60


@pytest.mark.slow
async def test_tail_while_the_database_is_away(
    start: Start, database: Database, connection: psycopg.Connection
) -> None:
    """It says so, and that it is back, and nothing is missed; that takes as long as a call waits for a connection."""
    limit = f"ALTER DATABASE {connection.info.dbname} CONNECTION LIMIT"
    message = (await said(database)).message
    process = await start("tail")
    await lines(process, 1)
    connection.execute(f"{limit} 0".encode())
    connection.execute(END_OTHERS)
    assert process.stderr
    away = await asyncio.wait_for(process.stderr.readline(), 30)
    connection.execute(
        "INSERT INTO messages (chat_id, role, content, sent_at) VALUES (%s, 'user', 'meanwhile', now())",
        [message.chat_id],
    )
    connection.execute(f"{limit} -1".encode())

    missed = await lines(process, 1)
    process.send_signal(signal.SIGTERM)
    back = await asyncio.wait_for(process.stderr.readline(), 30)

    assert away.startswith(b"new messages are not heard of for now: cannot connect to ")
    assert back == b"new messages are heard of again\n"
    assert await process.stderr.read() == b""
    assert missed[0][2] == "meanwhile"


@pytest.mark.usefixtures("settings", "database_url")
async def test_tail_refuses() -> None:
    """A chat that is not there is not found; what makes no sense is named."""
    with pytest.raises(NotFound):
        await tail(chat=1)
    with pytest.raises(InvalidInput, match="--bot"):
        await tail(chat=1, bot=1)
    with pytest.raises(InvalidInput, match="--lines"):
        await tail(lines=1_001)
    with pytest.raises(InvalidInput, match=r"^--since-id: "):
        await tail(since_id=-1)
    with pytest.raises(InvalidInput, match=r"^--bot: "):
        await tail(bot=2**63)
    with pytest.raises(InvalidInput, match=r"^--chat: "):
        await tail(chat=2**63)
