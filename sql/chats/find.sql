-- One live chat by Telegram's id, as one bot sees it; by the old id as well where a group became a supergroup.
--
-- bot_id                  bigint  Telegram's id of the bot; 0 for the terminal
-- telegram_chat_id        bigint  Telegram's id of the chat
-- business_connection_id  text    the business connection; '' outside of one
-- returns                 Chat    0..1 rows
SELECT
    id, bot_id, telegram_chat_id, business_connection_id, type, title, created_at, updated_at, blocked_at, deleted_at
FROM chats
WHERE id = (
    SELECT COALESCE(asked.successor_id, asked.id)
    FROM chats AS asked
    WHERE asked.bot_id = :'bot_id'
      AND asked.telegram_chat_id = :'telegram_chat_id'
      AND asked.business_connection_id = :'business_connection_id'
)
  AND deleted_at IS NULL;
