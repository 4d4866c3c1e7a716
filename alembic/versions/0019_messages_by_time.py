"""Messages by Telegram's date, for the figures of `db.stats`: a month of them is read, not the whole table.

Of 1,000,000 messages of a year a month's took 3,100 pages instead of 33,000. A B-tree of 21 MB: BRIN's 24 kB read as
few where messages came in their order, but all where an archive was read in chat by chat, or space was used again after
a purge. With chat, person, role and length in it, it would have 56 MB. Usage by bot and day is read likewise.
"""

from alembic import op
from botcore.migrations import execute

revision = "0019"
down_revision = "0017"

# length >= 0 is so of all of them: only a query that says it, too, goes by this index. The generic plan of
# `messages.search` would, since it takes any range of times for a short one.
_INDEX = "(sent_at) WHERE deleted_at IS NULL AND length >= 0"


def upgrade() -> None:
    partitions = _partitions()
    with op.get_context().autocommit_block():
        if partitions:
            # with what a run that failed left of it; nobody waits behind these for longer than the lock_timeout
            execute("DROP INDEX IF EXISTS ix_messages_sent_at")
            execute(f"CREATE INDEX ix_messages_sent_at ON ONLY messages {_INDEX}")
        # it waits for older transactions, and nobody waits behind it; a build that failed left its remains
        execute("SET lock_timeout = 0")
        for table in partitions or ["messages"]:
            index = table.replace("messages", "ix_messages_sent_at")
            execute(f"DROP INDEX CONCURRENTLY IF EXISTS {index}")
            execute(f"CREATE INDEX CONCURRENTLY {index} ON {table} {_INDEX}")
        execute("DROP INDEX CONCURRENTLY IF EXISTS ix_usage_bot_id_day")
        execute("CREATE INDEX CONCURRENTLY ix_usage_bot_id_day ON usage (bot_id, day)")
        execute("RESET lock_timeout")
        for table in partitions:
            index = table.replace("messages", "ix_messages_sent_at")
            execute(f"ALTER INDEX ix_messages_sent_at ATTACH PARTITION {index}")


def downgrade() -> None:
    execute("DROP INDEX ix_usage_bot_id_day")
    execute("DROP INDEX ix_messages_sent_at")


def _partitions() -> list[str]:
    """The partitions' names, where messages has any; a script knows of none."""
    if op.get_context().as_sql:
        return []
    found = op.get_bind().exec_driver_sql("""
        SELECT relid::regclass::text FROM pg_partition_tree('messages') WHERE isleaf AND level > 0 ORDER BY 1
    """)
    return list(found.scalars())
