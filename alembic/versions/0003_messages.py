"""Messages: a chat's messages lie together under (chat_id, id), and each index serves one query.

reply_to_id has no foreign key: to purge one message the server would read all of its chat.
"""

from botcore.migrations import execute

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    execute("""
        CREATE TABLE messages (
            chat_id BIGINT NOT NULL,
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            user_id BIGINT,
            message_thread_id BIGINT NOT NULL DEFAULT 0,
            role TEXT NOT NULL,
            content TEXT NOT NULL,
            length INTEGER NOT NULL GENERATED ALWAYS AS (char_length(content)) STORED,
            telegram_message_id BIGINT,
            reply_to_id BIGINT,
            sent_at TIMESTAMPTZ NOT NULL,
            created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            deleted_at TIMESTAMPTZ,
            CONSTRAINT pk_messages PRIMARY KEY (chat_id, id),
            CONSTRAINT fk_messages_chat_id FOREIGN KEY (chat_id) REFERENCES chats (id),
            CONSTRAINT fk_messages_user_id FOREIGN KEY (user_id) REFERENCES users (id),
            CONSTRAINT ck_messages_role CHECK (role IN ('system', 'user', 'assistant'))
        )
    """)
    # record, add: a message is stored once. Deleted rows count, so that a redelivery revives nothing.
    execute("""
        CREATE UNIQUE INDEX uq_messages_chat_id_telegram_message_id
        ON messages (chat_id, telegram_message_id) WHERE telegram_message_id > 0
    """)
    # recent, window, clear
    execute("""
        CREATE INDEX ix_messages_dialogue
        ON messages (chat_id, user_id, message_thread_id, id DESC) WHERE deleted_at IS NULL
    """)
    # window: the pinned system message, 25 ms without this on 100,000 rows
    execute("""
        CREATE INDEX ix_messages_system
        ON messages (chat_id, user_id, message_thread_id, id DESC) WHERE deleted_at IS NULL AND role = 'system'
    """)
    # users.delete, users.restore
    execute("CREATE INDEX ix_messages_user_id ON messages (user_id)")
    # A person mostly writes in one chat. The planner, not told, sorts a whole dialogue for its newest 20.
    execute("CREATE STATISTICS st_messages_dialogue (dependencies) ON chat_id, user_id FROM messages")


def downgrade() -> None:
    execute("DROP TABLE messages")
