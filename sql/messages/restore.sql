-- Brings back one deleted message, where its chat and its person are live.
--
-- chat_id     bigint  botcore's id of the chat
-- message_id  bigint  botcore's id of the message
-- returns     bigint  the id, or no row where there was nothing to restore
WITH parents AS (
    -- locked, so that neither is deleted before the message is back
    SELECT m.id
    FROM messages AS m
    INNER JOIN chats AS c
        ON c.id = m.chat_id
        AND c.deleted_at IS NULL
    WHERE m.chat_id = :'chat_id'
      AND m.id = :'message_id'
      AND (m.user_id IS NULL OR EXISTS (
          SELECT FROM users AS u
          WHERE u.id = m.user_id
            AND u.deleted_at IS NULL
          FOR KEY SHARE
      ))
    FOR KEY SHARE OF c
)

UPDATE messages AS m
SET deleted_at = NULL
FROM parents
WHERE m.chat_id = :'chat_id'
  AND m.id = parents.id
  AND m.deleted_at IS NOT NULL
RETURNING m.id;
