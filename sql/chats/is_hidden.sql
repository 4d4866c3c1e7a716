-- Whether a chat, or the one that it became, is stored, but hidden: an import leaves it so, get_or_create would not.
--
-- bot_id                  bigint   Telegram's id of the bot; 0 for the terminal
-- telegram_chat_id        bigint   Telegram's id of the chat
-- business_connection_id  text     the business connection; '' outside of one
-- returns                 boolean  1 row
SELECT count(*) > 0 AS is_hidden
FROM chats AS asked
INNER JOIN chats AS c ON c.id = COALESCE(asked.successor_id, asked.id)
WHERE asked.bot_id = :'bot_id'
  AND asked.telegram_chat_id = :'telegram_chat_id'
  AND asked.business_connection_id = :'business_connection_id'
  AND c.deleted_at IS NOT NULL;
