"""`botcli import`: conversations from a file, each message once."""

import asyncio
from contextlib import AsyncExitStack, aclosing, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Annotated, Final

from cyclopts import Parameter

from botcli.cli import output, progress, signals
from botcli.cli.environment import read_settings
from botcli.database import open_database
from botcli.transfer import files
from botcli.transfer.notes import Notes
from botcli.transfer.reading import Bad, Batch, Broken
from botcli.transfer.storing import Storing
from botcore import BotcoreError, NotPermitted, Said

_SHOWN: Final = 20


async def import_(
    file: Annotated[
        Path,
        Parameter(
            help="Telegram Desktop's result.json, or what `botcli export` wrote; - for stdin.",
            allow_leading_hyphen=True,
        ),
    ],
    /,
    *,
    dry_run: Annotated[bool, Parameter(help="Read all of it and tell what is in it, and store nothing.")] = False,
    skip_bad: Annotated[bool, Parameter(help="Leave out what cannot be stored, and go on.")] = False,
    append: Annotated[
        bool, Parameter(help="Go on behind the messages that a bot which answers has in a chat already.")
    ] = False,
    json: Annotated[bool, Parameter(name="--json", help="Print JSON.")] = False,
) -> int:
    """Store the messages of a file, each once: run again, it changes nothing, and goes on where it was stopped.

    Telegram Desktop's chats become an archive, those of bot -1; JSON Lines keep their bot. Ctrl-C ends it after the
    batch in work.
    """
    stopped, storing = asyncio.Event(), None
    async with AsyncExitStack() as stack:
        notes = stack.enter_context(closing(Notes()))
        tally = _Tally(notes)
        source = stack.enter_context(files.opened(file))
        stops = stack.enter_context(signals.stops(stopped.set))
        if not dry_run:
            database = await stack.enter_async_context(open_database(read_settings()))
            storing = Storing(database, notes, append=append)
        show = stack.enter_context(progress.shown())
        async for batch in await stack.enter_async_context(aclosing(files.ahead(files.batches(source), stopped))):
            is_over = bool(batch.bad) and not (skip_bad or dry_run)
            if storing:
                await _store(storing, batch.said[: batch.before_bad] if is_over else batch.said)
            tally.add(batch)
            show(*tally.state(source.size))
            if is_over:
                break
        chats = notes.count_chats()
    counts = {"messages": tally.messages, **(asdict(storing.counts) if storing else {})}
    counts |= {"chats": chats, "bad": tally.bad, "left_out": tally.left_out}
    output.as_json(counts) if json else output.as_pairs(counts.items())
    for each in tally.first_bad:
        output.say(output.printable(f"{each.place}: {each.reason}"))
    if stops:
        output.say("stopped; run it again to go on")
        return 128 + stops[0]
    if tally.bad and not skip_bad:
        found = "there is" if dry_run else "stopped at"
        raise BotcoreError(f"{found} what cannot be stored: mend the file, or leave out all such by --skip-bad")
    if tally.broken:
        raise tally.broken
    return 0


async def _store(storing: Storing, said: list[Said]) -> None:
    try:
        await storing.store(said)
    except NotPermitted as error:
        hint = "an import goes through a temporary table: run it as botcore_migrator"
        raise BotcoreError(f"{error}; {hint}") from error


@dataclass(slots=True)
class _Tally:
    notes: Notes
    messages: int = 0
    bad: int = 0
    first_bad: list[Bad] = field(default_factory=list)
    left_out: int = 0
    position: int = 0
    broken: Broken | None = None
    began: float = field(default_factory=monotonic)

    def add(self, batch: Batch) -> None:
        self.messages += len(batch.said) + len(batch.bad) + batch.left_out
        self.notes.add_chats({(said.bot_id, said.telegram_chat_id) for said in batch.said})
        self.bad += len(batch.bad)
        self.first_bad = [*self.first_bad, *batch.bad][:_SHOWN]
        self.left_out += batch.left_out
        self.position, self.broken = batch.position, batch.broken

    def state(self, size: int | None) -> tuple[str, float | None]:
        """What the progress shows, and the share of the file that was read."""
        seconds = max(monotonic() - self.began, 0.001)
        text = f"{self.messages:,} messages, {self.messages / seconds:,.0f} a second"
        if not size or not self.position:
            return text, None
        left = round(seconds * (size - self.position) / self.position)
        return f"{text}, {left // 60}:{left % 60:02} left", self.position / size
