"""How far a long command has come: a bar in a terminal, else a line now and then; on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import BinaryIO, Final, Protocol

from botcli.cli import output

# in a log of a run of hours a line is still worth reading
_INTERVAL_SECONDS: Final = 10.0


class Show(Protocol):
    """Takes the state as a text, as often as there is a new one, and where it is known the share that is done, 0..1."""

    def __call__(self, text: str, share: float | None = None, /) -> None:  # noqa: D102 - the class's
        ...


@contextmanager
def shown(data: BinaryIO | None = None) -> Iterator[Show]:
    """Shows what it is told on stderr; off a terminal a short run says nothing, nor does one with its data on one."""
    if data and data.isatty():
        yield _nothing
    elif sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _lines()


def _nothing(text: str, share: float | None = None, /) -> None:
    """Takes it."""


def _lines() -> Show:
    said_at = monotonic()

    def say(text: str, share: float | None = None, /) -> None:
        nonlocal said_at
        if monotonic() - said_at >= _INTERVAL_SECONDS:
            said_at = monotonic()
            output.say(text if share is None else f"{share:.0%}: {text}")

    return say


@contextmanager
def _bar() -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(20), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        # how many rows there are nobody counts first: that takes as long as looking at them
        task = progress.add_task("", total=None)

        def show(text: str, share: float | None = None, /) -> None:
            progress.update(task, description=text, total=share and 1.0, completed=share)

        yield show
