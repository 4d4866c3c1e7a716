"""All figures of a bot in a range of time, read at once: for the terminal, a picture, or whoever shows them."""

from asyncio import gather
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from botcore import InvalidInput, Transaction

Name = Literal[
    "active_days",
    "active_weeks",
    "active_months",
    "daily",
    "roles",
    "hours",
    "cohorts",
    "top_chats",
    "answer_times",
    "tokens",
]
Rows = Sequence[Any]

# the most of a page: a picture or a screen shows fewer
_CHATS: Final = 10


@dataclass(frozen=True, slots=True)
class Range:
    """Of which bot, from when up to before when, and whose days."""

    bot_id: int
    since: datetime
    until: datetime
    time_zone: str

    def __str__(self) -> str:
        zone = ZoneInfo(self.time_zone)
        last = (self.until - timedelta(microseconds=1)).astimezone(zone).date()
        return f"Bot {self.bot_id}, {self.since.astimezone(zone).date()} to {last}, {self.time_zone}"


@dataclass(frozen=True, slots=True)
class Words:
    """What stands on the charts of messages by day and by hour; without names of days the dates do."""

    by_day: str = "Messages by day"
    day: str = "day"
    messages: str = "messages"
    people: str = "people"
    bot: str = "bot"
    by_hour: str = "People's messages by weekday and hour"
    hour: str = "hour of the day"
    weekdays: Sequence[str] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    days: Sequence[str] = ()


def days(bot_id: int, days: int, time_zone: str) -> Range:
    """The last so many days and today so far; raises InvalidInput for a time zone that is unknown."""
    now = datetime.now(zone_of(time_zone))
    return Range(bot_id, midnight(now.date() - timedelta(days=days - 1), time_zone), now.astimezone(UTC), time_zone)


def midnight(day: date, time_zone: str) -> datetime:
    """When the day begins there; raises InvalidInput for a time zone that is unknown."""
    return datetime.combine(day, time(), zone_of(time_zone)).astimezone(UTC)


def zone_of(time_zone: str) -> ZoneInfo:
    """The clock there; raises InvalidInput for what is unknown."""
    try:
        return ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput("time_zone", "must be IANA's name of one, as Europe/Berlin") from None


async def read(database: Transaction, names: Sequence[Name], of: Range, *, at_once: bool = True) -> Mapping[Name, Rows]:
    """The rows of each figure; they are asked for at once, and are not of one moment.

    In a transaction that would be one after the other anyway, and go on after the first that fails: not `at_once`.
    """
    stats = database.stats
    calls: dict[Name, Callable[..., Awaitable[Rows]]] = {
        "active_days": partial(stats.active, unit="day"),
        "active_weeks": partial(stats.active, unit="week"),
        "active_months": partial(stats.active, unit="month"),
        "daily": stats.daily,
        "roles": stats.roles,
        "hours": stats.hours,
        "cohorts": stats.cohorts,
        "top_chats": partial(stats.top_chats, page_size=_CHATS),
        "answer_times": stats.answer_times,
        "tokens": stats.tokens,
    }
    within: dict[str, Any] = {
        "bot_id": of.bot_id,
        "since": of.since,
        "until": of.until,
        "time_zone": of.time_zone,
    }
    if not at_once:
        return {name: await calls[name](**within) for name in names}
    return dict(zip(names, await gather(*(calls[name](**within) for name in names)), strict=True))
