-- Where somebody stands in a form, and what they entered so far.
--
-- A state is never deleted_at, but expires.
--
-- bot_id                  bigint  Telegram's id of the bot
-- telegram_chat_id        bigint  Telegram's id of the chat
-- telegram_user_id        bigint  Telegram's id of the person
-- message_thread_id       bigint  the topic; 0 outside topics
-- business_connection_id  text    '' outside of business connections
-- destiny                 text    which of several forms, as aiogram calls it; default
-- returns                 State   0..1 row
SELECT
    bot_id, telegram_chat_id, telegram_user_id, message_thread_id, business_connection_id, destiny, state,
    data::text AS data, updated_at, expires_at
FROM states
WHERE bot_id = :'bot_id'
  AND telegram_chat_id = :'telegram_chat_id'
  AND telegram_user_id = :'telegram_user_id'
  AND message_thread_id = :'message_thread_id'
  AND business_connection_id = :'business_connection_id'
  AND destiny = :'destiny'
  AND (expires_at > now()) IS NOT FALSE;
