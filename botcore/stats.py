"""Figures over what is stored."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from botcore import inputs, queries
from botcore.costs import ChatUse
from botcore.errors import InvalidInput
from botcore.executor import Executor
from botcore.figures import Active, AnswerTimes, BusyChat, Cohort, Daily, Hour, Spoke, Tokens, Unit
from botcore.rows import Totals, row_of

Row = TypeVar("Row")

# of ten years and a little there is a row for each day
_LONGEST: Final = timedelta(days=3660)
# by which so many days are longer where summer ended in between
_PUT_BACK: Final = timedelta(hours=3)
# the server takes POSIX's forms, too: UTC+3, by which it is three hours earlier
_TIME_ZONE: Final = re.compile(r"[A-Za-z_]+([/-][A-Za-z_]+)*|Etc/GMT[+-][0-9]{1,2}|(EST5E|CST6C|MST7M|PST8P)DT")
# IANA's names as well, but the server knows these as abbreviations first, without a summer
_WINTER: Final = frozenset({"CET", "EET", "MET", "WET"})
_NO_TIME_ZONE: Final = "must be IANA's name of one, as Europe/Berlin"


class Stats:
    """Queries of sql/stats/, one method a file.

    All but `totals`, `dialogue` and `chats` are of what one bot's live rows, or one chat's, say was sent from `since`
    up to before `until`, by default the last 30 days and now. Days are those of `time_zone`, by IANA's name; what is
    not whole at either end counts as far as it is in between. Each raises InvalidInput for a range that is empty or
    longer than 3,660 days, and for a time zone that is unknown.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def totals(self, *, bot_id: int) -> Totals:
        """People, chats, messages by role and characters of one bot, over live rows."""
        [totals] = await self._executor.all("stats/totals", row_of(Totals), bot_id=bot_id)
        return totals

    async def dialogue(self, *, chat_id: int, user_id: int | None, message_thread_id: int = 0) -> Totals:
        """The same of one dialogue, other topics of its chat left out; `people` and `chats` are 1, or 0 without any."""
        [totals] = await self._executor.all(
            "stats/dialogue",
            row_of(Totals),
            chat_id=chat_id,
            user_id=user_id,
            message_thread_id=message_thread_id,
        )
        return totals

    async def chats(self, *, bot_id: int, page_size: int = 100) -> list[ChatUse]:
        """The live chats of one bot, the one used last first; it looks at each of them. `page_size` is 1..1000."""
        return await self._executor.all("stats/chats", row_of(ChatUse), bot_id=bot_id, page_size=page_size)

    async def active(
        self,
        *,
        bot_id: int,
        unit: Unit = "day",
        since: datetime | None = None,
        until: datetime | None = None,
        time_zone: str = "UTC",
    ) -> list[Active]:
        """How many people wrote, for each day, week from Monday on, or calendar month."""
        if unit not in {"day", "week", "month"}:
            raise InvalidInput("unit", "must be day, week or month")
        return await self._within("stats/active", Active, since, until, time_zone, bot_id=bot_id, unit=unit)

    async def daily(
        self, *, bot_id: int, since: datetime | None = None, until: datetime | None = None, time_zone: str = "UTC"
    ) -> list[Daily]:
        """Messages by role and their characters, for each day."""
        return await self._within("stats/daily", Daily, since, until, time_zone, bot_id=bot_id)

    async def roles(
        self, *, bot_id: int, since: datetime | None = None, until: datetime | None = None, time_zone: str = "UTC"
    ) -> list[Spoke]:
        """What people, the bot and the system said, in this order; the people of the first are who wrote."""
        return await self._within("stats/roles", Spoke, since, until, time_zone, bot_id=bot_id)

    async def hours(
        self, *, bot_id: int, since: datetime | None = None, until: datetime | None = None, time_zone: str = "UTC"
    ) -> list[Hour]:
        """People's messages by weekday and hour: 168 rows from Monday's first hour on."""
        return await self._within("stats/hours", Hour, since, until, time_zone, bot_id=bot_id)

    async def chat_daily(
        self, *, chat_id: int, since: datetime | None = None, until: datetime | None = None, time_zone: str = "UTC"
    ) -> list[Daily]:
        """As `daily`, of one chat; it looks at all of its messages."""
        return await self._within("stats/chat_daily", Daily, since, until, time_zone, chat_id=chat_id)

    async def chat_hours(
        self, *, chat_id: int, since: datetime | None = None, until: datetime | None = None, time_zone: str = "UTC"
    ) -> list[Hour]:
        """As `hours`, of one chat; it looks at all of its messages."""
        return await self._within("stats/chat_hours", Hour, since, until, time_zone, chat_id=chat_id)

    async def cohorts(
        self,
        *,
        bot_id: int,
        weeks: int = 12,
        since: datetime | None = None,
        until: datetime | None = None,
        time_zone: str = "UTC",
    ) -> list[Cohort]:
        """Of the people whose first message to the bot was in a week, how many wrote in each of the `weeks` after it.

        Rows go by week and then weeks after, 1..53 at most, and end with the range.
        """
        return await self._within("stats/cohorts", Cohort, since, until, time_zone, bot_id=bot_id, weeks=weeks)

    async def top_chats(
        self,
        *,
        bot_id: int,
        page_size: int = 20,
        since: datetime | None = None,
        until: datetime | None = None,
        time_zone: str = "UTC",
    ) -> list[BusyChat]:
        """The chats with the most messages, 1..1000 of them, the busiest first."""
        return await self._within(
            "stats/top_chats", BusyChat, since, until, time_zone, bot_id=bot_id, page_size=page_size
        )

    async def answer_times(
        self, *, bot_id: int, since: datetime | None = None, until: datetime | None = None, time_zone: str = "UTC"
    ) -> list[AnswerTimes]:
        """How long people waited for the first reply, for each day of what they wrote, and as the last row in all.

        From Telegram's date of the one to that of the other, in whole seconds; replies of a day after `until` count.
        """
        return await self._within("stats/answer_times", AnswerTimes, since, until, time_zone, bot_id=bot_id)

    async def tokens(
        self, *, bot_id: int, since: datetime | None = None, until: datetime | None = None, time_zone: str = "UTC"
    ) -> list[Tokens]:
        """What a model's answers cost, for each day: what was used on that date by UTC, whatever the time zone."""
        return await self._within("stats/tokens", Tokens, since, until, time_zone, bot_id=bot_id)

    async def _within(
        self,
        name: str,
        row: type[Row],
        since: datetime | None,
        until: datetime | None,
        time_zone: str,
        **values: Any,
    ) -> list[Row]:
        values |= {"since": since, "until": until, "time_zone": time_zone}
        inputs.check(queries.load(name), values)
        _check_range(since, until)
        _check_time_zone(time_zone)
        try:
            return await self._executor.all(name, row_of(row), **values)
        except InvalidInput as error:
            # all else was looked at before
            raise InvalidInput("time_zone", _NO_TIME_ZONE) from error.__cause__


def _check_range(since: datetime | None, until: datetime | None) -> None:
    if since and not timedelta(0) < (until or datetime.now(UTC)) - since <= _LONGEST + _PUT_BACK:
        raise InvalidInput("since", f"must be before until, and {_LONGEST.days:,} days at most")


def _check_time_zone(time_zone: str) -> None:
    """By the system's tzdata: the server would take IST, too, and as whose it takes it is a setting of its own."""
    if not _TIME_ZONE.fullmatch(time_zone) or time_zone in _WINTER:
        raise InvalidInput("time_zone", _NO_TIME_ZONE)
    # without any tzdata the server decides
    if not _is_known(time_zone) and _is_known("UTC"):
        raise InvalidInput("time_zone", _NO_TIME_ZONE)


def _is_known(time_zone: str) -> bool:
    try:
        ZoneInfo(time_zone)
    # a folder of the names is no file
    except (ZoneInfoNotFoundError, OSError, ValueError):
        return False
    return True
