"""What Ctrl-C and SIGTERM do to a command that finishes or clears away: the first one, and the second."""

import asyncio
import signal
import sys

import pytest

from botcli.cli import signals

SCRIPT = """
import asyncio, os, signal
from botcli.cli import signals

async def main():
    with signals.{block}():
        try:
            os.kill(os.getpid(), signal.{first})
            await asyncio.sleep(1)
        finally:
            os.kill(os.getpid(), signal.{second})
            await asyncio.sleep(1)
            print("went on")

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("block", "first", "second"),
    [("stops", "SIGINT", "SIGTERM"), ("ends", "SIGINT", "SIGINT"), ("ends", "SIGTERM", "SIGINT")],
)
async def test_second_signal_ends_the_program(block: str, first: str, second: str) -> None:
    """Whichever of the two it is, at once and without a word."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SCRIPT.format(block=block, first=first, second=second)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()

    assert (process.returncode, out, err) == (-getattr(signal, second), b"", b"")


async def test_block_on_a_loop_that_takes_no_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, the block runs."""

    def refuse(*_: object) -> None:
        raise NotImplementedError

    for name in ("add_signal_handler", "remove_signal_handler"):
        monkeypatch.setattr(asyncio.get_running_loop(), name, refuse)

    with signals.stops() as noted, signals.ends():
        await asyncio.sleep(0)

    assert noted == []
