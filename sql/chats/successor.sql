-- The chat that a group became when it was made a supergroup, by the group's id.
--
-- Deleted or not, as deleted_at tells: record revives it by what was sent to the old id, too.
--
-- bot_id                  bigint  Telegram's id of the bot; 0 for the terminal
-- telegram_chat_id        bigint  Telegram's id of the group
-- business_connection_id  text    the business connection; '' outside of one
-- returns                 Chat    0..1 rows: none where it became no other
SELECT
    c.id, c.bot_id, c.telegram_chat_id, c.business_connection_id, c.type, c.title, c.created_at, c.updated_at,
    c.blocked_at, c.deleted_at
FROM chats AS ended
INNER JOIN chats AS c ON c.id = ended.successor_id
WHERE ended.bot_id = :'bot_id'
  AND ended.telegram_chat_id = :'telegram_chat_id'
  AND ended.business_connection_id = :'business_connection_id';
