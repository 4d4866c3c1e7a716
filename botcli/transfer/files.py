"""A file to read: which format it is, how far it was read, and what it says, a batch ahead."""

import asyncio
import os
import stat
import sys
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Final

from botcli.transfer import lines, reading, telegram
from botcli.transfer.mending import Mended
from botcli.transfer.reading import Batch, Message
from botcore import InvalidInput

_BLOCK: Final = 1 << 16
_PEEKED: Final = 4_096
# after this the thread that reads gives way to what stores: with Python's 5 ms an import took half as long again
_SWITCH_SECONDS: Final = 0.0002


class Source:
    """The file in blocks, or line by line; `size` is None where nobody knows it, as of a pipe.

    Without Python's own buffer, which could not be given up while a thread waits for a pipe.
    """

    def __init__(self, descriptor: int) -> None:
        self.position = 0
        self._raw = os.fdopen(descriptor, "rb", buffering=0)
        self._held = b""
        status = os.fstat(descriptor)
        self.size = status.st_size if stat.S_ISREG(status.st_mode) else None

    def read1(self, size: int) -> bytes:
        """What is there, or comes next; nothing at the end."""
        block, self._held = self._held or self._raw.read(size) or b"", b""
        self.position += len(block)
        return block

    def beginning(self) -> bytes:
        """As much of it as tells one format from the other, without a mark of UTF-8; it is read as part of the file."""
        # a line of it, but for blank ones: of a pipe no more may come
        while len(self._held) < _PEEKED and b"\n" not in self._held.lstrip() and (block := self._raw.read(_PEEKED)):
            self._held += block
        if self._held.startswith(BOM_UTF8):
            self._held = self._held.removeprefix(BOM_UTF8)
            self.position += len(BOM_UTF8)
        return self._held

    def __iter__(self) -> Iterator[bytes]:
        """The lines, each with its end where it has one."""
        # joined at the end: a line may be as long as the file
        parts: list[bytes] = []
        while block := self.read1(_BLOCK):
            first, *others = block.split(b"\n")
            parts.append(first)
            for line in others:
                yield b"".join(parts) + b"\n"
                parts = [line]
        if rest := b"".join(parts):
            yield rest

    def close(self) -> None:
        """Gives up the file."""
        self._raw.close()


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """The file, or stdin for `-`; raises InvalidInput for a folder."""
    with closing(Source(_descriptor(path))) as source:
        yield source


def _descriptor(path: Path) -> int:
    if str(path) != "-":
        if path.is_dir():
            raise InvalidInput("FILE", f"{path} is a folder: name the file in it")
        return os.open(path, os.O_RDONLY)
    return os.dup(sys.stdin.fileno())


def batches(source: Source) -> Iterator[Batch]:
    """The file's batches; JSON Lines are known by a chat's id on the first line, or by what it begins with.

    Raises InvalidInput for a file that is empty, or in UTF-16.
    """
    beginning = source.beginning()
    if beginning.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise InvalidInput("FILE", "is in UTF-16: save it as UTF-8")
    if not beginning.strip():
        raise InvalidInput("FILE", "is empty, or begins with thousands of blanks")
    messages: Iterator[Message] = (
        lines.messages(source) if lines.are_in(beginning) else telegram.messages(Mended(source))
    )
    yield from reading.batches(messages, lambda: source.position)


async def ahead(found: Iterator[Batch], stopped: asyncio.Event) -> AsyncGenerator[Batch, None]:
    """Each batch, while the next one is read in a thread; none more once it is to stop."""
    stop, switch_seconds = asyncio.create_task(stopped.wait()), sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        following = _in_thread(partial(next, found, None))
        while True:
            either: set[asyncio.Future[Any]] = {following, stop}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if stopped.is_set() or not (batch := following.result()):
                return
            following = _in_thread(partial(next, found, None))
            yield batch
    finally:
        sys.setswitchinterval(switch_seconds)
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
