-- Hides the messages of a chat that Telegram says were deleted, by its ids; what is unknown or hidden is left out.
--
-- bot_id                  bigint    Telegram's id of the bot; 0 for the terminal
-- telegram_chat_id        bigint    Telegram's id of the chat
-- business_connection_id  text      the business connection; '' outside of one
-- telegram_message_ids    bigint[]  Telegram's ids of the messages, 0..1000 of them
-- returns                 bigint    1 row: how many were hidden
WITH live AS (
    -- in the key's order, so that two deletions that meet wait rather than deadlock
    SELECT chat_id, id
    FROM messages
    WHERE chat_id = (
        SELECT id
        FROM chats
        WHERE bot_id = :'bot_id'
          AND telegram_chat_id = :'telegram_chat_id'
          AND business_connection_id = :'business_connection_id'
    )
      AND telegram_message_id = ANY(:'telegram_message_ids')
      AND deleted_at IS NULL
    ORDER BY chat_id, id
    FOR NO KEY UPDATE
),

hidden AS (
    UPDATE messages AS m
    SET deleted_at = now()
    FROM live
    WHERE m.chat_id = live.chat_id
      AND m.id = live.id
    RETURNING m.id
)

SELECT count(*) AS deleted
FROM hidden;
