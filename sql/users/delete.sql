-- Hides a person and all of their live messages at one instant, which restore goes by. Run delete_lock first.
--
-- user_id  bigint  botcore's id of the person
-- returns  bigint  the id, or no row where it was deleted already
WITH moment AS MATERIALIZED (
    -- now() is the same for two deletions in one transaction, which restore could not tell apart
    SELECT clock_timestamp() AS deleted_at
),

fallen AS (
    -- in the key's order, so that two deletions that meet wait rather than deadlock
    SELECT chat_id, id
    FROM messages
    WHERE user_id = :'user_id'
      AND deleted_at IS NULL
    ORDER BY chat_id, id
    FOR NO KEY UPDATE
),

hidden AS (
    UPDATE messages AS m
    SET deleted_at = moment.deleted_at
    FROM fallen, moment
    WHERE m.chat_id = fallen.chat_id
      AND m.id = fallen.id
)

UPDATE users
SET deleted_at = moment.deleted_at
FROM moment
WHERE users.id = :'user_id'
  AND users.deleted_at IS NULL
RETURNING users.id;
