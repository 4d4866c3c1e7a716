"""What caches of users and chats must hear: a change says whose it was, on NOTIFY's way, when it becomes visible.

Only the server knows that moment, and only it sees a change that is made in psql. Rows are told of by botcore's id,
which is nobody's name. Nothing is told of an INSERT: that there is no row is never cached.
"""

from botcore.migrations import execute

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    execute("""
        CREATE FUNCTION tell_of_change() RETURNS TRIGGER
        LANGUAGE plpgsql
        AS $$
        BEGIN
            IF TG_OP = 'TRUNCATE' THEN
                PERFORM pg_catalog.pg_notify('botcore_changes', TG_TABLE_NAME);
                RETURN NULL;
            END IF;
            PERFORM pg_catalog.pg_notify('botcore_changes', pg_catalog.concat(TG_TABLE_NAME, ' ', OLD.id));
            IF TG_TABLE_NAME = 'chats' THEN
                -- what was found by way of this row
                IF OLD.successor_id IS NOT NULL THEN
                    PERFORM pg_catalog.pg_notify(
                        'botcore_changes', pg_catalog.concat(TG_TABLE_NAME, ' ', OLD.successor_id)
                    );
                END IF;
            END IF;
            RETURN NULL;
        END
        $$
    """)
    for table in ("users", "chats"):
        # for each row: one for each statement would run at every INSERT ... ON CONFLICT, though nothing changed
        execute(f"""
            CREATE TRIGGER tg_{table}_changed AFTER UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION tell_of_change()
        """)
        execute(f"""
            CREATE TRIGGER tg_{table}_emptied AFTER TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION tell_of_change()
        """)
        for trigger in ("changed", "emptied"):
            # in a session with session_replication_role = replica, too
            execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER tg_{table}_{trigger}")


def downgrade() -> None:
    # docs/operations.md says when the function is dropped, and the triggers with it
    for table in ("users", "chats"):
        execute(f"DROP TRIGGER IF EXISTS tg_{table}_changed ON {table}")
        execute(f"DROP TRIGGER IF EXISTS tg_{table}_emptied ON {table}")
    execute("DROP FUNCTION IF EXISTS tell_of_change")
