-- What each role of roles.sql may do: each migration ends with this, so that nobody has to think of it.
--
-- The roles are those that go with the owner of alembic_version; where there are none, nothing happens. A role, table
-- or column that is not there, yet or any more, is passed over, and a right that is not written here taken back. See
-- docs/operations.md.
DO $grants$
DECLARE
    prefix CONSTANT text := (
        SELECT left(o.rolname, -6)
        FROM pg_class AS c
        INNER JOIN pg_roles AS o ON o.oid = c.relowner
        WHERE c.oid = to_regclass('public.alembic_version')
          AND o.rolname LIKE '%\_owner'
          AND EXISTS (SELECT FROM pg_roles WHERE rolname = left(o.rolname, -6) || '_app')
    );
    each record;
BEGIN
    IF prefix IS NULL THEN
        RETURN;
    END IF;
    -- two that grant on one table at once would fail
    PERFORM pg_advisory_xact_lock(hashtextextended('botcore.roles', 0));
    -- what runs as the owner is for its own trigger alone; a backup without rights brings it back for everybody
    FOR each IN
        SELECT format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', oid::regprocedure) AS command
        FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prosecdef AND pg_get_userbyid(proowner) = prefix || '_owner'
    LOOP
        EXECUTE each.command;
    END LOOP;
    FOR each IN
        WITH wanted AS (
            SELECT
                w.role, w.relation, w.privileges, w.columns
            FROM (
                VALUES
                ('app', 'users', 'SELECT, INSERT', ''),
                ('app', 'users', 'UPDATE', 'username first_name last_name language_code updated_at deleted_at'),
                ('app', 'chats', 'SELECT, INSERT', ''),
                -- Telegram's id, too: a group that became a supergroup has another one
                ('app', 'chats', 'UPDATE', 'telegram_chat_id business_connection_id type title successor_id
                    updated_at blocked_at deleted_at'),
                ('app', 'messages', 'SELECT, INSERT', ''),
                -- chat_id, too: then its messages move; never who said it, in which role or what it answers
                ('app', 'messages', 'UPDATE', 'chat_id kind content telegram_message_id delivery sent_at edited_at
                    deleted_at'),
                -- many are numbered before they are stored; a search begins at the newest number
                ('app', 'messages_id_seq', 'USAGE, SELECT', ''),
                ('app', 'message_versions', 'SELECT, INSERT', ''),
                ('app', 'refusals', 'SELECT, INSERT', ''),
                ('app', 'refusals', 'UPDATE', 'until'),
                ('app', 'erasures', 'SELECT', ''),
                -- DELETE of these two alone: all that they hold goes by UPDATE anyway, when it is handled
                ('app', 'updates', 'SELECT, INSERT, DELETE', ''),
                ('app', 'updates', 'UPDATE', 'telegram_chat_id telegram_user_id payload state due_at worker
                    attempts failures sends arrived error sqlstate finished_at'),
                ('app', 'states', 'SELECT, INSERT, DELETE', ''),
                ('app', 'states', 'UPDATE', 'state data updated_at expires_at'),
                ('app', 'usage', 'SELECT, INSERT', ''),
                ('app', 'usage', 'UPDATE', 'requests input_tokens output_tokens input_characters'),
                ('app', 'preferences', 'SELECT, INSERT', ''),
                ('app', 'preferences', 'UPDATE', 'language updated_at'),
                ('app', 'throttles', 'SELECT, INSERT', ''),
                ('app', 'throttles', 'UPDATE', 'asked_at refused message_ids told'),
                ('app', 'pollers', 'SELECT, INSERT', ''),
                ('app', 'pollers', 'UPDATE', 'worker until'),
                ('app', 'alembic_version', 'SELECT', ''),
                -- of what it removes UPDATE on one column, without which nobody may lock a row
                ('eraser', 'users', 'SELECT, DELETE', ''),
                ('eraser', 'users', 'UPDATE', 'deleted_at'),
                ('eraser', 'chats', 'SELECT, DELETE', ''),
                ('eraser', 'chats', 'UPDATE', 'deleted_at'),
                ('eraser', 'messages', 'SELECT, DELETE', ''),
                ('eraser', 'messages', 'UPDATE', 'deleted_at'),
                ('eraser', 'message_versions', 'SELECT', ''),
                ('eraser', 'refusals', 'SELECT, INSERT', ''),
                ('eraser', 'refusals', 'UPDATE', 'until'),
                ('eraser', 'erasures', 'SELECT, INSERT', ''),
                ('eraser', 'updates', 'SELECT, DELETE', ''),
                ('eraser', 'updates', 'UPDATE', 'telegram_chat_id telegram_user_id payload state error sqlstate
                    finished_at'),
                ('eraser', 'states', 'SELECT, DELETE', ''),
                ('eraser', 'usage', 'SELECT', ''),
                ('eraser', 'preferences', 'SELECT', ''),
                ('eraser', 'throttles', 'SELECT', ''),
                ('eraser', 'alembic_version', 'SELECT', ''),
                -- neither who opted out or was erased, nor what was delivered or is entered in a form right now
                ('reader', 'users', 'SELECT', ''),
                ('reader', 'chats', 'SELECT', ''),
                ('reader', 'messages', 'SELECT', ''),
                ('reader', 'messages_id_seq', 'SELECT', ''),
                ('reader', 'message_versions', 'SELECT', ''),
                ('reader', 'erasures', 'SELECT', 'erased_at users chats messages versions'),
                ('reader', 'updates', 'SELECT', 'bot_id update_id state due_at worker attempts failures sends
                    arrived error sqlstate received_at finished_at'),
                ('reader', 'states', 'SELECT', 'bot_id destiny state updated_at expires_at'),
                ('reader', 'usage', 'SELECT', ''),
                ('reader', 'preferences', 'SELECT', ''),
                ('reader', 'throttles', 'SELECT', ''),
                ('reader', 'pollers', 'SELECT', ''),
                ('reader', 'alembic_version', 'SELECT', '')
            ) AS w (role, relation, privileges, columns)
        ),

        present AS (
            SELECT
                r.rolname, w.privileges, w.columns,
                CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END || format(' public.%I', w.relation) AS relation,
                (
                    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
                    FROM pg_attribute AS a
                    WHERE a.attrelid = c.oid
                      AND NOT a.attisdropped
                      AND a.attname = ANY(regexp_split_to_array(w.columns, '\s+'))
                ) AS found
            FROM wanted AS w
            INNER JOIN pg_class AS c ON c.oid = to_regclass('public.' || w.relation)
            INNER JOIN pg_roles AS r ON r.rolname = prefix || '_' || w.role
        )

        SELECT
            1 AS place, format('REVOKE ALL ON %s FROM PUBLIC, %s', p.relation, r.names) AS command
        FROM (SELECT DISTINCT relation FROM present) AS p
        CROSS JOIN (SELECT string_agg(DISTINCT quote_ident(rolname), ', ') AS names FROM present) AS r
        UNION ALL
        SELECT
            2 AS place,
            format('GRANT %s%s ON %s TO %I', p.privileges, ' (' || p.found || ')', p.relation, p.rolname) AS command
        FROM present AS p
        WHERE p.columns = '' OR p.found IS NOT NULL
        ORDER BY place
    LOOP
        EXECUTE each.command;
    END LOOP;
END
$grants$;
