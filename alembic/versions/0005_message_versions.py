"""Edits: messages hold the newest text, message_versions every text that an edited message is known to have had.

The text that Telegram sent first is dated -infinity there. Telegram dates edits by the second, so the text's hash is in
the key as well; id tells which of one second came last.
"""

from botcore.migrations import execute

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    execute("ALTER TABLE messages ADD COLUMN edited_at TIMESTAMPTZ")
    execute("""
        CREATE TABLE message_versions (
            chat_id BIGINT NOT NULL,
            message_id BIGINT NOT NULL,
            edited_at TIMESTAMPTZ NOT NULL,
            content_hash BIGINT NOT NULL GENERATED ALWAYS AS (hashtextextended(content, 0)) STORED,
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            content TEXT NOT NULL,
            CONSTRAINT pk_message_versions PRIMARY KEY (chat_id, message_id, edited_at, content_hash),
            CONSTRAINT fk_message_versions_chat_id_message_id
                FOREIGN KEY (chat_id, message_id) REFERENCES messages (chat_id, id) ON DELETE CASCADE
        )
    """)


def downgrade() -> None:
    execute("DROP TABLE message_versions")
    execute("ALTER TABLE messages DROP COLUMN edited_at")
