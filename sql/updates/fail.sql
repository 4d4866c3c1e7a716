-- Notes that the handling of an update failed: it waits for another attempt, or is set aside at the limit of failures.
--
-- An update is never deleted_at, but done. What the worker lost to another one is left alone.
--
-- bot_id         bigint  Telegram's id of the bot
-- update_id      bigint  Telegram's id of the update
-- worker         text    who had it in work
-- error          text    the error's class
-- sqlstate       text    '' for none
-- max_failures   bigint  failures at which it is set aside, 1..1000
-- delay_seconds  bigint  until the next attempt, 0..86400
-- returns        text    0..1 rows: its state now, pending or failed
UPDATE updates
SET
    state = CASE WHEN failures + 1 >= :'max_failures' THEN 'failed' ELSE 'pending' END,
    due_at = now() + make_interval(secs => :'delay_seconds'::bigint),
    failures = failures + 1,
    error = :'error',
    sqlstate = NULLIF(:'sqlstate', '')
WHERE bot_id = :'bot_id'
  AND update_id = :'update_id'
  AND worker = :'worker'
  AND state = 'running'
RETURNING state;
