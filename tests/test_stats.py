"""db.stats: figures of a range of time, against what was counted by hand and in Python."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from botcore import Active, AnswerTimes, Cohort, Daily, Database, Hour, InvalidInput, Spoke, Tokens
from tests.factories import dialogue, person, said

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK: dict[str, Any] = {"bot_id": 1, "since": MONDAY, "until": MONDAY + timedelta(days=7)}


def at(days: float = 0, hours: float = 0, seconds: float = 0) -> datetime:
    """So long after Monday's midnight."""
    return MONDAY + timedelta(days=days, hours=hours, seconds=seconds)


async def wrote(database: Database, sent_at: datetime, telegram_user_id: int = 7, **changes: Any) -> dict[str, Any]:
    """The dialogue of a message that somebody sent then, and its id as what it may be answered by."""
    given = {"telegram_user_id": telegram_user_id, "telegram_message_id": None, "sent_at": sent_at} | changes
    message = (await said(database, **given)).message
    return {**dialogue(message), "reply_to_id": message.id}


async def answered(database: Database, question: dict[str, Any], sent_at: datetime, **changes: Any) -> None:
    """The bot's answer to it."""
    await database.messages.add(**question, role="assistant", content="Hello, Ada", sent_at=sent_at, **changes)


async def test_figures_of_a_week(database: Database) -> None:
    """Counted by hand: both ends of the range, hidden rows, another bot's, and days on which nobody wrote."""
    question = await wrote(database, at())
    await answered(database, question, at(seconds=2))
    await wrote(database, at(days=2, hours=9), content="Hello again")
    await wrote(database, at(days=2, hours=9.5), telegram_user_id=8)
    await wrote(database, at(days=7))
    await wrote(database, at(seconds=-1))
    await wrote(database, at(days=3), bot_id=2)
    hidden = await wrote(database, at(days=4), telegram_user_id=9)
    await database.messages.delete(chat_id=hidden["chat_id"], message_id=hidden["reply_to_id"])

    days = await database.stats.daily(**WEEK)
    chats = await database.stats.top_chats(**WEEK, page_size=2)

    assert [day.day for day in days] == [f"2026-03-0{n}" for n in range(2, 9)]
    assert [(day.user_messages, day.assistant_messages) for day in days] == [(1, 1), (0, 0), (2, 0), *[(0, 0)] * 4]
    assert (days[2].user_characters, days[0].assistant_characters) == (16, 10)
    assert [each.people for each in await database.stats.active(**WEEK)] == [1, 0, 2, 0, 0, 0, 0]
    assert await database.stats.active(**WEEK, unit="week") == [Active("2026-03-02", 2)]
    assert await database.stats.active(**WEEK, unit="month") == [Active("2026-03-01", 2)]
    assert await database.stats.roles(**WEEK) == [
        Spoke("user", 3, 2, 2, 21, 5),
        Spoke("assistant", 1, 1, 1, 10, 10),
        Spoke("system", 0, 0, 0, 0, 0),
    ]
    hours = await database.stats.hours(**WEEK)
    assert len(hours) == 168
    assert [each for each in hours if each.messages] == [Hour(1, 0, 1), Hour(3, 9, 2)]
    assert [(chat.telegram_chat_id, chat.title, chat.messages) for chat in chats] == [
        (7, "Ada Lovelace", 3),
        (8, "Ada Lovelace", 1),
    ]


async def test_figures_of_a_chat(database: Database) -> None:
    """Of that chat alone, whoever wrote there and in whichever topic; what is hidden is not counted."""
    group: dict[str, Any] = {"telegram_chat_id": -5, "chat_type": "supergroup", "chat_title": "Engines"}
    question = await wrote(database, at(hours=9), **group)
    await answered(database, question, at(hours=10))
    await wrote(database, at(days=2, hours=9.5), telegram_user_id=8, message_thread_id=3, **group)
    hidden = await wrote(database, at(days=3), telegram_user_id=9, **group)
    await database.messages.delete(chat_id=hidden["chat_id"], message_id=hidden["reply_to_id"])
    await wrote(database, at(days=7), **group)
    await wrote(database, at(days=4))
    chat: dict[str, Any] = {"chat_id": question["chat_id"], "since": at(), "until": at(days=7)}

    days = await database.stats.chat_daily(**chat)
    hours = await database.stats.chat_hours(**chat)

    assert [(day.user_messages, day.assistant_messages) for day in days] == [(1, 1), (0, 0), (1, 0), *[(0, 0)] * 4]
    assert (days[0].day, days[0].user_characters, days[0].assistant_characters) == ("2026-03-02", 5, 10)
    assert [each for each in hours if each.messages] == [Hour(1, 9, 1), Hour(3, 9, 1)]
    assert len(hours) == 168
    assert await database.stats.chat_daily(**{**chat, "chat_id": 404}) == [
        Daily(day.day, 0, 0, 0, 0, 0) for day in days
    ]


async def test_answer_times(database: Database) -> None:
    """The first reply that was sent counts, within a day of the end too; a clock that is behind makes it 0."""
    for seconds in (1, 2, 3, 60):
        question = await wrote(database, at(seconds=1_000 * seconds))
        await answered(database, question, at(seconds=1_001 * seconds))
        await answered(database, question, at(days=1))
    late = await wrote(database, at(days=6, hours=23.9))
    await answered(database, late, at(days=7, hours=1), delivery="pending")
    await answered(database, late, at(days=7, hours=2.9))
    early = await wrote(database, at(days=5))
    await answered(database, early, at(days=5, seconds=-1))
    await wrote(database, at(days=1))

    times = await database.stats.answer_times(**WEEK)

    assert times == [
        AnswerTimes("2026-03-02", 4, 4, 2_000, 60_000),
        AnswerTimes("2026-03-03", 1, 0, None, None),
        *[AnswerTimes(f"2026-03-0{n}", 0, 0, None, None) for n in (4, 5, 6)],
        AnswerTimes("2026-03-07", 1, 1, 0, 0),
        AnswerTimes("2026-03-08", 1, 1, 10_800_000, 10_800_000),
        AnswerTimes(None, 7, 6, 2_000, 10_800_000),
    ]


async def test_cohorts(database: Database) -> None:
    """Who came in a week and was there in later ones; who came before the range, or only elsewhere, is in none."""
    for telegram_user_id, days in ((7, [0, 6, 8, 15]), (8, [1, 15]), (9, [9]), (10, [-30, 2, 9])):
        for day in days:
            await wrote(database, at(days=day), telegram_user_id)
    await wrote(database, at(days=-30), 8, bot_id=2)

    cohorts = await database.stats.cohorts(bot_id=1, since=at(), until=at(days=21))
    next_week = await database.stats.cohorts(bot_id=1, since=at(), until=at(days=21), weeks=1)

    assert cohorts == [
        Cohort("2026-03-02", 0, 2),
        Cohort("2026-03-02", 1, 1),
        Cohort("2026-03-02", 2, 2),
        Cohort("2026-03-09", 0, 1),
        Cohort("2026-03-09", 1, 0),
        Cohort("2026-03-16", 0, 0),
    ]
    assert [each for each in cohorts if each.weeks_after < 2] == next_week


async def test_tokens(database: Database) -> None:
    """Each day has what was used on that date by UTC, of that bot; a zone has the same days as in other figures."""
    user_id = person((await said(database)).message)
    for bot_id, day in ((1, 0), (1, 0), (1, 2), (2, 0), (1, -1), (1, 3)):
        used: dict[str, Any] = {"input_tokens": 30, "output_tokens": 5, "at": at(days=day, hours=1)}
        await database.usage.add(user_id=user_id, bot_id=bot_id, **used)
    midnight = datetime(2026, 3, 2, tzinfo=ZoneInfo("Asia/Tokyo"))

    tokens = await database.stats.tokens(
        bot_id=1, since=midnight, until=midnight + timedelta(days=3), time_zone="Asia/Tokyo"
    )

    assert tokens == [
        Tokens("2026-03-02", 1, 2, 60, 10),
        Tokens("2026-03-03", 0, 0, 0, 0),
        Tokens("2026-03-04", 1, 1, 30, 5),
    ]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia"])
async def test_days_of_a_time_zone(database: Database, connection: psycopg.Connection, zone: str) -> None:
    """As Python counts them, over changes of the clock in both directions, and where a midnight or a day is missing."""
    clock, random = ZoneInfo(zone), Random(zone)  # noqa: S311 - no secret
    # Samoa left out 30 December 2011, Brazil's clocks changed at midnight until 2019
    since = datetime(2011, 12, 20, tzinfo=UTC) if zone.endswith("Apia") else datetime(2018, 10, 25, 5, tzinfo=UTC)
    until = since + timedelta(days=160)
    sent = [since + timedelta(seconds=random.randrange(160 * 24 * 60 * 60)) for _ in range(400)]
    people = [person((await said(database, telegram_user_id=n, sent_at=sent[n])).message) for n in (1, 2, 3)]
    connection.execute("DELETE FROM messages")
    wrote_at = [(random.choice(people), moment) for moment in [*sent, since, until - timedelta(microseconds=1), until]]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO messages (chat_id, user_id, role, content, sent_at) VALUES (%s, %s, 'user', 'text', %s)",
            [(1, user_id, moment) for user_id, moment in wrote_at],
        )
    of: dict[str, Any] = {"bot_id": 1, "since": since, "until": until, "time_zone": zone}

    by_unit = {unit: await database.stats.active(**of, unit=unit) for unit in ("day", "week", "month")}
    daily = await database.stats.daily(**of)
    hours = await database.stats.hours(**of)

    local = [(user_id, moment.astimezone(clock)) for user_id, moment in wrote_at[:-1]]
    first, last = since.astimezone(clock).date(), (until - timedelta(microseconds=1)).astimezone(clock).date()
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    for unit, found in by_unit.items():
        there: defaultdict[date, set[int]] = defaultdict(set, {starts_on(day, unit): set() for day in days})
        for user_id, moment in local:
            there[starts_on(moment.date(), unit)].add(user_id)
        assert found == [Active(f"{day}", len(people)) for day, people in there.items()]
    messages = Counter(moment.date() for _, moment in local)
    assert [(each.day, each.user_messages) for each in daily] == [(f"{day}", messages[day]) for day in days]
    clocks = Counter((moment.isoweekday(), moment.hour) for _, moment in local)
    assert {(each.weekday, each.hour): each.messages for each in hours if each.messages} == dict(clocks)


def starts_on(day: date, unit: str) -> date:
    """The first day of the day's week or month, or itself."""
    match unit:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day


async def test_range_by_default(database: Database) -> None:
    """The last 30 days and today so far; a bot that is not known has them, too, with nothing in them."""
    today = datetime.now(UTC).date()

    days = await database.stats.daily(bot_id=404)

    assert [each.day for each in days] == [f"{today - timedelta(days=n)}" for n in range(29, -1, -1)]
    assert not any(each.user_messages for each in days)
    assert await database.stats.top_chats(bot_id=404) == []
    assert (await database.stats.answer_times(bot_id=404))[-1] == AnswerTimes(None, 0, 0, None, None)


@pytest.mark.parametrize(
    ("zone", "until"),
    [
        ("UTC", "2026-12-01T00:00"),
        ("America/New_York", "2026-03-20T00:30"),
        ("America/New_York", "2026-11-10T23:30"),
        ("Europe/Berlin", "2026-04-10T00:30"),
    ],
)
async def test_range_by_default_before_an_end(database: Database, zone: str, until: str) -> None:
    """30 days of the zone whatever its clocks did, the last one that in which the range ends."""
    end = datetime.fromisoformat(until).replace(tzinfo=ZoneInfo(zone))
    of: dict[str, Any] = {"bot_id": 404, "until": end, "time_zone": zone}

    daily = await database.stats.daily(**of)

    last = (end - timedelta(minutes=1)).date()
    assert [each.day for each in daily] == [f"{last - timedelta(days=n)}" for n in range(29, -1, -1)]
    assert [each.starts_on for each in await database.stats.active(**of)] == [each.day for each in daily]
    assert [each.day for each in (await database.stats.answer_times(**of))[:-1]] == [each.day for each in daily]
    assert [each.day for each in await database.stats.tokens(**of)] == [each.day for each in daily]


async def test_top_chats_by_their_titles(database: Database) -> None:
    """A private chat may have one, as those of the terminal; without one it is its person's, if that has a name."""
    for number, (first_name, title) in enumerate([("Ada", "recipes"), ("Ada", None), ("", None), ("Ada", "")], 1):
        names = {"first_name": first_name, "last_name": None, "chat_title": title}
        await wrote(database, at(seconds=number), number, **names)

    chats = await database.stats.top_chats(**WEEK)

    assert [chat.title for chat in chats] == ["recipes", "Ada", None, "Ada"]


async def test_days_of_clocks_that_were_put_back(database: Database) -> None:
    """Ten years are as many days and an hour where they began in summer; and America's old names are names."""
    since = datetime(2016, 10, 31, tzinfo=ZoneInfo("EST5EDT")).astimezone(UTC)

    days = await database.stats.daily(
        bot_id=1, since=since, until=since + timedelta(days=3660, hours=1), time_zone="EST5EDT"
    )

    assert len(days) == 3660


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("since", {"since": MONDAY, "until": MONDAY}),
        ("since", {"since": MONDAY, "until": at(days=3661)}),
        ("since", {"since": datetime(2026, 1, 1)}),  # noqa: DTZ001 - that is what is wrong
        ("time_zone", {"time_zone": "Europe/Berlni"}),
        ("time_zone", {"time_zone": "UTC+3"}),
        ("time_zone", {"time_zone": "Europe/Berlin+3"}),
        ("time_zone", {"time_zone": "IST"}),
        ("time_zone", {"time_zone": "CET"}),
        ("time_zone", {"time_zone": "America"}),
        ("time_zone", {"time_zone": ""}),
        ("time_zone", {"time_zone": None}),
        ("unit", {"unit": "hour"}),
    ],
)
async def test_active_of_what_is_no_range(database: Database, field: str, wrong: dict[str, Any]) -> None:
    """A range that is none, a zone that is unknown or that POSIX reads the other way round, and a unit of no figure."""
    with pytest.raises(InvalidInput) as refused:
        await database.stats.active(bot_id=1, **wrong)

    assert refused.value.field == field
