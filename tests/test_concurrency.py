"""Many calls at once: nothing lost, nothing doubled, no row live under a deleted parent."""

import asyncio
from collections import Counter
from datetime import timedelta
from random import Random

import psycopg
import pytest

from botcore import Database, InvalidInput, Recorded, Transaction, Unavailable
from tests.conftest import until_waiting
from tests.factories import SENT_AT, dialogue, edited, person, said

SESSIONS = 8
FILL = (
    "INSERT INTO messages (chat_id, user_id, role, content, sent_at)"
    " SELECT %(chat_id)s, %(user_id)s, 'user', 'x', now() FROM generate_series(1, %(n)s)"
)


async def test_record_of_the_same_new_message_by_eight_sessions_is_new_once(database_url: str) -> None:
    """300 times eight sessions record the same new person, chat and message: one row each, is_new once."""
    async with Database.connect(database_url, min_size=SESSIONS, max_size=SESSIONS) as database:
        for number in range(300):
            recorded = await asyncio.gather(
                *(said(database, telegram_user_id=1_000 + number, telegram_message_id=number + 1) for _ in range(8))
            )

            assert Counter(each.is_new for each in recorded) == {True: 1, False: SESSIONS - 1}
            assert len({(each.message.chat_id, each.message.id, each.message.user_id) for each in recorded}) == 1

        assert (await database.stats.totals(bot_id=1)).user_messages == 300


async def test_record_of_a_known_dialogue_with_changing_names_loses_nothing(database_url: str) -> None:
    """Eight sessions store 400 messages of one person whose name and chat title change all the time."""
    async with Database.connect(database_url, min_size=SESSIONS, max_size=SESSIONS) as database:
        recorded = await asyncio.gather(
            *(
                said(database, telegram_message_id=n, first_name=f"Ada {n % 5}", chat_title=f"Title {n % 3}")
                for n in range(1, 401)
            )
        )

        assert all(each.is_new for each in recorded)
        assert len(await database.users.page()) == len(await database.chats.page()) == 1
        assert (await database.stats.totals(bot_id=1)).user_messages == 400


async def test_add_of_the_same_answer_by_eight_sessions_stores_one(database_url: str) -> None:
    """100 times eight sessions add an answer under the same Telegram id: all get the same row."""
    async with Database.connect(database_url, min_size=SESSIONS, max_size=SESSIONS) as database:
        question = (await said(database)).message
        key = dialogue(question) | {"role": "assistant", "content": "Hi"}
        for number in range(101, 201):
            answers = await asyncio.gather(
                *(database.messages.add(**key, telegram_message_id=number) for _ in range(SESSIONS))
            )

            assert len({answer.id for answer in answers}) == 1


async def test_get_or_create_by_eight_sessions_gives_one_person_and_one_chat(database_url: str) -> None:
    """200 times eight sessions ask for the same new person and chat: everybody gets the same ids."""
    async with Database.connect(database_url, min_size=SESSIONS, max_size=SESSIONS) as database:
        for number in range(200):
            users = await asyncio.gather(
                *(database.users.get_or_create(telegram_user_id=number, first_name="Ada") for _ in range(SESSIONS))
            )
            chats = await asyncio.gather(
                *(
                    database.chats.get_or_create(bot_id=1, telegram_chat_id=number, type="private")
                    for _ in range(SESSIONS)
                )
            )

            assert len({user.id for user in users}) == len({chat.id for chat in chats}) == 1


async def test_record_against_the_deletion_of_its_person_leaves_no_orphan(database_url: str) -> None:
    """200 races: the message either fell with its person, or it revived them and lives; never live under a deleted."""
    async with Database.connect(database_url, min_size=4, max_size=4) as database:
        first = (await said(database)).message
        key = dialogue(first)
        for number in range(200):
            recorded, _ = await asyncio.gather(
                said(database, telegram_message_id=1_000 + number), database.users.delete(user_id=person(first))
            )
            user = await database.users.get(user_id=person(first))
            live = await database.messages.recent(**key)

            assert recorded.is_new
            assert bool(user) == bool(live)
            await said(database, telegram_message_id=100_000 + number)


async def test_record_against_the_deletion_of_its_chat_leaves_no_orphan(database_url: str) -> None:
    """200 races: as with a person, a message is never live in a deleted chat."""
    async with Database.connect(database_url, min_size=4, max_size=4) as database:
        first = (await said(database)).message
        for number in range(200):
            await asyncio.gather(
                said(database, telegram_message_id=1_000 + number), database.chats.delete(chat_id=first.chat_id)
            )
            chat = await database.chats.get(chat_id=first.chat_id)
            live = await database.messages.recent_in_chat(chat_id=first.chat_id)

            assert bool(chat) == bool(live)
            await said(database, telegram_message_id=100_000 + number)


async def test_deletions_of_person_chat_and_dialogue_at_once_do_not_deadlock(database_url: str) -> None:
    """50 rounds of overlapping deletions, restorations, clearings and new messages end without an error."""
    async with Database.connect(database_url, min_size=SESSIONS, max_size=SESSIONS) as database:
        first = (await said(database)).message
        key = dialogue(first)
        for number in range(50):
            for spare in range(5):
                await said(database, telegram_message_id=10 * number + spare + 1_000)

            await asyncio.gather(
                database.users.delete(user_id=person(first)),
                database.chats.delete(chat_id=first.chat_id),
                database.messages.clear(**key),
                database.messages.delete(chat_id=first.chat_id, message_id=first.id),
                database.messages.restore(chat_id=first.chat_id, message_id=first.id),
                said(database, telegram_message_id=100_000 + number),
                database.users.restore(user_id=person(first)),
                database.chats.restore(chat_id=first.chat_id),
            )


async def test_clear_leaves_what_arrives_between_its_batches(database_url: str) -> None:
    """A clearing held up in the second of its batches of 5,000 does not hide a message stored meanwhile."""
    async with Database.connect(database_url, min_size=4, max_size=4) as database:
        oldest = (await said(database)).message
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(FILL, {"n": 12_000, **dialogue(oldest)})
            with connection.transaction():
                connection.execute("SELECT FROM messages WHERE id = %s FOR UPDATE", (oldest.id + 4_000,))
                clearing = asyncio.create_task(database.messages.clear(**dialogue(oldest)))
                await until_waiting(connection)
                late = await said(database, telegram_message_id=200)

        assert await clearing == 12_001
        assert await database.messages.recent(**dialogue(oldest)) == [late.message]


async def test_clear_against_the_deletion_of_its_person_does_not_deadlock(database_url: str) -> None:
    """A clearing, from the newest down, and a deletion, from the oldest up, meet ten times in 4,000 messages."""
    async with Database.connect(database_url, min_size=4, max_size=4) as database:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for number in range(10):
                message = (await said(database, telegram_message_id=number + 1)).message
                connection.execute(FILL, {"n": 4_000, **dialogue(message)})

                await asyncio.gather(
                    database.messages.clear(**dialogue(message)), database.users.delete(user_id=person(message))
                )

                assert await database.messages.recent(**dialogue(message)) == []


async def test_restore_of_a_message_makes_the_deletion_of_its_person_wait(database: Database) -> None:
    """A restoration that is not committed yet is not overlooked by a deletion: no live message of a deleted person."""
    message = (await said(database)).message
    await database.messages.delete(chat_id=message.chat_id, message_id=message.id)
    async with database.transaction() as transaction:
        restored = await transaction.messages.restore(chat_id=message.chat_id, message_id=message.id)
        deleting = asyncio.create_task(database.users.delete(user_id=person(message)))
        await asyncio.sleep(0.1)

    assert (restored, await deleting) == (True, True)
    assert await database.messages.recent(**dialogue(message)) == []


async def test_edit_by_eight_sessions_in_any_order_keeps_each_once(database_url: str) -> None:
    """300 messages, each delivered with five edits, all twice and shuffled: the newest wins, each is kept once."""
    shuffled = Random(7)  # noqa: S311 - an order, no secret
    history = list("abcabd")
    async with Database.connect(database_url, min_size=SESSIONS, max_size=SESSIONS) as database:
        for number in range(1, 301):
            order = [*range(len(history)), *range(len(history))]
            shuffled.shuffle(order)

            recorded = await asyncio.gather(*(deliver(database, number, at, history[at]) for at in order))

            assert Counter(each.is_new for each in recorded if each) == {True: 1, False: len(order) - 1}
            [message] = {(each.message.chat_id, each.message.id) for each in recorded if each}
            stored = await database.messages.get(chat_id=message[0], message_id=message[1])
            versions = await database.messages.versions(chat_id=message[0], message_id=message[1])
            assert stored
            assert (stored.content, stored.edited_at) == ("d", SENT_AT + timedelta(seconds=5))
            assert [version.content for version in versions] == history


async def test_edit_by_eight_sessions_in_one_second_keeps_each_once(database_url: str) -> None:
    """200 messages, each with four edits of the same second, all twice: none lost, none doubled, the last one wins."""
    async with Database.connect(database_url, min_size=SESSIONS, max_size=SESSIONS) as database:
        for number in range(1, 201):
            message = (await said(database, telegram_message_id=number, content="a")).message

            await asyncio.gather(*(deliver(database, number, 1, content) for content in "bcdebcde"))

            key = {"chat_id": message.chat_id, "message_id": message.id}
            stored = await database.messages.get(**key)
            contents = [version.content for version in await database.messages.versions(**key)]
            assert stored
            assert sorted(contents) == list("abcde")
            assert (contents[0], contents[-1]) == ("a", stored.content)


async def test_edit_against_deletions_deadlocks_and_revives_nothing(database_url: str) -> None:
    """100 rounds of edits beside the deletion of their message, person, chat and dialogue: all stays deleted."""
    async with Database.connect(database_url, min_size=SESSIONS, max_size=SESSIONS) as database:
        for number in range(1, 101):
            message = (await said(database, telegram_message_id=number)).message

            await asyncio.gather(
                *(deliver(database, number, at, f"text {at}") for at in (3, 1, 4, 2)),
                database.messages.delete(chat_id=message.chat_id, message_id=message.id),
                database.messages.clear(**dialogue(message)),
                database.users.delete(user_id=person(message)),
                database.chats.delete(chat_id=message.chat_id),
            )

            assert (await database.users.page(), await database.chats.page()) == ([], [])
            assert await database.messages.recent(**dialogue(message)) == []


async def deliver(database: Database, number: int, seconds: int, content: str) -> Recorded | None:
    """Records the message, or an edit of it so many seconds later."""
    fields = {"telegram_message_id": number, "content": content}
    if seconds:
        return await database.messages.edit(**edited(seconds, **fields))
    return await said(database, **fields)


async def test_calls_in_one_transaction_take_turns(database: Database) -> None:
    """Tasks that share a transaction, savepoints and all, wait for one another on its connection."""
    async with database.transaction() as transaction:
        recorded = await asyncio.gather(*(said(transaction, telegram_message_id=n) for n in range(1, 21)))
        others = [await said(transaction, telegram_user_id=n) for n in (8, 9)]
        deleted = await asyncio.gather(
            *(transaction.users.delete(user_id=person(other.message)) for other in others),
        )

    assert all(each.is_new for each in recorded)
    assert deleted == [True, True]


async def test_failing_savepoint_takes_no_other_tasks_row_along(database: Database) -> None:
    """What a task stores beside another one's savepoint is kept when that is undone."""

    async def fail(transaction: Transaction) -> None:
        async with transaction.transaction() as inner:
            await said(inner, telegram_user_id=1)
            await asyncio.sleep(0.01)
            raise ZeroDivisionError

    async with database.transaction() as transaction:
        await asyncio.gather(fail(transaction), said(transaction, telegram_user_id=2), return_exceptions=True)

    assert [user.telegram_user_id for user in await database.users.page()] == [2]


async def test_cancelled_calls_leave_the_pool_whole(database_url: str) -> None:
    """500 calls cancelled at any moment, and then every connection serves again."""
    async with Database.connect(database_url, max_size=4) as database:
        tasks = [asyncio.create_task(said(database, telegram_message_id=n)) for n in range(1, 501)]
        for task in tasks:
            await asyncio.sleep(0.0005)
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)

        await asyncio.gather(*(database.ping() for _ in range(50)))

        assert {type(result) for result in results} <= {Recorded, asyncio.CancelledError}


async def test_transaction_that_fails_while_calls_wait(database: Database) -> None:
    """What waits for its turn when the transaction is undone is refused, and not stored after all."""
    stored = (await said(database)).message
    answer = {**dialogue(stored), "role": "assistant", "content": "Hello"}
    answers = [{**answer, "role": "nobody"}, *[answer] * 4]

    with pytest.raises(InvalidInput):
        async with database.transaction() as transaction:
            calls = [asyncio.create_task(transaction.messages.add(**answer)) for answer in answers]
            await asyncio.gather(*calls)
    # one may have been on its way, and was undone with the others
    *_, last = await asyncio.gather(*calls, return_exceptions=True)

    assert isinstance(last, Unavailable)
    assert [each.content for each in await database.messages.recent(**dialogue(stored))] == [stored.content]
