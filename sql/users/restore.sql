-- Brings back a deleted person with exactly the messages that fell with them. Run restore_lock first.
--
-- A message whose chat is deleted by now stays deleted: it comes back with that chat.
--
-- user_id  bigint  botcore's id of the person
-- returns  bigint  the id, or no row where they were not deleted
WITH fallen AS (
    SELECT
        m.chat_id, m.id, c.deleted_at
    FROM users AS u
    INNER JOIN messages AS m
        ON m.user_id = u.id
        AND m.deleted_at = u.deleted_at
    INNER JOIN chats AS c ON c.id = m.chat_id
    WHERE u.id = :'user_id'
    ORDER BY m.chat_id, m.id
    FOR NO KEY UPDATE OF m
),

shown AS (
    UPDATE messages AS m
    SET deleted_at = fallen.deleted_at
    FROM fallen
    WHERE m.chat_id = fallen.chat_id
      AND m.id = fallen.id
)

UPDATE users
SET deleted_at = NULL
WHERE id = :'user_id'
  AND deleted_at IS NOT NULL
RETURNING id;
