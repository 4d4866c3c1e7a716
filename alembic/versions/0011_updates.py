"""What Telegram delivers is stored before it is confirmed, and waits here for its turn: of a chat one at a time.

`due_at` is when a worker may take it: from the start, after a failure later, and in work when the worker's lease ends.
A done update leaves nothing but its number, by which it is known when it comes again.
"""

from botcore.migrations import execute

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    execute("""
        CREATE TABLE updates (
            bot_id BIGINT NOT NULL,
            update_id BIGINT NOT NULL,
            telegram_chat_id BIGINT NOT NULL DEFAULT 0,
            telegram_user_id BIGINT NOT NULL DEFAULT 0,
            payload JSON,
            state TEXT NOT NULL DEFAULT 'pending',
            due_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            worker TEXT NOT NULL DEFAULT '',
            attempts BIGINT NOT NULL DEFAULT 0,
            failures BIGINT NOT NULL DEFAULT 0,
            sends BIGINT NOT NULL DEFAULT 0,
            arrived BIGINT NOT NULL DEFAULT 0,
            error TEXT,
            sqlstate TEXT,
            received_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            finished_at TIMESTAMPTZ,
            CONSTRAINT pk_updates PRIMARY KEY (bot_id, update_id),
            CONSTRAINT ck_updates_state CHECK (state IN ('pending', 'running', 'failed', 'done'))
        )
    """)
    # a chat's turn: what is in work first, then by number
    execute("""
        CREATE INDEX ix_updates_turn ON updates (bot_id, telegram_chat_id, state DESC, update_id)
        WHERE state IN ('pending', 'running')
    """)
    # whatever several processes do at once
    execute("""
        CREATE UNIQUE INDEX uq_updates_bot_id_telegram_chat_id ON updates (bot_id, telegram_chat_id)
        WHERE state = 'running'
    """)
    execute("CREATE INDEX ix_updates_failed ON updates (bot_id, update_id) WHERE state = 'failed'")
    # which process asks Telegram for a bot's updates, and until when it may without saying so again
    execute("""
        CREATE TABLE pollers (
            bot_id BIGINT NOT NULL,
            worker TEXT NOT NULL,
            until TIMESTAMPTZ NOT NULL,
            CONSTRAINT pk_pollers PRIMARY KEY (bot_id)
        )
    """)


def downgrade() -> None:
    execute("DROP TABLE pollers")
    execute("DROP TABLE updates")
