"""What Ctrl-C and SIGTERM do to a command that has something to finish or to clear away."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

_NUMBERS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stops(stop: Callable[[], object] = lambda: None) -> Iterator[list[int]]:
    """The signal that asked to stop, once it has and `stop` was called; the second one, of either, ends the program.

    Where the loop takes no signals, on Windows, Ctrl-C is what it is elsewhere.
    """
    loop, noted = asyncio.get_running_loop(), list[int]()
    before = {number: signal.getsignal(number) for number in _NUMBERS}

    def note(number: int) -> None:
        noted.append(number)
        for each in _NUMBERS:
            loop.remove_signal_handler(each)
        stop()

    with suppress(NotImplementedError):
        for number in _NUMBERS:
            loop.add_signal_handler(number, note, number)
    try:
        yield noted
    finally:
        with suppress(NotImplementedError):
            for number in _NUMBERS:
                loop.remove_signal_handler(number)
                signal.signal(number, before[number])


@contextmanager
def raises() -> Iterator[None]:
    """Has Ctrl-C raise KeyboardInterrupt within: asyncio's own waits for an await, and imports have none."""
    before = signal.getsignal(signal.SIGINT)
    # in a shell's background it is ignored, and stays so
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def ends() -> Iterator[None]:
    """Has the block cancelled, so that it clears away what it began; the program ends as the signal would end it."""
    task = asyncio.current_task()

    def cancel() -> None:
        # Python's own action would raise somewhere in the midst of the clearing away
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if task:
            task.cancel()

    with stops(cancel) as noted:
        try:
            yield
        except asyncio.CancelledError:
            if noted:
                raise SystemExit(128 + noted[0]) from None
            raise
