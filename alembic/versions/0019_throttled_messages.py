"""Which messages had a place in a minute, and where people were told that there is none: once, however often tried."""

from botcore.migrations import execute

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    # the release before says nothing of them
    execute("""
        ALTER TABLE throttles
            ADD COLUMN message_ids BIGINT[] NOT NULL DEFAULT '{}',
            ADD COLUMN told JSONB NOT NULL DEFAULT '{}'
    """)


def downgrade() -> None:
    execute("ALTER TABLE throttles DROP COLUMN told, DROP COLUMN message_ids")
