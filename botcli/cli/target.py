"""Where a command writes its data: stdout, or the file that `-o` names."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from botcli import archive
from botcore import InvalidInput


@contextmanager
def opened(path: Path | None, *, force: bool) -> Iterator[BinaryIO]:
    """Stdout for None, or a file that takes its place when it is whole, its owner's alone.

    A device or a pipe is written to as it is; a link stays one, and the file is what it leads to. Raises InvalidInput
    for a folder, and, unless with `force`, where a file is there, or is by the end.
    """
    if path is None:
        yield sys.stdout.buffer
    elif path.is_dir():
        raise InvalidInput("--output", f"{path} is a folder: name a file in it")
    elif path.exists() and not path.is_file():
        with open(path, "wb", opener=_at_once) as file:
            yield file
    elif path.exists() and not force:
        raise _exists(path)
    else:
        try:
            with archive.private(Path(os.path.realpath(path)), replace=force) as part, part.open("wb") as file:
                yield file
        except FileExistsError:
            raise _exists(path) from None


def _at_once(path: str, flags: int) -> int:
    """Opens without waiting for a pipe's reader, which no signal would end."""
    try:
        descriptor = os.open(path, flags | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise InvalidInput("--output", f"nobody reads {path}: start its reader first") from None
        raise
    os.set_blocking(descriptor, True)
    return descriptor


def _exists(path: Path) -> InvalidInput:
    return InvalidInput("--output", f"{path} exists; --force overwrites it")
