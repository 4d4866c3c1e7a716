-- Lets another worker ask Telegram for a bot's updates, at once.
--
-- It is no row to hide: there is no deleted_at.
--
-- bot_id   bigint  Telegram's id of the bot
-- worker   text    who did until now
-- returns  text    0..1 rows: the worker, if it was so
UPDATE pollers
SET until = '-infinity'
WHERE bot_id = :'bot_id'
  AND worker = :'worker'
RETURNING worker;
