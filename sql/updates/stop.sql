-- Tells the processes of a bot that listen: a person stopped the answer that one of them is making.
--
-- It reads no table, so there is no deleted_at. The update itself waits for the end of that answer. Behind a pooler of
-- transactions nobody listens without DATABASE_DIRECT_URL: then only the process that takes the update in knows of it.
--
-- bot_id            bigint  Telegram's id of the bot
-- telegram_chat_id  bigint  Telegram's id of the chat
-- draft_id          bigint  which draft of the chat it was
-- returns           text    1 row, without meaning
SELECT pg_notify(
    'botcore_updates', concat_ws(' ', :'bot_id'::bigint, :'telegram_chat_id'::bigint, :'draft_id'::bigint)
)::text;
