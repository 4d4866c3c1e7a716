"""Each index serves its query, with the generic plan of a prepared statement too, on skewed data."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from benchmarks.plans import Mode, pages
from tests.conftest import CreateDatabase
from tests.plans import MODES, explain

# one dialogue of 20,000 messages, 8,000 of ten; two versions of half of them; in the chat of the 20,000 a topic with an
# edited message each of 20 people, and 5,000 that no person sent; 1,000 others who opted out
FILL = """
    INSERT INTO users (telegram_user_id, first_name) SELECT n, 'Ada' FROM generate_series(1, 8001) AS n;
    INSERT INTO chats (bot_id, telegram_chat_id, type) SELECT 0, n, 'private' FROM generate_series(1, 8001) AS n;
    INSERT INTO messages (chat_id, user_id, message_thread_id, role, content, sent_at, edited_at)
    SELECT 1, n, 9, 'user', 'text', now(), now() FROM generate_series(1, 20) AS n;
    INSERT INTO messages (chat_id, user_id, role, content, sent_at, telegram_message_id)
    SELECT 1, 1, 'user', 'text', now(), n FROM generate_series(1, 20000) AS n;
    INSERT INTO messages (chat_id, user_id, role, content, sent_at, telegram_message_id)
    SELECT n, n, 'user', 'text', now(), m FROM generate_series(2, 8001) AS n, generate_series(1, 10) AS m;
    INSERT INTO messages (chat_id, role, content, sent_at)
    SELECT 1, 'user', 'text', now() FROM generate_series(1, 5000);
    INSERT INTO messages (chat_id, user_id, role, content, sent_at) VALUES (1, 1, 'system', 'Be brief.', now());
    INSERT INTO message_versions (chat_id, message_id, edited_at, content)
    SELECT chat_id, id, at, 'text' FROM messages, unnest(ARRAY['-infinity', now()]) AS at WHERE id % 2 = 0;
    INSERT INTO usage SELECT n, 0, date '2020-01-01' + d, 1, 1, 1, 1
    FROM generate_series(1, 200) AS n, generate_series(1, 50) AS d;
    INSERT INTO refusals (person, until) SELECT person_digest(n), 'infinity' FROM generate_series(10001, 11000) AS n;
    INSERT INTO erasures SELECT person_digest(n), now(), 1, 1, 1, 0 FROM generate_series(10001, 11000) AS n;
"""

FILL_LOPSIDED = """
    INSERT INTO users (telegram_user_id, first_name) SELECT n, 'Ada' FROM generate_series(1, 1000) AS n;
    INSERT INTO chats (bot_id, telegram_chat_id, type) SELECT 0, n, 'private' FROM generate_series(1, 1000) AS n;
    INSERT INTO messages (chat_id, user_id, role, content, sent_at)
    SELECT 1, 1, 'user', 'text', now() FROM generate_series(1, 20000);
"""

# one bot with 3,000 chats of ten messages, one in three days, and 1,000 bots with a silent chat each
FILL_BOTS = """
    INSERT INTO users (telegram_user_id, first_name) SELECT n, 'Ada' FROM generate_series(1, 3000) AS n;
    INSERT INTO chats (bot_id, telegram_chat_id, type) SELECT 0, n, 'private' FROM generate_series(1, 3000) AS n;
    INSERT INTO chats (bot_id, telegram_chat_id, type) SELECT n, 1, 'private' FROM generate_series(1, 1000) AS n;
    INSERT INTO messages (chat_id, user_id, role, content, sent_at)
    SELECT n, n, 'user', 'text', timestamptz '2026-01-01 UTC' + (n * interval '3 hours') + m * interval '3 days'
    FROM generate_series(1, 3000) AS n, generate_series(1, 10) AS m;
"""


@pytest.fixture(scope="module")
def connection(create_database: CreateDatabase, template: str) -> Iterator[psycopg.Connection]:
    """A connection to a database with one long and many short dialogues."""
    with create_database(template) as url, psycopg.connect(url, autocommit=True) as opened:
        opened.execute(FILL)
        opened.execute("VACUUM ANALYZE")
        yield opened


@pytest.fixture(scope="module")
def lopsided(create_database: CreateDatabase, template: str) -> Iterator[psycopg.Connection]:
    """A connection to a database with one long dialogue and many silent people and chats."""
    with create_database(template) as url, psycopg.connect(url, autocommit=True) as opened:
        opened.execute(FILL_LOPSIDED)
        opened.execute("VACUUM ANALYZE")
        yield opened


@pytest.fixture(scope="module")
def bots(create_database: CreateDatabase, template: str) -> Iterator[psycopg.Connection]:
    """A connection to a database with one bot that many talk to and many that nobody does."""
    with create_database(template) as url, psycopg.connect(url, autocommit=True) as opened:
        opened.execute(FILL_BOTS)
        opened.execute("VACUUM ANALYZE")
        yield opened


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("name", "indexes"),
    [
        ("messages/recent", ["ix_messages_dialogue"]),
        ("messages/window", ["ix_messages_dialogue", "ix_messages_system"]),
        ("messages/window_in_chat", ["ix_messages_system", "pk_chats"]),
        ("messages/recent_in_chat", ["pk_messages"]),
        ("messages/listen", ["ix_messages_id", "pk_chats"]),
        ("messages/newest", ["ix_messages_id", "pk_chats"]),
        ("messages/listen_in_chat", ["pk_messages"]),
        ("stats/dialogue", ["ix_messages_dialogue"]),
        ("messages/search", ["ix_messages_search"]),
        ("messages/get", ["pk_messages"]),
        ("messages/window_original", ["ix_messages_dialogue", "ix_messages_system", "pk_message_versions"]),
        ("messages/versions", ["pk_messages", "pk_message_versions"]),
        ("messages/reply_to", ["pk_messages"]),
        ("messages/deliver", ["pk_messages", "uq_messages_chat_id_telegram_message_id", "pk_chats"]),
        ("messages/edit_lock", ["uq_messages_chat_id_telegram_message_id"]),
        ("messages/delete_many", ["uq_messages_chat_id_telegram_message_id"]),
        ("messages/edit", ["pk_messages"]),
        ("messages/record_original", ["pk_messages", "pk_message_versions"]),
        ("messages/record", ["uq_messages_chat_id_telegram_message_id", "uq_users_telegram_user_id", "pk_refusals"]),
        ("chats/page", ["pk_chats"]),
        ("users/export_topics", ["ix_messages_dialogue"]),
        ("users/export_messages", ["ix_messages_dialogue"]),
        ("users/erasures", ["pk_erasures"]),
    ],
)
def test_query_goes_by_its_index(connection: psycopg.Connection, name: str, indexes: list[str], mode: Mode) -> None:
    """No plan reads a whole table, and each index that was made for the query is used."""
    plan = explain(connection, name, mode)

    assert [index for index in indexes if index not in plan] == []
    assert "Seq Scan" not in plan


@pytest.mark.parametrize("name", ["stats/chat_daily", "stats/chat_hours"])
def test_figures_of_a_chat_go_by_its_messages(connection: psycopg.Connection, name: str) -> None:
    """By the generic plan, which is what runs; not by the dates of all messages, a month of the whole bot."""
    plan = explain(connection, name, "force_generic_plan")

    assert "ix_messages_chat" in plan
    assert "ix_messages_sent_at" not in plan


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("messages/clear", "ix_messages_dialogue"),
        ("users/delete", "ix_messages_user_id"),
        ("users/kept", "ix_messages_user_id"),
        ("users/erase_hold", "ix_messages_user_id"),
        ("users/erase_messages", "ix_messages_user_id"),
        ("users/export_chats", "ix_messages_user_id"),
    ],
)
def test_change_of_many_messages_goes_by_its_index(connection: psycopg.Connection, name: str, index: str) -> None:
    """By the generic plan; told that the person has a fifth of all messages, the planner may read the table."""
    assert index in explain(connection, name, "force_generic_plan")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("name", "indexes"),
    [
        ("stats/active", ["ix_messages_sent_at"]),
        ("stats/daily", ["ix_messages_sent_at"]),
        ("stats/roles", ["ix_messages_sent_at"]),
        ("stats/hours", ["ix_messages_sent_at"]),
        ("stats/cohorts", ["ix_messages_sent_at", "ix_messages_user_id"]),
        ("stats/top_chats", ["ix_messages_sent_at"]),
        ("stats/answer_times", ["ix_messages_sent_at"]),
        ("stats/tokens", ["ix_usage_bot_id_day"]),
    ],
)
def test_figure_reads_what_is_of_its_range(
    connection: psycopg.Connection, name: str, indexes: list[str], mode: Mode
) -> None:
    """Messages and usage are found by time; of a cohort's people only their own messages are looked through."""
    plan = explain(connection, name, mode)

    assert [index for index in indexes if index not in plan] == []
    assert not re.search(r"Seq Scan on (messages|usage)", plan)
    assert plan.count("ix_messages_sent_at") <= 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["active", "daily", "roles", "hours", "cohorts", "top_chats", "answer_times"])
def test_figure_of_the_bot_with_most_chats(bots: psycopg.Connection, name: str, mode: Mode) -> None:
    """Held to have as few chats as any bot, it has the range read once, and of each person the messages before."""
    plan = explain(bots, f"stats/{name}", mode, analyze=True, since="2026-06-01", until="2026-06-03")

    assert re.findall(r"ix_messages_sent_at .*loops=(\d+)", plan) == ["1"]
    assert pages(plan) <= 2_000


@pytest.mark.parametrize("mode", MODES)
def test_newest_messages_are_not_sorted_out_of_the_dialogue(connection: psycopg.Connection, mode: Mode) -> None:
    """The index gives the newest 20 in order; a sort would read all 20,000."""
    assert "Sort" not in explain(connection, "messages/recent", mode)


@pytest.mark.parametrize("mode", MODES)
def test_chats_looks_at_the_newest_message_of_each(connection: psycopg.Connection, mode: Mode) -> None:
    """One row of the index a chat says when it was used; messages are counted only of the chats that are shown."""
    plan = explain(connection, "stats/chats", mode, analyze=True, page_size="20")

    assert re.search(r"Index Scan Backward using pk_messages .* rows=1\b.* loops=8001\b", plan)
    assert "loops=20)" in plan


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["messages/listen", "messages/listen_in_chat", "messages/position"])
def test_question_for_what_is_new_reads_nothing_else(connection: psycopg.Connection, name: str, mode: Mode) -> None:
    """Of 105,000 messages a listener that knows all but the last two reads these, in order, and the newest of all."""
    plan = explain(connection, name, mode, analyze=True, after_id="105019", chat_id="1")

    assert not re.search(r"Seq Scan on messages |Sort Key: (m\.)?id", plan)
    assert max(int(rows) for rows in re.findall(r"using \w+_messages.*actual rows=(\d+)", plan)) <= 2
    assert pages(plan) <= 20


@pytest.mark.parametrize("mode", MODES)
def test_position_after_a_deletion_walks_through_no_remains(connection: psycopg.Connection, mode: Mode) -> None:
    """Of 30,000 messages that are gone, and not vacuumed, who knew one as the newest reads none."""
    with connection.transaction(force_rollback=True):
        connection.execute("DELETE FROM messages WHERE id > 75000")
        plan = explain(connection, "messages/position", mode, analyze=True, after_id="105021")

    assert pages(plan) <= 20


@pytest.mark.parametrize("mode", MODES)
def test_reply_to_reads_what_came_after_the_question(connection: psycopg.Connection, mode: Mode) -> None:
    """Of a chat of 25,000 messages those behind the question are read, in their order, and no others."""
    plan = explain(connection, "messages/reply_to", mode, analyze=True, message_id="105000")

    assert "Backward using pk_messages" in plan
    assert "Sort" not in plan
    assert re.search(r"Rows Removed by Filter: 21\b", plan)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("versions", "indexes"),
    [
        ("newest", ["ix_messages_chat", "ix_messages_system", "pk_chats", "pk_users"]),
        ("original", ["ix_messages_chat", "ix_messages_system", "pk_chats", "pk_users", "pk_message_versions"]),
    ],
)
def test_window_of_a_quiet_topic_reads_no_other(
    connection: psycopg.Connection, mode: Mode, versions: str, indexes: list[str]
) -> None:
    """The 20 messages of a topic are found among the 20,000 of its chat without one of these being read."""
    plan = explain(connection, "messages/window_in_chat", mode, analyze=True, message_thread_id="9", versions=versions)

    assert [index for index in indexes if index not in plan] == []
    assert re.search(r"using ix_messages_chat .*actual rows=20\b", plan)
    assert not re.search(r"Seq Scan|Rows Removed", plan)


@pytest.mark.parametrize("mode", MODES)
def test_window_of_the_newest_versions_looks_for_no_other(connection: psycopg.Connection, mode: Mode) -> None:
    """What a message said before costs nothing where nobody asks."""
    plan = explain(connection, "messages/window_in_chat", mode, analyze=True, message_thread_id="9")

    assert not re.search(r"message_versions .*actual", plan)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("name", "indexes"),
    [
        ("messages/purge", ["pk_messages", "ix_messages_dialogue", "ix_messages_system", "pk_chats"]),
        ("chats/purge", ["pk_chats", "ix_chats_successor_id", "pk_messages"]),
        ("users/purge", ["pk_users", "ix_messages_user_id"]),
    ],
)
def test_purge_walks_by_the_key(connection: psycopg.Connection, name: str, indexes: list[str], mode: Mode) -> None:
    """A batch reads no whole table and sorts none, whatever the planner knows of its words."""
    plan = explain(connection, name, mode, dry_run="no", chat_type="group")

    assert [index for index in indexes if index not in plan] == []
    assert "Seq Scan" not in plan
    # the batch itself, whose order the planner does not know before PostgreSQL 17
    assert [key for key in re.findall(r"Sort Key: (\S+)", plan) if not key.startswith("examined")] == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["messages/purge", "chats/purge", "users/purge"])
@pytest.mark.parametrize("dry_run", ["yes", "no"])
def test_purge_beside_one_dialogue(lopsided: psycopg.Connection, name: str, mode: Mode, dry_run: str) -> None:
    """Where all messages are one person's, the planner would find any of them by reading the table: for each row."""
    assert "Seq Scan on messages" not in explain(lopsided, name, mode, dry_run=dry_run)
