"""`botcli db partition`: messages go into hash partitions while the bot runs."""

from collections.abc import Callable
from time import monotonic
from typing import Annotated

from cyclopts import Parameter

from botcli.cli import output, progress
from botcli.cli.environment import read_settings
from botcli.database import direct_url
from botcore import InvalidInput
from botcore import partitions as database_partitions


async def partition(
    *,
    partitions: Annotated[int, Parameter(help="How many, 2..64; it cannot be changed later.")] = 16,
    abandon: Annotated[bool, Parameter(help="Give up what did not come to its end; messages stays as it is.")] = False,
    drop_old: Annotated[bool, Parameter(help="Drop the table of before, once nothing is missed.")] = False,
    dry_run: Annotated[bool, Parameter(help="Tell whether it can be done, and change nothing.")] = False,
    yes: Annotated[bool, Parameter(help="Do not ask.")] = False,
) -> None:
    """Move messages into hash partitions by chat, while the bot runs; run again, it goes on where it ended.

    As the migrator, past a pooler. It takes the disk's space of messages once more, until --drop-old.
    """
    if abandon and drop_old:
        raise InvalidInput("--abandon", "goes with a run that did not end, --drop-old with one that did")
    if dry_run and (abandon or drop_old):
        raise InvalidInput("--dry-run", "goes with neither --abandon nor --drop-old")
    with direct_url(read_settings()) as url:
        if abandon:
            if not yes:
                output.confirm("what was copied so far is thrown away, and messages stays as it is")
            await database_partitions.abandon(url)
            return output.say("messages is as it was")
        if drop_old:
            if not yes:
                output.confirm("messages_unpartitioned goes for good", look_at="botcli db psql -c '\\d+'")
            await database_partitions.drop_old(url)
            return output.say("messages_unpartitioned is gone")
        if dry_run:
            rows = await database_partitions.rehearse(url, partitions=partitions)
            return output.write(f"about {rows:,} messages would go into {partitions} partitions")
        if not yes:
            output.confirm(
                f"all messages are copied into {partitions} partitions, and each write is made twice meanwhile"
            )
        with progress.shown() as show:
            await database_partitions.run(url, partitions=partitions, progress=_told(show))
        output.say(f"messages has {partitions} partitions; the table of before stays as messages_unpartitioned,")
        return output.say("where only what is removed for good goes too, until `botcli db partition --drop-old`")


def _told(show: Callable[[str], None]) -> Callable[[database_partitions.Progress], None]:
    """Progress as a text, with the rate since its step began."""
    step, began, done_before = "", 0.0, 0

    def tell(now: database_partitions.Progress) -> None:
        nonlocal step, began, done_before
        if now.step != step:
            step, began, done_before = now.step, monotonic(), now.done
        rate = (now.done - done_before) / max(monotonic() - began, 0.001)
        show(f"{now.step}: {now.done:,} of about {now.total:,} rows, {rate:,.0f} a second")

    return tell
