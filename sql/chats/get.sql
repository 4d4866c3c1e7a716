-- One live chat by botcore's id.
--
-- chat_id  bigint  botcore's id of the chat
-- returns  Chat    0..1 rows
SELECT
    id, bot_id, telegram_chat_id, business_connection_id, type, title, created_at, updated_at, deleted_at
FROM chats
WHERE id = :'chat_id'
  AND deleted_at IS NULL;
