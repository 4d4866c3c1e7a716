"""What a message is besides its text: its kind, its album, the chat that spoke, and when a forwarded one was sent.

Of a forwarded message only the date is kept: the names of its origin belong to somebody who never spoke to the bot.
"""

from botcore.migrations import execute

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    execute("""
        ALTER TABLE messages
            ADD COLUMN kind TEXT NOT NULL DEFAULT 'text',
            ADD COLUMN media_group_id TEXT,
            ADD COLUMN sender_chat_id BIGINT,
            ADD COLUMN forward_date TIMESTAMPTZ
    """)


def downgrade() -> None:
    execute("""
        ALTER TABLE messages
            DROP COLUMN kind,
            DROP COLUMN media_group_id,
            DROP COLUMN sender_chat_id,
            DROP COLUMN forward_date
    """)
