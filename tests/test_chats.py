"""Chats: one row for a chat as one bot sees it."""

from functools import partial
from itertools import product
from typing import Any

from botcore import Database
from tests.factories import person, said

GROUP: dict[str, Any] = {"bot_id": 1, "telegram_chat_id": -100_123, "type": "supergroup", "title": "Engine"}


async def test_get_or_create_stores_a_new_chat(database: Database) -> None:
    """A new chat is stored with every field."""
    chat = await database.chats.get_or_create(**GROUP)

    assert {name: getattr(chat, name) for name in GROUP} == GROUP
    assert await database.chats.get(chat_id=chat.id) == chat
    assert await database.chats.find(bot_id=1, telegram_chat_id=-100_123) == chat


async def test_get_or_create_tells_bots_and_business_connections_apart(database: Database) -> None:
    """The same Telegram id is another chat for another bot and in another business connection."""
    chats = [
        await database.chats.get_or_create(**GROUP | {"bot_id": bot_id}, business_connection_id=connection)
        for bot_id in (1, 2)
        for connection in ("", "b1", "b2")
    ]

    assert len({chat.id for chat in chats}) == 6
    assert await database.chats.find(bot_id=2, telegram_chat_id=-100_123, business_connection_id="b1") == chats[4]


async def test_get_or_create_updates_the_title_and_changes_nothing_for_an_equal_chat(database: Database) -> None:
    """A new title is stored under the same id; the same data again writes nothing."""
    first = await database.chats.get_or_create(**GROUP)

    renamed = await database.chats.get_or_create(**GROUP | {"title": "Analytical"})
    again = await database.chats.get_or_create(**GROUP | {"title": "Analytical"})

    assert (renamed.id, renamed.title) == (first.id, "Analytical")
    assert again == renamed


async def test_get_or_create_revives_a_deleted_chat(database: Database) -> None:
    """A deleted chat that is asked for again is live under the same id."""
    chat = await database.chats.get_or_create(**GROUP)
    await database.chats.delete(chat_id=chat.id)

    revived = await database.chats.get_or_create(**GROUP)

    assert (revived.id, revived.deleted_at) == (chat.id, None)


async def test_page_walks_through_live_chats_by_id(database: Database) -> None:
    """Pages follow one another without gap or repetition, deleted chats left out."""
    ids = [(await database.chats.get_or_create(**GROUP | {"telegram_chat_id": n})).id for n in range(1, 8)]
    await database.chats.delete(chat_id=ids[2])

    first = await database.chats.page(page_size=4)
    second = await database.chats.page(after_id=first[-1].id, page_size=4)

    assert [chat.id for chat in first + second] == ids[:2] + ids[3:]


async def test_delete_and_restore_take_the_chats_messages_along(database: Database) -> None:
    """Everybody's messages of the chat go and come back with it; those deleted before stay deleted."""
    ada = (await said(database, telegram_user_id=1, telegram_chat_id=-5, telegram_message_id=1)).message
    bob = (await said(database, telegram_user_id=2, telegram_chat_id=-5, telegram_message_id=2)).message
    await database.messages.delete(chat_id=bob.chat_id, message_id=bob.id)

    deleted = await database.chats.delete(chat_id=ada.chat_id)
    hidden = await database.messages.recent_in_chat(chat_id=ada.chat_id)
    restored = await database.chats.restore(chat_id=ada.chat_id)

    assert (deleted, hidden, restored) == (True, [], True)
    assert await database.messages.recent_in_chat(chat_id=ada.chat_id) == [ada]
    assert not await database.chats.restore(chat_id=ada.chat_id)


async def test_restore_leaves_what_the_other_parent_hides(database: Database) -> None:
    """With person and chat both deleted, in either order, a message is live again only when both are restored."""
    for first_deleted, first_restored in product(("chat", "person"), repeat=2):
        message = (await said(database, telegram_message_id=None)).message
        chat = partial(database.chats.delete, chat_id=message.chat_id)
        user = partial(database.users.delete, user_id=person(message))
        for delete in (chat, user) if first_deleted == "chat" else (user, chat):
            assert await delete()
        chat = partial(database.chats.restore, chat_id=message.chat_id)
        user = partial(database.users.restore, user_id=person(message))
        [restore_first, restore_second] = (chat, user) if first_restored == "chat" else (user, chat)

        await restore_first()
        between = await database.messages.recent_in_chat(chat_id=message.chat_id)
        await restore_second()

        assert between == []
        assert await database.messages.get(chat_id=message.chat_id, message_id=message.id) == message


async def test_a_new_message_revives_a_deleted_chat_but_not_its_messages(database: Database) -> None:
    """A deleted chat in which somebody writes is live again, with that message alone."""
    old = (await said(database, telegram_message_id=1)).message
    await database.chats.delete(chat_id=old.chat_id)

    new = (await said(database, telegram_message_id=2)).message

    assert await database.chats.get(chat_id=new.chat_id) is not None
    assert await database.messages.recent_in_chat(chat_id=new.chat_id) == [new]
