"""`botcli export`: conversations as a file, or all that is kept about one person."""

import sys
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Annotated, Final

from cyclopts import Parameter

from botcli.cli import output, privacy, progress, signals, target
from botcli.cli.environment import read_settings
from botcli.database import open_database
from botcli.transfer.writing import WRITERS, Format
from botcore import InvalidInput, NotFound, Transaction

_SHOWN_MESSAGES: Final = 1_000

Moment = Annotated[datetime | None, Parameter(help="A date, or a date and time, by UTC unless it says otherwise.")]


async def export(
    *,
    user: Annotated[
        int | None,
        Parameter(help="All that is kept about this person instead, by Telegram's id: JSON Lines and a manifest."),
    ] = None,
    bot: Annotated[
        int | None,
        Parameter(help="Of this bot alone: 0 is the terminal, -1 what was imported.", allow_leading_hyphen=True),
    ] = None,
    chat: Annotated[
        int | None, Parameter(help="Of the bot's chat with this id of Telegram's.", allow_leading_hyphen=True)
    ] = None,
    since: Moment = None,
    until: Moment = None,
    format: Annotated[  # noqa: A002 - the option's name
        Format, Parameter(help="jsonl is what `botcli import` reads, openai a dialogue a line.")
    ] = "jsonl",
    output_file: Annotated[
        Path | None,
        Parameter(name=["-o", "--output"], help="A file; by default, and by -, stdout.", allow_leading_hyphen=True),
    ] = None,
    force: Annotated[bool, Parameter(help="Overwrite the file.")] = False,
) -> None:
    """Write conversations as a file, as they were at one moment; what is hidden is left out.

    The file takes its place when it is whole.
    """
    path = None if output_file is None or str(output_file) == "-" else output_file
    if user is not None:
        if (bot, chat, since, until, format) != (None, None, None, None, "jsonl"):
            raise InvalidInput("--user", "goes with -o and --force alone: it has all that is kept, as JSON Lines")
        return await privacy.export(user=user, output_file=path, force=force)
    if chat is not None and bot is None:
        raise InvalidInput("--chat", "needs --bot: each bot numbers its chats")
    if path is None and format == "parquet" and sys.stdout.isatty():
        raise InvalidInput("--output", "is needed: parquet is nothing for a terminal")
    with signals.ends():
        async with open_database(read_settings()) as database:
            reads = await database.caught_up()
            chat_id = await _find(reads, bot, chat) if bot is not None and chat is not None else 0
            with target.opened(path, force=force) as file, progress.shown(file) as show:
                writer, count, began = WRITERS[format](file), 0, monotonic()
                messages = reads.messages.stream(
                    bot_id=bot,
                    chat_id=chat_id,
                    since=_in_utc(since),
                    until=_in_utc(until),
                    order="dialogue" if format == "openai" else "chat",
                )
                async with aclosing(messages) as stream:
                    async for said in stream:
                        writer.write(said)
                        count += 1
                        if not count % _SHOWN_MESSAGES:
                            show(f"{count:,} messages, {count / (monotonic() - began):,.0f} a second")
                writer.close()
                file.flush()
    if path:
        output.as_pairs([("messages", count)])
    return None


async def _find(reads: Transaction, bot_id: int, telegram_chat_id: int) -> int:
    chat = await reads.chats.find(bot_id=bot_id, telegram_chat_id=telegram_chat_id)
    if chat is None:
        raise NotFound("chat", bot_id=bot_id, telegram_chat_id=telegram_chat_id)
    return chat.id


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.utcoffset() is None else moment
