-- From now on each change of messages is made in messages_partitioned, too, by a trigger: after create.sql.
--
-- psql -1 -f sql/partitions/mirror.sql; next is copy.sql, again and again. It waits for the transactions that write
-- messages, chats or users, and others that want to write wait behind it: readers do not.
DO $mirror$
DECLARE
    every text;
    fresh text;
    changes text;
    each record;
BEGIN
    -- in the order in which who deletes a person or a chat comes to them
    LOCK TABLE chats, users, messages IN SHARE ROW EXCLUSIVE MODE;
    FOR each IN
        SELECT conname AS name, pg_get_constraintdef(oid) AS definition
        FROM pg_constraint
        WHERE conrelid = 'messages'::regclass AND contype = 'f'
    LOOP
        EXECUTE format('ALTER TABLE messages_partitioned ADD CONSTRAINT %I %s', each.name, each.definition);
    END LOOP;

    SELECT
        string_agg(quote_ident(attname), ', ' ORDER BY attnum),
        string_agg('new.' || quote_ident(attname), ', ' ORDER BY attnum),
        string_agg(format('%1$I = new.%1$I', attname), ', ' ORDER BY attnum)
            FILTER (WHERE attname NOT IN ('chat_id', 'id'))
    INTO every, fresh, changes
    FROM pg_attribute
    WHERE attrelid = 'messages'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
    EXECUTE format($format$
        CREATE FUNCTION messages_mirror() RETURNS trigger
        -- whoever may write messages may have it written here, and nothing else
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
        AS $function$
        BEGIN
            -- another snapshot than each statement's own would not show what was copied since, and leave it here
            IF current_setting('transaction_isolation') <> 'read committed' THEN
                RAISE EXCEPTION 'while messages is being partitioned only READ COMMITTED transactions may write it'
                    USING ERRCODE = 'feature_not_supported';
            END IF;
            IF tg_op = 'TRUNCATE' THEN
                TRUNCATE messages_partitioned;
                RETURN NULL;
            END IF;
            IF tg_op = 'UPDATE' AND (old.chat_id, old.id) = (new.chat_id, new.id) THEN
                -- not there: it is copied later, as it is then. No foreign key is asked, whose locks on chats and users
                -- the change itself does without
                UPDATE messages_partitioned SET %s WHERE chat_id = new.chat_id AND id = new.id;
                RETURN NULL;
            END IF;
            IF tg_op <> 'INSERT' THEN
                DELETE FROM messages_partitioned WHERE chat_id = old.chat_id AND id = old.id;
            END IF;
            IF tg_op = 'DELETE' THEN
                RETURN old;
            END IF;
            INSERT INTO messages_partitioned (%s)
            OVERRIDING SYSTEM VALUE
            VALUES (%s);
            RETURN NULL;
        END
        $function$
    $format$, changes, every, fresh);
    REVOKE ALL ON FUNCTION messages_mirror() FROM PUBLIC;
    CREATE TRIGGER messages_mirror AFTER INSERT OR UPDATE ON messages
    FOR EACH ROW EXECUTE FUNCTION messages_mirror();
    -- before: a statement that removes a chat and its messages is asked for leftovers when it ends, and these are some
    CREATE TRIGGER messages_mirror_delete BEFORE DELETE ON messages
    FOR EACH ROW EXECUTE FUNCTION messages_mirror();
    CREATE TRIGGER messages_mirror_truncate AFTER TRUNCATE ON messages
    FOR EACH STATEMENT EXECUTE FUNCTION messages_mirror();
    -- also for what is replicated or restored without triggers
    ALTER TABLE messages ENABLE ALWAYS TRIGGER messages_mirror;
    ALTER TABLE messages ENABLE ALWAYS TRIGGER messages_mirror_delete;
    ALTER TABLE messages ENABLE ALWAYS TRIGGER messages_mirror_truncate;
    UPDATE messages_partitioning SET step = 'copy';
END
$mirror$;
