"""A group that became a supergroup: one row stays the chat, the other one keeps the old id and points to it.

Such a row is deleted, always, so that no query takes it for a chat.
"""

from botcore.migrations import execute

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    execute("""
        ALTER TABLE chats
            ADD COLUMN successor_id BIGINT,
            ADD CONSTRAINT fk_chats_successor_id FOREIGN KEY (successor_id) REFERENCES chats (id),
            ADD CONSTRAINT ck_chats_successor_id CHECK (successor_id IS NULL OR deleted_at IS NOT NULL)
    """)
    # the foreign key's, when a chat is purged
    execute("CREATE INDEX ix_chats_successor_id ON chats (successor_id) WHERE successor_id IS NOT NULL")
    # a message that moves into another chat takes its versions along
    execute("""
        ALTER TABLE message_versions
            DROP CONSTRAINT fk_message_versions_chat_id_message_id,
            ADD CONSTRAINT fk_message_versions_chat_id_message_id
                FOREIGN KEY (chat_id, message_id) REFERENCES messages (chat_id, id)
                ON UPDATE CASCADE ON DELETE CASCADE
    """)


def downgrade() -> None:
    execute("""
        ALTER TABLE message_versions
            DROP CONSTRAINT fk_message_versions_chat_id_message_id,
            ADD CONSTRAINT fk_message_versions_chat_id_message_id
                FOREIGN KEY (chat_id, message_id) REFERENCES messages (chat_id, id) ON DELETE CASCADE
    """)
    execute("DROP INDEX ix_chats_successor_id")
    execute("ALTER TABLE chats DROP COLUMN successor_id")
