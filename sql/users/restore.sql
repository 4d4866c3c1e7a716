-- Brings back a deleted person with exactly the messages that fell with it. Run restore_lock first.
--
-- user_id  bigint  botcore's id of the person
-- returns  bigint  the id, or no row where it was not deleted
WITH fallen AS (
    SELECT m.chat_id, m.id
    FROM users AS parent
    INNER JOIN messages AS m
        ON m.user_id = parent.id
        AND m.deleted_at = parent.deleted_at
    WHERE parent.id = :'user_id'
    ORDER BY m.chat_id, m.id
    FOR NO KEY UPDATE OF m
),

shown AS (
    UPDATE messages AS m
    SET deleted_at = NULL
    FROM fallen
    WHERE m.chat_id = fallen.chat_id
      AND m.id = fallen.id
)

UPDATE users
SET deleted_at = NULL
WHERE id = :'user_id'
  AND deleted_at IS NOT NULL
RETURNING id;
