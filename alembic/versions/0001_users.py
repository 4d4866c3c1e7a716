"""Users: the people behind the messages, known by Telegram's id whatever bot they talk with."""

from botcore.migrations import execute

revision = "0001"
down_revision = None


def upgrade() -> None:
    execute("""
        CREATE TABLE users (
            id BIGINT GENERATED ALWAYS AS IDENTITY,
            telegram_user_id BIGINT NOT NULL,
            username TEXT,
            first_name TEXT NOT NULL,
            last_name TEXT,
            language_code TEXT,
            created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            deleted_at TIMESTAMPTZ,
            CONSTRAINT pk_users PRIMARY KEY (id),
            CONSTRAINT uq_users_telegram_user_id UNIQUE (telegram_user_id)
        )
    """)


def downgrade() -> None:
    execute("DROP TABLE users")
