-- Locks a deleted person before their restoration, after the chats in which their messages would be live again.
--
-- user_id  bigint  botcore's id of the person
-- returns  bigint  the id, or no row where there is nothing to restore
WITH held AS (
    -- chats before people, in every query: opposite restorations wait rather than deadlock
    SELECT id
    FROM chats
    WHERE id IN (
        SELECT chat_id FROM messages
        WHERE user_id = :'user_id'
          AND deleted_at IS NOT NULL
    )
    ORDER BY id
    FOR KEY SHARE
)

SELECT id
FROM users
WHERE id = :'user_id'
  AND deleted_at IS NOT NULL
  AND (SELECT count(*) FROM held) >= 0
FOR UPDATE;
