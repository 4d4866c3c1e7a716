-- Compares the next messages, by their key, with messages_partitioned: one batch of many, after the last copy.sql.
--
-- SET botcore.batch says how many, else 1,000; psql -1 -f sql/partitions/compare.sql. Whole rows, those too that only
-- one of the two has. Both are of one snapshot, in which a change and its mirror are together: there is no difference
-- that would go away.
DO $compare$
DECLARE
    batch CONSTANT integer := COALESCE(NULLIF(current_setting('botcore.batch', TRUE), ''), '1000');
    last record;
    next record;
    wrong bigint;
BEGIN
    SELECT * INTO STRICT last FROM messages_partitioning WHERE step = 'compare' FOR UPDATE;
    PERFORM set_config('enable_seqscan', 'off', TRUE), set_config('enable_bitmapscan', 'off', TRUE);
    SELECT chat_id, id INTO next
    FROM messages
    WHERE (chat_id, id) > (last.chat_id, last.id)
    ORDER BY chat_id, id
    LIMIT 1 OFFSET batch - 1;
    EXECUTE $execute$
        SELECT count(*)
        FROM (SELECT * FROM messages WHERE (chat_id, id) > ($1, $2) AND (chat_id, id) <= ($3, $4)) AS m
        FULL JOIN (
            SELECT * FROM messages_partitioned WHERE (chat_id, id) > ($1, $2) AND (chat_id, id) <= ($3, $4)
        ) AS p ON p.chat_id = m.chat_id AND p.id = m.id
        WHERE m IS DISTINCT FROM p
    $execute$
    INTO wrong
    USING last.chat_id, last.id, COALESCE(next.chat_id, 9223372036854775807), COALESCE(next.id, 9223372036854775807);
    IF wrong > 0 THEN
        RAISE EXCEPTION '% rows of messages are not the same in messages_partitioned', wrong
            USING ERRCODE = 'data_corrupted', HINT = 'abandon it: messages is as it was';
    END IF;
    IF next.id IS NULL THEN
        UPDATE messages_partitioning SET step = 'switch';
    ELSE
        UPDATE messages_partitioning SET chat_id = next.chat_id, id = next.id, done = done + batch;
    END IF;
END
$compare$;
