-- Removes old messages for good, with their versions: one batch of a walk over all, by chat and id.
--
-- A dialogue's newest live message stays, and its newest live system message, unless keep_newest is no. What somebody
-- else holds a lock on is passed over, for the next walk: a purge waits for nobody, and so is part of no deadlock.
--
-- before            timestamptz  of all, what was sent before this; of the hidden, what was deleted before this
-- scope             text         all or hidden
-- chat_type         text         only in chats of this type; '' for every chat
-- keep_newest       text         yes or no
-- dry_run           text         no; with any other word they are counted, not removed
-- after_chat_id     bigint       last_chat_id of the batch before, 0..9223372036854775807; 0 for the first
-- after_message_id  bigint       its last_id, 0..9223372036854775807; 0 for the first
-- batch_size        bigint       messages to look at, at most, 1..5000
-- returns           Purged       1 row
WITH examined AS MATERIALIZED (
    SELECT
        chat_id, id, user_id, message_thread_id, role, sent_at, deleted_at
    FROM messages
    WHERE (chat_id, id) > (:'after_chat_id', :'after_message_id')
    ORDER BY chat_id, id
    LIMIT :'batch_size'
),

kept AS MATERIALIZED (
    -- by dialogue, with a person or without: the newest message, the newest system message. Ordered by user_id, since
    -- for the planner IS NULL is no constant: it would sort the whole channel
    SELECT
        newest.chat_id, newest.id
    FROM (
        SELECT DISTINCT
            chat_id, user_id, message_thread_id
        FROM examined
        WHERE deleted_at IS NULL
    ) AS d
    CROSS JOIN LATERAL (
        (
            SELECT
                m.chat_id, m.id
            FROM messages AS m
            WHERE m.chat_id = d.chat_id
              AND m.user_id = d.user_id
              AND m.message_thread_id = d.message_thread_id
              AND m.deleted_at IS NULL
            ORDER BY m.user_id, m.id DESC
            LIMIT 1
        )
        UNION ALL
        (
            SELECT
                m.chat_id, m.id
            FROM messages AS m
            WHERE m.chat_id = d.chat_id
              AND m.user_id = d.user_id
              AND m.message_thread_id = d.message_thread_id
              AND m.role = 'system'
              AND m.deleted_at IS NULL
            ORDER BY m.user_id, m.id DESC
            LIMIT 1
        )
        UNION ALL
        (
            SELECT
                m.chat_id, m.id
            FROM messages AS m
            WHERE m.chat_id = d.chat_id
              AND m.user_id IS NULL
              AND d.user_id IS NULL
              AND m.message_thread_id = d.message_thread_id
              AND m.deleted_at IS NULL
            ORDER BY m.user_id, m.id DESC
            LIMIT 1
        )
        UNION ALL
        (
            SELECT
                m.chat_id, m.id
            FROM messages AS m
            WHERE m.chat_id = d.chat_id
              AND m.user_id IS NULL
              AND d.user_id IS NULL
              AND m.message_thread_id = d.message_thread_id
              AND m.role = 'system'
              AND m.deleted_at IS NULL
            ORDER BY m.user_id, m.id DESC
            LIMIT 1
        )
    ) AS newest
    WHERE :'keep_newest' <> 'no'
),

old AS MATERIALIZED (
    SELECT
        e.chat_id, e.id, e.deleted_at
    FROM examined AS e
    WHERE CASE :'scope' WHEN 'all' THEN e.sent_at WHEN 'hidden' THEN e.deleted_at END < :'before'
      AND (:'chat_type' = '' OR :'chat_type' = (SELECT c.type FROM chats AS c WHERE c.id = e.chat_id))
      AND (e.chat_id, e.id) NOT IN (SELECT chat_id, id FROM kept)
),

locked AS MATERIALIZED (
    SELECT
        m.chat_id, m.id
    -- arrays, of which the planner expects few rows: it goes by the key, where a join may read the whole table
    FROM unnest(ARRAY(SELECT chat_id FROM old), ARRAY(SELECT id FROM old), ARRAY(SELECT deleted_at FROM old))
        AS o (chat_id, id, deleted_at)
    INNER JOIN messages AS m
        ON m.chat_id = o.chat_id
        AND m.id = o.id
    WHERE :'dry_run' = 'no'
      -- not what was restored since the snapshot
      AND m.deleted_at IS NOT DISTINCT FROM o.deleted_at
    FOR UPDATE OF m SKIP LOCKED
),

gone AS (
    DELETE FROM messages AS m
    USING locked AS l
    WHERE m.chat_id = l.chat_id
      AND m.id = l.id
    RETURNING m.id
),

last AS (
    SELECT
        chat_id, id
    FROM examined
    ORDER BY chat_id, id
    LIMIT 1 OFFSET :'batch_size' - 1
)

SELECT
    (SELECT count(*) FROM examined) AS examined,
    CASE WHEN :'dry_run' = 'no' THEN (SELECT count(*) FROM gone) ELSE (SELECT count(*) FROM old) END AS purged,
    (SELECT chat_id FROM last) AS last_chat_id,
    (SELECT id FROM last) AS last_id;
