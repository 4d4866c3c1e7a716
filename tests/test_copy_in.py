"""Many messages at once: each is stored once, as it was given, and a batch is stored as a whole or not at all."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from botcore import NEWEST, Copied, Database, Incoming, InvalidInput, Message, NotFound, console
from tests.factories import SENT_AT, archived, copied, said

# the app makes no temporary table, which each batch goes through
pytestmark = pytest.mark.role("migrator")

NEW = "SELECT count(*) FROM messages WHERE content LIKE 'Message %'"


@pytest.fixture
async def known(database: Database) -> Message:
    """A message that is stored already, with its chat and person."""
    return (await said(database, content="Hello")).message


@pytest.fixture
def parents(known: Message) -> dict[str, Any]:
    """The chat and the person of the messages to store."""
    return {"chat_id": known.chat_id, "user_id": known.user_id}


async def newest(database: Database, chat_id: int, page_size: int = 1_000) -> list[Message]:
    """The chat's messages, oldest first."""
    return (await database.messages.recent_in_chat(chat_id=chat_id, page_size=page_size))[::-1]


async def test_copy_in_stores_every_field_as_given(database: Database, parents: dict[str, Any]) -> None:
    """What is given comes back unchanged, odd texts and large ids too; a reply has botcore's id of its message."""
    content = "50% \\N \\. \t\r\n ' \" \u202e 👩‍👩‍👧 %s $1"
    given = Incoming(
        **parents,
        role="assistant",
        content=content,
        sent_at=SENT_AT,
        kind="photo",
        message_thread_id=5,
        telegram_message_id=NEWEST,
        reply_to_message_id=100,
        media_group_id="album",
        sender_chat_id=-NEWEST - 1,
        forward_date=datetime(1970, 1, 1, tzinfo=UTC),
        edited_at=SENT_AT + timedelta(microseconds=1),
    )

    batches = [batch async for batch in database.messages.copy_in([given])]

    question, message = await newest(database, parents["chat_id"])
    assert batches == [Copied(given=1, stored=1, known=0, refused=0)]
    assert message.reply_to_id == question.id
    assert (message.user_id, message.delivery, message.length) == (given.user_id, None, len(content))
    for name in ("role", "content", "sent_at", "kind", "message_thread_id", "telegram_message_id", "media_group_id"):
        assert getattr(message, name) == getattr(given, name)
    for name in ("sender_chat_id", "forward_date", "edited_at"):
        assert getattr(message, name) == getattr(given, name)


async def test_copy_in_of_the_same_messages_again_changes_nothing(database: Database, parents: dict[str, Any]) -> None:
    """The second time all are known, whatever they say by now."""
    await copied(database, [archived(number, **parents) for number in range(1, 31)], batch_size=10)
    before = await newest(database, parents["chat_id"])

    again = await copied(database, [archived(n, **parents, kind="photo") for n in range(1, 31)], batch_size=7)

    assert again == Copied(given=30, stored=0, known=30, refused=0)
    assert await newest(database, parents["chat_id"]) == before


async def test_copy_in_revives_no_deleted_message(database: Database, known: Message, parents: dict[str, Any]) -> None:
    """A message that was deleted is known, and stays deleted."""
    await database.messages.delete(chat_id=known.chat_id, message_id=known.id)

    counts = await copied(database, [archived(100, **parents), archived(101, **parents)])

    assert (counts.stored, counts.known) == (1, 1)
    assert [message.telegram_message_id for message in await newest(database, known.chat_id)] == [101]


async def test_copy_in_of_one_id_twice_in_a_batch_stores_the_first(database: Database, parents: dict[str, Any]) -> None:
    """Of two messages with one Telegram id the first is stored, and a reply finds it."""
    twice = [archived(1, **parents, content=content) for content in ("first", "second")]

    counts = await copied(database, [*twice, archived(2, **parents, reply_to_message_id=1)])

    _, first, reply = await newest(database, parents["chat_id"])
    assert (counts.stored, counts.known) == (2, 1)
    assert (first.content, reply.reply_to_id) == ("first", first.id)


@pytest.mark.parametrize("telegram_message_id", [None, 0])
async def test_copy_in_without_a_telegram_id_is_always_new(
    database: Database, parents: dict[str, Any], telegram_message_id: int | None
) -> None:
    """What has no Telegram id cannot be known again, and is stored each time."""
    for _ in range(2):
        await copied(database, [archived(1, **parents | {"telegram_message_id": telegram_message_id})])

    _, *stored = await newest(database, parents["chat_id"])
    assert [message.telegram_message_id for message in stored] == [None, None]


async def test_copy_in_finds_what_a_reply_answers(database: Database, parents: dict[str, Any]) -> None:
    """It is stored, or in an earlier batch or the same one; in another chat or nowhere it is None."""
    other = (await said(database, telegram_user_id=8, telegram_message_id=50)).message
    answers = [(1, 100), (2, 1), (3, 2), (4, 50), (5, 999), (6, None)]
    messages = [archived(number, **parents, reply_to_message_id=answered) for number, answered in answers]
    elsewhere = archived(60, chat_id=other.chat_id, user_id=None)
    ids = {message.telegram_message_id: message.id for message in await newest(database, parents["chat_id"])}

    await copied(database, [*messages, elsewhere, archived(7, **parents, reply_to_message_id=60)], batch_size=2)

    _, *stored = await newest(database, parents["chat_id"])
    ids |= {message.telegram_message_id: message.id for message in stored}
    assert [message.reply_to_id for message in stored] == [ids[100], ids[1], ids[2], None, None, None, None]


async def test_copy_in_gives_ids_in_the_order_of_the_messages(database: Database, parents: dict[str, Any]) -> None:
    """A dialogue is read in the order in which it was given, whatever Telegram's ids are."""
    numbers = [9, None, 3, 7, None, 5]

    await copied(
        database,
        [archived(at, **parents | {"telegram_message_id": number}) for at, number in enumerate(numbers)],
    )

    stored = await database.messages.recent(**parents, page_size=6)
    assert [message.telegram_message_id for message in stored[::-1]] == numbers


async def test_copy_in_takes_any_iterable_and_tells_after_each_batch(
    database: Database, parents: dict[str, Any], connection: psycopg.Connection
) -> None:
    """An async generator or a list, read batch by batch; what came out is committed, and nothing before is read."""
    read: list[int] = []

    async def source() -> AsyncIterator[Incoming]:
        for number in range(1, 26):
            read.append(number)
            yield archived(number, **parents)

    seen = []
    async for batch in database.messages.copy_in(source(), batch_size=10):
        [(stored,)] = connection.execute(NEW).fetchall()
        seen.append((batch.given, stored, len(read)))

    assert seen == [(10, 10, 10), (10, 20, 20), (5, 25, 25)]
    assert await copied(database, iter(())) == Copied(given=0, stored=0, known=0, refused=0)


async def test_copy_in_of_a_transaction_is_part_of_it(
    database: Database, parents: dict[str, Any], connection: psycopg.Connection
) -> None:
    """Each batch is a savepoint: one that fails leaves the others, and what is rolled back leaves nothing."""
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as transaction:
            await copied(transaction, [archived(number, **parents) for number in range(1, 5)], batch_size=2)
            raise ZeroDivisionError
    async with database.transaction() as transaction:
        with pytest.raises(NotFound):
            chats = [parents | {"chat_id": parents["chat_id"] + number // 3} for number in range(1, 5)]
            await copied(transaction, [archived(n, **key) for n, key in enumerate(chats, 1)], batch_size=2)
        await copied(transaction, [archived(number, **parents) for number in range(2, 5)], batch_size=2)

    [(stored,)] = connection.execute(NEW).fetchall()
    assert stored == 4


@pytest.mark.parametrize("kind", ["chat", "user"])
@pytest.mark.parametrize("is_deleted", [True, False])
async def test_copy_in_refuses_a_chat_or_person_that_is_not_there(
    database: Database, parents: dict[str, Any], kind: str, *, is_deleted: bool
) -> None:
    """Unknown or deleted, it is named, nothing of its batch is stored, and the batches before stay."""
    bad = parents[f"{kind}_id"] if is_deleted else 7_000_000_000
    if is_deleted:
        other = (await said(database, telegram_user_id=8)).message
        await (database.chats.delete(chat_id=bad) if kind == "chat" else database.users.delete(user_id=bad))
        parents = {"chat_id": other.chat_id, "user_id": other.user_id}
    messages = [archived(number, **parents) for number in range(1, 4)]

    with pytest.raises(NotFound) as refused:
        await copied(database, [*messages, archived(4, **parents | {f"{kind}_id": bad})], batch_size=2)

    assert (refused.value.kind, refused.value.key) == (kind, {f"{kind}_id": bad})
    assert refused.value.__notes__ == ["messages/copy_in: in the batch from row 2 on, counted from 0"]
    assert [message.telegram_message_id for message in await newest(database, parents["chat_id"])] == [100, 1, 2]


async def test_copy_in_without_a_person_needs_none(database: Database, parents: dict[str, Any]) -> None:
    """What a channel posts has no person."""
    await copied(database, [archived(1, chat_id=parents["chat_id"], user_id=None)])

    assert [message.user_id for message in await newest(database, parents["chat_id"])][1:] == [None]


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("content", "a\0b", "NUL"),
        ("content", "a\ud800b", "lone surrogate"),
        ("content", b"bytes", "must be a str, not bytes"),
        ("content", None, "must not be None"),
        ("kind", "\0", "NUL"),
        ("media_group_id", 5, "must be a str, not int"),
        ("role", "tool", "must be one of system, user, assistant"),
        ("role", None, "must not be None"),
        ("chat_id", "1", "must be an int, not str"),
        ("chat_id", None, "must not be None"),
        ("user_id", True, "must be an int, not bool"),
        ("telegram_message_id", 2**63, "64 bits"),
        ("telegram_message_id", -(2**63) - 1, "64 bits"),
        ("reply_to_message_id", -(2**63) - 1, "64 bits"),
        ("message_thread_id", 1.5, "must be an int, not float"),
        ("sent_at", datetime(2026, 1, 1), "no time zone"),  # noqa: DTZ001 - what is refused
        ("sent_at", "2026-01-01", "must be a datetime, not str"),
        ("sent_at", None, "must not be None"),
        ("forward_date", datetime.max.replace(tzinfo=UTC), r"years 2\.\.9998"),
    ],
)
async def test_copy_in_refuses_a_bad_value_by_field_and_position(
    database: Database, parents: dict[str, Any], field: str, value: Any, reason: str
) -> None:
    """The error says which field of which message, counted over all batches, and shows no text."""
    messages = [archived(number, **parents) for number in range(1, 8)]
    given = {name: getattr(messages[5], name) for name in messages[5].__slots__}
    messages[5] = Incoming(**given | {field: value})

    with pytest.raises(InvalidInput, match=reason) as refused:
        await copied(database, messages, batch_size=4)

    assert (refused.value.field, refused.value.position) == (field, 5)
    assert "a\0b" not in str(refused.value)
    assert len(await newest(database, parents["chat_id"])) == 5


@pytest.mark.parametrize("bad", [None, {"content": "Hello"}, "Hello"])
async def test_copy_in_refuses_what_is_no_message(database: Database, parents: dict[str, Any], bad: Any) -> None:
    """Anything but an Incoming is named by its type and position."""
    with pytest.raises(InvalidInput, match="messages of row 1: must be Incoming") as refused:
        await copied(database, [archived(1, **parents), bad])

    assert refused.value.position == 1


@pytest.mark.parametrize("batch_size", [0, -1, 50_001, None])
async def test_copy_in_refuses_a_batch_out_of_bounds(database: Database, batch_size: Any) -> None:
    """A batch has 1 to 50,000 messages."""
    with pytest.raises(InvalidInput, match=r"batch_size: must be 1\.\.50000"):
        await copied(database, [], batch_size=batch_size)


async def test_copy_in_ends_with_the_error_of_its_source(database: Database, parents: dict[str, Any]) -> None:
    """What the iterator raises comes out as it is; of the batch that it broke off in nothing is stored."""

    def source() -> Iterator[Incoming]:
        yield from (archived(number, **parents) for number in range(1, 6))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await copied(database, source(), batch_size=2)

    assert len(await newest(database, parents["chat_id"])) == 5


async def test_copy_in_is_run_and_explained_for_a_person(database_url: str) -> None:
    """Its query finds the table that another file makes, in a transaction that leaves none behind."""
    query = console.find("messages.copy_in")

    lines = await console.explain(database_url, query, {})
    with pytest.raises(InvalidInput, match="add --write"):
        await console.run(database_url, query, {})
    table = await console.run(database_url, query, {}, write=True)
    made = await console.run(database_url, console.find("messages/copy_in_stage"), {}, write=True)

    assert any("copy_in_stage" in line for line in lines)
    assert (table.columns, table.rows) == (("given", "stored", "known", "refused"), [(0, 0, 0, 0)])
    assert (made.columns, made.rows) == ((), [])


def test_incoming_does_not_show_what_was_said() -> None:
    """Its repr, which may end in a log, has no text."""
    assert "a secret" not in repr(archived(1, chat_id=1, user_id=1, content="a secret"))
