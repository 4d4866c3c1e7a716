"""Chats: one row for a chat as one bot sees it, so that several bots share a database.

A business chat carries the same Telegram id as the private one, hence the connection's id in the key.
"""

from botcore.migrations import execute

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    execute("""
        CREATE TABLE chats (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            bot_id BIGINT NOT NULL,
            telegram_chat_id BIGINT NOT NULL,
            business_connection_id TEXT NOT NULL DEFAULT '',
            type TEXT NOT NULL,
            title TEXT,
            created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            deleted_at TIMESTAMPTZ,
            CONSTRAINT pk_chats PRIMARY KEY (id),
            CONSTRAINT uq_chats_bot_id_telegram_chat_id_business_connection_id
                UNIQUE (bot_id, telegram_chat_id, business_connection_id)
        )
    """)


def downgrade() -> None:
    execute("DROP TABLE chats")
