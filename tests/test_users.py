"""People: stored once, kept up to date, paged, hidden and brought back."""

from typing import Any

from botcore import Database
from tests.factories import dialogue, person, said

ADA: dict[str, Any] = {
    "telegram_user_id": 7,
    "first_name": "Ada",
    "last_name": "Lovelace",
    "username": "ada",
    "language_code": "en",
}


async def test_get_or_create_stores_a_new_person(database: Database) -> None:
    """A new person is stored with every field."""
    user = await database.users.get_or_create(**ADA)

    assert {name: getattr(user, name) for name in ADA} == ADA
    assert await database.users.get(user_id=user.id) == user


async def test_get_or_create_changes_nothing_for_an_equal_person(database: Database) -> None:
    """The same data again gives the same row and not even a new version of it."""
    first = await database.users.get_or_create(**ADA)

    again = await database.users.get_or_create(**ADA)

    assert again == first


async def test_get_or_create_updates_what_changed(database: Database) -> None:
    """A new name replaces the old one, an absent username removes it, and the id stays."""
    first = await database.users.get_or_create(**ADA)

    renamed = await database.users.get_or_create(telegram_user_id=7, first_name="Augusta", username=None)

    assert (renamed.id, renamed.first_name, renamed.username, renamed.last_name) == (first.id, "Augusta", None, None)
    assert renamed.updated_at > first.updated_at


async def test_get_or_create_takes_an_empty_text_for_none(database: Database) -> None:
    """Where Telegram or psql sends an empty text, nothing is stored; a deleted account's first name is empty."""
    user = await database.users.get_or_create(telegram_user_id=7, first_name="", last_name="", username="")

    assert (user.first_name, user.last_name, user.username) == ("", None, None)


async def test_get_or_create_revives_a_deleted_person(database: Database) -> None:
    """A deleted person who comes back is live under the same id."""
    user = await database.users.get_or_create(**ADA)
    await database.users.delete(user_id=user.id)

    revived = await database.users.get_or_create(**ADA)

    assert (revived.id, revived.deleted_at) == (user.id, None)


async def test_get_and_find_give_none_for_nobody(database: Database) -> None:
    """An unknown or deleted person is None."""
    user = await database.users.get_or_create(**ADA)
    await database.users.delete(user_id=user.id)

    assert await database.users.get(user_id=user.id) is None
    assert await database.users.find(telegram_user_id=7) is None
    assert await database.users.find(telegram_user_id=8) is None


async def test_page_walks_through_live_people_by_id(database: Database) -> None:
    """Pages follow one another without gap or repetition, deleted people left out."""
    ids = [(await database.users.get_or_create(telegram_user_id=n, first_name="A")).id for n in range(1, 8)]
    await database.users.delete(user_id=ids[2])

    first = await database.users.page(page_size=4)
    second = await database.users.page(after_id=first[-1].id, page_size=4)

    assert [user.id for user in first + second] == ids[:2] + ids[3:]


async def test_delete_hides_a_person_with_their_messages_at_one_instant(database: Database) -> None:
    """The person and all of their messages, the bot's answers too, share one deleted_at."""
    message = (await said(database)).message
    await database.messages.add(**dialogue(message), role="assistant", content="Hi")

    deleted = await database.users.delete(user_id=person(message))

    assert deleted
    assert await database.messages.recent(**dialogue(message)) == []
    assert await database.messages.recent_in_chat(chat_id=message.chat_id) == []
    assert not await database.users.delete(user_id=person(message))


async def test_restore_brings_back_exactly_what_fell_with_the_person(database: Database) -> None:
    """A message deleted before its person stays deleted when the person is restored."""
    kept = (await said(database, telegram_message_id=1)).message
    gone = (await said(database, telegram_message_id=2)).message
    await database.messages.delete(chat_id=gone.chat_id, message_id=gone.id)
    await database.users.delete(user_id=person(kept))

    restored = await database.users.restore(user_id=person(kept))

    assert restored
    assert await database.messages.recent(chat_id=kept.chat_id, user_id=kept.user_id) == [kept]
    assert not await database.users.restore(user_id=person(kept))


async def test_restore_finds_nothing_after_a_new_message_revived_the_person(database: Database) -> None:
    """A deleted person who writes again is live, and their old messages are deleted for good."""
    old = (await said(database, telegram_message_id=1)).message
    await database.users.delete(user_id=person(old))
    new = (await said(database, telegram_message_id=2)).message

    restored = await database.users.restore(user_id=person(old))

    assert (restored, new.user_id) == (False, old.user_id)
    assert await database.messages.recent(chat_id=new.chat_id, user_id=new.user_id) == [new]


async def test_two_deletions_in_one_transaction_can_be_told_apart(database: Database) -> None:
    """Restoring one of two people who were deleted in the same transaction leaves the other deleted."""
    first = (await said(database, telegram_user_id=1)).message
    second = (await said(database, telegram_user_id=2)).message
    async with database.transaction() as transaction:
        await transaction.users.delete(user_id=person(first))
        await transaction.users.delete(user_id=person(second))

    await database.users.restore(user_id=person(first))

    assert await database.messages.recent(chat_id=first.chat_id, user_id=first.user_id) == [first]
    assert await database.messages.recent(chat_id=second.chat_id, user_id=second.user_id) == []
