"""Messages of all chats by id, for `messages.listen`, and by Telegram's date, for `db.stats`; usage by bot and day.

B-trees, of 22 MB each for a million messages. Measured in turn beside none, by either one the rate of record stays
within the noise; by that of ids its log grows by 2%, and a bulk INSERT takes 7% more of the server's CPU. BRIN indexes
cost next to nothing. But one of ids knows no newest id, for which listeners look four times a second, and read three
new messages in 0.27 ms rather than 0.07; one of dates reads as few pages, 3,100 of 33,000 for a month of a year, only
where messages came in their order: all, where an archive was read in chat by chat, or space was used again after a
purge.
"""

from alembic import op
from botcore.migrations import execute

revision = "0018"
down_revision = "0017"

_COLUMNS = {"ix_messages_id": "id", "ix_messages_sent_at": "sent_at"}
# length >= 0 is so of all of them: only a query that says it, too, goes by these. Others, as `messages.search` and
# `messages.reply_to`, would at times walk by them through what all chats said meanwhile.
_LIVE = "WHERE deleted_at IS NULL AND length >= 0"


def upgrade() -> None:
    partitions = _partitions()
    with op.get_context().autocommit_block():
        for name, column in _COLUMNS.items():
            if partitions:
                # with what a run that failed left of it; nobody waits behind these for longer than the lock_timeout
                execute(f"DROP INDEX IF EXISTS {name}")
                execute(f"CREATE INDEX {name} ON ONLY messages ({column}) {_LIVE}")
            # these wait for older transactions, and nobody waits behind them; a build that failed left its remains
            execute("SET lock_timeout = 0")
            for table in partitions or ["messages"]:
                index = table.replace("messages", name)
                execute(f"DROP INDEX CONCURRENTLY IF EXISTS {index}")
                execute(f"CREATE INDEX CONCURRENTLY {index} ON {table} ({column}) {_LIVE}")
            execute("RESET lock_timeout")
            for table in partitions:
                execute(f"ALTER INDEX {name} ATTACH PARTITION {table.replace('messages', name)}")
        execute("SET lock_timeout = 0")
        execute("DROP INDEX CONCURRENTLY IF EXISTS ix_usage_bot_id_day")
        execute("CREATE INDEX CONCURRENTLY ix_usage_bot_id_day ON usage (bot_id, day)")
        execute("RESET lock_timeout")


def downgrade() -> None:
    execute("DROP INDEX ix_usage_bot_id_day")
    for name in _COLUMNS:
        execute(f"DROP INDEX {name}")


def _partitions() -> list[str]:
    """The partitions' names, where messages has any; a script knows of none."""
    if op.get_context().as_sql:
        return []
    found = op.get_bind().exec_driver_sql("""
        SELECT relid::regclass::text FROM pg_partition_tree('messages') WHERE isleaf AND level > 0 ORDER BY 1
    """)
    return list(found.scalars())
