-- One live chat by botcore's id; where it became another one, that one.
--
-- chat_id  bigint  botcore's id of the chat
-- returns  Chat    0..1 rows
SELECT
    id, bot_id, telegram_chat_id, business_connection_id, type, title, created_at, updated_at, blocked_at, deleted_at
FROM chats
WHERE id = (SELECT COALESCE(asked.successor_id, asked.id) FROM chats AS asked WHERE asked.id = :'chat_id')
  AND deleted_at IS NULL;
