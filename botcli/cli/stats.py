"""`botcli stats`: what was said in a range of time, on a screen, as JSON or as a picture."""

from asyncio import to_thread
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from botcli import archive, overview
from botcli.cli import output, screen
from botcli.cli.environment import check_replica, read_settings, token_bot_id
from botcli.database import open_database
from botcli.overview import Name, Range
from botcore import InvalidInput

_SCREEN: Final[tuple[Name, ...]] = ("active_days", "daily", "roles", "top_chats", "answer_times", "tokens")
_ALL: Final[tuple[Name, ...]] = (*_SCREEN, "active_weeks", "active_months", "hours", "cohorts")
_LONGEST_DAYS: Final = 3_660


async def stats(
    *,
    bot: Annotated[
        int | None, Parameter(help="Telegram's id of the bot; by default BOT_TOKEN's, without one the terminal's, 0.")
    ] = None,
    days: Annotated[int | None, Parameter(help="The last so many days, with today; by default 30.")] = None,
    since: Annotated[str | None, Parameter(help="Or from a day on, as 2026-11-01.")] = None,
    until: Annotated[str | None, Parameter(help="Up to before that day; by default up to now.")] = None,
    zone: Annotated[str, Parameter(help="Whose days and hours, as Europe/Berlin; by default UTC.")] = "UTC",
    figure: Annotated[Name | None, Parameter(help="One figure, with all its rows.")] = None,
    replica: Annotated[bool, Parameter(help="Read from DATABASE_REPLICA_URL.")] = False,
    json: Annotated[bool, Parameter(name="--json", help="Print JSON.")] = False,
    png: Annotated[Path | None, Parameter(help="Draw a picture into this file; needs the extra charts.")] = None,
    force: Annotated[bool, Parameter(help="Overwrite the file.")] = False,
) -> None:
    """Show how a bot is used: messages, people, answer times, busy chats, tokens; `--figure hours` is a heat map."""
    if png and (json or figure):
        raise InvalidInput("--png", "is a picture of several figures: take it alone")
    if png:
        _check_place(png, force=force)
    settings = read_settings()
    if replica:
        check_replica(settings)
    bot_id = bot if bot is not None else token_bot_id(settings) or 0
    of = _range(bot_id, days, since, until, zone)
    if png:
        # where the extra is not there, before anything is read
        from botcli import charts
    names: tuple[Name, ...] = charts.FIGURES if png else (figure,) if figure else _ALL if json else _SCREEN
    async with open_database(settings) as database:
        figures = await overview.read(database.replica if replica else database, names, of)
    if png:
        image = await to_thread(charts.picture, figures, of)
        with archive.private(png.resolve()) as part:
            part.write_bytes(image)
        output.say(f"{png}: {len(image):,} bytes")
    elif json:
        told = {name: [asdict(row) for row in rows] for name, rows in figures.items()}
        output.as_json({**asdict(of), "figures": told})
    else:
        screen.show(of, figures, figure)


def _range(bot_id: int, days: int | None, since: str | None, until: str | None, zone: str) -> Range:
    """What the words say; raises InvalidInput for those that do not fit together."""
    try:
        overview.zone_of(zone)
    except InvalidInput as error:
        raise InvalidInput("--zone", error.reason) from None
    if since is None:
        if until is not None:
            raise InvalidInput("--until", "needs --since")
        if days is not None and not 1 <= days <= _LONGEST_DAYS:
            raise InvalidInput("--days", f"must be 1..{_LONGEST_DAYS}, not {days}")
        return overview.days(bot_id, 30 if days is None else days, zone)
    if days is not None:
        raise InvalidInput("--days", "and --since exclude each other")
    of = Range(
        bot_id,
        _midnight("--since", since, zone),
        datetime.now(UTC) if until is None else _midnight("--until", until, zone),
        zone,
    )
    if of.until <= of.since:
        if until is None:
            raise InvalidInput("--since", f"must not be in the future, not {since}")
        raise InvalidInput("--until", f"must be after --since: {until} is not after {since}")
    # so many hours clocks may have been put back in between
    if of.until - of.since > timedelta(days=_LONGEST_DAYS, hours=3):
        raise InvalidInput("--since", f"must be {_LONGEST_DAYS:,} days before the end at most, not {since}")
    return of


def _check_place(png: Path, *, force: bool) -> None:
    """Before anything is read; raises InvalidInput where no file can be or one is that is to stay."""
    if not png.parent.is_dir():
        raise InvalidInput("--png", f"{png.parent} is no folder")
    if png.exists() and not png.is_file():
        raise InvalidInput("--png", f"{png} is no file")
    if png.exists() and not force:
        raise InvalidInput("--png", f"{png} exists; --force overwrites it")


def _midnight(option: str, day: str, zone: str) -> datetime:
    try:
        return overview.midnight(datetime.strptime(day, "%Y-%m-%d").date(), zone)  # noqa: DTZ007 - a day of any zone
    except (ValueError, OverflowError):
        raise InvalidInput(option, f"must be a day as 2026-11-01, not {day!r}") from None
