"""Who is not to be recorded, and what was erased: both know a person by a digest, never by an id or a name.

The digest is of Telegram's id. Who has the id can tell whether it is meant, which is what a redelivery and a restored
backup need; nobody reads a person out of it but by trying ids. It is no secret: there are fewer than 2^53 of them.
"""

from botcore.migrations import execute

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    execute("""
        CREATE FUNCTION person_digest(telegram_user_id BIGINT) RETURNS TEXT
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN encode(sha256(telegram_user_id::text::bytea), 'hex')
    """)
    # nothing that the person sent up to `until` is recorded: infinity for who opted out, else the last erasure
    execute("""
        CREATE TABLE refusals (
            person TEXT NOT NULL,
            until TIMESTAMPTZ NOT NULL,
            CONSTRAINT pk_refusals PRIMARY KEY (person)
        )
    """)
    # the receipts, each of what one erasure removed; a restored backup is brought up to date by them
    execute("""
        CREATE TABLE erasures (
            person TEXT NOT NULL,
            erased_at TIMESTAMPTZ NOT NULL,
            users BIGINT NOT NULL,
            chats BIGINT NOT NULL,
            messages BIGINT NOT NULL,
            versions BIGINT NOT NULL,
            CONSTRAINT pk_erasures PRIMARY KEY (person, erased_at)
        )
    """)


def downgrade() -> None:
    execute("DROP TABLE erasures")
    execute("DROP TABLE refusals")
    execute("DROP FUNCTION person_digest")
