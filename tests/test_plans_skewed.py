"""What a turn reads stays the same in a dialogue whose newest 99,000 messages were deleted, among many short ones."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from benchmarks import filling
from benchmarks.plans import Mode, pages
from tests.conftest import CreateDatabase
from tests.plans import MODES, explain

LONG = 1
SHORT = range(2, 8_002)


@pytest.fixture(scope="module")
def connection(create_database: CreateDatabase, template: str) -> Iterator[psycopg.Connection]:
    """A connection to a database with one dialogue of 100,000 messages, 1,000 of them live, and 8,000 of ten."""
    with create_database(template) as url, psycopg.connect(url, autocommit=True) as opened:
        with filling.without_indexes(opened):
            filling.insert_parents(opened, range(LONG, SHORT.stop))
            filling.copy_messages(opened, range(LONG, LONG + 1), range(1, 100_001))
            filling.copy_messages(opened, SHORT, range(1, 11))
        opened.execute("UPDATE messages SET deleted_at = now() WHERE chat_id = 1 AND telegram_message_id > 1000")
        opened.execute("VACUUM ANALYZE")
        yield opened


SHARED = {"bot_id": "1", "first_name": "Ada"}
NEW = SHARED | {"telegram_message_id": "100001"}
NEW_IN_LISTS = {"bot_ids": "{1}", "first_names": "{Ada}", "telegram_message_ids": "{100001}"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("chat", [LONG, 7_000])
@pytest.mark.parametrize(
    ("name", "changes", "indexes", "most"),
    [
        ("messages/recent", {}, ["ix_messages_dialogue"], 40),
        ("messages/window", {"max_messages": "20"}, ["ix_messages_dialogue", "ix_messages_system"], 50),
        ("messages/record", NEW, ["uq_messages_chat_id_telegram_message_id"], 80),
        ("messages/add", NEW, ["uq_messages_chat_id_telegram_message_id"], 80),
        ("messages/deliver", NEW | {"message_id": "1"}, ["uq_messages_chat_id_telegram_message_id"], 80),
        ("messages/recent_many", {}, ["ix_messages_dialogue"], 40),
        ("messages/window_many", {"message_counts": "{20}"}, ["ix_messages_dialogue", "ix_messages_system"], 50),
        ("messages/record_many", NEW_IN_LISTS, ["uq_chats_bot_id_telegram_chat_id_business_connection_id"], 80),
        ("messages/add_many", NEW_IN_LISTS, ["pk_chats", "pk_users"], 80),
    ],
)
def test_hot_query_reads_what_it_gives(
    connection: psycopg.Connection,
    name: str,
    changes: dict[str, str],
    indexes: list[str],
    most: int,
    chat: int,
    mode: Mode,
) -> None:
    """By its index, a few pages, of the long dialogue as of a short one, without looking at what is not given."""
    names = ["chat_id", "user_id", "telegram_chat_id", "telegram_user_id"]
    ids = dict.fromkeys(names, str(chat)) | {f"{name}s": f"{{{chat}}}" for name in names}

    with connection.transaction(force_rollback=True):
        plan = explain(connection, name, mode, analyze=True, **ids | changes)

    assert [index for index in indexes if index not in plan] == []
    assert not re.search(r"Seq Scan on (messages|chats|users)", plan)
    assert max(int(rows) for rows in re.findall(r"(?:actual rows=|Rows Removed by Filter: )(\d+)", plan)) <= 21
    assert pages(plan) <= most


@pytest.mark.parametrize("mode", MODES)
def test_clear_finds_a_batch_by_the_key(connection: psycopg.Connection, mode: Mode) -> None:
    """Told that the dialogue is long, the planner would join a batch with the whole table, were it not an array."""
    plan = explain(connection, "messages/clear", mode)

    assert "ix_messages_dialogue" in plan
    assert "pk_messages" in plan
    assert not re.search(r"Join|Nested Loop|Seq Scan", plan)
