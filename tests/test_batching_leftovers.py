"""What a statement of many calls cannot settle, the call does by itself: in a crowd each ends as it would alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from botcore import ClaimLost, Database, Message, NotFound, NotRecorded, Recorded
from tests.conftest import until_waiting
from tests.crowds import crowd, ids
from tests.factories import dialogue, person, said, update
from tests.test_migrate import GROUP, NEW, OLD, SUPERGROUP, migrate

CROWD = 10
ANSWER: dict[str, Any] = {"role": "assistant", "content": "Answer"}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open database whose calls join, with ten people who talk at the same moment."""
    async with Database.connect(database_url, join_calls=True) as opened:
        questions = await crowd(opened, CROWD)
        await asyncio.gather(*(opened.messages.add(**dialogue(each), **ANSWER) for each in questions))
        yield opened


async def among(database: Database, call: Awaitable[Any]) -> Any:
    """How a call ends, in the midst of others that store a message or an answer in dialogues of their own."""
    others = [message for n in ids(CROWD) if (message := await newest(database, n))]
    calls = [
        *(said(database, telegram_user_id=n, telegram_message_id=None) for n in ids(CROWD)),
        *(database.messages.add(**dialogue(each), **ANSWER) for each in others),
    ]
    ends = await asyncio.gather(*calls[: CROWD // 2], call, *calls[CROWD // 2 :], return_exceptions=True)
    return ends[CROWD // 2]


async def newest(database: Database, telegram_id: int) -> Message | None:
    """The newest message of a private chat."""
    chat = await database.chats.find(bot_id=1, telegram_chat_id=telegram_id)
    return (await database.messages.recent_in_chat(chat_id=chat.id))[0] if chat else None


async def known(database: Database) -> Message:
    """A message of somebody beside the crowd."""
    return (await said(database, telegram_user_id=99, telegram_message_id=1)).message


async def test_record_of_a_blocked_chat_unblocks_it(database: Database) -> None:
    """As a message from there does."""
    await known(database)
    await database.chats.block(bot_id=1, telegram_chat_id=99)

    end = await among(database, said(database, telegram_user_id=99, telegram_message_id=2))

    assert isinstance(end, Recorded)
    chat = await database.chats.get(chat_id=end.message.chat_id)
    assert chat
    assert chat.blocked_at is None


@pytest.mark.parametrize("repository", ["users", "chats"])
async def test_record_revives_who_was_deleted(database: Database, repository: str) -> None:
    """A deleted person or chat with a new message is back."""
    message = await known(database)
    if repository == "users":
        await database.users.delete(user_id=person(message))
    else:
        await database.chats.delete(chat_id=message.chat_id)

    end = await among(database, said(database, telegram_user_id=99, telegram_message_id=2))

    assert isinstance(end, Recorded)
    assert end.is_new
    assert await database.users.get(user_id=person(message))
    assert await database.chats.get(chat_id=message.chat_id)


async def test_record_of_a_group_that_became_another_one(database: Database) -> None:
    """It is stored in the supergroup."""
    await said(database, **GROUP, telegram_user_id=99, telegram_message_id=1)
    await said(database, **SUPERGROUP, telegram_user_id=99, telegram_message_id=1)
    chat = await migrate(database)

    end = await among(database, said(database, **GROUP, telegram_user_id=99, telegram_message_id=2))

    assert isinstance(end, Recorded)
    assert (end.message.chat_id, end.message.telegram_message_id) == (chat.id, -2)


async def test_record_of_who_opted_out_is_refused(database: Database) -> None:
    """Nothing is stored of them, as of nobody who was erased since they sent it."""
    await known(database)
    await database.users.opt_out(telegram_user_id=99)

    end = await among(database, said(database, telegram_user_id=99, telegram_message_id=2))

    assert isinstance(end, NotRecorded)


async def test_record_with_a_changed_name_stores_the_name(database: Database) -> None:
    """The person is who they say they are now."""
    message = await known(database)

    end = await among(database, said(database, telegram_user_id=99, telegram_message_id=2, last_name="King"))

    user = await database.users.get(user_id=person(message))
    assert isinstance(end, Recorded)
    assert user
    assert user.last_name == "King"


async def test_record_of_what_is_stored_gives_that(database: Database) -> None:
    """A redelivery changes nothing."""
    message = await known(database)

    end = await among(database, said(database, telegram_user_id=99, telegram_message_id=1, content="Other"))

    assert end == Recorded(message, is_new=False)


async def test_add_to_a_group_that_became_another_one(database: Database) -> None:
    """What was sent there is stored in the supergroup, and its Telegram id counts there or was the group's."""
    keys = [
        dialogue((await said(database, **group, telegram_user_id=99, telegram_message_id=1)).message)
        for group in (GROUP, SUPERGROUP)
    ]
    chat = await migrate(database)

    ends = [
        await among(
            database,
            database.messages.add(**key, **ANSWER, telegram_chat_id=sent_to, telegram_message_id=number),
        )
        for key in keys
        for sent_to, number in ((OLD, 5), (NEW, 6), (0, 7))
    ]

    assert {each.chat_id for each in ends} == {chat.id}
    assert [each.telegram_message_id for each in ends] == [-5, 6, 7] * 2


async def test_add_by_a_worker_that_lost_its_claim(database: Database) -> None:
    """It stores nothing, in a crowd as alone."""
    message = await known(database)
    [mine] = await database.updates.add(bot_id=1, updates=[update(1)], worker="a", capacity=1)
    await database.updates.release(bot_id=1, update_ids=[1], worker="a", delay_seconds=0)
    [theirs] = await database.updates.claim(bot_id=1, worker="b", capacity=1, lease_seconds=10, max_failures=5)

    ends = [
        await among(database, database.messages.add(**dialogue(message), **ANSWER, update=claim))
        for claim in (mine, theirs)
    ]

    assert isinstance(ends[0], ClaimLost)
    assert isinstance(ends[1], Message)


async def test_add_of_who_opted_out_or_is_gone(database: Database) -> None:
    """The first is refused, the second not found."""
    message = await known(database)
    await database.users.opt_out(telegram_user_id=99)
    refused = await among(database, database.messages.add(**dialogue(message), **ANSWER))
    await database.users.opt_in(telegram_user_id=99)
    await database.users.delete(user_id=person(message))

    gone = await among(database, database.messages.add(**dialogue(message), **ANSWER))

    assert isinstance(refused, NotRecorded)
    assert isinstance(gone, NotFound)


async def test_add_of_what_is_stored_gives_that(database: Database) -> None:
    """A known Telegram id is the stored message, also where it was deleted."""
    message = await known(database)
    first = await database.messages.add(**dialogue(message), **ANSWER, telegram_message_id=7)
    await database.messages.delete(chat_id=first.chat_id, message_id=first.id)

    end = await among(database, database.messages.add(**dialogue(message), **ANSWER, telegram_message_id=7))

    assert end.id == first.id
    assert end.deleted_at


async def test_record_from_before_an_erasure(database: Database) -> None:
    """What was sent before it is refused, what was sent after it is stored."""
    await known(database)
    receipt = await database.users.erase(telegram_user_id=99)

    before = await among(database, said(database, telegram_user_id=99, telegram_message_id=2))
    later = receipt.erased_at + timedelta(seconds=1)
    after = await among(database, said(database, telegram_user_id=99, telegram_message_id=3, sent_at=later))

    assert isinstance(before, NotRecorded)
    assert isinstance(after, Recorded)


@pytest.mark.parametrize("method", ["record", "add"])
async def test_chat_is_not_deleted_under_a_statement_that_writes_there(
    database: Database, connection: psycopg.Connection, method: str
) -> None:
    """The statement waits for somebody else's message: a deletion waits for it, and takes what it stored along."""
    first, *_, last = [await newest(database, n) for n in ids(CROWD)]
    assert first
    assert last
    with psycopg.connect(connection.info.dsn) as other:
        other.execute(
            "INSERT INTO messages (chat_id, role, content, telegram_message_id, sent_at)"
            " VALUES (%s, 'user', 'Hello', 5, now())",
            [first.chat_id],
        )
        if method == "record":
            calls = [said(database, telegram_user_id=n, telegram_message_id=5) for n in (1, CROWD)]
        else:
            calls = [
                database.messages.add(**dialogue(each), **ANSWER, telegram_message_id=5)  # type: ignore[misc]
                for each in (first, last)
            ]
        ends = asyncio.gather(*calls)
        await until_waiting(connection)
        deleting = asyncio.create_task(database.chats.delete(chat_id=last.chat_id))
        await asyncio.sleep(0.3)
        other.rollback()

    await ends
    assert await deleting
    live = "SELECT count(*) FROM messages WHERE chat_id = %s AND deleted_at IS NULL"
    assert connection.execute(live, [last.chat_id]).fetchone() == (0,)
