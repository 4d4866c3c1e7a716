-- Puts an update that was set aside back among those that wait, with its attempts before it.
--
-- An update is never deleted_at, but done. It comes before the later ones of its chat that still wait.
--
-- bot_id     bigint  Telegram's id of the bot
-- update_id  bigint  Telegram's id of the update
-- returns    bigint  0..1 rows: its number; none where it was not set aside
UPDATE updates
SET state = 'pending', attempts = 1, failures = 0, due_at = now(), worker = ''
WHERE bot_id = :'bot_id'
  AND update_id = :'update_id'
  AND state = 'failed'
RETURNING update_id;
