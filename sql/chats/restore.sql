-- Brings back a deleted chat with exactly the messages that fell with it. Run restore_lock first.
--
-- chat_id  bigint  botcore's id of the chat
-- returns  bigint  the id, or no row where it was not deleted
WITH fallen AS (
    SELECT m.chat_id, m.id
    FROM chats AS parent
    INNER JOIN messages AS m
        ON m.chat_id = parent.id
        AND m.deleted_at = parent.deleted_at
    WHERE parent.id = :'chat_id'
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

UPDATE chats
SET deleted_at = NULL
WHERE id = :'chat_id'
  AND deleted_at IS NOT NULL
RETURNING id;
