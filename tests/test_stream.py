"""Many messages out: whole, in order, as one moment has them, in flat memory."""

from contextlib import aclosing
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from botcore import Database, InvalidInput, Said, Unavailable
from tests.factories import SENT_AT, dialogue, said

TRANSACTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"


async def streamed(database: Database, **asked: Any) -> list[Said]:
    """All of a stream."""
    return [each async for each in database.messages.stream(**asked)]


@pytest.fixture
async def conversations(database: Database) -> None:
    """Two people in a group of bot 1, one of them alone with bot 2, and a channel's post."""
    group = {"telegram_chat_id": -5, "chat_type": "supergroup", "chat_title": "Engines"}
    first = (await said(database, **group, content="one", kind="photo", media_group_id="album")).message
    later = {"telegram_message_id": 101, "sent_at": SENT_AT + timedelta(hours=1)}
    await said(database, **group, **later, telegram_user_id=8, content="two", reply_to_message_id=100)
    await database.messages.add(
        **dialogue(first), role="assistant", content="three", reply_to_id=first.id, delivery="unconfirmed"
    )
    await said(database, bot_id=2, telegram_user_id=8, telegram_chat_id=8, content="four", message_thread_id=5)
    channel = {"telegram_user_id": None, "telegram_chat_id": -6, "chat_type": "channel", "sender_chat_id": -6}
    await said(database, **channel, content="five")


@pytest.mark.usefixtures("conversations")
async def test_stream_has_all_that_another_database_needs(database: Database) -> None:
    """Each message with its chat and person, chat by chat, oldest first; None where there is nobody."""
    one, two, three, four, five = await streamed(database)

    assert [each.content for each in (one, two, three, four, five)] == ["one", "two", "three", "four", "five"]
    assert one == Said(
        bot_id=1,
        telegram_chat_id=-5,
        chat_type="supergroup",
        chat_title="Engines",
        telegram_user_id=7,
        first_name="Ada",
        last_name="Lovelace",
        username="ada",
        language_code="en",
        id=one.id,
        telegram_message_id=100,
        role="user",
        kind="photo",
        content="one",
        sent_at=SENT_AT,
        media_group_id="album",
    )
    assert (two.reply_to_id, two.reply_to_message_id) == (one.id, 100)
    assert (three.role, three.delivery, three.telegram_message_id) == ("assistant", "unconfirmed", None)
    assert (four.bot_id, four.message_thread_id) == (2, 5)
    assert (five.telegram_user_id, five.first_name, five.sender_chat_id) == (None, None, -6)


@pytest.mark.usefixtures("conversations")
async def test_stream_of_some(database: Database) -> None:
    """Of a bot, of a chat, of a time: sent then or later, and before."""
    chat = await database.chats.find(bot_id=1, telegram_chat_id=-5)
    assert chat
    noon = {"since": SENT_AT, "until": SENT_AT + timedelta(hours=1)}

    asked: list[dict[str, Any]] = [{"bot_id": 2}, {"bot_id": 0}, {"chat_id": chat.id, **noon}, noon]
    found = [[each.content for each in await streamed(database, **some)] for some in asked]

    assert found == [["four"], [], ["one"], ["one", "four", "five"]]


@pytest.mark.usefixtures("conversations")
async def test_stream_by_dialogue(database: Database) -> None:
    """What one person and the bot said stands together; what has no person is in none."""
    found = await streamed(database, order="dialogue")

    assert [each.content for each in found] == ["one", "three", "two", "four"]
    with pytest.raises(InvalidInput, match="order"):
        await streamed(database, order="newest")


@pytest.mark.usefixtures("conversations")
async def test_stream_leaves_out_what_is_hidden(database: Database) -> None:
    """A hidden message, and what fell with a chat or a person; a reply to what is hidden answers nothing."""
    one, two, *_ = await streamed(database)
    chat = await database.chats.find(bot_id=1, telegram_chat_id=-5)
    assert chat
    await database.messages.delete(chat_id=chat.id, message_id=one.id)

    left = await streamed(database)
    await database.chats.delete(chat_id=chat.id)
    fewer = await streamed(database)

    assert left[0].id == two.id
    assert (left[0].reply_to_id, left[0].reply_to_message_id) == (None, None)
    assert [each.content for each in fewer] == ["four", "five"]


@pytest.mark.usefixtures("conversations")
async def test_stream_is_of_one_moment(database: Database) -> None:
    """What is written, hidden or removed while it is read changes nothing of it."""
    found: list[str] = []

    async with aclosing(database.messages.stream()) as stream:
        async for each in stream:
            if not found:
                chat = await database.chats.find(bot_id=2, telegram_chat_id=8)
                assert chat
                await database.chats.delete(chat_id=chat.id)
                await said(database, telegram_message_id=500, content="new")
            found.append(each.content)

    assert found == ["one", "two", "three", "four", "five"]


@pytest.mark.usefixtures("conversations")
async def test_stream_that_is_left_gives_its_connection_back(
    database: Database, connection: psycopg.Connection
) -> None:
    """Closed before its end it holds neither a transaction nor a connection."""
    async with aclosing(database.messages.stream()) as stream:
        assert (await anext(stream)).content == "one"
        held = connection.execute(TRANSACTIONS).fetchone()

    assert (held, connection.execute(TRANSACTIONS).fetchone()) == ((1,), (0,))


async def test_stream_that_is_left_open_in_a_transaction(database: Database) -> None:
    """It stands in the way of the transaction, whose errors say what to close; nothing else is in the way then."""
    first = (await said(database)).message

    with pytest.raises(Unavailable, match=r"stream inside of this one is open.*aclosing"):
        async with database.transaction() as transaction:
            stream = transaction.messages.stream()
            await anext(stream)
            with pytest.raises(Unavailable, match="aclosing"):
                await transaction.messages.get(chat_id=first.chat_id, message_id=first.id)
    await stream.aclose()

    assert await database.messages.get(chat_id=first.chat_id, message_id=first.id) == first


async def test_stream_of_thousands_whose_server_ends_it(database: Database, connection: psycopg.Connection) -> None:
    """It comes in pieces, and what is lost on the way is an error of ours, which says that a retry is safe."""
    first = (await said(database)).message
    connection.execute(
        "INSERT INTO messages (chat_id, user_id, role, content, sent_at)"
        " SELECT chat_id, user_id, role, 'n', sent_at FROM messages, generate_series(1, 2500) WHERE id = %s",
        (first.id,),
    )
    assert len(await streamed(database)) == 2_501

    count = 0
    with pytest.raises(Unavailable) as caught:
        async for _ in database.messages.stream():
            count += 1
            if count == 1:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid() AND state LIKE 'idle in%'"
                )

    assert caught.value.retry_is_safe
    assert count == 1_000
