"""How far the sending of a message came: what is written before it is sent can be found after a crash."""

from alembic import op
from botcore.migrations import execute

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    # a validation that failed left what comes before it
    execute("""
        ALTER TABLE messages
            ADD COLUMN IF NOT EXISTS delivery TEXT,
            DROP CONSTRAINT IF EXISTS ck_messages_delivery,
            ADD CONSTRAINT ck_messages_delivery CHECK (delivery IN ('pending', 'unconfirmed')) NOT VALID
    """)
    # on its own, for it reads the whole table: readers and writers go on meanwhile
    with op.get_context().autocommit_block():
        execute("ALTER TABLE messages VALIDATE CONSTRAINT ck_messages_delivery")


def downgrade() -> None:
    execute("ALTER TABLE messages DROP COLUMN delivery")
