"""The lines of stdin, for who answers each when it comes."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import CancelledError
from contextlib import suppress
from threading import Thread


async def read() -> AsyncIterator[str]:
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
