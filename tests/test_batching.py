"""Calls that come at once become one statement, and nobody can tell by what they get."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from botcore import Database, InvalidInput, Message, NotFound, NotRecorded, Recorded
from tests.crowds import crowd, ids
from tests.factories import dialogue, incoming, said

TRANSACTIONS = "SELECT count(DISTINCT xmin::text) FROM messages"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open database whose calls join, whatever the suite's default."""
    async with Database.connect(database_url, join_calls=True) as opened:
        yield opened


async def test_record_of_known_people_at_once_is_two_statements(
    database: Database, connection: psycopg.Connection
) -> None:
    """A hundred dialogues go on at the same moment: one for each half, and each caller has its own message."""
    await crowd(database, chats=100)
    connection.execute("DELETE FROM messages")

    recorded = await asyncio.gather(
        *(said(database, telegram_user_id=n, telegram_message_id=2, content=f"{n}") for n in ids(100))
    )

    assert [each.message.content for each in recorded] == [f"{n}" for n in ids(100)]
    assert all(each.is_new for each in recorded)
    assert connection.execute(TRANSACTIONS).fetchone() == (2,)


@pytest.mark.parametrize("people", [[1] * 100, [1, 2, 3, 4] * 25, [1] * 40 + [2], [*range(1, 10), *[1] * 7]])
async def test_record_of_few_chats_at_once_is_one_statement(
    database: Database, connection: psycopg.Connection, people: list[int]
) -> None:
    """Half of the messages would have to wait for the other half, or hardly any would be left."""
    await crowd(database)
    connection.execute("DELETE FROM messages")

    recorded = await asyncio.gather(
        *(said(database, telegram_user_id=n, telegram_message_id=place) for place, n in enumerate(people, 2))
    )

    found = [(person, each.message.id) for person, each in zip(people, recorded, strict=True)]
    # sorted is stable: those of a chat in the order of their calls
    assert sorted(found, key=lambda each: each[0]) == sorted(found)
    assert connection.execute(TRANSACTIONS).fetchone() == (1,)


async def test_join_calls_can_be_switched_off(database_url: str, connection: psycopg.Connection) -> None:
    """Then each call is a transaction of its own."""
    async with Database.connect(database_url, join_calls=False) as database:
        await crowd(database)

    assert connection.execute(TRANSACTIONS).fetchone() == (20,)


async def test_add_at_once_is_one_statement(database: Database, connection: psycopg.Connection) -> None:
    """Twenty answers are two transactions at most, and each is in its own dialogue."""
    questions = await crowd(database)

    answers = await asyncio.gather(
        *(
            database.messages.add(**dialogue(each), role="assistant", content=f"{each.id}", reply_to_id=each.id)
            for each in questions
        )
    )

    assert [(each.chat_id, each.reply_to_id) for each in answers] == [(each.chat_id, each.id) for each in questions]
    assert [each.content for each in answers] == [f"{each.id}" for each in questions]
    assert connection.execute(f"{TRANSACTIONS} WHERE role = 'assistant'").fetchone() in {(1,), (2,)}


async def test_long_texts_share_a_statement_with_few(database: Database, connection: psycopg.Connection) -> None:
    """Twenty of 100,000 characters are several statements, so that none of them takes the memory of all."""
    questions = await crowd(database)

    answers = await asyncio.gather(
        *(database.messages.add(**dialogue(each), role="assistant", content="x" * 100_000) for each in questions)
    )

    assert {each.length for each in answers} == {100_000}
    row = connection.execute(f"{TRANSACTIONS} WHERE role = 'assistant'").fetchone()
    assert row
    assert row[0] >= 10


@pytest.mark.parametrize("calls", [1, 2, 7, 200])
async def test_reading_at_once_gives_what_reading_alone_gives(
    database: Database, database_url: str, calls: int
) -> None:
    """Pages and windows of any size and place, of dialogues that exist or do not."""
    random = Random(calls)  # noqa: S311 - no secret
    for message in await crowd(database, chats=5):
        await database.messages.add(**dialogue(message), role="system", content="Be brief.")
        for number in range(12):
            await database.messages.add(**dialogue(message), role="user", content="x" * number)
    async with Database.connect(database_url, join_calls=False) as alone:
        sizes = {"recent": ("page_size", "before_id"), "window": ("max_messages", "max_characters", "before_id")}
        for name, limits in sizes.items():
            asked = [
                {"chat_id": random.randint(1, 6), "user_id": random.randint(1, 6)}
                | {limits[0]: random.randint(1, 15)}
                | {limit: random.randint(1, 70) for limit in limits[1:]}
                for _ in range(calls)
            ]

            joined = await asyncio.gather(*(getattr(database.messages, name)(**each) for each in asked))

            assert joined == [await getattr(alone.messages, name)(**each) for each in asked]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2, max_size=20))
@example(["", '"', "\\", '\\"', "{}", "NULL", ",", "a\nb", "'", "%s", ":'name'", '{"a": "\\u00e4"}'])
async def test_text_is_stored_as_it_was_given(database: Database, texts: list[str]) -> None:
    """Quotes, braces, backslashes, NULL and line ends go through the lists as they are, in every field."""
    [question] = await crowd(database, chats=1)
    await asyncio.gather(*(said(database, telegram_user_id=7, telegram_message_id=None) for _ in range(3)))

    answers = await asyncio.gather(
        *(database.messages.add(**dialogue(question), role="assistant", content=text) for text in texts)
    )
    recorded = await asyncio.gather(
        *(
            said(database, telegram_user_id=7, telegram_message_id=None, content=text, media_group_id=text or None)
            for text in texts
        )
    )

    assert [each.content for each in answers] == texts
    assert [each.message.content for each in recorded] == texts
    assert [each.message.media_group_id or "" for each in recorded] == texts


async def test_calls_of_every_kind_at_once_end_as_they_do_alone(database: Database, database_url: str) -> None:
    """Known and new people, new names, redeliveries, refused ones and mistakes: each has its own end, in any mix."""
    random = Random(5)  # noqa: S311 - no secret
    await crowd(database, chats=10)
    await database.users.opt_out(telegram_user_id=3)
    chat = await database.chats.find(bot_id=1, telegram_chat_id=4)
    assert chat
    await database.chats.delete(chat_id=chat.id)
    calls: list[dict[str, Any]] = []
    for number in range(400):
        person = random.randint(1, 14)
        call = incoming(telegram_user_id=person, telegram_message_id=1_000 + number)
        match random.randint(1, 8):
            case 1:
                call |= {"first_name": f"Ada {number}"}
            case 2:
                call |= {"telegram_message_id": 1}
            case 3:
                call |= {"role": "nobody"}
            case 4:
                call |= {"telegram_user_id": None, "telegram_chat_id": -person, "chat_type": "channel"}
            case 5:
                call |= {"content": "NUL \0"}
        calls.append(call)

    ends = await asyncio.gather(*(database.messages.record(**call) for call in calls), return_exceptions=True)

    for call, end in zip(calls, ends, strict=True):
        if "\0" in call["content"] or (call["role"] == "nobody" and call["telegram_chat_id"] != 3):
            assert isinstance(end, InvalidInput)
        elif call["telegram_chat_id"] == 3 and call["telegram_message_id"] != 1:
            assert isinstance(end, NotRecorded)
        else:
            assert isinstance(end, Recorded)
            assert end.message.telegram_message_id == call["telegram_message_id"]
    new = [end.message.id for end in ends if isinstance(end, Recorded) and end.is_new]
    assert len(new) == len(set(new))
    async with Database.connect(database_url, join_calls=False) as alone:
        hidden = 1  # of the chat that was deleted: its first message stays so
        assert (await alone.stats.totals(bot_id=1)).user_messages == 10 + len(new) - hidden


async def test_error_stays_with_its_call(database: Database) -> None:
    """Of twenty answers one has a role that does not exist, one a chat: the others are stored."""
    questions = await crowd(database)
    keys = [dialogue(each) for each in questions]
    keys[7]["chat_id"] = 999

    ends = await asyncio.gather(
        *(
            database.messages.add(**key, role="nobody" if place == 3 else "assistant", content="Answer")  # type: ignore[arg-type]
            for place, key in enumerate(keys)
        ),
        return_exceptions=True,
    )

    assert [type(end) for end in ends[:3] + ends[8:]] == [Message] * 15
    assert isinstance(ends[3], InvalidInput)
    assert isinstance(ends[7], NotFound)


async def test_messages_of_a_chat_keep_the_order_of_the_calls(database: Database) -> None:
    """Three hundred at once, where the first ones find a chat and people that nobody knows yet."""
    recorded = await asyncio.gather(
        *(said(database, telegram_user_id=n % 3, telegram_message_id=n, telegram_chat_id=-5) for n in range(301, 1, -1))
    )

    found = [each.message.id for each in recorded]
    assert found == sorted(found)


async def test_get_or_create_at_once_gives_everybody_the_same_rows(database: Database) -> None:
    """A hundred calls for ten people, known, new or renamed: ten rows, each caller with the name that it gave."""
    key: dict[str, Any] = {"username": None, "last_name": None, "language_code": "en"}
    for _ in range(3):
        people = await asyncio.gather(
            *(database.users.get_or_create(telegram_user_id=n % 10, first_name="Ada", **key) for n in range(1, 101))
        )
        chats = await asyncio.gather(
            *(database.chats.get_or_create(bot_id=1, telegram_chat_id=n % 10, type="private") for n in range(1, 101))
        )

        assert [each.telegram_user_id for each in people] == [n % 10 for n in range(1, 101)]
        assert len({each.id for each in people}) == 10
        assert [each.telegram_chat_id for each in chats] == [n % 10 for n in range(1, 101)]
        assert len({each.id for each in chats}) == 10
    renamed = await asyncio.gather(
        *(database.users.get_or_create(telegram_user_id=n, first_name=f"Ada {n}", **key) for n in range(10))
    )
    assert [each.first_name for each in renamed] == [f"Ada {n}" for n in range(10)]


async def test_sent_at_is_the_callers(database: Database) -> None:
    """Times go through the lists to the microsecond, in any zone and year."""
    [question] = await crowd(database, chats=1)
    moments = [
        datetime(2, 1, 1, tzinfo=UTC),
        datetime(9998, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime.now(UTC),
    ]
    for _ in range(2):
        answers = await asyncio.gather(
            *(
                database.messages.add(**dialogue(question), role="assistant", content="x", sent_at=moment)
                for moment in moments
            )
        )

        assert [each.sent_at for each in answers] == moments
