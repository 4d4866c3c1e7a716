"""`botcli chat`: the bot in the terminal."""

import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from botcli import conversations
from botcli.cli import lines, output, signals
from botcli.cli.environment import read_settings
from botcli.conversations import Conversation
from botcli.database import open_database
from botcli.settings import BotSettings
from botcore import ChatUse, InvalidInput

if TYPE_CHECKING:
    from botcli.terminal import Terminal

_NEW: Final = "/new"


Name = Annotated[str | None, Parameter(help="The conversation; its first message makes it.")]
Continue = Annotated[bool, Parameter(name=["--continue", "-c"], help="Go on with the one that was used last.")]
New = Annotated[bool, Parameter(name=["--new", "-n"], help="Begin it anew: what was said is hidden, as by /new.")]
List = Annotated[bool, Parameter(name=["--list", "-l"], help="List the conversations instead.")]
Json = Annotated[bool, Parameter(name="--json", help="List them as JSON.")]


async def chat(
    name: Name = None, /, *, continue_: Continue = False, new: New = False, list_: List = False, json: Json = False
) -> None:
    """Talk with the bot in the terminal; piped lines are answered on stdout, without a prompt.

    Each conversation goes on where it was; without a name it is the one called default.
    """
    if json and not list_:
        raise InvalidInput("--json", "is for --list")
    if list_ and (name is not None or continue_ or new):
        raise InvalidInput("--list", "goes with neither NAME, --continue nor --new")
    if name is not None and continue_:
        raise InvalidInput("NAME", "does not go with --continue")
    if list_:
        await _list(json=json)
        return
    conversation = None if continue_ else conversations.named(name or conversations.DEFAULT)
    is_interactive = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    if is_interactive:
        sys.stdout.write(f"botcore {version('botcore')} - /help lists the commands, Ctrl-D leaves\n")
        sys.stdout.flush()
    settings = read_settings()
    if is_interactive:
        # a line above the prompt at each of its attempts to connect: who says something is told the reason
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    async with _open_terminal(settings, conversation) as terminal:
        cleared = await terminal.say(_NEW) if new else []
        if is_interactive:
            # with prompt_toolkit, rich and Markdown
            with signals.raises():
                from botcli.cli.talk import talk

            await talk(terminal, cleared)
        else:
            for each in cleared:
                output.say(each.text)
            await _pipe(terminal)


@asynccontextmanager
async def _open_terminal(settings: BotSettings, conversation: Conversation | None) -> AsyncIterator["Terminal"]:
    # aiogram takes seconds to import: not before the banner
    with signals.raises():
        from botcli.replies.opening import open_replier
        from botcli.terminal import Terminal

    async with open_replier(settings) as (replier, windows), open_database(settings) as database:
        if conversation is None:
            known = await conversations.used(database)
            conversation = known[0][0] if known else conversations.MAIN
        # what the echo repeats is shown as it is
        is_markdown = bool(settings.llm_base_url or settings.llm_api_key)
        yield Terminal(database, replier, windows, settings.llm_daily_tokens, conversation, is_markdown=is_markdown)


async def _pipe(terminal: "Terminal") -> None:
    try:
        async for line in lines.read():
            for said in await terminal.say(line):
                if sys.stdout.isatty():
                    sys.stdout.write(f"{output.printable(said.text)}\n")
                else:
                    sys.stdout.buffer.write(f"{said.text}\n".encode())
                sys.stdout.flush()
    except BrokenPipeError:
        # who reads is gone; the interpreter flushes stdout once more at exit, and would complain
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _list(*, json: bool) -> None:
    async with open_database(read_settings()) as database:
        known = await conversations.used(database)
    if json:
        output.as_json([_fields(conversation, use) for conversation, use in known])
    elif known:
        rows = [(each.name, use.messages, _minute(use.last_at)) for each, use in known]
        output.as_table(["name", "messages", "last used"], rows)
    else:
        output.say("nothing was said yet: botcli chat begins a conversation")


def _fields(conversation: Conversation, use: ChatUse) -> dict[str, object]:
    return {"name": conversation.name, "messages": use.messages, "last_used_at": use.last_at}


def _minute(moment: datetime | None) -> str:
    # what was said can be purged
    return f"{moment:%Y-%m-%d %H:%M %Z}" if moment else "long ago"
