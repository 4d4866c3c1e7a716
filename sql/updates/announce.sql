-- Wakes the workers of a bot that listen: there are updates whose turn it is.
--
-- It reads no table, so there is no deleted_at. Behind a pooler that shares sessions nobody listens: look now and then.
--
-- bot_id   bigint  Telegram's id of the bot
-- returns  text    1 row, without meaning
SELECT pg_notify('botcore_updates', :'bot_id'::bigint::text)::text;
