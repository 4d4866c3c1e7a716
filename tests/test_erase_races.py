"""Erasing a person while they talk, are deleted, restored or erased by others: nothing of them is left."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from botcore import Database, NotFound, NotRecorded, Receipt
from tests.conftest import until_waiting
from tests.factories import SENT_AT, dialogue, edited, person, said
from tests.test_concurrency import FILL

LEFT = """
    SELECT count(*) FROM (
        SELECT FROM users WHERE telegram_user_id = %(id)s
        UNION ALL SELECT FROM chats WHERE telegram_chat_id = %(id)s
        UNION ALL SELECT FROM messages WHERE content = %(id)s::text
        UNION ALL SELECT FROM message_versions WHERE content = %(id)s::text
    ) AS rows
"""
GROUP = {"telegram_chat_id": -100_555, "chat_type": "supergroup"}
REFUSED = (NotFound, NotRecorded)


async def settle(*calls: Awaitable[Any]) -> list[Any]:
    """Runs the calls at once; raises what is no refusal."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, REFUSED):
            raise result
    return results


def left(connection: psycopg.Connection, telegram_user_id: int) -> int:
    """How many rows know of the person."""
    row = connection.execute(LEFT, {"id": telegram_user_id}).fetchone()
    assert row
    return int(row[0])


@pytest.mark.parametrize("known", [True, False])
async def test_erase_against_what_is_delivered_leaves_nothing(database_url: str, *, known: bool) -> None:
    """150 races with messages, edits and answers of somebody known or new: refused, or erased; others stay."""
    async with Database.connect(database_url, min_size=8, max_size=8) as database:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for number in range(1_000, 1_150):
                who = {"telegram_user_id": number, "content": str(number)}
                answers = []
                if known:
                    message = (await said(database, **who)).message
                    answer = {**dialogue(message), "role": "assistant", "content": str(number)}
                    answers = [database.messages.add(**answer, sent_at=SENT_AT)]

                results = await settle(
                    said(database, **who, telegram_message_id=200),
                    said(database, **who, **GROUP, telegram_message_id=number),
                    database.messages.edit(**edited(5, **who)),
                    database.users.erase(telegram_user_id=number),
                    *answers,
                    said(database, telegram_user_id=8, **GROUP, telegram_message_id=10_000 + number),
                )

                assert left(connection, number) == 0
                assert results[-1].is_new
            assert (await database.stats.totals(bot_id=1)).user_messages == 150


async def test_erase_against_changes_of_the_person_leaves_nothing(database_url: str) -> None:
    """60 rounds beside deletions, restorations and a clearing of the person and their chats end without an error."""
    async with Database.connect(database_url, min_size=8, max_size=8) as database:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for number in range(1_000, 1_060):
                who = {"telegram_user_id": number, "content": str(number)}
                message = (await said(database, **who)).message
                group = (await said(database, **who, **GROUP, telegram_message_id=number)).message
                connection.execute(FILL, {"n": 200, **dialogue(group)})

                await settle(
                    database.users.delete(user_id=person(message)),
                    database.chats.delete(chat_id=message.chat_id),
                    database.chats.delete(chat_id=group.chat_id),
                    database.messages.clear(**dialogue(group)),
                    database.users.erase(telegram_user_id=number),
                    database.users.restore(user_id=person(message)),
                    database.chats.restore(chat_id=group.chat_id),
                    database.chats.restore(chat_id=message.chat_id),
                )

                assert left(connection, number) == 0


async def test_erase_of_one_person_by_eight_sessions_counts_each_row_once(database_url: str) -> None:
    """Thirty times eight erasures of the same person at once: one finds everything, the others nothing."""
    async with Database.connect(database_url, min_size=8, max_size=8) as database:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for number in range(1_000, 1_030):
                message = (await said(database, telegram_user_id=number)).message
                connection.execute(FILL, {"n": 99, **dialogue(message)})

                receipts: list[Receipt] = await settle(
                    *(database.users.erase(telegram_user_id=number) for _ in range(8))
                )

                assert sorted(receipt.messages for receipt in receipts) == [0] * 7 + [100]
                assert sum(receipt.users for receipt in receipts) == 1
                assert left(connection, number) == 0


async def test_erase_of_two_people_who_talk_with_each_other_does_not_deadlock(database_url: str) -> None:
    """Forty times the erasures of two owners of business accounts, each in the other's private chats, end well."""
    async with Database.connect(database_url, min_size=8, max_size=8) as database:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for number in range(1_000, 1_040):
                pair = (number, number + 10_000)
                for place, (own, other) in enumerate((pair, pair[::-1])):
                    for chat in (own, other):
                        account = own if chat == other else other
                        key = {"telegram_chat_id": chat, "business_connection_id": f"of {account}"}
                        await said(database, telegram_user_id=own, **key, telegram_message_id=place + 1)

                await settle(*(database.users.erase(telegram_user_id=each) for each in pair))

                assert [left(connection, each) for each in pair] == [0, 0]


async def test_erase_between_its_batches_lets_nobody_in(database_url: str) -> None:
    """What is sent, answered or edited while the second of three batches is held up is refused; the group goes on."""
    async with Database.connect(database_url, min_size=8, max_size=8) as database:
        group = (await said(database, **GROUP)).message
        private = (await said(database)).message
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(FILL, {"n": 12_000, **dialogue(group)})
            with connection.transaction():
                connection.execute("SELECT FROM messages WHERE id = %s FOR UPDATE", (group.id + 7_000,))
                erasing = asyncio.create_task(database.users.erase(telegram_user_id=7))
                await until_waiting(connection)
                late = asyncio.create_task(
                    settle(
                        said(database, telegram_message_id=200),
                        said(database, **GROUP, telegram_message_id=201),
                        database.messages.edit(**edited(5, **GROUP)),
                        database.messages.add(**dialogue(private), role="assistant", content="Hi"),
                    )
                )
                others = await said(database, telegram_user_id=8, **GROUP, telegram_message_id=202)

            receipt, refused = await erasing, await late

            assert left(connection, 7) == 0
        assert (receipt.users, receipt.chats, receipt.messages) == (1, 1, 12_002)
        assert {type(each) for each in refused} <= set(REFUSED)
        assert await database.messages.recent_in_chat(chat_id=others.message.chat_id) == [others.message]


async def test_erase_refuses_a_message_of_the_moment_before(database: Database) -> None:
    """The receipt's own time is the last that is refused."""
    receipt = await database.users.erase(telegram_user_id=7)

    with pytest.raises(NotRecorded):
        await said(database, sent_at=receipt.erased_at)
    assert (await said(database, sent_at=receipt.erased_at + timedelta(microseconds=1))).is_new
