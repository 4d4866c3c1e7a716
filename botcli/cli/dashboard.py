"""`botcli dashboard`: how a bot is used, on a page that this machine alone can open."""

import asyncio
import sys
from typing import Annotated, Final

from cyclopts import Parameter

from botcli import overview
from botcli.cli import output, signals
from botcli.cli.environment import check_replica, read_settings, token_bot_id
from botcli.database import open_database
from botcore import InvalidInput

# it reads one figure after the other; the second is for what looks whether the server is there
_CONNECTIONS: Final = 2
_PORTS: Final = range(2**16)
# with the archive
_BOTS: Final = range(-1, 2**63)


async def dashboard(
    *,
    bot: Annotated[
        int | None,
        Parameter(help="Telegram's id of the bot, -1 for the archive; by default BOT_TOKEN's, else the terminal's, 0."),
    ] = None,
    port: Annotated[int, Parameter(help="Where it listens on 127.0.0.1; by default a free one.")] = 0,
    zone: Annotated[str, Parameter(help="Whose days and hours, as Europe/Berlin; by default UTC.")] = "UTC",
    replica: Annotated[bool, Parameter(help="Read from DATABASE_REPLICA_URL.")] = False,
) -> None:
    """Show how a bot is used on a page that follows it, until Ctrl-C: open the address that is printed.

    It listens on this machine alone, its key is new each time, and it changes nothing.
    """
    if port not in _PORTS:
        raise InvalidInput("--port", f"must be 1..{_PORTS.stop - 1}, or 0 for a free one, not {port}")
    if bot is not None and bot not in _BOTS:
        raise InvalidInput("--bot", f"must be {_BOTS.start}..{_BOTS.stop - 1}, not {bot}")
    try:
        overview.zone_of(zone)
    except InvalidInput as error:
        raise InvalidInput("--zone", error.reason) from None
    from botcli import http
    from botcli.dashboard import HOST, Dashboard

    settings = read_settings()
    if replica:
        check_replica(settings)
    bot_id = bot if bot is not None else token_bot_id(settings) or 0
    few = settings.model_copy(
        update={
            "database_pool_size": _CONNECTIONS,
            "database_cache_ttl_seconds": 0,
            "database_eraser_url": None,
            "database_replica_url": settings.database_replica_url if replica else None,
        }
    )
    stop = asyncio.Event()
    with signals.stops(stop.set):
        async with open_database(few) as database:
            shown = Dashboard(database.replica if replica else database, bot_id, zone)
            async with http.serve(shown.application(), HOST, port, setting="--port") as listens_on:
                output.write(f"http://{HOST}:{listens_on}/#{shown.key}")
                sys.stdout.flush()
                output.say("Ctrl-C ends it.")
                await stop.wait()
    if sys.stderr.isatty():
        # behind ^C
        output.say("")
