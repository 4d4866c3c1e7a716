"""record and add: what Telegram delivers is stored once, whatever comes again."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from botcore import Database, NotFound
from tests.factories import SENT_AT, dialogue, edited, person, said


async def test_record_stores_person_chat_and_message(database: Database) -> None:
    """One call stores all three, and the message refers to the others."""
    recorded = await said(database, content="Hello, 🌍", message_thread_id=3)

    user = await database.users.find(telegram_user_id=7)
    chat = await database.chats.find(bot_id=1, telegram_chat_id=7)
    message = recorded.message
    assert recorded.is_new
    assert user is not None
    assert chat is not None
    assert (message.user_id, message.chat_id) == (user.id, chat.id)
    assert (message.content, message.length, message.message_thread_id) == ("Hello, 🌍", 8, 3)
    assert (message.role, message.telegram_message_id, message.sent_at) == ("user", 100, SENT_AT)
    assert await database.messages.get(chat_id=chat.id, message_id=message.id) == message


async def test_record_gives_the_stored_message_for_a_redelivery(database: Database) -> None:
    """The same message again is not new, is not changed, and does not touch person and chat."""
    first = await said(database)

    again = await said(database, content="Another text", first_name="Eve")

    user = await database.users.find(telegram_user_id=7)
    assert (again.is_new, again.message) == (False, first.message)
    assert user is not None
    assert user.first_name == "Ada"


async def test_record_numbers_messages_by_chat_bot_and_business_connection(database: Database) -> None:
    """The same message id in another chat, of another bot or in a business connection is another message."""
    recorded = [
        await said(database),
        await said(database, telegram_chat_id=-9),
        await said(database, bot_id=2),
        await said(database, business_connection_id="b1"),
    ]

    assert [each.is_new for each in recorded] == [True] * 4
    assert len({each.message.id for each in recorded}) == 4


@pytest.mark.parametrize("telegram_message_id", [0, None])
async def test_record_takes_a_message_without_an_id_as_new_each_time(
    database: Database, telegram_message_id: int | None
) -> None:
    """Ephemeral messages carry 0: they have no identity, and none is stored."""
    recorded = [await said(database, telegram_message_id=telegram_message_id) for _ in range(2)]

    assert [each.is_new for each in recorded] == [True, True]
    assert recorded[0].message.telegram_message_id is None


async def test_record_stores_a_message_without_a_sender(database: Database) -> None:
    """A channel post has no person, and makes none up."""
    nobody = {"telegram_user_id": None, "first_name": None, "last_name": None, "username": None, "language_code": None}

    recorded = await said(database, **nobody, telegram_chat_id=-100, chat_type="channel", chat_title="News")

    assert (recorded.is_new, recorded.message.user_id) == (True, None)
    assert await database.users.page() == []
    assert await database.messages.recent_in_chat(chat_id=recorded.message.chat_id) == [recorded.message]


async def test_record_keeps_a_deleted_message_deleted(database: Database) -> None:
    """A redelivery of a deleted message gives the deleted row and revives nothing."""
    message = (await said(database)).message
    await database.messages.delete(chat_id=message.chat_id, message_id=message.id)

    again = await said(database)

    assert not again.is_new
    assert again.message.deleted_at is not None
    assert await database.messages.get(chat_id=message.chat_id, message_id=message.id) is None


async def test_record_keeps_a_deleted_person_and_chat_deleted_at_a_redelivery(database: Database) -> None:
    """What fell with its person or chat does not bring them back when Telegram delivers it again."""
    message = (await said(database)).message
    await database.users.delete(user_id=person(message))
    await database.chats.delete(chat_id=message.chat_id)

    again = await said(database, first_name="Eve", chat_title="Other")

    assert not again.is_new
    assert await database.users.get(user_id=person(message)) is None
    assert await database.chats.get(chat_id=message.chat_id) is None


@pytest.mark.parametrize("sender", [7, None])
async def test_record_keeps_no_original_of_a_person_who_opted_out(database: Database, sender: int | None) -> None:
    """A redelivery gives what is stored in their chat, and the text that came after its edit is not added to it."""
    stored = await database.messages.edit(**edited(5, content="b", telegram_user_id=sender, telegram_chat_id=7))
    assert stored
    await database.users.opt_out(telegram_user_id=7)

    again = await said(database, content="a", telegram_user_id=sender, telegram_chat_id=7)

    versions = await database.messages.versions(chat_id=stored.message.chat_id, message_id=stored.message.id)
    assert (again.is_new, again.message) == (False, stored.message)
    assert [version.content for version in versions] == ["b"]


async def test_record_updates_person_and_chat_with_a_new_message(database: Database) -> None:
    """A new name and title come along with the next message."""
    await said(database, telegram_message_id=1)

    message = (await said(database, telegram_message_id=2, username="countess", chat_title="Letters")).message

    user = await database.users.get(user_id=person(message))
    chat = await database.chats.get(chat_id=message.chat_id)
    assert user is not None
    assert chat is not None
    assert (user.username, chat.title) == ("countess", "Letters")


async def test_record_with_nothing_changed_writes_no_new_version_of_person_and_chat(
    database: Database, database_url: str
) -> None:
    """An equal person and chat stay the very row version they were, so no dead ones pile up."""
    versions = "SELECT (SELECT ctid::text FROM users), (SELECT ctid::text FROM chats)"
    await said(database, telegram_message_id=1)
    with psycopg.connect(database_url, autocommit=True) as connection:
        before = connection.execute(versions).fetchone()

        await said(database, telegram_message_id=2)

        assert connection.execute(versions).fetchone() == before


async def test_record_finds_what_a_message_answers(database: Database) -> None:
    """Telegram's id of the answered message becomes botcore's: of this chat alone, deleted or not, else none."""
    question = (await said(database, telegram_message_id=1)).message
    await said(database, telegram_message_id=2, telegram_chat_id=-5)
    await database.messages.delete(chat_id=question.chat_id, message_id=question.id)

    replies = [
        await said(database, telegram_message_id=10 + answered, reply_to_message_id=answered) for answered in (1, 2)
    ]

    assert [reply.message.reply_to_id for reply in replies] == [question.id, None]


async def test_add_stores_an_answer_in_a_known_dialogue(database: Database) -> None:
    """The answer belongs to the dialogue and points to what it answers; its date is now when none is given."""
    question = (await said(database)).message

    answer = await database.messages.add(
        chat_id=question.chat_id,
        user_id=question.user_id,
        role="assistant",
        content="Hi",
        reply_to_id=question.id,
    )

    assert (answer.role, answer.reply_to_id, answer.telegram_message_id) == ("assistant", question.id, None)
    assert abs(datetime.now(UTC) - answer.sent_at) < timedelta(minutes=1)


async def test_add_gives_the_stored_message_for_a_known_telegram_id(database: Database) -> None:
    """Stored once: the same Telegram id gives the first row, deleted or not."""
    question = (await said(database)).message
    sent = dialogue(question) | {"telegram_message_id": 101, "sent_at": SENT_AT}
    first = await database.messages.add(**sent, role="assistant", content="Hi")
    await database.messages.delete(chat_id=first.chat_id, message_id=first.id)

    again = await database.messages.add(**sent, role="assistant", content="Other")

    assert (again.id, again.content, again.sent_at) == (first.id, "Hi", SENT_AT)
    assert again.deleted_at is not None


async def test_add_without_a_person_stores_a_channels_message(database: Database) -> None:
    """What the bot posts in a channel has no person."""
    chat = await database.chats.get_or_create(bot_id=1, telegram_chat_id=-100, type="channel")

    message = await database.messages.add(chat_id=chat.id, user_id=None, role="assistant", content="News")

    assert message.user_id is None


async def test_add_raises_not_found_for_an_unknown_or_deleted_parent(database: Database) -> None:
    """Which of the two is missing is said; nothing is stored."""
    message = (await said(database)).message
    chat_id, user_id = message.chat_id, person(message)

    with pytest.raises(NotFound, match="no chat with chat_id=99") as no_chat:
        await database.messages.add(chat_id=99, user_id=user_id, role="user", content="x")
    with pytest.raises(NotFound, match="no user with user_id=99"):
        await database.messages.add(chat_id=chat_id, user_id=99, role="user", content="x")
    await database.users.delete(user_id=user_id)
    with pytest.raises(NotFound, match="no user"):
        await database.messages.add(chat_id=chat_id, user_id=user_id, role="user", content="x")
    await database.chats.delete(chat_id=chat_id)
    with pytest.raises(NotFound, match="no chat"):
        await database.messages.add(chat_id=chat_id, user_id=None, role="user", content="x")

    assert (no_chat.value.kind, no_chat.value.key) == ("chat", {"chat_id": 99})
    assert await database.messages.recent_in_chat(chat_id=chat_id) == []
