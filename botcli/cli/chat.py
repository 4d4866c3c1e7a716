"""`botcli chat`: the bot in the terminal."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import CancelledError
from contextlib import asynccontextmanager, nullcontext, suppress
from importlib.metadata import version
from threading import Thread
from typing import TYPE_CHECKING, Any

from botcli.cli import output
from botcli.cli.environment import read_settings
from botcli.database import open_database
from botcli.settings import BotSettings
from botcore import BotcoreError

if TYPE_CHECKING:
    from botcli.terminal import Terminal


async def chat() -> None:
    """Talk with the bot in the terminal; piped lines are answered on stdout, without a prompt."""
    interactive = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    if interactive:
        sys.stdout.write(f"botcore {version('botcore')} - /help lists the commands, Ctrl-D leaves\n")
        sys.stdout.flush()
    async with _open_terminal(read_settings()) as terminal:
        await (_prompt(terminal) if interactive else _pipe(terminal))


@asynccontextmanager
async def _open_terminal(settings: BotSettings) -> AsyncIterator["Terminal"]:
    # aiogram takes seconds to import: not before the banner
    from botcli.replies.opening import open_replier
    from botcli.terminal import Terminal

    async with open_replier(settings) as (replier, windows), open_database(settings) as database:
        yield Terminal(database, replier, windows, settings.llm_daily_tokens)


async def _prompt(terminal: "Terminal") -> None:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.history import InMemoryHistory
    from prompt_toolkit.patch_stdout import patch_stdout
    from rich.console import Console
    from rich.text import Text

    # from the database, not a file: what /new or a deletion hid is gone from here at the next start
    session = PromptSession[str](history=InMemoryHistory(await terminal.said()))
    console = Console()
    while True:
        try:
            # log lines go above the prompt, unless they go elsewhere anyway
            with patch_stdout(raw=True) if sys.stderr.isatty() else nullcontext():
                line = await session.prompt_async("> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        try:
            replies = await _until_ctrl_c(terminal.say(line))
            for reply in ["/retry asks again."] if replies is None else replies:
                console.print(Text(output.printable(reply), style="green"), soft_wrap=True)
        except BotcoreError as error:
            console.print(Text(f"botcli: {error}", style="red"), soft_wrap=True)


async def _until_ctrl_c(saying: Coroutine[Any, Any, list[str]]) -> list[str] | None:
    """What the bot says; None where Ctrl-C came first."""
    loop, task, before = asyncio.get_running_loop(), asyncio.ensure_future(saying), signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, task.cancel)
    try:
        await asyncio.wait([task])
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
    return None if task.cancelled() else task.result()


async def _pipe(terminal: "Terminal") -> None:
    try:
        async for line in _lines():
            for reply in await terminal.say(line):
                sys.stdout.buffer.write(f"{reply}\n".encode())
                sys.stdout.buffer.flush()
    except BrokenPipeError:
        # who reads is gone; the interpreter flushes stdout once more at exit, and would complain
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _lines() -> AsyncIterator[str]:
    """The lines of stdin, each when it comes; what is no UTF-8 becomes U+FFFD."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[str | None](maxsize=1)

    def put(line: str | None) -> None:
        asyncio.run_coroutine_threadsafe(queue.put(line), loop).result()

    def read() -> None:
        with suppress(CancelledError):
            # not sys.stdin, whose lock, held here in a read, would be a fatal error at exit
            with suppress(OSError), open(0, encoding="utf-8-sig", errors="replace", closefd=False) as lines:
                for line in lines:
                    put(line)
            put(None)

    # neither a pool's thread, which exit would wait for, nor add_reader, which refuses files
    Thread(target=read, daemon=True).start()
    while (line := await queue.get()) is not None:
        yield line
