"""Before anything is measured: a contender stores and returns what botcore does, or is refused."""

from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from benchmarks import dialogues
from benchmarks.contender import PAGE, Chat, Contender, Observed, Told
from benchmarks.peers.botcore import Botcore

# What is there about a chat, but for ids and times of the tables' own
_STORED: Final = """
SELECT
    m.role, m.kind, m.content, m.length, m.telegram_message_id, m.message_thread_id, m.media_group_id, m.sender_chat_id,
    m.forward_date, m.delivery, m.edited_at, m.deleted_at, r.telegram_message_id AS reply_to,
    abs(extract(EPOCH FROM now() - m.sent_at)) < 60 AS is_sent_now,
    u.telegram_user_id = c.telegram_chat_id AS is_private, u.username, u.first_name, u.last_name, u.language_code,
    u.deleted_at AS user_deleted_at, c.business_connection_id, c.type, c.title, c.blocked_at,
    c.deleted_at AS chat_deleted_at
FROM chats AS c
JOIN messages AS m ON m.chat_id = c.id
LEFT JOIN users AS u ON u.id = m.user_id
LEFT JOIN messages AS r ON r.chat_id = m.chat_id AND r.id = m.reply_to_id
WHERE c.bot_id = %s AND c.telegram_chat_id = %s
ORDER BY m.id
"""
# the first of the ids that Telegram gives to what is stored then; those before are the dialogues' own
_NUMBER: Final = 1001


class DiffersError(Exception):
    """A contender does something else than botcore; says what."""


def verify(name: str, contender: Contender, url: str) -> None:
    """Raises DiffersError for a contender that stores or returns other rows than botcore, where it has a place."""
    expected, expected_rows = _observed(Botcore(), url)
    observed, rows = _observed(contender, url)
    for operation, returned in observed.returned.items():
        held = [{key: row[key] for key in contender.holds} for row in expected.returned[operation]]
        _compare(f"{name} returns, as {operation},", held, returned)
    if not contender.has_own_tables:
        for chat, (theirs, ours) in enumerate(zip(rows, expected_rows, strict=True), start=1):
            _compare(f"{name} stores in chat {chat}", ours, theirs)


def _observed(contender: Contender, url: str) -> tuple[Observed, list[list[Told]]]:
    """What it returned, and what is in the tables afterwards, in chats of its own."""
    loaded = dialogues.load(url, count=3, messages=PAGE + 5)
    observed = contender.observe(url, loaded, _NUMBER)
    return observed, [_stored(url, chat) for chat in observed.chats]


def _stored(url: str, chat: Chat) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        return connection.execute(_STORED, (chat.bot_id, chat.telegram_id)).fetchall()


def _compare(what: str, expected: list[Told], got: list[Told]) -> None:
    if len(expected) != len(got):
        raise DiffersError(f"{what} {len(got)} messages instead of {len(expected)}")
    for number, (right, row) in enumerate(zip(expected, got, strict=True), start=1):
        for name, value in right.items():
            if row.get(name) != value:
                raise DiffersError(f"{what} {name} = {row.get(name)!r} in message {number} instead of {value!r}")
