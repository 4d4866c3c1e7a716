-- Makes a worker the one that asks Telegram for a bot's updates, unless another one is, and said so not long ago.
--
-- It is no row to hide: there is no deleted_at.
--
-- bot_id         bigint  Telegram's id of the bot
-- worker         text    who asks
-- lease_seconds  bigint  how long it stays so without asking again, 1..3600
-- returns        text    0..1 rows: the worker, where it may poll
INSERT INTO pollers AS p (bot_id, worker, until)
VALUES (:'bot_id', :'worker', now() + make_interval(secs => :'lease_seconds'::bigint))
ON CONFLICT (bot_id) DO UPDATE
SET worker = excluded.worker, until = excluded.until
WHERE p.worker = excluded.worker OR p.until < now()
RETURNING p.worker;
