"""What a person chose of a bot's settings, and how fast they asked of late: a limit holds over all processes."""

from botcore.migrations import execute

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    # both go with their person, so that no erasure and no purge has to know of them
    execute("""
        CREATE TABLE preferences (
            user_id BIGINT NOT NULL,
            language TEXT,
            updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
            CONSTRAINT pk_preferences PRIMARY KEY (user_id),
            CONSTRAINT fk_preferences_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
        )
    """)
    execute("""
        CREATE TABLE throttles (
            user_id BIGINT NOT NULL,
            bot_id BIGINT NOT NULL,
            asked_at TIMESTAMPTZ[] NOT NULL,
            refused BIGINT NOT NULL,
            CONSTRAINT pk_throttles PRIMARY KEY (user_id, bot_id),
            CONSTRAINT fk_throttles_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
        )
    """)


def downgrade() -> None:
    execute("DROP TABLE throttles")
    execute("DROP TABLE preferences")
