-- Removes for good the chats that were deleted before a time and have no message left: one batch of a walk by id.
--
-- The rows of groups that became such a chat go with it, and stay as long as it does. What is revived meanwhile stays,
-- and what is locked is passed over, for the next walk. None is counted in a dry run whose messages the dry run of
-- messages/purge with the same words would leave.
--
-- before      timestamptz  only where deleted_at is before this
-- scope       text         all or hidden, as in messages/purge; for dry runs alone
-- chat_type   text         only chats of this type; '' for every chat
-- dry_run     text         no; with any other word they are counted, not removed
-- after_id    bigint       last_id of the batch before, 0..9223372036854775807; 0 for the first
-- batch_size  bigint       chats to look at, at most, 1..5000
-- returns     Purged       1 row
WITH examined AS MATERIALIZED (
    SELECT
        id, type, deleted_at, successor_id
    FROM chats
    WHERE id > :'after_id'
    ORDER BY id
    LIMIT :'batch_size'
),

idle AS MATERIALIZED (
    SELECT e.id
    FROM examined AS e
    WHERE e.deleted_at < :'before'
      AND e.successor_id IS NULL
      AND :'chat_type' IN ('', e.type)
      -- a range, and ordered: for NOT EXISTS, where few chats have messages, the planner reads all of them
      AND (
          SELECT m.chat_id FROM messages AS m
          WHERE m.chat_id BETWEEN e.id AND e.id
            AND (:'dry_run' = 'no' OR (
                CASE :'scope' WHEN 'all' THEN m.sent_at WHEN 'hidden' THEN m.deleted_at END < :'before'
            ) IS NOT TRUE)
          ORDER BY m.chat_id
          LIMIT 1
      ) IS NULL
),

family AS MATERIALIZED (
    SELECT
        COALESCE(c.successor_id, c.id) AS chat_id, c.id, c.deleted_at, c.updated_at
    -- an array, of which the planner expects few rows: it goes by the keys, where a join may read the whole table
    FROM unnest(ARRAY(SELECT id FROM idle)) AS i (id)
    INNER JOIN chats AS c
        ON c.id = i.id
        OR c.successor_id = i.id
),

locked AS MATERIALIZED (
    SELECT
        f.chat_id, c.id
    FROM unnest(
        ARRAY(SELECT chat_id FROM family), ARRAY(SELECT id FROM family), ARRAY(SELECT deleted_at FROM family),
        ARRAY(SELECT updated_at FROM family)
    ) AS f (chat_id, id, deleted_at, updated_at)
    INNER JOIN chats AS c
        ON c.id = f.id
        -- not what was restored since the snapshot, or became another chat
        AND c.deleted_at = f.deleted_at
        AND c.updated_at = f.updated_at
    WHERE :'dry_run' = 'no'
    FOR UPDATE OF c SKIP LOCKED
),

gone AS (
    DELETE FROM chats AS c
    USING locked AS l
    WHERE c.id = l.id
      -- all of a family, or none
      AND l.chat_id NOT IN (SELECT f.chat_id FROM family AS f WHERE f.id NOT IN (SELECT id FROM locked))
    RETURNING c.id
),

last AS (
    SELECT id
    FROM examined
    ORDER BY id
    LIMIT 1 OFFSET :'batch_size' - 1
)

SELECT
    (SELECT count(*) FROM examined) AS examined,
    CASE WHEN :'dry_run' = 'no' THEN (SELECT count(*) FROM gone) ELSE (SELECT count(*) FROM family) END AS purged,
    NULL::bigint AS last_chat_id,
    (SELECT id FROM last) AS last_id;
