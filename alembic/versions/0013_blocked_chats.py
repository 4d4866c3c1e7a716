"""Where the bot cannot write: Telegram would refuse each message there, and who sends on notices slowly."""

from botcore.migrations import execute

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    execute("ALTER TABLE chats ADD COLUMN blocked_at TIMESTAMPTZ")


def downgrade() -> None:
    execute("ALTER TABLE chats DROP COLUMN blocked_at")
