"""How far a long command has come: a bar in a terminal, else a line now and then; on stderr."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

from botcli.cli import output

# in a log of a run of hours a line is still worth reading
_INTERVAL_SECONDS: Final = 10.0


@contextmanager
def shown() -> Iterator[Callable[[str], None]]:
    """Takes the state as a text, as often as there is a new one; off a terminal a short run says nothing."""
    if sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _lines()


def _lines() -> Callable[[str], None]:
    said_at = monotonic()

    def say(text: str) -> None:
        nonlocal said_at
        if monotonic() - said_at >= _INTERVAL_SECONDS:
            said_at = monotonic()
            output.say(text)

    return say


@contextmanager
def _bar() -> Iterator[Callable[[str], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(20), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        # how many rows there are nobody counts first: that takes as long as looking at them
        task = progress.add_task("", total=None)
        yield lambda text: progress.update(task, description=text)
