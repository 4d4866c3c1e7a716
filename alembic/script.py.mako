"""${message}"""

from botcore.migrations import execute

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    execute("""
    """)


def downgrade() -> None:
    execute("""
    """)
