"""Many dialogues, loaded fast: chat n with person n, whose ids at Telegram are n as well, as bot 1 sees them."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from typing import Any, Final

from psycopg import Connection, sql

BOT: Final = 1

_SENT_AT: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
_COPY: Final = "COPY messages (chat_id, user_id, role, content, telegram_message_id, sent_at) FROM STDIN"


@contextmanager
def without_indexes(connection: Connection[Any]) -> Iterator[None]:
    """Builds the secondary indexes of `messages` when all is loaded: that takes a third of the time."""
    indexes = connection.execute(
        "SELECT indexrelid::regclass::text, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') FROM pg_index"
        " WHERE indrelid = 'messages'::regclass AND NOT indisprimary"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    try:
        yield
    finally:
        connection.execute("SET maintenance_work_mem = '1GB'")
        for _, definition in indexes:
            connection.execute(definition)
        connection.execute("RESET maintenance_work_mem")


def insert_parents(connection: Connection[Any], chats: range) -> None:
    """The chats and their people, with the botcore ids that their numbers say."""
    connection.execute(
        "INSERT INTO users (id, telegram_user_id, first_name, language_code) OVERRIDING SYSTEM VALUE"
        " SELECT n, n, 'Ada', 'en' FROM generate_series(%s::bigint, %s) AS n",
        (chats[0], chats[-1]),
    )
    connection.execute(
        "INSERT INTO chats (id, bot_id, telegram_chat_id, type) OVERRIDING SYSTEM VALUE"
        " SELECT n, %s, n, 'private' FROM generate_series(%s::bigint, %s) AS n",
        (BOT, chats[0], chats[-1]),
    )
    connection.execute("SELECT setval('users_id_seq', max(id)) FROM users")
    connection.execute("SELECT setval('chats_id_seq', max(id)) FROM chats")


def copy_messages(connection: Connection[Any], chats: range, numbers: range) -> None:
    """Messages with these numbers to each of the chats, as they came: all chats' first ones, then all second ones."""
    texts = cycle(_TEXTS)
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for number in numbers:
            role = "user" if number % 2 else "assistant"
            told = f"{number}\t{(_SENT_AT + timedelta(minutes=number)).isoformat()}\n"
            lines = (f"{chat}\t{chat}\t{role}\t{next(texts)}\t{told}" for chat in chats)
            while some := "".join(islice(lines, 5_000)):
                copy.write(some)


def _texts() -> list[str]:
    """What people say: 3 to 12 words of 20,000, some of them much more often than others."""
    chance = random.Random(1)  # noqa: S311 - no secret
    return [
        " ".join(f"word{int(20_000 ** chance.random())}" for _ in range(chance.randint(3, 12))) for _ in range(9_973)
    ]


_TEXTS: Final = _texts()
