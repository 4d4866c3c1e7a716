-- Adds to what somebody entered into a form, over the values of the same names; several at once lose nothing.
--
-- A state is never deleted_at, but expires.
--
-- bot_id                  bigint  Telegram's id of the bot
-- telegram_chat_id        bigint  Telegram's id of the chat
-- telegram_user_id        bigint  Telegram's id of the person
-- message_thread_id       bigint  the topic; 0 outside topics
-- business_connection_id  text    '' outside of business connections
-- destiny                 text    which of several forms, as aiogram calls it; default
-- data                    text    a JSON object
-- ttl_seconds             bigint  until it expires, 0..3153600000; 0 for never
-- returns                 State   1 row, as it is now
INSERT INTO states AS s (
    bot_id, telegram_chat_id, telegram_user_id, message_thread_id, business_connection_id, destiny, data, expires_at
)
VALUES (
    :'bot_id', :'telegram_chat_id', :'telegram_user_id', :'message_thread_id', :'business_connection_id', :'destiny',
    :'data'::text::jsonb, now() + make_interval(secs => NULLIF(:'ttl_seconds'::bigint, 0))
)
ON CONFLICT (
    bot_id, telegram_chat_id, telegram_user_id, message_thread_id, business_connection_id, destiny
) DO UPDATE
SET
    state = CASE WHEN s.expires_at <= now() THEN NULL ELSE s.state END,
    data = CASE WHEN s.expires_at <= now() THEN '{}' ELSE s.data END || excluded.data,
    updated_at = now(),
    expires_at = excluded.expires_at
RETURNING
    bot_id, telegram_chat_id, telegram_user_id, message_thread_id, business_connection_id, destiny, state,
    data::text AS data, updated_at, expires_at;
