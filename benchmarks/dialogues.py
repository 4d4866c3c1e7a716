"""What is there before anything is measured."""

from datetime import UTC, datetime
from time import time_ns

import psycopg

from benchmarks.contender import Dialogues, said

_USERS = """
INSERT INTO users (telegram_user_id, first_name, language_code)
SELECT n, 'Ada', 'en' FROM generate_series(%(first)s::bigint, %(last)s) AS n ORDER BY n RETURNING id
"""
_CHATS = """
INSERT INTO chats (bot_id, telegram_chat_id, type)
SELECT %(bot_id)s, n, 'private' FROM generate_series(%(first)s::bigint, %(last)s) AS n ORDER BY n RETURNING id
"""
_MESSAGES = "COPY messages (chat_id, user_id, role, content, telegram_message_id, sent_at) FROM STDIN"


def load(url: str, count: int, messages: int) -> Dialogues:
    """New dialogues in a bot of their own, each with Telegram's ids 1, 2, 3 for its messages."""
    first = bot_id = time_ns() // 1000
    values = {"bot_id": bot_id, "first": first, "last": first + count - 1}
    with psycopg.connect(url) as connection:
        users = [row[0] for row in connection.execute(_USERS, values)]
        chats = [row[0] for row in connection.execute(_CHATS, values)]
        if not all(ids == list(range(ids[0], ids[0] + count)) for ids in (users, chats)):
            # pgbench counts on from the first
            raise RuntimeError("somebody else writes into this database: measure in one of its own")
        now = datetime.now(UTC)
        with connection.cursor().copy(_MESSAGES) as copy:
            for number in range(1, messages + 1):
                for user_id, chat_id in zip(users, chats, strict=True):
                    copy.write_row((chat_id, user_id, *said(number), number, now))
    return Dialogues(bot_id, first, chats[0], users[0], count, messages)


def settle(url: str) -> None:
    """Does what autovacuum would do to that in the midst of a round."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE users, chats, messages")
