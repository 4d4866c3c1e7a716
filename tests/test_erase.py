"""Erasing a person: nothing of them is left, in any chat of any bot, nothing of others goes, nothing comes back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from botcore import Database, InvalidInput, NotFound, NotRecorded, Receipt
from tests.dumps import dump, found
from tests.factories import SENT_AT, dialogue, edited, person, said

ID = 7_000_123_457
ZOE: dict[str, Any] = {
    "telegram_user_id": ID,
    "first_name": "Zoë-canary",
    "last_name": "Ünal-canary",
    "username": "zoe_canary",
    "language_code": "qx",
}
OWNER: dict[str, Any] = {"telegram_user_id": 8, "first_name": "Owner", "username": "owner"}
GROUP: dict[str, Any] = {"telegram_chat_id": -100_555, "chat_type": "supergroup", "chat_title": "Engines"}
BUSINESS: dict[str, Any] = {"telegram_chat_id": ID, "business_connection_id": "connection"}
WORDS: list[str | int] = ["canary", "zoe", "Zoë", ID]


async def live(database: Database) -> None:
    """Fills two bots with what Zoë says and is told, hidden and edited too, and what others say."""
    hello = (await said(database, **ZOE, content="canary one")).message
    await database.messages.add(**dialogue(hello), role="assistant", content="canary answer")
    await database.messages.add(chat_id=hello.chat_id, user_id=None, role="system", content="canary system")
    await said(database, **ZOE, bot_id=2, content="canary two")
    await said(database, **ZOE, **GROUP, content="canary three")
    await database.messages.edit(**edited(5, **ZOE, **GROUP, content="canary four"))
    await said(database, **ZOE, **BUSINESS, content="canary five")
    await said(database, **OWNER, **BUSINESS, telegram_message_id=101, content="canary six")
    hidden = (await said(database, **ZOE, **GROUP, telegram_message_id=102, content="canary seven")).message
    await database.messages.delete(chat_id=hidden.chat_id, message_id=hidden.id)
    await said(database, **OWNER, **GROUP, telegram_message_id=103, content="Owner's")


async def test_erase_of_a_person_leaves_only_the_receipt(
    database: Database, database_url: str, psql_binaries: Path
) -> None:
    """No text, name or id of theirs is in a dump, the receipt counts what went, and others keep what is theirs."""
    await live(database)
    before = datetime.now(UTC)

    receipt = await database.users.erase(telegram_user_id=ID)

    rest = dump(psql_binaries, database_url)
    assert found(rest, WORDS) == []
    assert (receipt.users, receipt.chats, receipt.messages, receipt.versions) == (1, 3, 8, 2)
    assert before < receipt.erased_at < datetime.now(UTC)
    assert len(found(rest, [receipt.person])) == 2
    assert await database.users.erasures() == [receipt]
    [owner] = await database.users.page()
    assert [each.message.content for each in await database.messages.search(query="owner's")] == ["Owner's"]
    assert owner.telegram_user_id == 8


async def test_erase_of_a_hidden_person_removes_them(
    database: Database, database_url: str, psql_binaries: Path
) -> None:
    """A person deleted before, in a chat deleted before, is erased all the same."""
    message = (await said(database, **ZOE, content="canary")).message
    await database.users.delete(user_id=person(message))
    await database.chats.delete(chat_id=message.chat_id)

    receipt = await database.users.erase(telegram_user_id=ID)

    assert (receipt.users, receipt.chats, receipt.messages) == (1, 1, 1)
    assert found(dump(psql_binaries, database_url), WORDS) == []


async def test_erase_of_somebody_unknown_gives_a_receipt_of_nothing(database: Database) -> None:
    """Nothing is removed, and what they sent before is refused from then on."""
    receipt = await database.users.erase(telegram_user_id=ID)

    assert (receipt.users, receipt.chats, receipt.messages, receipt.versions) == (0, 0, 0, 0)
    with pytest.raises(NotRecorded):
        await said(database, **ZOE)
    assert (await database.users.page(), await database.chats.page()) == ([], [])


async def test_erase_of_a_person_twice_counts_once(database: Database) -> None:
    """The second receipt is of nothing, and later than the first."""
    await said(database, **ZOE)

    receipts = [await database.users.erase(telegram_user_id=ID) for _ in range(2)]

    assert [receipt.messages for receipt in receipts] == [1, 0]
    assert await database.users.erasures() == receipts
    assert receipts[0].erased_at < receipts[1].erased_at


async def test_erase_refuses_what_is_delivered_again(
    database: Database, database_url: str, psql_binaries: Path
) -> None:
    """Neither a message nor an edit of then is stored, theirs or one in a private chat with them; new ones are."""
    await live(database)
    await database.users.erase(telegram_user_id=ID)

    for values in (ZOE, {**ZOE, **GROUP}, {**OWNER, **BUSINESS}):
        with pytest.raises(NotRecorded):
            await said(database, **values)
        with pytest.raises(NotRecorded):
            await database.messages.edit(**edited(9, **values))

    assert found(dump(psql_binaries, database_url), WORDS) == []
    assert (await said(database, **ZOE, sent_at=datetime.now(UTC))).is_new


async def test_erase_leaves_somebody_who_opted_out_opted_out(database: Database) -> None:
    """Not even what they send afterwards is recorded, until they opt in; what was erased never is."""
    await said(database, **ZOE)
    await database.users.opt_out(telegram_user_id=ID)

    await database.users.erase(telegram_user_id=ID)

    assert await database.users.opted_out(telegram_user_id=ID)
    with pytest.raises(NotRecorded):
        await said(database, **ZOE, sent_at=datetime.now(UTC) + timedelta(seconds=9))
    await database.users.opt_in(telegram_user_id=ID)
    with pytest.raises(NotRecorded):
        await said(database, **ZOE)
    assert (await said(database, **ZOE, sent_at=datetime.now(UTC))).is_new


async def test_erase_of_12000_messages_goes_in_batches(database: Database, database_url: str) -> None:
    """More than two batches of 5,000 are one receipt, and other people's messages between them stay."""
    message = (await said(database, **ZOE, **GROUP)).message
    other = (await said(database, **OWNER, **GROUP, telegram_message_id=101)).message
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO messages (chat_id, user_id, role, content, sent_at)"
            " SELECT %s, CASE n %% 2 WHEN 0 THEN %s::bigint ELSE %s END, 'user', 'x', now()"
            " FROM generate_series(1, 24000) AS n",
            (message.chat_id, message.user_id, other.user_id),
        )

        receipt = await database.users.erase(telegram_user_id=ID)

        left = connection.execute("SELECT user_id, count(*) FROM messages GROUP BY user_id").fetchall()
    assert receipt.messages == 12_001
    assert left == [(other.user_id, 12_001)]


@pytest.mark.role("migrator")
async def test_erase_in_a_transaction_that_fails_removes_nothing(database: Database) -> None:
    """A transaction of the caller's holds it together with the rest: all or nothing."""
    message = (await said(database, **ZOE)).message

    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as transaction:
            await transaction.users.erase(telegram_user_id=ID)
            raise ZeroDivisionError

    assert await database.messages.recent(**dialogue(message)) == [message]
    assert await database.users.erasures() == []
    assert not (await said(database, **ZOE)).is_new


async def test_add_of_what_an_erasure_refuses_stores_nothing(database: Database) -> None:
    """An answer of before the erasure is refused, though its person has come back; one of now is stored."""
    await said(database, **ZOE)
    await database.users.erase(telegram_user_id=ID)
    message = (await said(database, **ZOE, sent_at=datetime.now(UTC))).message
    answer: dict[str, Any] = {**dialogue(message), "role": "assistant", "content": "Hi"}

    with pytest.raises(NotRecorded):
        await database.messages.add(**answer, sent_at=SENT_AT)
    await database.messages.add(**answer)

    assert len(await database.messages.recent(**dialogue(message))) == 2


async def test_add_after_the_erasure_of_its_person_finds_nobody(database: Database) -> None:
    """An answer that was being thought about has nowhere to go."""
    message = (await said(database, **ZOE, **GROUP)).message
    await database.users.erase(telegram_user_id=ID)

    with pytest.raises(NotFound):
        await database.messages.add(**dialogue(message), role="assistant", content="canary")


@pytest.mark.parametrize("telegram_user_id", [0, -5, 2**63, True, "7", None])
async def test_erase_refuses_a_bad_id(database: Database, telegram_user_id: Any) -> None:
    """What is no person's id erases nobody, be it a group's."""
    with pytest.raises(InvalidInput) as refused:
        await database.users.erase(telegram_user_id=telegram_user_id)

    assert refused.value.field == "telegram_user_id"


async def test_kept_counts_what_an_erasure_removes(database: Database) -> None:
    """Beforehand, hidden rows among them; nothing afterwards."""
    await live(database)

    kept = await database.users.kept(telegram_user_id=ID)
    receipt = await database.users.erase(telegram_user_id=ID)
    rest = await database.users.kept(telegram_user_id=ID)

    assert (kept.users, kept.chats, kept.messages, kept.versions) == (
        *(receipt.users, receipt.chats),
        *(receipt.messages, receipt.versions),
    )
    assert (kept.hidden_users, kept.hidden_chats, kept.hidden_messages) == (0, 0, 1)
    assert not any((rest.users, rest.chats, rest.messages, rest.versions, rest.hidden_messages))


async def test_receipt_shows_no_content(database: Database) -> None:
    """A receipt is numbers, a time and a digest."""
    await live(database)

    receipt = await database.users.erase(telegram_user_id=ID)

    assert isinstance(receipt, Receipt)
    assert found(repr(receipt), WORDS) == []
