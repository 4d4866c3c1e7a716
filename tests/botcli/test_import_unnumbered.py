"""`botcli import` of what has no Telegram id, as in the terminal: known by what it says, and answered all the same."""

import json
import tracemalloc
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from botcli.cli.importing import import_
from botcli.transfer.notes import Notes
from botcore import Database
from tests.archives import contents

pytestmark = [pytest.mark.usefixtures("settings"), pytest.mark.role("migrator")]


def line(file_id: int, content: str, *, chat: int = 7, bot: int = 0, **changes: Any) -> str:
    """A message of a private chat, by no more than the number that it has in the file."""
    given = {
        "bot_id": bot, "telegram_chat_id": chat, "chat_type": "private", "telegram_user_id": chat, "id": file_id,
        "role": "user", "content": content, "sent_at": "2026-01-01T12:00:00+00:00",
    }  # fmt: skip
    return f"{json.dumps(given | changes)}\n"


async def imported(folder: Path, captured: pytest.CaptureFixture[str], *lines: str, **options: Any) -> dict[str, int]:
    """What an import of these lines counts."""
    path = folder / "export.jsonl"
    path.write_text("".join(lines))
    captured.readouterr()
    assert await import_(path, json=True, **options) == 0
    counts: dict[str, int] = json.loads(captured.readouterr().out)
    return counts


async def test_import_leaves_hidden_what_has_no_id(
    tmp_path: Path, database: Database, connection: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """Messages that were hidden since are known, and not stored once more."""
    lines = (line(1, "question"), line(2, "answer", role="assistant", reply_to_id=1))
    await imported(tmp_path, capsys, *lines)
    chat = await database.chats.find(bot_id=0, telegram_chat_id=7)
    user = await database.users.find(telegram_user_id=7)
    assert chat
    assert user
    await database.messages.clear(chat_id=chat.id, user_id=user.id)

    again = await imported(tmp_path, capsys, *lines)

    assert (again["stored"], again["known"]) == (0, 2)
    assert await database.messages.recent_in_chat(chat_id=chat.id) == []
    assert len(contents(connection)) == 2


async def test_import_of_chats_that_take_turns(
    tmp_path: Path, connection: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each keeps its replies, and what it says twice, also where what is answered is more than a plain text."""
    lines = (
        line(1, "one", chat=7, edited_at="2026-01-01T12:01:00+00:00"), line(2, "two", chat=8, kind="photo"),
        line(3, "re", chat=7, reply_to_id=1), line(4, "re", chat=8, reply_to_id=2, telegram_message_id=9),
        line(5, "same", chat=7), line(6, "x", chat=8), line(7, "same", chat=7, reply_to_id=3),
    )  # fmt: skip

    first = await imported(tmp_path, capsys, *lines)
    again = await imported(tmp_path, capsys, *lines, append=True)

    assert (first["stored"], again["stored"], again["known"], again["chats"]) == (7, 0, 7, 2)
    assert [(row[1], row[9], row[15]) for row in contents(connection)] == [
        (7, "one", None), (7, "re", "one"), (7, "same", None), (7, "same", "re"),
        (8, "two", None), (8, "re", "two"), (8, "x", None),
    ]  # fmt: skip


async def test_import_shows_nobody_who_is_hidden(
    tmp_path: Path, database: Database, connection: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person and a chat that were hidden stay so; nothing new of either is stored, and it is counted as refused."""
    await imported(tmp_path, capsys, line(1, "old", bot=-1), line(2, "old", bot=-1, chat=8))
    user = await database.users.find(telegram_user_id=7)
    chat = await database.chats.find(bot_id=-1, telegram_chat_id=8)
    assert user
    assert chat
    await database.users.delete(user_id=user.id)
    await database.chats.delete(chat_id=chat.id)

    again = await imported(tmp_path, capsys, line(3, "new", bot=-1), line(4, "new", bot=-1, chat=8))

    assert (again["stored"], again["refused"]) == (0, 2)
    assert await database.users.find(telegram_user_id=7) is None
    assert await database.chats.find(bot_id=-1, telegram_chat_id=8) is None
    assert [row[9] for row in contents(connection)] == ["old", "old"]


def test_notes_of_many_chats_take_no_memory() -> None:
    """They are on disk, however many chats a file has."""
    with closing(Notes()) as notes:
        tracemalloc.start()
        for number in range(20_000):
            notes.add_chats({(0, number)})
            notes.add_stored(number, 1, number)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert (notes.count_chats(), notes.find_stored(19_999, 1)) == (20_000, 19_999)
    assert held < 100_000
