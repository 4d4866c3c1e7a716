"""The ledger of erasures: paged, and entered again where a backup brought erased people back."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from botcore import Database, InvalidInput, NotRecorded, Receipt
from tests.dumps import copy, dump, found
from tests.factories import said
from tests.test_erase import ID, WORDS, ZOE, live


async def ledger(database: Database, page_size: int = 2) -> list[Receipt]:
    """All receipts, page by page."""
    receipts: list[Receipt] = []
    while page := await database.users.erasures(after=receipts[-1] if receipts else None, page_size=page_size):
        receipts += page
    return receipts


async def test_erasures_page_through_all(database: Database) -> None:
    """Every receipt comes once, those of one person one after the other, the older first."""
    receipts = [await database.users.erase(telegram_user_id=number) for number in (7, 8, 9, 7, 8)]

    paged = await ledger(database)

    assert paged == sorted(receipts, key=lambda receipt: (receipt.person, receipt.erased_at))
    assert await database.users.erasures(after=paged[-1]) == []


@pytest.mark.parametrize("page_size", [0, 1_001, None])
async def test_erasures_refuse_a_bad_page_size(database: Database, page_size: Any) -> None:
    """A page has 1 to 1,000 receipts."""
    with pytest.raises(InvalidInput, match=r"^page_size: "):
        await database.users.erasures(page_size=page_size)


async def test_erase_again_after_a_restored_backup_leaves_nothing(
    database: Database, database_url: str, empty_database_url: str, psql_binaries: Path, tmp_path: Path
) -> None:
    """A backup of before brings a person back, the ledger of after removes them; twice is as good as once."""
    await live(database)
    older = await database.users.erase(telegram_user_id=9)
    await asyncio.to_thread(copy, psql_binaries, database_url, empty_database_url, tmp_path)
    await database.users.erase(telegram_user_id=ID)
    await database.users.erase(telegram_user_id=8)
    receipts = await ledger(database)

    async with Database.connect(empty_database_url) as restored:
        assert found(dump(psql_binaries, empty_database_url), WORDS) != []
        entered = [await restored.users.erase_again(receipts=receipts) for _ in range(2)]

        assert entered == [2, 0]
        assert await ledger(restored) == receipts
        assert older in receipts
        assert await restored.users.page() == []
        with pytest.raises(NotRecorded):
            await said(restored, **ZOE)
    rest, original = (dump(psql_binaries, url, "--data-only") for url in (empty_database_url, database_url))
    assert found(rest, WORDS) == []
    entries = [sorted(found(text, [receipt.person for receipt in receipts])) for text in (rest, original)]
    assert entries[0] == entries[1]


async def test_erase_again_leaves_who_came_back_after_a_known_erasure(database: Database) -> None:
    """A receipt that the ledger has removes nothing: what was said since was said to be kept."""
    receipt = await database.users.erase(telegram_user_id=ID)
    message = (await said(database, **ZOE, sent_at=datetime.now(UTC))).message

    entered = await database.users.erase_again(receipts=[receipt])

    assert entered == 0
    assert await database.messages.get(chat_id=message.chat_id, message_id=message.id) == message


async def test_erase_again_of_two_receipts_of_one_person(database: Database) -> None:
    """Both are entered, in any order, and the later one says until when all is refused."""
    await said(database, **ZOE)
    known = await database.users.erase(telegram_user_id=ID)
    later = [replace(known, erased_at=known.erased_at + timedelta(hours=hours)) for hours in (2, 1)]
    await said(database, **ZOE, sent_at=datetime.now(UTC))

    assert await database.users.erase_again(receipts=[*later, known]) == 2

    assert await database.users.page() == []
    with pytest.raises(NotRecorded):
        await said(database, **ZOE, sent_at=later[0].erased_at)


async def test_erase_again_finds_a_private_chat_without_its_person(database: Database) -> None:
    """What others said to a person who is stored only as a chat goes as well."""
    receipt = await database.users.erase(telegram_user_id=ID)
    chat = await database.chats.get_or_create(bot_id=1, telegram_chat_id=ID, type="private")
    await database.messages.add(chat_id=chat.id, user_id=None, role="assistant", content="Hi")

    await database.users.erase_again(receipts=[replace(receipt, erased_at=receipt.erased_at + timedelta(hours=1))])

    assert await database.chats.page() == []


async def test_erase_again_by_four_sessions_enters_each_once(database: Database) -> None:
    """The same ledger replayed by several at once, beside new erasures, neither fails nor doubles anything."""
    now = datetime.now(UTC)
    receipts = []
    for number in range(1, 31):
        await said(database, telegram_user_id=number)
        [digest] = {(await database.users.erase(telegram_user_id=number)).person}
        receipts.append(Receipt(digest, now + timedelta(minutes=number), 1, 1, 1, 0))
        await said(database, telegram_user_id=number, sent_at=datetime.now(UTC))

    entered = await asyncio.gather(
        *(database.users.erase_again(receipts=receipts) for _ in range(4)),
        *(database.users.erase(telegram_user_id=number) for number in range(1, 31)),
    )

    assert sum(each for each in entered if isinstance(each, int)) == 30
    assert set(receipts) <= set(await ledger(database))
    assert (await database.users.page(), await database.chats.page()) == ([], [])


async def test_erase_again_of_1001_receipts(database: Database) -> None:
    """People are looked up by the thousand."""
    receipts = [Receipt(f"{number:064x}", datetime.now(UTC), 0, 0, 0, 0) for number in range(1_000)]
    await said(database, **ZOE)
    digest = (await database.users.erase(telegram_user_id=ID)).person
    await said(database, **ZOE, sent_at=datetime.now(UTC))

    entered = await database.users.erase_again(receipts=[*receipts, Receipt(digest, datetime.now(UTC), 1, 1, 1, 0)])

    assert entered == 1_001
    assert await database.users.page() == []
