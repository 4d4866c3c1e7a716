"""`botcli chat`: piped, and in a terminal of its own."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from botcli import conversations
from botcli.cli import talk
from botcli.replies.echo import Echo
from botcli.terminal import Said, Terminal
from botcore import Database
from tests.botcli.conftest import Start, stored
from tests.botcli.model_server import KEY, MODEL, ModelServer, part, stalls, streams

# prompt_toolkit turns bracketed paste on when it begins to read
_PROMPT = "\x1b[?2004h"
_UP = "\x1b[A"
_CTRL_C, _CTRL_D = "\x03", "\x04"
_PASTE, _PASTED, _ALT_ENTER = "\x1b[200~", "\x1b[201~", "\x1b\r"


async def test_chat_piped_twice(start: Start, database: Database) -> None:
    """Stdout holds the replies and nothing else; a second process remembers what the first was told."""
    first, second = await start("chat"), await start("chat")
    replies, log = await first.communicate("hello\n\n  \nGr\u00fc\u00dfe \U0001f600\r\nbad ".encode() + b"\xff")
    history, _ = await second.communicate(b"/history\n")

    assert (first.returncode, second.returncode) == (0, 0)
    assert replies.decode() == "hello\nGr\u00fc\u00dfe \U0001f600\nbad \ufffd\n"
    assert log == b""
    assert history.decode().splitlines()[:2] == ["You: hello", "Bot: hello"]
    assert len(await stored(database, 1, bot_id=0)) == 6


@pytest.mark.slow
async def test_chat_with_a_reader_that_leaves(start: Start) -> None:
    """A pipe that breaks ends the chat without a word."""
    process = await start("chat")
    assert process.stdin
    assert process.stdout
    process.stdin.write(b"one\n")
    assert await process.stdout.readline() == b"one\n"

    # the transport's close is what closes our end of the pipe
    process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
    process.stdin.write(b"two\nthree\n")
    await asyncio.wait_for(process.wait(), 20)

    assert process.stderr
    assert (process.returncode, await process.stderr.read()) == (0, b"")


@pytest.mark.slow
async def test_chat_that_cannot_store(start: Start, database_url: str) -> None:
    """A line that could not be stored ends a piped chat with the reason and exit code 1, not with silence."""
    name = conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    process = await start("chat")
    out, err = await process.communicate(b"hello\n")

    assert (process.returncode, out) == (1, b"")
    assert err == b"botcli: messages/record: the server is read-only, after a failover connect again\n"


async def test_chat_piped_to_the_terminal(environment: dict[str, str], tmp_path: Path) -> None:
    """There it is seen by a person: what is said does not command their terminal."""
    terminal = pexpect.spawn(
        *("sh", ["-c", r"printf '\033]0;title\007\n' | " + f"{sys.executable} -m botcli chat"]),
        env=environment,
        cwd=str(tmp_path),
        encoding="utf-8",
        timeout=20,
    )

    await _expect(terminal, pexpect.EOF)
    terminal.close()

    assert (terminal.exitstatus, terminal.before) == (0, "\\x1b]0;title\\x07\r\n")


@pytest.fixture
def terminal(environment: dict[str, str], tmp_path: Path) -> Iterator[pexpect.spawn]:
    """`botcli chat` in a pseudo terminal, which shows each import as well."""
    child = pexpect.spawn(
        *(sys.executable, ["-X", "importtime", "-m", "botcli", "chat"]),
        env={**environment, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", "LOG_LEVEL": "WARNING"},
        cwd=str(tmp_path),
        encoding="utf-8",
        timeout=20,
    )
    yield child
    child.close(force=True)


async def test_chat_in_a_terminal(terminal: pexpect.spawn, database: Database, database_url: str) -> None:
    """A greeting before the slow imports, replies, the arrow keys also for earlier sessions, Ctrl-C and Ctrl-D."""
    await Terminal(database, Echo()).say("\x1b]0;title")
    await Terminal(database, Echo()).say("from last time")

    await _expect(terminal, "Ctrl-D leaves")
    assert "botcli.cli" in terminal.before
    assert "aiogram" not in terminal.before
    assert "prompt_toolkit" not in terminal.before
    await _expect(terminal, _PROMPT)
    terminal.send("*hello* there\r")
    await _expect(terminal, "*hello* there\r\n\r\n")
    await _expect(terminal, _PROMPT)
    terminal.send(_UP + _UP + "\r")
    await _expect(terminal, "from last time\r\n\r\n")
    await _expect(terminal, _PROMPT)
    terminal.send("/hi")
    await _expect(terminal, "newest messages")
    terminal.send("\t\r")
    await _expect(terminal, "Bot: \\x1b]0;title")
    await _expect(terminal, _PROMPT)
    terminal.send(f"{_PASTE}one\rtwo{_PASTED}{_ALT_ENTER}three\r")
    await _expect(terminal, "two\r\nthree\r\n\r\n")
    await _expect(terminal, _PROMPT)
    terminal.send("never said" + _CTRL_C)
    await _expect(terminal, _PROMPT)
    terminal.send(_CTRL_C)
    await _expect(terminal, "Ctrl-D leaves.")
    await _expect(terminal, _PROMPT)
    terminal.send("/settings ru\r")
    await _expect(terminal, "Язык")
    await _expect(terminal, _PROMPT)
    terminal.send("/stat")
    await _expect(terminal, "посчитать")
    with _away(database_url):
        terminal.send("\t\r")
        await asyncio.sleep(0.5)
    await _expect(terminal, _PROMPT)
    # the pool cannot connect, which it would say above the prompt
    assert "error connecting" not in terminal.before
    terminal.send(_CTRL_D)
    await _expect(terminal, pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == 0
    said = [m.content for m in await stored(database, 1, bot_id=0) if m.role == "user"]
    assert said == ["\x1b]0;title", "from last time", "*hello* there", "from last time", "one\ntwo\nthree"]


async def test_ctrl_c_before_the_prompt(terminal: pexpect.spawn) -> None:
    """Once it ends the program, in the midst of its slow imports."""
    await _expect(terminal, "Ctrl-D leaves")
    terminal.send(_CTRL_C)
    await _expect(terminal, pexpect.EOF)
    # close would send a signal of its own to what has not quite ended
    await asyncio.to_thread(terminal.wait)

    assert (terminal.exitstatus, terminal.signalstatus) == (130, None)
    assert "botcli.terminal" not in terminal.before


@pytest.mark.slow
async def test_ctrl_c_while_the_model_answers(
    environment: dict[str, str], tmp_path: Path, database: Database, model_server: ModelServer
) -> None:
    """It ends that answer, not the program: what was said stays, or else the question can be asked again."""
    model_server.behaves(stalls, streams(part("One "), part("two"), -1.0))
    settings = {"LLM_BASE_URL": model_server.url, "LLM_API_KEY": KEY, "LLM_MODEL": MODEL, "NO_COLOR": "1"}
    terminal = pexpect.spawn(
        *(sys.executable, ["-m", "botcli", "chat", "my work"]),
        env={**environment, **settings, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"},
        cwd=str(tmp_path),
        encoding="utf-8",
        timeout=20,
    )

    await _expect(terminal, "my work>")
    terminal.send("hello\r")
    await model_server.until_asked(1)
    await _expect(terminal, "...")
    terminal.send("/ret")
    terminal.send(_CTRL_C)
    await _expect(terminal, "/retry asks again.")
    await _expect(terminal, _PROMPT)
    # what was typed meanwhile is there
    terminal.send("ry\r")
    await _expect(terminal, "One two")
    terminal.send(_CTRL_C + _CTRL_C)
    await _expect(terminal, "I was stopped here.")
    await _expect(terminal, _PROMPT)
    terminal.send("**on**\r")
    await _expect(terminal, "Yes: \x1b[1mon\x1b[0m")
    await _expect(terminal, _PROMPT)
    terminal.send(_CTRL_D)
    await _expect(terminal, pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == 0
    telegram_chat_id = conversations.named("my work").telegram_chat_id
    assert [m.content for m in await stored(database, telegram_chat_id, bot_id=0)] == [
        "hello",
        "One two\n\nThat is not all: I was stopped here.",
        "**on**",
        "Yes: **on**",
    ]


async def test_terminal_forgets_what_new_hides(database: Database) -> None:
    """The arrow keys show what was said in the dialogue, oldest first, and nothing of it after /new."""
    terminal = Terminal(database, Echo())
    before = await terminal.said()
    for text in ("one", "/help", "two"):
        await terminal.say(text)
    during = await terminal.said()
    await terminal.say("/new")

    assert (before, during, await terminal.said()) == ([], ["one", "two"], [])


async def test_terminal_with_a_line_beyond_the_window(database: Database) -> None:
    """A line larger than the replier's window is answered all the same."""
    [reply] = await Terminal(database, Echo()).say("x" * 20_000)

    assert reply == Said("That is more than I can take in at once.")


async def test_terminal_does_not_echo_a_system_message(database: Database) -> None:
    """Where the window has a system message and no room for the line, the system message is not the reply."""
    terminal = Terminal(database, Echo())
    await terminal.say("hello")
    [message, _] = await stored(database, 1, bot_id=0)
    await database.messages.add(chat_id=message.chat_id, user_id=message.user_id, role="system", content="secret")

    assert await terminal.say("x" * 20_000) == [Said("That is more than I can take in at once.")]


def test_keys_before_ctrl_c_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """While an answer comes Ctrl-C ends that, and what was typed until then is there at the prompt."""
    keyboard, terminal = os.openpty()
    with os.fdopen(terminal) as stdin, os.fdopen(keyboard, "wb", buffering=0) as keys:
        monkeypatch.setattr(sys, "stdin", stdin)
        with talk._unseen_keys():
            keys.write(b"/ret" + _CTRL_C.encode() + b"ry\n")
            typed = stdin.readline()

    assert typed == "/retry\n"


async def test_terminal_tells_commands_in_the_language_of_its_answers(database: Database) -> None:
    """English until the person chooses another one, in whichever conversation."""
    terminal = Terminal(database, Echo())
    before = await terminal.commands()
    await terminal.say("/start")
    await Terminal(database, Echo(), conversation=conversations.named("work")).say("/settings ru")

    assert before["stats"] == "count what is stored"
    assert (await terminal.commands())["stats"] == "посчитать, что сохранено"


@contextmanager
def _away(database_url: str) -> Iterator[None]:
    """Has the database refuse everybody."""
    name = conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(database_url, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        try:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            yield
        finally:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


async def _expect(terminal: pexpect.spawn, pattern: object) -> None:
    try:
        await asyncio.to_thread(terminal.expect if pattern is pexpect.EOF else terminal.expect_exact, pattern)
    except pexpect.TIMEOUT:
        pytest.fail(f"{pattern!r} did not come after {terminal.before[-500:]!r}")
