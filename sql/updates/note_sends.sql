-- Notes how many sends the handling of an update has begun, and how many arrived: after a crash none is made twice.
--
-- An update is never deleted_at, but done.
--
-- bot_id     bigint  Telegram's id of the bot
-- update_id  bigint  Telegram's id of the update
-- worker     text    who has it in work
-- sends      bigint  how many were begun
-- arrived    bigint  how many of them arrived
-- returns    bigint  0..1 rows: the same number; none where the worker lost the update to another one
UPDATE updates
SET sends = :'sends', arrived = :'arrived'
WHERE bot_id = :'bot_id'
  AND update_id = :'update_id'
  AND worker = :'worker'
  AND state = 'running'
RETURNING sends;
