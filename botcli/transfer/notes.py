"""What an import has to remember of every message, chat by chat: on disk, so that its memory stays flat."""

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

_TABLES: Final = """
    PRAGMA journal_mode = OFF;
    CREATE TABLE chats (key TEXT PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE looked_at (chat_id INTEGER PRIMARY KEY);
    CREATE TABLE there (chat_id INTEGER, digest BLOB, id INTEGER, PRIMARY KEY (chat_id, digest, id)) WITHOUT ROWID;
    CREATE TABLE stored (chat_id INTEGER, file_id INTEGER, id INTEGER, PRIMARY KEY (chat_id, file_id)) WITHOUT ROWID;
"""
_DIGEST_BYTES: Final = 16


class Notes:
    """A table of the chats in a file, and of its messages without a Telegram id by botcore's ids, there and here.

    In a temporary file, which nobody else sees and which ends with it: numbers and digests, no text.
    """

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)
        self._file.executescript(_TABLES)

    def close(self) -> None:
        """Removes the file."""
        self._file.close()

    def add_chats(self, keys: Iterable[tuple[object, ...]]) -> None:
        """Notes that these are in the file."""
        self._file.executemany("INSERT OR IGNORE INTO chats VALUES (?)", [(repr(key),) for key in keys])

    def count_chats(self) -> int:
        """How many are in it."""
        return int(self._file.execute("SELECT count(*) FROM chats").fetchone()[0])

    def is_new(self, chat_id: int) -> bool:
        """Whether this is the first time that the chat is asked for."""
        return self._file.execute("INSERT OR IGNORE INTO looked_at VALUES (?)", (chat_id,)).rowcount == 1

    def add_there(self, chat_id: int, message: tuple[object, ...], message_id: int) -> None:
        """Notes a message that was in the chat before the import."""
        self._file.execute("INSERT OR IGNORE INTO there VALUES (?, ?, ?)", (chat_id, _digest(message), message_id))

    def take_there(self, chat_id: int, message: tuple[object, ...]) -> int | None:
        """The oldest of the same messages that were there, each once."""
        key = (chat_id, _digest(message))
        [found] = self._file.execute("SELECT min(id) FROM there WHERE (chat_id, digest) = (?, ?)", key).fetchone()
        self._file.execute("DELETE FROM there WHERE (chat_id, digest, id) = (?, ?, ?)", (*key, found))
        return None if found is None else int(found)

    def add_stored(self, chat_id: int, file_id: int, message_id: int) -> None:
        """Notes what a message of the file has become."""
        self._file.execute("INSERT OR REPLACE INTO stored VALUES (?, ?, ?)", (chat_id, file_id, message_id))

    def find_stored(self, chat_id: int, file_id: int) -> int | None:
        """What it has become, where that is known."""
        key = (chat_id, file_id)
        found = self._file.execute("SELECT id FROM stored WHERE (chat_id, file_id) = (?, ?)", key).fetchone()
        return int(found[0]) if found else None


def _digest(message: tuple[object, ...]) -> bytes:
    return blake2b(repr(message).encode(), digest_size=_DIGEST_BYTES).digest()
