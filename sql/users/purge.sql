-- Removes for good the people who were deleted before a time and of whom no message is left: one batch of a walk by id.
--
-- Who is revived meanwhile stays, and whoever is locked is passed over, for the next walk. Nobody is counted in a dry
-- run whose messages the dry run of messages/purge with the same words would leave.
--
-- before      timestamptz  only where deleted_at is before this
-- scope       text         all or hidden, as in messages/purge; for dry runs alone
-- chat_type   text         as in messages/purge, '' for every chat; for dry runs alone
-- dry_run     text         no; with any other word they are counted, not removed
-- after_id    bigint       last_id of the batch before, 0..9223372036854775807; 0 for the first
-- batch_size  bigint       people to look at, at most, 1..5000
-- returns     Purged       1 row
WITH examined AS MATERIALIZED (
    SELECT
        id, deleted_at
    FROM users
    WHERE id > :'after_id'
    ORDER BY id
    LIMIT :'batch_size'
),

idle AS MATERIALIZED (
    SELECT
        e.id, e.deleted_at
    FROM examined AS e
    WHERE e.deleted_at < :'before'
      -- a range, and ordered: for NOT EXISTS, where few people have written, the planner reads all messages
      AND (
          SELECT m.user_id FROM messages AS m
          WHERE m.user_id BETWEEN e.id AND e.id
            AND (:'dry_run' = 'no' OR (
                CASE :'scope' WHEN 'all' THEN m.sent_at WHEN 'hidden' THEN m.deleted_at END < :'before'
                AND (:'chat_type' = '' OR :'chat_type' = (SELECT c.type FROM chats AS c WHERE c.id = m.chat_id))
            ) IS NOT TRUE)
          ORDER BY m.user_id
          LIMIT 1
      ) IS NULL
),

locked AS MATERIALIZED (
    SELECT u.id
    -- arrays, for the planner: see messages/purge
    FROM unnest(ARRAY(SELECT id FROM idle), ARRAY(SELECT deleted_at FROM idle)) AS i (id, deleted_at)
    INNER JOIN users AS u
        ON u.id = i.id
        AND u.deleted_at = i.deleted_at
    WHERE :'dry_run' = 'no'
    FOR UPDATE OF u SKIP LOCKED
),

gone AS (
    DELETE FROM users AS u
    USING locked AS l
    WHERE u.id = l.id
    RETURNING u.id
),

last AS (
    SELECT id
    FROM examined
    ORDER BY id
    LIMIT 1 OFFSET :'batch_size' - 1
)

SELECT
    (SELECT count(*) FROM examined) AS examined,
    CASE WHEN :'dry_run' = 'no' THEN (SELECT count(*) FROM gone) ELSE (SELECT count(*) FROM idle) END AS purged,
    NULL::bigint AS last_chat_id,
    (SELECT id FROM last) AS last_id;
