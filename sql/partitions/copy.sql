-- Copies the next messages, by their key, into messages_partitioned: one batch of many, after mirror.sql.
--
-- SET botcore.batch says how many, else 1,000; psql -1 -f sql/partitions/copy.sql. The trigger mirrors what changes
-- meanwhile. A row that is copied is held FOR SHARE: whoever changes or removes it waits for this, and then finds the
-- copy; whoever did so already is waited for, and the row is copied as it is then, or not at all.
DO $copy$
DECLARE
    batch CONSTANT integer := COALESCE(NULLIF(current_setting('botcore.batch', TRUE), ''), '1000');
    columns CONSTANT text := (
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = 'messages'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    );
    last record;
    next record;
    copied bigint;
BEGIN
    SELECT * INTO STRICT last FROM messages_partitioning WHERE step = 'copy' FOR UPDATE;
    -- along the primary key: what the planner thinks of two rows of bounds may be to read the whole table
    PERFORM set_config('enable_seqscan', 'off', TRUE), set_config('enable_bitmapscan', 'off', TRUE);
    SELECT chat_id, id INTO next
    FROM messages
    WHERE (chat_id, id) > (last.chat_id, last.id)
    ORDER BY chat_id, id
    LIMIT 1 OFFSET batch - 1;
    EXECUTE format($format$
        INSERT INTO messages_partitioned (%1$s)
        OVERRIDING SYSTEM VALUE
        SELECT %1$s
        FROM messages
        WHERE (chat_id, id) > ($1, $2)
          AND (chat_id, id) <= ($3, $4)
        ORDER BY chat_id, id
        FOR SHARE
        ON CONFLICT DO NOTHING
    $format$, columns)
    USING last.chat_id, last.id, COALESCE(next.chat_id, 9223372036854775807), COALESCE(next.id, 9223372036854775807);
    GET DIAGNOSTICS copied = ROW_COUNT;
    IF next.id IS NULL THEN
        UPDATE messages_partitioning
        SET step = 'compare', chat_id = -9223372036854775808, id = -9223372036854775808, done = 0;
    ELSE
        UPDATE messages_partitioning SET chat_id = next.chat_id, id = next.id, done = done + copied;
    END IF;
END
$copy$;
