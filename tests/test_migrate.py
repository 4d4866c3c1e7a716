"""A group and the supergroup that it becomes: one conversation, in whatever order Telegram tells it."""

from datetime import timedelta
from typing import Any

import pytest

from botcore import Chat, Database, InvalidInput, NotRecorded
from tests.factories import SENT_AT, dialogue, edited, said

OLD, NEW = -5, -1005
GROUP: dict[str, Any] = {"telegram_chat_id": OLD, "chat_type": "group", "chat_title": "Engines"}
SUPERGROUP: dict[str, Any] = {"telegram_chat_id": NEW, "chat_type": "supergroup", "chat_title": "Engines"}


async def migrate(database: Database) -> Chat:
    """Tells that the group became the supergroup."""
    return await database.chats.migrate(bot_id=1, telegram_chat_id=OLD, migrate_to_chat_id=NEW)


async def texts(database: Database) -> list[str]:
    """What is live in the supergroup, oldest first."""
    chat = await database.chats.find(bot_id=1, telegram_chat_id=NEW)
    return [m.content for m in reversed(await database.messages.recent_in_chat(chat_id=chat.id))] if chat else []


async def test_migrate_joins_what_was_said_before_and_after(database: Database) -> None:
    """Messages of both ids are one history, in the order they were stored, also where both have the same number."""
    before = (await said(database, **GROUP, content="a")).message
    after = (await said(database, **SUPERGROUP, content="b")).message
    assert after.chat_id != before.chat_id

    chat = await migrate(database)
    await said(database, **SUPERGROUP, content="c", telegram_message_id=101)

    assert (chat.id, chat.telegram_chat_id, chat.type, chat.title) == (before.chat_id, NEW, "supergroup", "Engines")
    history = await database.messages.recent(**dialogue(before))
    assert [(m.content, m.telegram_message_id) for m in history] == [("c", 101), ("b", 100), ("a", -100)]
    assert await database.chats.page() == [await database.chats.get(chat_id=chat.id)]


@pytest.mark.parametrize("known", [[], [GROUP], [SUPERGROUP], [GROUP, SUPERGROUP], [SUPERGROUP, GROUP]])
async def test_migrate_told_twice_changes_nothing(database: Database, known: list[dict[str, Any]]) -> None:
    """Whatever was known before, the second call gives the same chat, and both ids find it."""
    for chat in known:
        await said(database, **chat)

    first = await migrate(database)
    second = await migrate(database)

    assert first == second
    assert first.telegram_chat_id == NEW
    found = [await database.chats.find(bot_id=1, telegram_chat_id=each) for each in (OLD, NEW)]
    assert found == ([first, first] if known else [None, None])
    assert len(await texts(database)) == len(known)


@pytest.mark.parametrize("is_known", [True, False])
async def test_record_by_the_old_id_goes_to_the_supergroup(database: Database, *, is_known: bool) -> None:
    """A late message is stored there under its negated id, once; type and title stay the supergroup's."""
    if is_known:
        await said(database, **GROUP, content="a")
    chat = await migrate(database)

    late = [await said(database, **GROUP, content="late", telegram_message_id=99) for _ in range(2)]
    await said(database, **SUPERGROUP, content="b", telegram_message_id=99)

    assert [each.is_new for each in late] == [True, False]
    assert (late[0].message.chat_id, late[0].message.telegram_message_id) == (chat.id, -99)
    assert await texts(database) == ["a", "late", "b"][not is_known :]
    [stored] = await database.chats.page()
    assert (stored.telegram_chat_id, stored.type) == (NEW, "supergroup")


async def test_redelivery_by_the_old_id_finds_the_message(database: Database) -> None:
    """What was stored before the migration is not stored again, deleted or not."""
    first, second = [(await said(database, **GROUP, telegram_message_id=n)).message for n in (1, 2)]
    await database.messages.delete(chat_id=first.chat_id, message_id=first.id)
    await migrate(database)

    again = [await said(database, **GROUP, telegram_message_id=n) for n in (1, 2)]

    assert [(each.message.id, each.is_new) for each in again] == [(first.id, False), (second.id, False)]
    assert len(await texts(database)) == 1


async def test_edit_by_the_old_id(database: Database) -> None:
    """An edit finds its message through the migration; of one never stored it is stored in the supergroup."""
    before = (await said(database, **GROUP, content="a")).message
    chat = await migrate(database)

    known = await database.messages.edit(**edited(5, **GROUP, content="b"))
    unknown = await database.messages.edit(**edited(5, **GROUP, content="c", telegram_message_id=99))

    assert known
    assert (known.message.id, known.is_new) == (before.id, False)
    assert unknown
    assert (unknown.message.chat_id, unknown.message.telegram_message_id, unknown.is_new) == (chat.id, -99, True)
    versions = await database.messages.versions(chat_id=chat.id, message_id=before.id)
    assert [version.content for version in versions] == ["a", "b"]


async def test_migrate_takes_versions_and_replies_along(database: Database) -> None:
    """A message that moves into the chat that stays keeps its versions, and what answers it still does."""
    await said(database, **GROUP)
    asked = (await said(database, **SUPERGROUP, content="a")).message
    await database.messages.edit(**edited(5, **SUPERGROUP, content="b"))
    answer = await database.messages.add(**dialogue(asked), role="assistant", content="c", reply_to_id=asked.id)

    chat = await migrate(database)

    versions = await database.messages.versions(chat_id=chat.id, message_id=asked.id)
    assert [version.content for version in versions] == ["a", "b"]
    moved = await database.messages.get(chat_id=chat.id, message_id=answer.id)
    assert moved
    assert moved.reply_to_id == asked.id


async def test_reply_across_the_migration(database: Database) -> None:
    """A reply that was sent to the group finds what it answers under the negated id."""
    asked = (await said(database, **GROUP, telegram_message_id=1)).message
    await migrate(database)

    reply = await said(database, **GROUP, telegram_message_id=2, reply_to_message_id=1)

    assert reply.message.reply_to_id == asked.id


async def test_ids_of_the_chat_that_ended(database: Database) -> None:
    """Botcore's id of the row that did not stay gives the chat, and adds to it; it cannot be deleted or restored."""
    await said(database, **GROUP)
    ended = (await said(database, **SUPERGROUP)).message
    chat = await migrate(database)

    added = await database.messages.add(chat_id=ended.chat_id, user_id=ended.user_id, role="assistant", content="b")

    assert added.chat_id == chat.id
    assert await database.chats.get(chat_id=ended.chat_id) == chat
    assert not await database.chats.delete(chat_id=ended.chat_id)
    assert not await database.chats.restore(chat_id=ended.chat_id)


async def test_get_or_create_by_the_old_id(database: Database) -> None:
    """The group's id gives the supergroup's chat with its own type and title, revived when it was deleted."""
    await said(database, **GROUP)
    chat = await migrate(database)
    await database.chats.delete(chat_id=chat.id)

    revived = await database.chats.get_or_create(bot_id=1, telegram_chat_id=OLD, type="group", title="Old")

    assert (revived.id, revived.type, revived.title, revived.deleted_at) == (chat.id, "supergroup", "Engines", None)
    successor = await database.chats.successor(bot_id=1, telegram_chat_id=OLD)
    assert successor == revived
    assert await database.chats.successor(bot_id=1, telegram_chat_id=NEW) is None


@pytest.mark.parametrize(("deleted", "is_live"), [([OLD], True), ([NEW], True), ([OLD, NEW], False), ([], True)])
async def test_migrate_of_deleted_chats(database: Database, deleted: list[int], *, is_live: bool) -> None:
    """The chat is live where one of the two was; what was deleted stays so, and comes back only where both were."""
    for chat in (GROUP, SUPERGROUP):
        await said(database, **chat)
    for each in deleted:
        found = await database.chats.find(bot_id=1, telegram_chat_id=each)
        assert found
        await database.chats.delete(chat_id=found.id)

    joined = await migrate(database)

    assert (joined.deleted_at is None) == is_live
    assert len(await texts(database)) == 2 - len(deleted)
    assert await database.chats.restore(chat_id=joined.id) == (not is_live)
    assert len(await texts(database)) == (2 if not is_live else 2 - len(deleted))


async def test_migrate_told_late_revives_nothing(database: Database) -> None:
    """A deleted group stays deleted when Telegram tells once more, or for the first time, what it became."""
    message = (await said(database, **GROUP)).message
    await database.chats.delete(chat_id=message.chat_id)

    for _ in range(2):
        assert (await migrate(database)).deleted_at

    assert await texts(database) == []
    assert await database.chats.restore(chat_id=message.chat_id)
    assert await texts(database) == ["Hello"]


async def test_late_edit_after_a_migration_alone(database: Database) -> None:
    """A migration that stores the chats is no deletion: an edit of what was never stored is stored."""
    await migrate(database)

    recorded = await database.messages.edit(**edited(1, **SUPERGROUP))

    assert recorded
    assert recorded.is_new
    assert await texts(database) == ["Hello"]


async def test_migrate_told_again_of_what_went_on(database: Database) -> None:
    """A group that became something gives that chat, whatever is told of it later."""
    first = (await said(database, **GROUP | {"chat_title": "Old"}, telegram_message_id=1)).message
    await said(database, **SUPERGROUP | {"chat_title": "New"}, telegram_message_id=2)
    joined = await migrate(database)
    assert (joined.id, joined.title) == (first.chat_id, "New")
    last = await database.chats.migrate(bot_id=1, telegram_chat_id=NEW, migrate_to_chat_id=-9)

    assert await migrate(database) == last
    assert await database.chats.migrate(bot_id=1, telegram_chat_id=OLD, migrate_to_chat_id=-11) == last
    assert len(await database.chats.page()) == 1


async def test_migrate_is_one_bots_affair(database: Database) -> None:
    """Another bot in the same group has to be told itself."""
    await said(database, **GROUP)
    await said(database, **GROUP, bot_id=2)

    await migrate(database)

    other = await database.chats.find(bot_id=2, telegram_chat_id=OLD)
    assert other
    assert other.telegram_chat_id == OLD


async def test_migrate_to_itself(database: Database) -> None:
    """The same id twice is a mistake, and refused."""
    with pytest.raises(InvalidInput, match="migrate_to_chat_id"):
        await database.chats.migrate(bot_id=1, telegram_chat_id=OLD, migrate_to_chat_id=OLD)


async def test_migrate_once_more_goes_on(database: Database) -> None:
    """An id before the last one finds the chat, too."""
    await said(database, **SUPERGROUP, telegram_message_id=1)
    await said(database, **GROUP, telegram_message_id=2)
    first = await migrate(database)
    await said(database, telegram_chat_id=-9, chat_type="supergroup")

    last = await database.chats.migrate(bot_id=1, telegram_chat_id=NEW, migrate_to_chat_id=-9)

    assert last.id == first.id
    for each in (OLD, NEW, -9):
        assert await database.chats.find(bot_id=1, telegram_chat_id=each) == last


async def test_late_edit_by_the_old_id_revives_nothing(database: Database) -> None:
    """An edit older than the chat's deletion, of a message never stored, stores nothing in the supergroup either."""
    await said(database, **GROUP)
    chat = await migrate(database)
    await database.chats.delete(chat_id=chat.id)

    late = await database.messages.edit(
        **edited(1, **GROUP, telegram_message_id=99, sent_at=SENT_AT - timedelta(days=1))
    )

    assert late is None
    assert await database.chats.page() == []


async def test_record_by_the_old_id_gives_what_is_stored_of_a_person_who_opted_out(database: Database) -> None:
    """As it does by the new id: a redelivery is not refused, and what they say next is."""
    message = (await said(database, **GROUP)).message
    await migrate(database)
    await database.users.opt_out(telegram_user_id=7)

    again = await said(database, **GROUP)
    with pytest.raises(NotRecorded):
        await said(database, **GROUP, telegram_message_id=101)

    assert (again.is_new, again.message.id) == (False, message.id)


async def test_add_by_the_ended_chat_gives_the_stored_message_though_the_chat_is_deleted(database: Database) -> None:
    """As it does by the chat that stayed: known is known, and nothing comes back."""
    stays = (await said(database, **GROUP)).message.chat_id
    known = (await said(database, **SUPERGROUP, telegram_message_id=101)).message
    await migrate(database)
    await database.chats.delete(chat_id=stays)
    values: dict[str, Any] = {"user_id": known.user_id, "role": "user", "content": "x", "telegram_message_id": 101}

    found = [await database.messages.add(chat_id=chat_id, **values) for chat_id in (known.chat_id, stays)]

    assert [(message.id, message.chat_id) for message in found] == [(known.id, stays)] * 2
    assert await database.chats.page() == []
