"""What a model's answers cost, by person, bot and day: for a budget, and for who asks what it came to."""

from botcore.migrations import execute

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    # goes with its person, so that no erasure and no purge has to know of it
    execute("""
        CREATE TABLE usage (
            user_id BIGINT NOT NULL,
            bot_id BIGINT NOT NULL,
            day DATE NOT NULL,
            requests BIGINT NOT NULL,
            input_tokens BIGINT NOT NULL,
            output_tokens BIGINT NOT NULL,
            input_characters BIGINT NOT NULL,
            CONSTRAINT pk_usage PRIMARY KEY (user_id, bot_id, day),
            CONSTRAINT fk_usage_user_id FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
        )
    """)


def downgrade() -> None:
    execute("DROP TABLE usage")
