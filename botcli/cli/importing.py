"""`botcli import`: conversations from a file, each message once."""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AsyncExitStack, aclosing, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Annotated, Any, Final

from cyclopts import Parameter

from botcli.cli import output, progress, signals
from botcli.cli.environment import read_settings
from botcli.database import open_database
from botcli.transfer import lines, reading, telegram
from botcli.transfer.mending import Mended
from botcli.transfer.reading import Bad, Batch, Broken, Counted, Message
from botcli.transfer.storing import Storing
from botcore import BotcoreError

_SHOWN: Final = 20
_PEEKED: Final = 4_096


async def import_(
    file: Annotated[
        Path, Parameter(help="Telegram Desktop's result.json, or what `botcli export` wrote; - for stdin.")
    ],
    /,
    *,
    dry_run: Annotated[bool, Parameter(help="Read all of it and tell what is in it, and store nothing.")] = False,
    skip_bad: Annotated[bool, Parameter(help="Leave out what cannot be stored, and go on.")] = False,
    append: Annotated[
        bool, Parameter(help="Go on behind the messages that a bot which answers has in a chat already.")
    ] = False,
    json: Annotated[bool, Parameter(name="--json", help="Print JSON.")] = False,
) -> int:
    """Store the messages of a file, each once: run again, it changes nothing, and goes on where it was stopped.

    Telegram Desktop's chats become an archive, those of bot -1; JSON Lines keep their bot. Ctrl-C ends it after the
    batch in work.
    """
    tally, stopped, storing = _Tally(), asyncio.Event(), None
    async with AsyncExitStack() as stack:
        source = stack.enter_context(_opened(file))
        stops = stack.enter_context(signals.stops(stopped.set))
        if not dry_run:
            database = await stack.enter_async_context(open_database(read_settings()))
            storing = Storing(database, append=append)
        show = stack.enter_context(progress.shown())
        async for batch in await stack.enter_async_context(aclosing(_ahead(_batches(source), stopped))):
            is_over = bool(batch.bad) and not skip_bad
            if storing:
                await storing.store(batch.said[: batch.before_bad] if is_over else batch.said)
            tally.add(batch)
            show(*tally.state(source.size))
            if is_over:
                break
    counts = {"messages": tally.messages, **(asdict(storing.counts) if storing else {})}
    counts |= {"chats": len(tally.chats), "bad": tally.bad, "left_out": tally.left_out}
    output.as_json(counts) if json else output.as_pairs(counts.items())
    for each in tally.first_bad:
        output.say(f"{each.place}: {each.reason}")
    if stops:
        output.say("stopped; run it again to go on")
        return 128 + stops[0]
    if tally.bad and not skip_bad:
        raise BotcoreError("stopped at what cannot be stored: mend the file, or leave out all such by --skip-bad")
    if tally.broken:
        raise tally.broken
    return 0


class _Source:
    """The file, and how many bytes it has; None where nobody knows, as of a pipe."""

    def __init__(self, descriptor: int) -> None:
        self.file = os.fdopen(descriptor, "rb")
        status = os.fstat(descriptor)
        self.size = status.st_size if stat.S_ISREG(status.st_mode) else None


@dataclass(slots=True)
class _Tally:
    messages: int = 0
    bad: int = 0
    first_bad: list[Bad] = field(default_factory=list)
    left_out: int = 0
    position: int = 0
    chats: set[tuple[int, int]] = field(default_factory=set)
    broken: Broken | None = None
    began: float = field(default_factory=monotonic)

    def add(self, batch: Batch) -> None:
        self.messages += len(batch.said) + len(batch.bad) + batch.left_out
        self.chats.update((said.bot_id, said.telegram_chat_id) for said in batch.said)
        self.bad += len(batch.bad)
        self.first_bad = [*self.first_bad, *batch.bad][:_SHOWN]
        self.left_out += batch.left_out
        self.position, self.broken = batch.position, batch.broken

    def state(self, size: int | None) -> tuple[str, float | None]:
        """What the progress shows, and the share of the file that was read."""
        seconds = max(monotonic() - self.began, 0.001)
        text = f"{self.messages:,} messages, {self.messages / seconds:,.0f} a second"
        if not size or not self.position:
            return text, None
        left = round(seconds * (size - self.position) / self.position)
        return f"{text}, {left // 60}:{left % 60:02} left", self.position / size


@contextmanager
def _opened(path: Path) -> Iterator[_Source]:
    is_stdin = str(path) == "-"
    source = _Source(os.dup(sys.stdin.fileno()) if is_stdin else os.open(path, os.O_RDONLY))
    with source.file:
        yield source


def _batches(source: _Source) -> Iterator[Batch]:
    """The file's batches; JSON Lines are known by a chat's id on the first line."""
    is_lines = b'"telegram_chat_id"' in source.file.peek(_PEEKED).partition(b"\n")[0]
    messages: Iterator[Message]
    if is_lines:
        counted = Counted(source.file)
        messages, position = lines.messages(counted), lambda: counted.position
    else:
        mended = Mended(source.file)
        messages, position = telegram.messages(mended), lambda: mended.position
    yield from reading.batches(messages, position)


async def _ahead(batches: Iterator[Batch], stopped: asyncio.Event) -> AsyncGenerator[Batch, None]:
    """Each batch, while the next one is read in a thread; none more once it is to stop."""
    stop = asyncio.create_task(stopped.wait())
    try:
        following = _in_thread(partial(next, batches, None))
        while True:
            either: set[asyncio.Future[Any]] = {following, stop}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if stopped.is_set() or not (batch := following.result()):
                return
            following = _in_thread(partial(next, batches, None))
            yield batch
    finally:
        stop.cancel()


def _in_thread(call: Callable[[], Batch | None]) -> asyncio.Future[Batch | None]:
    """The call's result; nobody waits for its thread at the end, which may be waiting for a pipe."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Batch | None] = loop.create_future()

    def settle(result: Batch | None, error: Exception | None) -> None:
        if not future.cancelled():
            future.set_exception(error) if error else future.set_result(result)
            # where it is not waited for any more, that is no news
            future.exception()

    def run() -> None:
        result, error = None, None
        try:
            result = call()
        except Exception as raised:  # noqa: BLE001 - it is raised where this is awaited
            error = raised
        with suppress(RuntimeError):  # the program has ended meanwhile
            loop.call_soon_threadsafe(settle, result, error)

    Thread(target=run, daemon=True).start()
    return future
