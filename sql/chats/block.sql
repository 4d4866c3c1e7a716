-- Notes that the bot cannot write in a chat from now on, unless that is noted already.
--
-- It looks at deleted_at nowhere: what revives a chat clears this, too. By the old id of a group that became a
-- supergroup it is noted of that one.
--
-- bot_id                  bigint  Telegram's id of the bot; 0 for the terminal
-- telegram_chat_id        bigint  Telegram's id of the chat
-- business_connection_id  text    the business connection; '' outside of one
-- returns                 bigint  the chat's id; no row where nothing changed
UPDATE chats AS c
SET blocked_at = now()
FROM chats AS asked
WHERE asked.bot_id = :'bot_id'
  AND asked.telegram_chat_id = :'telegram_chat_id'
  AND asked.business_connection_id = :'business_connection_id'
  AND c.id = COALESCE(asked.successor_id, asked.id)
  AND c.blocked_at IS NULL
RETURNING c.id;
