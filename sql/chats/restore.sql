-- Brings back a deleted chat with exactly the messages that fell with it. Run restore_lock first.
--
-- A message whose person is deleted by now stays deleted: it comes back with that person.
--
-- chat_id  bigint  botcore's id of the chat
-- returns  bigint  the id, or no row where it was not deleted
WITH people AS (
    -- locked, so that none is deleted before the messages are back
    SELECT
        id, deleted_at
    FROM users
    WHERE id IN (
        SELECT user_id FROM messages
        WHERE chat_id = :'chat_id'
          AND deleted_at IS NOT NULL
    )
    ORDER BY id
    FOR KEY SHARE
),

fallen AS (
    SELECT
        m.chat_id, m.id, people.deleted_at
    FROM chats AS c
    INNER JOIN messages AS m
        ON m.chat_id = c.id
        AND m.deleted_at = c.deleted_at
    LEFT JOIN people ON people.id = m.user_id
    WHERE c.id = :'chat_id'
    ORDER BY m.id
    FOR NO KEY UPDATE OF m
),

shown AS (
    UPDATE messages AS m
    SET deleted_at = fallen.deleted_at
    FROM fallen
    WHERE m.chat_id = fallen.chat_id
      AND m.id = fallen.id
)

UPDATE chats
SET deleted_at = NULL
WHERE id = :'chat_id'
  AND deleted_at IS NOT NULL
RETURNING id;
