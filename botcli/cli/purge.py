"""`botcli purge`: what is old goes for good."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Annotated, Any, Final

from cyclopts import Parameter

from botcli.cli import output, progress, signals
from botcli.cli.environment import read_settings
from botcli.database import open_database
from botcore import ChatType, Database, InvalidInput, Purged

Batch = Callable[..., Awaitable[Purged]]
Age = Annotated[
    str, Parameter(help="12h, 90d, 2w, 1y: hours, days, weeks, years of 365 days.", allow_leading_hyphen=True)
]

_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1), "y": timedelta(days=365)}


async def purge(
    *,
    older_than: Age,
    chat_type: Annotated[ChatType | None, Parameter(help="Only in chats of this type.")] = None,
    hidden_only: Annotated[bool, Parameter(help="Only what has been hidden for so long.")] = False,
    newest_too: Annotated[bool, Parameter(help="A live dialogue's newest and system message, too.")] = False,
    dry_run: Annotated[bool, Parameter(help="Count what would go, and change nothing.")] = False,
    yes: Annotated[bool, Parameter(help="Do not ask.")] = False,
    json: Annotated[bool, Parameter(name="--json", help="Print JSON.")] = False,
) -> int:
    """Remove old messages for good, then chats and people hidden for so long that have none left; say how many.

    The states of forms that were over by then go, too, of whatever chat; a dry run does not count them.
    Ctrl-C ends it after the batch in work; run again, it goes on.
    """
    before = _moment(older_than)
    if not (dry_run or yes):
        done = "hidden" if hidden_only else "sent"
        output.confirm(f"what was {done} before {before:%Y-%m-%d %H:%M} UTC goes for good")
    policy: dict[str, Any] = {
        "before": before,
        "scope": "hidden" if hidden_only else "all",
        "chat_type": chat_type or "",
        "dry_run": dry_run,
    }
    async with open_database(read_settings()) as database:
        purges: dict[str, Batch] = {
            "messages": partial(database.messages.purge, **policy, keep_newest=not newest_too),
            "chats": partial(database.chats.purge, **policy),
            "people": partial(database.users.purge, **policy),
        }
        if not dry_run:
            purges["states"] = partial(_states, database, before)
        with signals.stops() as stops:
            purged = await _run(purges, stops)
    if stops:
        so_far = ", ".join(f"{number:,} {name}" for name, number in purged.items())
        output.say(f"stopped after {so_far}; run it again to go on")
        return 128 + stops[0]
    if json:
        output.as_json({"before": before, "dry_run": dry_run, **purged})
    else:
        output.as_pairs(purged.items())
    return 0


async def _run(purges: Mapping[str, Batch], stops: list[int]) -> dict[str, int]:
    """How many rows each purge took, up to the batch in which it was told to stop."""
    purged, examined, started = dict.fromkeys(purges, 0), 0, monotonic()
    with progress.shown() as show:
        async for name, batch in _batches(purges):
            purged[name] += batch.purged
            examined += batch.examined
            rate = examined / (monotonic() - started)
            show(f"{name}: {examined:,} rows examined, {sum(purged.values()):,} purged, {rate:,.0f} rows a second")
            if stops:
                break
    return purged


async def _batches(purges: Mapping[str, Batch]) -> AsyncIterator[tuple[str, Purged]]:
    for name, purge in purges.items():
        batch = None
        while batch is None or batch.last_id is not None:
            batch = await purge(after=batch)
            yield name, batch


async def _states(database: Database, before: datetime, after: Purged | None) -> Purged:
    """One batch of them; there is nothing to go on after but whether there were any."""
    del after
    purged = await database.states.purge(before=before)
    return Purged(examined=purged, purged=purged, last_chat_id=None, last_id=purged or None)


def _moment(age: str) -> datetime:
    """So long before now."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([hdwy])", age)
    if not found:
        units = "h (hours), d (days), w (weeks) or y (years of 365 days)"
        raise InvalidInput("--older-than", f"must be a whole number above 0 and {units}, as in 90d; not {age!r}")
    try:
        return datetime.now(UTC) - int(found[1]) * _UNITS[found[2]]
    except OverflowError:
        raise InvalidInput("--older-than", f"reaches back beyond the calendar: {age}") from None
