"""SQL in psql's form, `:'name'`, as the drivers take it; and what one writes for them by hand."""

import re
from typing import Final

from botcore import queries

_PLACEHOLDER: Final = re.compile(r":'(\w+)'")

# the plain upsert of PostgreSQL's page: https://www.postgresql.org/docs/current/sql-insert.html#SQL-ON-CONFLICT
USER: Final = """
INSERT INTO users (telegram_user_id, username, first_name, last_name, language_code)
VALUES (:'telegram_user_id', :'username', :'first_name', :'last_name', :'language_code')
ON CONFLICT (telegram_user_id) DO UPDATE
SET username = excluded.username, first_name = excluded.first_name, last_name = excluded.last_name,
    language_code = excluded.language_code, updated_at = now(), deleted_at = NULL
RETURNING id
"""
CHAT: Final = """
INSERT INTO chats (bot_id, telegram_chat_id, type, title)
VALUES (:'bot_id', :'telegram_chat_id', :'chat_type', :'chat_title')
ON CONFLICT (bot_id, telegram_chat_id, business_connection_id) DO UPDATE
SET type = excluded.type, title = excluded.title, updated_at = now(), blocked_at = NULL, deleted_at = NULL
RETURNING id
"""
MESSAGE: Final = """
INSERT INTO messages (chat_id, user_id, role, content, telegram_message_id, reply_to_id, sent_at)
VALUES (:'chat_id', :'user_id', :'role', :'content', :'telegram_message_id', :'reply_to_id', :'sent_at')
RETURNING
    chat_id, id, user_id, message_thread_id, role, kind, content, length, telegram_message_id, reply_to_id,
    media_group_id, sender_chat_id, forward_date, delivery, sent_at, edited_at, created_at, deleted_at
"""
RECENT: Final = queries.load("messages/recent").text
RECORD: Final = queries.load("messages/record").text
ADD: Final = queries.load("messages/add").text

LACKS: Final = "writes person and chat anew for each message; a redelivery is an error"


def named(text: str) -> str:
    """With psycopg's placeholders, `%(name)s`."""
    return _PLACEHOLDER.sub(r"%(\1)s", _without_comments(text).replace("%", "%%"))


def numbered(text: str) -> tuple[str, list[str]]:
    """With the server's own, `$1`, and the name that goes with each number."""
    names = list(dict.fromkeys(_PLACEHOLDER.findall(text)))
    return _PLACEHOLDER.sub(lambda match: f"${names.index(match[1]) + 1}", _without_comments(text)), names


def prefixed(text: str, prefix: str) -> str:
    """With pgbench's, `:name`, each name with a prefix, since all scripts share their variables."""
    return _PLACEHOLDER.sub(rf":{prefix}\1", _without_comments(text))


def _without_comments(text: str) -> str:
    return re.sub(r"^ *--.*\n", "", text, flags=re.MULTILINE)
