"""Where somebody stands in a form, for aiogram's finite state machine: after a restart, any process goes on."""

from botcore.migrations import execute

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    execute("""
        CREATE TABLE states (
            bot_id BIGINT NOT NULL,
            telegram_chat_id BIGINT NOT NULL,
            telegram_user_id BIGINT NOT NULL,
            message_thread_id BIGINT NOT NULL DEFAULT 0,
            business_connection_id TEXT NOT NULL DEFAULT '',
            destiny TEXT NOT NULL DEFAULT 'default',
            state TEXT,
            data JSONB NOT NULL DEFAULT '{}',
            updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            expires_at TIMESTAMPTZ,
            CONSTRAINT pk_states PRIMARY KEY (
                bot_id, telegram_chat_id, telegram_user_id, message_thread_id, business_connection_id, destiny
            )
        )
    """)
    # all of a person, for an erasure and the like
    execute("CREATE INDEX ix_states_telegram_user_id ON states (telegram_user_id)")
    execute("CREATE INDEX ix_states_telegram_chat_id ON states (telegram_chat_id)")
    execute("CREATE INDEX ix_states_expires_at ON states (expires_at) WHERE expires_at IS NOT NULL")
    execute("CREATE INDEX ix_states_updated_at ON states (updated_at) WHERE state IS NULL AND data = '{}'")


def downgrade() -> None:
    execute("DROP TABLE states")
