"""The messages of a group from before it was a supergroup: Telegram counts anew, so they keep their ids negated.

Hence the unique index covers ids below 0 as well: a late redelivery of an old message finds it, and is stored once.
"""

from alembic import op
from botcore.migrations import execute

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    _replace_unique_index("telegram_message_id IS NOT NULL")


def downgrade() -> None:
    _replace_unique_index("telegram_message_id > 0")


def _replace_unique_index(predicate: str) -> None:
    with op.get_context().autocommit_block():
        # it waits for older transactions, and nobody waits behind it; a build that failed left its remains
        execute("SET lock_timeout = 0")
        execute("DROP INDEX CONCURRENTLY IF EXISTS uq_messages_next")
        execute(f"""
            CREATE UNIQUE INDEX CONCURRENTLY uq_messages_next
            ON messages (chat_id, telegram_message_id) WHERE {predicate}
        """)
        execute("RESET lock_timeout")
    # together with the revision, so that there is an index at every moment
    execute("DROP INDEX uq_messages_chat_id_telegram_message_id")
    execute("ALTER INDEX uq_messages_next RENAME TO uq_messages_chat_id_telegram_message_id")
