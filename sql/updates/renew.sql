-- Lets a worker keep for longer what it has in work, and gives the numbers; what is missing is another's by now.
--
-- An update is never deleted_at, but done.
--
-- bot_id         bigint  Telegram's id of the bot
-- worker         text    who asks
-- lease_seconds  bigint  from now, 1..3600
-- returns        bigint  0.. rows
UPDATE updates
SET due_at = now() + make_interval(secs => :'lease_seconds'::bigint)
WHERE bot_id = :'bot_id'
  AND worker = :'worker'
  AND state = 'running'
RETURNING update_id;
