-- Locks a person's private chats, with any bot, so that nobody's message is stored there. Run erase_hold first.
--
-- It looks at deleted_at nowhere: hidden chats are erased, too.
--
-- telegram_user_id  bigint  Telegram's id of the person, and of the chats, 1..9223372036854775807
-- returns           bigint  0.. rows: the chats' ids
SELECT id
FROM chats
WHERE type = 'private'
  -- bot 0 is the terminal, each of whose conversations is its one person's
  AND (telegram_chat_id = :'telegram_user_id' OR (bot_id = 0 AND :'telegram_user_id'::bigint = 1))
ORDER BY id
FOR UPDATE;
