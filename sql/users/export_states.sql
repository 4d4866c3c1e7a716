-- Where a person stands in forms, and what they entered so far.
--
-- A state is never deleted_at, but expires.
--
-- telegram_user_id  bigint  Telegram's id of the person, 1..9223372036854775807
-- returns           State   0.. rows
SELECT
    bot_id, telegram_chat_id, telegram_user_id, message_thread_id, business_connection_id, destiny, state,
    data::text AS data, updated_at, expires_at
FROM states
WHERE telegram_user_id = :'telegram_user_id'
  AND (expires_at > now()) IS NOT FALSE
ORDER BY bot_id, telegram_chat_id, message_thread_id, business_connection_id, destiny;
