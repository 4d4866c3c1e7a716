"""`botcli ledger`: the receipts of erasures, saved beside the backups and replayed on one that was restored."""

import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from json import dumps, loads
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from botcli.cli import output
from botcli.cli.environment import read_settings
from botcli.database import open_database
from botcore import InvalidInput, Receipt

app = App(name="ledger", help="The receipts of erasures, to save and to replay on a backup.")

_PAGE: Final = 1_000


@app.command
async def export() -> None:
    """Print all receipts as JSON Lines, for a file that is kept beside the backups."""
    async with open_database(read_settings()) as database:
        after = None
        while page := await database.users.erasures(after=after, page_size=_PAGE):
            for receipt in page:
                output.write(dumps(asdict(receipt), default=datetime.isoformat))
            after = page[-1]


@app.command
async def replay(
    file: Annotated[Path, Parameter(help="What `export` printed.")],
    /,
    *,
    json: Annotated[bool, Parameter(name="--json", help="Print JSON.")] = False,
) -> None:
    """Erase again whom a restored backup brought back; once more changes nothing.

    A file with a bad line is refused before anything is changed.
    """
    receipts = read(file)
    async with open_database(read_settings()) as database:
        entered = await database.users.erase_again(receipts=receipts)
    counts = {"receipts": len(receipts), "entered": entered}
    output.as_json(counts) if json else output.as_pairs(counts.items())


def read(file: Path) -> list[Receipt]:
    """The receipts in what `export` printed; raises InvalidInput for a line that is none."""
    return [_receipt(number, line) for number, line in _lines(file)]


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    text = file.read_text(encoding="utf-8", errors="replace")
    return ((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())


def _receipt(number: int, line: str) -> Receipt:
    try:
        values = loads(line)
        receipt = Receipt(**{**values, "erased_at": datetime.fromisoformat(values["erased_at"])})
    except (ValueError, TypeError, KeyError, RecursionError):
        receipt = None
    if receipt is None or not _is_sound(receipt):
        raise InvalidInput("FILE", f"line {number} is no receipt; nothing was changed")
    return receipt


def _is_sound(receipt: Receipt) -> bool:
    counts = (receipt.users, receipt.chats, receipt.messages, receipt.versions)
    return (
        isinstance(receipt.person, str)
        and re.fullmatch("[0-9a-f]{64}", receipt.person) is not None
        and receipt.erased_at.utcoffset() is not None
        and all(type(count) is int and 0 <= count < 2**63 for count in counts)
    )
