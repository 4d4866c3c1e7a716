"""What Ctrl-C and SIGTERM do to a command that has something to finish or to clear away."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stops(stop: Callable[[], object] = lambda: None) -> Iterator[list[int]]:
    """The signal that asked to stop, once it has and `stop` was called; the second one ends the program."""
    loop, noted = asyncio.get_running_loop(), list[int]()

    def note(number: int) -> None:
        noted.append(number)
        loop.remove_signal_handler(number)
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, note, number)
    try:
        yield noted
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@contextmanager
def ends() -> Iterator[None]:
    """Has the block cancelled, so that it clears away what it began; the program ends as the signal would end it."""
    task = asyncio.current_task()
    with stops(task.cancel if task else lambda: None) as noted:
        try:
            yield
        except asyncio.CancelledError:
            if noted:
                raise SystemExit(128 + noted[0]) from None
            raise
